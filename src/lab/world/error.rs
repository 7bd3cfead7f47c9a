//! Why a node of the lab refuses something, with the errno that the kernel would give.

use std::net::IpAddr;

use crate::model::{InterfaceName, VhidRef};

/// Why a node refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabError {
    /// The node has no power.
    #[error("node {0} is powered off; boot it first")]
    Off(String),
    /// ENXIO.
    #[error("node {node} has no interface {interface}; add it to the node first")]
    NoInterface {
        /// The node.
        node: String,
        /// What was asked for.
        interface: InterfaceName,
    },
    /// EEXIST.
    #[error("node {node} already has an interface {interface}; choose another name")]
    InterfaceExists {
        /// The node.
        node: String,
        /// The name that is taken.
        interface: InterfaceName,
    },
    /// ENOPROTOOPT: an address was to be put under a vhid of an interface that has none at all.
    #[error("interface {} of node {node} has no vhid; set {vhid} before its addresses", vhid.interface)]
    NoVhids {
        /// The node.
        node: String,
        /// The vhid that was asked for.
        vhid: VhidRef,
    },
    /// ENOENT.
    #[error("node {node} has no vhid {vhid}; set it first")]
    NoVhid {
        /// The node.
        node: String,
        /// The vhid that was asked for.
        vhid: VhidRef,
    },
    /// EADDRNOTAVAIL.
    #[error("interface {interface} of node {node} has no address {address}; nothing to remove")]
    NoAddress {
        /// The node.
        node: String,
        /// The interface.
        interface: InterfaceName,
        /// The address that was asked for.
        address: IpAddr,
    },
    /// EINVAL.
    #[error("pfsync of node {node}: {what}")]
    Pfsync {
        /// The node.
        node: String,
        /// What is wrong, and what would be right.
        what: String,
    },
}

impl LabError {
    /// The number that the system call would have failed with. ENODEV stands for a node without power, which answers no call at all.
    #[must_use]
    pub const fn errno(&self) -> i32 {
        match self {
            Self::Off(_) => 19,
            Self::NoInterface { .. } => 6,
            Self::InterfaceExists { .. } => 17,
            Self::NoVhids { .. } => 42,
            Self::NoVhid { .. } => 2,
            Self::NoAddress { .. } => 49,
            Self::Pfsync { .. } => 22,
        }
    }
}
