//! Configuration: carpd.toml and OPNsense's config.xml, checked as a whole and told with line, cause and remedy.

pub mod catalogue;
pub mod check;
pub mod duration;
pub(crate) mod file;
pub mod finding;
pub mod import;
pub mod lint;
pub mod load;
pub mod opnsense;
mod pair;
pub mod password;
mod profile;
pub mod rc_conf;
pub mod settings;
pub mod system;
pub mod trust;
mod wanted;

pub use check::{CheckReport, check_file};
pub use finding::{Code, Entry, Finding, Place, Severity};
pub use load::{Loaded, Unusable, load, load_for};
pub use settings::Settings;
