//! What carpd tells about itself: one document, shared by the control socket, carpctl, the metrics and the lab.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attribution::{Part, PartSource, foreign_parts};
use super::events::EventSource;
use super::ledger::{self, Ledger, LedgerState};
use super::role::Role;
use super::service::{ActionKind, Is, LastAction, Service};
use super::{Core, Journal};
use crate::core::policy::{Require, ServicePolicy};
use crate::model::{
    CarpState, Demotion, InterfaceName, Now, ServiceName, Snapshot, Vhid, VhidProtocol, VhidRef, VhidSnapshot, Wall,
};

mod verdict;

pub use verdict::{Problem, Severity, Verdict};

/// The schema's major version: a reader of it understands every document that carries the same number.
pub const SCHEMA: u32 = 1;

/// The state of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Status {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The node's name.
    pub node: String,
    /// The version of the program that answers.
    pub version: String,
    /// Who answers.
    pub source: Source,
    /// When.
    #[cfg_attr(test, schemars(with = "String"))]
    pub time: Wall,
    /// The judgement, first.
    pub verdict: Verdict,
    /// All vhids that the kernel has or the configuration wants, in the order of interface and vhid.
    pub vhids: Vec<VhidStatus>,
    /// The demotion and whose it is.
    pub demotion: DemotionStatus,
    /// `net.inet.carp.*`, if the kernel can be read.
    pub carp: Option<CarpStatus>,
    /// Maintenance.
    pub maintenance: MaintenanceStatus,
    /// The node is about to be shut down: it gives up its VIPs and starts nothing more.
    #[serde(default)]
    pub draining: bool,
    /// The services, in the order of the configuration.
    pub services: Vec<ServiceStatus>,
    /// `pfsync0`, `null` where there is none or it is unknown.
    pub pfsync: Option<PfsyncStatus>,
    /// The other node, `null` where nothing is known of it.
    pub peer: Option<PeerStatus>,
    /// The sources of events.
    pub events: EventsStatus,
}

/// Who wrote a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The daemon.
    Daemon,
    /// The kernel was asked directly because no daemon answered.
    Kernel,
}

/// The state of a vhid, with the two that only an observer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum VhidState {
    /// See [`CarpState::Init`].
    #[serde(rename = "INIT")]
    Init,
    /// See [`CarpState::Backup`].
    #[serde(rename = "BACKUP")]
    Backup,
    /// See [`CarpState::Master`].
    #[serde(rename = "MASTER")]
    Master,
    /// The configuration wants it, the kernel does not have it.
    #[serde(rename = "absent")]
    Absent,
    /// The kernel cannot be read.
    #[serde(rename = "unknown")]
    Unknown,
}

impl VhidState {
    /// The word shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::Backup => "BACKUP",
            Self::Master => "MASTER",
            Self::Absent => "absent",
            Self::Unknown => "unknown",
        }
    }
}

impl From<CarpState> for VhidState {
    fn from(state: CarpState) -> Self {
        match state {
            CarpState::Init => Self::Init,
            CarpState::Backup => Self::Backup,
            CarpState::Master => Self::Master,
        }
    }
}

/// What a vhid speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// CARP, whose adverts the demotion slows down.
    Carp,
    /// VRRP, version 3. The demotion has no effect on it, so neither has maintenance or an unhealthy service.
    Vrrp,
}

/// A vhid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct VhidStatus {
    /// Its number.
    pub vhid: Vhid,
    /// Its interface.
    pub interface: InterfaceName,
    /// Its state.
    pub state: VhidState,
    /// Since when, `null` if the change was before the daemon's start.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub since: Option<Wall>,
    /// What it speaks, `null` if that is not known.
    #[serde(default)]
    pub protocol: Option<Protocol>,
    /// Of CARP: seconds between adverts.
    pub advbase: Option<u8>,
    /// Of CARP: the configured skew.
    pub advskew: Option<u8>,
    /// Of CARP: the skew that goes out on the wire, demotion included.
    pub effective_advskew: Option<u8>,
    /// Of VRRP: the priority, 1 to 255; the highest wins.
    #[serde(default)]
    pub priority: Option<u8>,
    /// Of VRRP: the time between adverts, in 1/100 s.
    #[serde(default)]
    pub interval: Option<u16>,
    /// Its addresses with prefix lengths, IPv4 first.
    pub addresses: Vec<String>,
    /// State changes since the daemon's start.
    pub transitions: u64,
}

