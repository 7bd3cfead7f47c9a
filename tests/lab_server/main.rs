//! Promises of the real-time lab as a process among others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod gateway;
mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output};

use nix::sys::signal::Signal;

use support::{TestLab, carpctl, root, runs, wait_for};

fn ask(socket: &Path, line: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(line.as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer
}

#[test]
fn nothing_is_left_behind_when_the_lab_is_told_to_end() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let mut lab = TestLab::up();
        let children = lab.children();
        assert_eq!(children.len(), 2, "two carpds");
        lab.signal(signal);
        assert!(lab.process.wait().unwrap().success(), "{signal} is how one ends it");
        assert!(children.iter().all(|pid| !runs(*pid)));
        assert!(!lab.paths.root().exists());
    }
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "only Linux ends a process with its parent")]
fn nothing_is_left_running_when_the_lab_is_killed() {
    let mut lab = TestLab::up();
    let children = wait_for("two carpds and a service", || Some(lab.children()).filter(|all| all.len() == 3));
    lab.process.kill().unwrap();
    lab.process.wait().unwrap();
    for pid in children {
        wait_for("the end of a process", || (!runs(pid)).then_some(()));
    }
    assert!(lab.paths.root().exists(), "a killed lab cannot clean up");
    let output = lab.order(&["up", "--detach"]);
    assert!(output.status.success(), "the next one can: {output:?}");
    lab.does(&["down"]);
    assert!(!lab.paths.root().exists());
}

#[test]
fn a_second_lab_is_refused_and_the_first_goes_on() {
    let lab = TestLab::up();
    for words in [["lab", "up", ""], ["lab", "up", "--detach"]] {
        let output = carpctl(lab.paths.root()).args(words.iter().filter(|w| !w.is_empty())).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains("already up"), "{said}");
    }
    assert_eq!(lab.children().len(), 2);
}

#[test]
fn a_node_without_power_does_and_says_nothing() {
    let lab = TestLab::up();
    let before = lab.view();
    let fw1 = lab.paths.node("fw1");
    lab.does(&["crash", "fw1"]);
    assert!(!runs(before.nodes[0].daemon.unwrap()), "carpd went with the power");
    let answer = ask(&fw1.kernel_socket(), "{\"ask\":\"snapshot\"}\n");
    assert!(answer.contains("powered off"), "{answer}");
    let view = lab.view();
    assert!(!view.nodes[0].powered && !view.nodes[0].devd && view.nodes[0].devd_clients == 0);
    assert!(lab.refuses(&["demote", "fw1", "240"]).contains("lab reboot fw1"));
    assert!(lab.refuses(&["devd", "start", "fw1"]).contains("powered off"));
    let service = fw1.service(&"gateway".parse().unwrap());
    let start = carpctl(lab.paths.root()).args(["lab", "gateway", "start"]).arg(service.dir()).output().unwrap();
    assert!(!start.status.success(), "no process without power");
    lab.does(&["reboot", "fw1"]);
    let view = lab.view();
    assert!(view.nodes[0].powered && view.nodes[0].daemon.is_some());
}

#[test]
fn orders_reach_the_kernels_and_wrong_ones_say_what_there_is() {
    let lab = TestLab::up();
    lab.does(&["demote", "fw2", "-16"]);
    lab.does(&["demote", "fw2", "256"]);
    lab.does(&["preempt", "fw2", "0"]);
    lab.does(&["vip", "add", "fw2", "3@lan", "192.168.1.2/24"]);
    lab.does(&["cable", "pull", "fw2", "lan"]);
    lab.does(&["partition", "wan"]);
    let view = lab.view();
    let fw2 = &view.nodes[1];
    assert!(!fw2.preempt && fw2.vhids[1].addresses.len() == 2);
    assert!(view.segments.iter().any(|s| s.name == "wan" && s.partitioned));
    lab.does(&["vip", "del", "fw2", "3@vtnet1", "192.168.1.2"]);
    lab.does(&["cable", "plug", "fw2", "vtnet1"]);
    lab.does(&["cable", "cut", "fw2", "vtnet1"]);
    lab.does(&["heal", "vtnet0"]);
    assert!(lab.refuses(&["cable", "pull", "fw2", "dmz"]).contains("vtnet1 (lan)"));
    assert!(lab.refuses(&["crash", "fw3"]).contains("fw1, fw2"));
    assert!(lab.refuses(&["heal", "dmz"]).contains("wan"));
    assert!(lab.refuses(&["vip", "add", "fw2", "300@lan", "192.168.1.2/24"]).contains("VHID@INTERFACE"));
    assert_eq!(lab.view().nodes[1].writes, 0, "what others write is not carpd's");
}

#[test]
fn nonsense_on_a_socket_is_answered_and_harms_nobody() {
    let lab = TestLab::up();
    for socket in [lab.paths.admin_socket(), lab.paths.node("fw1").kernel_socket()] {
        for line in ["\n", "{}\n", "{\"ask\":\"explode\"}\n", "\u{0}\n"] {
            assert!(ask(&socket, line).contains("\"text\""), "{line:?}");
        }
        // Longer than any question; and one that never ends.
        let mut stream = UnixStream::connect(&socket).unwrap();
        let _ = stream.write_all(&vec![b'x'; 1 << 20]);
        let _silent = UnixStream::connect(&socket).unwrap();
    }
    assert_eq!(lab.children().len(), 2);
}

#[test]
fn a_carpd_that_ends_at_once_shows_the_end_of_its_log() {
    let root = root();
    let bin = root.with_extension("bin");
    fs::create_dir(&bin).unwrap();
    let carpctl = bin.join("carpctl");
    fs::copy(env!("CARGO_BIN_EXE_carpctl"), &carpctl).unwrap();
    let up = || Command::new(&carpctl).args(["lab", "up"]).env("CARPD_LAB", &root).output().unwrap();
    let said = |output: Output| String::from_utf8(output.stderr).unwrap();
    let carpd = bin.join("carpd");
    fs::write(&carpd, "#!/bin/sh\necho 'the state is from a newer version' >&2\nexit 3\n").unwrap();
    fs::set_permissions(&carpd, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let broken = said(up());
    assert!(broken.contains("exit code 3") && broken.contains("newer version"), "{broken}");
    assert!(!root.exists(), "nothing stays");
    fs::remove_dir_all(bin).unwrap();
}
