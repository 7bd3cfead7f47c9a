//! Checks between the files of two nodes. Findings stand in the first, `own`; texts name both.

mod ha;
mod vhids;

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use super::PairCheck::{EachWay, Once};
use super::services::interface_of;
use super::view::View;
use super::{Pair, Report};
use crate::config::catalogue::opnsense::pair as c;
use crate::config::opnsense::{Advice, DhcpKind, Interface};

pub(super) const CHECKS: &[Pair] = &[
    (c::PAIR_ADDRESS_CLASH, Once(address_clash)),
    (c::PAIR_VHID_MISSING, EachWay(vhids::missing)),
    (c::PAIR_ADDRESSES, Once(vhids::addresses)),
    (c::PAIR_KEYS, Once(vhids::keys)),
    (c::PAIR_SAME_SKEW, Once(vhids::same_skew)),
    (c::PAIR_SKEW_ORDER, Once(vhids::skew_order)),
    (c::PAIR_ADVBASE, Once(vhids::advbase)),
    (c::PAIR_INTERFACES, Once(interfaces)),
    (c::PAIR_DEVICES, Once(devices)),
    (c::PAIR_PREEMPT, Once(ha::preempt)),
    (c::PAIR_PFSYNC_VERSION, Once(ha::pfsync_version)),
    (c::PAIR_PFSYNC_DEFAULT, Once(ha::pfsync_default)),
    (c::PAIR_PFSYNC_PEER, EachWay(ha::pfsync_peer)),
    (c::PAIR_PFSYNC_ONE, Once(ha::pfsync_one)),
    (c::PAIR_SYNC, Once(ha::sync_from_backup)),
    (c::PAIR_SYNC_TARGET, EachWay(ha::sync_target)),
    (c::PAIR_UNICAST_PEER, EachWay(vhids::unicast_peer)),
    (c::PAIR_DHCP, EachWay(dhcp)),
    (c::PAIR_MASKS, Once(vhids::masks)),
    (c::PAIR_KEA_NAME, Once(kea_name)),
    (c::PAIR_GATEWAY, Once(gateway)),
    (c::PAIR_VIP_CLASH, EachWay(vip_clash)),
];

fn address_clash(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    let theirs: HashSet<_> = other.own_addresses().map(|(ip, _)| ip).collect();
    for (ip, interface) in own.own_addresses().filter(|(ip, _)| theirs.contains(ip)) {
        let cause = format!("{ip} on {} is an own address of {} and of {}", interface.key, own.name(), other.name());
        report.add(
            own,
            interface.line,
            format!("interfaces/{}", interface.key),
            cause,
            "give each node its own address",
        );
    }
}

fn vip_clash(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    let theirs: HashSet<_> = other.own_addresses().map(|(ip, _)| ip).collect();
    for vip in &own.config.vips {
        if let Some(ip) = vip.address.get().filter(|ip| theirs.contains(ip)) {
            let cause = format!("the virtual IP {ip} of {} is an own address of {}", own.name(), other.name());
            let remedy = format!("give {} another own address", other.name());
            report.add(own, vip.address.line_or(vip.line), vip.path("subnet"), cause, remedy);
        }
    }
}

/// The interface keys that matter to the pair: with CARP addresses or pfsync on either node.
fn shared_keys<'v>(own: &View<'v>, other: &View<'v>) -> BTreeSet<&'v str> {
    let keys = |view: &View<'v>| {
        let carp = view.groups.keys().map(|(key, _)| *key).collect::<Vec<_>>();
        let pfsync = view.config.ha.pfsync.as_ref().map(|pfsync| pfsync.interface.as_str());
        carp.into_iter().chain(pfsync)
    };
    keys(own).chain(keys(other)).collect()
}

fn interfaces(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    for key in shared_keys(own, other) {
        let (line, cause) = match (own.interface(key), other.interface(key)) {
            (Some(mine), Some(theirs)) => {
                let Some((a, b)) = different_nets(mine, theirs) else { continue };
                (mine.line, format!("{key} is {a} on {} and {b} on {}", own.name(), other.name()))
            }
            (Some(mine), None) => (mine.line, format!("{} has no {key}", other.name())),
            (None, Some(_)) => (0, format!("{} has no {key}", own.name())),
            (None, None) => continue,
        };
        let remedy = "assign the interfaces alike on both nodes";
        report.add(own, line, format!("interfaces/{key}"), cause, remedy);
    }
}

