//! What a node can see of itself.

use ipnet::IpNet;

use crate::model::{
    CarpKey, CarpParameters, CarpVariable, Demotion, InterfaceInventory, InterfaceName, InterfaceSnapshot, Inventory,
    LinkState, PfsyncSettings, PfsyncSnapshot, Snapshot, VhidInventory, VhidProtocol, VhidRef, VhidSnapshot,
};

use super::carp::{GROUP4, GROUP6};
use super::node::{Node, NodeId};
use super::{LabError, World};

impl World {
    /// One look at the node's kernel.
    ///
    /// # Errors
    /// The node is off.
    pub fn snapshot(&self, node: NodeId) -> Result<Snapshot, LabError> {
        let node = self.powered(node)?;
        let mut vhids: Vec<VhidSnapshot> = (0..node.vhids.len()).map(|v| node.vhid_snapshot(v)).collect();
        vhids.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let syncdev = node.pfsync.syncdev;
        let interfaces = node.interfaces.iter().enumerate().filter(|(i, interface)| {
            !interface.gone && (syncdev == Some(*i) || node.vhids.iter().any(|v| v.interface == *i))
        });
        Ok(Snapshot {
            boot: node.boot_id(),
            vhids,
            interfaces: interfaces
                .map(|(_, i)| InterfaceSnapshot { name: i.name.clone(), up: i.up, link: i.link })
                .collect(),
            sysctls: node.sysctls,
            counters: node.counters,
            pfsync: Some(node.pfsync_snapshot()),
            links: Vec::new(),
        })
    }

    /// Whether the interface `name` is there and up. What is up runs: there is no driver here that could not.
    ///
    /// # Errors
    /// The node is off.
    pub fn link_state(&self, node: NodeId, name: &InterfaceName) -> Result<LinkState, LabError> {
        let node = self.powered(node)?;
        let up = node.find_interface(name).map(|i| node.interfaces[i].up);
        Ok(up.map_or(LinkState::Absent, |up| LinkState::of(up, up)))
    }

    /// One look at everything that can be changed, as root sees it.
    ///
    /// # Errors
    /// The node is off.
    pub fn inventory(&self, node: NodeId) -> Result<Inventory, LabError> {
        let node = self.powered(node)?;
        let mut vhids: Vec<VhidInventory> = (0..node.vhids.len()).map(|v| node.vhid_inventory(v)).collect();
        vhids.sort_unstable_by(|a, b| a.seen.id.cmp(&b.seen.id));
        let there = node.interfaces.iter().enumerate().filter(|(_, interface)| !interface.gone);
        let mut interfaces: Vec<InterfaceInventory> = there.map(|(i, _)| node.interface_inventory(i)).collect();
        interfaces.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let sysctls = &node.sysctls;
        let variables = [
            (CarpVariable::Allow, i32::from(sysctls.allow)),
            (CarpVariable::Preempt, i32::from(sysctls.preempt)),
            (CarpVariable::Log, node.log_level),
            (CarpVariable::SenderrDemotionFactor, sysctls.senderr_demotion_factor.get()),
            (CarpVariable::IfdownDemotionFactor, sysctls.ifdown_demotion_factor.get()),
        ];
        let pfsync = Some(node.pfsync_settings());
        Ok(Inventory { vhids, interfaces, variables: variables.into(), demotion: sysctls.demotion, pfsync })
    }

    /// One vhid, as a single SIOCGVH or netlink GET and the list of its addresses show it.
    ///
    /// # Errors
    /// The node is off, or has no such interface or vhid.
    pub fn vhid(&self, node: NodeId, id: &VhidRef) -> Result<VhidSnapshot, LabError> {
        let node = self.powered(node)?;
        let i = node.interface(&id.interface)?;
        let v = node
            .find_vhid(i, id.vhid.get())
            .ok_or_else(|| LabError::NoVhid { node: node.name.clone(), vhid: id.clone() })?;
        Ok(node.vhid_snapshot(v))
    }

    /// `net.inet.carp.demotion`, `None` if the node is off.
    #[must_use]
    pub fn demotion(&self, node: NodeId) -> Option<Demotion> {
        self.powered(node).ok().map(|node| node.sysctls.demotion)
    }

    /// The node's interfaces that need no cable, and whether they are administratively up.
    #[must_use]
    pub fn tunnels(&self, node: NodeId) -> Vec<(InterfaceName, bool)> {
        let Ok(node) = self.powered(node) else { return Vec::new() };
        let tunnels = node.interfaces.iter().filter(|interface| interface.tunnel && !interface.gone);
        tunnels.map(|interface| (interface.name.clone(), interface.up)).collect()
    }

    /// Whether the kernel reported something that [`World::drain_events`] has not given out yet.
    #[must_use]
    pub fn has_events(&self, node: NodeId) -> bool {
        !self.nodes[node.at()].events.is_empty()
    }

    /// Whether the node has power.
    #[must_use]
    pub fn is_powered(&self, node: NodeId) -> bool {
        self.nodes[node.at()].powered
    }

    fn powered(&self, node: NodeId) -> Result<&Node, LabError> {
        let node = &self.nodes[node.at()];
        if node.powered { Ok(node) } else { Err(LabError::Off(node.name.clone())) }
    }
}

impl Node {
    fn vhid_snapshot(&self, v: usize) -> VhidSnapshot {
        let vhid = &self.vhids[v];
        let mut addresses: Vec<IpNet> =
            self.addresses.iter().filter(|a| a.vhid == Some(vhid.serial)).map(|a| a.net).collect();
        addresses.sort_unstable();
        VhidSnapshot {
            id: self.vhid_ref(v),
            state: vhid.state,
            protocol: VhidProtocol::Carp(CarpParameters {
                advbase: vhid.advbase,
                advskew: vhid.advskew,
                peer: (vhid.peer != GROUP4).then_some(vhid.peer),
                peer6: (vhid.peer6 != GROUP6).then_some(vhid.peer6),
            }),
            addresses,
        }
    }

    fn vhid_inventory(&self, v: usize) -> VhidInventory {
        let unset = || CarpKey::from_kernel(&[0; CarpKey::LEN]);
        VhidInventory { seen: self.vhid_snapshot(v), key: Some(self.vhids[v].key.clone().unwrap_or_else(unset)) }
    }

    fn interface_inventory(&self, i: usize) -> InterfaceInventory {
        let interface = &self.interfaces[i];
        let own = self.addresses.iter().filter(|a| a.interface == i && a.vhid.is_none());
        let mut plain: Vec<IpNet> = own.map(|a| a.net).collect();
        plain.sort_unstable();
        InterfaceInventory {
            name: interface.name.clone(),
            up: interface.up,
            link: interface.link,
            // Types that refuse CARP are not modelled.
            may_carry_carp: true,
            plain,
        }
    }

    fn pfsync_settings(&self) -> PfsyncSettings {
        let pfsync = &self.pfsync;
        PfsyncSettings {
            syncdev: pfsync.syncdev.map(|i| self.interfaces[i].name.clone()),
            syncpeer: pfsync.peer,
            version: pfsync.version,
            defer: pfsync.defer,
            maxupdates: pfsync.maxupdates,
        }
    }

    fn pfsync_snapshot(&self) -> PfsyncSnapshot {
        let pfsync = &self.pfsync;
        PfsyncSnapshot {
            syncdev: pfsync.syncdev.map(|i| self.interfaces[i].name.clone()),
            syncpeer: pfsync.peer,
            mtu: None,
            version: pfsync.version,
            in_sync: pfsync.in_sync,
            ipackets: pfsync.ipackets,
            opackets: pfsync.opackets,
        }
    }
}
