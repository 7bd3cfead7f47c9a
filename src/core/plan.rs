//! What to write to the kernel so that it becomes what carpd.toml says, in which order, and what each write causes.
//!
//! The order: variables first, then pfsync, so that a node is held back until it has the states, then the vhids, those that are
//! MASTER here last. All that concerns one vhid stands together, so that it bounces once and not once for each address.
//! What the file does not name is not touched.

mod effect;
mod refusal;
#[cfg(test)]
mod tests;
mod vhids;

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

pub use effect::{Differs, Effect};
pub use refusal::Refusal;

use crate::core::io::Part;
use crate::model::{
    CarpParameters, CarpVariable, InterfaceName, Inventory, PfsyncSettings, VhidInventory, VhidRef, VhidSettings, Write,
};

/// What the kernel should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The vhids that the file owns. Each vhid and each address occurs once.
    pub vhids: Vec<WantedVhid>,
    /// Vhids that are to cease to exist, because a person has named them. The file's own cannot be among them.
    pub remove: Vec<VhidRef>,
    /// pfsync0; `None` leaves it alone. Version 0 keeps the one that the kernel has.
    pub pfsync: Option<PfsyncSettings>,
    /// `net.inet.carp.preempt`
    pub preempt: bool,
}

/// A vhid that should exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedVhid {
    /// Which one.
    pub id: VhidRef,
    /// All of it. Without a key it has none.
    pub settings: VhidSettings,
    /// Its addresses, and no other; never empty.
    pub addresses: Vec<IpNet>,
}

impl Wanted {
    /// The parts of it that the kernel has nothing of, each by itself: pfsync first, so that the node is held back until it has
    /// the states, then every vhid. `net.inet.carp.preempt` is left as it is, because it concerns vhids that are there.
    ///
    /// A vhid without addresses is in INIT and unheard: somebody has begun to create it and got no further.
    #[must_use]
    pub fn absent(&self, have: &Inventory) -> Vec<(Part, Self)> {
        let preempt = have.variable(CarpVariable::Preempt).is_some_and(|value| value != 0);
        let nothing = Self { vhids: Vec::new(), remove: Vec::new(), pfsync: None, preempt };
        let off = have.pfsync.as_ref().is_none_or(|pfsync| pfsync.syncdev.is_none());
        let pfsync = self.pfsync.iter().filter(|_| off).cloned();
        let pfsync = pfsync.map(|pfsync| (Part::Pfsync, Self { pfsync: Some(pfsync), ..nothing.clone() }));
        let is_absent = |id: &VhidRef| have.vhid(id).is_none_or(|vhid| vhid.seen.addresses.is_empty());
        let vhids = self.vhids.iter().filter(|vhid| is_absent(&vhid.id)).cloned();
        let vhids = vhids.map(|vhid| (Part::Vhid(vhid.id.clone()), Self { vhids: vec![vhid], ..nothing.clone() }));
        pfsync.chain(vhids).collect()
    }

    /// What leads back from `now` to what was `before` the file was applied, for the vhids that it concerns.
    ///
    /// An empty vhid is not brought back, and one that was created without an address yet is left: both are in INIT, unheard.
    #[must_use]
    pub fn as_it_was(&self, before: &Inventory, now: &Inventory) -> Self {
        let concerned = |id: &VhidRef| self.remove.contains(id) || self.vhids.iter().any(|vhid| vhid.id == *id);
        let there = |inventory: &Inventory| {
            let vhids = inventory.vhids.iter().filter(|vhid| !vhid.seen.addresses.is_empty());
            vhids.filter(|vhid| concerned(&vhid.seen.id)).cloned().collect::<Vec<_>>()
        };
        let created = there(now).into_iter().map(|vhid| vhid.seen.id).filter(|id| before.vhid(id).is_none());
        Self {
            vhids: there(before).into_iter().filter_map(WantedVhid::as_it_is).collect(),
            remove: created.collect(),
            pfsync: None,
            preempt: now.variable(CarpVariable::Preempt).is_some_and(|value| value != 0),
        }
    }
}

impl WantedVhid {
    /// One that is wanted as it is; `None` if it speaks VRRP, which is not carpd's to set.
    fn as_it_is(VhidInventory { seen, key }: VhidInventory) -> Option<Self> {
        let CarpParameters { advbase, advskew, peer, peer6 } = *seen.carp()?;
        let key = key.filter(|key| !key.significant().is_empty());
        let settings = VhidSettings { advbase, advskew, key, peer, peer6 };
        Some(Self { id: seen.id, settings, addresses: seen.addresses })
    }
}

