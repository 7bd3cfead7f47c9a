//! The core's promises, one test each. A small kernel and simulated drivers stand around it; time is a number.

mod create;
mod daemon;
mod demotion;
mod drain;
mod holds;
mod link;
mod maintenance;
mod outcomes;
mod restarts;
mod services;
mod start;
mod trouble;
mod unmanaged;
mod vrrp;

use std::collections::BTreeMap;
use std::time::Duration;

use super::events::EventSource;
use super::io::{Effect, Input, Reply, Request};
use super::policy::{OnExit, Policy, ProbeEffect, ProbePolicy, ProbeSource, ShareAmount};
use super::role::Role;
use super::service::Is;
use super::status::{Severity, Status};
use super::testing::{at, policy, service, snapshot};
use super::{Core, Journal, Loaded};
use crate::kernel::{DemotionLogLine, Kernel, KernelError};
use crate::lab::daemon::{SimDaemon, Surroundings};
use crate::model::CarpState::{self, Backup, Init, Master};
use crate::model::{Demotion, InterfaceName, LinkSnapshot, LinkState, Mono, Now, ServiceName, Snapshot, Wall};

/// A kernel that does what the test says.
struct Rigged {
    look: Option<Snapshot>,
    writes: Vec<i32>,
    refuses: bool,
    /// What the sum is set to by somebody else just before the next write.
    meanwhile: Option<i32>,
    /// The interfaces that are not CARP's.
    links: BTreeMap<InterfaceName, LinkState>,
    /// Why no link can be set.
    link_fault: Option<&'static str>,
}

impl Kernel for Rigged {
    fn snapshot(&mut self, links: &[InterfaceName]) -> Result<Snapshot, KernelError> {
        let mut look = self.look.clone().ok_or(KernelError::NoCarp)?;
        let state = |name| self.links.get(name).copied().unwrap_or(LinkState::Absent);
        look.links = links.iter().map(|name| LinkSnapshot { name: name.clone(), state: state(name) }).collect();
        Ok(look)
    }

    fn set_link(&mut self, interface: &InterfaceName, up: bool) -> Result<(), KernelError> {
        let failed = |why: &'static str| {
            let source = std::io::Error::other(why);
            KernelError::Call { call: "SIOCSIFFLAGS", object: interface.to_string(), source }
        };
        if let Some(why) = self.link_fault {
            return Err(failed(why));
        }
        let state = self.links.get_mut(interface).ok_or_else(|| failed("no such interface"))?;
        *state = LinkState::of(up, up);
        Ok(())
    }

    fn add_demotion(&mut self, delta: Demotion) -> Result<(), KernelError> {
        if self.refuses {
            let (call, object) = ("sysctl", "net.inet.carp.demotion".to_owned());
            return Err(KernelError::Call { call, object, source: std::io::Error::from_raw_os_error(libc::EPERM) });
        }
        self.writes.push(delta.get());
        if let Some(look) = &mut self.look {
            if let Some(sum) = self.meanwhile.take() {
                look.sysctls.demotion = Demotion::new(sum);
            }
            look.sysctls.demotion = look.sysctls.demotion.plus(delta);
        }
        Ok(())
    }

    fn demotion_log(&mut self) -> Result<Vec<DemotionLogLine>, KernelError> {
        Ok(Vec::new())
    }
}

/// One node: kernel, disk, services, and carpd while it runs.
struct Rig {
    kernel: Rigged,
    around: Surroundings,
    policy: Policy,
    daemon: SimDaemon,
    now: Now,
}

impl Rig {
    fn new(policy: Policy, vhids: &[(&str, CarpState)]) -> Self {
        Self::with_links(policy, vhids, &[])
    }

    fn with_links(policy: Policy, vhids: &[(&str, CarpState)], links: &[(&str, LinkState)]) -> Self {
        let kernel = Rigged {
            look: Some(snapshot(vhids)),
            writes: Vec::new(),
            refuses: false,
            meanwhile: None,
            links: links.iter().map(|(name, state)| (name.parse().unwrap(), *state)).collect(),
            link_fault: None,
        };
        let around = Surroundings::default();
        let daemon = SimDaemon::start(policy.clone(), &around, at(0));
        let mut rig = Self { kernel, around, policy, daemon, now: at(0) };
        rig.source(EventSource::Devd, true);
        rig.run(0);
        rig
    }

