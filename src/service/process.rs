//! Runs one program to its end, or to its limit.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, geteuid};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::config::trust::{self, Untrusted};

const PATH: &str = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin";

/// How long a program has between SIGTERM and SIGKILL, and SIGKILL to take effect.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// What is killed when a program runs into its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kill {
    /// The program alone. A service that it has put into the background stays in its process group, so that killing the
    /// group would kill the service that has perhaps just come up.
    Program,
    /// The program and everything it has started, as far as that stayed in its process group.
    Group,
}

/// A program to be run.
pub(super) struct Program<'a> {
    pub(super) path: &'a Path,
    pub(super) args: &'a [String],
    /// User and group id; the daemon's own without it.
    pub(super) user: Option<(u32, u32)>,
    pub(super) env: &'a [(&'a str, &'a str)],
}

/// A running program.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    kill: Kill,
}

/// How a program ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// By itself, with this exit code.
    Exited(i32),
    /// By a signal that was not ours.
    Killed(i32),
    /// It was killed at its limit.
    TimedOut,
    /// It cannot be told: the cause.
    Unknown(String),
}

impl Program<'_> {
    /// Starts it. Returns as soon as it is executed.
    ///
    /// # Errors
    /// It cannot be, or it would have root's rights and others could have changed it.
    pub(super) fn spawn(&self, kill: Kill) -> Result<Running, String> {
        let shown = self.path.display();
        let missing = |error: &Untrusted| matches!(error, Untrusted::Unknown { .. });
        if self.user.map_or_else(|| geteuid().as_raw(), |(uid, _)| uid) == 0
            && !is_beside_carpd(self.path)
            && let Err(error) = trust::check(self.path, 0)
            // execve(2) says it better.
            && !missing(&error)
        {
            return Err(format!("{shown} is not run as root: {error}; {}", error.remedy()));
        }
        self.execute(kill).map_err(|error| format!("{shown} cannot be run: {error}"))
    }

    fn execute(&self, kill: Kill) -> io::Result<Running> {
        let mut command = Command::new(self.path);
        command.args(self.args).env_clear().env("PATH", PATH).env("HOME", "/").env("CARPD_VERSION", "1");
        command.envs(self.env.iter().copied()).current_dir("/").process_group(0);
        // A pipe would be held open by a service that the program leaves behind, and block that service once nobody reads.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        Ok(Running { child: command.spawn()?, kill })
    }
}

/// Whoever can change what lies beside carpd's own program can change that, too. A lab runs programs of its own from wherever they
/// were built.
fn is_beside_carpd(path: &Path) -> bool {
    let own = std::env::current_exe().and_then(|own| own.canonicalize()).ok();
    let place = path.canonicalize().ok();
    own.as_deref().and_then(Path::parent).is_some_and(|own| place.as_deref().and_then(Path::parent) == Some(own))
}

impl Running {
    /// Waits for its end. Takes at most `limit` and a few seconds.
    pub(super) async fn ended(mut self, limit: Duration) -> Ended {
        match self.wait(limit).await {
            Some(ended) => ended,
            None => {
                self.terminate().await;
                Ended::TimedOut
            }
        }
    }

    /// Waits for its end for at most `limit`; `None` if it has not ended by then.
    pub(super) async fn wait(&mut self, limit: Duration) -> Option<Ended> {
        let status = timeout(limit, self.child.wait()).await.ok()?;
        Some(status.map_or_else(|error| Ended::Unknown(error.to_string()), ended))
    }

    /// Ends it without giving it time to clean up.
    pub(super) async fn kill(self) {
        if let Some(pid) = self.pid() {
            self.destroy(pid).await;
        }
    }

    fn pid(&self) -> Option<Pid> {
        self.child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw)
    }

    /// Ends it: SIGTERM, and SIGKILL if it ignores that. Takes twice [`GRACE`] at most.
    pub(super) async fn terminate(self) {
        let Some(pid) = self.pid() else { return };
        // An error means that it has just ended, which is what is wanted.
        let _ = self.signal(pid, Signal::SIGTERM);
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline && is_alive(pid) {
            sleep(Duration::from_millis(10)).await;
        }
        self.destroy(pid).await;
    }

    async fn destroy(mut self, pid: Pid) {
        // Not yet waited for, so its id, which is its group's too, cannot belong to anybody else.
        let _ = self.signal(pid, Signal::SIGKILL);
        if timeout(GRACE, self.child.wait()).await.is_err() {
            tokio::spawn(async move { self.child.wait().await });
        }
    }

    fn signal(&self, pid: Pid, signal: Signal) -> Result<(), Errno> {
        match self.kill {
            Kill::Program => kill(pid, signal),
            Kill::Group => killpg(pid, signal),
        }
    }
}

/// Whether a child has not ended yet. It is left to be waited for.
fn is_alive(pid: Pid) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    matches!(waitid(Id::Pid(pid), flags), Ok(WaitStatus::StillAlive))
}

fn ended(status: ExitStatus) -> Ended {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exited(code),
        (None, Some(signal)) => Ended::Killed(signal),
        (None, None) => Ended::Unknown(status.to_string()),
    }
}
