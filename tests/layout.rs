//! The codecs against FreeBSD's own headers: `tests/layout/layout.c` is compiled, and where its table says that a field lies
//! is where the codecs have to write and read it.
//!
//! `LAYOUT_CC` is a C compiler with FreeBSD's headers; `make test` sets it. On FreeBSD it is `cc`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use carpd::model::{AdvBase, AdvSkew, CarpKey, CarpState, InterfaceName, Vhid, VrrpParameters};
use carpd::sys::carp_netlink::{self, ForcedState, GROUP4, GROUP6, Protocol, Settings};
use carpd::sys::netlink::{self, Answer, Family, Message, messages};
use carpd::sys::nvlist::Value;
use carpd::sys::pfsync::{self, Peer, Pfsync};
use carpd::sys::{address, carp_request, interface, stats};

/// What the headers say, by C's names.
struct Headers(BTreeMap<String, u64>);

impl Headers {
    fn read() -> Option<&'static Self> {
        static HEADERS: OnceLock<Option<Headers>> = OnceLock::new();
        HEADERS.get_or_init(compile).as_ref()
    }

    fn value(&self, name: &str) -> u64 {
        *self.0.get(name).unwrap_or_else(|| panic!("the table has no {name}"))
    }

    fn at(&self, field: &str) -> usize {
        usize::try_from(self.value(field)).unwrap()
    }

    fn size(&self, of: &str) -> usize {
        self.at(&format!("sizeof {of}"))
    }

    fn u16(&self, name: &str) -> u16 {
        u16::try_from(self.value(name)).unwrap()
    }

    fn u8(&self, name: &str) -> u8 {
        u8::try_from(self.value(name)).unwrap()
    }

    /// A structure of zeros but for these fields.
    fn structure(&self, of: &str, fields: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; self.size(of)];
        for (field, value) in fields {
            let at = self.at(&format!("{of}.{field}"));
            bytes[at..at + value.len()].copy_from_slice(value);
        }
        bytes
    }

    fn attribute(&self, kind: &str, value: &[u8]) -> Vec<u8> {
        let header = self.size("nlattr");
        let length = u16::try_from(header + value.len()).unwrap();
        let mut bytes = self
            .structure("nlattr", &[("nla_len", &length.to_ne_bytes()), ("nla_type", &self.u16(kind).to_ne_bytes())]);
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn message(&self, kind: u16, flags: &[&str], seq: u32, parts: &[Vec<u8>]) -> Vec<u8> {
        let length = self.size("nlmsghdr") + parts.iter().map(Vec::len).sum::<usize>();
        let flags = flags.iter().fold(0, |flags, name| flags | self.u16(name));
        let mut bytes = self.structure(
            "nlmsghdr",
            &[
                ("nlmsg_len", &u32::try_from(length).unwrap().to_ne_bytes()),
                ("nlmsg_type", &kind.to_ne_bytes()),
                ("nlmsg_flags", &flags.to_ne_bytes()),
                ("nlmsg_seq", &seq.to_ne_bytes()),
            ],
        );
        bytes.extend(parts.concat());
        bytes
    }

    fn generic(&self, command: &str, version: u8) -> Vec<u8> {
        let mut bytes = self.structure("genlmsghdr", &[("cmd", &[self.u8(command)])]);
        bytes[self.at("genlmsghdr.cmd") + 1] = version;
        bytes
    }

    fn sockaddr(&self, address: IpAddr, scope: u32) -> Vec<u8> {
        match address {
            IpAddr::V4(address) => self.structure(
                "sockaddr_in",
                &[
                    ("sin_len", &[u8::try_from(self.size("sockaddr_in")).unwrap()]),
                    ("sin_family", &[self.u8("AF_INET")]),
                    ("sin_addr", &address.octets()),
                ],
            ),
            IpAddr::V6(address) => self.structure(
                "sockaddr_in6",
                &[
                    ("sin6_len", &[u8::try_from(self.size("sockaddr_in6")).unwrap()]),
                    ("sin6_family", &[self.u8("AF_INET6")]),
                    ("sin6_addr", &address.octets()),
                    ("sin6_scope_id", &scope.to_ne_bytes()),
                ],
            ),
        }
    }
}

