use std::time::Duration;

use super::{Pair, VIP4, VIP6};
use crate::lab::world::{ForcedState, LabError, VhidSettings, World, WorldConfig};
use crate::model::CarpState::{Backup, Init, Master};
use crate::model::{Demotion, LinkState, Mono};

#[test]
fn the_node_with_the_lowest_advskew_becomes_master_first() {
    let mut pair = Pair::fresh(WorldConfig::default(), &[VIP4]);
    pair.run(2.9);
    assert_eq!(pair.states(), [Backup, Backup]);
    pair.run(0.2);
    assert_eq!(pair.states(), [Master, Backup]);
}

#[test]
fn a_silent_death_is_noticed_after_three_intervals_and_the_skew() {
    let mut pair = Pair::settled(&[VIP4]);
    pair.carp_events(pair.b);
    let died = pair.world.now();
    pair.world.power_off(pair.a);
    pair.run(5.0);
    let events = pair.carp_events(pair.b);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].1, "MASTER");
    let waited = events[0].0.since(died);
    assert!((Duration::from_millis(2390)..Duration::from_millis(3400)).contains(&waited), "{waited:?}");
}

#[test]
fn a_boot_forgets_demotion_and_has_another_id() {
    let mut pair = Pair::settled(&[VIP4]);
    pair.world.add_demotion(pair.a, Demotion::new(240)).unwrap();
    let before = pair.world.snapshot(pair.a).unwrap();
    pair.world.power_off(pair.a);
    assert_eq!(pair.world.snapshot(pair.a), Err(LabError::Off("a".to_owned())));
    pair.world.boot(pair.a);
    let after = pair.world.snapshot(pair.a).unwrap();
    assert_ne!(before.boot, after.boot);
    assert!(after.vhids.is_empty() && after.sysctls.demotion == Demotion::ZERO);
    pair.configure(pair.a, &[VIP4]);
    pair.run(5.0);
    assert_eq!(pair.states(), [Master, Backup]);
}

#[test]
fn demotion_moves_the_vip_only_if_the_peer_preempts() {
    for (preempt, expected) in [(true, [Backup, Master]), (false, [Master, Backup])] {
        let mut pair = Pair::settled(&[VIP4]);
        pair.world.set_preempt(pair.b, preempt).unwrap();
        // The demoted node's own switch decides nothing.
        pair.world.set_preempt(pair.a, !preempt).unwrap();
        pair.world.add_demotion(pair.a, Demotion::new(240)).unwrap();
        pair.run(0.01);
        assert_eq!(pair.states(), expected, "preempt {preempt}");
    }
}

#[test]
fn taking_a_demotion_back_waits_for_the_masters_next_advert() {
    let mut pair = Pair::settled(&[VIP4]);
    pair.world.add_demotion(pair.a, Demotion::new(240)).unwrap();
    pair.run(3.0);
    pair.carp_events(pair.a);
    let taken_back = pair.world.now();
    pair.world.add_demotion(pair.a, Demotion::new(-240)).unwrap();
    pair.run(0.01);
    assert_eq!(pair.states(), [Backup, Master]);
    pair.run(1.4);
    assert_eq!(pair.states(), [Master, Backup]);
    let waited = pair.carp_events(pair.a)[0].0.since(taken_back);
    assert!(waited > Duration::from_millis(10), "{waited:?}");
}

#[test]
fn a_pulled_cable_is_seen_a_cut_behind_the_switch_is_not() {
    let mut pair = Pair::settled(&[VIP4]);
    pair.world.unplug(pair.a, &pair.em0.clone()).unwrap();
    assert_eq!(pair.states(), [Init, Backup]);
    assert_eq!(pair.demotion(pair.a), 240);

    let mut pair = Pair::settled(&[VIP4]);
    pair.world.set_far_end(pair.a, &pair.em0.clone(), false).unwrap();
    pair.run(4.0);
    assert_eq!(pair.states(), [Master, Master]);
    assert_eq!(pair.demotion(pair.a), 0);
    pair.world.set_far_end(pair.a, &pair.em0.clone(), true).unwrap();
    pair.run(1.5);
    assert_eq!(pair.states(), [Master, Backup]);
}

