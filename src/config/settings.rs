//! carpd.toml after every check: values that can be used as they are.

pub mod probe;
mod render;
pub mod service;
pub mod vips;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use probe::{
    HttpProbe, HttpUrl, InterfaceProbe, InterfaceState, PingTarget, Probe, ProbeTest, ProcessProbe, StatusRange,
};
pub use service::{Command, CommandError, ConfigdAction, Driver, ScriptName, Service};
pub use vips::{Pfsync, PfsyncVersion, StaticVhid, StaticVips, Vips};

use crate::core::policy::ShareAmount;
use crate::model::ServiceName;

/// Everything carpd.toml says, with the defaults filled in.
///
/// Two equal values ask for the same behaviour: a file that was only reformatted is no change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `[node]`: this node and its kernel.
    pub node: Node,
    /// `[control]`: who may talk to the daemon.
    pub control: Control,
    /// `[vips]`: who says which vhids this node has.
    pub vips: Vips,
    /// `[maintenance]`
    pub maintenance: Maintenance,
    /// `[hold]` `boot`: how long after the first start in a boot the node holds itself back, at most. Zero: not at all.
    pub boot_hold: Duration,
    /// `[hold]` `failback`: how long after a fault the node holds itself back, at most. Zero: not at all.
    pub failback_hold: Duration,
    /// `[metrics]` `listen`: where metrics are served, a loopback address; nowhere without it.
    pub metrics: Option<SocketAddr>,
    /// `[[service]]`, in the order of the file. Names are unique.
    pub services: Vec<Service>,
}

impl Settings {
    /// The service of this name, or else the one that drives the rc(8) script of this name: those who start a script know no other
    /// name. Packages have spelled one script's name with hyphens and with underscores, so these count as equal.
    #[must_use]
    pub fn managed(&self, name: &ServiceName) -> Option<&Service> {
        let same = |script: &ScriptName| script.as_str().replace('-', "_") == name.as_str().replace('-', "_");
        let drives = |service: &&Service| match &service.driver {
            Some(Driver::Rc { scripts }) => scripts.iter().any(same),
            Some(Driver::Exec { .. } | Driver::Configd { .. }) | None => false,
        };
        self.services.iter().find(|service| service.name == *name).or_else(|| self.services.iter().find(drives))
    }
}

/// `[node]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The node's name for people; by default the host name up to its first dot.
    pub name: String,
    /// Where the ledger and the history are kept; absolute.
    pub state_dir: PathBuf,
    /// devd's socket for events, of type `SOCK_SEQPACKET` (devd(8)); absolute.
    pub devd_socket: PathBuf,
    /// Which kernel is looked at and changed.
    pub kernel: KernelChoice,
    /// The longest time between two looks at the kernel, 1 s to 5 s.
    pub poll: Duration,
    /// The least important line that is logged.
    pub log: tracing::Level,
}

/// Which kernel a daemon works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KernelChoice {
    /// This machine's own.
    Freebsd,
    /// A lab node's, behind the socket at this absolute path.
    Lab(PathBuf),
}

impl KernelChoice {
    /// As the configuration writes it, and [`crate::kernel::open`] takes it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Freebsd => "freebsd".to_owned(),
            Self::Lab(socket) => format!("lab:{}", socket.display()),
        }
    }
}

/// `[control]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// The control socket; absolute, at most 103 bytes (`sun_path`, unix(4)).
    pub socket: PathBuf,
    /// The group that may read.
    pub group: String,
    /// The group that may change something. Without it: root and the daemon's own user.
    pub admin_group: Option<String>,
}

/// `[maintenance]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// What a maintenance demotes by.
    pub demotion: ShareAmount,
    /// When a maintenance without an end of its own ends; never without it.
    pub default_for: Option<Duration>,
}
