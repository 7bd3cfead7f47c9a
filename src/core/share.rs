//! Keeps the journal on disk and carpd's share in the kernel at what the reasons add up to.

use super::attribution::{Part, PartSource};
use super::io::{Effect, Level, Reply, Topic};
use super::journal::{Journal, Maintenance, Pending};
use super::ledger::{self, Ledger, Phase};
use super::policy::{ProbeEffect, ShareAmount};
use super::vhids::is_master_by_carp;
use super::{Core, RETRY, vrrp};
use crate::kernel::DemotionLogLine;
use crate::model::{Demotion, Now, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The longest pause between two attempts of a write that the kernel refuses. Whatever stands against it seldom goes by itself.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The kernel refuses to change the sum.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) why: String,
    /// How long was waited since.
    pause: Duration,
}

impl Core {
    /// The named reasons that this node holds itself back for, with their amounts.
    pub(super) fn reasons(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut add = |name: String, value: Demotion, detail: String| {
            parts.push(Part { name, value: value.get(), source: PartSource::Carpd, detail });
        };
        if let Some(maintenance) = &self.journal.maintenance {
            add("maintenance".to_owned(), self.policy.maintenance_demotion.demotion(), maintenance.reason.clone());
        }
        if self.journal.hold_until.is_some() {
            add("boot hold".to_owned(), ShareAmount::FULL.demotion(), self.awaited());
        }
        if self.journal.failback.is_some() {
            add("failback hold".to_owned(), ShareAmount::FULL.demotion(), self.awaited());
        }
        if self.journal.drain {
            add("drain".to_owned(), self.policy.maintenance_demotion.demotion(), String::new());
        }
        for (policy, service) in self.policy.services.iter().zip(&self.services) {
            for (probe, state) in policy.probes.iter().zip(&service.probes) {
                if let (ProbeEffect::Demote { amount, .. }, true) = (probe.effect, state.demotes()) {
                    let detail = match state.release_at() {
                        Some(_) => "well again; the demotion stays for its dwell time".to_owned(),
                        None => state.text.clone(),
                    };
                    add(format!("health:{}/{}", policy.name, probe.name), amount.demotion(), detail);
                }
            }
        }
        parts
    }

    fn wanted_share(&self) -> Demotion {
        let sum = self.reasons().iter().fold(Demotion::ZERO, |sum, part| sum.plus(Demotion::new(part.value)));
        ledger::marked(self.ledger.share(), sum, self.journal.mark)
    }

    pub(super) fn share_is_wrong(&self) -> bool {
        self.frozen.is_none()
            && matches!(self.ledger, Ledger::Settled(share) if share != self.wanted_share())
            && self.observer.known().is_some()
    }

    /// The first read of a run: takes up the ledger and, in a new boot, begins the boot hold.
    pub(super) fn recover(&mut self, snapshot: &Snapshot, log: &[DemotionLogLine], now: Now) {
        self.ledger = Ledger::recover(&self.journal, &snapshot.boot, snapshot.sysctls.demotion, log);
        if let Ledger::Uncertain { from, to } = self.ledger {
            let text = format!(
                "it is not known whether a change of carpd's share from {from} to {to} reached the kernel; carpd writes no \
                 demotion until `carpctl demotion assume landed|lost` tells"
            );
            self.note(Level::Error, Topic::Demotion, "", text);
            return;
        }
        let rebooted = !self.journal.boot.is_empty() && self.journal.boot != snapshot.boot;
        if self.journal.boot != snapshot.boot {
            self.journal.boot.clone_from(&snapshot.boot);
            self.journal.forget_holds();
            self.journal.drain = false;
            self.journal.unhealthy.clear();
            self.journal.held.clear();
        }
        self.restore_verdicts();
        if rebooted && !self.policy.boot_hold.is_zero() && !is_master_by_carp(snapshot) {
            self.journal.hold_until = Some(now.mono + self.policy.boot_hold);
            let text = format!("holding back for at most {:?} after the boot", self.policy.boot_hold);
            self.note(Level::Info, Topic::Demotion, "", text);
        }
        self.settle(self.ledger.share());
    }

    /// A service that is standby cannot be judged anew, so without the old verdict a restart would take the demotion back and
    /// return the VIPs to a node that is known to be sick.
    fn restore_verdicts(&mut self) {
        for (policy, service) in self.policy.services.iter().zip(&mut self.services) {
            for (probe, state) in policy.probes.iter().zip(&mut service.probes) {
                let name = format!("{}/{}", policy.name, probe.name);
                if state.healthy.is_none() && self.journal.unhealthy.contains(&name) {
                    state.healthy = Some(false);
                    state.text = "it was so before carpd was started".to_owned();
                }
                if matches!(probe.effect, ProbeEffect::Demote { .. }) {
                    state.held_until = state.held_until.or(self.journal.held.get(&name).copied());
                }
            }
        }
    }

