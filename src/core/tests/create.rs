//! What the configuration owns is created once in each boot.

use super::*;
use crate::core::policy::OwnedVhid;
use crate::core::{Created, Maintenance, Part};
use crate::model::{AdvSkew, CarpParameters};

fn owning(advskew: u32) -> Policy {
    let carp = CarpParameters { advskew: AdvSkew::new(advskew).unwrap(), ..CarpParameters::default() };
    let vhid = OwnedVhid { id: "1@em0".parse().unwrap(), carp, addresses: vec!["192.0.2.1/24".parse().unwrap()] };
    Policy { vhids: vec![vhid.id.clone()], owned: vec![vhid], ..policy(Vec::new()) }
}

/// Feeds what a kernel would answer for a while; how often the core asked for the creation.
fn asked(core: &mut Core, look: &Snapshot, result: &Result<Created, String>) -> usize {
    let mut count = 0;
    let mut look = look.clone();
    let mut inputs = vec![Input::Tick];
    for second in 0..10 {
        inputs.push(Input::Tick);
        while let Some(input) = inputs.pop() {
            for effect in core.step(input, at(second * 1000)) {
                match effect {
                    Effect::Read { .. } => inputs.push(Input::Read { result: Ok(look.clone()), log: Vec::new() }),
                    Effect::Persist { seq, .. } => inputs.push(Input::Persisted { seq, result: Ok(()) }),
                    Effect::AddDemotion { delta } => {
                        assert_eq!(count, 0, "the share comes first");
                        look.sysctls.demotion = look.sysctls.demotion.plus(delta);
                        inputs.push(Input::DemotionAdded { result: Ok(()) });
                    }
                    Effect::Create { boot, .. } => {
                        count += 1;
                        inputs.push(Input::Created { boot, result: result.clone() });
                    }
                    _ => {}
                }
            }
        }
    }
    count
}

#[test]
fn what_the_file_owns_is_created_once_in_each_boot() {
    let look = snapshot(&[]);
    let done = Ok(Created { writes: vec!["set vhid 1@em0".to_owned()], failed: Vec::new() });
    let mut core = Core::new(owning(0), Loaded::Journal(Journal::default()), at(0));
    assert_eq!(asked(&mut core, &look, &done), 1);
    let journal = core.durable.clone();
    let mut restarted = Core::new(owning(0), Loaded::Journal(journal.clone()), at(0));
    assert_eq!(asked(&mut restarted, &look, &done), 0, "what is absent now was taken away by somebody");
    let mut rebooted = Core::new(owning(0), Loaded::Journal(journal), at(0));
    let look = Snapshot { boot: "another".to_owned(), ..look };
    assert_eq!(asked(&mut rebooted, &look, &done), 1);
}

/// Lets a creation fail again and again for so long; when it was tried, in seconds, and of what.
fn tries(core: &mut Core, seconds: u64, answer: impl Fn() -> Result<Created, String>) -> Vec<(u64, Option<Vec<Part>>)> {
    let mut tried = Vec::new();
    for second in 0..seconds {
        let mut inputs = vec![Input::Tick];
        while let Some(input) = inputs.pop() {
            for effect in core.step(input, at(second * 1000)) {
                match effect {
                    Effect::Read { .. } => inputs.push(Input::Read { result: Ok(snapshot(&[])), log: Vec::new() }),
                    Effect::Persist { seq, .. } => inputs.push(Input::Persisted { seq, result: Ok(()) }),
                    Effect::Create { boot, again } => {
                        tried.push((second, again));
                        inputs.push(Input::Created { boot, result: answer() });
                    }
                    _ => {}
                }
            }
        }
        assert!(core.next_wake(at(second * 1000)) > at(second * 1000).mono, "it does not run in circles");
    }
    tried
}

#[test]
fn a_creation_that_failed_is_tried_again_with_growing_pauses_and_of_what_failed_alone() {
    let mut core = Core::new(owning(0), Loaded::Journal(Journal::default()), at(0));
    let part = Part::Vhid("1@em0".parse().unwrap());
    let failed = || Created { failed: vec![(part.clone(), "no such interface".to_owned())], ..Created::default() };
    let tried = tries(&mut core, 1000, || Ok(failed()));
    let times: Vec<u64> = tried.iter().map(|(second, _)| *second).collect();
    assert_eq!(times, [0, 5, 15, 35, 75, 155, 315, 615, 915]);
    assert_eq!(tried[0].1, None);
    assert!(tried[1..].iter().all(|(_, again)| *again == Some(vec![part.clone()])), "{tried:?}");
}

#[test]
fn a_creation_that_nothing_came_of_is_tried_again_in_full_and_a_restart_begins_anew() {
    let mut core = Core::new(owning(0), Loaded::Journal(Journal::default()), at(0));
    let tried = tries(&mut core, 20, || Err("the key cannot be read".to_owned()));
    assert_eq!(tried, [(0, None), (5, None), (15, None)]);
    let look = snapshot(&[]);
    let mut restarted = Core::new(owning(0), Loaded::Journal(core.durable.clone()), at(0));
    assert_eq!(asked(&mut restarted, &look, &Ok(Created::default())), 1);
}

#[test]
fn the_share_is_in_the_kernel_before_anything_is_created() {
    let maintenance = Maintenance { reason: String::new(), by: "anna".to_owned(), since: at(0).wall, until: None };
    let journal = Journal { maintenance: Some(maintenance), ..Journal::default() };
    let mut core = Core::new(owning(0), Loaded::Journal(journal), at(0));
    assert_eq!(asked(&mut core, &snapshot(&[]), &Ok(Created::default())), 1);
    assert_ne!(core.ledger.share(), Demotion::ZERO);
}

#[test]
fn a_node_whose_file_owns_nothing_creates_nothing() {
    let mut core = Core::new(policy(Vec::new()), Loaded::Journal(Journal::default()), at(0));
    assert_eq!(asked(&mut core, &snapshot(&[]), &Ok(Created::default())), 0);
    assert_eq!(core.durable.created_in, "");
}

#[test]
fn a_live_vhid_that_differs_is_told_and_left_alone() {
    let look = snapshot(&[("1@em0", Master)]);
    let mut core = Core::new(owning(100), Loaded::Journal(Journal::default()), at(0));
    asked(&mut core, &look, &Ok(Created::default()));
    let verdict = core.status(at(9_000)).verdict;
    let told = verdict.problems.iter().find(|p| p.what.contains("1@em0 is not as carpd.toml says")).unwrap();
    assert!(told.what.contains("advskew is 0 instead of 100"), "{told:?}");
    assert_eq!((told.severity, told.next.as_str()), (Severity::Warning, "carpctl plan"));
    let mut same = Core::new(owning(0), Loaded::Journal(Journal::default()), at(0));
    asked(&mut same, &look, &Ok(Created::default()));
    assert!(same.status(at(9_000)).verdict.problems.is_empty());
}
