//! Rendering holds for any status, not only for those that somebody thought of.
#![allow(clippy::unwrap_used, reason = "a test may stop where it is wrong")]

#[path = "ctl_support/samples.rs"]
mod samples;

use carpd::core::attribution::PartSource;
use carpd::core::events::EventSource;
use carpd::core::link::Level;
use carpd::core::policy::{Mode, Require};
use carpd::core::role::Role;
use carpd::core::service::{ActionKind, ActionResult, Is, LastAction};
use carpd::core::status::{
    CarpStatus, EventsStatus, Health, LinkStatus, MaintenanceStatus, PeerStatus, PfsyncStatus, Protocol, ServiceStatus,
    Severity, Source, Status, VhidState, VhidStatus,
};
use carpd::ctl::render::check::{Expect, check};
use carpd::ctl::render::{View, demotion, maintenance, status, why};
use carpd::ctl::text::width;
use carpd::model::{LinkState, VhidRef, Wall};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[ -~]{0,60}", 1 => any::<String>()]
}

fn wall() -> impl Strategy<Value = Wall> {
    prop_oneof![
        4 => (-1_000_000_000..1_000_000_000_i64).prop_map(|off| Wall::from_millis(samples::NOW.as_millis() + off)),
        1 => any::<i64>().prop_map(Wall::from_millis),
    ]
}

fn severity() -> impl Strategy<Value = Severity> {
    select(vec![Severity::Ok, Severity::Unknown, Severity::Warning, Severity::Critical])
}

fn vhid_row() -> impl Strategy<Value = VhidStatus> {
    use VhidState::{Absent, Backup, Init, Master, Unknown};
    let state = select(vec![Init, Backup, Master, Absent, Unknown]);
    let numbers = (of(any::<u8>()), of(any::<u8>()), of(any::<u8>()), any::<u64>());
    let protocol = (of(select(vec![Protocol::Carp, Protocol::Vrrp])), of(any::<u8>()), of(any::<u16>()));
    let addresses = vec(prop_oneof![Just("192.0.2.1/24".to_owned()), text()], 0..5);
    (1..=255_u32, "[a-z0-9._-]{1,15}", state, of(wall()), numbers, protocol, addresses).prop_map(
        |(id, interface, state, since, (advbase, advskew, effective_advskew, transitions), speaks, addresses)| {
            VhidStatus {
                protocol: speaks.0,
                priority: speaks.1,
                interval: speaks.2,
                since,
                advbase,
                advskew,
                effective_advskew,
                addresses,
                transitions,
                ..samples::vhid(id, &interface, state, &[])
            }
        },
    )
}

fn action() -> impl Strategy<Value = LastAction> {
    let kind = select(vec![ActionKind::Fence, ActionKind::Start, ActionKind::Stop, ActionKind::Check]);
    let result = select(vec![ActionResult::Ok, ActionResult::Failed, ActionResult::TimedOut]);
    (kind, result, any::<u64>(), wall(), text()).prop_map(|(kind, result, duration_ms, at, detail)| LastAction {
        kind,
        result,
        duration_ms,
        at,
        detail,
    })
}

fn link_row(name: &str) -> Option<LinkStatus> {
    let length = name.len();
    let states = [LinkState::Up, LinkState::Stuck, LinkState::Down, LinkState::Absent];
    let levels = [Level::Up, Level::Down];
    (!length.is_multiple_of(5)).then(|| LinkStatus {
        interface: "longname0.4094".parse().unwrap(),
        want: levels.get(length % 3).copied(),
        is: states.get(length % 7).copied(),
        since: length.is_multiple_of(2).then(|| samples::ago(length as i64)),
        busy: levels.get(length % 4).copied(),
        wrong_for: length.is_multiple_of(3).then_some(length as u64),
        error: if length.is_multiple_of(4) { name.to_owned() } else { String::new() },
        meddled: length as u32 % 4,
    })
}

fn service_row() -> impl Strategy<Value = ServiceStatus> {
    let role = of(select(vec![Role::Active, Role::Standby]));
    let is = select(vec![Is::Unknown, Is::Running, Is::Stopped]);
    let health = select(vec![Health::Ok, Health::Unhealthy, Health::Unknown]);
    let require = select(vec![Require::All, Require::Any]);
    let busy = of(select(vec![ActionKind::Start, ActionKind::Stop, ActionKind::Check]));
    let follows = vec(select(vec!["1@em0", "3@em1", "255@longname0.4094"]), 0..3);
    let what = (role, is, health, require, busy);
    ("[A-Za-z0-9._-]{1,63}", what, follows, text(), of(wall()), of(action())).prop_map(
        |(name, (want, is, health, require, busy), follows, health_detail, since, last_action)| ServiceStatus {
            name: name.parse().unwrap(),
            follows: follows.into_iter().map(|id| id.parse::<VhidRef>().unwrap()).collect(),
            require,
            want,
            is,
            health,
            health_detail,
            since,
            deaths: name.len() as u32,
            mode: if name.len().is_multiple_of(2) { Mode::Warm } else { Mode::Service },
            process: !name.len().is_multiple_of(3),
            link: link_row(&name),
            lacks: (name.len() % 4 == 0).then(|| format!("{name} is missing")),
            next_try: (name.len() % 5 == 0).then(|| samples::ago(-7)),
            unmanaged: (name.len() % 3 == 0).then(samples::taken),
            restarts: name.len() as u32 % 4,
            given_up: name.len() % 2 == 0,
            busy,
            last_action,
        },
    )
}

