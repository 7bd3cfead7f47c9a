//! Codecs of the system's interfaces, testable on every platform.

pub mod devd;
