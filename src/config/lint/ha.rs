//! Checks of the high-availability settings and of the tunables.

use super::view::View;
use super::{Report, Single};
use crate::config::catalogue::opnsense as c;
use crate::config::opnsense::{Field, Tunable};

pub(super) const CHECKS: &[Single] = &[
    (c::PREEMPT_OFF, preempt_off),
    (c::PFSYNC_NO_PEER, pfsync_no_peer),
    (c::PFSYNC_PRODUCTION, pfsync_production),
    (c::PFSYNC_INTERFACE, pfsync_interface),
    (c::PFSYNC_SELF, pfsync_self),
    (c::SYNC_FROM_BACKUP, sync_from_backup),
    (c::SYNC_TO_SELF, sync_to_self),
    (c::PFSYNC_OFF, pfsync_off),
    (c::MAINTENANCE, maintenance),
    (c::SYNC_NO_PASSWORD, sync_no_password),
    (c::DEMOTION_TUNABLE, demotion_tunable),
    (c::CARP_OFF, carp_off),
];

/// The configuration sync adds this to every skew, so a node with at least that much everywhere is the receiving one.
const SYNC_SKEW: u8 = 100;

/// The tunable `name`, if its value is not the default.
fn tunable<'v>(view: &View<'v>, name: &str) -> Option<&'v Tunable> {
    let set = |tunable: &&Tunable| !matches!(tunable.value.as_str(), "" | "default");
    view.config.tunables.iter().filter(set).find(|tunable| tunable.name == name)
}

fn has_carp(view: &View<'_>) -> bool {
    view.groups.values().any(|group| !group.carps.is_empty())
}

/// Every CARP entry has a skew that the configuration sync must have written.
pub(super) fn looks_like_backup(view: &View<'_>) -> bool {
    let mut carps = view.groups.values().flat_map(|group| &group.carps);
    has_carp(view) && carps.all(|vip| vip.advskew.get().is_some_and(|skew| skew.get() >= SYNC_SKEW))
}

fn preempt_off(view: &View<'_>, report: &mut Report) {
    let ha = &view.config.ha;
    if !ha.preempt {
        let cause = "'Disable preempt' is set: demotion and maintenance will not move the virtual IPs here".to_owned();
        report.add(view, ha.preempt_line, "hasync/disablepreempt", cause, "clear it on both nodes, then reboot");
    }
    if let Some(tunable) = tunable(view, "net.inet.carp.preempt").filter(|tunable| tunable.value == "0") {
        let cause = format!("{} is set to 0", tunable.name);
        report.add(view, tunable.line, format!("{}/value", tunable.path), cause, "delete the tunable on both nodes");
    }
}

fn pfsync_no_peer(view: &View<'_>, report: &mut Report) {
    let Some(pfsync) = &view.config.ha.pfsync else { return };
    let cause = match &pfsync.peer {
        Field::Valid { value, .. } if value.is_ipv4() => return,
        Field::Valid { value, .. } => format!("OPNsense does not apply the IPv6 peer {value}"),
        Field::Wrong { text, .. } => format!("the peer {text:?} is not an address"),
        Field::Unset => "no peer is set".to_owned(),
    };
    let cause = format!("pfsync on {}: {cause}; states go to the multicast group", pfsync.interface);
    let remedy = format!("enter the other node's IPv4 address on {}", pfsync.interface);
    report.add(view, pfsync.peer.line_or(pfsync.line), "hasync/pfsyncpeerip", cause, remedy);
}

fn pfsync_production(view: &View<'_>, report: &mut Report) {
    let Some(pfsync) = &view.config.ha.pfsync else { return };
    let key = pfsync.interface.as_str();
    let Some(interface) = view.interface(key) else { return };
    let why = if view.carries_carp(key) {
        "carries CARP addresses"
    } else if key == "lan" {
        "is the interface of the users"
    } else if interface.is_upstream() {
        "leads to an upstream network"
    } else {
        return;
    };
    let cause = format!("pfsync uses {key}, which {why}");
    report.add(view, pfsync.line, "hasync/pfsyncinterface", cause, "use a cable or VLAN of its own between the nodes");
}

