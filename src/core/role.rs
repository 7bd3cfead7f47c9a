//! What role a service has, given what the kernel says about the vhids it follows.

use serde::{Deserialize, Serialize};

use super::policy::{Require, ServicePolicy};
use crate::model::{CarpState, InterfaceSnapshot, Snapshot};

/// The role that the election gives to a service on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It should run here.
    Active,
    /// It should not.
    Standby,
}

impl Role {
    /// `active` or `standby`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Standby => "standby",
        }
    }
}

/// The role of `service` under `snapshot`. INIT, BACKUP and a vhid that the kernel does not have are all "not MASTER".
#[must_use]
pub fn role(service: &ServicePolicy, snapshot: &Snapshot) -> Role {
    let mut masters = service.follows.iter().map(|id| snapshot.vhid(id).is_some_and(|v| v.state == CarpState::Master));
    let active = match service.require {
        Require::All => !service.follows.is_empty() && masters.all(|m| m),
        Require::Any => masters.any(|m| m),
    };
    if active { Role::Active } else { Role::Standby }
}

/// Whether a lost MASTER may be a mere bounce: an address change sends a vhid through INIT and BACKUP for about 3 s.
///
/// On a dead interface, or with CARP switched off, nothing comes back by itself, and the peer is taking over already.
#[must_use]
pub fn may_bounce_back(service: &ServicePolicy, snapshot: &Snapshot) -> bool {
    let alive = |id: &crate::model::VhidRef| snapshot.interface(&id.interface).is_none_or(InterfaceSnapshot::runs);
    let mut alive = service.follows.iter().map(alive);
    let able = match service.require {
        Require::All => alive.all(|a| a),
        Require::Any => alive.any(|a| a),
    };
    able && snapshot.sysctls.allow
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::testing::{service, snapshot};
    use CarpState::{Backup, Init, Master};

    #[test]
    fn all_means_every_followed_vhid_is_master() {
        let service = service("gw", &["1@em0", "3@em1"]);
        assert_eq!(role(&service, &snapshot(&[("1@em0", Master), ("3@em1", Master)])), Role::Active);
        for other in [Init, Backup] {
            assert_eq!(role(&service, &snapshot(&[("1@em0", Master), ("3@em1", other)])), Role::Standby);
        }
    }

    #[test]
    fn any_means_one_is_enough() {
        let mut service = service("gw", &["1@em0", "3@em1"]);
        service.require = Require::Any;
        assert_eq!(role(&service, &snapshot(&[("1@em0", Backup), ("3@em1", Master)])), Role::Active);
        assert_eq!(role(&service, &snapshot(&[("1@em0", Backup), ("3@em1", Init)])), Role::Standby);
    }

    #[test]
    fn a_vhid_that_the_kernel_lacks_is_not_master() {
        let service = service("gw", &["1@em0"]);
        assert_eq!(role(&service, &snapshot(&[])), Role::Standby);
        assert_eq!(role(&service, &snapshot(&[("1@em1", Master)])), Role::Standby);
    }
}
