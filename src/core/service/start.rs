//! What has to be the case before a start, beyond that the election wants it: MASTER has lasted, nothing is missing, and the fence
//! has succeeded.

use std::time::Duration;

use super::{ActionKind, ActionResult, Is, LastAction, Notice, Outcome, Service, backoff};
use crate::core::policy::ServicePolicy;
use crate::core::role::Role;
use crate::model::{Mono, Now};

/// The conditions of the next start of a service.
#[derive(Debug)]
pub struct StartConditions {
    min_master: Duration,
    /// Since when the election gives it to this node, without a gap.
    active_since: Option<Mono>,
    /// `None` where there is none.
    fence: Option<Fence>,
    /// What is missing, for people; `None` if nothing is.
    pub lacks: Option<String>,
    /// Why the last start failed; `None` if it worked, or there was none.
    pub failed: Option<String>,
}

/// How far the fence is. Every start needs one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fence {
    /// It has to run.
    Open,
    /// It runs, and the role has not been lost since it began.
    Running,
    /// It runs, and whatever it will say is about another term of MASTER.
    Outdated,
    /// It has succeeded; a look has to show that the role was not lost meanwhile.
    Succeeded,
    /// The start may follow.
    Passed,
}

impl StartConditions {
    /// Those of a service that nothing is known of.
    #[must_use]
    pub fn new(policy: &ServicePolicy) -> Self {
        // A process that runs on both nodes is not started by the election.
        let fence = (policy.fenced && !policy.is_warm()).then_some(Fence::Open);
        let min_master = if policy.is_warm() { Duration::ZERO } else { policy.min_master };
        Self { min_master, active_since: None, fence, lacks: None, failed: None }
    }

    /// Takes over what is known of a service whose policy was reloaded. MASTER has lasted as long as before.
    pub fn adopt(&mut self, policy: &ServicePolicy) {
        self.void();
        let new = Self::new(policy);
        self.min_master = new.min_master;
        self.fence = new.fence.map(|open| self.fence.unwrap_or(open));
    }

    /// The election's word. Returns the time before which nothing may be started.
    pub fn follow(&mut self, role: Option<Role>, now: Mono) -> Option<Mono> {
        if role != Some(Role::Active) {
            self.active_since = None;
            self.void();
            return None;
        }
        Some(*self.active_since.get_or_insert(now) + self.min_master)
    }

    /// What the fence has said, or will say, counts no more.
    pub fn void(&mut self) {
        self.fence = self.fence.map(|fence| match fence {
            Fence::Running | Fence::Outdated => Fence::Outdated,
            _ => Fence::Open,
        });
    }

    /// What to begin for a start: its fence, the start itself, or nothing.
    #[must_use]
    pub fn first(&self) -> Option<ActionKind> {
        match (&self.lacks, self.fence) {
            (Some(_), _) => None,
            (None, None | Some(Fence::Passed)) => Some(ActionKind::Start),
            (None, Some(Fence::Open)) => Some(ActionKind::Fence),
            (None, Some(Fence::Running | Fence::Outdated | Fence::Succeeded)) => None,
        }
    }

    /// An action has begun.
    pub fn begun(&mut self, kind: ActionKind) {
        let next = match kind {
            ActionKind::Fence => Fence::Running,
            ActionKind::Start => Fence::Open,
            ActionKind::Stop | ActionKind::Check => return,
        };
        self.fence = self.fence.map(|_| next);
    }

    /// The fence has ended.
    pub fn fenced(&mut self, succeeded: bool) {
        let next = if succeeded && self.fence == Some(Fence::Running) { Fence::Succeeded } else { Fence::Open };
        self.fence = self.fence.map(|_| next);
    }

    /// Whether only a look at the kernel is missing.
    #[must_use]
    pub fn awaits_look(&self) -> bool {
        self.fence == Some(Fence::Succeeded)
    }

    /// The kernel was looked at.
    pub fn looked(&mut self) {
        if self.awaits_look() {
            self.fence = Some(Fence::Passed);
        }
    }

    /// What is known before MASTER to stand against a start.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        let failed = || self.failed.as_ref().map(|why| format!("the last start failed: {why}"));
        self.lacks.clone().or_else(failed)
    }
}

impl Service {
    /// A person has taken it over, or not.
    pub fn leave_alone(&mut self, unmanaged: bool, now: Mono) {
        if unmanaged == self.unmanaged {
            return;
        }
        self.unmanaged = unmanaged;
        // What became of it meanwhile, and of an action that was under way, only a look can tell.
        self.is = Is::Unknown;
        self.unclear = false;
        self.verify = None;
        self.start.void();
        self.failures = 0;
        self.deaths.clear();
        self.restarts.role_changed();
        self.restarting = false;
        (self.retry_at, self.next_check) = (now, now);
    }

    pub(super) fn fenced(&mut self, began: Mono, outcome: Outcome, now: Now) -> Option<Notice> {
        let detail = match outcome {
            Outcome::Done => None,
            Outcome::Failed(why) => Some(why),
            _ => Some("killed at its limit".to_owned()),
        };
        self.start.fenced(detail.is_none());
        if self.unmanaged {
            return None;
        }
        let duration_ms = u64::try_from(now.mono.since(began).as_millis()).unwrap_or(u64::MAX);
        let result = if detail.is_none() { ActionResult::Ok } else { ActionResult::Failed };
        let detail = detail.unwrap_or_default();
        let last = LastAction { kind: ActionKind::Fence, result, duration_ms, at: now.wall, detail };
        if result == ActionResult::Failed {
            self.failures = self.failures.saturating_add(1);
            self.retry_at = now.mono + backoff(self.failures);
            self.last_action = Some(last.clone());
        }
        Some(Notice::Acted(last))
    }

    /// When the next start or stop is due, if one is needed and not yet due.
    #[must_use]
    pub fn next_try(&self, now: Mono) -> Option<Mono> {
        let waits = self.busy.is_none() && self.verify.is_none() && self.needed().is_some();
        (waits && self.retry_at > now).then_some(self.retry_at)
    }

    /// Whether it is not known yet what a start would need.
    #[must_use]
    pub fn needs_a_look(&self, policy: &ServicePolicy) -> bool {
        policy.driven && self.is == Is::Unknown
    }
}
