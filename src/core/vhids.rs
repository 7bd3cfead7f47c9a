//! Follows the states of the vhids from look to look.

use super::Core;
use super::io::{Level, Topic};
use super::ledger::Ledger;
use crate::kernel::DemotionLogLine;
use crate::model::{CarpState, Now, Snapshot, VhidRef};

/// A vhid's state and since when it has it, if the change was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    pub(super) at: Option<Now>,
    state: Option<CarpState>,
    /// Changes seen in this run.
    pub(super) transitions: u64,
}

impl Core {
    pub(super) fn read(&mut self, result: Result<Snapshot, String>, log: &[DemotionLogLine], now: Now) {
        if let Ok(snapshot) = &result {
            self.adverts.seen(snapshot, now.mono);
            if self.ledger == Ledger::Unread {
                self.recover(snapshot, log, now);
            }
            self.notice_wiped_share(snapshot.sysctls.demotion);
            if self.observer.unreadable().is_some() && self.observer.seen().is_some() {
                self.note(Level::Info, Topic::Daemon, "", "the kernel can be read again".to_owned());
            }
            self.follow_vhids(snapshot, now);
            self.services.iter_mut().for_each(|service| service.start.looked());
        } else if let Err(why) = &result
            && self.observer.unreadable().is_none_or(|(_, before)| before != why)
        {
            // Once for each cause, and at the start too: a daemon that can see nothing has to say so.
            self.note(Level::Error, Topic::Daemon, "", format!("the kernel cannot be read: {why}"));
        }
        self.looked = result.is_ok();
        self.looked_for_share = result.is_ok() && self.share_is_wrong();
        self.observer.read(result, self.policy.poll, now);
    }

    fn follow_vhids(&mut self, snapshot: &Snapshot, now: Now) {
        let first_look = self.observer.seen().is_none();
        for vhid in &snapshot.vhids {
            self.follow_vhid(&vhid.id, Some(vhid.state), first_look, now);
        }
        let gone: Vec<VhidRef> = self
            .since
            .iter()
            .filter(|(id, s)| s.state.is_some() && snapshot.vhid(id).is_none())
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            self.follow_vhid(&id, None, false, now);
        }
    }

    fn follow_vhid(&mut self, id: &VhidRef, state: Option<CarpState>, first_look: bool, now: Now) {
        let old = self.since.get(id).copied();
        let before = old.and_then(|s| s.state);
        if old.is_some() && before == state {
            return;
        }
        let at = (!first_look).then_some(now);
        let transitions = old.map_or(0, |s| s.transitions) + u64::from(!first_look);
        self.since.insert(id.clone(), Since { at, state, transitions });
        let word = |state: Option<CarpState>| state.map_or("absent", CarpState::as_str);
        if first_look {
            self.note(Level::Info, Topic::Vhid, &id.to_string(), format!("is {}", word(state)));
            return;
        }
        if let Some(state) = state {
            self.events.seen(id, state, now.mono);
        }
        let held = old
            .and_then(|s| s.at)
            .map_or_else(String::new, |since| format!(" after {:.1} s", now.mono.since(since.mono).as_secs_f64()));
        let text = format!("{} -> {}{held}", word(before), word(state));
        self.note(Level::Info, Topic::Vhid, &id.to_string(), text);
    }

    pub(super) fn is_master_by_carp(&self) -> bool {
        self.observer.known().is_some_and(is_master_by_carp)
    }
}

/// Whether this node owns something that a demotion could have kept from it.
pub(super) fn is_master_by_carp(snapshot: &Snapshot) -> bool {
    snapshot.vhids.iter().any(|v| v.state == CarpState::Master && v.carp().is_some())
}
