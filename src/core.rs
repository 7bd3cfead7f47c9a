//! Every decision of carpd, as a pure function: an [`Input`] and the time go in, [`Effect`]s come out.
//!
//! No I/O, no clock, no threads. The daemon, the lab and the tests drive the same code, and what a daemon fed it can be
//! replayed.
//!
//! Decisions are *levels*: after every input the core looks at all it knows and derives what should be the case now. An
//! input is never a command to do one thing, so a lost, doubled, late or reordered one changes nothing in the end.
#![forbid(unsafe_code)]

mod adverts;
pub mod attribution;
mod create;
pub mod events;
pub mod hold;
pub mod io;
pub mod journal;
pub mod ledger;
pub mod link;
mod maintenance;
pub mod observe;
mod pfsync;
pub mod plan;
pub mod policy;
pub mod probe;
mod ready;
pub mod restart;
pub mod role;
pub mod service;
mod share;
pub mod status;
#[cfg(any(test, fuzzing))]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod unmanaged;
mod vhids;
mod vrrp;

use std::collections::BTreeMap;
use std::time::Duration;

pub use io::{Created, Effect, Input, Level, Note, Part, Reply, Request, Topic};
pub use journal::{Journal, Maintenance, Unmanaged};

use adverts::Adverts;
use create::Creation;
use events::{EventCount, EventSource};
use ledger::Ledger;
use link::{Link, LinkNotice};
use observe::Observer;
use policy::{OnExit, Policy, ProbeSource, ServicePolicy};
use role::{Role, may_bounce_back, role};
use service::{ActionKind, Is, Notice, Service};
use share::Refusal;

use crate::model::{Demotion, InterfaceName, Mono, Now, ServiceName, VhidRef};
use vhids::Since;

/// How long after a failed write of the state file, or of the kernel, it is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// What an earlier run left behind.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a program has one of them, for a moment")]
pub enum Loaded {
    /// The state file's content, or the empty one if there is no file.
    Journal(Journal),
    /// The file exists but must not be used or replaced; why, and what to do.
    Frozen(String),
}

/// All that carpd knows and intends.
#[derive(Debug)]
pub struct Core {
    policy: Policy,
    observer: Observer,
    events: EventCount,
    /// What should be on disk.
    journal: Journal,
    /// What is.
    durable: Journal,
    writing: Option<(u64, Journal)>,
    write_retry: Mono,
    write_error: Option<String>,
    frozen: Option<String>,
    seq: u64,
    ledger: Ledger,
    ledger_retry: Mono,
    refusal: Option<Refusal>,
    /// The share before the last write, until a look has shown what came of it.
    moved_from: Option<Demotion>,
    /// The look that is awaited may have been taken before the last write to the sum.
    look_is_stale: bool,
    /// The kernel was looked at since the share became wrong.
    looked_for_share: bool,
    /// See [`ledger::foreign_bits`], at the last look.
    foreign_bits: i32,
    adverts: Adverts,
    creation: Creation,
    services: Vec<Service>,
    /// The last input was a look that succeeded.
    looked: bool,
    /// Since when nothing stands in the way of being MASTER, while that is of interest.
    ready_since: Option<Mono>,
    since: BTreeMap<VhidRef, Since>,
    /// Replies that wait until the journal that contains their change is durable.
    waiting: Vec<(u64, String)>,
    /// Who asked for the end of the maintenance, until that is told; `None` if it ends by itself.
    left_by: Option<String>,
    /// Who gave which service back, until that is told.
    given_back: BTreeMap<ServiceName, String>,
    stopping: bool,
    exited: bool,
    out: Vec<Effect>,
}

/// Whether carpd leaves the service as it is when it ends. What was stopped for a restart is started before.
fn is_left(policy: &ServicePolicy, service: &Service) -> bool {
    policy.on_exit == OnExit::Leave && !service.restarting()
}

