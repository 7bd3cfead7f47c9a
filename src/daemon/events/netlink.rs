//! What the kernel multicasts over netlink.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::errno::Errno;
use tokio::net::unix::pipe::Receiver;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Batch, Sink};
use crate::sys::devd::Event;
use crate::sys::netlink::{Family, Message, messages};
use crate::sys::{nlsysevent, rtnetlink};

/// Larger than any message, and for many of them: one read takes as many whole messages as fit. What a storm has filled once stays
/// in memory.
const BUFFER: usize = 16 << 10;

/// The waits between attempts to join.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// How often it is looked whether the module behind a source was loaded or unloaded: nothing tells of that.
const LOOK: Duration = Duration::from_secs(60);

/// A source that was joined.
pub(super) struct Joined {
    /// The socket, which does not block.
    pub(super) socket: OwnedFd,
    pub(super) speech: Speech,
}

/// What a source speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    /// Messages of the family as it was when its groups were joined.
    Nlsysevent(Family),
    /// rtnetlink's own messages.
    Rtnetlink,
}

impl Speech {
    fn event(&self, message: &Message<'_>) -> Option<Event> {
        match self {
            Self::Nlsysevent(family) => nlsysevent::decode(family.id, message),
            Self::Rtnetlink => rtnetlink::changed(message).map(|_| Event::Other),
        }
    }

    /// Whether a module is behind it, which may be unloaded.
    const fn may_fall_silent(&self) -> bool {
        matches!(self, Self::Nlsysevent(_))
    }
}

/// Listens to nlsysevent and to rtnetlink.
#[cfg(target_os = "freebsd")]
pub(super) fn follow_all(events: &tokio::sync::mpsc::UnboundedSender<super::Event>) {
    use crate::core::events::EventSource;
    use crate::kernel::multicast;
    let join = || {
        let joined = multicast::nlsysevent()?;
        Ok(joined.map(|(socket, family)| Joined { socket, speech: Speech::Nlsysevent(family) }))
    };
    let lasts = |speech: &Speech| match multicast::nlsysevent_family() {
        Ok(family) => family.map(Speech::Nlsysevent).as_ref() == Some(speech),
        // It cannot be told; the next look may.
        Err(_) => true,
    };
    tokio::spawn(follow(Sink::new(EventSource::Nlsysevent, events.clone()), join, lasts));
    let join = || Ok(Some(Joined { socket: multicast::rtnetlink()?, speech: Speech::Rtnetlink }));
    tokio::spawn(follow(Sink::new(EventSource::Rtnetlink, events.clone()), join, |_| true));
}

