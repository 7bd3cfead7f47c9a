//! The lab: a faithful model of FreeBSD's CARP and pfsync, with carpd on top, that runs on any machine.

pub mod client;
pub mod cluster;
pub mod daemon;
pub mod dir;
pub mod gateway;
pub mod manners;
pub mod plan;
pub mod report;
pub mod scenario;
pub mod server;
pub mod story;
pub mod world;
