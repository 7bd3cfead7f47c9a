//! One service: what it should be, what it is, and the one action that may be under way.
//!
//! The wanted role is a level, not a queue of commands. While an action runs nothing else is started; when it ends, the
//! next action follows from what is wanted *then*. So the latest wish wins, actions of one service never overlap, and
//! nothing piles up.

mod start;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::link::{Level, Link, LinkNotice};
use super::policy::ServicePolicy;
use super::probe::{Probe, Reading};
use super::restart::{Decision, Opinion, Restarts};
use super::role::Role;
use crate::model::{LinkState, Mono, Now, Wall};
use start::StartConditions;

/// For how long a death is remembered.
const MEMORY: Duration = Duration::from_secs(600);

/// Deaths closer together than this are a series.
const SOON: Duration = Duration::from_secs(60);

/// A start is looked at again so long after it was seen to have worked: a program that cannot read its configuration, or finds its
/// port taken, has been started all the same and ends a moment later.
const SECOND_LOOK: Duration = Duration::from_millis(500);

/// The limit of a check. A status command may take its time on a busy machine, and is cut short when there is something to do.
pub(super) const CHECK_LIMIT: Duration = Duration::from_secs(10);

/// So many looks in a row that tell nothing end the wait for a verified result.
const UNCLEAR_LOOKS: u32 = 3;

/// What is done to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ActionKind {
    /// Make sure that it runs nowhere else, just before it is started.
    Fence,
    /// Make it active.
    Start,
    /// Make it standby.
    Stop,
    /// Look whether it runs.
    Check,
}

impl ActionKind {
    /// `fence`, `start`, `stop` or `check`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fence => "fence",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Check => "check",
        }
    }
}

/// How an action ended, as its driver saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A start or stop ran to its end; whether it worked is for the next check to see.
    Done,
    /// A stop ended the service, but not as it should: what it took, for people.
    Forced(String),
    /// A start or check was ended because its result was no longer wanted.
    CutShort,
    /// A check saw the service running.
    Running,
    /// A check saw that it does not run.
    Stopped,
    /// It failed: the cause, for people.
    Failed(String),
    /// It ran into its limit and was killed.
    TimedOut,
}

/// Whether a service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Is {
    /// It was not looked at, or cannot be told.
    Unknown,
    /// It runs.
    Running,
    /// It does not.
    Stopped,
}

impl std::fmt::Display for Is {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Running => "running",
            Self::Stopped => "stopped",
        })
    }
}

/// The last start or stop and how it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LastAction {
    /// Start or stop.
    pub kind: ActionKind,
    /// How it went.
    pub result: ActionResult,
    /// From the decision to the verified result.
    pub duration_ms: u64,
    /// When it ended.
    #[cfg_attr(test, schemars(with = "String"))]
    pub at: Wall,
    /// What the driver said if it failed, or what it took.
    pub detail: String,
}

/// How a start or stop went, verified by a look at the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ActionResult {
    /// The service is as wanted.
    Ok,
    /// It is not.
    Failed,
    /// The action was killed at its limit, or the service was not as wanted when the limit passed.
    TimedOut,
}

/// What the core knows of a service.
#[derive(Debug)]
pub struct Service {
    /// Whether it runs.
    pub is: Is,
    /// Since when, if a change was seen.
    pub since: Option<Now>,
    /// The role that the election gives it; `None` while the kernel cannot be read.
    pub role: Option<Role>,
    /// Since when its role is standby.
    away_since: Option<Mono>,
    /// The role it is being brought to; differs from `role` while a MASTER may yet come back.
    pub want: Option<Role>,
    /// It is not to be started, and if it ends, that is somebody's will: the node is being shut down.
    pub draining: bool,
    /// A person has taken it over, so it is looked at and nothing else.
    pub unmanaged: bool,
    /// What has to be the case before a start.
    pub start: StartConditions,
    /// The action under way.
    pub busy: Option<(ActionKind, Mono)>,
    /// The action under way was told to end.
    cut_short: bool,
    verify: Option<Verify>,
    /// When a start was last seen to have worked.
    started: Option<Mono>,
    failures: u32,
    /// When it was found dead, within [`MEMORY`].
    deaths: Vec<Mono>,
    unclear: bool,
    retry_at: Mono,
    next_check: Mono,
    /// The last start or stop.
    pub last_action: Option<LastAction>,
    /// One for each of the policy's probes.
    pub probes: Vec<Probe>,
    /// Its link, if it has one.
    pub link: Option<Link>,
    /// Its process runs on both nodes.
    warm: bool,
    restarts: Restarts,
    /// It was stopped for a restart and is not yet running again.
    restarting: bool,
}

