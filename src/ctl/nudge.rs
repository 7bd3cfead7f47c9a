//! `nudge`: something outside says that CARP has changed. carpd looks at the kernel; without a carpd, what this node is not
//! MASTER for any more is stood down.
//!
//! Nothing is ever started here. A service that runs nowhere is missed by somebody; one that runs on both nodes may do harm
//! that nobody sees, and to tell the two apart takes a daemon that keeps looking.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::client::{self, Silence};
use super::exit::{self, Ended, Failure};
use super::target::Target;
use super::time::now;
use super::{Context, look};
use crate::config;
use crate::control::{Answer, Ask};
use crate::core::policy::ServicePolicy;
use crate::core::role::{Role, may_bounce_back, role};
use crate::core::service::{ActionKind, Outcome};
use crate::core::{Level, Note, Topic};
use crate::daemon::state::StateFile;
use crate::daemon::{history, lock};
use crate::kernel::{self, Kernel};
use crate::model::{InterfaceName, LinkState, Snapshot};
use crate::service::{Action, Prepared};

/// How long it may take to tell whether a service runs.
const TO_CHECK: Duration = Duration::from_secs(5);

pub(super) fn run(context: &mut Context) -> Ended {
    let Some(silence) = ask(&context.target) else { return Ok(exit::DONE) };
    match silence {
        Silence::NotRunning => stand_down(context),
        // One that is there but slow looks by itself every few seconds.
        silence => Err(look::unreachable(&context.target, &silence)),
    }
}

/// `None` if the daemon looks.
fn ask(target: &Target) -> Option<Silence> {
    match client::ask_within(&target.socket, &Ask::Nudge, client::SHORT) {
        Ok(Answer::Reply { .. }) => None,
        Ok(Answer::Denied { text }) => Some(Silence::Said(text)),
        Ok(_) => Some(Silence::Garbled("an answer to another question".to_owned())),
        Err(silence) => Some(silence),
    }
}

fn stand_down(context: &mut Context) -> Ended {
    let failed = |why: String| Failure::new(exit::FAILED, why);
    let target = context.target.clone();
    let loaded = config::load(&target.config).map_err(|unusable| failed(unusable.to_string()))?;
    let mut policy = loaded.policy();
    let mut kernel = kernel::open(&target.kernel).map_err(|error| failed(error.to_string()))?;
    let links = policy.links();
    let look = |kernel: &mut dyn Kernel| kernel.snapshot(&links).map_err(|error| failed(error.to_string()));
    // One address more bounces a vhid, and a supervisor may be about to start carpd again: both are over after this.
    let first = look(kernel.as_mut())?;
    let wait = standby(&policy.services, &first).filter(|p| may_bounce_back(p, &first)).map(|p| p.settle).max();
    std::thread::sleep(wait.unwrap_or_default());
    if ask(&target).is_none() {
        return Ok(exit::DONE);
    }
    // Under the lock no carpd can begin to act on the same services.
    let directory = &loaded.settings.node.state_dir;
    let _lock = match lock::StateLock::take(directory, lock::Stay::Moment) {
        Err(lock::LockError::Held { .. }) => return Ok(exit::DONE),
        taken => taken.map_err(|error| failed(error.to_string()))?,
    };
    let second = look(kernel.as_mut())?;
    let state = StateFile::new(directory);
    policy.services.retain(|policy| state.unmanaged(&policy.name, now()).is_none());
    let mut notes = take_down(kernel.as_mut(), &policy.services, &second);
    let services: Vec<_> = standby(&policy.services, &second)
        .filter(|policy| policy.driven && !policy.is_warm())
        .filter_map(|policy| {
            let settings = loaded.settings.services.iter().find(|settings| settings.name == policy.name)?;
            Some((policy.clone(), Arc::new(Prepared::new(settings.clone(), &target.node))))
        })
        .collect();
    let ends = stop_all(services).map_err(|error| failed(error.to_string()))?;
    if !ends.is_empty() && !links.is_empty() {
        // What has run until now may have raised its link once more.
        let third = look(kernel.as_mut())?;
        notes.extend(take_down(kernel.as_mut(), &policy.services, &third));
    }
    notes.extend(ends.into_iter().map(note));
    if notes.is_empty() {
        return Ok(exit::DONE);
    }
    for note in &notes {
        context.out.write(&format!("{}: {}: {}\n", target.node, note.object, super::text::clean(&note.text)))?;
    }
    let bad = notes.iter().any(|note| note.level == Level::Error);
    let why = "a service ran, or its link was up, although this node is not MASTER of what it follows";
    history::record(directory, why, notes, now()).map_err(|error| failed(format!("the history: {error}")))?;
    Ok(if bad { exit::FAILED } else { exit::DONE })
}

