//! devd's records.

use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, sleep};
use tokio_seqpacket::UnixSeqpacket;

use super::super::Event;
use super::{Batch, Sink};
use crate::core::events::EventSource;
use crate::sys::devd::{self, LONGEST_RECORD};

/// devd throws out a client that lags behind by more than this buffer holds. The default of 64 KiB is about 1000 events.
const RECEIVE_BUFFER: usize = 1 << 20;

/// The waits between attempts to connect: devd is back within 0.2 s when it is restarted, and costs little while it is gone.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Stays connected to devd and reports what it says, for ever.
pub(super) async fn follow(path: PathBuf, events: UnboundedSender<Event>) {
    let sink = Sink::new(EventSource::Devd, events);
    let mut wait = RETRY.0;
    let mut told = false;
    loop {
        match connect(&path).await {
            Ok(socket) => {
                let began = Instant::now();
                sink.connected(true);
                listen(&socket, &sink).await;
                sink.connected(false);
                told = false;
                // One that throws its clients out at once is not asked again ten times a second.
                if began.elapsed() > RETRY.1 {
                    wait = RETRY.0;
                }
            }
            // devd being restarted is no news; being gone for longer is, once.
            Err(error) if !told && wait > RETRY.0 * 4 => {
                told = true;
                tracing::warn!(
                    "devd's socket {}: {error}; until it answers, changes are noticed at the next look at the kernel only",
                    path.display()
                );
            }
            Err(_) => {}
        }
        sleep(wait).await;
        wait = (wait * 2).min(RETRY.1);
    }
}

async fn connect(path: &Path) -> io::Result<UnixSeqpacket> {
    let socket = UnixSeqpacket::connect(path).await?;
    // Refused where the limit is smaller; then the default stays.
    let _ = setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER);
    Ok(socket)
}

/// Reports until the connection ends.
async fn listen(socket: &UnixSeqpacket, sink: &Sink) {
    let mut buffer = vec![0; LONGEST_RECORD];
    loop {
        let mut batch = Batch::default();
        // The runtime's own budget would cut a burst into pieces of 128 records, each with a look at the kernel.
        let end = unconstrained(poll_fn(|cx| batch.poll(socket, &mut buffer, cx))).await;
        sink.hint(batch);
        if end {
            return;
        }
        // Lets the daemon act before the next records are taken.
        tokio::task::yield_now().await;
    }
}

impl Batch {
    /// Ready as soon as there was at least one record and there is none left; true at the end of the connection.
    fn poll(&mut self, socket: &UnixSeqpacket, buffer: &mut [u8], cx: &mut Context<'_>) -> Poll<bool> {
        while !self.is_full() {
            let received = match socket.poll_recv(cx, buffer) {
                Poll::Pending if !self.is_empty() => return Poll::Ready(false),
                other => ready!(other),
            };
            match received {
                Ok(info) if info.bytes_read() > 0 => self.take(devd::parse(&buffer[..info.bytes_read()])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return Poll::Ready(true),
            }
        }
        Poll::Ready(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Input;
    use crate::model::CarpState;
    use nix::sys::socket::getsockopt;
    use tokio::sync::mpsc::unbounded_channel;
    use tokio_seqpacket::UnixSeqpacketListener;

    #[tokio::test]
    async fn a_burst_is_one_hint_and_the_end_is_noticed() {
        let (devd, client) = UnixSeqpacket::pair().unwrap();
        for vhid in 1..=250 {
            devd.send(format!("!system=CARP subsystem={vhid}@em0 type=MASTER\n").as_bytes()).await.unwrap();
        }
        devd.send(b"!system=ACPI subsystem=x type=y\n").await.unwrap();
        drop(devd);
        let (events, mut inbox) = unbounded_channel();
        listen(&client, &Sink::new(EventSource::Devd, events)).await;
        let Some(Event::Hint { source: EventSource::Devd, changes }) = inbox.recv().await else { panic!() };
        assert_eq!(changes.len(), 250);
        assert!(inbox.try_recv().is_err(), "one hint is enough");
    }

    #[tokio::test]
    async fn what_does_not_matter_is_no_hint() {
        let (devd, client) = UnixSeqpacket::pair().unwrap();
        devd.send(b"!system=ACPI subsystem=x type=y\n").await.unwrap();
        devd.send(b"!system=CARP subsystem=1@em0 type=MAST").await.unwrap();
        drop(devd);
        let (events, mut inbox) = unbounded_channel();
        listen(&client, &Sink::new(EventSource::Devd, events)).await;
        assert!(inbox.try_recv().is_err());
    }

    #[tokio::test]
    async fn the_receive_buffer_is_larger_than_a_socket_has_by_itself() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("devd");
        let _devd = UnixSeqpacketListener::bind(&path).unwrap();
        let usual = getsockopt(&UnixSeqpacket::connect(&path).await.unwrap(), sockopt::RcvBuf).unwrap();
        assert!(getsockopt(&connect(&path).await.unwrap(), sockopt::RcvBuf).unwrap() > usual);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_was_thrown_out_drops_the_record_that_was_cut_and_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("devd");
        let mut devd = UnixSeqpacketListener::bind(&path).unwrap();
        let (events, mut inbox) = unbounded_channel();
        let follower = tokio::spawn(follow(path, events));
        let client = devd.accept().await.unwrap();
        client.send(b"!system=CARP subsystem=1@em0 type=BACKUP\n").await.unwrap();
        client.send(b"!system=CARP subsystem=1@em0 type=MASTER").await.unwrap();
        drop(client);
        let _again = devd.accept().await.unwrap();
        let mut told = Vec::new();
        while told.len() < 4 {
            told.push(match inbox.recv().await.unwrap() {
                Event::Input(input) => match *input {
                    Input::EventSource { source: EventSource::Devd, connected } => Err(connected),
                    other => panic!("{other:?}"),
                },
                Event::Hint { changes, .. } => Ok(changes.into_iter().map(|(_, state)| state).collect::<Vec<_>>()),
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(told, [Err(true), Ok(vec![CarpState::Backup]), Err(false), Err(true)]);
        follower.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_devd_that_throws_its_clients_out_at_once_is_left_in_peace() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("devd");
        let mut devd = UnixSeqpacketListener::bind(&path).unwrap();
        let (events, _inbox) = unbounded_channel();
        let follower = tokio::spawn(follow(path, events));
        let mut clients = 0;
        let _ = tokio::time::timeout(Duration::from_secs(60), async {
            loop {
                drop(devd.accept().await.unwrap());
                clients += 1;
            }
        })
        .await;
        assert!((20..=40).contains(&clients), "{clients} in a minute");
        follower.abort();
    }
}
