//! What has to be the case before a start.

use super::*;
use proptest::prelude::*;

fn irreversible() -> Policy {
    let mut database = service("gw", &["1@em0"]);
    database.min_master = Duration::from_secs(10);
    database.fenced = true;
    policy(vec![database])
}

fn fenced() -> Rig {
    let mut one = service("gw", &["1@em0"]);
    one.fenced = true;
    let mut rig = Rig::new(policy(vec![one]), &[("1@em0", Backup)]);
    rig.run(2_000);
    rig
}

fn busy(rig: &Rig) -> Option<&'static str> {
    rig.status().services[0].busy.map(crate::core::service::ActionKind::as_str)
}

#[test]
fn nothing_is_started_before_master_has_lasted() {
    let mut slow = service("gw", &["1@em0"]);
    slow.min_master = Duration::from_secs(10);
    let mut rig = Rig::new(policy(vec![slow]), &[("1@em0", Backup)]);
    rig.run(2_000);
    rig.event("1@em0", Master);
    rig.run(9_000);
    assert_eq!((rig.running(), busy(&rig)), (false, None));
    let wait = rig.status().services[0].next_try.unwrap().since(rig.now.wall);
    assert_eq!(wait, Duration::from_secs(1));
    rig.event("1@em0", Backup);
    rig.run(100);
    rig.event("1@em0", Master);
    rig.run(9_900);
    assert!(!rig.running(), "a new term of MASTER is counted anew");
    rig.run(500);
    assert!(rig.running());
    rig.gw_mut().end();
    rig.run(6_000);
    assert!(rig.running(), "MASTER has lasted, so a dead service is started at once");
}

#[test]
fn what_carpd_would_not_start_nobody_else_may_until_a_person_takes_it_over() {
    for mode in [crate::core::policy::Mode::Service, crate::core::policy::Mode::Warm] {
        let mut one = service("gw", &["1@em0"]);
        one.mode = mode;
        let mut core = Core::new(policy(vec![one]), Loaded::Journal(Journal::default()), at(0));
        let gw: ServiceName = "gw".parse().unwrap();
        core.step(Input::Tick, at(0));
        core.step(Input::Read { result: Ok(snapshot(&[("1@em0", Master)])), log: vec![] }, at(0));
        assert!(core.may_run(&gw).0);
        let lacks = Some("/etc/gw/key.pem is missing".to_owned());
        core.step(Input::NeedsLooked { service: gw.clone(), lacks }, at(1));
        let (may, why) = core.may_run(&gw);
        assert!(!may && why.contains("key.pem is missing") && why.contains("unmanage"), "{why}");
        let (reason, until) = (String::new(), at(60_000).wall);
        let request = Request::ServiceUnmanage { service: gw.clone(), until, reason };
        core.step(Input::Request { id: 1, by: "root".into(), request }, at(2));
        assert!(core.may_run(&gw).0);
    }
}

#[test]
fn a_start_follows_its_fence_at_once_and_each_start_has_its_own() {
    let mut rig = fenced();
    rig.event("1@em0", Master);
    assert_eq!(busy(&rig), Some("fence"));
    rig.run(100);
    assert_eq!(busy(&rig), Some("start"), "not one moment passes between fence and start");
    rig.run(1_000);
    assert!(rig.running() && rig.noted("fence ok") == 1);
    rig.gw_mut().end();
    rig.run(7_000);
    assert_eq!((rig.running(), rig.noted("fence ok"), rig.gw().fenced), (true, 2, 0));
    assert!(!rig.gw().unfenced);
}

#[test]
fn a_fence_that_fails_is_an_error_with_its_cause_and_tried_again_with_growing_pauses() {
    let mut rig = fenced();
    rig.gw_mut().fence_fault = Some("exited 1".into());
    rig.event("1@em0", Master);
    rig.run(60_000);
    let tries = rig.noted("fence failed after 0.100 s: exited 1");
    assert!((5..=7).contains(&tries), "{tries}");
    assert_eq!((rig.running(), rig.gw().starts), (false, 0));
    let status = rig.status();
    assert_eq!(status.verdict.severity, Severity::Critical);
    assert_eq!(status.verdict.problems[0].what, "gw should run and does not: fence exited 1");
    rig.gw_mut().fence_fault = None;
    rig.run(64_000);
    assert!(rig.running());
}

#[test]
fn a_role_that_is_lost_while_the_fence_runs_starts_nothing() {
    let mut rig = fenced();
    rig.gw_mut().fence_takes = Duration::from_secs(8);
    rig.event("1@em0", Master);
    rig.run(1_000);
    rig.event("1@em0", Backup);
    rig.run(30_000);
    assert_eq!((rig.running(), rig.gw().starts), (false, 0));
}

