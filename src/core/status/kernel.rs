//! The status where no daemon tells it.

use super::{DemotionStatus, EventsStatus, MaintenanceStatus, Problem, SCHEMA, Source, Status, Verdict, rows, verdict};
use crate::core::Journal;
use crate::core::attribution::{Part, foreign_parts};
use crate::core::ledger::{self, Ledger, LedgerState};
use crate::model::{Demotion, Now, Snapshot};

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
        vhids: rows::vhids(snapshot),
        demotion: DemotionStatus {
            total: Some(snapshot.sysctls.demotion.get()),
            reasons,
            ledger: if share.is_some() { LedgerState::Settled } else { LedgerState::Unread },
        },
        carp: Some(rows::carp(snapshot, None)),
        maintenance: journal.map_or(unknown, |journal| rows::maintenance(journal, false, None)),
        draining: journal.is_some_and(|journal| journal.drain && journal.boot == snapshot.boot),
        services: Vec::new(),
        pfsync: rows::pfsync(snapshot),
        peer: None,
        events: EventsStatus::default(),
    };
    let dead_interfaces = rows::dead_interfaces(snapshot);
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
    let mark = i32::from(ledger::mark(share));
    let maintenance =
        journal.filter(|j| j.hold_until.is_none() && j.failback.is_none() && !j.drain && j.unhealthy.is_empty());
    match maintenance.and_then(|journal| journal.maintenance.as_ref()) {
        _ if share == Demotion::ZERO => Vec::new(),
        Some(maintenance) => {
            vec![rows::own("maintenance", share.get() - mark, &maintenance.reason), rows::write_mark(mark)]
        }
        None => vec![rows::own("carpd's share", share.get(), "carpd goes on with it when it is started")],
    }
}
