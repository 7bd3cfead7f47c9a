//! Which elements of config.xml are read, and where each goes.

use super::network::{Gateway, Interface, InterfaceGroup};
use super::rules::{FilterRule, NatRule};
use super::services::{DhcpServer, DnsmasqOption, DnsmasqRange, RouterAdvert};
use super::vip::Vip;
use super::xml::{Element, ParseError, Pattern, shorten};
use super::{HaSettings, OpnsenseConfig, Tunable};

/// No firewall has more entries of one kind: the kernel has 255 vhids per interface, and OPNsense's pages give up far earlier.
const MAX_ENTRIES: usize = 16_384;

/// Every VLAN of one trunk, to have a number.
const MAX_INTERFACES: usize = 4_096;

/// Rules are the one thing that some firewalls have by the ten thousand.
const MAX_RULES: usize = 131_072;

/// The kinds of elements that are read.
#[derive(Clone, Copy)]
pub(super) enum Record {
    HostName,
    Interface,
    Group,
    Gateway,
    Vip,
    Maintenance,
    HaSettings,
    Tunable,
    IscDhcp,
    IscDhcp6,
    KeaGeneral,
    KeaHa,
    KeaPeer,
    KeaSubnet,
    DnsmasqEnable,
    DnsmasqRange,
    DnsmasqOption,
    Radvd,
    NatMode,
    LegacyNat,
    MvcNat,
    LegacyRule,
    MvcRule,
}

const fn at(path: &'static [&'static str], kind: Record) -> Pattern<Record> {
    Pattern { path, kind, skip: &[] }
}

pub(super) const PATTERNS: &[Pattern<Record>] = &[
    at(&["system", "hostname"], Record::HostName),
    at(&["interfaces", "*"], Record::Interface),
    at(&["ifgroups", "ifgroupentry"], Record::Group),
    at(&["gateways", "gateway_item"], Record::Gateway),
    at(&["OPNsense", "Gateways", "gateway_item"], Record::Gateway),
    at(&["virtualip", "vip"], Record::Vip),
    at(&["virtualip_carp_maintenancemode"], Record::Maintenance),
    at(&["hasync"], Record::HaSettings),
    at(&["sysctl", "item"], Record::Tunable),
    // A server may have thousands of static leases.
    Pattern { path: &["dhcpd", "*"], kind: Record::IscDhcp, skip: &["staticmap"] },
    Pattern { path: &["dhcpdv6", "*"], kind: Record::IscDhcp6, skip: &["staticmap"] },
    at(&["OPNsense", "Kea", "dhcp4", "general"], Record::KeaGeneral),
    at(&["OPNsense", "Kea", "dhcp4", "ha"], Record::KeaHa),
    at(&["OPNsense", "Kea", "dhcp4", "ha_peers", "peer"], Record::KeaPeer),
    at(&["OPNsense", "Kea", "dhcp4", "subnets", "subnet4"], Record::KeaSubnet),
    at(&["dnsmasq", "enable"], Record::DnsmasqEnable),
    at(&["dnsmasq", "dhcp_ranges"], Record::DnsmasqRange),
    at(&["dnsmasq", "dhcp_options"], Record::DnsmasqOption),
    at(&["OPNsense", "radvd", "entries"], Record::Radvd),
    at(&["nat", "outbound", "mode"], Record::NatMode),
    at(&["nat", "outbound", "rule"], Record::LegacyNat),
    at(&["OPNsense", "Firewall", "Filter", "snatrules", "rule"], Record::MvcNat),
    at(&["filter", "rule"], Record::LegacyRule),
    at(&["OPNsense", "Firewall", "Filter", "rules", "rule"], Record::MvcRule),
];

/// What has been read so far. The order of the file decides nothing here: what depends on two elements waits for [`Self::finish`].
pub(super) struct Collector {
    config: OpnsenseConfig,
    kea_enabled: bool,
    kea_subnets: Vec<DhcpServer>,
    dnsmasq_enabled: bool,
    dnsmasq_ranges: Vec<DnsmasqRange>,
    dnsmasq_adverts: Vec<RouterAdvert>,
    dnsmasq_options: Vec<DnsmasqOption>,
    seen: Seen,
}

/// How many elements of a list have gone by, kept or not: the numbers in findings.
#[derive(Default)]
struct Seen {
    tunables: usize,
    ranges: usize,
    radvd: usize,
    legacy_nat: usize,
    mvc_nat: usize,
}

impl Collector {
    pub(super) fn new(config: OpnsenseConfig) -> Self {
        Self {
            config,
            kea_enabled: false,
            kea_subnets: Vec::new(),
            dnsmasq_enabled: false,
            dnsmasq_ranges: Vec::new(),
            dnsmasq_adverts: Vec::new(),
            dnsmasq_options: Vec::new(),
            seen: Seen::default(),
        }
    }

