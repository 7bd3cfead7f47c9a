//! Asks the daemon over its control socket. Every wait has a limit.

use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use crate::control::{Answer, Ask, LONGEST_LINE};

/// The time from the attempt to connect to the last byte of the answer.
pub const LIMIT: Duration = Duration::from_secs(5);

/// The same for a question of a script, which has the kernel to turn to: a start gate must not wait for a daemon that hangs.
pub const SHORT: Duration = Duration::from_secs(1);

/// Between two attempts to connect to a daemon whose queue is full.
const RETRY: Duration = Duration::from_millis(20);

/// Why the daemon did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Silence {
    /// There is no socket, or nobody listens on it.
    #[error("carpd does not run")]
    NotRunning,
    /// The socket's permissions.
    #[error("permission denied: this user may not talk to carpd")]
    NotPermitted,
    /// There is something else in the socket's place.
    #[error("this is not a socket of carpd")]
    NotASocket,
    /// The limit is over.
    #[error("carpd does not answer within {} s", .0.as_secs())]
    Slow(Duration),
    /// The daemon ended, or did not like the question.
    #[error("carpd closed the connection without an answer")]
    Closed,
    /// Another version, or not carpd at all.
    #[error("carpd gave an answer that this carpctl does not understand ({0})")]
    Garbled(String),
    /// What the daemon itself said, e.g. that it has too many askers.
    #[error("carpd gave no answer: {0}")]
    Said(String),
    /// Anything else.
    #[error("carpd cannot be reached: {0}")]
    Io(io::Error),
}

impl Silence {
    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NotRunning => "start it: service carpd start",
            Self::NotPermitted => "ask as root, or as a member of the group that [control] in carpd.toml names",
            Self::NotASocket => "name carpd's socket with --socket, or in [control] in carpd.toml",
            Self::Slow(_) | Self::Closed => "look at its log; restarting it moves no VIP: service carpd restart",
            Self::Garbled(_) => "install carpd and carpctl of the same version, then: service carpd restart",
            Self::Said(_) => "try again, and look at its log",
            Self::Io(_) => "look at the socket that [control] in carpd.toml names",
        }
    }
}

impl From<io::Error> for Silence {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Self::NotRunning,
            io::ErrorKind::PermissionDenied => Self::NotPermitted,
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

/// Asks one question of the daemon behind `path`.
///
/// # Errors
/// There is no answer within [`LIMIT`].
pub fn ask(path: &Path, ask: &Ask) -> Result<Answer, Silence> {
    ask_within(path, ask, LIMIT)
}

/// Like [`ask`], with another limit.
///
/// # Errors
/// There is no answer within `limit`.
pub fn ask_within(path: &Path, ask: &Ask, limit: Duration) -> Result<Answer, Silence> {
    let deadline = Deadline::new(limit);
    let mut stream = Stream::open(path, ask, deadline)?;
    match stream.next(Some(deadline))? {
        Answer::Error { text } => Err(Silence::Said(text)),
        answer => Ok(answer),
    }
}

/// Asks to be told what happens from now on.
///
/// # Errors
/// The question cannot be asked within [`LIMIT`].
pub fn follow(path: &Path) -> Result<Stream, Silence> {
    Stream::open(path, &Ask::Follow, Deadline::new(LIMIT))
}

/// Answers that come one after another.
#[derive(Debug)]
pub struct Stream {
    reader: BufReader<UnixStream>,
}

impl Stream {
    fn open(path: &Path, ask: &Ask, deadline: Deadline) -> Result<Self, Silence> {
        let mut stream = dial(path, deadline)?;
        let mut line = serde_json::to_vec(ask).map_err(|error| Silence::Io(error.into()))?;
        line.push(b'\n');
        stream.set_write_timeout(Some(deadline.left()?))?;
        match stream.write_all(&line) {
            // A daemon that turns askers away says why before it closes, so what it said may still be read.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written.map_err(|error| deadline.explain(error))?,
        }
        Ok(Self { reader: BufReader::new(stream) })
    }

    /// The next answer; without a deadline it is waited for until the daemon ends.
    ///
    /// # Errors
    /// The deadline is over, the connection is closed, or what came is no answer.
    pub fn next(&mut self, deadline: Option<Deadline>) -> Result<Answer, Silence> {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            self.reader.get_ref().set_read_timeout(deadline.map(Deadline::left).transpose()?)?;
            let bytes = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                bytes => bytes.map_err(|error| match deadline {
                    Some(deadline) => deadline.explain(error),
                    None => error.into(),
                })?,
            };
            if bytes.is_empty() {
                return Err(Silence::Closed);
            }
            let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
            line.extend_from_slice(bytes.get(..end).unwrap_or(bytes));
            self.reader.consume(end);
            if line.len() > LONGEST_LINE {
                return Err(Silence::Garbled(format!("a line of more than {} MiB", LONGEST_LINE >> 20)));
            }
        }
        serde_json::from_slice(&line).map_err(|error| Silence::Garbled(error.to_string()))
    }
}

/// When the patience with the daemon ends.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    fn new(limit: Duration) -> Self {
        Self { at: Instant::now() + limit, limit }
    }

    fn left(self) -> Result<Duration, Silence> {
        // A timeout of zero would mean none at all.
        let left = self.at.checked_duration_since(Instant::now());
        left.filter(|left| !left.is_zero()).ok_or(Silence::Slow(self.limit))
    }

    fn explain(self, error: io::Error) -> Silence {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Silence::Slow(self.limit),
            _ => error.into(),
        }
    }
}

/// Connects. std's own connect has no limit, and on Linux it waits while the daemon's queue is full.
fn dial(path: &Path, deadline: Deadline) -> Result<UnixStream, Silence> {
    let address = UnixAddr::new(path).map_err(io::Error::from)?;
    let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC, None)
        .map_err(io::Error::from)?;
    loop {
        match connect(socket.as_raw_fd(), &address) {
            Ok(()) => break,
            Err(Errno::EAGAIN | Errno::EINTR) => std::thread::sleep(RETRY.min(deadline.left()?)),
            // Linux refuses a connection to a regular file as it refuses one to a socket that nobody listens on.
            Err(Errno::ECONNREFUSED | Errno::ENOTSOCK | Errno::EPROTOTYPE) if !is_socket(path) => {
                return Err(Silence::NotASocket);
            }
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn is_socket(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.file_type().is_socket())
}
