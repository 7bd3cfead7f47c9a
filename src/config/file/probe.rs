//! `[[service.probe]]`

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::driver::required_command;
use super::node::share;
use super::report::{Fault, quoted};
use super::section::Section;
use super::values::{integer, interface, name, parsed, path, span, text, word};
use super::{Context, first_line};
use crate::config::catalogue::carpd_toml as codes;
use crate::config::duration::Shown;
use crate::config::settings::{
    HttpProbe, HttpUrl, InterfaceProbe, InterfaceState, PingTarget, Probe, ProbeTest, ProcessProbe, StatusRange,
};
use crate::core::policy::{ProbeEffect, ProbePolicy, ProbeSource, ShareAmount};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Exec,
    Tcp,
    Http,
    File,
    Process,
    Interface,
    Icmp,
    Pfsync,
}

/// The probes of a service; `driven` says that it can be started and stopped.
pub(super) fn probes(service: &mut Section<'_>, cx: &mut Context<'_>, driven: bool) -> Vec<Probe> {
    let mut names: BTreeMap<String, u32> = BTreeMap::new();
    let mut probes = Vec::new();
    for mut table in service.sections(&mut cx.report, "probe", label) {
        let name = table.required(&mut cx.report, "name", "give it a name, e.g. name = \"tunnel\"", name);
        let line = table.line_of(&cx.report, "name");
        if let Some((name, first)) =
            name.as_ref().and_then(|name| Some((name, first_line(&mut names, name.clone(), line)?)))
        {
            let cause = format!("a probe {name} is defined in line {first} already");
            table.find(&mut cx.report, &codes::PROBE_TWICE, "name", &cause, "give each probe a name of its own");
        }
        probes.extend(probe(&mut table, cx, name, driven));
        table.finish(&mut cx.report);
    }
    probes
}

fn label(table: &DeTable<'_>) -> Option<String> {
    name(table.get("name")?.get_ref()).ok()
}

fn probe(table: &mut Section<'_>, cx: &mut Context<'_>, name: Option<String>, driven: bool) -> Option<Probe> {
    let report = &mut cx.report;
    let every = table.get(report, "every", span(Duration::from_secs(1)..=Duration::from_secs(600)));
    let timeout = table.get(report, "timeout", span(Duration::from_millis(100)..=Duration::from_secs(60)));
    let rise = table.get(report, "rise", integer(1..=100));
    let fall = table.get(report, "fall", integer(1..=100));
    let (every, timeout) = (every.unwrap_or(Duration::from_secs(5)), timeout.unwrap_or(Duration::from_secs(1)));
    if timeout > every {
        let cause = format!("timeout is {}, longer than every, which is {}", Shown(timeout), Shown(every));
        table.find(report, &codes::TIMEOUT_LONG, "timeout", &cause, "make timeout shorter, or every longer");
    }
    let grace = table.get(report, "grace", span(Duration::ZERO..=Duration::from_secs(600)));
    let effect = effect(table, cx, driven);
    let test = test(table, cx);
    let count = |count: Option<i64>, default| count.and_then(|count| u32::try_from(count).ok()).unwrap_or(default);
    let (rise, fall, grace) = (count(rise, 2), count(fall, 3), grace.unwrap_or(Duration::from_secs(30)));
    let (name, test) = (name?, test?);
    let source = if test == ProbeTest::Pfsync { ProbeSource::Pfsync } else { ProbeSource::Run };
    Some(Probe { policy: ProbePolicy { name, source, every, timeout, rise, fall, grace, effect }, test })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Report,
    Restart,
    Demote,
}

fn effect(table: &mut Section<'_>, cx: &mut Context<'_>, driven: bool) -> ProbeEffect {
    let report = &mut cx.report;
    let words = [("report", Effect::Report), ("restart", Effect::Restart), ("demote", Effect::Demote)];
    let effect = table.get(report, "effect", word(&words)).unwrap_or(Effect::Report);
    if effect == Effect::Demote {
        let amount = table.get(report, "demote", share).unwrap_or(ShareAmount::FULL);
        let dwell = table.get(report, "dwell", span(Duration::ZERO..=Duration::from_secs(3600)));
        return ProbeEffect::Demote { amount, dwell: dwell.unwrap_or(Duration::from_secs(60)) };
    }
    table.without_effect(
        report,
        &["demote", "dwell"],
        "effect is not \"demote\"",
        "write effect = \"demote\", or take it out",
    );
    if effect == Effect::Restart && !driven {
        let cause = "effect = \"restart\" has no effect: the service has no driver, so there is no process to restart";
        table.find(report, &codes::NO_EFFECT, "effect", cause, "write effect = \"report\", or add a driver");
    }
    if effect == Effect::Restart { ProbeEffect::Restart } else { ProbeEffect::Report }
}

/// The keys that each kind of probe has, beside those of all probes.
const KEYS: [(Kind, &str, &[&str]); 8] = [
    (Kind::Exec, "exec", &["command"]),
    (Kind::Tcp, "tcp", &["connect"]),
    (Kind::Http, "http", &["url", "healthy", "ignored"]),
    (Kind::File, "file", &["path", "max_age"]),
    (Kind::Process, "process", &["program", "pidfile"]),
    (Kind::Interface, "interface", &["interface", "state"]),
    (Kind::Icmp, "icmp", &["address"]),
    (Kind::Pfsync, "pfsync", &[]),
];

