//! The links of the services: the row of each, and what is wrong with them.

use super::{LinkStatus, Problem, ServiceStatus, Severity, Status, verdict::problem};
use crate::core::link::{Level, Link};
use crate::core::role::Role;
use crate::core::service::Is;
use crate::model::{InterfaceName, LinkState, Mono};

/// How long a link may be up on a standby node before that is critical: by then it was taken down, or cannot be.
const TO_TAKE_DOWN: u64 = 2;

/// How long it may not be up on an active node.
const TO_RAISE: u64 = 5;

/// Who changes it so often means it.
const OFTEN: u32 = 3;

pub(super) fn row(interface: &InterfaceName, link: &Link, readable: bool, now: Mono) -> LinkStatus {
    let is = link.is.filter(|_| readable);
    LinkStatus {
        interface: interface.clone(),
        want: link.wanted(),
        is,
        since: link.since.map(|since| since.wall).filter(|_| readable),
        busy: link.busy.map(|(level, _)| level),
        wrong_for: link.wrong_for(now).filter(|_| is.is_some()).map(|wrong| wrong.as_secs()),
        error: link.error.clone().unwrap_or_default(),
        meddled: link.meddled(now),
    }
}

pub(super) fn problems(status: &Status, problems: &mut Vec<Problem>) {
    for service in &status.services {
        let Some(link) = &service.link else { continue };
        problems.extend(wrong(service, link));
        if link.meddled >= OFTEN {
            let what =
                format!("somebody else has changed {} {} times in the last ten minutes", link.interface, link.meddled);
            let effect = "carpd takes it back each time, and it does what it should not in between";
            problems.push(problem(Severity::Warning, what, effect, "find out who: the log of the service tells most"));
        }
    }
}

fn wrong(service: &ServiceStatus, link: &LinkStatus) -> Option<Problem> {
    let (name, interface) = (&service.name, &link.interface);
    let (is, wrong_for) = (link.is?, link.wrong_for?);
    let why = if link.error.is_empty() { String::new() } else { format!(": {}", link.error) };
    let for_too_long = |limit| !link.error.is_empty() || wrong_for >= limit;
    let severity = |limit| if for_too_long(limit) { Severity::Critical } else { Severity::Warning };
    let next = format!("carpctl why {name}");
    match (link.want?, is) {
        (Level::Down, LinkState::Up | LinkState::Stuck) => {
            let what = format!("{interface} is up although {name} is standby here{why}");
            Some(problem(severity(TO_TAKE_DOWN), what, "both nodes may answer there; it is taken down", next))
        }
        (Level::Up, LinkState::Stuck) => {
            let what = format!("{interface} is up and does not run, and {name} is active here{why}");
            let next = "wg show tells whether another tunnel has its port";
            Some(problem(severity(TO_RAISE), what, "nobody is served through it", next))
        }
        (Level::Up, LinkState::Down) => {
            let what = format!("{interface} is down although {name} is active here{why}");
            Some(problem(severity(TO_RAISE), what, "nobody is served through it; it is raised", next))
        }
        (Level::Up, LinkState::Absent) if !service.process => {
            let what = format!("{interface} does not exist, and {name} is active here");
            let next = format!("create {interface}; carpd raises it then");
            Some(problem(severity(TO_RAISE), what, "nobody is served through it", next))
        }
        // A process that has just been started may still be about to create it.
        (Level::Up, LinkState::Absent) if service.is == Is::Running && wrong_for >= TO_RAISE => {
            let what = format!("{name} runs and its interface {interface} does not exist");
            Some(problem(Severity::Warning, what, "nobody is served through it", "look at its own log"))
        }
        _ => None,
    }
}

/// Whether the service has handed over what the peer should have.
pub(super) fn is_handed_over(service: &ServiceStatus) -> bool {
    let is_up = |link: &LinkStatus| matches!(link.is, Some(LinkState::Up | LinkState::Stuck));
    let stopped = service.process_role() != Some(Role::Standby) || service.is != Is::Running;
    service.want != Some(Role::Standby) || stopped && !service.link.as_ref().is_some_and(is_up)
}
