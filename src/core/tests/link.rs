//! A link is up while its service is active and down otherwise, whatever else happens.

use super::*;
use crate::core::policy::{Mode, ServicePolicy};
use crate::core::service::{ActionKind, CHECK_LIMIT, Outcome};
use crate::core::status::LinkStatus;
use proptest::prelude::*;

const WG: &str = "wg20";

fn wg() -> InterfaceName {
    WG.parse().unwrap()
}

/// A process and a tunnel.
fn gateway(mode: Mode) -> ServicePolicy {
    ServicePolicy { mode, link: Some(wg()), ..service("gw", &["1@em0"]) }
}

/// A tunnel and nothing else.
fn tunnel() -> ServicePolicy {
    ServicePolicy { driven: false, ..gateway(Mode::Service) }
}

/// A node whose tunnel is `link` before carpd starts.
fn rig(policy: ServicePolicy, state: CarpState, link: LinkState) -> Rig {
    let mut rig = Rig::with_links(super::policy(vec![policy]), &[("1@em0", state)], &[(WG, link)]);
    rig.run(2_000);
    rig
}

impl Rig {
    fn link(&self) -> LinkState {
        self.kernel.links.get(&wg()).copied().unwrap_or(LinkState::Absent)
    }

    fn set_by_hand(&mut self, state: LinkState) {
        self.kernel.links.insert(wg(), state);
        self.feed(Input::Hint { source: EventSource::Rtnetlink, changes: Vec::new() });
    }

    fn writes(&self) -> usize {
        self.around.link_writes.len()
    }

    fn link_status(&self) -> LinkStatus {
        self.status().services[0].link.clone().unwrap()
    }

    fn says(&self, part: &str) -> Option<Severity> {
        let verdict = self.status().verdict;
        verdict.problems.iter().find(|p| p.what.contains(part)).map(|p| p.severity)
    }
}

#[test]
fn a_link_whose_service_is_in_a_persons_hands_is_left_as_it_is() {
    let mut rig = rig(gateway(Mode::Service), Backup, LinkState::Down);
    let until = rig.now.wall + Duration::from_secs(600);
    rig.request(Request::ServiceUnmanage { service: "gw".parse().unwrap(), until, reason: String::new() });
    let writes = rig.writes();
    rig.set_by_hand(LinkState::Up);
    rig.run(60_000);
    rig.event("1@em0", Master);
    rig.set_by_hand(LinkState::Down);
    rig.run(60_000);
    assert_eq!((rig.link(), rig.writes() - writes, rig.says("wg20")), (LinkState::Down, 0, None));
    rig.event("1@em0", Backup);
    rig.set_by_hand(LinkState::Up);
    rig.run(600_000);
    assert_eq!(rig.link(), LinkState::Down, "its time is over");
}

#[test]
fn a_link_goes_down_with_master_at_once_and_comes_up_again_with_it_while_the_process_stays() {
    let mut rig = rig(gateway(Mode::Service), Master, LinkState::Down);
    assert_eq!((rig.running(), rig.link()), (true, LinkState::Up));
    rig.event("1@em0", Backup);
    rig.run(0);
    assert_eq!((rig.running(), rig.link()), (true, LinkState::Down), "the link waits for nothing");
    rig.run(3_000);
    rig.event("1@em0", Master);
    rig.run(0);
    assert_eq!(rig.link(), LinkState::Up);
    rig.run(10_000);
    assert_eq!((rig.gw().starts, rig.gw().stops, rig.writes()), (1, 0, 3));
}

#[test]
fn a_link_that_is_as_it_should_be_is_never_written_to() {
    for (state, link) in [(Backup, LinkState::Down), (Master, LinkState::Up), (Backup, LinkState::Absent)] {
        let mut rig = rig(tunnel(), state, link);
        for _ in 0..20 {
            rig.hint(EventSource::Devd, "1@em0", state);
            rig.run(3_000);
        }
        assert_eq!((rig.writes(), rig.link()), (0, link), "{state}");
    }
}

