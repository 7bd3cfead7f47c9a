//! Files at paths that somebody else may have put something else at: opened without hanging, read without filling the memory.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Why a file was not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The system's answer.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is a directory, a device or a pipe, of which the last two may never end.
    #[error("it is not a regular file")]
    NotAFile,
}

impl From<OpenError> for io::Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Io(error) => error,
            OpenError::NotAFile => Self::new(io::ErrorKind::InvalidInput, error.to_string()),
        }
    }
}

/// Opens the file at `path` for reading.
///
/// # Errors
/// It cannot be opened, or is no regular file.
pub(crate) fn open(path: &Path) -> Result<(File, Metadata), OpenError> {
    // Without O_NONBLOCK, opening a pipe would wait for its writer, perhaps for ever. It means nothing for a regular file.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    // The opened file is examined, not the name, which could lead elsewhere a moment later.
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(OpenError::NotAFile) }
}

/// The content of the file at `path`.
///
/// # Errors
/// Like [`open`]; or it has more than `longest` bytes ([`io::ErrorKind::FileTooLarge`]).
pub(crate) fn read(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let (file, _) = open(path)?;
    let mut bytes = Vec::new();
    file.take(longest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {longest} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_a_directory_and_a_flood_are_refused_and_nothing_waits() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        nix::unistd::mkfifo(&path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        std::fs::write(path("file"), "12345").unwrap();
        assert_eq!(read(&path("pipe"), 9).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(read(directory.path(), 9).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(read(Path::new("/dev/zero"), 9).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(read(&path("file"), 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read(&path("file"), 5).unwrap(), b"12345");
        assert_eq!(read(&path("none"), 5).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
