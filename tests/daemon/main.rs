//! Promises of the daemon, held by the real program between a kernel and a devd that the test plays.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code, reason = "these are tests")]

mod follow;
mod support;
