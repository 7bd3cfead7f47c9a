//! Promises of `carpctl lab` before the story begins; the story itself is run by the build, with the real binary.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

fn lab(dir: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carpctl"));
    command.arg("lab").args(words).env("CARPD_LAB", dir.join("l")).current_dir(dir).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A node with one VIP and one service.
fn node(dir: &Path, name: &str, skew: u8, address: &str) -> String {
    let file = dir.join(format!("{name}.toml"));
    let toml = format!(
        "[vips]\nsource = \"static\"\n[[vips.vhid]]\ninterface = \"em0\"\nvhid = 7\nadvskew = {skew}\naddresses = [\"{address}\"]\n\
         password_file = \"/nonexistent/key\"\n"
    );
    std::fs::write(&file, toml).unwrap();
    format!("{name}={}", file.display())
}

#[test]
fn a_pair_that_leaves_the_election_to_chance_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (node(dir.path(), "a", 50, "192.0.2.1/24"), node(dir.path(), "b", 50, "192.0.2.1/24"));
    let output = lab(dir.path(), &["--node", &a, "--node", &b]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("equal numbers") && said.contains("advskew"), "{said}");
}

#[test]
fn nodes_that_share_nothing_are_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (node(dir.path(), "a", 0, "192.0.2.1/24"), node(dir.path(), "b", 50, "198.51.100.1/24"));
    let output = lab(dir.path(), &["--node", &a, "--node", &b]);
    assert!(text(&output.stderr).contains("no VIP in common"), "{output:?}");
}

#[test]
fn a_service_that_runs_on_both_nodes_is_told_before_anything_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    let node = |name| format!("{name}={}/examples/defguard-pair/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let output = lab(dir.path(), &["--node", &node("fw1"), "--node", &node("fw2")]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("gateway") && said.contains("\"warm\"") && said.contains("lab up"), "{said}");
}

#[test]
fn a_mistake_on_the_command_line_names_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let a = node(dir.path(), "a", 0, "192.0.2.1/24");
    for (words, code, said) in [
        (&["--node", "fw1"][..], 64, "NAME=FILE"),
        (&["--node", a.as_str()][..], 1, "at least two"),
        (&["--node", a.as_str(), "--node", a.as_str()][..], 64, "each node another one"),
        (&["--node", "a=/nonexistent.xml", "--node", "b=/nonexistent.xml"][..], 1, "/nonexistent.xml"),
        (&["--report", "/nonexistent/report.html"][..], 1, "--report"),
        (&["--dir", "/proc/carpd-lab"][..], 1, "--dir"),
        (&["show"][..], 3, "lab up"),
    ] {
        let output = lab(dir.path(), words);
        let told = text(&output.stderr);
        assert_eq!((output.status.code(), told.contains(said)), (Some(code), true), "{words:?}: {told}");
    }
}
