//! The generic netlink family `carp` (FreeBSD 14 and newer): `sys/netinet/ip_carp_nl.h`, end of `sys/netinet/ip_carp.c`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::netlink::{self, ACK, Builder, DUMP, DecodeError, Message, array, attributes, number};
use crate::model::{AdvBase, AdvSkew, CarpKey, CarpState, InterfaceName, Vhid, VrrpParameters};

/// The family's name.
pub const FAMILY: &str = "carp";

/// Where multicast IPv4 adverts go; as a peer it means "no unicast".
pub const GROUP4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// Where multicast IPv6 adverts go; as a peer it means "no unicast".
pub const GROUP6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

const GET: u8 = 1;
const SET: u8 = 2;

/// The attributes' numbers.
mod attribute {
    pub(super) const VHID: u16 = 1;
    pub(super) const STATE: u16 = 2;
    pub(super) const ADVBASE: u16 = 3;
    pub(super) const ADVSKEW: u16 = 4;
    pub(super) const KEY: u16 = 5;
    pub(super) const ADDR: u16 = 7;
    pub(super) const ADDR6: u16 = 8;
    pub(super) const IFNAME: u16 = 9;
    pub(super) const VERSION: u16 = 10;
    pub(super) const VRRP_PRIORITY: u16 = 11;
    pub(super) const VRRP_ADV_INTER: u16 = 12;
}

/// A vhid as GET tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number.
    pub vhid: Vhid,
    /// Its state.
    pub state: CarpState,
    /// What it speaks, with that protocol's parameters.
    pub protocol: Protocol,
}

/// What a vhid speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// CARP, version 2.
    Carp {
        /// Seconds between adverts.
        advbase: AdvBase,
        /// In 1/256 s.
        advskew: AdvSkew,
        /// Where IPv4 adverts go; [`GROUP4`] is multicast.
        peer: Ipv4Addr,
        /// Where IPv6 adverts go; [`GROUP6`] is multicast.
        peer6: Ipv6Addr,
        /// Only told to a socket that root opened.
        key: Option<CarpKey>,
    },
    /// VRRP, version 3 (FreeBSD 15 and newer). GET tells its parameters always, SIOCGVH never.
    Vrrp(Option<VrrpParameters>),
}

/// What SET changes. There is no "leave advskew alone": the kernel applies it always.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The vhid; it is created if the interface does not have it.
    pub vhid: Vhid,
    /// A state to force; `None` leaves it alone.
    pub state: Option<ForcedState>,
    /// Seconds between adverts.
    pub advbase: AdvBase,
    /// In 1/256 s.
    pub advskew: AdvSkew,
    /// The key; `None` leaves it alone.
    pub key: Option<CarpKey>,
    /// A unicast peer, or [`GROUP4`] to return to multicast; `None` leaves it alone.
    pub peer: Option<Ipv4Addr>,
    /// A unicast peer, or [`GROUP6`] to return to multicast; `None` leaves it alone.
    pub peer6: Option<Ipv6Addr>,
}

/// A state that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForcedState {
    /// Until the next time-out or preemption, so not a way to move a VIP.
    Backup,
    /// As if the master had timed out.
    Master,
}

/// Asks for one vhid of `interface`, or for all. Either way the answer is a dump that ends in DONE.
#[must_use]
pub fn get(family: u16, interface: &InterfaceName, vhid: Option<Vhid>, seq: u32) -> Vec<u8> {
    let request = Builder::request(family, DUMP, seq, &netlink::generic(GET));
    let request = match vhid {
        Some(vhid) => request.number(attribute::VHID, vhid.get().into()),
        None => request,
    };
    request.string(attribute::IFNAME, interface.as_str()).finish()
}

/// Creates or changes a vhid of `interface`.
#[must_use]
pub fn set(family: u16, interface: &InterfaceName, settings: &Settings, seq: u32) -> Vec<u8> {
    let state = settings.state.map_or(0, |state| match state {
        ForcedState::Backup => 1,
        ForcedState::Master => 2,
    });
    let mut request = Builder::request(family, ACK, seq, &netlink::generic(SET))
        .number(attribute::VHID, settings.vhid.get().into())
        .number(attribute::STATE, state)
        .number(attribute::ADVBASE, settings.advbase.get().into())
        .number(attribute::ADVSKEW, settings.advskew.get().into());
    if let Some(key) = &settings.key {
        request = request.attribute(attribute::KEY, key.significant());
    }
    if let Some(peer) = settings.peer {
        request = request.attribute(attribute::ADDR, &peer.octets());
    }
    if let Some(peer) = settings.peer6 {
        request = request.attribute(attribute::ADDR6, &peer.octets());
    }
    request.string(attribute::IFNAME, interface.as_str()).finish()
}

impl Record {
    /// Reads one message of the answer to [`get`].
    ///
    /// # Errors
    /// An attribute of another size or out of range, or a missing one. Unknown attributes are passed over.
    pub fn decode(message: &Message<'_>) -> Result<Self, DecodeError> {
        let body = message.body.get(4..).ok_or(DecodeError::Short("generic header"))?;
        let mut raw = Raw::default();
        for (kind, value) in attributes(body) {
            raw.take(kind, value)?;
        }
        raw.finish()
    }
}

#[derive(Default)]
struct Raw {
    vhid: Option<Vhid>,
    state: Option<CarpState>,
    version: u8,
    advbase: Option<AdvBase>,
    advskew: Option<AdvSkew>,
    peer: Option<Ipv4Addr>,
    peer6: Option<Ipv6Addr>,
    key: Option<CarpKey>,
    priority: Option<u8>,
    interval: Option<u16>,
}

