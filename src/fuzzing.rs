//! The fuzz targets: one function for every parser of bytes that come from outside.
//!
//! A target takes any bytes. It panics if what they are read as breaks a promise: what can be written and read again has to
//! be the same, and what is refused has to be refused by an error. Nothing here is part of a program: cargo-fuzz drives the
//! targets (`fuzz/`, `make fuzz`), and the tests below drive them over the corpus and over changes to it, the same at every
//! run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken promise has to stop the fuzzer")]

mod core;
mod draw;
mod files;
mod kernel;
#[cfg(test)]
mod seeds;
mod sockets;
#[cfg(test)]
mod tests;

pub use self::core::core;
pub use crate::daemon::fuzzing::{control, history, http, state_file};
pub use files::{carpd_toml, config_xml, rc_conf, scenario};
pub use kernel::{
    address, carp_netlink, carp_request, devd, icmp, kernel_log, netlink, nvlist, pfsync, requests, stats,
};
pub use sockets::{answer, lab_ask};

/// A target's name and function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets. Each has a file `fuzz/fuzz_targets/NAME.rs` and a folder `fuzz/corpus/NAME`.
pub const TARGETS: &[Target] = &[
    ("address", address),
    ("answer", answer),
    ("carp_netlink", carp_netlink),
    ("carp_request", carp_request),
    ("carpd_toml", carpd_toml),
    ("config_xml", config_xml),
    ("control", control),
    ("core", core),
    ("devd", devd),
    ("history", history),
    ("http", http),
    ("icmp", icmp),
    ("kernel_log", kernel_log),
    ("lab_ask", lab_ask),
    ("netlink", netlink),
    ("nvlist", nvlist),
    ("pfsync", pfsync),
    ("rc_conf", rc_conf),
    ("requests", requests),
    ("scenario", scenario),
    ("state_file", state_file),
    ("stats", stats),
];
