//! The metrics, as Prometheus text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::core::Note;
use crate::core::service::{ActionKind, Outcome};
use crate::core::status::Status;
use crate::model::{ServiceName, Wall};

/// What is counted from the daemon's start on.
#[derive(Debug)]
pub(crate) struct Counters {
    /// Batches of events.
    pub(crate) hints: u64,
    /// Looks at the kernel.
    pub(crate) reads: u64,
    /// Those that failed.
    pub(crate) failed_reads: u64,
    actions: BTreeMap<ServiceName, u64>,
    started: Wall,
}

impl Counters {
    pub(crate) fn new(now: Wall) -> Self {
        Self { hints: 0, reads: 0, failed_reads: 0, actions: BTreeMap::new(), started: now }
    }

    pub(crate) fn acted(&mut self, service: &ServiceName, _kind: ActionKind, _took: Duration, _outcome: &Outcome) {
        *self.actions.entry(service.clone()).or_default() += 1;
    }

    pub(crate) fn event_to_action(&mut self, _took: Duration) {}

    pub(crate) fn vhid_changed(&mut self, _note: &Note) {}

    pub(crate) fn reload_failed(&mut self) {}

    pub(crate) fn reload_succeeded(&mut self, _now: Wall) {}
}

/// All metrics of a node.
pub(crate) fn render(_status: &Status, counters: &Counters) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "carpd_kernel_reads_total {}", counters.reads);
    out
}
