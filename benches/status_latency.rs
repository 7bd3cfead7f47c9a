//! How long `carpctl status` takes from its start to its exit, with 16 vhids: `cargo bench --bench status_latency`.
//!
//! The daemon is a socket that gives the same answer at once, so the figures are carpctl's own, with what the system needs
//! to start a process.
#![allow(clippy::unwrap_used, reason = "a measurement that cannot be made should stop")]

#[path = "../tests/ctl_support/daemon.rs"]
mod daemon;
#[path = "../tests/ctl_support/samples.rs"]
mod samples;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use carpd::control::Answer;
use carpd::core::status::VhidState;
use daemon::Node;

const RUNS: usize = 300;

fn main() {
    let mut status = samples::healthy();
    status.vhids = (1..=16)
        .map(|number| samples::vhid(number, "em0", VhidState::Master, &["192.0.2.1/24", "2001:db8::1/64"]))
        .collect();
    let node = Node::new("").answers(Answer::Status { status: Box::new(status) });
    println!("{:28} {:>9} {:>9} {:>9}   of {RUNS}", "start to exit", "min", "median", "p99");
    report("true(1), for comparison", || Command::new("true"));
    report("carpctl --version", || node.command(&["--version"]));
    report("carpctl status", || node.command(&["status"]));
    report("carpctl status --json", || node.command(&["status", "--json"]));
    report("carpctl is-master 1@em0", || node.command(&["is-master", "1@em0"]));
}

fn report(name: &str, command: impl Fn() -> Command) {
    let mut times: Vec<Duration> = (0..RUNS).map(|_| time(command())).collect();
    times.sort_unstable();
    let at = |part: usize| format!("{:.2} ms", times[(RUNS - 1) * part / 100].as_secs_f64() * 1000.0);
    println!("{name:28} {:>9} {:>9} {:>9}", at(0), at(50), at(99));
}

fn time(mut command: Command) -> Duration {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    assert!(command.status().unwrap().success());
    began.elapsed()
}
