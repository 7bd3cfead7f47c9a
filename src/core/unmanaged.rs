//! Services that a person has taken over for a while.
//!
//! Whoever repairs a service, or starts one on a standby to have it adopted, must not have carpd working against them; and nobody
//! remembers to switch something on again. So a service is given away with an end, which outlasts a restart and a reboot.
//!
//! Its verdicts stay what they were: giving a service away moves no VIP, neither away from a node nor back to one that is known to
//! be sick.

use super::Core;
use super::io::{Level, Reply, Topic};
use super::journal::{Journal, Unmanaged};
use crate::model::{Mono, Now, ServiceName, Wall};

impl Core {
    pub(super) fn unmanage(
        &mut self,
        id: u64,
        by: String,
        service: ServiceName,
        until: Wall,
        reason: String,
        now: Now,
    ) {
        if let Some(text) = self.unknown_service(&service) {
            return self.reply(id, Reply::Failed { text });
        }
        if until <= now.wall {
            let text = format!("the time for which {service} is to be left alone ends in the past");
            return self.reply(id, Reply::Failed { text });
        }
        let before = self.journal.unmanaged.get(&service);
        // Whoever asks for more time has no other reason than before.
        let reason = if reason.is_empty() { before.map_or_else(String::new, |b| b.reason.clone()) } else { reason };
        let taken = Unmanaged { reason, by, since: now.wall, until };
        let text = format!("{service} is {}", taken.said());
        self.journal.unmanaged.insert(service, taken);
        self.reply_when_durable(id, text);
    }

    pub(super) fn manage(&mut self, id: u64, by: String, service: ServiceName) {
        if self.journal.unmanaged.remove(&service).is_some() {
            let text = format!("{service} is managed by carpd again");
            self.given_back.insert(service, by);
            self.reply_when_durable(id, text);
        } else if let Some(text) = self.unknown_service(&service) {
            self.reply(id, Reply::Failed { text });
        } else {
            self.confirm(id, &format!("{service} is managed by carpd already"));
        }
    }

    fn unknown_service(&self, name: &ServiceName) -> Option<String> {
        let known: Vec<&str> = self.policy.services.iter().map(|policy| policy.name.as_str()).collect();
        let list = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        (!known.contains(&name.as_str()))
            .then(|| format!("carpd manages no service {name}; the configuration has {list}"))
    }

    /// Takes back what a person had for long enough.
    pub(super) fn end_unmanaged(&mut self, now: Now) {
        if self.writing.is_none() {
            self.journal.unmanaged.retain(|_, taken| !taken.expired(now.wall));
        }
    }

    /// When the next service comes back by itself.
    pub(super) fn next_unmanaged_end(&self, now: Now) -> Option<Mono> {
        let end = self.journal.unmanaged.values().map(Unmanaged::ends).min()?;
        Some(now.mono + end.since(now.wall))
    }

    /// Tells what has changed once it is durable.
    pub(super) fn tell_unmanaged(&mut self, written: &Journal) {
        let mut told = Vec::new();
        for (service, taken) in &written.unmanaged {
            if self.durable.unmanaged.get(service) != Some(taken) {
                told.push((service.clone(), format!("is {}; carpd neither starts, stops nor judges it", taken.said())));
            }
        }
        for (service, taken) in self.durable.unmanaged.iter().filter(|(s, _)| !written.unmanaged.contains_key(*s)) {
            let by = self.given_back.remove(service);
            let why =
                by.map_or_else(|| format!("the time of {} is over", taken.by), |by| format!("by the will of {by}"));
            told.push((service.clone(), format!("is managed again: {why}")));
        }
        for (service, text) in told {
            self.note(Level::Info, Topic::Service, service.as_str(), text);
        }
    }
}
