//! Entering and leaving maintenance, and what is known to speak against it; draining before a shutdown.

use super::Core;
use super::io::{Level, Reply, Request, Topic};
use super::journal::Maintenance;
use super::policy::MaintenanceOwner;
use super::status::{Answer, PreflightStatus};
use super::vrrp;
use crate::model::{CarpState, Now};

/// Whether the peer would take over. Only a known "no" refuses.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Preflight {
    /// This node has nothing to give up.
    Nothing,
    /// A MASTER hears nothing from its BACKUP, so nobody on this node can tell.
    Unknown,
    /// A fact that says that the peer would not take over cleanly.
    No(String),
}

impl Preflight {
    pub(super) fn status(self) -> PreflightStatus {
        let (answer, text) = match self {
            Self::Nothing => (Answer::Yes, "this node is MASTER of nothing, so nothing has to move".to_owned()),
            Self::Unknown => {
                let text = "a MASTER hears nothing from its BACKUP; where no peer takes over, a demotion moves nothing";
                (Answer::Unknown, text.to_owned())
            }
            Self::No(why) => (Answer::No, why),
        };
        PreflightStatus { answer, text }
    }
}

impl Core {
    pub(super) fn preflight(&self, now: Now) -> Preflight {
        let Some(snapshot) = self.observer.known() else { return Preflight::Unknown };
        let mut masters = snapshot.vhids.iter().filter(|v| v.state == CarpState::Master).peekable();
        if masters.peek().is_none() {
            return Preflight::Nothing;
        }
        if masters.all(|v| v.carp().is_none())
            && let Some(fixed) = vrrp::fixed(snapshot)
        {
            return Preflight::No(format!(
                "{fixed}, and this node is MASTER of nothing else; lower the priority instead"
            ));
        }
        if self.adverts.badauth_ago(now.mono).is_some() {
            return Preflight::No(
                "adverts of another node fail authentication here, so both nodes are MASTER or will be: the address lists \
                 or passwords of the two nodes differ; compare them with `carpctl config check --peer`"
                    .to_owned(),
            );
        }
        Preflight::Unknown
    }

    pub(super) fn request(&mut self, id: u64, by: String, request: Request, now: Now) {
        if let Some(why) = &self.frozen {
            let text = format!("the state file cannot be used, so nothing can be made to last: {why}");
            self.reply(id, Reply::Failed { text });
            return;
        }
        // A person waits for the answer, so the pause after a failed write ends here.
        self.write_retry = now.mono;
        match request {
            Request::MaintenanceEnter { reason, until, force } => self.enter(id, by, reason, until, force, now),
            Request::MaintenanceLeave => self.leave(id, by),
            Request::Drain => self.drain(id, &by, true),
            Request::DrainCancel => self.drain(id, &by, false),
            Request::LedgerAssume { landed } => self.assume(id, landed),
            Request::ServiceUnmanage { service, until, reason } => self.unmanage(id, by, service, until, reason, now),
            Request::ServiceManage { service } => self.manage(id, by, service),
        }
    }

    fn enter(&mut self, id: u64, by: String, reason: String, until: Option<crate::model::Wall>, force: bool, now: Now) {
        if matches!(self.policy.maintenance_owner, MaintenanceOwner::Opnsense { .. }) {
            let text = "OPNsense owns the maintenance of this node: enter it in the GUI, or as root with `carpctl maintenance enter`";
            self.reply(id, Reply::Refused { text: text.to_owned() });
            return;
        }
        if let Some(current) = &self.journal.maintenance {
            if current.reason == reason && current.until == until {
                self.confirm(id, "already in maintenance");
                return;
            }
            let (since, by) = (current.since, current.by.clone());
            self.journal.maintenance = Some(Maintenance { reason, by, since, until });
            self.reply_when_durable(id, "maintenance changed".to_owned());
            return;
        }
        if until.is_some_and(|until| until <= now.wall) {
            let text = "the end of the maintenance is not in the future".to_owned();
            self.reply(id, Reply::Failed { text });
            return;
        }
        if let (Preflight::No(why), false) = (self.preflight(now), force) {
            self.reply(id, Reply::Refused { text: format!("{why}; --force enters anyway") });
            return;
        }
        let until = until.or_else(|| self.policy.maintenance_default_for.map(|wait| now.wall + wait));
        self.journal.maintenance = Some(Maintenance { reason, by, since: now.wall, until });
        let fixed = self.observer.known().and_then(vrrp::fixed).map_or_else(String::new, |fixed| format!("; {fixed}"));
        self.reply_when_durable(id, format!("in maintenance{fixed}"));
    }

    fn leave(&mut self, id: u64, by: String) {
        if self.journal.maintenance.take().is_none() {
            self.confirm(id, "not in maintenance");
            return;
        }
        self.left_by = Some(by);
        self.reply_when_durable(id, "maintenance left".to_owned());
    }

    fn drain(&mut self, id: u64, by: &str, on: bool) {
        let (already, now) = if on { ("already draining", "draining") } else { ("not draining", "no longer draining") };
        if self.journal.drain == on {
            self.confirm(id, already);
            return;
        }
        self.journal.drain = on;
        let text = if on {
            format!("{by} drains this node: it gives up its VIPs and starts nothing more")
        } else {
            format!("{by} has called the drain off")
        };
        self.note(Level::Info, Topic::Daemon, "", text);
        self.reply_when_durable(id, now.to_owned());
    }

    /// Nothing is to be changed; but an earlier change, such as the end of a maintenance, may still be on its way to the disk.
    pub(super) fn confirm(&mut self, id: u64, text: &str) {
        if self.journal.asks_the_same_as(&self.durable) {
            self.reply(id, Reply::Done { text: text.to_owned() });
        } else {
            self.reply_when_durable(id, text.to_owned());
        }
    }

    fn assume(&mut self, id: u64, landed: bool) {
        let reply = if self.assume_ledger(landed) {
            Reply::Done { text: "the ledger is settled".to_owned() }
        } else {
            Reply::Failed { text: "the ledger is not uncertain; there is nothing to assume".to_owned() }
        };
        self.reply(id, reply);
    }
}
