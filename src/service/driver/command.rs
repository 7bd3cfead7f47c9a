//! What is to be run, by whom.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::config::settings::{self, Driver, ScriptName, Service};
use crate::core::service::ActionKind;

/// service(8), which runs a script of rc(8) with a clean environment.
const SERVICE: &str = "/usr/sbin/service";

const RC_DIRECTORIES: [&str; 2] = ["/usr/local/etc/rc.d", "/etc/rc.d"];

/// What makes a service active or standby, or tells whether it runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Program { path: PathBuf, args: Vec<String> },
    Configd { socket: PathBuf, action: String },
}

/// What a driver does.
#[derive(Clone, Copy)]
enum Verb {
    Start,
    Stop,
    Check,
}

impl Command {
    /// The command of `service` for `kind`. The fence is the service's own, whatever drives that.
    ///
    /// # Errors
    /// It has none.
    pub(super) fn of(service: &Service, kind: ActionKind) -> Result<Self, String> {
        let verb = match kind {
            ActionKind::Fence => {
                let fence = service.fence.as_ref().ok_or("it has no fence")?;
                return Ok(Self::program(fence));
            }
            ActionKind::Start => Verb::Start,
            ActionKind::Stop => Verb::Stop,
            ActionKind::Check => Verb::Check,
        };
        Self::driven(service.driver.as_ref().ok_or("it has no driver")?, verb)
    }

    fn program(command: &settings::Command) -> Self {
        Self::Program { path: command.program().to_owned(), args: command.args().to_vec() }
    }

    fn driven(driver: &Driver, verb: Verb) -> Result<Self, String> {
        match driver {
            Driver::Exec { start, stop, status, .. } => Ok(Self::program(match verb {
                Verb::Start => start,
                Verb::Stop => stop,
                Verb::Check => status,
            })),
            Driver::Rc { scripts } => {
                let script = installed(scripts, &RC_DIRECTORIES.map(Path::new)).ok_or_else(|| no_script(scripts))?;
                // The one-forms work whether or not the service is enabled in rc.conf: who decides here is the election.
                let verb = match verb {
                    Verb::Start => "onestart",
                    Verb::Stop => "onestop",
                    Verb::Check => "onestatus",
                };
                Ok(Self::Program { path: SERVICE.into(), args: vec![script.to_string(), verb.to_owned()] })
            }
            Driver::Configd { start, stop, socket } => {
                let action = match verb {
                    Verb::Start => start,
                    Verb::Stop => stop,
                    Verb::Check => {
                        return Err("configd tells nothing of what runs; name its processes".to_owned());
                    }
                };
                Ok(Self::Configd { socket: socket.clone(), action: action.as_str().to_owned() })
            }
        }
    }
}

/// What of a driver is not there, although it was configured.
pub(in crate::service) fn lacks(driver: &Driver) -> Option<String> {
    match driver {
        Driver::Exec { start, .. } => {
            let program = start.program();
            match std::fs::metadata(program) {
                Err(error) if error.kind() == ErrorKind::NotFound => Some(format!("{} is missing", program.display())),
                Err(error) => Some(format!("{}: {error}", program.display())),
                Ok(there) if !there.is_file() || there.permissions().mode() & 0o111 == 0 => {
                    Some(format!("{} cannot be executed", program.display()))
                }
                Ok(_) => None,
            }
        }
        Driver::Rc { scripts } => {
            installed(scripts, &RC_DIRECTORIES.map(Path::new)).is_none().then(|| no_script(scripts))
        }
        // configd is restarted while a plugin is installed, and a start that finds it away is tried again.
        Driver::Configd { .. } => None,
    }
}

fn installed<'a>(scripts: &'a [ScriptName], directories: &[&Path]) -> Option<&'a ScriptName> {
    scripts.iter().find(|script| directories.iter().any(|directory| directory.join(script.as_str()).is_file()))
}

fn no_script(scripts: &[ScriptName]) -> String {
    let names: Vec<&str> = scripts.iter().map(ScriptName::as_str).collect();
    format!("neither {} has {}; install its package", RC_DIRECTORIES.join(" nor "), names.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

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
