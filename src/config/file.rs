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

use std::path::Path;

use toml::de::DeTable;

use self::report::Report;
use self::section::Section;
use super::catalogue::carpd_toml as codes;
use super::settings::{Settings, Vips};
use super::system::System;
use crate::model::{AdvBase, VhidRef};

/// What every reader needs: where findings go, and whom to ask about the machine.
pub(crate) struct Context<'s> {
    pub(crate) report: Report,
    pub(crate) system: &'s dyn System,
}

/// The vhids that somebody declares.
pub(crate) enum Declared {
    /// Nobody says which there are.
    Unknown,
    /// These, each with its advbase.
    These(Vec<(VhidRef, AdvBase)>),
}

impl Declared {
    /// The vhid as the kernel names it, or `id` itself if nobody declares it.
    fn find(&self, id: VhidRef) -> Result<VhidRef, VhidRef> {
        match self {
            Self::Unknown => Ok(id),
            Self::These(_) => {
                if self.advbase(&id).is_some() {
                    Ok(id)
                } else {
                    Err(id)
                }
            }
        }
    }

    fn advbase(&self, id: &VhidRef) -> Option<AdvBase> {
        match self {
            Self::Unknown => None,
            Self::These(these) => these.iter().find(|(known, _)| known == id).map(|(_, base)| *base),
        }
    }

    fn names(&self) -> impl Iterator<Item = String> {
        let these = match self {
            Self::Unknown => &[][..],
            Self::These(these) => these,
        };
        these.iter().map(|(id, _)| id.to_string())
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
    let vips = vips::vips(&mut root, &mut cx);
    let declared = match &vips {
        Vips::Static(vips) => Declared::These(vips.vhids.iter().map(|vhid| (vhid.id.clone(), vhid.advbase)).collect()),
        _ => Declared::Unknown,
    };
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
