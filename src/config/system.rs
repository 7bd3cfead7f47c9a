//! What the configuration check asks of the machine it runs on.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::opnsense::{self, OpnsenseConfig};
use super::password::{self, PasswordError};
use super::rc_conf::RcConf;
use super::settings::ScriptName;
use super::trust;
use crate::regular_file;

/// What is known of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// It can be executed.
    Usable,
    /// Nothing is there, or not a file.
    Missing,
    /// A file that nobody may execute.
    NotExecutable,
    /// It, or something on the way to it, may be changed by others.
    Open {
        /// What, and by whom.
        what: String,
        /// How to mend that.
        remedy: String,
    },
}

/// The machine that the configuration is for, as far as the check looks at it.
pub trait System {
    /// The host name up to its first dot.
    fn host_name(&self) -> String;
    /// Whether the group exists.
    fn has_group(&self, name: &str) -> bool;
    /// Whether the user exists.
    fn has_user(&self, name: &str) -> bool;
    /// Whether one of these is an rc(8) script here.
    fn has_script(&self, names: &[ScriptName]) -> bool;
    /// What is known of the program at an absolute path.
    fn program(&self, path: &Path) -> Program;
    /// Whether the password in this file is longer than what counts.
    ///
    /// # Errors
    /// The file cannot be used.
    fn password(&self, path: &Path) -> Result<bool, PasswordError>;
    /// OPNsense's configuration at this path. None where it is out of reach: nothing can be said about it then.
    ///
    /// # Errors
    /// It is not there, or is not a config.xml.
    fn opnsense(&self, path: &Path) -> Option<Result<OpnsenseConfig, opnsense::LoadError>>;
    /// What rc.conf(5) says; nothing where there is none.
    fn rc_conf(&self) -> RcConf;
    /// The text of a program's own configuration. None where it is out of reach.
    ///
    /// # Errors
    /// Why it cannot be read, as the rest of a sentence that begins with its name.
    fn program_file(&self, path: &Path) -> Option<Result<String, String>>;
}

/// The machine this process runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisSystem;

/// More than any program's configuration has, in bytes.
const MAX_PROGRAM_FILE: u64 = 1 << 20;

const RC_DIRECTORIES: [&str; 2] = ["/etc/rc.d", "/usr/local/etc/rc.d"];

impl System for ThisSystem {
    fn host_name(&self) -> String {
        let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
        let host = host.split('.').next().unwrap_or_default();
        if host.is_empty() { "unnamed".to_owned() } else { host.to_owned() }
    }

    fn has_group(&self, name: &str) -> bool {
        // A lookup that fails is no evidence that the group is absent.
        !matches!(nix::unistd::Group::from_name(name), Ok(None))
    }

    fn has_user(&self, name: &str) -> bool {
        !matches!(nix::unistd::User::from_name(name), Ok(None))
    }

    fn has_script(&self, names: &[ScriptName]) -> bool {
        // Without rc(8) this is not the node itself, but a machine where its configuration is tried.
        if !Path::new(RC_DIRECTORIES[0]).is_dir() {
            return true;
        }
        let mut places = RC_DIRECTORIES.iter().flat_map(|directory| names.iter().map(move |name| (directory, name)));
        places.any(|(directory, name)| Path::new(directory).join(name.as_str()).is_file())
    }

    fn program(&self, path: &Path) -> Program {
        let Ok(file) = path.metadata() else { return Program::Missing };
        if !file.is_file() {
            return Program::Missing;
        }
        if file.mode() & 0o111 == 0 {
            return Program::NotExecutable;
        }
        match trust::check(path, nix::unistd::geteuid().as_raw()) {
            Ok(()) => Program::Usable,
            Err(open) => Program::Open { what: open.to_string(), remedy: open.remedy().to_owned() },
        }
    }

    fn password(&self, path: &Path) -> Result<bool, PasswordError> {
        password::read(path).map(|password| password.cut)
    }

    fn opnsense(&self, path: &Path) -> Option<Result<OpnsenseConfig, opnsense::LoadError>> {
        Some(opnsense::load(path))
    }

    fn rc_conf(&self) -> RcConf {
        RcConf::of_this_system()
    }

    fn program_file(&self, path: &Path) -> Option<Result<String, String>> {
        let text = |bytes| String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned());
        let bytes = regular_file::read(path, MAX_PROGRAM_FILE);
        Some(bytes.map_err(|error| format!("cannot be read: {error}")).and_then(text))
    }
}

/// A machine that has whatever it is asked for: for a configuration that is meant for another one.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnySystem;

impl System for AnySystem {
    fn host_name(&self) -> String {
        "unnamed".to_owned()
    }

    fn has_group(&self, _: &str) -> bool {
        true
    }

    fn has_user(&self, _: &str) -> bool {
        true
    }

    fn has_script(&self, _: &[ScriptName]) -> bool {
        true
    }

    fn program(&self, _: &Path) -> Program {
        Program::Usable
    }

    fn password(&self, _: &Path) -> Result<bool, PasswordError> {
        Ok(false)
    }

    fn opnsense(&self, _: &Path) -> Option<Result<OpnsenseConfig, opnsense::LoadError>> {
        None
    }

    fn rc_conf(&self) -> RcConf {
        RcConf::default()
    }

    fn program_file(&self, _: &Path) -> Option<Result<String, String>> {
        None
    }
}
