//! What can be done to a running lab from outside: `carpctl lab cable`, `lab crash` and so on, and the story.

use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::spawn_local;
use tokio::time::sleep;

use super::kernel::RETRY;
use super::protocol::{Cable, LONGEST_ASK, LabAnswer, LabAsk, Process, Run, Variable};
use super::state::State;
use super::{Lab, READY_LIMIT, StartError, daemon};
use crate::kernel::Kernel;
use crate::lab::world::NodeId;
use crate::model::{InterfaceName, VhidRef};

mod service;
mod view;

/// How long a restarted devd is away, as recorded.
const DEVD_RESTART: Duration = Duration::from_millis(180);

type Said = Result<String, String>;

/// Takes orders on the lab's own socket.
pub(super) fn listen(lab: &Rc<Lab>) -> Result<(), StartError> {
    let path = lab.paths.admin_socket();
    if path.as_os_str().len() > crate::lab::dir::LONGEST_SOCKET_PATH {
        return Err(crate::lab::dir::DirError::TooLong(path).into());
    }
    let listener = UnixListener::bind(&path).map_err(|source| StartError::Socket { path, source })?;
    let lab = lab.clone();
    spawn_local(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(spawn_local(serve(lab.clone(), stream))),
                Err(_) => sleep(RETRY).await,
            }
        }
    });
    Ok(())
}

async fn serve(lab: Rc<Lab>, stream: UnixStream) {
    let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut stream).take(LONGEST_ASK).read_until(b'\n', &mut line).await {
            Ok(1..) if line.last() == Some(&b'\n') => {}
            _ => return,
        }
        let answer = match serde_json::from_slice(&line) {
            Ok(LabAsk::Gateway { node, service }) => return service::keep(&lab, &node, service, pid, stream).await,
            Ok(ask) => lab.perform(ask).await,
            Err(error) => LabAnswer::Refused { text: format!("not an order to a lab: {error}") },
        };
        if write(&mut stream, &answer).await.is_none() {
            return;
        }
    }
}

async fn write(stream: &mut BufReader<UnixStream>, answer: &LabAnswer) -> Option<()> {
    let mut text = serde_json::to_vec(answer).ok()?;
    text.push(b'\n');
    stream.write_all(&text).await.ok()
}

fn id(state: &State, at: usize) -> NodeId {
    state.cluster.nodes[at].id
}

fn node_of(lab: &Lab, name: &str) -> Result<usize, String> {
    let state = lab.state.borrow();
    state.cluster.find(name).ok_or_else(|| {
        let names: Vec<&str> = state.cluster.nodes.iter().map(|node| node.plan.name.as_str()).collect();
        format!("the lab has no node {name:?}; it has {}", names.join(", "))
    })
}

impl Lab {
    /// Does what is asked.
    pub async fn perform(self: &Rc<Self>, ask: LabAsk) -> LabAnswer {
        let said = match ask {
            LabAsk::Show => return LabAnswer::View { view: Box::new(self.look(view::view)) },
            LabAsk::Cable { node, interface, change } => self.cable(&node, &interface, change),
            LabAsk::Partition { segment } => self.partition(&segment, true),
            LabAsk::Heal { segment } => self.partition(&segment, false),
            LabAsk::Crash { node } => self.crash(&node).await,
            LabAsk::Reboot { node } => self.reboot(&node).await,
            LabAsk::Devd { node, change } => self.change_devd(&node, change).await,
            LabAsk::VipAdd { node, vhid, address } => self.vip(&node, &vhid, |state, at, id| {
                let node = state.cluster.nodes[at].id;
                let text = format!("{address} is under {id}");
                state.cluster.world.add_address(node, &id.interface, address, Some(id.vhid)).map(|()| text)
            }),
            LabAsk::VipDel { node, vhid, address } => self.vip(&node, &vhid, |state, at, id| {
                let node = state.cluster.nodes[at].id;
                let text = format!("{address} is gone from {id}");
                state.cluster.world.remove_address(node, &id.interface, address).map(|()| text)
            }),
            LabAsk::Demote { node, by } => self.change_kernel(&node, |state, at| {
                state.cluster.kernel(at).add_demotion(by).map_err(|e| e.to_string())?;
                let sum = state.snapshot(at).map(|s| s.sysctls.demotion.to_string()).unwrap_or_default();
                Ok(format!("net.inet.carp.demotion of {node} is {sum}"))
            }),
            LabAsk::Sysctl { node, variable, on } => self.change_kernel(&node, |state, at| {
                let id = id(state, at);
                let world = &mut state.cluster.world;
                let (name, done) = match variable {
                    Variable::Allow => ("allow", world.set_allow(id, on)),
                    Variable::Preempt => ("preempt", world.set_preempt(id, on)),
                };
                done.map_err(|e| e.to_string())?;
                Ok(format!("net.inet.carp.{name} of {node} is {}", u8::from(on)))
            }),
            LabAsk::Daemon { node, change } => self.change_daemon(&node, change).await,
            LabAsk::ServiceKill { node, service } => self.kill_service(&node, &service),
            LabAsk::Core { node, service, change } => self.core(&node, &service, change),
            LabAsk::Manners { node, service, set } => self.manners(&node, &service, &set),
            LabAsk::Interface { node, interface, change } => self.interface(&node, &interface, change),
            LabAsk::Tunnel { node, tunnel, change } => self.tunnel(&node, &tunnel, change),
            LabAsk::Gateway { .. } => Err("only a service says that of itself".to_owned()),
            LabAsk::Down => {
                self.down.notify_one();
                Ok("the lab is going down".to_owned())
            }
        };
        match said {
            Ok(text) => LabAnswer::Done { text },
            Err(text) => LabAnswer::Refused { text },
        }
    }

