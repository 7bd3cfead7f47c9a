//! What the kernel, its administrator and other programs do to a running carpd.

use super::*;
use crate::core::status::VhidState;

#[test]
fn a_write_that_is_not_permitted_is_told_once_shown_and_tried_with_growing_pauses() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.kernel.refuses = true;
    rig.enter();
    rig.run(600_000);
    assert_eq!((rig.sum(), rig.kernel.writes.len()), (0, 0), "nothing is written in another way");
    assert_eq!(rig.noted("the share stays"), 1);
    let verdict = rig.status().verdict;
    assert_eq!(verdict.severity, Severity::Critical);
    let refused = verdict.problems.iter().find(|problem| problem.what.contains("refuses")).unwrap();
    assert!(refused.what.contains("net.inet.carp.demotion") && refused.next.contains("root"), "{refused:?}");
    rig.assert_sum_adds_up();
    rig.kernel.refuses = false;
    rig.run(61_000);
    assert_eq!((rig.kernel.writes.len(), rig.sum() & !15), (1, 240), "one write, within a minute");
    assert!(rig.status().verdict.problems.iter().all(|problem| !problem.what.contains("refuses")));
}

#[test]
fn a_refusal_is_forgotten_when_nothing_is_wanted_any_more() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.kernel.refuses = true;
    rig.enter();
    rig.run(10_000);
    rig.leave();
    rig.run(1_000);
    assert_eq!(rig.status().verdict.severity, Severity::Ok);
    rig.enter();
    rig.run(20_000);
    assert_eq!(rig.noted("the share stays"), 2, "a new wish, a new message");
}

#[test]
fn what_others_add_during_our_write_stays_theirs() {
    for theirs in [240, -240, 480, 1 << 20] {
        let mut rig = Rig::gateway(Master);
        rig.run(1_000);
        rig.kernel.meanwhile = Some(theirs);
        rig.enter();
        rig.run(6_000);
        assert_eq!(rig.sum() & !15, theirs + 240);
        rig.assert_sum_adds_up();
        rig.kernel.meanwhile = Some(rig.sum() + 240);
        rig.leave();
        rig.run(6_000);
        assert_eq!(rig.sum(), theirs + 240);
        rig.assert_sum_adds_up();
    }
}

#[test]
fn a_reset_by_somebody_else_during_our_write_takes_nothing_from_others() {
    for (foreign, reset) in [(0, 0), (480, 480), (240, 0)] {
        let mut rig = Rig::gateway(Master);
        rig.run(1_000);
        rig.add_foreign(foreign);
        rig.enter();
        rig.run(6_000);
        rig.kernel.meanwhile = Some(reset);
        rig.leave();
        rig.run(6_000);
        assert_eq!(rig.sum(), reset, "the reset of {foreign} to {reset} counts, and our share is gone");
        assert_eq!(rig.noted("while carpd changed its share"), 1);
        rig.assert_sum_adds_up();
    }
}

#[test]
fn a_module_that_is_unloaded_and_loaded_again_is_told_once_and_survived() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.enter();
    rig.run(2_000);
    let loaded = rig.kernel.look.take();
    rig.run(10_000);
    assert!(rig.running(), "one failed read stops nothing");
    assert_eq!((rig.noted("kldload carp"), rig.gw().stops), (1, 0));
    let verdict = rig.status().verdict;
    assert!(verdict.problems[0].what.contains("kldload carp"), "{verdict:?}");
    assert_eq!(rig.status().vhids[0].state, VhidState::Unknown);
    rig.run(10_000);
    assert!(!rig.running(), "unknown for longer than its grace is not MASTER");
    assert_eq!(rig.kernel.writes, [241], "nothing is written to a kernel that cannot be read");
    // The module begins with a demotion of 0, and with the vhids that are made anew.
    rig.kernel.look = loaded;
    rig.kernel.look.as_mut().unwrap().sysctls.demotion = Demotion::ZERO;
    rig.run(10_000);
    assert_eq!((rig.sum() & !15, rig.running()), (240, true));
    assert_eq!(rig.noted("the kernel can be read again"), 1);
    rig.assert_sum_adds_up();
}

