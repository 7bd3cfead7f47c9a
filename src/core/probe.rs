//! Health as a level: a probe is healthy or not, and changes its mind only after several results in a row.

use serde::{Deserialize, Serialize};

use super::policy::{ProbeEffect, ProbePolicy};
use crate::model::Mono;

/// What one run of a probe means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reading {
    /// The service is well.
    Healthy,
    /// It is not.
    Unhealthy,
    /// The answer says nothing about it that counts; the verdict stays what it was.
    Ignored,
}

/// What is known of one probe.
#[derive(Debug, Clone)]
pub struct Probe {
    /// `None` until the first verdict.
    pub healthy: Option<bool>,
    /// What the last run said.
    pub text: String,
    /// Until when the demotion stays that it has caused, at least; `None` when that is over.
    pub held_until: Option<Mono>,
    streak: u32,
    last: bool,
    /// Until when failures do not count, unless it succeeds before.
    grace_until: Option<Mono>,
    busy: bool,
    /// The run under way began before the service was started.
    stale: bool,
    next: Mono,
}

impl Probe {
    /// A probe that is due at once.
    #[must_use]
    pub fn new(now: Mono) -> Self {
        Self {
            healthy: None,
            text: String::new(),
            held_until: None,
            streak: 0,
            last: true,
            grace_until: None,
            busy: false,
            stale: false,
            next: now,
        }
    }

    /// Whether it has to run now; if so it counts as running.
    pub fn start_if_due(&mut self, now: Mono) -> bool {
        let due = !self.busy && now >= self.next;
        self.busy |= due;
        due
    }

    /// When it has to run next, unless it runs already.
    #[must_use]
    pub fn wake(&self) -> Option<Mono> {
        (!self.busy).then_some(self.next)
    }

    /// The service was started: what its probe saw before was another process, and its first failures may mean that it is
    /// not yet ready. The verdict stays until there is a new one.
    pub fn service_started(&mut self, policy: &ProbePolicy, now: Mono) {
        self.streak = 0;
        self.last = true;
        self.grace_until = Some(now + policy.grace);
        self.stale = self.busy;
    }

    /// The run that is under way is of no interest any more.
    pub fn abandon(&mut self, now: Mono) {
        (self.busy, self.stale, self.next) = (false, false, now);
    }

    /// A run ended. Returns whether the verdict changed.
    pub fn ended(&mut self, policy: &ProbePolicy, reading: Reading, text: String, now: Mono) -> bool {
        self.busy = false;
        if std::mem::take(&mut self.stale) {
            self.next = now;
            return false;
        }
        self.next = now + policy.every;
        self.text = text;
        let ok = match reading {
            Reading::Healthy => true,
            Reading::Unhealthy if self.grace_until.is_some_and(|until| now < until) => return false,
            Reading::Unhealthy => false,
            Reading::Ignored => return false,
        };
        self.grace_until = None;
        self.streak = if ok == self.last { self.streak.saturating_add(1) } else { 1 };
        self.last = ok;
        let needed = if ok { policy.rise } else { policy.fall };
        let verdict = if self.streak >= needed { Some(ok) } else { self.healthy };
        let changed = verdict != self.healthy;
        self.healthy = verdict;
        if let (true, Some(false), ProbeEffect::Demote { dwell, .. }) = (changed, verdict, policy.effect) {
            self.held_until = Some(now + dwell);
        }
        changed
    }

    /// Whether it has failed often enough in a row since the service was started.
    #[must_use]
    pub fn is_failing(&self, policy: &ProbePolicy) -> bool {
        self.healthy == Some(false) && !self.last && self.streak >= policy.fall
    }

    /// Whether it is a reason to demote, if that is its effect.
    #[must_use]
    pub fn demotes(&self) -> bool {
        self.healthy == Some(false) || self.held_until.is_some()
    }

    /// When the demotion of one that is not unhealthy any more ends.
    #[must_use]
    pub fn release_at(&self) -> Option<Mono> {
        self.held_until.filter(|_| self.healthy != Some(false))
    }

