//! Promises of the model that no recording shows, and the ones that everything else rests on.

mod adverts;
mod basics;
mod pfsync;
mod properties;

use std::time::Duration;

use ipnet::IpNet;

use crate::model::{AdvSkew, CarpKey, CarpState, InterfaceName, Mono, VhidRef};

use super::{NodeId, SegmentId, VhidSettings, World, WorldConfig};

pub(super) const VIP4: &str = "192.0.2.1/24";
pub(super) const VIP6: &str = "2001:db8:1::1/64";

/// Two nodes on one segment: a (advskew 0) and b (advskew 100), preempt on, vhid 1 on em0.
pub(super) struct Pair {
    pub(super) world: World,
    pub(super) lan: SegmentId,
    pub(super) a: NodeId,
    pub(super) b: NodeId,
    pub(super) em0: InterfaceName,
    pub(super) vip: VhidRef,
}

impl Pair {
    /// With these addresses under the vhid, and time for the election.
    pub(super) fn settled(vips: &[&str]) -> Self {
        let mut pair = Self::fresh(WorldConfig::default(), vips);
        pair.run(5.0);
        pair
    }

    pub(super) fn fresh(config: WorldConfig, vips: &[&str]) -> Self {
        let mut world = World::new(config);
        let lan = world.add_segment();
        let (a, b) = (world.add_node("a"), world.add_node("b"));
        let em0: InterfaceName = "em0".parse().unwrap();
        let vip = "1@em0".parse().unwrap();
        let mut pair = Self { world, lan, a, b, em0, vip };
        for (node, own) in [(a, 11), (b, 12)] {
            pair.world.add_interface(node, &pair.em0).unwrap();
            pair.world.plug(node, &pair.em0, lan).unwrap();
            for own in [format!("192.0.2.{own}/24"), format!("2001:db8:1::{own}/64")] {
                pair.world.add_address(node, &pair.em0, own.parse().unwrap(), None).unwrap();
            }
            pair.configure(node, vips);
        }
        pair
    }

    /// What a node's start scripts do.
    pub(super) fn configure(&mut self, node: NodeId, vips: &[&str]) {
        self.world.set_preempt(node, true).unwrap();
        let skew = if node == self.a { 0 } else { 100 };
        let settings = VhidSettings {
            advskew: AdvSkew::new(skew).unwrap(),
            key: Some(CarpKey::from_password(b"secret")),
            ..VhidSettings::default()
        };
        self.world.set_vhid(node, &self.vip, &settings).unwrap();
        for vip in vips {
            self.add(node, vip).unwrap();
        }
    }

    pub(super) fn add(&mut self, node: NodeId, vip: &str) -> Result<(), super::LabError> {
        let net: IpNet = vip.parse().unwrap();
        self.world.add_address(node, &self.em0, net, Some(self.vip.vhid))
    }

    pub(super) fn run(&mut self, seconds: f64) {
        self.world.advance(Duration::from_secs_f64(seconds));
    }

    pub(super) fn states(&self) -> [CarpState; 2] {
        [self.a, self.b].map(|node| self.world.vhid(node, &self.vip).unwrap().state)
    }

    pub(super) fn demotion(&self, node: NodeId) -> i32 {
        self.world.snapshot(node).unwrap().sysctls.demotion.get()
    }

    /// `seconds  type` of the CARP events since the last call.
    pub(super) fn carp_events(&mut self, node: NodeId) -> Vec<(Mono, String)> {
        let carp =
            |text: &str| text.strip_prefix("!system=CARP subsystem=1@em0 type=").map(|t| t.trim_end().to_owned());
        self.world.drain_events(node).filter_map(|event| Some((event.at, carp(&event.text)?))).collect()
    }

    /// The events since the last call, without their times.
    pub(super) fn texts(&mut self, node: NodeId) -> Vec<String> {
        self.world.drain_events(node).map(|event| event.text).collect()
    }
}
