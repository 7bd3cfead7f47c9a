//! The daemon.

use std::process::ExitCode;

fn main() -> ExitCode {
    carpd::daemon::main(std::env::args_os())
}
