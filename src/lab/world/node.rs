//! A node: what one kernel holds.

use std::collections::VecDeque;

use ipnet::IpNet;

use crate::model::{CarpCounters, CarpSysctls, Demotion, InterfaceName, Mono, VhidRef};

use super::carp::VhidState;
use super::clock::Ticks;
use super::pfsync::Pfsync;
use super::{LabError, World, WorldConfig};

/// `hw.bus.devctl_queue`: events that nobody fetched; the oldest is given up.
const EVENTS_KEPT: usize = 1000;

/// Lines of the kernel message buffer that are kept; older ones are overwritten.
const MESSAGES_KEPT: usize = 1000;

/// A node of a [`World`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    pub(super) const fn at(self) -> usize {
        self.0 as usize
    }
}

/// An event as devd's clients get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevdEvent {
    /// When the kernel reported it.
    pub at: Mono,
    /// The exact text, with its newline.
    pub text: String,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) powered: bool,
    pub(super) boots: u32,
    pub(super) booted_at: Mono,
    pub(super) ticks: Ticks,
    /// Never shortened: an interface that was destroyed keeps its place, so that packets in flight and timers find nobody else there.
    pub(super) interfaces: Vec<Interface>,
    /// In the order in which they were added, as the kernel walks them.
    pub(super) addresses: Vec<Address>,
    /// In the order of creation.
    pub(super) vhids: Vec<VhidState>,
    pub(super) sysctls: CarpSysctls,
    pub(super) log_level: i32,
    pub(super) counters: CarpCounters,
    pub(super) send_all_queued: bool,
    pub(super) pfsync: Pfsync,
    pub(super) events: VecDeque<DevdEvent>,
    pub(super) messages: VecDeque<String>,
    last_index: u16,
}

#[derive(Clone, Debug)]
pub(super) struct Interface {
    pub(super) name: InterfaceName,
    /// Shows in events of IPv6 link-local addresses.
    pub(super) index: u16,
    pub(super) gone: bool,
    /// It needs no cable: its link follows its administrator.
    pub(super) tunnel: bool,
    /// `IFF_UP`.
    pub(super) up: bool,
    pub(super) link: bool,
    /// The segment that its cable leads to.
    pub(super) segment: Option<u32>,
    /// Adverts that this node's own firewall drops, by family.
    pub(super) drop_in: [bool; 2],
    pub(super) drop_out: [bool; 2],
    /// Addresses under CARP by family: without one the interface is not in that family's multicast group.
    pub(super) carp_addresses: [u16; 2],
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    pub(super) interface: usize,
    pub(super) net: IpNet,
    /// The serial of the vhid that it is under.
    pub(super) vhid: Option<u32>,
    /// It carries its prefix's route (`IFA_ROUTE`): the kernel's reports about addresses depend on it.
    pub(super) route: bool,
}

/// `net.inet.carp.*` at boot.
pub(super) const SYSCTLS_AT_BOOT: CarpSysctls = CarpSysctls {
    allow: true,
    preempt: false,
    demotion: Demotion::ZERO,
    ifdown_demotion_factor: Demotion::new(240),
    senderr_demotion_factor: Demotion::new(240),
    pfsync_demotion_factor: Demotion::new(240),
};

impl Node {
    fn new(name: &str, ticks: Ticks, now: Mono) -> Self {
        Self {
            name: name.to_owned(),
            powered: true,
            boots: 1,
            booted_at: now,
            ticks,
            interfaces: Vec::new(),
            addresses: Vec::new(),
            vhids: Vec::new(),
            sysctls: SYSCTLS_AT_BOOT,
            log_level: 1,
            counters: CarpCounters::default(),
            send_all_queued: false,
            pfsync: Pfsync::default(),
            events: VecDeque::new(),
            messages: VecDeque::new(),
            last_index: 0,
        }
    }

