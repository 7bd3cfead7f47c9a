//! What is to be run, by whom.

use std::path::{Path, PathBuf};

use crate::config::settings::{Driver, ScriptName};
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

impl Command {
    /// The command of `driver` for `kind`.
    ///
    /// # Errors
    /// It has none.
    pub(super) fn of(driver: &Driver, kind: ActionKind) -> Result<Self, String> {
        match driver {
            Driver::Exec { start, stop, status, .. } => {
                let command = match kind {
                    ActionKind::Start => start,
                    ActionKind::Stop => stop,
                    ActionKind::Check => status,
                };
                Ok(Self::Program { path: command.program().to_owned(), args: command.args().to_vec() })
            }
            Driver::Rc { scripts } => {
                let script = installed(scripts, &RC_DIRECTORIES.map(Path::new)).ok_or_else(|| no_script(scripts))?;
                // The one-forms work whether or not the service is enabled in rc.conf: who decides here is the election.
                let verb = match kind {
                    ActionKind::Start => "onestart",
                    ActionKind::Stop => "onestop",
                    ActionKind::Check => "onestatus",
                };
                Ok(Self::Program { path: SERVICE.into(), args: vec![script.to_string(), verb.to_owned()] })
            }
            Driver::Configd { start, stop, socket } => {
                let action = match kind {
                    ActionKind::Start => start,
                    ActionKind::Stop => stop,
                    ActionKind::Check => {
                        return Err("configd tells nothing of what runs; name its processes".to_owned());
                    }
                };
                Ok(Self::Configd { socket: socket.clone(), action: action.as_str().to_owned() })
            }
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
