//! A world of nodes and network segments, with FreeBSD 15's CARP and pfsync in every node.
//!
//! The rules are those of `sys/netinet/ip_carp.c`, `sys/netinet/in.c`, `sys/netinet6/in6.c` and `sys/netpfil/pf/if_pfsync.c`, in their order
//! of events, checked against recordings of a running kernel (`tests/lab_replays_recordings.rs`). A change that an administrator or a fault
//! makes takes effect at [`World::now`]; what follows from it (adverts, timers, take-overs) happens while [`World::advance_to`] moves time.
//! Equal seeds and equal calls give equal worlds.
//!
//! Not modelled: VRRPv3, the TTL check, ARP, memory exhaustion, interface types that refuse CARP, privileges, and a second event reader:
//! what devd does with the events is up to the caller.
//!
//! ```
//! use std::time::Duration;
//! use carpd::lab::world::{VhidSettings, World, WorldConfig};
//! use carpd::model::{AdvSkew, CarpState};
//!
//! let mut world = World::new(WorldConfig::default());
//! let lan = world.add_segment();
//! let vip = "1@em0".parse()?;
//! for (name, own, skew) in [("a", "192.0.2.11/24", 0), ("b", "192.0.2.12/24", 100)] {
//!     let node = world.add_node(name);
//!     let em0 = "em0".parse()?;
//!     world.add_interface(node, &em0)?;
//!     world.plug(node, &em0, lan)?;
//!     world.add_address(node, &em0, own.parse()?, None)?;
//!     world.set_vhid(node, &vip, &VhidSettings { advskew: AdvSkew::new(skew).unwrap_or_default(), ..VhidSettings::default() })?;
//!     world.add_address(node, &em0, "192.0.2.1/24".parse()?, Some(vip.vhid))?;
//! }
//! world.advance(Duration::from_secs(4));
//! let a = world.node("a").ok_or("no such node")?;
//! assert_eq!(world.vhid(a, &vip)?.state, CarpState::Master);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod advert;
mod carp;
mod clock;
mod demotion;
mod error;
mod interface;
mod look;
mod network;
mod node;
mod pfsync;
mod power;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::model::Mono;

use clock::{Event, Queue, TimerKind};
use network::Segment;
use node::Node;

pub use carp::{ForcedState, VhidSettings};
pub use error::LabError;
pub use network::{Family, SegmentId};
pub use node::{DevdEvent, NodeId};
pub use pfsync::PfsyncSettings;

/// What a world is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorldConfig {
    /// Everything random (jitter, loss, duplication, where the clock ticks of two nodes lie) follows from it.
    pub seed: u64,
    /// `kern.hz` of every node, at least 1: timers end on a tick. 1000 on hardware, 100 is FreeBSD's default in virtual machines.
    pub hz: u32,
    /// All nodes are jails of one kernel: they tick together, a change of demotion in one makes the MASTERs of all advertise
    /// (one global list, `carp_send_ad_all()`), and their link changes reach no devd.
    pub shared_kernel: bool,
    /// How long a packet travels on a new segment.
    pub delay: Duration,
    /// By how much longer it may travel, evenly distributed. More than the distance of two packets reorders them.
    pub jitter: Duration,
}

impl Default for WorldConfig {
    /// Separate machines at 1000 Hz, 200 µs apart, without jitter.
    fn default() -> Self {
        Self { seed: 1, hz: 1000, shared_kernel: false, delay: Duration::from_micros(200), jitter: Duration::ZERO }
    }
}

/// Nodes, segments, and the time they share. Cloning it makes an independent future.
#[derive(Clone, Debug)]
pub struct World {
    config: WorldConfig,
    now: Mono,
    queue: Queue,
    random: clock::Random,
    nodes: Vec<Node>,
    segments: Vec<Segment>,
    /// Numbers vhids in the order of their creation, over all nodes: the kernel's global list is walked in the opposite order.
    last_serial: u32,
    /// The number that the next interface gets in a shared kernel.
    last_index: u16,
    /// A shared kernel's one "let all MASTERs advertise" task is queued.
    send_all_queued: bool,
}

impl World {
    /// An empty world at [`Mono::ZERO`].
    #[must_use]
    pub fn new(config: WorldConfig) -> Self {
        Self {
            config: WorldConfig { hz: config.hz.max(1), ..config },
            now: Mono::ZERO,
            queue: Queue::default(),
            random: clock::Random::new(config.seed),
            nodes: Vec::new(),
            segments: Vec::new(),
            last_serial: 0,
            last_index: 0,
            send_all_queued: false,
        }
    }

    /// The present.
    #[must_use]
    pub const fn now(&self) -> Mono {
        self.now
    }

    /// The next instant at which something may happen by itself. Nothing happens before it.
    #[must_use]
    pub fn next_event(&self) -> Option<Mono> {
        self.queue.next()
    }

    /// Lets time pass up to and including `until`. An earlier time changes nothing.
    pub fn advance_to(&mut self, until: Mono) {
        while let Some((at, event)) = self.queue.pop_until(until) {
            self.now = self.now.max(at);
            self.handle(event);
        }
        self.now = self.now.max(until);
    }

    /// Lets `wait` pass.
    pub fn advance(&mut self, wait: Duration) {
        self.advance_to(self.now + wait);
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Timer { node, serial, kind } => self.carp_timer(node as usize, serial, kind),
            Event::Arrive { node, interface, packet } => self.arrive(node as usize, interface as usize, packet),
            Event::SendAll { node } => self.send_all(node as usize),
            Event::InterfaceUp { node, interface } => self.interface_up_routes(node as usize, interface as usize),
            Event::PfsyncTimer { node, kind } => self.pfsync_timer(node as usize, kind),
        }
    }

    fn carp_timer(&mut self, n: usize, serial: u32, kind: TimerKind) {
        let Some(v) = self.nodes[n].vhid_by_serial(serial) else { return };
        let now = self.now;
        let vhid = &mut self.nodes[n].vhids[v];
        if !vhid.timer(kind).fires(now, &mut self.queue, Event::Timer { node: n as u32, serial, kind }) {
            return;
        }
        match kind {
            TimerKind::Advert => self.send_advert(n, v),
            TimerKind::MasterDown4 | TimerKind::MasterDown6 => self.master_timed_out(n, v),
        }
    }
}
