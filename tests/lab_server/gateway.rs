//! The stand-in for a gateway has the manners that it is given, as a process among others.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Child;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::{TestLab, carpctl, runs, wait_for};

/// A lab whose carpds are stopped, so that nobody else starts or stops the gateway of fw2, which has these manners.
fn lab(manners: &[&str]) -> TestLab {
    let lab = TestLab::up();
    lab.does(&["daemon", "stop", "fw1"]);
    lab.does(&["daemon", "stop", "fw2"]);
    lab.does(&[&["manners", "fw2"], manners].concat());
    lab
}

impl TestLab {
    fn service(&self) -> PathBuf {
        self.paths.node("fw2").service(&"gateway".parse().unwrap()).dir().to_owned()
    }

    fn gateway(&self, verb: &str) -> Option<i32> {
        let status =
            carpctl(self.paths.root()).args(["lab", "gateway", verb]).arg(self.service()).spawn().unwrap().wait();
        status.unwrap().code()
    }

    /// Starts one that dies, and returns when it has: what it inherited is closed then.
    fn starts_in_vain(&self) {
        let start = self.spawn("start").wait_with_output().unwrap();
        assert!(start.status.success(), "{start:?}");
        assert_eq!(self.gateway("status"), Some(1));
        wait_for("the lab to see its end", || self.pid().is_none().then_some(()));
    }

    fn spawn(&self, verb: &str) -> Child {
        carpctl(self.paths.root()).args(["lab", "gateway", verb]).arg(self.service()).spawn().unwrap()
    }

    fn pid(&self) -> Option<u32> {
        self.view().nodes[1].services[0].pid
    }

    fn tunnel(&self) -> Option<bool> {
        self.view().nodes[1].tunnels.first().map(|tunnel| tunnel.up)
    }

    fn becomes(&self, tunnel: Option<bool>) {
        wait_for(&format!("a tunnel that is {tunnel:?}"), || (self.tunnel() == tunnel).then_some(()));
    }

    fn runs(&self) -> u32 {
        wait_for("a gateway", || self.pid())
    }
}

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.try_into().unwrap()), signal).unwrap();
    wait_for("its end", || (!runs(pid)).then_some(()));
}

#[test]
fn a_start_succeeds_whatever_becomes_of_the_process() {
    let lab = lab(&["start=lies"]);
    lab.starts_in_vain();
    lab.does(&["manners", "fw2", "start=background", "dies_after=10ms"]);
    lab.starts_in_vain();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    lab.does(&["manners", "fw2", "dies_after=", &format!("health={}", taken.local_addr().unwrap())]);
    lab.starts_in_vain();
}

#[test]
fn a_start_in_the_background_keeps_the_descriptors_that_it_inherited() {
    let lab = lab(&["start=background"]);
    let mut start = lab.spawn("start");
    let mut output = start.stdout.take().unwrap();
    assert!(start.wait().unwrap().success());
    let pid = lab.runs();
    let reader = std::thread::spawn(move || output.read_to_end(&mut Vec::new()).map(|_| Instant::now()));
    assert_eq!(lab.gateway("start"), Some(1), "it runs already");
    let killed = Instant::now();
    signal(pid, Signal::SIGKILL);
    assert!(reader.join().unwrap().unwrap() > killed, "the end of the output comes with the end of the process");
}

#[test]
fn without_a_pid_file_it_is_found_by_its_name() {
    let lab = lab(&["start=background", "no_pidfile=true"]);
    assert_eq!(lab.gateway("start"), Some(0));
    let pid = lab.runs();
    assert!(!lab.service().join("pid").exists());
    assert_eq!(lab.gateway("status"), Some(0));
    assert_eq!(lab.gateway("stop"), Some(0));
    assert!(!runs(pid) && lab.gateway("status") == Some(1));
}

