//! Interfaces: the key of the assignment, the device behind it, its addresses.

use std::net::IpAddr;

use ipnet::IpNet;

use super::field::{address, number};
use super::xml::{Element, shorten};
use crate::model::InterfaceName;

/// How an interface gets its address of one family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Addressing {
    /// It has none.
    #[default]
    None,
    /// This one, with its network.
    Static(IpNet),
    /// From elsewhere: `dhcp`, `pppoe`, `dhcp6`, `slaac`, `track6` and so on.
    Dynamic(String),
}

impl Addressing {
    /// The fixed address with its mask.
    #[must_use]
    pub const fn fixed(&self) -> Option<IpNet> {
        match self {
            Self::Static(net) => Some(*net),
            Self::None | Self::Dynamic(_) => None,
        }
    }

    fn read(element: &Element<'_>, address_name: &str, bits_name: &str) -> Self {
        let text = element.value(address_name);
        if text.is_empty() || text == "none" {
            return Self::None;
        }
        let Some(ip) = address(text) else { return Self::Dynamic(shorten(text)) };
        let widest = if ip.is_ipv4() { 32 } else { 128 };
        let bits = number(element.value(bits_name)).unwrap_or(widest);
        IpNet::new(ip, bits).map_or(Self::None, Self::Static)
    }
}

/// One assignment below `<interfaces>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The name of the element: `wan`, `lan`, `opt1`. VIPs, rules and servers name it, not the device.
    pub key: String,
    /// Its line.
    pub line: u32,
    /// The kernel's interface, if the file names a legal one.
    pub device: Option<InterfaceName>,
    /// What people call it; the key in upper case if nobody named it.
    pub descr: String,
    /// It is switched on.
    pub enabled: bool,
    /// Its IPv4 address.
    pub v4: Addressing,
    /// Its IPv6 address.
    pub v6: Addressing,
    /// The name of its upstream gateway: what makes OPNsense treat it as a way out.
    pub gateway: Option<String>,
}

impl Interface {
    /// Its fixed addresses with their networks.
    pub fn nets(&self) -> impl Iterator<Item = IpNet> {
        [self.v4.fixed(), self.v6.fixed()].into_iter().flatten()
    }

    /// Its fixed address of the family of `like`.
    #[must_use]
    pub fn net_like(&self, like: IpAddr) -> Option<IpNet> {
        if like.is_ipv4() { self.v4.fixed() } else { self.v6.fixed() }
    }

    /// It leads out: it has an upstream gateway, gets its address from the provider, or is `wan`. OPNsense's automatic
    /// outbound NAT works on such interfaces.
    #[must_use]
    pub fn is_upstream(&self) -> bool {
        let from_provider = |how: &Addressing| matches!(how, Addressing::Dynamic(text) if !matches!(text.as_str(), "track6" | "idassoc6"));
        self.key == "wan" || self.gateway.is_some() || from_provider(&self.v4) || from_provider(&self.v6)
    }

    /// None for a group of interfaces, which has no device.
    pub(super) fn read(element: &Element<'_>) -> Option<Self> {
        if element.value("type") == "group" {
            return None;
        }
        let key = shorten(element.name);
        let descr = match element.value("descr") {
            "" => key.to_uppercase(),
            text => shorten(text),
        };
        let gateway = ["gateway", "gatewayv6"].map(|name| element.value(name));
        Some(Self {
            line: element.line,
            device: element.value("if").parse().ok(),
            descr,
            enabled: element.present("enable"),
            v4: Addressing::read(element, "ipaddr", "subnet"),
            v6: Addressing::read(element, "ipaddrv6", "subnetv6"),
            gateway: gateway.into_iter().find(|name| !matches!(*name, "" | "none")).map(shorten),
            key,
        })
    }
}

/// A named set of interfaces that rules may name instead of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceGroup {
    /// Its name.
    pub name: String,
    /// The keys of its members.
    pub members: Vec<String>,
}

impl InterfaceGroup {
    pub(super) fn read(element: &Element<'_>) -> Self {
        Self { name: shorten(element.value("ifname")), members: element.words("members") }
    }
}

/// A router that this node sends traffic to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Its name.
    pub name: String,
    /// Its line.
    pub line: u32,
    /// The interface key it is reached through.
    pub interface: String,
    /// Its address; none for `dynamic`.
    pub address: Option<IpAddr>,
    /// Switched off.
    pub disabled: bool,
}

impl Gateway {
    pub(super) fn read(element: &Element<'_>) -> Self {
        Self {
            name: shorten(element.value("name")),
            line: element.line,
            interface: shorten(element.value("interface")),
            address: address(element.value("gateway")),
            disabled: element.truthy("disabled"),
        }
    }
}
