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
}

pub(super) fn rows(measure: &Measure<'_>) -> Vec<Row> {
    let all = |kind: Kind, windows: Vec<Window>| windows.into_iter().map(move |window| (kind, window));
    let vips = measure
        .pair
        .vips
        .iter()
        .map(|vip| Row { name: vip.name(), windows: all(Kind::Outage, measure.vip_outages(vip)).collect() });
    let services = measure.pair.services.iter().enumerate().map(|(at, service)| Row {
        name: service.name.to_string(),
        windows: all(Kind::Outage, measure.service_outages(at))
            .chain(all(Kind::Overlap, measure.overlaps(at)))
            .collect(),
    });
    vips.chain(services).collect()
}
