//! High-availability settings that have to fit each other.

use super::super::Report;
use super::super::ha::looks_like_backup;
use super::super::view::View;
use super::vhids::preference;
use crate::config::opnsense::{Field, PfsyncSettings};

pub(super) fn preempt(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    let (mine, theirs) = (&own.config.ha, &other.config.ha);
    if mine.preempt != theirs.preempt {
        let (on, off) = if mine.preempt { (own, other) } else { (other, own) };
        let cause = format!("{} preempts, {} does not", on.name(), off.name());
        let remedy = format!("clear 'Disable preempt' on {}, then reboot it", off.name());
        report.add(own, mine.preempt_line, "hasync/disablepreempt", cause, remedy);
    }
}

/// pfsync's settings on both nodes, if it is on there.
fn pfsync<'v>(own: &View<'v>, other: &View<'v>) -> Option<(&'v PfsyncSettings, &'v PfsyncSettings)> {
    own.config.ha.pfsync.as_ref().zip(other.config.ha.pfsync.as_ref())
}

pub(super) fn pfsync_version(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    let Some((mine, theirs)) = pfsync(own, other) else { return };
    let Some((a, b)) = mine.version.get().zip(theirs.version.get()).filter(|(a, b)| a != b) else { return };
    let cause = format!("pfsync speaks version {a} on {} and {b} on {}", own.name(), other.name());
    let remedy = "choose the same 'Sync compatibility' on both nodes";
    report.add(own, mine.version.line_or(mine.line), "hasync/pfsyncversion", cause, remedy);
}

pub(super) fn pfsync_default(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    let Some((mine, theirs)) = pfsync(own, other) else { return };
    let (without, version) = match (&mine.version, &theirs.version) {
        (Field::Unset, Field::Valid { value, .. }) => (own, value),
        (Field::Valid { value, .. }, Field::Unset) => (other, value),
        _ => return,
    };
    let cause = format!("{} names no pfsync version, the other node speaks {version}", without.name());
    let remedy = format!("choose 'Sync compatibility' {version} on both nodes");
    report.add(own, mine.version.line_or(mine.line), "hasync/pfsyncversion", cause, remedy);
}

pub(super) fn pfsync_peer(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    let Some((mine, theirs)) = pfsync(own, other) else { return };
    let Some(peer) = mine.peer.get() else { return };
    let Some(address) = other.interface(&theirs.interface).and_then(|i| i.net_like(*peer)).map(|net| net.addr()) else {
        return;
    };
    if *peer != address {
        let key = &theirs.interface;
        let cause = format!("the pfsync peer {peer} is not {}, which has {address} on {key}", other.name());
        report.add(own, mine.peer.line_or(mine.line), "hasync/pfsyncpeerip", cause, format!("enter {address}"));
    }
}

pub(super) fn pfsync_one(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    let (mine, theirs) = (&own.config.ha, &other.config.ha);
    if mine.pfsync.is_some() != theirs.pfsync.is_some() {
        let (on, off) = if mine.pfsync.is_some() { (own, other) } else { (other, own) };
        let line = mine.pfsync.as_ref().map_or(mine.line, |pfsync| pfsync.line);
        let cause = format!("{} uses pfsync, {} does not", on.name(), off.name());
        let remedy = format!("choose the interface and the peer on {} too", off.name());
        report.add(own, line, "hasync/pfsyncinterface", cause, remedy);
    }
}

pub(super) fn sync_from_backup(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    let order = preference(own, other);
    let (primary, backup) = match order {
        1.. => (own, other),
        ..=-1 => (other, own),
        0 => return,
    };
    // Where the file alone shows it, the checks of that file say so.
    let Some(target) = backup.config.ha.sync_target.as_ref().filter(|_| !looks_like_backup(backup)) else { return };
    let cause = format!("{} has the higher skews, but sends its configuration to {}", backup.name(), target.host);
    let remedy = format!("clear target, user and password on {}; {} sends", backup.name(), primary.name());
    report.add(backup, target.line, "hasync/synchronizetoip", cause, remedy);
}

pub(super) fn sync_target(own: &View<'_>, other: &View<'_>, report: &mut Report) {
    let Some(target) = &own.config.ha.sync_target else { return };
    // A host name may well be right, and our own address is a finding of the one file.
    let Some(address) = target.address().filter(|address| !other.is_own(*address) && !own.is_own(*address)) else {
        return;
    };
    let cause = format!("the configuration is sent to {address}, which is not {}", other.name());
    let remedy = format!("enter the address of {} on the synchronization interface", other.name());
    report.add(own, target.line, "hasync/synchronizetoip", cause, remedy);
}
