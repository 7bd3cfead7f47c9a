//! A service as the world outside carpd has it: a process with a life of its own, and a tunnel that is not part of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::settings::StatusRange;
use crate::core::service::{ActionKind, Outcome};
use crate::lab::manners::{Manners, StartManner};
use crate::model::{InterfaceName, Mono};

/// A simulated service. It survives the daemon, but not the node.
#[derive(Clone, Debug)]
pub struct SimService {
    /// Whether it runs.
    pub running: bool,
    /// How long a start takes.
    pub start_takes: Duration,
    /// How long a stop takes.
    pub stop_takes: Duration,
    /// Starts end at once with this failure while it is set.
    pub start_fault: Option<String>,
    /// Stops hang until their limit while it is set.
    pub stop_hangs: bool,
    /// What a start would need and is not there.
    pub missing: Option<String>,
    /// How long its fence takes.
    pub fence_takes: Duration,
    /// Its fence ends with this failure while it is set.
    pub fence_fault: Option<String>,
    /// Fences that have succeeded, and that no start has used up.
    pub fenced: u64,
    /// It was started without its fence, which must never be.
    pub unfenced: bool,
    /// Whether it answers while it runs.
    pub healthy: bool,
    /// How it behaves in all else.
    pub manners: Manners,
    /// By probe: the answers to it that say nothing about its health.
    pub ignored: Vec<Vec<StatusRange>>,
    /// Starts that were carried out.
    pub starts: u64,
    /// Stops that were carried out.
    pub stops: u64,
    /// Its core cannot be reached from this node.
    core_lost: bool,
    /// No core is connected.
    disconnected: bool,
    /// What its process does by itself, the earliest first.
    later: Vec<(Mono, Event)>,
    /// What it has done to its tunnel and the kernel does not know yet.
    wishes: Vec<Wish>,
}

/// What a process does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// It answers.
    Up,
    /// It ends.
    Dies,
    /// Its core connects.
    Connects,
    /// It has been without a core for too long.
    FailsClosed,
}

/// What a service does to an interface of its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Its tunnel.
    pub tunnel: InterfaceName,
    /// What it does.
    pub change: TunnelChange,
}

/// What is done to a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TunnelChange {
    /// It is made and raised, unless it is there: then it stays as it is.
    Make,
    /// It is up afterwards.
    Raise,
    /// It is gone afterwards.
    Destroy,
}

/// What whoever asks for `/health` gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nothing.
    Silence,
    /// This status code.
    Code(u16),
}

impl Default for SimService {
    fn default() -> Self {
        Self {
            running: false,
            start_takes: Duration::from_millis(300),
            stop_takes: Duration::from_millis(200),
            start_fault: None,
            stop_hangs: false,
            missing: None,
            fence_takes: Duration::from_millis(100),
            fence_fault: None,
            fenced: 0,
            unfenced: false,
            healthy: true,
            manners: Manners::default(),
            ignored: Vec::new(),
            starts: 0,
            stops: 0,
            core_lost: false,
            disconnected: false,
            later: Vec::new(),
            wishes: Vec::new(),
        }
    }
}

impl SimService {
    /// One that does not run.
    #[must_use]
    pub fn new(start_takes: Duration, stop_takes: Duration, manners: Manners) -> Self {
        Self { start_takes, stop_takes, manners, ..Self::default() }
    }

    /// How long an action takes, and whether its limit ends it.
    pub(super) fn takes(&self, kind: ActionKind, limit: Duration) -> (Duration, bool) {
        let takes = match kind {
            ActionKind::Check => Duration::from_millis(2),
            ActionKind::Fence => self.fence_takes,
            ActionKind::Start if self.start_fault.is_some() => Duration::from_millis(5),
            ActionKind::Start if self.manners.start == StartManner::Waits => self.start_takes + self.manners.up_after,
            ActionKind::Start => self.start_takes,
            ActionKind::Stop if self.ignores_stops() => limit,
            ActionKind::Stop => self.stop_takes,
        };
        (takes.min(limit), kind != ActionKind::Check && takes >= limit)
    }

