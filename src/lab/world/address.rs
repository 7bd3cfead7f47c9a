//! Addresses, under a vhid or not, and the kernel's reports about them.
//!
//! An IPv4 address is reported when its route comes or goes, which for a VIP means at MASTER and after it. Which of several addresses of one
//! prefix carries the route decides whether there is a report at all, so that is followed here as `sys/netinet/in.c` does it.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use crate::model::{InterfaceName, Vhid, VhidRef};

use super::network::Family;
use super::node::{Address, Node, NodeId};
use super::{LabError, World};

impl World {
    /// Adds `net` to `interface`, under `vhid` or as a plain address; an existing one is replaced, which bounces its vhid.
    ///
    /// Even a refused call may change something: the old IPv4 address is gone, a new IPv6 address stays as a plain one. And the interface
    /// is administratively up afterwards, whatever it was.
    ///
    /// # Errors
    /// The node is off, or has no such interface or vhid.
    pub fn add_address(
        &mut self,
        node: NodeId,
        interface: &InterfaceName,
        net: IpNet,
        vhid: Option<Vhid>,
    ) -> Result<(), LabError> {
        let i = self.running_interface(node, interface)?;
        let n = node.at();
        let was_up = self.nodes[n].interfaces[i].up;
        let added = match net {
            IpNet::V4(_) => self.add_v4(n, i, net, vhid),
            IpNet::V6(_) => self.add_v6(n, i, net, vhid),
        };
        if !was_up && self.nodes[n].interfaces[i].up {
            self.bring_up(n, i);
        }
        added
    }

    /// Removes `address` from `interface`. With its last address a vhid ceases to exist.
    ///
    /// # Errors
    /// The node is off, or has no such interface or address.
    pub fn remove_address(&mut self, node: NodeId, interface: &InterfaceName, address: IpAddr) -> Result<(), LabError> {
        let i = self.running_interface(node, interface)?;
        let a = self.find_address(node.at(), i, address).ok_or_else(|| LabError::NoAddress {
            node: self.nodes[node.at()].name.clone(),
            interface: interface.clone(),
            address,
        })?;
        self.purge_address(node.at(), a, false);
        Ok(())
    }

    fn find_address(&self, n: usize, i: usize, address: IpAddr) -> Option<usize> {
        self.nodes[n].addresses.iter().position(|a| a.interface == i && a.net.addr() == address)
    }

    /// `in_aifaddr_ioctl()`.
    fn add_v4(&mut self, n: usize, i: usize, net: IpNet, vhid: Option<Vhid>) -> Result<(), LabError> {
        if let Some(old) = self.find_address(n, i, net.addr()) {
            self.purge_address(n, old, true);
        }
        let target = vhid.map(|vhid| self.vhid_for_address(n, i, vhid)).transpose()?;
        self.nodes[n].addresses.push(Address { interface: i, net, vhid: None, route: false });
        let a = self.nodes[n].addresses.len() - 1;
        if let Some(v) = target {
            self.attach(n, a, v);
        }
        self.nodes[n].interfaces[i].up = true;
        if target.is_none() {
            self.add_route(n, a);
        }
        Ok(())
    }

    /// `in6_addifaddr()`.
    fn add_v6(&mut self, n: usize, i: usize, net: IpNet, vhid: Option<Vhid>) -> Result<(), LabError> {
        let a = if let Some(old) = self.find_address(n, i, net.addr()) {
            self.nodes[n].interfaces[i].up = true;
            self.detach_in_place(n, old, true);
            old
        } else {
            let node = &mut self.nodes[n];
            node.addresses.push(Address { interface: i, net, vhid: None, route: false });
            let first = node.addresses.iter().filter(|a| a.interface == i && a.net.addr().is_ipv6()).count() == 1;
            node.interfaces[i].up |= first;
            self.notify_address(n, i, net.addr(), "ADDR_ADD");
            self.nodes[n].addresses.len() - 1
        };
        if let Some(vhid) = vhid {
            let v = self.vhid_for_address(n, i, vhid)?;
            self.attach(n, a, v);
        }
        Ok(())
    }

    fn vhid_for_address(&self, n: usize, i: usize, vhid: Vhid) -> Result<usize, LabError> {
        let node = &self.nodes[n];
        node.find_vhid(i, vhid.get()).ok_or_else(|| {
            let vhid = VhidRef::new(vhid, node.interfaces[i].name.clone());
            let node_name = node.name.clone();
            if node.vhids.iter().any(|v| v.interface == i) {
                LabError::NoVhid { node: node_name, vhid }
            } else {
                LabError::NoVhids { node: node_name, vhid }
            }
        })
    }

    /// Removes the address at `a`; `keep_vhid` spares a vhid that has no address left, because a new one follows.
    pub(super) fn purge_address(&mut self, n: usize, a: usize, keep_vhid: bool) {
        match self.nodes[n].addresses[a] {
            Address { net: IpNet::V4(_), .. } => {
                // Out of the list first: it must not inherit a route while its vhid is reconsidered.
                let gone = self.nodes[n].addresses.remove(a);
                self.scrub_prefix(n, &gone);
                self.detach(n, &Address { route: false, ..gone }, keep_vhid);
            }
            Address { net: net @ IpNet::V6(_), interface, .. } => {
                self.detach_in_place(n, a, keep_vhid);
                self.notify_address(n, interface, net.addr(), "ADDR_DEL");
                self.nodes[n].addresses.remove(a);
            }
        }
    }

