//! Draining: before a shutdown the VIPs are given up, and nothing is started that somebody else is stopping.

use super::*;

/// A MASTER whose gateway runs, told to drain.
fn draining() -> Rig {
    let mut rig = Rig::gateway(Master);
    rig.run(5_000);
    assert!(rig.running());
    assert!(matches!(rig.request(Request::Drain), Reply::Done { .. }));
    rig.run(100);
    rig
}

#[test]
fn a_drained_node_is_demoted_and_says_so() {
    let mut rig = draining();
    assert_eq!(rig.sum() & !15, 240);
    let status = rig.status();
    assert!(status.draining && status.verdict.problems.iter().any(|p| p.what.contains("draining")));
    assert!(status.demotion.reasons.iter().any(|part| part.name == "drain" && part.value == 240));
    rig.assert_sum_adds_up();
    assert!(matches!(rig.request(Request::Drain), Reply::Done { text } if text == "already draining"));
    rig.run(100);
    assert_eq!(rig.kernel.writes.len(), 1);
}

#[test]
fn what_a_shutdown_stops_is_not_started_again_and_no_crash() {
    let mut rig = draining();
    let starts = rig.gw().starts;
    rig.gw_mut().running = false;
    rig.run(120_000);
    assert_eq!((rig.running(), rig.gw().starts, rig.noted("by itself")), (false, starts, 0));
    let status = rig.status();
    assert_eq!(status.services[0].deaths, 0);
    assert!(status.verdict.problems.iter().all(|p| !p.what.contains("gw")), "{:?}", status.verdict);
}

#[test]
fn a_drained_node_that_becomes_master_again_starts_nothing() {
    let mut rig = draining();
    rig.event("1@em0", Backup);
    rig.run(5_000);
    let starts = rig.gw().starts;
    // The peer has died meanwhile.
    rig.event("1@em0", Master);
    rig.run(60_000);
    assert_eq!((rig.running(), rig.gw().starts), (false, starts));
}

#[test]
fn i1_when_the_vip_leaves_a_drained_node_its_service_is_stopped_at_once() {
    let mut rig = draining();
    rig.event("1@em0", Backup);
    rig.run(300);
    assert!(!rig.running(), "the peer starts it now, so there is no settle time to wait for");
}

#[test]
fn a_shutdown_that_is_called_off_gives_everything_back() {
    let mut rig = draining();
    rig.gw_mut().running = false;
    rig.run(10_000);
    rig.event("1@em0", Master);
    assert!(matches!(rig.request(Request::DrainCancel), Reply::Done { .. }));
    rig.run(10_000);
    assert_eq!((rig.sum(), rig.running(), rig.status().draining), (0, true, false));
    assert!(matches!(rig.request(Request::DrainCancel), Reply::Done { text } if text == "not draining"));
}

#[test]
fn a_drain_lasts_over_a_crash_of_carpd_and_ends_with_the_boot() {
    let mut rig = draining();
    rig.gw_mut().running = false;
    rig.run(10_000);
    rig.restart();
    rig.run(60_000);
    assert_eq!((rig.sum() & !15, rig.running()), (240, false));
    rig.reboot("second");
    rig.run(10_000);
    assert_eq!((rig.sum(), rig.running(), rig.status().draining), (0, true, false));
}

#[test]
fn a_drain_that_cannot_be_written_down_is_refused_and_changes_nothing() {
    let mut rig = Rig::gateway(Master);
    rig.run(5_000);
    rig.around.disk.fault = Some("no space".into());
    assert!(matches!(rig.request(Request::Drain), Reply::Failed { text } if text.contains("no space")));
    rig.run(100);
    assert_eq!((rig.sum(), rig.status().draining), (0, false));
}
