//! What the reader of OPNsense's config.xml promises.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail by panic")]

use std::hint::black_box;
use std::path::Path;

use carpd::config::lint;
use carpd::config::opnsense::{self, Field, OpnsenseConfig, ParseError, VipMode};
use carpd::model::CarpKey;
use proptest::prelude::*;

fn sample(name: &str) -> OpnsenseConfig {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(name);
    opnsense::load(&path).unwrap()
}

fn parse(xml: &str) -> OpnsenseConfig {
    OpnsenseConfig::parse(Path::new("config.xml"), xml.as_bytes()).unwrap()
}

#[test]
fn the_example_declares_what_its_pages_say() {
    let fw1 = sample("fw1.xml");
    assert_eq!(fw1.hostname.as_deref(), Some("fw1"));
    let vhids = fw1.vhids();
    let said: Vec<_> = vhids.iter().map(|v| format!("{} {} {:?}", v.id, v.interface, v.addresses)).collect();
    assert_eq!(said, ["1@vtnet0 wan [172.18.0.100/24]", "3@vtnet1 lan [192.168.1.1/24]"]);
    assert!(vhids.iter().all(|v| v.advbase.get() == 1 && v.advskew.get() == 0));
    assert!(vhids[0].key == CarpKey::from_password(b"example-wan-key"));
    let pfsync = fw1.ha.pfsync.clone().unwrap();
    assert_eq!(fw1.device(&pfsync.interface).unwrap().as_str(), "vtnet2");
    assert_eq!(pfsync.peer.get().unwrap().to_string(), "10.0.0.2");
    assert_eq!(pfsync.version.get(), Some(&1400));
    assert!(fw1.ha.preempt && !fw1.maintenance);
    assert_eq!(fw1.ha.sync_target.unwrap().host, "10.0.0.2");

    let fw2 = sample("fw2.xml");
    assert_eq!(fw2.hostname.as_deref(), Some("fw2"));
    assert!(fw2.vhids().iter().all(|v| v.advskew.get() == 100));
    assert!(fw2.ha.sync_target.is_none());
}

#[test]
fn a_vhid_is_found_by_key_and_by_device() {
    let config = sample("fw1.xml");
    for (text, found) in [("3@lan", "3@vtnet1"), ("3@vtnet1", "3@vtnet1"), ("9@opt1", "9@vtnet2")] {
        assert_eq!(config.resolve(text).unwrap().to_string(), found);
    }
    for text in ["3", "3@", "0@lan", "3@dmz", "3@em0", "@lan"] {
        assert_eq!(config.resolve(text), None, "{text}");
    }
}

#[test]
fn the_order_of_the_file_does_not_matter() {
    let config = parse(
        "<opnsense><virtualip><vip><vhid>7</vhid><subnet_bits>32</subnet_bits><subnet>10.0.0.9</subnet>\
         <mode>ipalias</mode><interface>lan</interface></vip>\
         <vip><password>x</password><advskew>5</advskew><subnet>10.0.0.1</subnet><vhid>7</vhid>\
         <interface>lan</interface><subnet_bits>24</subnet_bits><mode>carp</mode></vip></virtualip>\
         <interfaces><lan><ipaddr>10.0.0.2</ipaddr><if>em1</if><subnet>24</subnet><enable/></lan></interfaces></opnsense>",
    );
    let vhids = config.vhids();
    assert_eq!(vhids.len(), 1);
    assert_eq!(format!("{:?}", vhids[0].addresses), "[10.0.0.1/24, 10.0.0.9/32]", "the CARP address comes first");
    assert_eq!((vhids[0].advskew.get(), vhids[0].advbase.get()), (5, 1));
    assert!(config.interfaces[0].enabled, "an empty <enable/> is how old versions switch on");
}

#[test]
fn old_and_new_virtual_ips_are_read_alike() {
    let old = "<vip><mode>carp</mode><interface>wan</interface><vhid>1</vhid><advskew>0</advskew><advbase>1</advbase>\
               <password>secret99</password><descr><![CDATA[VIP & WAN]]></descr><type>single</type>\
               <subnet_bits>24</subnet_bits><subnet>192.0.2.1</subnet></vip>";
    let new = "<vip uuid=\"3f0c8a52-6e1d-4b7f-8a54-1d2c7e9f0a01\"><interface>wan</interface><mode>carp</mode>\
               <subnet>192.0.2.1</subnet><subnet_bits>24</subnet_bits><gateway/><noexpand>0</noexpand><nobind>0</nobind>\
               <password>secret99</password><vhid>1</vhid><advbase>1</advbase><advskew>0</advskew><peer/><peer6/>\
               <nosync>0</nosync><descr>VIP &amp; WAN</descr></vip>";
    let read = |vip: &str| parse(&format!("<opnsense><virtualip>{vip}</virtualip></opnsense>")).vips.remove(0);
    let (old, new) = (read(old), read(new));
    assert_eq!(old, new);
    assert_eq!((&old.mode, old.descr.as_str()), (&VipMode::Carp, "VIP & WAN"));
    assert!(old.peer.is_unset() && !old.nosync);
}

