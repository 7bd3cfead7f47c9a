//! The sources of events, and a count of what they lost, although nothing depends on it.
//!
//! A change seen in the kernel should be announced by an event just before or shortly after. One that never is was missed,
//! which says that devd(8) is overloaded, restarted, or gone. Several sources announce the same change, each at its own
//! time; it is missed only if none does.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{CarpState, Mono, VhidRef};

/// devd runs its own actions before it passes on the next record, so an event may be seconds late.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who says that something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum EventSource {
    /// devd(8)'s socket. Every change, but late if devd is busy with somebody's slow action.
    Devd,
    /// The kernel module `nlsysevent`. Every change, at once.
    Nlsysevent,
    /// Changes of addresses and links. They accompany most changes of a vhid and never tell its state.
    Rtnetlink,
}

impl EventSource {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Devd, Self::Nlsysevent, Self::Rtnetlink];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Devd => "devd",
            Self::Nlsysevent => "nlsysevent",
            Self::Rtnetlink => "rtnetlink",
        }
    }

    /// Whether it announces every change of a vhid.
    #[must_use]
    pub const fn announces_all(self) -> bool {
        !matches!(self, Self::Rtnetlink)
    }
}

impl fmt::Display for EventSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Pairs changes with the events that announce them.
#[derive(Debug, Default)]
pub struct EventCount {
    connected: BTreeSet<EventSource>,
    /// Since when no source is connected that announces all changes; `None` while there is one.
    lost: Option<Mono>,
    /// Changes that no event announced.
    pub missed: u64,
    pairs: BTreeMap<(VhidRef, CarpState), Pairs>,
}

/// What is known of a vhid's ways into one state, each list by time.
#[derive(Debug, Default)]
struct Pairs {
    /// Seen in the kernel, with those who announced it.
    seen: VecDeque<(Mono, BTreeSet<EventSource>)>,
    /// Announced and not seen yet.
    announced: BTreeMap<EventSource, VecDeque<Mono>>,
}

impl EventCount {
    /// Nothing is connected yet.
    #[must_use]
    pub fn new(now: Mono) -> Self {
        Self { lost: Some(now), ..Self::default() }
    }

    /// A source came or went. Returns whether that is news.
    pub fn source(&mut self, source: EventSource, connected: bool, now: Mono) -> bool {
        let news = if connected { self.connected.insert(source) } else { self.connected.remove(&source) };
        let complete = self.connected.iter().any(|source| source.announces_all());
        self.lost = if complete { None } else { self.lost.or(Some(now)) };
        news
    }

    /// The sources that are connected.
    #[must_use]
    pub fn connected(&self) -> Vec<EventSource> {
        self.connected.iter().copied().collect()
    }

    /// For how long no source that announces all changes has been connected; `None` while there is one.
    #[must_use]
    pub fn lost_for(&self, now: Mono) -> Option<Duration> {
        self.lost.map(|since| now.since(since))
    }

    /// Events came in. Each pairs with the oldest change that nobody has announced, else with the oldest that its source has
    /// not: sources that each lose something else must not look as if all of them had lost the same.
    pub fn announced(&mut self, source: EventSource, changes: Vec<(VhidRef, CarpState)>, now: Mono) {
        for change in changes {
            let pairs = self.pairs.entry(change).or_default();
            let unannounced = pairs.seen.iter().position(|(_, by)| by.is_empty());
            let open = unannounced.or_else(|| pairs.seen.iter().position(|(_, by)| !by.contains(&source)));
            match open.and_then(|at| pairs.seen.get_mut(at)) {
                Some((_, by)) => {
                    by.insert(source);
                }
                None => pairs.announced.entry(source).or_default().push_back(now),
            }
        }
    }

    /// A change was seen in the kernel.
    pub fn seen(&mut self, id: &VhidRef, state: CarpState, now: Mono) {
        let pairs = self.pairs.entry((id.clone(), state)).or_default();
        let by =
            pairs.announced.iter_mut().filter_map(|(source, waiting)| waiting.pop_front().map(|_| *source)).collect();
        pairs.seen.push_back((now, by));
    }

