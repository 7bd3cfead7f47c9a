//! Services follow the election.

use super::*;

#[test]
fn a_service_starts_on_master_and_stops_when_it_is_lost() {
    let mut rig = Rig::gateway(Backup);
    rig.run(1_000);
    assert!(!rig.running());
    rig.event("1@em0", Master);
    rig.run(1_000);
    assert!(rig.running());
    rig.event("1@em0", Backup);
    rig.run(3_900);
    assert!(rig.running(), "a MASTER may come back within the settle time");
    rig.run(1_000);
    assert!(!rig.running());
    assert_eq!((rig.gw().starts, rig.gw().stops), (1, 1));
}

#[test]
fn the_first_action_follows_the_event_without_any_wait() {
    let mut rig = Rig::gateway(Backup);
    rig.run(2_000);
    rig.event("1@em0", Master);
    assert_eq!(rig.status().services[0].busy.map(crate::core::service::ActionKind::as_str), Some("start"));
}

#[test]
fn what_follows_from_a_change_is_done_before_it_is_told() {
    let mut core = Core::new(policy(vec![service("gw", &["1@em0"])]), Loaded::Journal(Journal::default()), at(0));
    let read = |state| Input::Read { result: Ok(snapshot(&[("1@em0", state)])), log: Vec::new() };
    core.step(Input::Tick, at(0));
    core.step(read(Backup), at(0));
    core.step(Input::Acted { service: "gw".parse().unwrap(), outcome: crate::core::service::Outcome::Stopped }, at(0));
    core.step(Input::Nudge, at(100));
    let effects = core.step(read(Master), at(100));
    let place = |wanted: fn(&Effect) -> bool| effects.iter().position(wanted).unwrap();
    assert!(place(|e| matches!(e, Effect::Act { .. })) < place(|e| matches!(e, Effect::Note(_))), "{effects:?}");
}

#[test]
fn i9_a_missed_event_is_made_up_for_within_five_seconds() {
    let mut rig = Rig::gateway(Backup);
    rig.run(2_000);
    rig.vhid("1@em0", Master);
    rig.run(5_300);
    assert!(rig.running());
    rig.run(20_000);
    assert_eq!(rig.status().events.missed, 1);
}

#[test]
fn i9_a_doubled_or_late_event_changes_nothing() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    for claim in [Backup, Master, Init, Master] {
        rig.hint(EventSource::Devd, "1@em0", claim);
    }
    rig.run(20_000);
    assert_eq!((rig.running(), rig.gw().starts, rig.gw().stops), (true, 1, 0));
}

#[test]
fn a_change_told_by_three_sources_is_acted_on_once_and_none_of_it_counts_as_missed() {
    let mut rig = Rig::gateway(Backup);
    for source in EventSource::ALL {
        rig.source(source, true);
    }
    rig.run(2_000);
    for (state, flips) in [(Master, 1), (Backup, 1), (Master, 2)] {
        rig.vhid("1@em0", state);
        rig.hint(EventSource::Nlsysevent, "1@em0", state);
        rig.feed(Input::Hint { source: EventSource::Rtnetlink, changes: Vec::new() });
        // devd was busy with somebody's action.
        rig.run(2_500);
        rig.hint(EventSource::Devd, "1@em0", state);
        rig.run(5_000);
        assert_eq!(rig.gw().starts, flips);
    }
    rig.run(30_000);
    assert_eq!((rig.gw().starts, rig.gw().stops, rig.status().events.missed), (2, 1, 0));
}

#[test]
fn a_hint_that_claims_nothing_is_acted_on_at_once() {
    let mut rig = Rig::gateway(Backup);
    rig.run(2_000);
    rig.vhid("1@em0", Master);
    rig.feed(Input::Hint { source: EventSource::Rtnetlink, changes: Vec::new() });
    assert_eq!(rig.status().services[0].busy.map(crate::core::service::ActionKind::as_str), Some("start"));
}

