//! rc.conf(5): which vhids it sets up, found by reading, never by running it.

mod files;
mod ifconfig;
mod shell;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use zeroize::Zeroizing;

pub use files::read_text;
pub use ifconfig::Carp;
use shell::Statement;

use super::Place;
use crate::model::{InterfaceName, Vhid};

/// The variables of one or more files, the last assignment of each, as rc.subr(8) would have them.
#[derive(Clone, Default)]
pub struct RcConf {
    variables: BTreeMap<String, Variable>,
    unread: Vec<Unread>,
}

#[derive(Clone)]
struct Variable {
    value: Zeroizing<String>,
    place: Place,
}

/// A vhid with one of its addresses, as rc.conf(5) sets it up at boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vip {
    /// The interface.
    pub interface: RcInterface,
    /// The vhid.
    pub vhid: Vhid,
    /// The address; `None` if this line gives it none.
    pub address: Option<IpAddr>,
    /// The variable.
    pub variable: String,
    /// Where it is set.
    pub place: Place,
}

/// An interface as the name of a variable has it: with `_` for each of `.`, `-`, `/` and `+` (`get_if_var()` of network.subr).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RcInterface(String);

impl RcInterface {
    /// Whether it may be `name`.
    #[must_use]
    pub fn is(&self, name: &InterfaceName) -> bool {
        self.0 == as_in_variables(name.as_str())
    }

    /// As it stands in the variable's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RcInterface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that may set up a vhid, and that only a shell could read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The variable, if it is an assignment.
    pub variable: Option<String>,
    /// Why, without a word of what it says.
    pub why: &'static str,
    /// Where it is.
    pub place: Place,
    about_vhids: bool,
}

/// One call of ifconfig(8) about a vhid, that the scripts make at boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The interface.
    pub interface: RcInterface,
    /// What it says.
    pub carp: Carp,
    /// The variable.
    pub variable: String,
    /// Where it is set.
    pub place: Place,
}

/// The vhids that `text`, the content of `path`, sets up.
#[must_use]
pub fn vips(text: &str, path: &Path) -> Vec<Vip> {
    let mut rc_conf = RcConf::default();
    rc_conf.add(text, path);
    rc_conf.vips()
}

impl RcConf {
    /// Reads `text`, the content of `path`. What it assigns replaces what was there.
    pub fn add(&mut self, text: &str, path: &Path) {
        for statement in shell::read(text) {
            match statement {
                Statement::Assignment { name, value, line } => {
                    let place = Place { file: path.to_owned(), line };
                    self.variables.insert(name, Variable { value, place });
                }
                Statement::Other { name, line, why, about_vhids } => {
                    if let Some(name) = &name {
                        self.variables.remove(name);
                    }
                    let place = Place { file: path.to_owned(), line };
                    self.unread.push(Unread { variable: name, why, place, about_vhids });
                }
            }
        }
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|variable| variable.value.as_str())
    }

    /// Whether a variable is set and says yes, in one of the ways of `checkyesno()`.
    #[must_use]
    pub fn is_yes(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| ["yes", "true", "on", "1"].contains(&value.to_ascii_lowercase().as_str()))
    }

    /// Where a variable is set.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<&Place> {
        self.variables.get(name).map(|variable| &variable.place)
    }

    /// The vhids it sets up, each as often as it has addresses.
    #[must_use]
    pub fn vips(&self) -> Vec<Vip> {
        let vip = |call: Call| Vip {
            interface: call.interface,
            vhid: call.carp.vhid,
            address: call.carp.address,
            variable: call.variable,
            place: call.place,
        };
        self.calls().0.into_iter().map(vip).collect()
    }

    /// What may set up vhids and is not understood: assignments to the variables of interfaces, and other lines with a vhid.
    #[must_use]
    pub fn unread(&self) -> Vec<Unread> {
        let matters = |unread: &&Unread| match &unread.variable {
            Some(name) => Setting::of(name).is_some() || unread.about_vhids,
            None => unread.about_vhids,
        };
        let mut unread: Vec<Unread> = self.unread.iter().filter(matters).cloned().collect();
        unread.extend(self.calls().1);
        unread
    }

    /// The calls of ifconfig(8) about vhids, in their order at boot, and what is not understood of them.
    #[must_use]
    pub fn calls(&self) -> (Vec<Call>, Vec<Unread>) {
        let mut settings: Vec<(Setting, &String, &Variable)> =
            self.variables.iter().filter_map(|(name, variable)| Some((Setting::of(name)?, name, variable))).collect();
        settings.sort_by(|a, b| a.0.cmp(&b.0));
        let (mut calls, mut unread) = (Vec::new(), Vec::new());
        for (setting, name, variable) in settings {
            for read in setting.calls(&variable.value) {
                let (variable, place) = (name.clone(), variable.place.clone());
                match read {
                    Ok(carp) => calls.push(Call { interface: setting.interface.clone(), carp, variable, place }),
                    Err(why) => unread.push(Unread { variable: Some(variable), why, place, about_vhids: true }),
                }
            }
        }
        (calls, unread)
    }

    /// The real name of an interface, if what else is in the file tells it; otherwise the one in the variable.
    #[must_use]
    pub fn interface(&self, name: &RcInterface) -> Option<InterfaceName> {
        let words = |variable: &str| self.get(variable).unwrap_or_default().split_whitespace().map(str::to_owned);
        let mut known: Vec<String> =
            ["cloned_interfaces", "network_interfaces", "pfsync_syncdev"].into_iter().flat_map(words).collect();
        for (variable, parent) in self.variables.keys().filter_map(|name| Some((name, name.strip_prefix("vlans_")?))) {
            // A number is a tag, and the interface is then called after its parent.
            known.extend(words(variable).map(|vlan| if is_number(&vlan) { format!("{parent}.{vlan}") } else { vlan }));
        }
        known.push(name.0.clone());
        known.into_iter().filter_map(|text| text.parse().ok()).find(|known| name.is(known))
    }
}

