//! Adverts: sending, receiving, and what a node concludes from them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use crate::model::CarpState;

use super::World;
use super::carp::{GROUP4, GROUP6, interval};
use super::clock::TimerKind;
use super::network::{Advert, Family, Packet};

/// Errors in sending that demote (`CARP_SENDAD_MAX_ERRORS`), and successes that take it back (`CARP_SENDAD_MIN_SUCCESS`).
const SEND_LIMIT: u32 = 3;

/// What `ip_output()` answers if the firewall drops the packet.
const EACCES: i32 = 13;

impl World {
    /// Sends the adverts of both families and plans the next (`carp_send_ad_locked()`).
    pub(super) fn send_advert(&mut self, n: usize, v: usize) {
        let node = &self.nodes[n];
        let vhid = &node.vhids[v];
        // Taken once: a demotion that the first family's send error causes shows in the next advert only.
        let advskew = vhid.advskew.effective(node.sysctls.demotion);
        let advbase = vhid.advbase.get();
        let families = vhid.addresses;
        if families[0] > 0 {
            self.nodes[n].counters.opackets += 1;
            self.send_family(n, v, Family::V4, advskew);
        }
        if families[1] > 0 {
            self.nodes[n].counters.opackets6 += 1;
            self.send_family(n, v, Family::V6, advskew);
        }
        self.arm(n, v, TimerKind::Advert, interval(u64::from(advbase), advskew));
    }

    fn send_family(&mut self, n: usize, v: usize, family: Family, advskew: u8) {
        let node = &self.nodes[n];
        let vhid = &node.vhids[v];
        let i = vhid.interface;
        if node.interfaces[i].drop_out[family.at()] {
            self.count_send(n, v, Err(EACCES));
            return;
        }
        let to = match family {
            Family::V4 if vhid.peer != GROUP4 => Some(IpAddr::V4(vhid.peer)),
            Family::V6 if vhid.peer6 != GROUP6 => Some(IpAddr::V6(vhid.peer6)),
            _ => None,
        };
        let advert = Advert {
            digest: vhid.digest,
            vhid: vhid.vhid.get(),
            advbase: vhid.advbase.get(),
            advskew,
            family,
            multicast: to.is_none(),
        };
        self.transmit(n, i, Packet::Advert(advert), to);
        self.count_send(n, v, Ok(()));
    }

    /// Demotes after three errors, takes it back after three successes in a row (`carp_send_ad_error()`).
    fn count_send(&mut self, n: usize, v: usize, sent: Result<(), i32>) {
        let factor = self.nodes[n].sysctls.senderr_demotion_factor.get();
        let node = &mut self.nodes[n];
        let vhid = &mut node.vhids[v];
        match sent {
            Err(errno) => {
                vhid.send_errors = vhid.send_errors.saturating_add(1);
                vhid.send_successes = 0;
                if vhid.send_errors == SEND_LIMIT {
                    let reason = format!("send error {errno} on {}", node.interfaces[vhid.interface].name);
                    self.demote(n, factor, &reason);
                }
            }
            Ok(()) if vhid.send_errors > 0 => {
                vhid.send_successes += 1;
                if vhid.send_successes >= SEND_LIMIT {
                    let demoted = std::mem::take(&mut vhid.send_errors) >= SEND_LIMIT;
                    if demoted {
                        let reason = format!("send ok on {}", node.interfaces[vhid.interface].name);
                        self.demote(n, factor.wrapping_neg(), &reason);
                    }
                }
            }
            Ok(()) => {}
        }
    }

    pub(super) fn receive_advert(&mut self, n: usize, i: usize, advert: Advert) {
        let node = &mut self.nodes[n];
        let interface = &node.interfaces[i];
        // Without an address of that family under CARP the interface has not joined the group, and IP drops the packet unseen.
        let joined = !advert.multicast || interface.carp_addresses[advert.family.at()] > 0;
        if !joined || interface.drop_in[advert.family.at()] {
            return;
        }
        match advert.family {
            Family::V4 => node.counters.ipackets += 1,
            Family::V6 => node.counters.ipackets6 += 1,
        }
        if !node.sysctls.allow {
            return;
        }
        let known = node.find_vhid(i, advert.vhid).filter(|&v| node.vhids[v].addresses[advert.family.at()] > 0);
        let Some(v) = known else {
            node.counters.badvhid += 1;
            return;
        };
        if node.vhids[v].digest != advert.digest {
            node.counters.badauth += 1;
            return;
        }
        self.judge_advert(n, v, advert);
    }

    /// Compares the sender with oneself (`carp_input_c()`).
    fn judge_advert(&mut self, n: usize, v: usize, advert: Advert) {
        let node = &self.nodes[n];
        let vhid = &node.vhids[v];
        let effective = vhid.advskew.effective(node.sysctls.demotion);
        let advbase = u64::from(vhid.advbase.get());
        let own = interval(advbase, effective);
        let theirs = interval(u64::from(advert.advbase), advert.advskew);
        match vhid.state {
            CarpState::Init => {}
            CarpState::Master => {
                if own >= theirs {
                    self.step_down(n, v, "more frequent advertisement received");
                }
            }
            CarpState::Backup if node.sysctls.preempt && own < theirs => {
                self.become_master(n, v, "preempting a slower master");
            }
            CarpState::Backup if interval(3 * advbase, effective) < theirs => {
                self.become_master(n, v, "master will time out");
            }
            CarpState::Backup => self.set_run(n, v, Some(advert.family)),
        }
    }

    /// Notes anew what the HMAC covers: key, vhid, all IPv4 addresses, then all IPv6 addresses, ascending and without scope
    /// (`carp_hmac_prepare()`). Prefix lengths are not covered.
    pub(super) fn renew_digest(&mut self, n: usize, v: usize) {
        let node = &self.nodes[n];
        let vhid = &node.vhids[v];
        let mut addresses: Vec<IpAddr> =
            node.addresses.iter().filter(|a| a.vhid == Some(vhid.serial)).map(|a| a.net.addr()).collect();
        addresses.sort_unstable();
        let mut hasher = DefaultHasher::new();
        vhid.key.as_ref().map_or(&[0; 20], |key| key.expose()).hash(&mut hasher);
        (vhid.vhid, addresses).hash(&mut hasher);
        self.nodes[n].vhids[v].digest = hasher.finish();
    }
}
