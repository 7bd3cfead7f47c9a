//! Virtual time: the queue of what is to happen, timers, and the world's dice.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::model::Mono;

use super::network::Packet;

/// What happens by itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// A vhid's timer ends.
    Timer { node: u32, serial: u32, kind: TimerKind },
    /// A packet reaches an interface.
    Arrive { node: u32, interface: u32, packet: Packet },
    /// The task that lets all MASTERs advertise runs.
    SendAll { node: u32 },
    /// The second half of an interface's way up.
    InterfaceUp { node: u32, interface: u32 },
    /// A timer of pfsync ends.
    PfsyncTimer { node: u32, kind: PfsyncTimer },
}

/// The three callouts of a vhid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimerKind {
    Advert,
    MasterDown4,
    MasterDown6,
}

/// The two callouts of pfsync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PfsyncTimer {
    /// Ask again, or give up.
    BulkFail,
    /// As the node that was asked: all states are sent.
    BulkSent,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Mono,
    /// Events of one instant happen in the order in which they were planned.
    order: u64,
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// What is to happen, in the order of time.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    planned: u64,
}

impl Queue {
    pub(super) fn push(&mut self, at: Mono, event: Event) {
        self.planned += 1;
        self.heap.push(Reverse(Entry { at, order: self.planned, event }));
    }

    pub(super) fn next(&self) -> Option<Mono> {
        self.heap.peek().map(|entry| entry.0.at)
    }

    pub(super) fn pop_until(&mut self, until: Mono) -> Option<(Mono, Event)> {
        if self.next()? > until {
            return None;
        }
        self.heap.pop().map(|entry| (entry.0.at, entry.0.event))
    }
}

/// A callout.
///
/// A master-down timer is put off by every advert, so moving it later must not touch the queue: the entry that is already queued
/// finds on its turn that it is early and is queued again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timer {
    deadline: Option<Mono>,
    queued: Option<Mono>,
}

impl Timer {
    pub(super) fn arm(&mut self, at: Mono, queue: &mut Queue, event: Event) {
        self.deadline = Some(at);
        if self.queued.is_none_or(|queued| queued > at) {
            self.queued = Some(at);
            queue.push(at, event);
        }
    }

    pub(super) fn stop(&mut self) {
        self.deadline = None;
    }

    /// Whether the timer ends now. To be asked for every queued entry of it.
    pub(super) fn fires(&mut self, now: Mono, queue: &mut Queue, event: Event) -> bool {
        if self.queued != Some(now) {
            return false;
        }
        self.queued = None;
        match self.deadline {
            Some(deadline) if deadline > now => {
                self.queued = Some(deadline);
                queue.push(deadline, event);
                false
            }
            Some(_) => {
                self.deadline = None;
                true
            }
            None => false,
        }
    }
}

/// How a node's clock ticks: callouts end on ticks only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticks {
    micros: u64,
    phase: u64,
}

impl Ticks {
    pub(super) fn new(hz: u32, phase: u64) -> Self {
        let micros = (1_000_000 / u64::from(hz)).max(1);
        Self { micros, phase: phase % micros }
    }

    /// When a callout ends that is set now for `micros`: rounded up, one tick more (`tvtohz()`), and counted from the last tick.
    pub(super) fn after(self, now: Mono, micros: u64) -> Mono {
        let past = (now.as_micros() + self.phase) % self.micros;
        let ticks = micros.div_ceil(self.micros) + 1;
        Mono::from_micros((now.as_micros() + ticks * self.micros).saturating_sub(past))
    }
}

/// The dice of a world (splitmix64): fast, and the same on every platform.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `most`.
    pub(super) fn up_to(&mut self, most: u64) -> u64 {
        if most == 0 { 0 } else { self.next() % most.saturating_add(1) }
    }

    /// True with this probability; certain answers need no dice.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        // 53 bits are what an f64 holds exactly.
        probability > 0.0
            && (probability >= 1.0 || ((self.next() >> 11) as f64) < probability * 9_007_199_254_740_992.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callout_ends_on_a_tick_and_never_early() {
        let ticks = Ticks::new(100, 0);
        for (now, micros, end) in
            [(0, 1_000_000, 1_010_000), (9_999, 1_000_000, 1_010_000), (10_000, 3_390_625, 3_420_000)]
        {
            assert_eq!(ticks.after(Mono::from_micros(now), micros).as_micros(), end);
        }
    }

    #[test]
    fn a_timer_ends_once_at_its_last_deadline() {
        for (armed, end) in [([10, 30, 20], 20), ([30, 20, 10], 10), ([10, 20, 30], 30), ([30, 10, 40], 40)] {
            let mut queue = Queue::default();
            let mut timer = Timer::default();
            let event = Event::SendAll { node: 0 };
            for at in armed {
                timer.arm(Mono::from_micros(at), &mut queue, event);
            }
            let mut ends = Vec::new();
            while let Some((at, event)) = queue.pop_until(Mono::from_micros(99)) {
                if timer.fires(at, &mut queue, event) {
                    ends.push(at.as_micros());
                }
            }
            assert_eq!(ends, [end], "{armed:?}");
        }
    }
}
