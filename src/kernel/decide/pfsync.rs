//! Setting pfsync0.

use std::net::IpAddr;

use super::{Interface, interface};
use crate::kernel::refusal::Refusal;
use crate::model::{InterfaceName, PfsyncSettings};
use crate::sys::pfsync::{Peer, Pfsync};

/// The message formats that any kernel knows (`sys/net/if_pfsync.h`); 0 asks for its own.
const VERSIONS: [u32; 4] = [0, 1301, 1400, 1500];

/// pfsync0 as it is now.
#[derive(Clone, Debug)]
pub(in crate::kernel) struct Now {
    pub(in crate::kernel) pfsync: Pfsync,
    /// The kernel has only the older requests (FreeBSD 13).
    pub(in crate::kernel) legacy: bool,
    /// It is up and running. Down it neither sends nor takes anything (`pfsyncioctl()` sets `IFF_DRV_RUNNING` only with `IFF_UP`).
    pub(in crate::kernel) running: bool,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(in crate::kernel) enum PfsyncWrite {
    /// It is what it should be.
    Nothing,
    /// Only pfsync0 itself has to be brought up.
    Raise,
    /// Everything is written. Where `raise` is set pfsync0 is brought up before, or it would miss the answer to its request for
    /// all states.
    Set {
        /// All of it.
        request: Pfsync,
        /// It is down.
        raise: bool,
    },
}

/// Compares pfsync0 with what it should be. `scope` is the number of the syncdev, for a link-local peer.
pub(in crate::kernel) fn write(
    now: &Now,
    interfaces: &[Interface],
    scope: impl Fn(&InterfaceName) -> u32,
    wanted: &PfsyncSettings,
) -> Result<PfsyncWrite, Refusal> {
    check(now, interfaces, wanted)?;
    let syncpeer = wanted.syncpeer.map(|address| Peer {
        address,
        scope: match (&wanted.syncdev, address) {
            (Some(syncdev), IpAddr::V6(six)) if six.is_unicast_link_local() => scope(syncdev),
            _ => 0,
        },
    });
    let request = Pfsync {
        syncdev: wanted.syncdev.clone(),
        syncpeer,
        maxupdates: wanted.maxupdates,
        defer: wanted.defer,
        version: wanted.version,
        in_sync: false,
    };
    let raise = !now.running && wanted.syncdev.is_some();
    Ok(match (same(&now.pfsync, &request), raise) {
        (true, false) => PfsyncWrite::Nothing,
        (true, true) => PfsyncWrite::Raise,
        (false, _) => PfsyncWrite::Set { request, raise },
    })
}

/// A kernel that is not told a version keeps none of the old one, but which is its own cannot be asked: none asked for is taken as
/// satisfied, since asking again and again would demote the node each time. Without a syncdev a peer means nothing, and the
/// kernel keeps the last one.
fn same(now: &Pfsync, wanted: &Pfsync) -> bool {
    let version = if wanted.version == 0 { now.version } else { wanted.version };
    let syncpeer = if now.syncdev.is_none() { wanted.syncpeer } else { now.syncpeer };
    Pfsync { syncpeer, ..now.clone() } == Pfsync { version, ..wanted.clone() }
}

fn check(now: &Now, interfaces: &[Interface], wanted: &PfsyncSettings) -> Result<(), Refusal> {
    if !VERSIONS.contains(&wanted.version) {
        let remedy = "write 1301, 1400 or 1500: the newest that both nodes understand";
        return Err(Refusal::new(format!("there is no message version {}", wanted.version), remedy));
    }
    if now.legacy {
        check_legacy(wanted)?;
    }
    let Some(syncdev) = &wanted.syncdev else {
        return match wanted.syncpeer {
            Some(peer) => Err(Refusal::new(
                format!("without a syncdev nothing is sent to the peer {peer}"),
                "name the interface between the two nodes as its syncdev",
            )),
            None => Ok(()),
        };
    };
    let device = interface(interfaces, syncdev)?;
    if syncdev.as_str() == "pfsync0" {
        return Err(Refusal::new("pfsync0 cannot be its own syncdev", "name the interface between the two nodes"));
    }
    match wanted.syncpeer {
        // The kernel finds this out only after it has taken over the rest.
        None if !device.multicast => Err(Refusal::new(
            format!("{syncdev} does not do multicast"),
            "name the peer's address, so that states are sent to it alone",
        )),
        Some(peer) if peer.is_multicast() || peer.is_unspecified() || is_broadcast(peer) => Err(Refusal::new(
            format!("syncpeer {peer} is not the address of one node"),
            "name the other node's own address, or none for the multicast group",
        )),
        _ => Ok(()),
    }
}

fn check_legacy(wanted: &PfsyncSettings) -> Result<(), Refusal> {
    if !matches!(wanted.version, 0 | 1301) {
        return Err(Refusal::new(
            format!("this kernel speaks message version 1301 and not {}", wanted.version),
            "set version = 1301 on the other node",
        ));
    }
    match wanted.syncpeer {
        Some(IpAddr::V6(peer)) => Err(Refusal::new(
            format!("this kernel's pfsync cannot reach {peer}: it speaks IPv4 only"),
            "name an IPv4 address as its peer",
        )),
        _ => Ok(()),
    }
}

fn is_broadcast(peer: IpAddr) -> bool {
    matches!(peer, IpAddr::V4(four) if four.is_broadcast())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interfaces() -> Vec<Interface> {
        let named = |name: &str, multicast| Interface {
            mtu: 1500,
            name: name.parse().unwrap(),
            up: true,
            link: true,
            running: true,
            multicast,
            may_carry_carp: multicast,
        };
        vec![named("em1", true), named("gre0", false), named("pfsync0", false)]
    }

    fn wanted(syncpeer: Option<&str>) -> PfsyncSettings {
        PfsyncSettings {
            syncdev: Some("em1".parse().unwrap()),
            syncpeer: syncpeer.map(|peer| peer.parse().unwrap()),
            version: 1400,
            defer: false,
            maxupdates: 128,
        }
    }

    fn now(syncpeer: Option<(&str, u32)>) -> Now {
        let syncpeer = syncpeer.map(|(address, scope)| Peer { address: address.parse().unwrap(), scope });
        let syncdev = Some("em1".parse().unwrap());
        let pfsync = Pfsync { syncdev, syncpeer, maxupdates: 128, defer: false, version: 1400, in_sync: false };
        Now { pfsync, legacy: false, running: true }
    }

    fn decide(now: &Now, wanted: &PfsyncSettings) -> Result<PfsyncWrite, Refusal> {
        write(now, &interfaces(), |_| 7, wanted)
    }

    #[test]
    fn what_is_set_already_is_not_set_again_whether_or_not_it_is_in_sync() {
        for (there, peer) in
            [(None, None), (Some(("10.0.0.2", 0)), Some("10.0.0.2")), (Some(("fe80::2", 7)), Some("fe80::2"))]
        {
            assert_eq!(decide(&now(there), &wanted(peer)), Ok(PfsyncWrite::Nothing));
            let any_version = PfsyncSettings { version: 0, ..wanted(peer) };
            assert_eq!(decide(&now(there), &any_version), Ok(PfsyncWrite::Nothing));
        }
    }

    #[test]
    fn any_difference_is_written_with_all_the_rest() {
        for other in [
            PfsyncSettings { version: 1301, ..wanted(None) },
            PfsyncSettings { defer: true, ..wanted(None) },
            PfsyncSettings { maxupdates: 0, ..wanted(None) },
            wanted(Some("10.0.0.2")),
            PfsyncSettings { syncdev: None, ..wanted(None) },
        ] {
            let Ok(PfsyncWrite::Set { request, raise: false }) = decide(&now(None), &other) else {
                panic!("{other:?}")
            };
            assert_eq!(
                (request.version, request.defer, request.maxupdates),
                (other.version, other.defer, other.maxupdates)
            );
        }
    }

    #[test]
    fn a_link_local_peer_is_reached_through_the_syncdev() {
        let Ok(PfsyncWrite::Set { request, .. }) = decide(&now(None), &wanted(Some("fe80::2"))) else { panic!() };
        assert_eq!(request.syncpeer, Some(Peer { address: "fe80::2".parse().unwrap(), scope: 7 }));
        assert!(matches!(decide(&now(Some(("fe80::2", 6))), &wanted(Some("fe80::2"))), Ok(PfsyncWrite::Set { .. })));
    }

    #[test]
    fn pfsync0_is_raised_when_it_is_needed_and_only_then() {
        let down = |there: Now| Now { running: false, ..there };
        assert_eq!(decide(&down(now(None)), &wanted(None)), Ok(PfsyncWrite::Raise));
        assert!(matches!(
            decide(&down(now(None)), &wanted(Some("10.0.0.2"))),
            Ok(PfsyncWrite::Set { raise: true, .. })
        ));
        let off = PfsyncSettings { syncdev: None, ..wanted(None) };
        assert!(matches!(decide(&down(now(None)), &off), Ok(PfsyncWrite::Set { raise: false, .. })));
    }

    #[test]
    fn the_peer_that_the_kernel_keeps_without_a_syncdev_is_no_difference() {
        let mut off = now(Some(("10.0.0.2", 0)));
        off.pfsync.syncdev = None;
        assert_eq!(decide(&off, &PfsyncSettings { syncdev: None, ..wanted(None) }), Ok(PfsyncWrite::Nothing));
    }

    #[test]
    fn combinations_that_cannot_work_are_refused_with_their_cause() {
        let on = |syncdev: &str| PfsyncSettings { syncdev: Some(syncdev.parse().unwrap()), ..wanted(None) };
        for (wanted, cause) in [
            (on("em9"), "no interface em9"),
            (on("pfsync0"), "its own syncdev"),
            (on("gre0"), "gre0 does not do multicast"),
            (wanted(Some("224.0.0.240")), "not the address of one node"),
            (wanted(Some("::")), "not the address of one node"),
            (PfsyncSettings { syncdev: None, ..wanted(Some("10.0.0.2")) }, "without a syncdev"),
            (PfsyncSettings { version: 1600, ..wanted(None) }, "no message version 1600"),
        ] {
            let refusal = decide(&now(None), &wanted).unwrap_err();
            assert!(refusal.cause.contains(cause), "{refusal:?}");
        }
    }

    #[test]
    fn a_kernel_with_the_older_requests_alone_takes_what_it_can_express() {
        let mut old = Now { legacy: true, ..now(None) };
        old.pfsync.version = 1301;
        let four = PfsyncSettings { version: 1301, ..wanted(Some("10.0.0.2")) };
        assert!(matches!(decide(&old, &four), Ok(PfsyncWrite::Set { .. })));
        assert_eq!(decide(&old, &PfsyncSettings { version: 0, ..wanted(None) }), Ok(PfsyncWrite::Nothing));
        assert!(decide(&old, &wanted(None)).unwrap_err().cause.contains("1301"));
        let six = PfsyncSettings { version: 1301, ..wanted(Some("2001:db8::2")) };
        assert!(decide(&old, &six).unwrap_err().cause.contains("IPv4"));
    }
}
