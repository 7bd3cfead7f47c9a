//! What one look at the kernel shows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{AdvBase, AdvSkew, CarpState, Demotion, InterfaceName, VhidRef};

/// One look at CARP, the interfaces that matter to it, and pfsync.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Names this boot of the kernel: another value means that the node was rebooted.
    pub boot: String,
    /// All vhids, in the order of interface and vhid.
    pub vhids: Vec<VhidSnapshot>,
    /// The interfaces that carry a vhid or pfsync.
    pub interfaces: Vec<InterfaceSnapshot>,
    /// `net.inet.carp.*`
    pub sysctls: CarpSysctls,
    /// `net.inet.carp.stats`
    pub counters: CarpCounters,
    /// `pfsync0`, if the kernel has it.
    pub pfsync: Option<PfsyncSnapshot>,
    /// The interfaces that were asked for by name, because a service has them for its link.
    #[serde(default)]
    pub links: Vec<LinkSnapshot>,
}

impl Snapshot {
    /// The vhid `id`, if the kernel has it.
    #[must_use]
    pub fn vhid(&self, id: &VhidRef) -> Option<&VhidSnapshot> {
        self.vhids.binary_search_by(|v| v.id.cmp(id)).ok().map(|at| &self.vhids[at])
    }

    /// The interface `name`, if the look covered it.
    #[must_use]
    pub fn interface(&self, name: &InterfaceName) -> Option<&InterfaceSnapshot> {
        self.interfaces.iter().find(|i| i.name == *name)
    }

    /// The state of the link `name`, if the look covered it.
    #[must_use]
    pub fn link(&self, name: &InterfaceName) -> Option<LinkState> {
        self.links.iter().find(|link| link.name == *name).map(|link| link.state)
    }

    /// Whether two looks agree in everything that a decision depends on. Counters move all the time and decide nothing.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.boot == other.boot
            && self.vhids == other.vhids
            && self.interfaces == other.interfaces
            && self.sysctls == other.sysctls
            && self.links == other.links
            && self.pfsync.as_ref().map(PfsyncSnapshot::settings) == other.pfsync.as_ref().map(PfsyncSnapshot::settings)
    }
}

/// One vhid as the kernel has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VhidSnapshot {
    /// Which one.
    pub id: VhidRef,
    /// The kernel's state.
    pub state: CarpState,
    /// What it speaks, with that protocol's parameters.
    pub protocol: VhidProtocol,
    /// The addresses bound to the vhid, IPv4 first, in ascending order.
    pub addresses: Vec<IpNet>,
}

impl VhidSnapshot {
    /// The parameters of CARP, if the vhid speaks it: then demotion, adverts and takeovers follow carp(4).
    #[must_use]
    pub const fn carp(&self) -> Option<&CarpParameters> {
        match &self.protocol {
            VhidProtocol::Carp(carp) => Some(carp),
            VhidProtocol::Vrrp(_) => None,
        }
    }
}

/// What a vhid speaks, with that protocol's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VhidProtocol {
    /// CARP, version 2.
    Carp(CarpParameters),
    /// VRRP, version 3 (FreeBSD 15 and newer); `None` if the kernel did not tell the parameters, because SIOCGVH has no field
    /// for them. `net.inet.carp.demotion` has no effect on it: it goes out with its priority as configured
    /// (`vrrp_send_ad_locked()`).
    Vrrp(Option<VrrpParameters>),
}

/// The parameters of a CARP vhid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarpParameters {
    /// Seconds between adverts.
    pub advbase: AdvBase,
    /// Configured skew, without demotion.
    pub advskew: AdvSkew,
    /// Where IPv4 adverts go if not to the multicast group.
    pub peer: Option<Ipv4Addr>,
    /// Where IPv6 adverts go if not to the multicast group.
    pub peer6: Option<Ipv6Addr>,
}

/// The parameters of a VRRP vhid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VrrpParameters {
    /// 1 to 255. The highest wins; 255 ignores all others (`vrrp_input_c()`).
    pub priority: u8,
    /// Between adverts, in 1/100 s, 1 to 4095.
    pub interval: u16,
}

