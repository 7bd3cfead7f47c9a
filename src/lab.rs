//! The lab: a faithful model of FreeBSD's CARP and pfsync, with carpd on top, that runs on any machine.

pub mod daemon;
pub mod world;
