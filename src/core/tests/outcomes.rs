//! What comes of actions, as their drivers tell it.

use super::*;
use crate::core::service::{ActionKind, ActionResult, LastAction, Outcome};

/// A core with the service `gw` that is told everything by the test.
struct Told {
    core: Core,
    millis: u64,
}

impl Told {
    /// Its kernel says `state`, and `gw` was found to be `is`.
    fn new(state: CarpState, is: Outcome) -> Self {
        let core = Core::new(policy(vec![service("gw", &["1@em0"])]), Loaded::Journal(Journal::default()), at(0));
        let mut told = Self { core, millis: 0 };
        assert_eq!(told.act(Input::Tick), [ActionKind::Check]);
        assert!(told.look(state).is_empty(), "the first check is under way");
        told.ended(is);
        told
    }

    fn feed(&mut self, input: Input) -> Vec<Effect> {
        let effects = self.core.step(input, at(self.millis));
        for effect in &effects {
            if let Effect::Persist { seq, .. } = effect {
                self.core.step(Input::Persisted { seq: *seq, result: Ok(()) }, at(self.millis));
            }
        }
        effects
    }

    fn act(&mut self, input: Input) -> Vec<ActionKind> {
        let acts = self.feed(input).into_iter().filter_map(|effect| match effect {
            Effect::Act { kind, .. } => Some(kind),
            _ => None,
        });
        acts.collect()
    }

    fn look(&mut self, state: CarpState) -> Vec<ActionKind> {
        self.act(Input::Read { result: Ok(snapshot(&[("1@em0", state)])), log: vec![] })
    }

    /// The action under way ends; what follows from that at once.
    fn ended(&mut self, outcome: Outcome) -> Vec<ActionKind> {
        self.act(Input::Acted { service: "gw".parse().unwrap(), outcome })
    }

    /// Time passes.
    fn pass(&mut self, millis: u64) -> Vec<ActionKind> {
        self.millis += millis;
        self.act(Input::Tick)
    }

    fn is(&self) -> Is {
        self.core.services[0].is
    }

    fn last(&self) -> LastAction {
        self.core.services[0].last_action.clone().unwrap()
    }
}

#[test]
fn a_stop_that_took_force_has_worked_and_says_what_it_took() {
    let mut told = Told::new(Backup, Outcome::Running);
    assert_eq!(told.pass(4_000), [ActionKind::Stop]);
    told.millis += 12_000;
    let force = Outcome::Forced("its command was killed; it was killed after ignoring SIGTERM".into());
    assert_eq!(told.ended(force), [ActionKind::Check]);
    let effects = told.feed(Input::Acted { service: "gw".parse().unwrap(), outcome: Outcome::Stopped });
    let loud = |effect: &Effect| {
        matches!(effect, Effect::Note(note) if note.level == crate::core::Level::Warning
            && note.text == "stop ok after 12.000 s: its command was killed; it was killed after ignoring SIGTERM")
    };
    assert!(effects.iter().any(loud), "{effects:?}");
    assert_eq!((told.last().result, told.is()), (ActionResult::Ok, Is::Stopped));
}

#[test]
fn a_check_that_tells_nothing_makes_no_failure_of_a_stop_and_repeats_nothing() {
    let mut told = Told::new(Backup, Outcome::Running);
    assert_eq!(told.pass(4_000), [ActionKind::Stop]);
    // As rc.subr(8) answers where nothing runs any more.
    assert_eq!(told.ended(Outcome::Failed("exited 1".into())), [ActionKind::Check]);
    for _ in 0..2 {
        told.millis += 10_000;
        assert_eq!(told.ended(Outcome::TimedOut), []);
        assert_eq!(told.pass(1_000), [ActionKind::Check]);
    }
    told.ended(Outcome::Stopped);
    assert_eq!((told.last().result, told.is()), (ActionResult::Ok, Is::Stopped));
}

#[test]
fn a_result_that_cannot_be_told_for_good_is_said_to_be_so() {
    let mut told = Told::new(Backup, Outcome::Running);
    told.pass(4_000);
    told.ended(Outcome::Failed("exited 1".into()));
    for _ in 0..3 {
        assert_eq!(told.ended(Outcome::TimedOut), []);
        assert_eq!(told.pass(1_000), [ActionKind::Check]);
    }
    told.ended(Outcome::TimedOut);
    let last = told.last();
    assert_eq!(last.result, ActionResult::Failed);
    assert_eq!(last.detail, "exited 1; it cannot be told whether it is stopped: the check ran into its limit");
}

#[test]
fn a_start_whose_service_ends_at_once_has_failed() {
    let mut told = Told::new(Master, Outcome::Stopped);
    assert_eq!(told.ended(Outcome::Done), [ActionKind::Check]);
    told.ended(Outcome::Running);
    assert_eq!(told.last().result, ActionResult::Ok);
    assert_eq!(told.pass(500), [ActionKind::Check]);
    told.ended(Outcome::Stopped);
    assert_eq!(told.last().result, ActionResult::Failed);
    assert_eq!(told.last().detail, "it ran, and was gone again within 500 ms");
}

#[test]
fn a_check_gives_way_to_what_has_to_be_done() {
    let mut told = Told::new(Backup, Outcome::Stopped);
    assert_eq!(told.pass(5_000), [ActionKind::Check]);
    let effects = told.feed(Input::Read { result: Ok(snapshot(&[("1@em0", Master)])), log: vec![] });
    let cut = |effect: &Effect| matches!(effect, Effect::CutShort { .. });
    assert_eq!(effects.iter().filter(|effect| cut(effect)).count(), 1, "{effects:?}");
    assert!(!told.feed(Input::Tick).iter().any(cut), "once is enough");
    assert_eq!(told.ended(Outcome::CutShort), [ActionKind::Start]);
}

#[test]
fn a_start_that_nobody_wants_any_more_does_not_hold_up_the_stop() {
    let mut rig = Rig::gateway(Backup);
    rig.run(1_000);
    rig.gw_mut().start_takes = Duration::from_secs(29);
    rig.event("1@em0", Master);
    rig.run(100);
    rig.event("1@em0", Backup);
    rig.run(4_000 + 1_000 + 300);
    assert_eq!((rig.running(), rig.gw().starts, rig.gw().stops), (false, 0, 1));
}

#[test]
fn a_master_that_returns_while_its_start_is_cut_short_starts_again() {
    let mut told = Told::new(Master, Outcome::Stopped);
    told.look(Backup);
    told.pass(4_000);
    told.look(Master);
    assert_eq!(told.ended(Outcome::CutShort), [ActionKind::Check], "it is not known how far it came");
    assert_eq!(told.ended(Outcome::Stopped), [ActionKind::Start]);
}