    /// `carp_attach()`.
    fn attach(&mut self, n: usize, a: usize, v: usize) {
        let node = &mut self.nodes[n];
        let vhid = &mut node.vhids[v];
        let address = &mut node.addresses[a];
        let family = Family::of(address.net.addr()).at();
        address.vhid = Some(vhid.serial);
        vhid.addresses[family] += 1;
        node.interfaces[address.interface].carp_addresses[family] += 1;
        self.renew_digest(n, v);
        self.reconsider(n, v);
    }

    /// Takes an address that stays on its interface out of its vhid.
    fn detach_in_place(&mut self, n: usize, a: usize, keep_vhid: bool) {
        let address = &mut self.nodes[n].addresses[a];
        let was = Address { vhid: address.vhid.take(), ..*address };
        self.detach(n, &was, keep_vhid);
    }

    /// `carp_detach()`. `address` is no longer among those of its vhid.
    fn detach(&mut self, n: usize, address: &Address, keep_vhid: bool) {
        let Some(v) = address.vhid.and_then(|serial| self.nodes[n].vhid_by_serial(serial)) else { return };
        let family = Family::of(address.net.addr()).at();
        let node = &mut self.nodes[n];
        node.vhids[v].addresses[family] -= 1;
        node.interfaces[address.interface].carp_addresses[family] -= 1;
        self.scrub_prefix(n, address);
        self.renew_digest(n, v);
        self.reconsider(n, v);
        if !keep_vhid && !self.nodes[n].vhids[v].has_addresses() {
            self.destroy_vhid(n, v);
        }
    }

    /// Gives the VIPs of a new MASTER their routes, oldest first.
    pub(super) fn add_routes(&mut self, n: usize, v: usize) {
        self.for_each_v4(n, v, Self::add_route);
    }

    /// Takes the routes of the VIPs of a vhid that is MASTER no more. It is reported whether or not they had any.
    pub(super) fn remove_routes(&mut self, n: usize, v: usize) {
        self.for_each_v4(n, v, Self::remove_route);
    }

    fn for_each_v4(&mut self, n: usize, v: usize, act: fn(&mut Self, usize, usize)) {
        let serial = self.nodes[n].vhids[v].serial;
        for a in 0..self.nodes[n].addresses.len() {
            if self.nodes[n].addresses[a].vhid == Some(serial) {
                act(self, n, a);
            }
        }
    }

    /// `in_addprefix()`: always reported; the route itself is added only if the prefix has none.
    fn add_route(&mut self, n: usize, a: usize) {
        let Address { interface, net: net @ IpNet::V4(_), .. } = self.nodes[n].addresses[a] else { return };
        self.notify_address(n, interface, net.addr(), "ADDR_ADD");
        let taken = self.nodes[n].addresses.iter().any(|o| o.route && o.net.trunc() == net.trunc());
        self.nodes[n].addresses[a].route |= !taken;
    }

    fn remove_route(&mut self, n: usize, a: usize) {
        let address = self.nodes[n].addresses[a];
        self.scrub_prefix(n, &address);
        self.nodes[n].addresses[a].route = false;
    }

    /// `in_scrubprefix()`: reported, unless another address of the prefix silently inherits the route.
    fn scrub_prefix(&mut self, n: usize, address: &Address) {
        let net = address.net;
        if net.addr().is_ipv6() {
            return;
        }
        let Node { addresses, interfaces, .. } = &mut self.nodes[n];
        let mut heirs = addresses.iter_mut().filter(|o| !o.route && interfaces[o.interface].up);
        let heir = heirs.find(|o| address.route && o.net.trunc() == net.trunc());
        match heir {
            Some(heir) => heir.route = true,
            None => self.notify_address(n, address.interface, net.addr(), "ADDR_DEL"),
        }
    }

    /// `in_ifnet_event()` on the way down: addresses that carry routes try to pass them on.
    pub(super) fn interface_down_routes(&mut self, n: usize, i: usize) {
        for a in 0..self.nodes[n].addresses.len() {
            let address = &self.nodes[n].addresses[a];
            if address.interface == i && address.route {
                self.remove_route(n, a);
            }
        }
    }

    /// `in_ifnet_event()` on the way up: every IPv4 address without a route is reported, a BACKUP's VIP, too.
    pub(super) fn interface_up_routes(&mut self, n: usize, i: usize) {
        if !self.nodes[n].interfaces[i].up {
            return;
        }
        for a in 0..self.nodes[n].addresses.len() {
            let address = &self.nodes[n].addresses[a];
            if address.interface == i && !address.route {
                self.add_route(n, a);
            }
        }
    }

    fn notify_address(&mut self, n: usize, i: usize, address: IpAddr, what: &str) {
        let node = &mut self.nodes[n];
        let interface = &node.interfaces[i];
        let shown = with_scope(address, interface.index);
        let text = format!("!system=IFNET subsystem={} type={what} address={shown}\n", interface.name);
        node.notify(self.now, text);
    }
}

/// The address as the kernel keeps it: a link-local one has the number of its interface in the second group.
fn with_scope(address: IpAddr, index: u16) -> IpAddr {
    match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            let mut groups = v6.segments();
            groups[1] = index;
            IpAddr::V6(Ipv6Addr::from(groups))
        }
        other => other,
    }
}
