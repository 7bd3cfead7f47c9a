//! carpd without an operating system: the real core with a simulated disk, simulated services and no clock of its own.
//!
//! It carries out the core's effects as the real daemon does, in the same order, so that a scenario runs the production
//! decisions in virtual time.

mod service;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::io::{Created, Effect, Input, Note, Reply, Request};
use crate::core::policy::Policy;
use crate::core::probe::Reading;
use crate::core::service::{ActionKind, Outcome};
use crate::core::status::Status;
use crate::core::{Core, Journal, Loaded};
use crate::kernel::Kernel;
use crate::model::{InterfaceName, Mono, Now, ServiceName, Wall};

pub use service::{Health, SimService, TunnelChange, Wish};

/// The state file of a simulated node. It survives the daemon, and the node.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// What is durable.
    pub journal: Journal,
    /// Writes fail with this text while it is set.
    pub fault: Option<String>,
    /// Successful writes so far.
    pub writes: u64,
}

/// What lies around a daemon and outlives it.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The state file.
    pub disk: Disk,
    /// The services, by name.
    pub services: BTreeMap<ServiceName, SimService>,
    /// What people were told that they have, and until when.
    pub in_hands: BTreeMap<ServiceName, Wall>,
    /// Writes that carpd made to the kernel.
    pub kernel_writes: u64,
    /// The interfaces that carpd brought up (`true`) or down, in order.
    pub link_writes: Vec<(InterfaceName, bool)>,
    /// How long it takes to bring an interface up or down.
    pub link_takes: Duration,
}

/// Where the daemon is killed, at its next write: between any two of them maintenance and the ledger have to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Death {
    /// Before the state file is written.
    #[serde(rename = "before journal")]
    BeforeJournal,
    /// After it is durable, before carpd knows.
    #[serde(rename = "after journal")]
    AfterJournal,
    /// Before the demotion is written to the kernel.
    #[serde(rename = "before write")]
    BeforeWrite,
    /// After that, before carpd knows.
    #[serde(rename = "after write")]
    AfterWrite,
}

/// A running daemon.
#[derive(Debug)]
pub struct SimDaemon {
    core: Core,
    /// Answers on their way back into the core, the earliest first.
    later: Vec<(Mono, Later)>,
    /// What the daemon said, in order, until it is taken.
    pub notes: Vec<(Now, Note)>,
    /// Replies to requests, in order, until they are taken.
    pub replies: Vec<(u64, Reply)>,
    /// It was told to stop and has done what it had to.
    pub exited: bool,
    /// It is killed there; it then counts as exited.
    pub dies: Option<Death>,
    /// Two actions of one service were under way at once, which must never be.
    pub overlapped: Option<String>,
    /// Something was done to a service that a person had taken over, which must never be.
    pub meddled: Option<String>,
}

#[derive(Debug)]
enum Later {
    Acted { service: ServiceName, kind: ActionKind, end: SimEnd },
    Probed { service: ServiceName, probe: usize },
    LinkSet { interface: InterfaceName, up: bool },
}

/// How an action ends, unless its service says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SimEnd {
    ByItself,
    TimedOut,
    CutShort,
}

impl SimDaemon {
    /// Starts carpd.
    #[must_use]
    pub fn start(policy: Policy, around: &Surroundings, now: Now) -> Self {
        let core = Core::new(policy, Loaded::Journal(around.disk.journal.clone()), now);
        Self {
            core,
            later: Vec::new(),
            notes: Vec::new(),
            replies: Vec::new(),
            exited: false,
            dies: None,
            overlapped: None,
            meddled: None,
        }
    }

    /// When [`Self::tick`] is due.
    #[must_use]
    pub fn next_wake(&self, now: Now) -> Mono {
        let core = self.core.next_wake(now);
        self.later.first().map_or(core, |(at, _)| core.min(*at))
    }

