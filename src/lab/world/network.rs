//! Segments, cables, and what can go wrong between two nodes.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::{CarpState, InterfaceName};

use super::clock::Event;
use super::node::NodeId;
use super::{LabError, World};

/// A broadcast domain of a [`World`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(u32);

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    pub(super) const fn at(self) -> usize {
        match self {
            Self::V4 => 0,
            Self::V6 => 1,
        }
    }

    /// The family of `address`.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// What travels.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packet {
    Advert(Advert),
    Pfsync { message: PfsyncMessage, multicast: bool },
}

/// A CARP advert.
#[derive(Clone, Copy, Debug)]
pub(super) struct Advert {
    /// Stands for key and address list: equal exactly if the HMAC would be accepted.
    pub(super) digest: u64,
    pub(super) vhid: u8,
    pub(super) advbase: u8,
    pub(super) advskew: u8,
    pub(super) family: Family,
    pub(super) multicast: bool,
}

/// The messages of a bulk update.
#[derive(Clone, Copy, Debug)]
pub(super) enum PfsyncMessage {
    Request,
    Start,
    /// `seconds` is how long the sender took, by its own clock of whole seconds.
    End {
        seconds: u32,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Segment {
    ports: Vec<Port>,
    delay: Duration,
    jitter: Duration,
    loss: f64,
    duplication: f64,
    /// From the first node nothing reaches the second.
    cuts: Vec<(u32, u32)>,
}

#[derive(Clone, Copy, Debug)]
struct Port {
    node: u32,
    interface: u32,
    /// Ports of different groups do not hear each other.
    group: u32,
    /// The cable is whole behind the first switch port.
    through: bool,
}

impl World {
    /// Adds a segment with the delay and jitter of the [`WorldConfig`](super::WorldConfig).
    pub fn add_segment(&mut self) -> SegmentId {
        let id = SegmentId(self.segments.len() as u32);
        self.segments.push(Segment {
            ports: Vec::new(),
            delay: self.config.delay,
            jitter: self.config.jitter,
            loss: 0.0,
            duplication: 0.0,
            cuts: Vec::new(),
        });
        id
    }

    /// Connects `interface` to `segment`: its link comes up. A cable to another segment is pulled first. Works on a node without power, too.
    ///
    /// # Errors
    /// The node has no such interface.
    pub fn plug(&mut self, node: NodeId, interface: &InterfaceName, segment: SegmentId) -> Result<(), LabError> {
        let i = self.nodes[node.at()].interface(interface)?;
        if self.nodes[node.at()].interfaces[i].segment == Some(segment.0) {
            return Ok(());
        }
        self.unplug_port(node, i);
        self.segments[segment.0 as usize].ports.push(Port {
            node: node.0,
            interface: i as u32,
            group: 0,
            through: true,
        });
        self.nodes[node.at()].interfaces[i].segment = Some(segment.0);
        self.change_link(node.at(), i, true);
        Ok(())
    }

    /// Whether a cable is in `interface`. Without power there may be one as well.
    #[must_use]
    pub fn is_plugged(&self, node: NodeId, interface: &InterfaceName) -> bool {
        let there = &self.nodes[node.at()];
        there.find_interface(interface).is_some_and(|i| there.interfaces[i].segment.is_some())
    }

    /// Pulls the cable of `interface`: its link goes down.
    ///
    /// # Errors
    /// The node has no such interface.
    pub fn unplug(&mut self, node: NodeId, interface: &InterfaceName) -> Result<(), LabError> {
        let i = self.nodes[node.at()].interface(interface)?;
        self.unplug_port(node, i);
        self.change_link(node.at(), i, false);
        Ok(())
    }

    pub(super) fn unplug_port(&mut self, node: NodeId, i: usize) {
        if let Some(segment) = self.nodes[node.at()].interfaces[i].segment.take() {
            self.segments[segment as usize].ports.retain(|p| (p.node, p.interface as usize) != (node.0, i));
        }
    }

    /// Cuts (`false`) or mends (`true`) the way behind the switch port of `interface`: nothing passes, but its link stays up.
    ///
    /// # Errors
    /// The node has no such interface.
    pub fn set_far_end(&mut self, node: NodeId, interface: &InterfaceName, through: bool) -> Result<(), LabError> {
        let i = self.nodes[node.at()].interface(interface)?;
        if let Some(segment) = self.nodes[node.at()].interfaces[i].segment {
            let ports = &mut self.segments[segment as usize].ports;
            for port in ports.iter_mut().filter(|p| (p.node, p.interface as usize) == (node.0, i)) {
                port.through = through;
            }
        }
        Ok(())
    }

    /// Splits `segment`: nodes of one part hear only each other. Nodes that no part names form a part of their own. Links stay up.
    pub fn partition(&mut self, segment: SegmentId, parts: &[&[NodeId]]) {
        for port in &mut self.segments[segment.0 as usize].ports {
            let part = parts.iter().position(|part| part.contains(&NodeId(port.node)));
            port.group = part.map_or(0, |at| at as u32 + 1);
        }
    }

    /// Ends a partition and all one-way cuts of `segment`.
    pub fn heal(&mut self, segment: SegmentId) {
        self.partition(segment, &[]);
        self.segments[segment.0 as usize].cuts.clear();
    }

    /// Lets nothing pass from `from` to `to` any more; the other direction works. [`World::heal`] ends it.
    pub fn cut(&mut self, segment: SegmentId, from: NodeId, to: NodeId) {
        let cuts = &mut self.segments[segment.0 as usize].cuts;
        if !cuts.contains(&(from.0, to.0)) {
            cuts.push((from.0, to.0));
        }
    }

    /// Loses packets with this probability (0 to 1), each receiver on its own.
    pub fn set_loss(&mut self, segment: SegmentId, probability: f64) {
        self.segments[segment.0 as usize].loss = probability;
    }

    /// Delivers packets twice with this probability (0 to 1).
    pub fn set_duplication(&mut self, segment: SegmentId, probability: f64) {
        self.segments[segment.0 as usize].duplication = probability;
    }

    /// Sets how long packets travel, and by how much longer at most.
    pub fn set_delay(&mut self, segment: SegmentId, delay: Duration, jitter: Duration) {
        let segment = &mut self.segments[segment.0 as usize];
        (segment.delay, segment.jitter) = (delay, jitter);
    }

    /// Lets the node's own firewall drop (`true`) or pass adverts of `family` that arrive at `interface`.
    ///
    /// # Errors
    /// The node has no such interface.
    pub fn block_incoming(
        &mut self,
        node: NodeId,
        interface: &InterfaceName,
        family: Family,
        block: bool,
    ) -> Result<(), LabError> {
        let i = self.nodes[node.at()].interface(interface)?;
        self.nodes[node.at()].interfaces[i].drop_in[family.at()] = block;
        Ok(())
    }

    /// Lets the node's own firewall drop (`true`) or pass adverts of `family` that leave by `interface`. CARP sees that as send error 13.
    ///
    /// # Errors
    /// The node has no such interface.
    pub fn block_outgoing(
        &mut self,
        node: NodeId,
        interface: &InterfaceName,
        family: Family,
        block: bool,
    ) -> Result<(), LabError> {
        let i = self.nodes[node.at()].interface(interface)?;
        self.nodes[node.at()].interfaces[i].drop_out[family.at()] = block;
        Ok(())
    }

    /// Puts `packet` on the wire: to everybody, or to whoever has the address `to`.
    pub(super) fn transmit(&mut self, n: usize, i: usize, packet: Packet, to: Option<IpAddr>) {
        let interface = &self.nodes[n].interfaces[i];
        let Some(at) = interface.segment.filter(|_| interface.up && interface.link) else { return };
        let segment = &self.segments[at as usize];
        let Some(&from) = segment.ports.iter().find(|p| (p.node as usize, p.interface as usize) == (n, i)) else {
            return;
        };
        if !from.through {
            return;
        }
        for port in &segment.ports {
            let hears =
                port.group == from.group && port.through && (port.node, port.interface) != (from.node, from.interface);
            if !hears || segment.cuts.contains(&(from.node, port.node)) {
                continue;
            }
            if to.is_some_and(|to| !self.answers_to(port.node as usize, port.interface as usize, to)) {
                continue;
            }
            if self.random.chance(segment.loss) {
                continue;
            }
            let copies = 1 + u8::from(self.random.chance(segment.duplication));
            for _ in 0..copies {
                let jitter = self.random.up_to(segment.jitter.as_micros() as u64);
                let at = self.now + segment.delay + Duration::from_micros(jitter);
                self.queue.push(at, Event::Arrive { node: port.node, interface: port.interface, packet });
            }
        }
    }

    /// Whether the interface answers for `address`: it is its own, or a VIP of which the node is MASTER.
    fn answers_to(&self, n: usize, i: usize, address: IpAddr) -> bool {
        let node = &self.nodes[n];
        node.addresses.iter().any(|a| {
            a.interface == i
                && a.net.addr() == address
                && a.vhid
                    .and_then(|serial| node.vhid_by_serial(serial))
                    .is_none_or(|v| node.vhids[v].state == CarpState::Master)
        })
    }

    pub(super) fn arrive(&mut self, n: usize, i: usize, packet: Packet) {
        let node = &self.nodes[n];
        let interface = &node.interfaces[i];
        if !node.powered || interface.gone || !interface.up || !interface.link {
            return;
        }
        match packet {
            Packet::Advert(advert) => self.receive_advert(n, i, advert),
            Packet::Pfsync { message, multicast } => self.receive_pfsync(n, i, message, multicast),
        }
    }
}
