//! What a scenario expects, with every name looked up: one condition for each line of the table that is shown in the end.

use std::time::Duration;

use super::action::Span;
use super::file::{Answer, Expect, State, Tunnel};
use super::setup::Setup;
use crate::core::role::Role;
use crate::core::status::Severity;
use crate::model::Mono;

/// A condition and when it has to hold.
#[derive(Clone, Debug)]
pub(crate) struct Expectation {
    /// The line of its `[[expect]]`.
    pub(crate) line: usize,
    pub(crate) from: Mono,
    /// Equal to `from` for a single instant.
    pub(crate) to: Mono,
    pub(crate) condition: Condition,
}

/// What has to be the case. Nodes, vhids and services are indices into the [`Setup`].
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    State { node: usize, group: usize, is: State },
    Masters { group: usize, count: usize },
    RunsOn { service: usize, nodes: Vec<usize> },
    Tunnel { node: usize, service: usize, is: Tunnel },
    TunnelOverlap { service: usize, most: Duration },
    Role { node: usize, service: usize, is: Role },
    Demotion { node: usize, is: i32 },
    Share { node: usize, is: i32 },
    Foreign { node: usize, is: i32 },
    Verdict { node: usize, is: Severity },
    Says { node: usize, text: String },
    Maintenance { node: usize, is: bool },
    Answer { node: usize, is: Answer },
    Missed { node: usize, is: u64 },
    Outage { group: usize, most: Duration },
    Overlap { service: usize, most: Duration },
    Writes { node: usize, count: usize },
    Starts { node: usize, service: usize, count: usize },
    Stops { node: usize, service: usize, count: usize },
    Changes { node: usize, group: usize, count: usize },
    Logs { node: usize, text: String },
}

impl Condition {
    /// The node whose status it needs, if it needs one.
    pub(crate) const fn asks_status_of(&self) -> Option<usize> {
        match self {
            Self::Role { node, .. }
            | Self::Verdict { node, .. }
            | Self::Says { node, .. }
            | Self::Maintenance { node, .. }
            | Self::Missed { node, .. } => Some(*node),
            _ => None,
        }
    }

    /// In the words of the file.
    pub(crate) fn text(&self, setup: &Setup) -> String {
        let node = |at: &usize| setup.nodes[*at].plan.name.as_str();
        let vhid = |at: &usize| &setup.groups[*at].label;
        let service = |at: &usize| &setup.services[*at].0;
        match self {
            Self::State { node: n, group, is } => format!("{} {} is {}", node(n), vhid(group), is.as_str()),
            Self::Masters { group, count } => format!("{} has {count} MASTER", vhid(group)),
            Self::RunsOn { service: s, nodes } if nodes.is_empty() => format!("{} runs nowhere", service(s)),
            Self::RunsOn { service: s, nodes } => {
                let names: Vec<&str> = nodes.iter().map(node).collect();
                format!("{} runs on {}", service(s), names.join(", "))
            }
            Self::Tunnel { node: n, service: s, is } => {
                format!("{} tunnel of {} is {}", node(n), service(s), is.as_str())
            }
            Self::TunnelOverlap { service: s, most } => {
                format!("tunnel of {} up twice for at most {most:?}", service(s))
            }
            Self::Role { node: n, service: s, is } => format!("{} wants {} {}", node(n), service(s), is.as_str()),
            Self::Demotion { node: n, is } => format!("{} demotion {is}", node(n)),
            Self::Share { node: n, is } => format!("{} share {is}", node(n)),
            Self::Foreign { node: n, is } => format!("{} foreign demotion {is}", node(n)),
            Self::Verdict { node: n, is } => format!("{} says {}", node(n), is.as_str()),
            Self::Says { node: n, text } => format!("{} says {text:?}", node(n)),
            Self::Maintenance { node: n, is } => format!("{} in maintenance: {is}", node(n)),
            Self::Answer { node: n, is } => format!("{} answers {}", node(n), is.as_str()),
            Self::Missed { node: n, is } => format!("{} missed {is} events", node(n)),
            Self::Outage { group, most } => format!("{} out for at most {most:?}", vhid(group)),
            Self::Overlap { service: s, most } => format!("{} twice for at most {most:?}", service(s)),
            Self::Writes { node: n, count } => format!("{} writes to the kernel: {count}", node(n)),
            Self::Starts { node: n, service: s, count } => format!("{} starts {}: {count}", node(n), service(s)),
            Self::Stops { node: n, service: s, count } => format!("{} stops {}: {count}", node(n), service(s)),
            Self::Changes { node: n, group, count } => format!("{} {} changes: {count}", node(n), vhid(group)),
            Self::Logs { node: n, text } => format!("{} logs {text:?}", node(n)),
        }
    }
}

