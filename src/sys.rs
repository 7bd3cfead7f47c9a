//! Codecs of the kernel's interfaces: bytes and texts in, values out, and back. No system call, so they work and are tested
//! on every platform; numbers are in the byte order of the machine, as the kernel has them.
#![forbid(unsafe_code)]

pub mod address;
pub mod carp_netlink;
pub mod carp_request;
pub mod devd;
pub mod icmp;
pub mod if_data;
pub mod ifreq;
pub mod interface;
pub mod kernel_log;
pub mod netlink;
pub mod nlsysevent;
pub mod nvlist;
pub mod pfsync;
#[cfg(test)]
pub(crate) mod recorded;
pub mod rtnetlink;
mod sockaddr;
pub mod stats;
