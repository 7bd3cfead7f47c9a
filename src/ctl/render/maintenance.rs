//! `carpctl maintenance`: what happened, and what it means for the election.

use super::page::{Line, Page, View};
use super::status::vrrp;
use super::{demotion, id};
use crate::core::status::{Status, VhidState, VhidStatus};
use crate::ctl::time;

const INDENT: usize = 12;

/// After `maintenance enter`. `said` is what the daemon answered, `waited` whether the VIPs had time to move.
#[must_use]
pub fn entered(status: &Status, said: &str, waited: bool, view: &View) -> String {
    let mut page = after(status, said, view);
    let moves = status.vhids.iter().any(|vhid| vhid.state == VhidState::Master && !vhid.is_vrrp());
    let hint = if !moves {
        return page.finish();
    } else if waited {
        "nothing moved: the peer has net.inet.carp.preempt=0, is demoted too, or is not there. `carpctl status` on the peer \
         tells which"
    } else {
        "the peer takes over when it hears the next advert, if it has net.inet.carp.preempt=1 and is not demoted too. \
         `carpctl maintenance enter --wait` waits for it"
    };
    row(&mut page, "peer", hint);
    page.finish()
}

/// After `maintenance leave`.
#[must_use]
pub fn left(status: &Status, said: &str, view: &View) -> String {
    let mut page = after(status, said, view);
    if count(status, VhidState::Backup) > 0 {
        let hint = match status.carp {
            Some(carp) if !carp.preempt => {
                "net.inet.carp.preempt is 0 here: this node takes over only from a MASTER that is silent or much slower"
            }
            _ => "this node takes over at the next advert of a MASTER whose effective advskew is larger",
        };
        row(&mut page, "peer", hint);
    }
    page.finish()
}

/// `maintenance show`
#[must_use]
pub fn show(status: &Status, view: &View) -> String {
    let mut page = Page::new(*view);
    let maintenance = &status.maintenance;
    page.paragraph(&format!("{}: {}", status.node, word(status)));
    if maintenance.active || maintenance.opnsense && maintenance.since.is_some() {
        let end = maintenance.until.map_or_else(
            || "none by itself; carpctl maintenance leave ends it".to_owned(),
            |until| format!("it {}", time::ends(until, view.now())),
        );
        let rows = [
            ("reason", maintenance.reason.clone().filter(|reason| !reason.is_empty())),
            ("by", maintenance.by.clone().filter(|by| !by.is_empty())),
            ("since", maintenance.since.map(|since| format!("{} ago", time::span(view.now().since(since))))),
            ("end", Some(end)),
        ];
        for (label, text) in rows {
            row(&mut page, label, text.as_deref().unwrap_or("-"));
        }
    }
    if maintenance.opnsense {
        row(&mut page, "OPNsense", "its own maintenance mode is on");
    }
    row(&mut page, "demotion", &demotion::sum(status, view.now()));
    page.finish()
}

const fn word(status: &Status) -> &'static str {
    if status.maintenance.active || status.maintenance.opnsense { "in maintenance" } else { "not in maintenance" }
}

fn after(status: &Status, said: &str, view: &View) -> Page {
    let mut page = Page::new(*view);
    page.paragraph(&format!("{}: {said}", status.node));
    row(&mut page, "demotion", &demotion::sum(status, view.now()));
    if !status.vhids.is_empty() {
        if status.vhids.iter().any(|vhid| !vhid.is_vrrp()) {
            row(&mut page, "advskew", &skews(&status.vhids));
        }
        if let Some(text) = vrrp(status) {
            row(&mut page, "VRRP", &text);
        }
        row(&mut page, "now", &status.verdict.summary);
    }
    page
}

/// The effective skews of the CARP vhids: one sentence if they are all the same.
fn skews(vhids: &[VhidStatus]) -> String {
    let all = vhids.len();
    let vhids: Vec<&VhidStatus> = vhids.iter().filter(|vhid| !vhid.is_vrrp()).collect();
    let word = |skew: Option<u8>| skew.map_or_else(|| "unknown".to_owned(), |skew| skew.to_string());
    let first = vhids.first().and_then(|vhid| vhid.effective_advskew);
    if vhids.iter().all(|vhid| vhid.effective_advskew == first) {
        let every = if vhids.len() == all { "every vhid" } else { "every CARP vhid" };
        return format!("{} on the wire, for {every}", word(first));
    }
    let each: Vec<String> = vhids.iter().map(|vhid| format!("{} {}", id(vhid), word(vhid.effective_advskew))).collect();
    format!("on the wire: {}", each.join(", "))
}

fn count(status: &Status, state: VhidState) -> usize {
    status.vhids.iter().filter(|vhid| vhid.state == state).count()
}

fn row(page: &mut Page, label: &str, text: &str) {
    page.labelled(&Line::new(&format!("  {label}")), INDENT, text);
}