#[test]
fn whoever_raises_the_link_of_a_standby_finds_it_down_after_the_next_look() {
    let mut rig = rig(gateway(Mode::Service), Backup, LinkState::Down);
    rig.set_by_hand(LinkState::Up);
    rig.run(0);
    assert_eq!((rig.link(), rig.noted("somebody raised wg20 although")), (LinkState::Down, 1));
    rig.kernel.links.insert(wg(), LinkState::Up);
    rig.run(5_000);
    assert_eq!(rig.link(), LinkState::Down, "an event that was lost is made up for");
    assert_eq!(rig.link_status().meddled, 2);
}

#[test]
fn a_tunnel_that_appears_on_a_standby_is_taken_down() {
    let mut rig = rig(gateway(Mode::Service), Backup, LinkState::Absent);
    assert!(rig.status().verdict.problems.is_empty(), "an absent tunnel is no fault of a standby");
    rig.set_by_hand(LinkState::Up);
    rig.run(0);
    assert_eq!(rig.link(), LinkState::Down);
    rig.kernel.links.remove(&wg());
    rig.run(6_000);
    assert_eq!((rig.link_status().is, rig.writes()), (Some(LinkState::Absent), 1));
}

#[test]
fn a_fight_over_the_link_ends_in_a_rhythm_and_not_in_a_busy_loop() {
    let mut rig = rig(tunnel(), Backup, LinkState::Down);
    for _ in 0..10_000 {
        rig.set_by_hand(LinkState::Up);
        rig.run(1);
    }
    assert!((80..=110).contains(&rig.writes()), "{} writes in 10 s", rig.writes());
    assert!(rig.noted("somebody raised") <= 6, "{}", rig.noted("somebody raised"));
    assert!(rig.says("somebody else has changed wg20").is_some());
    rig.run(2_000);
    assert_eq!(rig.link(), LinkState::Down);
}

#[test]
fn a_link_that_somebody_takes_down_on_the_active_node_is_raised_again() {
    let mut rig = rig(tunnel(), Master, LinkState::Up);
    rig.set_by_hand(LinkState::Down);
    rig.run(0);
    assert_eq!((rig.link(), rig.noted("somebody took wg20 down although")), (LinkState::Up, 1));
}

#[test]
fn a_failure_is_told_once_and_tried_again_with_growing_pauses() {
    let mut rig = rig(tunnel(), Backup, LinkState::Down);
    rig.kernel.link_fault = Some("operation not permitted");
    rig.set_by_hand(LinkState::Up);
    rig.run(60_000);
    assert!((5..=9).contains(&rig.writes()), "{}", rig.writes());
    assert_eq!(rig.noted("link wg20 should be down and is not"), 1);
    assert_eq!(rig.says("wg20 is up although gw is standby here: "), Some(Severity::Critical));
    rig.kernel.link_fault = None;
    rig.run(64_000);
    assert_eq!((rig.link(), rig.says("wg20")), (LinkState::Down, None));
}

#[test]
fn what_failed_on_an_interface_that_is_gone_holds_nobody_up_on_the_next_one() {
    let mut rig = rig(tunnel(), Backup, LinkState::Down);
    rig.kernel.link_fault = Some("operation not permitted");
    rig.set_by_hand(LinkState::Up);
    rig.run(60_000);
    rig.set_by_hand(LinkState::Absent);
    rig.run(1_000);
    rig.kernel.link_fault = None;
    rig.set_by_hand(LinkState::Up);
    rig.run(100);
    assert_eq!(rig.link(), LinkState::Down, "it waits for a pause that belonged to another interface");
}

#[test]
fn an_unreadable_kernel_leaves_the_link_until_the_grace_is_over() {
    let mut rig = rig(gateway(Mode::Service), Master, LinkState::Up);
    let look = rig.kernel.look.take();
    rig.run(14_000);
    assert_eq!((rig.link(), rig.writes()), (LinkState::Up, 0), "one failed read must not stop a VPN");
    rig.run(9_000);
    assert_eq!((rig.link(), rig.writes()), (LinkState::Down, 1));
    rig.run(60_000);
    assert_eq!(rig.writes(), 1);
    rig.kernel.look = look;
    rig.run(2_000);
    assert_eq!(rig.link(), LinkState::Up);
}

