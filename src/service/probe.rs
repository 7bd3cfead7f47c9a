//! Looks at the health of a service.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Prepared;
use super::process::{Ended, Kill, Program};
use crate::config::settings::{Command, ProbeTest};

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether it succeeded.
    pub ok: bool,
    /// What it saw, for people.
    pub text: String,
}

impl Health {
    /// Runs probe number `index` of `service`; `None` if there is no such probe.
    pub async fn look(service: Arc<Prepared>, index: usize, limit: Duration) -> Option<Self> {
        let test = &service.settings.probes.get(index)?.test;
        let result = match test {
            ProbeTest::Exec(command) => exec(&service, command, limit).await,
            ProbeTest::Tcp(address) => tcp(*address, limit).await,
        };
        Some(match result {
            Ok(text) => Self { ok: true, text },
            Err(text) => Self { ok: false, text },
        })
    }
}

async fn exec(service: &Prepared, command: &Command, limit: Duration) -> Result<String, String> {
    let env =
        [("CARPD_NODE", service.node.as_str()), ("CARPD_SERVICE", service.name().as_str()), ("CARPD_ACTION", "probe")];
    let path = command.program();
    let program = Program { path, args: command.args(), user: service.user.clone().transpose()?, env: &env };
    let running = program.spawn(Kill::Group).map_err(|error| format!("{} cannot be run: {error}", path.display()))?;
    match running.ended(limit).await {
        Ended::Exited(0) => Ok("exited 0".to_owned()),
        Ended::Exited(code) => Err(format!("{} exited {code}", path.display())),
        Ended::Killed(signal) => Err(format!("{} was killed by signal {signal}", path.display())),
        Ended::Unknown(why) => Err(format!("{}: {why}", path.display())),
        Ended::TimedOut => Err(format!("{} did not end within {limit:?}", path.display())),
    }
}

async fn tcp(address: SocketAddr, limit: Duration) -> Result<String, String> {
    match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(format!("{address} accepts connections")),
        Ok(Err(error)) => Err(format!("{address} cannot be connected to: {error}")),
        Err(_) => Err(format!("{address} did not answer within {limit:?}")),
    }
}
