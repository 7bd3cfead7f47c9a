//! Checks of the entries of a vhid together.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::view::{View, describe, is_link_local};
use super::{Report, Single};
use crate::config::catalogue::opnsense as c;
use crate::config::opnsense::Interface;

pub(super) const CHECKS: &[Single] = &[
    (c::VHID_TWICE, vhid_twice),
    (c::VHID_ON_SEGMENT, vhid_on_segment),
    (c::ALIAS_WITHOUT_VHID, alias_without_vhid),
    (c::ALIAS_BEFORE_CARP, alias_before_carp),
    (c::MIXED_FAMILIES, mixed_families),
    (c::GUA_ROUTER, gua_router),
];

fn vhid_twice(view: &View<'_>, report: &mut Report) {
    for group in view.groups.values() {
        let Some((first, more)) = group.carps.split_first() else { continue };
        for vip in more {
            let cause = format!("{}: virtual IP number {} defines this vhid already", describe(vip), first.index);
            let remedy = "make it an IP alias with this vhid, or give it another vhid";
            report.add(view, vip.vhid.line_or(vip.line), vip.path("vhid"), cause, remedy);
        }
    }
}

fn vhid_on_segment(view: &View<'_>, report: &mut Report) {
    let mut by_number: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for ((key, vhid), group) in view.groups.iter().filter(|(_, group)| !group.carps.is_empty()) {
        by_number.entry(*vhid).or_default().extend(view.interface(key).zip(group.first()));
    }
    for places in by_number.values() {
        for (at, (interface, vip)) in places.iter().enumerate() {
            let Some((other, _)) = places[..at].iter().find(|(other, _)| share_segment(interface, other)) else {
                continue;
            };
            let cause = format!("{}: {} is on the same segment and has this vhid too", describe(vip), other.key);
            let remedy = "give one of them a vhid that is free on the segment";
            report.add(view, vip.vhid.line_or(vip.line), vip.path("vhid"), cause, remedy);
        }
    }
}

fn share_segment(a: &Interface, b: &Interface) -> bool {
    let same_device = a.device.is_some() && a.device == b.device;
    same_device || a.nets().any(|net| b.nets().any(|other| overlap(net, other)))
}

/// Two networks have addresses in common. Link-local ones are on every segment and say nothing.
fn overlap(a: IpNet, b: IpNet) -> bool {
    !is_link_local(a.addr()) && (a.contains(&b.network()) || b.contains(&a.network()))
}

fn alias_without_vhid(view: &View<'_>, report: &mut Report) {
    for group in view.groups.values().filter(|group| group.carps.is_empty()) {
        for vip in &group.aliases {
            let cause = format!("{}: no CARP entry on {} defines this vhid", describe(vip), vip.interface);
            let remedy = "create the CARP entry, correct the number, or clear it";
            report.add(view, vip.vhid.line_or(vip.line), vip.path("vhid"), cause, remedy);
        }
    }
}

fn alias_before_carp(view: &View<'_>, report: &mut Report) {
    for group in view.groups.values() {
        let Some(carp) = group.carps.first() else { continue };
        for vip in group.aliases.iter().filter(|vip| vip.index < carp.index) {
            let cause = format!("{}: comes before the CARP entry, number {}", describe(vip), carp.index);
            report.add(view, vip.line, vip.path("vhid"), cause, "delete the alias and add it again");
        }
    }
}

fn mixed_families(view: &View<'_>, report: &mut Report) {
    for group in view.groups.values() {
        let Some(first) = group.carps.first() else { continue };
        let v4 = group.addresses().any(|ip| ip.is_ipv4());
        if v4 && group.addresses().any(|ip| ip.is_ipv6()) {
            let cause = format!("{}: has addresses of both families", describe(first));
            report.add(view, first.line, first.path("vhid"), cause, "give the IPv6 addresses a vhid of their own");
        }
    }
}

fn gua_router(view: &View<'_>, report: &mut Report) {
    for interface in view.config.interfaces.iter().filter(|interface| !interface.is_upstream()) {
        let carps = || view.vhids_on(&interface.key).flat_map(|(_, group)| group.carps.iter().copied());
        let v6 = || carps().filter_map(|vip| Some((vip, *vip.address.get()?))).filter(|(_, ip)| ip.is_ipv6());
        let Some((vip, _)) = v6().next().filter(|_| !v6().any(|(_, ip)| is_link_local(ip))) else { continue };
        let cause = format!("{}: {} has no link-local CARP address that hosts could use", describe(vip), interface.key);
        let remedy = "add a CARP entry fe80::/64 with a vhid of its own, and announce it";
        report.add(view, vip.address.line_or(vip.line), vip.path("subnet"), cause, remedy);
    }
}
