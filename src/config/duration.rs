//! Durations as people write them: `4s`, `1m30s`, `250ms`.

use std::fmt;
use std::time::Duration;

/// The units, largest first: a duration names each at most once and in this order.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseDurationError {
    /// No number, no unit, an unknown unit, or units out of order.
    #[error("is not a duration: whole numbers with the units d, h, m, s and ms, the largest first, as in \"1m30s\"")]
    Malformed,
    /// More milliseconds than 64 bits hold.
    #[error("is a longer duration than can be counted")]
    TooLong,
}

/// Reads a duration: whole numbers, each with its unit, largest unit first, no blanks.
///
/// A bare number is refused, since it leaves the unit to guessing; `0s` is how "none" is written.
///
/// # Errors
/// The text is anything else, or longer than 2^64 ms.
///
/// ```
/// # use std::time::Duration;
/// assert_eq!(carpd::config::duration::parse("1m30s"), Ok(Duration::from_secs(90)));
/// assert!(carpd::config::duration::parse("90").is_err());
/// ```
pub fn parse(text: &str) -> Result<Duration, ParseDurationError> {
    let mut rest = text;
    let mut millis = 0_u64;
    let mut units = UNITS.iter();
    if rest.is_empty() {
        return Err(ParseDurationError::Malformed);
    }
    while !rest.is_empty() {
        let (digits, after) = split_while(rest, |b| b.is_ascii_digit());
        let (unit, after) = split_while(after, |b| b.is_ascii_alphabetic());
        // `find` on the remaining units is what enforces the order and forbids a unit twice.
        let (_, each) = units.find(|(name, _)| *name == unit).ok_or(ParseDurationError::Malformed)?;
        if digits.is_empty() {
            return Err(ParseDurationError::Malformed);
        }
        let count: u64 = digits.parse().map_err(|_| ParseDurationError::TooLong)?;
        millis =
            count.checked_mul(*each).and_then(|part| millis.checked_add(part)).ok_or(ParseDurationError::TooLong)?;
        rest = after;
    }
    Ok(Duration::from_millis(millis))
}

fn split_while(text: &str, belongs: impl Fn(u8) -> bool) -> (&str, &str) {
    // All accepted bytes are ASCII, so the end is a character boundary.
    let end = text.bytes().position(|b| !belongs(b)).unwrap_or(text.len());
    text.split_at(end)
}

/// A duration in the form that [`parse`] reads, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown(pub Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let mut millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        for (name, each) in UNITS {
            if millis >= each {
                text.push_str(&format!("{}{name}", millis / each));
                millis %= each;
            }
        }
        f.pad(if text.is_empty() { "0s" } else { &text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, millis) in
            [("0s", 0), ("250ms", 250), ("4s", 4_000), ("1m30s", 90_000), ("1d2h3m4s5ms", 93_784_005), ("007s", 7_000)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_leaves_room_for_guessing_is_refused() {
        for text in ["", "4", "s", "4 s", "4S", "-4s", "+4s", "1.5s", "30s1m", "1s1s", "4sec", "1m30", "٤s", "4s "] {
            assert_eq!(parse(text), Err(ParseDurationError::Malformed), "{text:?}");
        }
        for text in ["99999999999999999999s", "18446744073709551615d", "18446744073709551615ms1ms"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_shown_duration_is_read_back() {
        for millis in [0, 1, 999, 1_000, 90_000, 3_600_000, 86_400_000, 93_784_005, u64::MAX] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse(&Shown(duration).to_string()), Ok(duration), "{millis}");
        }
    }
}
