//! What carpd tells about itself: one document, shared by the control socket, carpctl, the metrics and the lab.

use serde::{Deserialize, Serialize};

use super::attribution::Part;
use super::events::EventSource;
use super::ledger::LedgerState;
use super::link::Level;
use super::role::Role;
use super::service::{ActionKind, Is, LastAction};
use crate::core::Unmanaged;
use crate::core::policy::{Mode, Require};
use crate::model::{CarpState, InterfaceName, LinkState, ServiceName, Vhid, VhidRef, Wall};

mod daemon;
mod kernel;
mod links;
mod rows;
mod verdict;

pub use kernel::from_kernel;
pub use verdict::{Problem, Severity, Verdict};

/// The schema's major version: a reader of it understands every document that carries the same number.
pub const SCHEMA: u32 = 1;

/// The state of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Status {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The node's name.
    pub node: String,
    /// The version of the program that answers.
    pub version: String,
    /// Who answers.
    pub source: Source,
    /// When.
    #[cfg_attr(test, schemars(with = "String"))]
    pub time: Wall,
    /// The judgement, first.
    pub verdict: Verdict,
    /// All vhids that the kernel has or the configuration wants, in the order of interface and vhid.
    pub vhids: Vec<VhidStatus>,
    /// The demotion and whose it is.
    pub demotion: DemotionStatus,
    /// `net.inet.carp.*`, if the kernel can be read.
    pub carp: Option<CarpStatus>,
    /// Maintenance.
    pub maintenance: MaintenanceStatus,
    /// The node is about to be shut down: it gives up its VIPs and starts nothing more.
    #[serde(default)]
    pub draining: bool,
    /// The services, in the order of the configuration.
    pub services: Vec<ServiceStatus>,
    /// `pfsync0`, `null` where there is none or it is unknown.
    pub pfsync: Option<PfsyncStatus>,
    /// The other node, `null` where nothing is known of it.
    pub peer: Option<PeerStatus>,
    /// The sources of events.
    pub events: EventsStatus,
}

/// Who wrote a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The daemon.
    Daemon,
    /// The kernel was asked directly because no daemon answered.
    Kernel,
}

/// The state of a vhid, with the two that only an observer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum VhidState {
    /// See [`CarpState::Init`].
    #[serde(rename = "INIT")]
    Init,
    /// See [`CarpState::Backup`].
    #[serde(rename = "BACKUP")]
    Backup,
    /// See [`CarpState::Master`].
    #[serde(rename = "MASTER")]
    Master,
    /// The configuration wants it, the kernel does not have it.
    #[serde(rename = "absent")]
    Absent,
    /// The kernel cannot be read.
    #[serde(rename = "unknown")]
    Unknown,
}

impl VhidState {
    /// The word shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::Backup => "BACKUP",
            Self::Master => "MASTER",
            Self::Absent => "absent",
            Self::Unknown => "unknown",
        }
    }
}

impl From<CarpState> for VhidState {
    fn from(state: CarpState) -> Self {
        match state {
            CarpState::Init => Self::Init,
            CarpState::Backup => Self::Backup,
            CarpState::Master => Self::Master,
        }
    }
}

/// What a vhid speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// CARP, whose adverts the demotion slows down.
    Carp,
    /// VRRP, version 3. The demotion has no effect on it, so neither has maintenance or an unhealthy service.
    Vrrp,
}

/// A vhid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct VhidStatus {
    /// Its number.
    pub vhid: Vhid,
    /// Its interface.
    pub interface: InterfaceName,
    /// Its state.
    pub state: VhidState,
    /// Since when, `null` if the change was before the daemon's start.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub since: Option<Wall>,
    /// What it speaks, `null` if that is not known.
    #[serde(default)]
    pub protocol: Option<Protocol>,
    /// Of CARP: seconds between adverts.
    pub advbase: Option<u8>,
    /// Of CARP: the configured skew.
    pub advskew: Option<u8>,
    /// Of CARP: the skew that goes out on the wire, demotion included.
    pub effective_advskew: Option<u8>,
    /// Of CARP: the only nodes that its adverts go to; empty if they go to the multicast group.
    #[serde(default)]
    pub peers: Vec<String>,
    /// Of VRRP: the priority, 1 to 255; the highest wins.
    #[serde(default)]
    pub priority: Option<u8>,
    /// Of VRRP: the time between adverts, in 1/100 s.
    #[serde(default)]
    pub interval: Option<u16>,
    /// Its addresses with prefix lengths, IPv4 first.
    pub addresses: Vec<String>,
    /// State changes since the daemon's start.
    pub transitions: u64,
}

