//! Reading config.xml while OPNsense may be writing it.
//!
//! OPNsense truncates and rewrites the file in place under an exclusive `flock`, so a reader without the lock can see half a
//! file (`src/opnsense/mvc/app/library/OPNsense/Core/Config.php` of opnsense/core).

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::regular_file::{self, OpenError};

/// The largest file that is read, in bytes. Real ones have some hundred KiB to a few MiB.
pub const MAX_BYTES: u64 = 64 << 20;

/// How long a reader waits for a writer.
pub const LOCK_LIMIT: Duration = Duration::from_secs(2);

const RETRY: Duration = Duration::from_millis(50);

/// Why config.xml could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error("cannot read {}: {source}; {}", .file.display(), remedy(source))]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A directory, a pipe or a device.
    #[error("{} is not a regular file; name OPNsense's config.xml", .file.display())]
    NotAFile {
        /// The file.
        file: PathBuf,
    },
    /// Another process holds the exclusive lock for longer than the limit.
    #[error("{} stayed locked by another process for {} s; try again when it has finished writing", .file.display(), .limit.as_secs())]
    Locked {
        /// The file.
        file: PathBuf,
        /// How long was waited.
        limit: Duration,
    },
    /// Larger than [`MAX_BYTES`].
    #[error("{} is larger than {} MiB; this is not the config.xml of a working firewall", .file.display(), MAX_BYTES >> 20)]
    TooLarge {
        /// The file.
        file: PathBuf,
    },
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "name a config.xml that is there",
        io::ErrorKind::PermissionDenied => "run as root",
        _ => "look at the path and at the file system it is on",
    }
}

/// The bytes of the file at `path`, read under a shared lock, waiting at most 2 s for a writer.
///
/// It blocks; call it from a thread that may.
///
/// # Errors
/// If the file cannot be opened or read, is not a regular file, stays locked, or is larger than 64 MiB.
pub fn read(path: &Path) -> Result<Vec<u8>, ReadError> {
    read_within(path, LOCK_LIMIT)
}

pub(super) fn read_within(path: &Path, limit: Duration) -> Result<Vec<u8>, ReadError> {
    let io = |source| ReadError::Io { file: path.to_owned(), source };
    let (file, _) = regular_file::open(path).map_err(|error| match error {
        OpenError::Io(error) => io(error),
        OpenError::NotAFile => ReadError::NotAFile { file: path.to_owned() },
    })?;
    let started = Instant::now();
    let mut waiting = file;
    let locked = loop {
        match Flock::lock(waiting, FlockArg::LockSharedNonblock) {
            Ok(locked) => break locked,
            Err((file, Errno::EWOULDBLOCK | Errno::EINTR)) if started.elapsed() < limit => {
                waiting = file;
                thread::sleep(RETRY.min(limit));
            }
            Err((_, Errno::EWOULDBLOCK)) => return Err(ReadError::Locked { file: path.to_owned(), limit }),
            Err((_, errno)) => return Err(io(errno.into())),
        }
    };
    // The size is asked for again, because the writer we waited for has changed it.
    let size = locked.metadata().map_err(io)?.len();
    let too_large = || ReadError::TooLarge { file: path.to_owned() };
    if size > MAX_BYTES {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size + 1).unwrap_or(0));
    (&*locked).take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("carpd-config-{}-{name}", std::process::id()));
        std::fs::write(&path, "<opnsense/>").unwrap();
        path
    }

    #[test]
    fn a_file_that_is_being_written_is_not_read() {
        let path = scratch("locked");
        let writer = Flock::lock(File::open(&path).unwrap(), FlockArg::LockExclusive).unwrap();
        assert!(matches!(read_within(&path, Duration::ZERO), Err(ReadError::Locked { .. })));
        drop(writer);
        assert_eq!(read_within(&path, Duration::ZERO).unwrap(), b"<opnsense/>");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn other_readers_do_not_hold_us_up() {
        let path = scratch("shared");
        let _reader = Flock::lock(File::open(&path).unwrap(), FlockArg::LockShared).unwrap();
        assert!(read_within(&path, Duration::ZERO).is_ok());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_is_not_a_file_of_sane_size_is_refused() {
        assert!(matches!(read(&std::env::temp_dir()), Err(ReadError::NotAFile { .. })));
        assert!(matches!(read(Path::new("/nonexistent/config.xml")), Err(ReadError::Io { .. })));
        let path = scratch("large");
        File::options().write(true).open(&path).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert!(matches!(read(&path), Err(ReadError::TooLarge { .. })));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_pipe_does_not_block_the_reader() {
        let path = std::env::temp_dir().join(format!("carpd-config-{}-pipe", std::process::id()));
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert!(matches!(read(&path), Err(ReadError::NotAFile { .. })));
        std::fs::remove_file(path).unwrap();
    }
}