fn compiler() -> Option<String> {
    std::env::var("LAYOUT_CC").ok().or_else(|| cfg!(target_os = "freebsd").then(|| "cc".to_owned()))
}

fn compile() -> Option<Headers> {
    let Some(compiler) = compiler() else {
        eprintln!("SKIPPED: the layouts are not compared: no LAYOUT_CC, a C compiler with FreeBSD's headers");
        return None;
    };
    let directory = tempfile::tempdir().unwrap();
    let object = directory.path().join("layout.o");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layout/layout.c");
    let mut words = compiler.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["-Wall", "-Werror", "-c", "-o"]).arg(&object).arg(source);
    let output = command.output().unwrap_or_else(|error| panic!("{compiler}: {error}"));
    assert!(output.status.success(), "{compiler}: {}", String::from_utf8_lossy(&output.stderr));
    Some(table(&std::fs::read(object).unwrap()))
}

/// Bytes of an entry of the table: a name and a value.
const ENTRY: usize = 64;

fn table(object: &[u8]) -> Headers {
    const FIRST: &[u8] = b"carpd layout table, entries that follow\0";
    let begin = object.windows(FIRST.len()).position(|bytes| bytes == FIRST).expect("the table is in the object file");
    let entry = |bytes: &[u8]| {
        let (name, value) = bytes.split_at(ENTRY - 8);
        let name = name.split(|byte| *byte == 0).next().unwrap();
        (String::from_utf8(name.to_vec()).unwrap(), u64::from_ne_bytes(value.try_into().unwrap()))
    };
    let mut entries = object[begin..].chunks_exact(ENTRY).map(entry);
    let count = usize::try_from(entries.next().unwrap().1).unwrap();
    let headers: BTreeMap<_, _> = entries.take(count).collect();
    assert!(headers.len() == count && count > 100, "{count} entries, {} names", headers.len());
    Headers(headers)
}

/// With the headers, or not at all.
fn with_headers(test: impl FnOnce(&'static Headers)) {
    if let Some(headers) = Headers::read() {
        test(headers);
    }
}

fn em0() -> InterfaceName {
    "em0".parse().unwrap()
}

fn vhid() -> Vhid {
    Vhid::new(7).unwrap()
}

fn skew() -> AdvSkew {
    AdvSkew::new(100).unwrap()
}

fn base() -> AdvBase {
    AdvBase::new(3).unwrap()
}

fn key() -> CarpKey {
    CarpKey::from_kernel(b"twenty bytes of key!")
}

/// The only message in a datagram.
fn only(datagram: &[u8]) -> Message<'_> {
    let mut all = messages(datagram);
    let message = all.next().unwrap().unwrap();
    assert!(all.next().is_none());
    message
}

#[test]
fn every_request_code_is_the_kernel_s() {
    with_headers(|c| {
        for (name, code) in [
            ("SIOCSVH", carp_request::SIOCSVH),
            ("SIOCGVH", carp_request::SIOCGVH),
            ("SIOCAIFADDR", address::SIOCAIFADDR),
            ("SIOCDIFADDR", address::SIOCDIFADDR),
            ("SIOCAIFADDR_IN6", address::SIOCAIFADDR_IN6),
            ("SIOCDIFADDR_IN6", address::SIOCDIFADDR_IN6),
            ("SIOCGIFFLAGS", interface::SIOCGIFFLAGS),
            ("SIOCSIFFLAGS", interface::SIOCSIFFLAGS),
            ("SIOCSETPFSYNC", pfsync::SIOCSETPFSYNC),
            ("SIOCGETPFSYNC", pfsync::SIOCGETPFSYNC),
            ("SIOCSETPFSYNCNV", pfsync::SIOCSETPFSYNCNV),
            ("SIOCGETPFSYNCNV", pfsync::SIOCGETPFSYNCNV),
        ] {
            assert_eq!(code, c.value(name), "{name}");
        }
    });
}

