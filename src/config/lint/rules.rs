//! Checks of outbound NAT, and of the firewall rules that CARP and pfsync need.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use super::view::{View, describe, is_link_local};
use super::{Report, Single};
use crate::config::catalogue::opnsense as c;
use crate::config::opnsense::{Action, Endpoint, FilterRule, Interface, NatMode, NatRule, NatTarget, Protocol, Target};

pub(super) const CHECKS: &[Single] = &[
    (c::NAT_AUTOMATIC, nat_automatic),
    (c::NAT_INTERFACE, nat_interface),
    (c::NAT_ANY_SOURCE, nat_any_source),
    (c::UNICAST_BLOCKED, unicast_blocked),
    (c::PFSYNC_BLOCKED, pfsync_blocked),
    (c::CARP_BLOCK_RULE, carp_block_rule),
];

/// The ways out that have an IPv4 address that fails over.
fn shared_exits<'v>(view: &View<'v>) -> impl Iterator<Item = (&'v Interface, Vec<IpAddr>)> {
    view.config.interfaces.iter().filter(|interface| interface.is_upstream()).filter_map(|interface| {
        let virtuals = view.virtual_addresses(&interface.key);
        let v4: Vec<_> = virtuals.into_iter().filter(IpAddr::is_ipv4).collect();
        (!v4.is_empty()).then_some((interface, v4))
    })
}

fn rules_of<'v>(view: &View<'v>, interface: &Interface) -> impl Iterator<Item = &'v NatRule> {
    view.config.nat.rules.iter().filter(move |rule| rule.interface == interface.key)
}

/// The rule translates to an address that fails over; an alias or a pool may, so it counts.
fn by_vip(rule: &NatRule, virtuals: &[IpAddr]) -> bool {
    match &rule.target {
        NatTarget::Net(net) => virtuals.iter().any(|ip| net.contains(ip)),
        NatTarget::Unknown(_) => true,
        NatTarget::InterfaceAddress => false,
    }
}

fn nat_automatic(view: &View<'_>, report: &mut Report) {
    let nat = &view.config.nat;
    if !matches!(nat.mode, NatMode::Automatic | NatMode::Hybrid) {
        return;
    }
    for (interface, virtuals) in shared_exits(view) {
        // Rules of the file come before the automatic ones.
        if rules_of(view, interface).any(|rule| by_vip(rule, &virtuals)) {
            continue;
        }
        let cause = format!("automatic outbound NAT on {} uses the address of the interface", interface.key);
        let remedy = format!("add a rule that translates the internal networks to {}", virtuals[0]);
        report.add(view, nat.mode_line, "nat/outbound/mode", cause, remedy);
    }
}

fn nat_interface(view: &View<'_>, report: &mut Report) {
    // In automatic mode OPNsense ignores the rules of the old list, and those of the new one are extra.
    if matches!(view.config.nat.mode, NatMode::Automatic | NatMode::Disabled) {
        return;
    }
    for (interface, virtuals) in shared_exits(view) {
        for rule in rules_of(view, interface).filter(|rule| rule.target == NatTarget::InterfaceAddress) {
            if is_firewall_itself(view, &rule.source) {
                continue;
            }
            let cause = format!("packets of others leave {} by the address of this node", interface.key);
            let remedy = format!("choose {} as the target", virtuals[0]);
            report.add(view, rule.line, format!("{}/target", rule.path), cause, remedy);
        }
    }
}

/// All that the rule works on is the node's own traffic: loopback, its own addresses, the link between the nodes.
fn is_firewall_itself(view: &View<'_>, source: &Endpoint) -> bool {
    let sync = view.config.ha.pfsync.as_ref().and_then(|pfsync| view.interface(&pfsync.interface));
    let own = |target: &Target| match target {
        Target::Net(net) => {
            net.addr().is_loopback()
                || sync.is_some_and(|sync| sync.nets().any(|link| link.contains(net)))
                || (net.prefix_len() == net.max_prefix_len() && view.is_own(net.addr()))
        }
        Target::Word(word) => {
            let own_address = word.strip_suffix("ip").is_some_and(|key| view.interface(key).is_some());
            word == "(self)" || own_address || sync.is_some_and(|sync| sync.key == *word)
        }
    };
    !source.not && !source.what.is_empty() && source.what.iter().all(own)
}

fn nat_any_source(view: &View<'_>, report: &mut Report) {
    for (interface, virtuals) in shared_exits(view) {
        for rule in rules_of(view, interface).filter(|rule| by_vip(rule, &virtuals) && rule.source.is_any()) {
            let cause = format!("packets of this node itself leave {} by the virtual IP too", interface.key);
            let remedy = "limit the source to the internal networks";
            report.add(view, rule.line, format!("{}/source", rule.path), cause, remedy);
        }
    }
}

fn unicast_blocked(view: &View<'_>, report: &mut Report) {
    for interface in &view.config.interfaces {
        let vips = || view.vhids_on(&interface.key).flat_map(|(_, group)| group.carps.iter().copied());
        let peers = || vips().flat_map(|vip| [("peer", vip, &vip.peer), ("peer6", vip, &vip.peer6)]);
        let unicast = || peers().filter_map(|(name, vip, field)| Some((name, vip, field, *field.get()?)));
        let mut unicast = unicast().filter(|(.., peer)| !peer.is_multicast()).peekable();
        if unicast.peek().is_none() {
            continue;
        }
        let rules = rules_for(view, interface, Protocol::Carp);
        for (name, vip, field, peer) in unicast {
            let own = interface.net_like(peer).map(|net| net.addr()).filter(|_| !is_link_local(peer));
            let Err(why) = verdict(view, &rules, &Packet { v4: peer.is_ipv4(), from: Some(peer), to: own }) else {
                continue;
            };
            let cause = format!("{}: {why} adverts from {peer} on {}", describe(vip), interface.key);
            let remedy = format!("add a rule on {} that passes protocol CARP from {peer}", interface.key);
            report.add(view, field.line_or(vip.line), vip.path(name), cause, remedy);
        }
    }
}

