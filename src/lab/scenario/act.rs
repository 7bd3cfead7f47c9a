//! Carries out the steps.

use std::time::Duration;

use ipnet::IpNet;

use super::action::{Action, NetworkAction, NodeAction};
use super::file::Answer;
use super::record::Kind;
use super::run::Runner;
use super::setup::Setup;
use crate::core::attribution::OPNSENSE_MAINTENANCE;
use crate::core::events::EventSource;
use crate::core::io::{Input, Reply, Request};
use crate::lab::manners::StartManner;
use crate::lab::world::{LabError, SegmentId, VhidSettings};
use crate::model::{CarpKey, Demotion, Mono, VhidRef};

/// How long a process lives that dies at its start.
const SOON: Duration = Duration::from_millis(10);

/// Faults that are in force and that no kernel shows.
#[derive(Debug)]
pub(crate) struct Faults {
    /// By node: the interfaces that are cut behind their switch port.
    pub(super) cut: Vec<Vec<String>>,
    /// By node: the interfaces whose cable is pulled.
    pub(super) pulled: Vec<Vec<String>>,
    /// By node: CARP is disabled.
    pub(super) disabled: Vec<bool>,
    /// Segments that do not carry everything.
    pub(super) torn: Vec<SegmentId>,
    /// When the last step was.
    pub(super) last_step: Mono,
}

impl Faults {
    pub(super) fn new(setup: &Setup) -> Self {
        let nodes = setup.nodes.len();
        Self {
            cut: vec![Vec::new(); nodes],
            pulled: vec![Vec::new(); nodes],
            disabled: vec![false; nodes],
            torn: Vec::new(),
            last_step: Mono::ZERO,
        }
    }
}

