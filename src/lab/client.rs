//! The outside world of a lab: who asks carpd, and who uses the VIPs.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::server::Lab;
use crate::control::{Answer, Ask, LONGEST_LINE};

/// How often the user of a service connects to it.
pub const RHYTHM: Duration = Duration::from_millis(10);

/// How long an answer may take until it counts as none.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long carpd may take to answer.
const CONTROL_LIMIT: Duration = Duration::from_secs(3);

/// Asks a carpd one question.
///
/// # Errors
/// It does not answer in time, or not in its language.
pub async fn control(path: &Path, ask: &Ask) -> io::Result<Answer> {
    let mut line = serde_json::to_vec(ask)?;
    line.push(b'\n');
    let exchange = async {
        let mut stream = UnixStream::connect(path).await?;
        stream.write_all(&line).await?;
        let mut answer = Vec::new();
        BufReader::new(stream).take(LONGEST_LINE as u64).read_until(b'\n', &mut answer).await?;
        Ok(serde_json::from_slice(&answer)?)
    };
    timeout(CONTROL_LIMIT, exchange).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Connects to every service of every node again and again, and records who answers. Ends when the handle is aborted.
pub fn watch(lab: &Rc<Lab>) -> Vec<JoinHandle<()>> {
    let places: Vec<_> = lab.look(|state| {
        let nodes = state.nodes.iter().enumerate();
        nodes
            .flat_map(|(at, node)| {
                node.services.iter().enumerate().map(move |(n, s)| (at, n, node.paths.service(&s.name).socket()))
            })
            .collect()
    });
    let watcher = |(at, service, socket): (usize, usize, PathBuf)| {
        let lab = lab.clone();
        spawn_local(async move {
            let mut ticks = interval(RHYTHM);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let answers = matches!(timeout(PATIENCE, answers(&socket)).await, Ok(true));
                lab.answered(at, service, answers);
            }
        })
    };
    places.into_iter().map(watcher).collect()
}

async fn answers(socket: &Path) -> bool {
    let Ok(stream) = UnixStream::connect(socket).await else { return false };
    let mut line = String::new();
    BufReader::new(stream).take(256).read_line(&mut line).await.is_ok() && line.starts_with("node ")
}
