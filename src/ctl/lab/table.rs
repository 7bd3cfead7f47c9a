//! The end of a story: what happened, what was promised, what was measured.

use std::time::Duration;

use crate::ctl::text::{clean, fit};
use crate::lab::story::outcome::{Outcome, time};

/// The table, in at most 80 columns.
#[must_use]
pub(super) fn render(outcome: &Outcome) -> String {
    let mut text = format!("{:<47}{:>11}{:>13}  {}\n", "What happened", "promised", "measured", "held");
    for (number, step) in outcome.steps.iter().enumerate() {
        let at = Duration::from_millis(step.at_ms);
        text.push_str(&format!("\n{:>2} {}  (at {})\n", number + 1, fit(&clean(&step.title), 60), time(at)));
        for promise in &step.promises {
            let held = if promise.held { "yes" } else { "NO" };
            let what = fit(&clean(&promise.what), 43);
            let (promised, measured) = (fit(&promise.promised, 11), fit(&promise.measured, 12));
            text.push_str(&format!("   {what:<44}{promised:>11}{measured:>13}  {held}\n"));
        }
    }
    text.push('\n');
    text.push_str(&verdict(outcome));
    text
}

fn verdict(outcome: &Outcome) -> String {
    let promises: usize = outcome.steps.iter().map(|step| step.promises.len()).sum();
    let mut text = format!(
        "Writes to the kernels by carpd: {}. Longest time with two services alive: {}.\n",
        outcome.kernel_writes,
        time(Duration::from_millis(outcome.longest_overlap_ms))
    );
    if let Some(why) = &outcome.broken_off {
        text.push_str(&format!("The story was broken off: {why}\n"));
    }
    if outcome.broken_promises.is_empty() {
        text.push_str(&format!("Broken promises: none of {promises}.\n"));
    } else {
        text.push_str(&format!("Broken promises: {} of {promises}.\n", outcome.broken_promises.len()));
        outcome.broken_promises.iter().for_each(|promise| text.push_str(&format!("  {promise}\n")));
    }
    text
}
