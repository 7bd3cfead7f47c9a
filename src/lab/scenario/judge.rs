//! Judges the expectations by what was recorded.

use std::time::Duration;

use super::condition::{Condition, Expectation};
use super::record::{MARK, NodeRecord, Overlap, Part, Record, Said, Series};
use super::setup::Setup;
use crate::model::Mono;

/// What the record says about `expectation`: the value that was found if it holds, else what was found instead and when.
pub(crate) fn judge(record: &Record, setup: &Setup, expectation: &Expectation) -> Result<String, String> {
    let judge = Judge { record, setup, from: expectation.from, to: expectation.to };
    judge.condition(&expectation.condition)
}

struct Judge<'a> {
    record: &'a Record,
    setup: &'a Setup,
    from: Mono,
    to: Mono,
}

impl Judge<'_> {
    fn condition(&self, condition: &Condition) -> Result<String, String> {
        match condition {
            Condition::State { node, group, is } => {
                self.always(&self.node(*node).states[*group], |s| s == is, |s| s.as_str().to_owned())
            }
            Condition::Masters { group, count } => self.masters(*group, *count),
            Condition::RunsOn { service, nodes } => self.runs_on(*service, nodes),
            Condition::Tunnel { node, service, is } => {
                self.always(&self.node(*node).tunnels[*service], |t| t == is, |t| t.as_str().to_owned())
            }
            Condition::TunnelOverlap { service, most } => at_most(self.overlaps(*service, Part::Tunnel), *most),
            Condition::Role { node, service, is } => self.said(
                *node,
                |said| said.roles[*service] == Some(*is),
                |said| said.roles[*service].map_or("undecided", |role| role.as_str()).to_owned(),
            ),
            Condition::Demotion { node, is } => {
                let text = |sum: &Option<i32>| sum.map_or_else(|| "off".to_owned(), |sum| sum.to_string());
                self.always(&self.node(*node).sum, |sum| *sum == Some(*is), text)
            }
            Condition::Share { node, is } => {
                self.always(&self.node(*node).share, |share| share & !MARK == *is, |share| (share & !MARK).to_string())
            }
            Condition::Foreign { node, is } => self.foreign(*node, *is),
            Condition::Verdict { node, is } => self.said(
                *node,
                |said| said.severity == *is,
                |said| format!("{}: {}", said.severity.as_str(), said.problems.join(" / ")),
            ),
            Condition::Says { node, text } => self.said(
                *node,
                |said| said.problems.iter().any(|problem| problem.contains(text.as_str())),
                |said| if said.problems.is_empty() { "nothing".to_owned() } else { said.problems.join(" / ") },
            ),
            Condition::Maintenance { node, is } => {
                self.said(*node, |said| said.maintenance == *is, |said| said.maintenance.to_string())
            }
            Condition::Missed { node, is } => {
                self.said(*node, |said| said.missed == *is, |said| said.missed.to_string())
            }
            Condition::Answer { node, is } => {
                self.always(&self.node(*node).answer, |answer| answer == is, |answer| answer.as_str().to_owned())
            }
            Condition::Outage { group, most } => {
                let outages = self.record.outages(*group, self.start(), self.to);
                at_most(outages.into_iter(), *most)
            }
            Condition::Overlap { service, most } => at_most(self.overlaps(*service, Part::Process), *most),
            Condition::Writes { node, count } => self.count(&self.node(*node).writes, *count),
            Condition::Starts { node, service, count } => self.count(&self.node(*node).starts[*service], *count),
            Condition::Stops { node, service, count } => self.count(&self.node(*node).stops[*service], *count),
            Condition::Changes { node, group, count } => self.count(&self.node(*node).changes[*group], *count),
            Condition::Logs { node, text } => self.logs(*node, text),
        }
    }

    fn node(&self, at: usize) -> &NodeRecord {
        &self.record.nodes[at]
    }

    /// What is counted or measured up to an instant is counted from the start of the run.
    fn start(&self) -> Mono {
        if self.from == self.to { Mono::ZERO } else { self.from }
    }

    fn always<T: PartialEq>(
        &self,
        series: &Series<T>,
        holds: impl Fn(&T) -> bool,
        text: impl Fn(&T) -> String,
    ) -> Result<String, String> {
        let mut last = None;
        for (at, _, value) in series.over(self.from, self.to) {
            if !holds(value) {
                return Err(format!("{} at {}", text(value), clock(at)));
            }
            last = Some(text(value));
        }
        last.ok_or_else(|| "nothing was seen".to_owned())
    }

    fn said(
        &self,
        node: usize,
        holds: impl Fn(&Said) -> bool,
        text: impl Fn(&Said) -> String,
    ) -> Result<String, String> {
        let text = |said: &Option<Said>| said.as_ref().map_or_else(|| "no daemon".to_owned(), &text);
        self.always(&self.node(node).said, |said| said.as_ref().is_some_and(&holds), text)
    }

    /// The instants at which anything of these may have changed, within the interval.
    fn instants<'s, T: PartialEq + 's>(&self, series: impl Iterator<Item = &'s Series<T>>) -> Vec<Mono> {
        let mut instants: Vec<Mono> =
            series.flat_map(|one| one.over(self.from, self.to).map(|(at, ..)| at).collect::<Vec<_>>()).collect();
        instants.push(self.from);
        instants.sort_unstable();
        instants.dedup();
        instants
    }

    fn masters(&self, group: usize, count: usize) -> Result<String, String> {
        let states = || self.record.nodes.iter().map(|node| &node.states[group]);
        for at in self.instants(states()) {
            let master = |s: &&Series<_>| value_at(s, at) == Some(&super::file::State::Master);
            let found = states().filter(master).count();
            if found != count {
                return Err(format!("{found} at {}", clock(at)));
            }
        }
        Ok(count.to_string())
    }

    fn runs_on(&self, service: usize, nodes: &[usize]) -> Result<String, String> {
        let running = || self.record.nodes.iter().map(|node| &node.running[service]);
        let text = |on: &[usize]| match on {
            [] => "nowhere".to_owned(),
            on => on.iter().map(|at| self.setup.nodes[*at].plan.name.as_str()).collect::<Vec<_>>().join(", "),
        };
        let mut wanted = nodes.to_vec();
        wanted.sort_unstable();
        for at in self.instants(running()) {
            let on = running().enumerate().filter(|(_, s)| value_at(s, at) == Some(&true));
            let on: Vec<usize> = on.map(|(node, _)| node).collect();
            if on != wanted {
                return Err(format!("{} at {}", text(&on), clock(at)));
            }
        }
        Ok(text(&wanted))
    }

    fn foreign(&self, node: usize, is: i32) -> Result<String, String> {
        let node = self.node(node);
        let mut instants = self.instants(std::iter::once(&node.sum));
        instants.extend(self.instants(std::iter::once(&node.share)));
        for at in instants {
            let sum = value_at(&node.sum, at).copied().flatten();
            let foreign = sum.map(|sum| sum - value_at(&node.share, at).copied().unwrap_or_default());
            if foreign != Some(is) {
                let found = foreign.map_or_else(|| "off".to_owned(), |foreign| foreign.to_string());
                return Err(format!("{found} at {}", clock(at)));
            }
        }
        Ok(is.to_string())
    }

    fn overlaps(&self, service: usize, part: Part) -> impl Iterator<Item = (Mono, Duration)> {
        let (from, to) = (self.start(), self.to);
        let of = move |o: &&Overlap| o.service == service && o.part == part;
        let within = self.record.overlaps.iter().filter(of).filter(move |o| o.from < to && o.to > from);
        within.map(move |o| (o.from.max(from), o.to.min(to).since(o.from.max(from))))
    }

    fn count(&self, times: &[Mono], count: usize) -> Result<String, String> {
        let start = self.start();
        let within = times.iter().filter(|at| (start == Mono::ZERO || **at > start) && **at <= self.to).count();
        if within == count { Ok(within.to_string()) } else { Err(within.to_string()) }
    }

    fn logs(&self, node: usize, text: &str) -> Result<String, String> {
        let (start, notes) = (self.start(), &self.node(node).notes);
        let said = notes.iter().find(|(at, note)| *at >= start && *at <= self.to && note.contains(text));
        said.map(|(at, _)| format!("at {}", clock(*at))).ok_or_else(|| "not logged".to_owned())
    }
}

fn value_at<T: PartialEq>(series: &Series<T>, at: Mono) -> Option<&T> {
    series.over(at, at).next().map(|(.., value)| value)
}

fn at_most(times: impl Iterator<Item = (Mono, Duration)>, most: Duration) -> Result<String, String> {
    match times.max_by_key(|(_, lasted)| *lasted) {
        None => Ok("none".to_owned()),
        Some((_, lasted)) if lasted <= most => Ok(seconds(lasted)),
        Some((at, lasted)) => Err(format!("{} from {}", seconds(lasted), clock(at))),
    }
}

/// `12.345 s`
pub(crate) fn seconds(time: Duration) -> String {
    format!("{}.{:03} s", time.as_secs(), time.subsec_millis())
}

/// The time since the start of the run: `75.250`.
pub(crate) fn clock(at: Mono) -> String {
    let micros = at.as_micros();
    format!("{}.{:03}", micros / 1_000_000, micros / 1_000 % 1_000)
}
