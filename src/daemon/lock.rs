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
    /// Somebody else changes the vhids.
    #[error("{holder} changes the vhids of this node at this moment; let it end, or abort it there, and try again")]
    Changing {
        /// What it is, with its pid if that is known.
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
        let mut file = open(directory, "lock")?;
        let began = Instant::now();
        let word = match stay {
            Stay::Daemon => "",
            Stay::Moment => MOMENT,
        };
        loop {
            let holder = match lock(directory, file, word)? {
                Ok(file) => return Ok(Self { _file: file }),
                Err((held, holder)) => {
                    file = held;
                    holder
                }
            };
            if began.elapsed() >= if holder.word == MOMENT { MOMENT_ENDS } else { SETTLE } {
                return Err(LockError::Held { directory: directory.into(), holder: holder.pid });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The right to change the vhids, addresses and pfsync of a node. Two who did so at once would each work on a plan that the other one
/// has made wrong.
#[derive(Debug)]
pub(crate) struct ChangeLock {
    _file: Flock<File>,
}

impl ChangeLock {
    /// Takes the lock for `who`, who is told to the next one that wants it. Nobody is waited for: a walk through both nodes of a pair
    /// may take an hour.
    pub(crate) fn take(directory: &Path, who: &str) -> Result<Self, LockError> {
        match lock(directory, open(directory, "change.lock")?, who)? {
            Ok(file) => Ok(Self { _file: file }),
            Err((_, Holder { pid, word })) => {
                let who = if word.is_empty() { "another process".to_owned() } else { word };
                Err(LockError::Changing { holder: who + &pid })
            }
        }
    }
}

/// Makes the directory if need be, and opens a file in it that can be locked.
fn open(directory: &Path, name: &str) -> Result<File, LockError> {
    let path = directory.join(name);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| cannot(directory, directory.to_owned(), error))?;
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    open.map_err(|error| cannot(directory, path, error))
}

fn cannot(directory: &Path, path: PathBuf, source: io::Error) -> LockError {
    LockError::Directory { directory: directory.into(), path, source }
}

/// Who has a lock, as far as the file tells.
struct Holder {
    /// ` (pid N)`, or empty.
    pid: String,
    /// What it has written besides.
    word: String,
}

/// Locks the file and writes into it who has it, or tells who does.
fn lock(directory: &Path, file: File, word: &str) -> Result<Result<Flock<File>, (File, Holder)>, LockError> {
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(mut file) => {
            // For people, and for those who wait, so it does not matter if it cannot be written, as on a full disk.
            let text = format!("{} {word}", std::process::id());
            let text = text.trim_end().to_owned() + "\n";
            let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
            Ok(Ok(file))
        }
        Err((mut file, Errno::EWOULDBLOCK)) => {
            let holder = holder(&mut file);
            Ok(Err((file, holder)))
        }
        Err((_, errno)) => Err(cannot(directory, directory.to_owned(), errno.into())),
    }
}

fn holder(file: &mut File) -> Holder {
    let mut text = String::new();
    let _ = file.rewind().and_then(|()| file.take(64).read_to_string(&mut text));
    let (pid, word) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let pid = pid.parse::<u32>().map_or_else(|_| String::new(), |pid| format!(" (pid {pid})"));
    Holder { pid, word: word.to_owned() }
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

    #[test]
    fn two_who_change_the_vhids_exclude_each_other_and_the_second_is_told_who_the_first_is() {
        let directory = tempfile::tempdir().unwrap();
        let _daemon = StateLock::take(directory.path(), Stay::Daemon).unwrap();
        let first = ChangeLock::take(directory.path(), "`carpctl apply --guided`").unwrap();
        let refused = ChangeLock::take(directory.path(), "carpd").unwrap_err().to_string();
        let holder = format!("`carpctl apply --guided` (pid {}) changes the vhids", std::process::id());
        assert!(refused.starts_with(&holder), "{refused}");
        drop(first);
        assert!(ChangeLock::take(directory.path(), "carpd").is_ok());
    }
}
