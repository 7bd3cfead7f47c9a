//! `is-master` and `may-run`: yes, no, or it cannot be told. They work without the daemon.

use super::client;
use super::exit::{self, Ended, Failure};
use super::target::Target;
use super::{Context, look, out, text};
use crate::config;
use crate::control::{Answer, Ask};
use crate::core::role::{Role, role};
use crate::core::status::VhidState;
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
    let status = look::anyone(target);
    if status.carp.is_none() {
        let why: Vec<String> = status.verdict.problems.into_iter().map(|problem| problem.what).collect();
        return Err(why.join("; "));
    }
    let row = status.vhids.iter().find(|row| row.vhid == id.vhid && row.interface == id.interface);
    match row.map(|row| row.state) {
        Some(VhidState::Unknown) => Err(format!("the state of {id} is unknown")),
        Some(state) => Ok(Verdict { yes: state == VhidState::Master, why: format!("{id} is {}", state.as_str()) }),
        None => Ok(Verdict { yes: false, why: format!("the kernel has no vhid {id}") }),
    }
}

pub(super) fn may_run(target: &Target, service: &ServiceName) -> Result<Verdict, String> {
    match client::ask(&target.socket, &Ask::MayRun { service: service.clone() }) {
        Ok(Answer::MayRun { allowed, text }) => Ok(Verdict { yes: allowed, why: text }),
        _ => may_run_without_daemon(target, service),
    }
}

/// What the daemon would say, from the same configuration, the same kernel and the same rule.
fn may_run_without_daemon(target: &Target, service: &ServiceName) -> Result<Verdict, String> {
    if target.config.try_exists().is_ok_and(|exists| !exists) {
        return Ok(Verdict { yes: true, why: format!("carpd is not configured: no {}", target.config.display()) });
    }
    let loaded = config::load(&target.config).map_err(|unusable| unusable.to_string())?;
    let policy = loaded.policy();
    let Some(policy) = policy.services.iter().find(|policy| policy.name == *service) else {
        return Ok(Verdict { yes: true, why: format!("carpd does not manage {service}") });
    };
    let snapshot = kernel::open(&target.kernel).and_then(|mut kernel| kernel.snapshot());
    let role = role(policy, &snapshot.map_err(|error| error.to_string())?);
    let why = format!("the kernel says that {service} is {} here (the daemon does not answer)", role.as_str());
    Ok(Verdict { yes: role == Role::Active, why })
}
