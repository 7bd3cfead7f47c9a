//! What can be changed in a kernel beside the demotion: what a plan is made of.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{AdvBase, AdvSkew, CarpKey, InterfaceName, VhidRef};

/// One write to the kernel, whole in itself: it is done, or it failed and said so.
///
/// A write that asks for what is already there is not harmless. Adding an address again takes its vhid through INIT, and setting
/// pfsync to what it is demotes the node (carp(4), pfsync(4)). So none is made without a look first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Sets a variable of CARP.
    Sysctl {
        /// Which one.
        variable: CarpVariable,
        /// Its new value.
        value: i32,
    },
    /// Creates a vhid, or changes an existing one. One that is new has no address yet and is in INIT.
    Vhid {
        /// Which one.
        id: VhidRef,
        /// All of it: the kernel's request is not a patch.
        settings: VhidSettings,
    },
    /// Adds an address to a vhid that exists. The vhid goes through INIT and BACKUP.
    AddAddress {
        /// The vhid.
        id: VhidRef,
        /// The address with its prefix length.
        net: IpNet,
    },
    /// Removes an address from its vhid. The vhid goes through INIT and BACKUP; without a last address it ceases to exist.
    DeleteAddress {
        /// The vhid.
        id: VhidRef,
        /// The address with its prefix length.
        net: IpNet,
    },
    /// Sets pfsync0. With a syncdev it asks the peer for all states and demotes the node until it has them.
    Pfsync(PfsyncSettings),
    /// Brings an interface up or down, as ifconfig(8) does: the way a WireGuard tunnel follows a vhid.
    Link {
        /// Which one.
        interface: InterfaceName,
        /// `IFF_UP`; an interface that is told to be up but cannot run counts as a failure.
        up: bool,
    },
}

/// A variable of CARP that a plan may set (carp(4)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CarpVariable {
    /// `net.inet.carp.allow`: 0 takes every vhid of the node to INIT.
    Allow,
    /// `net.inet.carp.preempt`: a better node takes over from a living MASTER.
    Preempt,
    /// `net.inet.carp.log`: 0 nothing, 1 state changes, 2 bad packets too.
    Log,
    /// `net.inet.carp.senderr_demotion_factor`: what failing to send adverts adds.
    SenderrDemotionFactor,
    /// `net.inet.carp.ifdown_demotion_factor`: what one vhid on a dead interface adds.
    IfdownDemotionFactor,
}

impl CarpVariable {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Allow, Self::Preempt, Self::Log, Self::SenderrDemotionFactor, Self::IfdownDemotionFactor];

    /// Its name for sysctl(8).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "net.inet.carp.allow",
            Self::Preempt => "net.inet.carp.preempt",
            Self::Log => "net.inet.carp.log",
            Self::SenderrDemotionFactor => "net.inet.carp.senderr_demotion_factor",
            Self::IfdownDemotionFactor => "net.inet.carp.ifdown_demotion_factor",
        }
    }
}

/// All that is set of a CARP vhid, without its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VhidSettings {
    /// Seconds between adverts.
    pub advbase: AdvBase,
    /// What is added to the interval, in 1/256 s.
    pub advskew: AdvSkew,
    /// The key; `None` leaves the one that the vhid has, which is all zero for a new one. A key cannot be taken away.
    pub key: Option<CarpKey>,
    /// Where IPv4 adverts go; `None` is the group 224.0.0.18.
    pub peer: Option<Ipv4Addr>,
    /// Where IPv6 adverts go; `None` is the group ff02::12.
    pub peer6: Option<Ipv6Addr>,
}

/// All that is set of pfsync0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PfsyncSettings {
    /// Where states are sent; without it pfsync is off.
    pub syncdev: Option<InterfaceName>,
    /// The unicast peer; `None` is the multicast group. A link-local one is reached through `syncdev`.
    pub syncpeer: Option<IpAddr>,
    /// The message format: 1301, 1400 or 1500; 0 asks for the kernel's own.
    pub version: u32,
    /// Hold the first packet of a connection until the peer knows its state.
    pub defer: bool,
    /// How many updates of one state are collected into one message, 0 to 255.
    pub maxupdates: u8,
}

/// For people, without any key.
impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sysctl { variable, value } => write!(f, "set {} to {value}", variable.name()),
            Self::Vhid { id, settings } => write!(f, "set vhid {id} to {settings}"),
            Self::AddAddress { id, net } => write!(f, "add {net} to vhid {id}"),
            Self::DeleteAddress { id, net } => write!(f, "delete {net} from vhid {id}"),
            Self::Pfsync(settings) => write!(f, "set pfsync0 to {settings}"),
            Self::Link { interface, up } => write!(f, "bring {interface} {}", if *up { "up" } else { "down" }),
        }
    }
}

impl fmt::Display for VhidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "advbase {} advskew {}", self.advbase.get(), self.advskew.get())?;
        if let Some(peer) = self.peer {
            write!(f, " peer {peer}")?;
        }
        if let Some(peer) = self.peer6 {
            write!(f, " peer6 {peer}")?;
        }
        if self.key.is_some() { f.write_str(" with a new key") } else { Ok(()) }
    }
}

impl fmt::Display for PfsyncSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(syncdev) = &self.syncdev else { return f.write_str("no syncdev") };
        write!(f, "syncdev {syncdev}")?;
        if let Some(peer) = self.syncpeer {
            write!(f, " syncpeer {peer}")?;
        }
        let defer = if self.defer { "defer" } else { "-defer" };
        write!(f, " maxupd {} {defer} version {}", self.maxupdates, self.version)
    }
}
