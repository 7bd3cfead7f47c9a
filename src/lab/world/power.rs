//! Power: a node dies without a word, and comes back with nothing but its cables.

use crate::model::CarpCounters;

use super::World;
use super::node::{NodeId, SYSCTLS_AT_BOOT};
use super::pfsync::Pfsync;

impl World {
    /// Switches the node off. Its kernel forgets everything and tells nobody; the links of the others stay up, as with a switch in between.
    /// A clean shutdown is the same to CARP: it has no farewell. Packets already sent still arrive.
    pub fn power_off(&mut self, node: NodeId) {
        let there = &mut self.nodes[node.at()];
        there.powered = false;
        there.vhids.clear();
        there.addresses.clear();
        there.sysctls = SYSCTLS_AT_BOOT;
        there.log_level = 1;
        there.counters = CarpCounters::default();
        there.send_all_queued = false;
        there.pfsync = Pfsync::default();
        there.events.clear();
        there.messages.clear();
        for interface in &mut there.interfaces {
            interface.up = false;
            interface.link = false;
            interface.gone |= interface.tunnel;
            interface.carp_addresses = [0; 2];
        }
    }

    /// Boots a node that is off: defaults everywhere, demotion 0, no addresses, no vhids, pf disabled, links up where there is a cable.
    /// The caller applies its configuration. Firewall blocks are still there, as in a file that is loaded at boot. A node that runs is left alone.
    pub fn boot(&mut self, node: NodeId) {
        if self.nodes[node.at()].powered {
            return;
        }
        let ticks = self.new_ticks();
        let there = &mut self.nodes[node.at()];
        there.powered = true;
        there.boots += 1;
        there.booted_at = self.now;
        there.ticks = ticks;
        for i in 0..there.interfaces.len() {
            if self.nodes[node.at()].interfaces[i].segment.is_some() {
                self.change_link(node.at(), i, true);
            }
        }
    }
}
