//! The real carpctl against a control socket that answers well, badly or not at all: its exit codes are a contract.
#![allow(clippy::unwrap_used, reason = "a test may stop where it is wrong")]

#[path = "ctl_support/daemon.rs"]
mod daemon;
#[path = "ctl_support/samples.rs"]
mod samples;

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use carpd::control::{Answer, Ask, Entry, LONGEST_LINE};
use carpd::core::io::{Level, Note, Reply, Request, Topic};
use carpd::core::status::{Status, VhidState};
use carpd::model::CarpState;
use daemon::{Act, Node, Ran};
use samples::snapshot;

fn status(status: Status) -> Answer {
    Answer::Status { status: Box::new(status) }
}

fn reply(reply: Reply) -> Answer {
    Answer::Reply { reply }
}

fn done(text: &str) -> Answer {
    reply(Reply::Done { text: text.to_owned() })
}

fn denied() -> Answer {
    Answer::Denied { text: "only root and the group netadmin may change something".to_owned() }
}

const SERVICE: &str = "[[service]]\nname = \"gw\"\nfollows = [\"1@em0\"]\n[service.exec]\nstart = [\"/bin/true\"]\n\
                       stop = [\"/bin/true\"]\nstatus = [\"/bin/true\"]\n";

#[test]
fn status_shows_what_the_daemon_says() {
    let node = Node::new("").answers(status(samples::healthy()));
    let ran = node.run(&["status"]).exits(0);
    assert!(ran.out.starts_with("fw1: OK  MASTER of 3/3 vhids"), "{ran:?}");
    assert!(!ran.out.contains('\x1b') && ran.err.is_empty(), "{ran:?}");
    assert_eq!(node.run(&["status", "-x"]).exits(0).out, "fw1: all is well\n");
    let json = node.run(&["status", "--json"]).exits(0).out;
    assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), samples::healthy());
    assert!(node.run(&["status", "--color", "always"]).exits(0).out.contains('\x1b'));
}

#[test]
fn status_asks_the_kernel_when_no_daemon_answers_and_says_so() {
    let node = Node::new("").kernel(snapshot(&[("1@em0", CarpState::Master)]));
    let ran = node.run(&["status"]).exits(0);
    for said in ["fw1: WARNING  MASTER of 1/1 vhids", "without carpd", "carpd does not run", "service carpd start"] {
        assert!(ran.out.contains(said), "{said}: {ran:?}");
    }
    let json: Status = serde_json::from_str(&node.run(&["status", "--json"]).exits(0).out).unwrap();
    assert_eq!(json.source, carpd::core::status::Source::Kernel);
    assert_eq!(node.run(&["why", "1@em0"]).exits(0).err, "");
}

#[test]
fn status_exits_0_even_if_nobody_answers() {
    let ran = Node::new("").run(&["status"]).exits(0);
    assert!(ran.out.contains("fw1: UNKNOWN  state unknown"), "{ran:?}");
    assert!(ran.out.contains("carpd does not run") && ran.out.contains("is `carpctl lab up` still"), "{ran:?}");
}

