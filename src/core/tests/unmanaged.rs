//! A person has taken a service over.

use super::*;
use proptest::prelude::*;

fn gw() -> ServiceName {
    "gw".parse().unwrap()
}

fn unmanage(rig: &mut Rig, seconds: u64) -> Reply {
    let until = rig.now.wall + Duration::from_secs(seconds);
    rig.request(Request::ServiceUnmanage { service: gw(), until, reason: "adoption".into() })
}

fn manage(rig: &mut Rig) -> Reply {
    rig.request(Request::ServiceManage { service: gw() })
}

fn in_hands(state: CarpState) -> Rig {
    let mut rig = Rig::gateway(state);
    rig.run(2_000);
    assert!(matches!(unmanage(&mut rig, 900), Reply::Done { text } if text.contains("in the hands of root until")));
    rig
}

#[test]
fn a_service_in_a_persons_hands_is_neither_stopped_nor_started() {
    let mut rig = in_hands(Backup);
    rig.gw_mut().running = true;
    rig.run(60_000);
    assert!(rig.running(), "somebody has started it to have it adopted");
    rig.event("1@em0", Master);
    rig.run(10_000);
    rig.gw_mut().running = false;
    rig.run(60_000);
    let status = rig.status();
    assert_eq!((rig.running(), rig.gw().starts, rig.gw().stops), (false, 0, 0));
    assert_eq!((status.services[0].is, status.services[0].deaths, rig.noted("by itself")), (Is::Stopped, 0, 0));
    assert_eq!(status.verdict.severity, Severity::Warning);
    assert!(status.verdict.problems[0].what.contains("gw is in the hands of root"), "{:?}", status.verdict);
}

#[test]
fn its_time_ends_by_itself_and_the_election_is_followed_again() {
    let mut rig = in_hands(Backup);
    rig.gw_mut().running = true;
    rig.run(899_000);
    assert!(rig.running());
    rig.run(2_000);
    assert!(!rig.running() && rig.status().services[0].unmanaged.is_none());
    assert_eq!(rig.noted("is managed again: the time of root is over"), 1);
    assert!(rig.around.disk.journal.unmanaged.is_empty());
}

#[test]
fn who_gives_it_back_has_it_brought_to_its_role_at_once() {
    let mut rig = in_hands(Backup);
    rig.gw_mut().running = true;
    rig.event("1@em0", Master);
    rig.gw_mut().running = false;
    rig.run(10_000);
    assert!(matches!(manage(&mut rig), Reply::Done { .. }));
    rig.run(1_000);
    assert!(rig.running());
    assert_eq!(rig.noted("is managed again: by the will of root"), 1);
    assert!(matches!(manage(&mut rig), Reply::Done { text } if text.contains("already")));
}

#[test]
fn a_restart_and_a_reboot_leave_it_in_the_persons_hands() {
    let mut rig = in_hands(Backup);
    rig.gw_mut().running = true;
    rig.restart();
    rig.run(30_000);
    assert!(rig.running());
    rig.reboot("second");
    rig.event("1@em0", Master);
    rig.run(30_000);
    assert_eq!((rig.running(), rig.gw().starts), (false, 0));
    rig.run(900_000);
    assert!(rig.running());
}

#[test]
fn a_clock_set_back_before_the_beginning_proves_nothing() {
    let mut rig = in_hands(Backup);
    rig.gw_mut().running = true;
    rig.now.wall = Wall::from_millis(1_000);
    rig.run(1_000_000);
    assert!(rig.running());
    rig.now.wall = rig.around.disk.journal.unmanaged[&gw()].until;
    rig.run(6_000);
    assert!(!rig.running());
}

#[test]
fn a_start_under_way_ends_and_is_not_judged() {
    let mut rig = Rig::gateway(Backup);
    rig.run(2_000);
    rig.gw_mut().start_takes = Duration::from_secs(5);
    rig.event("1@em0", Master);
    rig.run(100);
    unmanage(&mut rig, 900);
    rig.run(4_000);
    rig.event("1@em0", Backup);
    rig.run(60_000);
    assert_eq!((rig.running(), rig.gw().starts, rig.gw().stops), (true, 1, 0));
    assert_eq!(rig.status().services[0].last_action, None);
}

