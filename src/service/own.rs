//! The processes that are a service's own: found by their program, ended by signals.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

use super::pidfile;
use super::probe::Permit;
use super::process::GRACE;
use crate::config::settings::ProcessProbe;
use crate::kernel::{Process, processes};

/// What it took to end the processes of a service.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing: there were none.
    Gone,
    /// SIGTERM.
    Terminated,
    /// SIGKILL, since they ignored SIGTERM.
    Killed,
}

/// Which processes are a service's own, and the way to look at them.
#[derive(Clone, Debug)]
pub(super) struct Processes {
    wanted: ProcessProbe,
    permit: Permit,
}

impl Processes {
    pub(super) fn new(wanted: ProcessProbe) -> Self {
        Self { wanted, permit: Permit::new() }
    }

    /// Their program, as the configuration names it.
    pub(super) fn program(&self) -> &str {
        &self.wanted.program
    }

    /// Those that are there now. Takes at most a few seconds.
    ///
    /// # Errors
    /// It cannot be told which they are.
    pub(super) async fn look(&self) -> Result<Vec<Process>, String> {
        let wanted = self.wanted.clone();
        // The pidfile may be on a file system that hangs.
        self.permit.run("its processes", GRACE, move || find(&wanted)).await
    }

    /// Waits until the service has processes, or has none, until `deadline` at most. Says whether it came to that.
    ///
    /// # Errors
    /// It cannot be told.
    pub(super) async fn wait(&self, running: bool, deadline: Instant) -> Result<bool, String> {
        let mut pause = Duration::from_millis(5);
        loop {
            if self.look().await?.is_empty() != running {
                return Ok(true);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }

    /// Ends the service's processes: SIGTERM, and SIGKILL to those that ignore it. Takes twice [`GRACE`] and little more.
    ///
    /// # Errors
    /// Which are still there and why, or that it cannot be told.
    pub(super) async fn end(&self) -> Result<End, String> {
        let found = self.look().await?;
        if found.is_empty() {
            return Ok(End::Gone);
        }
        for process in found {
            // An error means that it has just ended, or that SIGKILL will tell.
            let _ = kill(Pid::from_raw(process.pid), Signal::SIGTERM);
        }
        if self.wait(false, Instant::now() + GRACE).await? {
            return Ok(End::Terminated);
        }
        // Found again rather than remembered: an id may be another's by now.
        let refused: Vec<String> = self.look().await?.iter().filter_map(|process| destroy(process).err()).collect();
        if self.wait(false, Instant::now() + GRACE).await? {
            return Ok(End::Killed);
        }
        let left: Vec<String> = self.look().await?.iter().map(|process| process.pid.to_string()).collect();
        let why = refused.first().map_or("SIGKILL did not end it", String::as_str);
        Err(format!("pid {} of {} is still there: {why}", left.join(", "), self.wanted.program))
    }
}

fn find(process: &ProcessProbe) -> Result<Vec<Process>, String> {
    let all = processes().map_err(|error| format!("the processes cannot be listed: {error}"))?;
    let named = process.pidfile.as_deref().map(pidfile::read).transpose()?;
    Ok(own(process, named, all))
}

/// `named` is what the pidfile says, if there is to be one. A process id is used again, so it only counts together with the program.
fn own(process: &ProcessProbe, named: Option<Option<i32>>, all: Vec<Process>) -> Vec<Process> {
    let init_or_self = |pid: i32| pid <= 1 || u32::try_from(pid).is_ok_and(|pid| pid == std::process::id());
    let is_named = |pid: i32| named.is_none_or(|named| named == Some(pid));
    all.into_iter().filter(|p| is_named(p.pid) && p.runs(&process.program) && !init_or_self(p.pid)).collect()
}

/// The leader of a process group is killed with the group, which is its own; whatever else may share its group is not.
fn destroy(process: &Process) -> Result<(), String> {
    let pid = Pid::from_raw(process.pid);
    let done = if process.group == process.pid { killpg(pid, Signal::SIGKILL) } else { kill(pid, Signal::SIGKILL) };
    match done {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(format!("it cannot be killed: {}", error.desc())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn process(pid: i32, argv0: &str) -> Process {
        Process { pid, group: pid, argv0: argv0.to_owned() }
    }

    fn pids(pidfile: Option<Option<i32>>) -> Vec<i32> {
        let wanted = ProcessProbe { program: "gateway".into(), pidfile: pidfile.map(|_| PathBuf::from("/x")) };
        let own_pid = i32::try_from(std::process::id()).unwrap();
        let all = [(1, "gateway"), (7, "/usr/local/bin/gateway"), (8, "sh"), (9, "gateway"), (own_pid, "gateway")];
        let all = all.map(|(pid, argv0)| process(pid, argv0)).to_vec();
        own(&wanted, pidfile, all).iter().map(|process| process.pid).collect()
    }

    #[test]
    fn a_process_is_the_service_s_by_its_program_and_never_by_a_number_alone() {
        assert_eq!(pids(None), [7, 9]);
        assert_eq!(pids(Some(Some(9))), [9]);
        assert_eq!(pids(Some(Some(8))), Vec::<i32>::new(), "the number is another program's by now");
        assert_eq!(pids(Some(Some(6))), Vec::<i32>::new());
        assert_eq!(pids(Some(None)), Vec::<i32>::new(), "a pidfile without an id names nobody");
    }

    #[test]
    fn init_and_carpd_itself_are_never_a_service_s() {
        assert_eq!(pids(Some(Some(1))), Vec::<i32>::new());
        assert_eq!(pids(Some(Some(i32::try_from(std::process::id()).unwrap()))), Vec::<i32>::new());
    }
}
