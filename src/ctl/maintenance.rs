//! `maintenance`: enter, leave, show.

use std::path::Path;
use std::time::Duration;

use super::args::{EnterArgs, Maintenance};
use super::exit::{self, Ended, Failure};
use super::render::maintenance as render;
use super::time::now;
use super::{Context, changes, gui, look, wait};
use crate::control::Ask;
use crate::core::io::Request;
use crate::core::ledger::LedgerState;
use crate::core::status::{Status, VhidState, VhidStatus};

/// How long the share may take to reach the kernel after the daemon has promised it.
pub(super) const SHARE: Duration = Duration::from_secs(2);

pub(super) fn run(context: &mut Context, command: &Maintenance) -> Ended {
    match command {
        Maintenance::Enter(args) => enter(context, args),
        Maintenance::Leave => leave(context),
        Maintenance::Show => {
            let status = look::daemon(&context.target)?;
            let view = context.out.view(now());
            context.out.write(&render::show(&status, &view))?;
            Ok(exit::DONE)
        }
    }
}

fn enter(context: &mut Context, args: &EnterArgs) -> Ended {
    let said = if context.target.opnsense {
        gui::enter(Path::new(gui::SCRIPT), args)?
    } else {
        let request = request(args, &look::daemon(&context.target)?);
        changes::ask(&context.target, &Ask::Change { change: request })?
    };
    let (status, met) = match args.wait {
        Some(limit) => wait::until(&context.target, limit, look::daemon, |s| Ok(is_demoted(s) && !is_master(s)))?,
        None => wait::until(&context.target, SHARE, look::daemon, |s| Ok(is_demoted(s)))?,
    };
    let view = context.out.view(now());
    context.out.write(&render::entered(&status, &said, args.wait.is_some(), &view))?;
    match args.wait {
        Some(limit) if !met => {
            let text = format!("{} is in maintenance, but still MASTER after {limit:?}", status.node);
            Err(Failure::new(exit::TIMED_OUT, text))
        }
        Some(_) if status.vhids.iter().any(|v| v.state == VhidState::Master) => {
            let text = format!("{} is in maintenance, but still MASTER of what speaks VRRP", status.node);
            Err(Failure::new(exit::TIMED_OUT, text))
        }
        _ => Ok(exit::DONE),
    }
}

/// The request, with what is in force already where the command line is silent: whoever repeats the command from a script
/// does not mean to take away the end that a person has set.
fn request(args: &EnterArgs, status: &Status) -> Request {
    let current = &status.maintenance;
    let reason = args.reason.clone().or_else(|| current.reason.clone()).unwrap_or_default();
    let until = args.time.map(|time| now() + time).or(current.until);
    Request::MaintenanceEnter { reason, until, force: args.force }
}

fn leave(context: &mut Context) -> Ended {
    let said = if context.target.opnsense {
        gui::leave(Path::new(gui::SCRIPT))?
    } else {
        changes::ask(&context.target, &Ask::Change { change: Request::MaintenanceLeave })?
    };
    let (status, _) = wait::until(&context.target, SHARE, look::daemon, |s| Ok(!is_demoted(s) && !is_changing(s)))?;
    let view = context.out.view(now());
    context.out.write(&render::left(&status, &said, &view))?;
    Ok(exit::DONE)
}

/// Whether the demotion of the maintenance is part of the kernel's sum.
fn is_demoted(status: &Status) -> bool {
    status.demotion.reasons.iter().any(|part| matches!(part.name.as_str(), "maintenance" | "OPNsense maintenance"))
}

/// Whether carpd's share in the kernel's sum is not yet what its reasons add up to.
pub(super) fn is_changing(status: &Status) -> bool {
    status.demotion.ledger == LedgerState::Moving || status.demotion.reasons.iter().any(|part| part.name == "changing")
}

/// Whether this node may own a VIP that it can give away by a demotion. What is unknown may be MASTER.
pub(super) fn is_master(status: &Status) -> bool {
    let may_move = |v: &VhidStatus| matches!(v.state, VhidState::Master | VhidState::Unknown) && !v.is_vrrp();
    status.carp.is_none() || status.vhids.iter().any(may_move)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::status::{DemotionStatus, EventsStatus, MaintenanceStatus, SCHEMA, Source, Verdict};
    use crate::model::Wall;

    fn status(maintenance: MaintenanceStatus) -> Status {
        Status {
            schema: SCHEMA,
            node: "fw1".to_owned(),
            version: String::new(),
            source: Source::Daemon,
            time: Wall::default(),
            verdict: Verdict::default(),
            vhids: Vec::new(),
            demotion: DemotionStatus { total: Some(0), reasons: Vec::new(), ledger: LedgerState::Settled },
            carp: None,
            maintenance,
            draining: false,
            services: Vec::new(),
            pfsync: None,
            peer: None,
            events: EventsStatus::default(),
        }
    }

    fn args() -> EnterArgs {
        EnterArgs { reason: None, time: None, wait: None, force: false }
    }

    #[test]
    fn entering_again_keeps_the_reason_and_the_end_that_are_in_force() {
        let until = Some(Wall::from_millis(9_000));
        let reason = Some("update".to_owned());
        let current = MaintenanceStatus { active: true, reason, until, ..Default::default() };
        let again = Request::MaintenanceEnter { reason: "update".to_owned(), until, force: false };
        assert_eq!(request(&args(), &status(current.clone())), again);
        let args = EnterArgs { reason: Some("cables".to_owned()), ..args() };
        let changed = Request::MaintenanceEnter { reason: "cables".to_owned(), until, force: false };
        assert_eq!(request(&args, &status(current)), changed);
    }

    #[test]
    fn a_node_whose_states_are_unknown_may_be_master() {
        assert!(is_master(&status(MaintenanceStatus::default())));
    }
}