#[test]
fn a_stop_that_is_ignored_hangs_until_somebody_kills_the_process() {
    let lab = lab(&["start=background", "ignores_term=true"]);
    assert_eq!(lab.gateway("start"), Some(0));
    let pid = lab.runs();
    let mut stop = lab.spawn("stop");
    signal_reaches(pid);
    assert!(stop.try_wait().unwrap().is_none() && runs(pid));
    lab.does(&["kill-service", "fw2"]);
    assert!(stop.wait().unwrap().success() && !runs(pid));
}

/// Waits until SIGTERM is pending, which a process that blocks it never takes.
#[cfg(target_os = "linux")]
fn signal_reaches(pid: u32) {
    wait_for("SIGTERM", || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:")).unwrap();
        let pending = u64::from_str_radix(pending.trim(), 16).unwrap();
        (pending & 1 << (Signal::SIGTERM as u64 - 1) != 0).then_some(())
    });
}

#[cfg(not(target_os = "linux"))]
fn signal_reaches(_pid: u32) {
    std::thread::sleep(std::time::Duration::from_millis(500));
}

#[test]
fn the_tunnel_survives_the_process_and_whoever_asks_can_raise_it_or_take_it_down() {
    let lab = lab(&["start=background", "tunnel=wg20"]);
    assert_eq!(lab.gateway("start"), Some(0));
    lab.becomes(Some(true));
    assert_eq!(lab.gateway("stop"), Some(0));
    assert_eq!(lab.tunnel(), Some(true), "SIGTERM");
    assert_eq!(lab.gateway("start"), Some(0));
    signal(lab.runs(), Signal::SIGKILL);
    assert_eq!(lab.tunnel(), Some(true), "SIGKILL");
    lab.does(&["interface", "down", "fw2", "wg20"]);
    assert_eq!(lab.gateway("start"), Some(0));
    lab.runs();
    lab.does(&["core", "push", "fw2"]);
    assert_eq!(lab.tunnel(), Some(false), "what is there stays as it is");
    lab.does(&["interface", "destroy", "fw2", "wg20"]);
    lab.does(&["core", "push", "fw2"]);
    lab.becomes(Some(true));
    lab.does(&["crash", "fw2"]);
    lab.does(&["reboot", "fw2"]);
    assert_eq!(lab.tunnel(), None);
    assert!(lab.refuses(&["interface", "up", "fw2", "wg20"]).contains("no interface wg20"));
}

#[test]
fn one_that_raises_its_tunnel_does_so_whenever_its_core_is_back() {
    let lab = lab(&["start=background", "tunnel=wg20", "raises=true"]);
    assert_eq!(lab.gateway("start"), Some(0));
    lab.becomes(Some(true));
    lab.does(&["interface", "down", "fw2", "wg20"]);
    lab.does(&["core", "push", "fw2"]);
    lab.becomes(Some(true));
    lab.does(&["interface", "down", "fw2", "wg20"]);
    lab.does(&["core", "lost", "fw2"]);
    assert_eq!(lab.tunnel(), Some(false));
    lab.does(&["core", "back", "fw2"]);
    lab.becomes(Some(true));
}

#[test]
fn health_is_200_with_the_core_and_503_without_and_the_tunnel_fails_closed() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let health = format!("health={address}");
    let lab = lab(&["start=background", "tunnel=wg20", "core_grace=100ms", &health]);
    lab.does(&["core", "lost", "fw2"]);
    assert!(lab.refuses(&["core", "push", "fw2"]).contains("core back"));
    assert_eq!(lab.gateway("start"), Some(0));
    lab.runs();
    wait_for("an answer", || (asked(address, "/health")? == "503").then_some(()));
    assert_eq!(lab.tunnel(), None, "no core, no tunnel");
    lab.does(&["core", "back", "fw2"]);
    wait_for("a core", || (asked(address, "/health")? == "200").then_some(()));
    lab.becomes(Some(true));
    assert_eq!(asked(address, "/").as_deref(), Some("404"));
    lab.does(&["core", "lost", "fw2"]);
    wait_for("the loss", || (asked(address, "/health")? == "503").then_some(()));
    lab.becomes(None);
    lab.does(&["core", "back", "fw2"]);
    lab.becomes(Some(true));
}