#[test]
fn a_tunnel_tells_devd_when_it_is_raised_or_taken_down_and_does_not_survive_a_boot() {
    let mut pair = Pair::settled(&[VIP4]);
    let wg0 = "wg0".parse().unwrap();
    pair.texts(pair.a);
    pair.world.create_tunnel(pair.a, &wg0).unwrap();
    assert_eq!(pair.world.link_state(pair.a, &wg0), Ok(LinkState::Down));
    for up in [true, true, false] {
        pair.world.set_up(pair.a, &wg0, up).unwrap();
    }
    pair.world.set_up(pair.a, &wg0, true).unwrap();
    pair.world.destroy_interface(pair.a, &wg0).unwrap();
    let told = pair.texts(pair.a).concat();
    let kinds: Vec<&str> = told.split("type=").skip(1).filter_map(|rest| rest.lines().next()).collect();
    assert_eq!(kinds, ["ATTACH", "LINK_UP", "LINK_DOWN", "LINK_UP", "LINK_DOWN", "DETACH"], "{told}");
    pair.world.create_tunnel(pair.a, &wg0).unwrap();
    pair.world.power_off(pair.a);
    pair.world.boot(pair.a);
    assert_eq!(pair.world.link_state(pair.a, &wg0), Ok(LinkState::Absent));
}

#[test]
fn a_link_event_reaches_carp_before_devd() {
    let mut pair = Pair::settled(&[VIP4]);
    pair.texts(pair.a);
    pair.world.unplug(pair.a, &pair.em0.clone()).unwrap();
    pair.world.plug(pair.a, &pair.em0.clone(), pair.lan).unwrap();
    assert_eq!(
        pair.texts(pair.a),
        [
            "!system=CARP subsystem=1@em0 type=INIT\n",
            "!system=IFNET subsystem=em0 type=ADDR_DEL address=192.0.2.1\n",
            "!system=IFNET subsystem=em0 type=LINK_DOWN\n",
            "!system=CARP subsystem=1@em0 type=BACKUP\n",
            "!system=IFNET subsystem=em0 type=LINK_UP\n",
        ]
    );
}

#[test]
fn a_forced_state_is_not_sticky_and_init_cannot_be_forced() {
    let mut pair = Pair::settled(&[VIP4]);
    let force = |state| VhidSettings { state: Some(state), ..VhidSettings::default() };
    pair.world.set_vhid(pair.a, &pair.vip.clone(), &force(ForcedState::Backup)).unwrap();
    assert_eq!(pair.states(), [Backup, Backup]);
    pair.run(3.1);
    assert_eq!(pair.states(), [Master, Backup]);

    pair.world.set_up(pair.a, &pair.em0.clone(), false).unwrap();
    pair.world.set_vhid(pair.a, &pair.vip.clone(), &force(ForcedState::Master)).unwrap();
    assert_eq!(pair.states()[0], Init);
}

#[test]
fn settings_are_not_a_patch() {
    let mut pair = Pair::settled(&[VIP4]);
    let peer = "192.0.2.11".parse().unwrap();
    let settings = VhidSettings { peer: Some(peer), ..VhidSettings::default() };
    pair.world.set_vhid(pair.b, &pair.vip.clone(), &settings).unwrap();
    let vhid = pair.world.vhid(pair.b, &pair.vip).unwrap();
    let carp = vhid.carp().unwrap();
    assert_eq!(carp.advskew.get(), 0, "advskew is always applied");
    assert_eq!(carp.peer, Some(peer));
    pair.run(3.0);
    assert_eq!(pair.world.snapshot(pair.b).unwrap().counters.badauth, 0, "the key was kept");
}

#[test]
fn a_refused_address_leaves_what_the_kernel_leaves() {
    let mut pair = Pair::settled(&[VIP4, VIP6]);
    let unknown = Some("2@em0".parse::<crate::model::VhidRef>().unwrap().vhid);
    for vip in [VIP4, VIP6] {
        let refused = pair.world.add_address(pair.a, &pair.em0.clone(), vip.parse().unwrap(), unknown);
        assert_eq!(refused.unwrap_err().errno(), 2);
    }
    assert!(pair.world.vhid(pair.a, &pair.vip).unwrap().addresses.is_empty());
    let em0 = pair.em0.clone();
    let remove = |pair: &mut Pair, address: &str| pair.world.remove_address(pair.a, &em0, address.parse().unwrap());
    assert!(remove(&mut pair, "192.0.2.1").is_err(), "the old IPv4 address is gone");
    assert!(remove(&mut pair, "2001:db8:1::1").is_ok(), "the IPv6 address stays, without its vhid");
}