/// A start or stop that has ended and is not yet seen to have worked.
#[derive(Debug, Clone)]
struct Verify {
    kind: ActionKind,
    began: Mono,
    deadline: Mono,
    next: Mono,
    wait: Duration,
    detail: String,
    /// What a stop that worked has taken.
    took: String,
    timed_out: bool,
    /// Looks in a row that told nothing.
    unclear: u32,
}

/// What the core should tell about a service after a step.
#[derive(Debug, PartialEq, Eq)]
pub enum Notice {
    /// A start or stop has reached its verified end.
    Acted(LastAction),
    /// It was found not running although nobody here stopped it.
    Died,
    /// It was found running although it should be standby.
    FoundRunning,
    /// The verdict of probe number `.0` is now `.1`.
    Health(usize, bool),
    /// About its link.
    Link(LinkNotice),
    /// Its health was answered by a restart, or by no more restarts.
    Restart(Decision),
}

impl Service {
    /// A service nothing is known of.
    #[must_use]
    pub fn new(policy: &ServicePolicy, now: Mono) -> Self {
        Self {
            is: Is::Unknown,
            since: None,
            role: None,
            away_since: None,
            want: None,
            draining: false,
            unmanaged: false,
            start: StartConditions::new(policy),
            busy: None,
            cut_short: false,
            verify: None,
            started: None,
            failures: 0,
            deaths: Vec::new(),
            unclear: false,
            retry_at: now,
            next_check: now,
            last_action: None,
            probes: policy.probes.iter().map(|_| Probe::new(now)).collect(),
            link: policy.link.as_ref().map(|_| Link::new(now)),
            warm: policy.is_warm(),
            restarts: Restarts::default(),
            restarting: false,
        }
    }

    /// Takes over what is known of a service whose policy was `old` and is now `policy`. Probes that are judged as before keep
    /// their verdicts: a reload is no reason to take a demotion back. An interface that is its link no more stays as it is.
    pub fn adopt(&mut self, old: &ServicePolicy, policy: &ServicePolicy, now: Mono) {
        if old.link != policy.link {
            self.link = policy.link.as_ref().map(|_| Link::new(now));
        }
        self.warm = policy.is_warm();
        self.start.adopt(policy);
        let known = std::mem::take(&mut self.probes);
        let same = |new| old.probes.iter().position(|probe| probe == new).and_then(|at| known.get(at));
        self.probes =
            policy.probes.iter().map(|probe| same(probe).cloned().unwrap_or_else(|| Probe::new(now))).collect();
        self.probes.iter_mut().for_each(|probe| probe.abandon(now));
        self.next_check = now;
    }

    /// The election's word, `None` while the kernel cannot be read. `grace_over` says that it has been unreadable for too
    /// long; `for_good` that a lost MASTER does not come back by itself, so that waiting for it would be in vain.
    pub fn follow(&mut self, policy: &ServicePolicy, role: Option<Role>, grace_over: bool, for_good: bool, now: Mono) {
        self.role = role;
        let not_before = self.start.follow(role, now);
        let Some(role) = role else {
            if grace_over {
                self.set_want(Role::Standby, now);
            }
            return;
        };
        match role {
            Role::Active => {
                self.away_since = None;
                self.set_want(Role::Active, now);
                self.retry_at = self.retry_at.max(not_before.unwrap_or(now));
            }
            Role::Standby => {
                let since = *self.away_since.get_or_insert(now);
                if for_good
                    || !policy.driven
                    || now >= since + policy.settle
                    || self.want.is_none() && self.is == Is::Stopped
                {
                    self.set_want(Role::Standby, now);
                }
            }
        }
    }