impl Core {
    /// A core that has read nothing yet. The first effects come from the first [`Input::Tick`].
    #[must_use]
    pub fn new(policy: Policy, loaded: Loaded, now: Now) -> Self {
        let (journal, frozen) = match loaded {
            Loaded::Journal(journal) => (journal, None),
            Loaded::Frozen(why) => (Journal::default(), Some(why)),
        };
        let services = policy.services.iter().map(|p| Service::new(p, now.mono)).collect();
        Self {
            observer: Observer::new(now),
            events: EventCount::new(now.mono),
            durable: journal.clone(),
            journal,
            writing: None,
            write_retry: now.mono,
            write_error: None,
            frozen,
            seq: 0,
            ledger: Ledger::Unread,
            ledger_retry: now.mono,
            refusal: None,
            moved_from: None,
            look_is_stale: false,
            looked_for_share: false,
            foreign_bits: 0,
            adverts: Adverts::default(),
            creation: Creation::default(),
            services,
            looked: false,
            ready_since: None,
            since: BTreeMap::new(),
            waiting: Vec::new(),
            left_by: None,
            given_back: BTreeMap::new(),
            stopping: false,
            exited: false,
            policy,
            out: Vec::new(),
        }
    }

    /// Takes one input and says what is to be done now. Effects are to be carried out in order; answers come back as inputs.
    pub fn step(&mut self, input: Input, now: Now) -> Vec<Effect> {
        self.take(input, now);
        self.react(now);
        let mut effects = std::mem::take(&mut self.out);
        // Telling of it may take longer than doing it.
        effects.sort_by_key(|effect| matches!(effect, Effect::Note(_)));
        effects
    }

    /// When [`Input::Tick`] is due if nothing else happens before.
    #[must_use]
    pub fn next_wake(&self, now: Now) -> Mono {
        let services =
            self.policy.services.iter().zip(&self.services).filter(|(p, s)| !self.stopping || !is_left(p, s));
        let services = services.filter_map(|(p, s)| s.wake(p)).min();
        let idle = self.writing.is_none();
        let unwritten = self.journal != self.durable || self.write_error.is_some();
        let write = (unwritten && idle && self.frozen.is_none()).then_some(self.write_retry);
        // What has to wait for the disk, or for a look, is done when that has answered, and not before.
        let ready = idle && self.waiting.is_empty() && !self.observer.awaits();
        let ledger = (ready && self.share_is_wrong()).then_some(self.ledger_retry);
        let end = self.journal.maintenance.as_ref().and_then(Maintenance::ends).filter(|_| idle);
        let expiry = end.map(|end| now.mono + end.since(now.wall));
        let unmanaged = self.next_unmanaged_end(now).filter(|_| idle);
        let times = [
            self.observer.next(),
            services,
            write,
            ledger,
            self.next_hold_end(),
            expiry,
            unmanaged,
            self.creation.wake().filter(|_| self.may_create()),
        ];
        times.into_iter().flatten().min().unwrap_or(now.mono + self.policy.poll)
    }

    /// Whether a service may run on this node now, and why. A service that carpd does not manage may.
    #[must_use]
    pub fn may_run(&self, name: &ServiceName) -> (bool, String) {
        let Some(at) = self.policy.services.iter().position(|p| p.name == *name) else {
            return (true, format!("{name} is not managed by carpd"));
        };
        if let Some(taken) = self.journal.unmanaged.get(name) {
            return (true, format!("{name} is {}", taken.said()));
        }
        // carpd would not start it either: a gateway without its certificates listens to whoever comes first.
        if let Some(what) = &self.services[at].start.lacks {
            let remedy = format!("`carpctl service unmanage {name} --for 15m` lets it run all the same");
            return (false, format!("{name} is not ready: {what}; {remedy}"));
        }
        if self.policy.services[at].is_warm() {
            return (true, format!("{name} runs on both nodes; only its link follows the election"));
        }
        let follows: Vec<String> = self.policy.services[at].follows.iter().map(ToString::to_string).collect();
        let follows = follows.join(", ");
        match self.services[at].role {
            Some(Role::Active) => {
                (true, format!("{name} is active on this node: it is MASTER of what {name} follows ({follows})"))
            }
            Some(Role::Standby) => {
                (false, format!("{name} is standby on this node: it is not MASTER of what {name} follows ({follows})"))
            }
            None => {
                (false, format!("the kernel cannot be read, so it is unknown whether this node is MASTER of {follows}"))
            }
        }
    }

