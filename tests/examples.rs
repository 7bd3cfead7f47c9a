//! Promises about the examples that an administrator starts from.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use carpd::config::load_for;
use carpd::config::system::AnySystem;

fn in_tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

/// The pairs: folders with two files.
fn pairs() -> Vec<(String, [PathBuf; 2])> {
    let folders = entries(&in_tree("examples")).into_iter().filter(|path| path.is_dir());
    let pair = |folder: PathBuf| {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let files = entries(&folder).try_into();
        (name, files.unwrap_or_else(|files| panic!("{}: {files:?}", folder.display())))
    };
    folders.map(pair).collect()
}

/// A copy of the example as it is on a node: with its passwords in place.
fn on_a_node(file: &Path, directory: &Path) -> PathBuf {
    let text = fs::read_to_string(file).unwrap();
    let copy = directory.join(file.file_name().unwrap());
    let passwords = format!("{}/", directory.display());
    fs::write(&copy, text.replace("/usr/local/etc/carpd/", &passwords)).unwrap();
    for line in text.lines() {
        let Some(path) = line.strip_prefix("password_file = \"/usr/local/etc/carpd/") else { continue };
        let path = directory.join(path.trim_end_matches('"'));
        fs::write(&path, "secret\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    copy
}

#[test]
fn every_example_is_a_pair_that_passes_the_check() {
    let pairs = pairs();
    assert!(pairs.len() >= 5, "{pairs:?}");
    for (name, files) in pairs {
        let directory = tempfile::tempdir().unwrap();
        let [own, peer] = files.map(|file| on_a_node(&file, directory.path()));
        let output = Command::new(env!("CARGO_BIN_EXE_carpctl"))
            .args(["config", "check"])
            .arg(&own)
            .arg("--peer")
            .arg(&peer)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        // What is not installed on the machine that tests is no fault of the example.
        let faults = said.lines().filter(|line| line.starts_with("error") || line.starts_with("warning["));
        let faults: Vec<&str> = faults.filter(|line| !is_about_this_machine(line)).collect();
        assert_eq!(faults, Vec::<&str>::new(), "{name}: {said}");
    }
}

#[test]
fn every_profile_makes_a_whole_service_of_a_few_lines() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("carpd.toml");
    for profile in ["defguard", "frr", "nginx", "postgresql", "wireguard"] {
        let link = if profile == "wireguard" { "[service.link]\ninterface = \"wg0\"\n" } else { "" };
        let text = format!("[[service]]\nname = \"s\"\nprofile = \"{profile}\"\nfollows = [\"1@em0\"]\n{link}");
        fs::write(&file, text).unwrap();
        let loaded = load_for(&file, &AnySystem).unwrap_or_else(|error| panic!("{profile}: {error}"));
        // What `config show` prints means the same without the profile.
        let shown = loaded.settings.to_toml();
        assert!(!shown.contains("profile"), "{shown}");
        fs::write(&file, &shown).unwrap();
        assert_eq!(load_for(&file, &AnySystem).unwrap().settings, loaded.settings, "{profile}");
    }
}

/// A program, a user, a script or a program's file that is not here.
fn is_about_this_machine(finding: &str) -> bool {
    ["C140", "C143", "C144", "C146"].iter().any(|code| finding.contains(code))
}

#[test]
fn every_example_s_failover_is_shown_by_a_scenario() {
    for (name, files) in pairs() {
        let scenario = in_tree(&format!("tests/scenarios/example-{name}.toml"));
        let text = fs::read_to_string(&scenario).unwrap_or_else(|error| panic!("{}: {error}", scenario.display()));
        for file in files {
            let file = file.file_name().unwrap().to_str().unwrap();
            assert!(text.contains(&format!("../../examples/{name}/{file}")), "{name} does not use {file}");
        }
    }
}