/// What `src/kernel/freebsd` has as a number, and what it takes from the crate libc, which its `layout.rs` compares with the
/// same numbers.
#[test]
fn every_number_in_the_kernel_end_is_the_kernel_s() {
    with_headers(|c| {
        for (name, number) in [
            ("sizeof ifreq", 32),
            ("ifreq.ifr_data", 16),
            ("ifreq.ifr_cap_nv.buf_length", 16),
            ("ifreq.ifr_cap_nv.length", 20),
            ("ifreq.ifr_cap_nv.buffer", 24),
            ("IFNAMSIZ", 16),
            ("AF_NETLINK", 38),
            ("NETLINK_ROUTE", 0),
            ("NETLINK_GENERIC", 16),
            ("SOL_NETLINK", 270),
            ("NETLINK_ADD_MEMBERSHIP", 1),
            ("NETLINK_EXT_ACK", 11),
            ("sizeof sockaddr_nl", 12),
            ("sockaddr_nl.nl_groups", 8),
            ("RTNLGRP_LINK", 1),
            ("RTNLGRP_IPV4_IFADDR", 5),
            ("RTNLGRP_IPV6_IFADDR", 9),
            ("LINK_STATE_UP", 2),
            ("IFT_ETHER", 0x06),
            ("IFT_L2VLAN", 0x87),
            ("IFT_BRIDGE", 0xd1),
            ("AF_INET", 2),
            ("AF_INET6", 28),
            ("AF_LINK", 18),
            ("IFF_UP", 1),
            ("IFF_MULTICAST", 0x8000),
            ("sizeof sockaddr", 16),
            ("sockaddr.sa_family", 1),
            ("sizeof sockaddr_in", 16),
            ("sockaddr_in.sin_addr", 4),
            ("sizeof sockaddr_in6", 28),
            ("sockaddr_in6.sin6_addr", 8),
            ("sockaddr_in6.sin6_scope_id", 24),
            ("sizeof sockaddr_un", 106),
            ("sockaddr_un.sun_path", 2),
            ("sizeof ifaddrs", 56),
            ("ifaddrs.ifa_next", 0),
            ("ifaddrs.ifa_name", 8),
            ("ifaddrs.ifa_flags", 16),
            ("ifaddrs.ifa_addr", 24),
            ("ifaddrs.ifa_netmask", 32),
            ("ifaddrs.ifa_data", 48),
            ("sizeof if_data", 152),
            ("if_data.ifi_type", 0),
            ("if_data.ifi_link_state", 4),
            ("if_data.ifi_vhid", 5),
            ("if_data.ifi_datalen", 6),
            ("if_data.ifi_mtu", 8),
        ] {
            assert_eq!(c.value(name), number, "{name}");
        }
    });
}

#[test]
fn the_limits_of_vhid_advskew_and_key_are_the_kernel_s() {
    with_headers(|c| {
        let [vhids, skews] = ["CARP_MAXVHID", "CARP_MAXSKEW"].map(|name| u32::try_from(c.value(name)).unwrap());
        assert!(Vhid::new(vhids).is_some() && Vhid::new(vhids + 1).is_none());
        // What the kernel sends is capped at 240; what it is told may be up to 254.
        assert!(AdvSkew::new(skews).is_some());
        assert_eq!(CarpKey::LEN, c.at("CARP_KEY_LEN"));
    });
}

