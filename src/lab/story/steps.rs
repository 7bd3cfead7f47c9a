//! What happens, step by step, and what is promised of it.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::outcome::Promise;
use super::pair::TOLERANCE;
use super::{BrokenOff, Teller};
use crate::core::io::Request;
use crate::core::status::VhidState;
use crate::lab::server::protocol::{Cable, LabAsk, Process, Run};
use crate::lab::server::state::State;
use crate::model::{Demotion, Mono};

/// The node that is preferred, and the other one.
const FIRST: usize = 0;
const SECOND: usize = 1;

/// How long the stand-in may take from the election to its first answer. It takes some 50 ms; the rest is for a busy machine.
const READY: Duration = Duration::from_secs(2);

/// A silence that a client who asks every 10 ms may see although nothing happened, on a busy machine.
const BLINK: Duration = Duration::from_millis(300);

/// The longest time between two looks of carpd at the kernel.
const POLL: Duration = Duration::from_secs(5);

/// How much longer than promised is waited before the story is broken off.
const PATIENCE: Duration = Duration::from_secs(8);

const FULL: i32 = 240;

type Told = Result<(), BrokenOff>;

impl Teller<'_> {
    /// The whole story.
    pub(super) async fn everything(&mut self) -> Told {
        self.election().await?;
        self.cable_pulled().await?;
        self.cable_plugged().await?;
        self.power_lost().await?;
        self.power_back().await?;
        self.maintenance().await?;
        self.daemon_dies(FIRST, "in maintenance").await?;
        self.maintenance_ends().await?;
        self.daemon_dies(FIRST, "while MASTER").await?;
        self.devd_misses().await?;
        self.service_crashes().await?;
        self.vip_on_one_node().await
    }

    async fn election(&mut self) -> Told {
        let [first, second] = self.pair.names.clone();
        self.begin(format!("{second} and {first} are switched on"));
        self.quiet(FIRST, Duration::from_secs(20)).await?;
        let on = self.lab.look(|state| state.timeline.nodes[self.pair.at[FIRST]].powered.first(Mono::ZERO, |on| *on));
        let limit = self.longest(|vip| vip.master_down(FIRST)) + TOLERANCE;
        let master = self.measure(|m| Some(m.mastered_all(FIRST)?.since(on?)));
        self.promise(Promise::within(format!("{first} is MASTER of every VIP"), limit, master));
        let ready = self.measure(|m| m.ready(FIRST));
        self.promise(Promise::within("service ready after MASTER", READY, ready));
        self.one_service(Duration::ZERO);
        self.writes(0);
        Ok(())
    }

    async fn cable_pulled(&mut self) -> Told {
        let [first, second] = self.pair.names.clone();
        let vip = self.pair.pulled().clone();
        self.begin(format!("the {} cable of {first} is pulled", vip.label));
        self.cable(&vip.interface.to_string(), Cable::Pull).await?;
        let limit = vip.master_down(SECOND) + TOLERANCE;
        self.handed_over(SECOND, limit + PATIENCE).await?;
        let outage = self.measure(|m| m.vip_outage(&vip));
        self.promise(Promise::within(format!("outage of VIP {}", vip.name()), limit, Some(outage)));
        if self.pair.vips.len() > 1 {
            let others = self.measure(|m| {
                self.pair.vips.iter().filter(|v| v.ids != vip.ids).map(|v| m.vip_outage(v)).max().unwrap_or_default()
            });
            self.promise(Promise::within(format!("outage of the others: {first} gives way"), TOLERANCE, Some(others)));
        }
        let ready = self.measure(|m| m.ready(SECOND));
        self.promise(Promise::within(format!("service ready after MASTER, on {second}"), READY, ready));
        let unserved = self.measure(|m| m.service_outage());
        self.promise(Promise::within("outage of the service, for its clients", limit + READY, Some(unserved)));
        self.one_service(self.stop_limit());
        self.writes(0);
        Ok(())
    }

    async fn cable_plugged(&mut self) -> Told {
        let [first, _] = self.pair.names.clone();
        let interface = self.pair.pulled().interface.to_string();
        self.begin(format!("it is plugged in again, {first} takes over"));
        self.cable(&interface, Cable::Plug).await?;
        self.taken_back().await?;
        self.writes(0);
        Ok(())
    }

    async fn power_lost(&mut self) -> Told {
        let [first, second] = self.pair.names.clone();
        self.begin(format!("{first} loses power"));
        self.order(LabAsk::Crash { node: first }).await?;
        let limit = self.longest(|vip| vip.master_down(SECOND)) + TOLERANCE;
        self.handed_over(SECOND, limit + PATIENCE).await?;
        let outage = self.measure(|m| self.pair.vips.iter().map(|vip| m.vip_outage(vip)).max().unwrap_or_default());
        self.promise(Promise::within("outage of VIPs", limit, Some(outage)));
        let ready = self.measure(|m| m.ready(SECOND));
        self.promise(Promise::within(format!("service ready after MASTER, on {second}"), READY, ready));
        let unserved = self.measure(|m| m.service_outage());
        self.promise(Promise::within("outage of the service, for its clients", limit + READY, Some(unserved)));
        self.writes(0);
        Ok(())
    }

    async fn power_back(&mut self) -> Told {
        let [first, _] = self.pair.names.clone();
        self.begin(format!("{first} boots and takes over"));
        self.order(LabAsk::Reboot { node: first }).await?;
        self.taken_back().await?;
        self.writes(0);
        self.quiet(FIRST, PATIENCE).await
    }

    async fn maintenance(&mut self) -> Told {
        let [first, second] = self.pair.names.clone();
        self.begin(format!("maintenance is entered on {first}"));
        let reason = "a story of the lab".to_owned();
        self.request(FIRST, Request::MaintenanceEnter { reason, until: None, force: false }).await?;
        let limit = TOLERANCE + READY;
        self.handed_over(SECOND, limit + PATIENCE).await?;
        let moved = self.measure(|m| m.mastered_all(SECOND).map(|at| at.since(m.from)));
        self.promise(Promise::within(format!("{second} is MASTER of every VIP"), limit, moved));
        self.no_outage();
        let ready = self.measure(|m| m.ready(SECOND));
        self.promise(Promise::within(format!("service ready after MASTER, on {second}"), READY, ready));
        self.one_service(self.stop_limit());
        self.writes(1);
        Ok(())
    }

    async fn maintenance_ends(&mut self) -> Told {
        let [first, _] = self.pair.names.clone();
        self.begin(format!("maintenance is left on {first}"));
        self.request(FIRST, Request::MaintenanceLeave).await?;
        self.taken_back().await?;
        let at = self.pair.at[FIRST];
        let sum = self.lab.look(|state| state.snapshot(at).map_or(-1, |s| s.sysctls.demotion.get()));
        self.promise(Promise::equal("demotion, as before maintenance", 0, sum));
        self.writes(1);
        Ok(())
    }

    async fn daemon_dies(&mut self, of: usize, when: &str) -> Told {
        let name = self.pair.names[of].clone();
        self.begin(format!("carpd of {name} is killed {when}, and restarted"));
        let before = self.status(of).await?;
        self.order(LabAsk::Daemon { node: name.clone(), change: Process::Kill }).await?;
        self.pass(Duration::from_millis(1_000)).await?;
        self.order(LabAsk::Daemon { node: name.clone(), change: Process::Start }).await?;
        // Long enough for the new carpd to have looked at everything and to do what it should not.
        self.pass(Duration::from_millis(1_500)).await?;
        let (moves, demotions) = self.measure(|m| (m.moves(), m.demotions(of)));
        self.promise(Promise::equal("changes of any vhid's state", 0, moves));
        self.promise(Promise::equal(format!("changes of {name}'s demotion"), 0, demotions));
        let after = self.status(of).await?;
        if before.maintenance.active {
            self.promise(Promise::is(
                "maintenance and its reason are remembered",
                after.maintenance == before.maintenance,
            ));
        }
        let serving = if before.maintenance.active { 1 - of } else { of };
        let silence = self.measure(|m| m.silence(serving));
        self.promise(Promise::within("silence of the service", BLINK, Some(silence)));
        self.writes(0);
        Ok(())
    }

    async fn devd_misses(&mut self) -> Told {
        let [first, second] = self.pair.names.clone();
        self.begin(format!("devd of {second} restarts, {first} is demoted meanwhile"));
        self.order(LabAsk::Devd { node: second.clone(), change: Run::Stop }).await?;
        // Until then carpd, which looks when the connection ends, has nothing new to see.
        self.pass(Duration::from_millis(500)).await?;
        self.order(LabAsk::Demote { node: first.clone(), by: Demotion::new(FULL) }).await?;
        self.handed_over(SECOND, POLL + READY + PATIENCE).await?;
        self.order(LabAsk::Devd { node: second.clone(), change: Run::Start }).await?;
        let ready = self.measure(|m| m.ready(SECOND));
        self.promise(Promise::within("made up for: service ready after MASTER", POLL + READY, ready));
        let unserved = self.measure(|m| m.service_outage());
        self.promise(Promise::within("outage of the service, for its clients", POLL + READY, Some(unserved)));
        let status = self.status(FIRST).await?;
        self.promise(Promise::equal("demotion by somebody else, untouched", FULL, status.demotion.total.unwrap_or(-1)));
        self.one_service(self.settle() + self.stop_limit());
        self.writes(0);
        self.begin(format!("that somebody takes it back, {first} takes over"));
        self.order(LabAsk::Demote { node: first, by: Demotion::new(-FULL) }).await?;
        self.taken_back().await?;
        self.writes(0);
        Ok(())
    }

    async fn service_crashes(&mut self) -> Told {
        let service = self.pair.services[0].clone();
        let [first, _] = self.pair.names.clone();
        self.begin(format!("the service on {first} crashes"));
        let at = self.pair.at[FIRST];
        self.order(LabAsk::ServiceKill { node: first, service: service.name.clone() }).await?;
        let from = self.from;
        let limit = service.settings[FIRST].check_every + READY;
        let is_silent = |state: &State| {
            let track = state.timeline.nodes[at].service(&service.name);
            track.is_some_and(|track| track.first(from, |answers| !answers).is_some())
        };
        self.until("the end of the service", PATIENCE, is_silent).await?;
        self.handed_over(FIRST, limit + PATIENCE).await?;
        let silence = self.measure(|m| m.silence(FIRST));
        self.promise(Promise::within("it answers again", limit, Some(silence)));
        let moves = self.measure(|m| m.moves());
        self.promise(Promise::equal("changes of any vhid's state", 0, moves));
        self.writes(0);
        Ok(())
    }

    async fn vip_on_one_node(&mut self) -> Told {
        let [first, second] = self.pair.names.clone();
        let vip = self.pair.pulled().clone();
        let Some(address) = self.free_address() else { return Ok(()) };
        self.begin(format!("{address} is added to {} on {first} only", vip.name()));
        let add =
            |node: &str, of: usize| LabAsk::VipAdd { node: node.to_owned(), vhid: vip.ids[of].to_string(), address };
        self.order(add(&first, FIRST)).await?;
        let at = self.pair.at;
        let both = |state: &State| {
            (0..2).all(|of| {
                let states = state.timeline.nodes[at[of]].vhid(&vip.ids[of]);
                states.and_then(|states| states.last()) == Some(&VhidState::Master)
            })
        };
        let limit = vip.master_down(FIRST).max(vip.master_down(SECOND)) + vip.advert(SECOND) + TOLERANCE;
        self.until(format!("two MASTERs of {}", vip.name()), limit + PATIENCE, both).await?;
        let outage = self.measure(|m| m.vip_outage(&vip));
        let bounce = vip.master_down(FIRST) + TOLERANCE;
        self.promise(Promise::within(format!("outage of VIP {}", vip.name()), bounce, Some(outage)));
        let split = self.measure(|m| Some(m.splits(&vip).first()?.from.since(m.from)));
        self.promise(Promise::within("both nodes are MASTER, as CARP has it", limit, split));
        let named = self.named_by_status().await?;
        self.promise(Promise::within("the status of both names the cause", POLL + READY, named));
        if self.settle() > vip.master_down(FIRST) + TOLERANCE {
            let silence = self.measure(|m| m.silence(FIRST));
            self.promise(Promise::within(format!("silence of the service on {first}"), BLINK, Some(silence)));
        }
        self.writes(0);
        self.begin(format!("it is added on {second} as well"));
        self.order(add(&second, SECOND)).await?;
        self.quiet(FIRST, limit + PATIENCE).await?;
        let repaired = self.measure(|m| m.mastered_alone(&vip, FIRST).map(|at| at.since(m.from)));
        self.promise(Promise::within("one MASTER again", vip.advert(FIRST) + TOLERANCE, repaired));
        // That it stays so.
        self.pass(Duration::from_secs(1)).await?;
        self.writes(0);
        Ok(())
    }

    /// How long it took until both carpds named adverts that fail authentication.
    async fn named_by_status(&mut self) -> Result<Option<Duration>, BrokenOff> {
        let from = self.lab.look(State::clock);
        loop {
            let mut named = 0;
            for of in [FIRST, SECOND] {
                let status = self.status(of).await?;
                named += usize::from(status.verdict.problems.iter().any(|p| p.what.contains("authentication")));
            }
            let waited = self.lab.look(State::clock).since(from);
            if named == 2 {
                return Ok(Some(waited));
            }
            if waited > POLL + READY + PATIENCE {
                return Ok(None);
            }
            self.pass(Duration::from_millis(100)).await?;
        }
    }

    /// The preferred node takes all VIPs and services over.
    async fn taken_back(&mut self) -> Told {
        let [first, _] = self.pair.names.clone();
        let limit = self.longest(|vip| vip.advert(SECOND)) + TOLERANCE;
        self.handed_over(FIRST, limit + self.settle() + self.stop_limit() + PATIENCE).await?;
        let moved = self.measure(|m| m.mastered_all(FIRST).map(|at| at.since(m.from)));
        self.promise(Promise::within(format!("{first} is MASTER of every VIP"), limit, moved));
        self.no_outage();
        let ready = self.measure(|m| m.ready(FIRST));
        self.promise(Promise::within("service ready after MASTER", READY, ready));
        self.one_service(self.settle() + self.stop_limit());
        Ok(())
    }

    /// Waits until node number `of` of the pair is MASTER of every VIP and alone has the services.
    async fn handed_over(&mut self, of: usize, limit: Duration) -> Told {
        let pair = self.pair;
        let there = |state: &State| {
            let is = |of: usize, vhid: VhidState, answers: bool| {
                let node = &state.timeline.nodes[pair.at[of]];
                let vips = || pair.vips.iter().all(|vip| node.vhid(&vip.ids[of]).and_then(|t| t.last()) == Some(&vhid));
                let services =
                    pair.services.iter().all(|s| node.service(&s.name).and_then(|t| t.last()) == Some(&answers));
                services && (!answers || vips())
            };
            is(of, VhidState::Master, true) && is(1 - of, VhidState::Backup, false)
        };
        self.until(format!("the handover to {}", pair.names[of]), limit, there).await
    }

    /// Waits until node number `of` of the pair has everything, the other one is its backup, and nobody is demoted.
    async fn quiet(&mut self, of: usize, limit: Duration) -> Told {
        self.handed_over(of, limit).await?;
        let pair = self.pair;
        let there = |state: &State| {
            (0..2).all(|n| {
                let node = &state.timeline.nodes[pair.at[n]];
                let wanted = if n == of { VhidState::Master } else { VhidState::Backup };
                let vips = pair.vips.iter().all(|vip| node.vhid(&vip.ids[n]).and_then(|t| t.last()) == Some(&wanted));
                vips && node.demotion.last() == Some(&Some(Demotion::ZERO))
            })
        };
        self.until("a pair that is at rest", limit, there).await
    }

    fn no_outage(&mut self) {
        let outage = self.measure(|m| self.pair.vips.iter().map(|vip| m.vip_outage(vip)).max().unwrap_or_default());
        self.promise(Promise::within("outage of any VIP", TOLERANCE, Some(outage)));
        let unserved = self.measure(|m| m.service_outage());
        self.promise(Promise::within("outage of the service, for its clients", READY, Some(unserved)));
    }

    fn one_service(&mut self, limit: Duration) {
        let overlap = self.measure(|m| m.overlap());
        self.promise(Promise::within("two services alive at once", limit, Some(overlap)));
    }

    fn writes(&mut self, promised: usize) {
        let writes = self.measure(|m| m.writes());
        self.promise(Promise::equal("writes to the kernels by carpd", promised, writes));
    }

    async fn cable(&mut self, interface: &str, change: Cable) -> Told {
        let node = self.pair.names[FIRST].clone();
        self.order(LabAsk::Cable { node, interface: interface.to_owned(), change }).await
    }

    fn longest(&self, time: impl Fn(&super::pair::Vip) -> Duration) -> Duration {
        self.pair.vips.iter().map(time).max().unwrap_or_default()
    }

    fn settle(&self) -> Duration {
        self.pair.services.iter().flat_map(|s| &s.settings).map(|s| s.settle).max().unwrap_or_default()
    }

    fn stop_limit(&self) -> Duration {
        self.pair.services.iter().flat_map(|s| &s.settings).map(|s| s.stop_limit).max().unwrap_or_default()
    }

    /// An address that no node has, in the network of the VIP that the story is about.
    fn free_address(&self) -> Option<IpNet> {
        let id = &self.pair.pulled().ids[FIRST];
        self.lab.look(|state| {
            let plans = || state.cluster.nodes.iter().map(|node| &node.plan);
            let used: Vec<IpAddr> = plans()
                .flat_map(|plan| {
                    let own = plan.interfaces.iter().flat_map(|i| &i.addresses);
                    own.chain(plan.vhids.iter().flat_map(|v| &v.addresses)).map(IpNet::addr).collect::<Vec<_>>()
                })
                .collect();
            let vip = plans().flat_map(|plan| &plan.vhids).find(|vhid| vhid.id == *id)?.addresses.first()?;
            let free = vip.hosts().take(1024).find(|host| *host != vip.network() && !used.contains(host))?;
            IpNet::new(free, vip.prefix_len()).ok()
        })
    }
}
