//! Fuzz targets of what the daemon reads: questions, its own files, HTTP.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken promise has to stop the fuzzer")]

use std::cell::RefCell;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::control::client;
use super::control::{Asked, acceptable};
use super::{history as entries, http as server, state};
use crate::control::Answer;
use crate::core::{Core, Input, Loaded, testing};
use crate::ctl::render::{View, history as render};
use crate::model::CarpState;

/// A question to the control socket: one that is understood can be asked again.
pub fn control(bytes: &[u8]) {
    let Ok(ask) = client::understand(bytes) else { return };
    let _ = acceptable(&ask);
    let line = serde_json::to_vec(&ask).unwrap();
    assert_eq!(client::understand(&line).unwrap(), ask);
}

/// The state file: what is read from it, written and read again, stays what it is; and whatever it says, carpd starts with it.
pub fn state_file(bytes: &[u8]) {
    let Ok(journal) = state::understand(bytes) else { return };
    let document = state::document(&journal).unwrap();
    assert_eq!(state::understand(&document).unwrap(), journal);
    let policy = testing::policy(vec![testing::service("gw", &["1@em0"])]);
    let mut core = Core::new(policy, Loaded::Journal(journal), testing::at(0));
    core.step(Input::Tick, testing::at(0));
    let look = testing::snapshot(&[("1@em0", CarpState::Master)]);
    core.step(Input::Read { result: Ok(look), log: Vec::new() }, testing::at(1));
    let _ = (core.status(testing::at(2)), core.next_wake(testing::at(2)));
}

/// A seed for it.
#[cfg(test)]
pub(crate) fn state_document(journal: &crate::core::Journal) -> Vec<u8> {
    state::document(journal).unwrap()
}

/// The history on disk: every entry that is read is written as one line again, and can be shown.
pub fn history(bytes: &[u8]) {
    let found: Vec<_> = entries::understand(bytes).collect();
    let _ = render::entries(&found, &View::new(80, false, testing::at(0).wall), &jiff::tz::TimeZone::UTC);
    for entry in found {
        let line = serde_json::to_vec(&entry).unwrap();
        assert_eq!(entries::understand(&line).collect::<Vec<_>>(), [entry]);
    }
}

thread_local! {
    static RUNTIME: RefCell<Runtime> = RefCell::new(Builder::new_current_thread().enable_all().build().unwrap());
}

/// The metrics port: whatever comes, the connection ends with an answer or without one, and only a whole request for the
/// metrics gets them.
pub fn http(bytes: &[u8]) {
    let answer = RUNTIME.with_borrow(|runtime| runtime.block_on(serve(bytes)));
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1."), "{answer}");
    if answer.contains("the figures") {
        assert!(bytes.windows(8).any(|part| part == b"/metrics"), "{answer}");
    }
}

async fn serve(request: &[u8]) -> Vec<u8> {
    let (asks, mut asked) = mpsc::channel(1);
    let (mut client, end) = tokio::io::duplex(1 << 20);
    client.write_all(&request[..request.len().min(1 << 19)]).await.unwrap();
    client.shutdown().await.unwrap();
    let respond = async {
        while let Some(Asked::Question { answer, .. }) = asked.recv().await {
            let _ = answer.send(Answer::Text { text: "the figures".to_owned() });
        }
    };
    tokio::join!(server::connection(end, asks), respond);
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await;
    answer
}
