//! `[[service]]`

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::link::{self, Links};
use super::report::{Fault, quoted};
use super::section::Section;
use super::values::{self, parsed, span, word};
use super::{Context, Declared, driver, first_line, probe, process};
use crate::config::catalogue::carpd_toml as codes;
use crate::config::opnsense::OpnsenseConfig;
use crate::config::profile;
use crate::config::settings::{Driver, ProcessProbe, ScriptName, Service};
use crate::core::policy::{Mode, OnExit, Require};
use crate::model::{InterfaceName, ServiceName, VhidRef};

const ZERO: Duration = Duration::ZERO;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(super) fn services(
    root: &mut Section<'_>,
    cx: &mut Context<'_>,
    declared: &Declared,
    poll: Duration,
) -> Vec<Service> {
    let mut names: BTreeMap<ServiceName, u32> = BTreeMap::new();
    let mut scripts: BTreeMap<ScriptName, String> = BTreeMap::new();
    let mut links = Links::default();
    let mut services = Vec::new();
    for mut table in root.sections(&mut cx.report, "service", label) {
        let remedy = "give it a name, e.g. name = \"gateway\"";
        let name: Option<ServiceName> = table.required(
            &mut cx.report,
            "name",
            remedy,
            parsed("the name of a service: 1 to 63 letters, digits, '.', '_' or '-'", "\"gateway\""),
        );
        let line = table.line_of(&cx.report, "name");
        if let Some((name, first)) =
            name.as_ref().and_then(|name| Some((name, first_line(&mut names, name.clone(), line)?)))
        {
            let cause = format!("a service {name} is defined in line {first} already");
            table.find(&mut cx.report, &codes::SERVICE_TWICE, "name", &cause, "give each service a name of its own");
        }
        table.get(&mut cx.report, "profile", word(&profile::NAMES));
        let driver = driver::driver(&mut table, cx);
        if let Some(Some(driver)) = &driver {
            same_script(&table, cx, driver, &mut scripts);
        }
        let link = link::link(&mut table, cx);
        if let Some(Some(interface)) = &link {
            links.add(&table, cx, interface);
        }
        let driven = !matches!(driver, Some(None));
        let process = process::process(&mut table, cx, driver.as_ref().map(Option::as_ref));
        if let Some(Some(process)) = &process {
            same_process(&table, cx, process, &services);
        }
        let service = service(&mut table, cx, declared, poll, driven);
        let parts = name.zip(link).zip(driver).zip(process);
        let parts = parts.map(|(((name, link), driver), process)| Parts { name, link, driver, process });
        services.extend(parts.zip(service).map(|(parts, service)| service(parts)));
        table.finish(&mut cx.report);
    }
    links.check(cx, declared, &services);
    if let Declared::Kernel = declared {
        unchecked(root, cx, &services);
    }
    services
}

fn label(table: &DeTable<'_>) -> Option<String> {
    let name: ServiceName = table.get("name")?.get_ref().as_str()?.parse().ok()?;
    Some(name.to_string())
}

/// What is read of a service first.
struct Parts {
    name: ServiceName,
    link: Option<InterfaceName>,
    driver: Option<Driver>,
    process: Option<ProcessProbe>,
}

