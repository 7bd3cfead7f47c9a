//! What keeps the daemon from starting is told, with the remedy.

use std::fs;
use std::process::Stdio;

use carpd::model::CarpState::Backup;

use crate::support::{Node, vhids};

fn node() -> Node {
    let node = Node::new(&vhids(1, Backup));
    node.write_configuration("");
    node
}

/// The exit code and what was said.
fn run(node: &Node, args: &[&str]) -> (Option<i32>, String) {
    let out = node.command().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    (out.status.code(), String::from_utf8([out.stdout, out.stderr].concat()).unwrap())
}

#[test]
fn a_missing_configuration_is_told() {
    let node = node();
    fs::remove_file(node.path("carpd.toml")).unwrap();
    let (code, told) = run(&node, &[]);
    assert!(code == Some(1) && told.contains("carpd.toml") && told.contains("does not exist"), "{told}");
}

#[test]
fn every_mistake_of_the_configuration_is_told_at_once() {
    let node = node();
    node.write_configuration("admin_group = 7\nnonsense = true");
    for args in [&[][..], &["--check"]] {
        let (code, told) = run(&node, args);
        assert!(code == Some(1) && told.contains("admin_group") && told.contains("nonsense"), "{told}");
    }
    node.write_configuration("");
    assert_eq!(run(&node, &["--check"]).0, Some(0));
}

#[test]
fn wrong_usage_has_an_exit_code_of_its_own() {
    assert_eq!(run(&node(), &["--nonsense"]).0, Some(64));
    assert_eq!(run(&node(), &["--help"]).0, Some(0));
}

#[test]
fn a_state_directory_that_cannot_be_used_is_told() {
    let node = node();
    fs::write(node.path("state"), "").unwrap();
    let (code, told) = run(&node, &[]);
    assert!(code == Some(1) && told.contains("state directory"), "{told}");
    assert!(told.lines().count() == 1 && told.matches("(os error").count() == 1, "{told}");
}

#[test]
fn a_file_in_the_place_of_the_control_socket_is_told_and_kept() {
    let node = node();
    fs::write(node.path("control"), "precious").unwrap();
    let (code, told) = run(&node, &[]);
    assert!(code == Some(1) && told.contains("no socket"), "{told}");
    assert_eq!(fs::read_to_string(node.path("control")).unwrap(), "precious");
}

#[test]
fn a_control_socket_that_somebody_listens_at_is_told_and_kept() {
    let node = node();
    let _listener = std::os::unix::net::UnixListener::bind(node.path("control")).unwrap();
    let (code, told) = run(&node, &[]);
    assert!(code == Some(1) && told.contains("another program listens"), "{told}");
    assert!(node.path("control").exists());
}

#[test]
fn under_a_supervisor_a_carpd_that_cannot_run_says_why_and_is_not_tried_again_every_second() {
    let mut node = node();
    node.write_configuration("nonsense = true");
    node.daemon = Some(node.command().arg("--supervised").spawn().unwrap());
    crate::support::wait_for("it says why", || node.log().contains("nonsense").then_some(()));
    assert!(node.daemon.as_mut().unwrap().try_wait().unwrap().is_none(), "it waits");
    // Whoever stops the service does not wait for it.
    use std::os::unix::process::ExitStatusExt;
    assert_eq!(node.stop().signal(), Some(15));
}
