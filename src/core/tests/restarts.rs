//! Restarts for a service's health, and how long a demotion for it stays.

use super::*;
use crate::core::restart::{CALM, MOST, WINDOW};
use proptest::prelude::*;

fn probe(name: &str, effect: ProbeEffect) -> ProbePolicy {
    ProbePolicy {
        name: name.to_owned(),
        source: ProbeSource::Run,
        every: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        rise: 1,
        fall: 2,
        grace: Duration::ZERO,
        effect,
    }
}

fn restarting() -> Rig {
    let mut gw = service("gw", &["1@em0"]);
    gw.probes.push(probe("http", ProbeEffect::Restart));
    let mut rig = Rig::new(policy(vec![gw]), &[("1@em0", Master)]);
    rig.run(5_000);
    assert_eq!((rig.gw().starts, rig.gw().stops), (1, 0));
    rig
}

/// When stops were decided for the health of the service.
fn restarts(rig: &Rig) -> Vec<Mono> {
    let told = rig.daemon.notes.iter().filter(|(_, note)| note.text.contains("it is unhealthy and restarted"));
    told.map(|(now, _)| now.mono).collect()
}

#[test]
fn an_unhealthy_service_is_stopped_and_started_once_and_is_well_again() {
    let mut rig = restarting();
    rig.gw_mut().healthy = false;
    rig.run(2_300);
    assert_eq!(rig.gw().stops, 1);
    rig.gw_mut().healthy = true;
    rig.run(60_000);
    assert_eq!((rig.running(), rig.gw().starts, rig.gw().stops), (true, 2, 1));
    assert_eq!(rig.noted("stopped running by itself"), 0, "a restart is not a death");
    assert_eq!(rig.status().services[0].restarts, 1);
}

#[test]
fn restarts_that_do_not_help_get_rarer_are_given_up_and_said_so() {
    let mut rig = restarting();
    rig.gw_mut().healthy = false;
    rig.run(3_600_000);
    let begun = restarts(&rig);
    let pauses: Vec<u64> = begun.windows(2).map(|two| two[1].since(two[0]).as_secs()).collect();
    assert_eq!(pauses, [10, 30, 60, 60]);
    assert_eq!((rig.running(), rig.gw().starts, rig.gw().stops), (true, 6, 5));
    let status = rig.status();
    assert!(status.services[0].given_up);
    assert!(status.verdict.problems.iter().any(|p| p.what.contains("restarted for its health, which has not helped")));
    assert_eq!(rig.noted("have not helped"), 1);
}

#[test]
fn what_was_given_up_is_restarted_again_after_minutes_of_health() {
    let mut rig = restarting();
    rig.gw_mut().healthy = false;
    rig.run(3_600_000);
    rig.gw_mut().healthy = true;
    rig.run(4 * 60_000);
    rig.gw_mut().healthy = false;
    rig.run(60_000);
    assert_eq!(restarts(&rig).len(), MOST, "four minutes are not enough");
    rig.gw_mut().healthy = true;
    rig.run(u64::try_from(CALM.as_millis()).unwrap() + 5_000);
    assert!(!rig.status().services[0].given_up);
    rig.gw_mut().healthy = false;
    rig.run(5_000);
    assert_eq!(restarts(&rig).len(), MOST + 1);
}

#[test]
fn a_new_role_is_a_new_chance_for_what_was_given_up() {
    let mut rig = restarting();
    rig.gw_mut().healthy = false;
    rig.run(3_600_000);
    rig.event("1@em0", Backup);
    rig.run(10_000);
    assert!(!rig.status().services[0].given_up);
    rig.event("1@em0", Master);
    rig.run(10_000);
    assert_eq!(restarts(&rig).len(), MOST + 1);
}

#[test]
fn a_person_who_gives_a_service_back_gives_it_a_new_chance() {
    let mut rig = restarting();
    rig.gw_mut().healthy = false;
    rig.run(3_600_000);
    let (gw, until) = ("gw".parse::<ServiceName>().unwrap(), rig.now.wall + Duration::from_secs(600));
    rig.request(Request::ServiceUnmanage { service: gw.clone(), until, reason: String::new() });
    rig.run(60_000);
    assert_eq!(restarts(&rig).len(), MOST);
    rig.request(Request::ServiceManage { service: gw });
    assert!(!rig.status().services[0].given_up);
    rig.run(10_000);
    assert_eq!(restarts(&rig).len(), MOST + 1);
}

#[test]
fn a_role_lost_during_a_restart_is_not_answered_by_a_start() {
    let mut rig = restarting();
    rig.gw_mut().stop_takes = Duration::from_secs(5);
    rig.gw_mut().healthy = false;
    rig.run(3_000);
    assert_eq!(rig.status().services[0].busy, Some(crate::core::service::ActionKind::Stop));
    rig.event("1@em0", Backup);
    rig.run(60_000);
    assert_eq!((rig.running(), rig.gw().starts), (false, 1));
}

#[test]
fn a_hung_stop_of_a_restart_counts_like_one_and_is_bounded_like_one() {
    let mut rig = restarting();
    rig.gw_mut().stop_hangs = true;
    rig.gw_mut().healthy = false;
    rig.run(3_600_000);
    assert_eq!(restarts(&rig).len(), MOST);
    assert_eq!(rig.noted("stop failed"), MOST);
    assert!(rig.status().services[0].given_up && rig.running());
}

