//! What the fuzzer begins with: the bytes of a running kernel, and one of each thing that carpd writes itself.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::control::{Answer, Ask, Entry};
use crate::core::events::EventSource;
use crate::core::journal::Pending;
use crate::core::policy::{Policy, ProbeEffect, ProbePolicy, ProbeSource, ServicePolicy, ShareAmount};
use crate::core::testing::{at, policy, service, snapshot};
use crate::core::{Core, Input, Journal, Level, Loaded, Maintenance, Note, Reply, Request, Topic, Unmanaged};
use crate::lab::server::protocol::LabAsk;
use crate::model::CarpState::{Backup, Init, Master};
use crate::model::{Demotion, PfsyncSnapshot};
use crate::sys::icmp::{Echo, Version};
use crate::sys::recorded::{buffers_in_order, text};

const FIXTURES: &str = "tests/fixtures/freebsd-15.1-amd64";

/// Lines of the forms that the handbook teaches.
const RC_CONF: &str = r#"hostname="fw1" # a comment
ifconfig_em0="inet 192.0.2.11/24"
ifconfig_em0_alias0="inet vhid 1 advskew 100 pass 'se cret' alias 192.0.2.1/32"
ifconfig_em0_alias1="inet6 vhid 1 2001:db8::1/64 advbase 2 pass secret"
ifconfig_vlan0_10_aliases="\
    inet vhid 7 peer 192.0.2.12 pass $x 10.7.0.1/24 \
    inet 10.7.0.2-5/24"
create_args_vlan0="vlan 10 vlandev em1"
cloned_interfaces="vlan0"
pfsync_enable="YES"; pfsync_syncdev=em2
: ${kld_list:="carp"}
"#;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn keep(target: &str, name: &str, bytes: &[u8]) {
    let folder = root().join("fuzz/corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

fn keep_json(target: &str, name: &str, value: &impl Serialize) {
    keep(target, name, &serde_json::to_vec(value).unwrap());
}

/// The recorded files whose name begins with one of `prefixes`.
fn recordings(prefixes: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join(FIXTURES))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)) && name.ends_with(".hex"))
        .collect();
    names.sort();
    names
}

fn keep_buffers(target: &str, prefixes: &[&str], wanted: &[&str]) {
    for file in recordings(prefixes) {
        for (name, bytes) in buffers_in_order(&file).iter().filter(|(name, _)| wanted.contains(&name.as_str())) {
            keep(target, &format!("{}.{name}", file.trim_end_matches(".hex")), bytes);
        }
    }
}

fn keep_file(target: &str, path: &str) {
    let path = root().join(path);
    keep(target, path.file_name().unwrap().to_str().unwrap(), &fs::read(&path).unwrap());
}

/// `make fuzz-seeds`: writes the seeds. What cargo-fuzz found beside them stays.
#[test]
#[ignore = "writes into fuzz/corpus"]
fn write_the_seeds() {
    kernel();
    inputs();
    files();
    sockets();
}

fn kernel() {
    keep_buffers("netlink", &["netlink-resolve", "netlink-set-short", "netlink-getlink"], &["send", "recv.0"]);
    keep_buffers("carp_netlink", &["netlink-get-", "netlink-set-create"], &["recv.0"]);
    keep_buffers("address", &["netlink-getaddr-dump.", "netlink-newaddr-v", "netlink-deladdr-v4"], &["send", "recv.0"]);
    keep_buffers("carp_request", &["siocgvh-"], &["carpreq.out"]);
    keep_buffers("nvlist", &["nv-"], &["nvlist"]);
    keep_buffers("pfsync", &["nv-get-"], &["nvlist"]);
    keep("pfsync", "legacy", b"em1\0\0\0\0\0\0\0\0\0\0\0\0\0\x0a\0\0\x02\x80\0\0\0\x03\0\0\0");
    for (name, bytes) in buffers_in_order("sysctl.txt").into_iter().take(3) {
        keep("stats", &name, &bytes);
    }
    keep("stats", "if_data", &buffers_in_order("getifaddrs.txt")[0].1);
    for file in ["devd-a-cluster-up.txt", "devd-j-host-link.txt"] {
        let recorded = text(file);
        let records = recorded.lines().filter_map(|line| line.split_once("flags=0x8 ")).take(12);
        for (number, (_, record)) in records.enumerate() {
            let name = format!("{}-{number}", &file[..6]);
            keep("devd", &name, record.replace("\\n", "\n").as_bytes());
        }
    }
    keep("devd", "quoted", b"!note=\"a \\\"b\\\" \\\\\" system=CARP subsystem=3@em1 type=BACKUP\n");
    keep("kernel_log", "carp-klog", text("carp-klog.txt").as_bytes());
    let echo = Echo { id: 7, sequence: 1, token: *b"abcdefgh" };
    for (name, version) in [("v4", Version::V4), ("v6", Version::V6)] {
        keep("icmp", name, &echo.reply(version));
    }
    let header = [&[0x45u8, 0, 36, 0, 0, 0, 0, 0, 64, 1][..], &[0; 10]].concat();
    keep("icmp", "v4-header", &[&header[..], &echo.reply(Version::V4)].concat());
    keep("requests", "counting", &(0..=255).collect::<Vec<u8>>());
    keep("requests", "ones", &[0xff; 160]);
}

