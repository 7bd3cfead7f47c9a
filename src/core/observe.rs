//! When to look at the kernel, and what the last look showed.
//!
//! An event is only a hint to look. After a hint the kernel is read at once, and again 20, 100, 300 and 1000 ms later until
//! two looks agree, because a hint may come before the change is complete. Without any hint it is read every few seconds,
//! so that whatever was missed is noticed.

use std::time::Duration;

use crate::model::{Mono, Now, Snapshot};

/// When the looks after a hint are due, counted from the hint.
const AGAIN: [Duration; 4] =
    [Duration::from_millis(20), Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(1000)];

/// How long after a look that failed the next one follows.
const UNREADABLE: Duration = Duration::from_secs(1);

/// The kernel as it was last seen, and the next time to look.
#[derive(Debug)]
pub struct Observer {
    seen: Option<Snapshot>,
    /// Since when the kernel cannot be read, and why; `None` while it can.
    unreadable: Option<(Now, String)>,
    next: Mono,
    burst: Option<Burst>,
    /// A look was asked for and its answer is awaited.
    asked: bool,
}

#[derive(Debug, Clone, Copy)]
struct Burst {
    hinted: Mono,
    done: usize,
}

impl Observer {
    /// An observer that has seen nothing and wants to look at once.
    #[must_use]
    pub fn new(now: Now) -> Self {
        let unreadable = Some((now, "the kernel was not read yet".to_owned()));
        Self { seen: None, unreadable, next: now.mono, burst: None, asked: false }
    }

    /// The last look, even if it is old.
    #[must_use]
    pub fn seen(&self) -> Option<&Snapshot> {
        self.seen.as_ref()
    }

    /// The last look, if it succeeded.
    #[must_use]
    pub fn known(&self) -> Option<&Snapshot> {
        if self.unreadable.is_some() { None } else { self.seen.as_ref() }
    }

    /// Since when the kernel cannot be read, and why.
    #[must_use]
    pub fn unreadable(&self) -> Option<(Now, &str)> {
        self.unreadable.as_ref().map(|(since, why)| (*since, why.as_str()))
    }

    /// Something may have happened: look at once, and again until two looks agree.
    pub fn hint(&mut self, now: Mono) {
        self.burst = Some(Burst { hinted: now, done: 0 });
        self.next = now;
    }

    /// Whether a look is due.
    #[must_use]
    pub fn due(&self, now: Mono) -> bool {
        !self.asked && now >= self.next
    }

    /// A look is being made; its answer comes with [`Self::read`].
    pub fn asked(&mut self) {
        self.asked = true;
    }

    /// Whether an answer is awaited.
    #[must_use]
    pub const fn awaits(&self) -> bool {
        self.asked
    }

    /// The next time to look, `None` while an answer is awaited.
    #[must_use]
    pub fn next(&self) -> Option<Mono> {
        (!self.asked).then_some(self.next)
    }

    /// A look was made. Returns the look before it, if there was one.
    ///
    /// A look that was made for somebody else, and not asked for here, leaves the schedule as it is.
    pub fn read(&mut self, result: Result<Snapshot, String>, poll: Duration, now: Now) -> Option<Snapshot> {
        let asked = std::mem::take(&mut self.asked);
        let (agrees, before) = match result {
            Ok(snapshot) => {
                let agrees = self.known().is_some_and(|old| old.agrees_with(&snapshot));
                self.unreadable = None;
                (agrees, self.seen.replace(snapshot))
            }
            Err(why) => {
                let since = self.unreadable.take().map_or(now, |(since, _)| since);
                self.unreadable = Some((since, why));
                (false, None)
            }
        };
        if asked {
            self.schedule(agrees, poll, now.mono);
        } else if self.unreadable.is_some() {
            self.next = self.next.min(now.mono + UNREADABLE);
        }
        before
    }

    /// The first look of a burst is compared with what was known before the hint, so it can agree while the change is still
    /// under way; only the second and later ones end the burst.
    fn schedule(&mut self, agrees: bool, poll: Duration, now: Mono) {
        let poll = if self.unreadable.is_some() { poll.min(UNREADABLE) } else { poll };
        let Some(mut burst) = self.burst else {
            self.next = now + poll;
            return;
        };
        burst.done += 1;
        let again = if agrees && burst.done > 1 { None } else { AGAIN.get(burst.done - 1) };
        match again {
            Some(after) => {
                self.burst = Some(burst);
                self.next = (burst.hinted + *after).max(now + Duration::from_millis(1));
            }
            None => {
                self.burst = None;
                self.next = now + poll;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::testing::{at, snapshot};
    use crate::model::CarpState::{Backup, Master};

    const POLL: Duration = Duration::from_secs(5);

    #[test]
    fn without_a_hint_the_kernel_is_read_every_poll() {
        let mut observer = Observer::new(at(0));
        assert!(observer.due(at(0).mono));
        observer.asked();
        observer.read(Ok(snapshot(&[("1@em0", Backup)])), POLL, at(0));
        assert_eq!(observer.next().unwrap(), at(5_000).mono);
    }

    #[test]
    fn after_a_hint_it_is_read_until_two_looks_agree() {
        let mut observer = Observer::new(at(0));
        observer.asked();
        observer.read(Ok(snapshot(&[("1@em0", Backup)])), POLL, at(0));
        observer.hint(at(1_000).mono);
        let looks = [(1_000, Backup), (1_020, Master), (1_100, Master)];
        for (when, state) in looks {
            assert_eq!(observer.next().unwrap(), at(when).mono);
            observer.asked();
            observer.read(Ok(snapshot(&[("1@em0", state)])), POLL, at(when));
        }
        assert_eq!(observer.next().unwrap(), at(6_100).mono);
    }

    #[test]
    fn a_kernel_that_keeps_changing_is_read_five_times_and_then_polled() {
        let mut observer = Observer::new(at(0));
        observer.hint(at(0).mono);
        let mut state = Backup;
        for when in [0, 20, 100, 300, 1_000] {
            assert_eq!(observer.next().unwrap(), at(when).mono);
            observer.asked();
            observer.read(Ok(snapshot(&[("1@em0", state)])), POLL, at(when));
            state = if state == Backup { Master } else { Backup };
        }
        assert_eq!(observer.next().unwrap(), at(6_000).mono);
    }

    #[test]
    fn an_unreadable_kernel_is_tried_every_second_and_remembered_since_when() {
        let mut observer = Observer::new(at(0));
        observer.asked();
        observer.read(Ok(snapshot(&[])), POLL, at(0));
        observer.asked();
        observer.read(Err("gone".into()), POLL, at(5_000));
        observer.asked();
        observer.read(Err("still gone".into()), POLL, at(6_000));
        assert_eq!(observer.unreadable(), Some((at(5_000), "still gone")));
        assert_eq!(observer.next().unwrap(), at(7_000).mono);
        assert!(observer.known().is_none() && observer.seen().is_some());
    }

    #[test]
    fn a_look_for_somebody_else_leaves_the_schedule_as_it_is() {
        let mut observer = Observer::new(at(0));
        observer.asked();
        observer.read(Ok(snapshot(&[("1@em0", Backup)])), POLL, at(0));
        observer.hint(at(1_000).mono);
        for when in [1_000, 1_001, 1_002] {
            observer.read(Ok(snapshot(&[("1@em0", Master)])), POLL, at(when));
            assert_eq!(observer.next().unwrap(), at(1_000).mono);
        }
        assert_eq!(observer.known(), Some(&snapshot(&[("1@em0", Master)])));
    }
}