#[test]
fn a_vhid_is_written_and_read_by_ioctl_where_the_kernel_has_it() {
    with_headers(|c| {
        let asked = [("carpr_count", &1u32.to_ne_bytes()[..]), ("carpr_vhid", &7u32.to_ne_bytes())];
        assert_eq!(carp_request::get(vhid())[..], c.structure("carpreq", &asked));
        let (state, key) = (2u32.to_ne_bytes(), key());
        let full = c.structure(
            "carpreq",
            &[
                asked[0],
                asked[1],
                ("carpr_state", &state),
                ("carpr_advskew", &100u32.to_ne_bytes()),
                ("carpr_advbase", &3u32.to_ne_bytes()),
                ("carpr_key", key.expose()),
            ],
        );
        let set = carp_request::set(vhid(), base(), skew(), Some(&key), Some(ForcedState::Master));
        assert_eq!(set[..], full);
        let read = carp_request::decode(&full.try_into().unwrap()).unwrap();
        assert_eq!((read.vhid, read.state, read.advbase, read.advskew), (vhid(), CarpState::Master, base(), skew()));
        assert!(read.key == key);
    });
}

/// The attributes of vhid 7 on em0 as SET sends and GET answers them, but for the name.
fn attributes_of_vhid(c: &Headers) -> [Vec<u8>; 7] {
    let key = key();
    [
        c.attribute("CARP_NL_VHID", &7u32.to_ne_bytes()),
        c.attribute("CARP_NL_STATE", &1u32.to_ne_bytes()),
        c.attribute("CARP_NL_ADVBASE", &3u32.to_ne_bytes()),
        c.attribute("CARP_NL_ADVSKEW", &100u32.to_ne_bytes()),
        c.attribute("CARP_NL_KEY", key.expose()),
        c.attribute("CARP_NL_ADDR", &Ipv4Addr::new(192, 0, 2, 9).octets()),
        c.attribute("CARP_NL_ADDR6", &Ipv6Addr::LOCALHOST.octets()),
    ]
}

#[test]
fn a_vhid_is_written_by_netlink_as_the_headers_number_it() {
    with_headers(|c| {
        let name = c.attribute("CARP_NL_IFNAME", b"em0\0");
        let get = [c.generic("CARP_NL_CMD_GET", 2), c.attribute("CARP_NL_VHID", &7u32.to_ne_bytes()), name.clone()];
        let flags = ["NLM_F_REQUEST", "NLM_F_DUMP"];
        assert_eq!(carp_netlink::get(0x11, &em0(), Some(vhid()), 5), c.message(0x11, &flags, 5, &get));
        let settings = Settings {
            vhid: vhid(),
            state: Some(ForcedState::Backup),
            advbase: base(),
            advskew: skew(),
            key: Some(key()),
            peer: Some(Ipv4Addr::new(192, 0, 2, 9)),
            peer6: Some(Ipv6Addr::LOCALHOST),
        };
        let set = [&[c.generic("CARP_NL_CMD_SET", 2)], &attributes_of_vhid(c)[..], &[name]].concat();
        let flags = ["NLM_F_REQUEST", "NLM_F_ACK"];
        assert_eq!(carp_netlink::set(0x11, &em0(), &settings, 6), c.message(0x11, &flags, 6, &set));
    });
}

#[test]
fn a_vhid_is_read_from_netlink_as_the_headers_number_it() {
    with_headers(|c| {
        let answer = [&[c.generic("CARP_NL_CMD_GET", 1)], &attributes_of_vhid(c)[..]].concat();
        let datagram = c.message(0x11, &[], 5, &answer);
        let record = carp_netlink::Record::decode(&only(&datagram)).unwrap();
        assert_eq!((record.vhid, record.state), (vhid(), CarpState::Backup));
        let Protocol::Carp { advbase, advskew, peer, peer6, key: read } = record.protocol else { panic!() };
        assert_eq!((advbase, advskew), (base(), skew()));
        assert_eq!((peer, peer6), (Ipv4Addr::new(192, 0, 2, 9), Ipv6Addr::LOCALHOST));
        assert!(peer != GROUP4 && peer6 != GROUP6 && read == Some(key()));
    });
}

