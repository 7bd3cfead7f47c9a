//! What stands in the way of a plan, found before anything is written.

use std::collections::BTreeSet;
use std::fmt;

use ipnet::IpNet;

use super::vhids::Batch;
use super::{Wanted, same_address};
use crate::model::{CarpVariable, InterfaceName, Inventory, VhidRef};

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The kernel has no CARP.
    NoCarp,
    /// The kernel has no such interface.
    NoInterface {
        /// Which.
        interface: InterfaceName,
    },
    /// An interface is administratively down. Adding an address would raise it.
    Down {
        /// Which.
        interface: InterfaceName,
    },
    /// An interface is of a type that carries no vhid.
    NotCapable {
        /// Which.
        interface: InterfaceName,
    },
    /// An address of the file is there without a vhid.
    Plain {
        /// As it is there.
        net: IpNet,
        /// Where.
        interface: InterfaceName,
        /// The vhid that should have it.
        wanted: VhidRef,
    },
    /// An address of the file is under a vhid that the file does not own.
    Foreign {
        /// As it is there.
        net: IpNet,
        /// The vhid that has it.
        owner: VhidRef,
        /// The vhid that should have it.
        wanted: VhidRef,
    },
    /// The kernel's vhid has a key and the file names none. A key cannot be taken away.
    KeyStays {
        /// Which vhid.
        id: VhidRef,
    },
    /// The kernel's vhid speaks VRRP. The file's vhids speak CARP, and one protocol does not become the other.
    Vrrp {
        /// Which vhid.
        id: VhidRef,
    },
    /// The kernel has no pfsync.
    NoPfsync,
    /// The syncdev does not exist.
    NoSyncdev {
        /// Which.
        interface: InterfaceName,
    },
    /// A vhid that should be removed stands in the file.
    Owned {
        /// Which.
        id: VhidRef,
    },
    /// A vhid that should be removed has no address, and only the removal of an address ends a vhid.
    Empty {
        /// Which.
        id: VhidRef,
    },
}

impl Refusal {
    /// What it is about.
    #[must_use]
    pub fn object(&self) -> String {
        match self {
            Self::NoCarp => "carp".to_owned(),
            Self::NoInterface { interface } | Self::Down { interface } | Self::NotCapable { interface } => {
                interface.to_string()
            }
            Self::Plain { net, .. } | Self::Foreign { net, .. } => net.addr().to_string(),
            Self::KeyStays { id } | Self::Vrrp { id } | Self::Owned { id } | Self::Empty { id } => id.to_string(),
            Self::NoPfsync => "pfsync0".to_owned(),
            Self::NoSyncdev { interface } => interface.to_string(),
        }
    }

    /// What is the case.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::NoCarp => "the kernel has no CARP".to_owned(),
            Self::NoInterface { .. } => "there is no such interface".to_owned(),
            Self::Down { .. } => "it is administratively down, and adding an address would raise it".to_owned(),
            Self::NotCapable { .. } => {
                "it cannot carry a vhid: only Ethernet, VLAN and bridge interfaces with multicast can".to_owned()
            }
            Self::Plain { net, interface, wanted } => {
                format!("{interface} has {net} without a vhid, and it should be under {wanted}")
            }
            Self::Foreign { net, owner, wanted } => {
                format!("{net} is under {owner}, which carpd.toml does not own, and it should be under {wanted}")
            }
            Self::KeyStays { .. } => "it has a key, carpd.toml names none, and a key cannot be taken away".to_owned(),
            Self::Vrrp { .. } => "it speaks VRRP, and carpd.toml's vhids speak CARP".to_owned(),
            Self::NoPfsync => "the kernel has no pfsync".to_owned(),
            Self::NoSyncdev { .. } => "it should be pfsync's syncdev, but there is no such interface".to_owned(),
            Self::Owned { .. } => "carpd.toml names it".to_owned(),
            Self::Empty { .. } => "it has no address, and only the removal of the last address ends a vhid".to_owned(),
        }
    }

    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::NoCarp => {
                "load it with `kldload carp`, and at every boot with carp_load=\"YES\" in loader.conf".to_owned()
            }
            Self::NoInterface { .. } | Self::NoSyncdev { .. } => {
                "create it first, or correct its name in carpd.toml".to_owned()
            }
            Self::Down { interface } => format!("run `ifconfig {interface} up` if it is meant to be up"),
            Self::NotCapable { .. } => "put the vhid on the interface below or above it".to_owned(),
            Self::Plain { net, interface, .. } => {
                let family = if net.addr().is_ipv4() { "inet" } else { "inet6" };
                format!(
                    "run `ifconfig {interface} {family} {} delete`, and take it out of rc.conf if it stands there",
                    net.addr()
                )
            }
            Self::Foreign { owner, .. } => {
                format!("name {owner} in carpd.toml, or remove it from the kernel with `--remove {owner}`")
            }
            Self::KeyStays { .. } => "name the file with its password in password_file".to_owned(),
            Self::Vrrp { id } => {
                format!(
                    "take it out of carpd.toml; if it is to speak CARP, end it with `--remove {id}` then, and put it back"
                )
            }
            Self::NoPfsync => {
                "load it with `kldload pfsync`, and at every boot with pfsync_load=\"YES\" in loader.conf".to_owned()
            }
            Self::Owned { .. } => "take it out of carpd.toml first".to_owned(),
            Self::Empty { id } => {
                format!("give it an address with ifconfig, then run it again, or leave {id} until the next boot")
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.object(), self.cause(), self.remedy())
    }
}

