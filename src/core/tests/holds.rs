//! Holding back at a boot, and after a fault.

use super::*;
use crate::model::PfsyncSnapshot;
use proptest::prelude::*;

fn held() -> Policy {
    let mut held = policy(vec![service("gw", &["1@em0"])]);
    held.boot_hold = Duration::from_secs(60);
    held.failback_hold = Duration::from_secs(60);
    held
}

/// A node that has just booted for the second time.
fn booted(prepare: impl FnOnce(&mut Rig)) -> Rig {
    let mut rig = Rig::new(held(), &[("1@em0", Backup)]);
    rig.run(10_000);
    prepare(&mut rig);
    rig.reboot("second");
    rig.run(1_000);
    assert_eq!(rig.sum() & !15, 240);
    rig
}

fn pfsync(rig: &mut Rig, in_sync: bool) {
    rig.kernel.look.as_mut().unwrap().pfsync = Some(PfsyncSnapshot {
        syncdev: Some("em2".parse().unwrap()),
        syncpeer: None,
        version: 1500,
        in_sync,
        mtu: None,
        ipackets: 0,
        opackets: 0,
    });
}

fn cable(rig: &mut Rig, plugged: bool) {
    let look = rig.kernel.look.as_mut().unwrap();
    look.interfaces[0].link = plugged;
    let change = Demotion::new(if plugged { -240 } else { 240 });
    look.sysctls.demotion = look.sysctls.demotion.plus(change);
    rig.event("1@em0", if plugged { Backup } else { Init });
}

#[test]
fn i20_a_boot_hold_ends_early_when_the_node_is_ready() {
    let mut rig = booted(|_| {});
    rig.run(3_000);
    assert_eq!(rig.sum() & !15, 240, "what is ready for a moment may be lost again");
    rig.run(3_000);
    assert_eq!((rig.sum(), rig.noted("the boot hold is over: this node is ready")), (0, 1));
}

#[test]
fn a_boot_hold_waits_for_the_states_of_the_peer() {
    let mut rig = booted(|rig| pfsync(rig, false));
    rig.run(30_000);
    assert_eq!(rig.sum() & !15, 240);
    let reasons = rig.status().demotion.reasons;
    assert!(reasons.iter().any(|part| part.name == "boot hold" && part.detail.contains("pfsync is not in sync")));
    pfsync(&mut rig, true);
    rig.run(10_500);
    assert_eq!(rig.sum(), 0);
}

#[test]
fn a_boot_hold_waits_for_what_its_services_need_and_no_longer_than_its_limit() {
    let mut rig = booted(|rig| rig.gw_mut().missing = Some("/etc/x.pem is missing".into()));
    rig.run(58_000);
    assert_eq!(rig.sum() & !15, 240);
    rig.run(2_000);
    assert_eq!((rig.sum(), rig.noted("the boot hold is over: its limit is reached")), (0, 1));
}

#[test]
fn a_boot_hold_waits_for_a_vhid_where_the_kernel_alone_says_which() {
    let mut held = held();
    held.services.clear();
    let mut rig = Rig::new(held, &[]);
    rig.reboot("second");
    rig.run(30_000);
    assert_eq!(rig.sum() & !15, 240, "the network is not up");
    rig.kernel.look.as_mut().unwrap().vhids = snapshot(&[("1@em0", Backup)]).vhids;
    rig.run(10_500);
    assert_eq!((rig.sum(), rig.noted("the boot hold is over: this node is ready")), (0, 1));
}

#[test]
fn a_boot_hold_waits_for_what_runs_on_both_nodes_to_run_here_unless_a_person_has_it() {
    for taken in [false, true] {
        let mut warm = held();
        warm.services[0].mode = crate::core::policy::Mode::Warm;
        let mut rig = Rig::new(warm, &[("1@em0", Backup)]);
        rig.run(10_000);
        rig.gw_mut().start_takes = Duration::from_secs(20);
        rig.reboot("second");
        if taken {
            let (until, reason) = (rig.now.wall + Duration::from_secs(900), String::new());
            rig.request(Request::ServiceUnmanage { service: "gw".parse().unwrap(), until, reason });
        }
        rig.run(19_000);
        assert_eq!(rig.sum() & !15, if taken { 0 } else { 240 });
        rig.run(7_000);
        assert_eq!(rig.sum(), 0);
    }
}

#[test]
fn where_the_node_is_held_back_already_a_fault_adds_nothing() {
    for request in [Request::Drain, Request::MaintenanceEnter { reason: String::new(), until: None, force: true }] {
        let mut rig = Rig::new(held(), &[("1@em0", Backup)]);
        rig.run(10_000);
        rig.request(request);
        rig.run(1_000);
        let writes = rig.kernel.writes.len();
        cable(&mut rig, false);
        rig.run(10_000);
        cable(&mut rig, true);
        rig.run(10_000);
        assert_eq!((rig.sum() & !15, rig.kernel.writes.len()), (240, writes));
    }
}

