//! The lab: a faithful model of FreeBSD's CARP and pfsync, with carpd on top, that runs on any machine.

pub mod cluster;
pub mod daemon;
pub mod plan;
pub mod scenario;
pub mod world;
