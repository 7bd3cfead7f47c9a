//! Every decision of carpd, as a pure function: `step(input, now) -> effects`.
//!
//! No I/O, no clock, no threads. The daemon, the lab and the tests drive the same code.
#![forbid(unsafe_code)]

pub mod policy;