#[test]
fn a_hint_that_comes_before_the_state_is_settled_is_followed_by_another_look() {
    let mut rig = Rig::gateway(Backup);
    rig.run(2_000);
    rig.feed(Input::Hint { source: EventSource::Rtnetlink, changes: Vec::new() });
    rig.vhid("1@em0", Master);
    rig.run(20);
    assert_eq!(rig.status().services[0].busy.map(crate::core::service::ActionKind::as_str), Some("start"));
}

#[test]
fn a_bounce_shorter_than_settle_leaves_the_service_alone() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.event("1@em0", Init);
    rig.run(5);
    rig.event("1@em0", Backup);
    rig.run(3_000);
    rig.event("1@em0", Master);
    rig.run(10_000);
    assert_eq!((rig.running(), rig.gw().starts, rig.gw().stops), (true, 1, 0));
}

#[test]
fn a_service_that_dies_while_master_is_away_is_not_started() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.event("1@em0", Backup);
    rig.gw_mut().running = false;
    rig.run(20_000);
    assert_eq!((rig.running(), rig.gw().starts), (false, 1));
}

#[test]
fn i10_the_last_state_of_a_flap_storm_wins_and_actions_never_pile_up() {
    let mut rig = Rig::new(
        policy(vec![{
            let mut fast = service("gw", &["1@em0"]);
            fast.settle = Duration::ZERO;
            fast
        }]),
        &[("1@em0", Backup)],
    );
    rig.run(2_000);
    for flap in 0..200 {
        rig.event("1@em0", if flap % 2 == 0 { Master } else { Backup });
        rig.run(50);
    }
    let acted = rig.gw().starts + rig.gw().stops;
    assert!(acted <= 40, "in 10 s there is room for 40 actions of 0.2 s and 0.3 s, not for 200: {acted}");
    rig.run(1_000);
    assert!(!rig.running());
    rig.event("1@em0", Master);
    rig.run(1_000);
    assert!(rig.running());
}

#[test]
fn i2_unknown_starts_nothing_and_stands_down_after_the_grace() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    let look = rig.kernel.look.take();
    rig.run(14_000);
    assert!(rig.running(), "one failed read must not stop a VPN");
    rig.run(9_000);
    assert!(!rig.running());
    rig.gw_mut().running = false;
    rig.run(60_000);
    assert_eq!(rig.gw().starts, 1, "unknown never starts anything");
    rig.kernel.look = look;
    rig.run(3_000);
    assert!(rig.running());
}

#[test]
fn a_kernel_that_becomes_unreadable_while_master_is_away_does_not_keep_carpd_busy() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.event("1@em0", Backup);
    rig.run(1_000);
    rig.kernel.look = None;
    rig.feed(Input::Hint { source: EventSource::Rtnetlink, changes: Vec::new() });
    rig.run(2_990);
    for _ in 0..20 {
        rig.pass_to(rig.now.mono + Duration::from_millis(1));
        rig.daemon.tick(&mut rig.kernel, &mut rig.around, rig.now);
        assert!(rig.daemon.next_wake(rig.now) > rig.now.mono, "something is due that a tick does not settle");
    }
}

#[test]
fn a_service_started_by_somebody_else_on_backup_is_stood_down_within_seconds() {
    let mut rig = Rig::gateway(Backup);
    rig.run(2_000);
    rig.gw_mut().running = true;
    rig.run(6_000);
    assert!(!rig.running());
    assert_eq!(rig.noted("somebody started it"), 1);
}

#[test]
fn a_service_that_dies_on_master_is_started_again() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.gw_mut().running = false;
    rig.run(6_000);
    assert!(rig.running());
    assert_eq!(rig.noted("stopped running by itself"), 1);
}

#[test]
fn a_service_that_keeps_dying_is_started_with_growing_pauses_and_said_to() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    for _ in 0..60 {
        rig.gw_mut().running = false;
        rig.run(1_000);
    }
    assert!((4..=8).contains(&rig.gw().starts), "{}", rig.gw().starts);
    let status = rig.status();
    assert!(status.verdict.problems.iter().any(|p| p.what.contains("died")), "{:?}", status.verdict);
}

