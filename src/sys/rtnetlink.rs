//! What rtnetlink(4) multicasts when something changes on an interface, as a reason to look.
//!
//! Sources: `sys/netlink/route/{interface,ifaddrs,neigh}.h`, `sys/netlink/route/{iface,neigh}.c`. No message tells the state
//! of a vhid, but most changes of one leave a trace: an IPv4 address comes when its vhid becomes MASTER and goes when it
//! stops being it; for an IPv6 address an entry of its own appears among the neighbours on MASTER, and nothing tells when it
//! stops. Group `RTNLGRP_IPV6_ROUTE` is not joined: it is silent at transitions (recorded), and busy on a router.

use super::netlink::{Message, u32_at};

/// The groups to join: `RTNLGRP_LINK`, `RTNLGRP_NEIGH`, `RTNLGRP_IPV4_IFADDR` and `RTNLGRP_IPV6_IFADDR`.
pub const GROUPS: [u32; 4] = [1, 3, 5, 9];

const NEWLINK: u16 = 16;
const DELLINK: u16 = 17;
const NEWADDR: u16 = 20;
const DELADDR: u16 = 21;
const NEWNEIGH: u16 = 28;

const AF_INET6: u8 = 28;

/// `NTF_SELF | NTF_STICKY`: the entry is an address of this node. All others come and go with the hosts of the network.
const OWN: u8 = 0x42;

/// The number of the interface on which something changed that can have to do with CARP.
#[must_use]
pub fn changed(message: &Message<'_>) -> Option<u32> {
    let matters = match message.kind {
        NEWLINK | DELLINK | NEWADDR | DELADDR => true,
        NEWNEIGH => message.body.first() == Some(&AF_INET6) && message.body.get(10).is_some_and(|f| f & OWN == OWN),
        _ => false,
    };
    // `struct ifinfomsg`, `ifaddrmsg` and `ndmsg` agree on its place.
    if matters { u32_at(message.body, 4) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::netlink::messages;
    use crate::sys::recorded::{buffer, buffers_in_order};
    use proptest::prelude::*;

    fn changes(name: &str) -> Vec<Option<u32>> {
        let datagram = buffer("rtnetlink-hints.hex", name);
        messages(&datagram).map(|message| changed(&message.unwrap())).collect()
    }

    #[test]
    fn every_recorded_change_of_an_address_or_link_names_its_interface() {
        let epair0b = Some(6);
        for (name, expected) in [
            ("first-vhid", vec![epair0b]),
            ("v6-added", vec![epair0b, epair0b]),
            ("down", vec![epair0b]),
            ("v6-deleted", vec![epair0b]),
            ("rename", vec![epair0b, epair0b]),
            ("destroyed", vec![epair0b]),
        ] {
            assert_eq!(changes(name), expected, "{name}");
        }
    }

    #[test]
    fn becoming_master_is_seen_for_both_families_and_ceasing_to_be_it_for_ipv4() {
        let epair0b = Some(6);
        // Neighbour of the other node; own address; the old and the new entry of the own IPv6 address.
        assert_eq!(changes("master"), [None, epair0b, None, epair0b]);
        assert_eq!(changes("back"), [epair0b, epair0b, None]);
        assert_eq!(changes("demoted"), [epair0b, None, None]);
    }

    #[test]
    fn routes_and_the_hosts_of_the_network_are_no_reason_to_look() {
        assert_eq!(changes("route"), [None]);
        let mut datagram = buffer("rtnetlink-hints.hex", "v6-added");
        // The flags of the first message, an entry among the neighbours: learned, not this node's own.
        datagram[16 + 10] = 0;
        assert_eq!(messages(&datagram).next().map(|message| changed(&message.unwrap())), Some(None));
    }

    #[test]
    fn a_message_without_an_interface_is_nothing() {
        for kind in [NEWLINK, DELLINK, NEWADDR, DELADDR, NEWNEIGH] {
            assert_eq!(changed(&Message { kind, seq: 0, body: b"\x1c\0\0" }), None);
        }
    }

    proptest! {
        #[test]
        fn mutated_notifications_are_read_without_harm(which in 0..10usize, at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
            let mut datagram = buffers_in_order("rtnetlink-hints.hex").swap_remove(which).1;
            let at = at.index(datagram.len());
            datagram[at] = byte;
            datagram.truncate(cut.index(datagram.len() + 1));
            for message in messages(&datagram).flatten() {
                let _ = changed(&message);
            }
        }
    }
}
