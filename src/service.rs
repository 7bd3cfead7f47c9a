//! Services: how they are made active or standby, and how their health is known.
//!
//! # What a program that carpd runs can rely on
//!
//! It is executed as configured, never by way of a shell, in `/`, as the leader of a process group of its own, with
//! standard input and outputs on `/dev/null` and no other file open. Its environment is exactly:
//!
//! | variable | value |
//! | --- | --- |
//! | `PATH` | `/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin` |
//! | `HOME` | `/` |
//! | `CARPD_VERSION` | `1`: the version of this table |
//! | `CARPD_NODE` | the node's name |
//! | `CARPD_SERVICE` | the service's name |
//! | `CARPD_FOLLOWS` | the vhids that decide its role, as in `1@vtnet0 2@vtnet1` |
//! | `CARPD_ACTION` | `fence`, `start`, `stop`, `status` or `probe` |
//! | `CARPD_ROLE` | `active` with `fence` and `start`, `standby` with `stop`; otherwise absent |
//!
//! It is not run with the rights of root if anybody else could change it: see [`crate::config::trust`].
//!
//! service(8) clears the environment before it runs a script of rc(8), so such a script sees none of these.

mod configd;
mod driver;
mod needs;
mod own;
mod pidfile;
mod probe;
mod process;

use crate::config::settings;
use crate::model::ServiceName;
use own::Processes;
use probe::Permit;

pub use driver::Action;
pub use probe::Health;

/// A service as its driver needs it: the configuration, with names looked up once.
///
/// Looking up a user may ask a directory server, so it is done when the configuration is read and not when every
/// millisecond counts.
#[derive(Debug)]
pub struct Prepared {
    /// What the configuration says.
    pub settings: settings::Service,
    user: Option<Result<(u32, u32), String>>,
    node: String,
    follows: String,
    /// One for each probe.
    permits: Vec<Permit>,
    /// Of the look at what a start would need.
    needs: Permit,
    processes: Option<Processes>,
}

/// Whether both ask for the same behaviour.
impl PartialEq for Prepared {
    fn eq(&self, other: &Self) -> bool {
        self.settings == other.settings && self.user == other.user && self.node == other.node
    }
}

impl Prepared {
    /// Prepares a service of the node `node`.
    #[must_use]
    pub fn new(settings: settings::Service, node: &str) -> Self {
        let user = match &settings.driver {
            Some(settings::Driver::Exec { user: Some(name), .. }) => Some(look_up(name)),
            _ => None,
        };
        let permits = settings.probes.iter().map(|_| Permit::new()).collect();
        let follows: Vec<String> = settings.follows.iter().map(ToString::to_string).collect();
        let (node, follows, needs) = (node.to_owned(), follows.join(" "), Permit::new());
        let processes = settings.process.clone().map(Processes::new);
        Self { settings, user, node, follows, permits, needs, processes }
    }

    /// What every program of it is told.
    fn env(&self) -> [(&str, &str); 3] {
        [("CARPD_NODE", &self.node), ("CARPD_SERVICE", self.name().as_str()), ("CARPD_FOLLOWS", &self.follows)]
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &ServiceName {
        &self.settings.name
    }
}

fn look_up(name: &str) -> Result<(u32, u32), String> {
    match nix::unistd::User::from_name(name) {
        Ok(Some(user)) => Ok((user.uid.as_raw(), user.gid.as_raw())),
        Ok(None) => Err(format!("the user {name} does not exist; create it, then reload")),
        Err(error) => Err(format!("the user {name} cannot be looked up: {error}; reload when it can")),
    }
}
