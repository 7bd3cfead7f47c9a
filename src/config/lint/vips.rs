//! Checks of each virtual IP by itself.

use std::collections::HashMap;
use std::net::IpAddr;

use super::ha::looks_like_backup;
use super::view::{View, describe, is_link_local};
use super::{Report, Single};
use crate::config::catalogue::opnsense as c;
use crate::config::opnsense::{Addressing, Field, Vip, VipMode};
use crate::model::{AdvSkew, CarpKey};

pub(super) const CHECKS: &[Single] = &[
    (c::UNKNOWN_INTERFACE, unknown_interface),
    (c::DISABLED_INTERFACE, disabled_interface),
    (c::VHID_RANGE, vhid_range),
    (c::VIP_ADDRESS, address),
    (c::ADVERT_INTERVAL, advert_interval),
    (c::VIP_MASK, mask),
    (c::VIP_OUTSIDE, outside),
    (c::MODE_OTHER, mode_other),
    (c::ADVSKEW_LARGE, advskew_large),
    (c::ADVBASE_LARGE, advbase_large),
    (c::PASSWORD_EMPTY, password_empty),
    (c::PASSWORD_SHORT, password_short),
    (c::PASSWORD_LONG, password_long),
    (c::UNICAST_SYNCED, unicast_synced),
    (c::PEER_WRONG, peer_wrong),
    (c::PEER_OCTET, peer_octet),
    (c::ADDRESS_TWICE, address_twice),
    (c::NO_INTERFACES, no_interfaces),
];

/// Fewer characters than this can be tried out within seconds.
const SHORT: usize = 8;

/// Slower than this, and a failover takes more than 6 s.
const ADVBASE_USUAL: u8 = 2;

fn carps<'v>(view: &View<'v>) -> impl Iterator<Item = &'v Vip> {
    view.config.vips.iter().filter(|vip| vip.is_carp())
}

/// The entries that OPNsense does something with.
fn used<'v>(view: &View<'v>) -> impl Iterator<Item = &'v Vip> {
    view.config.vips.iter().filter(|vip| !matches!(vip.mode, VipMode::Other(_)))
}

fn no_interfaces(view: &View<'_>, report: &mut Report) {
    if view.config.interfaces.is_empty() {
        let cause = "no interface is assigned, so this is not the whole configuration of a firewall".to_owned();
        report.add(view, 0, "interfaces", cause, "compare it with the newest file below /conf/backup");
    }
}

fn unknown_interface(view: &View<'_>, report: &mut Report) {
    // Old files do not list the loopback interface, and aliases on it are legal.
    for vip in used(view).filter(|vip| vip.interface != "lo0") {
        if view.interface(&vip.interface).is_none_or(|interface| interface.device.is_none()) {
            let cause = format!("{}: no interface {:?} with a device is assigned", describe(vip), vip.interface);
            report.add(
                view,
                vip.line,
                vip.path("interface"),
                cause,
                "choose an assigned interface, or delete the entry",
            );
        }
    }
}

fn disabled_interface(view: &View<'_>, report: &mut Report) {
    for vip in carps(view).chain(view.config.vips.iter().filter(|vip| vip.is_vhid_alias())) {
        if view.interface(&vip.interface).is_some_and(|interface| !interface.enabled) {
            let cause = format!("{}: the interface is not enabled", describe(vip));
            let remedy = format!("enable {} or delete the entry", vip.interface);
            report.add(view, vip.line, vip.path("interface"), cause, remedy);
        }
    }
}

fn vhid_range(view: &View<'_>, report: &mut Report) {
    for vip in used(view) {
        let cause = match &vip.vhid {
            Field::Wrong { text, .. } => format!("{}: vhid {text:?} is not 1 to 255", describe(vip)),
            Field::Unset if vip.is_carp() => format!("{}: a CARP entry without a vhid", describe(vip)),
            _ => continue,
        };
        let remedy = "enter a number from 1 to 255 that nothing else on the segment uses";
        report.add(view, vip.vhid.line_or(vip.line), vip.path("vhid"), cause, remedy);
    }
}

fn address(view: &View<'_>, report: &mut Report) {
    for vip in used(view) {
        let (field, cause) = match (&vip.address, &vip.bits) {
            (Field::Unset, _) => ("subnet", "has no address".to_owned()),
            (Field::Wrong { text, .. }, _) => ("subnet", format!("{text:?} is not an address")),
            (_, Field::Unset) => ("subnet_bits", "has no prefix length".to_owned()),
            (_, Field::Wrong { text, .. }) => ("subnet_bits", format!("{text:?} is not a prefix length")),
            (Field::Valid { value, .. }, Field::Valid { value: bits, .. }) if value.is_ipv4() && *bits > 32 => {
                ("subnet_bits", format!("/{bits} is not a prefix length of IPv4"))
            }
            _ => continue,
        };
        let line = if field == "subnet" { vip.address.line_or(vip.line) } else { vip.bits.line_or(vip.line) };
        let cause = format!("virtual IP {}: {cause}", describe(vip));
        report.add(view, line, vip.path(field), cause, "enter an address with the mask of its network");
    }
}

