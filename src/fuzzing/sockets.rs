//! What carpctl is answered, and what the lab is asked.

use crate::control::Answer;
use crate::core::status::Status;
use crate::ctl::render::check::{Expect, check};
use crate::ctl::render::{View, demotion, maintenance, status, why};
use crate::lab::server::protocol::LabAsk;
use crate::model::Wall;

/// An answer of a daemon: it is the same after being sent again, and carpctl can show it in any width.
pub fn answer(bytes: &[u8]) {
    let Ok(answer) = serde_json::from_slice::<Answer>(bytes) else { return };
    let line = serde_json::to_vec(&answer).unwrap();
    assert_eq!(serde_json::from_slice::<Answer>(&line).unwrap(), answer);
    if let Answer::Status { status } = answer {
        show(&status);
    }
}

fn show(shown: &Status) {
    let view = View::new(40, false, Wall::from_millis(1_777_000_000_000));
    let _ = check(shown, Expect::Any);
    for text in [
        status::status(shown, &view),
        status::brief(shown, &view),
        why::node(shown, &view),
        demotion::sum(shown, view.now()),
        maintenance::show(shown, &view),
    ] {
        assert!(!text.contains('\u{1b}'), "a control character gets through: {text:?}");
    }
    for service in &shown.services {
        let _ = why::service(shown, &service.name, &view);
    }
}

/// A question to the lab: one that is understood can be asked again.
pub fn lab_ask(bytes: &[u8]) {
    let Ok(ask) = serde_json::from_slice::<LabAsk>(bytes) else { return };
    let line = serde_json::to_vec(&ask).unwrap();
    assert_eq!(serde_json::from_slice::<LabAsk>(&line).unwrap(), ask);
}
