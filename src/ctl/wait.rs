//! `wait`: until a vhid has a state, or a service a role.

use std::time::{Duration, Instant};

use super::args::{Object, WaitArgs};
use super::exit::{self, Ended, Failure};
use super::render::{objects, why};
use super::target::Target;
use super::{Context, look};
use crate::core::role::Role;
use crate::core::status::{Source, Status, VhidState};
use crate::model::{CarpState, ServiceName, VhidRef};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(100);

/// Looks at the node until `done` says so. The last look is handed out either way, with whether it was what was waited for.
pub(super) fn until(
    target: &Target,
    limit: Duration,
    look: impl Fn(&Target) -> Result<Status, Failure>,
    done: impl Fn(&Status) -> Result<bool, Failure>,
) -> Result<(Status, bool), Failure> {
    let began = Instant::now();
    loop {
        let status = look(target)?;
        if done(&status)? {
            return Ok((status, true));
        }
        let Some(left) = limit.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) else {
            return Ok((status, false));
        };
        std::thread::sleep(EVERY.min(left));
    }
}

pub(super) fn run(context: &mut Context, args: &WaitArgs) -> Ended {
    match (&args.object, args.state, args.role) {
        (Object::Vhid(id), Some(state), None) => vhid(context, id, state, args.timeout),
        (Object::Service(name), None, Some(role)) => service(context, name, role.into(), args.timeout),
        (Object::Vhid(id), ..) => Err(wrong(&format!("{id} is a vhid: it has a --state, not a --role"))),
        (Object::Service(name), ..) => {
            let there = objects(&look::anyone(&context.target));
            let text = "would be a service: that has a --role, not a --state. A vhid is written with its interface";
            Err(wrong(&format!("{name} {text}; {there}")))
        }
    }
}

fn wrong(text: &str) -> Failure {
    Failure::new(exit::USAGE, text)
}

fn vhid(context: &mut Context, id: &VhidRef, wanted: CarpState, limit: Duration) -> Ended {
    let state = |status: &Status| {
        let row = status.vhids.iter().find(|row| row.vhid == id.vhid && row.interface == id.interface);
        row.map(|row| row.state)
    };
    let done = |status: &Status| {
        if status.carp.is_none() && status.source == Source::Kernel {
            let said: Vec<&str> = status.verdict.problems.iter().map(|problem| problem.what.as_str()).collect();
            return Err(Failure::new(exit::UNREACHABLE, said.join("; ")));
        }
        // The daemon knows of every vhid that may still come, so waiting for another one would be in vain.
        if status.source == Source::Daemon && status.carp.is_some() && state(status).is_none() {
            return Err(Failure::new(exit::FAILED, why::no_vhid(status, id)));
        }
        Ok(state(status) == Some(VhidState::from(wanted)))
    };
    let (last, met) = until(&context.target, limit, |target| Ok(look::anyone(target)), done)?;
    if met {
        return Ok(exit::DONE);
    }
    let is = state(&last).map_or_else(|| format!("not there ({})", objects(&last)), |is| is.as_str().to_owned());
    let text = format!("{id} is still {is} and not {wanted} after {limit:?}; carpctl why {id} explains it");
    Err(Failure::new(exit::TIMED_OUT, text))
}

fn service(context: &mut Context, name: &ServiceName, role: Role, limit: Duration) -> Ended {
    let done = |status: &Status| {
        let Some(service) = status.services.iter().find(|service| service.name == *name) else {
            return Err(Failure::new(exit::FAILED, why::no_service(status, name)));
        };
        Ok(service.want == Some(role) && service.as_wanted())
    };
    let (_, met) = until(&context.target, limit, look::daemon, done)?;
    if met {
        return Ok(exit::DONE);
    }
    let text = format!("{name} is still not {} after {limit:?}; carpctl why {name} explains it", role.as_str());
    Err(Failure::new(exit::TIMED_OUT, text))
}
