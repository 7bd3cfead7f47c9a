//! The status as the daemon tells it.

use super::{
    DemotionStatus, EventsStatus, MaintenanceStatus, SCHEMA, Source, Status, Verdict, VhidState, VhidStatus, rows,
    verdict,
};
use crate::core::attribution::{Part, foreign_parts};
use crate::core::policy::MaintenanceOwner;
use crate::core::{Core, ledger};
use crate::model::{CarpState, Demotion, Now, Snapshot, VhidRef};

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
            carp: known.map(|snapshot| rows::carp(snapshot, self.adverts.badauth_ago(now.mono))),
            maintenance: self.maintenance_status(now),
            draining: self.journal.drain,
            services: self
                .policy
                .services
                .iter()
                .zip(&self.services)
                .map(|(p, s)| rows::service(p, s, self.journal.unmanaged.get(&p.name), known.is_some(), now))
                .collect(),
            pfsync: known.and_then(rows::pfsync),
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
            dead_interfaces: self.observer.known().map(rows::dead_interfaces).unwrap_or_default(),
            differing: self.differing(),
            silence: None,
        }
    }

    fn vhid_rows(&self, known: Option<&Snapshot>) -> Vec<VhidStatus> {
        let mut all: Vec<VhidStatus> = known.map(rows::vhids).unwrap_or_default();
        let listed: Vec<VhidRef> = all.iter().map(|r| VhidRef::new(r.vhid, r.interface.clone())).collect();
        let missing = self.policy.vhids.iter().chain(self.since.keys().filter(|_| known.is_none()));
        for id in missing.filter(|id| !listed.contains(id)) {
            if !all.iter().any(|r| r.vhid == id.vhid && r.interface == id.interface) {
                all.push(rows::empty(id, if known.is_some() { VhidState::Absent } else { VhidState::Unknown }));
            }
        }
        all.sort_by(|a, b| (&a.interface, a.vhid).cmp(&(&b.interface, b.vhid)));
        for row in &mut all {
            let id = VhidRef::new(row.vhid, row.interface.clone());
            if let Some(since) = self.since.get(&id) {
                row.since = since.at.map(|at| at.wall).filter(|_| known.is_some());
                row.transitions = since.transitions;
            }
        }
        all
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
        let mark = i32::from(ledger::mark(share));
        let reasons = self.reasons();
        let sum: i32 = reasons.iter().map(|part| part.value).sum();
        let mut parts = if sum == share.get() - mark {
            reasons
        } else if share == Demotion::ZERO {
            Vec::new()
        } else {
            vec![rows::own("changing", share.get() - mark, "carpd's share is being changed")]
        };
        if mark != 0 {
            parts.push(rows::write_mark(mark));
        }
        parts
    }

    fn maintenance_status(&self, now: Now) -> MaintenanceStatus {
        let record = match &self.policy.maintenance_owner {
            MaintenanceOwner::Opnsense { record } => record.as_ref(),
            MaintenanceOwner::Carpd => None,
        };
        let status = rows::maintenance(&self.journal, self.policy.opnsense_maintenance, record);
        let preflight = (!status.active && !status.opnsense).then(|| self.preflight(now).status());
        MaintenanceStatus { preflight, ..status }
    }
}
