//! Restarts of a service that runs and is unhealthy: bounded, with growing pauses, and given up in the end.
//!
//! A restart helps a program that has come to grief, and nothing else: not a broken configuration, not a peer that is away. So
//! whatever the probes say, no ten minutes see more than [`MOST`] restarts, and when these have not helped it is left to a person.

use std::time::Duration;

use super::io::Level;
use super::policy::{ProbeEffect, ServicePolicy};
use super::probe::Probe;
use crate::model::Mono;

/// The most restarts within [`WINDOW`].
pub const MOST: usize = 5;

/// The time in which restarts are counted.
pub const WINDOW: Duration = Duration::from_secs(600);

/// How long a service that was given up has to be healthy until it may be restarted again.
pub const CALM: Duration = Duration::from_secs(300);

/// What the probes with the effect `restart` say of a service that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opinion {
    /// One of them has failed often enough in a row since the last start.
    Failing,
    /// None of them is unhealthy or undecided.
    Healthy,
    /// Anything in between.
    Undecided,
}

impl Opinion {
    pub(super) fn of(policy: &ServicePolicy, probes: &[Probe]) -> Self {
        let mut judges = policy.probes.iter().zip(probes).filter(|(p, _)| p.effect == ProbeEffect::Restart).peekable();
        if judges.peek().is_none() {
            return Self::Undecided;
        }
        judges.fold(Self::Healthy, |all, (policy, probe)| match (all, probe.healthy) {
            _ if probe.is_failing(policy) => Self::Failing,
            (Self::Healthy, Some(true)) => Self::Healthy,
            (Self::Failing, _) => Self::Failing,
            _ => Self::Undecided,
        })
    }
}

/// What was decided about restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is restarted, for the `.0`th time within [`WINDOW`].
    Restart(usize),
    /// [`MOST`] restarts have not helped.
    GiveUp,
    /// It has been healthy for [`CALM`] after it was given up.
    Recovered,
}

impl Decision {
    /// The line for the log.
    pub(super) fn told(self) -> (Level, String) {
        let (window, calm) = (WINDOW.as_secs() / 60, CALM.as_secs() / 60);
        match self {
            Self::Restart(count) => {
                let text =
                    format!("it is unhealthy and restarted, {count} of at most {MOST} times in {window} minutes");
                (Level::Warning, text)
            }
            Self::GiveUp => {
                let text = format!(
                    "{MOST} restarts in {window} minutes have not helped; carpd does not restart it again until its role \
                     changes or it has been healthy for {calm} minutes"
                );
                (Level::Error, text)
            }
            Self::Recovered => {
                (Level::Info, format!("it has been healthy for {calm} minutes and may be restarted again"))
            }
        }
    }
}

/// The restarts of one service.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    /// When they were decided, the oldest first, none older than [`WINDOW`].
    begun: Vec<Mono>,
    given_up: bool,
    healthy_since: Option<Mono>,
    /// It is to be stopped for a restart.
    due: bool,
}

impl Restarts {
    /// Decides anew. `opinion` is `None` while there is nothing to restart: the service does not run or is not wanted.
    pub(super) fn judge(&mut self, opinion: Option<Opinion>, now: Mono) -> Option<Decision> {
        self.begun.retain(|at| now.since(*at) < WINDOW);
        if opinion != Some(Opinion::Failing) {
            self.due = false;
        }
        if opinion != Some(Opinion::Healthy) {
            self.healthy_since = None;
        }
        match opinion? {
            Opinion::Failing if self.due || self.given_up => None,
            Opinion::Failing if self.begun.len() >= MOST => {
                self.given_up = true;
                Some(Decision::GiveUp)
            }
            Opinion::Failing if now >= self.not_before() => {
                self.begun.push(now);
                self.due = true;
                Some(Decision::Restart(self.begun.len()))
            }
            Opinion::Healthy => {
                let since = *self.healthy_since.get_or_insert(now);
                (now >= since + CALM && std::mem::take(&mut self.given_up)).then_some(Decision::Recovered)
            }
            Opinion::Failing | Opinion::Undecided => None,
        }
    }

    /// 10 s after the first restart, then 30 s, then a minute: a service that needs two tries is soon back, and one that needs
    /// a person does not keep the node busy until that person comes.
    fn not_before(&self) -> Mono {
        let pause = match self.begun.len() {
            0 => return Mono::ZERO,
            1 => 10,
            2 => 30,
            _ => 60,
        };
        self.begun.last().map_or(Mono::ZERO, |last| *last + Duration::from_secs(pause))
    }

    /// When [`Self::judge`] may come to another decision although nothing else happens.
    pub(super) fn wake(&self, opinion: Option<Opinion>) -> Option<Mono> {
        match opinion? {
            Opinion::Failing if !self.due && !self.given_up => Some(self.not_before()),
            Opinion::Healthy if self.given_up => self.healthy_since.map(|since| since + CALM),
            _ => None,
        }
    }

    /// Whether it is to be stopped now.
    pub(super) const fn is_due(&self) -> bool {
        self.due
    }

    /// The stop of a restart has failed. Another attempt counts as another restart, so that these are bounded as well.
    pub(super) const fn stop_failed(&mut self) {
        self.due = false;
    }

    /// A new role is a new chance. The restarts still count: a role that comes and goes does not multiply them.
    pub(super) const fn role_changed(&mut self) {
        self.due = false;
        self.given_up = false;
    }

    /// Restarts within [`WINDOW`].
    pub(super) fn count(&self, now: Mono) -> u32 {
        u32::try_from(self.begun.iter().filter(|at| now.since(**at) < WINDOW).count()).unwrap_or(u32::MAX)
    }

    /// Whether it is not restarted any more.
    pub(super) const fn given_up(&self) -> bool {
        self.given_up
    }
}
