//! carpd.toml as text, read into [`Settings`] with every mistake noted.

mod driver;
mod node;
mod probe;
pub(crate) mod report;
mod section;
mod service;
mod suggest;
mod values;
mod vips;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use toml::de::DeTable;

use self::report::Report;
use self::section::Section;
use super::catalogue::carpd_toml as codes;
use super::settings::Settings;
use super::system::System;
use crate::model::{AdvBase, VhidRef};

/// What every reader needs: where findings go, and whom to ask about the machine.
pub(crate) struct Context<'s> {
    pub(crate) report: Report,
    pub(crate) system: &'s dyn System,
}

/// The vhids that somebody declares.
pub(crate) enum Declared {
    /// Whoever declares them cannot be asked.
    Unknown,
    /// The kernel's, which is not asked here: the check may run on another machine.
    Kernel,
    /// These, each with its advbase.
    These(Vec<(VhidRef, AdvBase)>),
}

impl Declared {
    fn known(&self) -> Option<&[(VhidRef, AdvBase)]> {
        match self {
            Self::Unknown | Self::Kernel => None,
            Self::These(these) => Some(these),
        }
    }
}

/// The text of a carpd.toml is not TOML; the report says where.
pub(crate) struct NotToml(pub(crate) Report);

/// Reads the text of `path`. The settings are meaningful only if the report holds no error.
pub(crate) fn read(path: &Path, text: &str, system: &dyn System) -> Result<(Settings, Report), NotToml> {
    let mut report = Report::new(path, text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in &errors {
            let line = error.span().map_or(0, |span| report.line(span.start));
            // The error's own text would quote the line, which may hold anything; its message does not.
            report.add(&codes::SYNTAX, line, "", error.message(), "correct the line, or the one above it");
        }
        return Err(NotToml(report));
    }
    let mut cx = Context { report, system };
    let mut root = Section::root(table.get_ref());
    let node = node::node(&mut root, &mut cx);
    let control = node::control(&mut root, &mut cx);
    let (vips, declared) = vips::vips(&mut root, &mut cx);
    let settings = Settings {
        control,
        maintenance: node::maintenance(&mut root, &mut cx),
        boot_hold: node::boot_hold(&mut root, &mut cx),
        metrics: node::metrics(&mut root, &mut cx),
        services: service::services(&mut root, &mut cx, &declared, node.poll),
        node,
        vips,
    };
    root.finish(&mut cx.report);
    Ok((settings, cx.report))
}

/// The line where `what` was seen before; otherwise `line` is noted as its first.
fn first_line<T: Ord>(seen: &mut BTreeMap<T, u32>, what: T, line: u32) -> Option<u32> {
    match seen.entry(what) {
        Entry::Occupied(first) => Some(*first.get()),
        Entry::Vacant(place) => {
            place.insert(line);
            None
        }
    }
}