impl VhidStatus {
    /// Whether demotion has no effect on it.
    #[must_use]
    pub fn is_vrrp(&self) -> bool {
        self.protocol == Some(Protocol::Vrrp)
    }
}

/// The demotion sum and its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DemotionStatus {
    /// The kernel's sum, `null` if it cannot be read.
    pub total: Option<i32>,
    /// Its parts; their values add up to the total.
    pub reasons: Vec<Part>,
    /// Whether carpd knows its own share.
    pub ledger: LedgerState,
}

/// The sysctls that decide about takeovers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CarpStatus {
    /// `net.inet.carp.allow`
    pub allow: bool,
    /// `net.inet.carp.preempt`
    pub preempt: bool,
    /// Adverts that failed authentication since boot.
    pub badauth: u64,
    /// Seconds since the last one, `null` if it is not of the last quarter of a minute.
    #[serde(default)]
    pub badauth_ago: Option<u64>,
    /// Adverts for unknown vhids since boot.
    pub badvhid: u64,
    /// Adverts received since boot, good or bad.
    #[serde(default)]
    pub received: u64,
    /// Adverts sent since boot.
    #[serde(default)]
    pub sent: u64,
    /// Adverts since boot that came through a router.
    #[serde(default)]
    pub badttl: u64,
    /// Adverts since boot that are too short, or of another version or checksum than theirs.
    #[serde(default)]
    pub malformed: u64,
    /// Adverts since boot that were not sent for want of memory.
    #[serde(default)]
    pub unsent: u64,
}

/// Maintenance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MaintenanceStatus {
    /// The node is in maintenance.
    pub active: bool,
    /// Why.
    pub reason: Option<String>,
    /// Who entered it.
    pub by: Option<String>,
    /// Since when.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub since: Option<Wall>,
    /// Until when, `null` if it does not end by itself.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub until: Option<Wall>,
    /// OPNsense's own maintenance mode is on; reason, owner and end are then its own, where carpd has none.
    pub opnsense: bool,
    /// Nobody could tell: the daemon does not answer, and its state file cannot be read. The rest is then without meaning.
    #[serde(default)]
    pub unknown: bool,
    /// Whether the peer would take over; `null` if no daemon answers, or in maintenance.
    #[serde(default)]
    pub preflight: Option<PreflightStatus>,
}

/// Whether the peer would take over if this node went into maintenance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PreflightStatus {
    /// The answer.
    pub answer: Answer,
    /// Why.
    pub text: String,
}

