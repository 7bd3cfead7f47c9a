//! Maintenance is what its person asked for, and lasts.

use super::*;
use crate::core::Maintenance;
use crate::core::policy::MaintenanceOwner;
use crate::core::status::Answer;

#[test]
fn a_maintenance_that_moves_nothing_says_so_after_ten_seconds() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.enter();
    rig.run(9_000);
    let says = |rig: &Rig| rig.status().verdict.problems[0].effect.contains("still MASTER");
    assert!(!says(&rig));
    rig.run(2_000);
    assert!(says(&rig));
}

#[test]
fn maintenance_demotes_by_240_and_takes_exactly_that_back() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.add_foreign(480);
    rig.run(6_000);
    assert!(matches!(rig.enter(), Reply::Done { .. }));
    rig.run(100);
    assert_eq!(rig.sum(), 480 + 240 + 1);
    rig.assert_sum_adds_up();
    assert!(matches!(rig.leave(), Reply::Done { .. }));
    rig.run(100);
    assert_eq!(rig.sum(), 480, "I8: what others added stays");
}

#[test]
fn i7_enter_and_leave_are_idempotent() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    assert!(matches!(rig.leave(), Reply::Done { .. }));
    for _ in 0..3 {
        assert!(matches!(rig.enter(), Reply::Done { .. }));
        rig.run(100);
    }
    assert_eq!((rig.sum(), rig.kernel.writes.len()), (241, 1));
    for _ in 0..3 {
        rig.leave();
        rig.run(100);
    }
    assert_eq!((rig.sum(), rig.kernel.writes.len()), (0, 2));
}

#[test]
fn i6_maintenance_survives_a_reboot() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.enter();
    rig.run(100);
    rig.vhid("1@em0", Init);
    rig.reboot("second");
    rig.run(100);
    assert_eq!(rig.sum() & !15, 240);
    assert!(rig.status().maintenance.active);
    rig.assert_sum_adds_up();
}

#[test]
fn maintenance_ends_by_itself_and_survives_a_clock_that_went_back() {
    let mut rig = Rig::gateway(Backup);
    rig.run(1_000);
    let until = Some(rig.now.wall + Duration::from_secs(60));
    rig.request(Request::MaintenanceEnter { reason: String::new(), until, force: false });
    rig.run(1_000);
    let back = Wall::from_millis(rig.now.wall.as_millis() - 3_600_000);
    rig.now.wall = back;
    rig.run(30_000);
    assert!(rig.status().maintenance.active);
    rig.run(3_700_000);
    assert!(!rig.status().maintenance.active);
    assert_eq!(rig.sum(), 0);
}

#[test]
fn a_maintenance_without_an_end_gets_the_configured_one() {
    let mut limited = policy(Vec::new());
    limited.maintenance_default_for = Some(Duration::from_secs(3600));
    let mut rig = Rig::new(limited, &[("1@em0", Backup)]);
    rig.run(1_000);
    rig.enter();
    assert_eq!(rig.status().maintenance.until, Some(rig.now.wall + Duration::from_secs(3600)));
}

#[test]
fn an_end_before_the_beginning_does_not_keep_carpd_busy() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.enter();
    rig.now.wall = Wall::from_millis(rig.now.wall.as_millis() - 3_600_000);
    let until = Some(rig.now.wall + Duration::from_secs(30));
    rig.request(Request::MaintenanceEnter { reason: "short".into(), until, force: false });
    rig.run(29_000);
    for _ in 0..3 {
        rig.pass_to(rig.now.mono + Duration::from_secs(1));
        rig.daemon.tick(&mut rig.kernel, &mut rig.around, rig.now);
        assert!(rig.daemon.next_wake(rig.now) > rig.now.mono, "something is due that a tick does not settle");
    }
    assert!(rig.status().maintenance.active, "the clock stands before the beginning");
}

