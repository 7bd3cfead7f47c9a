//! What has to agree, and what has to differ, between the vhids of the two nodes.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::Report;
use super::super::view::{Group, View, describe};
use crate::config::opnsense::Vip;

/// A vhid that both nodes have under the same interface key.
struct Both<'s, 'v> {
    own: &'s Group<'v>,
    other: &'s Group<'v>,
    /// The entry of mode CARP here.
    vip: &'v Vip,
    /// The one there.
    their_vip: &'v Vip,
}

fn both<'s, 'v>(own: &'s View<'v>, other: &'s View<'v>) -> impl Iterator<Item = Both<'s, 'v>> {
    own.groups.iter().filter_map(|(id, group)| {
        let theirs = other.groups.get(id)?;
        Some(Both { own: group, other: theirs, vip: group.carps.first()?, their_vip: theirs.carps.first()? })
    })
}

fn sorted(group: &Group<'_>) -> BTreeSet<IpAddr> {
    group.addresses().collect()
}

fn list(addresses: &BTreeSet<IpAddr>) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

pub(super) fn missing(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    for ((key, vhid), group) in &own.groups {
        let there = other.groups.get(&(*key, *vhid)).is_some_and(|group| !group.carps.is_empty());
        let Some(vip) = group.carps.first().filter(|_| !there) else { continue };
        let cause = format!("{}: {} has no vhid {vhid} on {key}", describe(vip), other.name());
        let remedy = format!("synchronize, or add it on {}", other.name());
        report.add(own, vip.line, vip.path("vhid"), cause, remedy);
    }
}

pub(super) fn addresses(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    for pair in both(own, other) {
        let (mine, theirs) = (sorted(pair.own), sorted(pair.other));
        let only = |a: &BTreeSet<IpAddr>, b: &BTreeSet<IpAddr>| a.difference(b).copied().collect::<BTreeSet<_>>();
        let (here, there) = (only(&mine, &theirs), only(&theirs, &mine));
        let parts = [(own.name(), here), (other.name(), there)];
        let said: Vec<_> = parts.into_iter().filter(|(_, set)| !set.is_empty()).collect();
        if said.is_empty() {
            continue;
        }
        let said: Vec<_> = said.iter().map(|(name, set)| format!("only {name} has {}", list(set))).collect();
        let cause = format!("{}: {}", describe(pair.vip), said.join("; "));
        let remedy = "make the lists equal, with CARP disabled on one node meanwhile";
        report.add(own, pair.vip.line, pair.vip.path("subnet"), cause, remedy);
    }
}

pub(super) fn masks(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    for pair in both(own, other) {
        for vip in pair.own.carps.iter().chain(&pair.own.aliases) {
            let same = |theirs: &&&Vip| theirs.address.get() == vip.address.get() && vip.address.get().is_some();
            let Some(theirs) = pair.other.carps.iter().chain(&pair.other.aliases).find(same) else { continue };
            let Some((a, b)) = vip.bits.get().zip(theirs.bits.get()).filter(|(a, b)| a != b) else { continue };
            let cause = format!("{}: /{a} on {}, /{b} on {}", describe(vip), own.name(), other.name());
            report.add(own, vip.bits.line_or(vip.line), vip.path("subnet_bits"), cause, "use the mask of the network");
        }
    }
}

pub(super) fn keys(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    for pair in both(own, other).filter(|pair| pair.vip.password.key != pair.their_vip.password.key) {
        let cause = format!("{}: {} and {} have different passwords", describe(pair.vip), own.name(), other.name());
        let remedy = "set the same password on both nodes, then set the interface up again";
        report.add(own, pair.vip.password.line, pair.vip.path("password"), cause, remedy);
    }
}

/// Which node's adverts win: the one that sends more often. None if that cannot be told or nobody wins.
fn preferred(pair: &Both<'_, '_>) -> Option<Ordering> {
    let interval = |vip: &Vip| {
        let base = vip.advbase.get().map_or(1, |base| base.get());
        let skew = if vip.advskew.is_unset() { 0 } else { vip.advskew.get()?.get() };
        Some((base, skew))
    };
    Some(interval(pair.vip)?.cmp(&interval(pair.their_vip)?))
}

/// +1 for each vhid that prefers `own`, -1 for each that prefers `other`.
pub(super) fn preference(own: &View<'_>, other: &View<'_>) -> i64 {
    let each = both(own, other).filter_map(|pair| preferred(&pair));
    each.map(|order| match order {
        Ordering::Less => 1,
        Ordering::Greater => -1,
        Ordering::Equal => 0,
    })
    .sum()
}

pub(super) fn same_skew(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    for pair in both(own, other).filter(|pair| preferred(pair) == Some(Ordering::Equal)) {
        let vip = pair.vip;
        let skew = vip.advskew.get().map_or(0, |skew| skew.get());
        let cause = format!("{}: advskew is {skew} on {} and on {}", describe(vip), own.name(), other.name());
        let remedy = "use 0 on the primary and 100 on the other node";
        report.add(own, vip.advskew.line_or(vip.line), vip.path("advskew"), cause, remedy);
    }
}

pub(super) fn skew_order(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    let preferring = |wanted: Ordering| {
        let found = both(own, other).filter(move |pair| preferred(pair) == Some(wanted));
        found.map(|pair| pair.vip).collect::<Vec<_>>()
    };
    let (mine, theirs) = (preferring(Ordering::Less), preferring(Ordering::Greater));
    // The smaller party is the likely mistake.
    let Some(vip) = (if mine.len() < theirs.len() { mine.first() } else { theirs.first() }) else { return };
    if mine.is_empty() || theirs.is_empty() {
        return;
    }
    let names = |vips: &[&Vip]| vips.iter().map(|vip| describe(vip)).collect::<Vec<_>>().join(", ");
    let cause = format!("{} is preferred for {}, {} for {}", own.name(), names(&mine), other.name(), names(&theirs));
    let remedy = "give one node the lower skew for all, unless two independent groups are meant";
    report.add(own, vip.advskew.line_or(vip.line), vip.path("advskew"), cause, remedy);
}

pub(super) fn advbase(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    for pair in both(own, other) {
        let base = |vip: &Vip| if vip.advbase.is_unset() { Some(1) } else { vip.advbase.get().map(|base| base.get()) };
        let Some((a, b)) = base(pair.vip).zip(base(pair.their_vip)).filter(|(a, b)| a != b) else { continue };
        let vip = pair.vip;
        let cause = format!("{}: advbase is {a} on {} and {b} on {}", describe(vip), own.name(), other.name());
        report.add(own, vip.advbase.line_or(vip.line), vip.path("advbase"), cause, "use 1 on both nodes");
    }
}

pub(super) fn unicast_peer(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    for pair in both(own, other) {
        let vip = pair.vip;
        let Some(there) = other.interface(&vip.interface) else { continue };
        for (name, field) in [("peer", &vip.peer), ("peer6", &vip.peer6)] {
            let Some(peer) = field.get().copied().filter(|peer| !peer.is_multicast()) else { continue };
            // The other node's link-local addresses, and those it gets from elsewhere, are not in its file.
            let Some(address) = there.net_like(peer).map(|net| net.addr()) else { continue };
            if address == peer || super::super::view::is_link_local(peer) {
                continue;
            }
            let cause = format!("{}: the peer {peer} is not {}, which has {address}", describe(vip), other.name());
            report.add(own, field.line_or(vip.line), vip.path(name), cause, format!("enter {address}"));
        }
    }
}