#[test]
fn carpd_that_is_stopped_in_the_middle_of_a_restart_starts_the_service_first() {
    let mut rig = restarting();
    rig.gw_mut().stop_takes = Duration::from_secs(3);
    rig.gw_mut().healthy = false;
    rig.run(2_500);
    rig.feed(Input::Shutdown);
    assert!(!rig.daemon.exited);
    rig.run(2_000);
    assert!(!rig.daemon.exited && !rig.running());
    for _ in 0..100 {
        rig.pass_to(rig.now.mono + Duration::from_millis(50));
        rig.daemon.tick(&mut rig.kernel, &mut rig.around, rig.now);
    }
    assert!(rig.daemon.exited && rig.running());
    let mut rig = restarting();
    rig.gw_mut().healthy = false;
    rig.feed(Input::Shutdown);
    assert!(rig.daemon.exited, "no restart is begun at the end");
}

#[test]
fn a_slow_start_within_the_grace_is_no_reason_to_start_again() {
    for (grace, stops) in [(20, 0), (5, 1)] {
        let mut gw = service("gw", &["1@em0"]);
        gw.probes.push(ProbePolicy { grace: Duration::from_secs(grace), ..probe("http", ProbeEffect::Restart) });
        let mut rig = Rig::new(policy(vec![gw]), &[("1@em0", Backup)]);
        rig.run(1_000);
        rig.gw_mut().healthy = false;
        rig.event("1@em0", Master);
        rig.run(8_000);
        rig.gw_mut().healthy = true;
        rig.run(60_000);
        assert_eq!(rig.gw().stops, stops, "grace {grace}");
    }
}

#[test]
fn a_demotion_stays_for_its_dwell_over_a_restart_of_carpd_but_not_over_a_reboot() {
    let mut gw = service("gw", &["1@em0"]);
    let (amount, dwell) = (ShareAmount::new(96).unwrap(), Duration::from_secs(60));
    gw.probes.push(probe("http", ProbeEffect::Demote { amount, dwell }));
    let mut rig = Rig::new(policy(vec![gw]), &[("1@em0", Master)]);
    rig.run(5_000);
    rig.gw_mut().healthy = false;
    rig.run(3_000);
    rig.gw_mut().healthy = true;
    for _ in 0..5 {
        rig.run(10_000);
        assert_eq!(rig.sum() & !15, 96);
        rig.restart();
    }
    rig.run(10_000);
    assert_eq!(rig.sum(), 0);
    rig.gw_mut().healthy = false;
    rig.run(5_000);
    rig.gw_mut().healthy = true;
    rig.reboot("second");
    rig.run(5_000);
    assert_eq!(rig.sum(), 0);
}

#[test]
fn a_service_that_is_sick_every_other_moment_moves_the_share_once() {
    let mut gw = service("gw", &["1@em0"]);
    let (amount, dwell) = (ShareAmount::new(96).unwrap(), Duration::from_secs(60));
    gw.probes.push(probe("http", ProbeEffect::Demote { amount, dwell }));
    let mut rig = Rig::new(policy(vec![gw]), &[("1@em0", Master)]);
    rig.run(2_000);
    for _ in 0..60 {
        rig.gw_mut().healthy = !rig.gw().healthy;
        rig.run(5_000);
    }
    assert!(rig.gw().healthy);
    assert_eq!(rig.kernel.writes, [97]);
    rig.run(60_000);
    assert_eq!(rig.kernel.writes, [97, -97]);
}

#[test]
fn a_reload_keeps_the_verdict_of_a_probe_that_is_judged_as_before() {
    let mut gw = service("gw", &["1@em0"]);
    let (amount, dwell) = (ShareAmount::new(96).unwrap(), Duration::ZERO);
    gw.probes.push(probe("http", ProbeEffect::Demote { amount, dwell }));
    let mut rig = Rig::new(policy(vec![gw]), &[("1@em0", Master)]);
    rig.run(1_000);
    rig.gw_mut().healthy = false;
    rig.run(5_000);
    rig.event("1@em0", Backup);
    rig.run(10_000);
    let mut changed = rig.policy.clone();
    changed.services[0].settle = Duration::from_secs(5);
    changed.services[0].probes.insert(0, probe("new", ProbeEffect::Report));
    rig.feed(Input::Reloaded(changed));
    rig.run(10_000);
    assert_eq!((rig.sum() & !15, rig.kernel.writes.len()), (96, 1));
    rig.event("1@em0", Master);
    rig.gw_mut().healthy = true;
    rig.run(10_000);
    assert_eq!(rig.sum(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn restarts_are_bounded_whatever_the_probe_says(
        steps in prop::collection::vec((0..6u8, 1..120_000u64), 1..80)
    ) {
        let mut rig = restarting();
        for (what, wait) in steps {
            match what {
                0 => rig.gw_mut().healthy = true,
                1 => rig.event("1@em0", Backup),
                2 => rig.event("1@em0", Master),
                3 => rig.gw_mut().running = false,
                4 => rig.gw_mut().stop_hangs = !rig.gw().stop_hangs,
                _ => rig.gw_mut().healthy = false,
            }
            rig.run(wait);
        }
        let begun = restarts(&rig);
        for (at, first) in begun.iter().enumerate() {
            let within = begun[at..].iter().take_while(|other| other.since(*first) < WINDOW).count();
            prop_assert!(within <= MOST, "{within} restarts within {WINDOW:?}");
        }
        prop_assert!(rig.daemon.overlapped.is_none());
        rig.gw_mut().healthy = true;
        rig.gw_mut().stop_hangs = false;
        rig.event("1@em0", Master);
        rig.run(400_000);
        prop_assert!(rig.running() && !rig.status().services[0].given_up);
    }
}
