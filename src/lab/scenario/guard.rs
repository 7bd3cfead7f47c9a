//! The promises that hold in every scenario, whatever it expects: checked after everything that happens.
//!
//! What carpd does is judged from outside: by the model's kernel, its disk and the services themselves. Only where the promise is
//! about what carpd shows is its status asked.

use std::collections::BTreeSet;
use std::time::Duration;

use super::file::{State, Tunnel};
use super::record::{MARK, Record};
use super::run::Runner;
use super::setup::Setup;
use crate::core::attribution::PartSource;
use crate::core::ledger::LedgerState;
use crate::core::policy::{ProbeEffect, ServicePolicy, ShareAmount};
use crate::lab::daemon::SimService;
use crate::lab::world::DevdEvent;
use crate::model::{Mono, ServiceName, VhidRef};

/// From a hint to a look and the write that follows from it; and the pause after a write that changed nothing.
const LOOK: Duration = Duration::from_millis(200);

/// The looks after a hint, and the checks after a stop.
const BURST: Duration = Duration::from_millis(1_500);

/// A write that failed is tried again after this time.
const RETRY: Duration = Duration::from_secs(5);

/// An action that failed is tried again after this time at the latest.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// After this time without anything new all has to be as wanted.
const QUIET: Duration = Duration::from_secs(110);

/// An overlap that is going on: since when, and what explains it.
pub(super) type Lasting = (Mono, Vec<&'static str>);

/// What the checks remember.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Steps that could not be done.
    pub(super) refused: usize,
    pub(super) nodes: Vec<NodeGuard>,
    /// By service: the overlap that is going on, of its processes and of its tunnels.
    pub(super) overlaps: Vec<[Option<Lasting>; 2]>,
    pub(super) disturbed: Mono,
    pub(super) judged_quiet: bool,
}

#[derive(Debug, Default)]
pub(super) struct NodeGuard {
    /// Its kernel has changed since, and carpd has not looked.
    unseen_since: Option<Mono>,
    /// Somebody took carpd's share away, and carpd has not looked since.
    reset_unseen: bool,
    share_wrong_since: Option<Mono>,
    /// By service: runs although the election says it should not, since when, and how much longer than usual that may last.
    pub(super) wrong: Vec<Wrong>,
    /// By service: its link is up although the election says it should not.
    links: Vec<Wrong>,
    boots: u32,
    resets: u32,
    last_write: Option<Cause>,
    writes: usize,
    shown: (Option<i32>, usize, u64, usize),
    /// By service: its policy's place and the vhids it follows.
    pub(super) follows: Vec<Option<(usize, Vec<usize>)>>,
    pub(super) healthy: Vec<bool>,
    /// Since when it holds itself back although all of its interfaces run.
    held_since: Option<Mono>,
    /// How many services people have taken over.
    in_hands: usize,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Wrong {
    since: Option<Mono>,
    extra: Duration,
    pub(super) by_hand: bool,
    /// When a stop hung last.
    hung: Option<Mono>,
}

/// What may cause a write to the kernel. As long as it is the same, there must not be a second one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cause {
    maintenance: bool,
    held: (bool, bool),
    boots: u32,
    resets: u32,
    /// The probes whose verdict is on the disk, or whose demotion has to stay for a while.
    unhealthy: BTreeSet<String>,
}

impl Guard {
    pub(super) fn new(setup: &Setup) -> Self {
        let nodes = setup.nodes.iter().enumerate().map(|(at, node)| {
            let follows = setup.services.iter().map(|(name, _)| {
                let place = node.policy.services.iter().position(|policy| policy.name == *name)?;
                let group = |id: &VhidRef| setup.groups.iter().position(|group| group.on[at].as_ref() == Some(id));
                // A vhid that the node does not have is never MASTER there, which no index stands for.
                let groups = node.policy.services[place].follows.iter().map(|id| group(id).unwrap_or(usize::MAX));
                Some((place, groups.collect()))
            });
            NodeGuard {
                wrong: vec![Wrong::default(); setup.services.len()],
                links: vec![Wrong::default(); setup.services.len()],
                healthy: vec![true; setup.services.len()],
                follows: follows.collect(),
                ..NodeGuard::default()
            }
        });
        Self {
            refused: 0,
            nodes: nodes.collect(),
            overlaps: vec![[None, None]; setup.services.len()],
            disturbed: Mono::ZERO,
            judged_quiet: false,
        }
    }

