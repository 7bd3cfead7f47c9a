//! Maintenance where OPNsense owns it: its flag in config.xml is written by the plugin's own script, never from here.

use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::geteuid;
use serde::Deserialize;

use super::args::EnterArgs;
use super::exit::{self, Failure};

/// The script of the plugin os-carpd.
pub(super) const SCRIPT: &str = "/usr/local/opnsense/scripts/carpd/maintenance.php";

/// The limit of one run, for timeout(1). It waits at most 5 s for another one of its kind.
const LIMIT: &str = "60";

/// Where else an administrator finds the same thing.
const ELSEWHERE: &str = "or use Interfaces: Virtual IPs: Status in the GUI";

/// What the script prints.
#[derive(Deserialize)]
struct Answer {
    result: String,
    message: String,
}

pub(super) fn enter(script: &Path, args: &EnterArgs) -> Result<String, Failure> {
    let reason = args.reason.as_deref().unwrap_or_default();
    let time = args.time.map_or_else(String::new, |time| format!("{}s", time.as_secs()));
    run(script, &["enter", reason, &time, if args.force { "1" } else { "0" }, &asker()])
}

pub(super) fn leave(script: &Path) -> Result<String, Failure> {
    run(script, &["leave", &asker()])
}

/// Who wants it, for everybody who reads the status.
fn asker() -> String {
    std::env::var("SUDO_USER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "root".to_owned())
}

fn run(script: &Path, arguments: &[&str]) -> Result<String, Failure> {
    let failed = |text: String| Failure::new(exit::FAILED, text);
    if !script.is_file() {
        let text = "OPNsense owns the maintenance of this node, but its plugin is not there";
        return Err(failed(format!("{text}: no {}; install os-carpd, {ELSEWHERE}", script.display())));
    }
    if !geteuid().is_root() {
        return Err(failed(format!(
            "not permitted: only root may change OPNsense's configuration; ask as root, {ELSEWHERE}"
        )));
    }
    let output = Command::new("/usr/bin/timeout")
        .arg(LIMIT)
        .arg(script)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|error| failed(format!("{} cannot be run: {error}", script.display())))?;
    let answer: Answer = serde_json::from_slice(&output.stdout).map_err(|_| {
        failed(format!("{} gives no answer ({}); run it by hand to see why", script.display(), output.status))
    })?;
    match answer.result.as_str() {
        "ok" => Ok(answer.message),
        "refused" => Err(Failure::new(exit::REFUSED, format!("refused: {}; --force enters anyway", answer.message))),
        _ => Err(failed(answer.message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    fn script(dir: &Path, says: &str) -> std::path::PathBuf {
        let path = dir.join("maintenance.php");
        std::fs::write(&path, format!("#!/bin/sh\nprintf '%s|' \"$@\" >{}/args\necho '{says}'\n", dir.display()))
            .unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn without_the_plugin_the_way_of_the_gui_is_named() {
        let failure = leave(Path::new("/nowhere/maintenance.php")).unwrap_err();
        assert!(failure.text.contains("install os-carpd, or use Interfaces: Virtual IPs: Status"), "{failure}");
    }

    #[test]
    fn the_script_gets_every_word_as_it_is_and_its_answer_is_the_answer() {
        if !geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let path = script(dir.path(), "{\"result\":\"ok\",\"message\":\"in maintenance\"}");
        let args = EnterArgs {
            reason: Some("it's \"$(x)\"".to_owned()),
            time: Some(Duration::from_secs(7200)),
            wait: None,
            force: true,
        };
        assert_eq!(enter(&path, &args).unwrap(), "in maintenance");
        let said = std::fs::read_to_string(dir.path().join("args")).unwrap();
        assert!(said.starts_with("enter|it's \"$(x)\"|7200s|1|"), "{said}");
        let refused = leave(&script(dir.path(), "{\"result\":\"refused\",\"message\":\"why\"}")).unwrap_err();
        assert_eq!((refused.code, refused.text.as_str()), (exit::REFUSED, "refused: why; --force enters anyway"));
        let garbled = leave(&script(dir.path(), "PHP Fatal error")).unwrap_err();
        assert_eq!(garbled.code, exit::FAILED);
    }
}
