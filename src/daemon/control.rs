//! The control socket: takes questions and hands them to the daemon, one at a time.
//!
//! No client can make the daemon wait. Each is served by a task of its own; its question has to come within a time, to be
//! short, and its answer to be taken within a time; the number of clients is bounded.

pub(super) mod client;

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::admins::Admins;
use crate::config::settings;
use crate::control::{Answer, Ask};
use crate::core::Request;

/// How many clients are served at once.
pub(crate) const MOST_CLIENTS: usize = 32;

/// How many of them may follow the history, which can take for ever.
const MOST_FOLLOWERS: usize = 16;

/// The longest reason of a maintenance, in bytes.
const LONGEST_REASON: usize = 200;

/// How long whoever listens at the control socket's path may take to show it.
const TO_ACCEPT: Duration = Duration::from_secs(1);

/// A question from a client that has the right to ask it.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Wants one answer.
    Question {
        /// The question.
        ask: Ask,
        /// Who asks: a user's name, or `uid N`.
        by: String,
        /// Takes the answer.
        answer: oneshot::Sender<Answer>,
    },
    /// Wants every new entry of the history, each as a line of JSON. A follower that does not keep up is dropped.
    Follow(mpsc::Sender<Arc<str>>),
}

/// What the clients' tasks share.
#[derive(Debug)]
pub(crate) struct Shared {
    asks: mpsc::Sender<Asked>,
    admins: Arc<RwLock<Admins>>,
    followers: Arc<Semaphore>,
}

/// The socket in the file system. Removed when dropped.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Why the control socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    /// Something else is there.
    #[error("control socket {0}: there is a file that is no socket; remove it, or name another control.socket")]
    NotASocket(PathBuf),
    /// Somebody listens there.
    #[error("control socket {0}: another program listens there; stop it, or name another control.socket")]
    InUse(PathBuf),
    /// The system refuses.
    #[error(
        "control socket {path}: {source}; its directory has to be one carpd may write to, its path at most 103 bytes long"
    )]
    System {
        /// The socket or its directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// Opens the socket. To be called under the state directory's lock only: what is left of an earlier run is removed.
pub(crate) async fn open(control: &settings::Control) -> Result<(UnixListener, Socket), SocketError> {
    let path = &control.socket;
    let cannot = |source: io::Error| SocketError::System { path: path.clone(), source };
    if let Some(directory) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(directory).map_err(cannot)?;
    }
    match fs::symlink_metadata(path) {
        Ok(meta) if !meta.file_type().is_socket() => return Err(SocketError::NotASocket(path.clone())),
        // The lock says that no daemon of this state directory lives; one of another directory would accept, or be too busy to.
        Ok(_) if !matches!(timeout(TO_ACCEPT, UnixStream::connect(path)).await, Ok(Err(_))) => {
            return Err(SocketError::InUse(path.clone()));
        }
        Ok(_) => fs::remove_file(path).map_err(cannot)?,
        Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(cannot)?;
    let socket = Socket { path: path.clone() };
    give_to_group(path, &control.group);
    Ok((listener, socket))
}

/// Whether a change can be passed on as it was asked for. The reason of a maintenance stands in one line of logs, tables and alerts.
pub(super) fn acceptable(ask: &Ask) -> Result<(), String> {
    let Ask::Change { change: Request::MaintenanceEnter { reason, .. } | Request::ServiceUnmanage { reason, .. } } =
        ask
    else {
        return Ok(());
    };
    if reason.len() > LONGEST_REASON {
        let length = reason.len();
        return Err(format!("the reason has {length} bytes, and {LONGEST_REASON} are allowed; shorten it"));
    }
    if reason.chars().any(char::is_control) {
        return Err("the reason has a line break or another control character; write it as one line of text".to_owned());
    }
    Ok(())
}

/// Lets the group ask. Without it the socket stays usable for the daemon's own user and root, so that is no reason not to run.
pub(crate) fn give_to_group(path: &Path, group: &str) {
    let gid = match nix::unistd::Group::from_name(group) {
        Ok(Some(group)) => group.gid.as_raw(),
        Ok(None) => return tracing::warn!("the group {group} does not exist; only root can use {}", path.display()),
        Err(error) => {
            return tracing::warn!(
                "the group {group} cannot be looked up: {error}; only root can use {}",
                path.display()
            );
        }
    };
    // The owner first: with the modes first, the old group could use the socket for a moment.
    let given = std::os::unix::fs::chown(path, None, Some(gid));
    if let Err(error) = given.and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o660))) {
        tracing::warn!("{} cannot be given to the group {group}: {error}; only its owner can use it", path.display());
    }
}

/// Serves clients for ever.
pub(crate) async fn serve(listener: UnixListener, asks: mpsc::Sender<Asked>, admins: Arc<RwLock<Admins>>) {
    let shared = Arc::new(Shared { asks, admins, followers: Arc::new(Semaphore::new(MOST_FOLLOWERS)) });
    let places = Arc::new(Semaphore::new(MOST_CLIENTS));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // No file descriptor left, or the client was gone before it was accepted.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    client::serve(stream, &shared).await;
                    drop(place);
                });
            }
            Err(_) => refuse(&stream),
        }
    }
}

/// Tells one client too many why it is not served, if it can be told at once.
fn refuse(stream: &UnixStream) {
    let text = format!("{MOST_CLIENTS} clients are being served already; try again in a few seconds");
    if let Ok(mut line) = serde_json::to_vec(&Answer::Error { text }) {
        line.push(b'\n');
        let _ = stream.try_write(&line);
    }
}