#[test]
fn every_bad_answer_is_told_apart_and_none_is_waited_for_too_long() {
    let huge = vec![b'x'; LONGEST_LINE + 2];
    let json = serde_json::to_string(&status(samples::healthy())).unwrap();
    let other_schema = json.replacen("\"schema\":1", "\"schema\":2", 1) + "\n";
    type Case = (fn() -> Act, &'static str);
    let cases: [Case; 6] = [
        (|| Act::Raw(Vec::new()), "closed the connection"),
        (|| Act::Raw(b"{\"answer\":\"sta".to_vec()), "closed the connection"),
        (|| Act::Raw(b"\x00\xff what?\n".to_vec()), "does not understand"),
        (|| Answer::MayRun { allowed: true, text: String::new() }.into(), "another question"),
        (|| Answer::Error { text: "too many askers".to_owned() }.into(), "too many askers"),
        (|| Act::Hang, "does not answer within 5 s"),
    ];
    for (act, says) in cases {
        let node = Node::new("").daemon(move |_, _| act());
        let ran = node.run(&["maintenance", "show"]).exits(3);
        assert!(ran.out.is_empty() && ran.err.contains(says), "{says}: {ran:?}");
    }
    for (bytes, says) in [(huge, "more than 4 MiB"), (other_schema.into_bytes(), "schema 2 instead of 1")] {
        let node = Node::new("").daemon(move |_, _| Act::Raw(bytes.clone()));
        let ran = node.run(&["maintenance", "show"]).exits(3);
        assert!(ran.err.contains(says), "{says}: {ran:?}");
    }
}

#[test]
fn check_speaks_as_monitoring_plugins_do() {
    let check = |sample: Status, args: &[&str]| Node::new("").answers(status(sample)).run(&[&["check"], args].concat());
    let ran = check(samples::healthy(), &[]).exits(0);
    assert!(ran.out.starts_with("CARP OK - MASTER 3/3") && ran.out.contains(" | masters=3 "), "{ran:?}");
    check(samples::healthy(), &["--expect", "master"]).exits(0);
    check(samples::healthy(), &["--expect", "backup"]).exits(2);
    check(samples::maintenance(), &["--expect", "master"]).exits(1);
    check(samples::sick(), &[]).exits(2);
    let nobody = Node::new("").run(&["check"]).exits(3);
    assert!(nobody.out.starts_with("CARP UNKNOWN - ") && nobody.err.is_empty(), "{nobody:?}");
    let dead = Node::new("").kernel(snapshot(&[("1@em0", CarpState::Master)])).run(&["check"]).exits(1);
    assert!(dead.out.contains("carpd does not run"), "{dead:?}");
    let usage = Node::new("").run(&["check", "--expect", "winner"]).exits(3);
    assert!(usage.out.starts_with("CARP UNKNOWN"), "{usage:?}");
}

#[test]
fn a_check_that_nobody_can_read_is_no_ok() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let node = Node::new("").answers(status(samples::healthy()));
    Ran::from(node.command(&["check"]).stdout(full).stderr(Stdio::piped()).output().unwrap()).exits(3);
}

#[test]
fn a_service_is_not_explained_without_the_daemon() {
    let node = Node::new(SERVICE).kernel(snapshot(&[("1@em0", CarpState::Master)]));
    let ran = node.run(&["why", "gw"]).exits(3);
    assert!(ran.err.contains("service carpd start"), "{ran:?}");
    let check = node.run(&["check"]).exits(1);
    assert!(check.out.contains("services_wrong=U events_missed=U"), "{check:?}");
}

#[test]
fn wrong_usage_exits_64_and_help_does_not() {
    let node = Node::new("");
    for args in [&["statsu"][..], &[], &["why", "1@"], &["wait", "1@em0"], &["maintenance", "enter", "--for", "2"]] {
        node.run(args).exits(64);
    }
    for (args, says) in [
        (&["maintenance", "enter", "--for", "999999d"][..], "more than 366d"),
        (&["maintenance", "enter", "--reason", &"x".repeat(201)], "a reason may have 200"),
        (&["lab", "vip", "del", "fw1", "3@lan", "10.0.0.300/24"], "is no address"),
    ] {
        let ran = node.run(args).exits(64);
        assert!(ran.err.contains(says), "{ran:?}");
    }
    let mut twice = std::process::Command::new(env!("CARGO_BIN_EXE_carpctl"));
    twice.args(["lab", "up", "--node", "fw1=a", "--node", "fw1=b"]);
    assert!(Ran::from(twice.output().unwrap()).exits(64).err.contains("duplicate"));
    assert!(!node.run(&["wait", "--help"]).exits(0).out.contains("Role::"));
    node.run(&["wait", "1@em0", "--role", "active"]).exits(64);
    node.run(&["wait", "gw", "--state", "MASTER"]).exits(64);
    assert!(node.run(&["--help"]).exits(0).out.contains("Exit codes"));
    node.run(&["--version"]).exits(0);
    assert!(node.run(&["completions", "bash"]).exits(0).out.contains("carpctl"));
}

/// A daemon that remembers what it was asked to change, and shows `after` from then on.
fn changing(answer: Answer, after: Status) -> (Node, Arc<Mutex<Vec<Request>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let node = Node::new("").daemon(move |_, ask| match ask {
        Ask::Change { change } => {
            asked.lock().unwrap().push(change);
            answer.clone().into()
        }
        _ if asked.lock().unwrap().is_empty() => status(samples::healthy()).into(),
        _ => status(after.clone()).into(),
    });
    (node, seen)
}

fn still_master() -> Status {
    let mut status = samples::maintenance();
    for vhid in &mut status.vhids {
        vhid.state = VhidState::Master;
    }
    status
}

