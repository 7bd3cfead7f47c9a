//! The core's promises, one test each. A small kernel and simulated drivers stand around it; time is a number.

use std::time::Duration;

use super::io::{Effect, Input, Reply, Request};
use super::policy::{OnExit, Policy, ProbeEffect, ProbePolicy, ShareAmount};
use super::role::Role;
use super::service::Is;
use super::status::{Severity, Status};
use super::testing::{at, policy, service, snapshot};
use super::{Core, Journal, Loaded};
use crate::kernel::{DemotionLogLine, Kernel, KernelError};
use crate::lab::daemon::{SimDaemon, Surroundings};
use crate::model::CarpState::{self, Backup, Init, Master};
use crate::model::{Demotion, Mono, Now, ServiceName, Snapshot, Wall};

/// A kernel that does what the test says.
struct Rigged {
    look: Option<Snapshot>,
    writes: Vec<i32>,
    refuses: bool,
}

impl Kernel for Rigged {
    fn snapshot(&mut self) -> Result<Snapshot, KernelError> {
        self.look.clone().ok_or(KernelError::NoCarp)
    }

    fn add_demotion(&mut self, delta: Demotion) -> Result<(), KernelError> {
        if self.refuses {
            return Err(KernelError::NoCarp);
        }
        self.writes.push(delta.get());
        if let Some(look) = &mut self.look {
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
        let kernel = Rigged { look: Some(snapshot(vhids)), writes: Vec::new(), refuses: false };
        let around = Surroundings::default();
        let daemon = SimDaemon::start(policy.clone(), &around, at(0));
        let mut rig = Self { kernel, around, policy, daemon, now: at(0) };
        rig.feed(Input::EventSource { connected: true });
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
            if next > end {
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
        self.feed(Input::Hint(vec![(id.parse().unwrap(), state)]));
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

#[test]
fn a_service_starts_on_master_and_stops_when_it_is_lost() {
    let mut rig = Rig::gateway(Backup);
    rig.run(1_000);
    assert!(!rig.running());
    rig.event("1@em0", Master);
    rig.run(1_000);
    assert!(rig.running());
    rig.event("1@em0", Backup);
    rig.run(3_900);
    assert!(rig.running(), "a MASTER may come back within the settle time");
    rig.run(1_000);
    assert!(!rig.running());
    assert_eq!((rig.gw().starts, rig.gw().stops), (1, 1));
}

#[test]
fn the_first_action_follows_the_event_without_any_wait() {
    let mut rig = Rig::gateway(Backup);
    rig.run(2_000);
    rig.event("1@em0", Master);
    assert_eq!(rig.status().services[0].busy.map(super::service::ActionKind::as_str), Some("start"));
}

#[test]
fn i9_a_missed_event_is_made_up_for_within_five_seconds() {
    let mut rig = Rig::gateway(Backup);
    rig.run(2_000);
    rig.vhid("1@em0", Master);
    rig.run(5_300);
    assert!(rig.running());
    rig.run(20_000);
    assert_eq!(rig.status().events.missed, 1);
}

#[test]
fn i9_a_doubled_or_late_event_changes_nothing() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    for claim in [Backup, Master, Init, Master] {
        rig.feed(Input::Hint(vec![("1@em0".parse().unwrap(), claim)]));
    }
    rig.run(20_000);
    assert_eq!((rig.running(), rig.gw().starts, rig.gw().stops), (true, 1, 0));
}

#[test]
fn a_bounce_shorter_than_settle_leaves_the_service_alone() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.event("1@em0", Init);
    rig.run(5);
    rig.event("1@em0", Backup);
    rig.run(3_000);
    rig.event("1@em0", Master);
    rig.run(10_000);
    assert_eq!((rig.running(), rig.gw().starts, rig.gw().stops), (true, 1, 0));
}

#[test]
fn a_service_that_dies_while_master_is_away_is_not_started() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.event("1@em0", Backup);
    rig.gw_mut().running = false;
    rig.run(20_000);
    assert_eq!((rig.running(), rig.gw().starts), (false, 1));
}

#[test]
fn i10_the_last_state_of_a_flap_storm_wins_and_actions_never_pile_up() {
    let mut rig = Rig::new(
        policy(vec![{
            let mut fast = service("gw", &["1@em0"]);
            fast.settle = Duration::ZERO;
            fast
        }]),
        &[("1@em0", Backup)],
    );
    rig.run(2_000);
    for flap in 0..200 {
        rig.event("1@em0", if flap % 2 == 0 { Master } else { Backup });
        rig.run(50);
    }
    let acted = rig.gw().starts + rig.gw().stops;
    assert!(acted <= 40, "in 10 s there is room for 40 actions of 0.2 s and 0.3 s, not for 200: {acted}");
    rig.run(1_000);
    assert!(!rig.running());
    rig.event("1@em0", Master);
    rig.run(1_000);
    assert!(rig.running());
}

#[test]
fn i2_unknown_starts_nothing_and_stands_down_after_the_grace() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    let look = rig.kernel.look.take();
    rig.run(14_000);
    assert!(rig.running(), "one failed read must not stop a VPN");
    rig.run(9_000);
    assert!(!rig.running());
    rig.gw_mut().running = false;
    rig.run(60_000);
    assert_eq!(rig.gw().starts, 1, "unknown never starts anything");
    rig.kernel.look = look;
    rig.run(3_000);
    assert!(rig.running());
}