    /// Does everything that is due.
    pub fn tick(&mut self, kernel: &mut dyn Kernel, around: &mut Surroundings, now: Now) {
        while let Some((at, _)) = self.later.first()
            && *at <= now.mono
        {
            let (_, later) = self.later.remove(0);
            if let Later::Acted { service, kind: ActionKind::Check, .. } = &later {
                let lacks = around.services.get(service).and_then(|sim| sim.missing.clone());
                let input = Input::NeedsLooked { service: service.clone(), lacks };
                self.feed(input, kernel, around, now);
            }
            let input = finish(later, kernel, around, now.mono);
            self.feed(input, kernel, around, now);
        }
        if self.core.next_wake(now) <= now.mono {
            self.feed(Input::Tick, kernel, around, now);
        }
    }

    /// Feeds one input and carries out what follows from it, including what follows from the answers that come at once.
    pub fn feed(&mut self, input: Input, kernel: &mut dyn Kernel, around: &mut Surroundings, now: Now) {
        around.in_hands.retain(|_, until| now.wall < *until);
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let effects = self.core.step(input, now);
            let mut answers = Vec::new();
            for effect in effects {
                let (before, after) = match effect {
                    Effect::Persist { .. } => (Some(Death::BeforeJournal), Some(Death::AfterJournal)),
                    Effect::AddDemotion { .. } => (Some(Death::BeforeWrite), Some(Death::AfterWrite)),
                    _ => (None, None),
                };
                self.exited |= self.dies.is_some() && self.dies == before;
                if self.exited {
                    return;
                }
                answers.extend(self.carry_out(effect, kernel, around, now));
                self.exited |= self.dies.is_some() && self.dies == after;
            }
            if self.exited {
                return;
            }
            inputs.extend(answers.into_iter().rev());
        }
    }

    /// Asks for a change, as carpctl does.
    pub fn request(
        &mut self,
        request: Request,
        kernel: &mut dyn Kernel,
        around: &mut Surroundings,
        now: Now,
    ) -> Option<Reply> {
        let id = 1;
        if let Request::ServiceManage { service } = &request {
            around.in_hands.remove(service);
        }
        let taken = match &request {
            Request::ServiceUnmanage { service, until, .. } => Some((service.clone(), *until)),
            _ => None,
        };
        self.feed(Input::Request { id, by: "root".to_owned(), request }, kernel, around, now);
        let reply = self.replies.pop().map(|(_, reply)| reply);
        if let Some(Reply::Done { .. }) = reply {
            around.in_hands.extend(taken);
        }
        reply
    }

    /// What ps(1) would show.
    #[must_use]
    pub fn title(&self) -> String {
        self.core.title()
    }

    /// What `carpctl status` would show.
    #[must_use]
    pub fn status(&self, now: Now) -> Status {
        self.core.status(now)
    }

    fn carry_out(
        &mut self,
        effect: Effect,
        kernel: &mut dyn Kernel,
        around: &mut Surroundings,
        now: Now,
    ) -> Option<Input> {
        match effect {
            Effect::Read { log } => {
                let result = kernel.snapshot(&self.core.policy().links()).map_err(|e| e.to_string());
                let log = if log { kernel.demotion_log().unwrap_or_default() } else { Vec::new() };
                Some(Input::Read { result, log })
            }
            Effect::Persist { seq, journal } => Some(Input::Persisted { seq, result: around.disk.write(journal) }),
            Effect::AddDemotion { delta } => {
                around.kernel_writes += 1;
                Some(Input::DemotionAdded { result: kernel.add_demotion(delta).map_err(|e| e.to_string()) })
            }
            Effect::SetLink { interface, up } => {
                let same = |later: &Later| matches!(later, Later::LinkSet { interface: i, .. } if *i == interface);
                if self.later.iter().any(|(_, later)| same(later)) {
                    self.overlapped = Some(format!("a write to {interface} began before the last one had ended"));
                }
                let owner = self.core.policy().services.iter().find(|policy| policy.link.as_ref() == Some(&interface));
                if owner.is_some_and(|policy| around.in_hands.contains_key(&policy.name)) {
                    self.meddled = Some(format!("a write to {interface} began in a person's hands"));
                }
                around.link_writes.push((interface.clone(), up));
                self.at(now.mono + around.link_takes, Later::LinkSet { interface, up });
                None
            }
            // The model's boot scripts have done it.
            Effect::Create { boot, .. } => Some(Input::Created { boot, result: Ok(Created::default()) }),
            Effect::Act { service, kind, limit } => {
                if self.later.iter().any(|(_, later)| matches!(later, Later::Acted { service: s, .. } if *s == service))
                {
                    self.overlapped =
                        Some(format!("{} of {service} began before the last action ended", kind.as_str()));
                }
                if kind != ActionKind::Check && around.in_hands.contains_key(&service) {
                    self.meddled = Some(format!("{} of {service} began in a person's hands", kind.as_str()));
                }
                let state = around.services.entry(service.clone()).or_default();
                if kind == ActionKind::Start {
                    state.unfenced = state.fenced == 0;
                    state.fenced = state.fenced.saturating_sub(1);
                }
                let (takes, timed_out) = state.takes(kind, limit);
                let end = if timed_out { SimEnd::TimedOut } else { SimEnd::ByItself };
                self.at(now.mono + takes, Later::Acted { service, kind, end });
                None
            }
            Effect::CutShort { service } => {
                self.cut_short(&service, now);
                None
            }
            Effect::Probe { service, probe, .. } => {
                self.at(now.mono + Duration::from_millis(5), Later::Probed { service, probe });
                None
            }
            Effect::Note(note) => {
                self.notes.push((now, note));
                None
            }
            Effect::Reply { id, reply } => {
                self.replies.push((id, reply));
                None
            }
            Effect::Exit => {
                self.exited = true;
                None
            }
        }
    }

    /// A start ends by itself within a moment, or is killed.
    fn cut_short(&mut self, service: &ServiceName, now: Now) {
        let killed = now.mono + Duration::from_secs(1);
        let is_its = |later: &Later| matches!(later, Later::Acted { service: s, .. } if s == service);
        let Some(at) = self.later.iter().position(|(end, later)| *end > killed && is_its(later)) else { return };
        if let (_, Later::Acted { service, kind, .. }) = self.later.remove(at) {
            self.at(killed, Later::Acted { service, kind, end: SimEnd::CutShort });
        }
    }

    fn at(&mut self, when: Mono, later: Later) {
        let place = self.later.partition_point(|(at, _)| *at <= when);
        self.later.insert(place, (when, later));
    }
}

