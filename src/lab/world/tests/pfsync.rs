use super::{Pair, VIP4};
use crate::lab::world::{NodeId, PfsyncSettings};
use crate::model::{InterfaceName, Snapshot};

/// The pair with a sync link, pf on, and pfsync not yet set.
fn pair() -> (Pair, InterfaceName) {
    let mut pair = Pair::settled(&[VIP4]);
    let em1: InterfaceName = "em1".parse().unwrap();
    let sync = pair.world.add_segment();
    for (node, own) in [(pair.a, "10.0.0.1/30"), (pair.b, "10.0.0.2/30")] {
        pair.world.add_interface(node, &em1).unwrap();
        pair.world.plug(node, &em1, sync).unwrap();
        pair.world.add_address(node, &em1, own.parse().unwrap(), None).unwrap();
        pair.world.set_pf(node, true).unwrap();
    }
    (pair, em1)
}

fn set(pair: &mut Pair, node: NodeId, peer: &str) {
    let settings = PfsyncSettings {
        syncdev: "em1".parse().ok(),
        peer: Some(peer.parse().unwrap()),
        version: 1400,
        ..PfsyncSettings::default()
    };
    pair.world.set_pfsync(node, &settings).unwrap();
}

fn look(pair: &Pair) -> Snapshot {
    pair.world.snapshot(pair.a).unwrap()
}

fn bulk(pair: &Pair) -> (bool, i32) {
    let look = look(pair);
    (look.pfsync.unwrap().in_sync, look.sysctls.demotion.get())
}

#[test]
fn a_living_peer_answers_the_first_request_at_once_and_a_later_one_after_the_retry() {
    let (mut pair, _) = pair();
    let b = pair.b;
    set(&mut pair, b, "10.0.0.1");
    let a = pair.a;
    set(&mut pair, a, "10.0.0.2");
    assert_eq!(bulk(&pair), (false, 240));
    pair.run(0.4);
    assert_eq!(bulk(&pair), (true, 0));
    set(&mut pair, a, "10.0.0.2");
    pair.run(4.9);
    assert_eq!(bulk(&pair), (false, 240));
    pair.run(0.2);
    assert_eq!(bulk(&pair), (true, 0));
}

#[test]
fn without_an_answer_pfsync_gives_up_after_65_seconds_and_claims_success() {
    let (mut pair, _) = pair();
    let a = pair.a;
    set(&mut pair, a, "10.0.0.2");
    pair.run(64.9);
    assert_eq!(bulk(&pair), (false, 240));
    pair.run(0.5);
    assert_eq!(bulk(&pair), (true, 0));
    assert_eq!(pair.world.kernel_messages(a).last(), Some("carp: demoted by -240 to 0 (pfsync bulk fail)"));
}

#[test]
fn a_peer_that_dies_during_the_transfer_is_waited_for_much_longer() {
    let (mut pair, _) = pair();
    let (a, b) = (pair.a, pair.b);
    set(&mut pair, b, "10.0.0.1");
    pair.world.set_pf_states(b, 30_000).unwrap();
    set(&mut pair, a, "10.0.0.2");
    pair.run(1.0);
    pair.world.power_off(b);
    // 4 s, and the limit of states in ticks; then the remaining requests.
    pair.run(37.0);
    assert_eq!(bulk(&pair), (false, 240));
    pair.run(62.0);
    assert_eq!(bulk(&pair), (true, 0));
}

#[test]
fn pf_has_to_be_enabled_at_both_ends() {
    for off in [0, 1] {
        let (mut pair, _) = pair();
        let (a, b) = (pair.a, pair.b);
        set(&mut pair, b, "10.0.0.1");
        pair.run(70.0);
        pair.world.set_pf([a, b][off], false).unwrap();
        set(&mut pair, a, "10.0.0.2");
        pair.run(64.0);
        assert_eq!(bulk(&pair), (false, 240));
    }
}

#[test]
fn an_answer_to_an_older_request_does_not_count() {
    let (mut pair, _) = pair();
    let (a, b) = (pair.a, pair.b);
    set(&mut pair, b, "10.0.0.1");
    pair.run(70.0);
    // 6000 packets, one per tick of 1 ms.
    pair.world.set_pf_states(b, 18_000).unwrap();
    set(&mut pair, a, "10.0.0.2");
    pair.run(3.0);
    set(&mut pair, a, "10.0.0.2");
    pair.run(4.5);
    assert_eq!(bulk(&pair), (false, 240), "the answer to the first came after 6 s");
    pair.run(7.5);
    assert_eq!(bulk(&pair), (true, 0), "the retry 5 s after the second was answered 6 s later");
}

#[test]
fn a_lost_sync_interface_switches_pfsync_off() {
    let (mut pair, em1) = pair();
    let a = pair.a;
    set(&mut pair, a, "10.0.0.2");
    pair.world.destroy_interface(a, &em1).unwrap();
    assert_eq!(look(&pair).pfsync.unwrap().syncdev, None);
}

#[test]
fn an_unknown_version_or_syncdev_is_refused() {
    let (mut pair, _) = pair();
    let unknown = [("em1", 1234), ("em9", 1400)];
    for (syncdev, version) in unknown {
        let settings =
            PfsyncSettings { syncdev: syncdev.parse().ok(), peer: None, version, ..PfsyncSettings::default() };
        assert_eq!(pair.world.set_pfsync(pair.a, &settings).unwrap_err().errno(), 22);
    }
    assert_eq!(bulk(&pair), (true, 0));
}