    pub(super) fn take(&mut self, record: Record, element: &Element<'_>) -> Result<(), ParseError> {
        let config = &mut self.config;
        let line = element.line;
        match record {
            Record::HostName => config.hostname = Some(shorten(element.text())).filter(|name| !name.is_empty()),
            Record::Interface => {
                keep_below(&mut config.interfaces, Interface::read(element), line, "interfaces", MAX_INTERFACES)?;
            }
            Record::Group => keep(&mut config.groups, Some(InterfaceGroup::read(element)), line, "interface groups")?,
            Record::Gateway => keep(&mut config.gateways, Some(Gateway::read(element)), line, "gateways")?,
            Record::Vip => {
                let vip = Vip::read(element, config.vips.len() + 1);
                keep(&mut config.vips, Some(vip), line, "virtual IPs")?;
            }
            Record::Maintenance => {
                // OPNsense's button and its boot script ask whether the element is there, not what is in it.
                config.maintenance = true;
                config.maintenance_line = line;
            }
            Record::HaSettings => config.ha = HaSettings::read(element),
            Record::Tunable => {
                let tunable = Tunable::read(element, next(&mut self.seen.tunables));
                keep(&mut config.tunables, tunable, line, "tunables")?;
            }
            Record::NatMode => config.nat.read_mode(element),
            Record::LegacyNat => {
                let rule = NatRule::legacy(element, next(&mut self.seen.legacy_nat));
                keep_below(&mut config.nat.rules, rule, line, "NAT rules", MAX_RULES)?;
            }
            Record::MvcNat => {
                let rule = NatRule::mvc(element, next(&mut self.seen.mvc_nat));
                keep_below(&mut config.nat.rules, rule, line, "NAT rules", MAX_RULES)?;
            }
            Record::LegacyRule => {
                keep_below(&mut config.rules, FilterRule::legacy(element), line, "firewall rules", MAX_RULES)?;
            }
            Record::MvcRule => {
                keep_below(&mut config.rules, FilterRule::mvc(element), line, "firewall rules", MAX_RULES)?;
            }
            _ => self.take_service(record, element)?,
        }
        Ok(())
    }

    fn take_service(&mut self, record: Record, element: &Element<'_>) -> Result<(), ParseError> {
        let config = &mut self.config;
        let line = element.line;
        match record {
            Record::IscDhcp => keep(&mut config.dhcp, DhcpServer::isc(element), line, "DHCP servers")?,
            Record::IscDhcp6 => {
                keep(&mut config.adverts, RouterAdvert::legacy(element), line, "router advertisements")?
            }
            Record::Radvd => {
                let advert = RouterAdvert::radvd(element, next(&mut self.seen.radvd));
                keep(&mut config.adverts, advert, line, "router advertisements")?;
            }
            Record::KeaGeneral => self.kea_enabled = element.truthy("enabled"),
            Record::KeaHa => config.kea_ha.read_settings(element),
            Record::KeaPeer => {
                let name = shorten(element.value("name"));
                keep(&mut config.kea_ha.peers, Some(name), line, "Kea peers")?;
            }
            Record::KeaSubnet => {
                let server = DhcpServer::kea(element, self.kea_subnets.len() + 1);
                keep(&mut self.kea_subnets, Some(server), line, "DHCP servers")?;
            }
            Record::DnsmasqEnable => self.dnsmasq_enabled = !matches!(element.text(), "" | "0"),
            Record::DnsmasqRange => {
                let index = next(&mut self.seen.ranges);
                keep(&mut self.dnsmasq_ranges, DnsmasqRange::read(element, index), line, "DHCP servers")?;
                let advert = RouterAdvert::dnsmasq(element, index);
                keep(&mut self.dnsmasq_adverts, advert, line, "router advertisements")?;
            }
            Record::DnsmasqOption => {
                keep(&mut self.dnsmasq_options, DnsmasqOption::read(element), line, "DHCP options")?;
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> OpnsenseConfig {
        if self.kea_enabled {
            self.config.dhcp.append(&mut self.kea_subnets);
        }
        if self.dnsmasq_enabled {
            let options = &self.dnsmasq_options;
            self.config.dhcp.extend(self.dnsmasq_ranges.iter().map(|range| range.with_options(options)));
            self.config.adverts.append(&mut self.dnsmasq_adverts);
        }
        self.config
    }
}

fn keep<T>(list: &mut Vec<T>, entry: Option<T>, line: u32, what: &'static str) -> Result<(), ParseError> {
    keep_below(list, entry, line, what, MAX_ENTRIES)
}

fn keep_below<T>(
    list: &mut Vec<T>,
    entry: Option<T>,
    line: u32,
    what: &'static str,
    limit: usize,
) -> Result<(), ParseError> {
    if let Some(entry) = entry {
        if list.len() >= limit {
            return Err(ParseError::TooMany { line, what, limit });
        }
        list.push(entry);
    }
    Ok(())
}

fn next(counter: &mut usize) -> usize {
    *counter += 1;
    *counter
}