    /// Like [`Self::follow`], for a process that is to run whatever the election says. On an unreadable kernel it stays as it is.
    pub fn keep_running(&mut self, role: Option<Role>, now: Mono) {
        self.role = role;
        self.away_since = None;
        if role.is_some() {
            self.set_want(Role::Active, now);
        }
    }

    /// The election's word for the link, which waits for nothing.
    pub fn follow_link(&mut self, grace_over: bool, now: Mono) {
        let Some(link) = &mut self.link else { return };
        let level = match self.role {
            _ if self.unmanaged => None,
            // What is about to be shut down keeps what it has, and takes nothing on.
            Some(Role::Active) => (!self.draining).then_some(Level::Up),
            Some(Role::Standby) => Some(Level::Down),
            None => grace_over.then_some(Level::Down),
        };
        link.follow(level, now);
    }

    /// A look has shown the link.
    pub fn link_looked(&mut self, policy: &ServicePolicy, state: LinkState, now: Now) -> Option<Notice> {
        if !policy.driven {
            let is = if state == LinkState::Up { Is::Running } else { Is::Stopped };
            let was = std::mem::replace(&mut self.is, is);
            if was != is && was != Is::Unknown {
                self.since = Some(now);
            }
        }
        self.link.as_mut()?.looked(state, now).map(Notice::Link)
    }

    fn set_want(&mut self, want: Role, now: Mono) {
        if self.want == Some(want) {
            return;
        }
        self.want = Some(want);
        self.failures = 0;
        self.retry_at = now;
        self.restarts.role_changed();
        self.restarting = false;
        let abandoned = self.verify.take();
        if want == Role::Standby && abandoned.is_some_and(|v| v.kind == ActionKind::Start) {
            // It may come up any moment, so "not running yet" is no reason to leave it alone.
            self.is = Is::Running;
        }
    }

    /// The action to begin now, if any; it then counts as under way.
    pub fn begin(&mut self, now: Mono) -> Option<ActionKind> {
        if self.busy.is_some() {
            return None;
        }
        let kind = self.due(now)?;
        self.busy = Some((kind, now));
        self.cut_short = false;
        self.start.begun(kind);
        self.restarting |= kind == ActionKind::Stop && self.want == Some(Role::Active);
        Some(kind)
    }

    /// Whether the action under way is to be ended now, because what is wanted has changed since it began: a start that nobody
    /// wants any more, which may hang until its limit, or a check while there is something to do. A stop runs to its end: nobody
    /// could say what a half-stopped service is.
    pub fn cut_short(&mut self, now: Mono) -> bool {
        let unwanted = match self.busy {
            // Whoever has taken over meanwhile must not be fenced.
            Some((ActionKind::Fence, _)) => self.role != Some(Role::Active),
            Some((ActionKind::Start, _)) => self.want == Some(Role::Standby),
            Some((ActionKind::Check, _)) => {
                self.verify.is_none() && self.needed().is_some() && now >= self.not_before()
            }
            Some((ActionKind::Stop, _)) | None => false,
        };
        unwanted && !self.unmanaged && !std::mem::replace(&mut self.cut_short, true)
    }

    fn due(&self, now: Mono) -> Option<ActionKind> {
        if let Some(verify) = &self.verify {
            return (now >= verify.next).then_some(ActionKind::Check);
        }
        match self.needed() {
            Some(kind) if now >= self.not_before() => Some(kind),
            _ => (now >= self.next_check).then_some(ActionKind::Check),
        }
    }

