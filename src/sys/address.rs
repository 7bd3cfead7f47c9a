//! Addresses with their vhid: rtnetlink messages (rtnetlink(4), `sys/netlink/route/ifaddrs.h`) and the ioctl arguments
//! `struct in_aliasreq` and `struct in6_aliasreq` (`sys/netinet/in_var.h`, `sys/netinet6/in6_var.h`).
//!
//! Adding an address that exists replaces it, which bounces its vhid; and adding any address to an interface that is down
//! raises it. Whoever writes has to look first.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::netlink::{ACK, Builder, CREATE, DUMP, DecodeError, Message, array, attributes, number};
use super::pfsync::{sockaddr4, sockaddr6};
use crate::model::{InterfaceName, Vhid};

/// SIOCAIFADDR, `_IOW('i', 43, struct ifaliasreq)`
pub const SIOCAIFADDR: u64 = 0x8044_692b;
/// SIOCDIFADDR, `_IOW('i', 25, struct ifreq)`
pub const SIOCDIFADDR: u64 = 0x8020_6919;
/// SIOCAIFADDR_IN6, `_IOW('i', 27, struct in6_aliasreq)`
pub const SIOCAIFADDR_IN6: u64 = 0x8088_691b;
/// SIOCDIFADDR_IN6, `_IOW('i', 25, struct in6_ifreq)`
pub const SIOCDIFADDR_IN6: u64 = 0x8120_6919;

const NEWADDR: u16 = 20;
const DELADDR: u16 = 21;
const GETADDR: u16 = 22;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 28;

/// The attributes' numbers.
mod attribute {
    pub(super) const ADDRESS: u16 = 1;
    pub(super) const LOCAL: u16 = 2;
    pub(super) const CACHEINFO: u16 = 6;
    pub(super) const FREEBSD: u16 = 11;
    /// Within [`FREEBSD`].
    pub(super) const VHID: u16 = 1;
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The interface's number.
    pub interface: u32,
    /// The address with its prefix length, without the scope that the kernel embeds into link-local ones.
    pub net: IpNet,
    /// The vhid it belongs to.
    pub vhid: Option<Vhid>,
}

/// Asks for all addresses of the interface with the number `interface`; 0 is every interface.
#[must_use]
pub fn get(interface: u32, seq: u32) -> Vec<u8> {
    Builder::request(GETADDR, DUMP, seq, &header(0, 0, interface)).finish()
}

/// Adds `net` to an interface, under a vhid if one is given.
#[must_use]
pub fn add(interface: u32, net: IpNet, vhid: Option<Vhid>, seq: u32) -> Vec<u8> {
    let request = Builder::request(NEWADDR, ACK | CREATE, seq, &header(family(net), net.prefix_len(), interface));
    let mut request = local(request, net);
    if net.addr().is_ipv6() {
        // Without lifetimes an IPv6 address is accepted and gone again a moment later.
        let mut lifetimes = [0; 16];
        lifetimes[..8].fill(0xff);
        request = request.attribute(attribute::CACHEINFO, &lifetimes);
    }
    if let Some(vhid) = vhid {
        let nested = [8u16.to_ne_bytes(), attribute::VHID.to_ne_bytes()].concat();
        let nested = [nested, u32::from(vhid.get()).to_ne_bytes().to_vec()].concat();
        request = request.attribute(attribute::FREEBSD, &nested);
    }
    request.finish()
}

/// Removes `net` from an interface.
#[must_use]
pub fn delete(interface: u32, net: IpNet, seq: u32) -> Vec<u8> {
    local(Builder::request(DELADDR, ACK, seq, &header(family(net), net.prefix_len(), interface)), net).finish()
}

fn local(request: Builder, net: IpNet) -> Builder {
    match net.addr() {
        IpAddr::V4(address) => request.attribute(attribute::LOCAL, &address.octets()),
        IpAddr::V6(address) => request.attribute(attribute::LOCAL, &address.octets()),
    }
}

/// `struct ifaddrmsg`
fn header(family: u8, prefix: u8, interface: u32) -> [u8; 8] {
    let [a, b, c, d] = interface.to_ne_bytes();
    [family, prefix, 0, 0, a, b, c, d]
}

const fn family(net: IpNet) -> u8 {
    if matches!(net, IpNet::V4(_)) { AF_INET } else { AF_INET6 }
}