/// The way from what is to what should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The writes, in the order in which they are to be made.
    pub steps: Vec<Step>,
    /// Vhids of the kernel that the file does not name. They are left alone.
    pub foreign: Vec<VhidRef>,
    /// Vhids whose key this process may not know, so that it may differ from the one wanted.
    pub unknown_keys: Vec<VhidRef>,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is written.
    pub write: Write,
    /// The difference that makes it necessary, for people.
    pub why: String,
    /// What follows from it. Of several changes to the addresses of one vhid only the first tells.
    pub effects: Vec<Effect>,
}

impl Plan {
    /// Whether the kernel is as it should be, as far as this process may know.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The vhids that take part in the election now and whose addresses change.
    ///
    /// Each of them goes through INIT, and its adverts are refused by a peer that has the other addresses.
    pub fn bouncing(&self) -> impl Iterator<Item = &VhidRef> {
        self.effects().filter_map(|effect| match effect {
            Effect::Bounce { id, .. } => Some(id),
            _ => None,
        })
    }

    /// The vhids that this node and a peer without these changes do not recognise each other in.
    pub fn two_masters(&self) -> impl Iterator<Item = &VhidRef> {
        self.effects().filter_map(|effect| match effect {
            Effect::TwoMasters { id, .. } => Some(id),
            _ => None,
        })
    }

    /// The longest time that a vhid which is MASTER here is without one, unless the peer takes over.
    #[must_use]
    pub fn without_master(&self) -> Duration {
        let gaps = self.effects().map(|effect| match effect {
            Effect::Bounce { without_master, .. } => *without_master,
            _ => Duration::ZERO,
        });
        gaps.max().unwrap_or_default()
    }

    /// The vhids that cease to exist because a person has named them.
    pub fn ending(&self) -> impl Iterator<Item = &VhidRef> {
        self.effects().filter_map(|effect| match effect {
            Effect::End { id, .. } => Some(id),
            _ => None,
        })
    }

    fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.steps.iter().flat_map(|step| &step.effects)
    }
}

/// Compares what is wanted with what the kernel has.
///
/// # Errors
/// Everything that stands in the way, all at once: then nothing should be written.
pub fn plan(wanted: &Wanted, have: &Inventory) -> Result<Plan, Vec<Refusal>> {
    let batches = vhids::batches(wanted, have);
    let refusals = refusal::all(wanted, have, &batches);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let mut steps = Vec::new();
    steps.extend(preempt(wanted, have));
    steps.extend(pfsync(wanted, have));
    vhids::steps(&batches, &mut steps);
    let owned = |id: &VhidRef| wanted.vhids.iter().any(|vhid| vhid.id == *id);
    let foreign = have.vhids.iter().map(|vhid| &vhid.seen.id).filter(|id| !owned(id) && !wanted.remove.contains(id));
    let hidden = have.vhids.iter().filter(|vhid| vhid.key.is_none() && owned(&vhid.seen.id));
    Ok(Plan {
        steps,
        foreign: foreign.cloned().collect(),
        unknown_keys: hidden.map(|vhid| vhid.seen.id.clone()).collect(),
    })
}

fn preempt(wanted: &Wanted, have: &Inventory) -> Option<Step> {
    let variable = CarpVariable::Preempt;
    let is = have.variable(variable)?;
    // The kernel takes any number for yes but 0 (carp_master_down_locked() and others test it for truth).
    if (is != 0) == wanted.preempt {
        return None;
    }
    let effects = vec![Effect::Preempt { on: wanted.preempt }];
    Some(Step {
        write: Write::Sysctl { variable, value: i32::from(wanted.preempt) },
        why: format!("it is {is}"),
        effects,
    })
}

fn pfsync(wanted: &Wanted, have: &Inventory) -> Option<Step> {
    let is = have.pfsync.as_ref()?;
    let mut should = wanted.pfsync.clone()?;
    if should.version == 0 {
        should.version = is.version;
    }
    if should == *is {
        return None;
    }
    let effects = should.syncdev.iter().map(|_| Effect::Bulk).collect();
    Some(Step { write: Write::Pfsync(should), why: format!("it has {is}"), effects })
}

/// Whether two addresses are one to the kernel: a link-local one exists once on each interface.
fn same_address(one: (&VhidRef, IpAddr), other: (&InterfaceName, IpAddr)) -> bool {
    let local = |ip: IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    one.1 == other.1 && (!local(one.1) || one.0.interface == *other.0)
}
