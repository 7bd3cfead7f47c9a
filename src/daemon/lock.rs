//! One daemon for one state directory.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

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

impl StateLock {
    /// Makes the directory if need be, and takes the lock.
    pub(crate) fn take(directory: &Path) -> Result<Self, LockError> {
        let path = directory.join("lock");
        let cannot = |path: &Path, source: io::Error| LockError::Directory {
            directory: directory.into(),
            path: path.to_owned(),
            source,
        };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| cannot(directory, error))?;
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = open.map_err(|error| cannot(&path, error))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut file) => {
                // For people only, so it does not matter if it cannot be written, as on a full disk.
                let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
                Ok(Self { _file: file })
            }
            Err((file, Errno::EWOULDBLOCK)) => {
                Err(LockError::Held { directory: directory.into(), holder: holder(file) })
            }
            Err((_, errno)) => Err(cannot(&path, errno.into())),
        }
    }
}

fn holder(file: File) -> String {
    let mut text = String::new();
    let pid = file.take(32).read_to_string(&mut text).ok().and_then(|_| text.trim().parse::<u32>().ok());
    pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
}
