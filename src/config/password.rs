//! The file that holds a vhid's password.

use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::model::CarpKey;
use crate::regular_file::{self, OpenError};

/// The largest password file that is read; more than the kernel's 19 bytes, so that a longer password can be told from a wrong file.
const MAX_BYTES: u64 = 1024;

/// Why a password file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// It cannot be opened or read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is a directory, a device or a pipe.
    #[error("is not a regular file")]
    NotAFile,
    /// Its group or everyone may read or change it.
    #[error("may be used by others than its owner (mode {0:04o})")]
    Open(u32),
    /// It belongs to neither root nor the reading user.
    #[error("belongs to uid {0}, who is neither root nor the user of carpd")]
    Owner(u32),
    /// It holds no password in its first line, or more than one line.
    #[error("does not hold exactly one line with a password")]
    NotOneLine,
    /// More than 1,024 bytes: not a password.
    #[error("is larger than {MAX_BYTES} bytes")]
    TooLarge,
}

/// A password as the kernel will have it.
#[derive(Debug)]
pub struct Password {
    /// The key.
    pub key: CarpKey,
    /// The file held more than the 19 bytes that count.
    pub cut: bool,
}

/// Reads the password in `path`: its only line, of which the first 19 bytes count.
///
/// # Errors
/// See [`PasswordError`]. No message holds any part of the password.
pub fn read(path: &Path) -> Result<Password, PasswordError> {
    let (file, meta) = regular_file::open(path).map_err(|error| match error {
        OpenError::Io(error) => PasswordError::Io(error),
        OpenError::NotAFile => PasswordError::NotAFile,
    })?;
    if meta.mode() & 0o077 != 0 {
        return Err(PasswordError::Open(meta.mode() & 0o7777));
    }
    if meta.uid() != 0 && meta.uid() != nix::unistd::geteuid().as_raw() {
        return Err(PasswordError::Owner(meta.uid()));
    }
    // The capacity is never exceeded: a growing vector would leave copies behind that are not wiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2048));
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(PasswordError::TooLarge);
    }
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() || line.iter().any(|b| matches!(b, b'\n' | b'\r' | 0)) {
        return Err(PasswordError::NotOneLine);
    }
    Ok(Password { key: CarpKey::from_password(line), cut: line.len() > CarpKey::SIGNIFICANT })
}