#[test]
fn every_mode_and_unicast_and_ipv6_are_read() {
    let config = parse(
        "<opnsense><virtualip>\
         <vip><mode>carp</mode><vhid>12</vhid><subnet>fe80::1:10%em1</subnet><subnet_bits>64</subnet_bits>\
         <peer>192.0.2.3</peer><peer6>fe80::3</peer6><nosync>1</nosync></vip>\
         <vip><mode>ipalias</mode><vhid/><subnet>192.0.2.7</subnet><subnet_bits>32</subnet_bits></vip>\
         <vip><mode>proxyarp</mode><subnet>192.0.2.8</subnet><subnet_bits>29</subnet_bits></vip>\
         <vip><mode>other</mode><subnet>192.0.2.9</subnet></vip></virtualip></opnsense>",
    );
    let [carp, alias, proxy, other] = &config.vips[..] else { panic!("{:?}", config.vips) };
    assert_eq!(carp.net().unwrap().to_string(), "fe80::1:10/64");
    assert_eq!(carp.peer.get().unwrap().to_string(), "192.0.2.3");
    assert_eq!(carp.peer6.get().unwrap().to_string(), "fe80::3");
    assert!(carp.nosync);
    assert!(!alias.is_vhid_alias() && alias.mode == VipMode::IpAlias);
    assert_eq!(proxy.mode, VipMode::ProxyArp);
    assert_eq!(other.mode, VipMode::Other("other".to_owned()));
}

#[test]
fn wrong_numbers_are_kept_for_the_findings() {
    let config = parse(
        "<opnsense>\n<virtualip>\n<vip>\n<mode>carp</mode>\n<vhid>256</vhid>\n<advskew>300</advskew>\n<advbase>0</advbase>\n\
         <subnet>10.0.0.300</subnet>\n</vip></virtualip></opnsense>",
    );
    let vip = &config.vips[0];
    assert_eq!((vip.line, vip.path("vhid")), (3, "virtualip/vip[1]/vhid".to_owned()));
    assert_eq!(vip.vhid, Field::Wrong { text: "256".to_owned(), line: 5 });
    assert!(matches!(&vip.advskew, Field::Wrong { line: 6, .. }));
    assert!(matches!(&vip.advbase, Field::Wrong { line: 7, .. }));
    assert!(matches!(&vip.address, Field::Wrong { line: 8, .. }));
    assert!(config.vhids().is_empty());
}

#[test]
fn old_and_new_high_availability_settings_are_read() {
    let old = parse(
        "<opnsense><hasync><pfsyncenabled>on</pfsyncenabled><pfsyncinterface>opt1</pfsyncinterface>\
         <pfsyncpeerip>10.0.0.2</pfsyncpeerip><disablepreempt>on</disablepreempt>\
         <synchronizetoip>https://10.0.0.2:444</synchronizetoip></hasync></opnsense>",
    );
    let pfsync = old.ha.pfsync.unwrap();
    assert_eq!(pfsync.interface, "opt1");
    assert!(pfsync.version.is_unset());
    assert!(!old.ha.preempt);
    assert_eq!(old.ha.sync_target.unwrap().host, "10.0.0.2");

    let off = |xml: &str| parse(&format!("<opnsense><hasync>{xml}</hasync></opnsense>")).ha.pfsync.is_none();
    assert!(off("<pfsyncenabled/><pfsyncinterface>lan</pfsyncinterface>"), "switched off the old way");
    assert!(off("<pfsyncinterface/>"), "switched off the new way");
    assert!(!off("<pfsyncinterface>lan</pfsyncinterface>"));
    assert!(parse("<opnsense/>").ha.preempt, "preemption is OPNsense's default");
}

#[test]
fn the_maintenance_flag_is_read() {
    let flag = |xml: &str| parse(&format!("<opnsense>{xml}</opnsense>")).maintenance;
    assert!(flag("<virtualip_carp_maintenancemode>1</virtualip_carp_maintenancemode>"));
    assert!(flag("<virtualip_carp_maintenancemode/>") && !flag(""));
}