fn standby<'a>(services: &'a [ServicePolicy], look: &'a Snapshot) -> impl Iterator<Item = &'a ServicePolicy> {
    services.iter().filter(|service| role(service, look) == Role::Standby)
}

/// Takes down the links of what is standby, and tells of those that were up.
fn take_down(kernel: &mut dyn Kernel, services: &[ServicePolicy], look: &Snapshot) -> Vec<Note> {
    let is_up = |name: &&InterfaceName| matches!(look.link(name), Some(LinkState::Up | LinkState::Stuck));
    let up = standby(services, look).filter_map(|service| Some((service, service.link.as_ref().filter(is_up)?)));
    up.map(|(service, interface)| {
        let (level, text) = match kernel.set_link(interface, false) {
            Ok(()) => (Level::Warning, format!("link {interface} taken down without carpd")),
            Err(error) => (Level::Error, format!("link {interface} should be down and is not: {error}")),
        };
        Note { level, topic: Topic::Service, object: service.name.to_string(), text }
    })
    .collect()
}

/// A service that ran, and why it could not be stopped if it could not.
type End = (ServicePolicy, Result<(), String>);

fn note((policy, end): End) -> Note {
    let (level, text) = match end {
        Ok(()) => (Level::Warning, "stood down without carpd".to_owned()),
        Err(why) => (Level::Error, format!("should be standby and could not be stood down without carpd: {why}")),
    };
    Note { level, topic: Topic::Service, object: policy.name.to_string(), text }
}

fn stop_all(services: Vec<(ServicePolicy, Arc<Prepared>)>) -> std::io::Result<Vec<End>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(async {
        let tasks: Vec<_> = services
            .into_iter()
            .map(|(policy, service)| {
                tokio::spawn(async move { stop(&policy, &service).await.map(|end| (policy, end)) })
            })
            .collect();
        let mut ends = Vec::new();
        for task in tasks {
            ends.extend(task.await.ok().flatten());
        }
        ends
    }))
}

/// `None` if it did not run.
async fn stop(policy: &ServicePolicy, service: &Arc<Prepared>) -> Option<Result<(), String>> {
    if runs(service).await == Outcome::Stopped {
        return None;
    }
    // What cannot be told is stopped as well: to stop what is stopped does no harm.
    let began = Instant::now();
    let outcome = Action::begin(service, ActionKind::Stop).outcome(policy.stop_limit, pending()).await;
    let mut wait = Duration::from_millis(25);
    loop {
        let is = runs(service).await;
        if is == Outcome::Stopped {
            return Some(Ok(()));
        }
        if !matches!(outcome, Outcome::Done | Outcome::Forced(_)) || began.elapsed() + wait >= policy.stop_limit {
            return Some(Err(why(&outcome).or_else(|| why(&is)).unwrap_or_else(|| "it still runs".to_owned())));
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(1));
    }
}

async fn runs(service: &Arc<Prepared>) -> Outcome {
    Action::begin(service, ActionKind::Check).outcome(TO_CHECK, pending()).await
}

fn why(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Failed(why) => Some(why.clone()),
        Outcome::TimedOut => Some("it was killed at its limit".to_owned()),
        Outcome::Done | Outcome::Forced(_) | Outcome::CutShort | Outcome::Running | Outcome::Stopped => None,
    }
}
