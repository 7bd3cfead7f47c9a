//! Programs that do not do what they are told: each is told of clearly, and does nothing beyond its bounds.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use carpd::core::service::{ActionKind, ActionResult, Is, LastAction};
use carpd::model::CarpState::{Backup, Master};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Node, vhids, wait_for};

/// A node whose only service is BACKUP's, with a gateway of its own name, so that no test sees another's processes.
struct Hostile {
    node: Node,
}

impl Hostile {
    /// `run` is the body of a shell's case over `start` and `stop`; `$d` is the node's directory and `$d/gateway 300` the service.
    fn new(run: &str, limits: &str, process: &str) -> Self {
        let mut node = Node::new(&vhids(1, Backup));
        node.add_service("gw", "1@vtnet0", &format!("settle = \"0s\"\n{limits}"));
        let d = node.directory.path().display().to_string();
        node.add(&format!("[service.process]\nprogram = \"{d}/gateway\"\n{}\n", process.replace("$d", &d)));
        fs::copy("/bin/sleep", node.path("gateway")).unwrap();
        fs::copy("/bin/sleep", node.path("bystander")).unwrap();
        node.write_program("run", &format!("#!/bin/sh\nd={d}\ncase $2 in\n{run}\nesac\n"));
        node.write_configuration("");
        Self { node }
    }

    fn start(mut self) -> Self {
        self.node.start();
        wait_for("it is looked at", || (self.node.status().services[0].is == Is::Stopped).then_some(()));
        self
    }

    fn become_(&self, state: carpd::model::CarpState) {
        self.node.kernel.set("1@vtnet0", state);
        self.node.devd.carp("1@vtnet0", state);
    }

    fn last(&self, kind: ActionKind) -> LastAction {
        let last = || self.node.status().services[0].last_action.clone();
        wait_for("the action is told", || last().filter(|last| last.kind == kind))
    }

    /// Brings it up, and then to standby again. What is told of that.
    fn stopped(&self) -> LastAction {
        self.become_(Master);
        wait_for("it runs", || self.node.status().services[0].as_wanted().then_some(()));
        assert_eq!(self.pids("gateway").len(), 1);
        self.become_(Backup);
        self.last(ActionKind::Stop)
    }

