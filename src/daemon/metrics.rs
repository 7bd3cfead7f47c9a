//! The metrics, as Prometheus text.
//!
//! Everything is derived from the status at the moment of the question, so nothing outlives what it is about: a vhid or a
//! service that is gone has no series, and what is unknown has none that claims otherwise.

mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use text::{Histogram, Kind, Text};

use crate::core::attribution::PartSource;
use crate::core::events::EventSource;
use crate::core::ledger::LedgerState;
use crate::core::link::Level;
use crate::core::role::Role;
use crate::core::service::{ActionKind, Is, Outcome};
use crate::core::status::{Health, Severity, Status, VhidState};
use crate::model::{InterfaceName, LinkState, ServiceName, Wall};

/// What is counted from the daemon's start on.
#[derive(Debug)]
pub(crate) struct Counters {
    /// Batches of events.
    pub(crate) hints: u64,
    /// Looks at the kernel.
    pub(crate) reads: u64,
    /// Those that failed.
    pub(crate) failed_reads: u64,
    actions: BTreeMap<(ServiceName, &'static str), Actions>,
    links: BTreeMap<InterfaceName, Links>,
    event_to_action: Histogram,
    started: Wall,
    reloaded: Wall,
    reload_failed: bool,
}

#[derive(Debug, Default)]
struct Links {
    took: Histogram,
    failed: u64,
}

#[derive(Debug, Default)]
struct Actions {
    took: Histogram,
    failed: u64,
    forced: u64,
    timed_out: u64,
}

impl Counters {
    pub(crate) fn new(now: Wall) -> Self {
        Self {
            hints: 0,
            reads: 0,
            failed_reads: 0,
            actions: BTreeMap::new(),
            links: BTreeMap::new(),
            event_to_action: Histogram::default(),
            started: now,
            reloaded: now,
            reload_failed: false,
        }
    }

    /// A program that starts or stops a service has ended.
    pub(crate) fn acted(&mut self, service: &ServiceName, kind: ActionKind, took: Duration, outcome: &Outcome) {
        if kind == ActionKind::Check {
            return;
        }
        let actions = self.actions.entry((service.clone(), kind.as_str())).or_default();
        actions.took.observe(took);
        match outcome {
            Outcome::Failed(_) => actions.failed += 1,
            Outcome::Forced(_) => actions.forced += 1,
            Outcome::TimedOut => actions.timed_out += 1,
            Outcome::Done | Outcome::CutShort | Outcome::Running | Outcome::Stopped => {}
        }
    }

    /// An interface was brought up or down, or not.
    pub(crate) fn link_set(&mut self, interface: &InterfaceName, took: Duration, done: bool) {
        let links = self.links.entry(interface.clone()).or_default();
        links.took.observe(took);
        links.failed += u64::from(!done);
    }

    /// A service was started this long after the last event.
    pub(crate) fn event_to_action(&mut self, took: Duration) {
        self.event_to_action.observe(took);
    }

    pub(crate) fn reload_failed(&mut self) {
        self.reload_failed = true;
    }

