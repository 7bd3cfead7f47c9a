//! What has to survive a crash, and a reboot: written before the deed it describes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::hold::FailbackHold;
use crate::model::{Demotion, Mono, ServiceName, Wall};

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
    /// The hold that follows a fault in that boot.
    #[serde(default)]
    pub failback: Option<FailbackHold>,
    /// The services that a person has taken over, and for how long.
    #[serde(default)]
    pub unmanaged: BTreeMap<ServiceName, Unmanaged>,
    /// The probes, as `service/probe`, whose demotion in that boot stays until then at least, be they healthy again or not.
    #[serde(default)]
    pub held: BTreeMap<String, Mono>,
}

impl Journal {
    /// What people have asked for, which is told to them as done only when it is durable.
    #[must_use]
    pub fn asks_the_same_as(&self, other: &Self) -> bool {
        self.maintenance == other.maintenance && self.drain == other.drain && self.unmanaged == other.unmanaged
    }

    /// Forgets what people have asked for since `durable`.
    pub fn ask_the_same_as(&mut self, durable: &Self) {
        self.maintenance.clone_from(&durable.maintenance);
        self.drain = durable.drain;
        self.unmanaged.clone_from(&durable.unmanaged);
    }
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

/// A person has taken a service over: carpd neither starts, stops nor judges it. It always ends by itself, so that nobody has to
/// remember it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Unmanaged {
    /// Why, in the person's words; may be empty.
    pub reason: String,
    /// Who.
    pub by: String,
    /// Since when.
    #[cfg_attr(test, schemars(with = "String"))]
    pub since: Wall,
    /// Until when.
    #[cfg_attr(test, schemars(with = "String"))]
    pub until: Wall,
}

impl Unmanaged {
    /// When it ends. A clock that stands before the beginning proves nothing, so it never ends before that.
    #[must_use]
    pub fn ends(&self) -> Wall {
        self.until.max(self.since)
    }

    /// Whether it has run out at `wall`.
    #[must_use]
    pub fn expired(&self, wall: Wall) -> bool {
        wall >= self.ends()
    }

    /// Who has it, until when and why, as the end of a sentence.
    #[must_use]
    pub fn said(&self) -> String {
        let reason = if self.reason.is_empty() { "no reason given" } else { &self.reason };
        format!("in the hands of {} until {}: {reason}", self.by, self.until.rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_from_before_services_could_be_taken_over_still_loads() {
        let old = r#"{"boot":"b","share":241,"mark":1,"pending":null,"maintenance":null,"hold_until":null}"#;
        let journal: Journal = serde_json::from_str(old).unwrap();
        assert_eq!(journal, Journal { boot: "b".into(), share: Demotion::new(241), mark: 1, ..Journal::default() });
    }

    #[test]
    fn a_clock_before_the_beginning_keeps_a_service_in_a_persons_hands() {
        let (reason, by) = (String::new(), "anna".to_owned());
        let taken = Unmanaged { reason, by, since: Wall::from_millis(1_000), until: Wall::from_millis(2_000) };
        assert!(!taken.expired(Wall::from_millis(500)) && !taken.expired(Wall::from_millis(1_999)));
        assert!(taken.expired(Wall::from_millis(2_000)));
    }

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
