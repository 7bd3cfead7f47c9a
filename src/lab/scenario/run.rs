//! Runs a scenario: lets time pass from one thing that happens to the next, and looks at everything in between.

use std::time::Duration;

use super::Scenario;
use super::act::Faults;
use super::guard::Guard;
use super::node::SimNode;
use super::record::{Entry, Kind, Record};
use super::setup::Setup;
use crate::core::io::{Level, Topic};
use crate::lab::cluster::Cluster;
use crate::lab::world::{LabError, WorldConfig};
use crate::model::Mono;

/// After so many rounds without time passing something asks for attention for ever.
const ROUNDS_IN_ONE_INSTANT: u32 = 100_000;

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) at: Mono,
    pub(crate) node: Option<usize>,
    pub(crate) promise: &'static str,
    pub(crate) what: String,
    /// The line of the last step before it.
    pub(crate) line: Option<usize>,
}

/// A scenario under way.
pub(crate) struct Runner<'a> {
    pub(super) setup: &'a Setup,
    pub(super) scenario: &'a Scenario,
    pub(super) cluster: Cluster,
    pub(super) nodes: Vec<SimNode>,
    pub(super) record: Record,
    pub(super) guard: Guard,
    pub(super) faults: Faults,
    pub(super) violations: Vec<Violation>,
    /// The steps that are done.
    pub(super) done: usize,
    /// Nodes whose kernel has changed since they were last looked at.
    pub(super) touched: Vec<bool>,
    /// When a condition begins or is to be judged, in ascending order.
    pub(super) looks: Vec<Mono>,
    /// By node: when its status is asked for.
    pub(super) asked: Vec<Vec<(Mono, Mono)>>,
    pub(super) end: Mono,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(scenario: &'a Scenario, seed: u64) -> Result<Self, LabError> {
        let setup = &scenario.setup;
        let mut config = WorldConfig { seed, jitter: scenario.jitter, ..WorldConfig::default() };
        config.delay = scenario.delay.unwrap_or(config.delay);
        let cluster = Cluster::new(setup.nodes.iter().map(|node| node.plan.clone()).collect(), config)?;
        let node = |(at, node)| SimNode::new(at, node, &setup.services, scenario.link_takes);
        let nodes = setup.nodes.iter().enumerate().map(node);
        let mut looks: Vec<Mono> = scenario.expects.iter().map(|expect| expect.from).collect();
        looks.sort_unstable_by(|a, b| b.cmp(a));
        let mut asked = vec![Vec::new(); setup.nodes.len()];
        for expect in &scenario.expects {
            if let Some(node) = expect.condition.asks_status_of() {
                asked[node].push((expect.from, expect.to));
            }
        }
        Ok(Self {
            nodes: nodes.collect(),
            record: Record::new(setup),
            guard: Guard::new(setup),
            faults: Faults::new(setup),
            violations: Vec::new(),
            done: 0,
            touched: vec![true; setup.nodes.len()],
            looks,
            asked,
            end: Mono::ZERO + scenario.duration,
            setup,
            scenario,
            cluster,
        })
    }

    /// Runs to the end.
    pub(crate) fn run(&mut self) {
        let mut rounds = 0;
        loop {
            let before = self.now();
            self.pass();
            rounds = if self.now() == before { rounds + 1 } else { 0 };
            if rounds > ROUNDS_IN_ONE_INSTANT {
                self.broken(None, "comes to rest", "something is due again and again without time passing".to_owned());
                break;
            }
            self.steps();
            self.events();
            self.daemons();
            // What services and daemons have just done to the kernels is reported now, and not when something else happens.
            self.events();
            self.observe();
            if self.now() >= self.end && self.next().is_none_or(|next| next > self.end) {
                break;
            }
        }
        self.close();
    }

    pub(super) fn now(&self) -> Mono {
        self.cluster.world.now()
    }

    /// Lets time pass until something happens that concerns more than the kernels' adverts and timers.
    fn pass(&mut self) {
        let until = self.next().map_or(self.end, |next| next.min(self.end));
        while let Some(event) = self.cluster.world.next_event().filter(|event| *event <= until) {
            self.cluster.world.advance_to(event);
            if self.kernel_spoke() {
                return;
            }
        }
        self.cluster.world.advance_to(until);
    }

    /// The next thing that is due outside the kernels.
    fn next(&self) -> Option<Mono> {
        let step = self.scenario.steps.get(self.done).map(|step| step.at);
        let nodes = self.nodes.iter().filter_map(SimNode::next).min();
        [step, nodes, self.looks.last().copied()].into_iter().flatten().min()
    }

    fn kernel_spoke(&self) -> bool {
        self.cluster.nodes.iter().zip(&self.record.nodes).any(|(node, record)| {
            let sum = self.cluster.world.demotion(node.id).map(crate::model::Demotion::get);
            self.cluster.world.has_events(node.id) || record.sum.last() != Some(&sum)
        })
    }

    fn steps(&mut self) {
        let now = self.now();
        while self.looks.last().is_some_and(|at| *at <= now) {
            self.looks.pop();
        }
        for at in 0..self.nodes.len() {
            if self.nodes[at].boot_at.is_some_and(|boot| boot <= now) {
                self.boot(at);
            }
        }
        let scenario = self.scenario;
        while let Some(step) = scenario.steps.get(self.done).filter(|step| step.at <= now) {
            self.done += 1;
            self.perform(&step.action);
        }
    }

    /// Takes what the kernels reported to devd.
    pub(super) fn events(&mut self) {
        let (now, delay) = (self.now(), self.scenario.event_delay);
        for at in 0..self.nodes.len() {
            let id = self.cluster.nodes[at].id;
            if !self.cluster.world.has_events(id) {
                continue;
            }
            for event in self.cluster.world.drain_events(id) {
                let carp = event.text.starts_with("!system=CARP ");
                if carp || event.text.contains("type=LINK_") {
                    self.touched[at] = true;
                    self.nodes[at].report(&event.text, now, delay);
                }
                if carp {
                    self.guard.count_change(at, &event, self.setup, &mut self.record);
                }
            }
        }
    }

    fn daemons(&mut self) {
        let now = self.now();
        for at in 0..self.nodes.len() {
            let node = &mut self.nodes[at];
            if node.daemon_at.is_some_and(|start| start <= now) {
                node.daemon_at = None;
                node.start_daemon(&mut self.cluster);
            }
            self.nodes[at].run(&mut self.cluster);
            self.hear(at);
        }
    }

    /// Takes down what carpd logged.
    fn hear(&mut self, at: usize) {
        let now = self.now();
        let Some(daemon) = &mut self.nodes[at].daemon else { return };
        for (_, note) in daemon.notes.drain(..) {
            let about = if note.object.is_empty() { String::new() } else { format!("{}: ", note.object) };
            let text = format!("{about}{}", note.text);
            let shown = note.level != Level::Info || matches!(note.topic, Topic::Maintenance | Topic::Demotion);
            if shown {
                let entry = Entry { at: now, node: Some(at), kind: Kind::Carpd, text: text.clone() };
                self.record.timeline.push(entry);
            }
            self.record.nodes[at].notes.push((now, text));
        }
    }

    pub(super) fn tell(&mut self, node: Option<usize>, kind: Kind, text: String) {
        self.record.timeline.push(Entry { at: self.now(), node, kind, text });
    }

    /// Notes a broken promise, the same one of the same node once in ten seconds.
    pub(super) fn broken(&mut self, node: Option<usize>, promise: &'static str, what: String) {
        let now = self.now();
        let again = |v: &Violation| v.node == node && v.promise == promise && now.since(v.at) < Duration::from_secs(10);
        if self.violations.iter().any(again) {
            return;
        }
        self.tell(node, Kind::Broken, format!("{promise}: {what}"));
        let line = self.done.checked_sub(1).and_then(|last| self.scenario.steps.get(last)).map(|step| step.line);
        self.violations.push(Violation { at: now, node, promise, what, line });
    }
}
