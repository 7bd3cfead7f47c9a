//! What the kernel and devd(8) say.

use std::net::IpAddr;

use super::draw::Draw;
use crate::kernel::DemotionLogLine;
use crate::model::{CarpState, VhidRef};
use crate::sys::carp_netlink::{ForcedState, Protocol, Settings};
use crate::sys::icmp::{Echo, Version, without_ipv4_header};
use crate::sys::if_data::IfData;
use crate::sys::netlink::{Answer, Builder, Family, Message, attributes, messages};
use crate::sys::nvlist::NvList;
use crate::sys::pfsync::{LEGACY_SIZE, Pfsync};
use crate::sys::stats::{CarpStats, PfsyncStats};
use crate::sys::{
    address as addresses, carp_netlink as carp, carp_request as carpreq, devd as records, kernel_log as log,
    nlsysevent, rtnetlink,
};

/// The framing of netlink: a message that is read and framed again is the same message.
pub fn netlink(bytes: &[u8]) {
    let mut total = 0;
    for message in messages(bytes).flatten() {
        total += message.body.len();
        assert!(total <= bytes.len(), "the messages are longer than the datagram");
        let framed = Builder::request(message.kind, 0, message.seq, message.body).finish();
        assert_eq!(messages(&framed).next(), Some(Ok(message)));
        // What is told without having been asked comes on sockets of its own, in the same framing.
        let _ = (rtnetlink::changed(&message), nlsysevent::decode(message.kind, &message));
        if let Ok(Answer::Data(data)) = message.answer() {
            let _ = Family::decode(&data).is_ok_and(|family| nlsysevent::groups(&family).is_some());
            let mut again = Builder::request(data.kind, 0, data.seq, &[]);
            for (kind, value) in attributes(data.body) {
                again = again.attribute(kind, value);
            }
            let again = again.finish();
            let read = messages(&again).next().unwrap().unwrap();
            assert!(attributes(read.body).eq(attributes(data.body)), "the attributes are others");
        }
    }
}

/// Answers to an echo request: one that is read, sent again, is read as the same.
pub fn icmp(bytes: &[u8]) {
    assert!(
        without_ipv4_header(bytes).is_none_or(|rest| bytes.len() >= rest.len() + 20),
        "the header is not all of it"
    );
    for version in [Version::V4, Version::V6] {
        if let Some(echo) = Echo::answered(version, bytes) {
            assert_eq!(Echo::answered(version, &echo.reply(version)), Some(echo));
            assert_eq!(Echo::answered(version, &echo.request(version)), None, "a request is no answer");
        }
    }
}

fn data(bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    messages(bytes).flatten().filter_map(|message| match message.answer() {
        Ok(Answer::Data(data)) => Some(data),
        _ => None,
    })
}

/// The records of vhids: what is read of one, asked for, says the same.
pub fn carp_netlink(bytes: &[u8]) {
    for record in data(bytes).filter_map(|message| carp::Record::decode(&message).ok()) {
        let Protocol::Carp { advbase, advskew, peer, peer6, .. } = record.protocol else { continue };
        let state = match record.state {
            CarpState::Init => None,
            CarpState::Backup => Some(ForcedState::Backup),
            CarpState::Master => Some(ForcedState::Master),
        };
        let settings =
            Settings { vhid: record.vhid, state, advbase, advskew, key: None, peer: Some(peer), peer6: Some(peer6) };
        let asked = carp::set(0x11, &Draw(bytes).interface(), &settings, 1);
        let read = carp::Record::decode(&messages(&asked).next().unwrap().unwrap()).unwrap();
        assert_eq!((read.vhid, read.state), (record.vhid, record.state));
        assert_eq!(read.protocol, Protocol::Carp { advbase, advskew, peer, peer6, key: None });
    }
}

/// The records of addresses: what is read of one, added, says the same.
pub fn address(bytes: &[u8]) {
    for record in data(bytes).filter_map(|message| addresses::Record::decode(&message).ok()) {
        let added = addresses::add(record.interface, record.net, record.vhid, 1);
        let read = addresses::Record::decode(&messages(&added).next().unwrap().unwrap()).unwrap();
        assert_eq!(read, record);
    }
}

/// The answer of SIOCGVH: what is read of it is written to the same bytes.
pub fn carp_request(bytes: &[u8]) {
    let answer: [u8; carpreq::SIZE] = Draw(bytes).bytes();
    let Some(record) = carpreq::decode(&answer) else { return };
    let state = match record.state {
        CarpState::Init => None,
        CarpState::Backup => Some(ForcedState::Backup),
        CarpState::Master => Some(ForcedState::Master),
    };
    let written = carpreq::set(record.vhid, record.advbase, record.advskew, Some(&record.key), state);
    // The first number is the count of vhids, which is always one.
    assert_eq!(written[4..], answer[4..]);
}

/// Packed lists: what is read is packed to bytes that are read as the same, and packed to the same bytes again.
pub fn nvlist(bytes: &[u8]) {
    let Ok(list) = NvList::unpack(bytes) else { return };
    let packed = list.pack();
    assert!(packed.len() <= bytes.len(), "a list grows when it is packed again");
    assert_eq!(NvList::unpack(&packed).as_ref(), Ok(&list));
}

