//! The one door to the kernel: everything carpd reads from or writes to CARP passes here.

// What is decided about a write, and how netlink is spoken, is FreeBSD's and yet tested everywhere.
#[cfg(any(target_os = "freebsd", test))]
#[cfg_attr(not(target_os = "freebsd"), allow(dead_code, reason = "some of it only a running kernel needs"))]
mod decide;
#[cfg(any(target_os = "freebsd", test))]
mod exchange;
#[cfg(target_os = "freebsd")]
mod freebsd;
mod interfaces;
pub mod lab;
mod processes;
#[cfg(any(target_os = "freebsd", test))]
mod refusal;

use std::io;

#[cfg(target_os = "freebsd")]
pub(crate) use freebsd::multicast;
pub use interfaces::interfaces;
pub use processes::{Process, processes};

use crate::model::{Demotion, InterfaceName, Inventory, Snapshot, Write};

/// A node's CARP, pfsync and interfaces: FreeBSD's own, or a lab's model of them.
///
/// Every call but [`Kernel::set_link`] is short and bounded, so the daemon may make it from its event loop.
pub trait Kernel {
    /// One look at everything a decision needs, the interfaces `links` among it.
    ///
    /// # Errors
    /// The kernel, or the lab, cannot be asked. "No vhid here" is not an error but an empty list.
    fn snapshot(&mut self, links: &[InterfaceName]) -> Result<Snapshot, KernelError>;

    /// Adds `delta` to `net.inet.carp.demotion`, as writing the sysctl does (`carp_demote_adj_sysctl()`).
    ///
    /// # Errors
    /// Not permitted, or the kernel has no CARP.
    fn add_demotion(&mut self, delta: Demotion) -> Result<(), KernelError>;

    /// Brings an interface up or down, as [`Write::Link`] does. It is not short: a WireGuard tunnel that goes down waits for each of its
    /// peers (`wg_down()`), and one that comes up begins a handshake with each that has a keepalive (`wg_up()`). So the daemon makes this
    /// call on a thread of its own.
    ///
    /// # Errors
    /// There is no such interface, it is not permitted, or the interface did not follow.
    fn set_link(&mut self, interface: &InterfaceName, up: bool) -> Result<(), KernelError>;

    /// The kernel message buffer's lines about demotion, oldest first.
    ///
    /// # Errors
    /// The buffer cannot be read.
    fn demotion_log(&mut self) -> Result<Vec<DemotionLogLine>, KernelError>;
}

/// The way to change vhids, addresses, pfsync and CARP's variables. The daemon follows and demotes with [`Kernel`] alone.
pub trait Administer {
    /// One look at everything that can be changed. Keys are in it where this process may know them.
    ///
    /// # Errors
    /// The kernel, or the lab, cannot be asked.
    fn inventory(&mut self) -> Result<Inventory, KernelError>;

    /// Makes one write. What it needs to know of the present state it reads itself, immediately before.
    ///
    /// # Errors
    /// It was not made, and the error names its object and cause. What a failed call left half done was taken back.
    fn write(&mut self, write: &Write) -> Result<(), KernelError>;
}

/// `carp: demoted by AMOUNT to SUM (REASON)`, one line of the kernel's message buffer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DemotionLogLine {
    /// What was added.
    pub by: Demotion,
    /// The sum afterwards.
    pub to: Demotion,
    /// The kernel's word for the cause: `sysctl`, `interface down`, `pfsync bulk start`, ...
    pub reason: String,
}

impl DemotionLogLine {
    /// Reads a line of the kernel's message buffer (`carp_demote_adj()` writes it); `None` if it is about something else.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let rest = line.split_once("carp: demoted by ")?.1;
        let (by, rest) = rest.split_once(" to ")?;
        let (to, reason) = rest.split_once(" (")?;
        let reason = reason.trim_end().strip_suffix(')')?.to_owned();
        Some(Self { by: Demotion::new(by.parse().ok()?), to: Demotion::new(to.parse().ok()?), reason })
    }
}

/// Why the kernel could not be asked or changed.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// This platform has no CARP.
    #[error("this platform has no CARP; try `carpctl lab` for a pair of simulated nodes")]
    Unsupported,
    /// The CARP module is not loaded.
    #[error(
        "the kernel has no CARP: load it with `kldload carp`, and at every boot with carp_load=\"YES\" in loader.conf; in a jail, do so on its host"
    )]
    NoCarp,
    /// A write was not made, because of the state of things or because the kernel refused it.
    #[error("cannot {write}: {cause}; {remedy}")]
    Refused {
        /// The write, in the imperative: `add 192.0.2.1/24 to vhid 1@vtnet0`.
        write: String,
        /// What speaks against it. If it was the kernel, its own answer is quoted.
        cause: String,
        /// What to do about it.
        remedy: String,
    },
    /// A call failed.
    #[error("{call} {object}: {source}")]
    Call {
        /// The operation, e.g. `SIOCGVH` or `sysctl`.
        call: &'static str,
        /// What it was about, e.g. `1@vtnet0`.
        object: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The lab is gone or does not answer.
    #[error("lab kernel {path}: {source}; is `carpctl lab up` still running?")]
    Lab {
        /// The lab's socket.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
}

/// The kernel that a configuration names: `freebsd`, or `lab:PATH` for a lab node.
///
/// # Errors
/// [`KernelError::Unsupported`] where this platform has no CARP.
pub fn open(name: &str) -> Result<Box<dyn Kernel>, KernelError> {
    match name.strip_prefix("lab:") {
        Some(path) => Ok(Box::new(lab::LabKernel::new(path))),
        #[cfg(target_os = "freebsd")]
        None => Ok(Box::new(freebsd::FreeBsd::new())),
        #[cfg(not(target_os = "freebsd"))]
        None => Err(KernelError::Unsupported),
    }
}

/// The way to change the kernel that a configuration names; the name is that of [`open`].
///
/// # Errors
/// [`KernelError::Unsupported`] where this platform has no CARP.
pub fn administer(name: &str) -> Result<Box<dyn Administer>, KernelError> {
    match name.strip_prefix("lab:") {
        Some(path) => Ok(Box::new(lab::LabKernel::new(path))),
        #[cfg(target_os = "freebsd")]
        None => Ok(Box::new(freebsd::FreeBsd::new())),
        #[cfg(not(target_os = "freebsd"))]
        None => Err(KernelError::Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_lines_about_demotion_are_understood_and_others_are_not() {
        let line = DemotionLogLine::parse("<6>carp: demoted by -240 to 480 (send error 13 on epair0b)\n").unwrap();
        assert_eq!((line.by.get(), line.to.get(), line.reason.as_str()), (-240, 480, "send error 13 on epair0b"));
        for other in ["carp: 1@em0: INIT -> BACKUP (initialization complete)", "carp: demoted by x to 0 (sysctl)", ""] {
            assert_eq!(DemotionLogLine::parse(other), None);
        }
    }
}
