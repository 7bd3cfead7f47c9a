//! `carpctl status`

use super::demotion;
use super::page::{Line, Page, Style, View};
use super::table::Table;
use super::{headline, id, severity_style};
use crate::core::link::Level;
use crate::core::role::Role;
use crate::core::service::{ActionKind, ActionResult, Is};
use crate::core::status::{
    EventsStatus, Health, LinkStatus, PfsyncStatus, Problem, ServiceStatus, Severity, Source, Status, VhidState,
    VhidStatus,
};
use crate::ctl::text::width;
use crate::ctl::time;
use crate::model::{LinkState, Wall};

/// Where the texts after a label begin.
const INDENT: usize = 12;

/// The columns that a last column needs at least; with less its text goes below the row.
const NARROW: usize = 16;

/// The whole status.
#[must_use]
pub fn status(status: &Status, view: &View) -> String {
    let mut page = Page::new(*view);
    head(&mut page, status);
    if let Some(peer) = &status.peer {
        page.line(&Line::new(&format!("peer {}", peer.node)));
    }
    problems(&mut page, status);
    vhids(&mut page, &status.vhids);
    services(&mut page, &status.services);
    page.gap();
    sums(&mut page, status);
    page.finish()
}

/// One line if all is well, otherwise what is not.
#[must_use]
pub fn brief(status: &Status, view: &View) -> String {
    let mut page = Page::new(*view);
    if status.verdict.severity == Severity::Ok && status.verdict.problems.is_empty() {
        page.line(&Line::new(&format!("{}: all is well", status.node)));
    } else {
        head(&mut page, status);
        problems(&mut page, status);
    }
    page.finish()
}

pub(super) fn head(page: &mut Page, status: &Status) {
    let severity = status.verdict.severity;
    let line = Line::default()
        .add(Style::Bold, &status.node)
        .add(Style::Plain, ": ")
        .add(severity_style(severity), severity.as_str())
        .add(Style::Plain, &format!("  {}", status.verdict.summary));
    let who = match status.source {
        Source::Daemon => format!("carpd {}", status.version),
        Source::Kernel => "without carpd".to_owned(),
    };
    let room = page.view().width().saturating_sub(line.width());
    let line = if width(&who) + 2 <= room { line.cell(Style::Dim, &who, room, true) } else { line };
    // A name and a summary that are too long for one line are still told in full.
    if line.width() > page.view().width() { page.paragraph(&headline(status)) } else { page.line(&line) }
}

pub(super) fn problems(page: &mut Page, status: &Status) {
    for problem in &status.verdict.problems {
        let named = problem.severity != status.verdict.severity;
        let what =
            if named { format!("{}: {}", problem.severity.as_str(), problem.what) } else { problem.what.clone() };
        told(page, problem, &what);
    }
}

fn told(page: &mut Page, problem: &Problem, what: &str) {
    const UNDER: usize = 10;
    page.labelled(&Line::default().add(severity_style(problem.severity), "  why"), UNDER, what);
    for (label, text) in [("  effect", &problem.effect), ("  next", &problem.next)] {
        if !text.is_empty() {
            page.labelled(&Line::default().add(Style::Dim, label), UNDER, text);
        }
    }
}

fn vhids(page: &mut Page, vhids: &[VhidStatus]) {
    if vhids.is_empty() {
        return;
    }
    let now = page.view().now();
    let mut table = Table::new([">VHID", "IFACE", "STATE", "SINCE", ">SKEW", ">EFF"]);
    for vhid in vhids {
        let plain = |text: String| (Style::Plain, text);
        table.row([
            plain(vhid.vhid.to_string()),
            plain(vhid.interface.to_string()),
            (state_style(vhid.state), vhid.state.as_str().to_owned()),
            plain(since(vhid.since, now)),
            plain(if vhid.is_vrrp() { "prio".to_owned() } else { number(vhid.advskew) }),
            plain(number(if vhid.is_vrrp() { vhid.priority } else { vhid.effective_advskew })),
        ]);
    }
    page.gap();
    table.head(page, "ADDRESSES");
    let room = page.view().width().saturating_sub(table.width());
    for (line, vhid) in table.lines().zip(vhids) {
        match some_addresses(&vhid.addresses, room) {
            Some(text) => page.line(&line.add(Style::Plain, &text)),
            None => {
                page.line(&line);
                let below = page.view().width().saturating_sub(INDENT);
                let text = some_addresses(&vhid.addresses, below).unwrap_or_else(|| vhid.addresses.join(", "));
                page.labelled(&Line::default(), INDENT, &text);
            }
        }
    }
}

