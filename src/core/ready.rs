//! Whether this node could do its work: what a start of its services would need is there, as far as that is known before MASTER.

use super::Core;
use super::io::{Level, Topic};
use super::service::Is;
use crate::model::{CarpState, ServiceName};

impl Core {
    /// Somebody has looked at what a start of `service` would need.
    pub(super) fn looked_for_needs(&mut self, service: &ServiceName, lacks: Option<String>) {
        let Some(at) = self.policy.services.iter().position(|policy| policy.name == *service) else { return };
        let conditions = &mut self.services[at].start;
        if conditions.lacks == lacks {
            return;
        }
        let (level, text) = match &lacks {
            Some(what) => (Level::Warning, format!("not ready: {what}")),
            None => (Level::Info, "ready: nothing is missing any more".to_owned()),
        };
        conditions.lacks = lacks;
        self.note(level, Topic::Service, service.as_str(), text);
    }

    /// What keeps this node from being ready to take over; empty if nothing does. Services in a person's hands do not count.
    pub(super) fn obstacles(&self) -> Vec<String> {
        let mut obstacles = Vec::new();
        let Some(look) = self.observer.known() else { return vec!["the kernel cannot be read".to_owned()] };
        if look.vhids.is_empty() && self.policy.vhids.is_empty() {
            // Before the network is up.
            obstacles.push("the kernel has no vhid".to_owned());
        }
        for vhid in look.vhids.iter().filter(|vhid| vhid.state == CarpState::Init) {
            obstacles.push(format!("{} is INIT", vhid.id));
        }
        for id in self.policy.vhids.iter().filter(|id| look.vhid(id).is_none()) {
            obstacles.push(format!("{id} is absent"));
        }
        if look.pfsync.as_ref().is_some_and(|pfsync| pfsync.syncdev.is_some() && !pfsync.in_sync) {
            obstacles.push("pfsync is not in sync".to_owned());
        }
        for (policy, service) in self.policy.services.iter().zip(&self.services).filter(|(_, s)| !s.unmanaged) {
            if let Some(why) = service.start.obstacle() {
                obstacles.push(format!("{}: {why}", policy.name));
            } else if service.needs_a_look(policy) {
                obstacles.push(format!("{} was not looked at yet", policy.name));
            } else if policy.is_warm() && service.is != Is::Running {
                obstacles.push(format!("{} does not run yet", policy.name));
            }
        }
        obstacles
    }
}
