//! What a lab node is set up with at boot: its interfaces and VIPs, taken from its configuration file.

use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;

use crate::config::opnsense::OpnsenseConfig;
use crate::config::password;
use crate::config::settings::StaticVips;
use crate::model::{AdvBase, AdvSkew, CarpKey, InterfaceName, VhidRef};

/// A node, as its configuration describes it.
#[derive(Clone, Debug)]
pub struct NodePlan {
    /// Its name.
    pub name: String,
    /// Its interfaces with what tells which of them are on one segment.
    pub interfaces: Vec<InterfacePlan>,
    /// Its vhids.
    pub vhids: Vec<VhidPlan>,
    /// `net.inet.carp.preempt`
    pub preempt: bool,
    /// `net.inet.carp.senderr_demotion_factor`; OPNsense sets it to 0.
    pub senderr_factor: i32,
    /// pfsync, if it is on.
    pub pfsync: Option<PfsyncPlan>,
    /// OPNsense's own maintenance mode is on, which adds 240 at every boot.
    pub opnsense_maintenance: bool,
    /// The tunnels that are made and raised at boot, whatever the election says.
    pub tunnels: Vec<InterfaceName>,
}

/// An interface.
#[derive(Clone, Debug)]
pub struct InterfacePlan {
    /// The kernel's name.
    pub name: InterfaceName,
    /// What people call it: OPNsense's key, or the kernel's name.
    pub label: String,
    /// Its own addresses.
    pub addresses: Vec<IpNet>,
}

/// A vhid with everything the kernel is told about it.
#[derive(Clone, Debug)]
pub struct VhidPlan {
    /// Which one.
    pub id: VhidRef,
    /// Seconds between adverts.
    pub advbase: AdvBase,
    /// Configured skew.
    pub advskew: AdvSkew,
    /// The shared secret, if there is one.
    pub key: Option<CarpKey>,
    /// Unicast peers, if adverts do not go to the multicast groups.
    pub peers: Vec<IpAddr>,
    /// The addresses, the CARP entry's own first.
    pub addresses: Vec<IpNet>,
}

/// pfsync.
#[derive(Clone, Debug)]
pub struct PfsyncPlan {
    /// Where states are sent.
    pub syncdev: InterfaceName,
    /// The unicast peer, if not the multicast group.
    pub syncpeer: Option<IpAddr>,
    /// Message format, 0 for the kernel's own default.
    pub version: u32,
    /// Hold the first packet of a connection back.
    pub defer: bool,
    /// How many updates of one state are collected.
    pub maxupdates: u8,
}

/// Stands in for every password whose file is not here, so both nodes of a pair have the same.
pub const PASSWORD: &[u8] = b"carpd-lab";

fn key(file: &Path) -> CarpKey {
    password::read(file).map_or_else(|_| CarpKey::from_password(PASSWORD), |password| password.key)
}

impl NodePlan {
    /// The node that OPNsense would make of `config`.
    #[must_use]
    pub fn from_opnsense(name: &str, config: &OpnsenseConfig) -> Self {
        let interfaces = config
            .interfaces
            .iter()
            .filter_map(|interface| {
                let name = interface.device.clone()?;
                Some(InterfacePlan { name, label: interface.key.clone(), addresses: interface.nets().collect() })
            })
            .collect();
        let vhids = config.vhids().into_iter().map(|v| VhidPlan {
            peers: [v.peer, v.peer6].into_iter().flatten().collect(),
            key: Some(v.key),
            id: v.id,
            advbase: v.advbase,
            advskew: v.advskew,
            addresses: v.addresses,
        });
        let pfsync = config.ha.pfsync.as_ref().and_then(|p| {
            Some(PfsyncPlan {
                syncdev: config.device(&p.interface)?.clone(),
                syncpeer: p.peer.get().copied(),
                version: p.version.get().copied().unwrap_or(1400),
                defer: false,
                maxupdates: 128,
            })
        });
        Self {
            name: name.to_owned(),
            interfaces,
            vhids: vhids.collect(),
            preempt: config.ha.preempt,
            senderr_factor: 0,
            pfsync,
            opnsense_maintenance: config.maintenance,
            tunnels: Vec::new(),
        }
    }

    /// The node of a carpd.toml that owns its VIPs.
    ///
    /// Such a file does not name the interfaces' own addresses, so two nodes share a segment where their VIPs do. The password
    /// files that it names may be on another machine: [`PASSWORD`] stands in for what cannot be read.
    #[must_use]
    pub fn from_static(name: &str, vips: &StaticVips) -> Self {
        let mut interfaces: Vec<InterfacePlan> = Vec::new();
        let mut vhids = Vec::new();
        for vhid in &vips.vhids {
            let name = &vhid.id.interface;
            match interfaces.iter_mut().find(|i| i.name == *name) {
                Some(interface) => interface.addresses.extend(&vhid.addresses),
                None => interfaces.push(InterfacePlan {
                    name: name.clone(),
                    label: name.to_string(),
                    addresses: vhid.addresses.clone(),
                }),
            }
            vhids.push(VhidPlan {
                id: vhid.id.clone(),
                advbase: vhid.advbase,
                advskew: vhid.advskew,
                key: vhid.password_file.as_deref().map(key),
                peers: [vhid.peer.map(IpAddr::from), vhid.peer6.map(IpAddr::from)].into_iter().flatten().collect(),
                addresses: vhid.addresses.clone(),
            });
        }
        let pfsync = vips.pfsync.as_ref().map(|p| PfsyncPlan {
            syncdev: p.syncdev.clone(),
            syncpeer: p.syncpeer,
            version: p.version.map_or(0, crate::config::settings::PfsyncVersion::number),
            defer: p.defer,
            maxupdates: p.maxupdates,
        });
        if let Some(p) = &pfsync
            && !interfaces.iter().any(|i| i.name == p.syncdev)
        {
            interfaces.push(InterfacePlan {
                name: p.syncdev.clone(),
                label: p.syncdev.to_string(),
                addresses: Vec::new(),
            });
        }
        for interface in &mut interfaces {
            // Only the network matters for finding the segment: the VIPs themselves are added with their vhid.
            interface.addresses.iter_mut().for_each(|net| *net = net.trunc());
        }
        let preempt = vips.preempt;
        Self {
            name: name.to_owned(),
            interfaces,
            vhids,
            preempt,
            senderr_factor: 240,
            pfsync,
            opnsense_maintenance: false,
            tunnels: Vec::new(),
        }
    }

    /// The interface that people call `label`, by either name.
    #[must_use]
    pub fn interface(&self, label: &str) -> Option<&InterfacePlan> {
        self.interfaces.iter().find(|i| i.label == label || i.name.as_str() == label)
    }
}
