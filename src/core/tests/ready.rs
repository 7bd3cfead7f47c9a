//! What has to hold before a start.

use super::*;
use crate::core::policy::ServicePolicy;
use crate::core::service::{ActionKind, Outcome};

const MISSING: &str = "/etc/gw/key.pem is missing";

fn not_ready() -> Input {
    let outcome = Outcome::NotReady(MISSING.to_owned());
    Input::Acted { service: "gw".parse().unwrap(), outcome }
}

/// What is done to `gw` when `input` arrives at `millis`.
fn acts(core: &mut Core, input: Input, millis: u64) -> Vec<ActionKind> {
    let acts = core.step(input, at(millis)).into_iter().filter_map(|effect| match effect {
        Effect::Act { kind, .. } => Some(kind),
        _ => None,
    });
    acts.collect()
}

fn core(state: CarpState) -> Core {
    let mut core = Core::new(policy(vec![service("gw", &["1@em0"])]), Loaded::Journal(Journal::default()), at(0));
    acts(&mut core, Input::Tick, 0);
    acts(&mut core, Input::Read { result: Ok(snapshot(&[("1@em0", state)])), log: vec![] }, 0);
    core
}

fn says(core: &Core, part: &str) -> Option<Severity> {
    core.status(at(0)).verdict.problems.iter().find(|p| p.what.contains(part)).map(|p| p.severity)
}

#[test]
fn what_is_not_ready_is_not_started_and_is_as_soon_as_it_is() {
    let mut core = core(Master);
    assert_eq!(acts(&mut core, not_ready(), 1), []);
    assert_eq!(says(&core, MISSING), Some(Severity::Critical));
    assert_eq!(acts(&mut core, Input::Tick, 4_000), []);
    assert_eq!(acts(&mut core, Input::Tick, 5_100), [ActionKind::Check], "it is looked at again");
    let ready = Input::Acted { service: "gw".parse().unwrap(), outcome: Outcome::Stopped };
    assert_eq!(acts(&mut core, ready, 5_101), [ActionKind::Start]);
    assert_eq!(says(&core, MISSING), None);
}

#[test]
fn a_standby_that_is_not_ready_is_told_before_it_is_needed() {
    let mut core = core(Backup);
    acts(&mut core, not_ready(), 1);
    assert_eq!(says(&core, MISSING), Some(Severity::Warning));
}

fn database() -> Rig {
    let gw = ServicePolicy { min_master: Duration::from_secs(10), ..service("gw", &["1@em0"]) };
    Rig::new(policy(vec![gw]), &[("1@em0", Backup)])
}

#[test]
fn what_cannot_be_undone_waits_until_master_has_lasted() {
    let mut rig = database();
    rig.run(1_000);
    rig.event("1@em0", Master);
    rig.run(9_900);
    assert_eq!(rig.gw().starts, 0);
    rig.run(1_000);
    assert_eq!(rig.gw().starts, 1);
}

#[test]
fn a_master_that_does_not_last_starts_nothing_however_often_it_comes() {
    let mut rig = database();
    for _ in 0..20 {
        rig.event("1@em0", Master);
        rig.run(9_000);
        rig.event("1@em0", Backup);
        rig.run(500);
    }
    assert_eq!(rig.gw().starts, 0);
}