#[test]
fn a_kernel_that_becomes_unreadable_while_master_is_away_does_not_keep_carpd_busy() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.event("1@em0", Backup);
    rig.run(1_000);
    rig.kernel.look = None;
    rig.feed(Input::Hint(Vec::new()));
    rig.run(2_990);
    for _ in 0..20 {
        rig.pass_to(rig.now.mono + Duration::from_millis(1));
        rig.daemon.tick(&mut rig.kernel, &mut rig.around, rig.now);
        assert!(rig.daemon.next_wake(rig.now) > rig.now.mono, "something is due that a tick does not settle");
    }
}

#[test]
fn a_service_started_by_somebody_else_on_backup_is_stood_down_within_seconds() {
    let mut rig = Rig::gateway(Backup);
    rig.run(2_000);
    rig.gw_mut().running = true;
    rig.run(6_000);
    assert!(!rig.running());
    assert_eq!(rig.noted("somebody started it"), 1);
}

#[test]
fn a_service_that_dies_on_master_is_started_again() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.gw_mut().running = false;
    rig.run(6_000);
    assert!(rig.running());
    assert_eq!(rig.noted("stopped running by itself"), 1);
}

#[test]
fn a_service_that_keeps_dying_is_started_with_growing_pauses_and_said_to() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    for _ in 0..60 {
        rig.gw_mut().running = false;
        rig.run(1_000);
    }
    assert!((4..=8).contains(&rig.gw().starts), "{}", rig.gw().starts);
    let status = rig.status();
    assert!(status.verdict.problems.iter().any(|p| p.what.contains("died")), "{:?}", status.verdict);
}

#[test]
fn a_devd_that_is_gone_for_long_is_a_warning() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.feed(Input::EventSource { connected: false });
    rig.run(9_000);
    assert_eq!(rig.status().verdict.severity, Severity::Ok);
    rig.run(2_000);
    assert_eq!(rig.status().verdict.severity, Severity::Warning);
    rig.feed(Input::EventSource { connected: true });
    assert_eq!(rig.status().verdict.severity, Severity::Ok);
}

#[test]
fn a_maintenance_that_moves_nothing_says_so_after_ten_seconds() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.enter();
    rig.run(9_000);
    let says = |rig: &Rig| rig.status().verdict.problems[0].effect.contains("still MASTER");
    assert!(!says(&rig));
    rig.run(2_000);
    assert!(says(&rig));
}

#[test]
fn a_node_that_holds_itself_back_for_its_health_is_never_well() {
    let mut gw = service("gw", &["1@em0"]);
    gw.probes.push(ProbePolicy {
        name: "http".into(),
        every: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        rise: 1,
        fall: 1,
        effect: ProbeEffect::Demote(ShareAmount::new(96).unwrap()),
    });
    let mut rig = Rig::new(policy(vec![gw]), &[("1@em0", Master)]);
    rig.run(2_000);
    rig.gw_mut().healthy = false;
    rig.run(3_000);
    rig.event("1@em0", Backup);
    rig.run(30_000);
    assert!(!rig.running() && rig.sum() >= 96);
    assert_eq!(rig.status().verdict.severity, Severity::Warning);
}

