//! The state of the node from whoever can tell it: the daemon, or the kernel if the daemon does not answer.

use std::time::Duration;

use super::client::{self, Silence};
use super::exit::{self, Failure};
use super::target::Target;
use super::time::now;
use crate::control::{Answer, Ask};
use crate::core::ledger::LedgerState;
use crate::core::status::{
    DemotionStatus, EventsStatus, MaintenanceStatus, Problem, SCHEMA, Severity, Source, Status, Verdict, from_kernel,
};
use crate::daemon::state::StateFile;
use crate::kernel::{self, KernelError};
use crate::model::{Mono, Now};

/// The daemon's status.
///
/// # Errors
/// The daemon cannot be reached.
pub fn daemon(target: &Target) -> Result<Status, Failure> {
    ask_status(target, client::LIMIT).map_err(|silence| unreachable(target, &silence))
}

/// The daemon's status; without it the kernel's; without both one in which everything is unknown.
#[must_use]
pub fn anyone(target: &Target) -> Status {
    anyone_within(target, client::LIMIT)
}

/// Like [`anyone`], with another limit for the daemon.
#[must_use]
pub fn anyone_within(target: &Target, limit: Duration) -> Status {
    let silence = match ask_status(target, limit) {
        Ok(status) => return status,
        Err(silence) => problem(target, &silence),
    };
    let now = Now { mono: Mono::ZERO, wall: now() };
    match kernel::open(&target.kernel).and_then(|mut kernel| kernel.snapshot(&[])) {
        Ok(snapshot) => {
            // Where it is only guessed, the file may be another carpd's.
            let journal = target.guessed.is_none().then(|| StateFile::new(&target.state_dir).peek()).flatten();
            from_kernel(target.node.clone(), &snapshot, journal.as_ref(), silence, now)
        }
        Err(error) => nobody(target, silence, &error, now),
    }
}

fn ask_status(target: &Target, limit: Duration) -> Result<Status, Silence> {
    match client::ask_within(&target.socket, &Ask::Status, limit)? {
        Answer::Status { status } if status.schema == SCHEMA => Ok(*status),
        Answer::Status { status } => Err(Silence::Garbled(format!(
            "schema {} instead of {SCHEMA}, from carpd {}",
            status.schema, status.version
        ))),
        Answer::Denied { text } => Err(Silence::Said(text)),
        _ => Err(Silence::Garbled("an answer to another question".to_owned())),
    }
}

/// The end of a command that needs the daemon.
#[must_use]
pub fn unreachable(target: &Target, silence: &Silence) -> Failure {
    let text = format!("{}; {}", said(target, silence), remedy(target, silence));
    Failure::new(exit::UNREACHABLE, text)
}

/// The end of a command whose question was denied, or answered with something else.
#[must_use]
pub fn unexpected(target: &Target, answer: Answer) -> Failure {
    match answer {
        Answer::Denied { text } => Failure::new(exit::FAILED, format!("not permitted: {text}")),
        _ => unreachable(target, &Silence::Garbled("an answer to another question".to_owned())),
    }
}

/// What is wrong with a carpd.toml that carpctl could not use, for a command that got its answer all the same.
///
/// That this user may not read the file is nothing to tell: whoever only looks does not need to.
#[must_use]
pub fn config_trouble(target: &Target, status: &Status) -> Option<String> {
    let why = target.guessed.as_ref().filter(|_| status.source == Source::Daemon)?;
    let denied = std::fs::File::open(&target.config).is_err_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied);
    (!denied).then(|| format!("{why}. carpd goes on with what it has read before (carpctl config show)"))
}

/// What came of asking. Where the socket was only guessed, nobody behind it says nothing about carpd.
fn said(target: &Target, silence: &Silence) -> String {
    let socket = target.socket.display();
    match silence {
        Silence::NotRunning if target.guessed.is_some() => {
            format!("it cannot be told whether carpd runs: nobody listens on its usual socket {socket}")
        }
        _ => format!("{silence} (socket {socket})"),
    }
}

fn remedy(target: &Target, silence: &Silence) -> String {
    match &target.guessed {
        Some(why) => format!("{}. The usual socket was tried because {why}", silence.remedy()),
        None => silence.remedy().to_owned(),
    }
}

fn problem(target: &Target, silence: &Silence) -> Problem {
    let (severity, effect) = match silence {
        Silence::NotRunning if target.guessed.is_none() => {
            (Severity::Warning, "services do not follow the election; this is the kernel's view alone")
        }
        _ => (Severity::Unknown, "this is the kernel's view alone"),
    };
    Problem { severity, what: said(target, silence), effect: effect.to_owned(), next: remedy(target, silence) }
}

fn nobody(target: &Target, silence: Problem, error: &KernelError, now: Now) -> Status {
    let unread = Problem {
        severity: Severity::Unknown,
        what: format!("the kernel cannot be asked either: {error}"),
        effect: "the states of the vhids are unknown".to_owned(),
        next: String::new(),
    };
    let silence = Problem { severity: Severity::Unknown, effect: String::new(), ..silence };
    Status {
        schema: SCHEMA,
        node: target.node.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        source: Source::Kernel,
        time: now.wall,
        verdict: Verdict {
            severity: Severity::Unknown,
            summary: "state unknown".to_owned(),
            problems: vec![silence, unread],
        },
        vhids: Vec::new(),
        demotion: DemotionStatus { total: None, reasons: Vec::new(), ledger: LedgerState::Unread },
        carp: None,
        maintenance: MaintenanceStatus { unknown: true, ..Default::default() },
        draining: false,
        services: Vec::new(),
        pfsync: None,
        peer: None,
        events: EventsStatus::default(),
    }
}
