//! `[vips]`, and what belongs to it only if carpd.toml owns the vhids: `[[vips.vhid]]`, `[pfsync]`, `[carp]`.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use toml::de::{DeTable, DeValue};

use super::report::Fault;
use super::section::Section;
use super::values::{boolean, integer, interface, parsed, path, word, wrong_type};
use super::{Context, Declared, DeclaredVhid, first_line};
use crate::config::catalogue::carpd_toml as codes;
use crate::config::password::PasswordError;
use crate::config::rc_conf::Vip;
use crate::config::settings::{Pfsync, PfsyncVersion, StaticVhid, StaticVips, Vips};
use crate::model::{AdvBase, AdvSkew, InterfaceName, Vhid, VhidRef};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Kernel,
    Opnsense,
    Static,
}

const SOURCES: [(&str, Source); 3] =
    [("kernel", Source::Kernel), (OPNSENSE, Source::Opnsense), (STATIC, Source::Static)];

/// Reads who owns the vhids, and says which there are.
pub(super) fn vips(root: &mut Section<'_>, cx: &mut Context<'_>) -> (Vips, Declared) {
    let Some(mut table) = root.section(&mut cx.report, "vips") else {
        idle(root, cx, &["pfsync", "carp"], STATIC);
        return (Vips::Kernel, Declared::Kernel);
    };
    let source = table.get(&mut cx.report, "source", word(&SOURCES));
    let vips = match source {
        None if table.has("source") => undecided(root, &mut table, cx),
        None | Some(Source::Kernel) => {
            idle(&mut table, cx, &["config_xml"], OPNSENSE);
            idle(&mut table, cx, &["vhid"], STATIC);
            idle(root, cx, &["pfsync", "carp"], STATIC);
            (Vips::Kernel, Declared::Kernel)
        }
        Some(Source::Opnsense) => {
            idle(&mut table, cx, &["vhid"], STATIC);
            idle(root, cx, &["pfsync", "carp"], STATIC);
            let config_xml = config_xml(&mut table, cx);
            let declared = opnsense(&table, cx, &config_xml);
            (Vips::Opnsense { config_xml }, declared)
        }
        Some(Source::Static) => {
            idle(&mut table, cx, &["config_xml"], OPNSENSE);
            let vhids = vhids(&mut table, cx);
            unread(&table, cx);
            let declared = Declared::These(vhids.iter().map(declare).collect());
            (Vips::Static(StaticVips { vhids, pfsync: pfsync(root, cx), preempt: carp(root, cx) }), declared)
        }
    };
    table.finish(&mut cx.report);
    vips
}

/// Reads everything although the source is illegal: who owns the vhids is not known, but what is written about them can be checked.
fn undecided(root: &mut Section<'_>, table: &mut Section<'_>, cx: &mut Context<'_>) -> (Vips, Declared) {
    let config_xml = config_xml(table, cx);
    if table.has("vhid") {
        vhids(table, cx);
    }
    pfsync(root, cx);
    carp(root, cx);
    table.accept(&["vhid"]);
    (Vips::Opnsense { config_xml }, Declared::Unknown)
}

fn declare(vhid: &StaticVhid) -> (VhidRef, DeclaredVhid) {
    (vhid.id.clone(), DeclaredVhid { advbase: vhid.advbase, name: vhid.id.to_string() })
}

fn opnsense(table: &Section<'_>, cx: &mut Context<'_>, config_xml: &Path) -> Declared {
    match cx.system.opnsense(config_xml) {
        None => Declared::Unknown,
        Some(Ok(config)) => {
            let declared = config.vhids().into_iter().map(|vhid| {
                let name = format!("{} ({}@{})", vhid.id, vhid.id.vhid, vhid.interface);
                (vhid.id, DeclaredVhid { advbase: vhid.advbase, name })
            });
            let declared = declared.collect();
            cx.opnsense = Some(config);
            Declared::These(declared)
        }
        Some(Err(error)) => {
            cx.unread = true;
            let key = if table.has("config_xml") { "config_xml" } else { "source" };
            let remedy = "name OPNsense's configuration in config_xml, or write another source";
            table.find(&mut cx.report, &codes::NO_CONFIG_XML, key, &error.to_string(), remedy);
            Declared::Unknown
        }
    }
}

const STATIC: &str = "static";
const OPNSENSE: &str = "opnsense";