#[test]
fn a_failing_start_is_tried_again_with_growing_pauses_and_shown_as_critical() {
    let mut rig = Rig::gateway(Backup);
    rig.run(1_000);
    rig.gw_mut().start_fault = Some("exited 3".into());
    rig.event("1@em0", Master);
    rig.run(60_000);
    let tries = rig.noted("start failed");
    assert!((5..=8).contains(&tries), "{tries}");
    assert_eq!(rig.status().verdict.severity, Severity::Critical);
    rig.gw_mut().start_fault = None;
    rig.run(64_000);
    assert!(rig.running());
}

#[test]
fn i12_a_hung_stop_ends_at_its_limit_and_is_said_loudly() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.gw_mut().stop_hangs = true;
    rig.event("1@em0", Backup);
    rig.run(4_000 + 10_000 + 100);
    let status = rig.status();
    assert_eq!((status.services[0].want, status.services[0].is), (Some(Role::Standby), Is::Running));
    assert_eq!(status.verdict.severity, Severity::Critical);
    assert_eq!(rig.noted("stop failed after 10.0"), 1);
}

#[test]
fn a_start_under_way_when_master_is_lost_is_stopped_afterwards() {
    let mut rig = Rig::gateway(Backup);
    rig.run(1_000);
    rig.gw_mut().start_takes = Duration::from_secs(8);
    rig.event("1@em0", Master);
    rig.run(100);
    rig.event("1@em0", Backup);
    rig.run(9_000);
    assert_eq!((rig.running(), rig.gw().starts, rig.gw().stops), (false, 1, 1));
}

#[test]
fn maintenance_demotes_by_240_and_takes_exactly_that_back() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.add_foreign(480);
    rig.run(6_000);
    assert!(matches!(rig.enter(), Reply::Done { .. }));
    rig.run(100);
    assert_eq!(rig.sum(), 480 + 240 + 1);
    rig.assert_sum_adds_up();
    assert!(matches!(rig.leave(), Reply::Done { .. }));
    rig.run(100);
    assert_eq!(rig.sum(), 480, "I8: what others added stays");
}

#[test]
fn i7_enter_and_leave_are_idempotent() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    assert!(matches!(rig.leave(), Reply::Done { .. }));
    for _ in 0..3 {
        assert!(matches!(rig.enter(), Reply::Done { .. }));
        rig.run(100);
    }
    assert_eq!((rig.sum(), rig.kernel.writes.len()), (241, 1));
    for _ in 0..3 {
        rig.leave();
        rig.run(100);
    }
    assert_eq!((rig.sum(), rig.kernel.writes.len()), (0, 2));
}

#[test]
fn i6_maintenance_survives_a_reboot() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.enter();
    rig.run(100);
    rig.vhid("1@em0", Init);
    rig.reboot("second");
    rig.run(100);
    assert_eq!(rig.sum() & !15, 240);
    assert!(rig.status().maintenance.active);
    rig.assert_sum_adds_up();
}

#[test]
fn maintenance_ends_by_itself_and_survives_a_clock_that_went_back() {
    let mut rig = Rig::gateway(Backup);
    rig.run(1_000);
    let until = Some(rig.now.wall + Duration::from_secs(60));
    rig.request(Request::MaintenanceEnter { reason: String::new(), until, force: false });
    rig.run(1_000);
    let back = Wall::from_millis(rig.now.wall.as_millis() - 3_600_000);
    rig.now.wall = back;
    rig.run(30_000);
    assert!(rig.status().maintenance.active);
    rig.run(3_700_000);
    assert!(!rig.status().maintenance.active);
    assert_eq!(rig.sum(), 0);
}

#[test]
fn a_maintenance_without_an_end_gets_the_configured_one() {
    let mut limited = policy(Vec::new());
    limited.maintenance_default_for = Some(Duration::from_secs(3600));
    let mut rig = Rig::new(limited, &[("1@em0", Backup)]);
    rig.run(1_000);
    rig.enter();
    assert_eq!(rig.status().maintenance.until, Some(rig.now.wall + Duration::from_secs(3600)));
}

#[test]
fn an_end_before_the_beginning_does_not_keep_carpd_busy() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.enter();
    rig.now.wall = Wall::from_millis(rig.now.wall.as_millis() - 3_600_000);
    let until = Some(rig.now.wall + Duration::from_secs(30));
    rig.request(Request::MaintenanceEnter { reason: "short".into(), until, force: false });
    rig.run(29_000);
    for _ in 0..3 {
        rig.pass_to(rig.now.mono + Duration::from_secs(1));
        rig.daemon.tick(&mut rig.kernel, &mut rig.around, rig.now);
        assert!(rig.daemon.next_wake(rig.now) > rig.now.mono, "something is due that a tick does not settle");
    }
    assert!(rig.status().maintenance.active, "the clock stands before the beginning");
}

