//! Setting pfsync0.

use super::super::super::decide::pfsync::Now;
use super::super::super::refusal::Refusal;
use super::super::administer::Trouble;
use super::super::pfsync;
use super::*;
use crate::model::PfsyncSettings;
use crate::sys::pfsync::Pfsync;

#[test]
#[ignore = "needs root in a vnet jail"]
fn pfsync_is_set_once_and_raised() {
    let cable = Cable::new();
    let mut kernel = with_netlink();
    let demotion = |kernel: &mut FreeBsd| kernel.inventory().unwrap().demotion.get();
    run("ifconfig pfsync0 down");
    // While a bulk update is running, another one demotes no further.
    let new_bulk = if pfsync::read().unwrap().unwrap().in_sync { 240 } else { 0 };
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
    assert_eq!(demotion(&mut kernel), before + new_bulk);
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
