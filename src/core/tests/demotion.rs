//! The ledger, and all that demotes.

use super::*;

/// A probe every second that demotes by 96 while it is unhealthy.
fn demoting_probe(rise: u32, fall: u32) -> ProbePolicy {
    ProbePolicy {
        name: "http".into(),
        source: ProbeSource::Run,
        every: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        rise,
        fall,
        grace: Duration::ZERO,
        effect: ProbeEffect::Demote { amount: ShareAmount::new(96).unwrap(), dwell: Duration::ZERO },
    }
}

#[test]
fn a_node_that_holds_itself_back_for_its_health_is_never_well() {
    let mut gw = service("gw", &["1@em0"]);
    gw.probes.push(demoting_probe(1, 1));
    let mut rig = Rig::new(policy(vec![gw]), &[("1@em0", Master)]);
    rig.run(2_000);
    rig.gw_mut().healthy = false;
    rig.run(3_000);
    rig.event("1@em0", Backup);
    rig.run(30_000);
    assert!(!rig.running() && rig.sum() >= 96);
    assert_eq!(rig.status().verdict.severity, Severity::Warning);
}

#[test]
fn a_reply_says_so_if_the_demotion_has_to_wait() {
    let mut rig = Rig::gateway(Backup);
    rig.run(1_000);
    rig.enter();
    rig.run(1_000);
    let text = |reply| if let Reply::Done { text } = reply { text } else { panic!("{reply:?}") };
    rig.kernel.refuses = true;
    assert_eq!(text(rig.leave()), "maintenance left");
    rig.run(100);
    rig.enter();
    assert_eq!(text(rig.leave()), "maintenance left; the demotion follows");
    rig.kernel.refuses = false;
    rig.run(6_000);
    assert_eq!(rig.sum(), 0);
    assert_eq!(rig.noted("left by"), 2);
    let until = Some(rig.now.wall + Duration::from_secs(60));
    rig.request(Request::MaintenanceEnter { reason: String::new(), until, force: false });
    rig.run(70_000);
    assert_eq!((rig.noted("left by"), rig.noted("left: its end was reached")), (2, 1));
}

#[test]
fn i5_after_a_crash_at_any_point_the_share_is_neither_doubled_nor_lost() {
    // The daemon dies after the n-th of: journal announced, kernel written, journal confirmed.
    for crash_after in 0..=3 {
        for foreign in [0, 240, -240] {
            let mut rig = Rig::gateway(Master);
            rig.run(1_000);
            rig.add_foreign(foreign);
            rig.run(6_000);
            let before = rig.around.disk.journal.clone();
            rig.enter();
            rig.run(100);
            let after = rig.around.disk.journal.clone();
            let announced = Journal {
                share: before.share,
                pending: Some(crate::core::journal::Pending { to: after.share, sum_before: Demotion::new(foreign) }),
                ..after.clone()
            };
            let (journal, sum) = match crash_after {
                0 => (before, foreign),
                1 => (announced, foreign),
                2 => (announced, foreign + 241),
                _ => (after, foreign + 241),
            };
            rig.around.disk.journal = journal;
            rig.kernel.look.as_mut().unwrap().sysctls.demotion = Demotion::new(sum);
            rig.restart();
            rig.run(6_000);
            let expected = if crash_after == 0 { 0 } else { 240 };
            assert_eq!(rig.sum() & !15, foreign + expected, "crash after {crash_after}, foreign {foreign}");
            rig.assert_sum_adds_up();
        }
    }
}

#[test]
fn an_absolute_reset_by_somebody_else_is_noticed_and_only_our_share_put_back() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.enter();
    rig.run(100);
    rig.kernel.look.as_mut().unwrap().sysctls.demotion = Demotion::ZERO;
    rig.run(6_000);
    assert_eq!(rig.sum() & !15, 240);
    assert_eq!(rig.noted("took carpd's share"), 1);
    rig.add_foreign(-240);
    rig.run(12_000);
    assert_eq!(rig.sum() & !15, 0, "a foreign negative amount stays");
    rig.assert_sum_adds_up();
}