/// A maintenance from its beginning to its end, and what else may happen to a daemon.
fn inputs() {
    let read = |sum: i32| {
        let mut look = snapshot(&[("1@em0", Master), ("3@em1", Backup)]);
        look.sysctls.demotion = Demotion::new(sum);
        Input::Read { result: Ok(look), log: Vec::new() }
    };
    let request = |id, request| Input::Request { id, by: "anna".to_owned(), request };
    let reason = "update".to_owned();
    let enter = Request::MaintenanceEnter { reason, until: Some(at(600_000).wall), force: false };
    let persisted = |seq| Input::Persisted { seq, result: Ok(()) };
    let written = || Input::DemotionAdded { result: Ok(()) };
    let maintenance = [
        Input::Tick,
        read(0),
        persisted(1),
        request(1, enter),
        persisted(2),
        read(0),
        persisted(3),
        written(),
        read(241),
        persisted(4),
        request(2, Request::MaintenanceLeave),
        persisted(5),
        read(241),
        persisted(6),
        written(),
        read(0),
    ];
    let service = || "gw".parse().unwrap();
    let troubles = [
        Input::Tick,
        Input::Read { result: Err("no".to_owned()), log: Vec::new() },
        read(240),
        Input::Hint { source: EventSource::Devd, changes: vec![("1@em0".parse().unwrap(), Backup)] },
        Input::Acted { service: service(), outcome: crate::core::service::Outcome::Failed("no".to_owned()) },
        Input::Nudge,
        Input::Probed {
            service: service(),
            probe: 0,
            reading: crate::core::probe::Reading::Unhealthy,
            text: "no".to_owned(),
        },
        Input::Persisted { seq: 1, result: Err("full".to_owned()) },
        Input::DemotionAdded { result: Err("not permitted".to_owned()) },
        request(3, Request::LedgerAssume { landed: false }),
        Input::Shutdown,
    ];
    for (name, inputs) in [("maintenance", &maintenance[..]), ("troubles", &troubles[..])] {
        let lines: Vec<Vec<u8>> = inputs.iter().map(|input| serde_json::to_vec(input).unwrap()).collect();
        keep("core", name, &lines.join(&b'\n'));
    }
}

fn files() {
    for file in ["examples/carpd.toml.sample", "tests/config/mistakes.toml", "tests/config/static.toml"] {
        keep_file("carpd_toml", file);
    }
    keep("rc_conf", "handbook", RC_CONF.as_bytes());
    keep_file("config_xml", "tests/config/fw1.xml");
    for name in ["busy-day", "boot-hold", "unhealthy-restart"] {
        keep_file("scenario", &format!("tests/scenarios/{name}.toml"));
    }
    let maintenance = Maintenance {
        reason: "update".to_owned(),
        by: "anna".to_owned(),
        since: at(0).wall,
        until: Some(at(3_600_000).wall),
    };
    let (since, until) = (at(0).wall, at(900_000).wall);
    let taken = Unmanaged { reason: "adoption".to_owned(), by: "anna".to_owned(), since, until };
    let journal = Journal {
        created_in: "1".into(),
        failback: Some(crate::core::hold::FailbackHold::Fault),
        boot: "0123456789abcdef".to_owned(),
        share: Demotion::new(241),
        mark: 1,
        pending: Some(Pending { to: Demotion::new(2), sum_before: Demotion::new(481) }),
        maintenance: Some(maintenance),
        hold_until: Some(at(60_000).mono),
        drain: true,
        unhealthy: ["gw/http".to_owned()].into(),
        unmanaged: [("gw".parse().unwrap(), taken)].into(),
        held: [("gw/http".to_owned(), at(90_000).mono)].into(),
    };
    keep("state_file", "full", &crate::daemon::fuzzing::state_document(&journal));
    keep("state_file", "empty", &crate::daemon::fuzzing::state_document(&Journal::default()));
    let mut lines = Vec::new();
    for entry in entries() {
        serde_json::to_writer(&mut lines, &entry).unwrap();
        lines.push(b'\n');
    }
    keep("history", "lines", &lines);
}