    /// The end of an action.
    pub(super) fn ended(&mut self, kind: ActionKind, timed_out: bool, now: Mono) -> Outcome {
        match kind {
            ActionKind::Check if self.running => return Outcome::Running,
            ActionKind::Check => return Outcome::Stopped,
            _ if timed_out => return Outcome::TimedOut,
            ActionKind::Fence => match &self.fence_fault {
                Some(fault) => return Outcome::Failed(fault.clone()),
                None => self.fenced += 1,
            },
            ActionKind::Stop => {
                self.end();
                self.stops += 1;
            }
            ActionKind::Start => {
                if let Some(fault) = &self.start_fault {
                    return Outcome::Failed(fault.clone());
                }
                self.starts += 1;
                match self.manners.start {
                    StartManner::Lies => {}
                    StartManner::Waits => self.begin(now, Duration::ZERO),
                    StartManner::Background => self.begin(now, self.manners.up_after),
                }
            }
        }
        Outcome::Done
    }

    /// Somebody else starts it, who waits for nothing.
    pub fn start_by_hand(&mut self, now: Mono) {
        self.begin(now, self.manners.up_after);
    }

    /// Its process begins and answers `after` that. One that is there already goes on.
    fn begin(&mut self, now: Mono, after: Duration) {
        if !self.running && !self.later.iter().any(|(_, event)| *event == Event::Up) {
            self.at(now + after, Event::Up);
            self.advance(now);
        }
    }

    /// Its process ends, however that comes. Its tunnel stays.
    pub fn end(&mut self) {
        self.running = false;
        self.disconnected = false;
        self.later.clear();
    }

    /// The node loses its power, and with it what the kernel held.
    pub fn lose_power(&mut self) {
        self.end();
        self.wishes.clear();
    }

    /// Its core cannot be reached any more, or can again.
    pub fn core(&mut self, there: bool, now: Mono) {
        if std::mem::replace(&mut self.core_lost, !there) != there || !self.running {
            return;
        }
        if there {
            self.at(now + self.manners.core_after, Event::Connects);
        } else {
            self.later.retain(|(_, event)| *event != Event::Connects);
            self.disconnected = true;
            if let Some(grace) = self.manners.core_grace {
                self.at(now + grace, Event::FailsClosed);
            }
        }
        self.advance(now);
    }

    /// Its core sends a configuration. Without a core nothing comes.
    pub fn push(&mut self) {
        if self.running && !self.disconnected {
            self.configured();
        }
    }

    fn configured(&mut self) {
        self.wish(if self.manners.raises { TunnelChange::Raise } else { TunnelChange::Make });
    }

    /// Its stops do not end it.
    #[must_use]
    pub const fn ignores_stops(&self) -> bool {
        self.stop_hangs || self.manners.ignores_term
    }

    /// It does what it is told.
    #[must_use]
    pub fn obeys(&self) -> bool {
        let starts = self.start_fault.is_none() && self.manners.start != StartManner::Lies;
        let may = self.missing.is_none() && self.fence_fault.is_none();
        starts && may && self.manners.dies_after.is_none() && !self.ignores_stops()
    }

    /// When it does something by itself next.
    #[must_use]
    pub fn next(&self) -> Option<Mono> {
        self.later.first().map(|(at, _)| *at)
    }

    /// Lets it do what is due.
    pub fn advance(&mut self, now: Mono) {
        while let Some((at, event)) = self.later.first().copied()
            && at <= now
        {
            self.later.remove(0);
            self.happens(event, at);
        }
    }

