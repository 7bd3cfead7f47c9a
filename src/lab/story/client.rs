//! What the clients of a pair went through, as rows of a plot.

use super::measure::Measure;
use crate::lab::server::timeline::Window;

/// One VIP, or one service.
#[derive(Clone, Debug)]
pub struct Row {
    /// What people call it.
    pub name: String,
    /// What was not as it should be.
    pub windows: Vec<(Kind, Window)>,
}

/// What was not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nobody answered.
    Outage,
    /// The service ran on both nodes.
    Overlap,
    /// Both nodes were MASTER.
    Split,
}

pub(super) fn rows(measure: &Measure<'_>) -> Vec<Row> {
    let row = |name: String, what: [(Kind, Vec<Window>); 2]| {
        let windows = what.into_iter().flat_map(|(kind, found)| found.into_iter().map(move |window| (kind, window)));
        Row { name, windows: windows.collect() }
    };
    let vips = measure
        .pair
        .vips
        .iter()
        .map(|vip| row(vip.name(), [(Kind::Outage, measure.vip_outages(vip)), (Kind::Split, measure.splits(vip))]));
    let services = measure.pair.services.iter().enumerate().map(|(at, service)| {
        let what = [(Kind::Outage, measure.service_outages(at)), (Kind::Overlap, measure.overlaps(at))];
        row(service.name.to_string(), what)
    });
    vips.chain(services).collect()
}
