use std::time::Duration;

use super::{Pair, VIP4, VIP6};
use crate::lab::world::{Family, NodeId, VhidSettings, WorldConfig};
use crate::model::CarpState::{Backup, Master};
use crate::model::{AdvBase, AdvSkew, CarpKey, Demotion};

#[test]
fn different_addresses_or_keys_make_two_masters_and_badauth() {
    let change_key = |pair: &mut Pair| {
        let key = Some(CarpKey::from_password(b"other"));
        let settings = VhidSettings { key, advskew: AdvSkew::new(100).unwrap(), ..VhidSettings::default() };
        pair.world.set_vhid(pair.b, &pair.vip.clone(), &settings).unwrap();
    };
    let add_address = |pair: &mut Pair| pair.add(pair.b, "192.0.2.3/24").unwrap();
    for change in [change_key as fn(&mut Pair), add_address] {
        let mut pair = Pair::settled(&[VIP4]);
        change(&mut pair);
        pair.run(10.0);
        assert_eq!(pair.states(), [Master, Master]);
        let counters = pair.world.snapshot(pair.a).unwrap().counters;
        assert!(counters.badauth > 3 && counters.badvhid == 0, "{counters:?}");
    }
}

#[test]
fn the_order_and_the_prefix_length_of_addresses_do_not_matter() {
    let mut pair = Pair::fresh(WorldConfig::default(), &[]);
    for (node, vips) in [(pair.a, ["192.0.2.1/24", "192.0.2.2/24"]), (pair.b, ["192.0.2.2/32", "192.0.2.1/32"])] {
        for vip in vips {
            pair.add(node, vip).unwrap();
        }
    }
    pair.run(10.0);
    assert_eq!(pair.states(), [Master, Backup]);
}

#[test]
fn an_advert_for_a_vhid_of_somebody_else_counts_as_badvhid() {
    let mut pair = Pair::settled(&[VIP4]);
    let other = "2@em0".parse::<crate::model::VhidRef>().unwrap();
    pair.world.set_vhid(pair.a, &other, &VhidSettings::default()).unwrap();
    pair.world.add_address(pair.a, &pair.em0.clone(), "192.0.2.2/24".parse().unwrap(), Some(other.vhid)).unwrap();
    pair.run(10.0);
    let counters = pair.world.snapshot(pair.b).unwrap().counters;
    assert!((5..=8).contains(&counters.badvhid) && counters.badauth == 0, "{counters:?}");
}

#[test]
fn a_family_whose_adverts_are_lost_makes_the_vhid_flap() {
    let mut pair = Pair::settled(&[VIP4, VIP6]);
    pair.world.block_incoming(pair.b, &pair.em0.clone(), Family::V6, true).unwrap();
    pair.carp_events(pair.b);
    pair.run(60.0);
    let masters = pair.carp_events(pair.b).iter().filter(|(_, state)| state == "MASTER").count();
    assert!((10..=18).contains(&masters), "{masters} times MASTER in a minute");
    assert_eq!(pair.states()[0], Master, "the real one is not impressed");
}

#[test]
fn removing_the_ipv4_half_of_a_backup_makes_it_master_for_a_moment() {
    // Its IPv4 timer runs on: carp_sc_state() stops timers only on the way down.
    let mut pair = Pair::settled(&[VIP4, VIP6]);
    let em0 = pair.em0.clone();
    pair.carp_events(pair.b);
    for node in [pair.a, pair.b] {
        pair.world.remove_address(node, &em0, "192.0.2.1".parse().unwrap()).unwrap();
    }
    pair.run(5.0);
    let states: Vec<_> = pair.carp_events(pair.b).into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["INIT", "BACKUP", "MASTER", "BACKUP"]);
}