#[test]
fn passwords_appear_in_no_debug_output() {
    let shown = format!("{:?}", sample("fw1.xml"));
    for secret in ["example-wan-key", "example-lan-key", "example-sync-password"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

#[test]
fn the_lab_and_the_tests_use_the_same_example() {
    for name in ["fw1.xml", "fw2.xml"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let bundled = std::fs::read(root.join("src/lab/example").join(name)).unwrap();
        assert_eq!(std::fs::read(root.join("tests/config").join(name)).unwrap(), bundled);
    }
}

const FW1: &str = include_str!("config/fw1.xml");

fn refused(bytes: &[u8]) -> ParseError {
    OpnsenseConfig::parse(Path::new("config.xml"), bytes).unwrap_err()
}

#[test]
fn entities_are_not_expanded() {
    let bomb =
        "<!DOCTYPE opnsense [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">]><opnsense>&b;</opnsense>";
    assert_eq!(refused(bomb.as_bytes()), ParseError::Dtd { line: 1 });
    let outside = "<!DOCTYPE opnsense [<!ENTITY x SYSTEM \"file:///etc/master.passwd\">]>\n<opnsense/>";
    assert_eq!(refused(outside.as_bytes()), ParseError::Dtd { line: 1 });
    let undeclared = refused(b"<opnsense>\n<system><hostname>&x;</hostname></system></opnsense>");
    assert_eq!(undeclared, ParseError::Entity { line: 2, name: "x".to_owned() });
    assert!(matches!(refused(b"<opnsense>&#0;</opnsense>"), ParseError::Entity { .. }));
    let known =
        parse("<opnsense><system><hostname>&lt;&#97;&#x62;&amp;&quot;&apos;&gt;</hostname></system></opnsense>");
    assert_eq!(known.hostname.as_deref(), Some("<ab&\"'>"));
}

#[test]
fn deep_nesting_is_refused_at_once() {
    for inside in ["", "<virtualip><vip>", "<cert>"] {
        let deep = format!("<opnsense>{inside}{}", "<a>".repeat(1_000_000));
        assert_eq!(refused(deep.as_bytes()), ParseError::TooDeep { line: 1 });
    }
}

#[test]
fn more_of_anything_than_a_firewall_has_is_refused() {
    for (open, many, close) in [
        ("<virtualip>", "<vip/>", "</virtualip>"),
        ("<interfaces>", "<a/>", "</interfaces>"),
        ("<filter>", "<rule/>", "</filter>"),
        ("<virtualip><vip>", "<a/>", "</vip></virtualip>"),
        ("<OPNsense><Kea><dhcp4><ha_peers>", "<peer/>", "</ha_peers></dhcp4></Kea></OPNsense>"),
    ] {
        let xml = format!("<opnsense>{open}{}{close}</opnsense>", many.repeat(150_000));
        assert!(matches!(refused(xml.as_bytes()), ParseError::TooMany { .. }), "{open}{many}");
    }
    // What is not kept does not count.
    let tcp = "<rule><protocol>tcp</protocol></rule>".repeat(100_000);
    assert!(parse(&format!("<opnsense><filter>{tcp}</filter></opnsense>")).rules.is_empty());
    let leases = "<staticmap><mac/></staticmap>".repeat(100_000);
    assert_eq!(parse(&format!("<opnsense><dhcpd><lan><enable/>{leases}</lan></dhcpd></opnsense>")).dhcp.len(), 1);
}

#[test]
fn a_file_cut_off_anywhere_is_an_error() {
    let end = FW1.trim_end().len();
    for cut in (0..end).step_by(100).chain([end - 1]) {
        black_box(refused(&FW1.as_bytes()[..cut]));
    }
    assert!(matches!(refused(&FW1.as_bytes()[..end / 2]), ParseError::Truncated { .. } | ParseError::Syntax { .. }));
    assert_eq!(refused(b""), ParseError::Empty);
}

#[test]
fn what_is_not_config_xml_is_refused_with_its_line() {
    assert_eq!(refused(b"<opnsense>\n\n\xff\xfe</opnsense>"), ParseError::NotUtf8 { line: 3 });
    assert_eq!(refused(b"\n<pfsense/>"), ParseError::Root { line: 2, found: "pfsense".to_owned() });
    assert!(matches!(refused(b"<opnsense>\n<a>\n</b></opnsense>"), ParseError::Syntax { line: 3, .. }));
    assert!(matches!(refused(b"<opnsense/>\n<opnsense/>"), ParseError::Syntax { line: 2, .. }));
    assert!(matches!(refused(b"text"), ParseError::Syntax { line: 1, .. }));
    for bytes in [
        &b"\0"[..],
        b"<",
        b"<>",
        b"</>",
        b"<!",
        b"<![CDATA[",
        b"<?",
        b"&",
        b"<opnsense",
        b"<opnsense a=",
        b"\xef\xbb\xbf",
    ] {
        black_box(refused(bytes));
    }
    let long = refused(format!("<{}/>", "x".repeat(1_000_000)).as_bytes());
    assert!(long.to_string().len() < 400, "no message grows with the file");
}

#[test]
fn huge_texts_and_attributes_are_survived() {
    let big = "y".repeat(1_000_000);
    let config = parse(&format!(
        "\u{feff}<opnsense {big}=\"{big}\"><virtualip><vip uuid=\"{big}\"><mode>{big}</mode><subnet>{big}</subnet>\
         <password>{big}</password><descr>{big}</descr></vip></virtualip></opnsense>"
    ));
    assert_eq!(config.vips[0].password.len, 1_000_000);
    let kept = format!("{config:?}").len() + format!("{:?}", lint::single(&config)).len();
    assert!(kept < 5_000, "{kept}");
}

/// A change to some place of the sample.
#[derive(Clone, Debug)]
enum Mutation {
    Replace(usize, u8),
    Delete(usize, usize),
    Repeat(usize, usize),
    Insert(usize, &'static str),
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let range = |at: usize, len: usize| at.min(bytes.len())..at.saturating_add(len).min(bytes.len());
        match *self {
            Self::Replace(at, byte) => {
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            Self::Delete(at, len) => drop(bytes.drain(range(at, len))),
            Self::Repeat(at, len) => {
                let again = bytes[range(at, len)].to_vec();
                let at = at.min(bytes.len());
                bytes.splice(at..at, again);
            }
            Self::Insert(at, text) => {
                let at = at.min(bytes.len());
                bytes.splice(at..at, text.bytes());
            }
        }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = || 0..FW1.len();
    let texts = prop::sample::select(
        &["<a>", "</vip>", "<vip>", "&amp;", "&x;", "]]>", "<![CDATA[", "<!--", "0", "255", "::", "/"][..],
    );
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        // Digits hit numbers and addresses, and leave the XML whole.
        (at(), b'0'..=b'9').prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        (at(), 1..200_usize).prop_map(|(at, len)| Mutation::Delete(at, len)),
        (at(), 1..200_usize).prop_map(|(at, len)| Mutation::Repeat(at, len)),
        (at(), texts).prop_map(|(at, text)| Mutation::Insert(at, text)),
    ]
}

/// Values that a field may be hit with while the file stays well-formed.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(
            &["", "0", "1", "255", "256", "-1", "::", "fe80::1", "10.0.0.1/8", "lan", "wan", "(self)", "carp"][..]
        )
        .prop_map(str::to_owned),
        "[ -;=?-~]{0,30}",
    ]
}

