//! The configuration as it is in effect, as a carpd.toml that means the same.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::Serialize;

use super::{
    Command, Driver, InterfaceProbe, Probe, ProbeTest, ProcessProbe, ScriptName, Service, Settings, StaticVhid, Vips,
};
use crate::config::duration::Shown;
use crate::core::policy::{Mode, OnExit, ProbeEffect, Require};

impl Settings {
    /// A carpd.toml with every key that has an effect, defaults included. Reading it gives these settings again.
    ///
    /// It names password files and holds no password.
    #[must_use]
    pub fn to_toml(&self) -> String {
        // Every value is text, a number, a list or a table with text keys: all of which TOML has.
        toml::to_string_pretty(&Document::of(self)).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Document<'a> {
    node: Node<'a>,
    control: Control<'a>,
    vips: Source<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pfsync: Option<Pfsync<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carp: Option<Carp>,
    maintenance: Maintenance,
    hold: Hold,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Metrics>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    service: Vec<ServiceTable<'a>>,
}

#[derive(Serialize)]
struct Node<'a> {
    name: &'a str,
    state_dir: &'a Path,
    devd_socket: &'a Path,
    kernel: String,
    poll: String,
    log: String,
}

#[derive(Serialize)]
struct Control<'a> {
    socket: &'a Path,
    group: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_group: Option<&'a str>,
}

#[derive(Serialize)]
struct Source<'a> {
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_xml: Option<&'a Path>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vhid: Vec<Vhid<'a>>,
}

#[derive(Serialize)]
struct Vhid<'a> {
    interface: &'a str,
    vhid: u8,
    advbase: u8,
    advskew: u8,
    addresses: &'a [IpNet],
    #[serde(skip_serializing_if = "Option::is_none")]
    password_file: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<Ipv4Addr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer6: Option<Ipv6Addr>,
}

#[derive(Serialize)]
struct Pfsync<'a> {
    syncdev: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    syncpeer: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    defer: bool,
    maxupdates: u8,
}

#[derive(Serialize)]
struct Carp {
    preempt: bool,
}

#[derive(Serialize)]
struct Maintenance {
    demotion: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_for: Option<String>,
}

#[derive(Serialize)]
struct Hold {
    boot: String,
    failback: String,
}

#[derive(Serialize)]
struct Metrics {
    listen: SocketAddr,
}

#[derive(Serialize)]
struct ServiceTable<'a> {
    name: &'a str,
    follows: Vec<String>,
    require: Require,
    mode: Mode,
    settle: String,
    unknown_grace: String,
    min_master: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fence: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ready: Vec<&'a Path>,
    start_limit: String,
    stop_limit: String,
    check_every: String,
    on_exit: OnExit,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Link<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exec: Option<Exec<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rc: Option<Rc<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configd: Option<Configd<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<ProcessTable<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    probe: Vec<ProbeTable<'a>>,
}

#[derive(Serialize)]
struct Link<'a> {
    interface: &'a str,
}

#[derive(Serialize)]
struct Exec<'a> {
    start: Vec<&'a str>,
    stop: Vec<&'a str>,
    status: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
}

#[derive(Serialize)]
struct Rc<'a> {
    script: Vec<&'a str>,
}

#[derive(Serialize)]
struct Configd<'a> {
    start: &'a str,
    stop: &'a str,
    socket: &'a Path,
}

#[derive(Serialize)]
struct ProcessTable<'a> {
    program: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pidfile: Option<&'a Path>,
}

#[derive(Default, Serialize)]
struct ProbeTable<'a> {
    name: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthy: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignored: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pidfile: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    every: String,
    timeout: String,
    rise: u32,
    fall: u32,
    grace: String,
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    demote: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dwell: Option<String>,
}

fn shown(duration: Duration) -> String {
    Shown(duration).to_string()
}

impl<'a> Document<'a> {
    fn of(settings: &'a Settings) -> Self {
        let owned = match &settings.vips {
            Vips::Static(vips) => Some(vips),
            Vips::Kernel | Vips::Opnsense { .. } => None,
        };
        Self {
            node: Node {
                name: &settings.node.name,
                state_dir: &settings.node.state_dir,
                devd_socket: &settings.node.devd_socket,
                kernel: settings.node.kernel.name(),
                poll: shown(settings.node.poll),
                log: settings.node.log.as_str().to_ascii_lowercase(),
            },
            control: Control {
                socket: &settings.control.socket,
                group: &settings.control.group,
                admin_group: settings.control.admin_group.as_deref(),
            },
            vips: Source::of(&settings.vips),
            pfsync: owned.and_then(|vips| vips.pfsync.as_ref()).map(Pfsync::of),
            carp: owned.map(|vips| Carp { preempt: vips.preempt }),
            maintenance: Maintenance {
                demotion: settings.maintenance.demotion.into(),
                default_for: settings.maintenance.default_for.map(shown),
            },
            hold: Hold { boot: shown(settings.boot_hold), failback: shown(settings.failback_hold) },
            metrics: settings.metrics.map(|listen| Metrics { listen }),
            service: settings.services.iter().map(ServiceTable::of).collect(),
        }
    }
}

