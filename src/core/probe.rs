//! Health as a level: a probe is healthy or not, and changes its mind only after several results in a row.

use serde::{Deserialize, Serialize};

use super::policy::ProbePolicy;
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
    streak: u32,
    last: bool,
    busy: bool,
    next: Mono,
}

impl Probe {
    /// A probe that is due at once.
    #[must_use]
    pub fn new(now: Mono) -> Self {
        Self { healthy: None, text: String::new(), streak: 0, last: true, busy: false, next: now }
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

    /// A run ended. Returns whether the verdict changed.
    pub fn ended(&mut self, policy: &ProbePolicy, reading: Reading, text: String, now: Mono) -> bool {
        self.busy = false;
        self.next = now + policy.every;
        self.text = text;
        let ok = match reading {
            Reading::Healthy => true,
            Reading::Unhealthy => false,
            Reading::Ignored => return false,
        };
        self.streak = if ok == self.last { self.streak.saturating_add(1) } else { 1 };
        self.last = ok;
        let needed = if ok { policy.rise } else { policy.fall };
        let verdict = if self.streak >= needed { Some(ok) } else { self.healthy };
        let changed = verdict != self.healthy;
        self.healthy = verdict;
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::policy::ProbeEffect;
    use std::time::Duration;

    #[test]
    fn a_verdict_needs_rise_or_fall_results_in_a_row() {
        let policy = ProbePolicy {
            name: "http".into(),
            every: Duration::from_secs(5),
            timeout: Duration::from_secs(1),
            rise: 2,
            fall: 3,
            effect: ProbeEffect::Report,
        };
        let mut probe = Probe::new(Mono::ZERO);
        let results = [true, true, false, false, true, false, false, false, true, true];
        let verdicts: Vec<_> = results
            .map(|ok| {
                let reading = if ok { Reading::Healthy } else { Reading::Unhealthy };
                probe.ended(&policy, reading, String::new(), Mono::ZERO);
                probe.ended(&policy, Reading::Ignored, String::new(), Mono::ZERO);
                probe.healthy
            })
            .into();
        let (up, down) = (Some(true), Some(false));
        assert_eq!(verdicts, [None, up, up, up, up, up, up, down, down, up]);
    }
}
