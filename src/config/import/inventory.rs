//! From a running kernel.

use super::{Draft, Secret};
use crate::config::settings::{Pfsync, PfsyncVersion, StaticVhid};
use crate::model::{CarpVariable, Inventory, PfsyncSettings, VhidInventory, VhidProtocol};

/// The carpd.toml that asks for what the kernel has.
#[must_use]
pub fn from_inventory(inventory: &Inventory) -> Draft {
    let mut draft = Draft::new("the running kernel".to_owned());
    for vhid in &inventory.vhids {
        add_vhid(&mut draft, vhid);
    }
    draft.pfsync = inventory.pfsync.as_ref().and_then(pfsync);
    draft.preempt = inventory.variable(CarpVariable::Preempt).map(|value| value != 0);
    if draft.preempt == Some(false) {
        draft.notes.push(
            "net.inet.carp.preempt is 0, so that no demotion moves a vhid; set it to true on both nodes.".to_owned(),
        );
    }
    let defaults = [
        (CarpVariable::Allow, 1),
        (CarpVariable::Log, 1),
        (CarpVariable::SenderrDemotionFactor, 240),
        (CarpVariable::IfdownDemotionFactor, 240),
    ];
    for (variable, default) in defaults {
        if let Some(value) = inventory.variable(variable).filter(|value| *value != default) {
            draft.notes.push(format!("{} is {value}, which is for sysctl.conf(5) to set.", variable.name()));
        }
    }
    draft
}

fn add_vhid(draft: &mut Draft, vhid: &VhidInventory) {
    let seen = &vhid.seen;
    let VhidProtocol::Carp(carp) = seen.protocol else {
        draft
            .notes
            .push(format!("vhid {} speaks VRRP, which carpd.toml cannot set up; leave it in rc.conf(5).", seen.id));
        return;
    };
    let owned = StaticVhid {
        id: seen.id.clone(),
        advbase: carp.advbase,
        advskew: carp.advskew,
        password_file: None,
        addresses: seen.addresses.clone(),
        peer: carp.peer,
        peer6: carp.peer6,
    };
    draft.add(owned, vhid.key.as_ref().map_or(Secret::Hidden, Secret::of_key));
}

fn pfsync(settings: &PfsyncSettings) -> Option<Pfsync> {
    Some(Pfsync {
        syncdev: settings.syncdev.clone()?,
        syncpeer: settings.syncpeer,
        version: PfsyncVersion::ALL.into_iter().find(|version| version.number() == settings.version),
        defer: settings.defer,
        maxupdates: settings.maxupdates,
    })
}