/// The status code of an answer over HTTP.
fn asked(address: SocketAddr, path: &str) -> Option<String> {
    use std::io::Write;
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1).map(str::to_owned)
}

#[test]
fn manners_are_told_and_wrong_ones_are_refused() {
    let lab = lab(&["start=background", "up_after=3s"]);
    let shown = String::from_utf8(lab.order(&["manners", "fw2"]).stdout).unwrap();
    assert!(shown.contains("start = \"background\"") && shown.contains("up_after = \"3s\""), "{shown}");
    assert!(lab.refuses(&["manners", "fw2", "speed=1"]).contains("unknown field `speed`"));
    assert!(lab.refuses(&["manners", "fw2", "--service", "db"]).contains("it has gateway"));
    assert!(lab.refuses(&["core", "lost", "fw2", "db"]).contains("it has gateway"));
}

#[test]
fn a_carpd_is_held_up_by_none_of_it() {
    let lab = TestLab::up();
    // A start that has not been seen to work may take its whole limit, so it is not killed before.
    let active =
        || carpctl(lab.paths.root()).args(["--node", "fw1", "wait", "gateway", "--role", "active"]).output().unwrap();
    assert!(active().status.success());
    let before = lab.view().nodes[0].services[0].pid.unwrap();
    lab.does(&["manners", "fw1", "start=background", "no_pidfile=true", "tunnel=wg20"]);
    lab.does(&["kill-service", "fw1"]);
    let after = wait_for("another one", || lab.view().nodes[0].services[0].pid.filter(|pid| *pid != before));
    assert!(active().status.success() && runs(after));
}

/// Two nodes whose gateway has its tunnel for a link.
fn linked(mode: &str) -> (tempfile::TempDir, TestLab) {
    let files = tempfile::tempdir().unwrap();
    let options = [("fw1", 0), ("fw2", 100)].map(|(node, skew)| {
        let file = files.path().join(format!("{node}.toml"));
        let text = format!(
            "[vips]\nsource = \"static\"\n[[vips.vhid]]\ninterface = \"em0\"\nvhid = 7\nadvskew = {skew}\n\
             addresses = [\"192.0.2.1/24\"]\n[[service]]\nname = \"gateway\"\nfollows = [\"7@em0\"]\nmode = \"{mode}\"\n\
             check_every = \"1s\"\n[service.link]\ninterface = \"wg20\"\n[service.rc]\nscript = \"defguard_gateway\"\n"
        );
        std::fs::write(&file, text).unwrap();
        format!("--node={node}={}", file.display())
    });
    (files, TestLab::up_with(&options))
}

#[test]
fn a_tunnel_that_somebody_raises_on_the_backup_is_taken_down_and_it_is_raised_on_the_new_master() {
    let (_files, lab) = linked("warm");
    let tunnel = |node: usize| lab.view().nodes[node].tunnels.first().map(|tunnel| tunnel.up);
    let pid = |node: usize| lab.view().nodes[node].services[0].pid;
    wait_for("a tunnel on fw1", || (tunnel(0) == Some(true)).then_some(()));
    lab.becomes(Some(false));
    let warm = wait_for("a gateway on fw2", || pid(1));
    lab.does(&["interface", "up", "fw2", "wg20"]);
    lab.becomes(Some(false));
    lab.does(&["manners", "fw2", "raises=true", "start=background"]);
    lab.does(&["kill-service", "fw2"]);
    let another = wait_for("another one", || pid(1).filter(|pid| *pid != warm));
    lab.becomes(Some(false));
    lab.does(&["crash", "fw1"]);
    lab.becomes(Some(true));
    assert_eq!(lab.pid(), Some(another), "nothing was started for it");
}