#[test]
fn a_look_from_before_the_own_write_is_not_taken_for_a_reset() {
    // Answers come in the order that suits worst: a look that is asked for during a write is answered after it.
    let mut core = Core::new(policy(Vec::new()), Loaded::Journal(Journal::default()), at(0));
    let look = |sum: i32| {
        let mut look = snapshot(&[("1@em0", Master)]);
        look.sysctls.demotion = Demotion::new(sum);
        Input::Read { result: Ok(look), log: Vec::new() }
    };
    let hint = || Input::Hint { source: EventSource::Rtnetlink, changes: Vec::new() };
    let persisted = |effects: &[Effect]| {
        let seq = effects.iter().find_map(|e| if let Effect::Persist { seq, .. } = e { Some(*seq) } else { None });
        Input::Persisted { seq: seq.unwrap(), result: Ok(()) }
    };
    core.step(Input::Tick, at(0));
    let written = core.step(look(0), at(0));
    core.step(persisted(&written), at(0));
    let request = Request::MaintenanceEnter { reason: String::new(), until: None, force: false };
    let written = core.step(Input::Request { id: 1, by: "root".into(), request }, at(100));
    core.step(persisted(&written), at(100));
    let announced = core.step(look(0), at(100));
    assert!(core.step(hint(), at(200)).contains(&Effect::Read { log: false }));
    let added = core.step(persisted(&announced), at(200));
    assert!(added.contains(&Effect::AddDemotion { delta: Demotion::new(241) }));
    let mut effects = core.step(Input::DemotionAdded { result: Ok(()) }, at(200));
    effects.extend(core.step(look(0), at(200)));
    assert!(!effects.iter().any(|e| matches!(e, Effect::AddDemotion { .. })));
    assert_eq!(core.status(at(200)).demotion.reasons.iter().map(|part| part.value).sum::<i32>(), 0);
    core.step(hint(), at(300));
    core.step(look(241), at(300));
    let reasons = core.status(at(300)).demotion.reasons;
    assert_eq!((reasons[0].name.as_str(), reasons[0].value, reasons.len()), ("maintenance", 240, 2));
}

#[test]
fn leaving_right_after_somebody_s_reset_takes_nothing_from_others() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.enter();
    rig.run(8_000);
    rig.kernel.look.as_mut().unwrap().sysctls.demotion = Demotion::new(480);
    rig.leave();
    rig.run(100);
    assert_eq!(rig.sum(), 480);
    rig.assert_sum_adds_up();
}

#[test]
fn an_unhealthy_service_demotes_by_its_named_share_until_it_is_healthy() {
    let mut gw = service("gw", &["1@em0"]);
    gw.probes.push(demoting_probe(2, 3));
    let mut rig = Rig::new(policy(vec![gw]), &[("1@em0", Master)]);
    rig.run(5_000);
    assert_eq!(rig.sum(), 0);
    rig.gw_mut().healthy = false;
    rig.run(5_000);
    assert_eq!(rig.sum() & !15, 96);
    let reasons = rig.status().demotion.reasons;
    assert_eq!((reasons[0].name.as_str(), reasons[0].value), ("health:gw/http", 96));
    rig.gw_mut().healthy = true;
    rig.run(5_000);
    assert_eq!(rig.sum(), 0);
}

#[test]
fn i3_i4_a_restart_keeps_the_demotion_of_an_unhealthy_service() {
    let mut gw = service("gw", &["1@em0"]);
    gw.probes.push(demoting_probe(2, 3));
    let mut rig = Rig::new(policy(vec![gw]), &[("1@em0", Master)]);
    rig.gw_mut().healthy = false;
    rig.run(10_000);
    rig.event("1@em0", Backup);
    rig.run(10_000);
    let writes = rig.kernel.writes.len();
    for _ in 0..3 {
        rig.restart();
        rig.run(20_000);
        assert_eq!((rig.sum() & !15, rig.kernel.writes.len()), (96, writes));
        rig.assert_sum_adds_up();
    }
    rig.gw_mut().healthy = true;
    rig.event("1@em0", Master);
    rig.run(10_000);
    assert_eq!(rig.sum(), 0);
    rig.gw_mut().healthy = false;
    rig.run(10_000);
    rig.reboot("second");
    rig.run(1_000);
    assert_eq!(rig.sum(), 0, "a new boot is a new service");
}

#[test]
fn i20_the_boot_hold_ends_at_its_limit_or_when_the_node_is_master() {
    let mut held = policy(Vec::new());
    held.boot_hold = Duration::from_secs(60);
    let mut rig = Rig::new(held, &[("1@em0", Backup)]);
    rig.run(1_000);
    assert_eq!(rig.sum(), 0, "the first start of all holds nothing back");
    rig.reboot("second");
    rig.run(1_000);
    assert_eq!(rig.sum() & !15, 240);
    rig.restart();
    rig.run(60_000);
    assert_eq!(rig.sum(), 0, "a restart of carpd does not prolong it");
    rig.reboot("third");
    rig.run(1_000);
    rig.event("1@em0", Master);
    rig.run(500);
    assert_eq!(rig.sum(), 0);
}

#[test]
fn a_refused_write_to_the_kernel_is_tried_again() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.kernel.refuses = true;
    rig.enter();
    rig.run(12_000);
    assert_eq!(rig.sum(), 0);
    rig.kernel.refuses = false;
    rig.run(6_000);
    assert_eq!(rig.sum() & !15, 240);
}
