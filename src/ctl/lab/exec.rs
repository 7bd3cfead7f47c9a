//! Executes a program that must not outlive the lab.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::ctl::exit::{self, Ended, Failure};

/// Becomes the program `words`, under carpd's name. Returns only if that fails.
///
/// Where the system has it (prctl(2) on Linux), the program is killed when the lab's process ends, however that ends. Elsewhere it is the
/// lab that ends it, which a SIGKILL of the lab prevents.
pub(super) fn run(parent: i32, words: Vec<OsString>) -> Ended {
    let mut words = words.into_iter();
    let program = words.next().unwrap_or_default();
    let failed = |what: String| Failure::new(exit::FAILED, format!("{}: {what}", program.to_string_lossy()));
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).map_err(|e| failed(e.to_string()))?;
    // The lab may have ended before the line above.
    if nix::unistd::getppid().as_raw() != parent {
        return Err(failed("the lab has ended".to_owned()));
    }
    Err(failed(Command::new(&program).arg0("carpd").args(words).exec().to_string()))
}
