//! A lab of its own for each test.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use carpd::lab::dir::LabPaths;
use carpd::lab::server::protocol::LabView;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long anything in a test may take before it counts as never happening.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn wait_for<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A lab of its own for each test; it goes away with it.
pub(crate) struct TestLab {
    pub(crate) paths: LabPaths,
    pub(crate) process: Child,
}

pub(crate) fn root() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("carpd-lt-{}-{number}", std::process::id()))
}

pub(crate) fn carpctl(root: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carpctl"));
    command.env("CARPD_LAB", root).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl TestLab {
    pub(crate) fn up() -> Self {
        Self::up_with(&[])
    }

    /// With these options more.
    pub(crate) fn up_with(options: &[String]) -> Self {
        let root = root();
        let mut process = carpctl(&root).args(["lab", "up"]).args(options).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        assert!(first.contains("is up"), "{first:?}");
        std::thread::spawn(move || lines.lines().count());
        Self { paths: LabPaths::new(root), process }
    }

    pub(crate) fn order(&self, words: &[&str]) -> Output {
        carpctl(self.paths.root()).arg("lab").args(words).output().unwrap()
    }

    pub(crate) fn does(&self, words: &[&str]) {
        let output = self.order(words);
        assert!(output.status.success(), "{words:?}: {output:?}");
    }

    pub(crate) fn refuses(&self, words: &[&str]) -> String {
        let output = self.order(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    pub(crate) fn view(&self) -> LabView {
        let output = self.order(&["show", "--json"]);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Every process of the lab but its own.
    pub(crate) fn children(&self) -> Vec<u32> {
        let nodes = self.view().nodes;
        nodes
            .iter()
            .flat_map(|node| node.daemon.into_iter().chain(node.services.iter().filter_map(|s| s.pid)))
            .collect()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id().try_into().unwrap()), signal).unwrap();
    }
}

impl Drop for TestLab {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(self.paths.root());
    }
}

/// Whether a process runs. One that has ended and that nobody has asked about yet does not.
pub(crate) fn runs(pid: u32) -> bool {
    let ended = fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')));
    !ended && kill(Pid::from_raw(pid.try_into().unwrap()), None).is_ok()
}