/// Everything but what is known already.
fn service(
    table: &mut Section<'_>,
    cx: &mut Context<'_>,
    declared: &Declared,
    poll: Duration,
    driven: bool,
) -> Option<impl FnOnce(Parts) -> Service> {
    let follows = follows(table, cx, declared);
    let report = &mut cx.report;
    let require = table.get(report, "require", word(&[("all", Require::All), ("any", Require::Any)]));
    let mode = table.get(report, "mode", word(&[("service", Mode::Service), ("warm", Mode::Warm)])).unwrap_or_default();
    let settle = table.get(report, "settle", span(ZERO..=secs(60))).unwrap_or(secs(4));
    let unknown_grace = table.get(report, "unknown_grace", span(ZERO..=secs(600))).unwrap_or(secs(15));
    let min_master = table.get(report, "min_master", span(ZERO..=secs(600))).unwrap_or(ZERO);
    let ready = table.items(report, "ready", true, values::path);
    let start_limit = table.get(report, "start_limit", span(secs(1)..=secs(600))).unwrap_or(secs(30));
    let stop_limit = table.get(report, "stop_limit", span(secs(1)..=secs(600))).unwrap_or(secs(10));
    let check_every = table.get(report, "check_every", span(secs(1)..=secs(60))).unwrap_or(secs(5));
    let on_exit = table.get(report, "on_exit", word(&[("leave", OnExit::Leave), ("standby", OnExit::Standby)]));
    if unknown_grace < 2 * poll {
        let cause = format!("unknown_grace is shorter than two polls of {}", crate::config::duration::Shown(poll));
        let remedy = "make it at least three times node.poll: a single failed read must not stop a service";
        table.find(report, &codes::GRACE_SHORT, "unknown_grace", &cause, remedy);
    }
    if let Some(follows) = &follows {
        short_settle(table, cx, declared, follows, settle);
    }
    link::check_mode(table, cx, mode, driven);
    start_conditions(table, cx, mode, driven);
    let fence = driver::command(table, cx, "fence");
    let probes = probe::probes(table, cx, driven);
    let follows = follows?;
    Some(move |Parts { name, link, driver, process }| Service {
        name,
        follows,
        require: require.unwrap_or_default(),
        mode,
        settle,
        unknown_grace,
        min_master,
        fence,
        ready: ready.unwrap_or_default(),
        start_limit,
        stop_limit,
        check_every,
        on_exit: on_exit.unwrap_or_default(),
        link,
        driver,
        process,
        probes,
    })
}

fn follows(table: &mut Section<'_>, cx: &mut Context<'_>, declared: &Declared) -> Option<Vec<VhidRef>> {
    const REMEDY: &str = "name the vhids that decide its role, e.g. follows = [\"1@vtnet0\"]";
    table.need(&mut cx.report, "follows", REMEDY);
    let listed =
        table.items(&mut cx.report, "follows", false, |value| followed(value, declared, cx.opnsense.as_ref()))?;
    if listed.is_empty() {
        table.find(&mut cx.report, &codes::EMPTY, "follows", "follows is empty, so the service has no role", REMEDY);
        return None;
    }
    let mut seen = BTreeSet::new();
    let mut follows = Vec::new();
    for id in listed {
        gone(table, cx, declared, &id);
        if !seen.insert(id.clone()) {
            let cause = format!("follows names {id} twice");
            table.find(
                &mut cx.report,
                &codes::FOLLOW_TWICE,
                "follows",
                &cause,
                "keep one of them, or correct the other",
            );
        } else {
            follows.push(id);
        }
    }
    Some(follows)
}

/// A vhid that OPNsense does not have counts as absent, so the service stays on standby.
///
/// An interface key that is unknown is then the name of an interface that does not exist: OPNsense takes it as one as well.
fn gone(table: &Section<'_>, cx: &mut Context<'_>, declared: &Declared, id: &VhidRef) {
    let Some(known) = declared.known().filter(|known| cx.opnsense.is_some() && !known.contains_key(id)) else { return };
    let names: Vec<&str> = known.values().take(8).map(|vhid| vhid.name.as_str()).collect();
    let remedy = match names.as_slice() {
        [] => "add it in Interfaces: Virtual IPs, or let the service follow another one".to_owned(),
        names => format!("add it in Interfaces: Virtual IPs, or follow one that is there: {}", names.join(", ")),
    };
    let cause = format!("follows names {id}, which is no virtual IP of OPNsense");
    table.find(&mut cx.report, &codes::GONE_VHID, "follows", &cause, &remedy);
}

