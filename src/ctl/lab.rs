//! `carpctl lab`: a pair of nodes on any machine.

mod exec;
mod order;
mod show;
mod table;
mod up;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use ipnet::IpNet;

use super::exit::{self, Ended, Failure};
use super::lab_run::{self, LabRun};
use super::out::Out;
use crate::lab::dir::{LabPaths, ServicePaths, default_root};
use crate::lab::gateway;
use crate::lab::server::protocol::{Cable, CoreChange, LabAsk, Link, Process, Run, Variable};
use crate::lab::server::setup::{InputFile, NodeInput, example};
use crate::model::{Demotion, ServiceName};

/// Run a pair of nodes with real carpds on this machine, let things happen to it, and measure what carpd promises.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Lab {
    #[command(flatten)]
    story: Story,
    #[command(subcommand)]
    command: Option<LabCommand>,
}

/// What `carpctl lab` without a further command takes.
#[derive(Debug, Args)]
struct Story {
    #[command(flatten)]
    place: Place,
    /// Print the result as JSON, and nothing else.
    #[arg(long)]
    json: bool,
    /// Where the report goes, a web page in one file.
    #[arg(long, value_name = "FILE", default_value = "carpd-lab-report.html")]
    report: PathBuf,
}

/// Which lab.
#[derive(Debug, Args)]
struct Place {
    /// The lab's directory [default: $CARPD_LAB, or carpd-lab-UID in $XDG_RUNTIME_DIR or /tmp].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Place {
    fn root(&self) -> PathBuf {
        self.dir.clone().unwrap_or_else(default_root)
    }
}

