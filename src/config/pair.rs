//! Two carpd.toml of one pair, held side by side.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;

use super::catalogue::carpd_toml as codes;
use super::file::report::Report;
use super::opnsense::DeclaredVhid;
use super::settings::{Service, Settings, StaticVhid, StaticVips, Vips};
use super::{Entry, Finding};
use crate::core::policy::{ProbeEffect, ShareAmount};
use crate::model::{AdvBase, AdvSkew, VhidRef};

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
    if let (Vips::Static(own_vips), Vips::Static(other)) = (&own.vips, &other.vips) {
        pair.demotions(own, &contenders(&own_vips.vhids), &contenders(&other.vhids));
    }
    pair.report.finish()
}

/// The findings about what `own` demotes by, where OPNsense owns the vhids of both nodes.
pub(crate) fn compare_demotions(
    path: &Path,
    own: &Settings,
    own_vhids: &[DeclaredVhid],
    other: &[DeclaredVhid],
    peer: &Path,
) -> Vec<Finding> {
    let mut pair = Pair { report: Report::new(path, ""), peer };
    let contender = |vhid: &DeclaredVhid| Contender {
        id: vhid.id.clone(),
        addresses: vhid.addresses.clone(),
        strength: (vhid.advbase, vhid.advskew),
    };
    let list = |vhids: &[DeclaredVhid]| vhids.iter().map(contender).collect::<Vec<_>>();
    pair.demotions(own, &list(own_vhids), &list(other));
    pair.report.finish()
}

/// A vhid as the election sees it.
struct Contender {
    id: VhidRef,
    addresses: Vec<IpNet>,
    strength: (AdvBase, AdvSkew),
}

fn contenders(vhids: &[StaticVhid]) -> Vec<Contender> {
    let contender = |vhid: &StaticVhid| Contender {
        id: vhid.id.clone(),
        addresses: vhid.addresses.clone(),
        strength: (vhid.advbase, vhid.advskew),
    };
    vhids.iter().map(contender).collect()
}

/// The largest advskew that is advertised, however large the demotion (`CARP_MAXSKEW`, `sys/netinet/ip_carp.h`).
const LARGEST_SKEW: i32 = 240;

/// What a demotion has to be a multiple of.
const STEP: i32 = 16;

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

    fn demotions(&mut self, own: &Settings, here: &[Contender], there: &[Contender]) {
        self.demotion(own.maintenance.demotion, None, here, there, "maintenance.demotion", "maintenance");
        for service in own.services.iter().map(Service::policy) {
            for probe in &service.probes {
                let ProbeEffect::Demote { amount, .. } = probe.effect else { continue };
                let key = format!("service[{}].probe[{}].demote", service.name, probe.name);
                let what = format!("the probe {} of {}", probe.name, service.name);
                self.demotion(amount, Some(&service.follows), here, there, &key, &what);
            }
        }
    }

    /// One reason to demote, which is to move the vhids in `follows`, or all. The one that takes most is told.
    fn demotion(
        &mut self,
        amount: ShareAmount,
        follows: Option<&[VhidRef]>,
        here: &[Contender],
        there: &[Contender],
        key: &str,
        what: &str,
    ) {
        let amount = amount.demotion().get();
        let moved = here.iter().filter(|vhid| follows.is_none_or(|follows| follows.contains(&vhid.id)));
        let stuck = moved.filter_map(|vhid| {
            let ((base, skew), (other_base, other_skew)) = (vhid.strength, counterpart(vhid, there)?.strength);
            let (skew, other) = (i32::from(skew.get()), i32::from(other_skew.get()));
            let stays = (skew + amount).min(LARGEST_SKEW) <= other;
            (base == other_base && skew < other && stays).then_some((vhid, other - skew, other))
        });
        let Some((vhid, difference, other)) = stuck.max_by_key(|(_, difference, _)| *difference) else { return };
        let id = &vhid.id;
        let cause = format!(
            "{what} demotes by {amount}, but the advskew of {id} is {difference} higher in {}: nothing moves",
            self.peer.display()
        );
        let remedy = if other >= LARGEST_SKEW {
            format!("lower the advskew of {id} on the other node; above 239 no demotion reaches it")
        } else {
            format!("demote by at least {}", (difference / STEP + 1) * STEP)
        };
        self.add(&codes::PAIR_DEMOTION, key, &cause, &remedy);
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
    is_one((&a.id, &a.addresses), (&b.id, &b.addresses))
}

fn counterpart<'a>(vhid: &Contender, there: &'a [Contender]) -> Option<&'a Contender> {
    there.iter().find(|other| is_one((&vhid.id, &vhid.addresses), (&other.id, &other.addresses)))
}

fn is_one(a: (&VhidRef, &[IpNet]), b: (&VhidRef, &[IpNet])) -> bool {
    let shares = || a.1.iter().any(|a| b.1.iter().any(|b| a.trunc() == b.trunc()));
    a.0.vhid == b.0.vhid && (a.0.interface == b.0.interface || shares())
}

fn addresses(vhid: &StaticVhid) -> BTreeSet<IpAddr> {
    vhid.addresses.iter().map(IpNet::addr).collect()
}

fn key(vhid: &StaticVhid, rest: &str) -> String {
    format!("vips.vhid[{}]{rest}", vhid.id)
}