#[test]
fn maintenance_that_cannot_be_made_durable_is_refused_and_changes_nothing() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.around.disk.fault = Some("no space left on device".into());
    let Reply::Failed { text } = rig.enter() else { panic!("must fail") };
    assert!(text.contains("no space left"));
    rig.run(60_000);
    assert_eq!((rig.sum(), rig.status().maintenance.active), (0, false));
    assert_eq!(rig.noted("cannot be written"), 1, "the same error is logged once");
    rig.around.disk.fault = None;
    assert!(matches!(rig.enter(), Reply::Done { .. }));
    rig.run(100);
    assert_eq!(rig.sum() & !15, 240);
}

#[test]
fn a_maintenance_that_ran_out_on_a_full_disk_is_not_said_to_be_left() {
    let mut rig = Rig::gateway(Backup);
    rig.run(1_000);
    let until = Some(rig.now.wall + Duration::from_secs(60));
    rig.request(Request::MaintenanceEnter { reason: String::new(), until, force: false });
    rig.run(1_000);
    rig.around.disk.fault = Some("no space left on device".into());
    rig.run(62_000);
    assert!(matches!(rig.leave(), Reply::Failed { .. }));
    rig.around.disk.fault = None;
    rig.run(6_000);
    assert!(matches!(rig.leave(), Reply::Done { .. }));
    assert_eq!((rig.sum(), rig.around.disk.journal.maintenance.is_some()), (0, false));
}

#[test]
fn a_reply_says_so_if_the_demotion_has_to_wait() {
    let mut rig = Rig::gateway(Backup);
    rig.run(1_000);
    rig.enter();
    rig.run(1_000);
    let text = |reply| if let Reply::Done { text } = reply { text } else { panic!("{reply:?}") };
    rig.kernel.refuses = true;
    assert_eq!(text(rig.leave()), "maintenance left");
    rig.run(100);
    rig.enter();
    assert_eq!(text(rig.leave()), "maintenance left; the demotion follows");
    rig.kernel.refuses = false;
    rig.run(6_000);
    assert_eq!(rig.sum(), 0);
    assert_eq!(rig.noted("left by"), 2);
    let until = Some(rig.now.wall + Duration::from_secs(60));
    rig.request(Request::MaintenanceEnter { reason: String::new(), until, force: false });
    rig.run(70_000);
    assert_eq!((rig.noted("left by"), rig.noted("left: its end was reached")), (2, 1));
}

#[test]
fn a_disk_that_has_room_again_is_noticed_although_nothing_waits_to_be_written() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.around.disk.fault = Some("no space left on device".into());
    rig.enter();
    rig.run(20_000);
    assert_eq!(rig.status().verdict.severity, Severity::Critical);
    rig.around.disk.fault = None;
    rig.run(6_000);
    assert_eq!(rig.status().verdict.severity, Severity::Ok);
    let writes = rig.around.disk.writes;
    rig.run(60_000);
    assert_eq!(rig.around.disk.writes, writes, "one write is proof enough");
}

#[test]
fn i3_i4_a_restart_of_carpd_writes_nothing_to_the_kernel() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.enter();
    rig.run(5_000);
    let writes = rig.kernel.writes.len();
    for _ in 0..5 {
        rig.restart();
        rig.run(11_000);
    }
    assert_eq!((rig.kernel.writes.len(), rig.sum()), (writes, 241));
}

#[test]
fn i5_after_a_crash_at_any_point_the_share_is_neither_doubled_nor_lost() {
    // The daemon dies after the n-th of: journal announced, kernel written, journal confirmed.
    for crash_after in 0..=3 {
        for foreign in [0, 240, -240] {
            let mut rig = Rig::gateway(Master);
            rig.run(1_000);
            rig.add_foreign(foreign);
            rig.run(6_000);
            let before = rig.around.disk.journal.clone();
            rig.enter();
            rig.run(100);
            let after = rig.around.disk.journal.clone();
            let announced = Journal {
                share: before.share,
                pending: Some(super::journal::Pending { to: after.share, sum_before: Demotion::new(foreign) }),
                ..after.clone()
            };
            let (journal, sum) = match crash_after {
                0 => (before, foreign),
                1 => (announced, foreign),
                2 => (announced, foreign + 241),
                _ => (after, foreign + 241),
            };
            rig.around.disk.journal = journal;
            rig.kernel.look.as_mut().unwrap().sysctls.demotion = Demotion::new(sum);
            rig.restart();
            rig.run(6_000);
            let expected = if crash_after == 0 { 0 } else { 240 };
            assert_eq!(rig.sum() & !15, foreign + expected, "crash after {crash_after}, foreign {foreign}");
            rig.assert_sum_adds_up();
        }
    }
}

