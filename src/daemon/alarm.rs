//! The one timer that runs while nothing happens.
//!
//! The runtime's own timers wake the process several times on the way to a distant deadline (its wheel has levels), three
//! times for the 5 s between two looks at the kernel. The kernel's timer (timerfd(2), on FreeBSD since 14) wakes it once.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::net::unix::pipe::Receiver;

use crate::model::Mono;

/// A timer on the monotonic clock.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: TimerFd,
    /// The same timer, for the runtime: what it can do with a pipe is all that a timer needs, which is to become readable.
    rings: Receiver,
    set: Option<Mono>,
}

impl Alarm {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        let rings = Receiver::from_file_unchecked(File::from(timer.as_fd().try_clone_to_owned()?))?;
        Ok(Self { timer, rings, set: None })
    }

    /// Waits until the clock is at `at`. It may be dropped at any point and begun anew, with the same or another time.
    pub(crate) async fn until(&mut self, at: Mono) -> io::Result<()> {
        if self.set != Some(at) {
            // A time of zero would switch the timer off.
            let time = TimeSpec::from_duration(Duration::from_micros(at.as_micros().max(1)));
            self.timer.set(Expiration::OneShot(time), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
            self.set = Some(at);
        }
        loop {
            self.rings.readable().await?;
            match self.rings.try_read(&mut [0; 8]) {
                Ok(_) => break,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
        }
        self.set = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::clock;

    #[tokio::test(flavor = "current_thread")]
    async fn an_alarm_never_rings_early_and_can_be_set_again_while_it_waits() {
        let mut alarm = Alarm::new().unwrap();
        let (soon, late) =
            (clock::now().mono + Duration::from_millis(5), clock::now().mono + Duration::from_secs(3600));
        tokio::select! { biased;
            _ = alarm.until(late) => panic!("an hour has not passed"),
            () = tokio::task::yield_now() => {}
        }
        alarm.until(soon).await.unwrap();
        assert!(clock::now().mono >= soon);
        alarm.until(Mono::ZERO).await.unwrap();
    }
}
