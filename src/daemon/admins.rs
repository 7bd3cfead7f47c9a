//! Who may ask for a change.

use std::collections::BTreeSet;

use nix::unistd::{Group, User, geteuid};

/// The users and the group that may change something.
///
/// The groups are looked up when the configuration is read: at the time of a request, a directory server that does not
/// answer must not stand between an administrator and the daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Admins {
    users: BTreeSet<u32>,
    group: Option<u32>,
    name: Option<String>,
}

impl Admins {
    /// Root, the daemon's own user, and the members of the group.
    pub(crate) fn look_up(group: Option<&str>) -> Self {
        let mut admins =
            Self { users: BTreeSet::from([0, geteuid().as_raw()]), group: None, name: group.map(Into::into) };
        let Some(name) = group else { return admins };
        match Group::from_name(name) {
            Ok(Some(group)) => {
                admins.group = Some(group.gid.as_raw());
                let users = group.mem.iter().filter_map(|name| User::from_name(name).ok().flatten());
                admins.users.extend(users.map(|user| user.uid.as_raw()));
            }
            Ok(None) => tracing::warn!("the admin group {name} does not exist; only root may ask for changes"),
            Err(error) => {
                tracing::warn!("the admin group {name} cannot be looked up: {error}; only root may ask for changes")
            }
        }
        admins
    }

    /// Whether a peer with this user and primary group may change something.
    pub(crate) fn allow(&self, uid: u32, gid: u32) -> bool {
        self.users.contains(&uid) || self.group == Some(gid)
    }

    /// Who may, for people.
    pub(crate) fn describe(&self) -> String {
        match &self.name {
            Some(name) => format!("only root and members of the group {name} may change something"),
            None => "only root may change something; name a control.admin_group to allow others".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_the_own_user_and_the_admin_group_may_change_something() {
        let own = geteuid().as_raw();
        let admins = Admins { users: BTreeSet::from([0, own, 1001]), group: Some(500), name: Some("ops".into()) };
        assert!(admins.allow(0, 0) && admins.allow(own, 7) && admins.allow(1001, 7) && admins.allow(4711, 500));
        assert!(!admins.allow(4711, 7));
        assert!(!Admins::look_up(None).allow(4711, 0), "the group wheel alone is no admin group");
    }
}
