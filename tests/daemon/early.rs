//! What carpd owes the node before a daemon runs, and if none ever does.

use std::process::Output;

use carpd::model::CarpState::{Backup, Init, Master};
use carpd::model::Demotion;

use crate::support::{Node, vhids};

fn run(node: &Node, what: &str) -> Output {
    let output = node.command().arg(what).stdout(std::process::Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{output:?} {}", node.log());
    output
}

/// The kernel is as after a reboot.
fn reboot(node: &Node) {
    node.kernel.change(|kernel| {
        kernel.snapshot.boot = "boot-2".into();
        kernel.snapshot.sysctls.demotion = Demotion::ZERO;
        kernel.added.clear();
    });
}

/// A node whose daemon has run in an earlier boot.
fn rebooted(configuration: &str, maintenance: bool) -> Node {
    let mut node = Node::new(&vhids(1, Backup));
    node.add_service("gw", "1@vtnet0", "");
    node.write_usual_program();
    node.write_configuration(configuration);
    node.start();
    if maintenance {
        node.enter_maintenance();
    }
    node.stop();
    reboot(&node);
    node
}

#[test]
fn a_maintenance_is_in_force_before_the_daemon_starts_and_is_not_doubled_by_it() {
    let mut node = rebooted("", true);
    let told = String::from_utf8(run(&node, "--early").stdout).unwrap();
    assert!(told.contains("carpd's share is now 24") && told.contains("maintenance"), "{told}");
    let demotion = node.kernel.demotion();
    assert!(demotion & !15 == 240, "{demotion}");
    run(&node, "--early");
    run(&node, "--end-hold");
    node.devd.start();
    node.start();
    assert_eq!((node.status().maintenance.active, node.kernel.lock().added.as_slice()), (true, [demotion].as_slice()));
    node.leave_maintenance();
    crate::support::wait_for("the share is taken back", || (node.kernel.demotion() == 0).then_some(()));
}

#[test]
fn a_boot_hold_ends_even_if_no_daemon_is_ever_started() {
    let node = rebooted("[hold]\nboot = \"1s\"\n", false);
    run(&node, "--early");
    assert!(node.kernel.demotion() & !15 == 240);
    run(&node, "--end-hold");
    assert_eq!(node.kernel.demotion(), 0);
    let history = std::fs::read_to_string(node.path("state/history.jsonl")).unwrap();
    assert!(history.contains("without carpd: the boot hold") && history.contains("the boot hold is over"), "{history}");
}

#[test]
fn a_daemon_that_starts_takes_the_boot_hold_over() {
    let mut node = rebooted("[hold]\nboot = \"600s\"\n", false);
    // However long this takes, it is not ready.
    node.kernel.set_all(Init);
    run(&node, "--early");
    let held = node.kernel.demotion();
    node.devd.start();
    node.start();
    // They see that it is there, and end at once.
    run(&node, "--end-hold");
    let told = String::from_utf8(run(&node, "--early").stdout).unwrap();
    assert!(told.contains("runs already"), "{told}");
    assert_eq!(node.kernel.lock().added, [held]);
    node.kernel.set_all(Master);
    node.devd.carp("1@vtnet0", Master);
    crate::support::wait_for("the hold ends as soon as the node is MASTER", || {
        (node.kernel.demotion() == 0).then_some(())
    });
    let history = std::fs::read_to_string(node.path("state/history.jsonl")).unwrap();
    assert!(!history.contains("was killed or crashed"), "{history}");
}

#[test]
fn a_boot_hold_ends_once_a_daemon_has_found_the_node_ready() {
    let mut node = rebooted("[hold]\nboot = \"600s\"\n", false);
    let vhids = std::mem::take(&mut node.kernel.lock().snapshot.vhids);
    run(&node, "--early");
    assert!(node.kernel.demotion() & !15 == 240, "before the network is up there is no vhid");
    node.kernel.change(|kernel| kernel.snapshot.vhids = vhids);
    run(&node, "--early");
    assert!(node.kernel.demotion() & !15 == 240, "nobody has looked at the service yet");
    node.start();
    crate::support::wait_for("the share is taken back", || (node.kernel.demotion() == 0).then_some(()));
    let history = std::fs::read_to_string(node.path("state/history.jsonl")).unwrap();
    assert!(history.contains("the boot hold is over: this node is ready"), "{history}");
}

#[test]
fn before_a_daemon_runs_no_service_is_touched() {
    let node = rebooted("", true);
    node.kernel.set_all(Master);
    run(&node, "--early");
    assert_eq!(node.actions("gw"), [""; 0]);
}

#[test]
fn a_console_that_was_taken_away_keeps_no_demotion_from_being_made() {
    let node = rebooted("", true);
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = node.command().arg("--early").stdout(full()).stderr(full()).status().unwrap();
    assert!(status.success() && node.kernel.demotion() & !15 == 240, "{status}");
    assert!(node.command().arg("--check").stdout(full()).stderr(full()).status().unwrap().success());
}