    fn cable(&self, node: &str, label: &str, change: Cable) -> Said {
        let at = node_of(self, node)?;
        self.act(|state| {
            let interface = interface_of(state, at, label)?;
            let node_id = id(state, at);
            let segment = state.cluster.segment_of(at, &interface).map(|segment| segment.id);
            let world = &mut state.cluster.world;
            let place = (at, interface.clone());
            let (done, what) = match (change, segment) {
                (Cable::Pull, _) => (world.unplug(node_id, &interface), "pulled"),
                (Cable::Plug, Some(segment)) => (world.plug(node_id, &interface, segment), "plugged in"),
                (Cable::Plug, None) => return Err(format!("{label} of {node} has no segment to be plugged into")),
                (Cable::Cut, _) => {
                    state.cuts.insert(place.clone());
                    (world.set_far_end(node_id, &interface, false), "cut behind the switch")
                }
                (Cable::Mend, _) => {
                    state.cuts.remove(&place);
                    (world.set_far_end(node_id, &interface, true), "whole")
                }
            };
            done.map_err(|e| e.to_string())?;
            if change == Cable::Plug && state.cuts.contains(&place) {
                world.set_far_end(node_id, &interface, false).map_err(|e| e.to_string())?;
            }
            Ok(format!("the cable of {node} {interface} is {what}"))
        })
    }

    fn partition(&self, name: &str, apart: bool) -> Said {
        self.act(|state| {
            let Some(segment) = find_segment(state, name) else {
                let names: Vec<&str> = state.cluster.segments.iter().map(|s| s.name.as_str()).collect();
                return Err(format!("the lab has no segment {name:?}; it has {}", names.join(", ")));
            };
            if apart {
                let each: Vec<[NodeId; 1]> = state.cluster.nodes.iter().map(|node| [node.id]).collect();
                let parts: Vec<&[NodeId]> = each.iter().map(|part| part.as_slice()).collect();
                state.cluster.world.partition(segment.0, &parts);
                state.partitions.insert(segment.1.clone());
                Ok(format!("no node hears another one on {}", segment.1))
            } else {
                state.cluster.world.heal(segment.0);
                state.partitions.remove(&segment.1);
                Ok(format!("all nodes hear each other on {}", segment.1))
            }
        })
    }

    async fn crash(self: &Rc<Self>, name: &str) -> Said {
        let at = node_of(self, name)?;
        self.act(|state| {
            state.cluster.world.power_off(id(state, at));
            // Stopping a devd cannot fail.
            let _ = state.devd(at, false);
            state.nodes[at].kill_services();
        });
        daemon::kill_now(self, at).await;
        Ok(format!("node {name} has no power; `carpctl lab reboot {name}` boots it"))
    }

