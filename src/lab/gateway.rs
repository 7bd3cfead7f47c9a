//! A stand-in for an exclusive service such as Defguard Gateway: a real process with a real listening socket.
//!
//! It has a gateway's manners: `start` puts it into the background in a session of its own and returns when it answers,
//! `stop` asks with SIGTERM and waits, `status` says by exit code whether it runs. It ends when its lab ends.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::dir::ServicePaths;
use super::server::protocol::LabAsk;

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

/// Starts the service in the background with `program`, which is carpctl, and returns when it answers.
///
/// # Errors
/// It does not answer within [`LIMIT`].
pub fn start(paths: &ServicePaths, program: &Path) -> Result<(), GatewayError> {
    if answer(paths).is_ok() {
        return Ok(());
    }
    let mut command = Command::new(program);
    command.args(["lab", "gateway", "serve"]).arg(paths.dir()).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(io_error(program))?;
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        if answer(paths).is_ok() {
            return Ok(());
        }
        if let Some(status) = child.try_wait().map_err(io_error(program))? {
            return Err(GatewayError::Ended { dir: paths.dir().to_owned(), status });
        }
        thread::sleep(STEP);
    }
    // What is too late must not come up after all: carpd counts this start as failed.
    let _ = child.kill();
    let _ = child.wait();
    Err(GatewayError::Mute(paths.dir().to_owned()))
}

/// Stops the service: SIGTERM, and SIGKILL if it is still there after [`LIMIT`]. A service that does not run is no error.
///
/// # Errors
/// It cannot be signalled, or does not end.
pub fn stop(paths: &ServicePaths) -> Result<(), GatewayError> {
    let Some(pid) = running(paths)? else { return Ok(()) };
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        match kill(pid, signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(io_error(paths.dir())(errno.into())),
        }
        let deadline = Instant::now() + LIMIT;
        while Instant::now() < deadline {
            if running(paths)?.is_none() {
                let _ = std::fs::remove_file(paths.socket());
                return Ok(());
            }
            thread::sleep(STEP);
        }
    }
    Err(GatewayError::Running(paths.dir().to_owned()))
}

/// Whether the service runs and answers.
///
/// # Errors
/// Its files cannot be read.
pub fn is_running(paths: &ServicePaths) -> Result<bool, GatewayError> {
    Ok(running(paths)?.is_some() && answer(paths).is_ok())
}

/// The process that holds the pid file's lock. The lock goes with the process, however that ends, so an old file misleads nobody.
fn running(paths: &ServicePaths) -> Result<Option<Pid>, GatewayError> {
    let path = paths.pid_file();
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(io_error(&path))?,
    };
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        Ok(_) => Ok(None),
        Err((mut file, Errno::EWOULDBLOCK)) => {
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(io_error(&path))?;
            Ok(text.trim().parse().ok().filter(|pid| *pid > 1).map(Pid::from_raw))
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

/// Is the service: answers everybody who connects with one line, until the lab ends.
///
/// # Errors
/// Another one runs, the lab is not there, or the system refuses.
pub fn serve(paths: &ServicePaths) -> Result<(), GatewayError> {
    // Whoever started it may be killed with its process group, which must not take the service along.
    let _ = nix::unistd::setsid();
    let pid_file = paths.pid_file();
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&pid_file);
    let mut file = Flock::lock(file.map_err(io_error(&pid_file))?, FlockArg::LockExclusiveNonblock)
        .map_err(|_| GatewayError::Running(paths.dir().to_owned()))?;
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(io_error(&pid_file))?;
    let (service, node, lab) = paths.place().ok_or_else(|| GatewayError::NoPlace(paths.dir().to_owned()))?;
    let no_lab = |source| GatewayError::NoLab { dir: paths.dir().to_owned(), source };
    let mut stream = UnixStream::connect(lab.admin_socket()).map_err(no_lab)?;
    let ask = LabAsk::Gateway { node: node.clone(), service };
    let mut line = serde_json::to_vec(&ask).map_err(|error| no_lab(error.into()))?;
    line.push(b'\n');
    stream.write_all(&line).map_err(no_lab)?;
    let mut lines = BufReader::new(stream);
    let mut welcome = String::new();
    lines.read_line(&mut welcome).map_err(no_lab)?;
    if !welcome.contains("\"done\"") {
        return Err(no_lab(io::Error::other(welcome.trim().to_owned())));
    }
    let socket = paths.socket();
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).map_err(io_error(&socket))?;
    thread::spawn(move || {
        let mut rest = String::new();
        let _ = lines.read_line(&mut rest);
        // The lab has ended or cut the node's power; nothing may stay behind.
        std::process::exit(0);
    });
    let text = format!("node {node} pid {}\n", std::process::id());
    for stream in listener.incoming() {
        match stream {
            // One short line fits into the socket's buffer, so even a client that never reads holds nobody up.
            Ok(mut stream) => drop(stream.write_all(text.as_bytes())),
            // Out of descriptors, most likely: without a pause this would be a busy loop.
            Err(_) => thread::sleep(STEP),
        }
    }
    Ok(())
}