#[test]
fn a_fence_of_an_earlier_term_of_master_is_not_good_enough_for_the_next() {
    let mut rig = fenced();
    rig.gw_mut().fence_takes = Duration::from_secs(8);
    rig.event("1@em0", Master);
    rig.run(1_000);
    rig.event("1@em0", Backup);
    rig.run(500);
    rig.event("1@em0", Master);
    rig.run(7_000);
    assert_eq!((busy(&rig), rig.gw().starts), (Some("fence"), 0), "the other node may have started meanwhile");
    rig.run(9_000);
    assert!(rig.running());
}

#[test]
fn after_the_fence_the_kernel_is_looked_at_before_anything_starts() {
    let mut rig = fenced();
    rig.gw_mut().fence_takes = Duration::from_millis(2_500);
    rig.event("1@em0", Master);
    rig.run(2_400);
    // No event tells of it, and the next look by itself is seconds away.
    rig.vhid("1@em0", Backup);
    rig.run(20_000);
    assert_eq!((rig.running(), rig.gw().starts), (false, 0));
}

#[test]
fn what_is_missing_is_named_and_nothing_is_started_without_it() {
    let mut rig = Rig::gateway(Backup);
    rig.around.services.insert("gw".parse().unwrap(), crate::lab::daemon::SimService::default());
    rig.gw_mut().missing = Some("/etc/x.pem is missing".into());
    rig.run(6_000);
    let status = rig.status();
    assert_eq!(status.verdict.severity, Severity::Warning);
    assert_eq!(status.verdict.problems[0].what, "gw could not be started here: /etc/x.pem is missing");
    rig.event("1@em0", Master);
    rig.run(60_000);
    let status = rig.status();
    assert_eq!((rig.running(), rig.gw().starts, rig.sum()), (false, 0, 0));
    assert_eq!(status.verdict.severity, Severity::Critical);
    assert_eq!(status.verdict.problems[0].what, "gw should run and is not ready: /etc/x.pem is missing");
    assert_eq!(rig.noted("not ready"), 1);
    rig.gw_mut().missing = None;
    rig.run(6_000);
    assert!(rig.running() && rig.noted("ready: nothing is missing any more") == 1);
}

#[test]
fn what_goes_missing_while_it_runs_stops_nothing() {
    let mut rig = Rig::gateway(Master);
    rig.run(5_000);
    rig.gw_mut().missing = Some("/etc/x.pem is missing".into());
    rig.run(60_000);
    assert_eq!((rig.running(), rig.gw().stops), (true, 0));
    assert!(rig.status().verdict.problems[0].what.starts_with("gw could not be started here"));
}

#[test]
fn a_reload_does_not_count_master_anew() {
    let mut rig = Rig::new(irreversible(), &[("1@em0", Backup)]);
    rig.run(2_000);
    rig.event("1@em0", Master);
    rig.run(9_000);
    let mut new = irreversible();
    new.services[0].stop_limit = Duration::from_secs(20);
    rig.feed(Input::Reloaded(new));
    rig.run(1_500);
    assert!(rig.running());
}

proptest! {
    #[test]
    fn a_fence_that_never_succeeds_never_leads_to_a_start(
        steps in prop::collection::vec((0..7u8, 0..12_000u64), 1..40),
    ) {
        let mut rig = Rig::new(irreversible(), &[("1@em0", Backup)]);
        rig.run(2_000);
        rig.gw_mut().fence_fault = Some("exited 1".into());
        for (what, wait) in steps {
            match what {
                0 | 1 => rig.event("1@em0", Master),
                2 => rig.event("1@em0", Backup),
                3 => rig.vhid("1@em0", Backup),
                4 => rig.restart(),
                5 => rig.gw_mut().fence_takes = Duration::from_millis(wait),
                _ => rig.feed(Input::Reloaded(policy(irreversible().services))),
            }
            rig.run(wait);
            prop_assert_eq!(rig.gw().starts, 0);
            prop_assert!(!rig.gw().unfenced);
        }
    }

    #[test]
    fn every_start_has_a_fence_of_its_own(
        steps in prop::collection::vec((0..7u8, 0..12_000u64), 1..40),
    ) {
        let mut rig = fenced();
        for (what, wait) in steps {
            match what {
                0 | 1 => rig.event("1@em0", Master),
                2 => rig.event("1@em0", Backup),
                3 => rig.gw_mut().end(),
                4 => rig.gw_mut().fence_takes = Duration::from_millis(wait),
                5 => rig.gw_mut().start_fault = rig.gw().start_fault.is_none().then(|| "exited 1".into()),
                _ => rig.gw_mut().fence_fault = rig.gw().fence_fault.is_none().then(|| "exited 1".into()),
            }
            rig.run(wait);
            prop_assert!(!rig.gw().unfenced);
        }
    }
}
