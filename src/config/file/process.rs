//! `[service.process]`: which processes are a service's own.

use super::Context;
use super::probe::program;
use super::section::Section;
use super::values::path;
use crate::config::catalogue::carpd_toml as codes;
use crate::config::settings::{Driver, ProcessProbe};

/// Programs that run other programs. Their own name says nothing about which.
const INTERPRETERS: [&str; 13] =
    ["sh", "bash", "dash", "zsh", "ksh", "csh", "tcsh", "env", "perl", "ruby", "node", "java", "daemon"];

pub(super) fn process(
    service: &mut Section<'_>,
    cx: &mut Context<'_>,
    driver: Option<Option<&Driver>>,
) -> Option<Option<ProcessProbe>> {
    if let Some(None) = driver {
        let why = "the service has no driver, so there is no process to look for";
        service.without_effect(&mut cx.report, &["process"], why, "add a driver, or take it out");
        return Some(None);
    }
    let is_configd = matches!(driver, Some(Some(Driver::Configd { .. })));
    if !service.has("process") && is_configd {
        let cause = "the service is driven by configd, and nothing says which processes are its own";
        let remedy = "add [service.process] with the program that it runs";
        service.find(&mut cx.report, &codes::NO_PROCESS, "configd", cause, remedy);
    }
    let Some(mut table) = service.section(&mut cx.report, "process") else {
        return (!service.has("process") && !is_configd).then_some(None);
    };
    let remedy = "name the program as it is started, e.g. program = \"/usr/local/bin/defguard-gateway\"";
    let program = table.required(&mut cx.report, "program", remedy, program);
    let pidfile = table.get(&mut cx.report, "pidfile", path);
    let name = program.as_deref().map(|program| program.rsplit('/').next().unwrap_or(program));
    if let Some(name) = name.filter(|name| is_interpreter(name) && !table.has("pidfile")) {
        let cause = format!("every {name} of this machine would be taken for the service, and be killed with it");
        let remedy = "add its pidfile, or name the program that only this service runs";
        table.find(&mut cx.report, &codes::WIDE_PROGRAM, "program", &cause, remedy);
    }
    table.finish(&mut cx.report);
    Some(Some(ProcessProbe { program: program?, pidfile }))
}

/// Versions are part of some names, as in `python3.11`.
fn is_interpreter(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    INTERPRETERS.contains(&name) || ["python", "lua", "php"].contains(&name)
}

/// Whether a process could be taken for either of them.
pub(super) fn overlap(one: &ProcessProbe, other: &ProcessProbe) -> bool {
    let name = |process: &ProcessProbe| process.program.rsplit('/').next().map(str::to_owned);
    let apart = one.pidfile.is_some() && other.pidfile.is_some() && one.pidfile != other.pidfile;
    name(one) == name(other) && !apart
}
