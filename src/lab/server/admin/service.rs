//! The services of a lab: their processes, their manners, their core, and the interfaces that they and others change.

use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::sync::mpsc::unbounded_channel;

use super::{Said, id, node_of, write};
use crate::lab::daemon::TunnelChange;
use crate::lab::gateway;
use crate::lab::manners::Manners;
use crate::lab::server::Lab;
use crate::lab::server::protocol::{CoreChange, LabAnswer, Link};
use crate::lab::server::state::{ServiceProcess, State};
use crate::model::{InterfaceName, ServiceName};

/// Keeps the connection of a service, which lives as long as that, and tells it what its core does.
pub(super) async fn keep(
    lab: &Rc<Lab>,
    node: &str,
    service: ServiceName,
    pid: Option<i32>,
    mut stream: BufReader<UnixStream>,
) {
    let cut = Rc::new(Notify::new());
    let (core, mut told) = unbounded_channel();
    let registered = node_of(lab, node).and_then(|at| {
        let pid = pid.filter(|pid| *pid > 1).ok_or("the system does not tell which process this is")?;
        lab.act(|state| {
            if !state.cluster.world.is_powered(id(state, at)) {
                return Err(format!("node {node} is powered off"));
            }
            let lost = state.nodes[at].lost_cores.contains(&service);
            // The other end is this function's own.
            let _ = core.send(if lost { CoreChange::Lost } else { CoreChange::Back });
            state.nodes[at].processes.push(ServiceProcess { service, pid, cut: cut.clone(), core });
            Ok((at, pid))
        })
    });
    let (at, pid) = match registered {
        Ok(registered) => registered,
        Err(text) => {
            write(&mut stream, &LabAnswer::Refused { text }).await;
            return;
        }
    };
    write(&mut stream, &LabAnswer::Done { text: "registered".to_owned() }).await;
    let mut rest = [0];
    loop {
        tokio::select! {
            _ = stream.read(&mut rest) => break,
            () = cut.notified() => break,
            Some(change) = told.recv() => {
                let Ok(mut line) = serde_json::to_vec(&change) else { break };
                line.push(b'\n');
                if stream.write_all(&line).await.is_err() {
                    break;
                }
            }
        }
    }
    lab.act(|state| state.nodes[at].processes.retain(|process| process.pid != pid));
}

/// That the node has the service, or what it has.
fn known(state: &State, at: usize, name: &str, service: &ServiceName) -> Result<(), String> {
    let services = &state.nodes[at].services;
    if services.iter().any(|known| known.name == *service) {
        return Ok(());
    }
    let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
    Err(format!("node {name} has no service {service}; it has {}", names.join(", ")))
}

impl Lab {
    pub(super) fn kill_service(&self, name: &str, service: &ServiceName) -> Said {
        let at = node_of(self, name)?;
        self.act(|state| {
            let running = state.nodes[at].processes.iter().find(|process| process.service == *service);
            let Some(process) = running else { return Err(format!("{service} does not run on {name}")) };
            // Its connection is open, so the id is its own.
            let killed = nix::sys::signal::kill(nix::unistd::Pid::from_raw(process.pid), nix::sys::signal::SIGKILL);
            killed.map_err(|errno| format!("process {} of {service}: {errno}", process.pid))?;
            Ok(format!("process {} of {service} on {name} was killed", process.pid))
        })
    }

    pub(super) fn core(&self, name: &str, service: &ServiceName, change: CoreChange) -> Said {
        let at = node_of(self, name)?;
        self.act(|state| {
            known(state, at, name, service)?;
            let node = &mut state.nodes[at];
            let text = match change {
                CoreChange::Lost => {
                    node.lost_cores.insert(service.clone());
                    "is lost"
                }
                CoreChange::Back => {
                    node.lost_cores.remove(service);
                    "is back"
                }
                CoreChange::Push if node.lost_cores.contains(service) => {
                    return Err(format!("the core of {service} is lost on {name}; `carpctl lab core back` first"));
                }
                CoreChange::Push => "sent a configuration",
            };
            for process in node.processes.iter().filter(|process| process.service == *service) {
                // One that is ending has nobody who listens.
                let _ = process.core.send(change);
            }
            Ok(format!("the core of {service} {text} on {name}"))
        })
    }

    /// Changes the file that the service reads at its start.
    pub(super) fn manners(&self, name: &str, service: &ServiceName, set: &BTreeMap<String, String>) -> Said {
        let at = node_of(self, name)?;
        let paths = self.look(|state| {
            known(state, at, name, service)?;
            Ok::<_, String>(state.nodes[at].paths.service(service))
        })?;
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", paths.manners().display());
        let now = gateway::manners(&paths).map_err(|error| error.to_string())?;
        let mut table = toml::Table::try_from(&now).map_err(|error| failed(&error))?;
        for (key, value) in set {
            match value.as_str() {
                "" => drop(table.remove(key)),
                "true" | "false" => drop(table.insert(key.clone(), (value == "true").into())),
                _ => drop(table.insert(key.clone(), value.clone().into())),
            }
        }
        let manners: Manners = table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
        let text = toml::to_string(&manners).map_err(|error| failed(&error))?;
        if manners != now {
            // A start that reads it meanwhile finds the old one or the new one, and nothing in between.
            let beside = paths.manners().with_extension("new");
            let written = std::fs::write(&beside, &text).and_then(|()| std::fs::rename(&beside, paths.manners()));
            written.map_err(|error| failed(&error))?;
        }
        Ok(text.trim_end().to_owned())
    }

    /// What somebody does to an interface.
    pub(super) fn interface(&self, name: &str, interface: &str, change: Link) -> Said {
        self.change_kernel(name, |state, at| {
            // A tunnel is in no plan, so that people's names are looked for first.
            let named = state.cluster.interface(at, interface).map_or_else(|| interface.parse(), Ok);
            let interface: InterfaceName = named.map_err(|error| format!("{error}"))?;
            let (id, world) = (id(state, at), &mut state.cluster.world);
            let (done, is) = match change {
                Link::Create => (world.create_tunnel(id, &interface), "there, and down"),
                Link::Up => (world.set_up(id, &interface, true), "up"),
                Link::Down => (world.set_up(id, &interface, false), "down"),
                Link::Destroy => (world.destroy_interface(id, &interface), "gone"),
            };
            done.map_err(|error| error.to_string())?;
            Ok(format!("{interface} of {name} is {is}"))
        })
    }

    /// What a service does to its tunnel.
    pub(super) fn tunnel(&self, name: &str, tunnel: &InterfaceName, change: TunnelChange) -> Said {
        self.change_kernel(name, |state, at| {
            state.cluster.tunnel(at, tunnel, change).map_err(|error| error.to_string())?;
            Ok(format!("{tunnel} of {name} is as the service wants it"))
        })
    }
}
