//! What has to hold before a start: files that have to be there, and a fence that has to succeed.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::pin::Pin;

use tokio::time::Instant;

use super::command::Command;
use super::{complaint, left};
use crate::core::service::{ActionKind, Outcome};
use crate::service::Prepared;
use crate::service::process::{Ended, GRACE, Kill, Program};

/// Whether a start could succeed, as far as that can be told without one: its command and its files are there. Takes a few seconds
/// at most.
///
/// # Errors
/// What is missing.
pub(super) async fn ready(service: &Prepared) -> Result<(), String> {
    if let Some(driver) = &service.settings.driver {
        Command::of(driver, ActionKind::Start)?;
    }
    let files = service.settings.ready.clone();
    if files.is_empty() {
        return Ok(());
    }
    // They may be on a file system that hangs.
    service.ready.run("the files that it needs", GRACE, move || all_there(&files)).await.map(drop)
}

fn all_there(files: &[PathBuf]) -> Result<String, String> {
    for file in files {
        fs::metadata(file).map_err(|error| match error.kind() {
            ErrorKind::NotFound => format!("{} is missing", file.display()),
            _ => format!("{}: {error}", file.display()),
        })?;
    }
    Ok(String::new())
}

/// Looks at the files, then runs the fence, immediately before the start.
///
/// # Errors
/// How the start has ended, without having begun.
pub(super) async fn hold(
    service: &Prepared,
    deadline: Instant,
    cut_short: Pin<&mut impl Future<Output = ()>>,
) -> Result<(), Outcome> {
    ready(service).await.map_err(Outcome::Failed)?;
    let Some(fence) = &service.settings.fence else { return Ok(()) };
    let mut env = service.env().to_vec();
    env.push(("CARPD_ACTION", "fence"));
    let program = Program { path: fence.program(), args: fence.args(), user: None, env: &env };
    let failed = |why: String| Outcome::Failed(format!("its fence {why}; nothing was started"));
    let mut running = program.spawn(Kill::Group).map_err(|why| failed(format!("cannot be run: {why}")))?;
    let ended = tokio::select! {
        ended = running.wait(left(deadline)) => ended,
        () = cut_short => {
            running.terminate().await;
            return Err(Outcome::CutShort);
        }
    };
    match ended {
        Some(Ended::Exited(0)) => Ok(()),
        Some(ended) => Err(failed(complaint(&ended).unwrap_or_default())),
        None => {
            running.terminate().await;
            Err(failed("was killed at the limit of the start".to_owned()))
        }
    }
}