fn test(table: &mut Section<'_>, cx: &mut Context<'_>) -> Option<ProbeTest> {
    const REMEDY: &str = "write kind = \"exec\" with a command, or another of the kinds in carpd.toml(5)";
    let words = KEYS.map(|(kind, word, _)| (word, kind));
    let Some(kind) = table.required(&mut cx.report, "kind", REMEDY, word(&words)) else {
        KEYS.iter().for_each(|(_, _, keys)| table.accept(keys));
        return None;
    };
    let own = words.iter().find(|(_, other)| *other == kind).map_or("", |(word, _)| word);
    for (_, other, keys) in KEYS.iter().filter(|(other, _, _)| *other != kind) {
        let remedy = format!("take it out, or write kind = \"{other}\"");
        table.without_effect(&mut cx.report, keys, &format!("kind is \"{own}\""), &remedy);
    }
    match kind {
        Kind::Exec => required_command(table, cx, "command").map(ProbeTest::Exec),
        Kind::Tcp => tcp(table, cx),
        Kind::Http => http(table, cx),
        Kind::File => file(table, cx),
        Kind::Process => process(table, cx),
        Kind::Interface => interface_probe(table, cx),
        Kind::Icmp => icmp(table, cx),
        Kind::Pfsync => Some(ProbeTest::Pfsync),
    }
}

fn tcp(table: &mut Section<'_>, cx: &mut Context<'_>) -> Option<ProbeTest> {
    // Names are not taken: asking a name server takes longer than any limit a probe has, and fails with the network it watches.
    let read =
        parsed::<SocketAddr>("an address with a port, and not a host name", "\"127.0.0.1:50066\" or \"[::1]:50066\"");
    let remedy = "give the address and port to connect to, e.g. connect = \"127.0.0.1:50066\"";
    table.required(&mut cx.report, "connect", remedy, read).map(ProbeTest::Tcp)
}

fn http(table: &mut Section<'_>, cx: &mut Context<'_>) -> Option<ProbeTest> {
    let read = parsed::<HttpUrl>(
        "http:// with an address, which is not a host name, and a path",
        "\"http://127.0.0.1:8080/health\"",
    );
    let remedy = "say what to ask for, e.g. url = \"http://127.0.0.1:8080/health\"";
    let url = table.required(&mut cx.report, "url", remedy, read);
    let statuses = |table: &mut Section<'_>, cx: &mut Context<'_>, key| {
        let read = parsed::<StatusRange>("a status code from 100 to 599, or a range of them", "\"204\" or \"200-299\"");
        table.items(&mut cx.report, key, true, read)
    };
    let healthy = statuses(table, cx, "healthy").unwrap_or_else(|| vec![StatusRange::SUCCESS]);
    let ignored = statuses(table, cx, "ignored").unwrap_or_default();
    if healthy.is_empty() {
        let remedy = "list the status codes that are healthy, e.g. healthy = [\"200-299\"]";
        table.find(
            &mut cx.report,
            &codes::EMPTY,
            "healthy",
            "healthy is an empty list, so no answer is healthy",
            remedy,
        );
    }
    Some(ProbeTest::Http(HttpProbe { url: url?, healthy, ignored }))
}

fn file(table: &mut Section<'_>, cx: &mut Context<'_>) -> Option<ProbeTest> {
    let remedy = "name the file that is written again and again, e.g. path = \"/var/run/beat\"";
    let file = table.required(&mut cx.report, "path", remedy, path);
    let remedy = "say how old it may be, e.g. max_age = \"1m\"";
    let range = Duration::from_secs(1)..=Duration::from_secs(30 * 86_400);
    let max_age = table.required(&mut cx.report, "max_age", remedy, span(range));
    Some(ProbeTest::File { path: file?, max_age: max_age? })
}

fn process(table: &mut Section<'_>, cx: &mut Context<'_>) -> Option<ProbeTest> {
    let remedy = "name the program as it is started, e.g. program = \"/usr/local/bin/defguard-gateway\"";
    let program = table.required(&mut cx.report, "program", remedy, program);
    let pidfile = table.get(&mut cx.report, "pidfile", path);
    Some(ProbeTest::Process(ProcessProbe { program: program?, pidfile }))
}

fn interface_probe(table: &mut Section<'_>, cx: &mut Context<'_>) -> Option<ProbeTest> {
    let remedy = "name the interface, e.g. interface = \"wg20\"";
    let interface = table.required(&mut cx.report, "interface", remedy, interface);
    let words = [InterfaceState::Up, InterfaceState::Running].map(|state| (state.as_str(), state));
    let state = table.get(&mut cx.report, "state", word(&words)).unwrap_or(InterfaceState::Up);
    Some(ProbeTest::Interface(InterfaceProbe { interface: interface?, state }))
}

fn icmp(table: &mut Section<'_>, cx: &mut Context<'_>) -> Option<ProbeTest> {
    let what = "the address of one host, not a name; one of IPv6 that begins with fe80 with its interface";
    let read = parsed::<PingTarget>(what, "\"192.0.2.254\" or \"fe80::1%vtnet0\"");
    let remedy = "give the address that has to answer, e.g. address = \"192.0.2.254\"";
    table.required(&mut cx.report, "address", remedy, read).map(ProbeTest::Icmp)
}

/// A program's name or whole path, without arguments.
pub(super) fn program(value: &DeValue<'_>) -> Result<String, Fault> {
    let text = text(value)?;
    if text.is_empty() || text.ends_with('/') || text.contains(char::is_control) {
        let cause = format!("= {} is not the name of a program", quoted(text));
        return Err(Fault::new(&codes::MALFORMED, cause, "write its name or its whole path, without arguments"));
    }
    Ok(text.to_owned())
}
