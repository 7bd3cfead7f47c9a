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

#[cfg(test)]
mod tests {
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::time::Instant;

    use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
    use tokio::runtime::Builder;
    use tokio::task::LocalSet;

    use super::*;

    fn run(test: impl AsyncFnOnce(Devd)) {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("carpd-devd-{}-{number}", std::process::id()));
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let mut devd = Devd::new(path.clone());
            devd.start().unwrap();
            test(devd).await;
        });
        std::fs::remove_file(path).unwrap();
    }

    /// A client that knows what a real one can: connected, or why not.
    fn client(devd: &Devd) -> Result<OwnedFd, Errno> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
        connect(fd.as_raw_fd(), &UnixAddr::new(&devd.path).unwrap())?;
        Ok(fd)
    }

    /// The next record: none yet, the end, or a text.
    fn next(fd: &OwnedFd) -> Option<String> {
        let mut bytes = [0; 8192];
        match recv(fd.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT) {
            Ok(length) => Some(String::from_utf8_lossy(&bytes[..length]).into_owned()),
            Err(errno) => {
                assert_eq!(errno, Errno::EAGAIN);
                None
            }
        }
    }

    /// Takes all places.
    async fn fill(devd: &Devd) -> Vec<OwnedFd> {
        let mut served = Vec::new();
        for number in 1..=CLIENTS {
            served.push(client(devd).unwrap());
            until("a client", || devd.clients() == number).await;
        }
        served
    }

    async fn until(what: &str, there: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !there() {
            assert!(Instant::now() < deadline, "waited in vain: {what}");
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn each_event_is_one_record_and_they_come_in_order() {
        run(async |devd| {
            let fd = client(&devd).unwrap();
            until("a client", || devd.clients() == 1).await;
            devd.send("!system=CARP subsystem=1@em0 type=INIT\n");
            devd.send("!system=CARP subsystem=1@em0 type=BACKUP\n");
            assert_eq!(next(&fd).unwrap(), "!system=CARP subsystem=1@em0 type=INIT\n");
            assert_eq!(next(&fd).unwrap(), "!system=CARP subsystem=1@em0 type=BACKUP\n");
            assert_eq!(next(&fd), None);
        });
    }

    #[test]
    fn a_slow_reader_is_thrown_out_and_the_others_miss_nothing() {
        run(async |devd| {
            let (slow, quick) = (client(&devd).unwrap(), client(&devd).unwrap());
            until("two clients", || devd.clients() == 2).await;
            let mut sent = 0;
            while devd.clients() == 2 {
                devd.send(&format!("event {sent}\n"));
                assert_eq!(next(&quick).unwrap(), format!("event {sent}\n"));
                sent += 1;
                assert!(sent < 1_000_000, "a client may lag for ever");
            }
            let kept = std::iter::from_fn(|| next(&slow).filter(|text| !text.is_empty())).count();
            assert!((1..sent).contains(&kept), "{kept} of {sent}");
            assert_eq!(next(&slow).as_deref(), Some(""), "the end, without a word about what is missing");
        });
    }

    #[test]
    fn fifty_are_served_one_waits_and_the_next_one_is_refused() {
        run(async |devd| {
            let mut served = fill(&devd).await;
            let waiting = client(&devd).unwrap();
            until("a refusal", || client(&devd).is_err()).await;
            assert_eq!(client(&devd).unwrap_err(), Errno::ECONNREFUSED);
            devd.send("nothing for who waits\n");
            assert_eq!(next(&waiting), None);
            served.pop();
            devd.send("noticed at the next event\n");
            until("a place", || devd.clients() == CLIENTS).await;
            devd.send("for all\n");
            assert_eq!(next(&waiting).unwrap(), "for all\n");
            until("a free queue", || client(&devd).is_ok()).await;
        });
    }

    #[test]
    fn a_client_that_left_makes_room_without_any_event() {
        run(async |devd| {
            let mut served = fill(&devd).await;
            let _waiting = client(&devd).unwrap();
            served.pop();
            tokio::time::sleep(2 * LOOK_WHEN_FULL).await;
            until("a place", || devd.clients() == CLIENTS && client(&devd).is_ok()).await;
        });
    }

    #[test]
    fn a_restart_cuts_everybody_off_and_events_of_that_time_are_lost() {
        run(async |mut devd| {
            let fd = client(&devd).unwrap();
            until("a client", || devd.clients() == 1).await;
            devd.stop();
            assert_eq!(next(&fd).as_deref(), Some(""));
            until("a refusal", || client(&devd).is_err()).await;
            assert_eq!(client(&devd).unwrap_err(), Errno::ECONNREFUSED, "the socket file stays");
            devd.send("lost\n");
            devd.start().unwrap();
            let fd = client(&devd).unwrap();
            until("a client", || devd.clients() == 1).await;
            devd.send("seen\n");
            assert_eq!(next(&fd).unwrap(), "seen\n");
        });
    }
}