    /// Takes what it has done to interfaces since the last call.
    pub fn take_wishes(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.wishes)
    }

    fn happens(&mut self, event: Event, at: Mono) {
        match event {
            Event::Up => {
                self.running = true;
                self.disconnected = true;
                if self.manners.core_grace.is_none() {
                    self.wish(TunnelChange::Make);
                }
                if let Some(after) = self.manners.dies_after {
                    self.at(at + after, Event::Dies);
                }
                if !self.core_lost {
                    self.at(at + self.manners.core_after, Event::Connects);
                }
            }
            Event::Dies => self.end(),
            Event::Connects => {
                self.disconnected = false;
                self.later.retain(|(_, event)| *event != Event::FailsClosed);
                self.configured();
            }
            Event::FailsClosed => self.wish(TunnelChange::Destroy),
        }
    }

    /// What `/health` answers.
    #[must_use]
    pub const fn health(&self) -> Health {
        match (self.running && self.healthy, self.disconnected) {
            (false, _) => Health::Silence,
            (true, true) => Health::Code(503),
            (true, false) => Health::Code(200),
        }
    }

    fn wish(&mut self, change: TunnelChange) {
        self.wishes.extend(self.manners.tunnel.clone().map(|tunnel| Wish { tunnel, change }));
    }

    fn at(&mut self, when: Mono, event: Event) {
        let place = self.later.partition_point(|(at, _)| *at <= when);
        self.later.insert(place, (when, event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn gateway(text: &str) -> SimService {
        let manners = toml::from_str(&format!("tunnel = \"wg20\"\n{text}")).unwrap();
        SimService::new(SECOND, SECOND, manners)
    }

    fn at(seconds: u64) -> Mono {
        Mono::ZERO + SECOND * seconds as u32
    }

    fn changes(service: &mut SimService, now: Mono) -> Vec<TunnelChange> {
        service.advance(now);
        service.take_wishes().into_iter().map(|wish| wish.change).collect()
    }

    #[test]
    fn a_start_in_the_background_succeeds_before_anything_runs_and_one_that_lies_starts_nothing() {
        let mut slow = gateway("start = \"background\"\nup_after = \"2s\"");
        assert_eq!(slow.ended(ActionKind::Start, false, at(1)), Outcome::Done);
        assert_eq!(slow.ended(ActionKind::Check, false, at(1)), Outcome::Stopped);
        slow.advance(at(3));
        assert_eq!(slow.ended(ActionKind::Check, false, at(3)), Outcome::Running);
        let mut lies = gateway("start = \"lies\"");
        assert_eq!(lies.ended(ActionKind::Start, false, at(1)), Outcome::Done);
        assert!(!lies.running && lies.next().is_none() && lies.take_wishes().is_empty());
    }

    #[test]
    fn one_that_dies_early_was_started_well() {
        let mut service = gateway("dies_after = \"1s\"");
        assert_eq!(service.ended(ActionKind::Start, false, at(1)), Outcome::Done);
        assert!(service.running);
        service.advance(at(2));
        assert!(!service.running);
    }

    #[test]
    fn a_tunnel_is_made_at_the_start_and_no_end_of_the_process_touches_it() {
        let mut service = gateway("");
        service.ended(ActionKind::Start, false, at(1));
        assert_eq!(changes(&mut service, at(1)), [TunnelChange::Make, TunnelChange::Make]);
        service.ended(ActionKind::Stop, false, at(2));
        assert_eq!((service.running, changes(&mut service, at(9))), (false, vec![]));
    }

    #[test]
    fn one_that_fails_closed_destroys_its_tunnel_after_the_grace_and_makes_it_again_with_its_core() {
        let mut service = gateway("core_grace = \"30s\"\ncore_after = \"5s\"");
        service.ended(ActionKind::Start, false, at(1));
        assert_eq!((changes(&mut service, at(5)), service.health()), (vec![], Health::Code(503)));
        assert_eq!((changes(&mut service, at(6)), service.health()), (vec![TunnelChange::Make], Health::Code(200)));
        service.core(false, at(10));
        assert_eq!((changes(&mut service, at(39)), service.health()), (vec![], Health::Code(503)));
        assert_eq!(changes(&mut service, at(40)), [TunnelChange::Destroy]);
        service.core(true, at(50));
        assert_eq!(changes(&mut service, at(55)), [TunnelChange::Make]);
        service.core(false, at(60));
        service.core(true, at(61));
        assert_eq!(changes(&mut service, at(99)), [TunnelChange::Make], "a core that is back in time ends the grace");
    }

    #[test]
    fn one_that_raises_its_tunnel_does_so_at_every_configuration() {
        let mut service = gateway("raises = true");
        service.ended(ActionKind::Start, false, at(1));
        assert_eq!(changes(&mut service, at(1)), [TunnelChange::Make, TunnelChange::Raise]);
        service.push();
        assert_eq!(changes(&mut service, at(2)), [TunnelChange::Raise]);
        service.core(false, at(3));
        service.push();
        assert_eq!(changes(&mut service, at(4)), [], "nothing comes without a core");
    }
}