impl Disk {
    fn write(&mut self, journal: Journal) -> Result<(), String> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        self.journal = journal;
        self.writes += 1;
        Ok(())
    }
}

/// What a probe that asks for `/health` makes of the answer.
fn probed(state: Option<&SimService>, probe: usize) -> (Reading, String) {
    match state.map_or(Health::Silence, SimService::health) {
        Health::Silence => (Reading::Unhealthy, "no answer".to_owned()),
        Health::Code(code) => {
            let ignored = state.and_then(|state| state.ignored.get(probe));
            let ignored = ignored.is_some_and(|ranges| ranges.iter().any(|range| range.contains(code)));
            let reading = match code {
                200 => Reading::Healthy,
                _ if ignored => Reading::Ignored,
                _ => Reading::Unhealthy,
            };
            (reading, format!("/health answers {code}"))
        }
    }
}

fn finish(later: Later, kernel: &mut dyn Kernel, around: &mut Surroundings, now: Mono) -> Input {
    match later {
        Later::Acted { service, end: SimEnd::CutShort, .. } => Input::Acted { service, outcome: Outcome::CutShort },
        Later::Acted { service, kind, end } => {
            let state = around.services.entry(service.clone()).or_default();
            let outcome = state.ended(kind, end == SimEnd::TimedOut, now);
            Input::Acted { service, outcome }
        }
        Later::LinkSet { interface, up } => {
            let result = kernel.set_link(&interface, up).map_err(|error| error.to_string());
            Input::LinkSet { interface, result }
        }
        Later::Probed { service, probe } => {
            let (reading, text) = probed(around.services.get(&service), probe);
            Input::Probed { service, probe, reading, text }
        }
    }
}
