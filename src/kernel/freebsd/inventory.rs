//! One look at everything that can be changed.

use super::super::decide::{Address, Interface};
use super::administer::unlisted;
use super::calls::Sysctl;
use super::{FreeBsd, KernelError, call, interfaces, no_carp_or, one_by_one, pfsync, vhid_of};
use crate::model::{
    CarpKey, CarpVariable, Demotion, InterfaceInventory, Inventory, PfsyncSettings, Vhid, VhidInventory,
};
use crate::sys::carp_netlink::{Protocol, Record};
use crate::sys::pfsync::Pfsync;

impl FreeBsd {
    /// All of it, with the keys that this process may know.
    pub(super) fn look_at_everything(&mut self) -> Result<Inventory, KernelError> {
        let demotion = Sysctl("net.inet.carp.demotion").int().map_err(|e| no_carp_or(e, "net.inet.carp.demotion"))?;
        let (interfaces, addresses) = interfaces::list().map_err(unlisted)?;
        let mut vhids = Vec::new();
        for interface in interfaces.iter().filter(|interface| interface.may_carry_carp) {
            for record in self.every_record(interface)? {
                let key = key_of(&record);
                let seen = vhid_of(&interface.name, &record, &addresses);
                vhids.push(VhidInventory { seen, key });
            }
        }
        vhids.sort_by(|a, b| a.seen.id.cmp(&b.seen.id));
        Ok(Inventory {
            vhids,
            interfaces: interfaces.into_iter().map(|interface| inventory_of(interface, &addresses)).collect(),
            variables: variables()?,
            demotion: Demotion::new(demotion),
            pfsync: pfsync::read()?.map(settings_of),
        })
    }

    /// The vhids of an interface, those without addresses too, of which no address tells.
    fn every_record(&mut self, interface: &Interface) -> Result<Vec<Record>, KernelError> {
        if let Some(netlink) = &mut self.netlink
            && let Some(records) = netlink.vhids(&interface.name)?
        {
            return Ok(records);
        }
        (1..=255).filter_map(Vhid::new).filter_map(|vhid| one_by_one(&interface.name, vhid).transpose()).collect()
    }
}

fn key_of(record: &Record) -> Option<CarpKey> {
    match &record.protocol {
        Protocol::Carp { key, .. } => key.clone(),
        Protocol::Vrrp { .. } => None,
    }
}

fn inventory_of(interface: Interface, addresses: &[Address]) -> InterfaceInventory {
    let own = addresses.iter().filter(|address| address.interface == interface.name && address.vhid.is_none());
    let mut plain: Vec<_> = own.map(|address| address.net).collect();
    plain.sort_unstable();
    let Interface { name, up, link, may_carry_carp, .. } = interface;
    InterfaceInventory { name, up, link, may_carry_carp, plain }
}

fn variables() -> Result<Vec<(CarpVariable, i32)>, KernelError> {
    let mut variables = Vec::new();
    for variable in CarpVariable::ALL {
        match Sysctl(variable.name()).int() {
            Ok(value) => variables.push((variable, value)),
            // Another kernel may lack one.
            Err(e) if e.raw_os_error() == Some(libc::ENOENT) => {}
            Err(e) => return Err(call("sysctl", variable.name(), e)),
        }
    }
    Ok(variables)
}

/// Without a syncdev the kernel keeps the last peer, which then means nothing.
fn settings_of(pfsync: Pfsync) -> PfsyncSettings {
    let Pfsync { syncdev, syncpeer, maxupdates, defer, version, .. } = pfsync;
    let syncpeer = syncpeer.filter(|_| syncdev.is_some()).map(|peer| peer.address);
    PfsyncSettings { syncdev, syncpeer, version, defer, maxupdates }
}
