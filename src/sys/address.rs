//! Addresses with their vhid: rtnetlink messages (rtnetlink(4), `sys/netlink/route/ifaddrs.h`) and the ioctl arguments
//! `struct in_aliasreq` and `struct in6_aliasreq` (`sys/netinet/in_var.h`, `sys/netinet6/in6_var.h`).
//!
//! Adding an address that exists replaces it, which bounces its vhid; and adding any address to an interface that is down
//! raises it. Whoever writes has to look first.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::ifreq;
use super::netlink::{ACK, Builder, CREATE, DUMP, DecodeError, Message, array, attributes, number};
use super::sockaddr::{self, AF_INET, AF_INET6};
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

/// `struct in_aliasreq`
mod alias {
    use super::super::sockaddr::V4;
    pub(super) const ADDRESS: usize = 16;
    pub(super) const MASK: usize = ADDRESS + 2 * V4;
    pub(super) const VHID: usize = MASK + V4;
    pub(super) const SIZE: usize = VHID + 4;
}

/// `struct in6_aliasreq`
mod alias6 {
    use super::super::sockaddr::V6;
    pub(super) const ADDRESS: usize = 16;
    pub(super) const MASK: usize = ADDRESS + 2 * V6;
    /// How long the address is valid, then how long it is preferred.
    pub(super) const LIFETIMES: usize = 120;
    pub(super) const VHID: usize = LIFETIMES + 8;
    pub(super) const SIZE: usize = 136;
}

/// `struct in6_ifreq`: what is not the address is room for statistics that other requests want.
const IN6_IFREQ: usize = 288;

// Each request code contains the size of its argument, so a layout that does not add up is noticed here.
const _: () = assert!(alias::SIZE == ifreq::argument_size(SIOCAIFADDR));
const _: () = assert!(ifreq::SIZE == ifreq::argument_size(SIOCDIFADDR));
const _: () = assert!(alias6::SIZE == ifreq::argument_size(SIOCAIFADDR_IN6));
const _: () = assert!(IN6_IFREQ == ifreq::argument_size(SIOCDIFADDR_IN6));
const _: () = assert!(alias6::MASK + sockaddr::V6 <= alias6::LIFETIMES && alias6::VHID + 4 <= alias6::SIZE);

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

/// The argument of SIOCAIFADDR: 68 bytes. The kernel derives the broadcast address.
#[must_use]
pub fn in_aliasreq(interface: &InterfaceName, net: Ipv4Net, vhid: Option<Vhid>) -> [u8; alias::SIZE] {
    let mut request = [0; alias::SIZE];
    ifreq::name(&mut request, interface);
    request[alias::ADDRESS..][..sockaddr::V4].copy_from_slice(&sockaddr::v4(net.addr()));
    request[alias::MASK..][..sockaddr::V4].copy_from_slice(&sockaddr::v4(net.netmask()));
    request[alias::VHID..].copy_from_slice(&number_of(vhid));
    request
}

/// The argument of SIOCAIFADDR_IN6: 136 bytes. `scope` is the interface's number for a link-local address, else 0.
#[must_use]
pub fn in6_aliasreq(interface: &InterfaceName, net: Ipv6Net, scope: u32, vhid: Option<Vhid>) -> [u8; alias6::SIZE] {
    let mut request = [0; alias6::SIZE];
    ifreq::name(&mut request, interface);
    request[alias6::ADDRESS..][..sockaddr::V6].copy_from_slice(&sockaddr::v6(net.addr(), scope));
    request[alias6::MASK..][..sockaddr::V6].copy_from_slice(&sockaddr::v6(net.netmask(), 0));
    request[alias6::LIFETIMES..alias6::VHID].fill(0xff);
    request[alias6::VHID..][..4].copy_from_slice(&number_of(vhid));
    request
}

/// The argument of SIOCDIFADDR, a `struct ifreq`: 32 bytes. The length and family bytes of its address are what keeps the kernel
/// from taking the first address of the interface instead (`in_difaddr_ioctl()`).
#[must_use]
pub fn ifreq_with_address(interface: &InterfaceName, address: Ipv4Addr) -> [u8; ifreq::SIZE] {
    let mut request = ifreq::about(interface);
    request[ifreq::UNION_AT..].copy_from_slice(&sockaddr::v4(address));
    request
}

/// The argument of SIOCDIFADDR_IN6: 288 bytes. `scope` is the interface's number for a link-local address, else 0.
#[must_use]
pub fn in6_ifreq(interface: &InterfaceName, address: Ipv6Addr, scope: u32) -> [u8; IN6_IFREQ] {
    let mut request = [0; IN6_IFREQ];
    ifreq::name(&mut request, interface);
    request[ifreq::UNION_AT..][..sockaddr::V6].copy_from_slice(&sockaddr::v6(address, scope));
    request
}