impl Raw {
    fn take(&mut self, kind: u16, value: &[u8]) -> Result<(), DecodeError> {
        let range = DecodeError::Range(kind);
        match kind {
            attribute::VHID => self.vhid = Some(Vhid::new(number(kind, value)?).ok_or(range)?),
            attribute::STATE => self.state = Some(state(number(kind, value)?).ok_or(range)?),
            attribute::ADVBASE => self.advbase = Some(AdvBase::new(number(kind, value)?).ok_or(range)?),
            attribute::ADVSKEW => self.advskew = Some(AdvSkew::new(number(kind, value)?).ok_or(range)?),
            attribute::KEY => self.key = Some(CarpKey::from_kernel(&array(kind, value)?)),
            attribute::ADDR => self.peer = Some(Ipv4Addr::from(array::<4>(kind, value)?)),
            attribute::ADDR6 => self.peer6 = Some(Ipv6Addr::from(array::<16>(kind, value)?)),
            attribute::VERSION => [self.version] = array(kind, value)?,
            attribute::VRRP_PRIORITY => self.priority = Some(array::<1>(kind, value)?[0]),
            attribute::VRRP_ADV_INTER => self.interval = Some(u16::from_ne_bytes(array(kind, value)?)),
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Record, DecodeError> {
        let missing = DecodeError::Missing;
        let protocol = if self.version == 3 {
            Protocol::Vrrp(Some(VrrpParameters {
                priority: self.priority.ok_or(missing(attribute::VRRP_PRIORITY))?,
                interval: self.interval.ok_or(missing(attribute::VRRP_ADV_INTER))?,
            }))
        } else {
            Protocol::Carp {
                advbase: self.advbase.ok_or(missing(attribute::ADVBASE))?,
                advskew: self.advskew.ok_or(missing(attribute::ADVSKEW))?,
                peer: self.peer.unwrap_or(GROUP4),
                peer6: self.peer6.unwrap_or(GROUP6),
                key: self.key,
            }
        };
        Ok(Record {
            vhid: self.vhid.ok_or(missing(attribute::VHID))?,
            state: self.state.ok_or(missing(attribute::STATE))?,
            protocol,
        })
    }
}

/// The kernel's number of a state.
pub(super) const fn state(number: u32) -> Option<CarpState> {
    match number {
        0 => Some(CarpState::Init),
        1 => Some(CarpState::Backup),
        2 => Some(CarpState::Master),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::netlink::{Answer, messages};
    use crate::sys::recorded::buffer;
    use proptest::prelude::*;

    fn epair0b() -> InterfaceName {
        "epair0b".parse().unwrap()
    }

    fn records(file: &str) -> Vec<Record> {
        let datagram = buffer(file, "recv.0");
        let answers = messages(&datagram).map(|m| m.unwrap().answer().unwrap());
        answers
            .filter_map(|a| if let Answer::Data(data) = a { Some(Record::decode(&data).unwrap()) } else { None })
            .collect()
    }

    #[test]
    fn requests_are_byte_for_byte_what_was_recorded() {
        assert_eq!(get(0x11, &epair0b(), None, 2), buffer("netlink-get-two-root.hex", "send"));
        assert_eq!(get(0x11, &epair0b(), Vhid::new(30), 2), buffer("netlink-get-vrrp.hex", "send"));
        let settings = Settings {
            vhid: Vhid::new(7).unwrap(),
            state: None,
            advbase: AdvBase::DEFAULT,
            advskew: AdvSkew::new(100).unwrap(),
            key: Some(CarpKey::from_password(b"secret7")),
            peer: None,
            peer6: None,
        };
        assert_eq!(set(0x11, &epair0b(), &settings, 2), buffer("netlink-set-create.hex", "send"));
    }

    #[test]
    fn two_vhids_one_of_them_unicast_are_read_as_recorded() {
        let [first, second] = &records("netlink-get-two-root.hex")[..] else { panic!() };
        assert_eq!((first.vhid.get(), first.state), (1, CarpState::Master));
        let Protocol::Carp { advbase, advskew, peer, peer6, key } = &second.protocol else { panic!() };
        assert_eq!((advbase.get(), advskew.get()), (2, 30));
        assert_eq!((peer.to_string(), peer6.to_string()), ("192.0.2.12".into(), "2001:db8:1::12".into()));
        assert!(*key == Some(CarpKey::from_password(b"secret2")));
        assert!(matches!(&first.protocol, Protocol::Carp { peer, .. } if *peer == GROUP4));
    }

    #[test]
    fn without_privilege_there_is_no_key() {
        for record in records("netlink-get-two-nobody.hex") {
            assert!(matches!(record.protocol, Protocol::Carp { key: None, .. }));
        }
    }

    #[test]
    fn a_key_of_twenty_bytes_without_nul_is_read() {
        let records = records("netlink-get-key20.hex");
        assert!(
            records.iter().any(|r| matches!(&r.protocol, Protocol::Carp { key: Some(k), .. } if k.expose()[19] != 0))
        );
    }

    #[test]
    fn a_vrrp_vhid_is_told_apart() {
        let records = records("netlink-get-vrrp.hex");
        assert_eq!(records[0].protocol, Protocol::Vrrp(Some(VrrpParameters { priority: 150, interval: 100 })));
    }

    proptest! {
        #[test]
        fn a_mutated_record_is_read_or_refused_without_harm(at in 16..112usize, byte: u8, cut in 0..112usize) {
            let mut datagram = buffer("netlink-get-two-root.hex", "recv.0");
            datagram[at] = byte;
            datagram.truncate(224 - cut);
            for message in messages(&datagram).flatten() {
                let _ = Record::decode(&message);
            }
        }
    }
}