/// As many addresses as fit into `room`, and how many more there are; `None` if not even one fits.
fn some_addresses(addresses: &[String], room: usize) -> Option<String> {
    let text = |shown: usize| {
        let mut text = addresses.iter().take(shown).cloned().collect::<Vec<_>>().join(", ");
        if shown < addresses.len() {
            text.push_str(&format!(" +{}", addresses.len() - shown));
        }
        text
    };
    if addresses.is_empty() {
        return Some("-".to_owned());
    }
    // Addresses are never shorter than two columns each, so more than `room` of them cannot fit.
    (1..=addresses.len().min(room)).rev().map(text).find(|text| width(text) <= room)
}

fn services(page: &mut Page, services: &[ServiceStatus]) {
    if services.is_empty() {
        return;
    }
    let now = page.view().now();
    let mut table = Table::new(["SERVICE", "WANT", "IS", "HEALTH"]);
    for service in services {
        let (health, health_style) = health(service);
        table.row([
            (Style::Plain, service.name.to_string()),
            (Style::Plain, want(service.want).to_owned()),
            (is_style(service), is(service.is).to_owned()),
            (health_style, health.to_owned()),
        ]);
    }
    table.limit(0, page.view().width() / 4);
    page.gap();
    table.head(page, "LAST CHANGE");
    for (line, service) in table.lines().zip(services) {
        let text = last_change(service, now);
        if page.view().width().saturating_sub(table.width()) >= NARROW {
            page.labelled(&line, table.width(), &text);
        } else {
            page.line(&line);
            page.labelled(&Line::default(), INDENT, &text);
        }
        if let Some(link) = &service.link {
            let text = format!("link {}", self::link(service, link, now));
            page.labelled(&Line::default(), INDENT, &text);
        }
    }
}

/// One line about the link of a service: `wg20 down (standby), for 5 min`.
pub(super) fn link(service: &ServiceStatus, link: &LinkStatus, now: Wall) -> String {
    let is = link.is.map_or("unknown", LinkState::as_str);
    let role = service.want.map_or_else(String::new, |role| format!(" ({})", role.as_str()));
    let since = link.since.map_or_else(String::new, |since| format!(", for {}", time::span(now.since(since))));
    let next = match (link.busy, link.want.filter(|_| link.wrong_for.is_some())) {
        (Some(Level::Up), _) => "; it is being raised",
        (Some(Level::Down), _) => "; it is being taken down",
        (None, Some(Level::Up)) => "; it should be up",
        (None, Some(Level::Down)) => "; it should be down",
        (None, None) => "",
    };
    let why = if link.error.is_empty() { String::new() } else { format!(": {}", link.error) };
    format!("{} {is}{role}{since}{next}{why}", link.interface)
}

pub(super) const fn want(role: Option<Role>) -> &'static str {
    match role {
        Some(role) => role.as_str(),
        None => "undecided",
    }
}

pub(super) const fn is(is: Is) -> &'static str {
    match is {
        Is::Unknown => "unknown",
        Is::Running => "running",
        Is::Stopped => "stopped",
    }
}

fn is_style(service: &ServiceStatus) -> Style {
    match (service.as_wanted() || service.unmanaged.is_some(), service.is) {
        (true, Is::Running) => Style::Good,
        (true, _) => Style::Plain,
        (false, _) => Style::Warn,
    }
}

/// Nobody asks for the health of a service that does not run, so "unknown" would raise a question that has no answer.
pub(super) fn health(service: &ServiceStatus) -> (&'static str, Style) {
    match (service.health, service.is) {
        (Health::Ok, _) => ("ok", Style::Good),
        (Health::Unhealthy, _) => ("unhealthy", Style::Bad),
        (Health::Unknown, Is::Running) => ("unknown", Style::Plain),
        (Health::Unknown, _) => ("-", Style::Plain),
    }
}

