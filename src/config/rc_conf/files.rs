//! The files that rc.subr(8) reads on a running system.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{RcConf, Unread};
use crate::config::Place;
use crate::regular_file;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The most files that are read in one directory.
const MAX_FILES: usize = 256;

/// In the order in which they are read, so that a later one overrides an earlier one (`rc_conf_files` of rc.conf(5)).
const FILES: [&str; 2] = ["/etc/rc.conf", "/etc/rc.conf.local"];

/// A file in one of these is for the script of its name; a directory of that name stands for the files in it.
const DIRECTORIES: [&str; 2] = ["/etc/rc.conf.d", "/usr/local/etc/rc.conf.d"];

impl RcConf {
    /// That of this machine. Where a file cannot be read, that is among what is [unread](Self::unread).
    #[must_use]
    pub fn of_this_system() -> Self {
        let mut paths: Vec<PathBuf> = FILES.iter().map(PathBuf::from).collect();
        for directory in DIRECTORIES {
            for path in entries(Path::new(directory)) {
                if path.is_dir() { paths.extend(entries(&path)) } else { paths.push(path) }
            }
        }
        let mut rc_conf = Self::default();
        for path in paths {
            match read_text(&path) {
                Ok(text) => rc_conf.add(&text, &path),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(_) => rc_conf.unread.push(Unread {
                    variable: None,
                    why: "it cannot be read",
                    place: Place { file: path, line: 0 },
                    about_vhids: true,
                }),
            }
        }
        rc_conf
    }
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).take(MAX_FILES).collect();
    paths.sort();
    paths
}

/// The text of a file with settings. It may hold passwords, so it is wiped after use.
///
/// # Errors
/// It cannot be read, is no regular file, or has more than 1 MiB.
pub fn read_text(path: &Path) -> io::Result<Zeroizing<String>> {
    let (file, meta) = regular_file::open(path)?;
    // The capacity is hardly ever exceeded: a growing vector would leave copies behind that are not wiped.
    let capacity = usize::try_from(meta.len().min(MAX_BYTES)).unwrap_or_default() + 4096;
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is larger than 1 MiB"));
    }
    // Comments in another encoding are no reason to read nothing.
    Ok(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()))
}