/// Stays joined to a source and reports what it says, for as long as this machine can have it. `join` gives `None` while the
/// module behind it is not loaded; `lasts` says whether what was joined is still the source.
async fn follow(
    sink: Sink,
    mut join: impl FnMut() -> io::Result<Option<Joined>>,
    mut lasts: impl FnMut(&Speech) -> bool,
) {
    let mut wait = RETRY.0;
    loop {
        match join() {
            Ok(Some(joined)) => {
                let began = Instant::now();
                sink.connected(true);
                let end = listen(joined, &sink, &mut lasts).await;
                sink.connected(false);
                match end {
                    // Joined anew at once, or waited for if the module is gone.
                    Ok(()) => continue,
                    Err(error) => tracing::debug!("{}: {error}", sink.source),
                }
                // One that fails at once is not joined ten times a second.
                if began.elapsed() > RETRY.1 {
                    wait = RETRY.0;
                }
            }
            Ok(None) => {
                sleep(LOOK).await;
                continue;
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => return,
            Err(error) => {
                if wait == RETRY.0 {
                    tracing::warn!("{}: {error}; devd's events and the looks every few seconds go on", sink.source);
                }
            }
        }
        sleep(wait).await;
        wait = (wait * 2).min(RETRY.1);
    }
}

/// Reports until the source is another one, or its socket fails.
async fn listen(joined: Joined, sink: &Sink, lasts: &mut impl FnMut(&Speech) -> bool) -> io::Result<()> {
    // What the runtime can do with a pipe is all that is needed: waiting, and read(2), which keeps messages whole.
    let socket = Receiver::from_file_unchecked(File::from(joined.socket))?;
    let mut buffer = vec![0; BUFFER];
    let mut look = Instant::now() + LOOK;
    loop {
        tokio::select! { biased;
            ready = socket.readable() => ready?,
            () = sleep_until(look), if joined.speech.may_fall_silent() => {
                if !lasts(&joined.speech) {
                    return Ok(());
                }
                look = Instant::now() + LOOK;
                continue;
            }
        }
        let mut batch = Batch::default();
        let end = read(&mut batch, |buffer| socket.try_read(buffer), &mut buffer, &joined.speech);
        sink.hint(batch);
        end?;
        // Lets the daemon act before the next messages are taken.
        tokio::task::yield_now().await;
    }
}

/// Takes all that is there.
fn read(
    batch: &mut Batch,
    mut from: impl FnMut(&mut [u8]) -> io::Result<usize>,
    buffer: &mut [u8],
    speech: &Speech,
) -> io::Result<()> {
    while !batch.is_full() {
        match from(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                for message in messages(&buffer[..length]) {
                    batch.take(message.map_or(Some(Event::Other), |message| speech.event(&message)));
                }
            }
            // FreeBSD drops silently what does not fit into the socket's buffer. Should it ever tell, all may have changed.
            Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => batch.take(Some(Event::Other)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Input;
    use crate::core::events::EventSource::{self, Nlsysevent, Rtnetlink};
    use crate::daemon::Event as Told;
    use crate::model::CarpState::{Backup, Master};
    use crate::model::{CarpState, VhidRef};
    use crate::sys::recorded::{buffer, buffers_in_order};
    use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, send, socketpair};
    use std::cell::Cell;
    use std::os::fd::AsRawFd;
    use std::rc::Rc;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    /// A socket pair that keeps messages whole, as netlink's does: what the kernel writes to, and what is joined.
    fn pair() -> (OwnedFd, OwnedFd) {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags).unwrap()
    }

    fn say(kernel: &OwnedFd, datagram: &[u8]) {
        send(kernel.as_raw_fd(), datagram, MsgFlags::empty()).unwrap();
    }

    fn nlsysevent() -> Speech {
        Speech::Nlsysevent(Family { id: 0x13, groups: Vec::new() })
    }

    fn sink(source: EventSource) -> (Sink, UnboundedReceiver<Told>) {
        let (events, inbox) = unbounded_channel();
        (Sink::new(source, events), inbox)
    }

    /// All that was told so far: hints with their changes, and the source's coming and going.
    fn told(inbox: &mut UnboundedReceiver<Told>) -> Vec<Result<Vec<(VhidRef, CarpState)>, bool>> {
        let one = |event| match event {
            Told::Hint { changes, .. } => Ok(changes),
            Told::Input(input) => match *input {
                Input::EventSource { connected, .. } => Err(connected),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        std::iter::from_fn(|| inbox.try_recv().ok()).map(one).collect()
    }

    #[tokio::test]
    async fn a_burst_is_one_hint_and_the_end_is_noticed() {
        let (kernel, socket) = pair();
        for name in ["backup", "v6-address", "master"] {
            say(&kernel, &buffer("nlsysevent-events.hex", name));
        }
        drop(kernel);
        let (sink, mut inbox) = sink(Nlsysevent);
        let ended = listen(Joined { socket, speech: nlsysevent() }, &sink, &mut |_| true).await;
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let carp = |id: &str, state| (id.parse().unwrap(), state);
        let changes = vec![
            carp("1@epair0b", Backup),
            carp("6@epair0b", Backup),
            carp("1@epair0b", Master),
            carp("6@epair0b", Master),
        ];
        assert_eq!(told(&mut inbox), [Ok(changes)]);
    }

    #[tokio::test]
    async fn rtnetlink_claims_no_state_and_other_hosts_are_no_hint() {
        for (name, hints) in [("master", 1), ("down", 1), ("route", 0)] {
            let (kernel, socket) = pair();
            say(&kernel, &buffer("rtnetlink-hints.hex", name));
            drop(kernel);
            let (sink, mut inbox) = sink(Rtnetlink);
            let _ = listen(Joined { socket, speech: Speech::Rtnetlink }, &sink, &mut |_| true).await;
            assert_eq!(told(&mut inbox), vec![Ok(Vec::new()); hints], "{name}");
        }
    }

    #[test]
    fn an_overrun_is_a_reason_to_look_and_no_end() {
        let mut answers = [Err(Errno::ENOBUFS.into()), Err(Errno::EINTR.into()), Err(Errno::EAGAIN.into())].into_iter();
        let mut batch = Batch::default();
        read(&mut batch, |_| answers.next().unwrap(), &mut [0; 64], &Speech::Rtnetlink).unwrap();
        assert!(batch.matters && batch.changes.is_empty());
    }

    #[test]
    fn a_storm_without_end_is_cut_into_hints() {
        let event = buffer("nlsysevent-events.hex", "backup");
        let mut batch = Batch::default();
        let endless = |buffer: &mut [u8]| {
            buffer[..event.len()].copy_from_slice(&event);
            Ok(event.len())
        };
        read(&mut batch, endless, &mut [0; 256], &nlsysevent()).unwrap();
        assert!(batch.is_full());
    }

    #[test]
    fn half_a_message_is_a_reason_to_look() {
        let event = buffer("nlsysevent-events.hex", "backup");
        let mut answers = [Ok(event.len() - 1), Err(Errno::EAGAIN.into())].into_iter();
        let mut batch = Batch::default();
        let mut bytes = event.clone();
        read(&mut batch, |_| answers.next().unwrap(), &mut bytes, &nlsysevent()).unwrap();
        assert!(batch.matters && batch.changes.is_empty());
    }

    /// Runs the follower until virtual time has passed.
    async fn follow_for(
        time: Duration,
        sink: Sink,
        join: impl FnMut() -> io::Result<Option<Joined>>,
        lasts: impl FnMut(&Speech) -> bool,
    ) {
        let _ = tokio::time::timeout(time, follow(sink, join, lasts)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_module_that_is_loaded_later_is_noticed_within_a_minute() {
        let (kernel, socket) = pair();
        let mut socket = Some(socket);
        let began = Instant::now();
        let (sink, mut inbox) = sink(Nlsysevent);
        let join = || {
            let loaded = began.elapsed() > Duration::from_secs(90);
            Ok(if loaded { socket.take().map(|socket| Joined { socket, speech: nlsysevent() }) } else { None })
        };
        say(&kernel, &buffer("nlsysevent-events.hex", "destroyed"));
        follow_for(Duration::from_secs(130), sink, join, |_| true).await;
        assert_eq!(told(&mut inbox), [Err(true), Ok(Vec::new())]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_module_that_is_unloaded_is_noticed_within_a_minute() {
        let (_kernel, socket) = pair();
        let (mut socket, loaded) = (Some(socket), Rc::new(Cell::new(true)));
        let (sink, mut inbox) = sink(Nlsysevent);
        let join = || Ok(socket.take().map(|socket| Joined { socket, speech: nlsysevent() }));
        let (still, began) = (Rc::clone(&loaded), Instant::now());
        let lasts = move |speech: &Speech| {
            assert_eq!(speech, &nlsysevent());
            still.set(began.elapsed() < Duration::from_secs(90));
            still.get()
        };
        follow_for(Duration::from_secs(150), sink, join, lasts).await;
        assert_eq!(told(&mut inbox), [Err(true), Err(false)]);
        assert!(!loaded.get());
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_fails_is_joined_again_with_growing_pauses() {
        let (sink, mut inbox) = sink(Rtnetlink);
        let mut tries = 0;
        let join = || {
            tries += 1;
            // Every other one ends at once.
            if tries % 2 == 0 {
                Ok(Some(Joined { socket: pair().1, speech: Speech::Rtnetlink }))
            } else {
                Err(Errno::ENOMEM.into())
            }
        };
        follow_for(Duration::from_secs(60), sink, join, |_| true).await;
        assert!((10..=13).contains(&tries), "{tries} in a minute");
        let told = told(&mut inbox);
        assert_eq!(told[..2], [Err(true), Err(false)]);
        assert_eq!(told.len(), tries / 2 * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_this_machine_can_never_have_is_not_asked_for_again() {
        let (sink, mut inbox) = sink(Nlsysevent);
        follow(sink, || Err(io::ErrorKind::Unsupported.into()), |_| true).await;
        assert!(told(&mut inbox).is_empty());
    }

    #[tokio::test]
    async fn every_recorded_datagram_is_read_by_the_other_source_without_harm() {
        for (file, speech) in [("nlsysevent-events.hex", Speech::Rtnetlink), ("rtnetlink-hints.hex", nlsysevent())] {
            for (_, datagram) in buffers_in_order(file) {
                assert!(messages(&datagram).all(|message| speech.event(&message.unwrap()).is_none()), "{file}");
            }
        }
    }
}
