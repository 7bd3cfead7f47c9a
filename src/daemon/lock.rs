//! One daemon for one state directory.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// The right to be the daemon of a state directory. The kernel takes it back when the process ends, however that happens,
/// so there is no stale lock; a pid in a file proves nothing, since the number may belong to another process by now.
#[derive(Debug)]
pub(crate) struct StateLock {
    _file: Flock<File>,
}

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// It cannot be made or written.
    #[error(
        "the state directory {directory} cannot be used: {path}: {source}; carpd has to be able to write there, see node.state_dir"
    )]
    Directory {
        /// The state directory.
        directory: PathBuf,
        /// It, or the file in it that failed.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Another daemon has it.
    #[error("another carpd{holder} uses {directory}; stop that one, or give this one a node.state_dir of its own")]
    Held {
        /// The directory.
        directory: PathBuf,
        /// ` (pid N)`, as the holder wrote it, or empty.
        holder: String,
    },
}

/// How long whoever takes the lock means to keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stay {
    /// A daemon, for as long as it runs.
    Daemon,
    /// Somebody who does one thing in the place of a daemon that does not run.
    Moment,
}

/// What follows the pid of a holder that is gone in a moment.
const MOMENT: &str = "for a moment";

/// How long such a holder is waited for: at most it stands down a service.
const MOMENT_ENDS: Duration = Duration::from_secs(60);

/// How long any other holder is: it may just be ending, or not have written yet who it is.
const SETTLE: Duration = Duration::from_millis(300);

impl StateLock {
    /// Makes the directory if need be, and takes the lock.
    pub(crate) fn take(directory: &Path, stay: Stay) -> Result<Self, LockError> {
        let path = directory.join("lock");
        let cannot = |path: &Path, source: io::Error| LockError::Directory {
            directory: directory.into(),
            path: path.to_owned(),
            source,
        };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| cannot(directory, error))?;
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(|error| cannot(&path, error))?;
        let began = Instant::now();
        loop {
            file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(mut file) => {
                    // For people, and for those who wait, so it does not matter if it cannot be written, as on a full disk.
                    let text = match stay {
                        Stay::Daemon => format!("{}\n", std::process::id()),
                        Stay::Moment => format!("{} {MOMENT}\n", std::process::id()),
                    };
                    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
                    return Ok(Self { _file: file });
                }
                Err((file, Errno::EWOULDBLOCK)) => file,
                Err((_, errno)) => return Err(cannot(&path, errno.into())),
            };
            let (holder, moment) = holder(&mut file);
            if began.elapsed() >= if moment { MOMENT_ENDS } else { SETTLE } {
                return Err(LockError::Held { directory: directory.into(), holder });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Who has the lock, and whether it is gone in a moment.
fn holder(file: &mut File) -> (String, bool) {
    let mut text = String::new();
    let _ = file.rewind().and_then(|()| file.take(64).read_to_string(&mut text));
    let (pid, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    (pid.parse::<u32>().map_or_else(|_| String::new(), |pid| format!(" (pid {pid})")), rest == MOMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_waits_for_a_holder_that_is_gone_in_a_moment_and_not_for_another_daemon() {
        let directory = tempfile::tempdir().unwrap();
        let moment = StateLock::take(directory.path(), Stay::Moment).unwrap();
        std::thread::scope(|scope| {
            let daemon = scope.spawn(|| StateLock::take(directory.path(), Stay::Daemon));
            // Longer than it would wait for another daemon.
            std::thread::sleep(SETTLE * 2);
            drop(moment);
            let daemon = daemon.join().unwrap().unwrap();
            for stay in [Stay::Daemon, Stay::Moment] {
                let refused = StateLock::take(directory.path(), stay).unwrap_err().to_string();
                assert!(refused.contains(&format!("another carpd (pid {}) uses", std::process::id())), "{refused}");
            }
            drop(daemon);
        });
    }
}