impl VhidStatus {
    /// Whether demotion has no effect on it.
    #[must_use]
    pub fn is_vrrp(&self) -> bool {
        self.protocol == Some(Protocol::Vrrp)
    }
}

/// The demotion sum and its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DemotionStatus {
    /// The kernel's sum, `null` if it cannot be read.
    pub total: Option<i32>,
    /// Its parts; their values add up to the total.
    pub reasons: Vec<Part>,
    /// Whether carpd knows its own share.
    pub ledger: LedgerState,
}

/// The sysctls that decide about takeovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CarpStatus {
    /// `net.inet.carp.allow`
    pub allow: bool,
    /// `net.inet.carp.preempt`
    pub preempt: bool,
    /// Adverts that failed authentication since boot.
    pub badauth: u64,
    /// Seconds since the last one, `null` if it is not of the last quarter of a minute.
    #[serde(default)]
    pub badauth_ago: Option<u64>,
    /// Adverts for unknown vhids since boot.
    pub badvhid: u64,
}

/// Maintenance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MaintenanceStatus {
    /// The node is in maintenance.
    pub active: bool,
    /// Why.
    pub reason: Option<String>,
    /// Who entered it.
    pub by: Option<String>,
    /// Since when.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub since: Option<Wall>,
    /// Until when, `null` if it does not end by itself.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub until: Option<Wall>,
    /// OPNsense's own maintenance mode is on.
    pub opnsense: bool,
    /// Nobody could tell: the daemon does not answer, and its state file cannot be read. The rest is then without meaning.
    #[serde(default)]
    pub unknown: bool,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ServiceStatus {
    /// Its name.
    pub name: ServiceName,
    /// The vhids it follows.
    pub follows: Vec<VhidRef>,
    /// How many of them have to be MASTER for it to be active.
    pub require: Require,
    /// The role it should have; `null` while that is undecided.
    pub want: Option<Role>,
    /// Whether it runs.
    pub is: Is,
    /// Its health.
    pub health: Health,
    /// What unhealthy probes say, empty if healthy.
    pub health_detail: String,
    /// Since when it is so, `null` if the change was before the daemon's start.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub since: Option<Wall>,
    /// The action under way.
    pub busy: Option<ActionKind>,
    /// The last start or stop.
    pub last_action: Option<LastAction>,
    /// How often it was found dead while it should have been running, in the last ten minutes.
    #[serde(default)]
    pub deaths: u32,
}

impl ServiceStatus {
    /// Whether it is what it should be.
    #[must_use]
    pub fn as_wanted(&self) -> bool {
        matches!((self.want, self.is), (Some(Role::Active), Is::Running) | (Some(Role::Standby), Is::Stopped))
    }
}

/// Whether a running service does its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Every probe says so, or there is none and it runs.
    Ok,
    /// A probe says no.
    Unhealthy,
    /// It does not run here, or no probe has an opinion yet.
    Unknown,
}

/// `pfsync0`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PfsyncStatus {
    /// Where states are sent; `null` if pfsync is off.
    pub syncdev: Option<InterfaceName>,
    /// The unicast peer.
    pub syncpeer: Option<String>,
    /// Message format.
    pub version: u32,
    /// No bulk update is running.
    pub in_sync: bool,
}

/// What is known of the other node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PeerStatus {
    /// Its name.
    pub node: String,
}