#[test]
fn the_link_goes_first_both_ways() {
    let mut rig = rig(gateway(Mode::Service), Backup, LinkState::Down);
    rig.around.link_takes = Duration::from_millis(300);
    rig.event("1@em0", Master);
    rig.run(250);
    assert_eq!((rig.link(), rig.status().services[0].busy), (LinkState::Down, None));
    rig.run(60);
    assert_eq!((rig.link(), rig.status().services[0].busy), (LinkState::Up, Some(ActionKind::Start)));
    rig.run(2_000);
    rig.enter();
    rig.event("1@em0", Backup);
    rig.run(250);
    assert_ne!(rig.status().services[0].busy, Some(ActionKind::Stop));
    rig.run(60);
    assert_eq!((rig.link(), rig.status().services[0].busy), (LinkState::Down, Some(ActionKind::Stop)));
}

#[test]
fn a_check_is_not_ended_for_a_start_that_waits_for_the_link() {
    let gw = gateway(Mode::Service);
    let mut core = Core::new(policy(vec![gw]), Loaded::Journal(Journal::default()), at(0));
    let read = |state| {
        let mut look = snapshot(&[("1@em0", state)]);
        look.links.push(LinkSnapshot { name: wg(), state: LinkState::Down });
        Input::Read { result: Ok(look), log: vec![] }
    };
    let stopped = Input::Acted { service: "gw".parse().unwrap(), outcome: Outcome::Stopped };
    core.step(Input::Tick, at(0));
    core.step(read(Backup), at(0));
    core.step(stopped, at(0));
    let check = Effect::Act { service: "gw".parse().unwrap(), kind: ActionKind::Check, limit: CHECK_LIMIT };
    assert!(core.step(Input::Tick, at(5_100)).contains(&check));
    let mut effects = core.step(read(Master), at(5_110));
    assert!(effects.contains(&Effect::SetLink { interface: wg(), up: true }), "{effects:?}");
    effects.extend([5_120, 6_000, 7_000].map(|millis| core.step(Input::Tick, at(millis))).concat());
    assert!(!effects.contains(&Effect::CutShort { service: "gw".parse().unwrap() }), "{effects:?}");
}

#[test]
fn a_link_that_hangs_or_fails_holds_the_process_up_for_two_seconds_at_most() {
    for hangs in [true, false] {
        let mut rig = rig(gateway(Mode::Service), Master, LinkState::Up);
        if hangs {
            rig.around.link_takes = Duration::from_secs(90);
        } else {
            rig.kernel.link_fault = Some("operation not permitted");
        }
        rig.enter();
        rig.event("1@em0", Backup);
        rig.run(2_500);
        assert!(!rig.running(), "hangs: {hangs}");
        rig.run(3_000);
        assert_eq!(rig.says("wg20 is up although gw is standby"), Some(Severity::Critical));
        if hangs {
            rig.run(300_000);
            assert_eq!((rig.link(), rig.writes()), (LinkState::Down, 1), "one write at a time");
        }
    }
}

#[test]
fn what_a_stop_leaves_raised_is_taken_down_without_waiting_for_the_next_poll() {
    let mut rig = rig(gateway(Mode::Service), Master, LinkState::Up);
    rig.enter();
    rig.event("1@em0", Backup);
    // Without an event: the stop is under way.
    rig.run(100);
    rig.kernel.links.insert(wg(), LinkState::Up);
    rig.run(200);
    assert_eq!((rig.running(), rig.link()), (false, LinkState::Down));
}