    /// Notes which probes are a reason for the share, for the next start.
    pub(super) fn note_verdicts(&mut self) {
        if self.ledger == Ledger::Unread {
            return;
        }
        let (mut unhealthy, mut held) = (BTreeSet::new(), BTreeMap::new());
        for (policy, service) in self.policy.services.iter().zip(&self.services) {
            for (probe, state) in policy.probes.iter().zip(&service.probes) {
                if !matches!(probe.effect, ProbeEffect::Demote { .. }) {
                    continue;
                }
                let name = || format!("{}/{}", policy.name, probe.name);
                if state.healthy == Some(false) {
                    unhealthy.insert(name());
                }
                held.extend(state.held_until.map(|until| (name(), until)));
            }
        }
        (self.journal.unhealthy, self.journal.held) = (unhealthy, held);
    }

    pub(super) fn assume_ledger(&mut self, landed: bool) -> bool {
        let Ledger::Uncertain { from, to } = self.ledger else { return false };
        self.settle(if landed { to } else { from });
        true
    }

    fn settle(&mut self, share: Demotion) {
        self.ledger = Ledger::Settled(share);
        self.journal.share = share;
        self.journal.pending = None;
    }

    pub(super) const fn is_writing_the_sum(&self) -> bool {
        matches!(self.ledger, Ledger::Moving { phase: Phase::Writing, .. })
    }

    /// A look from before our own last write shows a sum without it, which must not be taken for somebody else's doing.
    pub(super) fn notice_wiped_share(&mut self, sum: Demotion) {
        if self.look_is_stale {
            return;
        }
        if let Some(from) = self.moved_from.take()
            && self.ledger.wiped_during_write(from, sum, self.foreign_bits)
        {
            let text = format!("somebody set the sum while carpd changed its share from {from}; it is put right");
            self.note(Level::Warning, Topic::Demotion, "", text);
            self.settle(self.ledger.share().minus(from));
        } else if self.ledger.wiped(sum, self.foreign_bits) {
            let text = format!(
                "somebody set the sum to {sum} and with it took carpd's share of {} out; it is put back",
                self.ledger.share()
            );
            self.note(Level::Warning, Topic::Demotion, "", text);
            self.settle(Demotion::ZERO);
        }
        if let Ledger::Settled(share) = self.ledger {
            self.foreign_bits = ledger::foreign_bits(sum, share);
        }
    }

    /// Announces the next change of the share, if one is due. The write follows when the announcement is durable.
    ///
    /// Nothing tells when somebody sets the sum, so the kernel is looked at first: a difference to a share that is no longer
    /// there would take from what others have added.
    pub(super) fn move_share(&mut self, now: Now) {
        if !self.share_is_wrong() {
            self.looked_for_share = false;
            if self.ledger == Ledger::Settled(self.wanted_share()) {
                self.refusal = None;
            }
            return;
        }
        if now.mono < self.ledger_retry || self.writing.is_some() || !self.waiting.is_empty() {
            return;
        }
        if !std::mem::take(&mut self.looked_for_share) {
            if !self.observer.awaits() {
                self.observer.hint(now.mono);
            }
            return;
        }
        let Some(snapshot) = self.observer.known() else { return };
        let (from, to) = (self.ledger.share(), self.wanted_share());
        let sum_before = snapshot.sysctls.demotion;
        let pending = Pending { to, sum_before };
        self.ledger = Ledger::Moving { from, pending, phase: Phase::Announcing };
        self.journal.pending = Some(pending);
        if to != Demotion::ZERO {
            self.journal.mark = ledger::mark(to);
        }
    }

