//! Makes a service active or standby, and looks whether it runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Prepared;
use super::process::{Ended, Kill, Program, Running};
use crate::config::settings::{Driver, ScriptName};
use crate::core::service::{ActionKind, Outcome};

/// service(8), which runs a script of rc(8) with a clean environment.
const SERVICE: &str = "/usr/sbin/service";

const RC_DIRECTORIES: [&str; 2] = ["/usr/local/etc/rc.d", "/etc/rc.d"];

/// An action under way.
#[derive(Debug)]
pub struct Action {
    kind: ActionKind,
    running: Result<Running, String>,
}

impl Action {
    /// Begins an action at once: when this returns, its program is being executed.
    #[must_use]
    pub fn begin(service: &Arc<Prepared>, kind: ActionKind) -> Self {
        let (path, args) = match command(service.settings.driver.as_ref(), kind) {
            Ok(command) => command,
            Err(why) => return Self { kind, running: Err(why) },
        };
        Self { kind, running: spawn(service, kind, &path, &args) }
    }

    /// Its end, at the latest a few seconds after `limit`.
    pub async fn outcome(self, limit: Duration) -> Outcome {
        match self.running {
            Ok(running) => outcome(self.kind, running.ended(limit).await),
            Err(why) => Outcome::Failed(why),
        }
    }
}

fn spawn(service: &Prepared, kind: ActionKind, path: &Path, args: &[String]) -> Result<Running, String> {
    let user = service.user.clone().transpose()?;
    let mut env = vec![("CARPD_NODE", service.node.as_str()), ("CARPD_SERVICE", service.name().as_str())];
    env.extend(match kind {
        ActionKind::Start => [("CARPD_ACTION", "start"), ("CARPD_ROLE", "active")].as_slice(),
        ActionKind::Stop => &[("CARPD_ACTION", "stop"), ("CARPD_ROLE", "standby")],
        ActionKind::Check => &[("CARPD_ACTION", "status")],
    });
    let kill = if kind == ActionKind::Start { Kill::Program } else { Kill::Group };
    let program = Program { path, args, user, env: &env };
    program.spawn(kill).map_err(|error| format!("{} cannot be run: {error}", path.display()))
}

fn command(driver: Option<&Driver>, kind: ActionKind) -> Result<(PathBuf, Vec<String>), String> {
    match driver.ok_or("it has no driver")? {
        Driver::Exec { start, stop, status, .. } => {
            let command = match kind {
                ActionKind::Start => start,
                ActionKind::Stop => stop,
                ActionKind::Check => status,
            };
            Ok((command.program().to_owned(), command.args().to_vec()))
        }
        Driver::Rc { scripts } => {
            let script = installed(scripts, &RC_DIRECTORIES.map(Path::new)).ok_or_else(|| no_script(scripts))?;
            // The one-forms work whether or not the service is enabled in rc.conf: who decides here is the election.
            let verb = match kind {
                ActionKind::Start => "onestart",
                ActionKind::Stop => "onestop",
                ActionKind::Check => "onestatus",
            };
            Ok((SERVICE.into(), vec![script.to_string(), verb.to_owned()]))
        }
    }
}

fn installed<'a>(scripts: &'a [ScriptName], directories: &[&Path]) -> Option<&'a ScriptName> {
    scripts.iter().find(|script| directories.iter().any(|directory| directory.join(script.as_str()).is_file()))
}

fn no_script(scripts: &[ScriptName]) -> String {
    let names: Vec<&str> = scripts.iter().map(ScriptName::as_str).collect();
    format!("neither {} has {}; install its package", RC_DIRECTORIES.join(" nor "), names.join(" or "))
}

/// rc.subr exits 1 for "not running"; the LSB's 3 is common among programs that come from Linux.
fn outcome(kind: ActionKind, ended: Ended) -> Outcome {
    match (kind, ended) {
        (ActionKind::Check, Ended::Exited(0)) => Outcome::Running,
        (ActionKind::Check, Ended::Exited(1 | 3)) => Outcome::Stopped,
        (_, Ended::Exited(0)) => Outcome::Done,
        (_, Ended::Exited(code)) => Outcome::Failed(format!("exited {code}")),
        (_, Ended::Killed(signal)) => Outcome::Failed(format!("killed by signal {signal}")),
        (_, Ended::Unknown(why)) => Outcome::Failed(why),
        (_, Ended::TimedOut) => Outcome::TimedOut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_mean_what_rc_and_lsb_say() {
        let check = |code| outcome(ActionKind::Check, Ended::Exited(code));
        assert_eq!((check(0), check(1), check(3)), (Outcome::Running, Outcome::Stopped, Outcome::Stopped));
        assert_eq!(check(2), Outcome::Failed("exited 2".into()));
        assert_eq!(outcome(ActionKind::Stop, Ended::Exited(0)), Outcome::Done);
        assert_eq!(outcome(ActionKind::Start, Ended::Exited(1)), Outcome::Failed("exited 1".into()));
        assert_eq!(outcome(ActionKind::Start, Ended::Killed(9)), Outcome::Failed("killed by signal 9".into()));
    }

    #[test]
    fn the_first_script_that_is_installed_is_used() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        std::fs::write(directory.join("defguard_gateway"), "").unwrap();
        let names = |names: &[&str]| names.iter().map(|n| n.parse().unwrap()).collect::<Vec<ScriptName>>();
        let both = names(&["defguard-gateway", "defguard_gateway"]);
        assert_eq!(installed(&both, &[directory]), Some(&both[1]));
        assert_eq!(installed(&names(&["other"]), &[directory]), None);
    }
}
