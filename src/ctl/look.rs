//! The state of the node from whoever can tell it: the daemon, or the kernel if the daemon does not answer.

use super::client::{self, Silence};
use super::exit::{self, Failure};
use super::target::Target;
use super::time::now;
use crate::control::{Answer, Ask};
use crate::core::ledger::LedgerState;
use crate::core::status::{
    DemotionStatus, EventsStatus, MaintenanceStatus, Problem, SCHEMA, Severity, Source, Status, Verdict, from_kernel,
};
use crate::kernel::{self, KernelError};
use crate::model::{Mono, Now};

/// The daemon's status.
///
/// # Errors
/// The daemon cannot be reached.
pub fn daemon(target: &Target) -> Result<Status, Failure> {
    ask_status(target).map_err(|silence| unreachable(target, &silence))
}

/// The daemon's status; without it the kernel's; without both one in which everything is unknown.
#[must_use]
pub fn anyone(target: &Target) -> Status {
    let silence = match ask_status(target) {
        Ok(status) => return status,
        Err(silence) => problem(target, &silence),
    };
    let now = Now { mono: Mono::ZERO, wall: now() };
    match kernel::open(&target.kernel).and_then(|mut kernel| kernel.snapshot()) {
        Ok(snapshot) => from_kernel(target.node.clone(), &snapshot, silence, now),
        Err(error) => nobody(target, silence, &error, now),
    }
}

fn ask_status(target: &Target) -> Result<Status, Silence> {
    match client::ask(&target.socket, &Ask::Status)? {
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
    let text = format!("{silence} (socket {}); {}", target.socket.display(), remedy(target, silence));
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

fn remedy(target: &Target, silence: &Silence) -> String {
    match &target.guessed {
        Some(why) => format!("{}. The usual socket was tried because {why}", silence.remedy()),
        None => silence.remedy().to_owned(),
    }
}

fn problem(target: &Target, silence: &Silence) -> Problem {
    let (severity, effect) = match silence {
        Silence::NotRunning => {
            (Severity::Warning, "services do not follow the election; this is the kernel's view alone")
        }
        _ => (Severity::Unknown, "this is the kernel's view alone"),
    };
    let what = format!("{silence} (socket {})", target.socket.display());
    Problem { severity, what, effect: effect.to_owned(), next: remedy(target, silence) }
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
        maintenance: MaintenanceStatus::default(),
        services: Vec::new(),
        pfsync: None,
        peer: None,
        events: EventsStatus::default(),
    }
}
