//! What holds whatever administrators and faults do.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Pair, VIP4, VIP6};
use crate::lab::world::{Family, ForcedState, NodeId, VhidSettings, WorldConfig};
use crate::model::{AdvSkew, CarpState, Demotion};

#[derive(Clone, Debug)]
enum Deed {
    Wait(u16),
    Up(usize, bool),
    Cable(usize, bool),
    FarEnd(usize, bool),
    Partition(bool),
    Cut(usize),
    Loss(bool),
    Demote(usize, i8),
    Allow(usize, bool),
    Preempt(usize, bool),
    Address(usize, usize, bool),
    Force(usize, bool),
    Filter(usize, bool, bool),
    Power(usize, bool),
}

fn deed() -> impl Strategy<Value = Deed> {
    let node = 0..2usize;
    prop_oneof![
        4 => (1..4000u16).prop_map(Deed::Wait),
        1 => (node.clone(), any::<bool>()).prop_map(|(n, up)| Deed::Up(n, up)),
        1 => (node.clone(), any::<bool>()).prop_map(|(n, up)| Deed::Cable(n, up)),
        1 => (node.clone(), any::<bool>()).prop_map(|(n, whole)| Deed::FarEnd(n, whole)),
        1 => any::<bool>().prop_map(Deed::Partition),
        1 => node.clone().prop_map(Deed::Cut),
        1 => any::<bool>().prop_map(Deed::Loss),
        1 => (node.clone(), any::<i8>()).prop_map(|(n, by)| Deed::Demote(n, by)),
        1 => (node.clone(), any::<bool>()).prop_map(|(n, allow)| Deed::Allow(n, allow)),
        1 => (node.clone(), any::<bool>()).prop_map(|(n, preempt)| Deed::Preempt(n, preempt)),
        2 => (node.clone(), 0..3usize, any::<bool>()).prop_map(|(n, a, add)| Deed::Address(n, a, add)),
        1 => (node.clone(), any::<bool>()).prop_map(|(n, master)| Deed::Force(n, master)),
        1 => (node.clone(), any::<bool>(), any::<bool>()).prop_map(|(n, v6, block)| Deed::Filter(n, v6, block)),
        1 => (node, any::<bool>()).prop_map(|(n, on)| Deed::Power(n, on)),
    ]
}

const VIPS: [&str; 3] = [VIP4, "192.0.2.2/24", VIP6];

/// The pair, and what its history says about it.
struct Watched {
    pair: Pair,
    /// The last state that devd reported, by node.
    reported: BTreeMap<NodeId, CarpState>,
    /// What was written to the sysctl since boot.
    written: BTreeMap<NodeId, i32>,
}

impl Watched {
    fn new(seed: u64) -> Self {
        let pair = Pair::fresh(WorldConfig { seed, ..WorldConfig::default() }, &VIPS);
        Self { pair, reported: BTreeMap::new(), written: BTreeMap::new() }
    }

