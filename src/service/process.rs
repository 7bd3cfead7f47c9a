//! Runs one program to its end, or to its limit.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

const PATH: &str = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin";

/// How long a program has between SIGTERM and SIGKILL, and SIGKILL to take effect.
const GRACE: Duration = Duration::from_secs(2);

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
    /// Starts it. Returns as soon as it is executed, or cannot be.
    pub(super) fn spawn(&self, kill: Kill) -> io::Result<Running> {
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

impl Running {
    /// Waits for its end. Takes at most `limit` and a few seconds.
    pub(super) async fn ended(mut self, limit: Duration) -> Ended {
        match timeout(limit, self.child.wait()).await {
            Ok(Ok(status)) => ended(status),
            Ok(Err(error)) => Ended::Unknown(error.to_string()),
            Err(_) => {
                self.terminate().await;
                Ended::TimedOut
            }
        }
    }

    async fn terminate(mut self) {
        let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw) else { return };
        // An error means that it has just ended, which is what is wanted.
        let _ = self.signal(pid, Signal::SIGTERM);
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline && is_alive(pid) {
            sleep(Duration::from_millis(10)).await;
        }
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