fn idle(table: &mut Section<'_>, cx: &mut Context<'_>, names: &[&'static str], needed: &str) {
    let why = format!("vips.source is not \"{needed}\"");
    let remedy = format!("take it out, or write vips.source = \"{needed}\"");
    table.without_effect(&mut cx.report, names, &why, &remedy);
}

fn config_xml(table: &mut Section<'_>, cx: &mut Context<'_>) -> PathBuf {
    table.get(&mut cx.report, "config_xml", path).unwrap_or_else(|| "/conf/config.xml".into())
}

fn carp(root: &mut Section<'_>, cx: &mut Context<'_>) -> bool {
    let report = &mut cx.report;
    let Some(mut table) = root.section(report, "carp") else { return true };
    let preempt = table.get(report, "preempt", boolean).unwrap_or(true);
    if !preempt {
        let remedy = "set it to true on both nodes, unless a node that comes back must not take over";
        table.find(report, &codes::NO_PREEMPT, "preempt", "no demotion moves a vhid while preempt is false", remedy);
    }
    table.finish(report);
    preempt
}

fn pfsync(root: &mut Section<'_>, cx: &mut Context<'_>) -> Option<Pfsync> {
    let report = &mut cx.report;
    let mut table = root.section(report, "pfsync")?;
    let remedy = "name the interface between the two nodes, e.g. syncdev = \"vtnet2\"";
    let syncdev = table.required(report, "syncdev", remedy, interface);
    let syncpeer = table.get(report, "syncpeer", |value| host(parsed::<IpAddr>("an address", "\"192.0.2.2\"")(value)?));
    let version = table.get(report, "version", version);
    let defer = table.get(report, "defer", boolean).unwrap_or(false);
    let maxupdates = table.get(report, "maxupdates", |v| integer(0..=255)(v).map(|n| u8::try_from(n).unwrap_or(128)));
    table.finish(report);
    Some(Pfsync { syncdev: syncdev?, syncpeer, version, defer, maxupdates: maxupdates.unwrap_or(128) })
}

fn version(value: &DeValue<'_>) -> Result<PfsyncVersion, Fault> {
    let remedy = "write 1301, 1400 or 1500: the newest that both nodes understand";
    let number = value.as_integer().ok_or_else(|| wrong_type(value, "a whole number", remedy))?;
    let known =
        |version: &PfsyncVersion| i64::from_str_radix(number.as_str(), number.radix()) == Ok(version.number().into());
    PfsyncVersion::ALL
        .into_iter()
        .find(known)
        .ok_or_else(|| Fault::new(&codes::NOT_A_CHOICE, format!("is {number}, none of its choices"), remedy))
}

fn vhids(table: &mut Section<'_>, cx: &mut Context<'_>) -> Vec<StaticVhid> {
    if !table.has("vhid") {
        let (cause, remedy) = ("vips.source is \"static\", but there is no [[vips.vhid]]", "add one for each vhid");
        table.find(&mut cx.report, &codes::MISSING, "vhid", cause, remedy);
    }
    let mut seen = Seen::default();
    let mut vhids = Vec::new();
    for entry in table.sections(&mut cx.report, "vhid", label) {
        vhids.extend(vhid(entry, cx, &mut seen));
    }
    vhids.sort_by(|a, b| a.id.cmp(&b.id));
    vhids
}

/// `3@vtnet0`, if that much is legal.
fn label(table: &DeTable<'_>) -> Option<String> {
    let interface: InterfaceName = table.get("interface")?.get_ref().as_str()?.parse().ok()?;
    let number = integer(1..=255)(table.get("vhid")?.get_ref()).ok()?;
    Some(format!("{number}@{interface}"))
}

/// Where each vhid and each address was defined first.
#[derive(Default)]
struct Seen {
    vhids: BTreeMap<VhidRef, u32>,
    /// A link-local one is another on each interface.
    addresses: BTreeMap<(IpAddr, Option<InterfaceName>), u32>,
}

fn vhid(mut table: Section<'_>, cx: &mut Context<'_>, seen: &mut Seen) -> Option<StaticVhid> {
    let report = &mut cx.report;
    let remedy = "name the interface that carries it, e.g. interface = \"vtnet0\"";
    let interface = table.required(report, "interface", remedy, interface);
    let number = table.required(report, "vhid", "give its number, 1 to 255", |value| {
        integer(1..=255)(value).map(|number| u32::try_from(number).ok().and_then(Vhid::new))
    });
    let id = number.flatten().zip(interface).map(|(vhid, interface)| VhidRef::new(vhid, interface));
    if let Some(id) = &id {
        let line = table.line_of(report, "vhid");
        if let Some(first) = first_line(&mut seen.vhids, id.clone(), line) {
            let cause = format!("{id} is defined in line {first} already");
            table.find(report, &codes::VHID_TWICE, "vhid", &cause, "put all its addresses into one [[vips.vhid]]");
        }
    }
    let advbase =
        table.get(report, "advbase", |v| integer(1..=255)(v).map(|n| u32::try_from(n).ok().and_then(AdvBase::new)));
    let advskew =
        table.get(report, "advskew", |v| integer(0..=254)(v).map(|n| u32::try_from(n).ok().and_then(AdvSkew::new)));
    let advskew = advskew.flatten().unwrap_or_default();
    if advskew.get() > AdvSkew::MAX_ADVERTISED {
        let cause =
            format!("advskew {} goes out as {}, as if the node were demoted", advskew.get(), AdvSkew::MAX_ADVERTISED);
        table.find(report, &codes::SKEW_ABOVE_240, "advskew", &cause, "stay at 239 or below");
    }
    let addresses = addresses(&mut table, cx, seen, id.as_ref());
    if let Some(id) = &id {
        owned_by_rc_conf(&table, cx, id, addresses.as_deref().unwrap_or_default());
    }
    let peer =
        table.get(&mut cx.report, "peer", |value| host(parsed::<Ipv4Addr>("an IPv4 address", "\"192.0.2.2\"")(value)?));
    let peer6 = table
        .get(&mut cx.report, "peer6", |value| host(parsed::<Ipv6Addr>("an IPv6 address", "\"2001:db8::2\"")(value)?));
    let password_file = password_file(&mut table, cx);
    table.finish(&mut cx.report);
    Some(StaticVhid {
        id: id?,
        advbase: advbase.flatten().unwrap_or(AdvBase::DEFAULT),
        advskew,
        password_file,
        addresses: addresses.unwrap_or_default(),
        peer,
        peer6,
    })
}

fn owned_by_rc_conf(table: &Section<'_>, cx: &mut Context<'_>, id: &VhidRef, addresses: &[IpNet]) {
    let other = |vip: &&Vip| {
        let shared = |net: &IpNet| vip.address == Some(net.addr()) && !is_link_local(net.addr());
        vip.vhid == id.vhid && vip.interface.is(&id.interface) || addresses.iter().any(shared)
    };
    let Some(vip) = cx.elsewhere.vips.iter().find(other) else { return };
    let place = format!("{}:{}", vip.place.file.display(), vip.place.line);
    let cause =
        format!("{id} would have two owners: {} in {place} sets up {}@{}", vip.variable, vip.vhid, vip.interface);
    table.find(&mut cx.report, &codes::RC_CONF_VIP, "vhid", &cause, "take it out of rc.conf, or out of this file");
}

/// Notes what of rc.conf may set up a vhid, too.
fn unread(table: &Section<'_>, cx: &mut Context<'_>) {
    for unread in std::mem::take(&mut cx.elsewhere.unread) {
        let place = format!("{}:{}", unread.place.file.display(), unread.place.line);
        let what = unread.variable.map_or_else(|| "a line".to_owned(), |name| format!("the value of {name}"));
        let cause = format!("{what} in {place} was not understood: {}", unread.why);
        let remedy = "look whether it sets up a vhid of this file";
        table.find(&mut cx.report, &codes::RC_CONF_UNREAD, "source", &cause, remedy);
    }
}

/// Whether it is one that every interface may have for itself.
fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

fn addresses(
    table: &mut Section<'_>,
    cx: &mut Context<'_>,
    seen: &mut Seen,
    id: Option<&VhidRef>,
) -> Option<Vec<IpNet>> {
    let report = &mut cx.report;
    if !table.has("addresses") {
        let remedy = "list them with their prefix lengths, e.g. addresses = [\"192.0.2.1/24\"]";
        table.find(report, &codes::MISSING, "addresses", "the vhid has no addresses, so it would stay in INIT", remedy);
    }
    let addresses = table.items(report, "addresses", false, |value| {
        shared(parsed("an address with its prefix length", "\"192.0.2.1/24\"")(value)?)
    })?;
    if addresses.is_empty() {
        let cause = "addresses is empty, so the vhid would stay in INIT";
        table.find(report, &codes::EMPTY, "addresses", cause, "list at least one address with its prefix length");
        return None;
    }
    let line = table.line_of(report, "addresses");
    for address in &addresses {
        let interface = id.filter(|_| is_link_local(address.addr())).map(|id| id.interface.clone());
        if let Some(first) = first_line(&mut seen.addresses, (address.addr(), interface), line) {
            let cause = format!("{} is claimed in line {first} already", address.addr());
            table.find(report, &codes::ADDRESS_TWICE, "addresses", &cause, "keep it in one place");
        }
    }
    Some(addresses)
}

/// An address that two nodes can share.
fn shared(net: IpNet) -> Result<IpNet, Fault> {
    // In networks of one or two addresses each of them is a host's (RFC 3021, RFC 6164).
    let small = net.max_prefix_len() - net.prefix_len() < 2;
    let reserved = match net {
        IpNet::V4(net) if !small => net.addr() == net.network() || net.addr() == net.broadcast(),
        // The first address of an IPv6 network is every router's (RFC 4291, 2.6.1).
        IpNet::V6(net) if !small => net.addr() == net.network(),
        _ => false,
    };
    if reserved {
        let cause = format!("is {net}, which is the network's own or its broadcast address");
        return Err(Fault::new(&codes::UNUSABLE_ADDRESS, cause, "write the host's address, e.g. 192.0.2.1/24"));
    }
    host(net.addr()).map(|_| net)
}

/// An address that one host can have.
fn host<A: Into<IpAddr> + Copy>(address: A) -> Result<A, Fault> {
    let ip = address.into();
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    if ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || broadcast {
        let cause = format!("is {ip}, which is not an address of one host");
        return Err(Fault::new(&codes::UNUSABLE_ADDRESS, cause, "write a unicast address"));
    }
    Ok(address)
}

fn password_file(table: &mut Section<'_>, cx: &mut Context<'_>) -> Option<PathBuf> {
    const INLINE: [&str; 4] = ["password", "pass", "passwd", "key"];
    let report = &mut cx.report;
    let mut inline = false;
    for name in INLINE {
        let remedy = "put it alone into a file of mode 0600, name that in password_file, and change the password";
        inline |=
            table.refuse(report, &codes::PASSWORD_INLINE, name, "a password stands in the configuration file", remedy);
    }
    if !table.has("password_file") && !inline {
        let remedy = "put one into a file of mode 0600 on both nodes and name it in password_file";
        table.find(report, &codes::NO_PASSWORD, "password_file", "the vhid has no password", remedy);
    }
    // Somebody may have written the password in the place of the path, so what stands there is not repeated.
    let unquoted = |fault: Fault| Fault { cause: "is not an absolute path that the system takes".to_owned(), ..fault };
    let file = table.get(report, "password_file", |value| path(value).map_err(unquoted))?;
    match cx.system.password(&file) {
        Ok(false) => {}
        Ok(true) => {
            let cause = format!("{} holds more than the 19 bytes that count", file.display());
            let remedy = "shorten it to 19 bytes on both nodes: the key stays the same";
            table.find(report, &codes::PASSWORD_CUT, "password_file", &cause, remedy);
        }
        Err(error) => {
            let cause = format!("{} {error}", file.display());
            let absent = matches!(&error, PasswordError::Io(io) if io.kind() == ErrorKind::NotFound);
            let entry = if absent { &codes::NO_PASSWORD_FILE } else { &codes::PASSWORD_FILE };
            table.find(report, entry, "password_file", &cause, password_remedy(&error));
        }
    }
    Some(file)
}

fn password_remedy(error: &PasswordError) -> &'static str {
    match error {
        PasswordError::Io(io) if !matches!(io.kind(), ErrorKind::NotFound) => {
            "make it readable for the user of carpd, with mode 0600"
        }
        PasswordError::Io(_) => "create it, readable for the user of carpd, with mode 0600",
        PasswordError::NotAFile => "name a regular file",
        PasswordError::Open(_) => "run `chmod 0600` on it, and change the password if others may have read it",
        PasswordError::Owner(_) => "run `chown root` on it",
        PasswordError::NotOneLine | PasswordError::TooLarge => {
            "write the password, and nothing else, into its first line"
        }
    }
}
