//! Every scenario in `tests/scenarios/` holds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail by panic")]

use std::path::{Path, PathBuf};

use carpd::lab::scenario::{Report, Scenario};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

fn run(path: &Path) -> Report {
    let scenario = Scenario::load(path).unwrap_or_else(|mistakes| panic!("{}", mistakes[0]));
    scenario.run(scenario.seed).unwrap()
}

fn files() -> Vec<PathBuf> {
    let files = std::fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort_unstable();
    files
}

#[test]
fn every_scenario_in_the_tree_holds() {
    let files = files();
    assert!(files.len() >= 40);
    let failed: Vec<String> =
        files.iter().map(|path| run(path)).filter(|report| !report.held).map(|report| report.to_string()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// The nodes boot at another time within a tick, and packets take another time: what is promised holds all the same.
#[test]
fn short_scenarios_hold_from_any_seed() {
    for path in files().iter().filter(|path| !path.to_string_lossy().contains("day.toml")) {
        let scenario = Scenario::load(path).unwrap();
        for seed in 100..110 {
            let report = scenario.run(seed).unwrap();
            assert!(report.held, "{report}");
        }
    }
}

#[test]
fn a_run_follows_from_the_scenario_and_the_seed() {
    let path = directory().join("lossy-network.toml");
    let (mut one, mut other) = (run(&path), run(&path));
    (one.wall_seconds, other.wall_seconds) = (0.0, 0.0);
    assert!(one == other);
    let mut third = Scenario::load(&path).unwrap().run(77).unwrap();
    third.wall_seconds = 0.0;
    assert!(one.timeline != third.timeline, "another seed loses other packets");
}
