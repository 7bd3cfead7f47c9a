//! Gives orders to a running lab. Every wait has a limit.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::ctl::exit::{self, Ended, Failure};
use crate::ctl::out::Out;
use crate::lab::dir::LabPaths;
use crate::lab::server::protocol::{LabAnswer, LabAsk};

/// A reboot takes the longest: a carpd that does not end, and one that does not begin.
const LIMIT: Duration = Duration::from_secs(30);

const LONGEST_ANSWER: u64 = 16 << 20;

/// Asks the lab and returns what it says.
pub(super) fn ask(lab: &LabPaths, ask: &LabAsk) -> Result<LabAnswer, Failure> {
    if std::fs::read_dir(lab.root()).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
        let text =
            format!("{}: permission denied: it is the lab of another user; ask as that user", lab.root().display());
        return Err(Failure::new(exit::FAILED, text));
    }
    if !lab.is_up() {
        let text = format!("no lab is up in {}; `carpctl lab up` starts one", lab.root().display());
        return Err(Failure::new(exit::UNREACHABLE, text));
    }
    exchange(lab, ask).map_err(|error| {
        Failure::new(exit::FAILED, format!("the lab in {} does not answer: {error}", lab.root().display()))
    })
}

fn exchange(lab: &LabPaths, ask: &LabAsk) -> io::Result<LabAnswer> {
    let mut stream = UnixStream::connect(lab.admin_socket())?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    let mut line = serde_json::to_vec(ask)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    line.clear();
    BufReader::new(stream).take(LONGEST_ANSWER).read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line)?)
}

/// Gives an order and shows what became of it.
pub(super) fn give(lab: &LabPaths, order: &LabAsk, out: &mut Out) -> Ended {
    match ask(lab, order)? {
        LabAnswer::Done { text } => out.write(&(text + "\n")).map(|()| exit::DONE),
        LabAnswer::Refused { text } => Err(Failure::new(exit::FAILED, text)),
        LabAnswer::View { .. } => Err(Failure::new(exit::FAILED, "the lab answered another question")),
    }
}
