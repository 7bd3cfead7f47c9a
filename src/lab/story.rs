//! A story: what happens to a pair of firewalls in a year, in about a minute, with everything measured that carpd promises of it.

mod measure;
pub mod outcome;
mod pair;
pub mod screen;
mod steps;

use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::client;
use super::server::Lab;
use super::server::protocol::{LabAnswer, LabAsk};
use super::server::state::State;
use crate::control::{Answer, Ask};
use crate::core::io::{Reply, Request};
use crate::core::status::Status;
use crate::model::{Mono, Wall};
use measure::Measure;
use outcome::{Outcome, Promise, SCHEMA, Step, millis};
use pair::Pair;
use screen::Screen;

pub use pair::PairError;

/// How often the teller looks whether what is waited for has come.
const LOOK: Duration = Duration::from_millis(20);

/// Why a story does not go on.
#[derive(Debug, thiserror::Error)]
enum BrokenOff {
    /// What should have come did not.
    #[error("{what} did not come within {} s{hint}", limit.as_secs())]
    Waiting { what: String, limit: Duration, hint: String },
    /// An order or a request failed.
    #[error("{0}")]
    Failed(String),
}

/// Tells the story of `lab`.
///
/// # Errors
/// The story cannot be told of this pair.
pub async fn tell(lab: &Rc<Lab>, screen: &mut Screen) -> Result<Outcome, PairError> {
    let pair = Pair::of(lab)?;
    let began = Instant::now();
    let watchers = client::watch(lab);
    let mut teller = Teller { lab, pair: &pair, screen, steps: Vec::new(), from: Mono::ZERO };
    let broken_off = teller.everything().await.err().map(|error| error.to_string());
    let steps = teller.steps;
    watchers.iter().for_each(tokio::task::JoinHandle::abort);
    let broken_promises: Vec<String> = steps
        .iter()
        .flat_map(|step| step.promises.iter().filter(|p| !p.held).map(|p| format!("{}: {}", step.title, p.what)))
        .collect();
    let timeline = lab.timeline();
    let until = lab.look(State::clock);
    let all = Measure { pair: &pair, timeline: &timeline, from: Mono::ZERO, until };
    Ok(Outcome {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        held: broken_promises.is_empty() && broken_off.is_none(),
        started: timeline.start,
        duration_ms: millis(began.elapsed()),
        nodes: pair.names.clone(),
        kernel_writes: all.writes(),
        longest_overlap_ms: millis(all.overlap()),
        steps,
        broken_off,
        broken_promises,
    })
}

/// Lets things happen and measures them.
struct Teller<'a> {
    lab: &'a Rc<Lab>,
    pair: &'a Pair,
    screen: &'a mut Screen,
    steps: Vec<Step>,
    /// When the step that is told now began.
    from: Mono,
}

