//! Restarts, reloads, disks and devds.

use super::*;

#[test]
fn a_devd_that_is_gone_for_long_is_a_warning() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.source(EventSource::Devd, false);
    rig.run(9_000);
    assert_eq!(rig.status().verdict.severity, Severity::Ok);
    rig.run(2_000);
    assert_eq!(rig.status().verdict.severity, Severity::Warning);
    rig.source(EventSource::Devd, true);
    assert_eq!(rig.status().verdict.severity, Severity::Ok);
}

#[test]
fn a_disk_that_has_room_again_is_noticed_although_nothing_waits_to_be_written() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.around.disk.fault = Some("no space left on device".into());
    rig.enter();
    rig.run(20_000);
    assert_eq!(rig.status().verdict.severity, Severity::Critical);
    rig.around.disk.fault = None;
    rig.run(6_000);
    assert_eq!(rig.status().verdict.severity, Severity::Ok);
    let writes = rig.around.disk.writes;
    rig.run(60_000);
    assert_eq!(rig.around.disk.writes, writes, "one write is proof enough");
}

#[test]
fn i3_i4_a_restart_of_carpd_writes_nothing_to_the_kernel() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.enter();
    rig.run(5_000);
    let writes = rig.kernel.writes.len();
    for _ in 0..5 {
        rig.restart();
        rig.run(11_000);
    }
    assert_eq!((rig.kernel.writes.len(), rig.sum()), (writes, 241));
}

#[test]
fn i15_an_unchanged_reload_has_no_effect_at_all() {
    let mut rig = Rig::gateway(Master);
    rig.run(10_000);
    let (notes, policy) = (rig.daemon.notes.len(), rig.policy.clone());
    rig.feed(Input::Reloaded(policy));
    rig.run(100);
    assert_eq!((rig.daemon.notes.len(), rig.gw().starts, rig.kernel.writes.len()), (notes, 1, 0));
}

#[test]
fn a_reload_keeps_what_is_known_of_the_services_that_stay() {
    let mut rig = Rig::gateway(Master);
    rig.run(10_000);
    let mut changed = rig.policy.clone();
    changed.services[0].settle = Duration::from_secs(1);
    changed.services.push(service("second", &["1@em0"]));
    rig.feed(Input::Reloaded(changed));
    rig.run(1_000);
    assert_eq!((rig.gw().starts, rig.gw().stops), (1, 0));
    assert!(rig.status().services.iter().all(crate::core::status::ServiceStatus::as_wanted));
}

#[test]
fn stopping_carpd_leaves_services_or_stands_them_down_as_configured() {
    for on_exit in [OnExit::Leave, OnExit::Standby] {
        let mut gw = service("gw", &["1@em0"]);
        gw.on_exit = on_exit;
        let mut rig = Rig::new(policy(vec![gw]), &[("1@em0", Master)]);
        rig.run(2_000);
        rig.feed(Input::Shutdown);
        rig.run(1_000);
        assert!(rig.daemon.exited);
        assert_eq!(rig.running(), on_exit == OnExit::Leave);
        assert!(rig.kernel.writes.is_empty());
    }
}

#[test]
fn a_configured_vhid_that_the_kernel_lacks_is_shown_as_absent() {
    let mut declared = policy(vec![service("gw", &["9@em9"])]);
    declared.vhids = vec!["9@em9".parse().unwrap()];
    let mut rig = Rig::new(declared, &[("1@em0", Master)]);
    rig.run(1_000);
    let status = rig.status();
    assert_eq!(status.vhids[1].state, crate::core::status::VhidState::Absent);
    assert_eq!(status.verdict.severity, Severity::Warning);
    assert!(!rig.running());
}

#[test]
fn a_slow_disk_keeps_nobody_awake() {
    let mut core = Core::new(policy(vec![]), Loaded::Journal(Journal::default()), at(0));
    core.step(Input::Tick, at(0));
    let read = || Input::Read { result: Ok(snapshot(&[("1@em0", Backup)])), log: vec![] };
    core.step(read(), at(0));
    core.step(Input::Persisted { seq: 1, result: Ok(()) }, at(0));
    let until = Some(at(2_000).wall);
    let request = Request::MaintenanceEnter { reason: String::new(), until, force: false };
    let effects = core.step(Input::Request { id: 1, by: "anna".into(), request }, at(1_000));
    assert!(matches!(effects[..], [Effect::Persist { seq: 2, .. }]), "{effects:?}");
    // The share is wrong and the maintenance has run out, but both have to wait for the disk.
    core.step(Input::Tick, at(5_000));
    core.step(read(), at(5_000));
    assert_eq!(core.next_wake(at(6_000)), at(10_000).mono);
}

#[test]
fn the_title_of_the_process_tells_the_states_in_a_few_words() {
    let mut rig = Rig::new(policy(Vec::new()), &[("1@em0", Master), ("3@em1", Backup), ("4@em1", Backup)]);
    rig.run(100);
    assert_eq!(rig.daemon.title(), "fw1 1 MASTER 2 BACKUP");
    rig.enter();
    rig.request(Request::Drain);
    rig.run(100);
    assert_eq!(rig.daemon.title(), "fw1 1 MASTER 2 BACKUP, maintenance, draining");
    rig.kernel.look = None;
    rig.run(6_000);
    assert!(rig.daemon.title().starts_with("fw1 unknown"));
}

#[test]
fn devd_is_not_missed_while_nlsysevent_announces_every_change() {
    let mut rig = Rig::gateway(Master);
    rig.source(EventSource::Rtnetlink, true);
    rig.source(EventSource::Nlsysevent, true);
    rig.run(2_000);
    rig.source(EventSource::Devd, false);
    assert_eq!(rig.noted("lost the connection to devd; another source announces every change"), 1);
    rig.run(60_000);
    assert_eq!(rig.status().verdict.severity, Severity::Ok);
    rig.source(EventSource::Nlsysevent, false);
    assert_eq!(rig.noted("lost the connection to nlsysevent; until it is back, what rtnetlink does not tell"), 1);
    rig.run(11_000);
    let status = rig.status();
    assert_eq!((status.verdict.severity, status.events.connected), (Severity::Warning, false));
    assert_eq!(status.events.sources, [EventSource::Rtnetlink]);
    assert!(status.verdict.problems[0].effect.contains("rtnetlink"), "{:?}", status.verdict);
}

#[test]
fn the_kernel_is_read_again_when_any_source_comes_or_goes() {
    for source in EventSource::ALL {
        let mut rig = Rig::gateway(Backup);
        rig.run(2_000);
        rig.vhid("1@em0", Master);
        rig.source(source, true);
        rig.run(1_000);
        assert!(rig.running(), "{source} came");
        rig.vhid("1@em0", Backup);
        rig.source(source, false);
        rig.run(4_500);
        assert!(!rig.running(), "{source} went");
    }
}
