//! Every action ends, whatever the program does.

use std::fs;

use carpd::core::service::ActionResult;
use carpd::model::CarpState::{Backup, Master};

use crate::support::{Node, vhids, wait_for};

/// Whether a process is there and not just waiting to be buried.
fn lives(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn node(program: &str) -> Node {
    let mut node = Node::new(&vhids(1, Backup));
    node.add_service("gw", "1@vtnet0", "settle = \"0s\"\nstart_limit = \"1s\"\nstop_limit = \"1s\"");
    node.write_program("run", program);
    node.write_configuration("");
    node.start();
    node.kernel.set("1@vtnet0", Master);
    node.devd.carp("1@vtnet0", Master);
    node
}

fn last_result(node: &Node) -> Option<ActionResult> {
    node.status().services[0].last_action.as_ref().map(|action| action.result)
}

fn pids(node: &Node) -> Option<Vec<String>> {
    let pids = fs::read_to_string(node.path("gw.pids")).ok()?;
    Some(pids.lines().map(str::to_owned).collect())
}

#[test]
fn a_start_that_hangs_is_killed_even_if_it_ignores_term() {
    let node = node(
        "#!/bin/sh\ncase $2 in\nstart) trap '' TERM; echo $$ >>$1.pids; while :; do sleep 0.05; done;;\n\
         *) exit 1;;\nesac\n",
    );
    wait_for("the limit is told", || (last_result(&node) == Some(ActionResult::TimedOut)).then_some(()));
    let first = &pids(&node).unwrap()[0];
    assert!(!lives(first), "{first} lives");
}

#[test]
fn a_start_that_hangs_does_not_take_the_service_with_it() {
    let node = node(
        "#!/bin/sh\ncase $2 in\nstart) sleep 300 & echo $! >>$1.pids; exec sleep 300;;\n\
         status) test -e $1.pids;;\n*) exit 1;;\nesac\n",
    );
    wait_for("the service runs", || (last_result(&node) == Some(ActionResult::Ok)).then_some(()));
    let service = pids(&node).unwrap().remove(0);
    assert!(lives(&service), "the service was killed with the program that started it");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(service.parse().unwrap()), nix::sys::signal::Signal::SIGKILL)
        .unwrap();
}

#[test]
fn a_stop_that_hangs_is_killed_with_all_it_has_started() {
    let node = node(
        "#!/bin/sh\ncase $2 in\nstop) trap '' TERM; sh -c \"trap '' TERM; while :; do sleep 0.05; done\" & \
         echo $! >>$1.pids; echo $$ >>$1.pids; while :; do sleep 0.05; done;;\n\
         *) exit 0;;\nesac\n",
    );
    wait_for("it is active", || node.status().services[0].as_wanted().then_some(()));
    node.kernel.set("1@vtnet0", Backup);
    node.devd.carp("1@vtnet0", Backup);
    wait_for("the limit is told", || (last_result(&node) == Some(ActionResult::TimedOut)).then_some(()));
    for pid in &pids(&node).unwrap()[..2] {
        wait_for("it is gone", || (!lives(pid)).then_some(()));
    }
}

#[test]
fn a_program_gets_the_environment_that_is_promised_and_no_open_file() {
    let node = node(
        "#!/bin/sh\ncase $2 in\nstart) env >$1.env; ls -l /proc/self/fd >$1.fds; umask >$1.umask;;\n\
         *) test -e $1.umask;;\nesac\n",
    );
    wait_for("it runs", || node.status().services[0].as_wanted().then_some(()));
    let read = |name: &str| fs::read_to_string(node.path(name)).unwrap();
    let mut env: Vec<String> = read("gw.env").lines().map(str::to_owned).collect();
    // A shell's own additions.
    env.retain(|line| !["PWD=", "OLDPWD=", "_=", "SHLVL="].iter().any(|own| line.starts_with(own)));
    env.sort();
    assert_eq!(
        env,
        [
            "CARPD_ACTION=start",
            "CARPD_FOLLOWS=1@vtnet0",
            "CARPD_NODE=fw1",
            "CARPD_ROLE=active",
            "CARPD_SERVICE=gw",
            "CARPD_VERSION=1",
            "HOME=/",
            "PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin",
        ]
    );
    let fds = read("gw.fds");
    assert!(!fds.contains("socket:") && !fds.contains("state"), "{fds}");
    assert_eq!(read("gw.umask").trim(), "0022");
}

#[test]
fn a_daemon_told_to_stop_leaves_the_service_running_or_stops_it_as_configured() {
    for (on_exit, actions) in [("leave", &["start"][..]), ("standby", &["start", "stop"])] {
        let mut node = Node::new(&vhids(1, Master));
        node.add_service("gw", "1@vtnet0", &format!("on_exit = \"{on_exit}\""));
        node.write_usual_program();
        node.write_configuration("");
        node.start();
        wait_for("it runs", || node.status().services[0].as_wanted().then_some(()));
        assert!(node.stop().success());
        assert_eq!(node.actions("gw"), actions);
        assert!(node.kernel.lock().added.is_empty());
    }
}
