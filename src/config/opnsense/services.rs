//! What hosts on the networks are told about this node: DHCP and router advertisements.

use std::net::IpAddr;

use ipnet::IpNet;

use super::field::{Field, address};
use super::xml::{Element, shorten};

/// The software behind a DHCP server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DhcpKind {
    /// ISC dhcpd, below `<dhcpd>`.
    Isc,
    /// Kea, below `OPNsense/Kea/dhcp4`.
    Kea,
    /// dnsmasq, below `<dnsmasq>`.
    Dnsmasq,
}

/// What a DHCP server tells its clients about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Nothing is written, and the server then gives out the address of its own interface.
    OwnAddress,
    /// Nothing is given out.
    Nothing,
    /// These addresses.
    These(Vec<IpAddr>),
}

/// An enabled IPv4 DHCP server on one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpServer {
    /// The software.
    pub kind: DhcpKind,
    /// Its path in findings.
    pub path: String,
    /// Its line.
    pub line: u32,
    /// The interface key, where the file names one.
    pub interface: Option<String>,
    /// The network, where the file names one (Kea).
    pub subnet: Option<IpNet>,
    /// The router that clients are told, and its line.
    pub gateway: Advice,
    /// The line of the router.
    pub gateway_line: u32,
    /// The name servers that clients are told.
    pub dns: Advice,
    /// The line of the name servers.
    pub dns_line: u32,
    /// ISC only: the other server.
    pub failover_peer: Field<IpAddr>,
}

impl DhcpServer {
    pub(super) fn isc(element: &Element<'_>) -> Option<Self> {
        if !element.present("enable") {
            return None;
        }
        let line_of = |name: &str| element.child(name).map_or(element.line, |child| child.line);
        let gateway = match element.value("gateway") {
            "" => Advice::OwnAddress,
            "none" => Advice::Nothing,
            text => Advice::These(address(text).into_iter().collect()),
        };
        let dns: Vec<_> = element.all("dnsserver").filter_map(|server| address(server.text())).collect();
        Some(Self {
            kind: DhcpKind::Isc,
            path: format!("dhcpd/{}", shorten(element.name)),
            line: element.line,
            interface: Some(shorten(element.name)),
            subnet: None,
            gateway,
            gateway_line: line_of("gateway"),
            dns: if dns.is_empty() { Advice::OwnAddress } else { Advice::These(dns) },
            dns_line: line_of("dnsserver"),
            failover_peer: Field::read(element, "failover_peerip", address),
        })
    }

    pub(super) fn kea(element: &Element<'_>, index: usize) -> Self {
        let options = element.child("option_data").unwrap_or(element);
        let list = |name: &str| -> Advice {
            let these: Vec<_> = options.words(name).iter().filter_map(|text| address(text)).collect();
            if these.is_empty() { Advice::Nothing } else { Advice::These(these) }
        };
        let line_of = |name: &str| options.child(name).map_or(element.line, |child| child.line);
        Self {
            kind: DhcpKind::Kea,
            path: format!("OPNsense/Kea/dhcp4/subnets/subnet4[{index}]"),
            line: element.line,
            interface: None,
            subnet: element.value("subnet").parse().ok(),
            gateway: list("routers"),
            gateway_line: line_of("routers"),
            dns: list("domain_name_servers"),
            dns_line: line_of("domain_name_servers"),
            failover_peer: Field::Unset,
        }
    }
}

/// A range that dnsmasq gives out; it becomes a [`DhcpServer`] once all of its options are known.
pub(super) struct DnsmasqRange {
    index: usize,
    line: u32,
    interface: Option<String>,
}

impl DnsmasqRange {
    /// None for an IPv6 range.
    pub(super) fn read(element: &Element<'_>, index: usize) -> Option<Self> {
        let start = address(element.value("start_addr"))?;
        let interface = Some(shorten(element.value("interface"))).filter(|key| !key.is_empty());
        start.is_ipv4().then_some(Self { index, line: element.line, interface })
    }