    /// When the next start or stop may begin: the link goes first.
    fn not_before(&self) -> Mono {
        let link = self.link.as_ref().and_then(Link::goes_first_until);
        link.map_or(self.retry_at, |until| until.max(self.retry_at))
    }

    /// What stands between the service and its wanted role.
    ///
    /// Only the election itself may start something: not a wish that is kept alive while a MASTER is briefly away, and
    /// not the last thing that was known of an unreadable kernel.
    fn needed(&self) -> Option<ActionKind> {
        if self.unmanaged {
            return None;
        }
        match (self.want?, self.is) {
            (Role::Active, Is::Stopped) if self.may_start() => self.start.first(),
            (Role::Active, Is::Running) if self.may_start() && self.restarts.is_due() => Some(ActionKind::Stop),
            (Role::Standby, Is::Running) => Some(ActionKind::Stop),
            // It cannot be told whether it runs: stopping what is stopped does no harm.
            (Role::Standby, Is::Unknown) if self.unclear => Some(ActionKind::Stop),
            _ => None,
        }
    }

    fn may_start(&self) -> bool {
        !self.draining && (self.role == Some(Role::Active) || self.warm && self.role.is_some())
    }

    /// The role that it has for its clients, as far as carpd has decided it.
    #[must_use]
    pub fn shown_role(&self) -> Option<Role> {
        if self.warm { self.role } else { self.want }
    }

    /// Whether its health asks for a restart. What would not be started again is not stopped for one.
    pub fn judge_health(&mut self, policy: &ServicePolicy, now: Mono) -> Option<Notice> {
        self.restarts.judge(self.opinion(policy), now).map(Notice::Restart)
    }

    fn opinion(&self, policy: &ServicePolicy) -> Option<Opinion> {
        let may = policy.driven && self.probing() && self.may_start();
        may.then(|| Opinion::of(policy, &self.probes))
    }

    /// Whether it was stopped for a restart, and is about to be started again.
    #[must_use]
    pub fn restarting(&self) -> bool {
        self.restarting && self.may_start() && !self.unmanaged
    }

    /// How often it was restarted for its health in the last ten minutes.
    #[must_use]
    pub fn restarts(&self, now: Mono) -> u32 {
        self.restarts.count(now)
    }

    /// Whether restarts have not helped, and there are no more of them.
    #[must_use]
    pub const fn given_up(&self) -> bool {
        self.restarts.given_up()
    }

    /// The next time at which something is due.
    #[must_use]
    pub fn wake(&self, policy: &ServicePolicy) -> Option<Mono> {
        let probes = if self.probing() { self.probes.iter().filter_map(Probe::wake).min() } else { None };
        // While the kernel cannot be read, the end of the settle time decides nothing.
        let settle = match (self.away_since, self.want, self.role) {
            (Some(since), Some(Role::Active) | None, Some(_)) => Some(since + policy.settle),
            _ => None,
        };
        let own = if self.busy.is_some() || !policy.driven {
            None
        } else if let Some(verify) = &self.verify {
            Some(verify.next)
        } else if self.needed().is_some() {
            Some(self.not_before().min(self.next_check))
        } else {
            Some(self.next_check)
        };
        let link = self.link.as_ref().and_then(Link::wake);
        let health = self.restarts.wake(self.opinion(policy));
        let release = self.probes.iter().filter_map(Probe::release_at).min();
        [probes, settle, own, link, health, release].into_iter().flatten().min()
    }

    /// Whether the last stop did not work.
    #[must_use]
    pub fn failed_to_stop(&self) -> bool {
        self.failures > 0
            && self.last_action.as_ref().is_some_and(|a| a.kind == ActionKind::Stop && a.result != ActionResult::Ok)
    }

    /// Whether its probes should run: only a service that is wanted and runs can be judged.
    #[must_use]
    pub fn probing(&self) -> bool {
        self.shown_role() == Some(Role::Active) && self.is == Is::Running && !self.unmanaged
    }