/// The sources of events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EventsStatus {
    /// Whether a source is connected that announces every change of a vhid: devd or nlsysevent.
    pub connected: bool,
    /// The sources that are connected.
    #[serde(default)]
    pub sources: Vec<EventSource>,
    /// Changes seen in the kernel that no event announced.
    pub missed: u64,
}

impl Core {
    /// The state of the node as far as it is known now.
    #[must_use]
    pub fn status(&self, now: Now) -> Status {
        let known = self.observer.known();
        let mut status = Status {
            schema: SCHEMA,
            node: self.policy.node.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            source: Source::Daemon,
            time: now.wall,
            verdict: Verdict::default(),
            vhids: self.vhid_rows(known),
            demotion: self.demotion_status(known),
            carp: known.map(|snapshot| carp_status(snapshot, self.adverts.badauth_ago(now.mono))),
            maintenance: self.maintenance_status(),
            draining: self.journal.drain,
            services: self
                .policy
                .services
                .iter()
                .zip(&self.services)
                .map(|(p, s)| service_status(p, s, now.mono))
                .collect(),
            pfsync: known.and_then(pfsync_status),
            peer: None,
            events: EventsStatus {
                connected: self.events.lost_for(now.mono).is_none(),
                sources: self.events.connected(),
                missed: self.events.missed,
            },
        };
        status.verdict = verdict::judge(&status, &self.facts(now));
        status
    }

    /// The node in a few words, as the title of its process: `fw1 2 MASTER 1 BACKUP, maintenance`.
    #[must_use]
    pub fn title(&self) -> String {
        let mut title = self.policy.node.clone();
        match self.observer.known() {
            None => title.push_str(" unknown"),
            Some(look) if look.vhids.is_empty() => title.push_str(" no vhids"),
            Some(look) => {
                for state in [CarpState::Master, CarpState::Backup, CarpState::Init] {
                    let count = look.vhids.iter().filter(|vhid| vhid.state == state).count();
                    if count > 0 {
                        title.push_str(&format!(" {count} {}", state.as_str()));
                    }
                }
            }
        }
        for (is, word) in [(self.journal.maintenance.is_some(), "maintenance"), (self.journal.drain, "draining")] {
            if is {
                title.push_str(", ");
                title.push_str(word);
            }
        }
        title
    }

    fn facts(&self, now: Now) -> verdict::Facts<'_> {
        verdict::Facts {
            unreadable: self.observer.unreadable().map(|(since, why)| (now.mono.since(since.mono), why)),
            frozen: self.frozen.as_deref(),
            write_error: self.write_error.as_deref(),
            refusal: self.refusal.as_ref().map(|refusal| refusal.why.as_str()),
            events_lost: self.events.lost_for(now.mono),
            dead_interfaces: self.observer.known().map(dead_interfaces).unwrap_or_default(),
            differing: self.differing(),
            silence: None,
        }
    }

    fn vhid_rows(&self, known: Option<&Snapshot>) -> Vec<VhidStatus> {
        let mut rows: Vec<VhidStatus> = known.map(vhid_rows).unwrap_or_default();
        let listed: Vec<VhidRef> = rows.iter().map(|r| VhidRef::new(r.vhid, r.interface.clone())).collect();
        let missing = self.policy.vhids.iter().chain(self.since.keys().filter(|_| known.is_none()));
        for id in missing.filter(|id| !listed.contains(id)) {
            if !rows.iter().any(|r| r.vhid == id.vhid && r.interface == id.interface) {
                rows.push(empty_row(id, if known.is_some() { VhidState::Absent } else { VhidState::Unknown }));
            }
        }
        rows.sort_by(|a, b| (&a.interface, a.vhid).cmp(&(&b.interface, b.vhid)));
        for row in &mut rows {
            let id = VhidRef::new(row.vhid, row.interface.clone());
            if let Some(since) = self.since.get(&id) {
                row.since = since.at.map(|at| at.wall).filter(|_| known.is_some());
                row.transitions = since.transitions;
            }
        }
        rows
    }

    fn demotion_status(&self, known: Option<&Snapshot>) -> DemotionStatus {
        let share = self.ledger.share();
        let mut reasons = known.map_or_else(Vec::new, |_| self.own_parts(share));
        if let Some(snapshot) = known {
            reasons.extend(foreign_parts(snapshot, share, self.policy.opnsense_maintenance));
        }
        DemotionStatus { total: known.map(|s| s.sysctls.demotion.get()), reasons, ledger: self.ledger.state() }
    }

    /// The share that is in the kernel, split by reason. While a change is on its way the reasons do not match it yet.
    fn own_parts(&self, share: Demotion) -> Vec<Part> {
        let own = |name: &str, value: i32, detail: &str| Part {
            name: name.to_owned(),
            value,
            source: PartSource::Carpd,
            detail: detail.to_owned(),
        };
        let mark = i32::from(ledger::mark(share));
        let reasons = self.reasons();
        let sum: i32 = reasons.iter().map(|part| part.value).sum();
        let mut parts = if sum == share.get() - mark {
            reasons
        } else if share == Demotion::ZERO {
            Vec::new()
        } else {
            vec![own("changing", share.get() - mark, "carpd's share is being changed")]
        };
        if mark != 0 {
            parts.push(own("write mark", mark, "tells carpd after a crash whether its last write arrived"));
        }
        parts
    }

    fn maintenance_status(&self) -> MaintenanceStatus {
        maintenance_status(&self.journal, self.policy.opnsense_maintenance)
    }
}

