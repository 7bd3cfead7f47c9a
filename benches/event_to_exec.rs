//! How long carpd takes from devd's record to the running program of a service, and what it costs to have it.
//!
//! `cargo bench --bench event_to_exec` runs the real daemon between a kernel and a devd of its own. The program that is started is this
//! very binary; it writes the time at which it began to run.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "this is a measurement"
)]

#[path = "../tests/daemon/support.rs"]
mod support;

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use carpd::core::status::ServiceStatus;
use carpd::model::CarpState::{self, Backup, Master};
use nix::time::{ClockId, clock_gettime};

use support::{Node, vhids, wait_for};

const RUNS: usize = 250;
const FLIPS: usize = 20;
const MANY: u32 = 255;
const IDLE: Duration = Duration::from_secs(20);

fn micros() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
    u64::try_from(time.tv_sec() * 1_000_000 + time.tv_nsec() / 1000).unwrap()
}

/// What this binary does as a service's program.
fn act(service: &str, action: &str) -> ! {
    let now = micros();
    let up = format!("{service}.up");
    let code = match action {
        "start" => {
            fs::File::create(&up).unwrap().write_all(now.to_string().as_bytes()).unwrap();
            0
        }
        "stop" => i32::from(fs::remove_file(&up).is_err()),
        _ => i32::from(!Path::new(&up).exists()),
    };
    std::process::exit(code)
}

fn node(count: u32, services: u32, more: &str) -> Node {
    let mut node = Node::new(&vhids(count, Backup));
    for n in 1..=services {
        node.add_service(&format!("s{n}"), &format!("{n}@vtnet0"), more);
    }
    std::os::unix::fs::symlink(std::env::current_exe().unwrap(), node.path("run")).unwrap();
    node.write_configuration("");
    node.start();
    settle(&node);
    node
}

fn settle(node: &Node) {
    wait_for("all is as wanted", || node.status().services.iter().all(ServiceStatus::as_wanted).then_some(()));
}

/// Flips `count` vhids and returns when the last of the `services` programs ran, in microseconds after the first record.
fn flip(node: &Node, count: u32, services: u32, state: CarpState) -> u64 {
    for n in 1..=count {
        node.kernel.set(&format!("{n}@vtnet0"), state);
    }
    let began = micros();
    for n in 1..=count {
        node.devd.carp(&format!("{n}@vtnet0"), state);
    }
    wait_for("it is seen", || (node.status().vhids[0].state == state.into()).then_some(()));
    settle(node);
    if state == Backup {
        return 0;
    }
    let ran = (1..=services).map(|n| ran_at(&node.path(format!("s{n}.up"))));
    ran.max().unwrap() - began
}

fn row(name: &str, mut values: Vec<f64>, unit: &str) {
    values.sort_by(f64::total_cmp);
    let at = |part: f64| values[((values.len() - 1) as f64 * part).round() as usize];
    println!("{name:<44} {:>9.3} {:>9.3} {:>9.3} {:>9.3} {unit}", at(0.0), at(0.5), at(0.99), at(1.0));
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

fn proc_field(path: &Path, field: &str) -> f64 {
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn process(node: &Node) -> std::path::PathBuf {
    format!("/proc/{}", node.daemon.as_ref().unwrap().id()).into()
}

fn rss(node: &Node) -> f64 {
    proc_field(&process(node).join("status"), "VmRSS:") / 1024.0
}

fn peak(node: &Node) -> f64 {
    proc_field(&process(node).join("status"), "VmHWM:") / 1024.0
}

/// Context switches of all threads: (voluntary, involuntary).
fn switches(node: &Node) -> (f64, f64) {
    let tasks = fs::read_dir(process(node).join("task")).unwrap().map(|task| task.unwrap().path().join("status"));
    tasks.fold((0.0, 0.0), |(v, i), task| {
        (v + proc_field(&task, "voluntary_ctxt_switches:"), i + proc_field(&task, "nonvoluntary_ctxt_switches:"))
    })
}

fn single_event() {
    let node = node(MANY, 1, "settle = \"0s\"\ncheck_every = \"60s\"");
    let mut took = Vec::new();
    for _ in 0..RUNS {
        took.push(millis(flip(&node, 1, 1, Master)));
        flip(&node, 1, 1, Backup);
    }
    row("devd record to exec, 1 service, 255 vhids", took, "ms");
}

/// What the machine itself needs for as many programs, one after the other: no daemon can be faster than about this.
fn baseline() {
    let directory = tempfile::tempdir().unwrap();
    let me = std::env::current_exe().unwrap();
    let mut took = Vec::new();
    for _ in 0..FLIPS {
        let began = micros();
        let spawn = |n: u32| {
            let mut command = Command::new(&me);
            command.args([directory.path().join(format!("b{n}")).to_str().unwrap(), "start"]).env_clear();
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
            command.spawn().unwrap()
        };
        let children: Vec<_> = (1..=MANY).map(spawn).collect();
        children.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
        let ran = (1..=MANY).map(|n| ran_at(&directory.path().join(format!("b{n}.up"))));
        took.push(millis(ran.max().unwrap() - began));
    }
    row("the last of 255 bare spawns, no daemon", took, "ms");
}

fn ran_at(path: &Path) -> u64 {
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// All vhids flip at once, and so many services follow one of them each.
fn many_events(services: u32) {
    let node = node(MANY, services, "settle = \"0s\"\ncheck_every = \"60s\"");
    let before = rss(&node);
    let mut took = Vec::new();
    for _ in 0..FLIPS {
        took.push(millis(flip(&node, MANY, services, Master)));
        flip(&node, MANY, services, Backup);
    }
    row(&format!("255 records to the last of {services} execs"), took, "ms");
    row(&format!("resident before, {services} services"), vec![before], "MiB");
    row(&format!("resident after, {services} services"), vec![rss(&node)], "MiB");
    row(&format!("peak, {services} services"), vec![peak(&node)], "MiB");
}

/// A large look at the kernel comes in several pieces over the lab's socket, and each is waited for. The kernel itself answers at once, so
/// the row with one vhid is nearer to what a real node sees.
fn idle(count: u32, services: u32) {
    let node = node(count, services, "");
    // The looks that follow the connection to devd, and the threads that wrote the first state, are over.
    std::thread::sleep(Duration::from_secs(12));
    let (began, before, looks) = (Instant::now(), switches(&node), node.kernel.lock().looks);
    std::thread::sleep(IDLE);
    let (after, seconds) = (switches(&node), began.elapsed().as_secs_f64());
    let looks = node.kernel.lock().looks - looks;
    let name = format!("idle, {count} vhids, {services} services:");
    row(&format!("{name} voluntary"), vec![(after.0 - before.0) / seconds], "/s");
    row(&format!("{name} involuntary"), vec![(after.1 - before.1) / seconds], "/s");
    row(&format!("{name} looks"), vec![looks as f64 / seconds], "/s");
    row(&format!("{name} resident"), vec![rss(&node)], "MiB");
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, service, action] = args.as_slice()
        && service.starts_with('/')
    {
        act(service, action);
    }
    println!("{:<44} {:>9} {:>9} {:>9} {:>9}", "", "min", "median", "p99", "max");
    single_event();
    baseline();
    many_events(1);
    many_events(16);
    many_events(MANY);
    idle(1, 0);
    idle(MANY, 0);
    idle(MANY, 1);
}