#[test]
fn a_failing_start_is_tried_again_with_growing_pauses_and_shown_as_critical() {
    let mut rig = Rig::gateway(Backup);
    rig.run(1_000);
    rig.gw_mut().start_fault = Some("exited 3".into());
    rig.event("1@em0", Master);
    rig.run(60_000);
    let tries = rig.noted("start failed");
    assert!((5..=8).contains(&tries), "{tries}");
    assert_eq!(rig.status().verdict.severity, Severity::Critical);
    rig.gw_mut().start_fault = None;
    rig.run(64_000);
    assert!(rig.running());
}

#[test]
fn i12_a_hung_stop_ends_at_its_limit_and_is_said_loudly() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.gw_mut().stop_hangs = true;
    rig.event("1@em0", Backup);
    rig.run(4_000 + 10_000 + 100);
    let status = rig.status();
    assert_eq!((status.services[0].want, status.services[0].is), (Some(Role::Standby), Is::Running));
    assert_eq!(status.verdict.severity, Severity::Critical);
    assert_eq!(rig.noted("stop failed after 10.0"), 1);
}

#[test]
fn a_start_that_ends_while_master_is_lost_is_stopped_afterwards() {
    let mut rig = Rig::gateway(Backup);
    rig.run(1_000);
    rig.gw_mut().start_takes = Duration::from_secs(3);
    rig.event("1@em0", Master);
    rig.run(100);
    rig.event("1@em0", Backup);
    rig.run(9_000);
    assert_eq!((rig.running(), rig.gw().starts, rig.gw().stops), (false, 1, 1));
}

#[test]
fn planned_handover_stops_the_service_without_waiting_for_settle() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.enter();
    rig.run(10);
    rig.event("1@em0", Backup);
    rig.run(300);
    assert!(!rig.running());
}

#[test]
fn a_peer_that_has_taken_over_ends_the_wait_for_a_bounced_master() {
    let mut rig = Rig::gateway(Master);
    rig.run(6_000);
    rig.kernel.look.as_mut().unwrap().counters.ipackets += 1;
    rig.event("1@em0", Backup);
    rig.run(300);
    assert!(!rig.running());
}

#[test]
fn adverts_for_others_or_with_another_key_do_not_count_as_a_peer_that_has_taken_over() {
    let mut rig = Rig::gateway(Master);
    rig.run(6_000);
    let counters = &mut rig.kernel.look.as_mut().unwrap().counters;
    (counters.ipackets, counters.ipackets6, counters.badauth, counters.badvhid) = (20, 10, 15, 15);
    rig.event("1@em0", Backup);
    rig.run(3_000);
    assert!(rig.running());
}

#[test]
fn a_dead_interface_stops_the_service_without_waiting_for_settle() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.kernel.look.as_mut().unwrap().interfaces[0].link = false;
    rig.event("1@em0", Init);
    rig.run(300);
    assert!(!rig.running());
}

#[test]
fn what_may_run_is_what_the_election_says() {
    let mut core = Core::new(policy(vec![service("gw", &["1@em0"])]), Loaded::Journal(Journal::default()), at(0));
    let gw: ServiceName = "gw".parse().unwrap();
    let other: ServiceName = "other".parse().unwrap();
    assert!(!core.may_run(&gw).0, "unknown is no");
    assert!(core.may_run(&other).0, "what carpd does not manage is not its business");
    for (millis, state) in [(0, Master), (5_000, Backup), (10_000, Init), (15_000, Master)] {
        core.step(Input::Tick, at(millis));
        core.step(Input::Read { result: Ok(snapshot(&[("1@em0", state)])), log: vec![] }, at(millis));
        assert_eq!(core.may_run(&gw).0, state == Master, "{state}");
    }
    core.step(Input::Read { result: Err("gone".into()), log: vec![] }, at(20_000));
    assert!(!core.may_run(&gw).0);
}
