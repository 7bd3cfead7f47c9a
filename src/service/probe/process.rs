//! Looks for a process.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::config::settings::ProcessProbe;
use crate::kernel::{Process, processes};

pub(super) async fn look(probe: ProcessProbe, limit: Duration) -> Result<String, String> {
    match timeout(limit, spawn_blocking(move || find(&probe))).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => Err(format!("the processes cannot be listed: {error}")),
        Err(_) => Err(format!("the processes could not be listed within {limit:?}")),
    }
}

fn find(probe: &ProcessProbe) -> Result<String, String> {
    let all = processes().map_err(|error| format!("the processes cannot be listed: {error}"))?;
    judge(probe, &all, |path| std::fs::read_to_string(path))
}

fn judge(
    probe: &ProcessProbe,
    all: &[Process],
    read: impl Fn(&std::path::Path) -> std::io::Result<String>,
) -> Result<String, String> {
    let program = probe.program.as_str();
    let Some(pidfile) = &probe.pidfile else {
        let found = all.iter().find(|process| process.runs(program));
        return found
            .map(|process| format!("{program} runs as pid {}", process.pid))
            .ok_or(format!("no {program} runs"));
    };
    let shown = pidfile.display();
    let text = read(pidfile).map_err(|error| format!("{shown}: {error}"))?;
    let pid: i32 = text.trim().parse().map_err(|_| format!("{shown} holds no process id"))?;
    match all.iter().find(|process| process.pid == pid) {
        Some(process) if process.runs(program) => Ok(format!("{program} runs as pid {pid}")),
        // A process id is used again, so the number alone proves nothing.
        Some(process) => Err(format!("{shown} names pid {pid}, which is {} and not {program}", process.name())),
        None => Err(format!("{shown} names pid {pid}, which is gone")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::path::{Path, PathBuf};

    fn process(pid: i32, argv0: &str) -> Process {
        Process { pid, argv0: argv0.to_owned() }
    }

    fn with_pidfile(content: &str) -> Result<String, String> {
        let probe = ProcessProbe { program: "gateway".into(), pidfile: Some(PathBuf::from("/var/run/gateway.pid")) };
        let all = [process(7, "/usr/local/bin/gateway"), process(8, "/bin/sh")];
        judge(&probe, &all, |_: &Path| {
            if content.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(content.to_owned()) }
        })
    }

    #[test]
    fn a_process_id_that_another_program_has_now_is_not_the_service() {
        assert_eq!(with_pidfile("7\n"), Ok("gateway runs as pid 7".into()));
        assert!(with_pidfile("8\n").unwrap_err().contains("pid 8, which is sh and not gateway"));
        assert!(with_pidfile("9\n").unwrap_err().contains("gone"));
        assert!(with_pidfile("x\n").unwrap_err().contains("holds no process id"));
        assert!(with_pidfile("").unwrap_err().contains("/var/run/gateway.pid"));
    }

    #[test]
    fn without_a_pidfile_the_program_s_name_or_whole_path_is_looked_for() {
        let all = [process(7, "/usr/local/bin/gateway"), process(8, "gateway2")];
        for (program, runs) in
            [("gateway", true), ("/usr/local/bin/gateway", true), ("/usr/bin/gateway", false), ("gate", false)]
        {
            let probe = ProcessProbe { program: program.into(), pidfile: None };
            assert_eq!(judge(&probe, &all, |_| unreachable!()).is_ok(), runs, "{program}");
        }
    }
}
