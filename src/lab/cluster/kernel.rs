//! One node's kernel, as carpd and carpctl use it.

use std::io;

use ipnet::IpNet;

use crate::kernel::{Administer, DemotionLogLine, Kernel, KernelError};
use crate::lab::world::{self, LabError, NodeId, World};
use crate::model::{
    Demotion, InterfaceName, Inventory, LinkSnapshot, PfsyncSettings, Snapshot, VhidRef, VhidSettings, Write,
};
use crate::sys::carp_netlink::{GROUP4, GROUP6};

/// One node's kernel.
#[derive(Debug)]
pub struct NodeKernel<'a> {
    world: &'a mut World,
    node: NodeId,
}

impl<'a> NodeKernel<'a> {
    pub(super) const fn new(world: &'a mut World, node: NodeId) -> Self {
        Self { world, node }
    }

    fn set_vhid(&mut self, id: &VhidRef, settings: &VhidSettings) -> Result<(), KernelError> {
        let settings = world::VhidSettings {
            advbase: Some(settings.advbase),
            advskew: settings.advskew,
            key: settings.key.clone(),
            state: None,
            peer: Some(settings.peer.unwrap_or(GROUP4)),
            peer6: Some(settings.peer6.unwrap_or(GROUP6)),
        };
        self.world.set_vhid(self.node, id, &settings).map_err(lab_error)
    }

    /// Refuses what the way to the real kernel refuses as well: what would change more than was asked for.
    fn add(&mut self, id: &VhidRef, net: IpNet) -> Result<(), KernelError> {
        // An unknown vhid would leave an IPv6 address behind without one.
        self.world.vhid(self.node, id).map_err(lab_error)?;
        let inventory = self.world.inventory(self.node).map_err(lab_error)?;
        let Some(interface) = inventory.interface(&id.interface) else { return Ok(()) };
        if !interface.up {
            let text = "the interface is administratively down, and an address would raise it; set it up first";
            return Err(refused(format!("{net} on {}", id.interface), text));
        }
        let under = inventory.vhids.iter().filter(|vhid| vhid.seen.id.interface == id.interface);
        let mut there = under.flat_map(|vhid| &vhid.seen.addresses).chain(&interface.plain);
        if there.any(|other| other.addr() == net.addr()) {
            return Err(refused(format!("{net} on {}", id.interface), "the address is there already; delete it first"));
        }
        self.world.add_address(self.node, &id.interface, net, Some(id.vhid)).map_err(lab_error)
    }

    fn delete(&mut self, id: &VhidRef, net: IpNet) -> Result<(), KernelError> {
        let vhid = self.world.vhid(self.node, id).map_err(lab_error)?;
        if !vhid.addresses.contains(&net) {
            return Err(refused(format!("{net} under {id}"), "there is no such address"));
        }
        self.world.remove_address(self.node, &id.interface, net.addr()).map_err(lab_error)
    }

    fn set_pfsync(&mut self, settings: &PfsyncSettings) -> Result<(), KernelError> {
        let settings = world::PfsyncSettings {
            syncdev: settings.syncdev.clone(),
            peer: settings.syncpeer,
            version: settings.version,
            defer: settings.defer,
            maxupdates: settings.maxupdates,
        };
        self.world.set_pfsync(self.node, &settings).map_err(lab_error)
    }
}

impl Kernel for NodeKernel<'_> {
    fn snapshot(&mut self, links: &[InterfaceName]) -> Result<Snapshot, KernelError> {
        let mut look = self.world.snapshot(self.node).map_err(lab_error)?;
        let state = |name: &InterfaceName| self.world.link_state(self.node, name).map_err(lab_error);
        let seen = links.iter().map(|name| Ok(LinkSnapshot { name: name.clone(), state: state(name)? }));
        look.links = seen.collect::<Result<_, KernelError>>()?;
        Ok(look)
    }

    fn set_link(&mut self, interface: &InterfaceName, up: bool) -> Result<(), KernelError> {
        self.world.set_up(self.node, interface, up).map_err(lab_error)
    }

    fn add_demotion(&mut self, delta: Demotion) -> Result<(), KernelError> {
        self.world.add_demotion(self.node, delta).map_err(lab_error)
    }

    fn demotion_log(&mut self) -> Result<Vec<DemotionLogLine>, KernelError> {
        Ok(self.world.kernel_messages(self.node).filter_map(DemotionLogLine::parse).collect())
    }
}

impl Administer for NodeKernel<'_> {
    fn inventory(&mut self) -> Result<Inventory, KernelError> {
        self.world.inventory(self.node).map_err(lab_error)
    }

    fn write(&mut self, write: &Write) -> Result<(), KernelError> {
        match write {
            Write::Sysctl { variable, value } => {
                self.world.set_variable(self.node, *variable, *value).map_err(lab_error)
            }
            Write::Vhid { id, settings } => self.set_vhid(id, settings),
            Write::AddAddress { id, net } => self.add(id, *net),
            Write::DeleteAddress { id, net } => self.delete(id, *net),
            Write::Pfsync(settings) => self.set_pfsync(settings),
            Write::Link { interface, up } => self.set_link(interface, *up),
        }
    }
}

fn lab_error(error: LabError) -> KernelError {
    KernelError::Lab { path: "lab".to_owned(), source: io::Error::other(error) }
}

fn refused(object: String, text: &str) -> KernelError {
    KernelError::Lab { path: "lab".to_owned(), source: io::Error::other(format!("{object}: {text}")) }
}
