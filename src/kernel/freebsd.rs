//! FreeBSD's own CARP and pfsync.
//!
//! Vhids are read over generic netlink where the kernel has it (14 and newer) and with SIOCGVH, one at a time, elsewhere;
//! which of the two works is found out by trying, never from a version.
//!
//! Reading needs no privilege; adding to the demotion needs root, or root of the vnet jail that carpd runs in.
#![allow(unsafe_code, reason = "this is the kernel end: each block says why it is sound")]

mod address;
mod administer;
mod calls;
pub(super) mod interfaces;
mod inventory;
mod layout;
mod link;
pub(crate) mod multicast;
mod netlink;
mod pfsync;
#[cfg(test)]
mod tests;
mod vhid;

use std::io;

use zeroize::Zeroize;

use super::decide::{Address, Interface};
use super::{Administer, DemotionLogLine, Kernel, KernelError};
use crate::model::{
    CarpParameters, CarpSysctls, Demotion, InterfaceName, InterfaceSnapshot, LinkSnapshot, LinkState, PfsyncSnapshot,
    Snapshot, Vhid, VhidProtocol, VhidRef, VhidSnapshot, Write,
};
use crate::sys::carp_netlink::{GROUP4, GROUP6, Protocol, Record};
use crate::sys::{carp_request, kernel_log, stats};
use calls::Sysctl;
use netlink::Netlink;

/// This machine's kernel, or that of the vnet jail that the process runs in.
#[derive(Debug)]
pub(super) struct FreeBsd {
    netlink: Option<Netlink>,
    /// Which boot this is, once it was read: no process outlives it.
    boot: Option<String>,
}

impl FreeBsd {
    /// Opens what is kept open: the netlink socket, if the kernel has netlink.
    #[must_use]
    pub(super) fn new() -> Self {
        Self { netlink: Netlink::open().ok(), boot: None }
    }

    fn sysctls(&self) -> Result<CarpSysctls, KernelError> {
        let carp = |name: &'static str| Sysctl(name).int().map_err(|source| no_carp_or(source, name));
        Ok(CarpSysctls {
            allow: carp("net.inet.carp.allow")? != 0,
            preempt: carp("net.inet.carp.preempt")? != 0,
            demotion: Demotion::new(carp("net.inet.carp.demotion")?),
            ifdown_demotion_factor: Demotion::new(carp("net.inet.carp.ifdown_demotion_factor")?),
            senderr_demotion_factor: Demotion::new(carp("net.inet.carp.senderr_demotion_factor")?),
            // Without the pfsync module nothing is ever added for it.
            pfsync_demotion_factor: Demotion::new(Sysctl("net.pfsync.carp_demotion_factor").int().unwrap_or(0)),
        })
    }

    fn vhids(&mut self, interfaces: &[Interface], addresses: &[Address]) -> Result<Vec<VhidSnapshot>, KernelError> {
        let mut vhids = Vec::new();
        for interface in interfaces.iter().filter(|i| i.may_carry_carp) {
            for record in self.records(interface, addresses)? {
                vhids.push(vhid_of(&interface.name, &record, addresses));
            }
        }
        vhids.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(vhids)
    }

    fn records(&mut self, interface: &Interface, addresses: &[Address]) -> Result<Vec<Record>, KernelError> {
        if let Some(netlink) = &mut self.netlink
            && let Some(records) = netlink.vhids(&interface.name)?
        {
            return Ok(records);
        }
        let mut numbers: Vec<Vhid> =
            addresses.iter().filter(|a| a.interface == interface.name).filter_map(|a| a.vhid).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().filter_map(|vhid| one_by_one(&interface.name, vhid).transpose()).collect()
    }
}

impl Default for FreeBsd {
    fn default() -> Self {
        Self::new()
    }
}

impl Kernel for FreeBsd {
    fn snapshot(&mut self, links: &[InterfaceName]) -> Result<Snapshot, KernelError> {
        let sysctls = self.sysctls()?;
        let (interfaces, addresses) = interfaces::list().map_err(|e| call("getifaddrs", "all interfaces", e))?;
        let vhids = self.vhids(&interfaces, &addresses)?;
        let pfsync = pfsync::read()?;
        let state = |name: &InterfaceName| {
            let found = interfaces.iter().find(|interface| interface.name == *name);
            found.map_or(LinkState::Absent, |interface| LinkState::of(interface.up, interface.running))
        };
        let links = links.iter().map(|name| LinkSnapshot { name: name.clone(), state: state(name) }).collect();
        let mtu = interfaces.iter().find(|i| i.name.as_str() == "pfsync0").map(|i| i.mtu);
        let matters = |name: &InterfaceName| {
            vhids.iter().any(|v| v.id.interface == *name)
                || pfsync.as_ref().is_some_and(|p| p.syncdev.as_ref() == Some(name))
        };
        let interfaces = interfaces
            .into_iter()
            .filter(|i| matters(&i.name))
            .map(|i| InterfaceSnapshot { name: i.name, up: i.up, link: i.link })
            .collect();
        let counters = Sysctl("net.inet.carp.stats").bytes().map_err(|e| call("sysctl", "net.inet.carp.stats", e))?;
        let (ipackets, opackets) = pfsync_packets();
        if self.boot.is_none() {
            self.boot = Some(boot_id().map_err(|e| call("sysctl", "kern.boot_id", e))?);
        }
        Ok(Snapshot {
            boot: self.boot.clone().unwrap_or_default(),
            vhids,
            interfaces,
            sysctls,
            counters: stats::carp(&counters).unwrap_or_default(),
            pfsync: pfsync.map(|p| PfsyncSnapshot {
                syncdev: p.syncdev,
                syncpeer: p.syncpeer.map(|peer| peer.address),
                mtu,
                version: p.version,
                in_sync: p.in_sync,
                ipackets,
                opackets,
            }),
            links,
        })
    }