/// A variable whose value is the arguments of ifconfig(8), in the order in which the scripts use them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Setting {
    interface: RcInterface,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// `ifconfig_IF`
    Base,
    /// `ifconfig_IF_ipv6`
    Ipv6,
    /// `ifconfig_IF_aliases`
    Aliases,
    /// `ifconfig_IF_aliasN`
    Alias(u32),
    /// `ipv6_ifconfig_IF`, `ipv6_ifconfig_IF_aliasN`, `ipv4_addrs_IF`
    Obsolete,
}

impl Setting {
    fn of(name: &str) -> Option<Self> {
        if name.ends_with("_descr") || name.ends_with("_name") {
            return None;
        }
        let obsolete = name.strip_prefix("ipv6_ifconfig_").or_else(|| name.strip_prefix("ipv4_addrs_"));
        let (rest, kind) = match (name.strip_prefix("ifconfig_"), obsolete) {
            (Some(rest), _) => Kind::split(rest),
            (None, Some(rest)) => (Kind::split(rest).0, Kind::Obsolete),
            (None, None) => return None,
        };
        Some(Self { interface: RcInterface(rest.to_owned()), kind })
    }

    fn calls(&self, value: &str) -> Vec<Result<Carp, &'static str>> {
        let calls = match self.kind {
            Kind::Base | Kind::Ipv6 | Kind::Obsolete => vec![Zeroizing::new(value.to_owned())],
            Kind::Aliases => ifconfig::components(value, false),
            Kind::Alias(_) => ifconfig::components(value, true),
        };
        calls.iter().filter_map(|call| ifconfig::read(call)).map(|read| self.judge(read)).collect()
    }

    fn judge(&self, read: Result<Carp, &'static str>) -> Result<Carp, &'static str> {
        let name = self.interface.as_str();
        if name.strip_prefix("carp").is_some_and(is_number) {
            return Err("it is CARP as it was before FreeBSD 10");
        }
        if name == "DEFAULT" {
            return Err("it is about every interface");
        }
        if self.kind == Kind::Obsolete {
            return Err("it is an obsolete variable");
        }
        read
    }
}

