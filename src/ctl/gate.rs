//! `is-master` and `may-run`: yes, no, or it cannot be told. They work without the daemon.

use super::client::{self, Silence};
use super::exit::{self, Ended, Failure};
use super::target::{Named, Target};
use super::time::now;
use super::{Context, look, out, render, text};
use crate::config;
use crate::control::{Answer, Ask};
use crate::core::role::{Role, role};
use crate::core::status::{Source, VhidState};
use crate::daemon::state::StateFile;
use crate::kernel;
use crate::model::{ServiceName, VhidRef};

/// The answer to a question of yes or no, with the reason.
pub(super) struct Verdict {
    yes: bool,
    why: String,
}

/// Asks `question` and turns its answer into the exit code. Silent unless `verbose`: it is meant for scripts.
pub(super) fn answer(
    context: Result<Context, Failure>,
    verbose: bool,
    question: impl FnOnce(&Target) -> Result<Verdict, String>,
) -> Ended {
    let answered = context.map_err(|failure| failure.text).and_then(|mut context| {
        let verdict = question(&context.target)?;
        if verbose {
            let word = if verdict.yes { "yes" } else { "no" };
            let line = format!("{word}: {}\n", text::clean(&verdict.why));
            context.out.write(&line).map_err(|failure| failure.text)?;
        }
        Ok(u8::from(!verdict.yes))
    });
    Ok(answered.unwrap_or_else(|why| {
        if verbose {
            out::complain(&format!("cannot tell: {why}"));
        }
        exit::CANNOT_TELL
    }))
}

pub(super) fn is_master(target: &Target, id: &VhidRef) -> Result<Verdict, String> {
    let status = look::anyone_within(target, client::SHORT);
    if status.carp.is_none() {
        let why: Vec<String> = status.verdict.problems.into_iter().map(|problem| problem.what).collect();
        return Err(why.join("; "));
    }
    let row = status.vhids.iter().find(|row| row.vhid == id.vhid && row.interface == id.interface);
    match row.map(|row| row.state) {
        Some(VhidState::Unknown) => Err(format!("the state of {id} is unknown")),
        Some(state) => Ok(Verdict { yes: state == VhidState::Master, why: format!("{id} is {}", state.as_str()) }),
        // The daemon lists what the configuration wants and the kernel does not have; without it the file has to be read.
        None if status.source == Source::Kernel && is_configured(target, id) => {
            Ok(Verdict { yes: false, why: format!("the kernel has no vhid {id}") })
        }
        None => Err(render::why::no_vhid(&status, id)),
    }
}

fn is_configured(target: &Target, id: &VhidRef) -> bool {
    config::load(&target.config).is_ok_and(|loaded| loaded.policy().vhids.contains(id))
}

pub(super) fn may_run(target: &Target, service: &ServiceName) -> Result<Verdict, String> {
    // The daemon behind the usual socket may be another one than that of a carpd.toml which cannot be read.
    if let (Named::Config, Some(why)) = (target.named, &target.guessed) {
        return Err(why.clone());
    }
    match client::ask_within(&target.socket, &Ask::MayRun { service: service.clone() }, client::SHORT) {
        Ok(Answer::MayRun { allowed, text }) => Ok(Verdict { yes: allowed, why: text }),
        Ok(answer) => may_run_without_daemon(target, service, || look::unexpected(target, answer).text, false),
        Err(silence) => {
            let dead = matches!(silence, Silence::NotRunning);
            let usable = dead || matches!(silence, Silence::Slow(_) | Silence::Closed);
            // Whoever names a node and may not ask it has to be told, rather than be given another's answer.
            if (target.named != Named::Nothing && !usable) || (target.named == Named::Socket && dead) {
                return Err(look::unreachable(target, &silence).text);
            }
            may_run_without_daemon(target, service, || look::unreachable(target, &silence).text, dead)
        }
    }
}

/// What the daemon would say, from the same configuration, the same kernel and the same rule.
///
/// Where carpd is not configured at all, everything may run. Only the usual carpd.toml can tell that by its absence, and only
/// if no daemon is there that has read it before.
fn may_run_without_daemon(
    target: &Target,
    service: &ServiceName,
    silence: impl FnOnce() -> String,
    dead: bool,
) -> Result<Verdict, String> {
    if target.named == Named::Nothing && target.config.try_exists().is_ok_and(|exists| !exists) {
        let absent = format!("carpd is not configured: no {}", target.config.display());
        return if dead { Ok(Verdict { yes: true, why: absent }) } else { Err(silence()) };
    }
    let loaded = config::load(&target.config).map_err(|unusable| unusable.to_string())?;
    let policy = loaded.policy();
    let managed = loaded.settings.managed(service).map(|managed| &managed.name);
    let Some(policy) = policy.services.iter().find(|policy| Some(&policy.name) == managed) else {
        return Ok(Verdict { yes: true, why: format!("carpd does not manage {service}") });
    };
    if let Some(taken) = StateFile::new(&target.state_dir).unmanaged(&policy.name, now()) {
        let why = format!("{} is {} (the daemon does not answer)", policy.name, taken.said());
        return Ok(Verdict { yes: true, why });
    }
    if policy.is_warm() {
        return Ok(Verdict {
            yes: true,
            why: format!("{service} runs on both nodes; only its link follows the election"),
        });
    }
    let snapshot = kernel::open(&target.kernel).and_then(|mut kernel| kernel.snapshot(&[]));
    let role = role(policy, &snapshot.map_err(|error| error.to_string())?);
    let why = format!("the kernel says that {} is {} here (the daemon does not answer)", policy.name, role.as_str());
    Ok(Verdict { yes: role == Role::Active, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(dir: &std::path::Path, named: Named) -> Target {
        Target {
            node: "fw1".to_owned(),
            socket: dir.join("socket"),
            kernel: "freebsd".to_owned(),
            opnsense: false,
            config: dir.join("carpd.toml"),
            state_dir: dir.join("state"),
            guessed: Some("there is no carpd.toml".to_owned()),
            named,
        }
    }

    #[test]
    fn only_a_carpd_that_is_not_configured_at_all_leaves_the_gate_open() {
        let dir = tempfile::tempdir().unwrap();
        let service: ServiceName = "gw".parse().unwrap();
        let open = |named| may_run(&target(dir.path(), named), &service).is_ok_and(|verdict| verdict.yes);
        assert!(open(Named::Nothing));
        assert!(!open(Named::Config) && !open(Named::LabNode) && !open(Named::Socket));
        // Something is in the socket's place, so somebody has set carpd up.
        std::fs::write(dir.path().join("socket"), "").unwrap();
        assert!(!open(Named::Nothing));
    }
}
