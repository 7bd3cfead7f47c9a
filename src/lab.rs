//! The lab: a model of FreeBSD's CARP and pfsync in virtual time, on which configurations, decisions and faults are tried.
//!
//! No I/O, no threads, no clock of its own: whoever owns a [`world::World`] moves its time.
#![forbid(unsafe_code)]

pub mod world;