fn maintenance_status(journal: &Journal, opnsense: bool) -> MaintenanceStatus {
    let Some(m) = &journal.maintenance else { return MaintenanceStatus { opnsense, ..Default::default() } };
    MaintenanceStatus {
        active: true,
        reason: Some(m.reason.clone()),
        by: Some(m.by.clone()),
        since: Some(m.since),
        until: m.until,
        opnsense,
        unknown: false,
    }
}

/// The status of a node whose daemon does not answer: what the kernel can tell, and what the daemon has left in its state file
/// if the asker may read that.
///
/// `silence` is what came of asking the daemon. Only the asker knows: a daemon that does not run is another problem than one
/// that this user may not talk to.
#[must_use]
pub fn from_kernel(node: String, snapshot: &Snapshot, journal: Option<&Journal>, silence: Problem, now: Now) -> Status {
    let share = journal.and_then(|journal| left_share(journal, snapshot));
    let mut reasons = share.map_or_else(Vec::new, |share| left_parts(journal, share));
    reasons.extend(foreign_parts(snapshot, share.unwrap_or(Demotion::ZERO), false));
    let unknown = MaintenanceStatus { unknown: true, ..Default::default() };
    let mut status = Status {
        schema: SCHEMA,
        node,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        source: Source::Kernel,
        time: now.wall,
        verdict: Verdict::default(),
        vhids: vhid_rows(snapshot),
        demotion: DemotionStatus {
            total: Some(snapshot.sysctls.demotion.get()),
            reasons,
            ledger: if share.is_some() { LedgerState::Settled } else { LedgerState::Unread },
        },
        carp: Some(carp_status(snapshot, None)),
        maintenance: journal.map_or(unknown, |journal| maintenance_status(journal, false)),
        draining: journal.is_some_and(|journal| journal.drain && journal.boot == snapshot.boot),
        services: Vec::new(),
        pfsync: pfsync_status(snapshot),
        peer: None,
        events: EventsStatus::default(),
    };
    let dead_interfaces = dead_interfaces(snapshot);
    let facts = verdict::Facts { dead_interfaces, silence: Some(silence), ..Default::default() };
    status.verdict = verdict::judge(&status, &facts);
    status
}

/// What a daemon that does not run has left in the sum, if its journal can tell.
fn left_share(journal: &Journal, snapshot: &Snapshot) -> Option<Demotion> {
    if journal.boot != snapshot.boot {
        return Some(Demotion::ZERO);
    }
    let sum = snapshot.sysctls.demotion;
    match Ledger::recover(journal, &snapshot.boot, sum, &[]) {
        // The low bits of the others are not known here; nearly always they are 0.
        ledger @ Ledger::Settled(_) if ledger.wiped(sum, 0) => Some(Demotion::ZERO),
        Ledger::Settled(share) => Some(share),
        _ => None,
    }
}