    /// Whether carpd's share of the demotion is what its reasons add up to, and the journal on disk says so.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let durable = self.writing.is_none() && self.write_error.is_none() && self.journal == self.durable;
        durable && matches!(self.ledger, Ledger::Settled(_)) && !self.share_is_wrong()
    }

    /// When the boot hold ends at the latest, if there is one.
    #[must_use]
    pub const fn hold_until(&self) -> Option<Mono> {
        self.journal.hold_until
    }

    /// The policy in force.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    fn take(&mut self, input: Input, now: Now) {
        match input {
            Input::Tick => {}
            Input::Hint { source, changes } => {
                self.events.announced(source, changes, now.mono);
                self.observer.hint(now.mono);
            }
            Input::Nudge => self.observer.hint(now.mono),
            Input::EventSource { source, connected } => self.event_source(source, connected, now),
            Input::Read { result, log } => self.read(result, &log, now),
            Input::Persisted { seq, result } => self.persisted(seq, result, now),
            Input::LinkSet { interface, result } => self.link_set(&interface, result, now),
            Input::Created { boot, result } => self.created(boot, result, now),
            Input::DemotionAdded { result } => self.demotion_added(result, now),
            Input::Acted { service, outcome } => {
                if let Some(at) = self.policy.services.iter().position(|p| p.name == service) {
                    // What was started or stopped may have brought its link along.
                    let acted = self.services[at].busy.is_some_and(|(kind, _)| kind != ActionKind::Check);
                    if acted && self.policy.services[at].link.is_some() {
                        self.observer.hint(now.mono);
                    }
                    let notice = self.services[at].ended(&self.policy.services[at], outcome, now);
                    self.tell(at, notice);
                    if self.services[at].start.awaits_look() {
                        self.observer.hint(now.mono);
                    }
                }
            }
            Input::NeedsLooked { service, lacks } => self.looked_for_needs(&service, lacks),
            Input::Probed { service, probe, reading, text } => {
                if let Some(at) = self.policy.services.iter().position(|p| p.name == service) {
                    let notice = self.services[at].probed(&self.policy.services[at], probe, reading, text, now.mono);
                    self.tell(at, notice);
                }
            }
            Input::Request { id, by, request } => self.request(id, by, request, now),
            Input::Reloaded(policy) => self.reload(policy, now),
            Input::Shutdown => self.stopping = true,
        }
    }

    /// Derives everything that should be done now from everything that is known now.
    fn react(&mut self, now: Now) {
        if self.exited {
            return;
        }
        self.events.settle(now.mono);
        self.end_what_has_run_out(now);
        self.assign_roles(now);
        self.see_links(now);
        self.judge_pfsync(now);
        self.judge_health(now);
        self.move_services(now);
        self.note_verdicts();
        self.move_share(now);
        self.create_absent(now.mono);
        self.write_journal(now);
        self.look(now);
        self.leave_if_done();
    }

    fn event_source(&mut self, source: EventSource, connected: bool, now: Now) {
        if self.events.source(source, connected, now.mono) {
            let (level, text) = if connected {
                (Level::Info, format!("connected to {source}"))
            } else {
                let (level, rest) = match self.events.connected().as_slice() {
                    _ if !source.announces_all() => (Level::Info, ""),
                    [] => (Level::Warning, "; the kernel is read every few seconds until it is back"),
                    [EventSource::Rtnetlink] => {
                        (Level::Warning, "; until it is back, what rtnetlink does not tell is noticed within seconds")
                    }
                    _ => (Level::Info, "; another source announces every change"),
                };
                (level, format!("lost the connection to {source}{rest}"))
            };
            self.note(level, Topic::Daemon, "", text);
        }
        self.observer.hint(now.mono);
    }

    fn reload(&mut self, policy: Policy, now: Now) {
        if policy == self.policy {
            return;
        }
        let mut old: Vec<_> = self.policy.services.drain(..).zip(self.services.drain(..)).collect();
        for new in &policy.services {
            let kept = old.iter().position(|(p, _)| p.name == new.name).map(|at| old.swap_remove(at));
            self.services.push(match kept {
                Some((p, service)) if p == *new => service,
                Some((p, mut service)) => {
                    service.adopt(&p, new, now.mono);
                    service
                }
                None => Service::new(new, now.mono),
            });
        }
        self.policy = policy;
        self.note(Level::Info, Topic::Daemon, "", "the configuration was reloaded".to_owned());
    }

    fn end_what_has_run_out(&mut self, now: Now) {
        if self.journal.maintenance.as_ref().is_some_and(|m| m.expired(now.wall)) && self.writing.is_none() {
            self.journal.maintenance = None;
            self.left_by = None;
        }
        self.end_unmanaged(now);
        self.hold(now);
        self.services.iter_mut().flat_map(|service| &mut service.probes).for_each(|probe| probe.release(now.mono));
    }

    fn assign_roles(&mut self, now: Now) {
        let planned = !self.reasons().is_empty();
        let unreadable_for = self.observer.unreadable().map(|(since, _)| now.mono.since(since.mono));
        let was_read = self.observer.seen().is_some();
        let replaced = self.adverts.another_master();
        for (policy, service) in self.policy.services.iter().zip(&mut self.services) {
            let known = self.observer.known();
            let role = known.map(|snapshot| role(policy, snapshot));
            let lost = known.is_some_and(|snapshot| replaced || !may_bounce_back(policy, snapshot));
            let grace_over = was_read && unreadable_for.is_some_and(|waited| waited >= policy.unknown_grace);
            let role = if self.stopping && policy.on_exit == OnExit::Standby { Some(Role::Standby) } else { role };
            service.draining = self.journal.drain;
            service.leave_alone(self.journal.unmanaged.contains_key(&policy.name), now.mono);
            if policy.is_warm() && !self.stopping {
                service.keep_running(role, now.mono);
            } else {
                service.follow(policy, role, grace_over, planned || lost || self.stopping, now.mono);
            }
            service.follow_link(grace_over, now.mono);
        }
    }

    /// After the roles: what a look shows of a link is judged by the role that the same look gives.
    fn see_links(&mut self, now: Now) {
        let Some(look) = std::mem::take(&mut self.looked).then(|| self.observer.known()).flatten() else { return };
        let states = self.policy.services.iter().map(|policy| look.link(policy.link.as_ref()?));
        for (at, state) in states.collect::<Vec<_>>().into_iter().enumerate() {
            let Some(state) = state else { continue };
            let notice = self.services[at].link_looked(&self.policy.services[at], state, now);
            self.tell(at, notice);
        }
    }

    /// Decides which services are restarted for their health; none when carpd is about to end and would leave it halfway.
    fn judge_health(&mut self, now: Now) {
        if self.stopping {
            return;
        }
        for at in 0..self.services.len() {
            let notice = self.services[at].judge_health(&self.policy.services[at], now.mono);
            self.tell(at, notice);
        }
    }

    fn link_set(&mut self, interface: &InterfaceName, result: Result<(), String>, now: Now) {
        // A service that has left the configuration leaves its interface as it is.
        let Some(at) = self.policy.services.iter().position(|p| p.link.as_ref() == Some(interface)) else { return };
        let notice = self.services[at].link.as_mut().and_then(|link| link.ended(result, now));
        self.tell(at, notice.map(Notice::Link));
        self.observer.hint(now.mono);
    }

    fn move_services(&mut self, now: Now) {
        for (policy, service) in self.policy.services.iter().zip(&mut self.services) {
            if self.stopping && is_left(policy, service) {
                continue;
            }
            if let (Some(link), Some(interface)) = (&mut service.link, &policy.link)
                && let Some(level) = link.begin(now.mono)
            {
                self.out.push(Effect::SetLink { interface: interface.clone(), up: level == link::Level::Up });
            }
            if policy.driven
                && let Some(kind) = service.begin(now.mono)
            {
                let limit = match kind {
                    ActionKind::Fence | ActionKind::Start => policy.start_limit,
                    ActionKind::Stop => policy.stop_limit,
                    ActionKind::Check => service::CHECK_LIMIT,
                };
                self.out.push(Effect::Act { service: policy.name.clone(), kind, limit });
            } else if service.cut_short(now.mono) {
                self.out.push(Effect::CutShort { service: policy.name.clone() });
            }
            if !service.probing() {
                continue;
            }
            for (index, (probe, p)) in service.probes.iter_mut().zip(&policy.probes).enumerate() {
                if p.source == ProbeSource::Run && probe.start_if_due(now.mono) {
                    self.out.push(Effect::Probe { service: policy.name.clone(), probe: index, timeout: p.timeout });
                }
            }
        }
    }

    fn look(&mut self, now: Now) {
        if self.observer.due(now.mono) {
            self.observer.asked();
            self.look_is_stale = self.is_writing_the_sum();
            self.out.push(Effect::Read { log: self.ledger == Ledger::Unread });
        }
    }

    fn leave_if_done(&mut self) {
        let unfinished =
            self.policy.services.iter().zip(&self.services).any(|(policy, service)| match policy.on_exit {
                _ if service.unmanaged => false,
                OnExit::Leave => service.restarting(),
                OnExit::Standby => {
                    service.busy.is_some()
                        || policy.driven && service.is == Is::Running && !service.failed_to_stop()
                        || service.link.as_ref().is_some_and(Link::is_pending)
                }
            });
        if self.stopping && !unfinished && self.writing.is_none() {
            self.exited = true;
            self.out.push(Effect::Exit);
        }
    }

    fn tell(&mut self, at: usize, notice: Option<Notice>) {
        let Some(notice) = notice else { return };
        let name = self.policy.services[at].name.to_string();
        let (level, text) = match notice {
            Notice::Acted(action) => {
                let took = format!("{}.{:03} s", action.duration_ms / 1000, action.duration_ms % 1000);
                match action.result {
                    service::ActionResult::Ok if action.detail.is_empty() => {
                        (Level::Info, format!("{} ok after {took}", action.kind.as_str()))
                    }
                    service::ActionResult::Ok => {
                        (Level::Warning, format!("{} ok after {took}: {}", action.kind.as_str(), action.detail))
                    }
                    _ => (Level::Error, format!("{} failed after {took}: {}", action.kind.as_str(), action.detail)),
                }
            }
            Notice::Died => (Level::Error, "it stopped running by itself while it should be active".to_owned()),
            Notice::FoundRunning => {
                (Level::Warning, "somebody started it although it should be standby here".to_owned())
            }
            Notice::Link(notice) => link_words(self.policy.services[at].link.as_ref(), notice),
            Notice::Health(probe, healthy) => {
                let name = &self.policy.services[at].probes[probe].name;
                let says = &self.services[at].probes[probe].text;
                if healthy {
                    (Level::Info, format!("probe {name}: healthy"))
                } else {
                    (Level::Error, format!("probe {name}: unhealthy: {says}"))
                }
            }
            Notice::Restart(decision) => decision.told(),
        };
        self.note(level, Topic::Service, &name, text);
    }

    fn note(&mut self, level: Level, topic: Topic, object: &str, text: String) {
        self.out.push(Effect::Note(Note { level, topic, object: object.to_owned(), text }));
    }

    fn reply(&mut self, id: u64, reply: Reply) {
        self.out.push(Effect::Reply { id, reply });
    }

    fn reply_when_durable(&mut self, id: u64, text: String) {
        // Whoever asks is told now how the disk is, not when the pause after an earlier failure is over.
        self.write_retry = Mono::ZERO;
        self.waiting.push((id, text));
    }
}

fn link_words(interface: Option<&InterfaceName>, notice: LinkNotice) -> (Level, String) {
    let name = interface.map_or("the link", InterfaceName::as_str);
    match notice {
        LinkNotice::Set(level, took) => {
            let took = format!("{}.{:03} s", took.as_secs(), took.subsec_millis());
            (Level::Info, format!("link {name} {} after {took}", level.as_str()))
        }
        LinkNotice::Failed(level, why) => {
            (Level::Error, format!("link {name} should be {} and is not: {why}", level.as_str()))
        }
        LinkNotice::Meddled(link::Level::Down) => {
            let text = format!("somebody raised {name} although it should be standby here; it is taken down again");
            (Level::Warning, text)
        }
        LinkNotice::Meddled(link::Level::Up) => {
            let text = format!("somebody took {name} down although it should be active here; it is raised again");
            (Level::Warning, text)
        }
    }
}
