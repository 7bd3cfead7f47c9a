//! devd's socket for events, as devd of FreeBSD 15 has it (`sbin/devd/devd.cc`, checked against recordings).
//!
//! * One record of a `SOCK_SEQPACKET` socket for each event, in order, with its newline.
//! * A send never waits: a client that does not read is thrown out when its buffer is full, without a word about what it missed.
//! * 50 clients are served. One more is accepted into the queue and gets nothing until another one leaves; further ones are refused.
//! * Clients that are gone are noticed at the next event, or by a look every 60 s (2 s while all places are taken).
//! * A stopped devd leaves its socket file behind, and whoever connects is refused. Events of that time are lost for everybody.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;
use tokio_seqpacket::{UnixSeqpacket, UnixSeqpacketListener};

/// How many clients are served (`devd -l`).
pub const CLIENTS: usize = 50;

const LOOK: Duration = Duration::from_secs(60);
const LOOK_WHEN_FULL: Duration = Duration::from_secs(2);

/// A node's devd.
#[derive(Debug)]
pub struct Devd {
    path: PathBuf,
    shared: Rc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    clients: RefCell<Vec<UnixSeqpacket>>,
    /// A place has become free.
    left: Notify,
}

impl Devd {
    /// A devd for the socket at `path` that does not run yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, shared: Rc::default(), acceptor: None }
    }

    /// Begins to listen. One that runs is left alone. Must be called within a `LocalSet`.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn start(&mut self) -> io::Result<()> {
        if self.is_running() {
            return Ok(());
        }
        let listener = listen(&self.path)?;
        self.acceptor = Some(spawn_local(accept(self.path.clone(), listener, self.shared.clone())));
        Ok(())
    }

    /// Ends: all clients are cut off. The socket file stays.
    pub fn stop(&mut self) {
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.abort();
        }
        // The task may hold clients of its own until it is dropped, but these are what it knows of.
        self.shared.clients.borrow_mut().clear();
    }

    /// Whether it runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.acceptor.is_some()
    }

    /// How many clients are served.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.shared.clients.borrow().len()
    }

    /// Sends an event to all clients. Without any, or stopped, it is lost.
    pub fn send(&self, text: &str) {
        let mut clients = self.shared.clients.borrow_mut();
        let before = clients.len();
        clients.retain(|client| {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            send(client.as_raw_fd(), text.as_bytes(), flags) == Ok(text.len())
        });
        if clients.len() < before {
            self.shared.left.notify_one();
        }
    }
}

impl Drop for Devd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn listen(path: &Path) -> io::Result<UnixSeqpacketListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    UnixSeqpacketListener::bind_with_backlog(path, 4)
}

async fn accept(path: PathBuf, mut listener: UnixSeqpacketListener, shared: Rc<Shared>) {
    loop {
        match timeout(LOOK, listener.accept()).await {
            Ok(Ok(client)) if shared.clients.borrow().len() < CLIENTS => shared.clients.borrow_mut().push(client),
            Ok(Ok(waiting)) => {
                // FreeBSD refuses whoever comes when the queue is full; Linux lets him wait. Without a listener both refuse.
                drop(listener);
                wait_for_place(&shared).await;
                shared.clients.borrow_mut().push(waiting);
                listener = loop {
                    match listen(&path) {
                        Ok(listener) => break listener,
                        Err(_) => tokio::time::sleep(LOOK_WHEN_FULL).await,
                    }
                };
            }
            // Out of descriptors, most likely.
            Ok(Err(_)) => tokio::time::sleep(LOOK_WHEN_FULL).await,
            Err(_) => drop_dead(&shared),
        }
    }
}

async fn wait_for_place(shared: &Shared) {
    while shared.clients.borrow().len() >= CLIENTS {
        if timeout(LOOK_WHEN_FULL, shared.left.notified()).await.is_err() {
            drop_dead(shared);
        }
    }
}

fn drop_dead(shared: &Shared) {
    shared.clients.borrow_mut().retain(|client| {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_PEEK;
        matches!(recv(client.as_raw_fd(), &mut [0], flags), Ok(1..) | Err(Errno::EAGAIN | Errno::EINTR))
    });
}
