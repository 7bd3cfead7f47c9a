//! Takes down what can be seen of the cluster from outside: kernels, services, and what clients of the VIPs find.

use super::file::{State, Tunnel};
use super::record::{Kind, Overlap, Part};
use super::run::Runner;
use crate::core::policy::{Require, ServicePolicy};
use crate::lab::daemon::SimService;
use crate::model::{Demotion, LinkState, Mono, VhidRef};

impl Runner<'_> {
    /// Takes down what changed, and checks every promise.
    pub(super) fn observe(&mut self) {
        for at in 0..self.nodes.len() {
            self.see_node(at);
        }
        self.see_reachable();
        for service in 0..self.setup.services.len() {
            Part::BOTH.into_iter().for_each(|part| self.see_overlap(service, part));
        }
        for at in 0..self.nodes.len() {
            self.see_status(at);
            self.check_looks(at);
            self.check_share(at);
            self.check_writes(at);
            self.check_services(at);
            self.check_links(at);
            self.check_holds(at);
            self.touched[at] = false;
        }
        self.check_quiet();
    }

    /// At the end of the run: what is still going on ends here.
    pub(super) fn close(&mut self) {
        let now = self.now();
        for service in 0..self.setup.services.len() {
            for part in Part::BOTH {
                if let Some((from, causes)) = self.guard.overlaps[service][part as usize].take() {
                    self.record.overlaps.push(Overlap { service, part, from, to: now, causes });
                }
            }
        }
    }

    pub(super) fn disturb(&mut self) {
        self.guard.disturbed = self.now();
        self.guard.judged_quiet = false;
    }

    fn see_node(&mut self, at: usize) {
        let (now, id) = (self.now(), self.cluster.nodes[at].id);
        let sum = self.cluster.world.demotion(id).map(Demotion::get);
        let before = self.record.nodes[at].sum.last().copied().flatten();
        if self.record.nodes[at].sum.set(now, sum) {
            self.touched[at] = true;
            self.disturb();
            if let (Some(before), Some(sum)) = (before, sum) {
                self.tell(Some(at), Kind::Demotion, format!("{before} -> {sum}"));
            }
        }
        self.record.nodes[at].share.set(now, self.nodes[at].kernel.share);
        if self.touched[at] {
            self.see_states(at);
        }
        for service in 0..self.setup.services.len() {
            self.see_service(at, service);
        }
    }

    fn see_states(&mut self, at: usize) {
        let now = self.now();
        let look = self.cluster.world.snapshot(self.cluster.nodes[at].id).ok();
        let setup = self.setup;
        for (group, label) in setup.groups.iter().enumerate() {
            let Some(id) = &label.on[at] else { continue };
            let state = match &look {
                None => State::Off,
                Some(look) => look.vhid(id).map_or(State::Absent, |vhid| vhid.state.into()),
            };
            let series = &mut self.record.nodes[at].states[group];
            let before = series.last().copied();
            if series.set(now, state) {
                self.disturb();
                let before = before.map_or_else(String::new, |before| format!("{} -> ", before.as_str()));
                self.tell(Some(at), Kind::Vhid, format!("{} {before}{}", label.label, state.as_str()));
            }
        }
    }

    fn see_service(&mut self, at: usize, service: usize) {
        let now = self.now();
        let (name, _) = &self.setup.services[service];
        let Some(sim) = self.nodes[at].around.services.get(name) else { return };
        let (running, healthy, starts, stops) = (sim.running, sim.healthy, sim.starts, sim.stops);
        let record = &mut self.record.nodes[at];
        record.starts[service].resize(starts as usize, now);
        record.stops[service].resize(stops as usize, now);
        let changed = record.running[service].set(now, running);
        let first = changed && record.running[service].over(Mono::ZERO, now).count() == 1;
        if std::mem::replace(&mut self.guard.nodes[at].healthy[service], healthy) != healthy || changed {
            self.disturb();
        }
        if changed && (running || !first) {
            self.tell(Some(at), Kind::Service, format!("{name} {}", if running { "runs" } else { "is down" }));
        }
        self.see_tunnel(at, service);
    }

    fn see_tunnel(&mut self, at: usize, service: usize) {
        let (now, (_, sim)) = (self.now(), &self.setup.services[service]);
        let Some(name) = &sim.manners.tunnel else { return };
        let tunnel = match self.cluster.world.link_state(self.cluster.nodes[at].id, name) {
            Ok(LinkState::Up | LinkState::Stuck) => Tunnel::Up,
            Ok(LinkState::Down) => Tunnel::Down,
            Ok(LinkState::Absent) | Err(_) => Tunnel::Absent,
        };
        let series = &mut self.record.nodes[at].tunnels[service];
        let first = series.last().is_none();
        if series.set(now, tunnel) {
            self.disturb();
            if !first {
                self.tell(Some(at), Kind::Service, format!("{name} is {}", tunnel.as_str()));
            }
        }
    }

    fn see_reachable(&mut self) {
        if !self.touched.iter().any(|touched| *touched) {
            return;
        }
        let now = self.now();
        let setup = self.setup;
        for (group, label) in setup.groups.iter().enumerate() {
            let reached = |at: &usize| {
                let cut = |id: &VhidRef| self.faults.cut[*at].iter().any(|name| name == id.interface.as_str());
                self.state(*at, group) == Some(State::Master) && !label.on[*at].as_ref().is_some_and(cut)
            };
            let count = (0..self.nodes.len()).filter(reached).count();
            self.record.reachable[group].set(now, count);
        }
    }

    pub(super) fn state(&self, at: usize, group: usize) -> Option<State> {
        self.record.nodes[at].states.get(group)?.last().copied()
    }

    /// Whether the kernels give the service to this node.
    pub(super) fn active(&self, at: usize, service: usize) -> bool {
        let Some((place, groups)) = &self.guard.nodes[at].follows[service] else { return false };
        let mut masters = groups.iter().map(|group| self.state(at, *group) == Some(State::Master));
        match self.nodes[at].policy.services[*place].require {
            Require::All => masters.all(|master| master),
            Require::Any => masters.any(|master| master),
        }
    }

    pub(super) fn runs(&self, at: usize, service: usize) -> bool {
        self.record.nodes[at].running[service].last() == Some(&true)
    }

    pub(super) fn policy(&self, at: usize, service: usize) -> Option<&ServicePolicy> {
        let (place, _) = self.guard.nodes[at].follows[service].as_ref()?;
        self.nodes[at].policy.services.get(*place)
    }

    /// carpd runs and can see the kernel.
    pub(super) fn sees(&self, at: usize) -> bool {
        self.nodes[at].daemon.is_some() && !self.nodes[at].kernel.unreadable
    }

    pub(super) fn hangs(&self, at: usize, service: usize) -> bool {
        let (name, _) = &self.setup.services[service];
        self.nodes[at].around.services.get(name).is_some_and(SimService::ignores_stops)
    }

    pub(super) fn tunnel(&self, at: usize, service: usize) -> Option<Tunnel> {
        self.record.nodes[at].tunnels[service].last().copied()
    }

    /// It is meant to run on all nodes, and only its link follows.
    pub(super) fn is_warm(&self, at: usize, service: usize) -> bool {
        self.policy(at, service).is_some_and(ServicePolicy::is_warm)
    }

    /// Somebody was told that they have it, or would have been, had carpd lived to say so.
    pub(super) fn in_hands(&self, at: usize, service: usize) -> bool {
        let (around, name) = (&self.nodes[at].around, &self.setup.services[service].0);
        around.in_hands.contains_key(name) || around.disk.journal.unmanaged.contains_key(name)
    }

    fn see_overlap(&mut self, service: usize, part: Part) {
        let now = self.now();
        let there = |at: &usize| match part {
            Part::Process => self.runs(*at, service) && !self.is_warm(*at, service),
            Part::Tunnel => self.tunnel(*at, service) == Some(Tunnel::Up),
        };
        let on: Vec<usize> = (0..self.nodes.len()).filter(there).collect();
        let place = part as usize;
        if on.len() < 2 {
            if let Some((from, causes)) = self.guard.overlaps[service][place].take()
                && from < now
            {
                self.record.overlaps.push(Overlap { service, part, from, to: now, causes });
            }
            return;
        }
        let found = self.causes(service, part, &on);
        let (_, causes) = self.guard.overlaps[service][place].get_or_insert_with(|| (now, Vec::new()));
        for cause in found {
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
    }

    /// The tunnel is the service's link, which carpd takes down.
    pub(super) fn has_link(&self, at: usize, service: usize) -> bool {
        let (_, sim) = &self.setup.services[service];
        sim.manners.tunnel.is_some() && self.policy(at, service).is_some_and(|policy| policy.link == sim.manners.tunnel)
    }

    /// What explains that there is one on each of the nodes `on`.
    fn causes(&self, service: usize, part: Part, on: &[usize]) -> Vec<&'static str> {
        let mut found = Vec::new();
        if on.iter().filter(|at| self.active(**at, service)).count() > 1 {
            found.push("both nodes are MASTER");
        }
        for at in on.iter().copied().filter(|at| !self.active(*at, service)) {
            found.push(match () {
                () if self.nodes[at].daemon.is_none() => "carpd is dead",
                () if self.nodes[at].kernel.unreadable => "the kernel is unreadable",
                () if self.in_hands(at, service) => "in a person's hands",
                () if part == Part::Tunnel && !self.has_link(at, service) => "nobody takes the tunnel down",
                () if part == Part::Tunnel => "handover",
                () if self.hangs(at, service) => "a stop hangs",
                () if self.guard.nodes[at].wrong[service].by_hand => "started by hand",
                () => "handover",
            });
        }
        found
    }
}
