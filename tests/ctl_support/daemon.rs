//! A control socket, and a lab kernel's socket, that say what a test wants them to say.
#![allow(dead_code, clippy::unwrap_used, reason = "every test file uses some of them")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use carpd::control::{Answer, Ask};
use carpd::kernel::lab::{KernelAnswer, KernelAsk};
use carpd::model::Snapshot;

/// What the fake daemon does with a connection.
pub(crate) enum Act {
    /// Answers, one after another, and closes.
    Say(Vec<Answer>),
    /// Writes these bytes and closes.
    Raw(Vec<u8>),
    /// Never answers.
    Hang,
}

impl From<Answer> for Act {
    fn from(answer: Answer) -> Self {
        Self::Say(vec![answer])
    }
}

/// A node of which only the sockets are real.
pub(crate) struct Node {
    dir: tempfile::TempDir,
}

impl Node {
    /// A node without a daemon, whose kernel is nowhere. Its carpd.toml ends with `more`.
    pub(crate) fn new(more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let node = Self { dir };
        // No group of this machine matters here, but one has to exist.
        let text = format!(
            "[node]\nname = \"fw1\"\nkernel = \"lab:{}\"\n[control]\nsocket = \"{}\"\ngroup = \"root\"\n{more}",
            node.path("kernel").display(),
            node.path("socket").display(),
        );
        std::fs::write(node.path("carpd.toml"), text).unwrap();
        node
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts the fake daemon. `act` is given the number of the connection, counted from 0, and what was asked.
    #[must_use]
    pub(crate) fn daemon(self, act: impl Fn(usize, Ask) -> Act + Send + 'static) -> Self {
        let listener = UnixListener::bind(self.path("socket")).unwrap();
        std::thread::spawn(move || {
            let mut hanging = Vec::new();
            for (at, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let mut line = String::new();
                if BufReader::new(&stream).read_line(&mut line).is_err() {
                    continue;
                }
                // A test that goes wrong must not hang here, so failures to write are the client's to notice.
                let Ok(ask) = serde_json::from_str(&line) else { continue };
                match act(at, ask) {
                    Act::Say(answers) => answers.iter().for_each(|answer| write_line(&mut stream, answer)),
                    Act::Raw(bytes) => drop(stream.write_all(&bytes)),
                    Act::Hang => hanging.push(stream),
                }
            }
        });
        self
    }

    /// A daemon that gives this answer to whatever it is asked.
    #[must_use]
    pub(crate) fn answers(self, answer: Answer) -> Self {
        self.daemon(move |_, _| answer.clone().into())
    }

    /// Starts the lab's side of this node's kernel.
    #[must_use]
    pub(crate) fn kernel(self, snapshot: Snapshot) -> Self {
        let listener = UnixListener::bind(self.path("kernel")).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut line = String::new();
                let _ = BufReader::new(&stream).read_line(&mut line);
                let ask = serde_json::from_str(&line).unwrap();
                assert!(matches!(ask, KernelAsk::Snapshot { .. }), "{ask:?}");
                write_line(&mut stream, &KernelAnswer::Snapshot { snapshot: Box::new(snapshot.clone()) });
            }
        });
        self
    }

    /// A command line of carpctl for this node.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = carpctl(&self.path("carpd.toml"));
        command.args(args);
        command
    }

    /// Runs a command line of carpctl for this node.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }
}

fn write_line(stream: &mut UnixStream, value: &impl serde::Serialize) {
    let mut line = serde_json::to_vec(value).unwrap();
    line.push(b'\n');
    let _ = stream.write_all(&line);
}

/// carpctl with a clean environment and this carpd.toml.
pub(crate) fn carpctl(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carpctl"));
    command.env_clear().env("TZ", "UTC").arg("--config").arg(config);
    command
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ran {
    /// Holds the command to an exit code, and hands itself on.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}
