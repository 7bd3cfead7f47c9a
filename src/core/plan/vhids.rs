//! The vhids' part of a plan: what is different about each, and the order in which that is put right.

use std::net::IpAddr;

use ipnet::IpNet;

use super::effect::{Differs, Effect, takeover};
use super::{Step, Wanted, WantedVhid, same_address};
use crate::model::{CarpState, Inventory, VhidInventory, VhidRef, VhidSettings, Write};

/// All that is to be done to one vhid.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) id: &'a VhidRef,
    /// `None`: it is to be removed.
    pub(super) want: Option<&'a WantedVhid>,
    /// `None`: the kernel does not have it.
    pub(super) have: Option<&'a VhidInventory>,
    pub(super) delete: Vec<IpNet>,
    pub(super) add: Vec<IpNet>,
}

/// One batch for each vhid that the file owns or a person wants to be gone.
pub(super) fn batches<'a>(wanted: &'a Wanted, have: &'a Inventory) -> Vec<Batch<'a>> {
    let kept = wanted.vhids.iter().map(|want| {
        let have = have.vhid(&want.id);
        let there = have.map_or(&[][..], |vhid| &vhid.seen.addresses);
        let delete = there.iter().filter(|net| !want.addresses.contains(net)).copied().collect();
        let add = want.addresses.iter().filter(|net| !there.contains(net)).copied().collect();
        Batch { id: &want.id, want: Some(want), have, delete, add }
    });
    let gone = wanted.remove.iter().filter_map(|id| {
        let vhid = have.vhid(id)?;
        let delete = vhid.seen.addresses.clone();
        Some(Batch { id, want: None, have: Some(vhid), delete, add: Vec::new() })
    });
    kept.chain(gone).collect()
}

impl Batch<'_> {
    fn state(&self) -> CarpState {
        self.have.map_or(CarpState::Init, |vhid| vhid.seen.state)
    }

    fn takes_part(&self) -> bool {
        self.state() != CarpState::Init
    }

    /// Whether the deletions leave it without an address, so that it ceases to exist.
    fn is_emptied(&self) -> bool {
        self.have.is_some_and(|vhid| !vhid.seen.addresses.is_empty() && self.delete.len() == vhid.seen.addresses.len())
    }

    fn deletes(&self, ip: IpAddr, of: &VhidRef) -> bool {
        self.delete.iter().any(|net| same_address((of, ip), (&self.id.interface, net.addr())))
    }

    /// Whether an address goes from one of these vhids to the other.
    fn exchanges(&self, other: &Self) -> bool {
        let gives = |from: &Self, to: &Self| to.add.iter().any(|net| from.deletes(net.addr(), to.id));
        gives(self, other) || gives(other, self)
    }
}

/// The writes, a vhid that is MASTER here after those that are not.
pub(super) fn steps(batches: &[Batch<'_>], steps: &mut Vec<Step>) {
    let mut groups = groups(batches);
    groups.sort_by_key(|group| {
        let master = group.iter().any(|batch| batch.state() == CarpState::Master);
        (master, group.first().map(|batch| batch.id))
    });
    for group in groups {
        for batch in &group {
            before(batch, &group, steps);
        }
        for batch in &group {
            after(batch, &group, steps);
        }
    }
}

/// Vhids that exchange addresses are handled together: an address has to be gone from one before it can be added to another.
fn groups<'a, 'b>(batches: &'b [Batch<'a>]) -> Vec<Vec<&'b Batch<'a>>> {
    let mut groups: Vec<Vec<&Batch<'_>>> = Vec::new();
    for batch in batches {
        let (mut joined, apart): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| group.iter().any(|other| other.exchanges(batch)));
        groups = apart;
        let mut group: Vec<&Batch<'_>> = joined.drain(..).flatten().collect();
        group.push(batch);
        groups.push(group);
    }
    groups
}

/// The address that is added before anything is deleted, because the vhid would cease to exist otherwise.
fn keeper(batch: &Batch<'_>, group: &[&Batch<'_>]) -> Option<IpNet> {
    let free = |net: &&IpNet| !group.iter().any(|other| other.deletes(net.addr(), batch.id));
    batch.add.iter().find(free).filter(|_| batch.is_emptied() && batch.want.is_some()).copied()
}

