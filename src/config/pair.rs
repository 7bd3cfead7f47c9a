//! Two carpd.toml of one pair, held side by side.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use super::catalogue::carpd_toml as codes;
use super::file::report::Report;
use super::settings::{Settings, StaticVhid, StaticVips, Vips};
use super::{Entry, Finding};

/// The findings about `own`, which was read from `path`, together with `other`, which was read from `peer`.
///
/// They stand at the file as a whole: the mistake may be on either side.
pub(crate) fn compare(path: &Path, own: &Settings, other: &Settings, peer: &Path) -> Vec<Finding> {
    let mut pair = Pair { report: Report::new(path, ""), peer };
    if let (Vips::Static(own), Vips::Static(other)) = (&own.vips, &other.vips) {
        pair.vhids(own, other);
        pair.pfsync(own, other);
    }
    pair.services(own, other);
    pair.report.finish()
}

struct Pair<'a> {
    report: Report,
    peer: &'a Path,
}

impl Pair<'_> {
    fn add(&mut self, entry: &Entry, key: &str, cause: &str, remedy: &str) {
        self.report.add(entry, 0, key, cause, remedy);
    }

    fn vhids(&mut self, own: &StaticVips, other: &StaticVips) {
        let mut preferred = BTreeSet::new();
        for vhid in &own.vhids {
            let Some(counterpart) = other.vhids.iter().find(|other| same_network(vhid, other)) else {
                self.lonely(vhid, &format!("is not in {}", self.peer.display()));
                continue;
            };
            match (vhid.advbase, vhid.advskew).cmp(&(counterpart.advbase, counterpart.advskew)) {
                Ordering::Equal => {}
                better_or_worse => {
                    preferred.insert(better_or_worse);
                }
            }
            self.vhid(vhid, counterpart);
        }
        for vhid in &other.vhids {
            if !own.vhids.iter().any(|own| same_network(own, vhid)) {
                self.lonely(vhid, &format!("is only in {}", self.peer.display()));
            }
        }
        if preferred.len() > 1 {
            let cause = "some vhids prefer this node and some the other, but a demotion moves all of a node's vhids";
            self.add(
                &codes::PAIR_SPLIT,
                "vips",
                cause,
                "give one node the lower advskew everywhere, unless this is meant",
            );
        }
    }

    fn lonely(&mut self, vhid: &StaticVhid, where_it_is: &str) {
        let cause = format!("the vhid {} {where_it_is}", vhid.id);
        self.add(&codes::PAIR_VHID, &key(vhid, ""), &cause, "define it on both nodes");
    }

    fn vhid(&mut self, own: &StaticVhid, other: &StaticVhid) {
        let id = &own.id;
        if (own.advbase, own.advskew) == (other.advbase, other.advskew) {
            let cause = format!("{id} has advskew {} on both nodes", own.advskew.get());
            self.add(&codes::PAIR_EQUAL, &key(own, ".advskew"), &cause, "add 100 on the node that is to be BACKUP");
        } else if own.advbase != other.advbase {
            let (own_base, other_base) = (own.advbase.get(), other.advbase.get());
            let cause = format!("{id} has advbase {own_base} here and {other_base} there");
            self.add(
                &codes::PAIR_ADVBASE,
                &key(own, ".advbase"),
                &cause,
                "use one advbase, and advskew to prefer a node",
            );
        }
        let (here, there) = (addresses(own), addresses(other));
        if here != there {
            let odd: Vec<String> = here.symmetric_difference(&there).take(4).map(ToString::to_string).collect();
            let cause = format!("{id} has different addresses on the two nodes: {} only on one", odd.join(", "));
            self.add(&codes::PAIR_ADDRESSES, &key(own, ".addresses"), &cause, "list the same addresses on both nodes");
        }
    }

    fn pfsync(&mut self, own: &StaticVips, other: &StaticVips) {
        let remedy = "set it up on both nodes, with the newest format that both understand";
        match (&own.pfsync, &other.pfsync) {
            (None, None) => {}
            (Some(own), Some(other)) => {
                if own.version != other.version {
                    let name = |version: Option<super::settings::PfsyncVersion>| {
                        version.map_or("the kernel's default".to_owned(), |version| version.number().to_string())
                    };
                    let cause =
                        format!("pfsync's format is {} here and {} there", name(own.version), name(other.version));
                    self.add(&codes::PAIR_PFSYNC, "pfsync.version", &cause, remedy);
                }
            }
            (own, _) => {
                let cause = format!("only {} node has pfsync", if own.is_some() { "this" } else { "the other" });
                self.add(&codes::PAIR_PFSYNC, "pfsync", &cause, remedy);
            }
        }
    }

    fn services(&mut self, own: &Settings, other: &Settings) {
        let names = |settings: &Settings| -> BTreeSet<_> { settings.services.iter().map(|s| s.name.clone()).collect() };
        let (here, there) = (names(own), names(other));
        for name in here.symmetric_difference(&there) {
            let cause =
                format!("only {} node has the service {name}", if here.contains(name) { "this" } else { "the other" });
            self.add(&codes::PAIR_SERVICE, &format!("service[{name}]"), &cause, "define it on both nodes");
        }
    }
}

/// Whether two vhids are one virtual host. The nodes may name their interfaces differently.
fn same_network(a: &StaticVhid, b: &StaticVhid) -> bool {
    let shares = || a.addresses.iter().any(|a| b.addresses.iter().any(|b| a.trunc() == b.trunc()));
    a.id.vhid == b.id.vhid && (a.id.interface == b.id.interface || shares())
}

fn addresses(vhid: &StaticVhid) -> BTreeSet<IpAddr> {
    vhid.addresses.iter().map(ipnet::IpNet::addr).collect()
}

fn key(vhid: &StaticVhid, rest: &str) -> String {
    format!("vips.vhid[{}]{rest}", vhid.id)
}
