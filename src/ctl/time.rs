//! Time as people say it: relative, in at most two units.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::Wall;

/// The system's clock.
#[must_use]
pub fn now() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// `12 s`, `3 min`, `1 h 12 min`, `2 d 4 h`: the two largest units, rounded down.
#[must_use]
pub fn span(time: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = time.as_secs();
    match seconds {
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => two(seconds / HOUR, "h", seconds % HOUR / MINUTE, "min"),
        _ => two(seconds / DAY, "d", seconds % DAY / HOUR, "h"),
    }
}

fn two(large: u64, unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 { format!("{large} {unit}") } else { format!("{large} {unit} {small} {small_unit}") }
}

/// How long something took: `0.04 s`, `1.24 s`, `12.0 s`, then as [`span`].
#[must_use]
pub fn took(millis: u64) -> String {
    match millis {
        0..10_000 => format!("{}.{:02} s", millis / 1000, millis % 1000 / 10),
        10_000..60_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => span(Duration::from_millis(millis)),
    }
}

/// When a maintenance ends, seen from `now`. Rounded, because whoever has just asked for two hours wants to read of two hours.
#[must_use]
pub fn ends(until: Wall, now: Wall) -> String {
    if until <= now {
        return "is about to end".to_owned();
    }
    let left = until.since(now);
    let half = if left < Duration::from_secs(60) { Duration::from_millis(500) } else { Duration::from_secs(30) };
    format!("ends in {}", span(left.saturating_add(half)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_its_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (4320, "1 h 12 min"),
            (187_860, "2 d 4 h"),
            (86_400, "1 d"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn an_end_is_rounded() {
        let ends = |millis| ends(Wall::from_millis(millis), Wall::default());
        assert_eq!(ends(7_199_900), "ends in 2 h");
        assert_eq!(ends(29_600), "ends in 30 s");
        assert_eq!(ends(0), "is about to end");
    }

    #[test]
    fn a_duration_keeps_what_matters() {
        for (millis, text) in [(4, "0.00 s"), (1_240, "1.24 s"), (12_050, "12.0 s"), (61_000, "1 min")] {
            assert_eq!(took(millis), text);
        }
    }
}