#[test]
fn entering_maintenance_says_what_happened_and_what_it_means() {
    let (node, asked) = changing(done("in maintenance"), still_master());
    let args = ["maintenance", "enter", "--reason", "update", "--for", "2h", "--force"];
    let ran = node.run(&args).exits(0);
    assert!(ran.out.contains("demotion  243 = 240 maintenance") && ran.out.contains("--wait"), "{ran:?}");
    let asked = asked.lock().unwrap();
    let [Request::MaintenanceEnter { reason, until: Some(_), force: true }] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(reason, "update");
}

#[test]
fn waiting_for_maintenance_ends_when_nothing_is_master_or_with_5() {
    let (node, _) = changing(done("in maintenance"), samples::maintenance());
    node.run(&["maintenance", "enter", "--wait"]).exits(0);
    let (node, _) = changing(done("in maintenance"), still_master());
    let ran = node.run(&["maintenance", "enter", "--wait", "1ms"]).exits(5);
    assert!(ran.out.contains("nothing moved") && ran.err.contains("still MASTER"), "{ran:?}");
}

#[test]
fn waiting_for_maintenance_does_not_wait_for_what_speaks_vrrp_but_tells_with_5_that_it_stays() {
    let (node, _) = changing(done("in maintenance"), samples::mixed());
    let ran = node.run(&["maintenance", "enter", "--wait", "1h"]).exits(5);
    assert!(ran.err.contains("still MASTER of what speaks VRRP"), "{ran:?}");
    let (node, _) = changing(done("in maintenance"), samples::mixed());
    node.run(&["maintenance", "enter"]).exits(0);
}

#[test]
fn a_change_that_is_refused_denied_or_fails_has_its_own_exit_code() {
    let refused = reply(Reply::Refused { text: "the peer is demoted; --force enters anyway".to_owned() });
    let failed = reply(Reply::Failed { text: "the disk is full".to_owned() });
    for (answer, code, says) in [(refused, 4, "--force"), (denied(), 1, "netadmin"), (failed, 1, "the disk is full")] {
        let (node, _) = changing(answer, samples::healthy());
        let ran = node.run(&["maintenance", "enter"]).exits(code);
        assert!(ran.out.is_empty() && ran.err.contains(says), "{ran:?}");
        assert!(node.run(&["demotion", "assume", "landed"]).exits(code).err.contains(says));
    }
    let ran = Node::new("").run(&["maintenance", "enter"]).exits(3);
    assert!(ran.err.contains("service carpd start"), "{ran:?}");
}

#[test]
fn leaving_maintenance_shows_that_the_demotion_is_gone() {
    let (node, asked) = changing(done("maintenance left"), samples::healthy());
    let ran = node.run(&["maintenance", "leave"]).exits(0);
    assert!(ran.out.contains("maintenance left") && ran.out.contains("demotion  0"), "{ran:?}");
    assert_eq!(*asked.lock().unwrap(), [Request::MaintenanceLeave]);
}

#[test]
fn leaving_maintenance_waits_until_the_share_has_left_the_kernel() {
    let node = Node::new("").daemon(|at, ask| match (ask, at) {
        (Ask::Change { .. }, _) => done("maintenance left").into(),
        (_, 0..3) => {
            let mut moving = samples::maintenance();
            moving.demotion.reasons[0].name = "changing".to_owned();
            status(moving).into()
        }
        _ => status(samples::healthy()).into(),
    });
    let ran = node.run(&["maintenance", "leave"]).exits(0);
    assert!(ran.out.contains("demotion  0\n"), "{ran:?}");
}

#[test]
fn is_master_is_silent_and_cannot_tell_what_is_unknown() {
    let daemon = Node::new("").answers(status(samples::healthy()));
    let kernel = Node::new("").kernel(snapshot(&[("1@em0", CarpState::Master), ("3@em1", CarpState::Backup)]));
    for node in [&daemon, &kernel] {
        let ran = node.run(&["is-master", "1@em0"]).exits(0);
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
        let ran = node.run(&["is-master", "-v", "9@em9"]).exits(2);
        assert!(ran.err.contains("its vhids are 1@em0, 3@em1"), "{ran:?}");
    }
    // One that the configuration wants may come, so it is not MASTER yet.
    let wanted = Node::new(SERVICE).kernel(snapshot(&[("3@em1", CarpState::Master)]));
    assert_eq!(wanted.run(&["is-master", "-v", "1@em0"]).exits(1).out, "no: the kernel has no vhid 1@em0\n");
    kernel.run(&["is-master", "3@em1"]).exits(1);
    Node::new("").answers(status(samples::unknown_kernel())).run(&["is-master", "1@em0"]).exits(2);
    let mut unknown = samples::healthy();
    unknown.vhids[0].state = VhidState::Unknown;
    Node::new("").answers(status(unknown)).run(&["is-master", "1@em0"]).exits(2);
    let nobody = Node::new("").run(&["is-master", "1@em0"]).exits(2);
    assert_eq!(nobody.err, "");
    assert!(Node::new("").run(&["is-master", "-v", "1@em0"]).exits(2).err.contains("cannot tell"));
    Node::new("").run(&["is-master", "1"]).exits(64);
}