    /// The node lost its power.
    pub(super) fn reset(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        node.unseen_since = None;
        node.share_wrong_since = None;
        node.reset_unseen = false;
    }

    pub(super) fn boots(&mut self, at: usize) {
        self.nodes[at].boots += 1;
    }

    pub(super) fn demotion_was_reset(&mut self, at: usize) {
        self.nodes[at].resets += 1;
        self.nodes[at].reset_unseen = true;
    }

    pub(super) fn started_by_hand(&mut self, at: usize, name: &ServiceName, setup: &Setup) {
        if let Ok(service) = setup.service(name) {
            self.nodes[at].wrong[service].by_hand = true;
        }
    }

    /// Counts a change of a vhid, even one that is over in the same instant.
    pub(super) fn count_change(&mut self, at: usize, event: &DevdEvent, setup: &Setup, record: &mut Record) {
        let id = event.text.split_whitespace().find_map(|word| word.strip_prefix("subsystem="));
        let group =
            setup.groups.iter().position(|group| group.on[at].as_ref().map(VhidRef::to_string).as_deref() == id);
        if let Some(group) = group {
            record.nodes[at].changes[group].push(event.at);
        }
    }
}

impl Runner<'_> {
    /// Asks for the status where an expectation needs it, and whenever something may have changed in it.
    pub(super) fn see_status(&mut self, at: usize) {
        let now = self.now();
        let node = &self.nodes[at];
        let notes = self.record.nodes[at].notes.len();
        let shown =
            (self.record.nodes[at].sum.last().copied().flatten(), node.kernel.writes, node.around.disk.writes, notes);
        let asked = self.asked[at].iter().any(|(from, to)| *from <= now && now <= *to);
        if !asked && !self.touched[at] && self.guard.nodes[at].shown == shown {
            return;
        }
        self.guard.nodes[at].shown = shown;
        let said = node.daemon.as_ref().map(|daemon| daemon.status(node.now(now)));
        if asked {
            let said = said.as_ref().map(|status| super::record::Said::of(status, self.setup));
            self.record.nodes[at].said.set(now, said);
        }
        let Some((demotion, total)) = said.and_then(|s| s.demotion.total.map(|total| (s.demotion, total))) else {
            return;
        };
        let sum = demotion.reasons.iter().fold(0_i32, |sum, part| sum.wrapping_add(part.value));
        if sum != total {
            let what = format!("the parts add up to {sum}, the total is {total}");
            self.broken(Some(at), "the parts of the demotion add up", what);
        }
        let own: i32 = demotion.reasons.iter().filter(|p| p.source == PartSource::Carpd).map(|p| p.value).sum();
        let share = self.nodes[at].kernel.share;
        let fresh = self.nodes[at].kernel.looked || !self.guard.nodes[at].reset_unseen;
        if demotion.ledger == LedgerState::Settled && fresh && own != share {
            let what = format!("carpd holds {own} of the demotion for its own, but has put {share} into the kernel");
            self.broken(Some(at), "foreign demotion is never altered", what);
        }
    }

    /// Whatever changes in the kernel is seen within the poll interval and a burst of looks.
    pub(super) fn check_looks(&mut self, at: usize) {
        let now = self.now();
        let (sees, looked) = (self.sees(at), std::mem::take(&mut self.nodes[at].kernel.looked));
        let bound = self.nodes[at].policy.poll + BURST;
        let guard = &mut self.guard.nodes[at];
        if looked {
            guard.reset_unseen = false;
        }
        if looked || !sees {
            guard.unseen_since = None;
        } else if self.touched[at] {
            guard.unseen_since.get_or_insert(now);
        }
        if let Some(since) = guard.unseen_since.filter(|since| now.since(*since) > bound) {
            guard.unseen_since = Some(now);
            let what = format!("the kernel changed {:?} ago and carpd has not looked since", now.since(since));
            self.broken(Some(at), "missed events are made up for", what);
        }
    }

    /// carpd's part of the sum is what its reasons add up to.
    pub(super) fn check_share(&mut self, at: usize) {
        let now = self.now();
        let node = &self.nodes[at];
        let share = node.kernel.share;
        let journal = &node.around.disk.journal;
        let maintenance = journal.maintenance.as_ref().map_or(0, |_| i32::from(node.policy.maintenance_demotion));
        let held = u8::from(journal.hold_until.is_some()) + u8::from(journal.failback.is_some());
        let held = i32::from(held) * i32::from(ShareAmount::FULL);
        let wanted = maintenance + held;
        let is_demote = |effect: &ProbeEffect| matches!(effect, ProbeEffect::Demote { .. });
        let demotes = |policy: &ServicePolicy| policy.probes.iter().any(|p| is_demote(&p.effect));
        let right = share & !MARK == wanted || share > wanted && node.policy.services.iter().any(demotes);
        let settled = right || !self.sees(at) || node.around.disk.fault.is_some() || self.guard.nodes[at].reset_unseen;
        let bound = node.policy.poll + RETRY + BURST;
        if share < 0 {
            self.broken(Some(at), "carpd's share is never negative", format!("it is {share}"));
        }
        let since = &mut self.guard.nodes[at].share_wrong_since;
        if settled {
            *since = None;
        } else if now.since(*since.get_or_insert(now)) > bound {
            let status = self.nodes[at].daemon.as_ref().map(|daemon| daemon.status(self.nodes[at].now(now)));
            if status.is_some_and(|status| status.demotion.ledger == LedgerState::Uncertain) {
                return;
            }
            let what = format!("carpd's reasons add up to {wanted}, its share is {share}");
            self.broken(Some(at), "maintenance is in force", what);
        }
    }

    /// Nothing is written to the kernel while there is no new reason for it.
    pub(super) fn check_writes(&mut self, at: usize) {
        let now = self.now();
        let writes = self.nodes[at].kernel.writes;
        let journal = &self.nodes[at].around.disk.journal;
        let guard = &mut self.guard.nodes[at];
        if writes == guard.writes {
            return;
        }
        self.record.nodes[at].writes.resize(writes, now);
        guard.writes = writes;
        let cause = Cause {
            maintenance: journal.maintenance.is_some(),
            held: (journal.hold_until.is_some(), journal.failback.is_some()),
            boots: guard.boots,
            resets: guard.resets,
            unhealthy: journal.unhealthy.iter().chain(journal.held.keys()).cloned().collect(),
        };
        if guard.last_write.as_ref() == Some(&cause) {
            let what = "carpd wrote to the kernel although nothing had changed since its last write".to_owned();
            self.broken(Some(at), "nothing is written without a reason", what);
        }
        self.guard.nodes[at].last_write = Some(cause);
    }

    /// A node that holds itself back does so for a bounded time, counted from the end of the fault if there was one.
    pub(super) fn check_holds(&mut self, at: usize) {
        let now = self.now();
        let node = &self.nodes[at];
        let policy = &node.policy;
        let look = self.cluster.world.snapshot(self.cluster.nodes[at].id).ok();
        let whole = look.is_some_and(|look| look.interfaces.iter().all(crate::model::InterfaceSnapshot::runs));
        let journal = &node.around.disk.journal;
        let held = journal.hold_until.is_some() || journal.failback.is_some();
        let sees = self.sees(at) && node.around.disk.fault.is_none();
        let bound = policy.boot_hold.max(policy.failback_hold) + policy.poll + RETRY + BURST;
        let since = &mut self.guard.nodes[at].held_since;
        if !held || !whole || !sees {
            *since = None;
        } else if now.since(*since.get_or_insert(now)) > bound {
            *since = None;
            self.broken(Some(at), "holds are bounded", format!("it has held itself back for more than {bound:?}"));
        }
    }

    /// A service that the election took away is stood down in time, and its actions do not overlap.
    pub(super) fn check_services(&mut self, at: usize) {
        let now = self.now();
        if let Some(daemon) = &mut self.nodes[at].daemon
            && let Some(what) = daemon.overlapped.take()
        {
            self.broken(Some(at), "actions of a service never overlap", what);
        }
        if let Some(daemon) = &mut self.nodes[at].daemon
            && let Some(what) = daemon.meddled.take()
        {
            self.broken(Some(at), "a service in a person's hands is left alone", what);
        }
        let in_hands = self.nodes[at].around.in_hands.len();
        if std::mem::replace(&mut self.guard.nodes[at].in_hands, in_hands) != in_hands {
            self.disturb();
        }
        for service in 0..self.setup.services.len() {
            self.check_fence(at, service);
            let wrong = self.runs(at, service)
                && !self.active(at, service)
                && !self.is_warm(at, service)
                && !self.in_hands(at, service);
            let (sees, hangs) = (self.sees(at), self.hangs(at, service));
            let deaf = !self.nodes[at].devd.up || now < self.nodes[at].devd.mute_until;
            let Some(policy) = self.policy(at, service).cloned() else { continue };
            let poll = self.nodes[at].policy.poll;
            let state = &mut self.guard.nodes[at].wrong[service];
            if hangs {
                state.hung = Some(now);
            }
            if !wrong {
                let by_hand = state.by_hand && self.record.nodes[at].running[service].last() == Some(&true);
                *state = Wrong { by_hand, hung: state.hung, ..Wrong::default() };
                continue;
            }
            let since = state.since.get_or_insert(now);
            if !sees || hangs {
                *since = now;
            }
            let more = match () {
                () if state.by_hand => policy.check_every + policy.stop_limit,
                () if deaf => poll,
                () => Duration::ZERO,
            };
            state.extra = state.extra.max(more);
            // The pauses between tries have grown, and a MASTER that was there for too short a time to be seen did not end them.
            let tries_again = LONGEST_BACKOFF + policy.stop_limit * 2;
            let pause = state.hung.is_some_and(|hung| now.since(hung) < tries_again);
            let bound = policy.settle + policy.stop_limit + BURST + state.extra;
            let lasted = now.since(*since);
            if lasted > bound && !pause {
                let (name, _) = &self.setup.services[service];
                let what =
                    format!("{name} still runs {lasted:?} after the election took it away; {bound:?} is allowed");
                self.broken(Some(at), "an exclusive service runs on one node", what);
            }
        }
    }

    /// A tunnel that is a link is not up on a node that the election took it away from, for longer than a look and the write take.
    pub(super) fn check_links(&mut self, at: usize) {
        let now = self.now();
        let deaf = !self.nodes[at].devd.up || now < self.nodes[at].devd.mute_until;
        for service in (0..self.setup.services.len()).filter(|service| self.has_link(at, *service)).collect::<Vec<_>>()
        {
            let wrong = self.tunnel(at, service) == Some(Tunnel::Up)
                && !self.active(at, service)
                && !self.in_hands(at, service);
            let (sees, poll) = (self.sees(at), self.nodes[at].policy.poll);
            let write = self.nodes[at].around.link_takes;
            let state = &mut self.guard.nodes[at].links[service];
            if !wrong {
                *state = Wrong::default();
                continue;
            }
            let since = *state.since.get_or_insert(now);
            if !sees {
                state.since = Some(now);
            }
            // Nobody tells it that it can see again either.
            state.extra = state.extra.max(if deaf || !sees { poll } else { Duration::ZERO });
            // One write may be under way in the other direction.
            let bound = LOOK + write * 2 + state.extra;
            let lasted = now.since(since);
            if sees && lasted > bound {
                let (name, _) = &self.setup.services[service];
                let what = format!(
                    "the tunnel of {name} is still up {lasted:?} after the election took it away; {bound:?} is allowed"
                );
                self.broken(Some(at), "an exclusive service runs on one node", what);
            }
        }
    }

    fn check_fence(&mut self, at: usize, service: usize) {
        let (name, _) = &self.setup.services[service];
        let fenced = self.policy(at, service).is_some_and(|policy| policy.fenced);
        let unfenced =
            self.nodes[at].around.services.get_mut(name).is_some_and(|sim| std::mem::take(&mut sim.unfenced));
        if fenced && unfenced {
            self.broken(Some(at), "nothing starts without its fence", format!("{name} was started"));
        }
    }

    /// After a while without anything new, everything is as the election wants it.
    pub(super) fn check_quiet(&mut self) {
        let now = self.now();
        let since = self.guard.disturbed.max(self.faults.last_step);
        if self.guard.judged_quiet || now.since(since) < QUIET {
            return;
        }
        self.guard.judged_quiet = true;
        for at in (0..self.nodes.len()).filter(|at| self.sees(*at)).collect::<Vec<_>>() {
            for service in 0..self.setup.services.len() {
                let (name, _) = &self.setup.services[service];
                let sim = self.nodes[at].around.services.get(name);
                let free = sim.is_some_and(SimService::obeys) && !self.in_hands(at, service);
                let (runs, active) = (self.runs(at, service), self.active(at, service));
                let meant = active || self.is_warm(at, service);
                if free && self.has_link(at, service) {
                    let wrong = if active { Tunnel::Down } else { Tunnel::Up };
                    if self.tunnel(at, service) == Some(wrong) {
                        let what = format!("the tunnel of {name} is {} for good", wrong.as_str());
                        self.broken(Some(at), "the last state wins", what);
                    }
                }
                if free && runs != meant {
                    let word = |yes, no, is| if is { yes } else { no };
                    let what = format!(
                        "{name} is {} although the election says {}",
                        word("running", "stopped", runs),
                        word("active", "standby", meant)
                    );
                    self.broken(Some(at), "the last state wins", what);
                }
            }
        }
        if self.network_is_whole() {
            for group in 0..self.setup.groups.len() {
                let masters = (0..self.nodes.len()).filter(|at| self.state(*at, group) == Some(State::Master)).count();
                if masters != 1 {
                    let what = format!("{} has {masters} MASTER", self.setup.groups[group].label);
                    self.broken(None, "each vhid has one MASTER", what);
                }
            }
        }
    }

    /// All nodes have power, hear each other, and agree on addresses and keys.
    fn network_is_whole(&self) -> bool {
        let plans = || self.cluster.nodes.iter().map(|node| &node.plan);
        let alike = self.setup.groups.iter().all(|group| {
            let plan = |(plan, id): (&crate::lab::plan::NodePlan, &Option<VhidRef>)| {
                let vhid = plan.vhids.iter().find(|vhid| Some(&vhid.id) == id.as_ref())?;
                let mut addresses: Vec<_> = vhid.addresses.iter().map(ipnet::IpNet::addr).collect();
                addresses.sort_unstable();
                Some((addresses, vhid.key.clone()))
            };
            let mut seen = plans().zip(&group.on).filter_map(plan);
            let first = seen.next();
            seen.all(|other| Some(&other) == first.as_ref())
        });
        let node_is_whole = |at: usize| {
            let look = self.cluster.world.snapshot(self.cluster.nodes[at].id);
            let faults = &self.faults;
            look.is_ok_and(|look| look.sysctls.allow)
                && faults.cut[at].is_empty()
                && faults.pulled[at].is_empty()
                && !faults.disabled[at]
        };
        alike && self.faults.torn.is_empty() && (0..self.nodes.len()).all(node_is_whole)
    }
}
