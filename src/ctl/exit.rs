//! How carpctl ends: the exit codes are a contract with scripts and monitoring.

use std::process::ExitCode;

/// Done, or already so.
pub const DONE: u8 = 0;
/// It was tried and failed, or the asker has no right to it.
pub const FAILED: u8 = 1;
/// `is-master` and `may-run`: it cannot be told. Callers treat it as no.
pub const CANNOT_TELL: u8 = 2;
/// `plan`: there is something to do.
pub const CHANGES: u8 = 2;
/// The daemon cannot be reached. Also what `check` says when it cannot judge.
pub const UNREACHABLE: u8 = 3;
/// A known fact speaks against it; `--force` overrides.
pub const REFUSED: u8 = 4;
/// The effect did not come within the limit.
pub const TIMED_OUT: u8 = 5;
/// Wrong usage (`EX_USAGE`, sysexits(3)).
pub const USAGE: u8 = 64;

/// An end that is not success, with the text for standard error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// Object, cause and remedy.
    pub text: String,
}

impl Failure {
    /// An end with this code and text.
    #[must_use]
    pub fn new(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

/// How a command ends: with the exit code that its answer has, or with a [`Failure`].
pub type Ended = Result<u8, Failure>;

/// Prints a failure and turns both ends into the process's exit code.
pub(super) fn code(ended: Ended) -> ExitCode {
    match ended {
        Ok(code) => code.into(),
        Err(failure) => {
            super::out::complain(&failure.text);
            failure.code.into()
        }
    }
}
