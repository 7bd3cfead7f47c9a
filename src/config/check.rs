//! `carpctl config check`: one file, or a pair's two, judged and shown.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde::Serialize;
use zeroize::Zeroizing;

use super::catalogue::carpd_toml as codes;
use super::file::report::Report;
use super::load::{self, Loaded, Unusable};
use super::opnsense::{self, OpnsenseConfig};
use super::system::{AnySystem, System, ThisSystem};
use super::{Entry, Finding, Severity, lint, pair};
use crate::regular_file;

/// What kind of configuration a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Format {
    /// carpd's own.
    #[serde(rename = "carpd.toml")]
    CarpdToml,
    /// OPNsense's.
    #[serde(rename = "config.xml")]
    ConfigXml,
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing worse than notes.
    Clean,
    /// A file could not be read, or is not what it should be.
    Unread,
    /// Warnings or errors.
    Findings,
}

impl Verdict {
    /// The exit code that goes with it: 0, 1 or 2.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Unread => 1,
            Self::Findings => 2,
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CheckReport {
    /// The file.
    pub file: PathBuf,
    /// What kind of configuration it is.
    pub format: Format,
    /// The outcome.
    pub verdict: Verdict,
    /// How many findings are errors.
    pub errors: usize,
    /// How many findings are warnings.
    pub warnings: usize,
    /// How many findings are notes.
    pub notes: usize,
    /// The findings, in the order of the file.
    pub findings: Vec<Finding>,
}

/// Checks the configuration at `path`, and how it goes with that of the other node at `peer`.
///
/// The files are told apart by what is in them, a config.xml may have been saved under any name; the name counts where the content does
/// not tell.
#[must_use]
pub fn check_file(path: &Path, peer: Option<&Path>) -> CheckReport {
    check_file_for(path, peer, &ThisSystem)
}

/// Like [`check_file`], for the machine that `system` describes.
#[must_use]
pub fn check_file_for(path: &Path, peer: Option<&Path>, system: &dyn System) -> CheckReport {
    // Its reader will say why a file cannot be read.
    let format = Format::of(path).unwrap_or(Format::CarpdToml);
    let mut judged = Judged::default();
    let usable_peer = peer.filter(|peer| judged.is_usable_peer(path, peer));
    match format {
        Format::CarpdToml => judged.carpd_toml(path, usable_peer, system),
        Format::ConfigXml => judged.config_xml(path, usable_peer),
    }
    if peer.is_some() || path != Path::new(load::DEFAULT_PATH) {
        judged.allow_for_another_machine();
    }
    CheckReport::new(path, format, judged)
}

impl Format {
    /// What the file's first character says, or else its name. None if it cannot be read.
    fn of(path: &Path) -> Option<Self> {
        let start = head(path).ok()?;
        let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
        Some(match text.iter().find(|b| !b.is_ascii_whitespace()) {
            Some(b'<') => Self::ConfigXml,
            _ if path.extension().is_some_and(|name| name.eq_ignore_ascii_case("xml")) => Self::ConfigXml,
            _ => Self::CarpdToml,
        })
    }
}

/// The first bytes of a file.
fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    let (file, _) = regular_file::open(path)?;
    file.take(4096).read_to_end(&mut start)?;
    Ok(start)
}

/// Whether both paths lead to one file, or to two without a difference.
fn is_same(path: &Path, peer: &Path) -> bool {
    let one_file = path.canonicalize().is_ok_and(|own| peer.canonicalize().is_ok_and(|other| own == other));
    let sizes = path.metadata().ok().zip(peer.metadata().ok());
    let alike = sizes.is_some_and(|(own, other)| {
        own.is_file() && other.is_file() && own.len() == other.len() && own.len() <= opnsense::MAX_BYTES
    });
    // Either may be a config.xml, which holds passwords.
    let bytes = |path: &Path| fs::read(path).map(Zeroizing::new);
    one_file || alike && bytes(path).is_ok_and(|own| bytes(peer).is_ok_and(|other| own == other))
}