#[test]
fn an_absolute_reset_by_somebody_else_is_noticed_and_only_our_share_put_back() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.enter();
    rig.run(100);
    rig.kernel.look.as_mut().unwrap().sysctls.demotion = Demotion::ZERO;
    rig.run(6_000);
    assert_eq!(rig.sum() & !15, 240);
    assert_eq!(rig.noted("took carpd's share"), 1);
    rig.add_foreign(-240);
    rig.run(12_000);
    assert_eq!(rig.sum() & !15, 0, "a foreign negative amount stays");
    rig.assert_sum_adds_up();
}

#[test]
fn a_look_from_before_the_own_write_is_not_taken_for_a_reset() {
    // Answers come in the order that suits worst: a look that is asked for during a write is answered after it.
    let mut core = Core::new(policy(Vec::new()), Loaded::Journal(Journal::default()), at(0));
    let look = |sum: i32| {
        let mut look = snapshot(&[("1@em0", Master)]);
        look.sysctls.demotion = Demotion::new(sum);
        Input::Read { result: Ok(look), log: Vec::new() }
    };
    let persisted = |effects: &[Effect]| {
        let seq = effects.iter().find_map(|e| if let Effect::Persist { seq, .. } = e { Some(*seq) } else { None });
        Input::Persisted { seq: seq.unwrap(), result: Ok(()) }
    };
    core.step(Input::Tick, at(0));
    let written = core.step(look(0), at(0));
    core.step(persisted(&written), at(0));
    let request = Request::MaintenanceEnter { reason: String::new(), until: None, force: false };
    let written = core.step(Input::Request { id: 1, by: "root".into(), request }, at(100));
    core.step(persisted(&written), at(100));
    let announced = core.step(look(0), at(100));
    assert!(core.step(Input::Hint(Vec::new()), at(200)).contains(&Effect::Read { log: false }));
    let added = core.step(persisted(&announced), at(200));
    assert!(added.contains(&Effect::AddDemotion { delta: Demotion::new(241) }));
    let mut effects = core.step(Input::DemotionAdded { result: Ok(()) }, at(200));
    effects.extend(core.step(look(0), at(200)));
    assert!(!effects.iter().any(|e| matches!(e, Effect::AddDemotion { .. })));
    assert_eq!(core.status(at(200)).demotion.reasons.iter().map(|part| part.value).sum::<i32>(), 0);
    core.step(Input::Hint(Vec::new()), at(300));
    core.step(look(241), at(300));
    let reasons = core.status(at(300)).demotion.reasons;
    assert_eq!((reasons[0].name.as_str(), reasons[0].value, reasons.len()), ("maintenance", 240, 2));
}

#[test]
fn leaving_right_after_somebody_s_reset_takes_nothing_from_others() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.enter();
    rig.run(8_000);
    rig.kernel.look.as_mut().unwrap().sysctls.demotion = Demotion::new(480);
    rig.leave();
    rig.run(100);
    assert_eq!(rig.sum(), 480);
    rig.assert_sum_adds_up();
}

#[test]
fn planned_handover_stops_the_service_without_waiting_for_settle() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.enter();
    rig.run(10);
    rig.event("1@em0", Backup);
    rig.run(300);
    assert!(!rig.running());
}

#[test]
fn a_peer_that_has_taken_over_ends_the_wait_for_a_bounced_master() {
    let mut rig = Rig::gateway(Master);
    rig.run(6_000);
    rig.kernel.look.as_mut().unwrap().counters.ipackets += 1;
    rig.event("1@em0", Backup);
    rig.run(300);
    assert!(!rig.running());
}