fn advert_interval(view: &View<'_>, report: &mut Report) {
    for vip in carps(view) {
        if let Field::Wrong { text, line } = &vip.advbase {
            let cause = format!("{}: advbase {text:?} is not 1 to 254 seconds", describe(vip));
            report.add(view, *line, vip.path("advbase"), cause, "enter 1, the same on both nodes");
        }
        if let Field::Wrong { text, line } = &vip.advskew {
            let cause = format!("{}: advskew {text:?} is not 0 to 254", describe(vip));
            report.add(view, *line, vip.path("advskew"), cause, "enter 0 on the primary and 100 on the other node");
        }
    }
}

fn mask(view: &View<'_>, report: &mut Report) {
    for vip in carps(view) {
        let Some(net) = vip.net() else { continue };
        let wanted: Vec<u8> = if is_link_local(net.addr()) && net.addr().is_ipv6() {
            vec![64]
        } else {
            let nets = view.own_nets(&vip.interface, net.addr());
            nets.iter().filter(|own| own.contains(&net.addr())).map(|own| own.prefix_len()).collect()
        };
        let Some(want) = wanted.first().filter(|_| !wanted.contains(&net.prefix_len())) else { continue };
        let cause = format!("{}: the mask is /{}, that of its network is /{want}", describe(vip), net.prefix_len());
        report.add(view, vip.bits.line_or(vip.line), vip.path("subnet_bits"), cause, format!("set it to /{want}"));
    }
}