#[test]
fn warm_the_process_runs_on_both_nodes_and_only_the_link_follows() {
    let mut rig = rig(gateway(Mode::Warm), Backup, LinkState::Up);
    let gw: ServiceName = "gw".parse().unwrap();
    assert_eq!((rig.running(), rig.link()), (true, LinkState::Down));
    let service = &rig.status().services[0];
    assert_eq!((service.want, service.as_wanted()), (Some(Role::Standby), true));
    for (state, link) in [(Master, LinkState::Up), (Init, LinkState::Down), (Master, LinkState::Up)] {
        rig.event("1@em0", state);
        rig.run(6_000);
        assert_eq!((rig.running(), rig.link()), (true, link));
    }
    assert_eq!((rig.gw().starts, rig.gw().stops), (1, 0));
    rig.event("1@em0", Backup);
    rig.gw_mut().running = false;
    rig.run(6_000);
    assert!(rig.running(), "it is started again on a standby as well");
    assert!(rig.status().verdict.problems.is_empty(), "{:?}", rig.status().verdict);
    let core = Core::new(rig.policy.clone(), Loaded::Journal(Journal::default()), at(0));
    assert!(core.may_run(&gw).0, "the gate is open, even while nothing is known");
}

#[test]
fn warm_nothing_is_started_on_an_unreadable_kernel_and_nothing_stopped() {
    let mut rig = rig(gateway(Mode::Warm), Backup, LinkState::Down);
    rig.kernel.look = None;
    rig.run(30_000);
    assert!(rig.running());
    rig.gw_mut().running = false;
    rig.run(30_000);
    assert!(!rig.running());
}

#[test]
fn without_a_process_the_link_is_the_service() {
    let mut rig = rig(tunnel(), Backup, LinkState::Down);
    let now = |rig: &Rig| rig.status().services[0].clone();
    assert_eq!((now(&rig).want, now(&rig).is, now(&rig).as_wanted()), (Some(Role::Standby), Is::Stopped, true));
    rig.event("1@em0", Master);
    rig.run(0);
    assert_eq!((now(&rig).want, now(&rig).is, now(&rig).as_wanted()), (Some(Role::Active), Is::Running, true));
    rig.kernel.links.remove(&wg());
    rig.run(12_000);
    assert_eq!(rig.says("wg20 does not exist, and gw is active here"), Some(Severity::Critical));
    assert!(rig.around.services.is_empty(), "there is nothing to start, stop or check");
}

#[test]
fn a_carpd_that_is_stopped_leaves_the_link_or_takes_it_down_as_it_is_told() {
    for (on_exit, mode, link, running) in [
        (OnExit::Leave, Mode::Service, LinkState::Up, true),
        (OnExit::Standby, Mode::Service, LinkState::Down, false),
        (OnExit::Leave, Mode::Warm, LinkState::Up, true),
        (OnExit::Standby, Mode::Warm, LinkState::Down, false),
    ] {
        let mut rig = rig(ServicePolicy { on_exit, ..gateway(mode) }, Master, LinkState::Up);
        rig.around.link_takes = Duration::from_millis(50);
        rig.feed(Input::Shutdown);
        rig.run(2_000);
        assert!(rig.daemon.exited);
        assert_eq!((rig.link(), rig.running()), (link, running), "{on_exit:?} {mode:?}");
    }
}

#[test]
fn a_service_that_leaves_the_configuration_leaves_its_interface_alone() {
    let mut rig = rig(tunnel(), Backup, LinkState::Down);
    rig.feed(Input::Reloaded(policy(Vec::new())));
    rig.set_by_hand(LinkState::Up);
    rig.run(20_000);
    assert_eq!((rig.link(), rig.writes()), (LinkState::Up, 0));
    rig.feed(Input::Reloaded(policy(vec![tunnel()])));
    rig.run(6_000);
    assert_eq!(rig.link(), LinkState::Down);
}

#[test]
fn a_draining_node_takes_its_link_down_with_its_vips_and_raises_none() {
    let mut rig = rig(tunnel(), Master, LinkState::Up);
    rig.request(Request::Drain);
    rig.set_by_hand(LinkState::Down);
    rig.run(2_000);
    assert_eq!(rig.link(), LinkState::Down);
    rig.set_by_hand(LinkState::Up);
    rig.event("1@em0", Backup);
    rig.run(0);
    assert_eq!(rig.link(), LinkState::Down);
}

