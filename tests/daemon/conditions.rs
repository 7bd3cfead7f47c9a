//! What has to be the case before a start.

use carpd::core::status::Severity;
use carpd::model::CarpState::{Backup, Master};

use crate::support::{Node, vhids, wait_for};

fn node(more: &str) -> Node {
    let mut node = Node::new(&vhids(1, Backup));
    let directory = node.path("").display().to_string();
    node.add_service("gw", "1@vtnet0", &more.replace("DIR/", &directory));
    node.write_usual_program();
    node.write_configuration("");
    node
}

#[test]
fn a_missing_file_is_told_on_the_standby_and_awaited_on_the_master() {
    let mut node = node("check_every = \"1s\"\nready = [\"DIR/cert.pem\"]\n");
    node.start();
    let lacks = wait_for("the standby tells", || node.status().services[0].lacks.clone());
    assert!(lacks.ends_with("cert.pem is missing"), "{lacks}");
    assert_eq!(node.status().verdict.severity, Severity::Warning);
    node.kernel.set_all(Master);
    node.devd.carp("1@vtnet0", Master);
    wait_for("the master tells", || (node.status().verdict.severity == Severity::Critical).then_some(()));
    assert_eq!(node.actions("gw"), Vec::<String>::new());
    std::fs::write(node.path("cert.pem"), "").unwrap();
    wait_for("the service runs", || node.path("gw.up").exists().then_some(()));
}

#[test]
fn a_start_follows_a_fence_that_succeeded_and_no_other() {
    let mut node = node("fence = [\"DIR/fence\", \"fw2\"]\n");
    let directory = node.path("").display().to_string();
    let fence = "#!/bin/sh\necho \"$CARPD_ACTION $CARPD_ROLE $1\" >>DIR/gw.log; test -e DIR/fenced\n";
    node.write_program("fence", &fence.replace("DIR/", &directory));
    node.start();
    node.kernel.set_all(Master);
    node.devd.carp("1@vtnet0", Master);
    wait_for("two fences have failed", || (node.actions("gw").len() == 2).then_some(()));
    assert_eq!(node.actions("gw"), ["fence active fw2", "fence active fw2"]);
    std::fs::write(node.path("fenced"), "").unwrap();
    wait_for("the service runs", || node.path("gw.up").exists().then_some(()));
    let actions = node.actions("gw");
    assert_eq!(actions[actions.len() - 2..], ["fence active fw2", "start"]);
}