fn outside(view: &View<'_>, report: &mut Report) {
    for vip in carps(view) {
        let Some((ip, interface)) = vip.address.get().copied().zip(view.interface(&vip.interface)) else { continue };
        let how = if ip.is_ipv4() { &interface.v4 } else { &interface.v6 };
        let nets = view.own_nets(&vip.interface, ip);
        // Which networks an address from the provider will lie in is not in the file.
        let unknown = matches!(how, Addressing::Dynamic(_));
        if unknown || is_link_local(ip) || nets.iter().any(|net| net.contains(&ip)) {
            continue;
        }
        let have = match &nets[..] {
            [] => format!("no {} address", if ip.is_ipv4() { "IPv4" } else { "IPv6" }),
            nets => nets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        let cause = format!("{}: {} has {have}", describe(vip), vip.interface);
        let remedy = "move it to the interface of its network, or give that interface an address in it";
        report.add(view, vip.address.line_or(vip.line), vip.path("subnet"), cause, remedy);
    }
}

fn mode_other(view: &View<'_>, report: &mut Report) {
    for vip in &view.config.vips {
        if let VipMode::Other(mode) = &vip.mode {
            let cause = format!("{}: the mode {mode:?} has no effect", describe(vip));
            report.add(
                view,
                vip.line,
                vip.path("mode"),
                cause,
                "delete the entry, or make it an IP alias or proxy ARP",
            );
        }
    }
}

fn advskew_large(view: &View<'_>, report: &mut Report) {
    for vip in carps(view) {
        let Some(skew) = vip.advskew.get().filter(|skew| skew.get() > AdvSkew::MAX_ADVERTISED) else { continue };
        let cause = format!("{}: advskew {} is sent as {}", describe(vip), skew.get(), AdvSkew::MAX_ADVERTISED);
        let remedy = "use 0 on the primary and 100 on the other node";
        report.add(view, vip.advskew.line_or(vip.line), vip.path("advskew"), cause, remedy);
    }
}

fn advbase_large(view: &View<'_>, report: &mut Report) {
    for vip in carps(view) {
        let Some(base) = vip.advbase.get().map(|base| base.get()).filter(|base| *base > ADVBASE_USUAL) else {
            continue;
        };
        let silence = 3 * u32::from(base);
        let cause =
            format!("{}: with advbase {base} a dead MASTER is noticed after {silence} s or more", describe(vip));
        report.add(view, vip.advbase.line_or(vip.line), vip.path("advbase"), cause, "use 1 on both nodes");
    }
}

fn password_empty(view: &View<'_>, report: &mut Report) {
    for vip in carps(view).filter(|vip| vip.password.len == 0) {
        let cause = format!("{}: no password", describe(vip));
        let remedy = "set the same password of 8 to 19 letters and digits on both nodes";
        report.add(view, vip.password.line, vip.path("password"), cause, remedy);
    }
}

fn password_short(view: &View<'_>, report: &mut Report) {
    for vip in carps(view).filter(|vip| (1..SHORT).contains(&vip.password.len)) {
        let cause = format!("{}: the password has fewer than {SHORT} characters", describe(vip));
        report.add(view, vip.password.line, vip.path("password"), cause, "use 12 to 19 random letters and digits");
    }
}

fn password_long(view: &View<'_>, report: &mut Report) {
    for vip in carps(view).filter(|vip| vip.password.len > CarpKey::SIGNIFICANT) {
        let cause = format!(
            "{}: of the password's {} bytes only the first {} reach the kernel",
            describe(vip),
            vip.password.len,
            CarpKey::SIGNIFICANT
        );
        report.add(view, vip.password.line, vip.path("password"), cause, "use 8 to 19 letters and digits");
    }
}

/// The peers of an entry that are not the multicast groups, which some people enter to say "no peer".
fn unicast_peers(vip: &Vip) -> impl Iterator<Item = (&'static str, &Field<IpAddr>, IpAddr)> {
    let both = [("peer", &vip.peer), ("peer6", &vip.peer6)];
    let set = both.into_iter().filter_map(|(name, field)| Some((name, field, *field.get()?)));
    set.filter(|(_, _, ip)| !ip.is_multicast())
}

fn unicast_synced(view: &View<'_>, report: &mut Report) {
    // Nobody sends this node's entries, and it does not look like one that receives any.
    if view.config.ha.sync_target.is_none() && !looks_like_backup(view) {
        return;
    }
    for vip in carps(view).filter(|vip| !vip.nosync) {
        if let Some((name, field, peer)) = unicast_peers(vip).next() {
            let cause = format!("{}: the peer {peer} would be copied to {peer} itself", describe(vip));
            let remedy = "tick 'Disable XMLRPC sync' for this entry on both nodes";
            report.add(view, field.line_or(vip.line), vip.path(name), cause, remedy);
        }
    }
}

fn peer_wrong(view: &View<'_>, report: &mut Report) {
    for vip in carps(view) {
        for (name, field, v4) in [("peer", &vip.peer, true), ("peer6", &vip.peer6, false)] {
            let cause = match field {
                Field::Wrong { text, .. } => format!("{text:?} is not an address"),
                Field::Valid { value, .. } if value.is_ipv4() != v4 => format!("{value} is of the other family"),
                Field::Valid { value, .. } if view.is_own(*value) => format!("{value} is this node itself"),
                _ => continue,
            };
            let cause = format!("{}: {cause}", describe(vip));
            let remedy = format!("enter the other node's own address on {}", vip.interface);
            report.add(view, field.line_or(vip.line), vip.path(name), cause, remedy);
        }
    }
}

fn peer_octet(view: &View<'_>, report: &mut Report) {
    for vip in carps(view) {
        let Some(IpAddr::V4(peer)) = vip.peer.get().filter(|peer| !peer.is_multicast()) else { continue };
        if (224..=239).contains(&peer.octets()[3]) {
            let cause = format!("{}: FreeBSD 14 takes the peer {peer} for a multicast address", describe(vip));
            let remedy = "run OPNsense 26.7 or later on both nodes, or give the nodes other addresses";
            report.add(view, vip.peer.line_or(vip.line), vip.path("peer"), cause, remedy);
        }
    }
}

fn address_twice(view: &View<'_>, report: &mut Report) {
    let owners: HashMap<_, _> = view.own_addresses().collect();
    let mut seen: HashMap<_, &Vip> = HashMap::new();
    for vip in used(view).filter(|vip| vip.mode != VipMode::ProxyArp) {
        let Some(ip) = vip.address.get().copied() else { continue };
        // A link-local address may repeat: its interface belongs to it.
        let scope = if is_link_local(ip) { vip.interface.as_str() } else { "" };
        let other = match (owners.get(&ip), seen.get(&(ip, scope))) {
            (Some(interface), _) => format!("it is also the own address of {}", interface.key),
            (None, Some(earlier)) => format!("it is also virtual IP number {}", earlier.index),
            (None, None) => {
                seen.insert((ip, scope), vip);
                continue;
            }
        };
        let cause = format!("{}: {other}", describe(vip));
        report.add(
            view,
            vip.address.line_or(vip.line),
            vip.path("subnet"),
            cause,
            "use another address for one of them",
        );
    }
}