    pub(crate) fn reload_succeeded(&mut self, now: Wall) {
        self.reload_failed = false;
        self.reloaded = now;
    }
}

/// All metrics of a node.
pub(crate) fn render(status: &Status, counters: &Counters) -> String {
    let mut out = Text::default();
    vhids(status, &mut out);
    demotion(status, &mut out);
    services(status, &mut out);
    links(status, counters, &mut out);
    actions(status, counters, &mut out);
    node(status, &mut out);
    daemon(status, counters, &mut out);
    out.finish()
}

fn vhids(status: &Status, out: &mut Text) {
    const STATES: [(VhidState, &str); 5] = [
        (VhidState::Master, "master"),
        (VhidState::Backup, "backup"),
        (VhidState::Init, "init"),
        (VhidState::Absent, "absent"),
        (VhidState::Unknown, "unknown"),
    ];
    let rows: Vec<_> = status.vhids.iter().map(|v| (v, v.vhid.to_string())).collect();
    out.family("carp_vhid_state", Kind::Gauge, "Whether the vhid is in this state.");
    for (row, vhid) in &rows {
        for (state, name) in STATES {
            let labels = [("interface", row.interface.as_str()), ("vhid", vhid), ("state", name)];
            out.flag(&labels, row.state == state);
        }
    }
    let mut numbers = |name, kind, help, value: &dyn Fn(&crate::core::status::VhidStatus) -> Option<f64>| {
        out.family(name, kind, help);
        for (row, vhid) in &rows {
            if let Some(value) = value(row) {
                out.sample(&[("interface", row.interface.as_str()), ("vhid", vhid)], value);
            }
        }
    };
    numbers("carp_vhid_advskew", Kind::Gauge, "The configured skew, in 1/256 s.", &|v| v.advskew.map(f64::from));
    let help = "The skew that goes out on the wire, demotion included, in 1/256 s.";
    numbers("carp_vhid_effective_advskew", Kind::Gauge, help, &|v| v.effective_advskew.map(f64::from));
    let help = "The vhid speaks VRRP: the demotion has no effect on it.";
    numbers("carp_vhid_vrrp", Kind::Gauge, help, &|v| v.protocol.map(|_| flag(v.is_vrrp())));
    numbers("carp_vhid_vrrp_priority", Kind::Gauge, "The priority; the highest wins.", &|v| v.priority.map(f64::from));
    let help = "The time between adverts of a vhid that speaks VRRP.";
    numbers("carp_vhid_vrrp_interval_seconds", Kind::Gauge, help, &|v| v.interval.map(|i| f64::from(i) / 100.0));
    let help = "Changes of the vhid's state since carpd's start.";
    numbers("carp_vhid_transitions_total", Kind::Counter, help, &|v| Some(whole(v.transitions)));
    let help = "When the vhid entered its state, if carpd has seen it.";
    numbers("carp_vhid_last_transition_timestamp_seconds", Kind::Gauge, help, &|v| v.since.map(seconds));
}

fn demotion(status: &Status, out: &mut Text) {
    if let Some(total) = status.demotion.total {
        out.single("carp_demotion_sum", Kind::Gauge, "net.inet.carp.demotion.", f64::from(total));
        let help = "The parts of net.inet.carp.demotion; they add up to carp_demotion_sum.";
        out.family("carp_demotion", Kind::Gauge, help);
        for part in &status.demotion.reasons {
            out.sample(&[("source", source(part.source)), ("reason", &part.name)], f64::from(part.value));
        }
    }
    out.family("carpd_ledger_state", Kind::Gauge, "Whether carpd knows its own share of the demotion.");
    let states = [
        (LedgerState::Unread, "unread"),
        (LedgerState::Settled, "settled"),
        (LedgerState::Moving, "moving"),
        (LedgerState::Uncertain, "uncertain"),
    ];
    for (state, name) in states {
        out.flag(&[("state", name)], status.demotion.ledger == state);
    }
    out.single("carpd_maintenance", Kind::Gauge, "The node is in maintenance.", flag(status.maintenance.active));
    if let Some(until) = status.maintenance.until {
        let help = "When the maintenance ends by itself.";
        out.single("carpd_maintenance_expiry_timestamp_seconds", Kind::Gauge, help, seconds(until));
    }
}

const fn source(source: PartSource) -> &'static str {
    match source {
        PartSource::Carpd => "carpd",
        PartSource::Kernel => "kernel",
        PartSource::Opnsense => "opnsense",
        PartSource::Unattributed => "unattributed",
    }
}

fn services(status: &Status, out: &mut Text) {
    let mut flags = |name, help, value: &dyn Fn(&crate::core::status::ServiceStatus) -> Option<bool>| {
        out.family(name, Kind::Gauge, help);
        for service in &status.services {
            if let Some(value) = value(service) {
                out.flag(&[("service", service.name.as_str())], value);
            }
        }
    };
    flags("carpd_service_desired", "The service should run on this node.", &|s| s.want.map(|r| r == Role::Active));
    flags("carpd_service_running", "The service runs on this node.", &|s| match s.is {
        Is::Running => Some(true),
        Is::Stopped => Some(false),
        Is::Unknown => None,
    });
    flags("carpd_service_healthy", "The running service passes its probes.", &|s| match s.health {
        Health::Ok => Some(true),
        Health::Unhealthy => Some(false),
        Health::Unknown => None,
    });
    let help = "Nothing is known to be missing for a start of the service on this node.";
    flags("carpd_service_ready", help, &|s| Some(s.lacks.is_none()));
    let help = "Restarts have not made the service healthy, and carpd restarts it no more.";
    flags("carpd_service_given_up", help, &|s| Some(s.given_up));
    let help = "A person has taken the service over: carpd neither starts, stops nor judges it.";
    flags("carpd_service_unmanaged", help, &|s| Some(s.unmanaged.is_some()));
    let help = "When carpd manages the service again by itself.";
    out.family("carpd_service_unmanaged_expiry_timestamp_seconds", Kind::Gauge, help);
    for service in &status.services {
        if let Some(taken) = &service.unmanaged {
            out.sample(&[("service", service.name.as_str())], seconds(taken.until));
        }
    }
    let help = "Restarts of the service for its health in the last ten minutes.";
    out.family("carpd_service_health_restarts", Kind::Gauge, help);
    for service in &status.services {
        out.sample(&[("service", service.name.as_str())], f64::from(service.restarts));
    }
}

