//! The configuration in force, and how it changes while the daemon runs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::admins::Admins;
use crate::config::settings::Vips;
use crate::config::{self, Finding, Settings, Severity};
use crate::core::policy::Policy;
use crate::model::{Mono, ServiceName};
use crate::service::Prepared;

/// Everything a configuration file says, with the names in it looked up. Reading it may block.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) path: PathBuf,
    /// The files of others that it depends on, which they change when they like.
    pub(crate) others: Vec<PathBuf>,
    pub(crate) settings: Settings,
    pub(crate) policy: Policy,
    pub(crate) services: BTreeMap<ServiceName, Arc<Prepared>>,
    pub(crate) admins: Admins,
    pub(crate) findings: Vec<Finding>,
}

impl Configuration {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// All that was found, at least one of them an error.
    pub(crate) fn read(path: &Path) -> Result<Self, Vec<Finding>> {
        let loaded = config::load(path).map_err(|unusable| unusable.findings)?;
        let policy = loaded.policy();
        let node = &loaded.settings.node.name;
        let prepare = |service: &config::settings::Service| {
            (service.name.clone(), Arc::new(Prepared::new(service.clone(), node)))
        };
        let vips = match &loaded.settings.vips {
            Vips::Opnsense { config_xml } => Some(config_xml.clone()),
            Vips::Kernel | Vips::Static(_) => None,
        };
        Ok(Self {
            path: path.to_owned(),
            others: loaded.program_files.into_iter().chain(vips).collect(),
            policy,
            services: loaded.settings.services.iter().map(prepare).collect(),
            admins: Admins::look_up(loaded.settings.control.admin_group.as_deref()),
            settings: loaded.settings,
            findings: loaded.findings,
        })
    }

    /// Whether `other` asks for the same behaviour. The warnings about it may differ.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.settings == other.settings
            && self.policy == other.policy
            && self.services == other.services
            && self.admins == other.admins
    }

    /// Keeps those services of `running` that are unchanged, with what is known of their probes that hang.
    pub(crate) fn keep_unchanged_services(&mut self, running: &Self) {
        for (name, service) in &mut self.services {
            if let Some(old) = running.services.get(name).filter(|old| *old == service) {
                service.clone_from(old);
            }
        }
    }

    /// Replaces what a running daemon cannot change by what it runs with, and names those keys.
    pub(crate) fn keep_what_needs_a_restart(&mut self, running: &Settings) -> Vec<&'static str> {
        let (node, old) = (&mut self.settings.node, &running.node);
        let mut kept = Vec::new();
        keep("node.state_dir", &mut node.state_dir, &old.state_dir, &mut kept);
        keep("node.kernel", &mut node.kernel, &old.kernel, &mut kept);
        keep("node.devd_socket", &mut node.devd_socket, &old.devd_socket, &mut kept);
        keep("control.socket", &mut self.settings.control.socket, &running.control.socket, &mut kept);
        kept
    }
}

fn keep<T: Clone + PartialEq>(key: &'static str, new: &mut T, running: &T, kept: &mut Vec<&'static str>) {
    if new != running {
        new.clone_from(running);
        kept.push(key);
    }
}

/// One finding as a line for people.
fn describe(finding: &Finding) -> String {
    let (place, severity) = (&finding.place, finding.severity.as_str());
    let line = if place.line == 0 { String::new() } else { format!(":{}", place.line) };
    format!("{}{line}: {severity} {}: {}; {}", place.file.display(), finding.code, finding.cause, finding.remedy)
}

/// Logs what was found, a line each. A note is no reason for a line with every start.
pub(crate) fn tell(findings: &[Finding]) {
    for finding in findings {
        match finding.severity {
            Severity::Note => tracing::debug!("{}", describe(finding)),
            Severity::Warning => tracing::warn!("{}", describe(finding)),
            Severity::Error => tracing::error!("{}", describe(finding)),
        }
    }
}

/// The errors among the findings, then the rest, as lines.
pub(crate) fn describe_all(findings: &[Finding]) -> String {
    let (errors, rest): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| finding.severity == Severity::Error);
    errors.into_iter().chain(rest).map(describe).collect::<Vec<_>>().join("\n")
}

/// Notices that somebody has written a file that the configuration depends on: OPNsense its own, or a program's.
///
/// They are looked at every few seconds, with what the daemon does then anyway. A watch in the kernel would need a descriptor of each
/// file, which OPNsense replaces by renaming, so the directory would have to be watched as well, and the file be read again
/// after every event; and one event lost would be lost for good.
#[derive(Debug)]
pub(crate) struct Watch {
    files: Vec<(PathBuf, Option<Stamp>)>,
    next: Mono,
}

/// What tells one content of a file from another: when it was written, its size, which file it is.
type Stamp = (i64, i64, u64, u64);

const WATCH_EVERY: Duration = Duration::from_secs(5);

impl Watch {
    /// Watches these files.
    pub(crate) fn new(files: &[PathBuf], now: Mono) -> Self {
        Self { files: files.iter().map(|path| (path.clone(), stamp(path))).collect(), next: now + WATCH_EVERY }
    }

    /// Whether any has changed since it was last found changed.
    pub(crate) fn changed(&mut self, now: Mono) -> bool {
        if now < self.next {
            return false;
        }
        self.next = now + WATCH_EVERY;
        let mut changed = false;
        for (path, seen) in &mut self.files {
            let stamp = stamp(path);
            // While it is being replaced it may be missing for a moment.
            changed |= stamp.is_some() && std::mem::replace(seen, stamp) != stamp;
        }
        changed
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.mtime(), meta.mtime_nsec(), meta.size(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_is_noticed_once_and_a_missing_one_is_waited_for() {
        let at = |seconds: u64| Mono::from_micros(seconds * 1_000_000);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.xml");
        fs::write(&path, "1").unwrap();
        let mut watch = Watch::new(std::slice::from_ref(&path), at(0));
        fs::write(&path, "22").unwrap();
        assert!(!watch.changed(at(4)), "not yet due");
        assert!(watch.changed(at(5)));
        assert!(!watch.changed(at(10)));
        fs::remove_file(&path).unwrap();
        assert!(!watch.changed(at(15)));
        fs::write(&path, "333").unwrap();
        assert!(watch.changed(at(20)));
    }
}