    pub(super) fn demotion_added(&mut self, result: Result<(), String>, now: Now) {
        let Ledger::Moving { from, pending, phase: Phase::Writing } = self.ledger else { return };
        match result {
            Ok(()) => {
                let fixed = self.observer.known().filter(|_| pending.to != Demotion::ZERO).and_then(vrrp::fixed);
                let fixed = fixed.map_or_else(String::new, |fixed| format!("; {fixed}"));
                let text = format!("carpd's share is now {}, was {from}: {}{fixed}", pending.to, self.reasons_text());
                self.settle(pending.to);
                self.moved_from = Some(from);
                self.refusal = None;
                self.note(Level::Info, Topic::Demotion, "", text);
                self.observer.hint(now.mono);
            }
            Err(why) => {
                self.settle(from);
                let before = self.refusal.take();
                let pause = before.as_ref().map_or(RETRY, |refusal| (refusal.pause * 2).min(LONGEST_PAUSE));
                self.ledger_retry = now.mono + pause;
                if before.is_none_or(|refusal| refusal.why != why) {
                    let text = format!(
                        "the share stays {from} instead of {}: {why}; it is tried again, at least once a minute",
                        pending.to
                    );
                    self.note(Level::Error, Topic::Demotion, "", text);
                }
                self.refusal = Some(Refusal { why, pause });
            }
        }
    }

    fn reasons_text(&self) -> String {
        let names: Vec<String> =
            self.reasons().into_iter().map(|part| format!("{} {}", part.value, part.name)).collect();
        if names.is_empty() { "no reason left".to_owned() } else { names.join(" + ") }
    }

    pub(super) fn write_journal(&mut self, now: Now) {
        if self.frozen.is_some() || self.writing.is_some() || now.mono < self.write_retry {
            return;
        }
        // After a failure even what is durable is written again: nothing else would tell that the disk has recovered.
        if self.journal == self.durable && self.write_error.is_none() {
            self.durable_now(now);
            return;
        }
        self.seq += 1;
        self.writing = Some((self.seq, self.journal.clone()));
        self.out.push(Effect::Persist { seq: self.seq, journal: self.journal.clone() });
    }

    pub(super) fn persisted(&mut self, seq: u64, result: Result<(), String>, now: Now) {
        let Some((_, journal)) = self.writing.take_if(|(expected, _)| *expected == seq) else { return };
        match result {
            Ok(()) => {
                self.write_error = None;
                self.tell_maintenance(&journal);
                self.tell_unmanaged(&journal);
                self.durable = journal;
                self.durable_now(now);
            }
            Err(why) => self.not_durable(&why, now),
        }
    }

    /// What waits for the disk may go on once nothing is left to be written.
    fn durable_now(&mut self, now: Now) {
        if self.journal != self.durable {
            return;
        }
        // After a failed write the share moves only when the pause is over, which whoever asked should know.
        let waits = self.share_is_wrong() && now.mono < self.ledger_retry;
        let later = if waits { "; the demotion follows" } else { "" };
        for (id, text) in std::mem::take(&mut self.waiting) {
            self.reply(id, Reply::Done { text: text + later });
        }
        if let Ledger::Moving { from, pending, phase: Phase::Announcing } = self.ledger {
            self.ledger = Ledger::Moving { from, pending, phase: Phase::Writing };
            self.look_is_stale |= self.observer.awaits();
            self.out.push(Effect::AddDemotion { delta: pending.to.minus(from) });
        }
    }

    /// The disk failed: whoever asked is told so, and nothing is in force that would be forgotten.
    fn not_durable(&mut self, why: &str, now: Now) {
        self.write_retry = now.mono + RETRY;
        if self.write_error.as_deref() != Some(why) {
            self.note(Level::Error, Topic::Daemon, "", format!("the state file cannot be written: {why}"));
        }
        self.write_error = Some(why.to_owned());
        if !self.waiting.is_empty() {
            self.journal.ask_the_same_as(&self.durable);
            self.left_by = None;
            self.given_back.clear();
        }
        for (id, _) in std::mem::take(&mut self.waiting) {
            let text = format!("nothing was changed: the state file cannot be written: {why}");
            self.reply(id, Reply::Failed { text });
        }
        if let Ledger::Moving { from, phase: Phase::Announcing, .. } = self.ledger {
            self.settle(from);
            self.ledger_retry = now.mono + RETRY;
        }
    }

    fn tell_maintenance(&mut self, written: &Journal) {
        let said = |m: &Maintenance| {
            let until = m.until.map_or_else(String::new, |u| format!(", until {}", u.rfc3339()));
            format!("by {}{until}: {}", m.by, if m.reason.is_empty() { "no reason given" } else { &m.reason })
        };
        let text = match (&self.durable.maintenance, &written.maintenance) {
            (None, Some(new)) => format!("entered {}", said(new)),
            (Some(old), Some(new)) if old != new => format!("changed {}", said(new)),
            (Some(_), None) => {
                self.left_by.take().map_or_else(|| "left: its end was reached".to_owned(), |by| format!("left by {by}"))
            }
            _ => return,
        };
        self.note(Level::Info, Topic::Maintenance, "", text);
    }
}