    /// Errors are part of the game: an address may be gone, a node may be off.
    fn apply(&mut self, deed: &Deed) {
        let pair = &mut self.pair;
        let (world, em0, vip) = (&mut pair.world, pair.em0.clone(), pair.vip.clone());
        let nodes = [pair.a, pair.b];
        match *deed {
            Deed::Wait(millis) => pair.run(f64::from(millis) / 1000.0),
            Deed::Up(n, up) => _ = world.set_up(nodes[n], &em0, up),
            Deed::Cable(n, true) => _ = world.plug(nodes[n], &em0, pair.lan),
            Deed::Cable(n, false) => _ = world.unplug(nodes[n], &em0),
            Deed::FarEnd(n, whole) => _ = world.set_far_end(nodes[n], &em0, whole),
            Deed::Partition(true) => world.partition(pair.lan, &[&nodes[..1]]),
            Deed::Partition(false) => world.heal(pair.lan),
            Deed::Cut(from) => world.cut(pair.lan, nodes[from], nodes[1 - from]),
            Deed::Loss(lossy) => world.set_loss(pair.lan, if lossy { 0.5 } else { 0.0 }),
            Deed::Demote(n, by) => {
                if world.add_demotion(nodes[n], Demotion::new(by.into())).is_ok() {
                    *self.written.entry(nodes[n]).or_default() += i32::from(by);
                }
            }
            Deed::Allow(n, allow) => _ = world.set_allow(nodes[n], allow),
            Deed::Preempt(n, preempt) => _ = world.set_preempt(nodes[n], preempt),
            Deed::Address(n, a, true) => _ = pair.add(nodes[n], VIPS[a]),
            Deed::Address(n, a, false) => {
                let net: ipnet::IpNet = VIPS[a].parse().unwrap();
                _ = world.remove_address(nodes[n], &em0, net.addr());
            }
            Deed::Force(n, master) => {
                let state = Some(if master { ForcedState::Master } else { ForcedState::Backup });
                let advskew =
                    world.vhid(nodes[n], &vip).map_or(AdvSkew::default(), |vhid| vhid.carp().unwrap().advskew);
                _ = world.set_vhid(nodes[n], &vip, &VhidSettings { state, advskew, ..VhidSettings::default() });
            }
            Deed::Filter(n, v6, block) => {
                let family = if v6 { Family::V6 } else { Family::V4 };
                _ = world.block_incoming(nodes[n], &em0, family, block);
            }
            Deed::Power(n, false) => {
                world.power_off(nodes[n]);
                self.written.remove(&nodes[n]);
                self.reported.remove(&nodes[n]);
            }
            Deed::Power(n, true) => world.boot(nodes[n]),
        }
    }

    fn check(&mut self) {
        for node in [self.pair.a, self.pair.b] {
            for (_, state) in self.pair.carp_events(node) {
                self.reported.insert(node, state.parse().unwrap());
            }
            let Ok(look) = self.pair.world.snapshot(node) else { continue };
            let state = look.vhids.first().map_or(CarpState::Init, |vhid| vhid.state);
            let reported = self.reported.get(&node).copied().unwrap_or(CarpState::Init);
            assert_eq!(state, reported, "devd's last word is the state");

            let interface = self.pair.em0.clone();
            let runs = look.interface(&interface).is_some_and(|i| i.runs()) && look.sysctls.allow;
            let has_addresses = look.vhids.first().is_some_and(|vhid| !vhid.addresses.is_empty());
            assert_eq!(state != CarpState::Init, runs && has_addresses, "INIT exactly if it cannot run");

            let written = self.written.get(&node).copied().unwrap_or_default();
            let down = look.sysctls.demotion.get() - written;
            assert!(down == 0 || down == 240, "the sum is explained: {down}");
            assert!(!has_addresses || (down == 240) != runs, "240 exactly while it cannot run");
        }
    }

    /// Ends every fault.
    fn repair(&mut self) {
        let nodes = [self.pair.a, self.pair.b];
        for (n, node) in nodes.into_iter().enumerate() {
            let deeds = [
                Deed::Partition(false),
                Deed::Loss(false),
                Deed::Power(n, true),
                Deed::Cable(n, true),
                Deed::FarEnd(n, true),
                Deed::Filter(n, false, false),
                Deed::Filter(n, true, false),
                Deed::Allow(n, true),
            ];
            deeds.iter().for_each(|deed| self.apply(deed));
            self.pair.configure(node, &VIPS);
            self.apply(&Deed::Up(n, true));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn states_events_and_demotion_agree_and_every_fault_heals(
        seed in any::<u64>(),
        deeds in prop::collection::vec(deed(), 1..60),
    ) {
        let mut watched = Watched::new(seed);
        for deed in &deeds {
            watched.apply(deed);
            watched.check();
        }
        watched.repair();
        watched.pair.run(15.0);
        watched.check();
        let masters = watched.pair.states().iter().filter(|state| **state == CarpState::Master).count();
        prop_assert_eq!(masters, 1, "one MASTER once all faults are over");
    }
}
