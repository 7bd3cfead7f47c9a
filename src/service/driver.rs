//! Makes a service active or standby, and looks whether it runs.
//!
//! What a command says about itself is not believed where the service's processes are known: they are looked at, and what a stop
//! leaves of them is ended by force.

mod command;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Prepared;
use super::configd::Call;
use super::own::{End, Processes};
use super::process::{Ended, Kill, Program, Running};
use crate::config::duration::Shown;
use crate::core::service::{ActionKind, Outcome};
use command::Command;
pub(super) use command::lacks;

/// How long a start that is cut short may take to end by itself. One that is killed halfway may leave anything behind.
const PATIENCE: Duration = Duration::from_secs(1);

/// An action under way.
#[derive(Debug)]
pub struct Action {
    service: Arc<Prepared>,
    kind: ActionKind,
    began: Instant,
    work: Work,
}

/// What an action is at work with.
#[derive(Debug)]
enum Work {
    Program(Running),
    Configd(Call),
    /// A look at the processes: nothing has to be run for it.
    Look(Processes),
    /// It could not begin: the cause.
    Refused(String),
}

impl Action {
    /// Begins an action at once: when this returns, its program is being executed.
    #[must_use]
    pub fn begin(service: &Arc<Prepared>, kind: ActionKind) -> Self {
        let work = match (&service.processes, kind) {
            (Some(process), ActionKind::Check) => Work::Look(process.clone()),
            _ => begin(service, kind).unwrap_or_else(Work::Refused),
        };
        Self { service: Arc::clone(service), kind, began: Instant::now(), work }
    }

    /// Its end, at the latest a few seconds after `limit`, or after `cut_short`: then its result is no longer wanted. A stop is never
    /// cut short, because nobody could say what a half-stopped service is.
    pub async fn outcome(self, limit: Duration, cut_short: impl Future<Output = ()>) -> Outcome {
        let deadline = self.began + limit;
        match self.kind {
            ActionKind::Fence => start(self.work, None, deadline, cut_short).await,
            ActionKind::Start => start(self.work, self.service.processes.as_ref(), deadline, cut_short).await,
            ActionKind::Stop => stop(self.work, self.service.processes.as_ref(), limit).await,
            ActionKind::Check => check(self.work, limit, cut_short).await,
        }
    }
}

fn begin(service: &Prepared, kind: ActionKind) -> Result<Work, String> {
    let (path, args) = match Command::of(&service.settings, kind)? {
        Command::Program { path, args } => (path, args),
        Command::Configd { socket, action } => return Ok(Work::Configd(Call::begin(&socket, &action))),
    };
    let mut env = service.env().to_vec();
    env.extend(match kind {
        ActionKind::Fence => [("CARPD_ACTION", "fence"), ("CARPD_ROLE", "active")].as_slice(),
        ActionKind::Start => &[("CARPD_ACTION", "start"), ("CARPD_ROLE", "active")],
        ActionKind::Stop => &[("CARPD_ACTION", "stop"), ("CARPD_ROLE", "standby")],
        ActionKind::Check => &[("CARPD_ACTION", "status")],
    });
    let kill = if kind == ActionKind::Start { Kill::Program } else { Kill::Group };
    // Whoever fences another node needs more rights than the service itself.
    let user = if kind == ActionKind::Fence { None } else { service.user.clone().transpose()? };
    Program { path: &path, args: &args, user, env: &env }.spawn(kill).map(Work::Program)
}

impl Work {
    /// Waits for the end of its command; `None` if that has not ended within `limit`.
    async fn wait(&mut self, limit: Duration) -> Option<Ended> {
        match self {
            Self::Program(running) => running.wait(limit).await,
            Self::Configd(call) => call.wait(limit).await,
            Self::Look(_) => Some(Ended::Exited(0)),
            Self::Refused(why) => Some(Ended::Unknown(std::mem::take(why))),
        }
    }