const PFSYNC_GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 240));

fn pfsync_blocked(view: &View<'_>, report: &mut Report) {
    let Some(pfsync) = &view.config.ha.pfsync else { return };
    let Some(interface) = view.interface(&pfsync.interface) else { return };
    let peer = pfsync.peer.get().copied().filter(IpAddr::is_ipv4);
    let own = interface.v4.fixed().map(|net| net.addr());
    let to = if peer.is_some() { own } else { Some(PFSYNC_GROUP) };
    let rules = rules_for(view, interface, Protocol::Pfsync);
    if let Err(why) = verdict(view, &rules, &Packet { v4: true, from: peer, to }) {
        let cause = format!("{why} states from the other node on {}", interface.key);
        let remedy = format!("add a rule on {} that passes protocol PFSYNC", interface.key);
        report.add(view, pfsync.line, "hasync/pfsyncinterface", cause, remedy);
    }
}

fn carp_block_rule(view: &View<'_>, report: &mut Report) {
    for interface in view.config.interfaces.iter().filter(|interface| view.carries_carp(&interface.key)) {
        for rule in rules_for(view, interface, Protocol::Carp) {
            if rule.action == Action::Block && rule.protocol == Protocol::Carp {
                let cause = format!("CARP is blocked on {}, which carries CARP addresses", interface.key);
                report.add(view, rule.line, "filter/rule/protocol", cause, "delete the rule");
            }
        }
    }
}

/// An incoming packet; an end that the file does not tell is None.
struct Packet {
    v4: bool,
    from: Option<IpAddr>,
    to: Option<IpAddr>,
}

/// The rules that see packets of `protocol` on `interface`, in the order in which OPNsense puts them into pf: floating ones,
/// those of groups, those of the interface (`filter_core_rules_user`, `src/etc/inc/filter.lib.inc` of opnsense/core).
fn rules_for<'v>(view: &View<'v>, interface: &Interface, protocol: Protocol) -> Vec<&'v FilterRule> {
    let groups: HashMap<_, _> = view.config.groups.iter().map(|group| (group.name.as_str(), group)).collect();
    let class = |rule: &FilterRule| match rule.floating {
        true => 0,
        false if rule.interfaces.iter().any(|name| groups.contains_key(name.as_str())) => 1,
        false => 2,
    };
    let works_here = |rule: &&FilterRule| {
        let named = rule.interfaces.iter().any(|name| {
            let group = groups.get(name.as_str());
            *name == interface.key || group.is_some_and(|group| group.members.contains(&interface.key))
        });
        rule.interfaces.is_empty() || named != rule.interfaces_not
    };
    let seen = view.config.rules.iter().filter(|rule| rule.protocol.sees(protocol));
    let mut rules: Vec<_> = seen.filter(works_here).collect();
    rules.sort_by_key(|rule| class(rule));
    rules
}

/// Whether the user's rules let the packet in; if not, what stops it. In doubt (an alias, a schedule) they let it in: a false
/// alarm costs trust.
fn verdict(view: &View<'_>, rules: &[&FilterRule], packet: &Packet) -> Result<(), String> {
    let hits = || rules.iter().filter(|rule| matches(view, rule, packet));
    // Rules that are not quick decide only if no quick one does, and then the last of them does.
    match hits().find(|rule| rule.quick).or_else(|| hits().next_back()) {
        Some(rule) if rule.action == Action::Pass => Ok(()),
        Some(rule) => Err(format!("the rule in line {} blocks", rule.line)),
        None => Err("no rule passes".to_owned()),
    }
}

fn matches(view: &View<'_>, rule: &FilterRule, packet: &Packet) -> bool {
    let family = if packet.v4 { rule.v4 } else { rule.v6 };
    // A pass rule that may fit is trusted, a block rule has to fit for sure.
    let doubt = rule.action == Action::Pass;
    family
        && covers(view, &rule.source, packet.from).unwrap_or(doubt)
        && covers(view, &rule.destination, packet.to).unwrap_or(doubt)
}

/// Whether the address is one of those the rule names; None if the file does not tell.
fn covers(view: &View<'_>, end: &Endpoint, ip: Option<IpAddr>) -> Option<bool> {
    if end.what.is_empty() {
        return Some(!end.not);
    }
    let ip = ip?;
    let mut known = true;
    for target in &end.what {
        match includes(view, target, ip) {
            Some(true) => return Some(!end.not),
            Some(false) => {}
            None => known = false,
        }
    }
    known.then_some(end.not)
}

fn includes(view: &View<'_>, target: &Target, ip: IpAddr) -> Option<bool> {
    match target {
        Target::Net(net) => Some(net.contains(&ip)),
        Target::Word(word) if word == "(self)" => Some(view.is_own(ip)),
        Target::Word(word) => {
            let net = view.interface(word).map(|interface| interface.net_like(ip).is_some_and(|net| net.contains(&ip)));
            let address = || {
                let interface = view.interface(word.strip_suffix("ip")?)?;
                Some(interface.nets().any(|net| net.addr() == ip))
            };
            net.or_else(address)
        }
    }
}
