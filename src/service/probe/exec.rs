//! Runs a program; exit 0 is healthy.

use std::time::Duration;

use crate::config::settings::Command;
use crate::service::Prepared;
use crate::service::process::{Ended, Kill, Program};

pub(super) async fn look(service: &Prepared, command: &Command, limit: Duration) -> Result<String, String> {
    let mut env = service.env().to_vec();
    env.push(("CARPD_ACTION", "probe"));
    let path = command.program();
    let program = Program { path, args: command.args(), user: service.user.clone().transpose()?, env: &env };
    let running = program.spawn(Kill::Group)?;
    match running.ended(limit).await {
        Ended::Exited(0) => Ok("exited 0".to_owned()),
        Ended::Exited(code) => Err(format!("{} exited {code}", path.display())),
        Ended::Killed(signal) => Err(format!("{} was killed by signal {signal}", path.display())),
        Ended::Unknown(why) => Err(format!("{}: {why}", path.display())),
        Ended::TimedOut => Err(format!("{} did not end within {limit:?}", path.display())),
    }
}
