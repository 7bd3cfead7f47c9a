//! What the reader of OPNsense's config.xml promises.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail by panic")]

use std::path::Path;

use carpd::config::opnsense::{self, Field, OpnsenseConfig, VipMode};
use carpd::model::CarpKey;

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
    assert!(!flag("<virtualip_carp_maintenancemode/>") && !flag(""));
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
