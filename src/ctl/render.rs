//! What carpctl shows, as pure functions of the data and of where it is shown.

pub mod check;
pub mod demotion;
pub mod finding;
pub mod history;
pub mod maintenance;
pub mod page;
pub mod plan;
pub mod status;
mod table;
pub mod why;

pub use page::View;

use crate::core::status::{Severity, Source, Status, VhidStatus};
use crate::model::VhidRef;
use page::Style;

/// The name of a vhid as it is written everywhere: `1@em0`.
pub(super) fn id(vhid: &VhidStatus) -> VhidRef {
    VhidRef::new(vhid.vhid, vhid.interface.clone())
}

/// What can be asked about on a node, for somebody who asked for something else.
pub(in crate::ctl) fn objects(status: &Status) -> String {
    let vhids: Vec<String> = status.vhids.iter().map(|vhid| id(vhid).to_string()).collect();
    let services: Vec<&str> = status.services.iter().map(|service| service.name.as_str()).collect();
    let list = |what: &str, names: &str| match names {
        "" => format!("it has no {what}s"),
        names => format!("its {what}s are {names}"),
    };
    let vhids = list("vhid", &vhids.join(", "));
    match status.source {
        Source::Daemon => format!("{vhids}; {}", list("service", &services.join(", "))),
        Source::Kernel => vhids,
    }
}

/// The verdict's line without its severity's colour: `fw1: OK  MASTER of 3/3 vhids`.
pub(super) fn headline(status: &Status) -> String {
    format!("{}: {}  {}", status.node, status.verdict.severity.as_str(), status.verdict.summary)
}

pub(super) const fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Ok => Style::Good,
        Severity::Unknown | Severity::Warning => Style::Warn,
        Severity::Critical => Style::Bad,
    }
}
