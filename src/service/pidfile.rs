//! The file in which a service keeps its process id.

use std::io::{self, Read};
use std::path::Path;

use crate::regular_file;

/// As much of a pidfile as is read. Some programs write more lines than the one with their process id.
const MAX_BYTES: u64 = 4096;

/// The process id in the file at `path`: its first word, which is all that rc.subr(8) reads of it. `None` if there is no such file,
/// or no process id in it: some programs leave an empty one behind.
///
/// # Errors
/// It cannot be read or is no regular file; the text names the file.
pub(super) fn read(path: &Path) -> Result<Option<i32>, String> {
    let unreadable = |error: io::Error| format!("{}: {error}", path.display());
    let file = match regular_file::open(path).map_err(io::Error::from) {
        Ok((file, _)) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(process_id(&bytes))
}

fn process_id(bytes: &[u8]) -> Option<i32> {
    let word = bytes.split(u8::is_ascii_whitespace).find(|word| !word.is_empty())?;
    std::str::from_utf8(word).ok()?.parse().ok().filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write;

    #[test]
    fn the_first_word_is_the_process_id_and_must_be_one() {
        for (content, pid) in [("7\n", 7), (" 7", 7), ("7\n/var/db/postgres\n1777000000\n", 7)] {
            assert_eq!(process_id(content.as_bytes()), Some(pid), "{content:?}");
        }
        for content in ["", " \n", "x", "0", "-7", "7x", "99999999999", "\u{fc}"] {
            assert_eq!(process_id(content.as_bytes()), None, "{content:?}");
        }
    }

    #[test]
    fn what_is_no_regular_file_is_said_so_and_hangs_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        for path in [directory.path(), &pipe, Path::new("/dev/zero")] {
            assert!(read(path).unwrap_err().ends_with("not a regular file"), "{}", path.display());
        }
        assert_eq!(read(&directory.path().join("none")), Ok(None));
    }

    #[test]
    fn no_more_than_the_beginning_of_a_huge_file_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("huge");
        let mut file = File::create(&path).unwrap();
        // A sparse file: whoever reads it whole runs out of memory.
        file.set_len(1 << 36).unwrap();
        assert_eq!(read(&path), Ok(None));
        file.write_all(b"7\n").unwrap();
        assert_eq!(read(&path), Ok(Some(7)));
    }
}
