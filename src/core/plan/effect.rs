//! What a write causes beyond what it says.

use std::fmt;
use std::time::Duration;

use crate::model::{CarpState, VhidRef, VhidSettings};

/// What a step causes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The vhid goes through INIT and BACKUP, as at every change of its addresses (`carp_sc_state()`).
    Bounce {
        /// Which one.
        id: VhidRef,
        /// Its state now: MASTER or BACKUP.
        state: CarpState,
        /// How long it has no MASTER unless the peer takes over. Zero if it is not MASTER here.
        without_master: Duration,
    },
    /// Until the peer is changed as well, neither node takes the other one's adverts for its own vhid's, so both are MASTER.
    TwoMasters {
        /// Which vhid.
        id: VhidRef,
        /// What is different until then.
        differs: Differs,
    },
    /// The election is decided by other numbers from now on, so the vhid may move.
    MayMove {
        /// Which one.
        id: VhidRef,
    },
    /// The vhid takes part in the election for the first time. It becomes MASTER if it hears no better one.
    Begin {
        /// Which one.
        id: VhidRef,
        /// How long it listens.
        listens: Duration,
    },
    /// The vhid ceases to exist on this node.
    End {
        /// Which one.
        id: VhidRef,
        /// Its last state.
        state: CarpState,
    },
    /// pfsync asks the peer for all states. The node is demoted until it has them.
    Bulk,
    /// A better node takes over from a living MASTER from now on, or no longer.
    Preempt {
        /// It does.
        on: bool,
    },
}

/// What two nodes have different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Differs {
    /// The addresses, which are part of what an advert's digest is made of.
    Addresses,
    /// The key.
    Key,
    /// Where the adverts go.
    Peer,
}

impl Effect {
    /// The word for programs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Bounce { .. } => "bounce",
            Self::TwoMasters { .. } => "two_masters",
            Self::MayMove { .. } => "may_move",
            Self::Begin { .. } => "begin",
            Self::End { .. } => "end",
            Self::Bulk => "bulk_update",
            Self::Preempt { .. } => "preempt",
        }
    }

    /// The vhid that it is about; none if it is about the whole node.
    #[must_use]
    pub const fn vhid(&self) -> Option<&VhidRef> {
        match self {
            Self::Bounce { id, .. }
            | Self::TwoMasters { id, .. }
            | Self::MayMove { id }
            | Self::Begin { id, .. }
            | Self::End { id, .. } => Some(id),
            Self::Bulk | Self::Preempt { .. } => None,
        }
    }
}

/// How long a vhid that is BACKUP waits for a MASTER before it is one itself: three intervals, and its own skew.
///
/// Demotion makes no difference to it (`carp_setrun()`).
pub(super) fn takeover(settings: &VhidSettings) -> Duration {
    let skew = u64::from(settings.advskew.get()) * 1_000_000 / 256;
    Duration::from_micros(3_000_000 * u64::from(settings.advbase.get()) + skew)
}

/// A time as the plan tells it.
fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// For people.
impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bounce { id, state: CarpState::Master, without_master } => write!(
                f,
                "{id} leaves MASTER through INIT and is without MASTER for {}, unless the other node takes over",
                seconds(*without_master)
            ),
            Self::Bounce { id, state, .. } => write!(f, "{id} goes through INIT; {state} stays {state}"),
            Self::TwoMasters { id, differs } => {
                let what = match differs {
                    Differs::Addresses => "the other node has the same addresses",
                    Differs::Key => "the other node has the same key",
                    Differs::Peer => "the two nodes send their adverts to each other again",
                };
                write!(f, "both nodes are MASTER of {id} until {what}")
            }
            Self::MayMove { id } => write!(f, "{id} may move: the lower advskew wins"),
            Self::Begin { id, listens } => {
                write!(
                    f,
                    "{id} begins as BACKUP and is MASTER after {}, unless it hears a better one",
                    seconds(*listens)
                )
            }
            Self::End { id, state: CarpState::Master } => {
                write!(f, "{id} ends here without a farewell: the other node takes over after its timeout, 3 s or more")
            }
            Self::End { id, state } => write!(f, "{id} ends here, where it is {state}"),
            Self::Bulk => f.write_str(
                "the node is demoted by 240 until it has the other node's states: up to 5 s, or 65 s if nobody answers",
            ),
            Self::Preempt { on: true } => {
                f.write_str("from now on the node with the lower effective advskew takes over from a living MASTER")
            }
            Self::Preempt { on: false } => {
                f.write_str("from now on no demotion moves a vhid, so maintenance gives none away")
            }
        }
    }
}