prop_compose! {
    fn frame()(
        node in text(), version in text(), summary in text(), level in severity(), kernel: bool,
        problems in vec((severity(), text(), text(), text()), 0..4),
        peer in of(text()), connected: bool, sources in vec(select(EventSource::ALL.to_vec()), 0..3), missed: u64,
    ) -> Status {
        let mut status = samples::healthy();
        status.node = node;
        status.version = version;
        status.source = if kernel { Source::Kernel } else { Source::Daemon };
        status.verdict.severity = level;
        status.verdict.summary = summary;
        status.verdict.problems =
            problems.into_iter().map(|(level, a, b, c)| samples::problem(level, &a, &b, &c)).collect();
        status.peer = peer.map(|node| PeerStatus { node });
        status.events = EventsStatus { connected, sources, missed };
        status
    }
}

prop_compose! {
    fn any_status()(
        frame in frame(),
        vhids in vec(vhid_row(), 0..4),
        services in vec(service_row(), 0..3),
        total in of(any::<i32>()),
        parts in vec((select(vec!["maintenance", "health:gw/http", "write mark", "interface down", "x"]), any::<i32>(),
            select(vec![PartSource::Carpd, PartSource::Kernel, PartSource::Opnsense, PartSource::Unattributed]), text()), 0..4),
        carp in of((any::<bool>(), any::<bool>(), any::<u64>())),
        maintenance in (any::<bool>(), any::<bool>(), of(text()), of(text()), of(wall()), of(wall())),
        pfsync in of((of(Just("em2")), of(text()), any::<u32>(), any::<bool>())),
    ) -> Status {
        let mut status = frame;
        status.vhids = vhids;
        status.services = services;
        status.demotion.total = total;
        status.demotion.reasons =
            parts.into_iter().map(|(name, value, source, detail)| samples::part(name, value, source, &detail)).collect();
        status.carp = carp.map(|(allow, preempt, badauth)| CarpStatus { allow, preempt, badauth, badauth_ago: Some(badauth), badvhid: badauth, ..CarpStatus::default() });
        let (active, opnsense, reason, by, since, until) = maintenance;
        status.maintenance = MaintenanceStatus { active, reason, by, since, until, opnsense, unknown: false, preflight: None };
        status.pfsync = pfsync.map(|(syncdev, syncpeer, version, in_sync)| PfsyncStatus {
            syncdev: syncdev.map(|name| name.parse().unwrap()), syncpeer, mtu: None, version, in_sync,
        });
        status
    }
}

proptest! {
    #[test]
    fn no_page_is_wider_than_its_terminal_and_nothing_but_colour_reaches_it(
        sample in any_status(), columns in 40..200_u16, color: bool,
    ) {
        let view = View::new(columns, color, samples::NOW);
        let mut pages = vec![
            status::status(&sample, &view),
            status::brief(&sample, &view),
            why::node(&sample, &view),
            maintenance::entered(&sample, &sample.node, true, &view),
            maintenance::left(&sample, &sample.node, &view),
            maintenance::show(&sample, &view),
        ];
        for vhid in &sample.vhids {
            let id = VhidRef::new(vhid.vhid, vhid.interface.clone());
            pages.push(why::vhid(&sample, &id, &view).unwrap());
        }
        for service in &sample.services {
            pages.push(why::service(&sample, &service.name, &view).unwrap());
        }
        for page in pages {
            let mut plain = page;
            for code in ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[1;31m"] {
                plain = plain.replace(code, "");
            }
            for line in plain.lines() {
                prop_assert!(width(line) <= usize::from(columns), "{} of {columns}: {line:?}", width(line));
                prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            }
        }
    }

    #[test]
    fn a_check_is_always_one_line_with_one_bar(sample in any_status()) {
        for expect in [Expect::Master, Expect::Backup, Expect::Any] {
            let (_, line) = check(&sample, expect);
            prop_assert!(line.ends_with('\n') && line.matches('\n').count() == 1 && line.matches('|').count() == 1, "{line:?}");
        }
    }

    #[test]
    fn the_sum_that_is_shown_adds_up(total: i32, values in vec(any::<i32>(), 0..5)) {
        let mut sample = samples::healthy();
        sample.demotion.total = Some(total);
        sample.demotion.reasons =
            values.iter().map(|value| samples::part("x", *value, PartSource::Unattributed, "")).collect();
        let shown = demotion::sum(&sample, samples::NOW).replace('\u{a0}', " ");
        let (left, right) = shown.split_once('=').unwrap_or((&shown, "0"));
        let right = right.replace("x", "").replace("not told", "");
        let mut sum = 0_i64;
        let mut sign = 1;
        for word in right.split_whitespace() {
            match word {
                "+" => sign = 1,
                "-" => sign = -1,
                number => sum += sign * number.parse::<i64>().unwrap(),
            }
        }
        prop_assert_eq!(left.trim().parse::<i64>().unwrap(), sum, "{}", shown);
        prop_assert_eq!(i64::from(total), sum);
    }
}
