//! What an action that hangs costs: `cargo bench --bench hung_action` runs the real daemon beside programs that do not end.
//!
//! A status is asked for while a start hangs, and the same without one for comparison. Then a stop hangs and ignores SIGTERM, with
//! all that it has started and the service itself: the time from the lost MASTER until the last of them is gone, beyond the limit of
//! the stop.
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

use std::time::{Duration, Instant};

use carpd::core::service::ActionKind;
use carpd::model::CarpState::{self, Backup, Master};
use support::{Node, vhids, wait_for};

const ASKED: usize = 500;
const STOPS: usize = 10;
const STOP_LIMIT: Duration = Duration::from_secs(1);

fn node(run: &str) -> Node {
    let mut node = Node::new(&vhids(1, Backup));
    let d = node.directory.path().display().to_string();
    node.add_service("gw", "1@vtnet0", "settle = \"0s\"\nstart_limit = \"10m\"\nstop_limit = \"1s\"");
    node.add(&format!("[service.process]\nprogram = \"{d}/gateway\"\n"));
    std::fs::copy("/bin/sleep", node.path("gateway")).unwrap();
    node.write_program("run", &format!("#!/bin/sh\nd={d}\ntrap '' TERM\ncase $2 in\n{run}\nesac\n"));
    node.write_configuration("");
    node.start();
    node
}

fn become_(node: &Node, state: CarpState) {
    node.kernel.set("1@vtnet0", state);
    node.devd.carp("1@vtnet0", state);
}

/// The processes of this node's service and of its programs.
fn left(node: &Node) -> usize {
    let d = node.directory.path().display().to_string();
    let of_it = |pid: i32| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.contains(&format!("{d}/run")) || line.contains(&format!("{d}/gateway"))
    };
    carpd::kernel::processes().unwrap().iter().filter(|process| of_it(process.pid)).count()
}

fn ask(node: &Node) -> Vec<f64> {
    let took = (0..ASKED).map(|_| {
        let began = Instant::now();
        node.status();
        began.elapsed().as_secs_f64() * 1000.0
    });
    took.collect()
}

fn row(name: &str, mut values: Vec<f64>) {
    values.sort_by(f64::total_cmp);
    let at = |part: f64| values[((values.len() - 1) as f64 * part).round() as usize];
    println!("{name:<44} {:>9.3} {:>9.3} {:>9.3} {:>9.3} ms", at(0.0), at(0.5), at(0.99), at(1.0));
}

fn main() {
    println!("{:<44} {:>9} {:>9} {:>9} {:>9}", "", "min", "median", "p99", "max");
    let hanging = node("start) while :; do sleep 1; done;;\nstop) ;;");
    row("status, nothing under way", ask(&hanging));
    become_(&hanging, Master);
    wait_for("the start hangs", || (hanging.status().services[0].busy == Some(ActionKind::Start)).then_some(()));
    row("status, a start hangs", ask(&hanging));
    // Else the start would outlive its daemon.
    become_(&hanging, Backup);
    wait_for("it is gone", || (left(&hanging) == 0).then_some(()));

    let stubborn =
        node("start) $d/gateway 300 & ;;\nstop) (while :; do sleep 0.05; done) & while :; do sleep 0.05; done;;");
    let beyond = (0..STOPS).map(|_| {
        become_(&stubborn, Master);
        wait_for("it runs", || stubborn.status().services[0].as_wanted().then_some(()));
        become_(&stubborn, Backup);
        let began = Instant::now();
        wait_for("the stop hangs", || (left(&stubborn) > 1).then_some(()));
        wait_for("all are gone", || (left(&stubborn) == 0).then_some(()));
        let took = began.elapsed().saturating_sub(STOP_LIMIT).as_secs_f64() * 1000.0;
        wait_for("it is told", || stubborn.status().services[0].as_wanted().then_some(()));
        took
    });
    row("a hung stop, gone after its limit of 1 s", beyond.collect());
}
