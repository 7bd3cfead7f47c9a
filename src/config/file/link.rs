//! `[service.link]`: the interface that follows the role.

use std::collections::BTreeMap;

use super::section::Section;
use super::values::{interface, list};
use super::{Context, Declared};
use crate::config::catalogue::carpd_toml as codes;
use crate::config::settings::Service;
use crate::core::policy::Mode;
use crate::model::{InterfaceName, VhidRef};

/// The interface of `[service.link]`. Without a value the file has a mistake.
pub(super) fn link(service: &mut Section<'_>, cx: &mut Context<'_>) -> Option<Option<InterfaceName>> {
    if !service.has("link") {
        return Some(None);
    }
    let mut table = service.section(&mut cx.report, "link")?;
    let remedy = "name the interface, e.g. interface = \"wg20\"";
    let name = table.required(&mut cx.report, "interface", remedy, interface);
    table.finish(&mut cx.report);
    name.map(Some)
}

/// What the mode asks for.
pub(super) fn check_mode(service: &Section<'_>, cx: &mut Context<'_>, mode: Mode, driven: bool) {
    if mode != Mode::Warm {
        return;
    }
    if !service.has("link") {
        let remedy = "name the tunnel's interface in [service.link], or take mode = \"service\"";
        let cause = "in mode \"warm\" only the link follows the role, and the service has no [service.link]";
        service.find(&mut cx.report, &codes::WARM_WITHOUT_LINK, "mode", cause, remedy);
    } else if !driven {
        let cause = "mode has no effect: without a driver there is no process that could run on both nodes";
        service.find(&mut cx.report, &codes::NO_EFFECT, "mode", cause, "take it out, or add a driver");
    }
}

/// The links of all services, with the names and lines under which they stand in the file.
#[derive(Default)]
pub(super) struct Links {
    first: BTreeMap<InterfaceName, String>,
    all: Vec<(InterfaceName, String, u32)>,
}

impl Links {
    /// One interface can follow one role only.
    pub(super) fn add(&mut self, service: &Section<'_>, cx: &mut Context<'_>, interface: &InterfaceName) {
        if let Some(other) = self.first.get(interface) {
            let cause = format!("{interface} is the link of {other} already");
            let remedy = "make it one service that follows the vhids of both";
            service.find(&mut cx.report, &codes::LINK_TWICE, "link", &cause, remedy);
        }
        let (path, line) = (service.path().to_owned(), service.line_of(&cx.report, "link"));
        self.first.entry(interface.clone()).or_insert_with(|| path.clone());
        self.all.push((interface.clone(), path, line));
    }

    /// An interface under a vhid takes that to INIT when it goes down, so no role could come of it.
    pub(super) fn check(&self, cx: &mut Context<'_>, declared: &Declared, services: &[Service]) {
        let followed = services.iter().flat_map(|service| &service.follows);
        let vhids: Vec<&VhidRef> = followed.chain(declared.known().into_iter().flat_map(BTreeMap::keys)).collect();
        for (interface, path, line) in &self.all {
            let mut carried: Vec<&VhidRef> = vhids.iter().filter(|id| id.interface == *interface).copied().collect();
            carried.sort_unstable();
            carried.dedup();
            if !carried.is_empty() {
                let carried = list(carried.into_iter().map(ToString::to_string));
                let cause =
                    format!("{interface} carries {carried}, which goes to INIT whenever carpd takes {interface} down");
                let remedy = "name the interface of the service itself, such as its tunnel";
                cx.report.add(&codes::LINK_CARRIES, *line, &format!("{path}.link"), &cause, remedy);
            }
        }
    }
}