    /// An action ended.
    pub fn ended(&mut self, policy: &ServicePolicy, outcome: Outcome, now: Now) -> Option<Notice> {
        let (kind, began) = self.busy.take()?;
        self.next_check = now.mono + policy.check_every;
        if outcome == Outcome::CutShort {
            self.cut(kind, now.mono);
            None
        } else if kind == ActionKind::Check {
            self.checked(policy, outcome, now)
        } else if kind == ActionKind::Fence {
            self.fenced(began, outcome, now)
        } else {
            self.acted(policy, kind, began, outcome, now)
        }
    }

    /// A check that was cut short has told nothing. Of a start it is not known how far it came.
    fn cut(&mut self, kind: ActionKind, now: Mono) {
        self.next_check = now;
        if kind == ActionKind::Fence {
            self.start.fenced(false);
        }
        if kind == ActionKind::Start {
            self.is = if self.want == Some(Role::Standby) { Is::Running } else { Is::Unknown };
            self.restarting = false;
        }
    }

    fn acted(
        &mut self,
        policy: &ServicePolicy,
        kind: ActionKind,
        began: Mono,
        outcome: Outcome,
        now: Now,
    ) -> Option<Notice> {
        if self.unmanaged {
            self.next_check = now.mono;
            return None;
        }
        let limit = if kind == ActionKind::Start { policy.start_limit } else { policy.stop_limit };
        let (detail, timed_out, took) = match outcome {
            Outcome::Failed(why) => (why, false, String::new()),
            Outcome::TimedOut => (format!("killed at its limit of {limit:?}"), true, String::new()),
            Outcome::Forced(took) => (String::new(), false, took),
            _ => (String::new(), false, String::new()),
        };
        if kind == ActionKind::Start && self.want == Some(Role::Standby) {
            self.is = Is::Running;
            return None;
        }
        // A failure is looked at once; only what claims to have worked may take its time to show it.
        let deadline = if detail.is_empty() { began + limit } else { now.mono };
        let wait = Duration::from_millis(25);
        self.verify = Some(Verify { kind, began, deadline, next: now.mono, wait, detail, took, timed_out, unclear: 0 });
        None
    }

    fn checked(&mut self, policy: &ServicePolicy, outcome: Outcome, now: Now) -> Option<Notice> {
        let (is, detail) = match outcome {
            Outcome::Running => (Is::Running, String::new()),
            Outcome::Stopped => (Is::Stopped, String::new()),
            Outcome::Failed(why) => (Is::Unknown, why),
            _ => (Is::Unknown, "the check ran into its limit".to_owned()),
        };
        let was = std::mem::replace(&mut self.is, is);
        if is == Is::Running {
            self.start.failed = None;
        }
        self.unclear = is == Is::Unknown;
        let starting = self.verify.as_ref().is_some_and(|verify| verify.kind == ActionKind::Start);
        if is == Is::Running && (was == Is::Stopped || was != is && starting) {
            let probes = self.probes.iter_mut().zip(&policy.probes);
            probes.for_each(|(probe, policy)| probe.service_started(policy, now.mono));
        }
        // What the first look of all shows may have been so for days.
        if was != is && (was != Is::Unknown || self.verify.is_some()) {
            self.since = Some(now);
        }
        if let Some(verify) = self.verify.take() {
            return self.verified(verify, detail, now);
        }
        if self.unmanaged {
            return None;
        }
        match (self.want, was, is) {
            (Some(Role::Active), Is::Running, Is::Stopped) if !self.draining => {
                self.died(now.mono);
                Some(self.failed_start(now).map_or(Notice::Died, Notice::Acted))
            }
            (Some(Role::Standby), Is::Stopped, Is::Running) => Some(Notice::FoundRunning),
            _ => None,
        }
    }

