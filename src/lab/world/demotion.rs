//! `net.inet.carp.*`: the sum of demotions and the other switches of a node.

use crate::model::{CarpState, CarpVariable, Demotion};

use super::clock::Event;
use super::node::NodeId;
use super::{LabError, World};

impl World {
    /// Writes `net.inet.carp.demotion`: the number is added to the sum, and all MASTERs advertise. 0 adds nothing, but still does the latter.
    ///
    /// # Errors
    /// The node is off.
    pub fn add_demotion(&mut self, node: NodeId, delta: Demotion) -> Result<(), LabError> {
        self.running(node)?;
        self.demote(node.at(), delta.get(), "sysctl");
        Ok(())
    }

    /// Writes a variable of CARP, as sysctl(8) does.
    ///
    /// # Errors
    /// The node is off.
    pub fn set_variable(&mut self, node: NodeId, variable: CarpVariable, value: i32) -> Result<(), LabError> {
        match variable {
            CarpVariable::Allow => self.set_allow(node, value != 0),
            CarpVariable::Preempt => self.set_preempt(node, value != 0),
            CarpVariable::Log => self.set_log(node, value),
            CarpVariable::SenderrDemotionFactor => self.set_senderr_factor(node, Demotion::new(value)),
            CarpVariable::IfdownDemotionFactor => self.set_ifdown_factor(node, Demotion::new(value)),
        }
    }

    /// Writes `net.inet.carp.preempt`. It counts at the next advert that the node hears.
    ///
    /// # Errors
    /// The node is off.
    pub fn set_preempt(&mut self, node: NodeId, preempt: bool) -> Result<(), LabError> {
        self.running(node)?.sysctls.preempt = preempt;
        Ok(())
    }

    /// Writes `net.inet.carp.allow`. A change reconsiders every vhid, the newest first: off demotes by the interface-down factor for each.
    ///
    /// # Errors
    /// The node is off.
    pub fn set_allow(&mut self, node: NodeId, allow: bool) -> Result<(), LabError> {
        let sysctls = &mut self.running(node)?.sysctls;
        if std::mem::replace(&mut sysctls.allow, allow) != allow {
            for v in (0..self.nodes[node.at()].vhids.len()).rev() {
                self.reconsider(node.at(), v);
            }
        }
        Ok(())
    }

    /// Writes `net.inet.carp.log`: with 0 or less, changes leave no line in the kernel message buffer.
    ///
    /// # Errors
    /// The node is off.
    pub fn set_log(&mut self, node: NodeId, level: i32) -> Result<(), LabError> {
        self.running(node)?.log_level = level;
        Ok(())
    }

    /// Writes `net.inet.carp.ifdown_demotion_factor`. What an interface that is down already added is taken back by the *new* amount.
    ///
    /// # Errors
    /// The node is off.
    pub fn set_ifdown_factor(&mut self, node: NodeId, factor: Demotion) -> Result<(), LabError> {
        self.running(node)?.sysctls.ifdown_demotion_factor = factor;
        Ok(())
    }

    /// Writes `net.inet.carp.senderr_demotion_factor`; used at the error and again at the recovery.
    ///
    /// # Errors
    /// The node is off.
    pub fn set_senderr_factor(&mut self, node: NodeId, factor: Demotion) -> Result<(), LabError> {
        self.running(node)?.sysctls.senderr_demotion_factor = factor;
        Ok(())
    }

    /// Writes `net.pfsync.carp_demotion_factor`; used at the start of a bulk update and again at its end.
    ///
    /// # Errors
    /// The node is off.
    pub fn set_pfsync_factor(&mut self, node: NodeId, factor: Demotion) -> Result<(), LabError> {
        self.running(node)?.sysctls.pfsync_demotion_factor = factor;
        Ok(())
    }

    /// Zeroes `net.inet.carp.stats`, as any write to it does.
    ///
    /// # Errors
    /// The node is off.
    pub fn clear_counters(&mut self, node: NodeId) -> Result<(), LabError> {
        self.running(node)?.counters = crate::model::CarpCounters::default();
        Ok(())
    }

    /// Adds to the sum and has all MASTERs advertise soon (`carp_demote_adj()`).
    pub(super) fn demote(&mut self, n: usize, amount: i32, reason: &str) {
        let node = &mut self.nodes[n];
        node.sysctls.demotion = node.sysctls.demotion.plus(Demotion::new(amount));
        let sum = node.sysctls.demotion;
        node.log(|| format!("carp: demoted by {amount} to {sum} ({reason})"));
        let queued =
            if self.config.shared_kernel { &mut self.send_all_queued } else { &mut self.nodes[n].send_all_queued };
        // A task that is queued already runs once for both.
        if !std::mem::replace(queued, true) {
            self.queue.push(self.now, Event::SendAll { node: n as u32 });
        }
    }

    /// All MASTERs advertise, the newest vhid first (`carp_send_ad_all()`).
    pub(super) fn send_all(&mut self, n: usize) {
        if !self.config.shared_kernel {
            if std::mem::take(&mut self.nodes[n].send_all_queued) {
                for v in (0..self.nodes[n].vhids.len()).rev() {
                    self.send_if_master(n, v);
                }
            }
            return;
        }
        self.send_all_queued = false;
        let mut before = u32::MAX;
        while let Some((serial, n, v)) = self.newest_before(before) {
            self.send_if_master(n, v);
            before = serial;
        }
    }

    fn newest_before(&self, before: u32) -> Option<(u32, usize, usize)> {
        let all = self.nodes.iter().enumerate();
        all.filter_map(|(n, node)| {
            let newer = node.vhids.partition_point(|v| v.serial < before);
            newer.checked_sub(1).map(|v| (node.vhids[v].serial, n, v))
        })
        .max()
    }

    fn send_if_master(&mut self, n: usize, v: usize) {
        if self.nodes[n].vhids[v].state == CarpState::Master {
            self.send_advert(n, v);
        }
    }
}
