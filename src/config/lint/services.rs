//! Checks of what hosts are told: DHCP and router advertisements.

use std::net::IpAddr;

use super::view::{View, is_link_local};
use super::{Report, Single};
use crate::config::catalogue::opnsense as c;
use crate::config::opnsense::{Advice, DhcpKind, DhcpServer, Field, Interface, RaSource, RouterAdvert};

pub(super) const CHECKS: &[Single] = &[
    (c::DHCP_GATEWAY, dhcp_gateway),
    (c::DHCP_DNS, dhcp_dns),
    (c::DHCP_ALONE, dhcp_alone),
    (c::DHCP_PEER, dhcp_peer),
    (c::KEA_NAME, kea_name),
    (c::RA_UPSTREAM, ra_upstream),
    (c::RA_SOURCE, ra_source),
];

/// The interface that a server works on: named by key, or by the network (Kea).
pub(super) fn interface_of<'v>(view: &View<'v>, server: &DhcpServer) -> Option<&'v Interface> {
    match (&server.interface, server.subnet) {
        (Some(key), _) => view.interface(key),
        (None, Some(subnet)) => {
            view.config.interfaces.iter().find(|i| i.v4.fixed().is_some_and(|net| subnet.contains(&net.addr())))
        }
        (None, None) => None,
    }
}

/// A DHCP server on a network with CARP addresses.
struct Shared<'v> {
    server: &'v DhcpServer,
    interface: &'v Interface,
    /// The IPv4 addresses that fail over there.
    virtuals: Vec<IpAddr>,
}

impl Shared<'_> {
    fn own(&self) -> Option<IpAddr> {
        self.interface.v4.fixed().map(|net| net.addr())
    }

    /// What to enter instead.
    fn vip(&self) -> String {
        self.virtuals.first().map_or_else(String::new, ToString::to_string)
    }
}

fn shared<'v>(view: &View<'v>) -> impl Iterator<Item = Shared<'v>> {
    view.config.dhcp.iter().filter_map(|server| {
        let interface = interface_of(view, server).filter(|interface| interface.enabled)?;
        let virtuals: Vec<_> = view.virtual_addresses(&interface.key).into_iter().filter(IpAddr::is_ipv4).collect();
        (!virtuals.is_empty()).then_some(Shared { server, interface, virtuals })
    })
}

fn dhcp_gateway(view: &View<'_>, report: &mut Report) {
    for dhcp in shared(view) {
        let cause = match &dhcp.server.gateway {
            Advice::OwnAddress => "no gateway is set, so clients get this node's own address".to_owned(),
            Advice::These(routers) => match routers.iter().find(|ip| !dhcp.virtuals.contains(ip)) {
                Some(ip) if dhcp.own() == Some(*ip) => format!("the gateway {ip} is this node's own address"),
                Some(ip) => format!("the gateway {ip} is no virtual IP of {}", dhcp.interface.key),
                None => continue,
            },
            Advice::Nothing => continue,
        };
        let cause = format!("DHCP on {}: {cause}", dhcp.interface.key);
        let key = format!("{}/gateway", dhcp.server.path);
        report.add(view, dhcp.server.gateway_line, key, cause, format!("give out {} on both nodes", dhcp.vip()));
    }
}

fn dhcp_dns(view: &View<'_>, report: &mut Report) {
    for dhcp in shared(view) {
        let cause = match &dhcp.server.dns {
            Advice::OwnAddress => "no name server is set, so clients get this node's own address".to_owned(),
            // A server elsewhere beside our own is a reserve that does not fail with this node.
            Advice::These(servers) if servers.iter().any(|ip| view.is_own(*ip)) => {
                if servers.iter().any(|ip| dhcp.virtuals.contains(ip) || !view.is_own(*ip)) {
                    continue;
                }
                "the only name server is this node's own address".to_owned()
            }
            Advice::These(_) | Advice::Nothing => continue,
        };
        let cause = format!("DHCP on {}: {cause}", dhcp.interface.key);
        let key = format!("{}/dnsserver", dhcp.server.path);
        report.add(view, dhcp.server.dns_line, key, cause, format!("give out {} on both nodes", dhcp.vip()));
    }
}