impl Runner<'_> {
    pub(super) fn perform(&mut self, action: &Action) {
        self.faults.last_step = self.now();
        let (node, text) = match action {
            Action::Node(at, action) => (Some(*at), action.to_string()),
            Action::Network(action) => (None, action.to_string()),
        };
        self.tell(node, Kind::Step, text);
        let done = match action {
            Action::Node(at, action) => {
                self.touched[*at] = true;
                self.on_node(*at, action)
            }
            Action::Network(action) => {
                self.on_network(action);
                Ok(())
            }
        };
        if let Err(error) = done {
            self.tell(node, Kind::Refused, error.to_string());
            self.guard.refused += 1;
        }
        self.events();
        // Before the next step of this instant gives another reason.
        node.into_iter().for_each(|at| self.check_writes(at));
    }

    /// The segment that the cable of the interface called `label` leads to, whether or not it is plugged in.
    fn segment_id(&self, at: usize, label: &str) -> Option<SegmentId> {
        let name = self.cluster.interface(at, label)?;
        self.cluster.segment_of(at, &name).map(|segment| segment.id)
    }

    fn on_network(&mut self, action: &NetworkAction) {
        let (interface, torn) = match action {
            NetworkAction::Partition { interface } | NetworkAction::OneWayCut { interface, .. } => (interface, true),
            NetworkAction::Heal { interface } => (interface, false),
            NetworkAction::Loss { interface, percent } => (interface, *percent > 0),
        };
        let Some(segment) = (0..self.nodes.len()).find_map(|at| self.segment_id(at, interface)) else { return };
        let world = &mut self.cluster.world;
        match action {
            NetworkAction::Partition { .. } => {
                let ids: Vec<_> = world.nodes().collect();
                let parts: Vec<&[_]> = ids.iter().map(std::slice::from_ref).collect();
                world.partition(segment, &parts);
            }
            NetworkAction::Heal { .. } => world.heal(segment),
            NetworkAction::OneWayCut { from, to, .. } => {
                if let (Some(from), Some(to)) = (world.node(from), world.node(to)) {
                    world.cut(segment, from, to);
                }
            }
            NetworkAction::Loss { percent, .. } => world.set_loss(segment, f64::from(*percent) / 100.0),
        }
        self.faults.torn.retain(|other| *other != segment);
        if torn {
            self.faults.torn.push(segment);
        }
    }

    fn on_node(&mut self, at: usize, action: &NodeAction) -> Result<(), LabError> {
        match action {
            NodeAction::CablePull { .. }
            | NodeAction::CablePlug { .. }
            | NodeAction::CableCut { .. }
            | NodeAction::CableMend { .. } => self.cable(at, action),
            NodeAction::Crash {} => self.crash(at),
            NodeAction::Boot {} => self.nodes[at].boot_at = Some(self.now()),
            NodeAction::Reboot { down_for } => {
                self.crash(at);
                self.nodes[at].boot_at = Some(self.now() + down_for.0);
            }
            NodeAction::DaemonKill {} => self.nodes[at].stop_daemon(),
            NodeAction::DaemonDies { when } => {
                if let Some(daemon) = &mut self.nodes[at].daemon {
                    daemon.dies = Some(*when);
                }
            }
            NodeAction::DaemonStop {} => self.nodes[at].feed(&mut self.cluster, Input::Shutdown),
            NodeAction::DevdDown {} => self.devd(at, false),
            NodeAction::DevdUp {} => self.devd(at, true),
            NodeAction::LoseEvents { time } => self.nodes[at].devd.mute_until = self.now() + time.0,
            NodeAction::MaintenanceEnter { reason, time, force } => {
                let until = time.map(|span| self.nodes[at].now(self.now()).wall + span.0);
                let reason = reason.clone();
                self.ask(at, Request::MaintenanceEnter { reason, until, force: *force });
            }
            NodeAction::MaintenanceLeave {} => self.ask(at, Request::MaintenanceLeave),
            NodeAction::ServiceUnmanage { service, time, reason } => {
                let until = self.nodes[at].now(self.now()).wall + time.0;
                self.ask(at, Request::ServiceUnmanage { service: service.clone(), until, reason: reason.clone() });
            }
            NodeAction::ServiceManage { service } => self.ask(at, Request::ServiceManage { service: service.clone() }),
            NodeAction::DiskFull { on } => {
                self.nodes[at].around.disk.fault = on.then(|| "no space left on device".to_owned());
            }
            NodeAction::KernelUnreadable { on } => self.nodes[at].kernel.unreadable = *on,
            NodeAction::ClockForward { by } => self.nodes[at].clock_off += by.0.as_millis() as i64,
            NodeAction::ClockBack { by } => self.nodes[at].clock_off -= by.0.as_millis() as i64,
            _ if action.service().is_some() => self.service(at, action),
            _ => return self.on_kernel(at, action),
        }
        Ok(())
    }

    fn on_kernel(&mut self, at: usize, action: &NodeAction) -> Result<(), LabError> {
        let id = self.cluster.nodes[at].id;
        let world = &mut self.cluster.world;
        match action {
            NodeAction::DemotionAdd { by } => world.add_demotion(id, Demotion::new(*by)),
            NodeAction::DemotionReset {} => self.reset_demotion(at),
            NodeAction::OpnsenseEnter {} => {
                self.opnsense_flag(at, true);
                self.cluster.world.add_demotion(id, Demotion::new(OPNSENSE_MAINTENANCE))
            }
            NodeAction::OpnsenseLeave {} => {
                self.opnsense_flag(at, false);
                self.reset_demotion(at)
            }
            NodeAction::DaemonStart {} => {
                world.snapshot(id)?;
                self.nodes[at].daemon_at = Some(self.now());
                Ok(())
            }
            NodeAction::Allow { on } => world.set_allow(id, *on),
            NodeAction::Preempt { on } => {
                self.cluster.nodes[at].plan.preempt = *on;
                world.set_preempt(id, *on)
            }
            NodeAction::CarpDisable {} => self.disable_carp(at),
            NodeAction::CarpEnable {} => {
                self.faults.disabled[at] = false;
                self.cluster.apply_pfsync(at)?;
                self.cluster.world.set_allow(id, true)?;
                self.cluster.apply_vhids(at)
            }
            NodeAction::VipAdd { vhid, address } => self.change_vip(at, vhid, *address, true),
            NodeAction::VipDel { vhid, address } => self.change_vip(at, vhid, *address, false),
            NodeAction::Password { vhid, password } => self.change_password(at, vhid, password),
            NodeAction::PfsyncReset {} => self.cluster.apply_pfsync(at),
            NodeAction::InterfaceUp { interface } => world.set_up(id, interface, true),
            NodeAction::InterfaceDown { interface } => world.set_up(id, interface, false),
            NodeAction::InterfaceDestroy { interface } => world.destroy_interface(id, interface),
            _ => Ok(()),
        }
    }

    fn cable(&mut self, at: usize, action: &NodeAction) {
        let (NodeAction::CablePull { interface: label }
        | NodeAction::CablePlug { interface: label }
        | NodeAction::CableCut { interface: label }
        | NodeAction::CableMend { interface: label }) = action
        else {
            return;
        };
        let (Some(name), Some(segment)) = (self.cluster.interface(at, label), self.segment_id(at, label)) else {
            return;
        };
        let id = self.cluster.nodes[at].id;
        let world = &mut self.cluster.world;
        let name_text = name.to_string();
        let (list, there) = match action {
            NodeAction::CablePull { .. } => (&mut self.faults.pulled[at], world.unplug(id, &name).map(|()| true)),
            NodeAction::CablePlug { .. } => {
                // A cable that was cut stays cut.
                let through = !self.faults.cut[at].contains(&name_text);
                let plugged = world.plug(id, &name, segment).and_then(|()| world.set_far_end(id, &name, through));
                (&mut self.faults.pulled[at], plugged.map(|()| false))
            }
            NodeAction::CableCut { .. } => {
                (&mut self.faults.cut[at], world.set_far_end(id, &name, false).map(|()| true))
            }
            _ => (&mut self.faults.cut[at], world.set_far_end(id, &name, true).map(|()| false)),
        };
        list.retain(|other| *other != name_text);
        if there == Ok(true) {
            list.push(name_text);
        }
    }

    fn crash(&mut self, at: usize) {
        let id = self.cluster.nodes[at].id;
        self.cluster.world.power_off(id);
        self.faults.disabled[at] = false;
        self.nodes[at].lose_power();
        self.nodes[at].boot_at = None;
        self.guard.reset(at);
    }

    pub(super) fn boot(&mut self, at: usize) {
        let now = self.now();
        let was_off = !self.cluster.world.is_powered(self.cluster.nodes[at].id);
        self.nodes[at].boot_at = None;
        if !was_off {
            return;
        }
        if let Err(error) = self.cluster.boot(at) {
            self.tell(Some(at), Kind::Refused, error.to_string());
            self.guard.refused += 1;
        }
        self.nodes[at].boots(now, self.scenario.starts_after);
        self.touched[at] = true;
        self.faults.last_step = now;
        self.tell(Some(at), Kind::Step, "boots".to_owned());
        self.guard.boots(at);
    }

    fn devd(&mut self, at: usize, up: bool) {
        let node = &mut self.nodes[at];
        if node.devd.up != up {
            node.devd.up = up;
            node.feed(&mut self.cluster, Input::EventSource { source: EventSource::Devd, connected: up });
        }
    }

    fn ask(&mut self, at: usize, request: Request) {
        let now = self.now();
        let asked = request.clone();
        let is_durable = |node: &super::node::SimNode| {
            let journal = &node.around.disk.journal;
            match &asked {
                Request::MaintenanceEnter { .. } => journal.maintenance.is_some(),
                Request::MaintenanceLeave => journal.maintenance.is_none(),
                Request::ServiceUnmanage { service, .. } => journal.unmanaged.contains_key(service),
                Request::ServiceManage { service } => !journal.unmanaged.contains_key(service),
                _ => true,
            }
        };
        let reply = self.nodes[at].request(&mut self.cluster, request);
        let (answer, text) = match reply {
            Some(Reply::Done { text }) => (Answer::Done, text),
            Some(Reply::Refused { text }) => (Answer::Refused, text),
            Some(Reply::Failed { text }) => (Answer::Failed, text),
            None => (Answer::Nobody, "no daemon answers".to_owned()),
        };
        self.tell(Some(at), Kind::Carpd, format!("answers {}: {text}", answer.as_str()));
        self.record.nodes[at].answer.set(now, answer);
        if answer == Answer::Done && !is_durable(&self.nodes[at]) {
            let what = format!("it answered {text:?}, but that is not on its disk");
            self.broken(Some(at), "what is confirmed is durable", what);
        }
    }

    fn service(&mut self, at: usize, action: &NodeAction) {
        let Some(name) = action.service() else { return };
        let (now, powered) = (self.now(), self.cluster.world.is_powered(self.cluster.nodes[at].id));
        let now = self.nodes[at].mono(now);
        let base = self.setup.services.iter().find(|(known, _)| known == name).map(|(_, sim)| sim.manners.clone());
        let Some((sim, base)) = self.nodes[at].around.services.get_mut(name).zip(base) else { return };
        match action {
            NodeAction::ServiceCrash { .. } => sim.end(),
            NodeAction::ServiceStart { .. } if powered => sim.start_by_hand(now),
            NodeAction::GuiSave { .. } if powered => {
                sim.end();
                sim.start_by_hand(now);
            }
            NodeAction::FilesMissing { on, .. } => {
                sim.missing = on.then(|| "/etc/defguard/certs/grpc_ca_cert.pem is missing".to_owned());
            }
            NodeAction::FenceFails { on, .. } => sim.fence_fault = on.then(|| "exited 1".to_owned()),
            NodeAction::StartFails { on, .. } => sim.start_fault = on.then(|| "exited with status 1".to_owned()),
            NodeAction::StartLies { on, .. } => {
                sim.manners.start = if *on { StartManner::Lies } else { base.start };
            }
            NodeAction::DiesAtStart { on, .. } => {
                sim.manners.dies_after = if *on { Some(SOON) } else { base.dies_after };
            }
            NodeAction::StopHangs { on, .. } => sim.stop_hangs = *on,
            NodeAction::Unhealthy { on, .. } => sim.healthy = !on,
            NodeAction::CoreLost { .. } => sim.core(false, now),
            NodeAction::CoreBack { .. } => sim.core(true, now),
            NodeAction::CorePush { .. } => sim.push(),
            _ => {}
        }
        if matches!(action, NodeAction::ServiceStart { .. } | NodeAction::GuiSave { .. }) {
            self.guard.started_by_hand(at, name, self.setup);
        }
        self.nodes[at].serve(&mut self.cluster);
    }

    /// Writes "0 minus what it is", which takes carpd's share out, too.
    fn reset_demotion(&mut self, at: usize) -> Result<(), LabError> {
        let id = self.cluster.nodes[at].id;
        let sum = self.cluster.world.demotion(id).unwrap_or_default();
        // A look in the same instant came before it.
        self.nodes[at].kernel.looked = false;
        self.nodes[at].kernel.share = 0;
        self.guard.demotion_was_reset(at);
        self.cluster.world.add_demotion(id, Demotion::ZERO.minus(sum))
    }

    /// carpd watches config.xml and takes the flag up at once.
    fn opnsense_flag(&mut self, at: usize, on: bool) {
        self.cluster.nodes[at].plan.opnsense_maintenance = on;
        let node = &mut self.nodes[at];
        node.policy.opnsense_maintenance = on;
        let policy = node.policy.clone();
        node.feed(&mut self.cluster, Input::Reloaded(policy));
    }

    fn disable_carp(&mut self, at: usize) -> Result<(), LabError> {
        let id = self.cluster.nodes[at].id;
        self.cluster.world.set_allow(id, false)?;
        self.faults.disabled[at] = true;
        for vhid in self.cluster.nodes[at].plan.vhids.clone() {
            for net in &vhid.addresses {
                self.cluster.world.remove_address(id, &vhid.id.interface, net.addr())?;
            }
        }
        Ok(())
    }

    fn change_vip(&mut self, at: usize, vhid: &VhidRef, address: IpNet, there: bool) -> Result<(), LabError> {
        let Some(id) = self.local(at, vhid) else { return Ok(()) };
        let node = &mut self.cluster.nodes[at];
        if let Some(plan) = node.plan.vhids.iter_mut().find(|plan| plan.id == id) {
            plan.addresses.retain(|other| *other != address);
            if there {
                plan.addresses.push(address);
            }
        }
        if self.faults.disabled[at] {
            return Ok(());
        }
        let (node, world) = (node.id, &mut self.cluster.world);
        if there {
            world.add_address(node, &id.interface, address, Some(id.vhid))
        } else {
            world.remove_address(node, &id.interface, address.addr())
        }
    }

    fn change_password(&mut self, at: usize, vhid: &VhidRef, password: &str) -> Result<(), LabError> {
        let Some(id) = self.local(at, vhid) else { return Ok(()) };
        let node = &mut self.cluster.nodes[at];
        let Some(plan) = node.plan.vhids.iter_mut().find(|plan| plan.id == id) else { return Ok(()) };
        plan.key = Some(CarpKey::from_password(password.as_bytes()));
        let settings = VhidSettings {
            advbase: Some(plan.advbase),
            advskew: plan.advskew,
            key: plan.key.clone(),
            ..VhidSettings::default()
        };
        self.cluster.world.set_vhid(node.id, &id, &settings)
    }

    /// What the node's kernel calls the vhid.
    fn local(&self, at: usize, vhid: &VhidRef) -> Option<VhidRef> {
        let group = self.setup.group(vhid).ok()?;
        self.setup.groups[group].on[at].clone()
    }
}
