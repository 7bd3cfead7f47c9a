//! Every kind of finding, for `carpctl explain`.

pub mod carpd_toml;