#[test]
fn may_run_asks_the_daemon_then_the_kernel_and_is_open_for_what_carpd_does_not_manage() {
    for (allowed, code) in [(true, 0), (false, 1)] {
        let node = Node::new("").answers(Answer::MayRun { allowed, text: "because".to_owned() });
        assert!(node.run(&["may-run", "gw", "-v"]).exits(code).out.ends_with(": because\n"));
    }
    for (state, code) in [(CarpState::Master, 0), (CarpState::Backup, 1)] {
        let node = Node::new(SERVICE).kernel(snapshot(&[("1@em0", state)]));
        let ran = node.run(&["may-run", "gw"]).exits(code);
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
        node.run(&["may-run", "dhcpd"]).exits(0);
    }
    Node::new(SERVICE).run(&["may-run", "gw"]).exits(2);
    Node::new("[[service]]\nname = 7\n").run(&["may-run", "gw"]).exits(2);
}

#[test]
fn a_service_in_a_persons_hands_may_run_even_if_the_daemon_is_dead() {
    let node = Node::new(SERVICE).kernel(snapshot(&[("1@em0", CarpState::Backup)]));
    let config = std::fs::read_to_string(node.path("carpd.toml")).unwrap();
    let state = node.path("state");
    std::fs::create_dir(&state).unwrap();
    let config = config.replacen("[node]", &format!("[node]\nstate_dir = \"{}\"", state.display()), 1);
    std::fs::write(node.path("carpd.toml"), config).unwrap();
    let left = |until: &str| {
        let taken =
            format!(r#""gw":{{"reason":"adoption","by":"anna","since":"2026-05-01T00:00:00.000Z","until":"{until}"}}"#);
        let rest = r#""boot":"b","share":0,"mark":0,"pending":null,"maintenance":null,"hold_until":null"#;
        let text = format!(r#"{{"format":1,"journal":{{{rest},"unmanaged":{{{taken}}}}}}}"#);
        std::fs::write(state.join("state.json"), text).unwrap();
    };
    left("2999-01-01T00:00:00.000Z");
    let said = node.run(&["may-run", "gw", "-v"]).exits(0).out;
    assert!(said.starts_with("yes: gw is in the hands of anna until 2999"), "{said}");
    left("2026-05-01T01:00:00.000Z");
    node.run(&["may-run", "gw"]).exits(1);
}

#[test]
fn a_service_is_taken_over_for_a_time_and_given_back() {
    let (asked, asks) = std::sync::mpsc::channel();
    let node = Node::new("").daemon(move |_, ask| {
        asked.send(ask).unwrap();
        Answer::Reply { reply: Reply::Done { text: "gw is somebody's".to_owned() } }.into()
    });
    let said = node.run(&["service", "unmanage", "gw", "--for", "15m", "--reason", "adoption"]).exits(0);
    assert_eq!(said.out, "fw1: gw is somebody's\n");
    let Ask::Change { change: Request::ServiceUnmanage { service, until, reason } } = asks.recv().unwrap() else {
        panic!("something else was asked")
    };
    let left = until.since(carpd::ctl::time::now()).as_secs();
    assert!(service.as_str() == "gw" && reason == "adoption" && (800..=900).contains(&left), "{left}");
    node.run(&["service", "manage", "gw"]).exits(0);
    assert!(matches!(asks.recv().unwrap(), Ask::Change { change: Request::ServiceManage { .. } }));
    for wrong in [&["service", "unmanage", "gw"][..], &["service", "unmanage", "gw", "--for", "32d"]] {
        node.run(wrong).exits(64);
    }
}

#[test]
fn may_run_is_not_open_where_what_the_command_line_names_cannot_be_used() {
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_carpctl"));
        command.env_clear().env("CARPD_LAB", "/nonexistent/lab").args(args).args(["may-run", "gw", "-v"]);
        let ran = Ran::from(command.output().unwrap()).exits(2);
        assert!(ran.out.is_empty() && ran.err.contains("cannot tell: "), "{ran:?}");
    };
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("broken.toml"), "[node").unwrap();
    run(&["--config", &at("none.toml")]);
    run(&["--config", &at("broken.toml")]);
    run(&["--config", &at("")]);
    run(&["--socket", &at("none.sock")]);
    run(&["--socket", &at("broken.toml")]);
    run(&["--node", "fw1"]);
    // A gate that hangs is worse than one that asks the kernel.
    let node = Node::new(SERVICE).kernel(snapshot(&[("1@em0", CarpState::Master)])).daemon(|_, _| Act::Hang);
    node.run(&["may-run", "gw"]).exits(0);
    let said = node.run(&["is-master", "1@em0", "-v"]).exits(0);
    assert!(said.err.is_empty(), "{said:?}");
}

