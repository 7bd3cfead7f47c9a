//! carpd.toml as text, read into [`Settings`] with every mistake noted.

mod driver;
mod link;
mod node;
mod probe;
mod process;
pub(crate) mod report;
mod section;
mod service;
mod suggest;
mod values;
mod vips;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use self::report::Report;
use self::section::Section;
use super::catalogue::carpd_toml as codes;
use super::opnsense::OpnsenseConfig;
use super::profile;
use super::rc_conf::{Unread, Vip};
use super::settings::{KernelChoice, Probe, Settings, Vips};
use super::system::System;
use crate::core::policy::ProbeEffect;
use crate::model::{AdvBase, VhidRef};

/// What every reader needs: where findings go, and whom to ask about the machine.
struct Context<'s> {
    report: Report,
    system: &'s dyn System,
    /// OPNsense's configuration, if it owns the vhids.
    opnsense: Option<OpnsenseConfig>,
    elsewhere: Elsewhere,
    /// It could not be read.
    unread: bool,
}

/// What rc.conf sets up of this machine's kernel.
#[derive(Default)]
struct Elsewhere {
    vips: Vec<Vip>,
    /// What may set up more.
    unread: Vec<Unread>,
}

/// The vhids that somebody declares.
enum Declared {
    /// Whoever declares them cannot be asked.
    Unknown,
    /// The kernel's, which is not asked here: the check may run on another machine.
    Kernel,
    /// These.
    These(BTreeMap<VhidRef, DeclaredVhid>),
}

struct DeclaredVhid {
    advbase: AdvBase,
    /// As people know it.
    name: String,
}

impl Declared {
    fn known(&self) -> Option<&BTreeMap<VhidRef, DeclaredVhid>> {
        match self {
            Self::Unknown | Self::Kernel => None,
            Self::These(these) => Some(these),
        }
    }
}

/// The text of a carpd.toml is not TOML; the report says where.
pub(crate) struct NotToml(pub(crate) Report);

/// What was read; meaningful only if the report holds no error.
pub(crate) struct File {
    pub(crate) settings: Settings,
    pub(crate) opnsense: Option<OpnsenseConfig>,
    /// The files of other programs that a profile took values from.
    pub(crate) program_files: BTreeSet<PathBuf>,
    /// A file that it names could not be read.
    pub(crate) unread: bool,
    pub(crate) report: Report,
}

/// Reads the text of `path`, and what it names.
pub(crate) fn read(path: &Path, text: &str, system: &dyn System) -> Result<File, NotToml> {
    let mut report = Report::new(path, text);
    let (mut table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in &errors {
            let line = error.span().map_or(0, |span| report.line(span.start));
            // The error's own text would quote the line, which may hold anything; its message does not.
            report.add(&codes::SYNTAX, line, "", error.message(), "correct the line, or the one above it");
        }
        return Err(NotToml(report));
    }
    let program_files = profile::expand(table.get_mut(), &mut report, &|path| system.program_file(path));
    let mut cx = Context { report, system, opnsense: None, elsewhere: Elsewhere::default(), unread: false };
    let mut root = Section::root(table.get_ref());
    let node = node::node(&mut root, &mut cx);
    let control = node::control(&mut root, &mut cx);
    if node.kernel == KernelChoice::Freebsd {
        let rc_conf = system.rc_conf();
        cx.elsewhere = Elsewhere { vips: rc_conf.vips(), unread: rc_conf.unread() };
    }
    let (vips, declared) = vips::vips(&mut root, &mut cx);
    let (boot_hold, failback_hold) = node::holds(&mut root, &mut cx);
    let settings = Settings {
        control,
        maintenance: node::maintenance(&mut root, &mut cx),
        boot_hold,
        failback_hold,
        metrics: node::metrics(&mut root, &mut cx),
        services: service::services(&mut root, &mut cx, &declared, node.poll),
        node,
        vips,
    };
    demotes_in_vain(&root, &mut cx.report, &settings);
    root.finish(&mut cx.report);
    Ok(File { settings, opnsense: cx.opnsense, program_files, unread: cx.unread, report: cx.report })
}

/// Notes a probe that demotes although that would move nothing.
fn demotes_in_vain(root: &Section<'_>, report: &mut Report, settings: &Settings) {
    if !matches!(&settings.vips, Vips::Static(vips) if !vips.preempt) {
        return;
    }
    let demotes = |probe: &&Probe| matches!(probe.policy.effect, ProbeEffect::Demote { .. });
    let probes = settings.services.iter().filter_map(|service| Some((service, service.probes.iter().find(demotes)?)));
    for (service, probe) in probes {
        let cause = format!("{}'s probe {} demotes, but carp.preempt is false", service.name, probe.policy.name);
        root.find(
            report,
            &codes::DEMOTE_IN_VAIN,
            "service",
            &cause,
            "set it to true, or the probe's effect to \"report\"",
        );
    }
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
