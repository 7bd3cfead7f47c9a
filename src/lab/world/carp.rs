//! A vhid's states and timers (`sys/netinet/ip_carp.c`): one state machine for both address families.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::model::{AdvBase, AdvSkew, CarpKey, CarpState, Vhid, VhidRef};

use super::clock::{Event, Timer, TimerKind};
use super::network::Family;
use super::node::NodeId;
use super::{LabError, World};

/// Where IPv4 adverts go by default.
pub(super) const GROUP4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

/// Where IPv6 adverts go by default.
pub(super) const GROUP6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

/// A state that an administrator may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForcedState {
    /// Steps down, until the master-down timer ends or a slower MASTER is heard with preempt on.
    Backup,
    /// As if the master-down timer had ended.
    Master,
}

/// What SIOCSVH and the netlink SET carry. Not a patch: `advskew` is always applied.
///
/// The ioctl is the same without the peers (`carp_ioctl_set()`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VhidSettings {
    /// `None` keeps it; a new vhid has 1.
    pub advbase: Option<AdvBase>,
    /// Always applied: whoever leaves it out sets it to 0.
    pub advskew: AdvSkew,
    /// `None`, and a key whose first byte is 0, keep it; a new vhid has no key.
    pub key: Option<CarpKey>,
    /// `None` leaves the state. In INIT, and if it is that state already, nothing happens.
    pub state: Option<ForcedState>,
    /// `None` keeps it; 224.0.0.18 returns to multicast.
    pub peer: Option<Ipv4Addr>,
    /// `None` keeps it; ff02::12 returns to multicast.
    pub peer6: Option<Ipv6Addr>,
}

#[derive(Clone, Debug)]
pub(super) struct VhidState {
    pub(super) serial: u32,
    pub(super) interface: usize,
    pub(super) vhid: Vhid,
    pub(super) state: CarpState,
    pub(super) advbase: AdvBase,
    pub(super) advskew: AdvSkew,
    pub(super) key: Option<CarpKey>,
    pub(super) peer: Ipv4Addr,
    pub(super) peer6: Ipv6Addr,
    /// Of the key and the addresses; see [`World::renew_digest`].
    pub(super) digest: u64,
    /// `sc_naddrs` and `sc_naddrs6`.
    pub(super) addresses: [u16; 2],
    /// Its interface-down demotion is in the sum.
    pub(super) suppress: bool,
    pub(super) send_errors: u32,
    pub(super) send_successes: u32,
    advert: Timer,
    master_down: [Timer; 2],
}

impl VhidState {
    fn new(serial: u32, interface: usize, vhid: Vhid) -> Self {
        Self {
            serial,
            interface,
            vhid,
            state: CarpState::Init,
            advbase: AdvBase::DEFAULT,
            advskew: AdvSkew::default(),
            key: None,
            peer: GROUP4,
            peer6: GROUP6,
            digest: 0,
            addresses: [0; 2],
            suppress: false,
            send_errors: 0,
            send_successes: 0,
            advert: Timer::default(),
            master_down: [Timer::default(); 2],
        }
    }

    pub(super) fn timer(&mut self, kind: TimerKind) -> &mut Timer {
        match kind {
            TimerKind::Advert => &mut self.advert,
            TimerKind::MasterDown4 => &mut self.master_down[0],
            TimerKind::MasterDown6 => &mut self.master_down[1],
        }
    }

    pub(super) fn has_addresses(&self) -> bool {
        self.addresses != [0; 2]
    }
}

/// Microseconds of `advbase` seconds and `skew`/256 s, with the kernel's rounding.
pub(super) const fn interval(advbase: u64, skew: u8) -> u64 {
    advbase * 1_000_000 + skew as u64 * 1_000_000 / 256
}

impl World {
    /// Creates or changes the vhid `id`, as SIOCSVH or the netlink SET. A new vhid is in INIT until it gets an address.
    ///
    /// # Errors
    /// The node is off or has no such interface.
    pub fn set_vhid(&mut self, node: NodeId, id: &VhidRef, settings: &VhidSettings) -> Result<(), LabError> {
        let i = self.running_interface(node, &id.interface)?;
        let n = node.at();
        let v = self.nodes[n].find_vhid(i, id.vhid.get()).unwrap_or_else(|| {
            self.last_serial += 1;
            self.nodes[n].vhids.push(VhidState::new(self.last_serial, i, id.vhid));
            self.nodes[n].vhids.len() - 1
        });
        let vhid = &mut self.nodes[n].vhids[v];
        vhid.advbase = settings.advbase.unwrap_or(vhid.advbase);
        vhid.advskew = settings.advskew;
        vhid.peer = settings.peer.unwrap_or(vhid.peer);
        vhid.peer6 = settings.peer6.unwrap_or(vhid.peer6);
        if let Some(key) = settings.key.as_ref().filter(|key| key.expose()[0] != 0) {
            vhid.key = Some(key.clone());
            self.renew_digest(n, v);
        }
        self.force_state(n, v, settings.state);
        Ok(())
    }

    fn force_state(&mut self, n: usize, v: usize, wanted: Option<ForcedState>) {
        const REASON: &str = "user requested via ifconfig";
        match (self.nodes[n].vhids[v].state, wanted) {
            (CarpState::Master, Some(ForcedState::Backup)) => self.step_down(n, v, REASON),
            (CarpState::Backup, Some(ForcedState::Master)) => self.become_master(n, v, REASON),
            _ => {}
        }
    }

