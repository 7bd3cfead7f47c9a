//! `cargo run -- lab`, the first command that the README names, builds carpctl alone: the lab needs no carpd beside it.
#![allow(clippy::unwrap_used, reason = "a test may stop where it is wrong")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn carpctl(program: &Path, lab: &Path, words: &[&str]) -> Output {
    Command::new(program).env("CARPD_LAB", lab).args(words).output().unwrap()
}

#[test]
fn the_lab_runs_with_carpctl_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (bin, lab) = (directory.path().join("bin"), directory.path().join("lab"));
    fs::create_dir(&bin).unwrap();
    let alone = bin.join("carpctl");
    fs::copy(env!("CARGO_BIN_EXE_carpctl"), &alone).unwrap();
    assert_eq!(fs::read_dir(&bin).unwrap().count(), 1);

    let up = carpctl(&alone, &lab, &["lab", "up", "--detach"]);
    let status = carpctl(&alone, &lab, &["--node", "fw1", "status"]);
    let down = carpctl(&alone, &lab, &["lab", "down"]);
    assert!(up.status.success(), "{up:?}");
    assert!(status.status.success() && String::from_utf8_lossy(&status.stdout).contains("fw1"), "{status:?}");
    assert!(down.status.success(), "{down:?}");
}
