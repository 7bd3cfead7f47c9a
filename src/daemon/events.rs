//! Events, as hints: one task for each of their sources.
//!
//! devd is everywhere. On FreeBSD the kernel is also listened to directly, because devd passes nothing on while it runs
//! somebody's slow action: over `nlsysevent` where that module is loaded, and over rtnetlink. The same change then comes as
//! two or three hints, which costs a look each and is harmless.

mod devd;
#[cfg(any(target_os = "freebsd", test))]
mod netlink;

use tokio::sync::mpsc::UnboundedSender;

use super::Event;
use crate::config::settings;
use crate::core::Input;
use crate::core::events::EventSource;
use crate::model::{CarpState, VhidRef};
use crate::sys;

/// The most records that are taken as one hint, so that a storm without end cannot keep the daemon from acting.
const MOST_RECORDS: usize = 16_384;

/// Begins to follow every source that there is for the kernel of `node`.
pub(super) fn follow(node: &settings::Node, events: &UnboundedSender<Event>) {
    tokio::spawn(devd::follow(node.devd_socket.clone(), events.clone()));
    #[cfg(target_os = "freebsd")]
    if node.kernel == settings::KernelChoice::Freebsd {
        netlink::follow_all(events);
    }
}

/// Where a source's hints go.
struct Sink {
    source: EventSource,
    events: UnboundedSender<Event>,
}

impl Sink {
    fn new(source: EventSource, events: UnboundedSender<Event>) -> Self {
        Self { source, events }
    }

    /// The source came or went.
    fn connected(&self, connected: bool) {
        // Nobody takes it only when the daemon is ending, which ends the task as well.
        let input = Input::EventSource { source: self.source, connected };
        let _ = self.events.send(Event::Input(Box::new(input)));
    }

    /// Passes on a batch, if there is anything in it that matters.
    fn hint(&self, batch: Batch) {
        if batch.matters {
            let _ = self.events.send(Event::Hint { source: self.source, changes: batch.changes });
        }
    }
}

/// All records that were there to be read.
#[derive(Default)]
struct Batch {
    records: usize,
    matters: bool,
    changes: Vec<(VhidRef, CarpState)>,
}

impl Batch {
    fn take(&mut self, event: Option<sys::devd::Event>) {
        self.records += 1;
        match event {
            Some(sys::devd::Event::Carp(id, state)) => {
                self.matters = true;
                self.changes.push((id, state));
            }
            Some(sys::devd::Event::Other) => self.matters = true,
            None => {}
        }
    }

    fn is_empty(&self) -> bool {
        self.records == 0
    }

    fn is_full(&self) -> bool {
        self.records >= MOST_RECORDS
    }
}
