//! pfsync's configuration: the nvlist of SIOCGETPFSYNCNV and SIOCSETPFSYNCNV (`sys/netpfil/pf/pfsync_nv.c`), and the older
//! `struct pfsyncreq` (`sys/net/if_pfsync.h`) of kernels without them.

use std::net::{IpAddr, Ipv4Addr};

use super::nvlist::{NvList, Value};
use super::{ifreq, sockaddr};
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

/// The message format of kernels that know no other.
const LEGACY_VERSION: u32 = 1301;

/// `PFSYNCF_OK`: no bulk update is running, or one was given up.
const OK: u64 = 1;
/// `PFSYNCF_DEFER`
const DEFER: u64 = 2;

const AF_INET: u64 = sockaddr::AF_INET as u64;
const AF_INET6: u64 = sockaddr::AF_INET6 as u64;

/// The fields of `struct pfsyncreq`.
mod legacy {
    pub(super) const SYNCPEER: usize = 16;
    pub(super) const MAXUPDATES: usize = SYNCPEER + 4;
    pub(super) const FLAGS: usize = MAXUPDATES + 4;
}

const _: () = assert!(legacy::FLAGS + 4 == LEGACY_SIZE);
const _: () = assert!(ifreq::SIZE == ifreq::argument_size(SIOCSETPFSYNC));
const _: () = assert!(ifreq::SIZE == ifreq::argument_size(SIOCGETPFSYNC));
const _: () = assert!(ifreq::SIZE == ifreq::argument_size(SIOCSETPFSYNCNV));
const _: () = assert!(ifreq::SIZE == ifreq::argument_size(SIOCGETPFSYNCNV));

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
        let peer = match self.syncpeer.map(|peer| peer.address) {
            None => Ipv4Addr::UNSPECIFIED,
            Some(IpAddr::V4(address)) => address,
            Some(IpAddr::V6(_)) => return None,
        };
        let mut request = [0; LEGACY_SIZE];
        if let Some(syncdev) = &self.syncdev {
            ifreq::name(&mut request, syncdev);
        }
        let flags = if self.defer { DEFER as u32 } else { 0 };
        request[legacy::SYNCPEER..legacy::MAXUPDATES].copy_from_slice(&peer.octets());
        request[legacy::MAXUPDATES..legacy::FLAGS].copy_from_slice(&u32::from(self.maxupdates).to_ne_bytes());
        request[legacy::FLAGS..].copy_from_slice(&flags.to_ne_bytes());
        Some(request)
    }

    /// Reads the answer of SIOCGETPFSYNC on a kernel that has nothing else: FreeBSD 13, whose only format is 1301.
    #[must_use]
    pub fn from_legacy(request: &[u8; LEGACY_SIZE]) -> Option<Self> {
        let name = request[..legacy::SYNCPEER].split(|byte| *byte == 0).next()?;
        let name = std::str::from_utf8(name).ok()?;
        let address = Ipv4Addr::from(*request[legacy::SYNCPEER..].first_chunk::<4>()?);
        let maxupdates = i32::from_ne_bytes(*request[legacy::MAXUPDATES..].first_chunk()?);
        let flags = u64::from(u32::from_ne_bytes(*request[legacy::FLAGS..].first_chunk()?));
        let unicast = !address.is_multicast() && !address.is_unspecified();
        Some(Self {
            syncdev: if name.is_empty() { None } else { Some(name.parse().ok()?) },
            syncpeer: unicast.then_some(Peer { address: address.into(), scope: 0 }),
            maxupdates: u8::try_from(maxupdates).ok()?,
            defer: flags & DEFER != 0,
            version: LEGACY_VERSION,
            in_sync: flags & OK != 0,
        })
    }
}

impl Peer {
    fn to_nvlist(self) -> NvList {
        let (family, sockaddr) = match self.address {
            IpAddr::V4(address) => (AF_INET, sockaddr::v4(address).to_vec()),
            IpAddr::V6(address) => (AF_INET6, sockaddr::v6(address, self.scope).to_vec()),
        };
        NvList::default().with("af", Value::Number(family)).with("address", Value::Binary(sockaddr))
    }

