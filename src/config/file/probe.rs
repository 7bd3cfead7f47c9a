//! `[[service.probe]]`

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use toml::de::DeTable;

use super::driver::required_command;
use super::node::share;
use super::section::Section;
use super::values::{integer, name, parsed, span, word};
use super::{Context, first_line};
use crate::config::catalogue::carpd_toml as codes;
use crate::config::duration::Shown;
use crate::config::settings::{Probe, ProbeTest};
use crate::core::policy::{ProbeEffect, ProbePolicy, ShareAmount};

#[derive(Clone, Copy)]
enum Kind {
    Exec,
    Tcp,
}

pub(super) fn probes(service: &mut Section<'_>, cx: &mut Context<'_>) -> Vec<Probe> {
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
        probes.extend(probe(&mut table, cx, name));
        table.finish(&mut cx.report);
    }
    probes
}

fn label(table: &DeTable<'_>) -> Option<String> {
    name(table.get("name")?.get_ref()).ok()
}

fn probe(table: &mut Section<'_>, cx: &mut Context<'_>, name: Option<String>) -> Option<Probe> {
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
    let effect = effect(table, cx);
    let test = test(table, cx);
    let count = |count: Option<i64>, default| count.and_then(|count| u32::try_from(count).ok()).unwrap_or(default);
    let policy = ProbePolicy { name: name?, every, timeout, rise: count(rise, 2), fall: count(fall, 3), effect };
    Some(Probe { policy, test: test? })
}

fn effect(table: &mut Section<'_>, cx: &mut Context<'_>) -> ProbeEffect {
    let report = &mut cx.report;
    let demotes = table.get(report, "effect", word(&[("report", false), ("demote", true)])).unwrap_or(false);
    if demotes {
        ProbeEffect::Demote(table.get(report, "demote", share).unwrap_or(ShareAmount::FULL))
    } else {
        table.without_effect(
            report,
            &["demote"],
            "effect is not \"demote\"",
            "write effect = \"demote\", or take it out",
        );
        ProbeEffect::Report
    }
}

fn test(table: &mut Section<'_>, cx: &mut Context<'_>) -> Option<ProbeTest> {
    let remedy = "write kind = \"exec\" with a command, or kind = \"tcp\" with connect";
    let kind = table.required(&mut cx.report, "kind", remedy, word(&[("exec", Kind::Exec), ("tcp", Kind::Tcp)]));
    match kind {
        Some(Kind::Exec) => {
            table.without_effect(
                &mut cx.report,
                &["connect"],
                "kind is \"exec\"",
                "take it out, or write kind = \"tcp\"",
            );
            required_command(table, cx, "command").map(ProbeTest::Exec)
        }
        Some(Kind::Tcp) => {
            table.without_effect(
                &mut cx.report,
                &["command"],
                "kind is \"tcp\"",
                "take it out, or write kind = \"exec\"",
            );
            // Names are not taken: asking a name server takes longer than any limit a probe has, and fails with the network it watches.
            let read = parsed::<SocketAddr>(
                "an address with a port, and not a host name",
                "\"127.0.0.1:50066\" or \"[::1]:50066\"",
            );
            let remedy = "give the address and port to connect to, e.g. connect = \"127.0.0.1:50066\"";
            table.required(&mut cx.report, "connect", remedy, read).map(ProbeTest::Tcp)
        }
        None => {
            table.accept(&["connect", "command"]);
            None
        }
    }
}
