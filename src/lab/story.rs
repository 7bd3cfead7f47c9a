//! A story: what happens to a pair of firewalls in a year, in about a minute, with everything measured that carpd promises of it.

pub mod client;
mod measure;
pub mod outcome;
mod pair;
pub mod screen;
pub mod setting;
mod steps;

use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::server::Lab;
use super::server::protocol::{LabAnswer, LabAsk};
use super::server::state::State;
use super::server::timeline::Timeline;
use crate::control::{Answer, Ask};
use crate::core::io::{Reply, Request};
use crate::core::status::Status;
use crate::model::Mono;
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

/// A story that was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// What came of it.
    pub outcome: Outcome,
    /// Everything that was recorded.
    pub timeline: Timeline,
    /// When it ended.
    pub end: Mono,
    /// What its clients went through.
    pub client: Vec<client::Row>,
    /// What it was told of.
    pub setting: setting::Setting,
}

/// Tells the story of `lab`.
///
/// # Errors
/// The story cannot be told of this pair.
pub async fn tell(lab: &Rc<Lab>, screen: &mut Screen) -> Result<Told, PairError> {
    let pair = Pair::of(lab)?;
    let began = Instant::now();
    let watchers = super::client::watch(lab);
    let mut teller = Teller { lab, pair: &pair, screen, steps: Vec::new(), from: Mono::ZERO };
    let broken_off = teller.everything().await.err().map(|error| error.to_string());
    let steps = teller.steps;
    watchers.iter().for_each(tokio::task::JoinHandle::abort);
    let broken_promises: Vec<String> = steps
        .iter()
        .flat_map(|step| step.promises.iter().filter(|p| !p.held).map(|p| format!("{}: {}", step.title, p.what)))
        .collect();
    let timeline = lab.timeline();
    let end = lab.look(State::clock);
    let all = Measure { pair: &pair, timeline: &timeline, from: Mono::ZERO, until: end };
    let outcome = Outcome {
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
    };
    let client = client::rows(&all);
    Ok(Told { outcome, client, end, setting: setting::setting(lab), timeline })
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
        super::client::control(&socket, ask).await.map_err(failed)
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