fn links(status: &Status, counters: &Counters, out: &mut Text) {
    let links: Vec<_> = status.services.iter().filter_map(|s| Some((s.name.as_str(), s.link.as_ref()?))).collect();
    out.family("carpd_link_desired", Kind::Gauge, "The link of the service should be up on this node.");
    for (service, link) in &links {
        if let Some(want) = link.want {
            out.flag(&[("service", service), ("interface", link.interface.as_str())], want == Level::Up);
        }
    }
    out.family("carpd_link_up", Kind::Gauge, "The link of the service is up and runs.");
    for (service, link) in &links {
        if let Some(is) = link.is {
            out.flag(&[("service", service), ("interface", link.interface.as_str())], is == LinkState::Up);
        }
    }
    let help = "How long it took to bring the interface up or down.";
    out.family("carpd_link_duration_seconds", Kind::Histogram, help);
    let counted =
        || links.iter().filter_map(|(_, link)| Some((link.interface.as_str(), counters.links.get(&link.interface)?)));
    for (interface, counts) in counted() {
        out.histogram(&[("interface", interface)], &counts.took);
    }
    out.family("carpd_link_failures_total", Kind::Counter, "Attempts to bring the interface up or down that failed.");
    for (interface, counts) in counted() {
        out.sample(&[("interface", interface)], whole(counts.failed));
    }
}

fn actions(status: &Status, counters: &Counters, out: &mut Text) {
    let configured = |name: &ServiceName| status.services.iter().any(|s| s.name == *name);
    let actions: Vec<_> = counters.actions.iter().filter(|((service, _), _)| configured(service)).collect();
    let help = "How long the programs that start or stop the service ran.";
    out.family("carpd_action_duration_seconds", Kind::Histogram, help);
    for ((service, action), counts) in &actions {
        out.histogram(&[("service", service.as_str()), ("action", action)], &counts.took);
    }
    let help = "Programs that failed, were killed at their limit, or left a service to be ended by force.";
    out.family("carpd_action_failures_total", Kind::Counter, help);
    for ((service, action), counts) in &actions {
        for (result, count) in [("failed", counts.failed), ("forced", counts.forced), ("timed_out", counts.timed_out)] {
            let labels = [("service", service.as_str()), ("action", *action), ("result", result)];
            out.sample(&labels, whole(count));
        }
    }
    let help = "From the last event to the start of a service.";
    out.family("carpd_event_to_action_seconds", Kind::Histogram, help);
    out.histogram(&[], &counters.event_to_action);
}

fn node(status: &Status, out: &mut Text) {
    if let Some(carp) = &status.carp {
        let help = "Adverts with another key or another address list since boot.";
        out.single("carp_adverts_badauth_total", Kind::Counter, help, whole(carp.badauth));
        let help = "Adverts for a vhid that is not configured here since boot.";
        out.single("carp_adverts_badvhid_total", Kind::Counter, help, whole(carp.badvhid));
        out.single("carp_preempt", Kind::Gauge, "net.inet.carp.preempt.", flag(carp.preempt));
        out.single("carp_allow", Kind::Gauge, "net.inet.carp.allow.", flag(carp.allow));
    }
    if let Some(pfsync) = &status.pfsync {
        let help = "No bulk update is running.";
        out.single("pfsync_in_sync", Kind::Gauge, help, flag(pfsync.in_sync));
    }
}

