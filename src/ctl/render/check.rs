//! `carpctl check`: one line and one number, as monitoring plugins give them.

use clap::ValueEnum;

use crate::core::status::{Severity, Source, Status, VhidState};
use crate::ctl::text::clean;

/// The state that all vhids of the node should have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Expect {
    /// MASTER of every vhid.
    Master,
    /// BACKUP of every vhid.
    Backup,
    /// Whatever the election says.
    #[default]
    Any,
}

/// The judgement and its line.
#[must_use]
pub fn check(status: &Status, expect: Expect) -> (Severity, String) {
    let mut severity = status.verdict.severity;
    let mut said = Vec::new();
    if let Some((worse, text)) = unexpected(status, expect) {
        severity = severity.max(worse);
        said.push(text);
    }
    said.extend(status.verdict.problems.iter().map(|problem| problem.what.clone()));
    let mut text = states(status);
    if !said.is_empty() {
        text.push_str(": ");
        text.push_str(&said.join("; "));
    }
    // A bar would begin the performance data.
    let text = clean(&text).replace('|', "/");
    (severity, format!("CARP {} - {text} | {}\n", severity.as_str(), figures(status)))
}

/// The exit code of a severity.
#[must_use]
pub const fn code(severity: Severity) -> u8 {
    match severity {
        Severity::Ok => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
        Severity::Unknown => 3,
    }
}

fn count(status: &Status, state: VhidState) -> usize {
    status.vhids.iter().filter(|vhid| vhid.state == state).count()
}

fn states(status: &Status) -> String {
    let all = status.vhids.len();
    let of = |state: VhidState| match count(status, state) {
        0 => None,
        some => Some(format!("{} {some}/{all}", state.as_str())),
    };
    let states = [VhidState::Master, VhidState::Backup, VhidState::Init, VhidState::Absent, VhidState::Unknown];
    let mut parts: Vec<String> = states.into_iter().filter_map(of).collect();
    if all == 0 {
        parts.push(status.verdict.summary.clone());
    }
    if !status.services.is_empty() {
        let fine = status.services.iter().filter(|service| service.as_wanted()).count();
        parts.push(format!("services {fine}/{} as wanted", status.services.len()));
    }
    parts.join(", ")
}

fn unexpected(status: &Status, expect: Expect) -> Option<(Severity, String)> {
    if status.carp.is_none() {
        return Some((Severity::Unknown, "the states of the vhids are unknown".to_owned()));
    }
    if status.vhids.is_empty() {
        return Some((Severity::Warning, "this node has no vhid to watch".to_owned()));
    }
    let wanted = match expect {
        Expect::Any => return None,
        Expect::Master => VhidState::Master,
        Expect::Backup => VhidState::Backup,
    };
    if count(status, wanted) == status.vhids.len() {
        return None;
    }
    // Whoever gives the VIPs away on purpose should not be woken for it.
    let planned = status.maintenance.active || status.maintenance.opnsense || status.draining;
    let severity = if planned { Severity::Warning } else { Severity::Critical };
    Some((severity, format!("{} expected", wanted.as_str())))
}

fn figures(status: &Status) -> String {
    let unknown = || "U".to_owned();
    let states = [
        ("masters", VhidState::Master),
        ("backups", VhidState::Backup),
        ("inits", VhidState::Init),
        ("absent", VhidState::Absent),
        ("unknown", VhidState::Unknown),
    ];
    let mut figures: Vec<String> =
        states.iter().map(|(name, state)| format!("{name}={}", count(status, *state))).collect();
    let demotion = status.demotion.total.map_or_else(unknown, |total| total.to_string());
    let badauth = status.carp.map_or_else(unknown, |carp| format!("{}c", carp.badauth));
    figures.push(format!("demotion={demotion} badauth={badauth}"));
    figures.push(match status.source {
        Source::Daemon => {
            let wrong = status.services.iter().filter(|service| !service.as_wanted()).count();
            format!("services_wrong={wrong} events_missed={}c", status.events.missed)
        }
        // Zero would be taken for good news.
        Source::Kernel => "services_wrong=U events_missed=U".to_owned(),
    });
    figures.join(" ")
}