#[test]
fn a_kernel_without_carp_at_the_start_is_told_with_the_remedy_and_waited_for() {
    let mut rig = Rig::gateway(Master);
    let loaded = rig.kernel.look.take();
    rig.daemon = SimDaemon::start(rig.policy.clone(), &rig.around, rig.now);
    rig.run(60_000);
    assert_eq!(rig.noted("kldload carp"), 1);
    assert_eq!(rig.status().verdict.severity, Severity::Critical);
    rig.kernel.look = loaded;
    rig.run(2_000);
    assert!(rig.running());
}

#[test]
fn a_vhid_that_is_deleted_takes_its_service_along_and_nothing_else() {
    let mut both = policy(vec![service("gw", &["1@em0"]), service("other", &["3@em1"])]);
    both.vhids = vec!["1@em0".parse().unwrap(), "3@em1".parse().unwrap()];
    let mut rig = Rig::new(both, &[("1@em0", Master), ("3@em1", Master)]);
    rig.run(5_000);
    let gone = rig.kernel.look.as_mut().unwrap().vhids.remove(0);
    rig.run(15_000);
    assert!(!rig.running());
    assert!(rig.around.services[&"other".parse::<ServiceName>().unwrap()].running);
    assert_eq!(rig.noted("MASTER -> absent"), 1);
    let absent = rig.status().vhids.into_iter().find(|vhid| vhid.interface.as_str() == "em0").unwrap();
    assert_eq!(absent.state, VhidState::Absent);
    assert!(rig.kernel.writes.is_empty(), "that is nothing to demote the node for");
    rig.kernel.look.as_mut().unwrap().vhids.insert(0, gone);
    rig.run(15_000);
    assert!(rig.running());
}

#[test]
fn a_vhid_that_is_deleted_between_a_look_and_our_write_leaves_the_sum_right() {
    let mut rig = Rig::gateway(Init);
    rig.kernel.look.as_mut().unwrap().interfaces[0].link = false;
    rig.add_foreign(240);
    rig.run(6_000);
    // The kernel takes back what the vhid on the dead interface had added, just before we write.
    rig.kernel.look.as_mut().unwrap().vhids.clear();
    rig.kernel.meanwhile = Some(0);
    rig.enter();
    rig.run(6_000);
    assert_eq!(rig.sum() & !15, 240);
    rig.assert_sum_adds_up();
    rig.leave();
    rig.run(6_000);
    assert_eq!(rig.sum(), 0);
}

#[test]
fn an_interface_that_vanishes_or_is_renamed_is_named_with_the_remedy_and_comes_back() {
    let mut declared = policy(vec![service("gw", &["1@em0"])]);
    declared.vhids = vec!["1@em0".parse().unwrap()];
    let mut rig = Rig::new(declared, &[("1@em0", Master)]);
    rig.run(5_000);
    let before = rig.kernel.look.clone();
    let renamed = snapshot(&[("1@wan0", Master)]);
    for (look, remedy) in [(renamed, "vhid 1 on wan0: was em0 renamed?"), (snapshot(&[]), "apply the configuration")] {
        rig.kernel.look = Some(look);
        rig.run(15_000);
        assert!(!rig.running(), "what it follows is not there");
        let problems = rig.status().verdict.problems;
        let absent = problems.iter().find(|problem| problem.what.contains("1@em0")).unwrap();
        assert!(absent.next.contains(remedy), "{absent:?}");
        rig.kernel.look.clone_from(&before);
        rig.run(15_000);
        assert!(rig.running());
        assert_eq!(rig.status().verdict.severity, Severity::Ok);
    }
    assert!(rig.kernel.writes.is_empty());
}

#[test]
fn each_cause_of_an_unreadable_kernel_is_told_once() {
    let mut core = Core::new(policy(Vec::new()), Loaded::Journal(Journal::default()), at(0));
    let mut told = Vec::new();
    for (step, why) in (1u64..).zip(["EBUSY", "EBUSY", "EBUSY", "ENOBUFS", "ENOBUFS", "EBUSY"]) {
        let effects = core.step(Input::Read { result: Err(why.to_owned()), log: Vec::new() }, at(step * 1_000));
        told.extend(
            effects.into_iter().filter_map(|e| if let Effect::Note(note) = e { Some(note.text) } else { None }),
        );
    }
    let expected = ["EBUSY", "ENOBUFS", "EBUSY"].map(|why| format!("the kernel cannot be read: {why}"));
    assert_eq!(told, expected);
}
