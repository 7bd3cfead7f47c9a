//! A service that follows the election: what decides its role, how it is driven, how its health is known.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::{Probe, ProcessProbe};
use crate::core::policy::{Mode, OnExit, Require, ServicePolicy};
use crate::model::{InterfaceName, ServiceName, VhidRef};

/// One `[[service]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// The vhids that decide its role, with the kernel's interface names; never empty, none twice.
    pub follows: Vec<VhidRef>,
    /// How many of them have to be MASTER.
    pub require: Require,
    /// Whether its process follows the role.
    pub mode: Mode,
    /// How long a MASTER may be away before the service is stood down.
    pub settle: Duration,
    /// How long the kernel may be unreadable before a running service is stood down.
    pub unknown_grace: Duration,
    /// How long it has to have been active by the election before it is started.
    pub min_master: Duration,
    /// Has to exit 0 before each start, within `start_limit`; run as the daemon's own user.
    pub fence: Option<Command>,
    /// Files that have to be there before a start; absolute.
    pub ready: Vec<PathBuf>,
    /// The limit of making it active.
    pub start_limit: Duration,
    /// The limit of making it standby.
    pub stop_limit: Duration,
    /// The time between two looks at whether it runs.
    pub check_every: Duration,
    /// What happens to it when carpd is told to stop.
    pub on_exit: OnExit,
    /// `[service.link]` `interface`: up while the service is active, and down otherwise. No other service has it, and it carries no
    /// vhid. It is always there where there is no driver, and in mode `warm`.
    pub link: Option<InterfaceName>,
    /// How its process is made active or standby. Without it the link is all that follows.
    pub driver: Option<Driver>,
    /// Which processes are its own: they tell whether it runs, and are killed when a stop does not end them.
    pub process: Option<ProcessProbe>,
    /// Health checks, in the order of the file. Names are unique.
    pub probes: Vec<Probe>,
}

impl Service {
    /// What the core has to know of it.
    #[must_use]
    pub fn policy(&self) -> ServicePolicy {
        ServicePolicy {
            name: self.name.clone(),
            follows: self.follows.clone(),
            require: self.require,
            mode: self.mode,
            link: self.link.clone(),
            driven: self.driver.is_some(),
            settle: self.settle,
            unknown_grace: self.unknown_grace,
            min_master: self.min_master,
            fenced: self.fence.is_some(),
            start_limit: self.start_limit,
            stop_limit: self.stop_limit,
            check_every: self.check_every,
            probes: self.probes.iter().map(|probe| probe.policy.clone()).collect(),
            on_exit: self.on_exit,
        }
    }
}

/// How a service is made active or standby.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driver {
    /// `[service.exec]`: three programs.
    Exec {
        /// Makes it active.
        start: Command,
        /// Makes it standby.
        stop: Command,
        /// Exits 0 if it runs.
        status: Command,
        /// Who runs them; the daemon's own user without it.
        user: Option<String>,
    },
    /// `[service.rc]`: a script of rc(8).
    Rc {
        /// The script's possible names, the first that exists is used; never empty.
        scripts: Vec<ScriptName>,
    },
    /// `[service.configd]`: actions of OPNsense's configd. Its answers say little, so the service's processes are always known.
    Configd {
        /// Makes it active.
        start: ConfigdAction,
        /// Makes it standby.
        stop: ConfigdAction,
        /// Where configd listens; absolute.
        socket: PathBuf,
    },
}

/// A program and its arguments. It is executed as it stands, never by way of a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    program: String,
    args: Vec<String>,
}

/// Why a list of words is not a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No words.
    #[error("is empty")]
    Empty,
    /// The program is looked up nowhere: the daemon's PATH is not the administrator's.
    #[error("starts with {0:?}, which is not an absolute path")]
    NotAbsolute(String),
    /// execve(2) cannot pass it.
    #[error("has a NUL character in word {0}")]
    Nul(usize),
}

impl Command {
    /// The command of these words, the program first.
    ///
    /// # Errors
    /// No words, a program that is not an absolute path, or a NUL character anywhere.
    pub fn new(words: Vec<String>) -> Result<Self, CommandError> {
        if let Some(at) = words.iter().position(|word| word.contains('\0')) {
            return Err(CommandError::Nul(at + 1));
        }
        let mut words = words.into_iter();
        let program = words.next().ok_or(CommandError::Empty)?;
        if !Path::new(&program).is_absolute() {
            return Err(CommandError::NotAbsolute(program));
        }
        Ok(Self { program, args: words.collect() })
    }

    /// The program, an absolute path.
    #[must_use]
    pub fn program(&self) -> &Path {
        Path::new(&self.program)
    }

    /// Its arguments, without the program's own name.
    #[must_use]
    pub fn args(&self) -> &[String] {
        &self.args
    }

    /// The program and its arguments.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.program).chain(&self.args).map(String::as_str)
    }
}

impl fmt::Display for Command {
    /// The words with a blank between them: for people, not for a shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        self.args.iter().try_for_each(|arg| write!(f, " {arg}"))
    }
}

/// The words of an action of configd's, as configctl(8) takes them: 1 to 255 printable ASCII characters, not led by one of its signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigdAction(Box<str>);

/// Why a text is not an action of configd's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an action of configd's: its words, as configctl takes them")]
pub struct ConfigdActionError(String);

impl ConfigdAction {
    /// The words as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ConfigdAction {
    type Err = ConfigdActionError;

    fn from_str(text: &str) -> Result<Self, ConfigdActionError> {
        let plain = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        // A detached action is answered before it has begun.
        let signed = text.starts_with(['&', '!', ' ']);
        if plain && !signed && (1..=255).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(ConfigdActionError(text.to_owned()))
        }
    }
}

/// The name of a script in `/etc/rc.d` or `/usr/local/etc/rc.d`: 1 to 63 letters, digits, `.`, `_` or `-`, not led by a dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScriptName(Box<str>);

/// Why a text is not the name of an rc(8) script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of an rc(8) script: letters, digits, '.', '_' or '-', without its directory")]
pub struct ScriptNameError(String);

impl ScriptName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ScriptName {
    type Err = ScriptNameError;

    fn from_str(text: &str) -> Result<Self, ScriptNameError> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if plain && (1..=63).contains(&text.len()) && !text.starts_with('.') {
            Ok(Self(text.into()))
        } else {
            Err(ScriptNameError(text.to_owned()))
        }
    }
}

impl fmt::Display for ScriptName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn a_command_is_an_absolute_program_and_its_words() {
        let command = Command::new(words(&["/bin/echo", "a b", ""])).unwrap();
        assert_eq!((command.program(), command.args().len()), (Path::new("/bin/echo"), 2));
        assert_eq!(Command::new(vec![]), Err(CommandError::Empty));
        assert_eq!(Command::new(words(&["echo"])), Err(CommandError::NotAbsolute("echo".into())));
        assert_eq!(Command::new(words(&["/bin/echo", "a\0b"])), Err(CommandError::Nul(2)));
    }

    #[test]
    fn an_action_of_configd_is_waited_for_and_has_one_line() {
        assert!("defguardgateway start".parse::<ConfigdAction>().is_ok());
        for text in ["", "&x start", "!x start", " &x start", "x start\ny stop", "x \0", &"x".repeat(256)] {
            assert!(text.parse::<ConfigdAction>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_script_name_cannot_leave_its_directory() {
        assert!("defguard_gateway".parse::<ScriptName>().is_ok());
        for text in ["", "..", ".hidden", "../../tmp/x", "/etc/rc.d/x", "a b"] {
            assert!(text.parse::<ScriptName>().is_err(), "{text}");
        }
    }
}
