//! A step of the file: its time, its node, and what happens, with every name looked up.

use std::time::Duration;

use serde::Deserialize;

use super::action::{Action, NetworkAction, NodeAction, Span};
use super::setup::Setup;
use crate::model::Mono;

/// Something that happens at a time.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) at: Mono,
    /// The line of its `[[at]]`.
    pub(crate) line: usize,
    pub(crate) action: Action,
}

/// Takes an `[[at]]` apart: one step, or with `every` one after the other until the end.
pub(crate) fn steps(setup: &Setup, table: &toml::Table, line: usize, end: Duration) -> Result<Vec<Step>, String> {
    let mut table = table.clone();
    let time = span(&mut table, "time")?.ok_or("needs a time")?;
    let every = span(&mut table, "every")?;
    if time > end {
        return Err("its time is after the end of the scenario".to_owned());
    }
    if every.is_some_and(|every| every < Duration::from_secs(1)) {
        return Err("every is less than a second".to_owned());
    }
    let action = match table.remove("node") {
        Some(node) => {
            let at = setup.node(node.as_str().ok_or("node is not a name")?)?;
            let action = NodeAction::deserialize(table).map_err(|error| error.message().to_owned())?;
            check_node(setup, at, &action)?;
            Action::Node(at, action)
        }
        None => {
            let action = NetworkAction::deserialize(table)
                .map_err(|error| format!("{}; what happens to a node needs a node", error.message()))?;
            check_network(setup, &action)?;
            Action::Network(action)
        }
    };
    let times =
        std::iter::successors(Some(time), |time| every.map(|every| *time + every)).take_while(|time| *time <= end);
    Ok(times.map(|time| Step { at: Mono::ZERO + time, line, action: action.clone() }).collect())
}

fn span(table: &mut toml::Table, name: &str) -> Result<Option<Duration>, String> {
    let Some(value) = table.remove(name) else { return Ok(None) };
    let Span(span) = Span::deserialize(value).map_err(|error| format!("{name}: {}", error.message()))?;
    Ok(Some(span))
}

fn check_node(setup: &Setup, at: usize, action: &NodeAction) -> Result<(), String> {
    match action {
        NodeAction::CablePull { interface }
        | NodeAction::CablePlug { interface }
        | NodeAction::CableCut { interface }
        | NodeAction::CableMend { interface } => setup.interface(at, interface),
        NodeAction::VipAdd { vhid, .. } | NodeAction::VipDel { vhid, .. } | NodeAction::Password { vhid, .. } => {
            let group = setup.group(vhid)?;
            let there = setup.groups[group].on[at].is_some();
            there.then_some(()).ok_or_else(|| format!("{} has no vhid {vhid}", setup.nodes[at].plan.name))
        }
        _ => action.service().map_or(Ok(()), |service| setup.service(service).map(|_| ())),
    }
}

fn check_network(setup: &Setup, action: &NetworkAction) -> Result<(), String> {
    let (NetworkAction::Partition { interface }
    | NetworkAction::Heal { interface }
    | NetworkAction::OneWayCut { interface, .. }
    | NetworkAction::Loss { interface, .. }) = action;
    if !setup.nodes.iter().any(|node| node.plan.interface(interface).is_some()) {
        return Err(format!("no node has an interface {interface}"));
    }
    match action {
        NetworkAction::OneWayCut { from, to, .. } => setup.node(from).and(setup.node(to)).map(|_| ()),
        NetworkAction::Loss { percent, .. } if *percent > 100 => Err(format!("percent is {percent}, more than 100")),
        _ => Ok(()),
    }
}
