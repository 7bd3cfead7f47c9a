//! Keeps count of what the event source lost, although nothing depends on it.
//!
//! A change seen in the kernel should be announced by an event just before or shortly after. One that never is was missed,
//! which says that devd(8) is overloaded, restarted, or gone.

use std::time::Duration;

use crate::model::{CarpState, Mono, VhidRef};

/// devd runs its own actions before it passes on the next record, so an event may be seconds late.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pairs changes with the events that announce them.
#[derive(Debug, Default)]
pub struct EventCount {
    /// Since when the event source is not connected; `None` while it is.
    lost: Option<Mono>,
    /// Changes that no event announced.
    pub missed: u64,
    announced: Vec<(VhidRef, CarpState, Mono)>,
    unannounced: Vec<(VhidRef, CarpState, Mono)>,
}

impl EventCount {
    /// Nothing is connected yet.
    #[must_use]
    pub fn new(now: Mono) -> Self {
        Self { lost: Some(now), ..Self::default() }
    }

    /// The event source came or went. Returns whether that is news.
    pub fn source(&mut self, connected: bool, now: Mono) -> bool {
        let news = self.connected() != connected;
        self.lost = if connected { None } else { self.lost.or(Some(now)) };
        news
    }

    /// Whether the event source is connected.
    #[must_use]
    pub const fn connected(&self) -> bool {
        self.lost.is_none()
    }

    /// For how long it has not been connected.
    #[must_use]
    pub fn lost_for(&self, now: Mono) -> Option<Duration> {
        self.lost.map(|since| now.since(since))
    }

    /// Events came in.
    pub fn announced(&mut self, changes: Vec<(VhidRef, CarpState)>, now: Mono) {
        for (id, state) in changes {
            match self.unannounced.iter().position(|(i, s, _)| *i == id && *s == state) {
                Some(at) => {
                    self.unannounced.swap_remove(at);
                }
                None => self.announced.push((id, state, now)),
            }
        }
    }

    /// A change was seen in the kernel.
    pub fn seen(&mut self, id: &VhidRef, state: CarpState, now: Mono) {
        match self.announced.iter().position(|(i, s, _)| i == id && *s == state) {
            Some(at) => {
                self.announced.swap_remove(at);
            }
            None => self.unannounced.push((id.clone(), state, now)),
        }
    }

    /// Counts what has waited too long. Announcements of states that were too short to be seen are forgotten.
    pub fn settle(&mut self, now: Mono) {
        let waiting = self.unannounced.len();
        self.unannounced.retain(|(_, _, since)| now < *since + PATIENCE);
        self.missed += u64::try_from(waiting - self.unannounced.len()).unwrap_or(0);
        self.announced.retain(|(_, _, since)| now < *since + PATIENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_without_an_event_is_counted_once_and_a_late_event_still_counts() {
        let id: VhidRef = "1@em0".parse().unwrap();
        let at = |s: u64| Mono::from_micros(s * 1_000_000);
        let mut events = EventCount::default();
        events.announced(vec![(id.clone(), CarpState::Master)], at(1));
        events.seen(&id, CarpState::Master, at(1));
        events.seen(&id, CarpState::Backup, at(2));
        events.announced(vec![(id.clone(), CarpState::Backup)], at(6));
        events.seen(&id, CarpState::Init, at(7));
        events.settle(at(16));
        assert_eq!(events.missed, 0);
        events.settle(at(17));
        events.settle(at(40));
        assert_eq!(events.missed, 1);
    }
}