#[test]
fn a_configuration_that_cannot_be_read_does_not_hide_the_daemon() {
    let lab = tempfile::tempdir().unwrap();
    let node = Node::new("");
    std::fs::create_dir_all(lab.path().join("fw1/state")).unwrap();
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_carpctl"));
        command.env_clear().env("CARPD_LAB", lab.path()).args(["--node", "fw1"]).args(args);
        Ran::from(command.output().unwrap())
    };
    let dead = run(&["status"]).exits(0);
    assert!(!dead.out.contains("carpd does not run"), "{dead:?}");
    let node = node.answers(status(samples::healthy()));
    std::os::unix::fs::symlink(node.path("socket"), lab.path().join("fw1/carpd.sock")).unwrap();
    for broken in [false, true] {
        if broken {
            std::fs::write(lab.path().join("fw1/carpd.toml"), "[node").unwrap();
        }
        let ran = run(&["status", "-x"]).exits(0);
        assert_eq!(ran.out, "fw1: all is well\n");
        assert!(ran.err.contains("carpd.toml"), "{ran:?}");
    }
}

#[test]
fn what_is_no_socket_is_not_taken_for_a_dead_daemon() {
    let node = Node::new("").kernel(snapshot(&[("1@em0", CarpState::Master)]));
    std::fs::write(node.path("socket"), "").unwrap();
    let ran = node.run(&["status"]).exits(0);
    assert!(ran.out.contains("not a socket of carpd") && !ran.out.contains("does not run"), "{ran:?}");
}

#[test]
fn wait_ends_when_the_state_is_there_or_with_5() {
    let node = Node::new("").daemon(|at, _| {
        let mut sample = samples::healthy();
        if at < 2 {
            sample.vhids[0].state = VhidState::Backup;
            sample.services[0].is = carpd::core::service::Is::Stopped;
        }
        status(sample).into()
    });
    node.run(&["wait", "1@em0", "--state", "master"]).exits(0);
    let node = Node::new("").answers(status(samples::maintenance()));
    node.run(&["wait", "defguard_gateway", "--role", "standby"]).exits(0);
    let ran = node.run(&["wait", "defguard_gateway", "--role", "active", "--timeout", "1ms"]).exits(5);
    assert!(ran.err.contains("carpctl why defguard_gateway"), "{ran:?}");
    node.run(&["wait", "1@em0", "--state", "MASTER", "--timeout", "1ms"]).exits(5);
    for args in [
        &["wait", "nosuch", "--role", "active"][..],
        &["wait", "9@em9", "--state", "MASTER"],
        &["why", "3"],
        &["why", "em9"],
        &["why", "9@em9"],
    ] {
        let ran = node.run(args).exits(1);
        assert!(ran.err.contains("1@em0, 3@em1, 7@em3; its services are defguard_gateway"), "{ran:?}");
        assert_eq!(ran.err.contains("Did you mean 3@em1?"), args[1] == "3", "{ran:?}");
    }
    assert!(node.run(&["why", "em1"]).exits(0).out.contains("3@em1"));
    assert!(node.run(&["wait", "1", "--state", "MASTER"]).exits(64).err.contains("its vhids are 1@em0"));
    Node::new("").run(&["wait", "1@em0", "--state", "MASTER"]).exits(3);
    Node::new("").run(&["wait", "gw", "--role", "active"]).exits(3);
}

fn entry(seq: u64) -> Entry {
    let note = Note {
        level: Level::Info,
        topic: Topic::Vhid,
        object: "1@em0".to_owned(),
        text: "BACKUP -> MASTER after 3.1 s".to_owned(),
    };
    Entry { seq, time: samples::NOW, note }
}