fn pfsync_interface(view: &View<'_>, report: &mut Report) {
    let Some(pfsync) = &view.config.ha.pfsync else { return };
    let why = match view.interface(&pfsync.interface) {
        None => "is not assigned",
        Some(interface) if interface.device.is_none() => "has no device",
        Some(interface) if !interface.enabled => "is not enabled",
        Some(_) => return,
    };
    let cause = format!("pfsync uses {}, which {why}", pfsync.interface);
    report.add(view, pfsync.line, "hasync/pfsyncinterface", cause, "choose an enabled interface, or enable this one");
}

fn pfsync_self(view: &View<'_>, report: &mut Report) {
    let Some(pfsync) = &view.config.ha.pfsync else { return };
    let Some(peer) = pfsync.peer.get().filter(|peer| view.is_own(**peer)) else { return };
    let cause = format!("the pfsync peer {peer} is this node itself");
    let remedy = format!("enter the other node's address on {}", pfsync.interface);
    report.add(view, pfsync.peer.line_or(pfsync.line), "hasync/pfsyncpeerip", cause, remedy);
}

fn sync_from_backup(view: &View<'_>, report: &mut Report) {
    let Some(target) = view.config.ha.sync_target.as_ref().filter(|_| looks_like_backup(view)) else { return };
    let cause = format!(
        "all skews are {SYNC_SKEW} or more, as on a backup, but {} is to receive our configuration",
        target.host
    );
    report.add(view, target.line, "hasync/synchronizetoip", cause, "clear target, user and password on the backup");
}

fn sync_to_self(view: &View<'_>, report: &mut Report) {
    let Some(target) = &view.config.ha.sync_target else { return };
    if target.address().is_some_and(|address| view.is_own(address)) {
        let cause = format!("the configuration would be sent to {}, which is this node itself", target.host);
        report.add(view, target.line, "hasync/synchronizetoip", cause, "enter the other node's address");
    }
}

fn pfsync_off(view: &View<'_>, report: &mut Report) {
    let ha = &view.config.ha;
    if ha.pfsync.is_none() && has_carp(view) {
        let cause = "connection states are not shared with the other node".to_owned();
        report.add(
            view,
            ha.line,
            "hasync/pfsyncinterface",
            cause,
            "choose an interface for them, or accept broken connections",
        );
    }
}

fn maintenance(view: &View<'_>, report: &mut Report) {
    if view.config.maintenance {
        let cause = format!("{} will add 240 to its demotion at every boot", view.name());
        let remedy = "leave maintenance mode when the work is done";
        report.add(view, view.config.maintenance_line, "virtualip_carp_maintenancemode", cause, remedy);
    }
}

fn sync_no_password(view: &View<'_>, report: &mut Report) {
    if let Some(target) = view.config.ha.sync_target.as_ref().filter(|target| !target.has_password) {
        let cause = format!("the configuration is to be sent to {} without a password", target.host);
        let remedy = "enter user and password of the other node, or clear the target";
        report.add(view, target.line, "hasync/password", cause, remedy);
    }
}

fn demotion_tunable(view: &View<'_>, report: &mut Report) {
    if let Some(tunable) = tunable(view, "net.inet.carp.demotion") {
        let cause = format!("{} = {} is added at every apply, not set", tunable.name, tunable.value);
        let remedy = "delete the tunable; use the skew or maintenance mode";
        report.add(view, tunable.line, format!("{}/tunable", tunable.path), cause, remedy);
    }
}

fn carp_off(view: &View<'_>, report: &mut Report) {
    if let Some(tunable) = tunable(view, "net.inet.carp.allow").filter(|tunable| tunable.value == "0") {
        let cause = format!("{} = 0 keeps every vhid from existing", tunable.name);
        report.add(view, tunable.line, format!("{}/value", tunable.path), cause, "delete the tunable");
    }
}