impl<'a> Source<'a> {
    fn of(vips: &'a Vips) -> Self {
        match vips {
            Vips::Kernel => Self { source: "kernel", config_xml: None, vhid: Vec::new() },
            Vips::Opnsense { config_xml } => {
                Self { source: "opnsense", config_xml: Some(config_xml), vhid: Vec::new() }
            }
            Vips::Static(vips) => {
                Self { source: "static", config_xml: None, vhid: vips.vhids.iter().map(Vhid::of).collect() }
            }
        }
    }
}

impl<'a> Vhid<'a> {
    fn of(vhid: &'a StaticVhid) -> Self {
        Self {
            interface: vhid.id.interface.as_str(),
            vhid: vhid.id.vhid.get(),
            advbase: vhid.advbase.get(),
            advskew: vhid.advskew.get(),
            addresses: &vhid.addresses,
            password_file: vhid.password_file.as_deref(),
            peer: vhid.peer,
            peer6: vhid.peer6,
        }
    }
}

impl<'a> Pfsync<'a> {
    fn of(pfsync: &'a super::Pfsync) -> Self {
        Self {
            syncdev: pfsync.syncdev.as_str(),
            syncpeer: pfsync.syncpeer,
            version: pfsync.version.map(super::PfsyncVersion::number),
            defer: pfsync.defer,
            maxupdates: pfsync.maxupdates,
        }
    }
}

impl<'a> ServiceTable<'a> {
    fn of(service: &'a Service) -> Self {
        let (mut exec, mut rc, mut configd) = (None, None, None);
        match &service.driver {
            Some(Driver::Exec { start, stop, status, user }) => {
                let (start, stop, status) = (words(start), words(stop), words(status));
                exec = Some(Exec { start, stop, status, user: user.as_deref() });
            }
            Some(Driver::Rc { scripts }) => {
                rc = Some(Rc { script: scripts.iter().map(ScriptName::as_str).collect() });
            }
            Some(Driver::Configd { start, stop, socket }) => {
                configd = Some(Configd { start: start.as_str(), stop: stop.as_str(), socket });
            }
            None => {}
        }
        let table =
            |process: &'a ProcessProbe| ProcessTable { program: &process.program, pidfile: process.pidfile.as_deref() };
        Self {
            name: service.name.as_str(),
            follows: service.follows.iter().map(ToString::to_string).collect(),
            require: service.require,
            mode: service.mode,
            settle: shown(service.settle),
            unknown_grace: shown(service.unknown_grace),
            min_master: shown(service.min_master),
            fence: service.fence.as_ref().map(words),
            ready: service.ready.iter().map(PathBuf::as_path).collect(),
            start_limit: shown(service.start_limit),
            stop_limit: shown(service.stop_limit),
            check_every: shown(service.check_every),
            on_exit: service.on_exit,
            link: service.link.as_ref().map(|interface| Link { interface: interface.as_str() }),
            exec,
            rc,
            configd,
            process: service.process.as_ref().map(table),
            probe: service.probes.iter().map(ProbeTable::of).collect(),
        }
    }
}

impl<'a> ProbeTable<'a> {
    fn of(probe: &'a Probe) -> Self {
        let (effect, demote, dwell) = match probe.policy.effect {
            ProbeEffect::Report => ("report", None, None),
            ProbeEffect::Restart => ("restart", None, None),
            ProbeEffect::Demote { amount, dwell } => ("demote", Some(amount.into()), Some(shown(dwell))),
        };
        let table = Self {
            name: &probe.policy.name,
            every: shown(probe.policy.every),
            timeout: shown(probe.policy.timeout),
            rise: probe.policy.rise,
            fall: probe.policy.fall,
            grace: shown(probe.policy.grace),
            effect,
            demote,
            dwell,
            ..Self::default()
        };
        match &probe.test {
            ProbeTest::Exec(command) => Self { kind: "exec", command: Some(words(command)), ..table },
            ProbeTest::Tcp(address) => Self { kind: "tcp", connect: Some(*address), ..table },
            ProbeTest::Http(http) => Self {
                kind: "http",
                url: Some(http.url.to_string()),
                healthy: Some(http.healthy.iter().map(ToString::to_string).collect()),
                ignored: Some(http.ignored.iter().map(ToString::to_string).collect()),
                ..table
            },
            ProbeTest::File { path, max_age } => {
                Self { kind: "file", path: Some(path), max_age: Some(shown(*max_age)), ..table }
            }
            ProbeTest::Interface(InterfaceProbe { interface, state }) => {
                Self { kind: "interface", interface: Some(interface.as_str()), state: Some(state.as_str()), ..table }
            }
            ProbeTest::Icmp(target) => Self { kind: "icmp", address: Some(target.to_string()), ..table },
            ProbeTest::Pfsync => Self { kind: "pfsync", ..table },
            ProbeTest::Process(process) => {
                Self { kind: "process", program: Some(&process.program), pidfile: process.pidfile.as_deref(), ..table }
            }
        }
    }
}

fn words(command: &Command) -> Vec<&str> {
    command.words().collect()
}
