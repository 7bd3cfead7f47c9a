//! Adding addresses to vhids, and deleting them.
//!
//! This is done with ioctl(2) and not over rtnetlink. Both end in the same functions of the kernel, but the answer of an ioctl cannot get
//! lost, so it is always known whether the address was added; it names the interface instead of giving its number, so one that was
//! renamed in between is an error and not another interface; and FreeBSD 13 has nothing else.

use ipnet::IpNet;

use super::super::decide::address;
use super::super::refusal::{Call, Refusal};
use super::administer::{Trouble, refused, unlisted};
use super::{FreeBsd, calls, interfaces};
use crate::model::VhidRef;
use crate::sys::address::{
    SIOCAIFADDR, SIOCAIFADDR_IN6, SIOCDIFADDR, SIOCDIFADDR_IN6, ifreq_with_address, in_aliasreq, in6_aliasreq,
    in6_ifreq,
};

impl FreeBsd {
    /// Adds `net` to the vhid, if it is not there.
    pub(super) fn add_address(&mut self, id: &VhidRef, net: IpNet) -> Result<(), Trouble> {
        let protocol = self.protocol(id)?;
        let (interfaces, addresses) = interfaces::list().map_err(unlisted)?;
        if address::add(id, net, protocol.as_ref(), &interfaces, &addresses)? {
            return add(id, net);
        }
        Ok(())
    }

    /// Deletes `net` from the vhid, if it is there.
    pub(super) fn delete_address(&mut self, id: &VhidRef, net: IpNet) -> Result<(), Trouble> {
        let (interfaces, addresses) = interfaces::list().map_err(unlisted)?;
        if address::delete(id, net, &interfaces, &addresses)? {
            delete(id, net)?;
        }
        Ok(())
    }
}

/// Adds an address that the interface does not have, and takes it back if only half of that succeeds.
pub(super) fn add(id: &VhidRef, net: IpNet) -> Result<(), Trouble> {
    let (interface, vhid) = (&id.interface, Some(id.vhid));
    let (name, added) = match net {
        IpNet::V4(net) => {
            let mut request = in_aliasreq(interface, net, vhid);
            ("SIOCAIFADDR", calls::ioctl_plain::<SIOCAIFADDR, _>(libc::AF_INET, &mut request))
        }
        IpNet::V6(net) => {
            let mut request = in6_aliasreq(interface, net, scope(id, net.addr()), vhid);
            ("SIOCAIFADDR_IN6", calls::ioctl_plain::<SIOCAIFADDR_IN6, _>(libc::AF_INET6, &mut request))
        }
    };
    let Err(error) = added else { return Ok(()) };
    let refusal = refused(Call::AddAddress, name, interface.as_str(), &error);
    match take_back(id, net) {
        Ok(()) => Err(refusal.into()),
        Err(_) => {
            let cause = format!("{}, and it stayed behind as an ordinary address", refusal.cause);
            let remedy = format!("remove it: `ifconfig {interface} inet6 {} -alias`", net.addr());
            Err(Refusal::new(cause, remedy).into())
        }
    }
}

/// An IPv6 address whose vhid refuses it stays on the interface as an ordinary one, and this node would answer for it.
fn take_back(id: &VhidRef, net: IpNet) -> Result<(), Trouble> {
    let left = || {
        let (_, addresses) = interfaces::list().map_err(unlisted)?;
        Ok::<_, Trouble>(address::left_behind(id, net, &addresses))
    };
    if !left()? {
        return Ok(());
    }
    delete(id, net)?;
    if left()? { Err(Refusal::new("it stayed", "remove it").into()) } else { Ok(()) }
}

fn delete(id: &VhidRef, net: IpNet) -> Result<(), Refusal> {
    let interface = &id.interface;
    let (name, deleted) = match net {
        IpNet::V4(net) => {
            let mut request = ifreq_with_address(interface, net.addr());
            ("SIOCDIFADDR", calls::ioctl_plain::<SIOCDIFADDR, _>(libc::AF_INET, &mut request))
        }
        IpNet::V6(net) => {
            let mut request = in6_ifreq(interface, net.addr(), scope(id, net.addr()));
            ("SIOCDIFADDR_IN6", calls::ioctl_plain::<SIOCDIFADDR_IN6, _>(libc::AF_INET6, &mut request))
        }
    };
    deleted.map_err(|error| refused(Call::DeleteAddress, name, interface.as_str(), &error))
}

/// A link-local address belongs to its interface. Without the number the kernel takes the named interface's own; with that of an
/// interface that has just gone, or goes by another name now, it refuses.
fn scope(id: &VhidRef, address: std::net::Ipv6Addr) -> u32 {
    if address.is_unicast_link_local() { interfaces::number(&id.interface) } else { 0 }
}