fn last_change(service: &ServiceStatus, now: Wall) -> String {
    if let Some(taken) = &service.unmanaged {
        return format!("in the hands of {}, {}", taken.by, time::ends(taken.until, now));
    }
    if service.lacks.is_some() && service.is == Is::Stopped {
        return "not ready".to_owned();
    }
    match (&service.busy, &service.last_action, service.since) {
        (Some(ActionKind::Fence), ..) => "is being fenced".to_owned(),
        (Some(ActionKind::Start), ..) => "is being started".to_owned(),
        (Some(ActionKind::Stop), ..) => "is being stopped".to_owned(),
        (_, Some(action), since) => {
            let ago = time::span(now.since(action.at));
            let took = time::took(action.duration_ms);
            let text = match (action.kind, action.result) {
                (ActionKind::Start, ActionResult::Ok) => format!("started in {took}, {ago} ago"),
                (ActionKind::Stop, ActionResult::Ok) => format!("stopped in {took}, {ago} ago"),
                (kind, ActionResult::TimedOut) => format!("{} timed out {ago} ago", kind.as_str()),
                (kind, _) => format!("{} failed {ago} ago", kind.as_str()),
            };
            // The service has changed by itself, or by another hand, since carpd last did something to it.
            match since.filter(|since| *since > action.at) {
                Some(since) => format!("by itself, {} ago", time::span(now.since(since))),
                None => text,
            }
        }
        (_, None, Some(since)) => format!("{} ago", time::span(now.since(since))),
        (_, None, None) => "-".to_owned(),
    }
}

fn sums(page: &mut Page, status: &Status) {
    let now = page.view().now();
    let mut row = |label: &str, text: &str| {
        page.labelled(&Line::default().add(Style::Dim, &format!("  {label}")), INDENT, text);
    };
    row("demotion", &demotion::sum(status, now));
    if let Some(text) = vrrp(status) {
        row("VRRP", &text);
    }
    let told = status.demotion.reasons.iter().any(|part| part.name == "maintenance");
    if status.maintenance.active && !told {
        row("maintain", &format!("on: {}", demotion::maintenance(&status.maintenance, now)));
    }
    if status.maintenance.opnsense {
        row("maintain", "OPNsense's own maintenance mode is on");
    }
    if status.source == Source::Kernel {
        row("unknown", unknown(status));
    }
    if let Some(pfsync) = &status.pfsync {
        row("pfsync", &self::pfsync(pfsync));
    }
    if status.source == Source::Daemon {
        row("events", &events(status));
    }
}

/// Which vhids the demotion is nothing to, where there are any.
pub(super) fn vrrp(status: &Status) -> Option<String> {
    let vrrp: Vec<String> = status.vhids.iter().filter(|v| v.is_vrrp()).map(|v| id(v).to_string()).collect();
    let who = match &vrrp[..] {
        [] => return None,
        all if all.len() == status.vhids.len() => "every vhid here".to_owned(),
        few if few.len() <= 5 => few.join(", "),
        many => format!("{} vhids", many.len()),
    };
    Some(format!("{who}: demotion has no effect on VRRP, the priority alone decides"))
}

/// What can be told neither by the kernel nor by what the daemon has left.
pub(super) const fn unknown(status: &Status) -> &'static str {
    if status.maintenance.unknown {
        "maintenance, services and events: only the daemon knows of them"
    } else {
        "services and events: only the daemon knows of them"
    }
}

/// One line about `pfsync0`.
pub(super) fn pfsync(pfsync: &PfsyncStatus) -> String {
    let Some(syncdev) = &pfsync.syncdev else { return "off: pfsync0 has no syncdev".to_owned() };
    let peer = pfsync.syncpeer.as_ref().map_or_else(String::new, |peer| format!(" to {peer}"));
    let state = if pfsync.in_sync { "in sync" } else { "not in sync: states are being copied from the peer" };
    format!("via {syncdev}{peer}, format {}, {state}", pfsync.version)
}

/// One line about the sources of events.
pub(super) fn events(status: &Status) -> String {
    let EventsStatus { connected, sources, missed } = &status.events;
    let names: Vec<&str> = sources.iter().map(|source| source.as_str()).collect();
    let from = match (connected, names.as_slice()) {
        // A daemon from before there was a choice.
        (true, []) => "devd".to_owned(),
        (true, _) => names.join(", "),
        (false, []) => "not connected to devd; the kernel is read every few seconds instead".to_owned(),
        (false, _) => {
            format!("only {}; not connected to devd, so the kernel is read every few seconds", names.join(", "))
        }
    };
    match missed {
        0 => from,
        1 => format!("{from}; 1 change came without its event"),
        missed => format!("{from}; {missed} changes came without their events"),
    }
}

fn since(since: Option<Wall>, now: Wall) -> String {
    since.map_or_else(|| "-".to_owned(), |since| time::span(now.since(since)))
}

fn number(value: Option<u8>) -> String {
    value.map_or_else(|| "?".to_owned(), |value| value.to_string())
}

const fn state_style(state: VhidState) -> Style {
    match state {
        VhidState::Master => Style::Good,
        VhidState::Backup => Style::Plain,
        VhidState::Init | VhidState::Absent => Style::Bad,
        VhidState::Unknown => Style::Warn,
    }
}