/// Takes an `[[expect]]` apart.
pub(crate) fn conditions(
    setup: &Setup,
    expect: &Expect,
    line: usize,
    end: Duration,
) -> Result<Vec<Expectation>, String> {
    let (from, to) = interval(expect)?;
    if to > Mono::ZERO + end {
        return Err("its time is after the end of the scenario".to_owned());
    }
    let mut found = Finder { setup, found: Vec::new() };
    found.all(expect)?;
    if found.found.is_empty() {
        return Err("expects nothing; say e.g. state = { fw1 = \"MASTER\" }".to_owned());
    }
    let place = |condition| Expectation { line, from, to, condition };
    Ok(found.found.into_iter().map(place).collect())
}

fn interval(expect: &Expect) -> Result<(Mono, Mono), String> {
    let mono = |span: Span| Mono::ZERO + span.0;
    match (expect.at, expect.from, expect.to) {
        (Some(at), None, None) => Ok((mono(at), mono(at))),
        (None, Some(from), Some(to)) if from < to => Ok((mono(from), mono(to))),
        (None, Some(_), Some(_)) => Err("from is not before to".to_owned()),
        _ => Err("needs a time: either at, or from and to".to_owned()),
    }
}

struct Finder<'a> {
    setup: &'a Setup,
    found: Vec<Condition>,
}

impl Finder<'_> {
    fn all(&mut self, expect: &Expect) -> Result<(), String> {
        let groups = match &expect.vhid {
            Some(id) => vec![self.setup.group(id)?],
            None => (0..self.setup.groups.len()).collect(),
        };
        let services = match &expect.service {
            Some(name) => vec![self.setup.service(name)?],
            None => (0..self.setup.services.len()).collect(),
        };
        for (name, is) in &expect.state {
            let node = self.setup.node(name)?;
            let there = groups.iter().filter(|at| self.setup.groups[**at].on[node].is_some());
            self.found.extend(there.map(|group| Condition::State { node, group: *group, is: *is }));
        }
        self.found.extend(
            expect
                .masters
                .into_iter()
                .flat_map(|count| groups.iter().map(move |g| Condition::Masters { group: *g, count })),
        );
        if let Some(Span(most)) = expect.outage {
            self.found.extend(groups.iter().map(|group| Condition::Outage { group: *group, most }));
        }
        if let Some(Span(most)) = expect.overlap {
            self.found.extend(services.iter().map(|service| Condition::Overlap { service: *service, most }));
        }
        if let Some(Span(most)) = expect.tunnel_overlap {
            self.found.extend(services.iter().map(|service| Condition::TunnelOverlap { service: *service, most }));
        }
        if let Some(names) = &expect.runs_on {
            let nodes: Vec<usize> = names.iter().map(|name| self.setup.node(name)).collect::<Result<_, _>>()?;
            let one = |service: &usize| Condition::RunsOn { service: *service, nodes: nodes.clone() };
            self.found.extend(services.iter().map(one));
        }
        self.nodes(expect)?;
        self.counts(expect, &groups, &services)
    }

    /// What is said of nodes alone.
    fn nodes(&mut self, expect: &Expect) -> Result<(), String> {
        self.each(&expect.demotion, |node, is| Condition::Demotion { node, is: *is })?;
        self.each(&expect.share, |node, is| Condition::Share { node, is: *is })?;
        self.each(&expect.foreign, |node, is| Condition::Foreign { node, is: *is })?;
        self.each(&expect.verdict, |node, is| Condition::Verdict { node, is: *is })?;
        self.each(&expect.says, |node, text| Condition::Says { node, text: text.clone() })?;
        self.each(&expect.maintenance, |node, is| Condition::Maintenance { node, is: *is })?;
        self.each(&expect.answer, |node, is| Condition::Answer { node, is: *is })?;
        self.each(&expect.missed, |node, is| Condition::Missed { node, is: *is })?;
        self.each(&expect.writes, |node, count| Condition::Writes { node, count: *count })?;
        self.each(&expect.logs, |node, text| Condition::Logs { node, text: text.clone() })
    }

    fn counts(&mut self, expect: &Expect, groups: &[usize], services: &[usize]) -> Result<(), String> {
        for service in services.iter().copied() {
            self.each(&expect.tunnel, |node, is| Condition::Tunnel { node, service, is: *is })?;
            self.each(&expect.role, |node, is| Condition::Role { node, service, is: *is })?;
            self.each(&expect.starts, |node, count| Condition::Starts { node, service, count: *count })?;
            self.each(&expect.stops, |node, count| Condition::Stops { node, service, count: *count })?;
        }
        for group in groups.iter().copied() {
            self.each(&expect.changes, |node, count| Condition::Changes { node, group, count: *count })?;
        }
        Ok(())
    }

    fn each<T>(
        &mut self,
        by_node: &std::collections::BTreeMap<String, T>,
        condition: impl Fn(usize, &T) -> Condition,
    ) -> Result<(), String> {
        for (name, value) in by_node {
            self.found.push(condition(self.setup.node(name)?, value));
        }
        Ok(())
    }
}
