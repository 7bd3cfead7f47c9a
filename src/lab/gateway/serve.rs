//! The process that is the service.
//!
//! What it does by itself is what a simulated service does ([`SimService`]), with the clock of this machine; its core is the lab.

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{SigSet, Signal};

use super::{GatewayError, STEP, health, io_error, manners};
use crate::lab::daemon::{Health, SimService, Wish};
use crate::lab::dir::{LabPaths, ServicePaths};
use crate::lab::manners::StartManner;
use crate::lab::server::protocol::{CoreChange, LabAnswer, LabAsk};
use crate::model::Mono;

/// How long the lab may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Is the service: answers everybody who connects with one line, until the lab ends.
///
/// # Errors
/// Another one runs, the lab is not there, or the system refuses.
pub fn serve(paths: &ServicePaths) -> Result<(), GatewayError> {
    let manners = manners(paths)?;
    if manners.start == StartManner::Waits {
        // Whoever started it may be killed with its process group, which must not take the service along.
        let _ = nix::unistd::setsid();
    }
    if manners.ignores_term {
        // Before any other thread is there, so that none of them has it unblocked.
        SigSet::from(Signal::SIGTERM).thread_block().map_err(|errno| io_error(paths.dir())(errno.into()))?;
    }
    let _lock = if manners.no_pidfile { None } else { Some(write_pid(paths)?) };
    let (service, node, lab) = paths.place().ok_or_else(|| GatewayError::NoPlace(paths.dir().to_owned()))?;
    let no_lab = |source| GatewayError::NoLab { dir: paths.dir().to_owned(), source };
    let mut lines = ask(&lab, &LabAsk::Gateway { node: node.clone(), service }).map_err(no_lab)?;
    done(&mut lines).map_err(no_lab)?;
    let connected = Arc::new(AtomicBool::new(false));
    if let Some(address) = manners.health {
        let refused = |source| GatewayError::Health { address, source };
        health::answer(address, connected.clone()).map_err(refused)?;
    }
    let (tell, told) = channel();
    thread::spawn(move || hear(lines, &tell));
    let socket = paths.socket();
    let _ = std::fs::remove_file(&socket);
    let mut life =
        Life { sim: SimService::new(Duration::ZERO, Duration::ZERO, manners), began: Instant::now(), connected };
    // Whether its core is there it is told first, or a start without one would be a start with one that is lost a moment later.
    life.next(&told).unwrap_or_else(|()| std::process::exit(0));
    life.sim.start_by_hand(life.now());
    let mut answering = false;
    let text = format!("node {node} pid {}\n", std::process::id());
    loop {
        for wish in life.pass() {
            tunnel(&lab, &node, wish).map_err(no_lab)?;
        }
        if life.sim.running && !answering {
            let listener = UnixListener::bind(&socket).map_err(io_error(&socket))?;
            let text = text.clone();
            thread::spawn(move || answer_all(&listener, &text));
            answering = true;
        }
        if answering && !life.sim.running {
            // It died by itself, of something that nobody is told.
            std::process::exit(1);
        }
        match life.next(&told) {
            Ok(()) => {}
            // The lab has ended or cut the node's power; nothing may stay behind.
            Err(()) => std::process::exit(0),
        }
    }
}

/// The process as its manners have it.
struct Life {
    sim: SimService,
    began: Instant,
    /// What `/health` says.
    connected: Arc<AtomicBool>,
}

impl Life {
    fn now(&self) -> Mono {
        Mono::ZERO + self.began.elapsed()
    }

    /// Lets it do what is due.
    fn pass(&mut self) -> Vec<Wish> {
        self.sim.advance(self.now());
        self.connected.store(self.sim.health() == Health::Code(200), Ordering::Relaxed);
        self.sim.take_wishes()
    }

    /// Waits for what comes next, from itself or from its core.
    fn next(&mut self, told: &Receiver<CoreChange>) -> Result<(), ()> {
        // Without anything due of its own it waits for its core alone, which tells it at the latest when the lab ends.
        let wait = self.sim.next().map_or(Duration::from_secs(3600), |next| next.since(self.now()));
        match told.recv_timeout(wait) {
            Ok(CoreChange::Lost) => self.sim.core(false, self.now()),
            Ok(CoreChange::Back) => self.sim.core(true, self.now()),
            Ok(CoreChange::Push) => self.sim.push(),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(()),
        }
        Ok(())
    }
}

fn write_pid(paths: &ServicePaths) -> Result<Flock<std::fs::File>, GatewayError> {
    let path = paths.pid_file();
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let mut file = Flock::lock(file.map_err(io_error(&path))?, FlockArg::LockExclusiveNonblock)
        .map_err(|_| GatewayError::Running(paths.dir().to_owned()))?;
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(io_error(&path))?;
    Ok(file)
}

/// Asks the lab something; its answers follow.
fn ask(lab: &LabPaths, ask: &LabAsk) -> io::Result<BufReader<UnixStream>> {
    let mut stream = UnixStream::connect(lab.admin_socket())?;
    let mut line = serde_json::to_vec(ask)?;
    line.push(b'\n');
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&line)?;
    Ok(BufReader::new(stream))
}

fn done(lines: &mut BufReader<UnixStream>) -> io::Result<()> {
    let mut line = String::new();
    lines.read_line(&mut line)?;
    match serde_json::from_str(&line)? {
        LabAnswer::Done { .. } => Ok(()),
        LabAnswer::Refused { text } => Err(io::Error::other(text)),
        LabAnswer::View { .. } => Err(io::Error::other("it answered another question")),
    }
}

/// Has the kernel do what the service does to its tunnel.
fn tunnel(lab: &LabPaths, node: &str, wish: Wish) -> io::Result<()> {
    let Wish { tunnel, change } = wish;
    done(&mut ask(lab, &LabAsk::Tunnel { node: node.to_owned(), tunnel, change })?)
}

/// What the core says, until the lab ends.
fn hear(mut lines: BufReader<UnixStream>, tell: &Sender<CoreChange>) {
    let _ = lines.get_ref().set_read_timeout(None);
    let mut line = String::new();
    while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
        if let Ok(change) = serde_json::from_str(&line) {
            // Nobody to tell means that the process is ending.
            let _ = tell.send(change);
        }
        line.clear();
    }
}

fn answer_all(listener: &UnixListener, text: &str) {
    for stream in listener.incoming() {
        match stream {
            // One short line fits into the socket's buffer, so even a client that never reads holds nobody up.
            Ok(mut stream) => drop(stream.write_all(text.as_bytes())),
            // Out of descriptors, most likely: without a pause this would be a busy loop.
            Err(_) => thread::sleep(STEP),
        }
    }
}
