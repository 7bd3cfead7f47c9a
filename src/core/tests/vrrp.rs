//! What a node with VRRP vhids does, and what it says that it cannot do.

use super::*;
use crate::core::status::Protocol;
use crate::core::testing::make_vrrp;

/// One service `gw` that follows the VRRP vhid `30@em0`, beside the CARP vhid `1@em0`.
fn mixed(carp: CarpState, vrrp: CarpState) -> Rig {
    let mut rig = Rig::new(policy(vec![service("gw", &["30@em0"])]), &[("1@em0", carp), ("30@em0", vrrp)]);
    make_vrrp(rig.kernel.look.as_mut().unwrap(), "30@em0", 150);
    rig.run(6_000);
    rig
}

#[test]
fn a_service_follows_a_vrrp_vhid_like_any_other() {
    let mut rig = mixed(Backup, Backup);
    assert!(!rig.running());
    rig.event("30@em0", Master);
    rig.run(1_000);
    assert!(rig.running());
    rig.event("30@em0", Backup);
    rig.run(6_000);
    assert!(!rig.running());
}

#[test]
fn a_vrrp_vhid_is_shown_with_its_own_numbers_whatever_the_demotion() {
    let mut rig = mixed(Master, Master);
    rig.add_foreign(100);
    rig.run(6_000);
    let [carp, vrrp] = &rig.status().vhids[..] else { panic!() };
    assert_eq!((carp.protocol, carp.effective_advskew, carp.priority), (Some(Protocol::Carp), Some(100), None));
    assert_eq!((vrrp.protocol, vrrp.priority, vrrp.interval), (Some(Protocol::Vrrp), Some(150), Some(100)));
    assert_eq!((vrrp.advbase, vrrp.advskew, vrrp.effective_advskew), (None, None, None));
    // SIOCGVH does not tell the numbers.
    rig.kernel.look.as_mut().unwrap().vhids[1].protocol = crate::model::VhidProtocol::Vrrp(None);
    rig.run(6_000);
    let vrrp = &rig.status().vhids[1];
    assert_eq!((vrrp.protocol, vrrp.priority, vrrp.interval), (Some(Protocol::Vrrp), None, None));
}

#[test]
fn a_maintenance_that_can_move_nothing_but_vrrp_is_refused() {
    let mut rig = mixed(Backup, Master);
    let Reply::Refused { text } = rig.enter() else { panic!("must be refused") };
    assert!(text.contains("30@em0 speaks VRRP") && text.contains("--force"), "{text}");
    rig.run(6_000);
    assert_eq!(rig.sum(), 0);
    let forced = Request::MaintenanceEnter { reason: String::new(), until: None, force: true };
    assert!(matches!(rig.request(forced), Reply::Done { .. }));
    rig.run(100);
    assert_eq!(rig.sum(), 241);
}

#[test]
fn a_maintenance_beside_a_vrrp_vhid_says_what_stays() {
    let mut rig = mixed(Master, Master);
    let Reply::Done { text } = rig.enter() else { panic!("the CARP vhid can move") };
    assert_eq!(text, "in maintenance; vhid 30@em0 speaks VRRP and will not move: demotion has no effect on VRRP");
    rig.event("1@em0", Backup);
    rig.run(12_000);
    let problems = rig.status().verdict.problems;
    assert!(
        problems.iter().any(|p| p.what == "30@em0 stays MASTER here: demotion has no effect on VRRP"),
        "{problems:?}"
    );
    assert!(problems.iter().all(|p| !p.effect.contains("the peer does not take over")), "{problems:?}");
    rig.leave();
    rig.run(1_000);
    assert!(rig.status().verdict.problems.iter().all(|p| !p.what.contains("VRRP")));
}

#[test]
fn a_maintenance_where_vrrp_is_backup_has_nothing_to_warn_of() {
    let mut rig = mixed(Master, Backup);
    let Reply::Done { text } = rig.enter() else { panic!("the CARP vhid can move") };
    assert_eq!(text, "in maintenance");
}

#[test]
fn a_sick_service_that_follows_vrrp_is_said_to_stay_where_it_is() {
    let mut gw = service("gw", &["30@em0"]);
    gw.probes.push(ProbePolicy {
        name: "http".into(),
        source: ProbeSource::Run,
        every: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        rise: 1,
        fall: 1,
        grace: Duration::ZERO,
        effect: ProbeEffect::Demote { amount: ShareAmount::FULL, dwell: Duration::ZERO },
    });
    let mut rig = Rig::new(policy(vec![gw]), &[("1@em0", Master), ("30@em0", Master)]);
    make_vrrp(rig.kernel.look.as_mut().unwrap(), "30@em0", 150);
    rig.run(6_000);
    rig.gw_mut().healthy = false;
    rig.run(6_000);
    assert_eq!(rig.noted("speaks VRRP and will not move"), 1);
    assert!(rig.status().verdict.problems.iter().any(|p| p.what.contains("no effect on VRRP")));
}

#[test]
fn a_vrrp_master_does_not_end_the_boot_hold() {
    let mut held = policy(Vec::new());
    held.boot_hold = Duration::from_secs(60);
    let mut rig = Rig::new(held, &[("1@em0", Backup), ("30@em0", Master)]);
    make_vrrp(rig.kernel.look.as_mut().unwrap(), "30@em0", 150);
    rig.run(6_000);
    rig.reboot("second");
    rig.run(4_000);
    assert_eq!(rig.sum() & !15, 240, "the CARP vhid is what is held back");
    rig.event("1@em0", Master);
    rig.run(500);
    assert_eq!(rig.sum(), 0);
}

#[test]
fn adverts_that_are_heard_all_the_time_are_not_taken_for_a_new_master() {
    let mut rig = mixed(Master, Master);
    let hear = |rig: &mut Rig, seconds: u64| {
        for _ in 0..seconds {
            rig.kernel.look.as_mut().unwrap().counters.ipackets += 1;
            rig.run(1_000);
        }
    };
    hear(&mut rig, 20);
    rig.event("30@em0", Backup);
    hear(&mut rig, 3);
    rig.event("30@em0", Master);
    hear(&mut rig, 10);
    assert_eq!((rig.gw().starts, rig.gw().stops), (1, 0), "it came back within the settle time");
}