#[test]
fn maintenance_that_cannot_be_made_durable_is_refused_and_changes_nothing() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.around.disk.fault = Some("no space left on device".into());
    let Reply::Failed { text } = rig.enter() else { panic!("must fail") };
    assert!(text.contains("no space left"));
    rig.run(60_000);
    assert_eq!((rig.sum(), rig.status().maintenance.active), (0, false));
    assert_eq!(rig.noted("cannot be written"), 1, "the same error is logged once");
    rig.around.disk.fault = None;
    assert!(matches!(rig.enter(), Reply::Done { .. }));
    rig.run(100);
    assert_eq!(rig.sum() & !15, 240);
}

#[test]
fn a_maintenance_that_ran_out_on_a_full_disk_is_not_said_to_be_left() {
    let mut rig = Rig::gateway(Backup);
    rig.run(1_000);
    let until = Some(rig.now.wall + Duration::from_secs(60));
    rig.request(Request::MaintenanceEnter { reason: String::new(), until, force: false });
    rig.run(1_000);
    rig.around.disk.fault = Some("no space left on device".into());
    rig.run(62_000);
    assert!(matches!(rig.leave(), Reply::Failed { .. }));
    rig.around.disk.fault = None;
    rig.run(6_000);
    assert!(matches!(rig.leave(), Reply::Done { .. }));
    assert_eq!((rig.sum(), rig.around.disk.journal.maintenance.is_some()), (0, false));
}

#[test]
fn a_preflight_refuses_only_on_a_known_no() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.kernel.look.as_mut().unwrap().counters.badauth = 1;
    rig.run(6_000);
    assert!(matches!(rig.enter(), Reply::Refused { .. }));
    assert_eq!(rig.sum(), 0);
    let forced = Request::MaintenanceEnter { reason: String::new(), until: None, force: true };
    assert!(matches!(rig.request(forced), Reply::Done { .. }));
}

/// A node whose maintenance OPNsense owns.
fn owned_by_opnsense(flag: bool, record: Option<Maintenance>) -> Policy {
    Policy {
        opnsense_maintenance: flag,
        maintenance_owner: MaintenanceOwner::Opnsense { record },
        ..policy(vec![service("gateway", &["1@em0"])])
    }
}

#[test]
fn where_opnsense_owns_the_maintenance_no_second_240_is_added() {
    let mut rig = Rig::new(owned_by_opnsense(false, None), &[("1@em0", Master)]);
    rig.run(1_000);
    let Reply::Refused { text } = rig.enter() else { panic!("it was not refused") };
    assert!(text.contains("OPNsense owns"), "{text}");
    rig.run(1_000);
    assert!(rig.kernel.writes.is_empty());
    assert!(matches!(rig.leave(), Reply::Done { .. }), "to leave what is not there is no mistake");
}

#[test]
fn the_status_tells_who_wanted_the_maintenance_of_opnsense() {
    let since = Wall::from_millis(1_763_683_200_000);
    let record = Maintenance { reason: "update".to_owned(), by: "admin".to_owned(), since, until: None };
    let mut rig = Rig::new(owned_by_opnsense(true, Some(record.clone())), &[("1@em0", Backup)]);
    rig.add_foreign(240);
    rig.run(1_000);
    let told = rig.status().maintenance;
    assert_eq!(
        (told.active, told.opnsense, told.reason.as_deref(), told.since),
        (false, true, Some("update"), Some(since))
    );
    rig.assert_sum_adds_up();
    // A record that its maintenance has outlived explains nothing.
    let rig = Rig::new(owned_by_opnsense(false, Some(record)), &[("1@em0", Backup)]);
    assert_eq!(rig.status().maintenance.reason, None);
}

#[test]
fn the_status_tells_beforehand_whether_the_peer_would_take_over() {
    let mut rig = Rig::gateway(Backup);
    rig.run(1_000);
    assert_eq!(rig.status().maintenance.preflight.unwrap().answer, Answer::Yes);
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    assert_eq!(rig.status().maintenance.preflight.unwrap().answer, Answer::Unknown);
    rig.enter();
    rig.run(100);
    assert_eq!(rig.status().maintenance.preflight, None);
}
