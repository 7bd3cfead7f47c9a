//! The demotion as a sum that adds up.

use crate::core::attribution::{Part, PartSource};
use crate::core::ledger::LedgerState;
use crate::core::status::{MaintenanceStatus, Status};
use crate::ctl::text::GLUE;
use crate::ctl::time;
use crate::model::Wall;

/// `483 = 240 maintenance (anna, "update", ends in 2 h) + 3 write mark + 240 interface down (em3)`
#[must_use]
pub fn sum(status: &Status, now: Wall) -> String {
    let Some(total) = status.demotion.total else {
        return "unknown: the kernel cannot be read".to_owned();
    };
    let mut text = total.to_string();
    for (at, part) in parts(status).iter().enumerate() {
        let sign = match (at, part.value < 0) {
            (0, false) => "= ",
            (0, true) => "= -",
            (_, false) => "+ ",
            (_, true) => "- ",
        };
        let summand = format!("{sign}{} {}", part.value.unsigned_abs(), part.name);
        text.push(' ');
        text.push_str(&summand.replace(' ', GLUE.encode_utf8(&mut [0; 4])));
        let detail = detail(part, status, now);
        if !detail.is_empty() {
            text.push_str(&format!(" ({detail})"));
        }
    }
    text
}

/// A named part, in a type that no sum of parts can overflow.
#[derive(Debug)]
pub(super) struct Summand {
    pub(super) name: String,
    pub(super) value: i64,
    pub(super) source: PartSource,
    pub(super) detail: String,
}

/// The parts of the demotion, with one more if they fall short of the total.
pub(super) fn parts(status: &Status) -> Vec<Summand> {
    let own = |part: &Part| Summand {
        name: part.name.clone(),
        value: i64::from(part.value),
        source: part.source,
        detail: part.detail.clone(),
    };
    let mut parts: Vec<Summand> = status.demotion.reasons.iter().map(own).collect();
    let told: i64 = parts.iter().map(|part| part.value).sum();
    let rest = i64::from(status.demotion.total.unwrap_or(0)) - told;
    if rest != 0 && status.demotion.total.is_some() {
        let name = "not told".to_owned();
        parts.push(Summand { name, value: rest, source: PartSource::Unattributed, detail: String::new() });
    }
    parts
}

/// Without the daemon, carpd's own share is among what nobody is known for.
pub(super) const WITHOUT_DAEMON: &str = "carpd's own share cannot be told without the daemon";

fn detail(part: &Summand, status: &Status, now: Wall) -> String {
    match part.source {
        PartSource::Carpd if part.name == "maintenance" => maintenance(&status.maintenance, now),
        PartSource::Unattributed if status.demotion.ledger == LedgerState::Unread => WITHOUT_DAEMON.to_owned(),
        PartSource::Carpd if part.name.starts_with("health:") || part.name.ends_with(" hold") => part.detail.clone(),
        PartSource::Kernel => part.detail.clone(),
        _ => String::new(),
    }
}

/// `anna, "update", ends in 1 h 12 min`
pub(in crate::ctl) fn maintenance(maintenance: &MaintenanceStatus, now: Wall) -> String {
    let by = maintenance.by.clone().filter(|by| !by.is_empty());
    let reason = maintenance.reason.as_ref().filter(|reason| !reason.is_empty()).map(|reason| format!("\"{reason}\""));
    let until = maintenance.until.map(|until| time::ends(until, now).replace(' ', GLUE.encode_utf8(&mut [0; 4])));
    let said: Vec<String> = [by, reason, until].into_iter().flatten().collect();
    said.join(", ")
}
