//! What survives: crashes at every point, full disks, damaged files.

use std::fs;
use std::io::BufReader;
use std::time::Duration;

use carpd::control::{Answer, Ask};
use carpd::core::io::{Reply, Request};
use carpd::core::ledger::LedgerState;
use carpd::model::CarpState::{Backup, Master};

use crate::support::{Node, vhids, wait_for};

fn node() -> Node {
    let node = Node::new(&vhids(1, Backup));
    node.write_configuration("");
    node
}

/// The share without its write mark.
fn amount(node: &Node) -> i32 {
    node.kernel.demotion() & !0b1111
}

fn wait_for_share(node: &Node, amount: i32) {
    wait_for(&format!("a share of {amount}"), || {
        let status = node.status();
        let settled =
            status.demotion.ledger == LedgerState::Settled && status.demotion.total == Some(node.kernel.demotion());
        (settled && node.kernel.demotion() & !0b1111 == amount).then_some(())
    });
}

#[test]
fn starting_stopping_and_killing_the_daemon_changes_nothing_in_the_kernel() {
    let mut node = node();
    for _ in 0..2 {
        node.start();
        assert!(node.stop().success());
        node.start();
        node.kill();
    }
    assert!(node.kernel.lock().added.is_empty());
    node.start();
    assert!(matches!(node.enter_maintenance(), Reply::Done { .. }));
    wait_for_share(&node, 240);
    let share = node.kernel.demotion();
    assert!(node.stop().success());
    node.start();
    wait_for_share(&node, 240);
    node.kill();
    node.start();
    wait_for_share(&node, 240);
    assert_eq!((node.kernel.demotion(), node.kernel.lock().added.len()), (share, 1));
    assert!(node.status().maintenance.active);
}

#[test]
fn maintenance_survives_a_reboot() {
    let mut node = node();
    node.start();
    node.enter_maintenance();
    wait_for_share(&node, 240);
    node.kill();
    node.kernel.change(|kernel| {
        kernel.snapshot.boot = "boot-2".into();
        kernel.snapshot.sysctls.demotion = carpd::model::Demotion::ZERO;
        kernel.log.clear();
    });
    node.start();
    wait_for_share(&node, 240);
    assert_eq!(node.status().maintenance.reason.as_deref(), Some("test"));
}

#[test]
fn a_crash_before_the_kernel_was_written_does_not_lose_the_demotion() {
    let mut node = node();
    node.start();
    node.kernel.lock().stall_before_write = true;
    assert!(matches!(node.enter_maintenance(), Reply::Done { .. }));
    wait_for("the write is under way", || node.kernel.lock().stalled.then_some(()));
    node.kill();
    node.kernel.change(|kernel| (kernel.stall_before_write, kernel.lose_write) = (false, true));
    wait_for("the write is lost", || (!node.kernel.lock().lose_write).then_some(()));
    node.start();
    wait_for_share(&node, 240);
    assert_eq!(node.kernel.lock().added.len(), 1);
    node.leave_maintenance();
    wait_for_share(&node, 0);
    assert_eq!(node.kernel.demotion(), 0);
}

#[test]
fn a_crash_after_the_kernel_was_written_does_not_demote_twice() {
    let mut node = node();
    node.start();
    node.kernel.lock().stall_after_write = true;
    assert!(matches!(node.enter_maintenance(), Reply::Done { .. }));
    wait_for("the write is made", || node.kernel.lock().stalled.then_some(()));
    node.kill();
    node.kernel.change(|kernel| kernel.stall_after_write = false);
    node.start();
    wait_for_share(&node, 240);
    assert_eq!(node.kernel.lock().added.len(), 1);
    node.leave_maintenance();
    wait_for_share(&node, 0);
    assert_eq!(node.kernel.demotion(), 0);
}

/// The points in between cannot be held open from outside, so the daemon is killed after ever longer times.
#[test]
fn a_crash_at_any_other_time_leaves_a_share_that_adds_up() {
    let mut node = node();
    node.start();
    let foreign = 480;
    node.kernel.lock().snapshot.sysctls.demotion = carpd::model::Demotion::new(foreign);
    for round in 0..24 {
        let change = if round % 2 == 0 {
            Request::MaintenanceEnter { reason: "test".into(), until: None, force: true }
        } else {
            Request::MaintenanceLeave
        };
        let asked = node.ask_without_waiting(&Ask::Change { change });
        std::thread::sleep(Duration::from_micros(150 * round));
        node.kill();
        drop(asked);
        node.start();
        wait_for("the ledger is settled and right", || {
            let status = node.status();
            let wanted = foreign + if status.maintenance.active { 240 } else { 0 };
            (status.demotion.ledger == LedgerState::Settled && amount(&node) == wanted).then_some(())
        });
    }
}