fn followed(value: &DeValue<'_>, declared: &Declared, opnsense: Option<&OpnsenseConfig>) -> Result<VhidRef, Fault> {
    let written: VhidRef = parsed("a vhid from 1 to 255 with its interface", "\"1@vtnet0\"")(value)?;
    let id = opnsense.and_then(|config| config.resolve(&written.to_string())).unwrap_or_else(|| written.clone());
    let Some(known) = declared.known().filter(|known| !known.contains_key(&id)) else {
        return Ok(id);
    };
    // A virtual IP that is deleted in the GUI must not take the services of all others with it. See `gone`.
    if opnsense.is_some() {
        return Ok(id);
    }
    let names: Vec<&str> = known.values().take(8).map(|vhid| vhid.name.as_str()).collect();
    let remedy = match names.as_slice() {
        [] => "declare it first".to_owned(),
        names => format!("name one that is declared: {}", names.join(", ")),
    };
    Err(Fault::new(
        &codes::UNDECLARED_VHID,
        format!("= {}, which nobody declares", quoted(&written.to_string())),
        remedy,
    ))
}

/// A start that does not follow from the role has none of the conditions that the role brings along.
fn start_conditions(table: &mut Section<'_>, cx: &mut Context<'_>, mode: Mode, driven: bool) {
    if !driven {
        let remedy = "take it out, or add a driver";
        table.without_effect(
            &mut cx.report,
            &["min_master", "fence", "ready"],
            "without a driver nothing is started",
            remedy,
        );
    } else if mode == Mode::Warm {
        let why = "in mode \"warm\" the process runs on both nodes, whatever the election says";
        let remedy = "take it out, or take mode = \"service\"";
        table.without_effect(&mut cx.report, &["min_master", "fence"], why, remedy);
    }
}

/// A vhid that was bounced is MASTER again after three times its advbase; its advskew adds less than a second.
fn short_settle(table: &Section<'_>, cx: &mut Context<'_>, declared: &Declared, follows: &[VhidRef], settle: Duration) {
    let Some(known) = declared.known() else { return };
    let bounce = follows.iter().filter_map(|id| Some((3 * secs(known.get(id)?.advbase.get().into()), id))).max();
    if let Some((bounce, id)) = bounce.filter(|(bounce, _)| settle < *bounce) {
        let bounce = crate::config::duration::Shown(bounce);
        let cause = format!("settle is shorter than the {bounce} for which an address change bounces {id}");
        let remedy = format!("make it longer than {bounce}, unless a restart is cheaper than the wait");
        table.find(&mut cx.report, &codes::SETTLE_SHORT, "settle", &cause, &remedy);
    }
}

fn same_script(table: &Section<'_>, cx: &mut Context<'_>, driver: &Driver, seen: &mut BTreeMap<ScriptName, String>) {
    let Driver::Rc { scripts } = driver else { return };
    for script in scripts {
        if let Some(other) = seen.get(script).filter(|other| **other != table.path()) {
            let cause = format!("{other} and {} both drive the rc script {script}", table.path());
            let remedy = "make it one service that follows the vhids of both";
            table.find(&mut cx.report, &codes::SCRIPT_TWICE, "rc", &cause, remedy);
        }
        seen.entry(script.clone()).or_insert_with(|| table.path().to_owned());
    }
}

/// Whoever stops one service by force must not end another.
fn same_process(table: &Section<'_>, cx: &mut Context<'_>, process: &ProcessProbe, others: &[Service]) {
    let overlaps = |other: &&Service| other.process.as_ref().is_some_and(|other| process::overlap(process, other));
    if let Some(other) = others.iter().find(overlaps) {
        let cause = format!("a process of {} would be taken for one of service[{}]", table.path(), other.name);
        let remedy = "tell them apart by a pidfile for each";
        table.find(&mut cx.report, &codes::PROCESS_TWICE, "process", &cause, remedy);
    }
}

/// One note for all services: one for each vhid would bury what matters.
fn unchecked(root: &Section<'_>, cx: &mut Context<'_>, services: &[Service]) {
    let mut ids: Vec<&VhidRef> = services.iter().flat_map(|service| &service.follows).collect();
    ids.sort_unstable();
    ids.dedup();
    if !ids.is_empty() {
        let known = values::list(ids.iter().take(8).map(ToString::to_string));
        let cause = format!("nothing here says whether the node has {known}: vips.source is \"kernel\"");
        let remedy = "compare with `carpctl status` on the node";
        root.find(&mut cx.report, &codes::UNCHECKED_VHID, "service", &cause, remedy);
    }
}
