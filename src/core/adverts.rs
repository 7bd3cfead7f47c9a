//! What the counters of received adverts tell (`net.inet.carp.stats`).

use std::time::Duration;

use crate::model::{CarpState, Mono, Snapshot};

/// How long a failed authentication counts: a MASTER with the usual advbase sends ten adverts in this time.
const FRESH: Duration = Duration::from_secs(15);

/// Watches the counters from look to look.
#[derive(Debug, Default)]
pub(super) struct Adverts {
    badauth: Option<u64>,
    badauth_grew: Option<Mono>,
    /// Valid adverts of other nodes so far.
    heard: u64,
    /// As many had been heard when this node was last MASTER of everything it has, and so alone.
    alone: Option<u64>,
    /// As many had been heard at the last look, if this node was MASTER of everything then.
    ruled: Option<u64>,
}

impl Adverts {
    pub(super) fn seen(&mut self, snapshot: &Snapshot, now: Mono) {
        let counters = &snapshot.counters;
        if self.badauth.is_some_and(|last| counters.badauth > last) {
            self.badauth_grew = Some(now);
        }
        self.badauth = Some(counters.badauth);
        let received = counters.ipackets.saturating_add(counters.ipackets6);
        self.heard = received.saturating_sub(counters.badauth).saturating_sub(counters.badvhid);
        let master = |v: &crate::model::VhidSnapshot| v.state == CarpState::Master;
        if !snapshot.vhids.is_empty() && snapshot.vhids.iter().all(master) {
            // The counters are those of all vhids and of strangers, VRRP counts in them too (`carp_input()`), and a VRRP MASTER
            // lets another one of its priority talk on. What is heard even so tells nothing later.
            let silent = self.ruled.is_none_or(|heard| heard == self.heard);
            self.alone = silent.then_some(self.heard);
            self.ruled = Some(self.heard);
            return;
        }
        self.ruled = None;
        if self.alone.is_some_and(|alone| self.heard < alone) {
            // Somebody has set the counters to zero.
            self.alone = None;
        }
    }

    /// How long ago adverts were seen to fail authentication, if that is fresh enough to count.
    pub(super) fn badauth_ago(&self, now: Mono) -> Option<Duration> {
        self.badauth_grew.map(|at| now.since(at)).filter(|ago| *ago < FRESH)
    }

    /// Whether a valid advert has come in since this node was MASTER of everything: then another node has taken over, and
    /// this is no bounce. A MASTER hears none from its BACKUP, and a bounced one has yet to be replaced.
    ///
    /// Where nodes share the vhids between them there is always something to hear, and nothing is concluded.
    pub(super) fn another_master(&self) -> bool {
        self.alone.is_some_and(|alone| self.heard > alone)
    }
}
