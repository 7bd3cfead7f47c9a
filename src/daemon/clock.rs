//! The two clocks, read together.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::model::{Mono, Now, Wall};

/// The time now. The monotonic clock counts from the boot, so the journal's instants keep their meaning when carpd restarts.
pub(crate) fn now() -> Now {
    let mono = read(ClockId::CLOCK_MONOTONIC);
    let wall = read(ClockId::CLOCK_REALTIME);
    Now {
        mono: Mono::from_micros(u64::try_from(mono.as_micros()).unwrap_or(u64::MAX)),
        wall: Wall::from_millis(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)),
    }
}

/// Reading these clocks cannot fail, and a time before 1970 is as good as none.
fn read(clock: ClockId) -> Duration {
    clock_gettime(clock).map_or(Duration::ZERO, |time| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        Duration::new(seconds, u32::try_from(time.tv_nsec()).unwrap_or(0))
    })
}