    /// dnsmasq tells clients its own address as router and name server unless options 3 and 6 say otherwise.
    pub(super) fn with_options(&self, options: &[DnsmasqOption]) -> DhcpServer {
        let find = |number: u8| {
            let option = options.iter().find(|option| {
                option.number == number && (option.interface.is_none() || option.interface == self.interface)
            });
            match option {
                Some(option) => (Advice::These(option.values.clone()), option.line),
                None => (Advice::OwnAddress, self.line),
            }
        };
        let ((gateway, gateway_line), (dns, dns_line)) = (find(3), find(6));
        DhcpServer {
            kind: DhcpKind::Dnsmasq,
            path: format!("dnsmasq/dhcp_ranges[{}]", self.index),
            line: self.line,
            interface: self.interface.clone(),
            subnet: None,
            gateway,
            gateway_line,
            dns,
            dns_line,
            failover_peer: Field::Unset,
        }
    }
}

/// An option that dnsmasq sends.
pub(super) struct DnsmasqOption {
    number: u8,
    line: u32,
    interface: Option<String>,
    values: Vec<IpAddr>,
}

impl DnsmasqOption {
    /// None for options that match instead of set, and for those other than router (3) and name server (6).
    pub(super) fn read(element: &Element<'_>) -> Option<Self> {
        let number = element.value("option").parse().ok().filter(|number| matches!(number, 3 | 6))?;
        let sets = matches!(element.value("type"), "" | "set");
        let interface = Some(shorten(element.value("interface"))).filter(|key| !key.is_empty());
        let values = element.words("value").iter().filter_map(|text| address(text)).collect();
        sets.then_some(Self { number, line: element.line, interface, values })
    }
}

/// Kea's own failover.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeaHa {
    /// Its line; 0 if the file has none.
    pub line: u32,
    /// It is on.
    pub enabled: bool,
    /// The name of this node among the peers; empty means its host name.
    pub this_server: String,
    /// The names of all peers.
    pub peers: Vec<String>,
}

impl KeaHa {
    pub(super) fn read_settings(&mut self, element: &Element<'_>) {
        self.line = element.line;
        self.enabled = element.truthy("enabled");
        self.this_server = shorten(element.value("this_server_name"));
    }
}

/// Where router advertisements come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RaSource {
    /// The interface's own link-local address.
    Own,
    /// This address.
    Address(IpAddr),
    /// The VIP that an old file names, such as `lan_vip12`.
    VipName(String),
    /// dnsmasq, which cannot be told a source.
    Dnsmasq,
}

/// Router advertisements that are sent on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterAdvert {
    /// Its path in findings.
    pub path: String,
    /// The interface key.
    pub interface: String,
    /// Its line.
    pub line: u32,
    /// Where they come from.
    pub source: RaSource,
}

impl RouterAdvert {
    /// Up to 25.x: one element per interface below `<dhcpdv6>`.
    pub(super) fn legacy(element: &Element<'_>) -> Option<Self> {
        if matches!(element.value("ramode"), "" | "disabled") {
            return None;
        }
        Some(Self {
            path: format!("dhcpdv6/{}", shorten(element.name)),
            interface: shorten(element.name),
            line: element.line,
            source: source_of(element.value("rainterface")),
        })
    }

    /// Now: one `<entries>` per interface below `OPNsense/radvd`.
    pub(super) fn radvd(element: &Element<'_>, index: usize) -> Option<Self> {
        if element.value("enabled") == "0" {
            return None;
        }
        Some(Self {
            path: format!("OPNsense/radvd/entries[{index}]"),
            interface: shorten(element.value("interface")),
            line: element.line,
            source: source_of(element.value("AdvRASrcAddress")),
        })
    }

    pub(super) fn dnsmasq(element: &Element<'_>, index: usize) -> Option<Self> {
        if element.value("ra_mode").is_empty() {
            return None;
        }
        Some(Self {
            path: format!("dnsmasq/dhcp_ranges[{index}]"),
            interface: shorten(element.value("interface")),
            line: element.line,
            source: RaSource::Dnsmasq,
        })
    }
}

fn source_of(text: &str) -> RaSource {
    match (text, address(text)) {
        ("", _) => RaSource::Own,
        (_, Some(ip)) => RaSource::Address(ip),
        (name, None) => RaSource::VipName(shorten(name)),
    }
}