/// What may happen to a node.
#[derive(Clone, Debug)]
enum Happens {
    Vhid(CarpState, bool),
    Hand(LinkState, bool),
    Unreadable(bool),
    Crash,
    Restart,
    Takes(u64),
    Faults(bool),
    Passes(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    let vhid = prop::sample::select(vec![Init, Backup, Master]);
    let link = prop::sample::select(vec![LinkState::Up, LinkState::Stuck, LinkState::Down, LinkState::Absent]);
    prop_oneof![
        4 => (vhid, any::<bool>()).prop_map(|(state, told)| Happens::Vhid(state, told)),
        4 => (link, any::<bool>()).prop_map(|(state, told)| Happens::Hand(state, told)),
        1 => any::<bool>().prop_map(Happens::Unreadable),
        1 => Just(Happens::Crash),
        1 => Just(Happens::Restart),
        1 => (0..3_000_u64).prop_map(Happens::Takes),
        1 => any::<bool>().prop_map(Happens::Faults),
        6 => (0..8_000_u64).prop_map(Happens::Passes),
    ]
}

fn happen(rig: &mut Rig, look: &mut Option<Snapshot>, what: &Happens) {
    match what {
        Happens::Vhid(state, told) => {
            let seen = rig.kernel.look.as_mut().or(look.as_mut()).unwrap();
            seen.vhids[0].state = *state;
            if *told {
                rig.hint(EventSource::Devd, "1@em0", *state);
            }
        }
        Happens::Hand(state, told) => {
            rig.kernel.links.insert(wg(), *state);
            if *told {
                rig.feed(Input::Hint { source: EventSource::Rtnetlink, changes: Vec::new() });
            }
        }
        Happens::Unreadable(true) => *look = rig.kernel.look.take().or(look.take()),
        Happens::Unreadable(false) => rig.kernel.look = rig.kernel.look.take().or(look.take()),
        Happens::Crash => rig.gw_mut().running = false,
        Happens::Restart => rig.restart(),
        Happens::Takes(millis) => rig.around.link_takes = Duration::from_millis(*millis),
        Happens::Faults(on) => rig.kernel.link_fault = on.then_some("operation not permitted"),
        Happens::Passes(millis) => rig.run(*millis),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn after_whatever_happened_the_link_is_what_the_role_says_and_nothing_more_is_written(
        warm: bool, first: bool, history in prop::collection::vec(happens(), 0..40),
    ) {
        let mode = if warm { Mode::Warm } else { Mode::Service };
        let mut rig = rig(gateway(mode), if first { Master } else { Backup }, LinkState::Up);
        let mut look = None;
        for what in &history {
            happen(&mut rig, &mut look, what);
            prop_assert!(rig.daemon.overlapped.is_none(), "{:?}", rig.daemon.overlapped);
        }
        // Left alone and able again, a node is right within a poll, a pause after failures, and the longest write.
        happen(&mut rig, &mut look, &Happens::Unreadable(false));
        rig.kernel.link_fault = None;
        rig.run(75_000);
        let master = rig.kernel.look.as_ref().unwrap().vhids[0].state == Master;
        let (link, writes) = (rig.link(), rig.writes());
        if link != LinkState::Absent {
            prop_assert_eq!(link, if master { LinkState::Up } else { LinkState::Down });
        }
        prop_assert_eq!(rig.running(), warm || master);
        rig.run(60_000);
        prop_assert_eq!(rig.writes(), writes, "nothing is to be done and something is written");
        prop_assert!(rig.status().services[0].link.as_ref().is_some_and(|l| l.error.is_empty()));
        // A standby that is told of what was done to it has its link down after that very look.
        if !master && link != LinkState::Absent {
            rig.around.link_takes = Duration::ZERO;
            rig.set_by_hand(LinkState::Up);
            rig.run(0);
            prop_assert_eq!(rig.link(), LinkState::Down);
        }
    }
}