    /// What was taken for a start that worked, if its service is gone already.
    fn failed_start(&mut self, now: Now) -> Option<LastAction> {
        let started = self.started.take()?;
        let lived = now.mono.since(started);
        if lived > 2 * SECOND_LOOK {
            return None;
        }
        let last = self.last_action.as_mut().filter(|last| last.kind == ActionKind::Start)?;
        last.result = ActionResult::Failed;
        last.detail = format!("it ran, and was gone again within {} ms", lived.as_millis());
        last.at = now.wall;
        Some(last.clone())
    }

    /// The first death is answered at once, those that follow soon after with growing pauses.
    fn died(&mut self, now: Mono) {
        self.deaths.retain(|at| now.since(*at) < MEMORY);
        let soon = self.deaths.iter().filter(|at| now.since(**at) < SOON).count();
        self.deaths.push(now);
        if soon > 0 {
            self.retry_at = now + backoff(u32::try_from(soon).unwrap_or(u32::MAX));
        }
    }

    /// How often it was found dead in the last ten minutes.
    #[must_use]
    pub fn deaths(&self, now: Mono) -> u32 {
        u32::try_from(self.deaths.iter().filter(|at| now.since(**at) < MEMORY).count()).unwrap_or(u32::MAX)
    }

    fn verified(&mut self, mut verify: Verify, detail: String, now: Now) -> Option<Notice> {
        let wanted = if verify.kind == ActionKind::Start { Is::Running } else { Is::Stopped };
        let result = if self.is == wanted {
            self.failures = 0;
            if verify.kind == ActionKind::Start {
                self.started = Some(now.mono);
                self.next_check = now.mono + SECOND_LOOK;
            }
            self.restarting &= verify.kind == ActionKind::Stop;
            ActionResult::Ok
        } else if now.mono < verify.deadline || self.is == Is::Unknown && verify.unclear < UNCLEAR_LOOKS {
            // A look that tells nothing says neither that it worked nor that it did not.
            verify.unclear = if self.is == Is::Unknown { verify.unclear + 1 } else { 0 };
            verify.next = now.mono + verify.wait;
            verify.wait = (verify.wait * 2).min(Duration::from_secs(1));
            self.verify = Some(verify);
            return None;
        } else {
            self.failures = self.failures.saturating_add(1);
            self.retry_at = now.mono + backoff(self.failures);
            self.restarting = false;
            if verify.kind == ActionKind::Stop {
                self.restarts.stop_failed();
            }
            if verify.timed_out || verify.detail.is_empty() { ActionResult::TimedOut } else { ActionResult::Failed }
        };
        let detail = match result {
            ActionResult::Ok => verify.took,
            _ if self.is == Is::Unknown => {
                let said = if verify.detail.is_empty() { String::new() } else { format!("{}; ", verify.detail) };
                format!("{said}it cannot be told whether it is {wanted}: {detail}")
            }
            _ if !verify.detail.is_empty() => verify.detail,
            _ => format!("it ended, but the service is still not {wanted}"),
        };
        let duration = now.mono.since(verify.began).as_millis();
        let last = LastAction {
            kind: verify.kind,
            result,
            duration_ms: u64::try_from(duration).unwrap_or(u64::MAX),
            at: now.wall,
            detail,
        };
        if last.kind == ActionKind::Start {
            self.start.failed = (result != ActionResult::Ok).then(|| last.detail.clone());
        }
        self.last_action = Some(last.clone());
        Some(Notice::Acted(last))
    }

    /// A probe ended.
    pub fn probed(
        &mut self,
        policy: &ServicePolicy,
        index: usize,
        reading: Reading,
        text: String,
        now: Mono,
    ) -> Option<Notice> {
        let (probe, policy) = (self.probes.get_mut(index)?, policy.probes.get(index)?);
        let changed = probe.ended(policy, reading, text, now);
        probe.healthy.filter(|_| changed).map(|healthy| Notice::Health(index, healthy))
    }
}

/// 1, 2, 4, ... seconds, at most a minute.
pub(super) fn backoff(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.saturating_sub(1).min(6)).min(Duration::from_secs(60))
}