fn number_of(vhid: Option<Vhid>) -> [u8; 4] {
    vhid.map_or(0, |vhid| u32::from(vhid.get())).to_ne_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::netlink::{Answer, messages};
    use crate::sys::recorded::{abi, buffer, text};
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
    fn notifications_about_addresses_say_what_the_listener_saw() {
        let recorded = text("rtnetlink-events.txt");
        let mut seen = 0;
        for line in recorded.lines() {
            let Some((_, rest)) = line.split_once("rtnl NEWADDR ").or_else(|| line.split_once("rtnl DELADDR ")) else {
                continue;
            };
            let words: Vec<&str> = rest.split([' ', '=']).collect();
            let [address, "vhid", vhid, "index", index, "bytes", hex] = words[..] else { panic!("{line}") };
            let bytes: Vec<u8> =
                (0..hex.len() / 2).filter_map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()).collect();
            let message = messages(&bytes).next().unwrap().unwrap();
            let record = Record::decode(&message).unwrap();
            assert_eq!(record.net.addr().to_string(), address);
            assert_eq!(record.vhid.map_or(-1, |vhid| i32::from(vhid.get())).to_string(), vhid, "{line}");
            assert_eq!(record.interface.to_string(), index);
            seen += 1;
        }
        assert_eq!(seen, 17);
    }

    #[test]
    fn what_nobody_may_see_is_left_out_of_no_dump() {
        assert_eq!(buffer("netlink-getaddr-dump-nobody.hex", "recv.0"), buffer("netlink-getaddr-dump.hex", "recv.0"));
    }

    #[test]
    fn refusals_and_the_address_without_lifetimes_are_answered_as_recorded() {
        for (file, expected) in [
            ("netlink-newaddr-v4-vhid.hex", 0),
            ("netlink-newaddr-v6-vhid.hex", 0),
            ("netlink-deladdr-v4.hex", 0),
            // Accepted, and gone again a moment later: that is why lifetimes are always sent.
            ("netlink-newaddr-nolifetime.hex", 0),
            ("netlink-newaddr-eperm.hex", 1),
            ("netlink-newaddr-unknown-vhid.hex", 2),
            ("netlink-deladdr-missing.hex", 49),
        ] {
            let received = buffer(file, "recv.0");
            let answer = messages(&received).next().unwrap().unwrap().answer().unwrap();
            assert!(matches!(answer, Answer::Status { errno, .. } if errno == expected), "{file}: {answer:?}");
        }
        let (bare, ours) =
            (buffer("netlink-newaddr-nolifetime.hex", "send"), buffer("netlink-newaddr-v6-vhid.hex", "send"));
        let lifetimes = |bytes: &[u8]| {
            let message = messages(bytes).next().unwrap().unwrap();
            attributes(&message.body[8..]).any(|(kind, _)| kind == attribute::CACHEINFO)
        };
        assert!(!lifetimes(&bare) && lifetimes(&ours));
    }

    #[test]
    fn ioctl_arguments_have_their_fields_where_the_kernel_looks() {
        let epair0b: InterfaceName = "epair0b".parse().unwrap();
        let four = in_aliasreq(&epair0b, "192.0.2.7/24".parse().unwrap(), Vhid::new(7));
        assert_eq!(four.len(), abi().size("struct in_aliasreq"));
        for (field, at) in [("ifra_addr", alias::ADDRESS), ("ifra_mask", alias::MASK), ("ifra_vhid", alias::VHID)] {
            assert_eq!(abi().field("struct in_aliasreq", field)[0], at, "{field}");
        }
        assert_eq!((four[alias::VHID], &four[alias::MASK + 4..][..4]), (7, &[255, 255, 255, 0][..]));
        let six = in6_aliasreq(&epair0b, "fe80::7/64".parse().unwrap(), 5, Vhid::new(7));
        assert_eq!(six.len(), abi().size("struct in6_aliasreq"));
        for (field, at) in [
            ("ifra_addr", alias6::ADDRESS),
            ("ifra_prefixmask", alias6::MASK),
            ("ifra_lifetime.ia6t_vltime", alias6::LIFETIMES),
            ("ifra_lifetime.ia6t_pltime", alias6::LIFETIMES + 4),
            ("ifra_vhid", alias6::VHID),
        ] {
            assert_eq!(abi().field("struct in6_aliasreq", field)[0], at, "{field}");
        }
        assert_eq!((six[alias6::VHID], &six[alias6::LIFETIMES..alias6::VHID]), (7, &[255; 8][..]));
        assert_eq!(six[alias6::ADDRESS + 24], 5, "the scope of a link-local address");
        assert_eq!(six[44..72], [0; 28], "a destination is refused on anything but a point-to-point interface");
    }

    #[test]
    fn deletions_name_one_address_completely() {
        let epair0b: InterfaceName = "epair0b".parse().unwrap();
        let four = ifreq_with_address(&epair0b, Ipv4Addr::new(192, 0, 2, 7));
        assert_eq!(four[16..24], [16, 2, 0, 0, 192, 0, 2, 7]);
        let six = in6_ifreq(&epair0b, "fe80::7".parse().unwrap(), 5);
        assert_eq!(six.len(), abi().size("struct in6_ifreq"));
        let [at, size] = abi().field("struct in6_ifreq", "ifr_ifru.ifru_addr");
        assert_eq!(six[at..at + size], sockaddr::v6("fe80::7".parse().unwrap(), 5));
    }

    #[test]
    fn numbers_are_those_of_the_kernel_s_headers() {
        for (name, code) in [
            ("SIOCAIFADDR", SIOCAIFADDR),
            ("SIOCDIFADDR", SIOCDIFADDR),
            ("SIOCAIFADDR_IN6", SIOCAIFADDR_IN6),
            ("SIOCDIFADDR_IN6", SIOCDIFADDR_IN6),
        ] {
            assert_eq!(abi().request(name), code, "{name}");
        }
        for (name, number) in [
            ("NL_RTM_NEWADDR", NEWADDR),
            ("NL_RTM_DELADDR", DELADDR),
            ("NL_RTM_GETADDR", GETADDR),
            ("IFA_ADDRESS", attribute::ADDRESS),
            ("IFA_LOCAL", attribute::LOCAL),
            ("IFA_CACHEINFO", attribute::CACHEINFO),
            ("IFA_FREEBSD", attribute::FREEBSD),
            ("IFAF_VHID", attribute::VHID),
            ("AF_INET", AF_INET.into()),
            ("AF_INET6", AF_INET6.into()),
        ] {
            assert_eq!(abi().constant(name), u64::from(number), "{name}");
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
