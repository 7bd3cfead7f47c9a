//! carpd.toml from the disk, checked and ready for use.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::catalogue::carpd_toml as codes;
use super::file::report::{Report, usable};
use super::file::{self, File, NotToml};
use super::opnsense::OpnsenseConfig;
use super::system::{System, ThisSystem};
use super::{Finding, Settings, Severity};
use crate::config::settings::{KernelChoice, StaticVhid, Vips};
use crate::core::Maintenance;
use crate::core::policy::{MaintenanceOwner, OwnedVhid, Policy};
use crate::regular_file::{self, OpenError};

/// Where the configuration is unless the caller says otherwise.
pub const DEFAULT_PATH: &str = "/usr/local/etc/carpd/carpd.toml";

/// The largest carpd.toml that is read, in bytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// A configuration that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// What carpd.toml says.
    pub settings: Settings,
    /// What OPNsense's configuration says, if it owns the vhids.
    pub opnsense: Option<OpnsenseConfig>,
    /// The files of other programs that values were taken from: a change of one is a change of the configuration.
    pub program_files: BTreeSet<PathBuf>,
    /// While OPNsense's maintenance flag is set: what its plugin has written down of it.
    pub maintenance: Option<Maintenance>,
    /// Warnings and notes.
    pub findings: Vec<Finding>,
}

/// Why there is no configuration to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// A file could not be read, or is not what its name says. Otherwise it was read, and has errors.
    pub unread: bool,
    /// All findings, at least one of them an error.
    pub findings: Vec<Finding>,
}

impl fmt::Display for Unusable {
    /// The first error, and how many more there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut errors = self.findings.iter().filter(|finding| finding.severity == Severity::Error);
        let Some(first) = errors.next() else { return f.write_str("the configuration cannot be used") };
        write!(f, "{}", first.place.file.display())?;
        if first.place.line > 0 {
            write!(f, ":{}", first.place.line)?;
        }
        write!(f, ": {}; {}", first.cause, first.remedy)?;
        match errors.count() {
            0 => Ok(()),
            more => write!(f, " ({more} more; `carpctl config check` shows all)"),
        }
    }
}

impl std::error::Error for Unusable {}

impl Loaded {
    /// What the core has to know.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let settings = &self.settings;
        // A followed vhid belongs to the node even if only the kernel could declare it: it is absent until the kernel has it.
        let mut vhids: Vec<_> = settings.services.iter().flat_map(|service| service.follows.clone()).collect();
        let owned: Vec<OwnedVhid> = match &settings.vips {
            Vips::Static(vips) => vips.vhids.iter().map(StaticVhid::owned).collect(),
            Vips::Kernel | Vips::Opnsense { .. } => Vec::new(),
        };
        vhids.extend(owned.iter().map(|vhid| vhid.id.clone()));
        vhids.extend(self.opnsense.iter().flat_map(OpnsenseConfig::vhids).map(|vhid| vhid.id));
        vhids.sort_unstable();
        vhids.dedup();
        Policy {
            node: settings.node.name.clone(),
            vhids,
            owned,
            services: settings.services.iter().map(super::settings::Service::policy).collect(),
            maintenance_demotion: settings.maintenance.demotion,
            maintenance_default_for: self.settings.maintenance.default_for,
            opnsense_maintenance: self.opnsense.as_ref().is_some_and(|config| config.maintenance),
            maintenance_owner: match (&settings.vips, &settings.node.kernel) {
                (Vips::Opnsense { .. }, KernelChoice::Freebsd) => {
                    MaintenanceOwner::Opnsense { record: self.maintenance.clone() }
                }
                // The kernel of a lab has no OPNsense beside it that could be asked.
                _ => MaintenanceOwner::Carpd,
            },
            boot_hold: settings.boot_hold,
            failback_hold: settings.failback_hold,
            poll: settings.node.poll,
        }
    }
}