impl Teller<'_> {
    /// Begins a step.
    fn begin(&mut self, title: impl Into<String>) {
        let title = title.into();
        self.from = self.lab.look(|state| {
            self.screen.show(state);
            state.clock()
        });
        self.screen.step(self.from, &title);
        self.steps.push(Step { title, at_ms: self.from.as_micros() / 1_000, promises: Vec::new() });
    }

    /// Adds what was promised of this step.
    fn promise(&mut self, promise: Promise) {
        self.screen.promise(&promise);
        if let Some(step) = self.steps.last_mut() {
            step.promises.push(promise);
        }
    }

    /// Measures from the begin of the step until now.
    fn measure<T>(&self, measure: impl FnOnce(&Measure<'_>) -> T) -> T {
        self.measure_from(self.from, measure)
    }

    fn measure_from<T>(&self, from: Mono, measure: impl FnOnce(&Measure<'_>) -> T) -> T {
        self.lab
            .look(|state| measure(&Measure { pair: self.pair, timeline: &state.timeline, from, until: state.clock() }))
    }

    /// Waits until `there` is true.
    async fn until(
        &mut self,
        what: impl Into<String>,
        limit: Duration,
        there: impl Fn(&State) -> bool,
    ) -> Result<(), BrokenOff> {
        let deadline = Instant::now() + limit;
        loop {
            let is = self.lab.look(|state| {
                self.screen.show(state);
                there(state)
            });
            if is {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let hint = self.hint().await;
                return Err(BrokenOff::Waiting { what: what.into(), limit, hint });
            }
            sleep(LOOK).await;
        }
    }

    /// Lets time pass.
    async fn pass(&mut self, time: Duration) -> Result<(), BrokenOff> {
        let end = Instant::now() + time;
        self.until("the end of a pause", time + Duration::from_secs(1), |_| Instant::now() >= end).await
    }

    /// What the nodes themselves say is wrong.
    async fn hint(&self) -> String {
        let mut hints = Vec::new();
        for of in 0..2 {
            if let Ok(status) = self.status(of).await {
                hints.extend(
                    status.verdict.problems.iter().map(|p| format!("{} says: {}", self.pair.names[of], p.what)),
                );
            }
        }
        hints.dedup();
        if hints.is_empty() { String::new() } else { format!(" ({})", hints.join("; ")) }
    }

    /// Gives an order to the lab.
    async fn order(&mut self, ask: LabAsk) -> Result<(), BrokenOff> {
        match self.lab.perform(ask).await {
            LabAnswer::Refused { text } => Err(BrokenOff::Failed(text)),
            LabAnswer::Done { .. } | LabAnswer::View { .. } => Ok(()),
        }
    }

    async fn ask(&self, of: usize, ask: &Ask) -> Result<Answer, BrokenOff> {
        let socket = self.lab.paths().node(&self.pair.names[of]).control_socket();
        let failed = |error| BrokenOff::Failed(format!("carpd of {} does not answer: {error}", self.pair.names[of]));
        client::control(&socket, ask).await.map_err(failed)
    }

    /// What node number `of` of the pair says of itself.
    async fn status(&self, of: usize) -> Result<Status, BrokenOff> {
        match self.ask(of, &Ask::Status).await? {
            Answer::Status { status } => Ok(*status),
            _ => Err(BrokenOff::Failed(format!("carpd of {} answered another question", self.pair.names[of]))),
        }
    }

    /// Asks node number `of` of the pair for a change, as carpctl does.
    async fn request(&self, of: usize, change: Request) -> Result<(), BrokenOff> {
        match self.ask(of, &Ask::Change { change }).await? {
            Answer::Reply { reply: Reply::Done { .. } } => Ok(()),
            other => Err(BrokenOff::Failed(format!("carpd of {} says {other:?}", self.pair.names[of]))),
        }
    }
}

/// What a story was told of, for the report: nothing in it is secret.
#[derive(Clone, Debug)]
pub struct Setting {
    /// For each node its name and its VIPs.
    pub nodes: Vec<(String, Vec<SettingVip>)>,
    /// The services with their limits, as text.
    pub services: Vec<String>,
    /// When.
    pub started: Wall,
}

/// A VIP of a node.
#[derive(Clone, Debug)]
pub struct SettingVip {
    /// `3@vtnet1 (lan)`
    pub name: String,
    /// Its addresses.
    pub addresses: String,
    /// `advbase 1, advskew 100`
    pub numbers: String,
}

/// What `lab` runs with.
#[must_use]
pub fn setting(lab: &Lab) -> Setting {
    use crate::config::duration::Shown;
    lab.look(|state| {
        let vips = |at: usize| {
            let plan = &state.cluster.nodes[at].plan;
            let vip = |vhid: &crate::lab::plan::VhidPlan| SettingVip {
                name: match plan.interface(vhid.id.interface.as_str()) {
                    Some(interface) if interface.label != interface.name.as_str() => {
                        format!("{} ({})", vhid.id, interface.label)
                    }
                    _ => vhid.id.to_string(),
                },
                addresses: vhid.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                numbers: format!("advbase {}, advskew {}", vhid.advbase.get(), vhid.advskew.get()),
            };
            plan.vhids.iter().map(vip).collect()
        };
        let services = state.nodes.first().map(|node| node.services.iter()).into_iter().flatten().map(|s| {
            let follows: Vec<String> = s.follows.iter().map(ToString::to_string).collect();
            format!(
                "{}: follows {}, settle {}, stop limit {}, looked at every {}",
                s.name,
                follows.join(" and "),
                Shown(s.settle),
                Shown(s.stop_limit),
                Shown(s.check_every)
            )
        });
        let nodes = state.cluster.nodes.iter().enumerate();
        Setting {
            nodes: nodes.map(|(at, node)| (node.plan.name.clone(), vips(at))).collect(),
            services: services.collect(),
            started: state.timeline.start,
        }
    })
}
