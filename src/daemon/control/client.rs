//! One client of the control socket, from its question to its answer.

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{Asked, Shared, acceptable};
use crate::control::{Answer, Ask, LONGEST_ASK};
use crate::core::Reply;

/// How long a client may take to send its question.
const TO_ASK: Duration = Duration::from_secs(2);

/// How long a client may take to receive what the daemon has written.
const TO_TAKE: Duration = Duration::from_secs(5);

/// How long an answer may take. A change has to be on disk before it is answered.
const TO_ANSWER: Duration = Duration::from_secs(30);

/// How many events may wait for a follower.
const FOLLOWER_QUEUE: usize = 256;

/// Serves one client. Every failure is the client's alone.
pub(super) async fn serve(mut stream: UnixStream, shared: &Shared) {
    let answer = match question(&mut stream).await {
        Ok(Some(Ask::Follow)) => return follow(stream, shared).await,
        Ok(Some(ask)) => match allowed(&stream, &ask, shared).await {
            Ok(by) => match acceptable(&ask) {
                Ok(()) => answer(ask, by, shared).await,
                Err(text) => Answer::Reply { reply: Reply::Failed { text } },
            },
            Err(text) => Answer::Denied { text },
        },
        Ok(None) => return,
        Err(text) => Answer::Error { text },
    };
    let _ = send(&mut stream, &answer).await;
}

/// The question, `None` if the client left without one.
async fn question(stream: &mut UnixStream) -> Result<Option<Ask>, String> {
    let mut line = Vec::new();
    let longest = LONGEST_ASK as u64;
    let mut reader = BufReader::new(stream.take(longest + 1));
    match timeout(TO_ASK, reader.read_until(b'\n', &mut line)).await {
        Ok(Ok(0) | Err(_)) => Ok(None),
        Ok(Ok(_)) => understand(&line).map(Some),
        Err(_) => Err(format!("no question came within {} s", TO_ASK.as_secs())),
    }
}

/// The question in a line.
pub(in crate::daemon) fn understand(line: &[u8]) -> Result<Ask, String> {
    if line.len() > LONGEST_ASK {
        return Err(format!("the question is longer than {LONGEST_ASK} bytes"));
    }
    serde_json::from_slice(line).map_err(|error| {
        format!("the question cannot be understood: {error}; is carpctl of the same version as carpd?")
    })
}

/// The asker's name, if it has the right to ask.
async fn allowed(stream: &UnixStream, ask: &Ask, shared: &Shared) -> Result<String, String> {
    if !ask.changes() {
        return Ok(String::new());
    }
    let peer = stream.peer_cred().map_err(|error| format!("it cannot be told who you are: {error}"))?;
    let denied = {
        let admins = shared.admins.read().unwrap_or_else(PoisonError::into_inner);
        (!admins.allow(peer.uid(), peer.gid())).then(|| admins.describe())
    };
    match denied {
        Some(why) => Err(why),
        None => Ok(name(peer.uid()).await),
    }
}

/// The user's name. A directory server that does not answer costs the name, and nobody's time but the asker's.
async fn name(uid: u32) -> String {
    let look_up = tokio::task::spawn_blocking(move || nix::unistd::User::from_uid(uid.into()));
    match timeout(Duration::from_millis(500), look_up).await {
        Ok(Ok(Ok(Some(user)))) => user.name,
        _ => format!("uid {uid}"),
    }
}

async fn answer(ask: Ask, by: String, shared: &Shared) -> Answer {
    let (answer, wait) = oneshot::channel();
    let sent = timeout(TO_ANSWER, async {
        shared.asks.send(Asked::Question { ask, by, answer }).await.ok()?;
        wait.await.ok()
    });
    match sent.await {
        Ok(Some(answer)) => answer,
        Ok(None) => Answer::Error { text: "carpd is being stopped".to_owned() },
        Err(_) => Answer::Error {
            text: format!(
                "no answer within {} s; what was asked for may still happen, see the status",
                TO_ANSWER.as_secs()
            ),
        },
    }
}

async fn send(stream: &mut UnixStream, answer: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    timeout(TO_TAKE, stream.write_all(&line)).await?
}

/// Passes on events until the client leaves, or does not keep up.
async fn follow(mut stream: UnixStream, shared: &Shared) {
    let Ok(_place) = Arc::clone(&shared.followers).try_acquire_owned() else {
        let text = "too many clients follow the history already".to_owned();
        let _ = send(&mut stream, &Answer::Error { text }).await;
        return;
    };
    let (lines, mut queue) = mpsc::channel(FOLLOWER_QUEUE);
    if shared.asks.send(Asked::Follow(lines)).await.is_err() {
        return;
    }
    let (mut from, mut to) = stream.split();
    let mut ignored = [0; 64];
    loop {
        tokio::select! {
            line = queue.recv() => {
                let Some(line) = line else { return };
                match timeout(TO_TAKE, to.write_all(line.as_bytes())).await {
                    Ok(Ok(())) => {}
                    _ => return,
                }
            }
            read = from.read(&mut ignored) => {
                // A client that shuts its sending side is done, too; one that keeps talking is not listened to.
                if !matches!(read, Ok(1..)) {
                    return;
                }
            }
        }
    }
}
