//! Adding an address to a vhid, and removing it.

use ipnet::IpNet;

use super::vhid::speaks_vrrp;
use super::{Address, Interface, interface};
use crate::kernel::refusal::Refusal;
use crate::model::VhidRef;
use crate::sys::carp_netlink::Protocol;

/// Whether `net` has to be added to `id`, which speaks `protocol` (`None` if it does not exist).
///
/// The kernel would take what is refused here: it replaces an address that exists, so that the vhid that had it is left behind
/// without addresses, and it raises an interface that is down.
pub(in crate::kernel) fn add(
    id: &VhidRef,
    net: IpNet,
    protocol: Option<&Protocol>,
    interfaces: &[Interface],
    addresses: &[Address],
) -> Result<bool, Refusal> {
    let interface = interface(interfaces, &id.interface)?;
    match protocol {
        Some(Protocol::Carp { .. }) => {}
        Some(Protocol::Vrrp(_)) => return Err(speaks_vrrp()),
        None => return Err(Refusal::new(format!("there is no vhid {id}"), "create the vhid first")),
    }
    if let Some(existing) = find(id, net, addresses) {
        return as_asked(id, net, existing).map(|()| false);
    }
    if !interface.up {
        let remedy = format!("if it is meant to be up, run `ifconfig {} up` first", id.interface);
        return Err(Refusal::new(format!("{} is down, and adding an address would bring it up", id.interface), remedy));
    }
    Ok(true)
}

/// Whether `net` has to be removed from `id`: an address that nobody has is gone already.
pub(in crate::kernel) fn delete(
    id: &VhidRef,
    net: IpNet,
    interfaces: &[Interface],
    addresses: &[Address],
) -> Result<bool, Refusal> {
    interface(interfaces, &id.interface)?;
    match find(id, net, addresses) {
        Some(existing) => as_asked(id, net, existing).map(|()| true),
        None => Ok(false),
    }
}

/// Whether a failed addition of `net` left it behind without its vhid, as that of an IPv6 address does.
pub(in crate::kernel) fn left_behind(id: &VhidRef, net: IpNet, addresses: &[Address]) -> bool {
    find(id, net, addresses).is_some_and(|address| address.vhid.is_none())
}

/// An interface has an address only once, whatever its prefix length.
fn find<'a>(id: &VhidRef, net: IpNet, addresses: &'a [Address]) -> Option<&'a Address> {
    addresses.iter().find(|address| address.interface == id.interface && address.net.addr() == net.addr())
}

fn as_asked(id: &VhidRef, net: IpNet, existing: &Address) -> Result<(), Refusal> {
    let (interface, there) = (&id.interface, existing.net);
    let family = if net.addr().is_ipv4() { "inet" } else { "inet6" };
    let remedy = format!("remove it first: `ifconfig {interface} {family} {} -alias`", there.addr());
    match existing.vhid {
        Some(vhid) if vhid == id.vhid && there == net => Ok(()),
        Some(vhid) if vhid == id.vhid => {
            let remedy = format!(
                "write it as {there}, or remove it first: `ifconfig {interface} {family} {} -alias`",
                there.addr()
            );
            Err(Refusal::new(format!("the vhid has it as {there}"), remedy))
        }
        Some(vhid) => Err(Refusal::new(format!("{there} belongs to vhid {vhid}@{interface}"), remedy)),
        None => Err(Refusal::new(format!("{there} is an ordinary address of {interface}, without a vhid"), remedy)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AdvBase, AdvSkew, Vhid};
    use crate::sys::carp_netlink::{GROUP4, GROUP6};

    fn id() -> VhidRef {
        "1@em0".parse().unwrap()
    }

    fn em0(up: bool) -> Vec<Interface> {
        let name = "em0".parse().unwrap();
        vec![Interface { name, up, link: true, running: true, multicast: true, may_carry_carp: true, mtu: 1500 }]
    }

    fn at(interface: &str, net: &str, vhid: u32) -> Address {
        Address { interface: interface.parse().unwrap(), net: net.parse().unwrap(), vhid: Vhid::new(vhid) }
    }

    fn carp() -> Protocol {
        let (advbase, advskew) = (AdvBase::DEFAULT, AdvSkew::default());
        Protocol::Carp { advbase, advskew, peer: GROUP4, peer6: GROUP6, key: None }
    }

    fn add_to(up: bool, addresses: &[Address]) -> Result<bool, Refusal> {
        add(&id(), "192.0.2.1/24".parse().unwrap(), Some(&carp()), &em0(up), addresses)
    }

    #[test]
    fn an_address_is_added_once_and_never_again() {
        assert_eq!(add_to(true, &[at("em0", "192.0.2.9/24", 0), at("em1", "192.0.2.1/24", 0)]), Ok(true));
        assert_eq!(add_to(true, &[at("em0", "192.0.2.1/24", 1)]), Ok(false));
        assert_eq!(
            add_to(false, &[at("em0", "192.0.2.1/24", 1)]),
            Ok(false),
            "what is there needs no interface raised"
        );
    }

    #[test]
    fn an_interface_that_an_operator_took_down_is_not_raised() {
        assert!(add_to(false, &[]).unwrap_err().cause.contains("em0 is down"));
    }

    #[test]
    fn an_address_that_exists_otherwise_is_never_moved() {
        for (there, names) in [
            (at("em0", "192.0.2.1/24", 0), "ordinary address of em0"),
            (at("em0", "192.0.2.1/24", 2), "vhid 2@em0"),
            (at("em0", "192.0.2.1/32", 1), "192.0.2.1/32"),
        ] {
            let added = add_to(true, std::slice::from_ref(&there)).unwrap_err();
            assert!(added.cause.contains(names), "{added:?}");
            assert!(added.remedy.contains("ifconfig em0 inet 192.0.2.1 -alias"), "{added:?}");
            assert_eq!(delete(&id(), "192.0.2.1/24".parse().unwrap(), &em0(true), &[there]), Err(added));
        }
    }

    #[test]
    fn a_missing_vhid_interface_or_one_that_speaks_vrrp_takes_no_address() {
        let net = "192.0.2.1/24".parse().unwrap();
        assert!(add(&id(), net, None, &em0(true), &[]).unwrap_err().cause.contains("no vhid 1@em0"));
        assert!(add(&id(), net, Some(&carp()), &[], &[]).unwrap_err().cause.contains("no interface em0"));
        let vrrp = Protocol::Vrrp(None);
        assert!(add(&id(), net, Some(&vrrp), &em0(true), &[]).unwrap_err().cause.contains("VRRP"));
        assert!(delete(&id(), net, &[], &[]).unwrap_err().cause.contains("no interface em0"));
    }

    #[test]
    fn an_address_is_deleted_if_it_is_there() {
        let net = "192.0.2.1/24".parse().unwrap();
        assert_eq!(delete(&id(), net, &em0(false), &[at("em0", "192.0.2.1/24", 1)]), Ok(true));
        assert_eq!(delete(&id(), net, &em0(true), &[at("em1", "192.0.2.1/24", 1)]), Ok(false));
    }

    #[test]
    fn what_a_half_failed_addition_left_is_told_from_the_vhid_s_own() {
        let net = "2001:db8::1/64".parse().unwrap();
        assert!(left_behind(&id(), net, &[at("em0", "2001:db8::1/64", 0)]));
        assert!(!left_behind(&id(), net, &[at("em0", "2001:db8::1/64", 1), at("em1", "2001:db8::1/64", 0)]));
    }
}
