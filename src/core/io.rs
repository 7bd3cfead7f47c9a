//! What goes into the core, and what comes out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::events::EventSource;
use super::journal::Journal;
use super::policy::Policy;
use super::probe::Reading;
use super::service::{ActionKind, Outcome};
use crate::kernel::DemotionLogLine;
use crate::model::{CarpState, Demotion, InterfaceName, ServiceName, Snapshot, VhidRef, Wall};

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// The kernel may have changed.
    Hint {
        /// Who says so.
        source: EventSource,
        /// What it claims, for the count of missed events; no decision uses it.
        changes: Vec<(VhidRef, CarpState)>,
    },
    /// Somebody asks for a look at the kernel.
    Nudge,
    /// A source of events is connected (again), or was lost. Either way events may have been missed.
    EventSource {
        /// Which one.
        source: EventSource,
        /// Whether it is connected now.
        connected: bool,
    },
    /// The answer to [`Effect::Read`].
    Read {
        /// What the kernel showed, or why it could not be read.
        result: Result<Snapshot, String>,
        /// The kernel's own lines about demotion; asked for at the first read of a run only.
        log: Vec<DemotionLogLine>,
    },
    /// The answer to [`Effect::Persist`].
    Persisted {
        /// Its number.
        seq: u64,
        /// Why it failed.
        result: Result<(), String>,
    },
    /// The answer to [`Effect::AddDemotion`].
    DemotionAdded {
        /// Why it failed.
        result: Result<(), String>,
    },
    /// The answer to [`Effect::SetLink`].
    LinkSet {
        /// The interface.
        interface: InterfaceName,
        /// Why it failed.
        result: Result<(), String>,
    },
    /// The answer to [`Effect::Create`].
    Created {
        /// The boot it was for.
        boot: String,
        /// What came of it, or why nothing could be created at all.
        result: Result<Created, String>,
    },
    /// The answer to [`Effect::Act`].
    Acted {
        /// The service.
        service: ServiceName,
        /// How it ended.
        outcome: Outcome,
    },
    /// Comes before the answer to every check: whether what a start would need is there.
    NeedsLooked {
        /// The service.
        service: ServiceName,
        /// What is missing, for people; `None` if nothing is.
        lacks: Option<String>,
    },
    /// The answer to [`Effect::Probe`].
    Probed {
        /// The service.
        service: ServiceName,
        /// The position of the probe in the service's policy.
        probe: usize,
        /// What it means.
        reading: Reading,
        /// What it said.
        text: String,
    },
    /// Somebody with the right to do so asks for a change.
    Request {
        /// Names the asker for the reply.
        id: u64,
        /// Who asks.
        by: String,
        /// For what.
        request: Request,
    },
    /// The configuration was read again and is good.
    Reloaded(Policy),
    /// The daemon was told to stop.
    Shutdown,
}

/// A change that an administrator may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Enter maintenance, or change the reason and end of the one that is on.
    MaintenanceEnter {
        /// Why; may be empty.
        reason: String,
        /// When it ends by itself.
        until: Option<Wall>,
        /// Even where it is known that the peer would not take over.
        force: bool,
    },
    /// Leave maintenance.
    MaintenanceLeave,
    /// The node is about to be shut down: give up the VIPs and start nothing more in this boot. Services are stopped as ever when
    /// their vhids leave, so that they do not run on both nodes.
    Drain,
    /// The shutdown was called off.
    DrainCancel,
    /// A person takes a service over: it is neither started, stopped nor judged for a while.
    ServiceUnmanage {
        /// The service.
        service: ServiceName,
        /// Until when.
        until: Wall,
        /// Why; may be empty.
        reason: String,
    },
    /// The person gives it back.
    ServiceManage {
        /// The service.
        service: ServiceName,
    },
    /// Tell an uncertain ledger whether the announced write arrived, which only a person can judge.
    LedgerAssume {
        /// It did.
        landed: bool,
    },
}

/// The answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// Done, or already so.
    Done {
        /// What is the case now, for people.
        text: String,
    },
    /// Not done because a known fact speaks against it; `force` overrides.
    Refused {
        /// The fact and the remedy.
        text: String,
    },
    /// Not done because it failed.
    Failed {
        /// The cause and the remedy.
        text: String,
    },
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Look at the kernel.
    Read {
        /// Also read the kernel's log.
        log: bool,
    },
    /// Write the journal, durably.
    Persist {
        /// Comes back in the answer.
        seq: u64,
        /// The whole content.
        journal: Journal,
    },
    /// Add to the demotion sysctl.
    AddDemotion {
        /// The difference.
        delta: Demotion,
    },
    /// Create what the configuration owns and the kernel has nothing of.
    Create {
        /// The boot of the kernel, for the answer.
        boot: String,
        /// These parts alone, because they failed before; without it all of them.
        again: Option<Vec<Part>>,
    },
    /// Bring an interface up or down, somewhere it may take its time.
    SetLink {
        /// Which one.
        interface: InterfaceName,
        /// Up or down.
        up: bool,
    },
    /// Do something to a service.
    Act {
        /// The service.
        service: ServiceName,
        /// What.
        kind: ActionKind,
        /// The time after which it is killed.
        limit: Duration,
    },
    /// End the action under way for a service: its result is no longer wanted. The answer is that of [`Effect::Act`].
    CutShort {
        /// The service.
        service: ServiceName,
    },
    /// Run a probe.
    Probe {
        /// The service.
        service: ServiceName,
        /// The position of the probe in the service's policy.
        probe: usize,
        /// The time after which it counts as failed.
        timeout: Duration,
    },
    /// A decision or a fact worth a line in the log, and in the history if it is about CARP, services or demotion.
    Note(Note),
    /// Answer a request.
    Reply {
        /// Whose.
        id: u64,
        /// The answer.
        reply: Reply,
    },
    /// All that was to be done before the end is done.
    Exit,
}

/// Something that the configuration owns and that can be created by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// The configuration of `pfsync0`.
    Pfsync,
    /// A vhid with its addresses.
    Vhid(VhidRef),
}

/// What came of an [`Effect::Create`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// The writes that were made.
    pub writes: Vec<String>,
    /// What could not be created, with the cause.
    pub failed: Vec<(Part, String)>,
}

/// One line of the log and one entry of the history: what, why, how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Note {
    /// How loud.
    pub level: Level,
    /// What it is about.
    pub topic: Topic,
    /// The object: a vhid, a service, or empty.
    pub object: String,
    /// The sentence.
    pub text: String,
}

/// How loud a note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The normal course of things.
    Info,
    /// Something an administrator should look at.
    Warning,
    /// Something that does not work.
    Error,
}

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// A vhid changed its state.
    Vhid,
    /// A service was started, stopped, found running or dead.
    Service,
    /// The demotion sum or carpd's share changed.
    Demotion,
    /// Maintenance began or ended.
    Maintenance,
    /// carpd itself: start, reload, events lost.
    Daemon,
}
