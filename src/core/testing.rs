//! Small builders for the core's tests, and for the fuzzer.
#![allow(clippy::unwrap_used, reason = "what does not parse here is a broken test")]

use std::time::Duration;

use super::policy::{MaintenanceOwner, Mode, OnExit, Policy, Require, ServicePolicy, ShareAmount};
use crate::model::{
    CarpCounters, CarpParameters, CarpState, CarpSysctls, Demotion, InterfaceSnapshot, Mono, Now, Snapshot,
    VhidProtocol, VhidRef, VhidSnapshot, VrrpParameters, Wall,
};

pub(crate) fn at(millis: u64) -> Now {
    let wall = Wall::from_millis(1_777_000_000_000 + i64::try_from(millis).unwrap());
    Now { mono: Mono::from_micros(millis * 1000), wall }
}

pub(crate) fn service(name: &str, follows: &[&str]) -> ServicePolicy {
    ServicePolicy {
        name: name.parse().unwrap(),
        follows: follows.iter().map(|id| id.parse().unwrap()).collect(),
        require: Require::All,
        mode: Mode::Service,
        link: None,
        driven: true,
        settle: Duration::from_secs(4),
        unknown_grace: Duration::from_secs(15),
        min_master: Duration::ZERO,
        fenced: false,
        start_limit: Duration::from_secs(30),
        stop_limit: Duration::from_secs(10),
        check_every: Duration::from_secs(5),
        probes: Vec::new(),
        on_exit: OnExit::Leave,
    }
}

pub(crate) fn policy(services: Vec<ServicePolicy>) -> Policy {
    Policy {
        node: "fw1".to_owned(),
        vhids: Vec::new(),
        owned: Vec::new(),
        services,
        maintenance_demotion: ShareAmount::FULL,
        maintenance_default_for: None,
        opnsense_maintenance: false,
        maintenance_owner: MaintenanceOwner::Carpd,
        boot_hold: Duration::ZERO,
        failback_hold: Duration::ZERO,
        poll: Duration::from_secs(5),
    }
}

/// What the vhid `id` of `look` speaks is VRRP with `priority`, and an advert every second.
pub(crate) fn make_vrrp(look: &mut Snapshot, id: &str, priority: u8) {
    let id: VhidRef = id.parse().unwrap();
    let vhid = look.vhids.iter_mut().find(|v| v.id == id).unwrap();
    vhid.protocol = VhidProtocol::Vrrp(Some(VrrpParameters { priority, interval: 100 }));
}

pub(crate) fn snapshot(vhids: &[(&str, CarpState)]) -> Snapshot {
    let mut rows: Vec<VhidSnapshot> = vhids
        .iter()
        .map(|(id, state)| VhidSnapshot {
            id: id.parse::<VhidRef>().unwrap(),
            state: *state,
            protocol: VhidProtocol::Carp(CarpParameters::default()),
            addresses: vec!["192.0.2.1/24".parse().unwrap()],
        })
        .collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    let mut names: Vec<_> = rows.iter().map(|v| v.id.interface.clone()).collect();
    names.dedup();
    Snapshot {
        boot: "boot".to_owned(),
        vhids: rows,
        interfaces: names.into_iter().map(|name| InterfaceSnapshot { name, up: true, link: true }).collect(),
        sysctls: CarpSysctls {
            allow: true,
            preempt: true,
            demotion: Demotion::ZERO,
            ifdown_demotion_factor: Demotion::new(240),
            senderr_demotion_factor: Demotion::new(240),
            pfsync_demotion_factor: Demotion::new(240),
        },
        counters: CarpCounters::default(),
        pfsync: None,
        links: Vec::new(),
    }
}
