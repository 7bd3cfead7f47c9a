//! pfsync's configuration: the nvlist of SIOCGETPFSYNCNV and SIOCSETPFSYNCNV (`sys/netpfil/pf/pfsync_nv.c`), and the older
//! `struct pfsyncreq` (`sys/net/if_pfsync.h`) of kernels without them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::nvlist::{NvList, Value};
use crate::model::InterfaceName;

/// SIOCSETPFSYNC, `_IOW('i', 247, struct ifreq)`
pub const SIOCSETPFSYNC: u64 = 0x8020_69f7;
/// SIOCGETPFSYNC, `_IOWR('i', 248, struct ifreq)`
pub const SIOCGETPFSYNC: u64 = 0xc020_69f8;
/// SIOCSETPFSYNCNV, `_IOW('i', 249, struct ifreq)`
pub const SIOCSETPFSYNCNV: u64 = 0x8020_69f9;
/// SIOCGETPFSYNCNV, `_IOWR('i', 250, struct ifreq)`
pub const SIOCGETPFSYNCNV: u64 = 0xc020_69fa;

/// Bytes of `struct pfsyncreq`.
pub const LEGACY_SIZE: usize = 28;

/// `PFSYNCF_OK`: no bulk update is running, or one was given up.
const OK: u64 = 1;
/// `PFSYNCF_DEFER`
const DEFER: u64 = 2;

const AF_INET: u64 = 2;
const AF_INET6: u64 = 28;

/// What pfsync0 is told, and tells.
///
/// Setting it with a syncdev, even to what it is, requests a bulk update and demotes the node until that ends. So it is
/// compared first and written only if it differs; [`PartialEq`] compares what can be set and leaves [`Self::in_sync`] out.
#[derive(Clone, Debug)]
pub struct Pfsync {
    /// Where states are sent; without it pfsync is off.
    pub syncdev: Option<InterfaceName>,
    /// The unicast peer; `None` is the multicast group.
    pub syncpeer: Option<Peer>,
    /// How many updates of one state are collected, 0 to 255.
    pub maxupdates: u8,
    /// Hold the first packet of a connection until the peer knows its state.
    pub defer: bool,
    /// The message format: 1301, 1400 or 1500; 0 asks for the kernel's own.
    pub version: u32,
    /// No bulk update is running. Only read.
    pub in_sync: bool,
}

/// A peer's address. A link-local one is reached through the interface with the number `scope`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address.
    pub address: IpAddr,
    /// The interface's number, 0 if the address is not link-local.
    pub scope: u32,
}

impl PartialEq for Pfsync {
    fn eq(&self, other: &Self) -> bool {
        let settable = |p: &Self| (p.syncdev.clone(), p.syncpeer, p.maxupdates, p.defer, p.version);
        settable(self) == settable(other)
    }
}

impl Pfsync {
    /// The list for SIOCSETPFSYNCNV, always complete: the kernel takes an absent value for granted instead of refusing it, and
    /// makes an all-zero configuration of a list without `maxupdates` or `flags`.
    #[must_use]
    pub fn to_nvlist(&self) -> NvList {
        let mut list = NvList::default();
        if let Some(syncdev) = &self.syncdev {
            list = list.with("syncdev", Value::Text(syncdev.to_string()));
        }
        list = list
            .with("maxupdates", Value::Number(self.maxupdates.into()))
            .with("flags", Value::Number(if self.defer { DEFER } else { 0 }))
            .with("version", Value::Number(self.version.into()));
        match self.syncpeer {
            Some(peer) => list.with("syncpeer", Value::List(peer.to_nvlist())),
            None => list,
        }
    }

    /// Reads the list of SIOCGETPFSYNCNV; `None` if it is not one.
    #[must_use]
    pub fn from_nvlist(list: &NvList) -> Option<Self> {
        let flags = list.number("flags")?;
        Some(Self {
            syncdev: list.text("syncdev").filter(|name| !name.is_empty()).and_then(|name| name.parse().ok()),
            syncpeer: list.list("syncpeer").and_then(Peer::from_nvlist).filter(|peer| !peer.address.is_multicast()),
            maxupdates: u8::try_from(list.number("maxupdates")?).ok()?,
            defer: flags & DEFER != 0,
            version: u32::try_from(list.number("version")?).ok()?,
            in_sync: flags & OK != 0,
        })
    }