/// The share as a maintenance and the write mark where there is no other reason; otherwise as a whole.
fn left_parts(journal: Option<&Journal>, share: Demotion) -> Vec<Part> {
    let own = |name: &str, value: i32, detail: &str| Part {
        name: name.to_owned(),
        value,
        source: PartSource::Carpd,
        detail: detail.to_owned(),
    };
    let mark = i32::from(ledger::mark(share));
    let maintenance = journal.filter(|j| j.hold_until.is_none() && !j.drain && j.unhealthy.is_empty());
    match maintenance.and_then(|journal| journal.maintenance.as_ref()) {
        _ if share == Demotion::ZERO => Vec::new(),
        Some(maintenance) => vec![
            own("maintenance", share.get() - mark, &maintenance.reason),
            own("write mark", mark, "tells carpd after a crash whether its last write arrived"),
        ],
        None => vec![own("carpd's share", share.get(), "carpd goes on with it when it is started")],
    }
}

fn dead_interfaces(snapshot: &Snapshot) -> Vec<(InterfaceName, bool)> {
    let carries = |name: &InterfaceName| snapshot.vhids.iter().any(|v| v.id.interface == *name);
    snapshot.interfaces.iter().filter(|i| !i.runs() && carries(&i.name)).map(|i| (i.name.clone(), i.up)).collect()
}

fn vhid_rows(snapshot: &Snapshot) -> Vec<VhidStatus> {
    snapshot.vhids.iter().map(|vhid| vhid_row(vhid, snapshot.sysctls.demotion)).collect()
}

fn vhid_row(vhid: &VhidSnapshot, demotion: Demotion) -> VhidStatus {
    let addresses = vhid.addresses.iter().map(ToString::to_string).collect();
    let row = VhidStatus { addresses, ..empty_row(&vhid.id, vhid.state.into()) };
    match vhid.protocol {
        VhidProtocol::Carp(carp) => VhidStatus {
            protocol: Some(Protocol::Carp),
            advbase: Some(carp.advbase.get()),
            advskew: Some(carp.advskew.get()),
            effective_advskew: Some(carp.advskew.effective(demotion)),
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

fn empty_row(id: &VhidRef, state: VhidState) -> VhidStatus {
    VhidStatus {
        vhid: id.vhid,
        interface: id.interface.clone(),
        state,
        since: None,
        protocol: None,
        advbase: None,
        advskew: None,
        effective_advskew: None,
        priority: None,
        interval: None,
        addresses: Vec::new(),
        transitions: 0,
    }
}

fn carp_status(snapshot: &Snapshot, badauth_ago: Option<Duration>) -> CarpStatus {
    CarpStatus {
        allow: snapshot.sysctls.allow,
        preempt: snapshot.sysctls.preempt,
        badauth: snapshot.counters.badauth,
        badauth_ago: badauth_ago.map(|ago| ago.as_secs()),
        badvhid: snapshot.counters.badvhid,
    }
}

fn pfsync_status(snapshot: &Snapshot) -> Option<PfsyncStatus> {
    snapshot.pfsync.as_ref().map(|p| PfsyncStatus {
        syncdev: p.syncdev.clone(),
        syncpeer: p.syncpeer.map(|peer| peer.to_string()),
        version: p.version,
        in_sync: p.in_sync,
    })
}

fn service_status(policy: &ServicePolicy, service: &Service, now: crate::model::Mono) -> ServiceStatus {
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
        want: service.want,
        is: service.is,
        health,
        health_detail: sick.join("; "),
        since: service.since.map(|now| now.wall),
        busy: service.busy.map(|(kind, _)| kind),
        last_action: service.last_action.clone(),
        deaths: service.deaths(now),
    }
}
