//! pfsync0: the bulk update and what it does to demotion (`sys/netpfil/pf/if_pfsync.c`).

use std::net::IpAddr;

use crate::model::{InterfaceName, Mono};

use super::clock::{Event, PfsyncTimer, Timer};
use super::network::{Packet, PfsyncMessage};
use super::node::{Node, NodeId};
use super::{LabError, World};

/// Requests after the first (`PFSYNC_MAX_BULKTRIES`).
const MAX_TRIES: u32 = 12;

/// Between two requests.
const RETRY: u64 = 5_000_000;

/// States in one packet, with an MTU of 1500 and the size that the kernel reckons with.
const STATES_PER_PACKET: u32 = 3;

/// pf's default limit of states; the wait for the end of a bulk update depends on it.
const STATE_LIMIT: u32 = 100_000;

/// `sc_maxupdates` at boot.
const MAX_UPDATES: u8 = 128;

/// What SIOCSETPFSYNCNV carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PfsyncSettings {
    /// Where states are sent; `None` switches pfsync off.
    pub syncdev: Option<InterfaceName>,
    /// The unicast peer; `None` is the multicast group, and without a syncdev keeps the old one.
    pub peer: Option<IpAddr>,
    /// Message format: 1301, 1400 or 1500; 0 is the newest.
    pub version: u32,
    /// Hold the first packet of a connection back. Kept, and nothing else: no packets flow here.
    pub defer: bool,
    /// How many updates are collected into one message. Kept, and nothing else.
    pub maxupdates: u8,
}