    /// One service `gw` that follows `1@em0`.
    fn gateway(state: CarpState) -> Self {
        Self::new(policy(vec![service("gw", &["1@em0"])]), &[("1@em0", state)])
    }

    fn run(&mut self, millis: u64) {
        let end = self.now.mono + Duration::from_millis(millis);
        loop {
            let next = self.daemon.next_wake(self.now).max(self.now.mono);
            if next > end || self.daemon.exited {
                break;
            }
            self.pass_to(next);
            self.daemon.tick(&mut self.kernel, &mut self.around, self.now);
        }
        self.pass_to(end);
    }

    fn pass_to(&mut self, mono: Mono) {
        let passed = mono.since(self.now.mono);
        self.now = Now { mono, wall: self.now.wall + passed };
    }

    fn feed(&mut self, input: Input) {
        self.daemon.feed(input, &mut self.kernel, &mut self.around, self.now);
    }

    fn vhid(&mut self, id: &str, state: CarpState) {
        let id = id.parse().unwrap();
        let look = self.kernel.look.as_mut().unwrap();
        look.vhids.iter_mut().find(|v| v.id == id).unwrap().state = state;
    }

    /// The kernel changes and devd says so.
    fn event(&mut self, id: &str, state: CarpState) {
        self.vhid(id, state);
        self.hint(EventSource::Devd, id, state);
    }

    fn hint(&mut self, source: EventSource, id: &str, state: CarpState) {
        self.feed(Input::Hint { source, changes: vec![(id.parse().unwrap(), state)] });
    }

    fn source(&mut self, source: EventSource, connected: bool) {
        self.feed(Input::EventSource { source, connected });
    }

    fn request(&mut self, request: Request) -> Reply {
        self.daemon.request(request, &mut self.kernel, &mut self.around, self.now).unwrap()
    }

    fn enter(&mut self) -> Reply {
        self.request(Request::MaintenanceEnter { reason: "update".into(), until: None, force: false })
    }

    fn leave(&mut self) -> Reply {
        self.request(Request::MaintenanceLeave)
    }

    fn restart(&mut self) {
        self.daemon = SimDaemon::start(self.policy.clone(), &self.around, self.now);
        self.run(0);
    }

    fn reboot(&mut self, boot: &str) {
        for service in self.around.services.values_mut() {
            service.running = false;
        }
        let look = self.kernel.look.as_mut().unwrap();
        look.boot = boot.to_owned();
        look.sysctls.demotion = Demotion::ZERO;
        self.restart();
    }

    fn status(&self) -> Status {
        self.daemon.status(self.now)
    }

    fn sum(&self) -> i32 {
        self.kernel.look.as_ref().unwrap().sysctls.demotion.get()
    }

    fn add_foreign(&mut self, amount: i32) {
        let sysctls = &mut self.kernel.look.as_mut().unwrap().sysctls;
        sysctls.demotion = sysctls.demotion.plus(Demotion::new(amount));
    }

    fn running(&self) -> bool {
        self.gw().running
    }

    fn gw(&self) -> &crate::lab::daemon::SimService {
        &self.around.services[&"gw".parse::<ServiceName>().unwrap()]
    }

    fn gw_mut(&mut self) -> &mut crate::lab::daemon::SimService {
        self.around.services.get_mut(&"gw".parse::<ServiceName>().unwrap()).unwrap()
    }

    fn noted(&self, part: &str) -> usize {
        self.daemon.notes.iter().filter(|(_, note)| note.text.contains(part)).count()
    }

    fn assert_sum_adds_up(&self) {
        let status = self.status();
        let parts: i32 = status.demotion.reasons.iter().map(|part| part.value).sum();
        assert_eq!(Some(parts), status.demotion.total);
    }
}
