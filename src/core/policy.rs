//! What the configuration asks of the core.

use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::journal::Maintenance;
use crate::model::{CarpParameters, Demotion, InterfaceName, ServiceName, VhidRef};

/// Everything the core has to know of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The node's name, for people.
    pub node: String,
    /// The vhids that the configuration says this node has, in ascending order. One that the kernel lacks is *absent*.
    pub vhids: Vec<VhidRef>,
    /// Those of them that the configuration owns, as it wants them. Their keys are none of the core's business.
    pub owned: Vec<OwnedVhid>,
    /// The services that follow vhids. Names are unique.
    pub services: Vec<ServicePolicy>,
    /// What a maintenance demotes by.
    pub maintenance_demotion: ShareAmount,
    /// When a maintenance that was entered without an end ends by itself; never without it.
    pub maintenance_default_for: Option<Duration>,
    /// OPNsense's own maintenance flag is set: one foreign 240 is explained by it.
    pub opnsense_maintenance: bool,
    /// Who enters and leaves maintenance on this node.
    #[serde(default)]
    pub maintenance_owner: MaintenanceOwner,
    /// How long after the first start in a boot the node holds itself back, at most. Zero: not at all.
    pub boot_hold: Duration,
    /// How long after a fault the node holds itself back, at most. Zero: not at all.
    pub failback_hold: Duration,
    /// The longest time between two looks at the kernel.
    pub poll: Duration,
}

impl Policy {
    /// The interfaces that a look has to cover because services have them for their links.
    #[must_use]
    pub fn links(&self) -> Vec<InterfaceName> {
        self.services.iter().filter_map(|service| service.link.clone()).collect()
    }
}

/// Who enters and leaves maintenance. Two owners would demote a node twice, and each would take back only its own part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MaintenanceOwner {
    /// carpd, with a part of its own share.
    #[default]
    Carpd,
    /// OPNsense, with its flag and the 240 that belongs to it.
    Opnsense {
        /// While the flag is set: who set it, why and until when, if the plugin has written that down.
        record: Option<Maintenance>,
    },
}

/// A vhid that the configuration owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedVhid {
    /// Which one.
    pub id: VhidRef,
    /// What it should have.
    pub carp: CarpParameters,
    /// Its addresses, in ascending order.
    pub addresses: Vec<IpNet>,
}

/// A service that follows the election.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePolicy {
    /// Its name.
    pub name: ServiceName,
    /// The vhids that decide its role; never empty.
    pub follows: Vec<VhidRef>,
    /// How many of them have to be MASTER.
    pub require: Require,
    /// Whether its process follows the role.
    pub mode: Mode,
    /// The interface that is up while it is active, and down otherwise.
    pub link: Option<InterfaceName>,
    /// Whether there is a process, with a driver to start and stop it; without one its link is all that it is.
    pub driven: bool,
    /// How long a MASTER may be away before the service is stood down.
    ///
    /// An address added to a live vhid bounces it through INIT and BACKUP for about 3 s (`carp_sc_state()`).
    pub settle: Duration,
    /// How long the kernel may be unreadable before a running service is stood down.
    pub unknown_grace: Duration,
    /// How long it has to have been active by the election before it is started.
    pub min_master: Duration,
    /// Whether a fence has to succeed before each start.
    pub fenced: bool,
    /// The limit of making it active, and of its fence.
    pub start_limit: Duration,
    /// The limit of making it standby.
    pub stop_limit: Duration,
    /// The time between two looks at whether it runs.
    pub check_every: Duration,
    /// Health checks beyond "it runs".
    pub probes: Vec<ProbePolicy>,
    /// What carpd does with it when carpd itself is stopped.
    pub on_exit: OnExit,
}

impl ServicePolicy {
    /// Whether its process runs on both nodes, so that only its link follows the role.
    #[must_use]
    pub fn is_warm(&self) -> bool {
        self.mode == Mode::Warm && self.driven
    }
}

/// What follows the role of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Its process, and its link if it has one.
    #[default]
    Service,
    /// Its link alone: the process runs on both nodes, so that an election costs no start.
    Warm,
}

impl Mode {
    /// `service` or `warm`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Warm => "warm",
        }
    }
}

/// How many of the followed vhids have to be MASTER for a service to be active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Require {
    /// Every one.
    #[default]
    All,
    /// At least one.
    Any,
}

/// What happens to an active service when the daemon is told to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnExit {
    /// It runs on; whoever stops carpd wants to restart or upgrade it.
    #[default]
    Leave,
    /// It is stood down first.
    Standby,
}

/// How the health of a service is judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbePolicy {
    /// Its name, unique within the service.
    pub name: String,
    /// Who looks.
    pub source: ProbeSource,
    /// The time between two runs.
    pub every: Duration,
    /// The limit of one run.
    pub timeout: Duration,
    /// Successes in a row until healthy, at least 1.
    pub rise: u32,
    /// Failures in a row until unhealthy, at least 1.
    pub fall: u32,
    /// How long after a start of the service failures do not count, unless there was a success before.
    ///
    /// A program that is up is not always ready: Defguard's gateway is well only when its Core has come back to it, which
    /// tries every 10 s. Without this time, slowness at a start would be taken for sickness, and answered by another start.
    pub grace: Duration,
    /// What "unhealthy" causes.
    pub effect: ProbeEffect,
}

/// Who looks at what a probe judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeSource {
    /// The daemon runs it: [`super::io::Effect::Probe`].
    Run,
    /// The core itself looks whether pfsync is in sync: no bulk update is under way, and its interface runs.
    Pfsync,
}

/// What an unhealthy probe causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeEffect {
    /// It is shown.
    Report,
    /// The service is restarted, within the bounds of [`super::restart`].
    Restart,
    /// The node demotes itself while the service is unhealthy.
    Demote {
        /// By how much.
        amount: ShareAmount,
        /// For how long at least, whenever it turns unhealthy: a service that is sick every other moment shall not move the VIPs
        /// every other moment.
        dwell: Duration,
    },
}

/// An amount that a reason adds to carpd's share: positive, a multiple of 16, at most 65,520.
///
/// The low four bits of the share are carpd's write mark (see [`crate::core`]), and OPNsense keeps a bit of its own at 2^20.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i32")]
pub struct ShareAmount(i32);

impl ShareAmount {
    /// 240: whatever the configured skew, the effective one becomes the largest.
    pub const FULL: Self = Self(240);

    /// The amount, if it is positive, a multiple of 16 and at most 65,520.
    #[must_use]
    pub fn new(amount: i64) -> Option<Self> {
        ((16..=65_520).contains(&amount) && amount % 16 == 0).then(|| i32::try_from(amount).ok().map(Self))?
    }

    /// As a part of the kernel's sum.
    #[must_use]
    pub const fn demotion(self) -> Demotion {
        Demotion::new(self.0)
    }
}

impl TryFrom<i64> for ShareAmount {
    type Error = String;

    fn try_from(amount: i64) -> Result<Self, String> {
        Self::new(amount).ok_or_else(|| format!("{amount} is not a multiple of 16 from 16 to 65520"))
    }
}

impl From<ShareAmount> for i32 {
    fn from(amount: ShareAmount) -> Self {
        amount.0
    }
}
