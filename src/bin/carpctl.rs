//! carpctl: shows and changes what carpd does on this node.

use std::process::ExitCode;

fn main() -> ExitCode {
    carpd::ctl::main(std::env::args_os())
}