    /// Names this boot; a reboot changes it.
    pub(super) fn boot_id(&self) -> String {
        format!("{}-{}", self.name, self.boots)
    }

    pub(super) fn vhid_by_serial(&self, serial: u32) -> Option<usize> {
        self.vhids.binary_search_by_key(&serial, |v| v.serial).ok()
    }

    pub(super) fn find_vhid(&self, interface: usize, vhid: u8) -> Option<usize> {
        self.vhids.iter().position(|v| v.interface == interface && v.vhid.get() == vhid)
    }

    pub(super) fn find_interface(&self, name: &InterfaceName) -> Option<usize> {
        self.interfaces.iter().position(|i| !i.gone && i.name == *name)
    }

    /// `interface` as a name, or why not.
    pub(super) fn interface(&self, name: &InterfaceName) -> Result<usize, LabError> {
        self.find_interface(name)
            .ok_or_else(|| LabError::NoInterface { node: self.name.clone(), interface: name.clone() })
    }

    pub(super) fn vhid_ref(&self, v: usize) -> VhidRef {
        let vhid = &self.vhids[v];
        VhidRef::new(vhid.vhid, self.interfaces[vhid.interface].name.clone())
    }

    /// Reports to devd, as `devctl_notify()` does.
    pub(super) fn notify(&mut self, at: Mono, text: String) {
        if self.events.len() == EVENTS_KEPT {
            self.events.pop_front();
        }
        self.events.push_back(DevdEvent { at, text });
    }

    /// Writes to the kernel message buffer what `CARP_LOG` would.
    pub(super) fn log(&mut self, line: impl FnOnce() -> String) {
        if self.log_level <= 0 {
            return;
        }
        if self.messages.len() == MESSAGES_KEPT {
            self.messages.pop_front();
        }
        self.messages.push_back(line());
    }
}

impl World {
    /// Adds a node that has just booted, without interfaces.
    pub fn add_node(&mut self, name: &str) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        let ticks = self.new_ticks();
        self.nodes.push(Node::new(name, ticks, self.now));
        id
    }

    pub(super) fn new_ticks(&mut self) -> Ticks {
        let WorldConfig { hz, shared_kernel, .. } = self.config;
        let phase = if shared_kernel { 0 } else { self.random.next() };
        Ticks::new(hz, phase)
    }

    /// The node with this name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<NodeId> {
        self.nodes().find(|id| self.nodes[id.at()].name == name)
    }

    /// All nodes, in the order in which they were added.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// What the node was named.
    #[must_use]
    pub fn node_name(&self, node: NodeId) -> &str {
        &self.nodes[node.at()].name
    }

    /// Takes the events that the kernel reported since the last call, oldest first. Of more than 1000 only the last are there.
    pub fn drain_events(&mut self, node: NodeId) -> impl Iterator<Item = DevdEvent> + use<'_> {
        self.nodes[node.at()].events.drain(..)
    }

    /// The lines with the prefix `carp: ` of the kernel message buffer, oldest first, as dmesg(8) shows them. Bounded.
    pub fn kernel_messages(&self, node: NodeId) -> impl Iterator<Item = &str> {
        self.nodes[node.at()].messages.iter().map(String::as_str)
    }

    /// The running node `node`.
    pub(super) fn running(&mut self, node: NodeId) -> Result<&mut Node, LabError> {
        let node = &mut self.nodes[node.at()];
        if node.powered { Ok(node) } else { Err(LabError::Off(node.name.clone())) }
    }

    /// The interface `name` of a running node.
    pub(super) fn running_interface(&mut self, node: NodeId, name: &InterfaceName) -> Result<usize, LabError> {
        self.running(node)?.interface(name)
    }

    pub(super) fn next_index(&mut self, n: usize) -> u16 {
        let index = if self.config.shared_kernel { &mut self.last_index } else { &mut self.nodes[n].last_index };
        *index = index.wrapping_add(1);
        *index
    }
}
