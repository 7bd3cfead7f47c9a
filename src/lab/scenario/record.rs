//! What was seen during a run: every value with the times at which it changed.

use std::time::Duration;

use super::file::{Answer, State, Tunnel};
use super::setup::Setup;
use crate::core::role::Role;
use crate::core::status::{Severity, Status};
use crate::model::{Mono, ServiceName};

/// The low four bits of carpd's share are its write mark.
pub(super) const MARK: i32 = 0b1111;

/// A value over time.
#[derive(Clone, Debug)]
pub(crate) struct Series<T> {
    changes: Vec<(Mono, T)>,
}

impl<T> Default for Series<T> {
    fn default() -> Self {
        Self { changes: Vec::new() }
    }
}

impl<T: PartialEq> Series<T> {
    /// From `now` on it is `value`. Of several changes in one instant the last counts. Returns whether it is one.
    pub(crate) fn set(&mut self, now: Mono, value: T) -> bool {
        match self.changes.last_mut() {
            Some((_, last)) if *last == value => return false,
            Some((at, last)) if *at == now => *last = value,
            _ => self.changes.push((now, value)),
        }
        true
    }

    /// The last value.
    pub(crate) fn last(&self) -> Option<&T> {
        self.changes.last().map(|(_, value)| value)
    }

    /// The values that it had at some time from `from` to `to`, with the part of that time.
    pub(crate) fn over(&self, from: Mono, to: Mono) -> impl Iterator<Item = (Mono, Mono, &T)> {
        let ends = self.changes.iter().skip(1).map(|(at, _)| Some(*at)).chain([None]);
        let lasting = self.changes.iter().zip(ends).map(|((at, value), end)| (*at, end, value));
        // A value ends just before the next begins; the last one never does.
        lasting.filter_map(move |(at, end, value)| {
            let touches = at <= to && end.is_none_or(|end| end > from);
            touches.then(|| (at.max(from), end.map_or(to, |end| end.min(to)), value))
        })
    }
}

/// What a status says, as far as a scenario asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) severity: Severity,
    pub(crate) problems: Vec<String>,
    pub(crate) maintenance: bool,
    /// By service, `None` also where the node has no such service.
    pub(crate) roles: Vec<Option<Role>>,
    pub(crate) missed: u64,
}

impl Said {
    pub(crate) fn of(status: &Status, setup: &Setup) -> Self {
        let role = |name: &ServiceName| status.services.iter().find(|s| s.name == *name).and_then(|s| s.want);
        Self {
            severity: status.verdict.severity,
            problems: status.verdict.problems.iter().map(|p| format!("{}; {}", p.what, p.effect)).collect(),
            maintenance: status.maintenance.active,
            roles: setup.services.iter().map(|(name, _)| role(name)).collect(),
            missed: status.events.missed,
        }
    }
}

/// What was seen of one node.
#[derive(Clone, Debug)]
pub(crate) struct NodeRecord {
    /// By vhid.
    pub(crate) states: Vec<Series<State>>,
    /// By vhid: the instants of its changes, those too short to be a value of the series, too.
    pub(crate) changes: Vec<Vec<Mono>>,
    /// By service.
    pub(crate) running: Vec<Series<bool>>,
    /// By service.
    pub(crate) tunnels: Vec<Series<Tunnel>>,
    /// By service.
    pub(crate) starts: Vec<Vec<Mono>>,
    /// By service.
    pub(crate) stops: Vec<Vec<Mono>>,
    /// The kernel's sum; `None` while the node is off.
    pub(crate) sum: Series<Option<i32>>,
    /// carpd's part of it, write mark included.
    pub(crate) share: Series<i32>,
    /// `None` while there is no daemon.
    pub(crate) said: Series<Option<Said>>,
    pub(crate) answer: Series<Answer>,
    /// carpd's writes to the demotion.
    pub(crate) writes: Vec<Mono>,
    /// What carpd logged.
    pub(crate) notes: Vec<(Mono, String)>,
}

impl NodeRecord {
    fn new(setup: &Setup) -> Self {
        let (groups, services) = (setup.groups.len(), setup.services.len());
        Self {
            states: vec![Series::default(); groups],
            changes: vec![Vec::new(); groups],
            running: vec![Series::default(); services],
            tunnels: vec![Series::default(); services],
            starts: vec![Vec::new(); services],
            stops: vec![Vec::new(); services],
            sum: Series::default(),
            share: Series::default(),
            said: Series::default(),
            answer: Series::default(),
            writes: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// What of a service there may be one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Part {
    /// Its process.
    Process,
    /// Its tunnel that is up.
    Tunnel,
}

impl Part {
    pub(crate) const BOTH: [Self; 2] = [Self::Process, Self::Tunnel];
}

/// A time during which a service ran, or its tunnel was up, on more than one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Overlap {
    pub(crate) service: usize,
    pub(crate) part: Part,
    pub(crate) from: Mono,
    pub(crate) to: Mono,
    /// What explains it, in words.
    pub(crate) causes: Vec<&'static str>,
}

/// Everything that was seen.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) nodes: Vec<NodeRecord>,
    /// By vhid: on how many nodes a client of its addresses can reach a MASTER.
    pub(crate) reachable: Vec<Series<usize>>,
    pub(crate) overlaps: Vec<Overlap>,
    pub(crate) timeline: Vec<Entry>,
}

impl Record {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self {
            nodes: setup.nodes.iter().map(|_| NodeRecord::new(setup)).collect(),
            reachable: vec![Series::default(); setup.groups.len()],
            overlaps: Vec::new(),
            timeline: Vec::new(),
        }
    }

    /// The times in which a client of vhid `group` found nobody, from the first MASTER on.
    pub(crate) fn outages(&self, group: usize, from: Mono, to: Mono) -> Vec<(Mono, Duration)> {
        let series = &self.reachable[group];
        let first = series.changes.iter().find(|(_, count)| *count > 0).map_or(to, |(at, _)| *at);
        let gaps = series.over(from.max(first), to).filter(|(.., count)| **count == 0);
        gaps.map(|(start, end, _)| (start, end.since(start))).collect()
    }
}

/// A line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) at: Mono,
    /// `None` for the network.
    pub(crate) node: Option<usize>,
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

/// What a line of the timeline is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A step of the scenario.
    Step,
    /// A step that could not be done.
    Refused,
    /// A vhid changed its state.
    Vhid,
    /// A service came up or went down.
    Service,
    /// The sum of demotions changed.
    Demotion,
    /// carpd said something worth a look.
    Carpd,
    /// A promise was broken.
    Broken,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Refused => "refused",
            Self::Vhid => "vhid",
            Self::Service => "service",
            Self::Demotion => "demotion",
            Self::Carpd => "carpd",
            Self::Broken => "BROKEN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_tells_every_value_of_an_interval_and_the_one_at_an_instant() {
        let at = |s: u64| Mono::from_micros(s * 1_000_000);
        let mut series = Series::default();
        series.set(at(0), 1);
        series.set(at(5), 2);
        assert!(!series.set(at(6), 2));
        series.set(at(8), 9);
        series.set(at(8), 3);
        let over = |from, to| series.over(at(from), at(to)).map(|(.., value)| *value).collect::<Vec<i32>>();
        assert_eq!((over(5, 5), over(4, 8), over(0, 4), over(9, 20)), (vec![2], vec![1, 2, 3], vec![1], vec![3]));
    }
}
