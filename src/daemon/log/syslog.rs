//! syslogd's local socket: one record for each line, with the priority that its level has.
//!
//! daemon(8) can pass standard error on to syslogd, but gives every line one priority, and makes one record of lines that come
//! together. libc's syslog(3) would do, but it waits for a syslogd that does not read.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::Level;

/// The facility daemon of syslog(3).
const DAEMON: u8 = 3 << 3;

/// The longest record, in bytes: the smallest `net.local.dgram.maxdgram` of a FreeBSD in use is 2048.
const LONGEST: usize = 2000;

/// The pauses between two attempts to send a record: long enough for a syslogd that is being restarted.
const PAUSES: [Duration; 8] = [
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1600),
];

/// The way to syslogd.
#[derive(Debug)]
pub(super) struct Syslog {
    path: PathBuf,
    tag: String,
    socket: Option<UnixDatagram>,
    pauses: &'static [Duration],
    /// The last record was not taken, so further ones are not worth a wait until one is.
    deaf: bool,
}

impl Syslog {
    /// Of the syslogd that listens at `path`. It need not run yet.
    pub(super) fn new(path: &Path) -> Self {
        let tag = format!("carpd[{}]", std::process::id());
        Self { path: path.to_owned(), tag, socket: None, pauses: &PAUSES, deaf: false }
    }

    /// Sends one line; whether syslogd has it. Takes a few seconds at most, and once syslogd is deaf no time at all.
    pub(super) fn send(&mut self, level: Level, line: &str) -> bool {
        let record = record(level, &self.tag, line);
        let mut pauses = self.pauses.iter().take(if self.deaf { 0 } else { usize::MAX });
        self.deaf = loop {
            if self.try_send(&record).is_ok() {
                break false;
            }
            match pauses.next() {
                Some(pause) => std::thread::sleep(*pause),
                None => break true,
            }
        };
        !self.deaf
    }

    fn try_send(&mut self, record: &[u8]) -> io::Result<()> {
        if let Some(socket) = &self.socket {
            match socket.send(record) {
                Ok(_) => return Ok(()),
                Err(error) if is_full(&error) => return Err(error),
                // A syslogd that was restarted has a new socket at the same path.
                Err(_) => self.socket = None,
            }
        }
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect(&self.path)?;
        self.socket.insert(socket).send(record).map(drop)
    }
}

/// syslogd is there and has yet to read what it was sent. FreeBSD says ENOBUFS, Linux EAGAIN.
fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
}

/// The record in the form of RFC 3164, without the time: syslogd then takes its own, which needs no time zone here.
fn record(level: Level, tag: &str, line: &str) -> Vec<u8> {
    let mut record = format!("<{}>{tag}: {line}", DAEMON | severity(level));
    let end = (0..=LONGEST.min(record.len())).rev().find(|at| record.is_char_boundary(*at));
    record.truncate(end.unwrap_or(0));
    record.into_bytes()
}

/// An ordinary line is a notice and not an info, because the syslog.conf that comes with FreeBSD keeps nothing below a notice.
const fn severity(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 5,
        Level::DEBUG | Level::TRACE => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// A syslogd that the test plays, and the way to it, which never waits.
    fn pair() -> (TempDir, UnixDatagram, Syslog) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let syslogd = UnixDatagram::bind(&path).unwrap();
        syslogd.set_nonblocking(true).unwrap();
        let syslog = Syslog { tag: "carpd[7]".to_owned(), pauses: &[], ..Syslog::new(&path) };
        (directory, syslogd, syslog)
    }

    fn next(syslogd: &UnixDatagram) -> Option<String> {
        let mut bytes = [0; 4096];
        syslogd.recv(&mut bytes).ok().map(|length| String::from_utf8(bytes[..length].to_vec()).unwrap())
    }

    #[test]
    fn a_burst_is_one_record_a_line_each_with_its_own_priority() {
        let (_directory, syslogd, mut syslog) = pair();
        for (level, line) in [(Level::ERROR, "a"), (Level::WARN, "b"), (Level::INFO, "c"), (Level::DEBUG, "d")] {
            assert!(syslog.send(level, line));
        }
        let records: Vec<_> = std::iter::from_fn(|| next(&syslogd)).collect();
        assert_eq!(records, ["<27>carpd[7]: a", "<28>carpd[7]: b", "<29>carpd[7]: c", "<31>carpd[7]: d"]);
    }

    #[test]
    fn a_syslogd_that_is_restarted_gets_the_next_line() {
        let (directory, syslogd, mut syslog) = pair();
        assert!(syslog.send(Level::INFO, "before"));
        drop(syslogd);
        let path = directory.path().join("log");
        std::fs::remove_file(&path).unwrap();
        assert!(!syslog.send(Level::INFO, "meanwhile"));
        let syslogd = UnixDatagram::bind(&path).unwrap();
        syslogd.set_nonblocking(true).unwrap();
        assert!(syslog.send(Level::INFO, "after"));
        assert_eq!(next(&syslogd).as_deref(), Some("<29>carpd[7]: after"));
    }

    #[test]
    fn a_line_waits_for_a_syslogd_that_is_being_restarted_but_only_once() {
        let (directory, syslogd, syslog) = pair();
        drop(syslogd);
        std::fs::remove_file(directory.path().join("log")).unwrap();
        let mut syslog = Syslog { pauses: &[Duration::ZERO], ..syslog };
        assert!(!syslog.send(Level::INFO, "lost") && syslog.deaf);
        let path = directory.path().join("log");
        let _syslogd = UnixDatagram::bind(path).unwrap();
        assert!(syslog.send(Level::INFO, "found") && !syslog.deaf);
    }

    #[test]
    fn a_syslogd_that_does_not_read_never_blocks_and_misses_lines_that_it_is_too_slow_for() {
        let (_directory, syslogd, mut syslog) = pair();
        let taken = (0..100_000).take_while(|n| syslog.send(Level::INFO, &n.to_string())).count();
        assert!(taken > 0 && taken < 100_000, "{taken}");
        assert!(next(&syslogd).is_some());
        assert!(syslog.send(Level::INFO, "there is room again"));
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_between_two_characters() {
        let record = record(Level::INFO, "carpd[7]", &"\u{e9}".repeat(4000));
        assert!(record.len() <= LONGEST && record.len() >= LONGEST - 1);
        assert!(String::from_utf8(record).is_ok());
    }
}