#[test]
fn equal_adverts_that_cross_make_both_step_down() {
    let mut pair = Pair::settled(&[VIP4]);
    let settings = VhidSettings { key: None, ..VhidSettings::default() };
    pair.world.set_vhid(pair.b, &pair.vip.clone(), &settings).unwrap();
    pair.world.partition(pair.lan, &[&[pair.a]]);
    pair.run(5.0);
    assert_eq!(pair.states(), [Master, Master]);
    pair.world.heal(pair.lan);
    for node in [pair.a, pair.b] {
        pair.world.add_demotion(node, Demotion::ZERO).unwrap();
    }
    pair.run(0.01);
    assert_eq!(pair.states(), [Backup, Backup]);
}

#[test]
fn a_master_that_advertises_too_slowly_is_not_waited_for() {
    let mut pair = Pair::settled(&[VIP4]);
    pair.world.set_preempt(pair.b, false).unwrap();
    let settings = VhidSettings { advbase: AdvBase::new(10), ..VhidSettings::default() };
    pair.world.set_vhid(pair.a, &pair.vip.clone(), &settings).unwrap();
    pair.run(1.1);
    let lines: Vec<&str> = pair.world.kernel_messages(pair.b).collect();
    assert_eq!(lines.last(), Some(&"carp: 1@em0: BACKUP -> MASTER (master will time out)"));
}

#[test]
fn three_send_errors_demote_and_three_successes_take_it_back() {
    let mut pair = Pair::settled(&[VIP4]);
    // Nobody takes over, so the MASTER keeps sending.
    pair.world.power_off(pair.b);
    pair.world.block_outgoing(pair.a, &pair.em0.clone(), Family::V4, true).unwrap();
    pair.run(1.9);
    assert_eq!(pair.demotion(pair.a), 0);
    pair.run(1.2);
    assert_eq!(pair.demotion(pair.a), 240);
    pair.world.block_outgoing(pair.a, &pair.em0.clone(), Family::V4, false).unwrap();
    pair.run(3.0 * 1.94 + 0.1);
    assert_eq!(pair.demotion(pair.a), 0);
    let lines: Vec<&str> = pair.world.kernel_messages(pair.a).collect();
    assert_eq!(
        lines[lines.len() - 2..],
        ["carp: demoted by 240 to 240 (send error 13 on em0)", "carp: demoted by -240 to 0 (send ok on em0)"]
    );
}

#[test]
fn an_error_in_between_starts_the_count_of_successes_anew() {
    let mut pair = Pair::settled(&[VIP4]);
    let em0 = pair.em0.clone();
    pair.world.power_off(pair.b);
    let send = |pair: &mut Pair, fails: bool, times: u32| {
        pair.world.block_outgoing(pair.a, &em0, Family::V4, fails).unwrap();
        let sent = |pair: &Pair| pair.world.snapshot(pair.a).unwrap().counters.opackets;
        let before = sent(pair);
        while sent(pair) < before + u64::from(times) {
            pair.world.advance_to(pair.world.next_event().unwrap());
        }
    };
    send(&mut pair, true, 2);
    send(&mut pair, false, 2);
    send(&mut pair, true, 1);
    assert_eq!(pair.demotion(pair.a), 240, "two successes forgive nothing");
    // The demotion itself makes the MASTER advertise once more; that one fails, too.
    pair.run(0.001);
    send(&mut pair, false, 2);
    send(&mut pair, true, 1);
    send(&mut pair, false, 2);
    assert_eq!(pair.demotion(pair.a), 240);
    send(&mut pair, false, 1);
    assert_eq!(pair.demotion(pair.a), 0);
}

#[test]
fn an_interface_without_vips_is_not_in_the_group_and_counts_nothing() {
    let mut pair = Pair::settled(&[VIP4]);
    pair.world.remove_address(pair.b, &pair.em0.clone(), "192.0.2.1".parse().unwrap()).unwrap();
    let before = pair.world.snapshot(pair.b).unwrap().counters;
    pair.run(5.0);
    assert_eq!(pair.world.snapshot(pair.b).unwrap().counters, before);
}

