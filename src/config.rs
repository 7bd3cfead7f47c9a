//! Configuration: carpd.toml and OPNsense's config.xml, checked as a whole and told with line, cause and remedy.

pub mod duration;
pub mod finding;
pub mod password;
pub mod settings;

pub use finding::{Code, Entry, Finding, Place, Severity};
pub use settings::Settings;