#[test]
fn a_vrrp_vhid_is_read_as_the_headers_number_it() {
    with_headers(|c| {
        if !c.0.contains_key("CARP_NL_VERSION") {
            return eprintln!("SKIPPED: these are the headers of a FreeBSD without VRRP");
        }
        let answer = [
            c.generic("CARP_NL_CMD_GET", 1),
            c.attribute("CARP_NL_VHID", &7u32.to_ne_bytes()),
            c.attribute("CARP_NL_STATE", &2u32.to_ne_bytes()),
            c.attribute("CARP_NL_VERSION", &[c.u8("CARP_VERSION_VRRPv3")]),
            c.attribute("CARP_NL_VRRP_PRIORITY", &[200]),
            c.attribute("CARP_NL_VRRP_ADV_INTER", &c.u16("VRRP_MAX_INTERVAL").to_ne_bytes()),
        ];
        let datagram = c.message(0x11, &[], 5, &answer);
        let record = carp_netlink::Record::decode(&only(&datagram)).unwrap();
        assert_eq!(record.protocol, Protocol::Vrrp(Some(VrrpParameters { priority: 200, interval: 4095 })));
    });
}

#[test]
fn a_family_is_resolved_as_the_headers_number_it() {
    with_headers(|c| {
        let control = c.u16("GENL_ID_CTRL");
        let question = [c.generic("CTRL_CMD_GETFAMILY", 1), c.attribute("CTRL_ATTR_FAMILY_NAME", b"carp\0")];
        let flags = ["NLM_F_REQUEST", "NLM_F_ACK"];
        assert_eq!(netlink::resolve("carp", 5), c.message(control, &flags, 5, &question));
        let group = [
            c.attribute("CTRL_ATTR_MCAST_GRP_NAME", b"events\0"),
            c.attribute("CTRL_ATTR_MCAST_GRP_ID", &9u32.to_ne_bytes()),
        ];
        // The groups are numbered from 1, whatever the attribute's type would be elsewhere.
        let group = c.attribute("CTRL_ATTR_FAMILY_ID", &group.concat());
        let answer = [
            c.generic("CTRL_CMD_GETFAMILY", 1),
            c.attribute("CTRL_ATTR_FAMILY_ID", &0x11u16.to_ne_bytes()),
            c.attribute("CTRL_ATTR_MCAST_GROUPS", &group),
        ];
        let datagram = c.message(control, &[], 5, &answer);
        let family = Family::decode(&only(&datagram)).unwrap();
        assert_eq!(family, Family { id: 0x11, groups: vec![("events".to_owned(), 9)] });
    });
}

#[test]
fn the_end_of_an_exchange_is_understood_as_the_headers_number_it() {
    with_headers(|c| {
        let errno = |number: i32| c.structure("nlmsgerr", &[("error", &number.to_ne_bytes())]);
        let done = c.message(c.u16("NLMSG_DONE"), &[], 5, &[errno(2)]);
        assert_eq!(only(&done).answer().unwrap(), Answer::Done { errno: 2 });
        // What the kernel quotes is a header here, whose length says so.
        let mut status = errno(1);
        let quoted = u32::try_from(c.size("nlmsghdr")).unwrap();
        status[c.at("nlmsgerr.error") + 4..][..4].copy_from_slice(&quoted.to_ne_bytes());
        let parts = [status, c.attribute("NLMSGERR_ATTR_MSG", b"why\0")];
        let error = c.message(c.u16("NLMSG_ERROR"), &[], 5, &parts);
        assert_eq!(only(&error).answer().unwrap(), Answer::Status { errno: 1, text: Some("why") });
    });
}

/// `struct ifaddrmsg`
fn of_address(c: &Headers, family: &str, prefix: u8) -> Vec<u8> {
    let fields =
        [("ifa_family", &[c.u8(family)][..]), ("ifa_prefixlen", &[prefix]), ("ifa_index", &5u32.to_ne_bytes())];
    c.structure("ifaddrmsg", &fields)
}