#[derive(Debug, Subcommand)]
enum LabCommand {
    /// Start a lab and keep it running, for `carpctl --node fw1 status` and all else from another terminal.
    Up {
        #[command(flatten)]
        place: Place,
        /// Return as soon as it runs.
        #[arg(long, short = 'd')]
        detach: bool,
    },
    Run(LabRun),
    /// End the lab with all its processes.
    Down {
        #[command(flatten)]
        place: Place,
    },
    /// Show all nodes and cables as they are, which no node could know.
    Show {
        #[command(flatten)]
        place: Place,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Pull or plug a cable, or cut or mend it behind the switch, where the link stays up.
    Cable {
        #[command(flatten)]
        place: Place,
        /// What to do.
        change: Cable,
        /// The node.
        node: String,
        /// The interface, as the kernel or as people call it: vtnet1, lan.
        interface: String,
    },
    /// Let no node hear another one on a segment; links stay up.
    Partition {
        #[command(flatten)]
        place: Place,
        /// The segment, by the name of an interface on it: lan.
        segment: String,
    },
    /// End a partition.
    Heal {
        #[command(flatten)]
        place: Place,
        /// The segment.
        segment: String,
    },
    /// Take a node's power away.
    Crash {
        #[command(flatten)]
        place: Place,
        /// The node.
        node: String,
    },
    /// Shut a node down, if it runs, and boot it.
    Reboot {
        #[command(flatten)]
        place: Place,
        /// The node.
        node: String,
    },
    /// Stop, start or restart devd; events are lost meanwhile.
    Devd {
        #[command(flatten)]
        place: Place,
        /// What to do.
        change: Run,
        /// The node.
        node: String,
    },
    /// Add an address to a vhid of the running kernel, or take one away.
    #[command(subcommand)]
    Vip(Vip),
    /// Write net.inet.carp.demotion, as somebody other than carpd would: the number is added to it.
    Demote {
        #[command(flatten)]
        place: Place,
        /// The node.
        node: String,
        /// What is added.
        #[arg(allow_negative_numbers = true)]
        by: i32,
    },
    /// Set net.inet.carp.allow.
    Allow(Switch),
    /// Set net.inet.carp.preempt.
    Preempt(Switch),
    /// Kill, start or stop a node's carpd.
    Daemon {
        #[command(flatten)]
        place: Place,
        /// What to do.
        change: Process,
        /// The node.
        node: String,
    },
    /// Kill a node's service with SIGKILL, as a crash would.
    KillService {
        #[command(flatten)]
        place: Place,
        /// The node.
        node: String,
        /// The service.
        #[arg(default_value = "gateway")]
        service: ServiceName,
    },
    /// Show or change how the stand-in for a service behaves from its next start on.
    Manners {
        #[command(flatten)]
        place: Place,
        /// The node.
        node: String,
        /// What is different, as in start=background or core_grace=30s; without a value the key is taken away.
        #[arg(value_name = "KEY=VALUE", value_parser = pair)]
        set: Vec<(String, String)>,
        /// The service.
        #[arg(long, default_value = "gateway")]
        service: ServiceName,
    },
    /// Let the core of a service be lost, come back, or send a configuration.
    Core {
        #[command(flatten)]
        place: Place,
        /// What it does.
        change: CoreChange,
        /// The node.
        node: String,
        /// The service.
        #[arg(default_value = "gateway")]
        service: ServiceName,
    },
    /// Make, raise, take down or destroy an interface, as somebody other than carpd would.
    Interface {
        #[command(flatten)]
        place: Place,
        /// What to do.
        change: Link,
        /// The node.
        node: String,
        /// The interface.
        interface: String,
    },
    /// Be the stand-in for a service; carpd in a lab calls this.
    #[command(hide = true)]
    Gateway {
        /// What to do.
        verb: Verb,
        /// The service's directory.
        dir: PathBuf,
    },
    /// Execute a program that ends when its parent does; the lab calls this.
    #[command(hide = true)]
    Exec {
        /// The parent's process id.
        #[arg(long)]
        parent: i32,
        /// The program and its arguments.
        #[arg(last = true, required = true)]
        words: Vec<std::ffi::OsString>,
    },
}

#[derive(Debug, Subcommand)]
enum Vip {
    /// Add an address.
    Add {
        #[command(flatten)]
        place: Place,
        /// The node.
        node: String,
        /// The vhid with its interface, as in 3@vtnet1 or 3@lan.
        vhid: String,
        /// The address with its prefix length, as in 192.168.1.2/24.
        address: IpNet,
    },
    /// Take an address away.
    Del {
        #[command(flatten)]
        place: Place,
        /// The node.
        node: String,
        /// The vhid with its interface.
        vhid: String,
        /// The address, with or without its prefix length.
        #[arg(value_parser = address)]
        address: IpAddr,
    },
}

#[derive(Debug, Args)]
struct Switch {
    #[command(flatten)]
    place: Place,
    /// The node.
    node: String,
    /// 1 or 0.
    #[arg(value_parser = clap::value_parser!(u8).range(0..=1))]
    value: u8,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Verb {
    Start,
    Stop,
    Status,
    Serve,
}

/// Runs `carpctl lab`. `nodes` are the values of `--node`.
pub(super) fn run(lab: Lab, nodes: &[String], out: &mut Out) -> Ended {
    let Some(command) = lab.command else { return up::story(&lab.story, &inputs(nodes)?, out) };
    if !nodes.is_empty() && !matches!(command, LabCommand::Up { .. }) {
        return Err(Failure::new(exit::USAGE, "--node NAME=FILE belongs to `carpctl lab` and `carpctl lab up`"));
    }
    let (place, ask) = match command {
        LabCommand::Up { place, detach: true } => return up::detach(&place.root(), nodes, &inputs(nodes)?, out),
        LabCommand::Up { place, detach: false } => return up::foreground(&place.root(), &inputs(nodes)?, out),
        LabCommand::Run(args) => return Ok(lab_run::run(&args)),
        LabCommand::Down { place } => return up::down(&LabPaths::new(place.root()), out),
        LabCommand::Show { place, json } => return show::run(&LabPaths::new(place.root()), json, out),
        LabCommand::Gateway { verb, dir } => return stand_in(verb, &ServicePaths::new(dir)),
        LabCommand::Exec { parent, words } => return exec::run(parent, words),
        LabCommand::Cable { place, change, node, interface } => (place, LabAsk::Cable { node, interface, change }),
        LabCommand::Partition { place, segment } => (place, LabAsk::Partition { segment }),
        LabCommand::Heal { place, segment } => (place, LabAsk::Heal { segment }),
        LabCommand::Crash { place, node } => (place, LabAsk::Crash { node }),
        LabCommand::Reboot { place, node } => (place, LabAsk::Reboot { node }),
        LabCommand::Devd { place, change, node } => (place, LabAsk::Devd { node, change }),
        LabCommand::Vip(Vip::Add { place, node, vhid, address }) => (place, LabAsk::VipAdd { node, vhid, address }),
        LabCommand::Vip(Vip::Del { place, node, vhid, address }) => (place, LabAsk::VipDel { node, vhid, address }),
        LabCommand::Demote { place, node, by } => (place, LabAsk::Demote { node, by: Demotion::new(by) }),
        LabCommand::Allow(switch) => switch.ask(Variable::Allow),
        LabCommand::Preempt(switch) => switch.ask(Variable::Preempt),
        LabCommand::Daemon { place, change, node } => (place, LabAsk::Daemon { node, change }),
        LabCommand::Manners { place, node, set, service } => {
            (place, LabAsk::Manners { node, service, set: set.into_iter().collect() })
        }
        LabCommand::Core { place, change, node, service } => (place, LabAsk::Core { node, service, change }),
        LabCommand::Interface { place, change, node, interface } => {
            (place, LabAsk::Interface { node, interface, change })
        }
        LabCommand::KillService { place, node, service } => (place, LabAsk::ServiceKill { node, service }),
    };
    order::give(&LabPaths::new(place.root()), &ask, out)
}

impl Switch {
    fn ask(self, variable: Variable) -> (Place, LabAsk) {
        (self.place, LabAsk::Sysctl { node: self.node, variable, on: self.value == 1 })
    }
}

/// A key with its value.
fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    pair.ok_or_else(|| "is not KEY=VALUE, as in start=background".to_owned())
}

/// An address, also as it is written when it is added.
fn address(text: &str) -> Result<IpAddr, String> {
    let bare = text.parse::<IpAddr>();
    bare.or_else(|_| text.parse::<IpNet>().map(|net| net.addr()))
        .map_err(|_| "is no address, as in 192.168.1.2 or 192.168.1.2/24".to_owned())
}

/// `NAME=FILE` of each `--node`, or the bundled pair.
fn inputs(nodes: &[String]) -> Result<Vec<NodeInput>, Failure> {
    if nodes.is_empty() {
        return Ok(example());
    }
    let input = |text: &String| match text.split_once('=') {
        Some((name, file)) if !file.is_empty() => {
            Ok(NodeInput { name: name.to_owned(), file: InputFile::Path(file.into()) })
        }
        _ => Err(Failure::new(
            exit::USAGE,
            format!("--node {text}: write NAME=FILE for each node, as in --node fw1=one.xml --node fw2=two.xml"),
        )),
    };
    let inputs: Vec<NodeInput> = nodes.iter().map(input).collect::<Result<_, _>>()?;
    let mut names = std::collections::HashSet::new();
    match inputs.iter().find(|input| !names.insert(&input.name)) {
        Some(twice) => {
            let text = format!("--node {}: this name is a duplicate; give each node another one", twice.name);
            Err(Failure::new(exit::USAGE, text))
        }
        None => Ok(inputs),
    }
}

fn stand_in(verb: Verb, paths: &ServicePaths) -> Ended {
    let failed = |error: gateway::GatewayError| Failure::new(exit::FAILED, error.to_string());
    match verb {
        Verb::Start => {
            let program = std::env::current_exe().map_err(|e| Failure::new(exit::FAILED, e.to_string()))?;
            gateway::start(paths, &program).map_err(failed)?;
        }
        Verb::Stop => gateway::stop(paths).map_err(failed)?,
        Verb::Status => return Ok(u8::from(!gateway::is_running(paths).map_err(failed)?)),
        Verb::Serve => gateway::serve(paths).map_err(failed)?,
    }
    Ok(exit::DONE)
}