/// Reads and checks the carpd.toml at `path`.
///
/// It reads the files that carpd.toml names and looks at this machine's groups, users and programs; it changes nothing.
/// Where OPNsense owns the vhids it may wait some seconds for a writer of config.xml: call it from a thread that may block.
///
/// # Errors
/// The file cannot be read, is not TOML, or has mistakes that make it unusable: all of them are told.
pub fn load(path: &Path) -> Result<Loaded, Unusable> {
    load_for(path, &ThisSystem)
}

/// Like [`load`], for the machine that `system` describes.
///
/// # Errors
/// Like [`load`].
pub fn load_for(path: &Path, system: &dyn System) -> Result<Loaded, Unusable> {
    let file = read_file(path)?;
    check(path, &file.bytes, file.open, system)
}

/// The bytes of a configuration file, and whether others may change it.
pub(crate) struct Contents {
    pub(crate) bytes: Vec<u8>,
    pub(crate) open: bool,
}

/// What helps against a configuration file that cannot be read.
pub(super) fn remedy_for(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => "start from carpd.toml.sample, or name the file that there is",
        ErrorKind::PermissionDenied => "ask as root, or as a user who may read it",
        _ => "look at the path and at the file system it is on",
    }
}

pub(crate) fn read_file(path: &Path) -> Result<Contents, Unusable> {
    let unread = |entry, cause: String, remedy: &str| {
        let mut report = Report::new(path, "");
        report.add(entry, 0, "", &cause, remedy);
        Unusable { unread: true, findings: report.finish() }
    };
    let cannot = |error: std::io::Error| {
        let cause = match error.kind() {
            ErrorKind::NotFound => format!("{} does not exist", path.display()),
            _ => format!("{} cannot be read: {error}", path.display()),
        };
        unread(&codes::UNREADABLE, cause, remedy_for(&error))
    };
    let (opened, meta) = regular_file::open(path).map_err(|error| match error {
        OpenError::Io(error) => cannot(error),
        OpenError::NotAFile => {
            let cause = format!("{} is not a regular file", path.display());
            unread(&codes::UNREADABLE, cause, "name a carpd.toml")
        }
    })?;
    let mut bytes = Vec::new();
    opened.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > MAX_BYTES {
        let cause = format!("{} is larger than 1 MiB", path.display());
        return Err(unread(&codes::TOO_LARGE, cause, "name a carpd.toml"));
    }
    Ok(Contents { bytes, open: meta.mode() & 0o022 != 0 })
}

/// Checks what was read from `path`; `open` says that others may change the file.
pub(crate) fn check(path: &Path, bytes: &[u8], open: bool, system: &dyn System) -> Result<Loaded, Unusable> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid =
            bytes.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default();
        let mut report = Report::new(path, valid);
        let line = report.line(valid.len());
        report.add(&codes::NOT_UTF8, line, "", "the file has bytes that are not UTF-8 text", "save it as UTF-8");
        Unusable { unread: true, findings: report.finish() }
    })?;
    let File { settings, opnsense, mut program_files, unread, mut report } = file::read(path, text, system)
        .map_err(|NotToml(report)| Unusable { unread: true, findings: report.finish() })?;
    if text.trim().is_empty() {
        let cause = "the file is empty, so every setting is its default and no service is managed";
        let remedy = "look whether it is being written, or the disk was full; a comment in it says that this is meant";
        report.add(&codes::EMPTY_FILE, 0, "", cause, remedy);
    }
    if open {
        let cause = "the file may be changed by others than its owner";
        report.add(&codes::OPEN_FILE, 0, "", cause, "run `chmod go-w` on it");
    }
    let findings = report.finish();
    if !usable(&findings) {
        return Err(Unusable { unread, findings });
    }
    let flag = opnsense.as_ref().is_some_and(|config| config.maintenance);
    let maintenance = flag.then(|| record::read(&settings.node.state_dir)).flatten();
    if opnsense.is_some() {
        program_files.insert(record::path(&settings.node.state_dir));
    }
    Ok(Loaded { settings, opnsense, maintenance, program_files, findings })
}

mod record;
#[cfg(test)]
mod tests;