    fn add_demotion(&mut self, delta: Demotion) -> Result<(), KernelError> {
        const NAME: &str = "net.inet.carp.demotion";
        Sysctl(NAME).set_int(delta.get()).map_err(|source| no_carp_or(source, NAME))
    }

    fn set_link(&mut self, interface: &InterfaceName, up: bool) -> Result<(), KernelError> {
        self.write(&Write::Link { interface: interface.clone(), up })
    }

    fn demotion_log(&mut self) -> Result<Vec<DemotionLogLine>, KernelError> {
        let bytes = Sysctl("kern.msgbuf").bytes().map_err(|e| call("sysctl", "kern.msgbuf", e))?;
        Ok(kernel_log::demotions(&bytes))
    }
}

fn vhid_of(interface: &InterfaceName, record: &Record, addresses: &[Address]) -> VhidSnapshot {
    let protocol = match record.protocol {
        Protocol::Carp { advbase, advskew, peer, peer6, .. } => VhidProtocol::Carp(CarpParameters {
            advbase,
            advskew,
            peer: (peer != GROUP4).then_some(peer),
            peer6: (peer6 != GROUP6).then_some(peer6),
        }),
        Protocol::Vrrp(parameters) => VhidProtocol::Vrrp(parameters),
    };
    let mut nets: Vec<_> =
        addresses.iter().filter(|a| a.interface == *interface && a.vhid == Some(record.vhid)).map(|a| a.net).collect();
    nets.sort_unstable();
    VhidSnapshot { id: VhidRef::new(record.vhid, interface.clone()), state: record.state, protocol, addresses: nets }
}

fn one_by_one(interface: &InterfaceName, vhid: Vhid) -> Result<Option<Record>, KernelError> {
    let mut request = carp_request::get(vhid);
    let asked = calls::ioctl_with(interface, carp_request::SIOCGVH, &mut request);
    let record = match asked {
        Ok(()) => decode(&request),
        // It went between the two reads, or the interface is of a type that carries none.
        Err(e)
            if matches!(
                e.raw_os_error(),
                Some(libc::ENOENT | libc::ENXIO | libc::EOPNOTSUPP | libc::EADDRNOTAVAIL)
            ) =>
        {
            None
        }
        Err(e) => return Err(call("SIOCGVH", &VhidRef::new(vhid, interface.clone()).to_string(), e)),
    };
    // Root is told the key, too.
    request.zeroize();
    Ok(record)
}

/// The one request has no field for peers, nor for the parameters of VRRP.
fn decode(answer: &[u8; carp_request::SIZE]) -> Option<Record> {
    if let Some((vhid, state)) = carp_request::decode_vrrp(answer) {
        return Some(Record { vhid, state, protocol: Protocol::Vrrp(None) });
    }
    let r = carp_request::decode(answer)?;
    // Others are told zeros, which could be taken for a key that was never set.
    let key = nix::unistd::geteuid().is_root().then_some(r.key);
    let protocol = Protocol::Carp { advbase: r.advbase, advskew: r.advskew, peer: GROUP4, peer6: GROUP6, key };
    Some(Record { vhid: r.vhid, state: r.state, protocol })
}

fn pfsync_packets() -> (u64, u64) {
    Sysctl("net.pfsync.stats").bytes().ok().and_then(|bytes| stats::pfsync(&bytes)).unwrap_or_default()
}

/// `kern.boot_id` is 16 random bytes, made anew at every boot. The time of boot would not do: it moves when the clock is set.
fn boot_id() -> io::Result<String> {
    Ok(Sysctl("kern.boot_id").bytes()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The whole tree `net.inet.carp` exists only while the module is loaded.
fn no_carp_or(source: io::Error, object: &'static str) -> KernelError {
    if source.raw_os_error() == Some(libc::ENOENT) { KernelError::NoCarp } else { call("sysctl", object, source) }
}

fn call(call: &'static str, object: &str, source: io::Error) -> KernelError {
    KernelError::Call { call, object: object.to_owned(), source }
}