#[test]
fn history_is_for_people_or_one_object_per_line() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let node = Node::new("").daemon(move |_, ask| {
        asked.lock().unwrap().push(ask);
        Answer::History { entries: vec![entry(7), entry(8)] }.into()
    });
    let ran = node.run(&["history", "--limit", "2"]).exits(0);
    assert!(ran.out.starts_with("Fri Apr 24 2026\n03:06:40  1@em0"), "{ran:?}");
    let lines = node.run(&["history", "--json"]).exits(0).out;
    let entries: Vec<Entry> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries, [entry(7), entry(8)]);
    assert_eq!(*seen.lock().unwrap(), [Ask::History { limit: 2 }, Ask::History { limit: 20 }]);
}

#[test]
fn events_are_shown_as_they_come_and_end_with_3_when_the_daemon_ends() {
    let node = Node::new("")
        .daemon(|_, _| Act::Say(vec![Answer::Event { entry: entry(1) }, Answer::Event { entry: entry(2) }]));
    let ran = node.run(&["events", "--follow", "--json"]).exits(3);
    assert_eq!(ran.out.lines().count(), 2, "{ran:?}");
    let ran = node.run(&["events", "-f"]).exits(3);
    assert!(ran.out.contains("BACKUP -> MASTER") && ran.err.contains("carpd has ended"), "{ran:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let node = Node::new("").answers(status(samples::crowded()));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = Ran::from(node.command(&["status"]).stdout(writer).stderr(Stdio::piped()).output().unwrap()).exits(0);
    assert_eq!(ran.err, "");
}

#[test]
fn a_watch_shows_it_again_and_again_and_ends_cleanly_on_ctrl_c() {
    let node = Node::new("").answers(status(samples::healthy()));
    let mut child = node.command(&["status", "-x", "--watch", "1"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    for expected in ["fw1: all is well\n", "\n", "fw1: all is well\n"] {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert_eq!(line, expected);
    }
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    lines.read_to_string(&mut String::new()).unwrap();
}

#[test]
fn texts_are_printed_as_the_daemon_gives_them() {
    let node = Node::new("").answers(Answer::Text { text: "carpd_build_info 1".to_owned() });
    assert_eq!(node.run(&["metrics"]).exits(0).out, "carpd_build_info 1\n");
    assert_eq!(node.run(&["config", "show"]).exits(0).out, "carpd_build_info 1\n");
    let node = Node::new("").answers(done("the configuration is unchanged"));
    assert_eq!(node.run(&["reload"]).exits(0).out, "fw1: the configuration is unchanged\n");
    Node::new("").answers(denied()).run(&["reload"]).exits(1);
    Node::new("").run(&["metrics"]).exits(3);
}

#[test]
fn a_lab_node_is_found_by_its_name() {
    let node = Node::new("").answers(status(samples::healthy()));
    let lab = tempfile::tempdir().unwrap();
    std::fs::create_dir(lab.path().join("fw1")).unwrap();
    std::fs::copy(node.path("carpd.toml"), lab.path().join("fw1/carpd.toml")).unwrap();
    let run = |name: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_carpctl"));
        command.env_clear().env("CARPD_LAB", lab.path()).args(["--node", name, "status", "-x"]);
        Ran::from(command.output().unwrap())
    };
    assert_eq!(run("fw1").exits(0).out, "fw1: all is well\n");
    for name in ["fw2", "..", "", "../fw1"] {
        assert!(run(name).exits(3).err.contains("there are fw1"));
    }
}

#[test]
fn a_configuration_is_checked_and_its_findings_are_explained() {
    let node = Node::new(SERVICE);
    let file = node.path("carpd.toml");
    let clean = node.run(&["config", "check", file.to_str().unwrap()]).exits(0);
    assert!(clean.out.contains("carpd.toml: "), "{clean:?}");
    node.run(&["config", "check"]).exits(0);
    node.run(&["config", "check", "/nonexistent/carpd.toml"]).exits(1);
    let wrong = Node::new("[nonsense]\n").run(&["config", "check", "--json"]).exits(2);
    let report: serde_json::Value = serde_json::from_str(&wrong.out).unwrap();
    let code = report["findings"][0]["code"].as_str().unwrap();
    assert!(node.run(&["explain", code]).exits(0).out.starts_with(code));
    assert!(node.run(&["explain"]).exits(0).out.contains(code));
    node.run(&["explain", "C999"]).exits(1);
}
