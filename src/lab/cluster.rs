//! Nodes with their kernels and cables, set up from configuration files: what both the real-time lab and the scenarios run.

mod kernel;

use std::net::IpAddr;

use ipnet::IpNet;

use super::daemon::TunnelChange;
use super::plan::{InterfacePlan, NodePlan, VhidPlan};
use super::world::{LabError, NodeId, PfsyncSettings, SegmentId, VhidSettings, World, WorldConfig};
use crate::core::attribution::OPNSENSE_MAINTENANCE;
use crate::model::{Demotion, InterfaceName, LinkState};

pub use kernel::NodeKernel;

/// Two or more nodes.
#[derive(Debug)]
pub struct Cluster {
    /// Kernels, cables and time.
    pub world: World,
    /// The nodes, in the order they were given.
    pub nodes: Vec<ClusterNode>,
    /// The segments that their interfaces were wired to.
    pub segments: Vec<ClusterSegment>,
}

/// A segment, and where its cables lead when all are plugged in.
#[derive(Clone, Debug)]
pub struct ClusterSegment {
    /// Its place in the world.
    pub id: SegmentId,
    /// What people call it: the label of the first interface on it, numbered where that is taken. Each segment has another name.
    pub name: String,
    /// The interfaces on it: the number of the node, and the kernel's name.
    pub ports: Vec<(usize, InterfaceName)>,
    nets: Vec<IpNet>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct ClusterNode {
    /// Its place in the world.
    pub id: NodeId,
    /// What it is set up with at boot.
    pub plan: NodePlan,
}

impl Cluster {
    /// Builds the nodes, wires interfaces that share a subnet (or, without addresses, a name) to one segment, and boots all.
    ///
    /// # Errors
    /// A plan contradicts itself, e.g. gives an address to an interface it does not have.
    pub fn new(plans: Vec<NodePlan>, config: WorldConfig) -> Result<Self, LabError> {
        let mut world = World::new(config);
        let mut segments: Vec<ClusterSegment> = Vec::new();
        let mut nodes = Vec::new();
        for (at, plan) in plans.into_iter().enumerate() {
            let id = world.add_node(&plan.name);
            for interface in &plan.interfaces {
                world.add_interface(id, &interface.name)?;
                let segment = segment_of(interface, &mut segments, &mut world);
                segment.ports.push((at, interface.name.clone()));
                world.plug(id, &interface.name, segment.id)?;
            }
            nodes.push(ClusterNode { id, plan });
        }
        let mut cluster = Self { world, nodes, segments };
        for at in 0..cluster.nodes.len() {
            cluster.apply(at)?;
        }
        Ok(cluster)
    }

    /// The node called `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.plan.name == name)
    }

    /// The kernel of node number `at`, for a carpd.
    pub fn kernel(&mut self, at: usize) -> NodeKernel<'_> {
        NodeKernel::new(&mut self.world, self.nodes[at].id)
    }

    /// Switches a node on again and lets its boot scripts set it up. Its cables stayed where they were.
    ///
    /// # Errors
    /// The plan contradicts itself.
    pub fn boot(&mut self, at: usize) -> Result<(), LabError> {
        self.world.boot(self.nodes[at].id);
        self.apply(at)
    }

    /// What OPNsense, or rc(8) and carpd on plain FreeBSD, do at boot: sysctls, then for every vhid first the CARP entry, then
    /// its aliases, then pfsync.
    fn apply(&mut self, at: usize) -> Result<(), LabError> {
        let ClusterNode { id, plan, .. } = self.nodes[at].clone();
        if plan.opnsense_maintenance {
            self.world.add_demotion(id, Demotion::new(OPNSENSE_MAINTENANCE))?;
        }
        self.world.set_senderr_factor(id, Demotion::new(plan.senderr_factor))?;
        for interface in &plan.interfaces {
            self.world.set_up(id, &interface.name, true)?;
            for net in interface.addresses.iter().filter(|net| net.addr() != net.network()) {
                self.world.add_address(id, &interface.name, *net, None)?;
            }
        }
        for tunnel in &plan.tunnels {
            self.tunnel(at, tunnel, TunnelChange::Raise)?;
        }
        self.apply_vhids(at)?;
        self.world.set_preempt(id, plan.preempt)?;
        self.world.set_pf(id, true)?;
        self.apply_pfsync(at)
    }

    /// Sets up every vhid of the plan, the CARP entry before its aliases.
    ///
    /// # Errors
    /// The node is off, or its plan contradicts itself.
    pub fn apply_vhids(&mut self, at: usize) -> Result<(), LabError> {
        let ClusterNode { id, plan, .. } = self.nodes[at].clone();
        plan.vhids.iter().try_for_each(|vhid| self.apply_vhid(id, vhid))
    }

    /// Sets pfsync, which asks for a bulk update and demotes the node until that ends.
    ///
    /// # Errors
    /// The node is off, or its plan contradicts itself.
    pub fn apply_pfsync(&mut self, at: usize) -> Result<(), LabError> {
        let ClusterNode { id, plan, .. } = &self.nodes[at];
        let Some(pfsync) = &plan.pfsync else { return Ok(()) };
        let settings = PfsyncSettings {
            syncdev: Some(pfsync.syncdev.clone()),
            peer: pfsync.syncpeer,
            version: pfsync.version,
            defer: pfsync.defer,
            maxupdates: pfsync.maxupdates,
        };
        self.world.set_pfsync(*id, &settings)
    }

    /// What a service does to its tunnel on node number `at`. Whatever is so already stays as it is.
    ///
    /// # Errors
    /// The node is off.
    pub fn tunnel(&mut self, at: usize, tunnel: &InterfaceName, change: TunnelChange) -> Result<(), LabError> {
        let id = self.nodes[at].id;
        let there = self.world.link_state(id, tunnel)? != LinkState::Absent;
        match (change, there) {
            (TunnelChange::Make, true) | (TunnelChange::Destroy, false) => Ok(()),
            (TunnelChange::Destroy, true) => self.world.destroy_interface(id, tunnel),
            (TunnelChange::Raise, true) => self.world.set_up(id, tunnel, true),
            (TunnelChange::Make | TunnelChange::Raise, false) => {
                self.world.create_tunnel(id, tunnel)?;
                self.world.set_up(id, tunnel, true)
            }
        }
    }

    fn apply_vhid(&mut self, id: NodeId, vhid: &VhidPlan) -> Result<(), LabError> {
        let mut settings = VhidSettings {
            advbase: Some(vhid.advbase),
            advskew: vhid.advskew,
            key: vhid.key.clone(),
            ..VhidSettings::default()
        };
        for peer in &vhid.peers {
            match peer {
                IpAddr::V4(peer) => settings.peer = Some(*peer),
                IpAddr::V6(peer) => settings.peer6 = Some(*peer),
            }
        }
        self.world.set_vhid(id, &vhid.id, &settings)?;
        for net in &vhid.addresses {
            self.world.add_address(id, &vhid.id.interface, *net, Some(vhid.id.vhid))?;
        }
        Ok(())
    }

    /// The segment that the cable of `interface` of node number `at` belongs to.
    #[must_use]
    pub fn segment_of(&self, at: usize, interface: &InterfaceName) -> Option<&ClusterSegment> {
        self.segments.iter().find(|segment| segment.ports.iter().any(|(node, name)| *node == at && name == interface))
    }

    /// The segment that people call `name`.
    #[must_use]
    pub fn segment(&self, name: &str) -> Option<&ClusterSegment> {
        self.segments.iter().find(|segment| segment.name == name)
    }

    /// The kernel's name of the interface that people call `label` on node number `at`.
    #[must_use]
    pub fn interface(&self, at: usize, label: &str) -> Option<InterfaceName> {
        self.nodes[at].plan.interface(label).map(|i| i.name.clone())
    }
}

