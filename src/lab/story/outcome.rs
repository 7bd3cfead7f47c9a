//! What came of a story: what was promised, what was measured, and whether it held.

use std::time::Duration;

use serde::Serialize;

use crate::model::Wall;

/// The version of the JSON that `carpctl lab --json` prints.
pub const SCHEMA: u32 = 1;

/// What came of it all.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of carpd.
    pub version: String,
    /// Every promise held, and the story came to its end.
    pub held: bool,
    /// When it began.
    pub started: Wall,
    /// How long it took.
    pub duration_ms: u64,
    /// The nodes, the preferred one first.
    pub nodes: [String; 2],
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// Why it ended before its end; the step that was under way is the last one.
    pub broken_off: Option<String>,
    /// Writes that the carpds made to their kernels.
    pub kernel_writes: usize,
    /// The longest time for which a service ran on both nodes.
    pub longest_overlap_ms: u64,
    /// The promises that did not hold, as `step: what`.
    pub broken_promises: Vec<String>,
}

/// One thing that happened, and what was promised of it.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What happened.
    pub title: String,
    /// When, in milliseconds since the lab's clock began.
    pub at_ms: u64,
    /// What was promised.
    pub promises: Vec<Promise>,
}

/// A promise and what was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Promise {
    /// Of what.
    pub what: String,
    /// What was promised.
    pub promised: String,
    /// What was measured in this run.
    pub measured: String,
    /// Whether it held.
    pub held: bool,
    /// The promise as a number, where it is a time.
    pub limit_ms: Option<u64>,
    /// The measurement as a number, where it is a time.
    pub measured_ms: Option<f64>,
}

impl Promise {
    /// Something takes at most `limit`. None if it never came.
    #[must_use]
    pub fn within(what: impl Into<String>, limit: Duration, measured: Option<Duration>) -> Self {
        Self {
            what: what.into(),
            promised: format!("<= {}", time(limit)),
            measured: measured.map_or_else(|| "never".to_owned(), time),
            held: measured.is_some_and(|measured| measured <= limit),
            limit_ms: Some(millis(limit)),
            measured_ms: measured.map(|measured| measured.as_secs_f64() * 1e3),
        }
    }

    /// Something is exactly as promised.
    #[must_use]
    pub fn equal(what: impl Into<String>, promised: impl ToString, measured: impl ToString) -> Self {
        let (promised, measured) = (promised.to_string(), measured.to_string());
        Self { what: what.into(), held: promised == measured, promised, measured, limit_ms: None, measured_ms: None }
    }

    /// Something is so, or not.
    #[must_use]
    pub fn is(what: impl Into<String>, held: bool) -> Self {
        Self::equal(what, "yes", if held { "yes" } else { "no" })
    }
}

/// Whole milliseconds.
#[must_use]
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// `0 ms`, `42 ms`, `3.41 s`.
#[must_use]
pub fn time(time: Duration) -> String {
    match millis(time) {
        short @ 0..1_000 => format!("{short} ms"),
        long => format!("{}.{:02} s", long / 1_000, long % 1_000 / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_that_never_came_true_is_broken() {
        assert!(!Promise::within("x", Duration::from_secs(1), None).held);
        assert!(Promise::within("x", Duration::from_secs(1), Some(Duration::from_secs(1))).held);
        assert!(!Promise::within("x", Duration::from_secs(1), Some(Duration::from_millis(1_001))).held);
    }

    #[test]
    fn times_keep_what_matters() {
        for (millis, text) in [(0, "0 ms"), (999, "999 ms"), (3_390, "3.39 s"), (12_345, "12.34 s")] {
            assert_eq!(time(Duration::from_millis(millis)), text);
        }
    }
}