    /// The flow information of an IPv6 peer holds leftovers of the IPv4 group, and the scope of one that is not link-local that of a
    /// former peer; neither means anything.
    fn from_nvlist(list: &NvList) -> Option<Self> {
        let bytes = list.binary("address")?;
        match list.number("af")? {
            AF_INET => Some(Self { address: sockaddr::address4(bytes)?.into(), scope: 0 }),
            AF_INET6 => {
                let (address, scope) = sockaddr::address6(bytes)?;
                Some(Self { address: address.into(), scope: if address.is_unicast_link_local() { scope } else { 0 } })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::recorded::{abi, buffer, text};

    fn peer(address: &str, scope: u32) -> Option<Peer> {
        Some(Peer { address: address.parse().unwrap(), scope })
    }

    fn setting(syncpeer: Option<Peer>, version: u32, defer: bool) -> Pfsync {
        Pfsync { syncdev: Some("em1".parse().unwrap()), syncpeer, maxupdates: 128, defer, version, in_sync: true }
    }

    /// What each recorded request asked for, by the name of its files.
    fn asked() -> [(&'static str, Pfsync); 9] {
        let v4 = || peer("10.0.0.2", 0);
        let v6 = || peer("2001:db8:9::2", 0);
        [
            ("v4-1400", setting(v4(), 1400, false)),
            ("v4-1301-defer", Pfsync { maxupdates: 64, ..setting(v4(), 1301, true) }),
            ("v4-1500-mcast", setting(None, 1500, false)),
            ("v0", setting(v4(), 0, false)),
            ("v6-1500", setting(v6(), 1500, false)),
            ("v6-1400-defer", Pfsync { maxupdates: 255, ..setting(v6(), 1400, true) }),
            ("v6-ll", setting(peer("fe80::2", 6), 1500, false)),
            ("v6-mcast", setting(peer("ff12::f0", 0), 1500, false)),
            ("handmade", setting(v4(), 1400, false)),
        ]
    }

    #[test]
    fn requests_are_byte_for_byte_what_libnv_packed() {
        for (name, request) in asked() {
            assert_eq!(request.to_nvlist().pack(), buffer(&format!("nv-set-{name}.hex"), "nvlist"), "{name}");
        }
    }

    #[test]
    fn answers_say_what_was_set() {
        for (name, mut expected) in asked() {
            let list = NvList::unpack(&buffer(&format!("nv-get-after-{name}.hex"), "nvlist")).unwrap();
            let answer = Pfsync::from_nvlist(&list).unwrap();
            // The kernel puts its own format for 0, and a group counts as no peer.
            if expected.version == 0 {
                expected.version = 1500;
            }
            expected.syncpeer = expected.syncpeer.filter(|peer| !peer.address.is_multicast());
            assert_eq!(answer, expected, "{name}");
        }
    }

    /// `ifconfig pfsync0` after a request says what the answer to a question says.
    #[test]
    fn answers_agree_with_what_ifconfig_shows() {
        for (name, _) in asked() {
            let list = NvList::unpack(&buffer(&format!("nv-get-after-{name}.hex"), "nvlist")).unwrap();
            let answer = Pfsync::from_nvlist(&list).unwrap();
            let shown = text(&format!("nv-after-{name}.txt"));
            let line = shown.lines().find(|line| line.contains("syncdev:")).unwrap();
            let says = |key: &str| line.split_once(&format!("{key}: ")).and_then(|(_, rest)| rest.split(' ').next());
            assert_eq!(answer.syncdev.as_ref().map(InterfaceName::as_str), says("syncdev"), "{name}");
            assert_eq!(Some(answer.maxupdates.to_string().as_str()), says("maxupd"), "{name}");
            assert_eq!(Some(answer.version.to_string().as_str()), says("version"), "{name}");
            assert_eq!(Some(if answer.defer { "on" } else { "off" }), says("defer"), "{name}");
            let peer: Option<IpAddr> = says("syncpeer").and_then(|peer| peer.split('%').next()?.parse().ok());
            assert_eq!(answer.syncpeer.map(|peer| peer.address), peer.filter(|peer| !peer.is_multicast()), "{name}");
        }
    }

    #[test]
    fn a_request_that_lacks_something_is_none_that_we_could_have_made() {
        for (name, lacks) in
            [("missing-maxupdates", "maxupdates"), ("missing-flags", "flags"), ("empty-syncdev", "syncdev")]
        {
            let request = NvList::unpack(&buffer(&format!("nv-set-{name}.hex"), "nvlist")).unwrap();
            assert!(request.get(lacks).is_none() || request.text(lacks) == Some(""), "{name}");
            // All of them were accepted, and none of them left pfsync0 with what it had: that is why ours are complete.
            let list = NvList::unpack(&buffer(&format!("nv-get-after-{name}.hex"), "nvlist")).unwrap();
            assert_eq!(Pfsync::from_nvlist(&list).unwrap().syncdev, None, "{name}");
        }
        for wanted in [setting(None, 0, false), Pfsync { syncdev: None, ..setting(None, 1400, true) }] {
            let list = wanted.to_nvlist();
            assert!(["maxupdates", "flags", "version"].iter().all(|name| list.number(name).is_some()));
        }
    }

    #[test]
    fn the_older_form_is_written_and_read_where_it_can_say_the_same() {
        let wanted = Pfsync { in_sync: false, maxupdates: 255, ..setting(peer("10.0.0.2", 0), 1301, true) };
        let request = wanted.to_legacy().unwrap();
        assert_eq!((&request[..4], &request[16..20]), (&b"em1\0"[..], &[10, 0, 0, 2][..]));
        assert_eq!(Pfsync::from_legacy(&request).unwrap(), wanted);
        let off = Pfsync { syncdev: None, syncpeer: None, ..wanted.clone() };
        assert_eq!(Pfsync::from_legacy(&off.to_legacy().unwrap()).unwrap(), off);
        assert_eq!(Pfsync { syncpeer: peer("fe80::2", 6), ..wanted }.to_legacy(), None, "it has no room for IPv6");
    }

    #[test]
    fn the_layout_and_the_numbers_are_the_kernel_s() {
        assert_eq!(abi().size("struct pfsyncreq"), LEGACY_SIZE);
        for (name, at) in [
            ("pfsyncr_syncpeer", legacy::SYNCPEER),
            ("pfsyncr_maxupdates", legacy::MAXUPDATES),
            ("pfsyncr_defer", legacy::FLAGS),
        ] {
            assert_eq!(abi().field("struct pfsyncreq", name)[0], at, "{name}");
        }
        for (name, code) in [
            ("SIOCSETPFSYNC", SIOCSETPFSYNC),
            ("SIOCGETPFSYNC", SIOCGETPFSYNC),
            ("SIOCSETPFSYNCNV", SIOCSETPFSYNCNV),
            ("SIOCGETPFSYNCNV", SIOCGETPFSYNCNV),
        ] {
            assert_eq!(abi().request(name), code, "{name}");
        }
        assert_eq!((abi().constant("PFSYNCF_OK"), abi().constant("PFSYNCF_DEFER")), (OK, DEFER));
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