/// An interface, as far as CARP cares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceSnapshot {
    /// Its name.
    pub name: InterfaceName,
    /// `IFF_UP`: the administrator wants it up.
    pub up: bool,
    /// The link state is exactly `LINK_STATE_UP`; unknown is not up (`carp_sc_state()`).
    pub link: bool,
}

impl InterfaceSnapshot {
    /// CARP can run on it.
    #[must_use]
    pub const fn runs(&self) -> bool {
        self.up && self.link
    }
}

/// An interface that was asked for by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSnapshot {
    /// Its name.
    pub name: InterfaceName,
    /// Its state.
    pub state: LinkState,
}

/// Whether an interface takes part, as its flags tell (netintro(4)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum LinkState {
    /// `IFF_UP` and `IFF_DRV_RUNNING`.
    Up,
    /// `IFF_UP` alone: it is meant to be up, and its driver cannot, as a WireGuard tunnel whose port another one has.
    Stuck,
    /// Not `IFF_UP`.
    Down,
    /// There is no interface of that name.
    Absent,
}

impl LinkState {
    /// What the flags of an interface that is there say.
    #[must_use]
    pub const fn of(up: bool, running: bool) -> Self {
        match (up, running) {
            (true, true) => Self::Up,
            (true, false) => Self::Stuck,
            (false, _) => Self::Down,
        }
    }

    /// The words shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Stuck => "up but not running",
            Self::Down => "down",
            Self::Absent => "absent",
        }
    }
}

/// `net.inet.carp.*`, see carp(4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarpSysctls {
    /// CARP takes part at all.
    pub allow: bool,
    /// A better node takes over from a living MASTER.
    pub preempt: bool,
    /// The sum of all demotions.
    pub demotion: Demotion,
    /// What one vhid on a dead interface adds.
    pub ifdown_demotion_factor: Demotion,
    /// What failing to send adverts adds.
    pub senderr_demotion_factor: Demotion,
    /// What a pfsync bulk update adds (`net.pfsync.carp_demotion_factor`).
    pub pfsync_demotion_factor: Demotion,
}

/// `net.inet.carp.stats`: the counters that tell something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarpCounters {
    /// IPv4 adverts received.
    pub ipackets: u64,
    /// IPv6 adverts received.
    pub ipackets6: u64,
    /// Adverts with another key or another address list.
    pub badauth: u64,
    /// Adverts for a vhid that is not configured here.
    pub badvhid: u64,
    /// IPv4 adverts sent.
    pub opackets: u64,
    /// IPv6 adverts sent.
    pub opackets6: u64,
    /// Adverts with another TTL than 255: routed, not sent by a neighbour.
    #[serde(default)]
    pub badttl: u64,
    /// Adverts that are too short, or of another version or checksum than theirs.
    #[serde(default)]
    pub malformed: u64,
    /// Adverts that were not sent for want of memory.
    #[serde(default)]
    pub unsent: u64,
}

/// `pfsync0`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PfsyncSnapshot {
    /// Where states are sent; without it pfsync is off.
    pub syncdev: Option<InterfaceName>,
    /// The unicast peer, if not the multicast group.
    pub syncpeer: Option<IpAddr>,
    /// The largest packet of states, in bytes; the kernel takes it over from the syncdev.
    #[serde(default)]
    pub mtu: Option<u32>,
    /// Message format: 1301, 1400 or 1500.
    pub version: u32,
    /// No bulk update is running. True also if one failed: the kernel then pretends success.
    pub in_sync: bool,
    /// States packets received.
    pub ipackets: u64,
    /// States packets sent.
    pub opackets: u64,
}

impl PfsyncSnapshot {
    fn settings(&self) -> (Option<&InterfaceName>, Option<IpAddr>, u32, bool) {
        (self.syncdev.as_ref(), self.syncpeer, self.version, self.in_sync)
    }
}
