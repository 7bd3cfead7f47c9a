//! A stand-in for an exclusive service such as Defguard Gateway: a real process with a real listening socket.
//!
//! `start` puts it into the background, `stop` asks with SIGTERM and waits, `status` says by exit code whether it runs, and it ends when its
//! lab ends. How it behaves beyond that says `manners.toml` in its directory (see [`super::manners`]); without that file it does what it
//! is told.

mod health;
mod serve;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::dir::ServicePaths;
use super::manners::{Manners, StartManner};
use crate::kernel::processes;

pub use serve::serve;

/// How long a start may take until the service answers, and a stop until it is gone.
pub const LIMIT: Duration = Duration::from_secs(5);

const STEP: Duration = Duration::from_millis(5);

/// Why the stand-in could not be started, stopped or asked.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The directory is not of a lab's layout.
    #[error("{} is not the directory of a lab's service; carpd in a lab names the right one", .0.display())]
    NoPlace(PathBuf),
    /// The lab has ended, or its node is off.
    #[error("the lab of {} does not take the service ({source}); is `carpctl lab up` still running?", .dir.display())]
    NoLab {
        /// The service's directory.
        dir: PathBuf,
        /// What the lab or the system said.
        source: io::Error,
    },
    /// It did not come up.
    #[error("the service in {} did not answer within {} s; its lab's node may be off", .0.display(), LIMIT.as_secs())]
    Mute(PathBuf),
    /// It ended instead of running.
    #[error("the service in {} ended at once: {status}", .dir.display())]
    Ended {
        /// The service's directory.
        dir: PathBuf,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// Another one runs.
    #[error("the service in {} runs already; stop it first", .0.display())]
    Running(PathBuf),
    /// Its manners cannot be read.
    #[error("{}: {why}; `carpctl lab manners` writes it", .path.display())]
    Manners {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The address of its health check is taken.
    #[error("{address} for /health: {source}; name a free address as health in its manners")]
    Health {
        /// The address.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// The system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// What was opened, run or removed.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> GatewayError + '_ {
    |source| GatewayError::Io { path: path.to_owned(), source }
}

/// Its manners; those of a service that does what it is told if there is no file.
///
/// # Errors
/// The file cannot be read, or says something else.
pub fn manners(paths: &ServicePaths) -> Result<Manners, GatewayError> {
    let path = paths.manners();
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Manners::default()),
        Err(error) => Err(io_error(&path)(error)),
        Ok(text) => {
            toml::from_str(&text).map_err(|error| GatewayError::Manners { path, why: error.message().to_owned() })
        }
    }
}

/// Starts the service in the background with `program`, which is carpctl, as its manners say.
///
/// # Errors
/// It does not answer within [`LIMIT`], if that is waited for; or one that is not waited for runs already, as rc.subr(8) has it.
pub fn start(paths: &ServicePaths, program: &Path) -> Result<(), GatewayError> {
    let manners = manners(paths)?;
    let mut command = Command::new(program);
    // Its own name, by which it is found where no file has its number.
    command.arg0(paths.program()).args(["lab", "gateway", "serve"]).arg(paths.dir()).current_dir("/");
    command.stdin(Stdio::null());
    match manners.start {
        StartManner::Lies => Ok(()),
        StartManner::Background if !running(paths, &manners)?.is_empty() => {
            Err(GatewayError::Running(paths.dir().to_owned()))
        }
        // What it inherits it keeps: whoever reads the other end of a pipe waits for as long as it lives.
        StartManner::Background => command.spawn().map(drop).map_err(io_error(program)),
        StartManner::Waits => {
            if answer(paths).is_ok() {
                return Ok(());
            }
            command.stdout(Stdio::null()).stderr(Stdio::null());
            wait(paths, command.spawn().map_err(io_error(program))?)
        }
    }
}

fn wait(paths: &ServicePaths, mut child: Child) -> Result<(), GatewayError> {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        if answer(paths).is_ok() {
            return Ok(());
        }
        if let Some(status) = child.try_wait().map_err(io_error(paths.dir()))? {
            return Err(GatewayError::Ended { dir: paths.dir().to_owned(), status });
        }
        thread::sleep(STEP);
    }
    // What is too late must not come up after all: carpd counts this start as failed.
    let _ = child.kill();
    let _ = child.wait();
    Err(GatewayError::Mute(paths.dir().to_owned()))
}

/// Stops the service: SIGTERM, and SIGKILL if it is still there after [`LIMIT`]. One whose manner it is to ignore SIGTERM is waited for
/// without end, as rc.subr(8) does. A service that does not run is no error.
///
/// # Errors
/// It cannot be signalled, or does not end.
pub fn stop(paths: &ServicePaths) -> Result<(), GatewayError> {
    let manners = manners(paths)?;
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        for pid in running(paths, &manners)? {
            match kill(pid, signal) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(io_error(paths.dir())(errno.into())),
            }
        }
        let deadline = Instant::now() + LIMIT;
        while manners.ignores_term || Instant::now() < deadline {
            if running(paths, &manners)?.is_empty() {
                let _ = std::fs::remove_file(paths.socket());
                return Ok(());
            }
            thread::sleep(STEP);
        }
    }
    Err(GatewayError::Running(paths.dir().to_owned()))
}

/// Whether the service runs and, if its start waits for that, answers. rc.subr(8) knows no more than that there is a process.
///
/// # Errors
/// Its files cannot be read.
pub fn is_running(paths: &ServicePaths) -> Result<bool, GatewayError> {
    let manners = manners(paths)?;
    let there = !running(paths, &manners)?.is_empty();
    Ok(there && (manners.start == StartManner::Background || answer(paths).is_ok()))
}

/// Its processes: the one that holds the pid file's lock, which goes with the process however that ends, so that an old file misleads nobody;
/// without that file all of its name, as rc.subr(8) finds them.
fn running(paths: &ServicePaths, manners: &Manners) -> Result<Vec<Pid>, GatewayError> {
    if manners.no_pidfile {
        let (program, all) = (paths.program(), processes().map_err(io_error(paths.dir()))?);
        let named = all.iter().filter(|process| Path::new(&process.argv0) == program);
        return Ok(named.map(|process| Pid::from_raw(process.pid)).collect());
    }
    let path = paths.pid_file();
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file.map_err(io_error(&path))?,
    };
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        Ok(_) => Ok(Vec::new()),
        Err((mut file, Errno::EWOULDBLOCK)) => {
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(io_error(&path))?;
            Ok(text.trim().parse().ok().filter(|pid| *pid > 1).map(Pid::from_raw).into_iter().collect())
        }
        Err((_, errno)) => Err(io_error(&path)(errno.into())),
    }
}

/// What the service says to whoever connects.
fn answer(paths: &ServicePaths) -> io::Result<String> {
    let stream = UnixStream::connect(paths.socket())?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    if line.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(line) }
}
