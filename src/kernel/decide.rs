//! What a write comes to, given what the kernel has: nothing, one call, or a refusal.
//!
//! No system call is made here, so every case is tested on every platform. The rules are those of `sys/netinet/ip_carp.c`,
//! `sys/netinet/in.c`, `sys/netinet6/in6.c` and `sys/netpfil/pf/if_pfsync.c`.

pub(super) mod address;
pub(super) mod link;
pub(super) mod pfsync;
pub(super) mod vhid;

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use super::refusal::Refusal;
use crate::model::{InterfaceName, Vhid};

/// An interface as it is now.
#[derive(Clone, Debug)]
pub(super) struct Interface {
    /// The largest packet, in bytes.
    pub(in crate::kernel) mtu: u32,
    pub(super) name: InterfaceName,
    pub(super) up: bool,
    pub(super) link: bool,
    /// `IFF_DRV_RUNNING`
    pub(super) running: bool,
    pub(super) multicast: bool,
    pub(super) may_carry_carp: bool,
}

/// An address of an interface as it is now.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) interface: InterfaceName,
    pub(super) net: IpNet,
    pub(super) vhid: Option<Vhid>,
}

/// The interface called `name`.
fn interface<'a>(all: &'a [Interface], name: &InterfaceName) -> Result<&'a Interface, Refusal> {
    all.iter().find(|interface| interface.name == *name).ok_or_else(|| {
        let remedy = "compare the name with `ifconfig -l`: it may just have been renamed or destroyed";
        Refusal::new(format!("there is no interface {name}"), remedy)
    })
}

/// The address without the number of its interface, which the kernel keeps in the second 16 bits of a link-local one; not every way of
/// asking takes it out there (devd's records show it).
pub(super) fn without_scope(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(six) if six.is_unicast_link_local() => {
            let mut segments = six.segments();
            segments[1] = 0;
            Ipv6Addr::from(segments).into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedded_scope_is_taken_out_of_link_local_addresses_only() {
        for (from, to) in [
            ("fe80:5::6", "fe80::6"),
            ("fe80::6", "fe80::6"),
            ("2001:db8::6", "2001:db8::6"),
            ("fec0:5::6", "fec0:5::6"),
            ("192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(without_scope(from.parse().unwrap()), to.parse::<IpAddr>().unwrap());
        }
    }
}
