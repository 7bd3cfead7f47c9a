//! The small sections: `[node]`, `[control]`, `[maintenance]`, `[hold]`, `[metrics]`.

use std::net::SocketAddr;
use std::time::Duration;

use tracing::Level;

use super::Context;
use super::report::{Fault, quoted};
use super::section::Section;
use super::values::{self, absolute_socket_path, list, name, parsed, path, socket_path, span, word};
use crate::config::catalogue::carpd_toml as codes;
use crate::config::settings::{Control, KernelChoice, Maintenance, Node};
use crate::core::policy::ShareAmount;
use toml::de::DeValue;

const DAY: Duration = Duration::from_secs(86_400);

pub(crate) const LEVELS: [(&str, Level); 5] = [
    ("error", Level::ERROR),
    ("warn", Level::WARN),
    ("info", Level::INFO),
    ("debug", Level::DEBUG),
    ("trace", Level::TRACE),
];

pub(super) fn node(root: &mut Section<'_>, cx: &mut Context<'_>) -> Node {
    let default = || Node {
        name: cx.system.host_name(),
        state_dir: "/var/db/carpd".into(),
        devd_socket: "/var/run/devd.seqpacket.pipe".into(),
        kernel: KernelChoice::Freebsd,
        poll: Duration::from_secs(5),
        log: Level::INFO,
    };
    let Some(mut table) = root.section(&mut cx.report, "node") else { return default() };
    let default = default();
    let report = &mut cx.report;
    let node = Node {
        name: table.get(report, "name", name).unwrap_or(default.name),
        state_dir: table.get(report, "state_dir", path).unwrap_or(default.state_dir),
        devd_socket: table.get(report, "devd_socket", socket_path).unwrap_or(default.devd_socket),
        kernel: table.get(report, "kernel", kernel).unwrap_or(default.kernel),
        poll: table.get(report, "poll", span(Duration::from_secs(1)..=Duration::from_secs(5))).unwrap_or(default.poll),
        log: table.get(report, "log", word(&LEVELS)).unwrap_or(default.log),
    };
    table.finish(report);
    node
}

fn kernel(value: &DeValue<'_>) -> Result<KernelChoice, Fault> {
    match values::text(value)? {
        "freebsd" => Ok(KernelChoice::Freebsd),
        text => match text.strip_prefix("lab:") {
            Some(socket) => absolute_socket_path(socket).map(KernelChoice::Lab),
            None => Err(Fault::new(
                &codes::NOT_A_CHOICE,
                format!("is {}, none of its choices", quoted(text)),
                "write \"freebsd\", or \"lab:\" and the absolute path of a lab node's socket",
            )),
        },
    }
}

pub(super) fn control(root: &mut Section<'_>, cx: &mut Context<'_>) -> Control {
    let mut control =
        Control { socket: "/var/run/carpd/carpd.sock".into(), group: "wheel".to_owned(), admin_group: None };
    let Some(mut table) = root.section(&mut cx.report, "control") else { return control };
    if let Some(socket) = table.get(&mut cx.report, "socket", socket_path) {
        control.socket = socket;
    }
    if let Some(group) = existing_group(&mut table, cx, "group") {
        control.group = group;
    }
    control.admin_group = existing_group(&mut table, cx, "admin_group");
    table.finish(&mut cx.report);
    control
}

fn existing_group(table: &mut Section<'_>, cx: &mut Context<'_>, key: &'static str) -> Option<String> {
    let group = table.get(&mut cx.report, key, name)?;
    if !cx.system.has_group(&group) {
        let cause = format!("the group {group} does not exist on this system");
        let remedy = format!("create it with `pw groupadd {group}`, or name another one");
        table.find(&mut cx.report, &codes::NO_GROUP, key, &cause, &remedy);
    }
    Some(group)
}

pub(super) fn maintenance(root: &mut Section<'_>, cx: &mut Context<'_>) -> Maintenance {
    let mut maintenance = Maintenance { demotion: ShareAmount::FULL, default_for: None };
    let report = &mut cx.report;
    let Some(mut table) = root.section(report, "maintenance") else { return maintenance };
    if let Some(demotion) = table.get(report, "demotion", share) {
        maintenance.demotion = demotion;
    }
    maintenance.default_for = table.get(report, "default_for", span(Duration::from_secs(60)..=30 * DAY));
    table.finish(report);
    maintenance
}

/// An amount that a reason adds to the node's demotion.
pub(super) fn share(value: &DeValue<'_>) -> Result<ShareAmount, Fault> {
    let number = values::integer(16..=65_520)(value)?;
    ShareAmount::new(number).ok_or_else(|| {
        // Both neighbours are in the range, whose ends are multiples of 16 themselves.
        let below = number - number % 16;
        let remedy = format!("write {}", list([below.to_string(), (below + 16).to_string()]));
        Fault::new(&codes::OUT_OF_RANGE, format!("is {number}, which is not a multiple of 16"), remedy)
    })
}

/// The holds at a boot and after a fault.
pub(super) fn holds(root: &mut Section<'_>, cx: &mut Context<'_>) -> (Duration, Duration) {
    let report = &mut cx.report;
    let Some(mut table) = root.section(report, "hold") else { return <(Duration, Duration)>::default() };
    let boot = table.get(report, "boot", span(Duration::ZERO..=Duration::from_secs(600)));
    let failback = table.get(report, "failback", span(Duration::ZERO..=Duration::from_secs(600)));
    table.finish(report);
    (boot.unwrap_or_default(), failback.unwrap_or_default())
}

pub(super) fn metrics(root: &mut Section<'_>, cx: &mut Context<'_>) -> Option<SocketAddr> {
    let report = &mut cx.report;
    let mut table = root.section(report, "metrics")?;
    let listen = table.get(report, "listen", |value| {
        const REMEDY: &str = "listen on \"127.0.0.1:PORT\" or \"[::1]:PORT\"";
        let address: SocketAddr = parsed("an address with a port", "\"127.0.0.1:9512\"")(value)?;
        if !address.ip().is_loopback() {
            return Err(Fault::new(&codes::METRICS_OPEN, format!("is {address}, which others can reach"), REMEDY));
        }
        if address.port() == 0 {
            return Err(Fault::new(&codes::OUT_OF_RANGE, "has port 0, which is a different one every time", REMEDY));
        }
        Ok(address)
    });
    table.finish(report);
    listen
}
