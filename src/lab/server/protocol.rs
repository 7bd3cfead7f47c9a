//! The language of the lab's own socket: one JSON object per line, both ways.

use std::collections::BTreeMap;
use std::net::IpAddr;

use clap::ValueEnum;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::core::status::VhidState;
use crate::lab::daemon::TunnelChange;
use crate::model::{Demotion, InterfaceName, ServiceName, VhidRef, Wall};

/// The longest question the lab accepts, in bytes.
pub const LONGEST_ASK: u64 = 64 << 10;

/// What is asked of the lab. Interfaces and segments may be named as the kernel or as people name them (`vtnet1`, `lan`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum LabAsk {
    /// The whole lab, as it is and not as a node sees it.
    Show,
    /// Pull, plug, cut or mend the cable of an interface.
    Cable {
        /// The node.
        node: String,
        /// The interface.
        interface: String,
        /// What is done to it.
        change: Cable,
    },
    /// No node on the segment hears another one any more; links stay up.
    Partition {
        /// The segment.
        segment: String,
    },
    /// Ends a partition.
    Heal {
        /// The segment.
        segment: String,
    },
    /// The node loses power, with all its processes.
    Crash {
        /// The node.
        node: String,
    },
    /// The node is shut down if it runs, and booted.
    Reboot {
        /// The node.
        node: String,
    },
    /// Start or stop the node's devd.
    Devd {
        /// The node.
        node: String,
        /// What is done to it.
        change: Run,
    },
    /// Add an address to a vhid of the running kernel, as ifconfig does.
    VipAdd {
        /// The node.
        node: String,
        /// The vhid, `VHID@INTERFACE`.
        vhid: String,
        /// The address with its prefix length.
        address: IpNet,
    },
    /// Take an address from a vhid of the running kernel.
    VipDel {
        /// The node.
        node: String,
        /// The vhid, `VHID@INTERFACE`.
        vhid: String,
        /// The address.
        address: IpAddr,
    },
    /// Somebody other than carpd writes `net.inet.carp.demotion`, which adds to it.
    Demote {
        /// The node.
        node: String,
        /// What is added.
        by: Demotion,
    },
    /// Somebody sets another variable of CARP.
    Sysctl {
        /// The node.
        node: String,
        /// Which one.
        variable: Variable,
        /// To what.
        on: bool,
    },
    /// Kill, start or stop the node's carpd.
    Daemon {
        /// The node.
        node: String,
        /// What is done to it.
        change: Process,
    },
    /// Kill the node's service with SIGKILL.
    ServiceKill {
        /// The node.
        node: String,
        /// The service.
        service: ServiceName,
    },
    /// What a service's core does: it is lost, comes back, or sends a configuration.
    Core {
        /// The node.
        node: String,
        /// The service.
        service: ServiceName,
        /// What it does.
        change: CoreChange,
    },
    /// How a service behaves from its next start on.
    Manners {
        /// The node.
        node: String,
        /// The service.
        service: ServiceName,
        /// What is different: each key with its value, or without one to take it away.
        set: BTreeMap<String, String>,
    },
    /// Somebody other than carpd and the service changes an interface, as ifconfig(8) does.
    Interface {
        /// The node.
        node: String,
        /// The interface.
        interface: String,
        /// What is done to it.
        change: Link,
    },
    /// A service changes its tunnel.
    Tunnel {
        /// The node.
        node: String,
        /// The interface.
        tunnel: InterfaceName,
        /// What is done to it.
        change: TunnelChange,
    },
    /// A service says that it runs. It ends when this connection does, and hears of its core on it: a [`CoreChange`] per line, the first
    /// one at once.
    Gateway {
        /// The node.
        node: String,
        /// The service.
        service: ServiceName,
    },
    /// End the lab.
    Down,
}