    /// The argument of SIOCSETPFSYNC, for kernels without SIOCSETPFSYNCNV. It has no place for the version, nor for an IPv6 peer:
    /// with one there is no such argument.
    #[must_use]
    pub fn to_legacy(&self) -> Option<[u8; LEGACY_SIZE]> {
        let mut request = [0; LEGACY_SIZE];
        if let Some(syncdev) = &self.syncdev {
            request[..syncdev.as_str().len()].copy_from_slice(syncdev.as_str().as_bytes());
        }
        match self.syncpeer.map(|peer| peer.address) {
            Some(IpAddr::V4(peer)) => request[16..20].copy_from_slice(&peer.octets()),
            Some(IpAddr::V6(_)) => return None,
            None => {}
        }
        request[20..24].copy_from_slice(&i32::from(self.maxupdates).to_ne_bytes());
        request[24..28].copy_from_slice(&(if self.defer { DEFER as i32 } else { 0 }).to_ne_bytes());
        Some(request)
    }

    /// Reads the answer of SIOCGETPFSYNC on a kernel that has nothing else: FreeBSD 13, whose only format is 1301.
    #[must_use]
    pub fn from_legacy(request: &[u8; LEGACY_SIZE]) -> Option<Self> {
        let name = request[..16].split(|byte| *byte == 0).next()?;
        let name = std::str::from_utf8(name).ok()?;
        let octets: [u8; 4] = request[16..20].try_into().ok()?;
        let maxupdates = i32::from_ne_bytes(request[20..24].try_into().ok()?);
        let flags = i32::from_ne_bytes(request[24..28].try_into().ok()?);
        let address = IpAddr::from(octets);
        let unicast = !address.is_multicast() && !address.is_unspecified();
        Some(Self {
            syncdev: if name.is_empty() { None } else { Some(name.parse().ok()?) },
            syncpeer: unicast.then_some(Peer { address, scope: 0 }),
            maxupdates: u8::try_from(maxupdates).ok()?,
            defer: i64::from(flags) & DEFER as i64 != 0,
            version: 1301,
            in_sync: i64::from(flags) & OK as i64 != 0,
        })
    }
}

impl Peer {
    fn to_nvlist(self) -> NvList {
        let (family, sockaddr) = match self.address {
            IpAddr::V4(address) => (AF_INET, sockaddr4(address).to_vec()),
            IpAddr::V6(address) => (AF_INET6, sockaddr6(address, self.scope).to_vec()),
        };
        NvList::default().with("af", Value::Number(family)).with("address", Value::Binary(sockaddr))
    }

    /// The flow information of an IPv6 peer holds leftovers of the IPv4 group, and the scope of one that is not link-local that of a
    /// former peer; neither means anything.
    fn from_nvlist(list: &NvList) -> Option<Self> {
        let bytes = list.binary("address")?;
        match list.number("af")? {
            AF_INET => {
                let octets: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
                Some(Self { address: octets.into(), scope: 0 })
            }
            AF_INET6 => {
                let octets: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
                let address = Ipv6Addr::from(octets);
                let scope = u32::from_ne_bytes(bytes.get(24..28)?.try_into().ok()?);
                Some(Self { address: address.into(), scope: if address.is_unicast_link_local() { scope } else { 0 } })
            }
            _ => None,
        }
    }
}

/// `struct sockaddr_in` with its length byte.
pub(super) fn sockaddr4(address: Ipv4Addr) -> [u8; 16] {
    let mut bytes = [0; 16];
    (bytes[0], bytes[1]) = (16, AF_INET as u8);
    bytes[4..8].copy_from_slice(&address.octets());
    bytes
}

