//! `carpctl plan` and `apply` on a lab of two nodes whose carpd.toml owns their vhids.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop where it is wrong")]

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use carpd::core::status::VhidState;
use carpd::lab::dir::LabPaths;
use carpd::lab::server::protocol::{LabView, NodeView};
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long anything in a test may take before it counts as never happening.
const PATIENCE: Duration = Duration::from_secs(60);

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A pair that goes away with its test.
struct Pair {
    root: PathBuf,
}

impl Pair {
    fn up(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("carpd-pl-{}-{name}", std::process::id()));
        let pair = Self { root: root.clone() };
        let mut up = pair.carpctl(&["lab", "up", "--detach"]);
        for (node, skew) in [("fw1", 0), ("fw2", 100)] {
            let file = std::env::temp_dir().join(format!("carpd-pl-{}-{name}-{node}.toml", std::process::id()));
            let text = format!(
                "[vips]\nsource = \"static\"\n[[vips.vhid]]\ninterface = \"em0\"\nvhid = 1\nadvskew = {skew}\n\
                 password_file = \"/nonexistent/key\"\naddresses = [\"192.0.2.1/24\"]\n[pfsync]\nsyncdev = \"em1\"\n"
            );
            fs::write(&file, text).unwrap();
            up.arg("--node").arg(format!("{node}={}", file.display()));
        }
        let output = up.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        wait_for("the election", || pair.states() == [VhidState::Master, VhidState::Backup]);
        pair
    }

    fn carpctl(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carpctl"));
        command.env("CARPD_LAB", &self.root).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn runs(&self, node: &str, args: &[&str], code: i32) -> String {
        let output = self.carpctl(&[&["--node", node], args].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
        text(&output)
    }

    fn view(&self) -> Vec<NodeView> {
        let output = self.carpctl(&["lab", "show", "--json"]).output().unwrap();
        serde_json::from_slice::<LabView>(&output.stdout).unwrap().nodes
    }

    fn states(&self) -> Vec<VhidState> {
        self.view().iter().map(|node| node.vhids[0].state).collect()
    }

    fn addresses(&self) -> Vec<usize> {
        self.view().iter().map(|node| node.vhids[0].addresses.len()).collect()
    }

    fn writes(&self) -> Vec<usize> {
        self.view().iter().map(|node| node.administered).collect()
    }

    fn edit(&self, node: &str, from: &str, to: &str) {
        let path = LabPaths::new(&self.root).node(node).config();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&path, text.replace(from, to)).unwrap();
    }

    fn add_alias(&self, node: &str) {
        self.edit(node, "\"192.0.2.1/24\"", "\"192.0.2.1/24\", \"192.0.2.9/32\"");
    }

    /// What somebody holds who changes the node.
    fn hold_changes(&self, node: &str) -> Flock<fs::File> {
        let path = LabPaths::new(&self.root).node(node).dir().join("state/change.lock");
        fs::write(&path, "4242 `carpctl apply --guided`\n").unwrap();
        Flock::lock(fs::File::open(&path).unwrap(), FlockArg::LockExclusiveNonblock).unwrap()
    }

    /// `apply --guided` with a person at it.
    fn walk(&self, node: &str) -> Walk {
        let log = self.root.with_extension(node);
        let out = fs::File::create(&log).unwrap();
        let mut command = self.carpctl(&["--node", node, "apply", "--guided", "--yes"]);
        let child = command.stdin(Stdio::piped()).stderr(out.try_clone().unwrap()).stdout(out).spawn().unwrap();
        Walk { child, log }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = self.carpctl(&["lab", "down"]).output();
        for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
            let name = self.root.file_name().unwrap().to_string_lossy().into_owned();
            if entry.file_name().to_string_lossy().starts_with(&name) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

struct Walk {
    child: Child,
    log: PathBuf,
}

impl Walk {
    fn said(&self) -> String {
        let mut text = String::new();
        fs::File::open(&self.log).unwrap().read_to_string(&mut text).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn asks(&self, question: &str) {
        wait_for(question, || self.said().ends_with(&format!("{question} [y/abort]")));
    }

    fn answers(&mut self, answer: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{answer}").unwrap();
    }

    fn ends(&mut self, code: i32) -> String {
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(code), "{}", self.said());
        self.said()
    }
}

fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(both).unwrap()
}

const FIRST: &str = "Take this node out of the election now (net.inet.carp.allow=0)?";
const THERE: &str = "Has it ended on the other node, with these addresses?";
const SENT: &str = "Has `carpctl apply --guided` on the other node sent you here?";
const NOW: &str = "Change this node now?";

#[test]
fn an_equal_node_is_planned_nothing_and_applied_nothing() {
    let pair = Pair::up("equal");
    for node in ["fw1", "fw2"] {
        assert!(pair.runs(node, &["plan"], 0).starts_with(&format!("{node}: nothing to do")));
        assert_eq!(pair.runs(node, &["apply"], 0).lines().count(), 1);
        pair.runs(node, &["apply", "--guided", "--yes"], 0);
        pair.runs(node, &["apply", "--force"], 0);
    }
    assert_eq!(pair.writes(), [0, 0]);
    assert_eq!(pair.states(), [VhidState::Master, VhidState::Backup]);

    // What bounces a live vhid is planned, and refused until somebody says how.
    pair.add_alias("fw2");
    let shown = pair.runs("fw2", &["plan"], 2);
    assert!(shown.contains("add 192.0.2.9/32 to vhid 1@em0"), "{shown}");
    assert_eq!(pair.runs("fw2", &["apply", "--dry-run"], 2), shown);
    let refused = pair.runs("fw2", &["apply"], 4);
    assert!(refused.contains("nothing was changed") && refused.contains("--guided"), "{refused}");
    pair.runs("fw2", &["apply", "--guided"], 64);
    assert_eq!(pair.writes(), [0, 0]);

    // What bounces nobody is done: a vhid that is new, and pfsync.
    pair.edit("fw2", "\"192.0.2.1/24\", \"192.0.2.9/32\"", "\"192.0.2.1/24\"");
    let more = "[[vips.vhid]]\ninterface = \"em1\"\nvhid = 7\nadvskew = 100\naddresses = [\"198.51.100.1/24\"]\n";
    pair.edit("fw2", "[pfsync]", &format!("{more}[pfsync]"));
    pair.edit("fw2", "defer = false", "defer = true");
    let held = pair.hold_changes("fw2");
    let refused = pair.runs("fw2", &["apply"], 4);
    assert!(refused.contains("`carpctl apply --guided` (pid 4242) changes the vhids of this node"), "{refused}");
    assert_eq!(pair.writes(), [0, 0]);
    drop(held);
    let done = pair.runs("fw2", &["apply"], 0);
    assert!(
        done.contains("3/3  add 198.51.100.1/24 to vhid 7@em1") && done.contains("is as carpd.toml says"),
        "{done}"
    );
    assert_eq!(pair.writes(), [0, 3]);
    pair.runs("fw2", &["plan"], 0);

    // It leaves the file again, and with it what carpd owns.
    pair.edit("fw2", more, "");
    assert!(pair.runs("fw2", &["plan"], 0).contains("7@em1"));
    pair.runs("fw2", &["plan", "--remove", "7@em1"], 2);
    pair.runs("fw2", &["apply", "--remove", "7@em1"], 0);
    assert_eq!(pair.writes(), [0, 4]);
    assert!(!pair.runs("fw2", &["plan"], 0).contains("7@em1"));
    pair.runs("fw2", &["plan", "--remove", "1@em0"], 1);
}

#[test]
fn two_walks_add_an_alias_on_both_nodes() {
    let pair = Pair::up("walk");
    for node in ["fw1", "fw2"] {
        pair.add_alias(node);
    }
    let mut backup = pair.walk("fw2");
    backup.asks(FIRST);
    backup.answers("y");
    backup.asks(THERE);
    assert_eq!(pair.states(), [VhidState::Master, VhidState::Init]);
    let mut master = pair.walk("fw1");
    master.asks(SENT);
    master.answers("y");
    master.asks(NOW);
    master.answers("y");
    let said = master.ends(0);
    assert!(said.contains("1@em0 with 192.0.2.1/24, 192.0.2.9/32"), "{said}");
    backup.answers("y");
    let said = backup.ends(0);
    assert!(said.contains("accepts the adverts of the other node"), "{said}");
    assert_eq!((pair.states(), pair.addresses()), (vec![VhidState::Master, VhidState::Backup], vec![2, 2]));
    assert!(pair.view().iter().all(|node| node.badauth == 0), "no advert was refused at any time");
}

#[test]
fn a_walk_that_is_interrupted_puts_the_node_back_as_it_was() {
    let pair = Pair::up("abort");
    pair.add_alias("fw2");
    let mut interrupted = pair.walk("fw2");
    interrupted.asks(FIRST);
    interrupted.answers("y");
    interrupted.asks(THERE);
    assert_eq!((pair.states()[1], pair.addresses()), (VhidState::Init, vec![1, 2]));
    kill(Pid::from_raw(interrupted.child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let said = interrupted.ends(1);
    assert!(said.contains("its old addresses and settings again"), "{said}");
    assert_eq!((pair.states(), pair.addresses()), (vec![VhidState::Master, VhidState::Backup], vec![1, 1]));

    // An end of the input is no different.
    let mut ended = pair.walk("fw2");
    ended.asks(FIRST);
    ended.answers("y");
    drop(ended.child.stdin.take());
    assert!(ended.ends(1).contains("accepts the other node's adverts"));
    assert_eq!((pair.states(), pair.addresses()), (vec![VhidState::Master, VhidState::Backup], vec![1, 1]));
    assert!(pair.view().iter().all(|node| node.allow && node.badauth == 0));
}

#[test]
fn opnsense_and_the_kernel_keep_their_own_vips() {
    let dir = tempfile::tempdir().unwrap();
    let run = |vips: &str| {
        let path: &Path = &dir.path().join("carpd.toml");
        let text = format!("[node]\nkernel = \"lab:/nonexistent\"\n[control]\ngroup = \"root\"\n[vips]\n{vips}\n");
        fs::write(path, text).unwrap();
        let run = |args: &[&str]| {
            let output =
                Command::new(env!("CARGO_BIN_EXE_carpctl")).arg("--config").arg(path).args(args).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            text_of_line(&output)
        };
        assert_eq!(run(&["plan"]), run(&["apply"]));
        run(&["plan"])
    };
    assert!(run("source = \"kernel\"").contains("rc.conf(5) does"));
    let xml = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/fw1.xml");
    assert!(
        run(&format!("source = \"opnsense\"\nconfig_xml = \"{}\"", xml.display())).contains("change them in its GUI")
    );
}

fn text_of_line(output: &Output) -> String {
    text(output).split_whitespace().collect::<Vec<_>>().join(" ")
}
