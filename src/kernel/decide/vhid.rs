//! Creating and changing a vhid.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::kernel::refusal::Refusal;
use crate::model::{AdvBase, AdvSkew, CarpKey, Vhid, VhidSettings};
use crate::sys::carp_netlink::{GROUP4, GROUP6, Protocol, Settings};

/// What is to be done.
#[derive(Debug)]
pub(in crate::kernel) enum VhidWrite {
    /// The vhid is what it should be.
    Nothing,
    /// SIOCSVH, whose answer cannot get lost. It leaves the peers alone.
    Request {
        advbase: AdvBase,
        advskew: AdvSkew,
        /// Only if it is another one.
        key: Option<CarpKey>,
    },
    /// SET over netlink, which alone knows peers.
    Message(Settings),
}

/// Compares the vhid as it is (`None` if it does not exist) with what it should be.
pub(in crate::kernel) fn write(
    vhid: Vhid,
    now: Option<&Protocol>,
    netlink: bool,
    wanted: &VhidSettings,
) -> Result<VhidWrite, Refusal> {
    check(wanted)?;
    let now = match now {
        Some(Protocol::Vrrp { .. }) => return Err(speaks_vrrp()),
        Some(Protocol::Carp { advbase, advskew, peer, peer6, key }) => {
            let same_timing = (*advbase, *advskew) == (wanted.advbase, wanted.advskew);
            Now { same_timing, peer: *peer, peer6: *peer6, key: key.clone() }
        }
        None => Now { same_timing: false, peer: GROUP4, peer6: GROUP6, key: Some(CarpKey::from_kernel(&[0; 20])) },
    };
    // Where this process is not told the key it may not write one either: the kernel says so.
    let key = wanted.key.clone().filter(|key| now.key.as_ref() != Some(key));
    if key.as_ref().is_some_and(|key| key.expose()[0] == 0) {
        let remedy = "choose a password; a vhid loses its key only by being removed and made anew";
        return Err(Refusal::new("a key cannot be empty or begin with a NUL byte", remedy));
    }
    let (peer, peer6) = (wanted.peer.unwrap_or(GROUP4), wanted.peer6.unwrap_or(GROUP6));
    let (new_peer, new_peer6) = ((peer != now.peer).then_some(peer), (peer6 != now.peer6).then_some(peer6));
    if now.same_timing && key.is_none() && new_peer.is_none() && new_peer6.is_none() {
        return Ok(VhidWrite::Nothing);
    }
    let (advbase, advskew) = (wanted.advbase, wanted.advskew);
    let unicast = (peer, peer6, now.peer, now.peer6) != (GROUP4, GROUP6, GROUP4, GROUP6);
    match (unicast, netlink) {
        (false, _) => Ok(VhidWrite::Request { advbase, advskew, key }),
        (true, true) => Ok(VhidWrite::Message(Settings {
            vhid,
            state: None,
            advbase,
            advskew,
            key,
            peer: new_peer,
            peer6: new_peer6,
        })),
        (true, false) => Err(Refusal::new(
            "this kernel cannot be told a unicast peer: it has no netlink family carp (FreeBSD 14 and newer have it)",
            "leave peer and peer6 out, so that adverts go to the multicast group",
        )),
    }
}

struct Now {
    same_timing: bool,
    peer: Ipv4Addr,
    peer6: Ipv6Addr,
    /// `None` if this process may not know it.
    key: Option<CarpKey>,
}

/// Zeros would mean "leave alone" to the kernel, and any other group would be sent to with an ordinary address of the interface.
fn check(wanted: &VhidSettings) -> Result<(), Refusal> {
    let refused = |peer: String| {
        Err(Refusal::new(format!("peer {peer} is not the address of one node"), "name the other node's own address"))
    };
    match (wanted.peer, wanted.peer6) {
        (Some(peer), _) if peer.is_multicast() || peer.is_unspecified() || peer.is_broadcast() => {
            refused(peer.to_string())
        }
        (_, Some(peer)) if peer.is_multicast() || peer.is_unspecified() => refused(peer.to_string()),
        _ => Ok(()),
    }
}

