//! Firewall rules that may touch CARP or pfsync, and outbound NAT.

use ipnet::IpNet;

use super::field::address;
use super::xml::{Element, MAX_WORDS, shorten};

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Lets the packet through.
    Pass,
    /// Drops or rejects it.
    Block,
}

/// The protocols that matter here. Rules for any other are not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Every protocol.
    Any,
    /// Protocol 112.
    Carp,
    /// Protocol 240.
    Pfsync,
}

impl Protocol {
    fn read(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "" | "any" => Some(Self::Any),
            "carp" | "112" | "vrrp" => Some(Self::Carp),
            "pfsync" | "240" => Some(Self::Pfsync),
            _ => None,
        }
    }

    /// A rule for `self` sees packets of `wanted`.
    #[must_use]
    pub fn sees(self, wanted: Self) -> bool {
        self == Self::Any || self == wanted
    }
}

/// One end of a rule's packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// What it names; empty means everything.
    pub what: Vec<Target>,
    /// Everything but that.
    pub not: bool,
}

/// An address, or a word that stands for some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An address or network.
    Net(IpNet),
    /// An interface key (its networks), a key followed by `ip` (its address), `(self)`, or an alias.
    Word(String),
}

impl Target {
    pub(super) fn read(text: &str) -> Self {
        let net = text.parse().ok().or_else(|| address(text).map(IpNet::from));
        net.map_or_else(|| Self::Word(shorten(text)), Self::Net)
    }
}

impl Endpoint {
    /// Every packet fits.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        self.what.is_empty() && !self.not
    }

    fn legacy(rule: &Element<'_>, name: &str) -> Self {
        let Some(end) = rule.child(name) else { return Self { what: Vec::new(), not: false } };
        let texts = ["network", "address"].map(|child| end.value(child));
        let what = texts.into_iter().flat_map(|text| text.split(',').take(MAX_WORDS)).map(str::trim);
        let what = what.filter(|text| !matches!(*text, "" | "any")).map(Target::read).collect();
        Self { what, not: end.present("not") }
    }

    fn mvc(rule: &Element<'_>, net: &str, not: &str) -> Self {
        let words = rule.words(net);
        let what = words.iter().filter(|text| *text != "any").map(|text| Target::read(text)).collect();
        Self { what, not: rule.truthy(not) }
    }
}

/// An enabled rule for incoming packets that may touch CARP or pfsync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterRule {
    /// Its line.
    pub line: u32,
    /// What it does.
    pub action: Action,
    /// The first match decides.
    pub quick: bool,
    /// The interface keys or groups it works on; empty means all.
    pub interfaces: Vec<String>,
    /// All but those interfaces.
    pub interfaces_not: bool,
    /// It is a floating rule: these come before all others.
    pub floating: bool,
    /// Works on IPv4.
    pub v4: bool,
    /// Works on IPv6.
    pub v6: bool,
    /// The protocol.
    pub protocol: Protocol,
    /// Where packets come from.
    pub source: Endpoint,
    /// Where they go.
    pub destination: Endpoint,
}

impl FilterRule {
    /// A rule below `<filter>`. None if it is off, works on outgoing packets, or on another protocol.
    pub(super) fn legacy(element: &Element<'_>) -> Option<Self> {
        let floating = element.truthy("floating");
        if element.present("disabled") || element.value("direction") == "out" {
            return None;
        }
        let families = families(element.value("ipprotocol"));
        Some(Self {
            line: element.line,
            action: action(element.value("type")),
            quick: !floating || element.truthy("quick"),
            interfaces: element.words("interface"),
            interfaces_not: element.truthy("interfacenot"),
            floating,
            v4: families.0,
            v6: families.1,
            protocol: Protocol::read(element.value("protocol"))?,
            source: Endpoint::legacy(element, "source"),
            destination: Endpoint::legacy(element, "destination"),
        })
    }