#[test]
fn adverts_for_others_or_with_another_key_do_not_count_as_a_peer_that_has_taken_over() {
    let mut rig = Rig::gateway(Master);
    rig.run(6_000);
    let counters = &mut rig.kernel.look.as_mut().unwrap().counters;
    (counters.ipackets, counters.ipackets6, counters.badauth, counters.badvhid) = (20, 10, 15, 15);
    rig.event("1@em0", Backup);
    rig.run(3_000);
    assert!(rig.running());
}

#[test]
fn a_dead_interface_stops_the_service_without_waiting_for_settle() {
    let mut rig = Rig::gateway(Master);
    rig.run(2_000);
    rig.kernel.look.as_mut().unwrap().interfaces[0].link = false;
    rig.event("1@em0", Init);
    rig.run(300);
    assert!(!rig.running());
}

#[test]
fn an_unhealthy_service_demotes_by_its_named_share_until_it_is_healthy() {
    let mut gw = service("gw", &["1@em0"]);
    gw.probes.push(ProbePolicy {
        name: "http".into(),
        every: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        rise: 2,
        fall: 3,
        effect: ProbeEffect::Demote(ShareAmount::new(96).unwrap()),
    });
    let mut rig = Rig::new(policy(vec![gw]), &[("1@em0", Master)]);
    rig.run(5_000);
    assert_eq!(rig.sum(), 0);
    rig.gw_mut().healthy = false;
    rig.run(5_000);
    assert_eq!(rig.sum() & !15, 96);
    let reasons = rig.status().demotion.reasons;
    assert_eq!((reasons[0].name.as_str(), reasons[0].value), ("health:gw/http", 96));
    rig.gw_mut().healthy = true;
    rig.run(5_000);
    assert_eq!(rig.sum(), 0);
}

#[test]
fn i3_i4_a_restart_keeps_the_demotion_of_an_unhealthy_service() {
    let mut gw = service("gw", &["1@em0"]);
    gw.probes.push(ProbePolicy {
        name: "http".into(),
        every: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        rise: 2,
        fall: 3,
        effect: ProbeEffect::Demote(ShareAmount::new(96).unwrap()),
    });
    let mut rig = Rig::new(policy(vec![gw]), &[("1@em0", Master)]);
    rig.gw_mut().healthy = false;
    rig.run(10_000);
    rig.event("1@em0", Backup);
    rig.run(10_000);
    let writes = rig.kernel.writes.len();
    for _ in 0..3 {
        rig.restart();
        rig.run(20_000);
        assert_eq!((rig.sum() & !15, rig.kernel.writes.len()), (96, writes));
        rig.assert_sum_adds_up();
    }
    rig.gw_mut().healthy = true;
    rig.event("1@em0", Master);
    rig.run(10_000);
    assert_eq!(rig.sum(), 0);
    rig.gw_mut().healthy = false;
    rig.run(10_000);
    rig.reboot("second");
    rig.run(1_000);
    assert_eq!(rig.sum(), 0, "a new boot is a new service");
}

#[test]
fn i20_the_boot_hold_ends_at_its_limit_or_when_the_node_is_master() {
    let mut held = policy(Vec::new());
    held.boot_hold = Duration::from_secs(60);
    let mut rig = Rig::new(held, &[("1@em0", Backup)]);
    rig.run(1_000);
    assert_eq!(rig.sum(), 0, "the first start of all holds nothing back");
    rig.reboot("second");
    rig.run(1_000);
    assert_eq!(rig.sum() & !15, 240);
    rig.restart();
    rig.run(60_000);
    assert_eq!(rig.sum(), 0, "a restart of carpd does not prolong it");
    rig.reboot("third");
    rig.run(1_000);
    rig.event("1@em0", Master);
    rig.run(500);
    assert_eq!(rig.sum(), 0);
}

#[test]
fn i15_an_unchanged_reload_has_no_effect_at_all() {
    let mut rig = Rig::gateway(Master);
    rig.run(10_000);
    let (notes, policy) = (rig.daemon.notes.len(), rig.policy.clone());
    rig.feed(Input::Reloaded(policy));
    rig.run(100);
    assert_eq!((rig.daemon.notes.len(), rig.gw().starts, rig.kernel.writes.len()), (notes, 1, 0));
}

