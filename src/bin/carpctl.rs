//! carpctl: shows and changes what carpd does on this node.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    // `cargo run` builds one program alone, so a lab started by it finds no carpd and runs this one under that name.
    let is_carpd =
        std::env::args_os().next().is_some_and(|name| Path::new(&name).file_name() == Some("carpd".as_ref()));
    if is_carpd { carpd::daemon::main(std::env::args_os()) } else { carpd::ctl::main(std::env::args_os()) }
}
