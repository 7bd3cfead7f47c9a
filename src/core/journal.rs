//! What has to survive a crash, and a reboot: written before the deed it describes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{Demotion, Mono, Wall};

/// The content of the state file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The boot that [`Self::share`] and [`Self::pending`] belong to; in another one the kernel's sum began at 0 again.
    pub boot: String,
    /// What carpd has added to `net.inet.carp.demotion` in that boot.
    pub share: Demotion,
    /// The write mark that was used last.
    pub mark: u8,
    /// A write to the sysctl that was about to be made.
    pub pending: Option<Pending>,
    /// The maintenance this node is in, if any.
    pub maintenance: Option<Maintenance>,
    /// The boot hold of that boot, until it was released.
    pub hold_until: Option<Mono>,
    /// The node is to be shut down in that boot, see [`super::io::Request::Drain`].
    #[serde(default)]
    pub drain: bool,
    /// The boot in which everything that the configuration owns was created.
    #[serde(default)]
    pub created_in: String,
    /// The probes, as `service/probe`, whose verdict in that boot is a reason for the share.
    #[serde(default)]
    pub unhealthy: BTreeSet<String>,
}

/// A write to the demotion sysctl: announced in the journal, then made, then confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The share after the write.
    pub to: Demotion,
    /// The kernel's sum just before it.
    pub sum_before: Demotion,
}

/// Maintenance: a person wants this node to give up its VIPs and stay out of the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintenance {
    /// Why, in the person's words; may be empty.
    pub reason: String,
    /// Who.
    pub by: String,
    /// Since when.
    pub since: Wall,
    /// Until when, if it ends by itself.
    pub until: Option<Wall>,
}

impl Maintenance {
    /// When it ends by itself. A clock that stands before the beginning proves nothing, so it never ends before that.
    #[must_use]
    pub fn ends(&self) -> Option<Wall> {
        self.until.map(|until| until.max(self.since))
    }

    /// Whether it has run out at `wall`.
    #[must_use]
    pub fn expired(&self, wall: Wall) -> bool {
        self.ends().is_some_and(|end| wall >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_the_beginning_keeps_maintenance() {
        let maintenance = Maintenance {
            reason: String::new(),
            by: "anna".into(),
            since: Wall::from_millis(1_000),
            until: Some(Wall::from_millis(500)),
        };
        assert!(!maintenance.expired(Wall::from_millis(700)));
        assert!(maintenance.expired(Wall::from_millis(1_000)));
    }
}