#[test]
fn a_reload_keeps_what_is_known_of_the_services_that_stay() {
    let mut rig = Rig::gateway(Master);
    rig.run(10_000);
    let mut changed = rig.policy.clone();
    changed.services[0].settle = Duration::from_secs(1);
    changed.services.push(service("second", &["1@em0"]));
    rig.feed(Input::Reloaded(changed));
    rig.run(1_000);
    assert_eq!((rig.gw().starts, rig.gw().stops), (1, 0));
    assert!(rig.status().services.iter().all(super::status::ServiceStatus::as_wanted));
}

#[test]
fn stopping_carpd_leaves_services_or_stands_them_down_as_configured() {
    for on_exit in [OnExit::Leave, OnExit::Standby] {
        let mut gw = service("gw", &["1@em0"]);
        gw.on_exit = on_exit;
        let mut rig = Rig::new(policy(vec![gw]), &[("1@em0", Master)]);
        rig.run(2_000);
        rig.feed(Input::Shutdown);
        rig.run(1_000);
        assert!(rig.daemon.exited);
        assert_eq!(rig.running(), on_exit == OnExit::Leave);
        assert!(rig.kernel.writes.is_empty());
    }
}

#[test]
fn a_refused_write_to_the_kernel_is_tried_again() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.kernel.refuses = true;
    rig.enter();
    rig.run(12_000);
    assert_eq!(rig.sum(), 0);
    rig.kernel.refuses = false;
    rig.run(6_000);
    assert_eq!(rig.sum() & !15, 240);
}

#[test]
fn a_preflight_refuses_only_on_a_known_no() {
    let mut rig = Rig::gateway(Master);
    rig.run(1_000);
    rig.kernel.look.as_mut().unwrap().counters.badauth = 1;
    rig.run(6_000);
    assert!(matches!(rig.enter(), Reply::Refused { .. }));
    assert_eq!(rig.sum(), 0);
    let forced = Request::MaintenanceEnter { reason: String::new(), until: None, force: true };
    assert!(matches!(rig.request(forced), Reply::Done { .. }));
}

#[test]
fn a_configured_vhid_that_the_kernel_lacks_is_shown_as_absent() {
    let mut declared = policy(vec![service("gw", &["9@em9"])]);
    declared.vhids = vec!["9@em9".parse().unwrap()];
    let mut rig = Rig::new(declared, &[("1@em0", Master)]);
    rig.run(1_000);
    let status = rig.status();
    assert_eq!(status.vhids[1].state, super::status::VhidState::Absent);
    assert_eq!(status.verdict.severity, Severity::Warning);
    assert!(!rig.running());
}

#[test]
fn a_slow_disk_keeps_nobody_awake() {
    let mut core = Core::new(policy(vec![]), Loaded::Journal(Journal::default()), at(0));
    core.step(Input::Tick, at(0));
    let read = || Input::Read { result: Ok(snapshot(&[("1@em0", Backup)])), log: vec![] };
    core.step(read(), at(0));
    core.step(Input::Persisted { seq: 1, result: Ok(()) }, at(0));
    let until = Some(at(2_000).wall);
    let request = Request::MaintenanceEnter { reason: String::new(), until, force: false };
    let effects = core.step(Input::Request { id: 1, by: "anna".into(), request }, at(1_000));
    assert!(matches!(effects[..], [Effect::Persist { seq: 2, .. }]), "{effects:?}");
    // The share is wrong and the maintenance has run out, but both have to wait for the disk.
    core.step(Input::Tick, at(5_000));
    core.step(read(), at(5_000));
    assert_eq!(core.next_wake(at(6_000)), at(10_000).mono);
}

#[test]
fn what_may_run_is_what_the_election_says() {
    let mut core = Core::new(policy(vec![service("gw", &["1@em0"])]), Loaded::Journal(Journal::default()), at(0));
    let gw: ServiceName = "gw".parse().unwrap();
    let other: ServiceName = "other".parse().unwrap();
    assert!(!core.may_run(&gw).0, "unknown is no");
    assert!(core.may_run(&other).0, "what carpd does not manage is not its business");
    for (millis, state) in [(0, Master), (5_000, Backup), (10_000, Init), (15_000, Master)] {
        core.step(Input::Tick, at(millis));
        core.step(Input::Read { result: Ok(snapshot(&[("1@em0", state)])), log: vec![] }, at(millis));
        assert_eq!(core.may_run(&gw).0, state == Master, "{state}");
    }
    core.step(Input::Read { result: Err("gone".into()), log: vec![] }, at(20_000));
    assert!(!core.may_run(&gw).0);
}
