//! The nodes of a scenario: their plans, what carpd is to do on them, and what things are called.

use std::path::Path;
use std::time::Duration;

use super::file::{Carpd, File, Mistake, NodeFile, Nodes, Service, Source};
use crate::config::load_for;
use crate::config::opnsense::{self, OpnsenseConfig};
use crate::config::settings::Vips;
use crate::config::system::AnySystem;
use crate::core::policy::{
    MaintenanceOwner, Policy, ProbeEffect, ProbePolicy, ProbeSource, ServicePolicy, ShareAmount,
};
use crate::lab::daemon::SimService;
use crate::lab::manners::Manners;
use crate::lab::plan::NodePlan;
use crate::model::{ServiceName, VhidRef};

/// A vhid that several nodes share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Its number and what people call its interface.
    pub(crate) label: VhidRef,
    /// What each node's kernel calls it; `None` where the node's configuration does not have it.
    pub(crate) on: Vec<Option<VhidRef>>,
}

/// A node before its first boot.
#[derive(Clone, Debug)]
pub(crate) struct NodeSetup {
    pub(crate) plan: NodePlan,
    pub(crate) policy: Policy,
}

/// Everything that stands before the first instant.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) nodes: Vec<NodeSetup>,
    pub(crate) groups: Vec<Group>,
    pub(crate) services: Vec<(ServiceName, SimService)>,
}

impl Setup {
    pub(crate) fn read(source: &Source, file: &File) -> Result<Self, Mistake> {
        let wrong = |what| source.mistake(file.nodes.span().start, what);
        let mut nodes = match file.nodes.get_ref() {
            Nodes::Example => example(&file.carpd).map_err(wrong)?,
            Nodes::Files(files) => {
                let near = source.path.parent().unwrap_or(Path::new("."));
                files.iter().map(|one| node(near, one, &file.carpd)).collect::<Result<_, _>>().map_err(wrong)?
            }
        };
        if nodes.is_empty() {
            return Err(wrong("names no node".to_owned()));
        }
        let groups = groups(&nodes);
        let mut setup = Self { groups, services: Vec::new(), nodes: Vec::new() };
        for (at, node) in nodes.iter().enumerate() {
            if nodes[..at].iter().any(|other| other.plan.name == node.plan.name) {
                return Err(wrong(format!("names {} twice", node.plan.name)));
            }
            for service in &node.policy.services {
                let takes = (SimService::default().start_takes, SimService::default().stop_takes);
                // What has a link there is a gateway whose tunnel that is.
                let manners = Manners { tunnel: service.link.clone(), ..Manners::default() };
                setup.add_service(&service.name, SimService::new(takes.0, takes.1, manners));
            }
        }
        for service in &file.services {
            let wrong = |what| source.mistake(service.span().start, what);
            let service = service.get_ref();
            if setup.services.iter().any(|(name, _)| *name == service.name) {
                return Err(wrong(format!("service {} is there already", service.name)));
            }
            setup.add_service(&service.name, sim(service).map_err(wrong)?);
            for (at, node) in nodes.iter_mut().enumerate() {
                let policy = policy(service, |id| setup.on_node(at, id)).map_err(wrong)?;
                node.policy.services.push(policy);
            }
        }
        setup.nodes = nodes;
        Ok(setup)
    }

    fn add_service(&mut self, name: &ServiceName, sim: SimService) {
        if !self.services.iter().any(|(known, _)| known == name) {
            self.services.push((name.clone(), sim));
        }
    }

    /// What node `at` calls the vhid that the scenario calls `id`.
    fn on_node(&self, at: usize, id: &VhidRef) -> Result<VhidRef, String> {
        let group = self.group(id)?;
        // A node without it never has it: the service is standby there.
        Ok(self.groups[group].on[at].clone().unwrap_or_else(|| self.groups[group].label.clone()))
    }

    /// The vhid that the scenario calls `id`, by label or device.
    pub(crate) fn group(&self, id: &VhidRef) -> Result<usize, String> {
        let same = |group: &Group| group.label == *id || group.on.iter().flatten().any(|on| on == id);
        self.groups.iter().position(same).ok_or_else(|| {
            let known: Vec<String> = self.groups.iter().map(|group| group.label.to_string()).collect();
            format!("no node has a vhid {id}; there are {}", known.join(", "))
        })
    }

    pub(crate) fn node(&self, name: &str) -> Result<usize, String> {
        self.nodes.iter().position(|node| node.plan.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.nodes.iter().map(|node| node.plan.name.as_str()).collect();
            format!("there is no node {name}; there are {}", known.join(", "))
        })
    }

    pub(crate) fn service(&self, name: &ServiceName) -> Result<usize, String> {
        let known = self.services.iter().position(|(known, _)| known == name);
        known.ok_or_else(|| format!("there is no service {name}; add it as [[service]]"))
    }

    pub(crate) fn interface(&self, at: usize, label: &str) -> Result<(), String> {
        let plan = &self.nodes[at].plan;
        if plan.interface(label).is_some() {
            return Ok(());
        }
        let known: Vec<&str> = plan.interfaces.iter().map(|i| i.label.as_str()).collect();
        Err(format!("{} has no interface {label}; it has {}", plan.name, known.join(", ")))
    }
}

