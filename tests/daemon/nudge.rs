//! `carpctl nudge`, as a rule of devd runs it.

use std::process::{Command, Stdio};

use carpd::control::{Answer, Ask};
use carpd::core::io::{Reply, Request};
use carpd::model::CarpState::{Backup, Master};
use carpd::model::{LinkSnapshot, LinkState};

use crate::support::{Node, vhids, wait_for};

fn nudge(node: &Node) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carpctl"));
    command.arg("--config").arg(node.path("carpd.toml")).arg("nudge");
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// A MASTER whose services run, and whose daemon was killed.
fn abandoned() -> Node {
    let mut node = Node::new(&vhids(2, Master));
    for (name, vhid) in [("gw", "1@vtnet0"), ("dns", "2@vtnet0")] {
        node.add_service(name, vhid, "settle = \"100ms\"");
    }
    node.write_usual_program();
    node.write_configuration("");
    node.start();
    wait_for("the services run", || (node.path("gw.up").exists() && node.path("dns.up").exists()).then_some(()));
    node.kill();
    node
}

#[test]
fn without_a_daemon_a_nudge_stops_what_has_lost_its_vip_and_nothing_else() {
    let node = abandoned();
    node.kernel.set("1@vtnet0", Backup);
    let (code, told) = nudge(&node);
    assert!(code == Some(0) && told.contains("gw: stood down without carpd"), "{told}");
    assert_eq!((node.path("gw.up").exists(), node.path("dns.up").exists()), (false, true));
    let history = std::fs::read_to_string(node.path("state/history.jsonl")).unwrap();
    assert!(history.contains("stood down without carpd"), "{history}");
    assert_eq!(nudge(&node), (Some(0), String::new()), "all is as it should be");
}

#[test]
fn without_a_daemon_a_nudge_leaves_alone_what_a_person_has_taken_over() {
    let mut node = abandoned();
    node.start();
    let until = carpd::ctl::time::now() + std::time::Duration::from_secs(900);
    let change = Request::ServiceUnmanage { service: "gw".parse().unwrap(), until, reason: "adoption".to_owned() };
    let answer = node.ask(&Ask::Change { change });
    assert!(matches!(answer, Some(Answer::Reply { reply: Reply::Done { .. } })), "{answer:?}");
    node.kill();
    node.kernel.set_all(Backup);
    let (code, told) = nudge(&node);
    assert!(code == Some(0) && told.contains("dns: stood down") && !told.contains("gw"), "{told}");
    assert_eq!((node.path("gw.up").exists(), node.path("dns.up").exists()), (true, false));
}

#[test]
fn without_a_daemon_a_nudge_on_a_master_does_nothing_and_starts_nothing() {
    let node = abandoned();
    std::fs::remove_file(node.path("gw.up")).unwrap();
    assert_eq!(nudge(&node), (Some(0), String::new()));
    assert_eq!((node.actions("gw"), node.actions("dns")), (vec!["start".to_owned()], vec!["start".to_owned()]));
}

#[test]
fn a_nudge_that_cannot_read_the_kernel_stops_nothing() {
    let node = abandoned();
    node.kernel.change(|kernel| kernel.broken = true);
    let (code, told) = nudge(&node);
    assert!(code == Some(1) && told.contains("broken by the test"), "{told}");
    assert!(node.path("gw.up").exists() && node.path("dns.up").exists());
}

#[test]
fn a_service_that_cannot_be_stood_down_is_told() {
    let node = abandoned();
    node.write_program("run", "#!/bin/sh\ntest $2 != stop\n");
    node.kernel.set("1@vtnet0", Backup);
    let (code, told) = nudge(&node);
    assert!(code == Some(1) && told.contains("gw: should be standby and could not be stood down"), "{told}");
}

#[test]
fn a_daemon_that_is_nudged_looks_at_once() {
    let mut node = Node::new(&vhids(1, Backup));
    node.write_configuration("");
    node.start();
    // Two of the daemon's own after its start and two after devd has answered: the next one is due in 5 s.
    wait_for("the looks of the start are over", || (node.kernel.lock().looks >= 5).then_some(()));
    node.kernel.set_all(Master);
    assert_eq!(nudge(&node), (Some(0), String::new()));
    let Some(Answer::History { entries }) = node.ask(&Ask::History { limit: 100 }) else { panic!("no history") };
    assert!(entries.iter().any(|entry| entry.note.text.starts_with("BACKUP -> MASTER")), "{entries:?}");
}

#[test]
fn without_a_daemon_a_nudge_takes_the_link_of_a_standby_down_and_leaves_a_warm_process_alone() {
    let mut node = Node::new(&vhids(1, Master));
    let more = "settle = \"100ms\"\nmode = \"warm\"\nlink = { interface = \"wg0\" }";
    node.add_service("gw", "1@vtnet0", more);
    let link = LinkSnapshot { name: "wg0".parse().unwrap(), state: LinkState::Up };
    node.kernel.change(|kernel| kernel.snapshot.links.push(link));
    node.write_usual_program();
    node.write_configuration("");
    std::fs::create_dir_all(node.path("state")).unwrap();
    std::fs::write(node.path("gw.up"), "").unwrap();
    assert_eq!(nudge(&node), (Some(0), String::new()), "a MASTER keeps its link");
    node.kernel.set("1@vtnet0", Backup);
    let (code, told) = nudge(&node);
    assert!(code == Some(0) && told.contains("gw: link wg0 taken down without carpd"), "{told}");
    assert_eq!(node.kernel.lock().snapshot.links[0].state, LinkState::Down);
    assert!(node.path("gw.up").exists() && node.actions("gw").is_empty());
    assert_eq!(nudge(&node), (Some(0), String::new()), "all is as it should be");
}