    async fn reboot(self: &Rc<Self>, name: &str) -> Said {
        let at = node_of(self, name)?;
        if self.look(|state| state.cluster.world.is_powered(id(state, at))) {
            // rc(8) stops carpd and the services before the machine goes down.
            daemon::stop(self, at).await;
            self.crash(name).await?;
        }
        self.act(|state| {
            state.cluster.boot(at).map_err(|e| e.to_string())?;
            state.devd(at, true).map_err(|e| e.to_string())
        })?;
        daemon::start(self, at).map_err(|e| e.to_string())?;
        daemon::ready(self, at, READY_LIMIT).await.map_err(|e| e.to_string())?;
        Ok(format!("node {name} has booted"))
    }

    async fn change_devd(&self, name: &str, change: Run) -> Said {
        let at = node_of(self, name)?;
        if !self.look(|state| state.cluster.world.is_powered(id(state, at))) {
            return Err(off(name));
        }
        if matches!(change, Run::Stop | Run::Restart) {
            self.act(|state| state.devd(at, false)).map_err(|e| e.to_string())?;
        }
        if change == Run::Restart {
            sleep(DEVD_RESTART).await;
        }
        if matches!(change, Run::Start | Run::Restart) {
            // What was queued meanwhile was handed out by `deliver` to nobody, as at a real start before anybody can connect.
            self.act(|state| state.devd(at, true)).map_err(|e| e.to_string())?;
        }
        let is = if change == Run::Stop { "is stopped; events are lost meanwhile" } else { "runs" };
        Ok(format!("devd of {name} {is}"))
    }

    async fn change_daemon(self: &Rc<Self>, name: &str, change: Process) -> Said {
        let at = node_of(self, name)?;
        match change {
            Process::Kill => daemon::kill_now(self, at).await,
            Process::Stop => daemon::stop(self, at).await,
            Process::Start => {
                if !self.look(|state| state.cluster.world.is_powered(id(state, at))) {
                    return Err(off(name));
                }
                daemon::start(self, at).map_err(|e| e.to_string())?;
                daemon::ready(self, at, READY_LIMIT).await.map_err(|e| e.to_string())?;
            }
        }
        let was = match change {
            Process::Start => "was started",
            Process::Stop => "was stopped",
            Process::Kill => "was killed",
        };
        Ok(format!("carpd of {name} {was}"))
    }

    fn vip(
        &self,
        name: &str,
        vhid: &str,
        change: impl FnOnce(&mut State, usize, &VhidRef) -> Result<String, crate::lab::world::LabError>,
    ) -> Said {
        self.change_kernel(name, |state, at| {
            let id = state
                .vhid(at, vhid)
                .ok_or_else(|| format!("{vhid:?} is not VHID@INTERFACE of {name}; {}", interfaces(state, at)))?;
            change(state, at, &id).map_err(|e| e.to_string())
        })
    }

    fn change_kernel(&self, name: &str, change: impl FnOnce(&mut State, usize) -> Said) -> Said {
        let at = node_of(self, name)?;
        self.act(|state| if state.snapshot(at).is_some() { change(state, at) } else { Err(off(name)) })
    }
}

fn off(name: &str) -> String {
    format!("node {name} is powered off; `carpctl lab reboot {name}` boots it")
}

fn interface_of(state: &State, at: usize, label: &str) -> Result<InterfaceName, String> {
    let name = &state.cluster.nodes[at].plan.name;
    state
        .cluster
        .interface(at, label)
        .ok_or_else(|| format!("node {name} has no interface {label:?}; {}", interfaces(state, at)))
}

fn interfaces(state: &State, at: usize) -> String {
    let all = &state.cluster.nodes[at].plan.interfaces;
    let names: Vec<String> = all.iter().map(|i| format!("{} ({})", i.name, i.label)).collect();
    format!("its interfaces are {}", names.join(", "))
}

/// A segment by its own name, or by that of any interface on it.
fn find_segment(state: &State, name: &str) -> Option<(crate::lab::world::SegmentId, String)> {
    let cluster = &state.cluster;
    let by_port = || {
        let ports = |at| cluster.interface(at, name).and_then(|interface| cluster.segment_of(at, &interface));
        (0..cluster.nodes.len()).find_map(ports)
    };
    cluster.segment(name).or_else(by_port).map(|segment| (segment.id, segment.name.clone()))
}