fn entries() -> Vec<Entry> {
    [Topic::Vhid, Topic::Service, Topic::Demotion, Topic::Maintenance, Topic::Daemon]
        .into_iter()
        .zip(1..)
        .map(|(topic, seq)| Entry {
            seq,
            time: at(seq * 1000).wall,
            note: Note {
                level: Level::Warning,
                topic,
                object: "1@em0".to_owned(),
                text: "it \"changed\" ü".to_owned(),
            },
        })
        .collect()
}

fn sockets() {
    let enter = Request::MaintenanceEnter { reason: "update".to_owned(), until: Some(at(0).wall), force: false };
    for (name, ask) in [
        ("status", Ask::Status),
        ("history", Ask::History { limit: 20 }),
        ("follow", Ask::Follow),
        ("may_run", Ask::MayRun { service: "gw".parse().unwrap() }),
        ("config_show", Ask::ConfigShow),
        ("reload", Ask::Reload),
        ("enter", Ask::Change { change: enter }),
        ("leave", Ask::Change { change: Request::MaintenanceLeave }),
        ("assume", Ask::Change { change: Request::LedgerAssume { landed: true } }),
    ] {
        keep_json("control", name, &ask);
    }
    keep_json("answer", "status", &Answer::Status { status: Box::new(core().status(at(20_000))) });
    keep_json("answer", "history", &Answer::History { entries: entries() });
    keep_json("answer", "reply", &Answer::Reply { reply: Reply::Refused { text: "no".to_owned() } });
    keep_json("answer", "may_run", &Answer::MayRun { allowed: true, text: "it may".to_owned() });
    keep_json("lab_ask", "show", &LabAsk::Show);
    keep_json("lab_ask", "partition", &LabAsk::Partition { segment: "lan".to_owned() });
    keep("http", "get", b"GET /metrics HTTP/1.1\r\nHost: fw1:9100\r\nAccept: */*\r\n\r\n");
    keep("http", "head", b"HEAD /metrics HTTP/1.0\r\n\r\n");
    keep(
        "http",
        "post",
        b"POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    keep("http", "other", b"GET http://fw1/?a=%20 HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n");
}

/// A node in which nothing is empty: MASTER of one vhid and not of two, in maintenance, with a sick service and pfsync.
fn core() -> Core {
    let probe = ProbePolicy {
        name: "http".to_owned(),
        source: ProbeSource::Run,
        every: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        rise: 1,
        fall: 1,
        grace: Duration::ZERO,
        effect: ProbeEffect::Demote { amount: ShareAmount::FULL, dwell: Duration::from_secs(5) },
    };
    let gateway = ServicePolicy { probes: vec![probe], ..service("gw", &["1@em0"]) };
    let policy = Policy { opnsense_maintenance: true, ..policy(vec![gateway]) };
    let mut look = snapshot(&[("1@em0", Master), ("3@em1", Backup), ("7@em2", Init)]);
    look.interfaces[2].link = false;
    look.sysctls.demotion = Demotion::new(500);
    look.pfsync = Some(PfsyncSnapshot {
        syncdev: Some("em3".parse().unwrap()),
        syncpeer: Some("10.0.0.2".parse().unwrap()),
        mtu: Some(1500),
        version: 1500,
        in_sync: false,
        ipackets: 1,
        opackets: 2,
    });
    let mut core = Core::new(policy, Loaded::Journal(Journal::default()), at(0));
    core.step(Input::Tick, at(0));
    core.step(Input::Read { result: Ok(look), log: Vec::new() }, at(1));
    let request = Request::MaintenanceEnter { reason: "a".to_owned(), until: None, force: true };
    core.step(Input::Request { id: 1, by: "anna".to_owned(), request }, at(2));
    core.step(Input::EventSource { source: EventSource::Devd, connected: false }, at(3_000));
    core
}
