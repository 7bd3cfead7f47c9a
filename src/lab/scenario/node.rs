//! One node of a running scenario: carpd with all that lies between it and the model of its kernel.

use std::collections::VecDeque;
use std::time::Duration;

use super::setup::NodeSetup;
use crate::core::events::EventSource;
use crate::core::io::{Input, Reply, Request};
use crate::core::policy::Policy;
use crate::kernel::{DemotionLogLine, Kernel, KernelError};
use crate::lab::cluster::{Cluster, NodeKernel};
use crate::lab::daemon::{SimDaemon, SimService, Surroundings};
use crate::model::{CarpState, Demotion, InterfaceName, Mono, Now, ServiceName, Snapshot, VhidRef, Wall};

/// What the clocks show when a scenario begins: 2026-05-01T00:00:00Z.
const BEGINNING: Wall = Wall::from_millis(1_777_593_600_000);

/// What is known of the kernel from outside, and of what carpd does to it.
#[derive(Debug, Default)]
pub(crate) struct KernelWatch {
    /// carpd cannot read it.
    pub(crate) unreadable: bool,
    /// carpd has read it since this was last cleared.
    pub(crate) looked: bool,
    /// What carpd has added to the sum in this boot and nobody has taken out again.
    pub(crate) share: i32,
    /// carpd's writes since the start of the scenario.
    pub(crate) writes: usize,
}

/// The kernel as carpd gets to see it.
struct WatchedKernel<'a> {
    kernel: NodeKernel<'a>,
    watch: &'a mut KernelWatch,
}

impl Kernel for WatchedKernel<'_> {
    fn snapshot(&mut self, links: &[InterfaceName]) -> Result<Snapshot, KernelError> {
        if self.watch.unreadable {
            let source = std::io::Error::from_raw_os_error(libc::EPERM);
            return Err(KernelError::Call { call: "SIOCGVH", object: "every interface".to_owned(), source });
        }
        self.watch.looked = true;
        self.kernel.snapshot(links)
    }

    fn add_demotion(&mut self, delta: Demotion) -> Result<(), KernelError> {
        self.kernel.add_demotion(delta)?;
        self.watch.share += delta.get();
        self.watch.writes += 1;
        Ok(())
    }

    fn set_link(&mut self, interface: &InterfaceName, up: bool) -> Result<(), KernelError> {
        self.kernel.set_link(interface, up)
    }

    fn demotion_log(&mut self) -> Result<Vec<DemotionLogLine>, KernelError> {
        self.kernel.demotion_log()
    }
}

/// devd(8) between the kernel and carpd.
#[derive(Debug)]
pub(crate) struct Devd {
    pub(crate) up: bool,
    /// Until then it passes on nothing.
    pub(crate) mute_until: Mono,
    /// Records on their way.
    waiting: VecDeque<(Mono, Vec<(VhidRef, CarpState)>)>,
}

/// A node.
#[derive(Debug)]
pub(crate) struct SimNode {
    at: usize,
    pub(crate) policy: Policy,
    pub(crate) daemon: Option<SimDaemon>,
    pub(crate) around: Surroundings,
    pub(crate) kernel: KernelWatch,
    pub(crate) devd: Devd,
    /// Since when it is up.
    booted: Mono,
    /// By how many milliseconds its system clock is wrong.
    pub(crate) clock_off: i64,
    /// When the power comes back.
    pub(crate) boot_at: Option<Mono>,
    /// When carpd starts after a boot.
    pub(crate) daemon_at: Option<Mono>,
    wake: Option<Mono>,
}

impl SimNode {
    pub(crate) fn new(
        at: usize,
        setup: &NodeSetup,
        services: &[(ServiceName, SimService)],
        link_takes: Duration,
    ) -> Self {
        let mut around = Surroundings { link_takes, ..Surroundings::default() };
        for policy in &setup.policy.services {
            let sim = services.iter().find(|(name, _)| *name == policy.name);
            around.services.insert(policy.name.clone(), sim.map(|(_, sim)| sim.clone()).unwrap_or_default());
        }
        Self {
            at,
            policy: setup.policy.clone(),
            daemon: None,
            around,
            kernel: KernelWatch::default(),
            devd: Devd { up: true, mute_until: Mono::ZERO, waiting: VecDeque::new() },
            booted: Mono::ZERO,
            clock_off: 0,
            boot_at: None,
            daemon_at: Some(Mono::ZERO),
            wake: None,
        }
    }

    /// Both clocks of the node: the monotonic one counts from its boot.
    pub(crate) fn now(&self, world: Mono) -> Now {
        let wall = BEGINNING + world.since(Mono::ZERO);
        Now { mono: self.mono(world), wall: Wall::from_millis(wall.as_millis().saturating_add(self.clock_off)) }
    }

    /// The node's own monotonic clock.
    pub(crate) fn mono(&self, world: Mono) -> Mono {
        Mono::from_micros(world.since(self.booted).as_micros() as u64)
    }