/// Nothing that carpd sets means anything to VRRP, and demotion does not move it.
pub(in crate::kernel) fn speaks_vrrp() -> Refusal {
    Refusal::new(
        "it speaks VRRP, which has no advskew and does not heed demotion",
        "use another vhid for CARP, or remove this one first (delete its addresses)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(advskew: u32) -> VhidSettings {
        VhidSettings {
            advbase: AdvBase::DEFAULT,
            advskew: AdvSkew::new(advskew).unwrap(),
            key: Some(CarpKey::from_password(b"secret")),
            peer: None,
            peer6: None,
        }
    }

    fn carp(advskew: u32) -> Protocol {
        let key = Some(CarpKey::from_password(b"secret"));
        Protocol::Carp {
            advbase: AdvBase::DEFAULT,
            advskew: AdvSkew::new(advskew).unwrap(),
            peer: GROUP4,
            peer6: GROUP6,
            key,
        }
    }

    fn unicast(to: [u8; 4]) -> Protocol {
        let Protocol::Carp { advbase, advskew, peer6, key, .. } = carp(100) else { unreachable!() };
        Protocol::Carp { advbase, advskew, peer: to.into(), peer6, key }
    }

    fn decide(now: Option<&Protocol>, netlink: bool, wanted: &VhidSettings) -> Result<VhidWrite, Refusal> {
        write(Vhid::new(1).unwrap(), now, netlink, wanted)
    }

    #[test]
    fn a_vhid_that_is_what_it_should_be_is_not_written() {
        assert!(matches!(decide(Some(&carp(100)), true, &wanted(100)), Ok(VhidWrite::Nothing)));
        let any_key = VhidSettings { key: None, ..wanted(100) };
        assert!(matches!(decide(Some(&carp(100)), true, &any_key), Ok(VhidWrite::Nothing)));
        let peer = VhidSettings { peer: Some([192, 0, 2, 2].into()), ..wanted(100) };
        assert!(matches!(decide(Some(&unicast([192, 0, 2, 2])), true, &peer), Ok(VhidWrite::Nothing)));
    }

    #[test]
    fn multicast_is_written_by_request_and_the_key_only_if_it_is_another() {
        for netlink in [false, true] {
            assert!(matches!(decide(None, netlink, &wanted(100)), Ok(VhidWrite::Request { key: Some(_), .. })));
            assert!(matches!(decide(Some(&carp(0)), netlink, &wanted(100)), Ok(VhidWrite::Request { key: None, .. })));
        }
        let other = VhidSettings { key: Some(CarpKey::from_password(b"other")), ..wanted(100) };
        let Ok(VhidWrite::Request { key: Some(key), .. }) = decide(Some(&carp(100)), true, &other) else { panic!() };
        assert!(key == CarpKey::from_password(b"other"));
    }

    #[test]
    fn unicast_wanted_or_present_is_written_over_netlink_back_to_multicast_too() {
        let to = |peer: [u8; 4]| VhidSettings { peer: Some(peer.into()), ..wanted(100) };
        for now in [None, Some(&carp(100)), Some(&unicast([192, 0, 2, 3]))] {
            let Ok(VhidWrite::Message(set)) = decide(now, true, &to([192, 0, 2, 2])) else { panic!("{now:?}") };
            assert_eq!((set.state, set.peer, set.peer6), (None, Some([192, 0, 2, 2].into()), None));
        }
        let Ok(VhidWrite::Message(set)) = decide(Some(&unicast([192, 0, 2, 3])), true, &wanted(100)) else { panic!() };
        assert_eq!((set.peer, set.key), (Some(GROUP4), None));
        let skew = VhidSettings { advskew: AdvSkew::new(7).unwrap(), ..to([192, 0, 2, 3]) };
        let Ok(VhidWrite::Message(set)) = decide(Some(&unicast([192, 0, 2, 3])), true, &skew) else { panic!() };
        assert_eq!((set.advskew.get(), set.peer), (7, None));
        let six = VhidSettings { peer6: Some("fe80::2".parse().unwrap()), ..wanted(100) };
        assert!(matches!(decide(None, true, &six), Ok(VhidWrite::Message(_))));
        assert!(decide(None, false, &six).unwrap_err().cause.contains("netlink"));
    }

    #[test]
    fn vrrp_impossible_peers_and_impossible_keys_are_refused() {
        let vrrp = Protocol::Vrrp { priority: 100, interval: 100 };
        assert!(decide(Some(&vrrp), true, &wanted(100)).unwrap_err().cause.contains("VRRP"));
        for peer in [[0, 0, 0, 0], [224, 0, 0, 18], [255, 255, 255, 255]] {
            let wanted = VhidSettings { peer: Some(peer.into()), ..wanted(100) };
            assert!(decide(None, true, &wanted).is_err(), "{peer:?}");
        }
        let group = VhidSettings { peer6: Some(GROUP6), ..wanted(100) };
        assert!(decide(None, true, &group).is_err());
        let none = VhidSettings { key: Some(CarpKey::from_kernel(&[0; 20])), ..wanted(100) };
        assert!(decide(Some(&carp(100)), true, &none).unwrap_err().cause.contains("key"));
    }

    #[test]
    fn no_key_at_all_on_a_vhid_that_has_none_is_nothing_to_do() {
        let Protocol::Carp { advbase, advskew, peer, peer6, .. } = carp(100) else { unreachable!() };
        let zero = || Some(CarpKey::from_kernel(&[0; 20]));
        let now = Protocol::Carp { advbase, advskew, peer, peer6, key: zero() };
        let wanted = VhidSettings { key: zero(), ..wanted(100) };
        assert!(matches!(decide(Some(&now), true, &wanted), Ok(VhidWrite::Nothing)));
        assert!(matches!(decide(None, true, &wanted), Ok(VhidWrite::Request { key: None, .. })));
    }
}