/// What can be done to a cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Cable {
    /// Out of the node: the link goes down.
    Pull,
    /// Into the node again.
    Plug,
    /// Broken behind the switch: nothing passes, but the link stays up.
    Cut,
    /// Whole again.
    Mend,
}

/// What the core of a service can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum CoreChange {
    /// It cannot be reached from the node any more.
    Lost,
    /// It can again.
    Back,
    /// It sends a configuration.
    Push,
}

/// What can be done to an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// Make one that needs no cable; it is down.
    Create,
    /// Raise it.
    Up,
    /// Take it down.
    Down,
    /// Destroy it.
    Destroy,
}

/// What can be done to devd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Run {
    /// It ends. Events are lost meanwhile.
    Stop,
    /// It begins.
    Start,
    /// It ends, and begins 200 ms later.
    Restart,
}

/// What can be done to a node's carpd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// SIGKILL.
    Kill,
    /// It is executed again.
    Start,
    /// SIGTERM, and a wait for its end.
    Stop,
}

/// A variable of CARP that can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Variable {
    /// `net.inet.carp.allow`
    Allow,
    /// `net.inet.carp.preempt`
    Preempt,
}

/// What the lab answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum LabAnswer {
    /// Done, or already so.
    Done {
        /// What is the case now, for people.
        text: String,
    },
    /// Not done.
    Refused {
        /// The cause and the remedy.
        text: String,
    },
    /// To [`LabAsk::Show`].
    View {
        /// The lab.
        view: Box<LabView>,
    },
}

/// The whole lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabView {
    /// When.
    pub time: Wall,
    /// The nodes.
    pub nodes: Vec<NodeView>,
    /// The segments.
    pub segments: Vec<SegmentView>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// It has power.
    pub powered: bool,
    /// `net.inet.carp.demotion`
    pub demotion: Demotion,
    /// `net.inet.carp.allow`
    pub allow: bool,
    /// `net.inet.carp.preempt`
    pub preempt: bool,
    /// Adverts that failed authentication since boot.
    pub badauth: u64,
    /// Its vhids.
    pub vhids: Vec<VhidView>,
    /// Its interfaces.
    pub interfaces: Vec<InterfaceView>,
    /// Its interfaces that need no cable.
    pub tunnels: Vec<TunnelView>,
    /// Its services.
    pub services: Vec<ServiceView>,
    /// Its carpd's process id, if it runs.
    pub daemon: Option<u32>,
    /// Its devd runs.
    pub devd: bool,
    /// Who is connected to its devd.
    pub devd_clients: usize,
    /// Writes that carpd made to its kernel since the lab began.
    pub writes: usize,
    /// Writes that `carpctl apply` asked of its kernel since the lab began.
    pub administered: usize,
}

/// A vhid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VhidView {
    /// Which one.
    pub id: VhidRef,
    /// What people call its interface.
    pub label: String,
    /// Its state.
    pub state: VhidState,
    /// The configured skew.
    pub advskew: u8,
    /// The skew that goes out, demotion included.
    pub effective: u8,
    /// Its addresses.
    pub addresses: Vec<IpNet>,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceView {
    /// The kernel's name.
    pub name: InterfaceName,
    /// What people call it.
    pub label: String,
    /// The segment its cable belongs to.
    pub segment: String,
    /// Its cable.
    pub cable: CableView,
}

/// How a cable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CableView {
    /// Plugged in and whole.
    Whole,
    /// Not plugged in.
    Pulled,
    /// Broken behind the switch.
    Cut,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceView {
    /// Its name.
    pub name: ServiceName,
    /// Its process, if it runs.
    pub pid: Option<u32>,
    /// Its core can be reached.
    pub core: bool,
}

/// An interface that needs no cable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TunnelView {
    /// Its name.
    pub name: InterfaceName,
    /// It is up, and answers.
    pub up: bool,
}

/// A segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentView {
    /// Its name.
    pub name: String,
    /// Its nodes do not hear each other.
    pub partitioned: bool,
}
