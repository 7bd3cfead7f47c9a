//! The scenario file as text, with the line of every mistake.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::action::Span;
use crate::core::policy::{Mode, OnExit, Require, ShareAmount};
use crate::core::role::Role;
use crate::core::status::Severity;
use crate::lab::manners::Manners;
use crate::model::{CarpState, InterfaceName, ServiceName, VhidRef};

/// The largest scenario file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// What is wrong with a scenario file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {what}", file.display(), line.map_or_else(String::new, |line| format!(":{line}")))]
pub struct Mistake {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1, where there is one.
    pub line: Option<usize>,
    /// What is wrong, and what would be right.
    pub what: String,
}

/// The text of a file, for telling lines.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn read(path: &Path) -> Result<Self, Mistake> {
        let wrong = |what: String| Mistake { file: path.to_owned(), line: None, what };
        let size = path.metadata().map_err(|error| wrong(format!("cannot be read: {error}")))?.len();
        if size > MAX_BYTES {
            return Err(wrong("is larger than 1 MiB; name a scenario file".to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        Ok(Self { path: path.to_owned(), text })
    }

    /// The line of the byte at `at`.
    pub(crate) fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }

    pub(crate) fn mistake(&self, at: usize, what: impl Into<String>) -> Mistake {
        Mistake { file: self.path.clone(), line: Some(self.line(at)), what: what.into() }
    }

    pub(crate) fn parse(&self) -> Result<File, Mistake> {
        toml::from_str(&self.text).map_err(|error| Mistake {
            file: self.path.clone(),
            line: error.span().map(|span| self.line(span.start)),
            what: error.message().to_owned(),
        })
    }
}

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) title: String,
    /// What it shows.
    #[serde(default)]
    pub(crate) text: String,
    #[serde(default = "first_seed")]
    pub(crate) seed: u64,
    /// How long it runs.
    pub(crate) duration: Span,
    pub(crate) nodes: Spanned<Nodes>,
    #[serde(default)]
    pub(crate) carpd: Carpd,
    #[serde(default)]
    pub(crate) network: Network,
    #[serde(default, rename = "service")]
    pub(crate) services: Vec<Spanned<Service>>,
    #[serde(default, rename = "at")]
    pub(crate) steps: Vec<Spanned<toml::Table>>,
    #[serde(default, rename = "expect")]
    pub(crate) expects: Vec<Spanned<Expect>>,
}

const fn first_seed() -> u64 {
    1
}

/// Where the nodes come from.
#[derive(Debug)]
pub(crate) enum Nodes {
    /// The bundled pair of the OPNsense manual.
    Example,
    /// These.
    Files(Vec<NodeFile>),
}

/// A node's configuration: OPNsense's config.xml, or a carpd.toml that owns its VIPs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeFile {
    pub(crate) name: String,
    /// Relative to the scenario.
    pub(crate) file: PathBuf,
}

impl<'de> Deserialize<'de> for Nodes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Nodes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"example\", or a list like [{ name = \"fw1\", file = \"fw1.xml\" }]")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Nodes, E> {
                match text {
                    "example" => Ok(Nodes::Example),
                    other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut files: A) -> Result<Nodes, A::Error> {
                let mut nodes = Vec::new();
                while let Some(file) = files.next_element()? {
                    nodes.push(file);
                }
                Ok(Nodes::Files(nodes))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// How carpd is configured on all nodes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Carpd {
    pub(crate) boot_hold: Span,
    pub(crate) failback_hold: Span,
    pub(crate) poll: Span,
    /// How long an event travels from the kernel through devd to carpd.
    pub(crate) event_delay: Span,
    /// How long the kernel takes to bring an interface up or down: a tunnel waits for each of its peers.
    pub(crate) link_takes: Span,
    /// How long after the kernel carpd starts at boot. By default at once: its boot hook runs before the interfaces are up.
    pub(crate) starts_after: Span,
}

impl Default for Carpd {
    fn default() -> Self {
        let millis = |millis| Span(std::time::Duration::from_millis(millis));
        Self {
            boot_hold: millis(0),
            failback_hold: millis(0),
            poll: millis(5_000),
            event_delay: millis(1),
            link_takes: millis(0),
            starts_after: millis(0),
        }
    }
}

/// The segments.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Network {
    /// How long a packet travels.
    pub(crate) delay: Option<Span>,
    /// By how much longer at most.
    pub(crate) jitter: Span,
}

/// A service, on every node that has what it follows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    pub(crate) name: ServiceName,
    pub(crate) follows: Vec<VhidRef>,
    #[serde(default)]
    pub(crate) require: Require,
    pub(crate) settle: Option<Span>,
    pub(crate) unknown_grace: Option<Span>,
    pub(crate) min_master: Option<Span>,
    /// Each start has to be fenced.
    #[serde(default)]
    pub(crate) fence: bool,
    pub(crate) start_limit: Option<Span>,
    pub(crate) stop_limit: Option<Span>,
    pub(crate) check_every: Option<Span>,
    #[serde(default)]
    pub(crate) on_exit: OnExit,
    #[serde(default)]
    pub(crate) mode: Mode,
    /// The interface of its link.
    pub(crate) link: Option<InterfaceName>,
    #[serde(default, rename = "probe")]
    pub(crate) probes: Vec<Probe>,
    /// How long its starts and stops really take.
    pub(crate) start_takes: Option<Span>,
    pub(crate) stop_takes: Option<Span>,
    /// How it behaves in all else.
    #[serde(default)]
    pub(crate) manners: Manners,
}