#[test]
fn the_newest_vhid_goes_first_when_all_advertise_or_all_are_switched_off() {
    let mut pair = Pair::settled(&[VIP4]);
    let (a, b) = (pair.a, pair.b);
    for (node, skew) in [(a, 0), (b, 100)] {
        let second: crate::model::VhidRef = "2@em0".parse().unwrap();
        let settings = VhidSettings { advskew: AdvSkew::new(skew).unwrap(), ..VhidSettings::default() };
        pair.world.set_vhid(node, &second, &settings).unwrap();
        pair.world.add_address(node, &pair.em0.clone(), "192.0.2.2/24".parse().unwrap(), Some(second.vhid)).unwrap();
    }
    pair.run(5.0);
    let carp = |pair: &mut Pair, node: NodeId| -> Vec<String> {
        let carp = |text: &String| text.contains("CARP");
        pair.texts(node)
            .into_iter()
            .filter(carp)
            .map(|text| text["!system=CARP subsystem=".len()..].trim_end().to_owned())
            .collect()
    };
    carp(&mut pair, a);
    carp(&mut pair, b);
    pair.world.add_demotion(pair.a, Demotion::new(240)).unwrap();
    pair.run(0.01);
    assert_eq!(carp(&mut pair, b), ["2@em0 type=MASTER", "1@em0 type=MASTER"]);
    pair.world.set_allow(pair.b, false).unwrap();
    assert_eq!(carp(&mut pair, b), ["2@em0 type=INIT", "1@em0 type=INIT"]);
    assert_eq!(pair.demotion(pair.b), 480);
}

#[test]
fn a_unicast_peer_hears_and_nobody_else() {
    let mut pair = Pair::settled(&[VIP4]);
    let c = pair.world.add_node("c");
    pair.world.add_interface(c, &pair.em0.clone()).unwrap();
    pair.world.plug(c, &pair.em0.clone(), pair.lan).unwrap();
    pair.configure(c, &[VIP4]);
    let settings = VhidSettings { peer: Some("192.0.2.12".parse().unwrap()), ..VhidSettings::default() };
    pair.world.set_vhid(pair.a, &pair.vip.clone(), &settings).unwrap();
    pair.run(10.0);
    assert_eq!(pair.states(), [Master, Backup]);
    assert_eq!(pair.world.vhid(c, &pair.vip).unwrap().state, Master);
}

#[test]
fn a_one_way_cut_is_one_way() {
    let mut pair = Pair::settled(&[VIP4]);
    pair.world.cut(pair.lan, pair.a, pair.b);
    pair.run(10.0);
    // b no longer hears a, but a hears b, which is slower.
    assert_eq!(pair.states(), [Master, Master]);
    pair.world.add_demotion(pair.a, Demotion::new(240)).unwrap();
    pair.run(3.0);
    assert_eq!(pair.states(), [Backup, Master]);
}

#[test]
fn loss_and_duplication_happen_as_often_as_asked() {
    let mut pair = Pair::settled(&[VIP4]);
    let received = |pair: &Pair| pair.world.snapshot(pair.b).unwrap().counters.ipackets;
    pair.world.set_duplication(pair.lan, 1.0);
    let before = received(&pair);
    pair.run(1000.0);
    let sent = (received(&pair) - before) / 2;
    assert!((990..=1000).contains(&sent), "{sent}");
    pair.world.set_duplication(pair.lan, 0.0);
    pair.world.set_loss(pair.lan, 0.25);
    let before = received(&pair);
    pair.run(1000.0);
    let arrived = received(&pair) - before;
    assert!((700..=800).contains(&arrived), "{arrived}");
}

#[test]
fn in_a_shared_kernel_a_demotion_write_makes_the_other_jails_advertise() {
    for (shared_kernel, heard) in [(true, 1), (false, 0)] {
        let mut pair = Pair::fresh(WorldConfig { shared_kernel, ..WorldConfig::default() }, &[VIP4]);
        pair.run(4.5);
        let before = pair.world.snapshot(pair.b).unwrap().counters.ipackets;
        pair.world.add_demotion(pair.b, Demotion::ZERO).unwrap();
        pair.world.advance(Duration::from_millis(1));
        assert_eq!(pair.world.snapshot(pair.b).unwrap().counters.ipackets - before, heard);
    }
}