    /// The next time at which something is due.
    pub(crate) fn next(&self) -> Option<Mono> {
        let event = self.devd.waiting.front().map(|(at, _)| *at);
        let service = self.around.services.values().filter_map(SimService::next).min();
        let service = service.map(|at| self.booted + at.since(Mono::ZERO));
        [self.wake, event, service, self.boot_at, self.daemon_at].into_iter().flatten().min()
    }

    /// Lets the daemon do what is due.
    pub(crate) fn run(&mut self, cluster: &mut Cluster) {
        let world = cluster.world.now();
        self.serve(cluster);
        while let Some((at, _)) = self.devd.waiting.front()
            && *at <= world
        {
            if let Some((_, changes)) = self.devd.waiting.pop_front() {
                self.feed(cluster, Input::Hint { source: EventSource::Devd, changes });
            }
        }
        if self.wake.is_some_and(|wake| wake <= world) {
            let now = self.now(world);
            if let Some(daemon) = &mut self.daemon {
                let mut kernel = WatchedKernel { kernel: cluster.kernel(self.at), watch: &mut self.kernel };
                daemon.tick(&mut kernel, &mut self.around, now);
            }
            self.settle(world);
        }
        self.serve(cluster);
    }

    /// Lets the services do what is due, and the kernel know of it.
    pub(crate) fn serve(&mut self, cluster: &mut Cluster) {
        let now = self.mono(cluster.world.now());
        for service in self.around.services.values_mut() {
            service.advance(now);
            for wish in service.take_wishes() {
                // A node without power has no service that wishes anything.
                let _ = cluster.tunnel(self.at, &wish.tunnel, wish.change);
            }
        }
    }

    pub(crate) fn feed(&mut self, cluster: &mut Cluster, input: Input) {
        let world = cluster.world.now();
        let now = self.now(world);
        if let Some(daemon) = &mut self.daemon {
            let mut kernel = WatchedKernel { kernel: cluster.kernel(self.at), watch: &mut self.kernel };
            daemon.feed(input, &mut kernel, &mut self.around, now);
        }
        self.settle(world);
    }

    /// Asks carpd for a change; `None` if there is no daemon.
    pub(crate) fn request(&mut self, cluster: &mut Cluster, request: Request) -> Option<Reply> {
        let world = cluster.world.now();
        let now = self.now(world);
        let daemon = self.daemon.as_mut()?;
        let mut kernel = WatchedKernel { kernel: cluster.kernel(self.at), watch: &mut self.kernel };
        let reply = daemon.request(request, &mut kernel, &mut self.around, now);
        self.settle(world);
        reply
    }

    fn settle(&mut self, world: Mono) {
        if self.daemon.as_ref().is_some_and(|daemon| daemon.exited) {
            self.stop_daemon();
        }
        let now = self.now(world);
        let next = self.daemon.as_ref().map(|daemon| daemon.next_wake(now));
        self.wake = next.map(|at| (self.booted + at.since(Mono::ZERO)).max(world));
    }

    /// Starts carpd, unless it runs.
    pub(crate) fn start_daemon(&mut self, cluster: &mut Cluster) {
        if self.daemon.is_none() {
            self.daemon = Some(SimDaemon::start(self.policy.clone(), &self.around, self.now(cluster.world.now())));
            self.feed(cluster, Input::EventSource { source: EventSource::Devd, connected: self.devd.up });
        }
    }

    /// carpd is gone, with all it had begun.
    pub(crate) fn stop_daemon(&mut self) {
        self.daemon = None;
        self.wake = None;
        self.devd.waiting.clear();
    }

    /// The power fails.
    pub(crate) fn lose_power(&mut self) {
        self.stop_daemon();
        self.daemon_at = None;
        self.kernel.share = 0;
        self.around.services.values_mut().for_each(SimService::lose_power);
    }

    /// The power is back and the kernel runs; carpd follows `after` later.
    pub(crate) fn boots(&mut self, world: Mono, after: Duration) {
        self.boot_at = None;
        self.booted = world;
        self.devd.up = true;
        self.daemon_at = Some(world + after);
    }

    /// The kernel reported this; carpd hears of it `delay` later, if at all.
    pub(crate) fn report(&mut self, text: &str, world: Mono, delay: Duration) {
        if self.devd.up && world >= self.devd.mute_until && self.daemon.is_some() {
            self.devd.waiting.push_back((world + delay, changes(text)));
        }
    }
}

/// What an event says about a vhid; nothing if it is about something else, which is a reason to look all the same.
fn changes(text: &str) -> Vec<(VhidRef, CarpState)> {
    let field = |name: &str| text.split_whitespace().find_map(|word| word.strip_prefix(name));
    let id = field("subsystem=").filter(|_| text.starts_with("!system=CARP ")).and_then(|id| id.parse().ok());
    let state = field("type=").and_then(|state| state.parse().ok());
    id.zip(state).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_carp_names_vhid_and_state_and_others_name_none() {
        let told = changes("!system=CARP subsystem=1@vtnet0 type=MASTER\n");
        assert_eq!(told, [("1@vtnet0".parse().unwrap(), CarpState::Master)]);
        assert!(changes("!system=IFNET subsystem=vtnet0 type=LINK_DOWN\n").is_empty());
    }
}
