//! What the configuration check says: coded, placed, with cause and remedy.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; no reason to fail a check.
    Note,
    /// Works until a failover, or only by luck.
    Warning,
    /// Cannot work as written.
    Error,
}

impl Severity {
    /// The lower-case word used in texts and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The stable number of a kind of finding, written `CARP-C012`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CARP-C{:03}", self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A kind of finding: what `carpctl explain` tells.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its number; never reused.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// A few words.
    pub title: &'static str,
    /// A paragraph: what happens, why, what to do, where it is documented.
    pub explanation: &'static str,
}

/// Where in a file something was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Its line, counted from 1; 0 where no line is known.
    pub line: u32,
}

/// One mistake, or one thing worth knowing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// Its kind.
    #[cfg_attr(test, schemars(with = "String"))]
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// The key or element, e.g. `service[gateway].follows` or `virtualip/vip[2]/vhid`.
    pub key: String,
    /// What is wrong, naming the object.
    pub cause: String,
    /// What to do about it.
    pub remedy: String,
}