impl Record {
    /// Reads one message of the answer to [`get`], or a notification about an address.
    ///
    /// # Errors
    /// An attribute of another size or out of range, or no address.
    pub fn decode(message: &Message<'_>) -> Result<Self, DecodeError> {
        let [family, prefix, _, _, a, b, c, d] =
            *message.body.first_chunk::<8>().ok_or(DecodeError::Short("address header"))?;
        let (mut address, mut vhid) = (None, None);
        for (kind, value) in attributes(&message.body[8..]) {
            match kind {
                attribute::LOCAL | attribute::ADDRESS => address = Some(address_of(family, kind, value)?),
                attribute::FREEBSD => vhid = vhid_in(value)?,
                _ => {}
            }
        }
        let address = address.ok_or(DecodeError::Missing(attribute::ADDRESS))?;
        let net = IpNet::new(address, prefix).map_err(|_| DecodeError::Range(attribute::ADDRESS))?;
        Ok(Self { interface: u32::from_ne_bytes([a, b, c, d]), net, vhid })
    }
}

fn address_of(family: u8, kind: u16, value: &[u8]) -> Result<IpAddr, DecodeError> {
    if family == AF_INET { Ok(array::<4>(kind, value)?.into()) } else { Ok(array::<16>(kind, value)?.into()) }
}

/// A plain IPv4 address has the attribute, empty.
fn vhid_in(freebsd: &[u8]) -> Result<Option<Vhid>, DecodeError> {
    let Some((kind, value)) = attributes(freebsd).find(|(kind, _)| *kind == attribute::VHID) else {
        return Ok(None);
    };
    Ok(Vhid::new(number(kind, value)?))
}

/// The argument of SIOCAIFADDR: 68 bytes.
#[must_use]
pub fn in_aliasreq(interface: &InterfaceName, net: ipnet::Ipv4Net, vhid: Option<Vhid>) -> [u8; 68] {
    let mut request = [0; 68];
    name(&mut request, interface);
    request[16..32].copy_from_slice(&sockaddr4(net.addr()));
    request[48..64].copy_from_slice(&sockaddr4(net.netmask()));
    request[64..].copy_from_slice(&number_of(vhid));
    request
}

/// The argument of SIOCAIFADDR_IN6: 136 bytes. `scope` is the interface's number for a link-local address, else 0.
#[must_use]
pub fn in6_aliasreq(interface: &InterfaceName, net: ipnet::Ipv6Net, scope: u32, vhid: Option<Vhid>) -> [u8; 136] {
    let mut request = [0; 136];
    name(&mut request, interface);
    request[16..44].copy_from_slice(&sockaddr6(net.addr(), scope));
    request[72..100].copy_from_slice(&sockaddr6(net.netmask(), 0));
    request[120..128].fill(0xff);
    request[128..132].copy_from_slice(&number_of(vhid));
    request
}

/// The argument of SIOCDIFADDR, a `struct ifreq`: 32 bytes. The length and family bytes of its address are what keeps the kernel
/// from taking the first address of the interface instead (`in_difaddr_ioctl()`).
#[must_use]
pub fn ifreq_with_address(interface: &InterfaceName, address: Ipv4Addr) -> [u8; 32] {
    let mut request = [0; 32];
    name(&mut request, interface);
    request[16..].copy_from_slice(&sockaddr4(address));
    request
}

/// The argument of SIOCDIFADDR_IN6: 288 bytes. `scope` is the interface's number for a link-local address, else 0.
#[must_use]
pub fn in6_ifreq(interface: &InterfaceName, address: Ipv6Addr, scope: u32) -> [u8; 288] {
    let mut request = [0; 288];
    name(&mut request, interface);
    request[16..44].copy_from_slice(&sockaddr6(address, scope));
    request
}

fn name(request: &mut [u8], interface: &InterfaceName) {
    let bytes = interface.as_str().as_bytes();
    request[..bytes.len()].copy_from_slice(bytes);
}

