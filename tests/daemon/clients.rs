//! No client can make the daemon wait, and none may do what it has no right to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use carpd::control::{Answer, Ask, LONGEST_ASK};
use carpd::core::io::{Reply, Request};
use carpd::model::CarpState::{Backup, Master};

use crate::support::{Node, read_answer, vhids, wait_for};

fn node(count: u32) -> Node {
    let mut node = Node::new(&vhids(count, Backup));
    node.add_service("gw", "1@vtnet0", "settle = \"0s\"");
    node.write_usual_program();
    node.write_configuration("");
    node.start();
    node
}

#[test]
fn malformed_and_huge_questions_get_an_error() {
    let node = node(1);
    for line in [
        "\n",
        "{}\n",
        "null\n",
        "{\"ask\":\"history\",\"limit\":1,\"more\":1}\n",
        "\0\u{7f}\n",
        "{\"ask\":\"nonsense\"}\n",
    ] {
        let mut stream = node.connect().unwrap();
        stream.write_all(line.as_bytes()).unwrap();
        assert!(matches!(read_answer(&mut BufReader::new(stream)), Some(Answer::Error { .. })), "{line:?}");
    }
    let mut stream = node.connect().unwrap();
    // The daemon stops reading, so the rest may or may not be taken.
    let _ = stream.write_all(&vec![b' '; LONGEST_ASK + 1]);
    let Some(Answer::Error { text }) = read_answer(&mut BufReader::new(stream)) else { panic!() };
    assert!(text.contains("longer than"), "{text}");
    node.status();
}

#[test]
fn silent_clients_delay_nothing_and_are_sent_away() {
    let node = node(1);
    let silent: Vec<_> = (0..32).map(|_| node.connect().unwrap()).collect();
    let Some(Answer::Error { text }) = wait_for("one too many is told so", || {
        node.ask(&Ask::Status).filter(|answer| matches!(answer, Answer::Error { .. })).map(Some)
    }) else {
        panic!()
    };
    assert!(text.contains("32 clients"), "{text}");
    node.kernel.set("1@vtnet0", Master);
    node.devd.carp("1@vtnet0", Master);
    wait_for("the service is started all the same", || (node.actions("gw") == ["start"]).then_some(()));
    for stream in silent {
        let Some(Answer::Error { text }) = read_answer(&mut BufReader::new(stream)) else { panic!() };
        assert!(text.contains("no question came"), "{text}");
    }
    node.status();
}

#[test]
fn a_follower_that_does_not_keep_up_is_dropped() {
    const MANY: u32 = 255;
    let node = node(MANY);
    let follower = node.ask_without_waiting(&Ask::Follow);
    node.status();
    for round in 0..12 {
        let state = if round % 2 == 0 { Master } else { Backup };
        node.kernel.set_all(state);
        node.devd.carp("1@vtnet0", state);
        wait_for("the flip is seen", || (node.status().vhids[254].state == state.into()).then_some(()));
    }
    let lines = BufReader::new(follower).lines().count();
    assert!((1..12 * 255).contains(&lines), "{lines} lines until the end");
}

#[test]
fn a_client_that_does_not_read_delays_nobody() {
    let node = node(255);
    let lazy: Vec<_> = (0..20).map(|_| node.ask_without_waiting(&Ask::Metrics)).collect();
    for _ in 0..10 {
        node.status();
    }
    drop(lazy);
}

#[test]
fn the_socket_is_for_its_owner_and_group_and_goes_away_with_the_daemon() {
    let mut node = node(1);
    let path = node.path("control");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o660);
    assert_eq!(node.path("state").metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert!(node.stop().success());
    assert!(!path.exists());
}

/// Asks as another user. On Linux the ids belong to the thread, as far as the kernel is concerned.
#[cfg(target_os = "linux")]
fn ask_as_nobody(node: &Node, ask: &Ask) -> Option<Answer> {
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let nobody = 65534;
            // SAFETY: numbers in, no memory touched; the thread ends right after.
            #[allow(unsafe_code)]
            let done = unsafe {
                libc::syscall(libc::SYS_setresgid, nobody, nobody, nobody) == 0
                    && libc::syscall(libc::SYS_setresuid, nobody, nobody, nobody) == 0
            };
            assert!(done);
            node.ask(ask)
        });
        asking.join().unwrap()
    })
}

#[cfg(target_os = "linux")]
#[test]
fn whoever_is_no_admin_may_look_but_not_touch() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let node = node(1);
    assert!(ask_as_nobody(&node, &Ask::Status).is_none(), "the socket is for its group");
    std::fs::set_permissions(node.directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(node.path("control"), std::fs::Permissions::from_mode(0o666)).unwrap();
    assert!(matches!(ask_as_nobody(&node, &Ask::Status), Some(Answer::Status { .. })));
    for ask in [Ask::Reload, Ask::Change { change: Request::MaintenanceLeave }] {
        let Some(Answer::Denied { text }) = ask_as_nobody(&node, &ask) else { panic!("{ask:?}") };
        assert!(text.contains("only root"), "{text}");
    }
    node.enter_maintenance();
    assert_eq!(node.status().maintenance.by.as_deref(), Some("root"));
}

#[test]
fn only_the_elected_node_may_run_a_service() {
    let node = node(1);
    let may = |service: &str| match node.ask(&Ask::MayRun { service: service.parse().unwrap() }) {
        Some(Answer::MayRun { allowed, .. }) => allowed,
        other => panic!("{other:?}"),
    };
    assert!(!may("gw"));
    assert!(may("something_else"));
    node.kernel.set("1@vtnet0", Master);
    node.devd.carp("1@vtnet0", Master);
    wait_for("it may", || may("gw").then_some(()));
}

#[test]
fn metrics_are_served_over_http() {
    let mut node = Node::new(&vhids(2, Master));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    node.write_configuration(&format!("[metrics]\nlisten = \"127.0.0.1:{port}\""));
    node.start();
    let get = |request: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let text = get("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("text/plain; version=0.0.4"), "{text}");
    assert!(text.contains("carp_vhid_state{interface=\"vtnet0\",vhid=\"1\",state=\"master\"} 1"), "{text}");
    assert!(get("GET / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 404"));
    assert!(get("POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 405"));
    assert!(get("nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
    // A connection without a request does not stand in the way of others.
    let silent: Vec<_> = (0..4).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    assert!(get("GET /metrics HTTP/1.0\r\n\r\n").contains("carpd_build_info"));
    drop(silent);
}

#[test]
fn a_reason_that_is_no_single_short_line_is_refused_and_reaches_neither_log_nor_history() {
    let mut node = Node::new(&vhids(1, Backup));
    node.write_configuration("");
    node.start();
    for reason in ["ok\n INFO forged".to_owned(), "\u{1b}[2J".to_owned(), "x".repeat(201)] {
        let change = Request::MaintenanceEnter { reason, until: None, force: false };
        let reply = node.reply(&Ask::Change { change });
        assert!(matches!(&reply, Reply::Failed { text } if text.starts_with("the reason has ")), "{reply:?}");
    }
    assert!(!node.status().maintenance.active && !node.log().contains("forged"));
    let change = Request::MaintenanceEnter { reason: "é".repeat(100), until: None, force: false };
    assert!(matches!(node.reply(&Ask::Change { change }), Reply::Done { .. }));
}