    /// Counts what has waited too long. Announcements of states that were too short to be seen are forgotten.
    pub fn settle(&mut self, now: Mono) {
        self.pairs.retain(|_, pairs| {
            while pairs.seen.front().is_some_and(|(since, _)| now >= *since + PATIENCE) {
                let by = pairs.seen.pop_front().map(|(_, by)| by).unwrap_or_default();
                self.missed += u64::from(by.is_empty());
            }
            for waiting in pairs.announced.values_mut() {
                let old = waiting.partition_point(|since| now >= *since + PATIENCE);
                waiting.drain(..old);
            }
            pairs.announced.retain(|_, waiting| !waiting.is_empty());
            !pairs.seen.is_empty() || !pairs.announced.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::EventSource::{Devd, Nlsysevent, Rtnetlink};
    use super::*;
    use crate::model::CarpState::{Backup, Init, Master};

    fn id() -> VhidRef {
        "1@em0".parse().unwrap()
    }

    fn at(s: u64) -> Mono {
        Mono::from_micros(s * 1_000_000)
    }

    #[test]
    fn a_change_without_an_event_is_counted_once_and_a_late_event_still_counts() {
        let mut events = EventCount::default();
        events.announced(Devd, vec![(id(), Master)], at(1));
        events.seen(&id(), Master, at(1));
        events.seen(&id(), Backup, at(2));
        events.announced(Devd, vec![(id(), Backup)], at(6));
        events.seen(&id(), Init, at(7));
        events.settle(at(16));
        assert_eq!(events.missed, 0);
        events.settle(at(17));
        events.settle(at(40));
        assert_eq!(events.missed, 1);
    }

    #[test]
    fn a_change_that_two_sources_announce_hides_no_other_that_nobody_does() {
        for order in [[Devd, Nlsysevent], [Nlsysevent, Devd]] {
            let mut events = EventCount::default();
            events.announced(order[0], vec![(id(), Master)], at(1));
            events.seen(&id(), Master, at(1));
            events.announced(order[1], vec![(id(), Master)], at(3));
            events.seen(&id(), Backup, at(4));
            events.announced(order[0], vec![(id(), Backup)], at(4));
            events.announced(order[1], vec![(id(), Backup)], at(4));
            // The second time, nobody says so.
            events.seen(&id(), Master, at(5));
            events.settle(at(15));
            assert_eq!(events.missed, 1, "{order:?}");
            assert!(events.pairs.is_empty(), "{events:?}");
        }
    }

    #[test]
    fn a_change_is_not_missed_if_one_of_two_sources_announces_it() {
        let mut events = EventCount::default();
        for (source, when) in [(Devd, 1), (Nlsysevent, 2), (Devd, 3)] {
            events.seen(&id(), Master, at(when));
            events.announced(source, vec![(id(), Master)], at(when));
        }
        events.settle(at(20));
        assert_eq!(events.missed, 0);
    }

    #[test]
    fn events_are_lost_while_no_source_announces_every_change() {
        let mut events = EventCount::new(at(0));
        assert!(events.source(Rtnetlink, true, at(1)));
        assert_eq!(events.lost_for(at(5)), Some(Duration::from_secs(5)));
        assert!(events.source(Nlsysevent, true, at(6)) && events.source(Devd, true, at(6)));
        assert!(!events.source(Devd, true, at(6)), "no news");
        assert_eq!((events.lost_for(at(7)), events.connected()), (None, vec![Devd, Nlsysevent, Rtnetlink]));
        assert!(events.source(Devd, false, at(8)));
        assert_eq!(events.lost_for(at(9)), None);
        assert!(events.source(Nlsysevent, false, at(10)));
        assert_eq!(events.lost_for(at(12)), Some(Duration::from_secs(2)));
    }
}
