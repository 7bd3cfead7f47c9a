//! Adding addresses to vhids, and deleting them.

use super::super::address;
use super::*;

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