    /// A rule below `OPNsense/Firewall/Filter/rules`. One that names not exactly one interface counts as floating
    /// (`FilterRuleField.php` of opnsense/core).
    pub(super) fn mvc(element: &Element<'_>) -> Option<Self> {
        if element.value("enabled") == "0" || element.value("direction") == "out" {
            return None;
        }
        let families = families(element.value("ipprotocol"));
        let interfaces = element.words("interface");
        let interfaces_not = element.truthy("interfacenot");
        Some(Self {
            line: element.line,
            action: action(element.value("action")),
            quick: element.value("quick") != "0",
            floating: interfaces.len() != 1 || interfaces_not,
            interfaces,
            interfaces_not,
            v4: families.0,
            v6: families.1,
            protocol: Protocol::read(element.value("protocol"))?,
            source: Endpoint::mvc(element, "source_net", "source_not"),
            destination: Endpoint::mvc(element, "destination_net", "destination_not"),
        })
    }
}

fn action(text: &str) -> Action {
    if matches!(text, "block" | "reject") { Action::Block } else { Action::Pass }
}

/// IPv4 and IPv6, as `ipprotocol` says; IPv4 alone is the default.
fn families(text: &str) -> (bool, bool) {
    match text {
        "inet6" => (false, true),
        "inet46" => (true, true),
        _ => (true, false),
    }
}

/// How outbound NAT rules come to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NatMode {
    /// OPNsense makes them all, with the interface's own address.
    #[default]
    Automatic,
    /// Those of the file, then the automatic ones.
    Hybrid,
    /// Those of the file only.
    Manual,
    /// None.
    Disabled,
}

/// Outbound NAT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboundNat {
    /// The mode.
    pub mode: NatMode,
    /// The line of the mode; 0 if the file has none.
    pub mode_line: u32,
    /// The enabled IPv4 rules that translate, in the order of the file.
    pub rules: Vec<NatRule>,
}

impl OutboundNat {
    pub(super) fn read_mode(&mut self, element: &Element<'_>) {
        self.mode_line = element.line;
        self.mode = match element.text() {
            "hybrid" => NatMode::Hybrid,
            "advanced" => NatMode::Manual,
            "disabled" => NatMode::Disabled,
            _ => NatMode::Automatic,
        };
    }
}

/// What packets get as their new source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NatTarget {
    /// The address of the interface they leave by.
    InterfaceAddress,
    /// An address or a network.
    Net(IpNet),
    /// An alias or a pool, which this reader does not look into.
    Unknown(String),
}

/// A rule that changes the source of outgoing packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatRule {
    /// Its path in findings.
    pub path: String,
    /// Its line.
    pub line: u32,
    /// The interface key it works on.
    pub interface: String,
    /// Whose packets.
    pub source: Endpoint,
    /// The new source.
    pub target: NatTarget,
}

impl NatRule {
    /// A rule below `<nat><outbound>`. None if it is off, does not translate, or is for IPv6.
    pub(super) fn legacy(element: &Element<'_>, index: usize) -> Option<Self> {
        if element.present("disabled") || element.truthy("nonat") || element.value("ipprotocol") == "inet6" {
            return None;
        }
        let target = match element.value("target") {
            "other-subnet" => element.value("targetip"),
            text => text,
        };
        Some(Self {
            path: format!("nat/outbound/rule[{index}]"),
            line: element.line,
            interface: shorten(element.value("interface")),
            source: Endpoint::legacy(element, "source"),
            target: nat_target(target),
        })
    }

    /// A rule below `OPNsense/Firewall/Filter/snatrules`.
    pub(super) fn mvc(element: &Element<'_>, index: usize) -> Option<Self> {
        let off = element.value("enabled") == "0" || element.truthy("nonat");
        if off || element.value("ipprotocol") == "inet6" {
            return None;
        }
        Some(Self {
            path: format!("OPNsense/Firewall/Filter/snatrules/rule[{index}]"),
            line: element.line,
            interface: shorten(element.value("interface")),
            source: Endpoint::mvc(element, "source_net", "source_not"),
            target: nat_target(element.value("target")),
        })
    }
}

fn nat_target(text: &str) -> NatTarget {
    let own = |key: &str| matches!(key, "wan" | "lan") || key.strip_prefix("opt").is_some_and(is_number);
    if text.is_empty() || text.strip_suffix("ip").is_some_and(own) {
        return NatTarget::InterfaceAddress;
    }
    match Target::read(text) {
        Target::Net(net) => NatTarget::Net(net),
        Target::Word(word) => NatTarget::Unknown(word),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