#[test]
fn a_torn_state_file_is_set_aside_and_the_service_goes_on() {
    let mut node = node();
    node.start();
    node.enter_maintenance();
    wait_for_share(&node, 240);
    node.kill();
    let path = node.path("state/state.json");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    node.start();
    assert!(node.path("state/state.json.bad-1").exists());
    assert!(node.log().contains("is damaged"), "{}", node.log());
    // Nobody knows whose 241 that is, so nobody takes it back.
    assert_eq!((amount(&node), node.kernel.lock().added.len()), (240, 1));
    assert!(!node.status().maintenance.active);
}

#[test]
fn a_state_file_of_a_later_version_is_left_alone() {
    let mut node = node();
    fs::create_dir(node.path("state")).unwrap();
    let later = "{\"format\":2,\"journal\":{}}";
    fs::write(node.path("state/state.json"), later).unwrap();
    node.start();
    let Reply::Failed { text } = node.enter_maintenance() else { panic!() };
    assert!(text.contains("later carpd"), "{text}");
    assert!(node.status().verdict.problems.iter().any(|p| p.what.contains("state file")));
    node.stop();
    assert_eq!(fs::read_to_string(node.path("state/state.json")).unwrap(), later);
    assert!(node.kernel.lock().added.is_empty());
}

#[test]
fn a_full_disk_refuses_maintenance_and_changes_nothing() {
    let mut node = node();
    fs::create_dir(node.path("state")).unwrap();
    let new = node.path("state/state.json.new");
    std::os::unix::fs::symlink("/dev/full", &new).unwrap();
    node.start();
    let Reply::Failed { text } = node.enter_maintenance() else { panic!() };
    assert!(text.contains("No space left"), "{text}");
    assert!(node.kernel.lock().added.is_empty() && !node.status().maintenance.active);
    fs::remove_file(&new).unwrap();
    wait_for("there is space again", || matches!(node.enter_maintenance(), Reply::Done { .. }).then_some(()));
    wait_for_share(&node, 240);
    assert_eq!(node.log().matches("the state file cannot be written").count(), 1);
}

#[test]
fn a_second_daemon_refuses_and_names_the_first() {
    let mut node = node();
    node.start();
    let pid = node.daemon.as_ref().unwrap().id();
    let second = node.command().stderr(std::process::Stdio::piped()).output().unwrap();
    let told = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(told.contains(&format!("another carpd (pid {pid})")), "{told}");
    node.status();
    // The lock goes with its holder, however that ends; what it leaves behind does not matter.
    node.kill();
    assert!(node.path("control").exists());
    node.start();
}

#[test]
fn the_history_goes_on_after_a_restart() {
    let mut node = node();
    node.start();
    node.kernel.set("1@vtnet0", Master);
    node.devd.carp("1@vtnet0", Master);
    let history = |node: &Node| match node.ask(&Ask::History { limit: 1000 }) {
        Some(Answer::History { entries }) => entries,
        other => panic!("{other:?}"),
    };
    wait_for("the change is in the history", || {
        history(&node).iter().any(|e| e.note.text.contains("MASTER")).then_some(())
    });
    let before = history(&node);
    node.stop();
    node.start();
    let after = history(&node);
    assert_eq!(&after[..before.len()], before.as_slice());
    assert!(after.iter().zip(1..).all(|(entry, seq)| entry.seq == seq));
}

#[test]
fn followers_see_what_happens() {
    let mut node = node();
    node.start();
    let mut follower = BufReader::new(node.ask_without_waiting(&Ask::Follow));
    // The question before the event: both pass through the same door.
    node.status();
    node.kernel.set("1@vtnet0", Master);
    node.devd.carp("1@vtnet0", Master);
    let Some(Answer::Event { entry }) = crate::support::read_answer(&mut follower) else { panic!() };
    assert!(entry.note.text.starts_with("BACKUP -> MASTER"), "{entry:?}");
}

#[test]
fn the_history_tells_of_starts_ends_and_crashes_and_who_left_the_maintenance() {
    let mut node = node();
    let told = |node: &Node| {
        let Some(Answer::History { entries }) = node.ask(&Ask::History { limit: 1000 }) else { panic!("no history") };
        entries.into_iter().map(|entry| entry.note.text).collect::<Vec<_>>().join("\n")
    };
    node.start();
    assert!(!told(&node).contains("killed or crashed"));
    assert!(node.stop().success());
    node.start();
    let text = told(&node);
    assert!(text.matches(" runs as fw1").count() == 2 && text.contains("carpd ends"), "{text}");
    assert!(!text.contains("killed or crashed"), "{text}");
    node.enter_maintenance();
    node.leave_maintenance();
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    assert!(told(&node).contains(&format!("left by {user}")), "{}", told(&node));
    let kept = || fs::read_to_string(node.path("state/history.jsonl")).unwrap_or_default();
    wait_for("the history is on disk", || kept().contains("left by").then_some(()));
    node.kill();
    node.start();
    assert!(told(&node).contains("an earlier carpd was killed or crashed; its last word is from "), "{}", told(&node));
}
