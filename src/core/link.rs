//! The link of a service: an interface that is up while the service is active, and down otherwise.
//!
//! It is a level, derived from every look at the kernel, with no queue and no settle time: whoever raises it on a standby node
//! finds it down again after the next look. Taking down a tunnel with thousands of peers takes its time (`wg_down()` waits for
//! one network epoch per peer), so a write is made elsewhere, one at a time, and looked at when it has ended.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::service::backoff;
use crate::model::{LinkState, Mono, Now};

/// How long the start or stop of the process waits for the link, which should be up before the one and down before the other.
const FIRST: Duration = Duration::from_secs(2);

/// For how long it is remembered that somebody has changed it.
const MEMORY: Duration = Duration::from_secs(600);

/// Who changes it more often than this in [`A_FIGHT`] is answered after a short pause, and is told of no more in that time.
const ROUNDS: usize = 5;
const A_FIGHT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// What a link should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Up, and running.
    Up,
    /// Down, or not there at all.
    Down,
}

impl Level {
    /// `up` or `down`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// Whether an interface that is `state` is as it should be.
    #[must_use]
    pub const fn is_met_by(self, state: LinkState) -> bool {
        match self {
            Self::Up => matches!(state, LinkState::Up),
            Self::Down => matches!(state, LinkState::Down | LinkState::Absent),
        }
    }
}

/// What is known of a link.
#[derive(Debug)]
pub struct Link {
    /// What it was when last looked at, or what the last write has made of it since; `None` before the first look.
    pub is: Option<LinkState>,
    /// Since when, if a change was seen.
    pub since: Option<Now>,
    /// What it should be; `None` until the first role.
    want: Option<Level>,
    wanted_since: Mono,
    /// The role is unknown, so it stays as it is.
    left_alone: bool,
    /// The write under way, and since when.
    pub busy: Option<(Level, Mono)>,
    /// A look has shown it as wanted since it is wanted so.
    arrived: bool,
    failures: u32,
    retry_at: Mono,
    /// Why the last write failed, until it is as wanted.
    pub error: Option<String>,
    /// When somebody else changed it, within [`MEMORY`].
    meddled: Vec<Mono>,
}

/// What should be told about a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkNotice {
    /// A write has made it so, in this time.
    Set(Level, Duration),
    /// A write failed, with a cause that was not told yet.
    Failed(Level, String),
    /// Somebody else changed it; it should be so.
    Meddled(Level),
}

impl Link {
    /// A link that nothing is known of.
    #[must_use]
    pub const fn new(now: Mono) -> Self {
        Self {
            is: None,
            since: None,
            want: None,
            wanted_since: now,
            left_alone: true,
            busy: None,
            arrived: false,
            failures: 0,
            retry_at: now,
            error: None,
            meddled: Vec::new(),
        }
    }

    /// What it should be, unless it is left as it is.
    #[must_use]
    pub fn wanted(&self) -> Option<Level> {
        self.want.filter(|_| !self.left_alone)
    }

    /// What it should be now; `None` to leave it as it is.
    pub fn follow(&mut self, want: Option<Level>, now: Mono) {
        self.left_alone = want.is_none();
        if want.is_none() || self.want == want {
            return;
        }
        self.want = want;
        self.wanted_since = now;
        self.arrived = false;
        self.failures = 0;
        self.retry_at = now;
        self.error = None;
    }

    /// A look was made.
    pub fn looked(&mut self, is: LinkState, now: Now) -> Option<LinkNotice> {
        self.becomes(is, now);
        let want = self.wanted()?;
        if want.is_met_by(is) {
            self.arrived = true;
            self.failures = 0;
            self.retry_at = now.mono;
            self.error = None;
            return None;
        }
        if is == LinkState::Absent {
            // Nobody can raise what is not there, and whoever creates it brings it as it likes: what failed on the old one says nothing.
            (self.arrived, self.error) = (false, None);
            (self.failures, self.retry_at) = (0, now.mono);
            return None;
        }
        // What a write leaves behind while it is under way is no news.
        if self.busy.is_some() || !std::mem::take(&mut self.arrived) {
            return None;
        }
        self.is_meddled_with(want, now.mono)
    }

    /// The first rounds of a fight are answered at once, and told. Those that follow must not make carpd as busy as whoever it fights with.
    fn is_meddled_with(&mut self, want: Level, now: Mono) -> Option<LinkNotice> {
        self.meddled.retain(|at| now.since(*at) < MEMORY);
        let rounds = self.meddled.iter().filter(|at| now.since(**at) < A_FIGHT).count();
        self.meddled.push(now);
        if rounds < ROUNDS {
            return Some(LinkNotice::Meddled(want));
        }
        self.retry_at = self.retry_at.max(now + PAUSE);
        None
    }

    fn becomes(&mut self, is: LinkState, now: Now) {
        let was = self.is.replace(is);
        // What the first look shows may have been so for days.
        if was.is_some_and(|was| was != is) {
            self.since = Some(now);
        }
    }

    /// The write to begin now, if any; it then counts as under way.
    pub fn begin(&mut self, now: Mono) -> Option<Level> {
        let level = self.needed().filter(|_| now >= self.retry_at)?;
        self.busy = Some((level, now));
        Some(level)
    }

    fn needed(&self) -> Option<Level> {
        let (want, is) = (self.want?, self.is?);
        let differs = !want.is_met_by(is) && is != LinkState::Absent;
        (differs && !self.left_alone && self.busy.is_none()).then_some(want)
    }

    /// The write under way has ended. A look has to follow: what is true afterwards is the kernel's to say.
    pub fn ended(&mut self, result: Result<(), String>, now: Now) -> Option<LinkNotice> {
        let (level, began) = self.busy.take()?;
        // If the next look finds it otherwise, it is tried again, but not without end in one instant.
        self.failures = self.failures.saturating_add(1);
        self.retry_at = now.mono + if result.is_ok() { Duration::from_millis(100) } else { backoff(self.failures) };
        match result {
            Ok(()) => {
                self.becomes(if level == Level::Up { LinkState::Up } else { LinkState::Down }, now);
                Some(LinkNotice::Set(level, now.mono.since(began)))
            }
            Err(why) if self.want != Some(level) || self.error.as_ref() == Some(&why) => None,
            Err(why) => {
                self.error = Some(why.clone());
                Some(LinkNotice::Failed(level, why))
            }
        }
    }

    /// When something is due, if nothing happens before.
    #[must_use]
    pub fn wake(&self) -> Option<Mono> {
        self.needed().map(|_| self.retry_at)
    }

    /// Until when the start or stop of the process waits for it at the latest.
    #[must_use]
    pub fn goes_first_until(&self) -> Option<Mono> {
        let on_its_way = self.busy.is_some() || self.needed().is_some();
        (on_its_way && self.failures == 0).then_some(self.wanted_since + FIRST)
    }

    /// Whether something is still to be done, or under way, that has not failed yet.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.busy.is_some() || self.needed().is_some() && self.failures == 0
    }

    /// How often somebody else has changed it in the last ten minutes.
    #[must_use]
    pub fn meddled(&self, now: Mono) -> u32 {
        u32::try_from(self.meddled.iter().filter(|at| now.since(**at) < MEMORY).count()).unwrap_or(u32::MAX)
    }

    /// For how long it has not been as wanted; `None` if it is.
    #[must_use]
    pub fn wrong_for(&self, now: Mono) -> Option<Duration> {
        let (want, is) = (self.want?, self.is?);
        let since = self.since.map_or(self.wanted_since, |since| since.mono.max(self.wanted_since));
        (!want.is_met_by(is)).then(|| now.since(since))
    }
}