    /// Ends its command.
    async fn terminate(self) {
        match self {
            Self::Program(running) => running.terminate().await,
            Self::Configd(call) => call.hang_up(),
            Self::Look(_) | Self::Refused(_) => {}
        }
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

async fn start(
    mut work: Work,
    process: Option<&Processes>,
    deadline: Instant,
    cut_short: impl Future<Output = ()>,
) -> Outcome {
    let mut cut_short = std::pin::pin!(cut_short);
    let ended = tokio::select! {
        ended = work.wait(left(deadline)) => ended,
        () = &mut cut_short => {
            if work.wait(PATIENCE.min(left(deadline))).await.is_none() {
                work.terminate().await;
            }
            return Outcome::CutShort;
        }
    };
    let Some(ended) = ended else {
        work.terminate().await;
        return Outcome::TimedOut;
    };
    let Some(process) = process.filter(|_| ended == Ended::Exited(0)) else { return said(ended) };
    let came = tokio::select! {
        came = process.wait(true, deadline) => came,
        () = &mut cut_short => return Outcome::CutShort,
    };
    match came {
        Ok(true) => Outcome::Done,
        Ok(false) => Outcome::Failed(format!("its command ended with success, but no {} runs", process.program())),
        Err(why) => Outcome::Failed(why),
    }
}

async fn check(mut work: Work, limit: Duration, cut_short: impl Future<Output = ()>) -> Outcome {
    if let Work::Look(process) = work {
        return match process.look().await {
            Ok(found) if found.is_empty() => Outcome::Stopped,
            Ok(_) => Outcome::Running,
            Err(why) => Outcome::Failed(why),
        };
    }
    let ended = tokio::select! {
        ended = work.wait(limit) => ended,
        () = cut_short => {
            if let Work::Program(running) = work {
                running.kill().await;
            }
            return Outcome::CutShort;
        }
    };
    match ended {
        // rc.subr exits 1 for "not running"; the LSB's 3 is common among programs that come from Linux.
        Some(Ended::Exited(0)) => Outcome::Running,
        Some(Ended::Exited(1 | 3)) => Outcome::Stopped,
        Some(ended) => said(ended),
        None => {
            work.terminate().await;
            Outcome::TimedOut
        }
    }
}

/// Takes at most `limit` and twice the grace that SIGTERM gives.
async fn stop(mut work: Work, process: Option<&Processes>, limit: Duration) -> Outcome {
    let deadline = Instant::now() + limit;
    let ended = work.wait(limit).await;
    let Some(process) = process else {
        if ended.is_none() {
            work.terminate().await;
        }
        return ended.map_or(Outcome::TimedOut, said);
    };
    // A command that says it worked may leave the service some time to end; after any other nobody asks it to.
    if ended == Some(Ended::Exited(0)) && process.wait(false, deadline).await == Ok(true) {
        return Outcome::Done;
    }
    let command = match &ended {
        None => format!("its command was killed at its limit of {}", Shown(limit)),
        Some(Ended::Unknown(why)) => why.clone(),
        Some(ended) => match complaint(ended) {
            Some(why) => format!("its command {why}"),
            None => "its command ended with success, but not the service".to_owned(),
        },
    };
    let hung = ended.is_none();
    let (end, ()) = tokio::join!(process.end(), async {
        if hung {
            work.terminate().await;
        }
    });
    match end {
        // What does not run is stopped, whatever its command makes of that: rc.subr(8) calls it a failure.
        Ok(End::Gone) if !hung => Outcome::Done,
        Ok(End::Gone) => Outcome::Forced(command),
        Ok(End::Terminated) => Outcome::Forced(format!("{command}; SIGTERM ended it")),
        Ok(End::Killed) => Outcome::Forced(format!("{command}; it was killed after ignoring SIGTERM")),
        Err(why) => Outcome::Failed(format!("{command}; {why}")),
    }
}

/// What a command that has ended says about itself.
fn said(ended: Ended) -> Outcome {
    complaint(&ended).map_or(Outcome::Done, Outcome::Failed)
}

fn complaint(ended: &Ended) -> Option<String> {
    match ended {
        Ended::Exited(0) => None,
        Ended::Exited(code) => Some(format!("exited {code}")),
        Ended::Killed(signal) => Some(format!("killed by signal {signal}")),
        Ended::Unknown(why) => Some(why.clone()),
        Ended::TimedOut => Some("killed at its limit".to_owned()),
    }
}
