//! All that a plan compares with what is wanted.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{CarpKey, CarpVariable, Demotion, InterfaceName, PfsyncSettings, VhidRef, VhidSnapshot};

/// One look at everything in a kernel that a plan may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// All vhids, in the order of interface and vhid.
    pub vhids: Vec<VhidInventory>,
    /// All interfaces, those without CARP too, in the order of their names.
    pub interfaces: Vec<InterfaceInventory>,
    /// The variables of CARP that the kernel has, with their values.
    pub variables: Vec<(CarpVariable, i32)>,
    /// `net.inet.carp.demotion`
    pub demotion: Demotion,
    /// pfsync0; `None` where the kernel lacks it.
    pub pfsync: Option<PfsyncSettings>,
}

/// A vhid, with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VhidInventory {
    /// What everybody may see.
    pub seen: VhidSnapshot,
    /// Its key, all zero if it never got one; `None` if this process may not know it.
    pub key: Option<CarpKey>,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceInventory {
    /// Its name.
    pub name: InterfaceName,
    /// `IFF_UP`: the administrator wants it up.
    pub up: bool,
    /// The link state is exactly `LINK_STATE_UP`.
    pub link: bool,
    /// It is of a type that can carry a vhid: Ethernet, VLAN or bridge, with multicast (`carp_ioctl()`).
    pub may_carry_carp: bool,
    /// Its addresses that belong to no vhid, IPv4 first, in ascending order.
    pub plain: Vec<IpNet>,
}

impl Inventory {
    /// The vhid `id`, if the kernel has it.
    #[must_use]
    pub fn vhid(&self, id: &VhidRef) -> Option<&VhidInventory> {
        self.vhids.iter().find(|vhid| vhid.seen.id == *id)
    }

    /// The interface `name`, if the kernel has it.
    #[must_use]
    pub fn interface(&self, name: &InterfaceName) -> Option<&InterfaceInventory> {
        self.interfaces.iter().find(|interface| interface.name == *name)
    }

    /// The value of `variable`, if the kernel has it.
    #[must_use]
    pub fn variable(&self, variable: CarpVariable) -> Option<i32> {
        self.variables.iter().find(|(known, _)| *known == variable).map(|(_, value)| *value)
    }
}