/// Everything that stands in the way, each thing once.
pub(super) fn all(wanted: &Wanted, have: &Inventory, batches: &[Batch<'_>]) -> Vec<Refusal> {
    let mut found = BTreeSet::new();
    if have.variable(CarpVariable::Preempt).is_none() {
        found.insert(Refusal::NoCarp);
    }
    for batch in batches {
        interface(batch, have, &mut found);
        taken(batch, batches, have, &mut found);
        let has_key = batch.have.and_then(|vhid| vhid.key.as_ref()).is_some_and(|key| !key.significant().is_empty());
        if has_key && batch.want.is_some_and(|vhid| vhid.settings.key.is_none()) {
            found.insert(Refusal::KeyStays { id: batch.id.clone() });
        }
        if batch.want.is_some() && batch.have.is_some_and(|vhid| vhid.seen.carp().is_none()) {
            found.insert(Refusal::Vrrp { id: batch.id.clone() });
        }
        if batch.want.is_none() && batch.have.is_some_and(|vhid| vhid.seen.addresses.is_empty()) {
            found.insert(Refusal::Empty { id: batch.id.clone() });
        }
    }
    let owned = wanted.remove.iter().filter(|id| wanted.vhids.iter().any(|vhid| vhid.id == **id));
    found.extend(owned.map(|id| Refusal::Owned { id: id.clone() }));
    if let Some(pfsync) = &wanted.pfsync {
        if have.pfsync.is_none() {
            found.insert(Refusal::NoPfsync);
        }
        let absent = pfsync.syncdev.iter().filter(|name| have.interface(name).is_none());
        found.extend(absent.map(|interface| Refusal::NoSyncdev { interface: interface.clone() }));
    }
    found.into_iter().collect()
}

/// Only an addition needs something of the interface: a vhid that is as it should be may well be on one that is down.
fn interface(batch: &Batch<'_>, have: &Inventory, found: &mut BTreeSet<Refusal>) {
    if batch.add.is_empty() {
        return;
    }
    let name = batch.id.interface.clone();
    match have.interface(&name) {
        None => drop(found.insert(Refusal::NoInterface { interface: name })),
        Some(interface) => {
            if !interface.may_carry_carp {
                found.insert(Refusal::NotCapable { interface: name.clone() });
            }
            if !interface.up {
                found.insert(Refusal::Down { interface: name });
            }
        }
    }
}

/// Addresses that somebody else has and that this plan does not take from him.
fn taken(batch: &Batch<'_>, batches: &[Batch<'_>], have: &Inventory, found: &mut BTreeSet<Refusal>) {
    for net in &batch.add {
        for interface in &have.interfaces {
            let same = |plain: &&IpNet| same_address((batch.id, net.addr()), (&interface.name, plain.addr()));
            found.extend(interface.plain.iter().filter(same).map(|plain| Refusal::Plain {
                net: *plain,
                interface: interface.name.clone(),
                wanted: batch.id.clone(),
            }));
        }
        for vhid in &have.vhids {
            let owner = &vhid.seen.id;
            let same = |other: &&IpNet| same_address((batch.id, net.addr()), (&owner.interface, other.addr()));
            let ours = batches.iter().any(|other| other.id == owner);
            found.extend(vhid.seen.addresses.iter().filter(same).filter(|_| !ours).map(|other| Refusal::Foreign {
                net: *other,
                owner: owner.clone(),
                wanted: batch.id.clone(),
            }));
        }
    }
}
