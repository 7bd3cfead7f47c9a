//! The core, fed with what a daemon could have fed it.

use std::time::Duration;

use crate::core::ledger::LedgerState;
use crate::core::{Core, Effect, Input, Journal, Loaded, testing};

/// The most inputs of one run: the rest would only repeat them.
const MOST_INPUTS: usize = 200;

/// Inputs as lines of JSON, half a second apart: nothing ends the core, the sum of the demotion adds up, and nothing is written
/// to the kernel that was not announced in the journal.
pub fn core(bytes: &[u8]) {
    let policy = testing::policy(vec![testing::service("gw", &["1@em0"])]);
    let mut now = testing::at(0);
    let mut core = Core::new(policy, Loaded::Journal(Journal::default()), now);
    let mut announced = false;
    for line in bytes.split(|byte| *byte == b'\n').take(MOST_INPUTS) {
        let Ok(input) = serde_json::from_slice::<Input>(line) else { continue };
        now.mono = now.mono + Duration::from_millis(500);
        now.wall = now.wall + Duration::from_millis(500);
        for effect in core.step(input, now) {
            match effect {
                Effect::Persist { journal, .. } => announced = journal.pending.is_some(),
                Effect::AddDemotion { .. } => assert!(announced, "a write that the journal does not know of"),
                _ => {}
            }
        }
        let demotion = core.status(now).demotion;
        if let Some(total) = demotion.total.filter(|_| demotion.ledger == LedgerState::Settled) {
            let parts = demotion.reasons.iter().fold(0i32, |sum, part| sum.wrapping_add(part.value));
            assert_eq!(parts, total, "the parts are not the sum");
        }
        let _ = core.next_wake(now);
    }
}
