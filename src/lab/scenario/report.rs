//! What a run showed: for people as a timeline and tables, for programs as JSON.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::Scenario;
use super::judge::{clock, judge, seconds};
use super::record::{Kind, Part};
use super::run::{Runner, Violation};
use crate::model::Mono;

/// The result of a run. Apart from `wall_seconds` it follows from the scenario and the seed alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The scenario's file.
    pub file: PathBuf,
    /// Its title.
    pub title: String,
    /// What it shows.
    pub text: String,
    /// What everything random followed from.
    pub seed: u64,
    /// Whether every expectation and every promise held, and every step could be done.
    pub held: bool,
    /// How long the run was in the nodes' time.
    pub virtual_seconds: f64,
    /// How long it took.
    pub wall_seconds: f64,
    /// What happened, in order.
    pub timeline: Vec<Line>,
    /// What was expected.
    pub expects: Vec<Expected>,
    /// Promises that were not kept.
    pub broken: Vec<Broken>,
    /// Steps that could not be done.
    pub refused: usize,
    /// What clients of the VIPs saw.
    pub vhids: Vec<VhidReport>,
    /// How often carpd wrote to each node's kernel.
    pub kernel_writes: Vec<KernelWrites>,
    /// Times in which a service ran, or its tunnel was up, on two nodes.
    pub overlaps: Vec<OverlapReport>,
}

/// A line of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Seconds since the start.
    pub at: f64,
    /// `null` for the network.
    pub node: Option<String>,
    /// `step`, `refused`, `vhid`, `service`, `demotion`, `carpd` or `broken`.
    kind: Kind,
    /// What happened.
    pub text: String,
}

/// An expectation and whether it held.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expected {
    /// Its line in the scenario.
    pub line: usize,
    /// When, in seconds since the start.
    pub from: f64,
    /// Equal to `from` for an instant.
    pub to: f64,
    /// What was expected.
    pub text: String,
    /// Whether it held.
    pub held: bool,
    /// What was found.
    pub found: String,
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Broken {
    /// Seconds since the start.
    pub at: f64,
    /// Which node's carpd, `null` if none alone.
    pub node: Option<String>,
    /// The promise.
    pub promise: &'static str,
    /// What was seen.
    pub what: String,
    /// The line of the last step before it.
    pub line: Option<usize>,
}

/// What clients of a vhid saw.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VhidReport {
    /// Number and interface.
    pub vhid: String,
    /// How often nobody was MASTER that they could reach.
    pub outages: usize,
    /// The longest such time.
    pub longest_seconds: f64,
}

/// How often carpd wrote to a node's kernel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KernelWrites {
    /// The node.
    pub node: String,
    /// Writes to `net.inet.carp.demotion`.
    pub writes: usize,
}

/// A time in which a service ran, or its tunnel was up, on two nodes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OverlapReport {
    /// The service.
    pub service: String,
    /// `process` if it ran on two nodes, `tunnel` if its tunnel was up on both.
    part: Part,
    /// Seconds since the start.
    pub at: f64,
    /// How long.
    pub seconds: f64,
    /// What explains it.
    pub causes: Vec<&'static str>,
}

fn at(mono: Mono) -> f64 {
    mono.as_micros() as f64 / 1e6
}

impl Report {
    pub(super) fn new(scenario: &Scenario, seed: u64, runner: &Runner<'_>, took: Duration) -> Self {
        let (setup, record) = (&scenario.setup, &runner.record);
        let name = |node: usize| setup.nodes[node].plan.name.clone();
        let expects: Vec<Expected> = scenario
            .expects
            .iter()
            .map(|expect| {
                let judged = judge(record, setup, expect);
                let (from, to) = (at(expect.from), at(expect.to));
                let text = expect.condition.text(setup);
                let held = judged.is_ok();
                Expected { line: expect.line, from, to, text, held, found: judged.unwrap_or_else(|found| found) }
            })
            .collect();
        let vhids = setup.groups.iter().enumerate().map(|(group, label)| {
            let outages = record.outages(group, Mono::ZERO, runner.end);
            let longest = outages.iter().map(|(_, lasted)| *lasted).max().unwrap_or_default();
            VhidReport { vhid: label.label.to_string(), outages: outages.len(), longest_seconds: longest.as_secs_f64() }
        });
        let overlaps = record.overlaps.iter().map(|overlap| OverlapReport {
            service: setup.services[overlap.service].0.to_string(),
            part: overlap.part,
            at: at(overlap.from),
            seconds: overlap.to.since(overlap.from).as_secs_f64(),
            causes: overlap.causes.clone(),
        });
        let lines = record.timeline.iter().map(|entry| Line {
            at: at(entry.at),
            node: entry.node.map(name),
            kind: entry.kind,
            text: entry.text.clone(),
        });
        let writes = record.nodes.iter().enumerate();
        let refused = runner.guard.refused;
        Self {
            file: scenario.path.clone(),
            title: scenario.title.clone(),
            text: scenario.text.clone(),
            seed,
            held: refused == 0 && runner.violations.is_empty() && expects.iter().all(|expect| expect.held),
            virtual_seconds: at(runner.end),
            wall_seconds: took.as_secs_f64(),
            timeline: lines.collect(),
            expects,
            broken: runner.violations.iter().map(|violation| Broken::new(violation, name)).collect(),
            refused,
            vhids: vhids.collect(),
            kernel_writes: writes.map(|(n, r)| KernelWrites { node: name(n), writes: r.writes.len() }).collect(),
            overlaps: overlaps.collect(),
        }
    }