    /// The living processes of a program of the node's directory.
    fn pids(&self, program: &str) -> Vec<i32> {
        let program = self.node.path(program).display().to_string();
        let all = carpd::kernel::processes().unwrap().into_iter();
        all.filter(|process| process.argv0 == program).map(|process| process.pid).collect()
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        for pid in ["gateway", "bystander"].iter().flat_map(|program| self.pids(program)) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

const IN_BACKGROUND: &str = "start) $d/gateway 300 & ;;";

#[test]
fn a_service_that_ignores_term_is_killed_and_whoever_shares_its_group_is_not() {
    let start = "start) trap '' TERM; $d/gateway 300 & $d/bystander 300 & ;;";
    let node = Hostile::new(&format!("{start}\nstop) ;;"), "stop_limit = \"1s\"", "").start();
    let last = node.stopped();
    assert_eq!(last.result, ActionResult::Ok);
    let took = "its command ended with success, but not the service; it was killed after ignoring SIGTERM";
    assert_eq!(last.detail, took);
    assert!(node.node.log().contains(took), "it is said loudly");
    assert_eq!((node.pids("gateway").len(), node.pids("bystander").len()), (0, 1));
}

#[test]
fn a_stop_that_hangs_ends_with_the_service_gone() {
    let stop = "stop) trap '' TERM; while :; do sleep 0.05; done;;";
    let node = Hostile::new(&format!("{IN_BACKGROUND}\n{stop}"), "stop_limit = \"1s\"", "").start();
    let last = node.stopped();
    assert_eq!((last.result, node.pids("gateway").len()), (ActionResult::Ok, 0));
    assert_eq!(last.detail, "its command was killed at its limit of 1s; SIGTERM ended it");
}

#[test]
fn a_stop_that_fails_is_made_good_at_once() {
    let node = Hostile::new(&format!("{IN_BACKGROUND}\nstop) exit 7;;"), "stop_limit = \"60s\"", "").start();
    let last = node.stopped();
    assert_eq!((last.result, last.detail.as_str()), (ActionResult::Ok, "its command exited 7; SIGTERM ended it"));
    assert!(node.pids("gateway").is_empty());
}

#[test]
fn a_start_that_succeeds_and_starts_nothing_has_failed() {
    let node = Hostile::new("start) ;;\nstop) ;;", "start_limit = \"1s\"", "").start();
    node.become_(Master);
    let last = node.last(ActionKind::Start);
    assert_eq!(last.result, ActionResult::Failed);
    assert!(last.detail.starts_with("its command ended with success, but no "), "{}", last.detail);
}

#[test]
fn a_service_that_ends_as_soon_as_it_has_started_is_a_failed_start() {
    let node = Hostile::new("start) $d/gateway 0.2 & ;;\nstop) ;;", "", "").start();
    node.become_(Master);
    wait_for("it is told", || {
        let last = node.last(ActionKind::Start);
        (last.result == ActionResult::Failed && last.detail.starts_with("it ran, and was gone again")).then_some(())
    });
}

/// A MASTER whose program was treated like this before the daemon started.
fn with_program(prepare: &str) -> Hostile {
    let node = Hostile::new("start) exit 3;;", "", "");
    let run = node.node.path("run");
    let prepared = format!("{prepare} {}", run.display());
    assert!(std::process::Command::new("sh").args(["-c", &prepared]).status().unwrap().success());
    let node = node.start();
    node.become_(Master);
    node
}

#[test]
fn a_program_that_is_missing_or_cannot_be_run_is_told_with_its_cause_and_not_tried() {
    for (prepare, cause) in [("rm", "run is missing"), ("chmod 644", "run cannot be executed")] {
        let node = with_program(prepare);
        let lacks = wait_for("what is missing is told", || node.node.status().services[0].lacks.clone());
        assert!(lacks.ends_with(cause), "{prepare}: {lacks}");
        assert_eq!(node.node.status().services[0].last_action, None);
    }
}

#[test]
fn a_program_that_fails_is_told_with_its_cause() {
    let last = with_program("true").last(ActionKind::Start);
    assert_eq!(last.result, ActionResult::Failed);
    assert!(last.detail.contains("exited 3"), "{}", last.detail);
}

#[test]
fn a_start_that_prints_without_end_and_keeps_its_descriptors_open_does_no_harm() {
    let start = "start) head -c 1000000000 /dev/zero; yes >&2 & echo $! >$d/yes; $d/gateway 300 & ;;";
    let node = Hostile::new(&format!("{start}\nstop) kill $(cat $d/yes); exit 1;;"), "", "").start();
    let last = node.stopped();
    assert_eq!((last.result, node.pids("gateway").len()), (ActionResult::Ok, 0));
}

#[test]
fn a_start_that_hangs_when_its_master_is_lost_does_not_hold_up_the_stop() {
    let start = "start) trap '' TERM; $d/gateway 300 & while :; do sleep 0.05; done;;";
    let limits = "start_limit = \"10m\"\nstop_limit = \"1s\"";
    let node = Hostile::new(&format!("{start}\nstop) exit 1;;"), limits, "").start();
    node.become_(Master);
    wait_for("the start hangs", || (!node.pids("gateway").is_empty()).then_some(()));
    node.become_(Backup);
    assert_eq!(node.last(ActionKind::Stop).result, ActionResult::Ok);
    assert!(node.pids("gateway").is_empty());
}

#[test]
fn a_number_in_a_pidfile_that_is_another_program_s_is_not_the_service() {
    let node = Hostile::new("start) ;;\nstop) ;;", "start_limit = \"1s\"", "pidfile = \"$d/pid\"");
    let mut bystander = std::process::Command::new(node.node.path("bystander")).arg("300").spawn().unwrap();
    fs::write(node.node.path("pid"), bystander.id().to_string()).unwrap();
    let node = node.start();
    node.become_(Master);
    assert_eq!(node.last(ActionKind::Start).result, ActionResult::Failed);
    node.become_(Backup);
    wait_for("it is standby", || node.status_is_standby().then_some(()));
    assert!(bystander.try_wait().unwrap().is_none(), "it was killed");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

impl Hostile {
    fn status_is_standby(&self) -> bool {
        let service = &self.node.status().services[0];
        service.as_wanted() && service.is == Is::Stopped && service.busy.is_none()
    }
}

#[test]
fn a_program_that_others_can_change_is_not_run_as_root() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("SKIPPED: only root has anything to lose");
    }
    let node = Hostile::new(&format!("{IN_BACKGROUND}\nstop) exit 1;;"), "", "");
    fs::set_permissions(node.node.path("run"), fs::Permissions::from_mode(0o757)).unwrap();
    let node = node.start();
    node.become_(Master);
    let last = node.last(ActionKind::Start);
    assert_eq!(last.result, ActionResult::Failed);
    assert!(last.detail.contains("run is not run as root: ") && last.detail.contains("can be changed by"), "{last:?}");
    assert!(node.pids("gateway").is_empty());
}

/// A configd with two actions. The one that stops fails and stops nothing.
fn configd(node: &Node) {
    let listener = UnixListener::bind(node.path("configd.socket")).unwrap();
    let gateway = node.path("gateway");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut question = [0; 4096];
            let length = stream.read(&mut question).unwrap();
            let answer: &[u8] = match &question[..length] {
                b"gw start" => {
                    let mut child = std::process::Command::new(&gateway).arg("300").spawn().unwrap();
                    std::thread::spawn(move || child.wait());
                    b"OK\n\n\0\0\0"
                }
                b"gw stop" => b"Error (1)\n\n\0\0\0",
                _ => b"Action not allowed or missing\n\n\n\0\0\0",
            };
            stream.write_all(answer).unwrap();
        }
    });
}

#[test]
fn a_service_that_configd_drives_is_started_stopped_and_verified() {
    let mut node = Node::new(&vhids(1, Backup));
    let d = node.directory.path().display().to_string();
    node.add(&format!(
        "[[service]]\nname = \"gw\"\nfollows = [\"1@vtnet0\"]\nsettle = \"0s\"\n\
         [service.configd]\nstart = \"gw start\"\nstop = \"gw stop\"\nsocket = \"{d}/configd.socket\"\n\
         [service.process]\nprogram = \"{d}/gateway\"\n"
    ));
    fs::copy("/bin/sleep", node.path("gateway")).unwrap();
    node.write_configuration("");
    let node = Hostile { node }.start();
    node.become_(Master);
    let last = node.last(ActionKind::Start);
    assert!(last.detail.contains("configd cannot be reached at "), "{last:?}");
    configd(&node.node);
    let last = node.stopped();
    assert_eq!((last.result, last.detail.as_str()), (ActionResult::Ok, "its command exited 1; SIGTERM ended it"));
    assert!(node.pids("gateway").is_empty());
}