/// A health check.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Probe {
    pub(crate) name: String,
    pub(crate) every: Option<Span>,
    pub(crate) timeout: Option<Span>,
    pub(crate) rise: Option<u32>,
    pub(crate) fall: Option<u32>,
    /// What the node demotes itself by while it is unhealthy.
    pub(crate) demote: Option<ShareAmount>,
    /// For how long at least.
    pub(crate) dwell: Option<Span>,
    /// Instead, the service is restarted.
    #[serde(default)]
    pub(crate) restart: bool,
    /// How long after a start failures do not count.
    pub(crate) grace: Option<Span>,
    /// It asks for `/health`, and these of its answers say nothing: of 200, and 503 for a gateway without its core.
    #[serde(default)]
    pub(crate) ignored: Vec<String>,
}

/// What has to be the case, at a time or all the time in between.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Expect {
    pub(crate) at: Option<Span>,
    pub(crate) from: Option<Span>,
    pub(crate) to: Option<Span>,
    /// What `state`, `masters` and `outage` are about; all vhids without it.
    pub(crate) vhid: Option<VhidRef>,
    /// What `runs_on`, `role`, `overlap`, `starts`, `stops` and `tunnel` are about; all services without it.
    pub(crate) service: Option<ServiceName>,
    /// The kernel's state by node.
    pub(crate) state: BTreeMap<String, State>,
    /// On each of how many nodes each vhid is MASTER.
    pub(crate) masters: Option<usize>,
    /// The nodes that the service runs on, exactly.
    pub(crate) runs_on: Option<Vec<String>>,
    /// What the tunnel of the service is in the kernel, by node.
    pub(crate) tunnel: BTreeMap<String, Tunnel>,
    /// How long it is up on two nodes, at most, in one go.
    pub(crate) tunnel_overlap: Option<Span>,
    /// The role that carpd wants it to have, by node.
    pub(crate) role: BTreeMap<String, Role>,
    /// The kernel's sum, by node.
    pub(crate) demotion: BTreeMap<String, i32>,
    /// carpd's part of it without the write mark, by node.
    pub(crate) share: BTreeMap<String, i32>,
    /// What is left of it without carpd's part, by node.
    pub(crate) foreign: BTreeMap<String, i32>,
    /// carpd's verdict, by node.
    pub(crate) verdict: BTreeMap<String, Severity>,
    /// What is among the problems that carpd shows, by node.
    pub(crate) says: BTreeMap<String, String>,
    /// Whether carpd is in maintenance, by node.
    pub(crate) maintenance: BTreeMap<String, bool>,
    /// How carpd answered the last request, by node.
    pub(crate) answer: BTreeMap<String, Answer>,
    /// How long a client of the VIP finds nobody, at most, in one go.
    pub(crate) outage: Option<Span>,
    /// How long the service runs on two nodes, at most, in one go.
    pub(crate) overlap: Option<Span>,
    /// How often carpd wrote to the kernel, by node.
    pub(crate) writes: BTreeMap<String, usize>,
    /// How often the service was started, by node.
    pub(crate) starts: BTreeMap<String, usize>,
    /// How often it was stopped, by node.
    pub(crate) stops: BTreeMap<String, usize>,
    /// How often a vhid changed its state, by node.
    pub(crate) changes: BTreeMap<String, usize>,
    /// How many changes carpd saw that no event had announced, by node, since it was started.
    pub(crate) missed: BTreeMap<String, u64>,
    /// What carpd logged, by node.
    pub(crate) logs: BTreeMap<String, String>,
}

/// A vhid's state as the kernel has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum State {
    #[serde(rename = "MASTER")]
    Master,
    #[serde(rename = "BACKUP")]
    Backup,
    #[serde(rename = "INIT")]
    Init,
    /// The kernel does not have it.
    #[serde(rename = "absent")]
    Absent,
    /// The node has no power.
    #[serde(rename = "off")]
    Off,
}

impl From<CarpState> for State {
    fn from(state: CarpState) -> Self {
        match state {
            CarpState::Master => Self::Master,
            CarpState::Backup => Self::Backup,
            CarpState::Init => Self::Init,
        }
    }
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Master => "MASTER",
            Self::Backup => "BACKUP",
            Self::Init => "INIT",
            Self::Absent => "absent",
            Self::Off => "off",
        }
    }
}

/// A tunnel as the kernel has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tunnel {
    Up,
    Down,
    /// The kernel does not have it, or the node has no power.
    Absent,
}

impl Tunnel {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Absent => "absent",
        }
    }
}

/// How carpd answered a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    Done,
    Refused,
    Failed,
    /// There is no daemon.
    Nobody,
}

impl Answer {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Nobody => "nobody",
        }
    }
}
