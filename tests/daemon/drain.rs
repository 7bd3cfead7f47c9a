//! `carpctl drain`, as rc.shutdown(8) runs it.

use std::process::{Command, Output, Stdio};

use carpd::model::CarpState::{Backup, Master};

use crate::support::{Node, vhids, wait_for};

fn command(node: &Node, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carpctl"));
    command.arg("--config").arg(node.path("carpd.toml")).arg("drain").args(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn drain(node: &Node, args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command(node, args).output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// A MASTER whose service runs.
fn master() -> Node {
    let mut node = Node::new(&vhids(1, Master));
    node.add_service("gw", "1@vtnet0", "");
    node.write_usual_program();
    node.write_configuration("");
    node.start();
    wait_for("the service runs", || node.path("gw.up").exists().then_some(()));
    node
}

#[test]
fn a_drain_ends_when_the_peer_has_taken_over_and_the_service_is_stopped() {
    let mut node = master();
    let asked = command(&node, &["--limit", "20s"]).spawn().unwrap();
    wait_for("the node is demoted", || (node.kernel.demotion() & !15 == 240).then_some(()));
    node.kernel.set_all(Backup);
    node.devd.carp("1@vtnet0", Backup);
    let Output { status, stdout, .. } = asked.wait_with_output().unwrap();
    assert!(status.success() && String::from_utf8_lossy(&stdout).contains("draining; BACKUP of 1/1"), "{stdout:?}");
    assert_eq!((node.path("gw.up").exists(), node.actions("gw")), (false, vec!["start".into(), "stop".into()]));
    assert_eq!(drain(&node, &["--cancel"]).0, Some(0));
    assert_eq!(node.kernel.demotion(), 0);
    node.stop();
}

#[test]
fn a_drain_that_nobody_answers_ends_at_its_limit_and_says_why() {
    let node = master();
    let (code, told) = drain(&node, &["--limit", "100ms"]);
    assert!(code == Some(5) && told.contains("still MASTER"), "{told}");
    let (code, told) = drain(&node, &["--limit", "100ms"]);
    assert!(code == Some(5) && told.contains("already draining"), "{told}");
}

#[test]
fn without_a_daemon_a_drain_fails_at_once() {
    let mut node = master();
    node.kill();
    let (code, told) = drain(&node, &[]);
    assert!(code == Some(3) && told.contains("does not run"), "{told}");
    assert_eq!(node.kernel.demotion(), 0);
}