impl Default for PfsyncSettings {
    /// Off, with what the kernel has at boot.
    fn default() -> Self {
        Self { syncdev: None, peer: None, version: 0, defer: false, maxupdates: MAX_UPDATES }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Pfsync {
    pub(super) syncdev: Option<usize>,
    pub(super) peer: Option<IpAddr>,
    pub(super) version: u32,
    pub(super) defer: bool,
    pub(super) maxupdates: u8,
    /// `PFSYNCF_OK`.
    pub(super) in_sync: bool,
    pub(super) ipackets: u64,
    pub(super) opackets: u64,
    /// pf is enabled; without it everything that arrives is dropped.
    pf: bool,
    states: u32,
    /// Uptime at the request that is not yet answered.
    requested: Option<u32>,
    tries: u32,
    /// Uptime at the request that is being answered.
    asked: u32,
    /// A bulk update was requested since boot.
    was_set: bool,
    fail: Timer,
    sent: Timer,
}

impl Default for Pfsync {
    /// As at boot: off, and in sync because nothing was asked for.
    fn default() -> Self {
        Self {
            syncdev: None,
            peer: None,
            version: 1500,
            defer: false,
            maxupdates: MAX_UPDATES,
            in_sync: true,
            ipackets: 0,
            opackets: 0,
            pf: false,
            states: 0,
            requested: None,
            tries: 0,
            asked: 0,
            was_set: false,
            fail: Timer::default(),
            sent: Timer::default(),
        }
    }
}

impl Pfsync {
    pub(super) fn interface_gone(&mut self, i: usize) {
        if self.syncdev == Some(i) {
            self.syncdev = None;
        }
    }
}

impl Node {
    /// Whole seconds since boot.
    fn uptime(&self, now: Mono) -> u32 {
        now.since(self.booted_at).as_secs() as u32
    }
}

impl World {
    /// Enables or disables pf. A node without it neither answers a bulk request nor hears the answer to its own.
    ///
    /// # Errors
    /// The node is off.
    pub fn set_pf(&mut self, node: NodeId, enabled: bool) -> Result<(), LabError> {
        self.running(node)?.pfsync.pf = enabled;
        Ok(())
    }

    /// Sets how many states the node would have to send in a bulk update; it sends one packet per tick.
    ///
    /// # Errors
    /// The node is off.
    pub fn set_pf_states(&mut self, node: NodeId, states: u32) -> Result<(), LabError> {
        self.running(node)?.pfsync.states = states;
        Ok(())
    }

    /// Configures pfsync0. With a syncdev, even an unchanged one, it asks for a bulk update and is demoted until that ends.
    ///
    /// # Errors
    /// The node is off, has no such syncdev, or does not know the version.
    pub fn set_pfsync(&mut self, node: NodeId, settings: &PfsyncSettings) -> Result<(), LabError> {
        let there = self.running(node)?;
        let refuse = |what: String| LabError::Pfsync { node: there.name.clone(), what };
        let version = match settings.version {
            0 => 1500,
            known @ (1301 | 1400 | 1500) => known,
            other => return Err(refuse(format!("version {other} is unknown; use 1301, 1400 or 1500"))),
        };
        let syncdev = match &settings.syncdev {
            None => None,
            Some(name) => Some(
                there
                    .find_interface(name)
                    .ok_or_else(|| refuse(format!("there is no syncdev {name}; name an existing interface")))?,
            ),
        };
        let pfsync = &mut there.pfsync;
        pfsync.version = version;
        (pfsync.defer, pfsync.maxupdates) = (settings.defer, settings.maxupdates);
        pfsync.syncdev = syncdev;
        if syncdev.is_some() || settings.peer.is_some() {
            pfsync.peer = settings.peer;
        }
        if syncdev.is_some() {
            self.start_bulk(node.at());
        }
        Ok(())
    }

    fn start_bulk(&mut self, n: usize) {
        let factor = self.nodes[n].sysctls.pfsync_demotion_factor;
        if std::mem::replace(&mut self.nodes[n].pfsync.in_sync, false) {
            self.demote(n, factor.get(), "pfsync bulk start");
        }
        let uptime = self.nodes[n].uptime(self.now);
        let pfsync = &mut self.nodes[n].pfsync;
        pfsync.requested = Some(uptime);
        // Recorded (pfsync-timing.txt): the first SET after boot was answered at once, a later one only after the retry.
        if !std::mem::replace(&mut pfsync.was_set, true) {
            self.send_pfsync(n, PfsyncMessage::Request);
        }
        self.arm_bulk_fail(n, RETRY);
    }

    fn arm_bulk_fail(&mut self, n: usize, micros: u64) {
        let node = &mut self.nodes[n];
        let at = node.ticks.after(self.now, micros);
        let event = Event::PfsyncTimer { node: n as u32, kind: PfsyncTimer::BulkFail };
        node.pfsync.fail.arm(at, &mut self.queue, event);
    }

    pub(super) fn pfsync_timer(&mut self, n: usize, kind: PfsyncTimer) {
        let node = &mut self.nodes[n];
        let timer = match kind {
            PfsyncTimer::BulkFail => &mut node.pfsync.fail,
            PfsyncTimer::BulkSent => &mut node.pfsync.sent,
        };
        if !timer.fires(self.now, &mut self.queue, Event::PfsyncTimer { node: n as u32, kind }) {
            return;
        }
        match kind {
            PfsyncTimer::BulkFail if node.pfsync.tries < MAX_TRIES => {
                node.pfsync.tries += 1;
                self.arm_bulk_fail(n, RETRY);
                self.send_pfsync(n, PfsyncMessage::Request);
            }
            // The kernel gives up, and pretends success.
            PfsyncTimer::BulkFail => self.end_bulk(n, "pfsync bulk fail"),
            PfsyncTimer::BulkSent => {
                let seconds = node.uptime(self.now).saturating_sub(node.pfsync.asked);
                self.send_pfsync(n, PfsyncMessage::End { seconds });
            }
        }
    }

    fn end_bulk(&mut self, n: usize, reason: &str) {
        let factor = self.nodes[n].sysctls.pfsync_demotion_factor;
        let pfsync = &mut self.nodes[n].pfsync;
        pfsync.requested = None;
        pfsync.tries = 0;
        pfsync.fail.stop();
        if !std::mem::replace(&mut pfsync.in_sync, true) {
            self.demote(n, factor.get().wrapping_neg(), reason);
        }
    }

    fn send_pfsync(&mut self, n: usize, message: PfsyncMessage) {
        let pfsync = &mut self.nodes[n].pfsync;
        let Some(i) = pfsync.syncdev else { return };
        pfsync.opackets += 1;
        let to = pfsync.peer;
        self.transmit(n, i, Packet::Pfsync { message, multicast: to.is_none() }, to);
    }

    pub(super) fn receive_pfsync(&mut self, n: usize, i: usize, message: PfsyncMessage, multicast: bool) {
        let now = self.now;
        let pfsync = &mut self.nodes[n].pfsync;
        // Only who sends to the group has joined it.
        if multicast && (pfsync.syncdev != Some(i) || pfsync.peer.is_some()) {
            return;
        }
        pfsync.ipackets += 1;
        if pfsync.syncdev != Some(i) || !pfsync.pf {
            return;
        }
        match message {
            PfsyncMessage::Request => self.answer_bulk(n),
            PfsyncMessage::Start if pfsync.requested.is_some() => {
                // A limit counted in states and used in ticks: at 100 Hz more than five minutes.
                let ticks = u64::from(STATE_LIMIT / STATES_PER_PACKET);
                self.arm_bulk_fail(n, 4_000_000 + ticks * (1_000_000 / u64::from(self.config.hz)));
            }
            PfsyncMessage::Start => {}
            PfsyncMessage::End { seconds } => {
                let uptime = self.nodes[n].uptime(now);
                let asked_after = self.nodes[n].pfsync.requested;
                if asked_after.is_some_and(|requested| uptime.saturating_sub(seconds) >= requested) {
                    self.end_bulk(n, "pfsync bulk done");
                }
            }
        }
    }

    fn answer_bulk(&mut self, n: usize) {
        let uptime = self.nodes[n].uptime(self.now);
        self.nodes[n].pfsync.asked = uptime;
        self.send_pfsync(n, PfsyncMessage::Start);
        let node = &mut self.nodes[n];
        let packets = u64::from(node.pfsync.states.div_ceil(STATES_PER_PACKET));
        let wait = packets * (1_000_000 / u64::from(self.config.hz));
        let at = node.ticks.after(self.now, wait);
        let event = Event::PfsyncTimer { node: n as u32, kind: PfsyncTimer::BulkSent };
        node.pfsync.sent.arm(at, &mut self.queue, event);
    }
}
