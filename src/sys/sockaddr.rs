//! Socket addresses as FreeBSD has them: the first byte is the length (`sys/sys/socket.h`, `sys/netinet/in.h`,
//! `sys/netinet6/in6.h`).

use std::net::{Ipv4Addr, Ipv6Addr};

/// `AF_INET`
pub(super) const AF_INET: u8 = 2;
/// `AF_INET6`
pub(super) const AF_INET6: u8 = 28;

/// Bytes of `struct sockaddr_in`.
pub(super) const V4: usize = 16;
/// Bytes of `struct sockaddr_in6`.
pub(super) const V6: usize = 28;

const V4_ADDRESS: usize = 4;
const V6_ADDRESS: usize = 8;
const V6_SCOPE: usize = 24;

const _: () = assert!(V6_ADDRESS + 16 == V6_SCOPE && V6_SCOPE + 4 == V6 && V4_ADDRESS + 4 <= V4);

/// `struct sockaddr_in`
pub(super) fn v4(address: Ipv4Addr) -> [u8; V4] {
    let mut bytes = [0; V4];
    (bytes[0], bytes[1]) = (V4 as u8, AF_INET);
    bytes[V4_ADDRESS..V4_ADDRESS + 4].copy_from_slice(&address.octets());
    bytes
}

/// `struct sockaddr_in6`
pub(super) fn v6(address: Ipv6Addr, scope: u32) -> [u8; V6] {
    let mut bytes = [0; V6];
    (bytes[0], bytes[1]) = (V6 as u8, AF_INET6);
    bytes[V6_ADDRESS..V6_SCOPE].copy_from_slice(&address.octets());
    bytes[V6_SCOPE..].copy_from_slice(&scope.to_ne_bytes());
    bytes
}

/// The address in a `struct sockaddr_in`.
pub(super) fn address4(bytes: &[u8]) -> Option<Ipv4Addr> {
    bytes.get(V4_ADDRESS..)?.first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets))
}

/// The address and the scope in a `struct sockaddr_in6`.
pub(super) fn address6(bytes: &[u8]) -> Option<(Ipv6Addr, u32)> {
    let octets = bytes.get(V6_ADDRESS..)?.first_chunk::<16>()?;
    let scope = bytes.get(V6_SCOPE..)?.first_chunk::<4>()?;
    Some((Ipv6Addr::from(*octets), u32::from_ne_bytes(*scope)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::recorded::{abi, buffers_in_order};

    #[test]
    fn addresses_are_byte_for_byte_what_the_kernel_gives() {
        let (mut seen4, mut seen6) = (0, 0);
        for (_, bytes) in buffers_in_order("getifaddrs.txt").into_iter().filter(|(name, _)| name == "ifa_addr") {
            match bytes.len() {
                V4 => {
                    assert_eq!(v4(address4(&bytes).unwrap())[..], bytes);
                    seen4 += 1;
                }
                V6 => {
                    let (address, scope) = address6(&bytes).unwrap();
                    assert_eq!(v6(address, scope)[..], bytes);
                    seen6 += 1;
                }
                _ => {}
            }
        }
        assert!(seen4 >= 3 && seen6 >= 3, "{seen4} {seen6}");
    }

    #[test]
    fn the_layout_is_the_kernel_s() {
        assert_eq!(abi().field("struct sockaddr_in", "sin_addr"), [V4_ADDRESS, 4]);
        assert_eq!(abi().field("struct sockaddr_in6", "sin6_addr"), [V6_ADDRESS, 16]);
        assert_eq!(abi().field("struct sockaddr_in6", "sin6_scope_id"), [V6_SCOPE, 4]);
        assert_eq!((abi().size("struct sockaddr_in"), abi().size("struct sockaddr_in6")), (V4, V6));
    }

    #[test]
    fn a_short_address_is_none() {
        assert_eq!(address4(&v4(Ipv4Addr::LOCALHOST)[..7]), None);
        assert_eq!(address6(&v6(Ipv6Addr::LOCALHOST, 1)[..27]), None);
    }
}