/// What is known so far.
#[derive(Default)]
struct Judged {
    unread: bool,
    findings: Vec<Finding>,
}

impl Judged {
    fn carpd_toml(&mut self, path: &Path, peer: Option<&Path>, system: &dyn System) {
        let own = self.load(path, system);
        if let Some(config) = own.as_ref().and_then(|own| own.opnsense.as_ref()) {
            self.findings.extend(lint::single(config));
        }
        let Some(peer) = peer else { return };
        match (Format::of(peer).unwrap_or(Format::CarpdToml), own) {
            (Format::CarpdToml, own) => {
                // What this machine lacks says nothing about how the two files go together.
                let own = own.or_else(|| load::load_for(path, &AnySystem).ok());
                // The other node's groups, programs and password files are not on this machine.
                let other = self.load(peer, &AnySystem);
                match own.as_ref().zip(other) {
                    Some((own, other)) => {
                        self.findings.extend(pair::compare(path, &own.settings, &other.settings, peer));
                    }
                    None => self.not_compared(path, if own.is_none() { path } else { peer }, peer),
                }
            }
            (Format::ConfigXml, Some(Loaded { opnsense: Some(own), settings, .. })) => {
                if let Some(other) = self.other_config_xml(path, &own, peer) {
                    let (here, there) = (own.vhids(), other.vhids());
                    self.findings.extend(pair::compare_demotions(path, &settings, &here, &there, peer));
                }
            }
            (Format::ConfigXml, Some(_)) => self.of_another_kind(path, peer),
            (Format::ConfigXml, None) => self.not_compared(path, path, peer),
        }
    }

    fn config_xml(&mut self, path: &Path, peer: Option<&Path>) {
        let own = self.opnsense(path);
        match peer.map(|peer| (Format::of(peer).unwrap_or(Format::ConfigXml), peer)) {
            None => {}
            Some((Format::CarpdToml, peer)) => self.of_another_kind(path, peer),
            Some((Format::ConfigXml, peer)) => match &own {
                Some(own) => {
                    self.other_config_xml(path, own, peer);
                }
                None => {
                    self.opnsense(peer);
                    self.not_compared(path, path, peer);
                }
            },
        }
    }

    fn other_config_xml(&mut self, path: &Path, own: &OpnsenseConfig, peer: &Path) -> Option<OpnsenseConfig> {
        let other = self.opnsense(peer);
        match &other {
            Some(other) => self.findings.extend(lint::pair(own, other)),
            None => self.not_compared(path, peer, peer),
        }
        other
    }

    /// Whether `peer` is a text file that is not this node's own. What is wrong with it otherwise is for its reader to say.
    fn is_usable_peer(&mut self, path: &Path, peer: &Path) -> bool {
        let start = match head(peer) {
            Ok(start) => start,
            Err(error) => {
                self.unread = true;
                let (cause, remedy) = match error.kind() {
                    ErrorKind::NotFound => (
                        format!("the other node's configuration {} does not exist", peer.display()),
                        "copy it from the other node, and name the copy with --peer",
                    ),
                    _ => (
                        format!("the other node's configuration {} cannot be read: {error}", peer.display()),
                        load::remedy_for(&error),
                    ),
                };
                self.add(peer, &codes::UNREADABLE, &cause, remedy);
                self.not_compared(path, peer, peer);
                return false;
            }
        };
        // The last character may be cut.
        let is_text = std::str::from_utf8(&start).map_or_else(|error| error.error_len().is_none(), |_| true);
        if !is_text || start.contains(&0) {
            self.unread = true;
            let cause = format!("the other node's configuration {} is not UTF-8 text", peer.display());
            self.add(peer, &codes::NOT_UTF8, &cause, "name the other node's carpd.toml or config.xml with --peer");
            self.not_compared(path, peer, peer);
            return false;
        }
        if is_same(path, peer) {
            let cause = format!("{} is the same file, or a copy without any difference", peer.display());
            self.add(path, &codes::PAIR_SAME, &cause, "name the configuration of the other node with --peer");
            return false;
        }
        true
    }

