//! Promises of the daemon, held by the real program between a kernel and a devd that the test plays.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, reason = "these are tests")]

mod clients;
mod conditions;
mod drain;
mod early;
mod follow;
mod hostile;
mod limits;
mod link;
mod nudge;
mod reload;
mod start;
mod state;
mod support;
mod syslog;
