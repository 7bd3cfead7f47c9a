//! What carpctl shows, as pure functions of the data and of where it is shown.

pub mod check;
pub mod demotion;
pub mod finding;
pub mod history;
pub mod maintenance;
pub mod page;
pub mod status;
mod table;
pub mod why;

pub use page::View;

use crate::core::status::{Severity, Status, VhidStatus};
use crate::model::VhidRef;
use page::Style;

/// The name of a vhid as it is written everywhere: `1@em0`.
pub(super) fn id(vhid: &VhidStatus) -> VhidRef {
    VhidRef::new(vhid.vhid, vhid.interface.clone())
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
