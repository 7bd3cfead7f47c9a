//! Looks for a process.

use std::path::Path;
use std::time::Duration;

use super::blocking::Permit;
use crate::config::settings::ProcessProbe;
use crate::kernel::{Process, processes};
use crate::service::pidfile;

pub(super) async fn look(permit: &Permit, probe: ProcessProbe, limit: Duration) -> Result<String, String> {
    permit.run(&probe.program.clone(), limit, move || find(&probe)).await
}

fn find(probe: &ProcessProbe) -> Result<String, String> {
    let all = processes().map_err(|error| format!("the processes cannot be listed: {error}"))?;
    judge(probe, &all, pidfile::read)
}

fn judge(
    probe: &ProcessProbe,
    all: &[Process],
    read: impl Fn(&Path) -> Result<Option<i32>, String>,
) -> Result<String, String> {
    let program = probe.program.as_str();
    let Some(pidfile) = &probe.pidfile else {
        let found = all.iter().find(|process| process.runs(program));
        return found
            .map(|process| format!("{program} runs as pid {}", process.pid))
            .ok_or(format!("no {program} runs"));
    };
    let shown = pidfile.display();
    let pid = read(pidfile)?.ok_or_else(|| format!("{shown} names no process"))?;
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
    use std::path::PathBuf;

    fn process(pid: i32, argv0: &str) -> Process {
        Process { pid, group: pid, argv0: argv0.to_owned() }
    }

    #[test]
    fn a_process_id_that_another_program_has_now_is_not_the_service() {
        let probe = ProcessProbe { program: "gateway".into(), pidfile: Some(PathBuf::from("/var/run/gateway.pid")) };
        let all = [process(7, "/usr/local/bin/gateway"), process(8, "/bin/sh")];
        let named = |pid| judge(&probe, &all, |_| Ok(Some(pid)));
        assert_eq!(named(7), Ok("gateway runs as pid 7".into()));
        assert!(named(8).unwrap_err().contains("pid 8, which is sh and not gateway"));
        assert!(named(9).unwrap_err().contains("gone"));
        assert_eq!(judge(&probe, &all, |_| Err("no pidfile".into())), Err("no pidfile".into()));
        assert!(judge(&probe, &all, |_| Ok(None)).unwrap_err().ends_with("names no process"));
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
