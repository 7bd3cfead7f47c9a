//! What happened in a lab and when: recorded by the lab process, measured by the story, drawn by the report.

use std::time::Duration;

use serde::Serialize;

use crate::core::status::VhidState;
use crate::model::{Demotion, Mono, ServiceName, VhidRef, Wall};

/// A value over time: each entry holds from its time to the next one's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Track<T>(Vec<(Mono, T)>);

impl<T> Default for Track<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone + PartialEq> Track<T> {
    /// Says that the value is `value` from `at` on. Times must not go back.
    pub fn push(&mut self, at: Mono, value: T) {
        if self.0.last().is_none_or(|(_, last)| *last != value) {
            self.0.push((at, value));
        }
    }

    /// The latest value.
    #[must_use]
    pub fn last(&self) -> Option<&T> {
        self.0.last().map(|(_, value)| value)
    }

    /// The value at `at`; several of one instant count as the last of them.
    #[must_use]
    pub fn at(&self, at: Mono) -> Option<&T> {
        let after = self.0.partition_point(|(time, _)| *time <= at);
        Some(&self.0.get(after.checked_sub(1)?)?.1)
    }

    /// The first time from `from` on at which the value is one that `wanted` accepts.
    pub fn first(&self, from: Mono, wanted: impl Fn(&T) -> bool) -> Option<Mono> {
        self.at(from).filter(|value| wanted(value)).map(|_| from).or_else(|| {
            let after = self.0.partition_point(|(time, _)| *time <= from);
            self.0.get(after..)?.iter().find(|(_, value)| wanted(value)).map(|(time, _)| *time)
        })
    }

    /// The times in `from..until` at which the value changed.
    pub fn changes(&self, from: Mono, until: Mono) -> impl Iterator<Item = (Mono, &T)> {
        self.0.iter().skip(1).filter(move |(at, _)| (from..until).contains(at)).map(|(at, value)| (*at, value))
    }

    /// All entries, each with the time at which it ends; the last one ends at `end`.
    pub fn spans(&self, end: Mono) -> impl Iterator<Item = (Mono, Mono, &T)> {
        let ends = self.0.iter().skip(1).map(|(at, _)| *at).chain([end]);
        self.0.iter().zip(ends).map(|((from, value), until)| (*from, until, value))
    }
}

/// A piece of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// Its begin.
    pub from: Mono,
    /// Its end.
    pub until: Mono,
}

impl Window {
    /// How long it is.
    #[must_use]
    pub const fn len(self) -> Duration {
        self.until.since(self.from)
    }

    /// Whether it has no length.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len().is_zero()
    }
}

/// The pieces of `from..until` during which `holds` is true of the values that `tracks` have.
pub fn windows<T: Clone + PartialEq>(
    tracks: &[&Track<T>],
    from: Mono,
    until: Mono,
    holds: impl Fn(&[Option<&T>]) -> bool,
) -> Vec<Window> {
    let mut times: Vec<Mono> = tracks.iter().flat_map(|t| t.changes(from, until).map(|(at, _)| at)).collect();
    times.extend([from, until]);
    times.sort_unstable();
    times.dedup();
    let mut found: Vec<Window> = Vec::new();
    for pair in times.windows(2) {
        let &[from, until] = pair else { continue };
        let values: Vec<Option<&T>> = tracks.iter().map(|track| track.at(from)).collect();
        match found.last_mut() {
            _ if !holds(&values) => {}
            Some(last) if last.until == from => last.until = until,
            _ => found.push(Window { from, until }),
        }
    }
    found
}

/// The longest of these pieces.
#[must_use]
pub fn longest(windows: &[Window]) -> Duration {
    windows.iter().map(|window| window.len()).max().unwrap_or_default()
}

/// Everything that was recorded.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Timeline {
    /// When the lab's clock stood at 0.
    pub start: Wall,
    /// The nodes, in their order.
    pub nodes: Vec<NodeTrack>,
}

/// What was recorded of a node.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NodeTrack {
    /// Its name.
    pub name: String,
    /// It has power.
    pub powered: Track<bool>,
    /// The states of its vhids; [`VhidState::Absent`] while it is off.
    pub vhids: Vec<(VhidRef, Track<VhidState>)>,
    /// Its demotion, if it has power.
    pub demotion: Track<Option<Demotion>>,
    /// Its carpd runs.
    pub daemon: Track<bool>,
    /// Its devd runs.
    pub devd: Track<bool>,
    /// Whether its services answered those who connected.
    pub services: Vec<(ServiceName, Track<bool>)>,
    /// What its carpd wrote to its kernel.
    pub writes: Vec<(Mono, Demotion)>,
    /// `net.inet.carp.stats`: adverts that failed authentication.
    pub badauth: Track<u64>,
}

impl NodeTrack {
    /// The states of one vhid.
    #[must_use]
    pub fn vhid(&self, id: &VhidRef) -> Option<&Track<VhidState>> {
        self.vhids.iter().find(|(other, _)| other == id).map(|(_, track)| track)
    }

    /// Whether one service answered.
    #[must_use]
    pub fn service(&self, name: &ServiceName) -> Option<&Track<bool>> {
        self.services.iter().find(|(other, _)| other == name).map(|(_, track)| track)
    }

    /// The sum of what carpd wrote in `from..until`, and how often.
    #[must_use]
    pub fn written(&self, from: Mono, until: Mono) -> (usize, i32) {
        let writes = self.writes.iter().filter(|(at, _)| (from..until).contains(at));
        writes.fold((0, 0), |(count, sum), (_, delta)| (count + 1, sum + delta.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(entries: &[(u64, bool)]) -> Track<bool> {
        let mut track = Track::default();
        entries.iter().for_each(|(at, value)| track.push(Mono::from_micros(*at), *value));
        track
    }

    fn span(from: u64, until: u64) -> Window {
        Window { from: Mono::from_micros(from), until: Mono::from_micros(until) }
    }

    #[test]
    fn an_overlap_is_found_however_the_changes_interleave() {
        let (a, b) = (track(&[(0, true), (50, false), (90, true)]), track(&[(0, false), (40, true)]));
        let both = |values: &[Option<&bool>]| values.iter().all(|value| *value == Some(&true));
        let found = windows(&[&a, &b], Mono::ZERO, Mono::from_micros(100), both);
        assert_eq!(found, [span(40, 50), span(90, 100)]);
        assert_eq!(longest(&found), Duration::from_micros(10));
    }

    #[test]
    fn nobody_there_is_one_window_even_if_its_cause_changes() {
        let (a, b) = (track(&[(0, true), (10, false), (30, true)]), track(&[(0, false), (20, true), (25, false)]));
        let none = |values: &[Option<&bool>]| !values.contains(&Some(&true));
        assert_eq!(windows(&[&a, &b], Mono::ZERO, Mono::from_micros(40), none), [span(10, 20), span(25, 30)]);
    }

    #[test]
    fn a_value_counts_from_its_own_instant_on() {
        let track = track(&[(10, true), (20, true), (30, false)]);
        assert_eq!(track.at(Mono::from_micros(9)), None);
        assert_eq!(track.at(Mono::from_micros(29)), Some(&true));
        assert_eq!(track.first(Mono::from_micros(15), |v| !v), Some(Mono::from_micros(30)));
        assert_eq!(track.first(Mono::from_micros(15), |v| *v), Some(Mono::from_micros(15)));
        assert_eq!(track.changes(Mono::ZERO, Mono::from_micros(99)).count(), 1);
    }
}