#[test]
fn addresses_are_written_and_read_by_netlink_as_the_headers_number_them() {
    with_headers(|c| {
        let (kind, flags) = (c.u16("RTM_GETADDR"), ["NLM_F_REQUEST", "NLM_F_DUMP"]);
        let all = c.structure("ifaddrmsg", &[("ifa_index", &5u32.to_ne_bytes())]);
        assert_eq!(address::get(5, 1), c.message(kind, &flags, 1, &[all]));

        let four = c.attribute("IFA_LOCAL", &[192, 0, 2, 7]);
        let net = "192.0.2.7/24".parse().unwrap();
        let vhid_of_it = c.attribute("IFA_FREEBSD", &c.attribute("IFAF_VHID", &7u32.to_ne_bytes()));
        let flags = ["NLM_F_REQUEST", "NLM_F_ACK", "NLM_F_CREATE", "NLM_F_EXCL"];
        let parts = [of_address(c, "AF_INET", 24), four.clone(), vhid_of_it];
        let added = c.message(c.u16("RTM_NEWADDR"), &flags, 1, &parts);
        assert_eq!(address::add(5, net, Some(vhid()), 1), added);
        let read = address::Record::decode(&only(&added)).unwrap();
        assert_eq!(read, address::Record { interface: 5, net, vhid: Some(vhid()) });

        let forever = [u32::MAX.to_ne_bytes(); 2];
        let lifetimes =
            c.structure("ifa_cacheinfo", &[("ifa_prefered", &forever[0][..]), ("ifa_valid", &forever[1][..])]);
        let six = c.attribute("IFA_LOCAL", &Ipv6Addr::LOCALHOST.octets());
        let parts = [of_address(c, "AF_INET6", 64), six, c.attribute("IFA_CACHEINFO", &lifetimes)];
        let added = c.message(c.u16("RTM_NEWADDR"), &flags, 1, &parts);
        assert_eq!(address::add(5, "::1/64".parse().unwrap(), None, 1), added);

        let parts = [of_address(c, "AF_INET", 24), four];
        let deleted = c.message(c.u16("RTM_DELADDR"), &["NLM_F_REQUEST", "NLM_F_ACK"], 1, &parts);
        assert_eq!(address::delete(5, net, 1), deleted);
    });
}

#[test]
fn addresses_are_written_by_ioctl_where_the_kernel_has_them() {
    with_headers(|c| {
        let four = address::in_aliasreq(&em0(), "192.0.2.7/24".parse().unwrap(), Some(vhid()));
        let expected = c.structure(
            "in_aliasreq",
            &[
                ("ifra_addr", &c.sockaddr([192, 0, 2, 7].into(), 0)),
                ("ifra_mask", &c.sockaddr([255, 255, 255, 0].into(), 0)),
                ("ifra_vhid", &7u32.to_ne_bytes()),
            ],
        );
        assert_eq!(four[3..], expected[3..]);
        assert_eq!(four[..3], *b"em0");
        let link_local: ipnet::Ipv6Net = "fe80::7/64".parse().unwrap();
        let six = address::in6_aliasreq(&em0(), link_local, 5, Some(vhid()));
        let expected = c.structure(
            "in6_aliasreq",
            &[
                ("ifra_addr", &c.sockaddr(link_local.addr().into(), 5)),
                ("ifra_prefixmask", &c.sockaddr(link_local.netmask().into(), 0)),
                ("ifra_lifetime.ia6t_vltime", &u32::MAX.to_ne_bytes()),
                ("ifra_lifetime.ia6t_pltime", &u32::MAX.to_ne_bytes()),
                ("ifra_vhid", &7u32.to_ne_bytes()),
            ],
        );
        assert_eq!(six[3..], expected[3..]);
    });
}

