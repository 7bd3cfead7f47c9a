//! The real carpds of a lab.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout};

use super::{Lab, StartError};
use crate::control::{Answer, Ask};
use crate::lab::client;

/// How long a carpd may take to end when it is asked to.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// How much of a log is shown.
const TAIL: usize = 12;

/// A running carpd.
#[derive(Debug)]
pub(in crate::lab) struct Daemon {
    pub(in crate::lab) pid: i32,
    ended: watch::Receiver<Option<String>>,
}

/// Executes the carpd of node number `at`, unless it runs.
pub(super) fn start(lab: &Rc<Lab>, at: usize) -> Result<(), StartError> {
    if lab.state.borrow().nodes[at].daemon.is_some() {
        return Ok(());
    }
    let paths = lab.state.borrow().nodes[at].paths.clone();
    let program = lab.programs.carpd.clone();
    let execute = |source| StartError::Execute { path: program.clone(), source };
    let log = OpenOptions::new().create(true).append(true).open(paths.log()).map_err(execute)?;
    // A process of its own group, so that Ctrl-C reaches the lab alone, which then ends its nodes in order. `lab exec` sees to it that
    // carpd dies with the lab even if that is killed.
    let mut command = Command::new(&lab.programs.carpctl);
    command.args(["lab", "exec", "--parent", &std::process::id().to_string(), "--"]).arg(&program);
    command.arg("--config").arg(paths.config()).arg("--log-time").process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::from(log));
    let mut child = command.spawn().map_err(execute)?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
    let (tell, ended) = watch::channel(None);
    lab.act(|state| {
        let now = state.clock();
        state.nodes[at].daemon = Some(Daemon { pid, ended });
        state.timeline.nodes[at].daemon.push(now, true);
    });
    let lab = lab.clone();
    spawn_local(async move {
        let how = child.wait().await.map_or_else(|error| error.to_string(), describe);
        lab.act(|state| {
            let now = state.clock();
            state.nodes[at].daemon = None;
            state.timeline.nodes[at].daemon.push(now, false);
        });
        tell.send_replace(Some(how));
    });
    Ok(())
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// Waits until the carpd of node number `at` answers.
pub(super) async fn ready(lab: &Rc<Lab>, at: usize, limit: Duration) -> Result<(), StartError> {
    let (name, paths) = {
        let state = lab.state.borrow();
        (state.cluster.nodes[at].plan.name.clone(), state.nodes[at].paths.clone())
    };
    let deadline = Instant::now() + limit;
    let mut ended = lab.state.borrow().nodes[at].daemon.as_ref().map(|daemon| daemon.ended.clone());
    let how = loop {
        if let Ok(Answer::Status { .. }) = client::control(&paths.control_socket(), &Ask::Status).await {
            return Ok(());
        }
        match ended.as_mut().map(|ended| ended.borrow_and_update().clone()) {
            None => break "does not run".to_owned(),
            Some(Some(how)) => break how,
            Some(None) if Instant::now() >= deadline => break format!("does not answer within {} s", limit.as_secs()),
            Some(None) => sleep(Duration::from_millis(10)).await,
        }
    };
    let tail = tail(&paths.log()).unwrap_or_else(|error| format!("{}: {error}", paths.log().display()));
    Err(StartError::Daemon { node: name, how, tail })
}

/// Sends SIGKILL to the carpd of node number `at` and waits for its end.
pub(super) async fn kill_now(lab: &Rc<Lab>, at: usize) {
    signal_and_wait(lab, at, Signal::SIGKILL, STOP_LIMIT).await;
}

/// Asks the carpd of node number `at` to end, and kills it if it does not.
pub(super) async fn stop(lab: &Rc<Lab>, at: usize) {
    signal_and_wait(lab, at, Signal::SIGTERM, STOP_LIMIT).await;
    kill_now(lab, at).await;
}

async fn signal_and_wait(lab: &Rc<Lab>, at: usize, signal: Signal, limit: Duration) {
    let daemon = lab.state.borrow().nodes[at].daemon.as_ref().map(|daemon| (daemon.pid, daemon.ended.clone()));
    let Some((pid, mut ended)) = daemon else { return };
    if pid > 1 {
        // It has not been waited for, or it would not be listed any more: the id is still its own.
        let _ = kill(Pid::from_raw(pid), signal);
    }
    let _ = timeout(limit, ended.wait_for(Option::is_some)).await;
}

/// The last lines of a file.
pub(in crate::lab) fn tail(path: &Path) -> io::Result<String> {
    let mut file = OpenOptions::new().read(true).open(path)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(16 << 10)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let shown = &lines[lines.len().saturating_sub(TAIL)..];
    Ok(if shown.is_empty() { "(it is empty)".to_owned() } else { shown.join("\n") })
}
