//! What the lab process knows: the world, the clock, and what runs on each node.

use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use super::daemon::Daemon;
use super::devd::Devd;
use super::protocol::CoreChange;
use super::setup::NodeSetup;
use super::timeline::{NodeTrack, Timeline};
use crate::config::settings::Service;
use crate::core::status::VhidState;
use crate::lab::cluster::Cluster;
use crate::lab::dir::NodePaths;
use crate::model::{Demotion, InterfaceName, Mono, ServiceName, Snapshot, VhidRef, Wall};

#[derive(Debug)]
pub(in crate::lab) struct State {
    pub(in crate::lab) cluster: Cluster,
    pub(in crate::lab) nodes: Vec<NodeState>,
    pub(in crate::lab) timeline: Timeline,
    /// Cables that are broken behind the switch.
    pub(in crate::lab) cuts: BTreeSet<(usize, InterfaceName)>,
    /// Segments whose nodes do not hear each other.
    pub(in crate::lab) partitions: BTreeSet<String>,
    started: Instant,
}

/// What runs on a node.
#[derive(Debug)]
pub(in crate::lab) struct NodeState {
    pub(in crate::lab) paths: NodePaths,
    pub(in crate::lab) services: Vec<Service>,
    pub(in crate::lab) notes: Vec<String>,
    pub(in crate::lab) devd: Devd,
    pub(in crate::lab) daemon: Option<Daemon>,
    /// How the last carpd ended.
    pub(in crate::lab) daemon_ended: String,
    /// Services that said they run.
    pub(in crate::lab) processes: Vec<ServiceProcess>,
    /// Services whose core cannot be reached.
    pub(in crate::lab) lost_cores: BTreeSet<ServiceName>,
    /// Writes of a plan that were asked of its kernel, those that failed among them.
    pub(in crate::lab) administered: usize,
}

/// A process that stands in for a service.
#[derive(Clone, Debug)]
pub struct ServiceProcess {
    /// The service.
    pub service: ServiceName,
    /// The process, as the system tells it.
    pub pid: i32,
    /// Ends its connection, and with it the process.
    pub(super) cut: Rc<Notify>,
    /// What its core does reaches it here.
    pub(super) core: UnboundedSender<CoreChange>,
}

impl NodeState {
    /// Kills all services at once, as a loss of power does.
    pub(super) fn kill_services(&mut self) {
        for process in self.processes.drain(..) {
            // Its connection is open, so it was alive a moment ago and the id cannot be somebody else's yet.
            let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
            process.cut.notify_one();
        }
    }
}

impl State {
    pub(super) fn new(cluster: Cluster, setups: Vec<NodeSetup>) -> Self {
        let track = |setup: &NodeSetup| NodeTrack {
            name: setup.plan.name.clone(),
            vhids: setup.plan.vhids.iter().map(|vhid| (vhid.id.clone(), Default::default())).collect(),
            services: setup.services.iter().map(|service| (service.name.clone(), Default::default())).collect(),
            ..NodeTrack::default()
        };
        let timeline = Timeline { start: wall(), nodes: setups.iter().map(track).collect() };
        let node = |setup: NodeSetup| NodeState {
            devd: Devd::new(setup.paths.devd_socket()),
            paths: setup.paths,
            services: setup.services,
            notes: setup.notes,
            daemon: None,
            daemon_ended: "was not started".to_owned(),
            processes: Vec::new(),
            lost_cores: BTreeSet::new(),
            administered: 0,
        };
        Self {
            cluster,
            timeline,
            nodes: setups.into_iter().map(node).collect(),
            cuts: BTreeSet::new(),
            partitions: BTreeSet::new(),
            started: Instant::now(),
        }
    }

    /// Lets the world's clock begin now, with all nodes off.
    pub(super) fn begin(&mut self) {
        for node in &self.cluster.nodes {
            self.cluster.world.power_off(node.id);
        }
        self.started = Instant::now();
        self.timeline.start = wall();
        self.observe();
        for at in 0..self.nodes.len() {
            let track = &mut self.timeline.nodes[at];
            track.daemon.push(Mono::ZERO, false);
            track.devd.push(Mono::ZERO, self.nodes[at].devd.is_running());
            track.services.iter_mut().for_each(|(_, service)| service.push(Mono::ZERO, false));
        }
    }

    /// The time, by the world's clock.
    pub(in crate::lab) fn clock(&self) -> Mono {
        Mono::ZERO + self.started.elapsed()
    }

    /// When the world's next event is due.
    pub(super) fn next_event(&self) -> Option<Instant> {
        self.cluster.world.next_event().map(|at| self.started + Duration::from_micros(at.as_micros()))
    }

    /// Lets everything happen that is due, each thing recorded with its own time however late this comes.
    pub(super) fn catch_up(&mut self) {
        let now = self.clock();
        let mut moved = false;
        while let Some(at) = self.cluster.world.next_event().filter(|at| *at <= now) {
            self.cluster.world.advance_to(at);
            self.observe();
            moved = true;
        }
        self.cluster.world.advance_to(now);
        if moved {
            self.deliver();
        }
    }

    /// Records what is different from the last time.
    pub(super) fn observe(&mut self) {
        let now = self.cluster.world.now();
        for (node, track) in self.cluster.nodes.iter().zip(&mut self.timeline.nodes) {
            let snapshot = self.cluster.world.snapshot(node.id).ok();
            record(track, snapshot.as_ref(), now);
        }
    }

    /// Hands the kernels' events to devd.
    pub(super) fn deliver(&mut self) {
        for (node, state) in self.cluster.nodes.iter().zip(&self.nodes) {
            for event in self.cluster.world.drain_events(node.id) {
                state.devd.send(&event.text);
            }
        }
    }

    pub(super) fn wrote(&mut self, at: usize, delta: Demotion) {
        let now = self.cluster.world.now();
        self.timeline.nodes[at].writes.push((now, delta));
    }

    pub(super) fn administered(&mut self, at: usize) {
        self.nodes[at].administered += 1;
    }

    pub(super) fn devd(&mut self, at: usize, run: bool) -> io::Result<()> {
        let devd = &mut self.nodes[at].devd;
        if run {
            devd.start()?;
        } else {
            devd.stop();
        }
        let now = self.clock();
        self.timeline.nodes[at].devd.push(now, run);
        Ok(())
    }

    /// What the node's kernel shows, if it has power.
    pub(in crate::lab) fn snapshot(&self, at: usize) -> Option<Snapshot> {
        self.cluster.world.snapshot(self.cluster.nodes[at].id).ok()
    }

    /// The vhid that a text names, with the kernel's or people's name of the interface.
    pub(in crate::lab) fn vhid(&self, at: usize, text: &str) -> Option<VhidRef> {
        let (vhid, label) = text.split_once('@')?;
        let interface = self.cluster.interface(at, label)?;
        Some(VhidRef::new(vhid.parse().ok()?, interface))
    }
}

fn record(track: &mut NodeTrack, snapshot: Option<&Snapshot>, now: Mono) {
    track.powered.push(now, snapshot.is_some());
    track.demotion.push(now, snapshot.map(|s| s.sysctls.demotion));
    track.badauth.push(now, snapshot.map_or(0, |s| s.counters.badauth));
    for (id, states) in &mut track.vhids {
        let state = snapshot.and_then(|s| s.vhid(id)).map_or(VhidState::Absent, |vhid| vhid.state.into());
        states.push(now, state);
    }
}

/// The system's clock.
pub(in crate::lab) fn wall() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