#[test]
fn addresses_are_deleted_by_ioctl_where_the_kernel_has_them() {
    with_headers(|c| {
        let four = address::ifreq_with_address(&em0(), [192, 0, 2, 7].into());
        assert_eq!(four[3..], c.structure("ifreq", &[("ifr_addr", &c.sockaddr([192, 0, 2, 7].into(), 0))])[3..]);
        let link_local: Ipv6Addr = "fe80::7".parse().unwrap();
        let six = address::in6_ifreq(&em0(), link_local, 5);
        assert_eq!(six[3..], c.structure("in6_ifreq", &[("ifr_addr", &c.sockaddr(link_local.into(), 5))])[3..]);
        assert_eq!((&four[..3], &six[..3]), (&b"em0"[..], &b"em0"[..]));
    });
}

#[test]
fn the_flags_of_an_interface_are_where_the_kernel_has_them() {
    with_headers(|c| {
        let halves = [("ifr_flags", &0x8843u16.to_ne_bytes()[..]), ("ifr_flagshigh", &0x0100u16.to_ne_bytes())];
        let expected = c.structure("ifreq", &[("ifr_name", b"em0"), halves[0], halves[1]]);
        assert_eq!(interface::with_flags(&em0(), 0x0100_8843)[..], expected);
        assert_eq!(interface::flags(&expected.try_into().unwrap()), 0x0100_8843);
    });
}

#[test]
fn every_counter_is_read_where_the_kernel_has_it() {
    with_headers(|c| {
        let fields = ["ipackets", "ipackets6", "badauth", "badvhid", "opackets", "opackets6"];
        let mut bytes = vec![0; c.size("carpstats")];
        for (value, field) in (1u8..).zip(fields) {
            bytes[c.at(&format!("carpstats.carps_{field}"))] = value;
        }
        let read = stats::carp(&bytes).unwrap();
        let read = [read.ipackets, read.ipackets6, read.badauth, read.badvhid, read.opackets, read.opackets6];
        assert_eq!(read, [1, 2, 3, 4, 5, 6]);
        let mut bytes = vec![0; 400];
        bytes[c.at("pfsyncstats.pfsyncs_ipackets")] = 1;
        bytes[c.at("pfsyncstats.pfsyncs_opackets")] = 2;
        assert_eq!(stats::pfsync(&bytes), Some((1, 2)));
    });
}

#[test]
fn pfsync_is_written_and_read_as_the_headers_have_it() {
    with_headers(|c| {
        let peer = IpAddr::from([10, 0, 0, 2]);
        let flags = u32::try_from(c.value("PFSYNCF_OK") | c.value("PFSYNCF_DEFER")).unwrap();
        let legacy = c.structure(
            "pfsyncreq",
            &[
                ("pfsyncr_syncdev", b"em0"),
                ("pfsyncr_syncpeer", &[10, 0, 0, 2]),
                ("pfsyncr_maxupdates", &128u32.to_ne_bytes()),
                ("pfsyncr_defer", &flags.to_ne_bytes()),
            ],
        );
        let read = Pfsync::from_legacy(legacy[..].try_into().unwrap()).unwrap();
        let expected = Pfsync {
            syncdev: Some(em0()),
            syncpeer: Some(Peer { address: peer, scope: 0 }),
            maxupdates: 128,
            defer: true,
            version: u32::try_from(c.value("PFSYNC_MSG_VERSION_1301")).unwrap(),
            in_sync: true,
        };
        assert_eq!((&read, read.in_sync), (&expected, true));
        let written = expected.to_legacy().unwrap();
        let defer = c.at("pfsyncreq.pfsyncr_defer");
        assert_eq!(written[..defer], legacy[..defer]);
        assert_eq!(u64::from(written[defer]), c.value("PFSYNCF_DEFER"), "OK is the kernel's to say");
        let list = expected.to_nvlist();
        assert_eq!(list.number("flags"), Some(c.value("PFSYNCF_DEFER")));
        let peer_list = list.list("syncpeer").unwrap();
        assert_eq!(peer_list.number("af"), Some(c.value("AF_INET")));
        assert_eq!(peer_list.get("address"), Some(&Value::Binary(c.sockaddr(peer, 0))));
    });
}
