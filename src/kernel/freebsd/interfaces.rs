//! Interfaces, their links, and their addresses with vhids, all from one getifaddrs(3).
//!
//! `ifa_data` of every entry is a `struct if_data`: of the link entry its link state counts, of an address its vhid
//! (`lib/libc/net/getifaddrs.c`, `sys/net/if.h`).

use std::ffi::CStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::super::decide::{self, Address, Interface};
use crate::model::InterfaceName;
use crate::sys::if_data::{self, IfData};

/// All interfaces, in the order of their names, and all their addresses.
pub(in crate::kernel) fn list() -> io::Result<(Vec<Interface>, Vec<Address>)> {
    let list = List::get()?;
    let (mut interfaces, mut addresses) = (Vec::new(), Vec::new());
    for entry in list.entries() {
        // An interface with a name that carpd cannot name is none of its business.
        let Some(name) = entry.name() else { continue };
        match entry.family() {
            Some(libc::AF_LINK) => interfaces.extend(entry.interface(name)),
            Some(libc::AF_INET | libc::AF_INET6) => addresses.extend(entry.address(name)),
            _ => {}
        }
    }
    interfaces.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((interfaces, addresses))
}

/// The number of an interface, 0 if there is none of that name.
pub(super) fn number(name: &InterfaceName) -> u32 {
    nix::net::if_::if_nametoindex(name.as_str()).unwrap_or(0)
}

/// The list that getifaddrs(3) made, until it is dropped.
struct List(*mut libc::ifaddrs);

impl List {
    fn get() -> io::Result<Self> {
        let mut first = std::ptr::null_mut();
        // SAFETY: the function stores a pointer to a list that is ours until freeifaddrs(3).
        let failed = unsafe { libc::getifaddrs(&raw mut first) };
        if failed == 0 { Ok(Self(first)) } else { Err(io::Error::last_os_error()) }
    }

    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        // SAFETY: the list and each of its links are valid, or null at the end, as long as `self` lives.
        let first = unsafe { self.0.as_ref() };
        // SAFETY: likewise.
        std::iter::successors(first, |entry| unsafe { entry.ifa_next.as_ref() }).map(Entry)
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: the pointer came from getifaddrs(3) and no entry outlives the list.
        unsafe { libc::freeifaddrs(self.0) }
    }
}

struct Entry<'a>(&'a libc::ifaddrs);

impl Entry<'_> {
    fn name(&self) -> Option<InterfaceName> {
        // SAFETY: every entry has a name that ends in NUL.
        let name = unsafe { CStr::from_ptr(self.0.ifa_name) };
        name.to_str().ok()?.parse().ok()
    }

    fn family(&self) -> Option<i32> {
        // SAFETY: the address is null or begins with a `struct sockaddr`.
        unsafe { self.0.ifa_addr.as_ref() }.map(|address| i32::from(address.sa_family))
    }

    fn data(&self) -> Option<IfData> {
        // SAFETY: the data is null or a `struct if_data`, plain bytes of that size, that lives as long as the list.
        let bytes = unsafe { self.0.ifa_data.cast::<[u8; if_data::SIZE]>().as_ref() }?;
        IfData::decode(bytes)
    }

    fn interface(&self, name: InterfaceName) -> Option<Interface> {
        let data = self.data()?;
        let flags = i64::from(self.0.ifa_flags);
        let has = |flag: i32| flags & i64::from(flag) != 0;
        Some(Interface {
            name,
            up: has(libc::IFF_UP),
            link: data.link,
            running: has(libc::IFF_RUNNING),
            mtu: data.mtu,
            multicast: has(libc::IFF_MULTICAST),
            may_carry_carp: data.may_carry_carp() && has(libc::IFF_MULTICAST),
        })
    }

    fn address(&self, interface: InterfaceName) -> Option<Address> {
        let address = ip(self.0.ifa_addr)?;
        let mask = ip(self.0.ifa_netmask)?;
        let net = IpNet::with_netmask(address, mask).ok()?;
        let vhid = self.data().and_then(|data| data.vhid);
        Some(Address { interface, net, vhid })
    }
}

/// The address in a `struct sockaddr`. A mask has the family of its address, but not always its full length.
fn ip(address: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: the pointer is null or begins with a `struct sockaddr`.
    let family = i32::from(unsafe { address.as_ref() }?.sa_family);
    match family {
        libc::AF_INET => {
            // SAFETY: an address of this family is a `struct sockaddr_in`; getifaddrs(3) aligns and fills it.
            let address = unsafe { &*address.cast::<libc::sockaddr_in>() };
            Some(Ipv4Addr::from(address.sin_addr.s_addr.to_ne_bytes()).into())
        }
        libc::AF_INET6 => {
            // SAFETY: likewise a `struct sockaddr_in6`.
            let address = unsafe { &*address.cast::<libc::sockaddr_in6>() };
            Some(decide::without_scope(Ipv6Addr::from(address.sin6_addr.s6_addr).into()))
        }
        _ => None,
    }
}
