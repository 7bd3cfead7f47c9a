//! What has to hold before a start, with real files and a real fence.

use std::fs;

use carpd::core::service::{ActionResult, Is};
use carpd::model::CarpState::{Backup, Master};

use crate::support::{Node, vhids, wait_for};

fn node(conditions: &str) -> Node {
    let mut node = Node::new(&vhids(1, Backup));
    let d = node.directory.path().display().to_string();
    let conditions = conditions.replace("$d", &d);
    node.add_service("gw", "1@vtnet0", &format!("settle = \"0s\"\ncheck_every = \"1s\"\n{conditions}"));
    node.write_usual_program();
    node.write_program("fence", &format!("#!/bin/sh\necho \"$CARPD_ACTION $1\" >>{d}/fenced\ntest -e {d}/safe\n"));
    node.write_configuration("");
    node.start();
    wait_for("it is looked at", || (node.status().services[0].is == Is::Stopped).then_some(()));
    node
}

fn become_master(node: &Node) {
    node.kernel.set("1@vtnet0", Master);
    node.devd.carp("1@vtnet0", Master);
}

#[test]
fn a_service_without_its_files_is_told_and_not_started_until_they_are_there() {
    let node = node("ready = [\"$d/key.pem\"]");
    let missing = || node.status().services[0].not_ready.clone();
    assert!(missing().unwrap().ends_with("key.pem is missing"), "{:?}", missing());
    become_master(&node);
    wait_for("it is decided", || node.status().services[0].want.filter(|want| want.as_str() == "active"));
    wait_for("another look", || (node.kernel.lock().looks > 3).then_some(()));
    assert_eq!(node.actions("gw"), Vec::<String>::new());
    fs::write(node.path("key.pem"), "").unwrap();
    wait_for("it runs", || node.status().services[0].as_wanted().then_some(()));
    assert_eq!((missing(), node.actions("gw")), (None, vec!["start".to_owned()]));
}

#[test]
fn nothing_is_started_before_the_fence_has_succeeded() {
    let node = node("fence = [\"$d/fence\", \"db2\"]");
    become_master(&node);
    let last = wait_for("a start fails", || node.status().services[0].last_action.clone());
    assert_eq!((last.result, last.detail.as_str()), (ActionResult::Failed, "its fence exited 1; nothing was started"));
    assert_eq!(node.actions("gw"), Vec::<String>::new());
    fs::write(node.path("safe"), "").unwrap();
    wait_for("it runs", || node.status().services[0].as_wanted().then_some(()));
    assert_eq!(node.actions("gw"), ["start"]);
    let fenced = fs::read_to_string(node.path("fenced")).unwrap();
    assert!(fenced.lines().count() >= 2 && fenced.lines().all(|line| line == "fence db2"), "{fenced}");
}
