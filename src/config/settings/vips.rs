//! Who says which vhids this node has, and what carpd.toml itself says about them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use ipnet::IpNet;

use crate::model::{AdvBase, AdvSkew, InterfaceName, VhidRef};

/// `[vips] source`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vips {
    /// The kernel: whatever it has.
    Kernel,
    /// OPNsense's configuration, which owns them; carpd reads and verifies.
    Opnsense {
        /// `config.xml`, absolute.
        config_xml: PathBuf,
    },
    /// This file: carpd plans and applies them.
    Static(StaticVips),
}

/// The vhids, pfsync and CARP settings that carpd.toml owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticVips {
    /// `[[vips.vhid]]`, in ascending order. Each vhid and each address occurs once.
    pub vhids: Vec<StaticVhid>,
    /// `[pfsync]`; without it pfsync is left alone.
    pub pfsync: Option<Pfsync>,
    /// `[carp] preempt`: `net.inet.carp.preempt`, without which no demotion moves a vhid (carp(4)).
    pub preempt: bool,
}

/// One `[[vips.vhid]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticVhid {
    /// Which one.
    pub id: VhidRef,
    /// Seconds between adverts.
    pub advbase: AdvBase,
    /// What is added to the interval, in 1/256 s.
    pub advskew: AdvSkew,
    /// The file with the password, absolute; read with [`crate::config::password::read`]. Without it the key is all zero.
    pub password_file: Option<PathBuf>,
    /// The shared addresses with their prefix lengths, in the order of the file; never empty.
    pub addresses: Vec<IpNet>,
    /// Where IPv4 adverts go if not to 224.0.0.18.
    pub peer: Option<Ipv4Addr>,
    /// Where IPv6 adverts go if not to ff02::12.
    pub peer6: Option<Ipv6Addr>,
}

/// `[pfsync]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pfsync {
    /// The interface that states are exchanged on.
    pub syncdev: InterfaceName,
    /// The unicast peer, if not the multicast group 224.0.0.240.
    pub syncpeer: Option<IpAddr>,
    /// The message format; without it the kernel's own default.
    pub version: Option<PfsyncVersion>,
    /// Hold the first packet of a connection until the peer knows its state (pfsync(4)).
    pub defer: bool,
    /// How many updates of one state are collected into one message, 0 to 255.
    pub maxupdates: u8,
}

/// The message formats of pfsync(4); both nodes have to understand what either sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PfsyncVersion {
    /// FreeBSD 13 and newer.
    V1301,
    /// FreeBSD 14 and newer.
    V1400,
    /// FreeBSD 15 and newer.
    V1500,
}

impl PfsyncVersion {
    /// All of them, oldest first.
    pub const ALL: [Self; 3] = [Self::V1301, Self::V1400, Self::V1500];

    /// The kernel's number.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::V1301 => 1301,
            Self::V1400 => 1400,
            Self::V1500 => 1500,
        }
    }
}