fn example(carpd: &Carpd) -> Result<Vec<NodeSetup>, String> {
    [("fw1", include_str!("../example/fw1.xml")), ("fw2", include_str!("../example/fw2.xml"))]
        .into_iter()
        .map(|(name, xml)| {
            let config = OpnsenseConfig::parse(Path::new(name), xml.as_bytes());
            Ok(from_opnsense(name, &config.map_err(|error| error.to_string())?, carpd))
        })
        .collect()
}

fn node(near: &Path, file: &NodeFile, carpd: &Carpd) -> Result<NodeSetup, String> {
    let path = near.join(&file.file);
    let text = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let start = std::fs::read(&path).map_err(|error| text(&error))?;
    if start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<') {
        let config = opnsense::load(&path).map_err(|error| error.to_string())?;
        return Ok(from_opnsense(&file.name, &config, carpd));
    }
    let loaded = load_for(&path, &AnySystem).map_err(|error| error.to_string())?;
    let Vips::Static(vips) = &loaded.settings.vips else {
        return Err(text(&"it names no VIPs: write vips.source = \"static\", or name a config.xml"));
    };
    let mut plan = NodePlan::from_static(&file.name, vips);
    let policy = Policy { node: file.name.clone(), ..loaded.policy() };
    let alone = policy.services.iter().filter(|service| !service.driven);
    plan.tunnels = alone.filter_map(|service| service.link.clone()).collect();
    Ok(NodeSetup { plan, policy })
}

fn from_opnsense(name: &str, config: &OpnsenseConfig, carpd: &Carpd) -> NodeSetup {
    let plan = NodePlan::from_opnsense(name, config);
    let mut vhids: Vec<VhidRef> = plan.vhids.iter().map(|vhid| vhid.id.clone()).collect();
    vhids.sort_unstable();
    let policy = Policy {
        node: name.to_owned(),
        vhids,
        owned: Vec::new(),
        services: Vec::new(),
        maintenance_demotion: ShareAmount::FULL,
        maintenance_default_for: None,
        opnsense_maintenance: config.maintenance,
        // A lab has no OPNsense that could be asked.
        maintenance_owner: MaintenanceOwner::Carpd,
        boot_hold: carpd.boot_hold.0,
        failback_hold: carpd.failback_hold.0,
        poll: carpd.poll.0,
    };
    NodeSetup { plan, policy }
}

fn groups(nodes: &[NodeSetup]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        for vhid in &node.plan.vhids {
            let called = node.plan.interface(vhid.id.interface.as_str()).and_then(|i| i.label.parse().ok());
            let label = VhidRef::new(vhid.id.vhid, called.unwrap_or_else(|| vhid.id.interface.clone()));
            let place = groups.iter().position(|group| group.label == label).unwrap_or_else(|| {
                groups.push(Group { label, on: vec![None; nodes.len()] });
                groups.len() - 1
            });
            groups[place].on[at] = Some(vhid.id.clone());
        }
    }
    groups
}

fn sim(service: &Service) -> Result<SimService, String> {
    let default = SimService::default();
    let takes = |span: Option<super::action::Span>, default| span.map_or(default, |span| span.0);
    let start_takes = takes(service.start_takes, default.start_takes);
    let mut sim = SimService::new(start_takes, takes(service.stop_takes, default.stop_takes), service.manners.clone());
    for probe in &service.probes {
        let ranges = probe.ignored.iter().map(|text| text.parse());
        sim.ignored.push(ranges.collect::<Result<_, _>>()?);
    }
    Ok(sim)
}

/// The defaults are those of carpd.toml.
fn policy(service: &Service, on_node: impl Fn(&VhidRef) -> Result<VhidRef, String>) -> Result<ServicePolicy, String> {
    let seconds = |span: Option<super::action::Span>, default| span.map_or(Duration::from_secs(default), |span| span.0);
    if service.follows.is_empty() {
        return Err("follows is empty, so the service has no role".to_owned());
    }
    let probe = |probe: &super::file::Probe| ProbePolicy {
        name: probe.name.clone(),
        source: ProbeSource::Run,
        every: seconds(probe.every, 5),
        timeout: seconds(probe.timeout, 2),
        rise: probe.rise.unwrap_or(2).max(1),
        fall: probe.fall.unwrap_or(3).max(1),
        grace: seconds(probe.grace, 30),
        effect: match (probe.demote, probe.restart) {
            (Some(amount), _) => ProbeEffect::Demote { amount, dwell: seconds(probe.dwell, 60) },
            (None, true) => ProbeEffect::Restart,
            (None, false) => ProbeEffect::Report,
        },
    };
    Ok(ServicePolicy {
        name: service.name.clone(),
        follows: service.follows.iter().map(on_node).collect::<Result<_, _>>()?,
        require: service.require,
        mode: service.mode,
        link: service.link.clone(),
        driven: true,
        settle: seconds(service.settle, 4),
        unknown_grace: seconds(service.unknown_grace, 15),
        min_master: seconds(service.min_master, 0),
        fenced: service.fence,
        start_limit: seconds(service.start_limit, 30),
        stop_limit: seconds(service.stop_limit, 10),
        check_every: seconds(service.check_every, 5),
        probes: service.probes.iter().map(probe).collect(),
        on_exit: service.on_exit,
    })
}