    fn not_compared(&mut self, path: &Path, culprit: &Path, peer: &Path) {
        let cause = format!("the files were not compared: {} cannot be used as it is", culprit.display());
        let remedy = format!("correct {} first, then check again with --peer {}", culprit.display(), peer.display());
        self.add(path, &codes::PAIR_SKIPPED, &cause, &remedy);
    }

    /// What only this machine lacks, or has besides, is no mistake in a file that is for another one.
    fn allow_for_another_machine(&mut self) {
        let here = [codes::NO_PASSWORD_FILE.code, codes::RC_CONF_VIP.code];
        for finding in self.findings.iter_mut().filter(|finding| here.contains(&finding.code)) {
            finding.severity = Severity::Warning;
        }
    }

    /// Reads a config.xml and notes what is wrong within it.
    fn opnsense(&mut self, path: &Path) -> Option<OpnsenseConfig> {
        match opnsense::load(path) {
            Ok(config) => {
                self.findings.extend(lint::single(&config));
                Some(config)
            }
            Err(error) => {
                self.unread = true;
                self.add(path, &codes::NO_CONFIG_XML, &error.to_string(), "name OPNsense's config.xml or a carpd.toml");
                None
            }
        }
    }

    fn load(&mut self, path: &Path, system: &dyn System) -> Option<Loaded> {
        match load::load_for(path, system) {
            Ok(mut loaded) => {
                self.findings.append(&mut loaded.findings);
                Some(loaded)
            }
            Err(Unusable { unread, findings }) => {
                self.unread |= unread;
                self.findings.extend(findings);
                None
            }
        }
    }

    fn of_another_kind(&mut self, path: &Path, peer: &Path) {
        let cause = format!("{} is of another kind and cannot be compared with it", peer.display());
        self.add(path, &codes::PAIR_KIND, &cause, "name the same kind of file from the other node");
    }

    fn add(&mut self, path: &Path, entry: &Entry, cause: &str, remedy: &str) {
        let mut report = Report::new(path, "");
        report.add(entry, 0, "", cause, remedy);
        self.findings.extend(report.finish());
    }
}

impl CheckReport {
    fn new(file: &Path, format: Format, Judged { unread, findings }: Judged) -> Self {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        let (errors, warnings, notes) = (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
        let verdict = match errors + warnings {
            _ if unread => Verdict::Unread,
            0 => Verdict::Clean,
            _ => Verdict::Findings,
        };
        Self { file: file.to_owned(), format, verdict, errors, warnings, notes, findings }
    }
}

impl fmt::Display for CheckReport {
    /// Every finding with its place and its remedy, and a line that sums up.
    ///
    /// The lines of the file are not quoted: both kinds of file may hold a password, a carpd.toml by mistake.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{}[{}]: {}", finding.severity.as_str(), finding.code, finding.cause)?;
            write!(f, "  --> {}", finding.place.file.display())?;
            if finding.place.line > 0 {
                write!(f, ":{}", finding.place.line)?;
            }
            if !finding.key.is_empty() {
                write!(f, "  {}", finding.key)?;
            }
            writeln!(f, "\n   = {}\n", finding.remedy)?;
        }
        let counts = [(self.errors, "error"), (self.warnings, "warning"), (self.notes, "note")];
        let counts: Vec<String> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }))
            .collect();
        let counts = if counts.is_empty() { "no findings".to_owned() } else { counts.join(", ") };
        let hint = if self.findings.is_empty() { "" } else { "; `carpctl explain CODE` tells more" };
        writeln!(f, "{}: {counts}{hint}", self.file.display())
    }
}