/// An answer that may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Surely.
    Yes,
    /// A known fact speaks against it: it is refused unless forced.
    No,
    /// Nobody on this node can tell.
    Unknown,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ServiceStatus {
    /// Its name.
    pub name: ServiceName,
    /// The vhids it follows.
    pub follows: Vec<VhidRef>,
    /// How many of them have to be MASTER for it to be active.
    pub require: Require,
    /// Whether its process follows the role.
    #[serde(default)]
    pub mode: Mode,
    /// Whether it has a process; without one, its link is all that it is.
    #[serde(default = "yes")]
    pub process: bool,
    /// The role it should have; `null` while that is undecided.
    pub want: Option<Role>,
    /// Whether it runs; without a process, whether its link is up.
    pub is: Is,
    /// Its health.
    pub health: Health,
    /// What unhealthy probes say, empty if healthy.
    pub health_detail: String,
    /// Since when it is so, `null` if the change was before the daemon's start.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub since: Option<Wall>,
    /// The action under way.
    pub busy: Option<ActionKind>,
    /// The last start or stop.
    pub last_action: Option<LastAction>,
    /// How often it was found dead while it should have been running, in the last ten minutes.
    #[serde(default)]
    pub deaths: u32,
    /// Its link, `null` if it has none.
    #[serde(default)]
    pub link: Option<LinkStatus>,
    /// What a start would need and is not there, `null` if nothing is known to be missing.
    #[serde(default)]
    pub lacks: Option<String>,
    /// When the next start or stop is tried, `null` if none has to wait.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    #[serde(default)]
    pub next_try: Option<Wall>,
    /// Who has taken it over, `null` if carpd manages it.
    #[serde(default)]
    pub unmanaged: Option<Unmanaged>,
    /// How often it was restarted for its health in the last ten minutes.
    #[serde(default)]
    pub restarts: u32,
    /// Restarts have not helped, and carpd does not restart it any more.
    #[serde(default)]
    pub given_up: bool,
}

const fn yes() -> bool {
    true
}

impl ServiceStatus {
    /// Whether it is what it should be.
    #[must_use]
    pub fn as_wanted(&self) -> bool {
        let process = matches!(
            (self.process_role(), self.is),
            (Some(Role::Active), Is::Running) | (Some(Role::Standby), Is::Stopped)
        );
        process && self.link.as_ref().is_none_or(LinkStatus::as_wanted)
    }

    /// Whether it keeps nothing that the peer should have.
    #[must_use]
    pub fn is_handed_over(&self) -> bool {
        self.unmanaged.is_some() || links::is_handed_over(self)
    }

    /// The role of its process: active on both nodes if only its link follows the election.
    #[must_use]
    pub fn process_role(&self) -> Option<Role> {
        self.want.map(|want| if self.mode == Mode::Warm { Role::Active } else { want })
    }
}

/// The link of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LinkStatus {
    /// Its interface.
    pub interface: InterfaceName,
    /// What it should be; `null` before the first role, and while the role is unknown.
    pub want: Option<Level>,
    /// What it is, `null` if that is not known.
    pub is: Option<LinkState>,
    /// Since when, `null` if the change was before the daemon's start.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub since: Option<Wall>,
    /// What it is being made.
    pub busy: Option<Level>,
    /// Seconds for which it has not been what it should be, `null` if it is.
    pub wrong_for: Option<u64>,
    /// Why it could not be made so, empty if nothing failed.
    pub error: String,
    /// How often somebody else has raised it on standby, or taken it down while active, in the last ten minutes.
    pub meddled: u32,
}

impl LinkStatus {
    /// Whether it is what it should be.
    #[must_use]
    pub fn as_wanted(&self) -> bool {
        self.want.zip(self.is).is_some_and(|(want, is)| want.is_met_by(is))
    }
}

/// Whether a running service does its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Every probe says so, or there is none and it runs.
    Ok,
    /// A probe says no.
    Unhealthy,
    /// It does not run here, or no probe has an opinion yet.
    Unknown,
}

/// `pfsync0`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PfsyncStatus {
    /// Where states are sent; `null` if pfsync is off.
    pub syncdev: Option<InterfaceName>,
    /// The unicast peer.
    pub syncpeer: Option<String>,
    /// The largest packet of states, in bytes, `null` if it is not known.
    #[serde(default)]
    pub mtu: Option<u32>,
    /// Message format.
    pub version: u32,
    /// No bulk update is running.
    pub in_sync: bool,
}

/// What is known of the other node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PeerStatus {
    /// Its name.
    pub node: String,
}

/// The sources of events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EventsStatus {
    /// Whether a source is connected that announces every change of a vhid: devd or nlsysevent.
    pub connected: bool,
    /// The sources that are connected.
    #[serde(default)]
    pub sources: Vec<EventSource>,
    /// Changes seen in the kernel that no event announced.
    pub missed: u64,
}
