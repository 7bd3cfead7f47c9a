//! The start gate, with a shell of this system and a stand-in for rc.subr(8).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "ctl_support/daemon.rs"]
mod daemon;
#[path = "ctl_support/samples.rs"]
mod samples;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use carpd::control::Answer;
use carpd::model::CarpState;
use daemon::Node;
use samples::snapshot;

/// What rc.subr(8) does with a script that has a start_cmd of its own, and no more.
const RC_SUBR: &str = r#"
load_rc_config() {
    if [ -z "$loaded" ]; then loaded=1; . "$ROOT/rc.conf"; fi
    for file in "$ROOT/etc/rc.conf.d/$1" "$ROOT/local/etc/rc.conf.d/$1"/*; do
        if [ -f "$file" ]; then . "$file"; fi
    done
}
checkyesno() { eval "case \$$1 in [Yy][Ee][Ss]) return 0;; *) return 1;; esac"; }
warn() { echo "$0: WARNING: $*" >&2; }
run_rc_command() {
    rc_arg=${1#one}; rc_force=
    case $1 in force*) rc_arg=${1#force}; rc_force=yes;; esac
    eval "cmd=\$${rc_arg}_cmd precmd=\$${rc_arg}_precmd"
    if [ -n "$precmd" ] && ! eval "$precmd" && [ -z "$rc_force" ]; then return 1; fi
    eval "$cmd"
}
"#;

/// Like the gateway's own: a command of its own to start, no precmd, and its configuration is read last.
const SCRIPT: &str = r#"#!/bin/sh
. "$ROOT/rc.subr"
name=defguard_gateway
rcvar=defguard_gateway_enable
start_cmd=gateway_start
gateway_start() { echo started; }
load_rc_config $name
run_rc_command "$1"
"#;

const SERVICE: &str =
    "[[service]]\nname = \"gateway\"\nfollows = [\"1@em0\"]\n[service.rc]\nscript = \"defguard-gateway\"\n";

/// A system with the gate, on the node that `node` is.
struct System {
    node: Node,
}

impl System {
    fn new(node: Node) -> Self {
        let system = Self { node };
        let gate = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/rc.conf.d/gate")).unwrap();
        let gate = gate.replace("/usr/local", system.path("local").to_str().unwrap());
        for (name, text) in [
            ("rc.subr", RC_SUBR),
            ("script", SCRIPT),
            ("local/etc/rc.conf.d/defguard_gateway/carpd", &gate),
            ("rc.conf", &format!("carpd_config={}\n", system.path("carpd.toml").display())),
            ("etc/rc.conf.d/carpd", "carpd_enable=YES\n"),
        ] {
            system.write(name, text);
        }
        fs::create_dir_all(system.path("local/sbin")).unwrap();
        symlink(env!("CARGO_BIN_EXE_carpctl"), system.path("local/sbin/carpctl")).unwrap();
        system
    }

    fn path(&self, name: &str) -> PathBuf {
        self.node.path(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Whether the script's command starts something, and what is said.
    fn run(&self, command: &str) -> (bool, String) {
        let mut sh = Command::new("sh");
        sh.env_clear().env("PATH", "/sbin:/bin:/usr/sbin:/usr/bin").env("ROOT", self.path("")).current_dir("/");
        let output = sh.arg(self.path("script")).arg(command).output().unwrap();
        let started = output.stdout == b"started\n";
        assert_eq!(output.status.code(), Some(i32::from(!started)), "{output:?}");
        (started, String::from_utf8(output.stderr).unwrap())
    }

    fn starts(&self) -> bool {
        let (started, said) = self.run("onestart");
        assert_eq!(started, said.is_empty(), "{said}");
        started
    }
}

fn node(state: CarpState) -> Node {
    Node::new(SERVICE).kernel(snapshot(&[("1@em0", state)]))
}

#[test]
fn the_gate_follows_the_kernel_where_the_daemon_is_dead() {
    for (state, open) in [(CarpState::Master, true), (CarpState::Backup, false), (CarpState::Init, false)] {
        assert_eq!(System::new(node(state)).starts(), open, "{state}");
    }
    let absent = Node::new(SERVICE).kernel(snapshot(&[]));
    assert!(!System::new(absent).starts());
    let unreadable = Node::new(SERVICE);
    assert!(!System::new(unreadable).starts());
}

#[test]
fn the_gate_says_why_it_is_closed_and_lets_force_pass() {
    let system = System::new(node(CarpState::Backup));
    let (started, said) = system.run("onestart");
    assert!(!started && said.contains("defguard_gateway is not started, because carpd says no: "), "{said}");
    assert!(said.contains("gateway is standby"), "{said}");
    assert_eq!(system.run("forcestart"), (true, String::new()));
}

#[test]
fn the_gate_asks_the_daemon_first() {
    for allowed in [true, false] {
        let answer = Answer::MayRun { allowed, text: "because".to_owned() };
        assert_eq!(System::new(Node::new(SERVICE).answers(answer)).starts(), allowed);
    }
}

#[test]
fn the_gate_is_open_where_carpd_has_no_say() {
    let disabled = System::new(node(CarpState::Backup));
    disabled.write("etc/rc.conf.d/carpd", "");
    assert!(disabled.starts());
    let without_carpctl = System::new(node(CarpState::Backup));
    fs::remove_file(without_carpctl.path("local/sbin/carpctl")).unwrap();
    assert!(without_carpctl.starts());
    let unconfigured = System::new(node(CarpState::Backup));
    fs::remove_file(unconfigured.path("carpd.toml")).unwrap();
    assert!(unconfigured.starts());
    let of_another = SERVICE.replace("defguard-gateway", "nginx");
    assert!(System::new(Node::new(&of_another).kernel(snapshot(&[("1@em0", CarpState::Backup)]))).starts());
}

#[test]
fn the_gate_is_closed_where_the_configuration_cannot_be_used() {
    let system = System::new(node(CarpState::Master));
    system.write("carpd.toml", "[node");
    assert!(!system.starts());
}

#[test]
fn the_gate_keeps_a_precmd_that_was_there_before() {
    for (first, starts) in [("true", true), ("false", false)] {
        let system = System::new(node(CarpState::Master));
        system.write("etc/rc.conf.d/defguard_gateway", &format!("start_precmd={first}\n"));
        assert_eq!(system.run("onestart").0, starts);
    }
}
