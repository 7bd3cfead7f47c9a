//! `drain`: hands the VIPs over before a shutdown.

use std::time::{Duration, Instant};

use super::exit::{self, Ended, Failure};
use super::maintenance::{SHARE, is_changing, is_master};
use super::{Context, changes, look, text, wait};
use crate::control::Ask;
use crate::core::io::Request;
use crate::core::status::{ServiceStatus, Status};

/// Asks for it and waits until nothing is left that the peer should have, at most for `limit` altogether.
pub(super) fn drain(context: &mut Context, limit: Duration) -> Ended {
    let began = Instant::now();
    let said = changes::ask(&context.target, &Ask::Change { change: Request::Drain })?;
    let left = limit.saturating_sub(began.elapsed());
    let (status, met) = wait::until(&context.target, left, look::daemon, |status| Ok(is_handed_over(status)))?;
    context.out.write(&format!("{}: {}; {}\n", status.node, text::clean(&said), status.verdict.summary))?;
    if met {
        return Ok(exit::DONE);
    }
    let why = if is_master(&status) {
        "still MASTER, so the peer has net.inet.carp.preempt=0, is demoted too, or is not there"
    } else {
        "not done: carpctl status tells what is missing"
    };
    Err(Failure::new(exit::TIMED_OUT, format!("{}: after {limit:?} {why}", status.node)))
}

pub(super) fn cancel(context: &mut Context) -> Ended {
    let said = changes::ask(&context.target, &Ask::Change { change: Request::DrainCancel })?;
    let (status, _) =
        wait::until(&context.target, SHARE, look::daemon, |status| Ok(!is_demoted(status) && !is_changing(status)))?;
    context.out.write(&format!("{}: {}; {}\n", status.node, text::clean(&said), status.verdict.summary))?;
    Ok(exit::DONE)
}

fn is_handed_over(status: &Status) -> bool {
    is_demoted(status) && !is_master(status) && status.services.iter().all(ServiceStatus::is_handed_over)
}

fn is_demoted(status: &Status) -> bool {
    status.demotion.reasons.iter().any(|part| part.name == "drain")
}