fn segment_of<'a>(
    interface: &InterfacePlan,
    segments: &'a mut Vec<ClusterSegment>,
    world: &mut World,
) -> &'a mut ClusterSegment {
    let nets: Vec<IpNet> = interface.addresses.iter().map(IpNet::trunc).collect();
    let same = |segment: &ClusterSegment| {
        nets.iter().any(|net| segment.nets.contains(net)) || (nets.is_empty() && segment.name == interface.label)
    };
    let at = segments.iter().position(same).unwrap_or_else(|| {
        let (id, name) = (world.add_segment(), free_name(&interface.label, segments));
        segments.push(ClusterSegment { id, name, ports: Vec::new(), nets: Vec::new() });
        segments.len() - 1
    });
    segments[at].nets.extend(nets);
    &mut segments[at]
}

/// A name that no other segment has: interfaces of one name may be on different segments.
fn free_name(label: &str, segments: &[ClusterSegment]) -> String {
    let taken = |name: &str| segments.iter().any(|segment| segment.name == name);
    let numbered = (2..).map(|number: u32| format!("{label}-{number}"));
    std::iter::once(label.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::opnsense::OpnsenseConfig;
    use crate::kernel::Kernel;
    use crate::model::CarpState::{self, Backup, Master};
    use std::path::Path;
    use std::time::Duration;

    fn example() -> Cluster {
        let files = [("fw1", include_str!("example/fw1.xml")), ("fw2", include_str!("example/fw2.xml"))];
        let plans = files.map(|(name, xml)| {
            NodePlan::from_opnsense(name, &OpnsenseConfig::parse(Path::new(name), xml.as_bytes()).unwrap())
        });
        Cluster::new(plans.into(), WorldConfig::default()).unwrap()
    }

    fn states(cluster: &mut Cluster, at: usize) -> Vec<CarpState> {
        cluster.kernel(at).snapshot(&[]).unwrap().vhids.iter().map(|v| v.state).collect()
    }

    #[test]
    fn the_bundled_pair_elects_its_first_node_and_fails_over_when_that_one_dies() {
        let mut cluster = example();
        cluster.world.advance(Duration::from_secs(10));
        assert_eq!((states(&mut cluster, 0), states(&mut cluster, 1)), (vec![Master; 2], vec![Backup; 2]));
        let first = cluster.nodes[0].id;
        cluster.world.power_off(first);
        cluster.world.advance(Duration::from_secs(4));
        assert!(cluster.kernel(0).snapshot(&[]).is_err());
        assert_eq!(states(&mut cluster, 1), vec![Master; 2]);
        cluster.boot(0).unwrap();
        cluster.world.advance(Duration::from_secs(10));
        assert_eq!((states(&mut cluster, 0), states(&mut cluster, 1)), (vec![Master; 2], vec![Backup; 2]));
    }

    #[test]
    fn the_kernel_log_tells_carpd_what_it_wrote() {
        let mut cluster = example();
        cluster.kernel(0).add_demotion(Demotion::new(241)).unwrap();
        let log = cluster.kernel(0).demotion_log().unwrap();
        let last = log.last().unwrap();
        assert_eq!((last.by.get(), last.reason.as_str()), (241, "sysctl"));
    }
}