/// `struct sockaddr_in6` with its length byte.
pub(super) fn sockaddr6(address: Ipv6Addr, scope: u32) -> [u8; 28] {
    let mut bytes = [0; 28];
    (bytes[0], bytes[1]) = (28, AF_INET6 as u8);
    bytes[8..24].copy_from_slice(&address.octets());
    bytes[24..].copy_from_slice(&scope.to_ne_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::recorded::buffer;

    fn peer(address: &str, scope: u32) -> Option<Peer> {
        Some(Peer { address: address.parse().unwrap(), scope })
    }

    fn setting(syncpeer: Option<Peer>, version: u32, defer: bool) -> Pfsync {
        Pfsync { syncdev: Some("em1".parse().unwrap()), syncpeer, maxupdates: 128, defer, version, in_sync: true }
    }

    #[test]
    fn requests_are_byte_for_byte_what_libnv_packed() {
        for (file, request) in [
            ("nv-set-v4-1400.hex", setting(peer("10.0.0.2", 0), 1400, false)),
            ("nv-set-v4-1301-defer.hex", Pfsync { maxupdates: 64, ..setting(peer("10.0.0.2", 0), 1301, true) }),
            ("nv-set-v4-1500-mcast.hex", setting(None, 1500, false)),
            ("nv-set-v0.hex", setting(peer("10.0.0.2", 0), 0, false)),
            ("nv-set-v6-ll.hex", setting(peer("fe80::2", 6), 1500, false)),
        ] {
            assert_eq!(request.to_nvlist().pack(), buffer(file, "nvlist"), "{file}");
        }
    }

    #[test]
    fn answers_say_what_was_set() {
        for (file, expected) in [
            ("nv-get-after-v4-1400.hex", setting(peer("10.0.0.2", 0), 1400, false)),
            ("nv-get-after-v4-1301-defer.hex", Pfsync { maxupdates: 64, ..setting(peer("10.0.0.2", 0), 1301, true) }),
            ("nv-get-after-v4-1500-mcast.hex", setting(None, 1500, false)),
            ("nv-get-after-v0.hex", setting(peer("10.0.0.2", 0), 1500, false)),
            ("nv-get-after-v6-ll.hex", setting(peer("fe80::2", 6), 1500, false)),
        ] {
            let list = NvList::unpack(&buffer(file, "nvlist")).unwrap();
            assert_eq!(Pfsync::from_nvlist(&list).unwrap(), expected, "{file}");
        }
    }

    #[test]
    fn the_older_request_says_the_same_except_for_version_and_ipv6() {
        let wanted = Pfsync { maxupdates: 64, ..setting(peer("10.0.0.2", 0), 1301, true) };
        let request = wanted.to_legacy().unwrap();
        assert_eq!(Pfsync::from_legacy(&request), Some(wanted));
        let off = Pfsync { syncdev: None, ..setting(None, 1301, false) };
        assert_eq!(Pfsync::from_legacy(&off.to_legacy().unwrap()), Some(off));
        assert_eq!(setting(peer("fe80::2", 6), 1301, false).to_legacy(), None);
    }

    #[test]
    fn codes_and_sizes_are_those_of_a_running_kernel() {
        let abi: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/freebsd-15.1-amd64/abi.json")).unwrap();
        for (name, code) in [
            ("SIOCSETPFSYNC", SIOCSETPFSYNC),
            ("SIOCGETPFSYNC", SIOCGETPFSYNC),
            ("SIOCSETPFSYNCNV", SIOCSETPFSYNCNV),
            ("SIOCGETPFSYNCNV", SIOCGETPFSYNCNV),
        ] {
            assert_eq!(abi["ioctl"][name], format!("{code:#x}"), "{name}");
        }
        let legacy = &abi["structs"]["struct pfsyncreq"];
        assert_eq!(legacy["size"], LEGACY_SIZE);
        let offsets = ["syncdev", "syncpeer", "maxupdates", "defer"];
        let offsets = offsets.map(|name| legacy["fields"][format!("pfsyncr_{name}")][0].as_u64().unwrap());
        assert_eq!(offsets, [0, 16, 20, 24]);
    }

    #[test]
    fn the_scope_of_a_former_peer_is_no_difference() {
        let answered = setting(peer("2001:db8:9::2", 6), 1500, false).to_nvlist();
        assert_eq!(Pfsync::from_nvlist(&answered).unwrap(), setting(peer("2001:db8:9::2", 0), 1500, false));
    }

    #[test]
    fn a_fresh_pfsync0_is_off_and_claims_to_be_in_sync() {
        let list = NvList::unpack(&buffer("nv-get-initial.hex", "nvlist")).unwrap();
        let pfsync = Pfsync::from_nvlist(&list).unwrap();
        assert_eq!((pfsync.syncdev, pfsync.in_sync), (None, true));
    }
}