/// pfsync's two forms: what is read of either is written and read again as the same.
pub fn pfsync(bytes: &[u8]) {
    if let Some(pfsync) = NvList::unpack(bytes).ok().as_ref().and_then(Pfsync::from_nvlist) {
        let list = NvList::unpack(&pfsync.to_nvlist().pack()).unwrap();
        assert_eq!(Pfsync::from_nvlist(&list).as_ref(), Some(&pfsync));
    }
    let request: [u8; LEGACY_SIZE] = Draw(bytes).bytes();
    if let Some(pfsync) = Pfsync::from_legacy(&request) {
        let written = pfsync.to_legacy().unwrap();
        assert_eq!(Pfsync::from_legacy(&written).as_ref(), Some(&pfsync));
    }
}

/// Counters and interface data.
pub fn stats(bytes: &[u8]) {
    assert_eq!(CarpStats::decode(bytes).is_some(), bytes.len() >= 112);
    assert_eq!(PfsyncStats::decode(bytes).is_some(), bytes.len() >= 128);
    if let Some(data) = IfData::decode(bytes) {
        assert!(bytes.len() >= 8 && data.vhid.is_none_or(|vhid| vhid.get() == bytes[5]));
    }
}

/// devd's records: an event that is understood and written down again is the same event.
pub fn devd(bytes: &[u8]) {
    if let Some(records::Event::Carp(id, state)) = records::parse(bytes) {
        let again = format!("!system=CARP subsystem={id} type={state}\n");
        assert_eq!(records::parse(again.as_bytes()), Some(records::Event::Carp(id, state)));
    }
}

/// The kernel's messages: a line that is understood and written down again is the same line.
pub fn kernel_log(bytes: &[u8]) {
    for line in log::demotions(bytes) {
        let DemotionLogLine { by, to, reason } = &line;
        let again = format!("carp: demoted by {} to {} ({reason})", by.get(), to.get());
        assert_eq!(DemotionLogLine::parse(&again), Some(line));
    }
}

/// Everything that is encoded for the kernel: it is read again as what was meant.
pub fn requests(bytes: &[u8]) {
    let mut draw = Draw(bytes);
    let (interface, vhid, seq) = (draw.interface(), draw.vhid(), draw.number());
    let get = carp::get(0x11, &interface, Some(vhid), seq);
    let message = messages(&get).next().unwrap().unwrap();
    assert_eq!((message.kind, message.seq), (0x11, seq));
    assert_eq!(attributes(&message.body[4..]).count(), 2);

    let key = draw.key();
    let (advbase, advskew) = (draw.advbase(), draw.advskew());
    let state = draw.maybe(|draw| if draw.byte() & 1 == 0 { ForcedState::Backup } else { ForcedState::Master });
    let request = carpreq::set(vhid, advbase, advskew, Some(&key), state);
    let read = carpreq::decode(&request).unwrap();
    assert_eq!((read.vhid, read.advbase, read.advskew), (vhid, advbase, advskew));
    assert!(read.key == key);

    let (net, number) = (draw.net(), draw.number());
    let under = draw.maybe(Draw::vhid);
    let added = addresses::add(number, net, under, seq);
    let read = addresses::Record::decode(&messages(&added).next().unwrap().unwrap()).unwrap();
    assert_eq!(read, addresses::Record { interface: number, net, vhid: under });
    let deleted = addresses::delete(number, net, seq);
    let read = addresses::Record::decode(&messages(&deleted).next().unwrap().unwrap()).unwrap();
    assert_eq!((read.interface, read.net), (number, net));

    let (net4, net6) = (draw.net4(), draw.net6());
    assert_eq!(addresses::in_aliasreq(&interface, net4, under)[20..24], net4.addr().octets());
    assert_eq!(addresses::in6_aliasreq(&interface, net6, number, under)[24..40], net6.addr().octets());
    assert_eq!(addresses::ifreq_with_address(&interface, net4.addr())[20..24], net4.addr().octets());
    assert_eq!(addresses::in6_ifreq(&interface, net6.addr(), number)[24..40], net6.addr().octets());

    let id = VhidRef::new(vhid, interface.clone());
    assert_eq!(id.to_string().parse::<VhidRef>().as_ref(), Ok(&id));
    let syncpeer = draw.maybe(|draw| {
        let address: IpAddr = if draw.byte() & 1 == 0 { draw.v4().into() } else { draw.v6().into() };
        crate::sys::pfsync::Peer { address, scope: if address.is_ipv6() { number } else { 0 } }
    });
    let wanted = Pfsync {
        syncdev: Some(interface),
        syncpeer: syncpeer.filter(|peer| !peer.address.is_multicast()),
        maxupdates: draw.byte(),
        defer: draw.byte() & 1 == 1,
        version: draw.number(),
        in_sync: false,
    };
    let list = NvList::unpack(&wanted.to_nvlist().pack()).unwrap();
    assert_eq!(Pfsync::from_nvlist(&list).as_ref(), Some(&wanted));
    if let Some(legacy) = wanted.to_legacy() {
        let read = Pfsync::from_legacy(&legacy).unwrap();
        assert_eq!((&read.syncdev, read.maxupdates, read.defer), (&wanted.syncdev, wanted.maxupdates, wanted.defer));
    }
}
