//! From the lines that set a node up at boot.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use zeroize::Zeroizing;

use super::{Draft, Secret};
use crate::config::Place;
use crate::config::rc_conf::{Call, Carp, RcConf};
use crate::config::settings::{Pfsync, PfsyncVersion, StaticVhid};
use crate::model::{AdvBase, AdvSkew, CarpKey, VhidRef};

/// The files that a node is set up with.
#[derive(Debug)]
pub struct Files {
    /// What they are called together, as the end of `imported from ...`.
    pub name: String,
    /// rc.conf(5), with what overrides it.
    pub rc_conf: RcConf,
    /// The text of sysctl.conf(5), if there is one.
    pub sysctl_conf: Option<Zeroizing<String>>,
    /// loader.conf(5), if it is known.
    pub loader_conf: Option<RcConf>,
}

/// The carpd.toml that takes the place of these files, as far as CARP and pfsync are in them.
#[must_use]
pub fn from_files(files: &Files) -> Draft {
    let mut draft = Draft::new(files.name.clone());
    let mut found = BTreeMap::<VhidRef, Found>::new();
    let (calls, _) = files.rc_conf.calls();
    for call in &calls {
        let Some(interface) = files.rc_conf.interface(&call.interface) else {
            draft.notes.push(format!("{}: {} is no name of an interface.", shown(&call.place), call.interface));
            continue;
        };
        if call.carp.vrrp {
            let id = VhidRef::new(call.carp.vhid, interface);
            let place = shown(&call.place);
            draft
                .notes
                .push(format!("{place}: vhid {id} speaks VRRP, which carpd.toml cannot set up; leave it there."));
            continue;
        }
        note_doubts(&mut draft, call, interface.as_str());
        found.entry(VhidRef::new(call.carp.vhid, interface)).or_default().take(call);
    }
    for (id, found) in found {
        found.settle(id, &mut draft);
    }
    for unread in files.rc_conf.unread() {
        let what = unread.variable.unwrap_or_else(|| "a line".to_owned());
        draft.notes.push(format!("{}: {what} was not understood: {}.", shown(&unread.place), unread.why));
    }
    pfsync(&files.rc_conf, &mut draft);
    sysctls(files, &mut draft);
    draft
}

/// All calls about one vhid.
#[derive(Default)]
struct Found {
    advbase: Option<AdvBase>,
    advskew: Option<AdvSkew>,
    pass: Option<Zeroizing<String>>,
    peer: Option<Ipv4Addr>,
    peer6: Option<Ipv6Addr>,
    addresses: Vec<IpNet>,
    places: Vec<Place>,
    passwords_differ: bool,
}

impl Found {
    /// A call changes what it names and leaves the rest as it is.
    fn take(&mut self, call: &Call) {
        let Carp { address, prefix, advbase, advskew, pass, peer, peer6, .. } = &call.carp;
        self.advbase = advbase.or(self.advbase);
        self.advskew = advskew.or(self.advskew);
        self.peer = peer.unwrap_or(self.peer);
        self.peer6 = peer6.unwrap_or(self.peer6);
        if let Some(pass) = pass {
            self.passwords_differ |= self.pass.as_ref().is_some_and(|old| old != pass);
            self.pass = Some(pass.clone());
        }
        let net = address.zip(*prefix).and_then(|(address, prefix)| IpNet::new(address, prefix).ok());
        self.addresses.extend(net.filter(|net| !self.addresses.contains(net)));
        self.places.push(call.place.clone());
    }

    fn settle(self, id: VhidRef, draft: &mut Draft) {
        let places: Vec<String> = self.places.iter().map(shown).collect();
        draft.notes.push(format!("vhid {id} is set up in {}: take it out there.", places.join(", ")));
        if self.passwords_differ {
            draft.notes.push(format!("vhid {id} is given different passwords there; the last one counts."));
        }
        let mut addresses = self.addresses;
        addresses.sort_unstable();
        // A password that is cut here is the same key, and no finding of the configuration check.
        let key = self.pass.map(|pass| CarpKey::from_password(pass.as_bytes()));
        let vhid = StaticVhid {
            id,
            advbase: self.advbase.unwrap_or(AdvBase::DEFAULT),
            advskew: self.advskew.unwrap_or_default(),
            password_file: None,
            addresses,
            peer: self.peer,
            peer6: self.peer6,
        };
        draft.add(vhid, key.as_ref().map_or(Secret::None, Secret::of_key));
    }
}

