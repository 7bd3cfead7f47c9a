//! Has the vhids that the configuration owns created once in each boot, and tells where a live one is not as it says.
//!
//! A daemon that starts later in the same boot creates nothing: what is absent then was taken away by somebody. For the same
//! reason only what has failed is tried again.

use std::time::Duration;

use super::Core;
use super::io::{Created, Effect, Level, Part, Topic};
use super::ledger::Ledger;
use crate::core::policy::OwnedVhid;
use crate::model::{Mono, Now, Snapshot, VhidRef};

/// The pauses after a failure. Mostly an interface is missing that is there a moment later, or one that only a person can add.
const AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// How far the creation is in this run.
#[derive(Debug, Default)]
pub(super) struct Creation {
    /// It was asked for, or is not to be.
    asked: bool,
    failure: Option<Failure>,
}

/// What failed, until it has succeeded.
#[derive(Debug)]
struct Failure {
    /// Everything without it.
    parts: Option<Vec<Part>>,
    why: String,
    pause: Duration,
    again: Mono,
}

impl Creation {
    /// When it is to be tried again.
    pub(super) fn wake(&self) -> Option<Mono> {
        self.failure.as_ref().filter(|_| !self.asked).map(|failure| failure.again)
    }
}

impl Core {
    /// A node must not come up better than it is, so carpd's share has to be in the kernel first.
    pub(super) fn may_create(&self) -> bool {
        let moving = matches!(self.ledger, Ledger::Unread | Ledger::Moving { .. }) || self.share_is_wrong();
        self.observer.known().is_some() && !self.policy.owned.is_empty() && !self.stopping && !moving
    }

    pub(super) fn create_absent(&mut self, now: Mono) {
        let Some(snapshot) = self.observer.known() else { return };
        let early = self.creation.wake().is_some_and(|again| now < again);
        if self.creation.asked || early || !self.may_create() {
            return;
        }
        self.creation.asked = true;
        if self.journal.created_in != snapshot.boot {
            let again = self.creation.failure.as_ref().and_then(|failure| failure.parts.clone());
            self.out.push(Effect::Create { boot: snapshot.boot.clone(), again });
        }
    }

    pub(super) fn created(&mut self, boot: String, result: Result<Created, String>, now: Now) {
        let before = self.creation.failure.take();
        let (writes, failed) = match result {
            Ok(Created { writes, failed }) if failed.is_empty() => (writes, None),
            Ok(Created { writes, failed }) => {
                let (parts, mut causes): (_, Vec<String>) = failed.into_iter().unzip();
                causes.dedup();
                (writes, Some((Some(parts), causes.join("; "))))
            }
            Err(why) => (Vec::new(), Some((before.as_ref().and_then(|before| before.parts.clone()), why))),
        };
        if !writes.is_empty() {
            let text = format!("created what the kernel did not have yet: {}", writes.join(", "));
            self.note(Level::Info, Topic::Daemon, "", text);
        }
        match failed {
            None => self.journal.created_in = boot,
            Some((parts, why)) => {
                if before.as_ref().is_none_or(|before| before.why != why) {
                    let text = format!(
                        "not all that carpd.toml owns could be created: {why}; it is tried again, and `carpctl apply` does it at once"
                    );
                    self.note(Level::Error, Topic::Daemon, "", text);
                }
                let pause = before.map_or(AGAIN.0, |before| (before.pause * 2).min(AGAIN.1));
                self.creation =
                    Creation { asked: false, failure: Some(Failure { parts, why, pause, again: now.mono + pause }) };
            }
        }
        self.observer.hint(now.mono);
    }

    /// The vhids that exist and are not as the configuration wants them, with what is different.
    pub(super) fn differing(&self) -> Vec<(VhidRef, String)> {
        let Some(snapshot) = self.observer.known() else { return Vec::new() };
        let told = |owned: &OwnedVhid| difference(owned, snapshot).map(|text| (owned.id.clone(), text));
        self.policy.owned.iter().filter_map(told).collect()
    }
}

fn difference(owned: &OwnedVhid, snapshot: &Snapshot) -> Option<String> {
    let seen = snapshot.vhid(&owned.id)?;
    let Some(carp) = seen.carp() else { return Some("it speaks VRRP".to_owned()) };
    let mut parts = Vec::new();
    for (name, is, should) in [
        ("advbase", carp.advbase.get(), owned.carp.advbase.get()),
        ("advskew", carp.advskew.get(), owned.carp.advskew.get()),
    ] {
        if is != should {
            parts.push(format!("{name} is {is} instead of {should}"));
        }
    }
    if (carp.peer, carp.peer6) != (owned.carp.peer, owned.carp.peer6) {
        parts.push("its adverts go elsewhere".to_owned());
    }
    for (text, one, other) in
        [("lacks", &owned.addresses, &seen.addresses), ("also has", &seen.addresses, &owned.addresses)]
    {
        let nets: Vec<String> = one.iter().filter(|net| !other.contains(net)).map(ToString::to_string).collect();
        if !nets.is_empty() {
            parts.push(format!("it {text} {}", nets.join(", ")));
        }
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}