#[test]
fn the_gate_is_open_meanwhile() {
    let mut core = Core::new(policy(vec![service("gw", &["1@em0"])]), Loaded::Journal(Journal::default()), at(0));
    core.step(Input::Tick, at(0));
    core.step(Input::Read { result: Ok(snapshot(&[("1@em0", Backup)])), log: vec![] }, at(0));
    assert!(!core.may_run(&gw()).0);
    let request = Request::ServiceUnmanage { service: gw(), until: at(60_000).wall, reason: String::new() };
    core.step(Input::Request { id: 1, by: "anna".into(), request }, at(0));
    assert!(core.may_run(&gw()).0 && core.may_run(&gw()).1.contains("anna"));
    core.step(Input::Tick, at(60_000));
    assert!(core.may_run(&gw()).0, "the disk has not answered yet");
    core.step(Input::Persisted { seq: 1, result: Ok(()) }, at(60_000));
    assert!(!core.may_run(&gw()).0);
}

#[test]
fn a_sick_node_gets_no_vip_back_because_somebody_repairs_its_service() {
    let mut sick = service("gw", &["1@em0"]);
    sick.probes.push(ProbePolicy {
        name: "http".into(),
        source: ProbeSource::Run,
        every: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        rise: 1,
        fall: 1,
        grace: Duration::ZERO,
        effect: ProbeEffect::Demote { amount: ShareAmount::FULL, dwell: Duration::ZERO },
    });
    let mut rig = Rig::new(policy(vec![sick]), &[("1@em0", Master)]);
    rig.run(2_000);
    rig.gw_mut().healthy = false;
    rig.run(5_000);
    assert_eq!(rig.sum() & !15, 240);
    unmanage(&mut rig, 60);
    rig.gw_mut().healthy = true;
    rig.run(30_000);
    assert_eq!(rig.sum() & !15, 240, "nobody has judged it since");
    rig.run(60_000);
    assert_eq!(rig.sum(), 0);
}

#[test]
fn carpd_that_ends_stands_nothing_down_that_a_person_has() {
    let mut exits = service("gw", &["1@em0"]);
    exits.on_exit = OnExit::Standby;
    let mut rig = Rig::new(policy(vec![exits]), &[("1@em0", Master)]);
    rig.run(5_000);
    unmanage(&mut rig, 900);
    rig.run(1_000);
    rig.feed(Input::Shutdown);
    rig.run(1_000);
    assert!(rig.daemon.exited && rig.running());
}

#[test]
fn what_cannot_be_done_is_refused_and_changes_nothing() {
    let mut rig = Rig::gateway(Backup);
    rig.run(2_000);
    assert!(matches!(unmanage(&mut rig, 0), Reply::Failed { text } if text.contains("past")));
    let until = rig.now.wall + Duration::from_secs(60);
    for request in [
        Request::ServiceUnmanage { service: "other".parse().unwrap(), until, reason: String::new() },
        Request::ServiceManage { service: "other".parse().unwrap() },
    ] {
        assert!(matches!(rig.request(request), Reply::Failed { text } if text.ends_with("the configuration has gw")));
    }
    rig.around.disk.fault = Some("no space".into());
    assert!(matches!(unmanage(&mut rig, 60), Reply::Failed { text } if text.contains("no space")));
    assert_eq!(rig.status().services[0].unmanaged, None);
    rig.gw_mut().running = true;
    rig.run(10_000);
    assert!(!rig.running());
}

#[test]
fn who_asks_again_gets_another_end_for_the_same_reason() {
    let mut rig = in_hands(Backup);
    let until = rig.now.wall + Duration::from_secs(60);
    rig.request(Request::ServiceUnmanage { service: gw(), until, reason: String::new() });
    let taken = rig.status().services[0].unmanaged.clone().unwrap();
    assert_eq!((taken.reason.as_str(), taken.until), ("adoption", until));
}

proptest! {
    #[test]
    fn whatever_happens_a_service_in_a_persons_hands_is_left_alone(
        steps in prop::collection::vec((0..9u8, 0..8_000u64), 1..40),
    ) {
        let mut rig = Rig::gateway(Backup);
        for (what, wait) in steps {
            match what {
                0 => drop(unmanage(&mut rig, 20)),
                1 => drop(manage(&mut rig)),
                2 => rig.event("1@em0", Master),
                3 => rig.event("1@em0", Backup),
                4 => rig.gw_mut().running = true,
                5 => rig.gw_mut().running = false,
                6 => rig.restart(),
                7 => rig.now.wall = rig.now.wall + Duration::from_secs(15),
                _ => rig.around.disk.fault = rig.around.disk.fault.take().map_or(Some("full".into()), |_| None),
            }
            rig.run(wait);
            prop_assert_eq!(rig.daemon.meddled.take(), None);
        }
    }
}