#[test]
fn an_address_for_a_vhid_of_a_bare_interface_is_refused_differently() {
    let mut world = World::new(WorldConfig::default());
    let (node, em0) = (world.add_node("n"), "em0".parse().unwrap());
    world.add_interface(node, &em0).unwrap();
    let vhid = Some("1@em0".parse::<crate::model::VhidRef>().unwrap().vhid);
    let refused = world.add_address(node, &em0, VIP4.parse().unwrap(), vhid).unwrap_err();
    assert_eq!(refused.errno(), 42);
}

#[test]
fn the_last_address_takes_the_vhid_with_it() {
    let mut pair = Pair::settled(&[VIP4, VIP6]);
    let em0 = pair.em0.clone();
    pair.world.remove_address(pair.a, &em0, "192.0.2.1".parse().unwrap()).unwrap();
    assert_eq!(pair.states()[0], Backup);
    pair.texts(pair.a);
    pair.world.remove_address(pair.a, &em0, "2001:db8:1::1".parse().unwrap()).unwrap();
    assert_eq!(pair.world.vhid(pair.a, &pair.vip).unwrap_err().errno(), 2);
    assert_eq!(
        pair.texts(pair.a),
        [
            "!system=CARP subsystem=1@em0 type=INIT\n",
            "!system=IFNET subsystem=em0 type=ADDR_DEL address=2001:db8:1::1\n",
        ]
    );
}

#[test]
fn equal_seeds_and_calls_give_equal_worlds() {
    let run = |seed| {
        let config = WorldConfig { seed, jitter: Duration::from_millis(5), ..WorldConfig::default() };
        let mut pair = Pair::fresh(config, &[VIP4]);
        pair.world.set_loss(pair.lan, 0.3);
        pair.run(600.0);
        (pair.carp_events(pair.a), pair.carp_events(pair.b))
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn nothing_happens_before_the_next_event() {
    let mut pair = Pair::fresh(WorldConfig::default(), &[VIP4]);
    let mut last = Mono::ZERO;
    while let Some(next) = pair.world.next_event().filter(|next| *next < Mono::from_micros(6_000_000)) {
        assert!(next >= last);
        pair.world.advance_to(next);
        assert_eq!(pair.world.now(), next);
        last = next;
    }
    assert_eq!(pair.states(), [Master, Backup]);
}

#[test]
fn events_that_nobody_fetches_are_given_up_oldest_first() {
    let mut pair = Pair::settled(&[VIP4]);
    let em0 = pair.em0.clone();
    for _ in 0..2000 {
        pair.world.set_up(pair.a, &em0, false).unwrap();
        pair.world.set_up(pair.a, &em0, true).unwrap();
    }
    let texts = pair.texts(pair.a);
    assert_eq!(texts.len(), 1000);
    assert!(texts[999].contains("ADDR_ADD"), "{}", texts[999]);
}

#[test]
fn the_log_names_every_change_and_its_cause() {
    let mut pair = Pair::settled(&[VIP4]);
    pair.world.add_demotion(pair.a, Demotion::new(240)).unwrap();
    pair.run(1.0);
    let lines: Vec<&str> = pair.world.kernel_messages(pair.a).collect();
    assert_eq!(
        lines,
        [
            "carp: 1@em0: INIT -> BACKUP (initialization complete)",
            "carp: 1@em0: BACKUP -> MASTER (master timed out)",
            "carp: demoted by 240 to 240 (sysctl)",
            "carp: 1@em0: MASTER -> BACKUP (more frequent advertisement received)",
        ]
    );
    assert_eq!(
        pair.world.kernel_messages(pair.b).last(),
        Some("carp: 1@em0: BACKUP -> MASTER (preempting a slower master)")
    );
    pair.world.set_log(pair.a, 0).unwrap();
    pair.world.add_demotion(pair.a, Demotion::new(-240)).unwrap();
    assert_eq!(pair.world.kernel_messages(pair.a).count(), 4);
}