fn dhcp_alone(view: &View<'_>, report: &mut Report) {
    for dhcp in shared(view) {
        let (key, remedy) = match dhcp.server.kind {
            DhcpKind::Isc if dhcp.server.failover_peer.is_unset() => {
                ("failover_peerip", format!("enter the other node's own address on {}", dhcp.interface.key))
            }
            DhcpKind::Kea if !view.config.kea_ha.enabled => {
                ("subnet", "enable High Availability in Kea's settings, with both nodes as peers".to_owned())
            }
            _ => continue,
        };
        let cause = format!("DHCP on {}: the server has no failover partner", dhcp.interface.key);
        report.add(view, dhcp.server.line, format!("{}/{key}", dhcp.server.path), cause, remedy);
    }
}

fn dhcp_peer(view: &View<'_>, report: &mut Report) {
    for dhcp in shared(view) {
        let cause = match &dhcp.server.failover_peer {
            Field::Unset => continue,
            Field::Wrong { text, .. } => format!("{text:?} is not an address"),
            Field::Valid { value, .. } if dhcp.virtuals.contains(value) => format!("{value} is a virtual IP"),
            Field::Valid { value, .. } if view.is_own(*value) => format!("{value} is this node itself"),
            Field::Valid { value, .. } => match dhcp.interface.v4.fixed() {
                Some(net) if !net.contains(value) => format!("{value} is outside {}", net.trunc()),
                _ => continue,
            },
        };
        let cause = format!("DHCP on {}: failover peer {cause}", dhcp.interface.key);
        let key = format!("{}/failover_peerip", dhcp.server.path);
        let remedy = format!("enter the other node's own address on {}", dhcp.interface.key);
        report.add(view, dhcp.server.failover_peer.line_or(dhcp.server.line), key, cause, remedy);
    }
}

fn kea_name(view: &View<'_>, report: &mut Report) {
    let kea = &view.config.kea_ha;
    let runs = view.config.dhcp.iter().any(|server| server.kind == DhcpKind::Kea);
    // An empty name means the host name, which may be written with or without its domain: too uncertain to judge.
    if runs && kea.enabled && !kea.this_server.is_empty() && !kea.peers.contains(&kea.this_server) {
        let cause = format!("Kea on this node is {:?}; its peers are {}", kea.this_server, kea.peers.join(", "));
        report.add(
            view,
            kea.line,
            "OPNsense/Kea/dhcp4/ha/this_server_name",
            cause,
            "enter this node's name among the peers",
        );
    }
}

/// The router advertisements on enabled interfaces.
fn adverts<'v>(view: &View<'v>) -> impl Iterator<Item = (&'v RouterAdvert, &'v Interface)> {
    let adverts = view.config.adverts.iter();
    adverts.filter_map(|advert| Some((advert, view.interface(&advert.interface).filter(|i| i.enabled)?)))
}

fn ra_upstream(view: &View<'_>, report: &mut Report) {
    for (advert, interface) in adverts(view).filter(|(_, interface)| interface.is_upstream()) {
        let cause = format!("router advertisements are sent on {}, which leads upstream", interface.key);
        report.add(view, advert.line, advert.path.clone(), cause, "disable them there");
    }
}

fn ra_source(view: &View<'_>, report: &mut Report) {
    for (advert, interface) in adverts(view).filter(|(_, interface)| !interface.is_upstream()) {
        let key = interface.key.as_str();
        if !view.carries_carp(key) {
            continue;
        }
        let from = match &advert.source {
            RaSource::Own => "the interface's own link-local address".to_owned(),
            RaSource::Dnsmasq => "dnsmasq, which uses the interface's own address".to_owned(),
            RaSource::Address(ip) if is_link_local(*ip) && view.virtual_addresses(key).contains(ip) => continue,
            RaSource::Address(ip) => format!("{ip}, which is no link-local CARP address of {key}"),
            RaSource::VipName(name) if names_link_local(view, key, name) => continue,
            RaSource::VipName(name) => format!("{name}, which is no link-local CARP address of {key}"),
        };
        let cause = format!("router advertisements on {key} come from {from}");
        let remedy = "choose a link-local CARP address (fe80::/64, a vhid of its own) as the source";
        report.add(view, advert.line, advert.path.clone(), cause, remedy);
    }
}

/// `lan_vip12`: how old files name the CARP address with vhid 12 on `lan`.
fn names_link_local(view: &View<'_>, key: &str, name: &str) -> bool {
    view.vhids_on(key).any(|(vhid, group)| {
        name == format!("{key}_vip{vhid}")
            && group.carps.iter().any(|vip| vip.address.get().copied().is_some_and(is_link_local))
    })
}
