//! Has the vhids that the configuration owns created once in each boot, and tells where a live one is not as it says.
//!
//! A daemon that starts later in the same boot creates nothing: what is absent then was taken away by somebody.

use super::Core;
use super::io::{Effect, Level, Topic};
use super::ledger::Ledger;
use crate::core::policy::OwnedVhid;
use crate::model::{Now, Snapshot, VhidRef};

/// How far the creation is in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Creation {
    /// It was not asked for yet.
    Due,
    /// It was asked for, or is not to be.
    Over,
}

impl Core {
    /// A node must not come up better than it is, so carpd's share has to be in the kernel first.
    pub(super) fn create_absent(&mut self) {
        let Some(snapshot) = self.observer.known() else { return };
        let moving = matches!(self.ledger, Ledger::Unread | Ledger::Moving { .. }) || self.share_is_wrong();
        if self.creation == Creation::Over || self.policy.owned.is_empty() || self.stopping || moving {
            return;
        }
        self.creation = Creation::Over;
        if self.journal.created_in != snapshot.boot {
            self.out.push(Effect::Create { boot: snapshot.boot.clone() });
        }
    }

    pub(super) fn created(&mut self, boot: String, result: Result<Vec<String>, String>, now: Now) {
        match result {
            Ok(writes) => {
                self.journal.created_in = boot;
                if !writes.is_empty() {
                    let text = format!("created what the kernel did not have yet: {}", writes.join(", "));
                    self.note(Level::Info, Topic::Daemon, "", text);
                }
            }
            Err(why) => {
                let text = format!("not all that carpd.toml owns could be created: {why}; `carpctl apply` does it");
                self.note(Level::Error, Topic::Daemon, "", text);
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