    /// Changes the state and reports it, before anything else follows from it (`carp_set_state()`).
    pub(super) fn set_state(&mut self, n: usize, v: usize, state: CarpState, reason: &str) {
        let old = std::mem::replace(&mut self.nodes[n].vhids[v].state, state);
        if old == state {
            return;
        }
        let id = self.nodes[n].vhid_ref(v);
        self.nodes[n].log(|| format!("carp: {id}: {old} -> {state} ({reason})"));
        self.nodes[n].notify(self.now, format!("!system=CARP subsystem={id} type={state}\n"));
    }

    /// Looks again whether the vhid can run; even one that runs well passes through INIT (`carp_sc_state()`).
    pub(super) fn reconsider(&mut self, n: usize, v: usize) {
        let runs = self.can_run(n, v);
        if runs {
            // The timers run on: the kernel stops them only on the way down. One of a family without addresses may still end later.
            self.set_state(n, v, CarpState::Init, "hardware interface up");
            self.set_run(n, v, None);
            if std::mem::replace(&mut self.nodes[n].vhids[v].suppress, false) {
                let factor = self.nodes[n].sysctls.ifdown_demotion_factor;
                self.demote(n, factor.get().wrapping_neg(), "interface up");
            }
            return;
        }
        let vhid = &mut self.nodes[n].vhids[v];
        for kind in [TimerKind::Advert, TimerKind::MasterDown4, TimerKind::MasterDown6] {
            vhid.timer(kind).stop();
        }
        self.set_state(n, v, CarpState::Init, "hardware interface down");
        self.remove_routes(n, v);
        if !std::mem::replace(&mut self.nodes[n].vhids[v].suppress, true) {
            let factor = self.nodes[n].sysctls.ifdown_demotion_factor;
            self.demote(n, factor.get(), "interface down");
        }
    }

    fn can_run(&self, n: usize, v: usize) -> bool {
        let node = &self.nodes[n];
        let interface = &node.interfaces[node.vhids[v].interface];
        interface.up && interface.link && node.sysctls.allow
    }

    /// Starts what the state needs (`carp_setrun()`). `family` limits it to that family's master-down timer.
    pub(super) fn set_run(&mut self, n: usize, v: usize, family: Option<Family>) {
        if !self.can_run(n, v) || !self.nodes[n].vhids[v].has_addresses() {
            return;
        }
        match self.nodes[n].vhids[v].state {
            CarpState::Init => {
                self.set_state(n, v, CarpState::Backup, "initialization complete");
                self.set_run(n, v, None);
            }
            CarpState::Backup => {
                let vhid = &mut self.nodes[n].vhids[v];
                vhid.advert.stop();
                let wait = interval(3 * u64::from(vhid.advbase.get()), vhid.advskew.get());
                let addresses = vhid.addresses;
                for (one, kind) in [(Family::V4, TimerKind::MasterDown4), (Family::V6, TimerKind::MasterDown6)] {
                    let wanted = family.map_or(addresses[one.at()] > 0, |family| family == one);
                    if wanted {
                        self.arm(n, v, kind, wait);
                    }
                }
            }
            CarpState::Master => {
                // The first interval is that of the configured skew; demotion counts from the next advert on.
                let vhid = &self.nodes[n].vhids[v];
                let wait = interval(u64::from(vhid.advbase.get()), vhid.advskew.get());
                self.arm(n, v, TimerKind::Advert, wait);
            }
        }
    }

    pub(super) fn arm(&mut self, n: usize, v: usize, kind: TimerKind, micros: u64) {
        let node = &mut self.nodes[n];
        let at = node.ticks.after(self.now, micros);
        let vhid = &mut node.vhids[v];
        let event = Event::Timer { node: n as u32, serial: vhid.serial, kind };
        vhid.timer(kind).arm(at, &mut self.queue, event);
    }

    pub(super) fn master_timed_out(&mut self, n: usize, v: usize) {
        if self.nodes[n].vhids[v].state == CarpState::Backup {
            self.become_master(n, v, "master timed out");
        }
    }

    /// BACKUP to MASTER: event, advert, timer, routes, in this order (`carp_master_down_locked()`).
    pub(super) fn become_master(&mut self, n: usize, v: usize, reason: &str) {
        self.set_state(n, v, CarpState::Master, reason);
        self.send_advert(n, v);
        self.set_run(n, v, None);
        self.add_routes(n, v);
    }

    /// MASTER to BACKUP.
    pub(super) fn step_down(&mut self, n: usize, v: usize, reason: &str) {
        self.nodes[n].vhids[v].advert.stop();
        self.set_state(n, v, CarpState::Backup, reason);
        self.set_run(n, v, None);
        self.remove_routes(n, v);
    }

    /// Removes a vhid whose last address is gone (`carp_destroy()`).
    pub(super) fn destroy_vhid(&mut self, n: usize, v: usize) {
        if self.nodes[n].vhids[v].suppress {
            let factor = self.nodes[n].sysctls.ifdown_demotion_factor;
            self.demote(n, factor.get().wrapping_neg(), "vhid removed");
        }
        self.nodes[n].vhids.remove(v);
    }
}
