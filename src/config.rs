//! Configuration: carpd.toml and OPNsense's config.xml, checked as a whole and told with line, cause and remedy.

pub mod catalogue;
pub mod finding;
pub mod lint;
pub mod opnsense;

pub use finding::{Code, Entry, Finding, Place, Severity};