#[test]
fn without_an_answer_of_the_services_a_boot_hold_does_not_end_early() {
    let mut core = Core::new(held(), Loaded::Journal(Journal { boot: "first".into(), ..Journal::default() }), at(0));
    core.step(Input::Tick, at(0));
    core.step(Input::Read { result: Ok(snapshot(&[("1@em0", Backup)])), log: vec![] }, at(0));
    assert!(core.hold_until().is_some());
    for second in 1..60 {
        core.step(Input::Tick, at(second * 1000));
        core.step(Input::Read { result: Ok(snapshot(&[("1@em0", Backup)])), log: vec![] }, at(second * 1000));
        assert!(core.hold_until().is_some(), "{second}");
    }
    core.step(Input::Tick, at(60_000));
    assert!(core.hold_until().is_none());
}

#[test]
fn a_fault_is_followed_by_a_hold_until_the_node_is_ready() {
    let mut rig = Rig::new(held(), &[("1@em0", Master)]);
    rig.run(10_000);
    cable(&mut rig, false);
    rig.run(120_000);
    assert_eq!(rig.sum() & !15, 480, "it is there before the cable is, for the first advert decides");
    cable(&mut rig, true);
    rig.run(3_000);
    assert_eq!(rig.sum() & !15, 240);
    rig.assert_sum_adds_up();
    rig.run(4_000);
    assert_eq!((rig.sum(), rig.noted("the failback hold is over: this node is ready")), (0, 1));
}

#[test]
fn a_failback_hold_that_waits_in_vain_ends_at_its_limit() {
    let mut rig = Rig::new(held(), &[("1@em0", Master)]);
    rig.run(10_000);
    cable(&mut rig, false);
    pfsync(&mut rig, false);
    rig.run(120_000);
    cable(&mut rig, true);
    rig.run(59_000);
    assert_eq!(rig.sum() & !15, 240);
    rig.run(2_000);
    assert_eq!(rig.sum(), 0);
}

#[test]
fn a_node_that_is_needed_does_not_hold_itself_back() {
    let mut rig = Rig::new(held(), &[("1@em0", Master)]);
    rig.run(10_000);
    cable(&mut rig, false);
    rig.run(10_000);
    cable(&mut rig, true);
    rig.run(1_000);
    rig.event("1@em0", Master);
    rig.run(500);
    assert_eq!((rig.sum(), rig.noted("the failback hold is over: this node is MASTER")), (0, 1));
}

#[test]
fn where_the_kernel_does_not_demote_for_a_fault_carpd_does_not_either() {
    let mut rig = Rig::new(held(), &[("1@em0", Master), ("3@em1", Master)]);
    rig.run(10_000);
    rig.kernel.look.as_mut().unwrap().interfaces[0].link = false;
    rig.event("1@em0", Init);
    rig.run(60_000);
    assert_eq!(rig.sum(), 0, "it would take the other vhid along, which the administrator does not want");
}

#[test]
fn without_failback_in_the_configuration_a_fault_is_followed_by_nothing() {
    let mut off = held();
    off.failback_hold = Duration::ZERO;
    let mut rig = Rig::new(off, &[("1@em0", Master)]);
    rig.run(10_000);
    cable(&mut rig, false);
    rig.run(10_000);
    cable(&mut rig, true);
    rig.run(100);
    assert_eq!((rig.sum(), rig.kernel.writes.len()), (0, 0));
}

#[test]
fn a_failback_hold_outlasts_a_crash_of_carpd_and_ends_with_the_boot() {
    let mut rig = Rig::new(held(), &[("1@em0", Master)]);
    rig.run(10_000);
    cable(&mut rig, false);
    rig.run(10_000);
    rig.restart();
    rig.run(10_000);
    pfsync(&mut rig, false);
    cable(&mut rig, true);
    rig.run(10_000);
    rig.restart();
    rig.run(10_000);
    assert_eq!(rig.sum() & !15, 240);
    rig.run(60_000);
    assert_eq!(rig.sum(), 0);
}

proptest! {
    #[test]
    fn holds_are_bounded_whatever_happens(steps in prop::collection::vec((0..9u8, 0..40_000u64), 1..30)) {
        let mut rig = Rig::new(held(), &[("1@em0", Backup)]);
        rig.run(5_000);
        let (mut plugged, mut boots) = (true, 0);
        for (what, wait) in steps {
            match what {
                0 if plugged => { cable(&mut rig, false); plugged = false; }
                0 | 1 if !plugged => { cable(&mut rig, true); plugged = true; }
                2 if plugged => rig.event("1@em0", Master),
                3 if plugged => rig.event("1@em0", Backup),
                4 => pfsync(&mut rig, wait % 2 == 0),
                5 => rig.gw_mut().missing = (wait % 2 == 0).then(|| "missing".into()),
                6 => rig.restart(),
                7 => {
                    boots += 1;
                    rig.reboot(&format!("boot {boots}"));
                    if !plugged {
                        rig.add_foreign(240);
                    }
                }
                8 => drop(if wait % 2 == 0 { rig.enter() } else { rig.leave() }),
                _ => {}
            }
            rig.run(wait);
        }
        rig.leave();
        if !plugged {
            cable(&mut rig, true);
        }
        rig.run(75_000);
        prop_assert_eq!(rig.sum(), 0, "{:?}", rig.status().demotion);
    }
}