fn daemon(status: &Status, counters: &Counters, out: &mut Text) {
    let severities = [
        (Severity::Critical, "critical"),
        (Severity::Warning, "warning"),
        (Severity::Unknown, "unknown"),
        (Severity::Ok, "ok"),
    ];
    out.family("carpd_verdict", Kind::Gauge, "The judgement of `carpctl status`.");
    for (severity, name) in severities {
        out.flag(&[("severity", name)], status.verdict.severity == severity);
    }
    let help = "A source of events is connected that announces every change.";
    out.single("carpd_events_connected", Kind::Gauge, help, flag(status.events.connected));
    out.family("carpd_event_source_connected", Kind::Gauge, "A source of events is connected.");
    for source in EventSource::ALL {
        out.flag(&[("source", source.as_str())], status.events.sources.contains(&source));
    }
    let help = "Changes of a vhid's state that no event announced, but a regular look showed.";
    out.single("carpd_events_missed_total", Kind::Counter, help, whole(status.events.missed));
    out.single(
        "carpd_hints_total",
        Kind::Counter,
        "Batches of events that were a reason to look.",
        whole(counters.hints),
    );
    out.single("carpd_kernel_reads_total", Kind::Counter, "Looks at the kernel.", whole(counters.reads));
    let help = "Looks at the kernel that failed.";
    out.single("carpd_kernel_read_failures_total", Kind::Counter, help, whole(counters.failed_reads));
    let help = "The last reading of the configuration found something usable.";
    out.single("carpd_config_last_reload_successful", Kind::Gauge, help, flag(!counters.reload_failed));
    let help = "When a usable configuration was read last.";
    let name = "carpd_config_last_reload_success_timestamp_seconds";
    out.single(name, Kind::Gauge, help, seconds(counters.reloaded));
    out.single("carpd_start_timestamp_seconds", Kind::Gauge, "When carpd started.", seconds(counters.started));
    out.family("carpd_build_info", Kind::Gauge, "Always 1.");
    out.sample(&[("version", status.version.as_str())], 1.0);
}

fn flag(set: bool) -> f64 {
    f64::from(u8::from(set))
}

/// Exact up to 2^53, which no counter here reaches.
#[allow(clippy::cast_precision_loss)]
fn whole(count: u64) -> f64 {
    count as f64
}

#[allow(clippy::cast_precision_loss)]
fn seconds(wall: Wall) -> f64 {
    wall.as_millis() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::testing::{at, policy, service, snapshot};
    use crate::core::{Core, Input, Journal, Loaded};
    use crate::model::CarpState::{Backup, Master};

    fn core() -> Core {
        let policy = policy(vec![service("gw", &["1@em0"])]);
        let mut core = Core::new(policy, Loaded::Journal(Journal::default()), at(0));
        core.step(Input::Tick, at(0));
        core
    }

    #[test]
    fn every_sample_belongs_to_a_described_family_and_appears_once() {
        let mut core = core();
        core.step(Input::Read { result: Ok(snapshot(&[("1@em0", Master), ("2@em0", Backup)])), log: vec![] }, at(1));
        let mut counters = Counters::new(at(0).wall);
        let gw = "gw".parse().unwrap();
        counters.acted(&gw, ActionKind::Start, Duration::from_millis(30), &Outcome::Done);
        counters.acted(&gw, ActionKind::Stop, Duration::from_secs(300), &Outcome::TimedOut);
        counters.acted(&"gone".parse().unwrap(), ActionKind::Stop, Duration::ZERO, &Outcome::Done);
        let text = render(&core.status(at(2)), &counters);
        let mut family = "";
        let (mut families, mut seen) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                family = rest.split_once(' ').unwrap().0;
                assert!(families.insert(family), "{family} twice");
            } else if !line.starts_with("# TYPE ") {
                let (series, value) = line.rsplit_once(' ').unwrap();
                assert!(series.starts_with(family), "{line} is not of {family}");
                assert!(seen.insert(series), "{series} twice");
                assert!(value.parse::<f64>().is_ok(), "{line}");
            }
        }
        for line in [
            "carp_vhid_state{interface=\"em0\",vhid=\"1\",state=\"master\"} 1",
            "carp_vhid_state{interface=\"em0\",vhid=\"2\",state=\"master\"} 0",
            "carpd_action_duration_seconds_bucket{service=\"gw\",action=\"start\",le=\"0.05\"} 1",
            "carpd_action_duration_seconds_bucket{service=\"gw\",action=\"stop\",le=\"60\"} 0",
            "carpd_action_duration_seconds_count{service=\"gw\",action=\"stop\"} 1",
            "carpd_action_failures_total{service=\"gw\",action=\"stop\",result=\"timed_out\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
        assert!(!text.contains("gone"), "a service that is not configured has no series");
    }

    #[test]
    fn an_unreadable_kernel_leaves_no_stale_series() {
        let mut core = core();
        core.step(Input::Read { result: Ok(snapshot(&[("1@em0", Master)])), log: vec![] }, at(1));
        core.step(Input::Read { result: Err("gone".into()), log: vec![] }, at(5_001));
        let text = render(&core.status(at(6_000)), &Counters::new(at(0).wall));
        assert!(text.contains("carp_vhid_state{interface=\"em0\",vhid=\"1\",state=\"master\"} 0"));
        assert!(text.contains("carp_vhid_state{interface=\"em0\",vhid=\"1\",state=\"unknown\"} 1"));
        assert!(!text.contains("carp_demotion_sum") && !text.contains("carp_vhid_effective_advskew{"));
    }
}