/// The networks of one family in which the two are not neighbours.
fn different_nets(a: &Interface, b: &Interface) -> Option<(String, String)> {
    let differ = |a: ipnet::IpNet, b: ipnet::IpNet| !a.contains(&b.addr()) && !b.contains(&a.addr());
    let families = [a.v4.fixed().zip(b.v4.fixed()), a.v6.fixed().zip(b.v6.fixed())];
    let (a, b) = families.into_iter().flatten().find(|(a, b)| differ(*a, *b))?;
    Some((a.trunc().to_string(), b.trunc().to_string()))
}

fn devices(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    if own.config.ha.pfsync.is_none() && other.config.ha.pfsync.is_none() {
        return;
    }
    for interface in own.config.interfaces.iter().filter(|interface| interface.enabled) {
        let theirs = other.interface(&interface.key).filter(|theirs| theirs.enabled);
        let pair = interface.device.as_ref().zip(theirs.and_then(|theirs| theirs.device.as_ref()));
        let Some((mine, theirs)) = pair.filter(|(mine, theirs)| mine != theirs) else { continue };
        let key = &interface.key;
        let cause = format!("{key} is {mine} on {} and {theirs} on {}", own.name(), other.name());
        let remedy = "use equal device names, for example by lagg(4)";
        report.add(own, interface.line, format!("interfaces/{key}/if"), cause, remedy);
    }
}

fn dhcp(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    for server in &own.config.dhcp {
        let Some(interface) = interface_of(own, server).filter(|interface| own.carries_carp(&interface.key)) else {
            continue;
        };
        let Some(theirs) = other.interface(&interface.key).and_then(|i| i.v4.fixed()).map(|net| net.addr()) else {
            continue;
        };
        let names = |advice: &Advice| matches!(advice, Advice::These(list) if list[..] == [theirs]);
        let key = &interface.key;
        let mut add = |what: &str, line: u32, cause: String, remedy: String| {
            report.add(own, line, format!("{}/{what}", server.path), format!("DHCP on {key}: {cause}"), remedy);
        };
        let vip = own.virtual_addresses(key).iter().find(|ip| ip.is_ipv4()).map_or_else(String::new, IpAddr::to_string);
        // A gateway that is no virtual IP is a finding of the one file already; a name server may be any.
        if names(&server.dns) {
            let cause = format!("the only name server {theirs} is {} itself", other.name());
            add("dnsserver", server.dns_line, cause, format!("give out {vip}"));
        }
        let peer = server.failover_peer.get().filter(|peer| server.kind == DhcpKind::Isc && **peer != theirs);
        if let Some(peer) = peer {
            let cause = format!("the failover peer {peer} is not {}, which has {theirs}", other.name());
            add("failover_peerip", server.failover_peer.line_or(server.line), cause, format!("enter {theirs}"));
        }
    }
}

fn kea_name(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    let (mine, theirs) = (&own.config.kea_ha, &other.config.kea_ha);
    if mine.enabled && theirs.enabled && !mine.this_server.is_empty() && mine.this_server == theirs.this_server {
        let cause = format!("Kea calls itself {:?} on both nodes", mine.this_server);
        report.add(own, mine.line, "OPNsense/Kea/dhcp4/ha/this_server_name", cause, "enter another name on each node");
    }
}

fn gateway(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    for gateway in
        own.config.gateways.iter().filter(|gateway| !gateway.disabled && own.carries_carp(&gateway.interface))
    {
        let Some(ip) = gateway.address else { continue };
        let theirs = other.config.gateways.iter().filter(|g| !g.disabled && g.interface == gateway.interface);
        let theirs: Vec<_> = theirs.filter_map(|g| g.address).filter(|g| g.is_ipv4() == ip.is_ipv4()).collect();
        if !theirs.is_empty() && !theirs.contains(&ip) {
            let there = theirs[0];
            let cause =
                format!("{} goes out by {ip} on {}, {} by {there}", own.name(), gateway.interface, other.name());
            report.add(
                own,
                gateway.line,
                format!("gateway {}", gateway.name),
                cause,
                "enter the same gateway on both nodes",
            );
        }
    }
}
