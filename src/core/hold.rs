//! Holding this node back for a while, at a boot and before it takes VIPs back after a fault.
//!
//! A node that has just come up wins the election at the first advert it hears, long before it has the states of the connections
//! that it takes over, or before anybody knows whether its services would start. A hold gives it the time it needs and no more:
//! it ends when the node is ready, when it is MASTER already and so needed, and in any case at its limit. It demotes and nothing
//! else, so where no other node answers it delays nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::io::{Level, Topic};
use super::ledger::Ledger;
use super::policy::ShareAmount;
use super::{Core, Journal};
use crate::model::{Mono, Now, Snapshot};

/// For how long nothing may stand in the way. A link that comes up is often lost again a moment later, and whoever sets up pfsync
/// after carpd has started may need a moment for it.
const SETTLED: Duration = Duration::from_secs(5);

/// The hold of a node that a fault took its VIPs from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailbackHold {
    /// The fault lasts, and the kernel itself holds the node back for it. What carpd adds shows when the kernel takes its own
    /// back, which is the moment that counts: the first advert decides, and no daemon could be sure to come before that.
    Fault,
    /// The fault is over; until then at most.
    Until(Mono),
}

impl Journal {
    /// What begins anew with every boot of the kernel.
    pub(super) fn forget_holds(&mut self) {
        self.hold_until = None;
        self.failback = None;
    }
}

impl Core {
    /// Begins and ends holds. That of a boot begins with the first read, see [`Core::recover`].
    pub(super) fn hold(&mut self, now: Now) {
        self.watch_for_faults(now);
        if self.journal.hold_until.is_none() && self.journal.failback.is_none() {
            self.ready_since = None;
            return;
        }
        if self.obstacles().is_empty() {
            self.ready_since.get_or_insert(now.mono);
        } else {
            self.ready_since = None;
        }
        let limit = |until: Mono| (now.mono >= until).then_some("its limit is reached");
        let early = if self.is_master_by_carp() {
            Some("this node is MASTER")
        } else {
            self.ready_since.filter(|since| now.mono >= *since + SETTLED).map(|_| "this node is ready")
        };
        if let Some(why) = self.journal.hold_until.and_then(|until| early.or(limit(until))) {
            self.journal.hold_until = None;
            self.note(Level::Info, Topic::Demotion, "", format!("the boot hold is over: {why}"));
        }
        if let Some(FailbackHold::Until(until)) = self.journal.failback
            && let Some(why) = early.or(limit(until))
        {
            self.journal.failback = None;
            self.note(Level::Info, Topic::Demotion, "", format!("the failback hold is over: {why}"));
        }
    }

    fn watch_for_faults(&mut self, now: Now) {
        let most = self.policy.failback_hold;
        let Some(look) = self.observer.known() else { return };
        let dead = dead_interface(look);
        let next = match (self.journal.failback, &dead) {
            _ if most.is_zero() => None,
            (Some(FailbackHold::Fault), None) => Some(FailbackHold::Until(now.mono + most)),
            (Some(FailbackHold::Fault), Some(_)) => return,
            // What a maintenance or a shutdown demotes by already has nothing to be added to it.
            (None, _) if self.journal.maintenance.is_some() || self.journal.drain => None,
            (_, Some(_)) if self.is_held_by_others(look) => Some(FailbackHold::Fault),
            (before, _) => before,
        };
        if next == self.journal.failback {
            return;
        }
        let text = match (next, dead) {
            (Some(FailbackHold::Fault), Some(name)) => {
                format!(
                    "{name} is down: when it is back, this node holds itself back until it is ready, for {most:?} at most"
                )
            }
            (Some(_), _) => format!("the fault is over: holding back until this node is ready, for {most:?} at most"),
            (None, _) => "the failback hold was switched off".to_owned(),
        };
        self.journal.failback = next;
        self.note(Level::Info, Topic::Demotion, "", text);
    }

    /// Whether the node is demoted so far without carpd that more of it moves nothing: every advert goes out with the largest skew.
    fn is_held_by_others(&self, look: &Snapshot) -> bool {
        let Ledger::Settled(share) = self.ledger else { return false };
        look.sysctls.demotion.minus(share) >= ShareAmount::FULL.demotion()
    }

    /// When a hold may end next.
    pub(super) fn next_hold_end(&self) -> Option<Mono> {
        let failback = match self.journal.failback {
            Some(FailbackHold::Until(until)) => Some(until),
            _ => None,
        };
        let holds = self.journal.hold_until.into_iter().chain(failback);
        let ready = self.ready_since.map(|since| since + SETTLED);
        holds.min().map(|limit| ready.map_or(limit, |ready| limit.min(ready)))
    }

    /// What a hold waits for.
    pub(super) fn awaited(&self) -> String {
        let obstacles = self.obstacles();
        if obstacles.is_empty() {
            "until all is quiet".to_owned()
        } else {
            format!("until it is ready: {}", obstacles.join(", "))
        }
    }
}

/// An interface with vhids on it that does not run.
fn dead_interface(look: &Snapshot) -> Option<String> {
    let carries = |name: &crate::model::InterfaceName| look.vhids.iter().any(|vhid| vhid.id.interface == *name);
    look.interfaces.iter().find(|i| !i.runs() && carries(&i.name)).map(|i| i.name.to_string())
}