proptest! {
    #[test]
    fn mutations_of_the_sample_never_panic(mutations in prop::collection::vec(mutation(), 1..12)) {
        let mut bytes = FW1.as_bytes().to_vec();
        mutations.iter().for_each(|mutation| mutation.apply(&mut bytes));
        let sound = parse(FW1);
        if let Ok(config) = OpnsenseConfig::parse(Path::new("config.xml"), &bytes) {
            black_box((lint::single(&config), lint::pair(&sound, &config), lint::pair(&config, &sound)));
        }
    }

    #[test]
    fn any_value_in_any_field_is_read_and_linted(edits in prop::collection::vec((any::<prop::sample::Index>(), value()), 1..20)) {
        let mut lines: Vec<String> = FW1.lines().map(str::to_owned).collect();
        let fields: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].contains("</")  && lines[*at].trim().starts_with('<')
            && !lines[*at].trim().starts_with("</")).collect();
        for (index, value) in edits {
            let line = &mut lines[fields[index.index(fields.len())]];
            let (open, close) = (line.find('>').unwrap() + 1, line.find("</").unwrap());
            line.replace_range(open..close, &value.replace('&', "&amp;"));
        }
        let config = parse(&lines.join("\n"));
        black_box((config.vhids(), lint::single(&config), lint::pair(&parse(FW1), &config)));
    }
}
