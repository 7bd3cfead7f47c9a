//! What the configuration owns is created once in each boot.

use super::*;
use crate::core::Maintenance;
use crate::core::policy::OwnedVhid;
use crate::model::{AdvSkew, CarpParameters};

fn owning(advskew: u32) -> Policy {
    let carp = CarpParameters { advskew: AdvSkew::new(advskew).unwrap(), ..CarpParameters::default() };
    let vhid = OwnedVhid { id: "1@em0".parse().unwrap(), carp, addresses: vec!["192.0.2.1/24".parse().unwrap()] };
    Policy { vhids: vec![vhid.id.clone()], owned: vec![vhid], ..policy(Vec::new()) }
}

/// Feeds what a kernel would answer for a while; how often the core asked for the creation.
fn asked(core: &mut Core, look: &Snapshot, result: &Result<Vec<String>, String>) -> usize {
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
                    Effect::Create { boot } => {
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
    let done = Ok(vec!["set vhid 1@em0".to_owned()]);
    let mut core = Core::new(owning(0), Loaded::Journal(Journal::default()), at(0));
    assert_eq!(asked(&mut core, &look, &done), 1);
    let journal = core.durable.clone();
    let mut restarted = Core::new(owning(0), Loaded::Journal(journal.clone()), at(0));
    assert_eq!(asked(&mut restarted, &look, &done), 0, "what is absent now was taken away by somebody");
    let mut rebooted = Core::new(owning(0), Loaded::Journal(journal), at(0));
    let look = Snapshot { boot: "another".to_owned(), ..look };
    assert_eq!(asked(&mut rebooted, &look, &done), 1);
}

#[test]
fn a_creation_that_failed_is_tried_again_at_the_next_start_only() {
    let look = snapshot(&[]);
    let mut core = Core::new(owning(0), Loaded::Journal(Journal::default()), at(0));
    assert_eq!(asked(&mut core, &look, &Err("em0: there is no such interface".to_owned())), 1);
    let mut restarted = Core::new(owning(0), Loaded::Journal(core.durable.clone()), at(0));
    assert_eq!(asked(&mut restarted, &look, &Ok(Vec::new())), 1);
}

#[test]
fn the_share_is_in_the_kernel_before_anything_is_created() {
    let maintenance = Maintenance { reason: String::new(), by: "anna".to_owned(), since: at(0).wall, until: None };
    let journal = Journal { maintenance: Some(maintenance), ..Journal::default() };
    let mut core = Core::new(owning(0), Loaded::Journal(journal), at(0));
    assert_eq!(asked(&mut core, &snapshot(&[]), &Ok(Vec::new())), 1);
    assert_ne!(core.ledger.share(), Demotion::ZERO);
}

#[test]
fn a_node_whose_file_owns_nothing_creates_nothing() {
    let mut core = Core::new(policy(Vec::new()), Loaded::Journal(Journal::default()), at(0));
    assert_eq!(asked(&mut core, &snapshot(&[]), &Ok(Vec::new())), 0);
    assert_eq!(core.durable.created_in, "");
}

#[test]
fn a_live_vhid_that_differs_is_told_and_left_alone() {
    let look = snapshot(&[("1@em0", Master)]);
    let mut core = Core::new(owning(100), Loaded::Journal(Journal::default()), at(0));
    asked(&mut core, &look, &Ok(Vec::new()));
    let verdict = core.status(at(9_000)).verdict;
    let told = verdict.problems.iter().find(|p| p.what.contains("1@em0 is not as carpd.toml says")).unwrap();
    assert!(told.what.contains("advskew is 0 instead of 100"), "{told:?}");
    assert_eq!((told.severity, told.next.as_str()), (Severity::Warning, "carpctl plan"));
    let mut same = Core::new(owning(0), Loaded::Journal(Journal::default()), at(0));
    asked(&mut same, &look, &Ok(Vec::new()));
    assert!(same.status(at(9_000)).verdict.problems.is_empty());
}
