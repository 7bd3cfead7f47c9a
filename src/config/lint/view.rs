//! A config.xml with what several checks look up, found once.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::config::opnsense::{Interface, OpnsenseConfig, Vip, VipMode};
use crate::model::Vhid;

/// The entries of one vhid on one interface key, in the order of the file.
#[derive(Default)]
pub(super) struct Group<'a> {
    /// Those of mode CARP; a sound vhid has exactly one.
    pub(super) carps: Vec<&'a Vip>,
    /// The aliases that belong to it.
    pub(super) aliases: Vec<&'a Vip>,
}

impl<'a> Group<'a> {
    /// The entry that stands for the vhid.
    pub(super) fn first(&self) -> Option<&'a Vip> {
        self.carps.first().or(self.aliases.first()).copied()
    }

    /// All addresses of the vhid.
    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.carps.iter().chain(&self.aliases).filter_map(|vip| vip.address.get().copied())
    }
}

pub(super) struct View<'a> {
    pub(super) config: &'a OpnsenseConfig,
    /// By interface key and vhid.
    pub(super) groups: BTreeMap<(&'a str, Vhid), Group<'a>>,
    interfaces: HashMap<&'a str, &'a Interface>,
    plain_aliases: HashMap<&'a str, Vec<IpNet>>,
    name: String,
}

impl<'a> View<'a> {
    pub(super) fn new(config: &'a OpnsenseConfig) -> Self {
        let mut groups: BTreeMap<_, Group<'a>> = BTreeMap::new();
        let mut plain_aliases: HashMap<_, Vec<_>> = HashMap::new();
        for vip in &config.vips {
            let group = vip.vhid.get().map(|vhid| (vip.interface.as_str(), *vhid));
            match (&vip.mode, group) {
                (VipMode::Carp, Some(group)) => groups.entry(group).or_default().carps.push(vip),
                (VipMode::IpAlias, Some(group)) => groups.entry(group).or_default().aliases.push(vip),
                (VipMode::IpAlias, None) => {
                    plain_aliases.entry(vip.interface.as_str()).or_default().extend(vip.net());
                }
                _ => {}
            }
        }
        // The first of two assignments with one key counts, as it does when the list is searched.
        let interfaces = config.interfaces.iter().rev().map(|interface| (interface.key.as_str(), interface)).collect();
        let name = config.hostname.clone().unwrap_or_else(|| file_name(config));
        Self { config, groups, interfaces, plain_aliases, name }
    }

    /// Both nodes' views. Nodes of one name, such as a node and its copy, are told apart by their files.
    pub(super) fn pair(own: &'a OpnsenseConfig, other: &'a OpnsenseConfig) -> (Self, Self) {
        let (mut own, mut other) = (Self::new(own), Self::new(other));
        if own.name == other.name {
            own.name = file_name(own.config);
            other.name = file_name(other.config);
        }
        (own, other)
    }

    pub(super) fn interface(&self, key: &str) -> Option<&'a Interface> {
        self.interfaces.get(key).copied()
    }

    /// The vhids of an interface key that have a CARP entry.
    pub(super) fn vhids_on<'s>(&'s self, key: &'s str) -> impl Iterator<Item = (Vhid, &'s Group<'a>)> {
        let low = Vhid::new(1).map(|vhid| (key, vhid));
        let high = Vhid::new(255).map(|vhid| (key, vhid));
        let range = low.zip(high).map(|(low, high)| self.groups.range(low..=high));
        range.into_iter().flatten().map(|((_, vhid), group)| (*vhid, group)).filter(|(_, g)| !g.carps.is_empty())
    }

    pub(super) fn carries_carp(&self, key: &str) -> bool {
        self.vhids_on(key).next().is_some()
    }

    /// The addresses that fail over on an interface key.
    pub(super) fn virtual_addresses(&self, key: &str) -> Vec<IpAddr> {
        self.vhids_on(key).flat_map(|(_, group)| group.addresses()).collect()
    }

    /// The networks that an interface key has an address of its own in, of the family of `like`.
    pub(super) fn own_nets(&self, key: &str, like: IpAddr) -> Vec<IpNet> {
        let fixed = self.interface(key).and_then(|interface| interface.net_like(like));
        let aliases = self.plain_aliases.get(key).into_iter().flatten().copied();
        fixed.into_iter().chain(aliases.filter(|net| net.addr().is_ipv4() == like.is_ipv4())).collect()
    }

    /// The fixed addresses of this node itself, without loopback, each with its interface.
    pub(super) fn own_addresses(&self) -> impl Iterator<Item = (IpAddr, &'a Interface)> {
        let pairs = self.config.interfaces.iter().flat_map(|i| i.nets().map(move |net| (net.addr(), i)));
        pairs.filter(|(ip, _)| !ip.is_loopback() && !is_link_local(*ip))
    }

    pub(super) fn is_own(&self, ip: IpAddr) -> bool {
        self.own_addresses().any(|(own, _)| own == ip)
    }

    /// What to call the node in a text.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

fn file_name(config: &OpnsenseConfig) -> String {
    config.file.display().to_string()
}

/// `fe80::/10`, or 169.254.0.0/16.
pub(super) fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// `172.18.0.100 (vhid 1 on wan)`: a virtual IP in a text.
pub(super) fn describe(vip: &Vip) -> String {
    let address = vip.address.get().map_or_else(|| format!("number {}", vip.index), ToString::to_string);
    match vip.vhid.get() {
        Some(vhid) => format!("{address} (vhid {vhid} on {})", vip.interface),
        None => format!("{address} (on {})", vip.interface),
    }
}