fn note_doubts(draft: &mut Draft, call: &Call, interface: &str) {
    let place = shown(&call.place);
    if call.carp.more {
        draft.notes.push(format!("{place}: {} sets more than CARP; leave the rest of it there.", call.variable));
    }
    if interface == call.interface.as_str() && interface.contains('_') {
        draft.notes.push(format!("{place}: {interface} may stand for a name with a dot; look at it."));
    }
}

fn pfsync(rc_conf: &RcConf, draft: &mut Draft) {
    if !rc_conf.is_yes("pfsync_enable") {
        return;
    }
    let value = |name: &str| rc_conf.get(name).map(str::trim).filter(|value| !value.is_empty());
    let Some(syncdev) = value("pfsync_syncdev").and_then(|name| name.parse().ok()) else {
        draft.notes.push("pfsync_enable is set, but pfsync_syncdev names no interface.".to_owned());
        return;
    };
    let syncpeer = value("pfsync_syncpeer").map(str::parse);
    if matches!(syncpeer, Some(Err(_))) {
        draft.notes.push("pfsync_syncpeer is not an address; it was left out.".to_owned());
    }
    let mut pfsync =
        Pfsync { syncdev, syncpeer: syncpeer.and_then(Result::ok), version: None, defer: false, maxupdates: 128 };
    if !pfsync_options(value("pfsync_ifconfig").unwrap_or_default(), &mut pfsync) {
        draft.notes.push("pfsync_ifconfig has more in it than carpd.toml can say; look at it.".to_owned());
    }
    let place = rc_conf.place("pfsync_enable").map(shown).unwrap_or_default();
    draft.notes.push(format!("pfsync is set up in {place}: take pfsync_enable out there."));
    draft.pfsync = Some(pfsync);
}

/// Whether all of it was understood.
fn pfsync_options(options: &str, pfsync: &mut Pfsync) -> bool {
    let mut words = options.split_whitespace();
    let mut understood = true;
    while let Some(word) = words.next() {
        match word {
            "defer" => pfsync.defer = true,
            "-defer" => pfsync.defer = false,
            "up" => {}
            "maxupd" => match words.next().and_then(|number| number.parse().ok()) {
                Some(number) => pfsync.maxupdates = number,
                None => understood = false,
            },
            "version" => {
                let number = words.next().and_then(|number| number.parse::<u32>().ok());
                pfsync.version = PfsyncVersion::ALL.into_iter().find(|version| Some(version.number()) == number);
                understood &= pfsync.version.is_some();
            }
            _ => understood = false,
        }
    }
    understood
}

fn sysctls(files: &Files, draft: &mut Draft) {
    let text = files.sysctl_conf.as_deref().map(String::as_str).unwrap_or_default();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let Some((name, value)) = line.split_once('=') else { continue };
        match (name.trim(), value.trim().trim_matches('"')) {
            ("net.inet.carp.preempt", value) => draft.preempt = Some(value != "0"),
            (name, value) if name.starts_with("net.inet.carp.") && value.bytes().all(|b| b.is_ascii_digit()) => {
                draft.notes.push(format!("{name}={value} stays in sysctl.conf(5)."));
            }
            _ => {}
        }
    }
    match draft.preempt {
        Some(true) => {}
        Some(false) => draft.notes.push(
            "net.inet.carp.preempt is 0, so that no demotion moves a vhid; set it to true on both nodes.".to_owned(),
        ),
        // Without a line for it the kernel has 0, with which carpd is of little use.
        None => draft.notes.push("No sysctl.conf(5) sets net.inet.carp.preempt; carpd will set it to 1.".to_owned()),
    }
    let at_boot = |loader: &RcConf| {
        let modules = files.rc_conf.get("kld_list").unwrap_or_default();
        loader.is_yes("carp_load") || modules.split_whitespace().any(|module| module == "carp" || module == "carp.ko")
    };
    if !files.loader_conf.as_ref().is_none_or(at_boot) {
        draft.notes.push("The module carp is not loaded at boot, unless it is in the kernel: write carp_load=\"YES\" into /boot/loader.conf.".to_owned());
    }
}

fn shown(place: &Place) -> String {
    format!("{}:{}", place.file.display(), place.line)
}
