//! The kernel's events over generic netlink, past devd(8): what the module `nlsysevent` multicasts (FreeBSD 15 and newer).
//!
//! Source: `sys/netlink/netlink_sysevent.{c,h}`. There is one group for each system of events; a message has the same three
//! words as devd's record. Messages are delivered in the host's own network stack only: a vnet jail may join and hears
//! nothing.

use super::devd::{self, Event};
use super::netlink::{Family, Message, attributes, string};

/// The family's name.
pub const FAMILY: &str = "nlsysevent";

/// The groups of the systems that [`devd::event`] knows.
const GROUPS: [&str; 2] = ["CARP", "IFNET"];

/// `NLSE_CMD_NEWEVENT`
const NEW_EVENT: u8 = 1;
/// `NLSE_ATTR_SYSTEM`
const SYSTEM: u16 = 1;
/// `NLSE_ATTR_SUBSYSTEM`
const SUBSYSTEM: u16 = 2;
/// `NLSE_ATTR_TYPE`
const TYPE: u16 = 3;

/// The numbers of the groups to join; `None` if the family lacks one, as it does for a moment while the module is loaded.
#[must_use]
pub fn groups(family: &Family) -> Option<[u32; 2]> {
    let number = |name: &str| family.groups.iter().find(|(group, _)| group == name).map(|(_, number)| *number);
    Some([number(GROUPS[0])?, number(GROUPS[1])?])
}

/// The event in a message of the family with the number `family`.
///
/// A message of that family that is not understood is still a reason to look. One of another family is none: group numbers
/// are given away anew when the module is unloaded, and those who had joined stay members.
#[must_use]
pub fn decode(family: u16, message: &Message<'_>) -> Option<Event> {
    if message.kind != family {
        return None;
    }
    let Some([NEW_EVENT, _, _, _]) = message.body.first_chunk::<4>() else { return Some(Event::Other) };
    let word = |wanted: u16| {
        let (kind, value) = attributes(&message.body[4..]).find(|(kind, _)| *kind == wanted)?;
        string(kind, value).ok()
    };
    let Some(system) = word(SYSTEM) else { return Some(Event::Other) };
    devd::event(system, word(SUBSYSTEM), word(TYPE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CarpState::{self, Backup, Init, Master};
    use crate::sys::netlink::{Answer, messages, resolve};
    use crate::sys::recorded::{buffer, buffers_in_order};
    use proptest::prelude::*;

    /// The family's number when the events were recorded.
    const RECORDED: u16 = 0x13;

    fn family() -> Family {
        let received = buffer("netlink-resolve-nlsysevent.hex", "recv.0");
        let first = messages(&received).next().unwrap().unwrap();
        let Answer::Data(answer) = first.answer().unwrap() else { panic!() };
        Family::decode(&answer).unwrap()
    }

    fn events(name: &str) -> Vec<Option<Event>> {
        let datagram = buffer("nlsysevent-events.hex", name);
        messages(&datagram).map(|message| decode(RECORDED, &message.unwrap())).collect()
    }

    fn carp(id: &str, state: CarpState) -> Option<Event> {
        Some(Event::Carp(id.parse().unwrap(), state))
    }

    #[test]
    fn the_family_and_its_groups_are_found_as_recorded() {
        assert_eq!(resolve(FAMILY, 1), buffer("netlink-resolve-nlsysevent.hex", "send"));
        let family = family();
        assert_eq!((family.id, groups(&family)), (RECORDED, Some([0x34, 0x3b])));
        assert_eq!(family.groups.len(), 20);
    }

    #[test]
    fn a_family_without_its_groups_is_not_joined() {
        let mut family = family();
        family.groups.retain(|(name, _)| name != "IFNET");
        assert_eq!(groups(&family), None);
    }

    #[test]
    fn recorded_events_are_what_devd_said_in_the_same_moment() {
        let other = || Some(Event::Other);
        let [one, six] = ["1@epair0b", "6@epair0b"];
        let expected = [
            ("backup", vec![carp(one, Backup)]),
            ("v6-address", vec![other(), carp(six, Backup)]),
            ("master", vec![carp(one, Master), other(), carp(six, Master)]),
            (
                "demoted",
                vec![
                    carp("6@epair1b", Master),
                    carp(six, Backup),
                    carp("1@epair1b", Master),
                    other(),
                    carp(one, Backup),
                    other(),
                ],
            ),
            ("down", vec![carp(one, Init), other()]),
            ("re-addressed", vec![carp(one, Init), carp(one, Backup)]),
            ("rename", vec![other()]),
            ("destroyed", vec![other()]),
        ];
        for (name, expected) in expected {
            assert_eq!(events(name), expected, "{name}");
        }
    }

    #[test]
    fn a_message_of_another_family_is_no_event_and_a_broken_one_is_a_reason_to_look() {
        let message = |kind, body| Message { kind, seq: 0, body };
        assert_eq!(decode(RECORDED, &message(0x14, b"\x01\0\0\0")), None);
        for body in [&b""[..], b"\x01", b"\x02\0\0\0", b"\x01\0\0\0", b"\x01\0\0\0\x05\0\x01\0\xff"] {
            assert_eq!(decode(RECORDED, &message(RECORDED, body)), Some(Event::Other), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn mutated_events_are_read_without_harm(which in 0..8usize, at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
            let mut datagram = buffers_in_order("nlsysevent-events.hex").swap_remove(which).1;
            let at = at.index(datagram.len());
            datagram[at] = byte;
            datagram.truncate(cut.index(datagram.len() + 1));
            for message in messages(&datagram).flatten() {
                let _ = decode(RECORDED, &message);
            }
        }
    }
}
