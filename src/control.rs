//! The language of the control socket: one JSON object per line, both ways.
//!
//! A client sends one [`Ask`] and gets one [`Answer`]; after [`Ask::Follow`] answers keep coming until either side closes.
//! Whoever may connect may ask; only root, the daemon's own user and members of the admin group may ask for a change.

use serde::{Deserialize, Serialize};

use crate::core::io::{Note, Reply, Request};
use crate::core::status::Status;
use crate::model::{ServiceName, Wall};

/// The longest line either side accepts, in bytes.
pub const LONGEST_LINE: usize = 4 << 20;

/// The longest question the daemon accepts, in bytes.
pub const LONGEST_ASK: usize = 64 << 10;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// The state of the node.
    Status,
    /// What happened, the newest last.
    History {
        /// At most so many entries.
        limit: usize,
    },
    /// What happens from now on.
    Follow,
    /// May this service run on this node now?
    MayRun {
        /// The service, or the script of rc(8) that one drives.
        service: ServiceName,
    },
    /// The metrics, as Prometheus text.
    Metrics,
    /// The configuration in force, as a carpd.toml that shows every default.
    ConfigShow,
    /// The kernel may have changed: look at it.
    Nudge,
    /// Read the configuration again.
    Reload,
    /// Change something.
    Change {
        /// What.
        change: Request,
    },
}

impl Ask {
    /// Whether it takes more than the right to read.
    #[must_use]
    pub const fn changes(&self) -> bool {
        matches!(self, Self::Nudge | Self::Reload | Self::Change { .. })
    }
}

/// What the daemon answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// To [`Ask::Status`].
    Status {
        /// The state of the node.
        status: Box<Status>,
    },
    /// To [`Ask::History`].
    History {
        /// The newest last.
        entries: Vec<Entry>,
    },
    /// One of many to [`Ask::Follow`].
    Event {
        /// What happened.
        entry: Entry,
    },
    /// To [`Ask::MayRun`].
    MayRun {
        /// Whether it may.
        allowed: bool,
        /// Why.
        text: String,
    },
    /// To [`Ask::Metrics`] and [`Ask::ConfigShow`].
    Text {
        /// The text.
        text: String,
    },
    /// To [`Ask::Nudge`], [`Ask::Reload`] and [`Ask::Change`].
    Reply {
        /// How it went.
        reply: Reply,
    },
    /// The asker has no right to it.
    Denied {
        /// Who may.
        text: String,
    },
    /// The question could not be understood, or there are too many askers.
    Error {
        /// Cause and remedy.
        text: String,
    },
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Entry {
    /// Counts up from the first entry of this history, without gaps.
    pub seq: u64,
    /// When.
    #[cfg_attr(test, schemars(with = "String"))]
    pub time: Wall,
    /// What.
    #[serde(flatten)]
    pub note: Note,
}