/// Up to the last deletion.
fn before(batch: &Batch<'_>, group: &[&Batch<'_>], steps: &mut Vec<Step>) {
    let keeper = keeper(batch, group);
    let made_anew = batch.is_emptied() && keeper.is_none();
    if let (Some(want), Some(have)) = (batch.want, batch.have)
        && !made_anew
    {
        steps.extend(change(want, have, batch.takes_part()));
    }
    let mut effects = match batch.want {
        Some(_) => bounce(batch),
        None => vec![Effect::End { id: batch.id.clone(), state: batch.state() }],
    };
    let mut step = |write, why: String| steps.push(Step { write, why, effects: std::mem::take(&mut effects) });
    let id = batch.id;
    if let Some(net) = keeper {
        let why = "it is not there yet, and without any address the vhid would end".to_owned();
        step(Write::AddAddress { id: id.clone(), net }, why);
    }
    for net in &batch.delete {
        step(Write::DeleteAddress { id: id.clone(), net: *net }, unwanted(batch, *net));
    }
}

/// From the creation of what is not there on.
fn after(batch: &Batch<'_>, group: &[&Batch<'_>], steps: &mut Vec<Step>) {
    let Some(want) = batch.want else { return };
    let keeper = keeper(batch, group);
    let made_anew = batch.is_emptied() && keeper.is_none();
    let mut effects = Vec::new();
    if batch.have.is_none() || made_anew {
        let why = if made_anew { "it ended with its last address" } else { "the kernel does not have it" };
        let write = Write::Vhid { id: want.id.clone(), settings: want.settings.clone() };
        steps.push(Step { write, why: why.to_owned(), effects: Vec::new() });
    }
    if batch.have.is_none() {
        effects.push(Effect::Begin { id: want.id.clone(), listens: takeover(&want.settings) });
    } else if batch.delete.is_empty() {
        effects = bounce(batch);
    }
    for net in batch.add.iter().filter(|net| Some(**net) != keeper) {
        let write = Write::AddAddress { id: want.id.clone(), net: *net };
        steps.push(Step { write, why: "it is not there yet".to_owned(), effects: std::mem::take(&mut effects) });
    }
}

/// What the changes to the addresses of a vhid that takes part in the election cause.
fn bounce(batch: &Batch<'_>) -> Vec<Effect> {
    let (Some(want), true) = (batch.want, batch.takes_part()) else { return Vec::new() };
    let state = batch.state();
    let without_master = if state == CarpState::Master { takeover(&want.settings) } else { Default::default() };
    let id = want.id.clone();
    let differ = Effect::TwoMasters { id: id.clone(), differs: Differs::Addresses };
    vec![Effect::Bounce { id, state, without_master }, differ]
}

/// A change of what a vhid has beside its addresses.
fn change(want: &WantedVhid, have: &VhidInventory, takes_part: bool) -> Option<Step> {
    let carp = have.seen.carp()?;
    let settings = &want.settings;
    let timing = (settings.advbase, settings.advskew) != (carp.advbase, carp.advskew);
    let peers = (settings.peer, settings.peer6) != (carp.peer, carp.peer6);
    let key = settings.key.is_some() && have.key.is_some() && settings.key != have.key;
    let mut why = Vec::new();
    let mut effects = Vec::new();
    if timing {
        why.push(format!("it has advbase {} advskew {}", carp.advbase.get(), carp.advskew.get()));
        effects.push(Effect::MayMove { id: want.id.clone() });
    }
    for (differs, text, which) in
        [(peers, "it has other peers", Differs::Peer), (key, "it has another key", Differs::Key)]
    {
        if differs {
            why.push(text.to_owned());
            effects.push(Effect::TwoMasters { id: want.id.clone(), differs: which });
        }
    }
    if why.is_empty() {
        return None;
    }
    let settings = VhidSettings { key: settings.key.clone().filter(|_| key), ..settings.clone() };
    let effects = if takes_part { effects } else { Vec::new() };
    Some(Step { write: Write::Vhid { id: want.id.clone(), settings }, why: why.join(", "), effects })
}

fn unwanted(batch: &Batch<'_>, net: IpNet) -> String {
    let Some(want) = batch.want else { return format!("{} is to be removed", batch.id) };
    match want.addresses.iter().find(|other| other.addr() == net.addr()) {
        Some(other) => format!("its prefix length should be {}", other.prefix_len()),
        None => format!("carpd.toml does not list it under {}", batch.id),
    }
}
