//! The parts of the status, each from what is known of it.

use std::time::Duration;

use super::links;
use super::{CarpStatus, Health, MaintenanceStatus, PfsyncStatus, Protocol, ServiceStatus, VhidState, VhidStatus};
use crate::core::Unmanaged;
use crate::core::attribution::{Part, PartSource};
use crate::core::policy::{Mode, ServicePolicy};
use crate::core::service::Service;
use crate::core::{Journal, Maintenance};
use crate::model::{Demotion, InterfaceName, Now, Snapshot, VhidProtocol, VhidRef, VhidSnapshot};

/// carpd's own maintenance, or what is known of OPNsense's.
pub(super) fn maintenance(journal: &Journal, opnsense: bool, record: Option<&Maintenance>) -> MaintenanceStatus {
    let active = journal.maintenance.is_some();
    let Some(m) = journal.maintenance.as_ref().or(record.filter(|_| opnsense)) else {
        return MaintenanceStatus { opnsense, ..Default::default() };
    };
    MaintenanceStatus {
        active,
        reason: Some(m.reason.clone()),
        by: Some(m.by.clone()),
        since: Some(m.since),
        until: m.until,
        opnsense,
        unknown: false,
        preflight: None,
    }
}

pub(super) fn own(name: &str, value: i32, detail: &str) -> Part {
    Part { name: name.to_owned(), value, source: PartSource::Carpd, detail: detail.to_owned() }
}

pub(super) fn write_mark(mark: i32) -> Part {
    own("write mark", mark, "tells carpd after a crash whether its last write arrived")
}

pub(super) fn dead_interfaces(snapshot: &Snapshot) -> Vec<(InterfaceName, bool)> {
    let carries = |name: &InterfaceName| snapshot.vhids.iter().any(|v| v.id.interface == *name);
    snapshot.interfaces.iter().filter(|i| !i.runs() && carries(&i.name)).map(|i| (i.name.clone(), i.up)).collect()
}

pub(super) fn vhids(snapshot: &Snapshot) -> Vec<VhidStatus> {
    snapshot.vhids.iter().map(|vhid| self::vhid(vhid, snapshot.sysctls.demotion)).collect()
}

fn vhid(vhid: &VhidSnapshot, demotion: Demotion) -> VhidStatus {
    let addresses = vhid.addresses.iter().map(ToString::to_string).collect();
    let row = VhidStatus { addresses, ..empty(&vhid.id, vhid.state.into()) };
    match vhid.protocol {
        VhidProtocol::Carp(carp) => VhidStatus {
            protocol: Some(Protocol::Carp),
            advbase: Some(carp.advbase.get()),
            advskew: Some(carp.advskew.get()),
            effective_advskew: Some(carp.advskew.effective(demotion)),
            peers: carp
                .peer
                .map(|peer| peer.to_string())
                .into_iter()
                .chain(carp.peer6.map(|peer| peer.to_string()))
                .collect(),
            ..row
        },
        VhidProtocol::Vrrp(vrrp) => VhidStatus {
            protocol: Some(Protocol::Vrrp),
            priority: vrrp.map(|vrrp| vrrp.priority),
            interval: vrrp.map(|vrrp| vrrp.interval),
            ..row
        },
    }
}

pub(super) fn empty(id: &VhidRef, state: VhidState) -> VhidStatus {
    VhidStatus {
        vhid: id.vhid,
        interface: id.interface.clone(),
        state,
        since: None,
        protocol: None,
        advbase: None,
        advskew: None,
        effective_advskew: None,
        peers: Vec::new(),
        priority: None,
        interval: None,
        addresses: Vec::new(),
        transitions: 0,
    }
}

pub(super) fn carp(snapshot: &Snapshot, badauth_ago: Option<Duration>) -> CarpStatus {
    let counters = &snapshot.counters;
    CarpStatus {
        allow: snapshot.sysctls.allow,
        preempt: snapshot.sysctls.preempt,
        badauth: counters.badauth,
        badauth_ago: badauth_ago.map(|ago| ago.as_secs()),
        badvhid: counters.badvhid,
        received: counters.ipackets.saturating_add(counters.ipackets6),
        sent: counters.opackets.saturating_add(counters.opackets6),
        badttl: counters.badttl,
        malformed: counters.malformed,
        unsent: counters.unsent,
    }
}

pub(super) fn pfsync(snapshot: &Snapshot) -> Option<PfsyncStatus> {
    snapshot.pfsync.as_ref().map(|p| PfsyncStatus {
        syncdev: p.syncdev.clone(),
        syncpeer: p.syncpeer.map(|peer| peer.to_string()),
        mtu: p.mtu,
        version: p.version,
        in_sync: p.in_sync,
    })
}

pub(super) fn service(
    policy: &ServicePolicy,
    service: &Service,
    unmanaged: Option<&Unmanaged>,
    readable: bool,
    now: Now,
) -> ServiceStatus {
    let sick: Vec<String> = policy
        .probes
        .iter()
        .zip(&service.probes)
        .filter(|(_, probe)| probe.healthy == Some(false))
        .map(|(p, probe)| format!("{}: {}", p.name, probe.text))
        .collect();
    let health = if !service.probing() || service.probes.iter().any(|p| p.healthy.is_none()) && sick.is_empty() {
        Health::Unknown
    } else if sick.is_empty() {
        Health::Ok
    } else {
        Health::Unhealthy
    };
    ServiceStatus {
        name: policy.name.clone(),
        follows: policy.follows.clone(),
        require: policy.require,
        mode: if policy.is_warm() { Mode::Warm } else { Mode::Service },
        process: policy.driven,
        want: service.shown_role(),
        is: service.is,
        health,
        health_detail: sick.join("; "),
        since: service.since.map(|now| now.wall),
        busy: service.busy.map(|(kind, _)| kind),
        last_action: service.last_action.clone(),
        deaths: service.deaths(now.mono),
        link: policy
            .link
            .as_ref()
            .zip(service.link.as_ref())
            .map(|(interface, link)| links::row(interface, link, readable, now.mono)),
        lacks: service.start.lacks.clone(),
        next_try: service.next_try(now.mono).map(|at| now.wall + at.since(now.mono)),
        unmanaged: unmanaged.cloned(),
        restarts: service.restarts(now.mono),
        given_up: service.given_up(),
    }
}