impl Kind {
    fn split(rest: &str) -> (&str, Self) {
        if let Some(interface) = rest.strip_suffix("_aliases") {
            return (interface, Self::Aliases);
        }
        if let Some(interface) = rest.strip_suffix("_ipv6") {
            return (interface, Self::Ipv6);
        }
        match rest.rsplit_once("_alias").map(|(interface, number)| (interface, number.parse())) {
            Some((interface, Ok(number))) => (interface, Self::Alias(number)),
            _ => (rest, Self::Base),
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn as_in_variables(name: &str) -> String {
    name.replace(['.', '-', '/', '+'], "_")
}

/// What it says may be a password.
impl fmt::Debug for RcConf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RcConf").field("variables", &self.variables.keys()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rc_conf(text: &str) -> RcConf {
        let mut rc_conf = RcConf::default();
        rc_conf.add(text, Path::new("/etc/rc.conf"));
        rc_conf
    }

    fn told(text: &str) -> Vec<String> {
        let vips = vips(text, Path::new("/etc/rc.conf"));
        let address = |vip: &Vip| vip.address.map_or_else(|| "-".to_owned(), |address| address.to_string());
        vips.iter().map(|v| format!("{}@{} {} {}", v.vhid, v.interface, address(v), v.place.line)).collect()
    }

    #[test]
    fn every_variable_that_sets_a_vip_is_found_with_its_line() {
        let text = "hostname=\"fw1\"\n\
                    ifconfig_em0=\"inet 192.0.2.2/24\"\n\
                    ifconfig_em0_alias1=\"inet vhid 1 192.0.2.9/32\"\n\
                    ifconfig_em0_alias0=\"inet vhid 1 advskew 100 pass hush alias 192.0.2.1/32\"\n\
                    ifconfig_em1_aliases=\"inet 198.51.100.1/24 vhid 2 pass hush \\\n\
                    \tinet6 2001:db8::1 prefixlen 64 vhid 2 \\\n\
                    \tinet 198.51.100.9/24\"\n\
                    ifconfig_em2_ipv6='inet6 2001:db8:2::1/64 vhid 3 pass hush'\n\
                    ifconfig_em0_descr=\"vhid 5 192.0.2.5/24\"\n\
                    ifconfig_vlan0_10=\"vhid 4 pass hush alias 203.0.113.1/24\"\n";
        let expected = [
            "1@em0 192.0.2.1 4",
            "1@em0 192.0.2.9 3",
            "2@em1 198.51.100.1 5",
            "2@em1 2001:db8::1 5",
            "3@em2 2001:db8:2::1 8",
            "4@vlan0_10 203.0.113.1 10",
        ];
        assert_eq!(told(text), expected);
    }

    #[test]
    fn the_last_assignment_counts_in_whatever_file_it_is() {
        let mut conf = rc_conf(
            "ifconfig_em0_alias0=\"inet vhid 1 192.0.2.1/32\"\nifconfig_em1_alias0=\"inet vhid 2 192.0.2.5/32\"\n",
        );
        conf.add(
            "ifconfig_em0_alias0=\"inet vhid 7 192.0.2.1/32\"\nifconfig_em1_alias0=\"\"\n",
            Path::new("/etc/rc.conf.local"),
        );
        let vips = conf.vips();
        assert_eq!((vips.len(), vips[0].vhid.get(), vips[0].place.file.to_str()), (1, 7, Some("/etc/rc.conf.local")));
    }

    #[test]
    fn only_what_may_be_about_vhids_is_reported_as_unread() {
        let text = "hostname=\"$(hostname)\"\n. /etc/x\nifconfig_em0=\"$x\"\nifconfig em0 vhid 1 pass hush 192.0.2.1/24\n\
                    ifconfig_em1_alias0=\"inet vhid 1 pass 'hush' 192.0.2.1/24\"\nifconfig_carp0=\"vhid 1 pass hush 192.0.2.1/24\"\n";
        let unread = rc_conf(text).unread();
        let lines: Vec<u32> = unread.iter().map(|unread| unread.place.line).collect();
        assert_eq!(lines, [3, 4, 6, 5]);
        assert!(unread[2].why.contains("FreeBSD 10"));
        assert!(
            !format!("{unread:?} {:?}", rc_conf(text)).contains("hush"),
            "nothing is shown of what is written there"
        );
        assert!(rc_conf(text).vips().is_empty());
    }

    #[test]
    fn an_interface_gets_its_dot_back_where_the_file_tells() {
        let conf = rc_conf("vlans_em0=\"10 guest\"\ncloned_interfaces=\"bridge0 vlan.7\"\n");
        let name = |text: &str| conf.interface(&RcInterface(text.to_owned())).map(|name| name.to_string());
        assert_eq!(name("em0_10").as_deref(), Some("em0.10"));
        assert_eq!(name("vlan_7").as_deref(), Some("vlan.7"));
        assert_eq!(name("em1_10").as_deref(), Some("em1_10"));
        assert_eq!(name("a_name_too_long_for_an_interface"), None);
    }

    #[test]
    fn yes_is_what_rc_subr_takes_for_yes() {
        let conf = rc_conf("a=YES\nb=no\nc=On\nd=\n");
        assert!(conf.is_yes("a") && conf.is_yes("c") && !conf.is_yes("b") && !conf.is_yes("d") && !conf.is_yes("e"));
    }
}