    /// The command that runs it again.
    #[must_use]
    pub fn replay(&self) -> String {
        format!("carpctl lab run {} --seed {}", self.file.display(), self.seed)
    }
}

impl Broken {
    fn new(violation: &Violation, name: impl Fn(usize) -> String) -> Self {
        Self {
            at: at(violation.at),
            node: violation.node.map(name),
            promise: violation.promise,
            what: violation.what.clone(),
            line: violation.line,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        for line in self.text.lines() {
            writeln!(f, "  {line}")?;
        }
        writeln!(f)?;
        for line in &self.timeline {
            let node = line.node.as_deref().unwrap_or("-");
            writeln!(f, "{:>10.3}  {node:<8} {:<8}  {}", line.at, line.kind.as_str(), line.text)?;
        }
        writeln!(f)?;
        for expect in &self.expects {
            expect.fmt(f)?;
        }
        self.measures(f)?;
        self.verdict(f)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = if self.from == self.to { format!("{}", self.from) } else { format!("{}..{}", self.from, self.to) };
        let (mark, found) = if self.held { ("ok  ", String::new()) } else { ("FAIL", format!(", but {}", self.found)) };
        let found = if self.held && self.found.ends_with(" s") { format!(" ({})", self.found) } else { found };
        writeln!(f, "{mark}  line {:<4} {time:>11}  {}{found}", self.line, self.text)
    }
}

impl Report {
    fn measures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        for vhid in &self.vhids {
            let longest = seconds(Duration::from_secs_f64(vhid.longest_seconds));
            match vhid.outages {
                0 => writeln!(f, "{}: always reachable", vhid.vhid)?,
                1 => writeln!(f, "{}: out once, for {longest}", vhid.vhid)?,
                times => writeln!(f, "{}: out {times} times, at most {longest}", vhid.vhid)?,
            }
        }
        for node in &self.kernel_writes {
            writeln!(f, "{}: {} writes to the kernel", node.node, node.writes)?;
        }
        for overlap in &self.overlaps {
            let lasted = seconds(Duration::from_secs_f64(overlap.seconds));
            let causes = overlap.causes.join(", ");
            let what = match overlap.part {
                Part::Process => format!("{} ran twice", overlap.service),
                Part::Tunnel => format!("the tunnel of {} was up twice", overlap.service),
            };
            writeln!(f, "{what} for {lasted} from {:.3}: {causes}", overlap.at)?;
        }
        Ok(())
    }

    fn verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.expects.iter().filter(|expect| !expect.held).count();
        let promises = self.broken.len();
        writeln!(f)?;
        for broken in &self.broken {
            let node = broken.node.as_deref().unwrap_or("cluster");
            let place = broken.line.map_or_else(String::new, |line| format!(", after the step in line {line}"));
            let time = clock(Mono::from_micros((broken.at * 1e6) as u64));
            writeln!(f, "BROKEN at {time}: {node}: {}: {}{place}", broken.promise, broken.what)?;
        }
        let speed = format!("{} s in {:.3} s", self.virtual_seconds, self.wall_seconds);
        if self.held {
            return writeln!(f, "everything held: {} expectations and every promise; {speed}", self.expects.len());
        }
        writeln!(f, "NOT held: {failed} expectations, {promises} promises, {} steps refused; {speed}", self.refused)?;
        writeln!(f, "again: {}", self.replay())
    }
}