    /// Ends the demotion when it is time.
    pub fn release(&mut self, now: Mono) {
        if self.release_at().is_some_and(|until| now >= until) {
            self.held_until = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::policy::ProbeSource;
    use std::time::Duration;

    fn policy(effect: ProbeEffect) -> ProbePolicy {
        ProbePolicy {
            name: "http".into(),
            source: ProbeSource::Run,
            every: Duration::from_secs(5),
            timeout: Duration::from_secs(1),
            rise: 2,
            fall: 3,
            grace: Duration::from_secs(30),
            effect,
        }
    }

    const fn second(second: u64) -> Mono {
        Mono::from_micros(second * 1_000_000)
    }

    fn end(probe: &mut Probe, reading: Reading, now: Mono) -> Option<bool> {
        probe.ended(&policy(ProbeEffect::Restart), reading, String::new(), now);
        probe.healthy
    }

    #[test]
    fn a_verdict_needs_rise_or_fall_results_in_a_row() {
        let mut probe = Probe::new(Mono::ZERO);
        let results = [true, true, false, false, true, false, false, false, true, true];
        let verdicts: Vec<_> = results
            .map(|ok| {
                end(&mut probe, if ok { Reading::Healthy } else { Reading::Unhealthy }, Mono::ZERO);
                end(&mut probe, Reading::Ignored, Mono::ZERO)
            })
            .into();
        let (up, down) = (Some(true), Some(false));
        assert_eq!(verdicts, [None, up, up, up, up, up, up, down, down, up]);
    }
    #[test]
    fn failures_right_after_a_start_do_not_count_until_the_first_success() {
        let mut probe = Probe::new(Mono::ZERO);
        probe.service_started(&policy(ProbeEffect::Restart), second(100));
        for at in [101, 106, 111, 129] {
            assert_eq!(end(&mut probe, Reading::Unhealthy, second(at)), None);
        }
        let mut slow = probe.clone();
        let verdicts = [130, 135, 140].map(|at| end(&mut slow, Reading::Unhealthy, second(at)));
        assert_eq!(verdicts, [None, None, Some(false)], "the grace is over");
        end(&mut probe, Reading::Healthy, second(112));
        let verdicts = [113, 114, 115].map(|at| end(&mut probe, Reading::Unhealthy, second(at)));
        assert_eq!(verdicts, [None, None, Some(false)], "it was ready, so the rest of the grace is void");
    }

    #[test]
    fn after_a_start_neither_old_failures_nor_a_run_that_began_before_count() {
        let policy = policy(ProbeEffect::Restart);
        let mut probe = Probe::new(Mono::ZERO);
        for at in [5, 10, 15] {
            end(&mut probe, Reading::Unhealthy, second(at));
        }
        assert!(probe.is_failing(&policy));
        assert!(probe.start_if_due(second(20)));
        probe.service_started(&policy, second(21));
        assert!(!probe.is_failing(&policy) && probe.healthy == Some(false));
        end(&mut probe, Reading::Healthy, second(22));
        assert!(probe.start_if_due(second(22)), "what it said was about the process before");
        for at in [52, 57] {
            end(&mut probe, Reading::Unhealthy, second(at));
            assert!(!probe.is_failing(&policy));
        }
        end(&mut probe, Reading::Unhealthy, second(62));
        assert!(probe.is_failing(&policy));
    }

    #[test]
    fn a_demotion_stays_for_its_dwell_and_as_long_as_the_probe_is_unhealthy() {
        let amount = crate::core::policy::ShareAmount::FULL;
        let policy = policy(ProbeEffect::Demote { amount, dwell: Duration::from_secs(60) });
        let mut probe = Probe::new(Mono::ZERO);
        let mut run = |ok: bool, at: u64| {
            let reading = if ok { Reading::Healthy } else { Reading::Unhealthy };
            probe.ended(&policy, reading, String::new(), second(at));
            probe.release(second(at));
            probe.demotes()
        };
        assert_eq!([1, 2, 3].map(|at| run(false, at)), [false, false, true]);
        assert_eq!([4, 5, 62, 63].map(|at| run(true, at)), [true, true, true, false]);
        assert_eq!([70, 71, 72].map(|at| run(false, at)), [false, false, true]);
        assert_eq!([200, 201].map(|at| run(true, at)), [true, false]);
    }
}
