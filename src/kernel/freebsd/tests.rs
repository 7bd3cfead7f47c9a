//! Against a running kernel, within a jail that has a network stack of its own, so that nothing outside it is touched:
//!
//! ```sh
//! jail -c name=carpd-test persist vnet path=/
//! jexec carpd-test TEST_BINARY kernel::freebsd --ignored --test-threads=1
//! ```

use std::process::Command;

use super::super::decide::pfsync::Now;
use super::super::refusal::Refusal;
use super::super::{Administer, KernelError};
use super::administer::Trouble;
use super::calls::Sysctl;
use super::netlink::Netlink;
use super::{FreeBsd, address, pfsync};
use crate::model::{
    AdvBase, AdvSkew, CarpKey, CarpState, CarpVariable, InterfaceName, PfsyncSettings, Vhid, VhidInventory, VhidRef,
    VhidSettings, Write,
};
use crate::sys::carp_netlink::{GROUP4, Settings};
use crate::sys::pfsync::Pfsync;

fn run(command: &str) -> String {
    let out = Command::new("/bin/sh").args(["-ec", command]).env("PATH", "/sbin:/bin:/usr/sbin:/usr/bin").output();
    let out = out.unwrap();
    assert!(out.status.success(), "{command}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// Refuses to run where there could be CARP that matters.
fn only_in_a_jail() {
    assert_eq!(Sysctl("security.jail.vnet").int().unwrap(), 1, "run this in a jail with its own network stack");
}

/// A virtual cable; both ends are in this jail.
struct Cable {
    end: InterfaceName,
}

impl Cable {
    fn new() -> Self {
        only_in_a_jail();
        let end = run("ifconfig epair create");
        run(&format!("ifconfig {end} up"));
        Self { end: end.parse().unwrap() }
    }

    fn id(&self, vhid: u32) -> VhidRef {
        VhidRef::new(Vhid::new(vhid).unwrap(), self.end.clone())
    }

    fn ifconfig(&self, arguments: &str) {
        run(&format!("ifconfig {} {arguments}", self.end));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        let _ = Command::new("/sbin/ifconfig").args([self.end.as_str(), "destroy"]).output();
    }
}

/// Makes this process nobody's, and root's again when dropped.
struct Nobody;

impl Nobody {
    fn now() -> Self {
        nix::unistd::seteuid(65534.into()).unwrap();
        Self
    }
}

impl Drop for Nobody {
    fn drop(&mut self) {
        nix::unistd::seteuid(0.into()).unwrap();
    }
}

fn with_netlink() -> FreeBsd {
    let kernel = FreeBsd::new();
    assert!(kernel.netlink.is_some());
    kernel
}

const fn without_netlink() -> FreeBsd {
    FreeBsd { netlink: None }
}

fn skew(advskew: u32, password: &str) -> VhidSettings {
    VhidSettings {
        advbase: AdvBase::DEFAULT,
        advskew: AdvSkew::new(advskew).unwrap(),
        key: Some(CarpKey::from_password(password.as_bytes())),
        peer: None,
        peer6: None,
    }
}

fn set(id: &VhidRef, settings: &VhidSettings) -> Write {
    Write::Vhid { id: id.clone(), settings: settings.clone() }
}

fn add(id: &VhidRef, net: &str) -> Write {
    Write::AddAddress { id: id.clone(), net: net.parse().unwrap() }
}

fn delete(id: &VhidRef, net: &str) -> Write {
    Write::DeleteAddress { id: id.clone(), net: net.parse().unwrap() }
}

fn vhid(kernel: &mut FreeBsd, id: &VhidRef) -> Option<VhidInventory> {
    kernel.inventory().unwrap().vhid(id).cloned()
}

fn refusal(made: Result<(), KernelError>) -> String {
    let error = made.unwrap_err();
    println!("{error}");
    assert!(matches!(error, KernelError::Refused { .. }), "{error:?}");
    error.to_string()
}

fn addresses(vhid: &VhidInventory) -> Vec<String> {
    vhid.seen.addresses.iter().map(ToString::to_string).collect()
}

const NETS: [&str; 4] = ["192.0.2.1/24", "192.0.2.2/32", "fe80::1/64", "2001:db8:1::1/64"];

#[test]
#[ignore = "needs root in a vnet jail"]
fn a_vhid_lives_from_its_creation_to_the_removal_of_its_last_address() {
    for mut kernel in [with_netlink(), without_netlink()] {
        let cable = Cable::new();
        let id = cable.id(1);
        kernel.write(&set(&id, &skew(100, "secret"))).unwrap();
        let new = vhid(&mut kernel, &id).unwrap();
        assert_eq!((new.seen.state, new.seen.advskew.get(), addresses(&new).len()), (CarpState::Init, 100, 0));
        assert!(new.key == Some(CarpKey::from_password(b"secret")));
        for net in NETS {
            kernel.write(&add(&id, net)).unwrap();
        }
        kernel.write(&set(&id, &skew(7, "other"))).unwrap();
        let full = vhid(&mut kernel, &id).unwrap();
        assert_eq!(full.seen.advskew.get(), 7);
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
        assert_eq!((seen.seen.peer, seen.seen.peer6), (peer.map(Into::into), peer6.map(Into::into)));
        assert!(seen.key == wanted.key);
        let wanted = VhidSettings { advskew: AdvSkew::new(50).unwrap(), key: None, ..wanted };
        kernel.write(&set(&id, &wanted)).unwrap();
        let after = vhid(&mut kernel, &id).unwrap();
        assert_eq!((after.seen.advskew.get(), after.seen.peer), (50, seen.seen.peer));
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
    assert_eq!((one.seen.advskew, one.seen.peer, one.seen.peer6), (two.seen.advskew, two.seen.peer, two.seen.peer6));
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
fn an_ipv6_address_whose_vhid_refuses_it_does_not_stay_behind() {
    let cable = Cable::new();
    let net = "2001:db8:1::9/64".parse().unwrap();
    let inventory = || with_netlink().inventory().unwrap().interface(&cable.end).unwrap().plain.clone();
    // Without any vhid, and then with another one: what remains where the vhid went after the look.
    for existing in [None, Some(1)] {
        if let Some(vhid) = existing {
            with_netlink().write(&set(&cable.id(vhid), &skew(0, "x"))).unwrap();
        }
        let before = inventory();
        let trouble = address::add(&cable.id(9), net).unwrap_err();
        println!("{trouble:?}");
        assert_eq!(inventory(), before);
    }
    assert!(refusal(with_netlink().write(&add(&cable.id(9), "2001:db8:1::9/64"))).contains("no vhid 9@"));
    assert!(refusal(with_netlink().write(&add(&cable.id(9), "192.0.2.9/24"))).contains("no vhid 9@"));
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn an_interface_that_is_down_stays_down() {
    let cable = Cable::new();
    let id = cable.id(1);
    let mut kernel = with_netlink();
    cable.ifconfig("down");
    kernel.write(&set(&id, &skew(0, "x"))).unwrap();
    for net in ["192.0.2.1/24", "2001:db8:1::1/64"] {
        assert!(refusal(kernel.write(&add(&id, net))).contains("is down"));
    }
    let inventory = kernel.inventory().unwrap();
    let interface = inventory.interface(&cable.end).unwrap();
    assert!(!interface.up && interface.plain.is_empty(), "{interface:?}");
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn an_address_that_is_elsewhere_is_not_moved() {
    let cable = Cable::new();
    let mut kernel = with_netlink();
    cable.ifconfig("inet 192.0.2.11/24");
    cable.ifconfig("inet6 2001:db8:1::11/64");
    for vhid in [1, 2] {
        kernel.write(&set(&cable.id(vhid), &skew(0, "x"))).unwrap();
    }
    kernel.write(&add(&cable.id(2), "192.0.2.2/24")).unwrap();
    let before = kernel.inventory().unwrap();
    for (net, names) in [
        ("192.0.2.11/24", "ordinary address"),
        ("192.0.2.11/32", "ordinary address"),
        ("2001:db8:1::11/64", "ordinary address"),
        ("192.0.2.2/24", "vhid 2@"),
    ] {
        assert!(refusal(kernel.write(&add(&cable.id(1), net))).contains(names));
        assert!(refusal(kernel.write(&delete(&cable.id(1), net))).contains(names));
    }
    assert!(refusal(kernel.write(&add(&cable.id(2), "192.0.2.2/32"))).contains("192.0.2.2/24"));
    let after = kernel.inventory().unwrap();
    assert_eq!(after.interfaces, before.interfaces);
    assert_eq!(after.vhid(&cable.id(2)).unwrap().seen.addresses, before.vhid(&cable.id(2)).unwrap().seen.addresses);
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn interfaces_that_cannot_or_do_not_exist_are_named() {
    only_in_a_jail();
    let at = |name: &str| VhidRef::new(Vhid::new(1).unwrap(), name.parse().unwrap());
    for mut kernel in [with_netlink(), without_netlink()] {
        assert!(refusal(kernel.write(&set(&at("nosuch0"), &skew(0, "x")))).contains("no interface nosuch0"));
        assert!(refusal(kernel.write(&set(&at("lo0"), &skew(0, "x")))).contains("carries no vhid"));
        assert!(refusal(kernel.write(&delete(&at("nosuch0"), "192.0.2.1/24"))).contains("no interface nosuch0"));
        let link = Write::Link { interface: "nosuch0".parse().unwrap(), up: true };
        assert!(refusal(kernel.write(&link)).contains("no interface nosuch0"));
    }
    let cable = Cable::new();
    let bridge = run("ifconfig bridge create");
    run(&format!("ifconfig {bridge} addm {}", cable.end));
    let id = cable.id(1);
    let mut kernel = with_netlink();
    kernel.write(&set(&id, &skew(0, "x"))).unwrap();
    let before = run("sysctl -n net.link.bridge.member_ifaddrs");
    run("sysctl net.link.bridge.member_ifaddrs=0");
    let made = ["192.0.2.1/24", "2001:db8:1::1/64"].map(|net| kernel.write(&add(&id, net)));
    run(&format!("sysctl net.link.bridge.member_ifaddrs={before}; ifconfig {bridge} destroy"));
    for made in made {
        assert!(refusal(made).contains("member of a bridge"));
    }
    assert!(
        with_netlink()
            .inventory()
            .unwrap()
            .interface(&cable.end)
            .unwrap()
            .plain
            .iter()
            .all(|net| { net.addr().to_string().starts_with("fe80") })
    );
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn a_link_local_address_is_the_same_in_and_out() {
    let cable = Cable::new();
    let id = cable.id(1);
    let mut kernel = with_netlink();
    kernel.write(&set(&id, &skew(0, "x"))).unwrap();
    kernel.write(&add(&id, "fe80::1/64")).unwrap();
    assert_eq!(addresses(&vhid(&mut kernel, &id).unwrap()), ["fe80::1/64"]);
    let plain = kernel.inventory().unwrap().interface(&"lo0".parse().unwrap()).unwrap().plain.clone();
    assert!(plain.contains(&"fe80::1/64".parse().unwrap()), "{plain:?}");
    let nobody = Nobody::now();
    kernel.write(&add(&id, "fe80::1/64")).unwrap();
    drop(nobody);
    kernel.write(&delete(&id, "fe80::1/64")).unwrap();
    assert_eq!(vhid(&mut kernel, &id), None);
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn a_vhid_that_lost_its_addresses_during_a_change_is_told() {
    let cable = Cable::new();
    let id = cable.id(1);
    let mut kernel = with_netlink();
    kernel.write(&set(&id, &skew(0, "x"))).unwrap();
    assert!(super::vhid::still_has_addresses(&id).is_err());
    kernel.write(&add(&id, "192.0.2.1/24")).unwrap();
    assert!(super::vhid::still_has_addresses(&id).is_ok());
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn an_inventory_shows_everything_that_can_be_changed() {
    let cable = Cable::new();
    cable.ifconfig("inet 192.0.2.11/24");
    for mut kernel in [with_netlink(), without_netlink()] {
        for number in [9, 3, 5] {
            kernel.write(&set(&cable.id(number), &skew(number, "x"))).unwrap();
        }
        let inventory = kernel.inventory().unwrap();
        let there: Vec<u8> = inventory.vhids.iter().map(|vhid| vhid.seen.id.vhid.get()).collect();
        assert_eq!(there, [3, 5, 9]);
        let ours = inventory.interface(&cable.end).unwrap();
        assert!(ours.up && ours.link && ours.may_carry_carp);
        assert_eq!(ours.plain[0], "192.0.2.11/24".parse().unwrap());
        let lo0 = inventory.interface(&"lo0".parse().unwrap()).unwrap();
        assert!(!lo0.may_carry_carp);
        assert_eq!(inventory.variables.len(), CarpVariable::ALL.len());
        assert_eq!(inventory.variable(CarpVariable::Allow), Some(1));
        assert!(inventory.pfsync.is_some());
    }
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
        assert_eq!(u32::from(vhid.seen.advskew.get()), u32::from(vhid.seen.id.vhid.get()) % 241);
    }
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn variables_are_set_and_read_back() {
    only_in_a_jail();
    let mut kernel = with_netlink();
    for variable in CarpVariable::ALL {
        let before = kernel.inventory().unwrap().variable(variable).unwrap();
        for value in [before + 1, before] {
            kernel.write(&Write::Sysctl { variable, value }).unwrap();
            assert_eq!(kernel.inventory().unwrap().variable(variable), Some(value), "{}", variable.name());
        }
    }
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn pfsync_is_set_once_and_raised() {
    let cable = Cable::new();
    let mut kernel = with_netlink();
    let demotion = |kernel: &mut FreeBsd| kernel.inventory().unwrap().demotion.get();
    run("ifconfig pfsync0 down");
    let before = demotion(&mut kernel);
    let wanted = PfsyncSettings {
        syncdev: Some(cable.end.clone()),
        syncpeer: Some("192.0.2.12".parse().unwrap()),
        version: 1400,
        defer: true,
        maxupdates: 64,
    };
    kernel.write(&Write::Pfsync(wanted.clone())).unwrap();
    assert_eq!(kernel.inventory().unwrap().pfsync, Some(wanted.clone()));
    assert_eq!(demotion(&mut kernel), before + 240);
    assert!(run("ifconfig pfsync0").contains("RUNNING"));
    // The kernel refuses nobody every change, so nothing was changed.
    let nobody = Nobody::now();
    kernel.write(&Write::Pfsync(wanted.clone())).unwrap();
    let other = PfsyncSettings { defer: false, ..wanted.clone() };
    assert!(refusal(kernel.write(&Write::Pfsync(other))).contains("run it as root"));
    drop(nobody);
    run("ifconfig pfsync0 down");
    kernel.write(&Write::Pfsync(wanted.clone())).unwrap();
    assert!(run("ifconfig pfsync0").contains("RUNNING"));
    for other in [
        PfsyncSettings { syncpeer: None, version: 1301, ..wanted.clone() },
        PfsyncSettings { syncpeer: Some("fe80::2".parse().unwrap()), version: 1500, ..wanted.clone() },
        PfsyncSettings { syncpeer: Some("2001:db8:9::2".parse().unwrap()), maxupdates: 0, ..wanted.clone() },
        PfsyncSettings { syncdev: None, syncpeer: None, ..wanted.clone() },
    ] {
        kernel.write(&Write::Pfsync(other.clone())).unwrap();
        assert_eq!(kernel.inventory().unwrap().pfsync, Some(other.clone()));
        let _nobody = Nobody::now();
        kernel.write(&Write::Pfsync(other)).unwrap();
    }
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn what_pfsync_cannot_be_set_to_changes_nothing() {
    let cable = Cable::new();
    let mut kernel = with_netlink();
    let wanted = PfsyncSettings {
        syncdev: Some(cable.end.clone()),
        syncpeer: None,
        version: 1400,
        defer: false,
        maxupdates: 128,
    };
    kernel.write(&Write::Pfsync(wanted.clone())).unwrap();
    let nosuch = PfsyncSettings { syncdev: Some("nosuch0".parse().unwrap()), ..wanted.clone() };
    assert!(refusal(kernel.write(&Write::Pfsync(nosuch))).contains("no interface nosuch0"));
    // A request that was taken over in part, and refused.
    let name = "pfsync0".parse().unwrap();
    let before = pfsync::read().unwrap().unwrap();
    let half = Pfsync { version: 1301, maxupdates: 7, ..before.clone() };
    pfsync::set(&name, pfsync::Requests::Nv, &half).unwrap();
    let there = Now { pfsync: before.clone(), legacy: false, running: false };
    let trouble = pfsync::take_back(&name, pfsync::Requests::Nv, &there, true, Refusal::new("cause", "remedy"));
    assert!(matches!(trouble, Trouble::Refused(refusal) if refusal.cause == "cause"));
    assert_eq!(kernel.inventory().unwrap().pfsync, Some(wanted.clone()));
    assert!(!run("ifconfig pfsync0").contains("RUNNING"));
    let legacy = Pfsync { maxupdates: 32, ..before };
    pfsync::set(&name, pfsync::Requests::Legacy, &legacy).unwrap();
    let now = kernel.inventory().unwrap().pfsync.unwrap();
    assert_eq!(now, PfsyncSettings { maxupdates: 32, version: 1500, ..wanted.clone() });
    kernel.write(&Write::Pfsync(PfsyncSettings { syncdev: None, ..wanted })).unwrap();
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn a_tunnel_is_up_only_if_it_runs() {
    only_in_a_jail();
    let mut kernel = with_netlink();
    let tunnels = [(); 2].map(|()| run("ifconfig wg create"));
    let (first, second) = (&tunnels[0], &tunnels[1]);
    let link = |name: &str, up| Write::Link { interface: name.parse().unwrap(), up };
    let flags = |name: &str| run(&format!("ifconfig {name} | head -1"));
    for name in &tunnels {
        run(&format!("k=$(mktemp); wg genkey > $k; wg set {name} listen-port 51999 private-key $k; rm $k"));
    }
    kernel.write(&link(first, true)).unwrap();
    assert!(flags(first).contains("RUNNING"));
    assert!(refusal(kernel.write(&link(second, true))).contains("does not run"));
    assert!(!flags(second).contains("UP"), "what did not come up is not left half up");
    // An operator may have left it so.
    run(&format!("ifconfig {second} up"));
    assert!(refusal(kernel.write(&link(second, true))).contains("does not run"));
    assert!(flags(second).contains("UP"));
    kernel.write(&link(first, false)).unwrap();
    assert!(!flags(first).contains("UP") && !flags(first).contains("RUNNING"));
    kernel.write(&link(second, true)).unwrap();
    assert!(flags(second).contains("RUNNING"));
    for name in &tunnels {
        run(&format!("ifconfig {name} destroy"));
    }
}