fn number_of(vhid: Option<Vhid>) -> [u8; 4] {
    vhid.map_or(0, |vhid| u32::from(vhid.get())).to_ne_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::netlink::{Answer, messages};
    use crate::sys::recorded::buffer;
    use proptest::prelude::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn requests_are_byte_for_byte_what_was_recorded() {
        let vhid = Vhid::new(7);
        assert_eq!(get(5, 1), buffer("netlink-getaddr-dump.hex", "send"));
        assert_eq!(add(5, net("192.0.2.7/24"), vhid, 1), buffer("netlink-newaddr-v4-vhid.hex", "send"));
        assert_eq!(add(5, net("2001:db8:1::7/64"), vhid, 1), buffer("netlink-newaddr-v6-vhid.hex", "send"));
        assert_eq!(delete(5, net("192.0.2.7/24"), 1), buffer("netlink-deladdr-v4.hex", "send"));
    }

    #[test]
    fn a_dump_tells_every_address_and_its_vhid() {
        let datagram = buffer("netlink-getaddr-dump.hex", "recv.0");
        let records: Vec<(String, Option<u8>)> = messages(&datagram)
            .filter_map(|m| if let Ok(Answer::Data(data)) = m.unwrap().answer() { Some(data) } else { None })
            .map(|data| Record::decode(&data).unwrap())
            .map(|record| (record.net.to_string(), record.vhid.map(Vhid::get)))
            .collect();
        let expected = [
            ("192.0.2.11/24", None),
            ("2001:db8:1::11/64", None),
            ("fe80::5a9c:fcff:fe10:c82f/64", None),
            ("192.0.2.1/24", Some(1)),
            ("192.0.2.2/24", Some(2)),
            ("192.0.2.7/24", Some(7)),
            ("2001:db8:1::7/64", Some(7)),
        ];
        assert_eq!(records, expected.map(|(net, vhid)| (net.to_owned(), vhid)));
    }

    #[test]
    fn ioctl_arguments_have_their_fields_where_the_kernel_looks() {
        let abi: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/freebsd-15.1-amd64/abi.json")).unwrap();
        let field =
            |of: &str, name: &str| usize::try_from(abi["structs"][of]["fields"][name][0].as_u64().unwrap()).unwrap();
        let epair0b: InterfaceName = "epair0b".parse().unwrap();
        let four = in_aliasreq(&epair0b, "192.0.2.7/24".parse().unwrap(), Vhid::new(7));
        assert_eq!(four.len() as u64, abi["structs"]["struct in_aliasreq"]["size"]);
        assert_eq!(four[field("struct in_aliasreq", "ifra_vhid")], 7);
        assert_eq!(four[field("struct in_aliasreq", "ifra_mask") + 4..][..4], [255, 255, 255, 0]);
        let six = in6_aliasreq(&epair0b, "fe80::7/64".parse().unwrap(), 5, Vhid::new(7));
        assert_eq!(six.len() as u64, abi["structs"]["struct in6_aliasreq"]["size"]);
        assert_eq!(six[field("struct in6_aliasreq", "ifra_vhid")], 7);
        for lifetime in ["ifra_lifetime.ia6t_vltime", "ifra_lifetime.ia6t_pltime"] {
            assert_eq!(six[field("struct in6_aliasreq", lifetime)..][..4], [255; 4], "{lifetime}");
        }
        let gone = ifreq_with_address(&epair0b, Ipv4Addr::new(192, 0, 2, 7));
        assert_eq!(gone.len() as u64, abi["structs"]["struct ifreq"]["size"]);
        assert_eq!(gone[field("struct ifreq", "ifr_addr")..][..8], [16, 2, 0, 0, 192, 0, 2, 7]);
        let gone = in6_ifreq(&epair0b, "fe80::7".parse().unwrap(), 5);
        assert_eq!(gone.len() as u64, abi["structs"]["struct in6_ifreq"]["size"]);
        let at = field("struct in6_ifreq", "ifr_ifru.ifru_addr");
        assert_eq!((gone[at], gone[at + 1], gone[at + 8], gone[at + 23], gone[at + 24]), (28, 28, 0xfe, 7, 5));
        for (name, code) in [
            ("SIOCAIFADDR", SIOCAIFADDR),
            ("SIOCDIFADDR", SIOCDIFADDR),
            ("SIOCAIFADDR_IN6", SIOCAIFADDR_IN6),
            ("SIOCDIFADDR_IN6", SIOCDIFADDR_IN6),
        ] {
            assert_eq!(abi["ioctl"][name], format!("{code:#x}"), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_mutated_dump_is_read_or_refused_without_harm(at in 0..628usize, byte: u8, cut in 0..628usize) {
            let mut datagram = buffer("netlink-getaddr-dump.hex", "recv.0");
            datagram[at] = byte;
            datagram.truncate(628 - cut);
            for message in messages(&datagram).flatten() {
                let _ = Record::decode(&message);
            }
        }
    }
}
