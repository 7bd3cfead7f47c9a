//! Interfaces: up and down by an administrator, by a link, and for good.

use crate::model::InterfaceName;

use super::clock::Event;
use super::node::{Interface, NodeId};
use super::{LabError, World};

/// How long after the CARP part of `if_up()` its other part runs in a shared kernel: there the task that makes MASTERs advertise comes in between,
/// as recorded (`devd-b-link-down.txt` 23.319).
const TASKS_COME_FIRST: std::time::Duration = std::time::Duration::from_millis(1);

impl World {
    /// Gives the node an interface that is administratively down and has no cable.
    ///
    /// # Errors
    /// The node is off, or has an interface of that name.
    pub fn add_interface(&mut self, node: NodeId, name: &InterfaceName) -> Result<(), LabError> {
        self.new_interface(node, name, false)
    }

    /// Makes an interface that is administratively down and needs no cable, as `ifconfig wg0 create` does: its link is up exactly while it is
    /// up itself (`wg_up()`, `wg_down()`). Only the running kernel has it: a boot does not bring it back.
    ///
    /// # Errors
    /// The node is off, or has an interface of that name.
    pub fn create_tunnel(&mut self, node: NodeId, name: &InterfaceName) -> Result<(), LabError> {
        self.new_interface(node, name, true)
    }

    fn new_interface(&mut self, node: NodeId, name: &InterfaceName, tunnel: bool) -> Result<(), LabError> {
        let there = self.running(node)?;
        if there.find_interface(name).is_some() {
            return Err(LabError::InterfaceExists { node: there.name.clone(), interface: name.clone() });
        }
        let index = self.next_index(node.at());
        self.nodes[node.at()].interfaces.push(Interface {
            name: name.clone(),
            index,
            gone: false,
            tunnel,
            up: false,
            link: false,
            segment: None,
            drop_in: [false; 2],
            drop_out: [false; 2],
            carp_addresses: [0; 2],
        });
        self.notify_net(node.at(), name, "ATTACH");
        Ok(())
    }

    /// `ifconfig INTERFACE up` or `down`. CARP follows; there is no event about the interface itself, but one about a tunnel's link.
    ///
    /// # Errors
    /// The node is off or has no such interface.
    pub fn set_up(&mut self, node: NodeId, interface: &InterfaceName, up: bool) -> Result<(), LabError> {
        let i = self.running_interface(node, interface)?;
        match (self.nodes[node.at()].interfaces[i].up, up) {
            (false, true) => self.bring_up(node.at(), i),
            (true, false) => self.take_down(node.at(), i),
            _ => {}
        }
        if self.nodes[node.at()].interfaces[i].tunnel {
            self.change_link(node.at(), i, up);
        }
        Ok(())
    }

    /// Changes the link of an interface that needs no cable for it (a bridge that got its first member). A link that is not up is down or unknown.
    ///
    /// # Errors
    /// The node is off or has no such interface.
    pub fn set_link(&mut self, node: NodeId, interface: &InterfaceName, up: bool) -> Result<(), LabError> {
        let i = self.running_interface(node, interface)?;
        self.change_link(node.at(), i, up);
        Ok(())
    }

    /// Renames an interface; its vhids and addresses stay. Later events use the new name.
    ///
    /// # Errors
    /// The node is off, has no such interface, or has one of the new name.
    pub fn rename_interface(&mut self, node: NodeId, old: &InterfaceName, new: &InterfaceName) -> Result<(), LabError> {
        let i = self.running_interface(node, old)?;
        let there = &mut self.nodes[node.at()];
        if there.find_interface(new).is_some() {
            return Err(LabError::InterfaceExists { node: there.name.clone(), interface: new.clone() });
        }
        there.notify(self.now, format!("!system=IFNET subsystem={old} type=RENAME name={new}\n"));
        there.interfaces[i].name = new.clone();
        Ok(())
    }

    /// Destroys an interface with its addresses and vhids. A physical one loses its link first: [`World::unplug`] it before.
    ///
    /// # Errors
    /// The node is off or has no such interface.
    pub fn destroy_interface(&mut self, node: NodeId, interface: &InterfaceName) -> Result<(), LabError> {
        let i = self.running_interface(node, interface)?;
        let n = node.at();
        self.take_down(n, i);
        while let Some(a) = self.nodes[n].addresses.iter().position(|a| a.interface == i) {
            self.purge_address(n, a, false);
        }
        if self.nodes[n].interfaces[i].tunnel {
            self.change_link(n, i, false);
        }
        self.notify_net(n, interface, "DETACH");
        self.unplug_port(node, i);
        let there = &mut self.nodes[n];
        // What is left never had an address; the kernel keeps it, but no call reaches it any more.
        there.vhids.retain(|v| v.interface != i);
        there.interfaces[i].gone = true;
        there.pfsync.interface_gone(i);
        Ok(())
    }

    /// `if_up()`.
    pub(super) fn bring_up(&mut self, n: usize, i: usize) {
        self.nodes[n].interfaces[i].up = true;
        self.reconsider_interface(n, i);
        if self.config.shared_kernel {
            let event = Event::InterfaceUp { node: n as u32, interface: i as u32 };
            self.queue.push(self.now + TASKS_COME_FIRST, event);
        } else {
            self.interface_up_routes(n, i);
        }
    }

    /// `if_down()`.
    fn take_down(&mut self, n: usize, i: usize) {
        self.interface_down_routes(n, i);
        self.nodes[n].interfaces[i].up = false;
        self.reconsider_interface(n, i);
    }

    /// The link comes or goes. CARP hears of it before devd (`do_link_state_change()`).
    pub(super) fn change_link(&mut self, n: usize, i: usize, up: bool) {
        let node = &mut self.nodes[n];
        // Without power there is no link to change; at boot the cables decide.
        if !node.powered || std::mem::replace(&mut node.interfaces[i].link, up) == up {
            return;
        }
        self.reconsider_interface(n, i);
        let name = self.nodes[n].interfaces[i].name.clone();
        self.notify_net(n, &name, if up { "LINK_UP" } else { "LINK_DOWN" });
    }

    fn reconsider_interface(&mut self, n: usize, i: usize) {
        for v in 0..self.nodes[n].vhids.len() {
            if self.nodes[n].vhids[v].interface == i {
                self.reconsider(n, v);
            }
        }
    }

    /// Reports about an interface, which the kernel does for its host only, not for jails.
    fn notify_net(&mut self, n: usize, interface: &InterfaceName, what: &str) {
        if !self.config.shared_kernel {
            self.nodes[n].notify(self.now, format!("!system=IFNET subsystem={interface} type={what}\n"));
        }
    }
}
