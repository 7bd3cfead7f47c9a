//! Creating and changing vhids.

use super::super::netlink::Netlink;
use super::super::vhid::still_has_addresses;
use super::*;
use crate::model::{CarpParameters, CarpState};
use crate::sys::carp_netlink::{GROUP4, Settings};

const NETS: [&str; 4] = ["192.0.2.1/24", "192.0.2.2/32", "fe80::1/64", "2001:db8:1::1/64"];

fn carp(vhid: &VhidInventory) -> &CarpParameters {
    vhid.seen.carp().unwrap()
}

fn advskew(vhid: &VhidInventory) -> u8 {
    carp(vhid).advskew.get()
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn a_vhid_lives_from_its_creation_to_the_removal_of_its_last_address() {
    for mut kernel in [with_netlink(), without_netlink()] {
        let cable = Cable::new();
        let id = cable.id(1);
        kernel.write(&set(&id, &skew(100, "secret"))).unwrap();
        let new = vhid(&mut kernel, &id).unwrap();
        assert_eq!((new.seen.state, advskew(&new), addresses(&new).len()), (CarpState::Init, 100, 0));
        assert!(new.key == Some(CarpKey::from_password(b"secret")));
        for net in NETS {
            kernel.write(&add(&id, net)).unwrap();
        }
        kernel.write(&set(&id, &skew(7, "other"))).unwrap();
        let full = vhid(&mut kernel, &id).unwrap();
        assert_eq!(advskew(&full), 7);
        assert!(full.key == Some(CarpKey::from_password(b"other")));
        assert_ne!(full.seen.state, CarpState::Init);
        let mut there = addresses(&full);
        there.sort();
        let mut wanted = NETS.map(str::to_owned);
        wanted.sort();
        assert_eq!(there, wanted);
        for net in NETS {
            kernel.write(&delete(&id, net)).unwrap();
            kernel.write(&delete(&id, net)).unwrap();
        }
        assert_eq!(vhid(&mut kernel, &id), None);
    }
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn what_is_there_is_not_written_again() {
    let cable = Cable::new();
    let id = cable.id(1);
    let mut kernel = with_netlink();
    let unicast = VhidSettings { peer: Some([192, 0, 2, 9].into()), ..skew(100, "secret") };
    let mut there =
        vec![set(&id, &unicast), add(&id, "192.0.2.1/24"), add(&id, "2001:db8:1::1/64"), add(&id, "fe80::1/64")];
    for write in &there {
        kernel.write(write).unwrap();
    }
    let log = kernel.inventory().unwrap().variable(CarpVariable::Log).unwrap();
    there.push(Write::Sysctl { variable: CarpVariable::Log, value: log });
    there.push(Write::Link { interface: cable.end.clone(), up: true });
    there.push(delete(&id, "192.0.2.77/24"));
    let keyless = |write: &Write| match write {
        // Nobody is not told the key, so nobody cannot know that it is the same.
        Write::Vhid { id, settings } => set(id, &VhidSettings { key: None, ..settings.clone() }),
        other => other.clone(),
    };
    for write in &there {
        kernel.write(write).unwrap();
    }
    // Nobody may make not one of these calls. So where nobody succeeds, none was made.
    let _nobody = Nobody::now();
    let mut kernel = with_netlink();
    assert_eq!(vhid(&mut kernel, &id).unwrap().key, None);
    for write in &there {
        kernel.write(&keyless(write)).unwrap();
    }
    for (write, kernel) in [
        (set(&id, &unicast), &mut kernel),
        (set(&cable.id(2), &skew(0, "x")), &mut without_netlink()),
        (delete(&id, "192.0.2.1/24"), &mut without_netlink()),
        (delete(&id, "fe80::1/64"), &mut without_netlink()),
        (add(&id, "192.0.2.3/24"), &mut without_netlink()),
        (add(&id, "2001:db8:1::3/64"), &mut without_netlink()),
        (Write::Sysctl { variable: CarpVariable::Log, value: log + 1 }, &mut without_netlink()),
        (Write::Link { interface: cable.end.clone(), up: false }, &mut without_netlink()),
    ] {
        assert!(refusal(kernel.write(&write)).contains("run it as root"), "{write}");
    }
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn unicast_goes_over_netlink_and_returns_to_multicast() {
    let cable = Cable::new();
    let id = cable.id(1);
    let mut kernel = with_netlink();
    let six = "fe80::2".parse().unwrap();
    for (peer, peer6) in [(Some([192, 0, 2, 9].into()), None), (Some([192, 0, 2, 8].into()), Some(six)), (None, None)] {
        let wanted = VhidSettings { peer, peer6, ..skew(100, "secret") };
        kernel.write(&set(&id, &wanted)).unwrap();
        let seen = vhid(&mut kernel, &id).unwrap();
        assert_eq!((carp(&seen).peer, carp(&seen).peer6), (peer, peer6));
        assert!(seen.key == wanted.key);
        let wanted = VhidSettings { advskew: AdvSkew::new(50).unwrap(), key: None, ..wanted };
        kernel.write(&set(&id, &wanted)).unwrap();
        let after = vhid(&mut kernel, &id).unwrap();
        assert_eq!((advskew(&after), carp(&after).peer), (50, peer));
        assert!(after.key == seen.key);
    }
    let wanted = VhidSettings { peer: Some([192, 0, 2, 9].into()), ..skew(100, "secret") };
    assert!(refusal(without_netlink().write(&set(&cable.id(2), &wanted))).contains("netlink"));
    assert_eq!(vhid(&mut kernel, &cable.id(2)), None);
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn multicast_over_netlink_comes_to_the_same_as_by_request() {
    let cable = Cable::new();
    let (by_request, over_netlink) = (cable.id(1), cable.id(2));
    let wanted = skew(30, "1234567890123456789");
    let mut kernel = with_netlink();
    kernel.write(&set(&by_request, &wanted)).unwrap();
    let settings = Settings {
        vhid: over_netlink.vhid,
        state: None,
        advbase: wanted.advbase,
        advskew: wanted.advskew,
        key: wanted.key.clone(),
        peer: Some(GROUP4),
        peer6: None,
    };
    let end = Netlink::open().unwrap().set(&cable.end, &settings).unwrap();
    assert_eq!(end.errno, 0);
    let [one, two] = [&by_request, &over_netlink].map(|id| vhid(&mut with_netlink(), id).unwrap());
    assert!(one.key == two.key && one.key == wanted.key);
    assert_eq!(one.seen.protocol, two.seen.protocol);
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn a_vrrp_vhid_is_left_alone() {
    let cable = Cable::new();
    let id = cable.id(30);
    cable.ifconfig("vhid 30 carpver 3 vrrpprio 150 192.0.2.30/24 alias");
    let before = run(&format!("ifconfig {} | grep vrrp:", cable.end));
    let mut kernel = with_netlink();
    assert!(refusal(kernel.write(&set(&id, &skew(0, "x")))).contains("VRRP"));
    assert!(refusal(kernel.write(&add(&id, "192.0.2.31/24"))).contains("VRRP"));
    assert!(refusal(without_netlink().write(&set(&id, &skew(0, "x")))).contains("VRRP"));
    let after = run(&format!("ifconfig {} | grep vrrp:", cable.end));
    assert_eq!(before.split_once("vrid").unwrap().1, after.split_once("vrid").unwrap().1);
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn a_vhid_that_lost_its_addresses_during_a_change_is_told() {
    let cable = Cable::new();
    let id = cable.id(1);
    let mut kernel = with_netlink();
    kernel.write(&set(&id, &skew(0, "x"))).unwrap();
    assert!(still_has_addresses(&id).is_err());
    kernel.write(&add(&id, "192.0.2.1/24")).unwrap();
    assert!(still_has_addresses(&id).is_ok());
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn two_hundred_fifty_five_vhids_are_written_and_read() {
    let cable = Cable::new();
    let mut kernel = with_netlink();
    for number in 1..=255 {
        kernel.write(&set(&cable.id(number), &skew(number % 241, "secret"))).unwrap();
    }
    let inventory = kernel.inventory().unwrap();
    let ours: Vec<_> = inventory.vhids.iter().filter(|vhid| vhid.seen.id.interface == cable.end).collect();
    assert_eq!(ours.len(), 255);
    for vhid in ours {
        assert_eq!(u32::from(advskew(vhid)), u32::from(vhid.seen.id.vhid.get()) % 241);
    }
}
