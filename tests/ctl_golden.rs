//! What carpctl shows, compared with what it is meant to show.
//!
//! `UPDATE_GOLDEN=1 cargo nextest run --test ctl_golden` writes the files anew; read the difference before you commit it.
#![allow(clippy::unwrap_used, reason = "a test may stop where it is wrong")]

#[path = "ctl_support/samples.rs"]
mod samples;

use std::path::Path;

use carpd::control::Entry;
use carpd::core::io::{Level, Note, Topic};
use carpd::core::plan::{self as core_plan, Wanted, WantedVhid};
use carpd::core::status::{Health, Status, VhidState};
use carpd::ctl::plan::document::Document;
use carpd::ctl::render::check::{Expect, check};
use carpd::ctl::render::{View, history, maintenance, plan, status, why};
use carpd::ctl::text::width;
use carpd::model::{
    AdvBase, AdvSkew, CarpKey, CarpParameters, CarpState, CarpVariable, Demotion, InterfaceInventory, Inventory,
    PfsyncSettings, VhidInventory, VhidProtocol, VhidSettings, VhidSnapshot,
};
use jiff::tz::TimeZone;
use samples::{NOW, ago};

fn view() -> View {
    View::new(80, false, NOW)
}

/// Compares `shown` with the file `name`, and holds it to 80 columns.
fn golden(name: &str, shown: &str) {
    for line in shown.lines() {
        assert!(width(line) <= 80, "{name}: {} columns: {line}", width(line));
        assert_eq!(line, line.trim_end(), "{name}: blanks at the end");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, shown).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(shown == expected, "{name} is now\n{shown}\ninstead of\n{expected}\nUPDATE_GOLDEN=1 accepts it");
}

fn status_page(status: &Status) -> String {
    status::status(status, &view())
}

#[test]
fn a_status_looks_as_designed() {
    golden("healthy", &status_page(&samples::healthy()));
    golden("sick", &status_page(&samples::sick()));
    golden("maintenance", &status_page(&samples::maintenance()));
    golden("daemon_dead", &status_page(&samples::daemon_dead()));
    golden("unknown_kernel", &status_page(&samples::unknown_kernel()));
    golden("crowded", &status_page(&samples::crowded()));
    golden("ipv6", &status_page(&samples::ipv6()));
    golden("unicode", &status_page(&samples::unicode()));
    golden("vrrp", &status_page(&samples::mixed()));
    golden("warm", &status_page(&samples::warm()));
}

#[test]
fn a_wide_terminal_is_used() {
    let wide = View::new(130, false, NOW);
    let shown = status::status(&samples::ipv6(), &wide);
    assert!(shown.contains("fd00::1/64, fd00::2/64, fd00::3/64, fd00::4/64\n"), "{shown}");
    let shown = status::status(&samples::sick(), &wide);
    assert!(shown.contains("dhcp6-relay.of_the_guest_networ…"), "{shown}");
}

#[test]
fn a_brief_status_says_all_is_well_or_what_is_not() {
    assert_eq!(status::brief(&samples::healthy(), &view()), "fw1: all is well\n");
    golden("brief_sick", &status::brief(&samples::sick(), &view()));
}

#[test]
fn colour_is_never_the_only_carrier_of_meaning() {
    for sample in [samples::healthy(), samples::sick(), samples::unknown_kernel()] {
        let colored = status::status(&sample, &View::new(80, true, NOW));
        assert!(colored.contains("\x1b[") && !status_page(&sample).contains('\x1b'));
        let mut plain = String::new();
        for piece in colored.split("\x1b[") {
            plain.push_str(match piece.split_once('m') {
                Some((code, rest)) if code.bytes().all(|b| b.is_ascii_digit() || b == b';') => rest,
                _ => piece,
            });
        }
        assert_eq!(plain, status_page(&sample));
    }
}

#[test]
fn an_explanation_looks_as_designed() {
    let id = |text: &str| text.parse().unwrap();
    let vhid = |status: &Status, name: &str| why::vhid(status, &id(name), &view()).unwrap();
    golden("why_node", &why::node(&samples::sick(), &view()));
    golden("why_master", &vhid(&samples::healthy(), "1@em0"));
    golden("why_demoted", &vhid(&samples::maintenance(), "3@em1"));
    golden("why_init", &vhid(&samples::sick(), "7@em3"));
    let mut no_preempt = samples::maintenance();
    no_preempt.carp.as_mut().unwrap().preempt = false;
    golden("why_no_preempt", &vhid(&no_preempt, "3@em1"));
    golden("why_unknown", &vhid(&samples::unknown_kernel(), "3@em1"));
    let service = "defguard_gateway".parse().unwrap();
    golden("why_service", &why::service(&samples::healthy(), &service, &view()).unwrap());
    golden("why_service_sick", &why::service(&samples::sick(), &service, &view()).unwrap());
    golden("why_warm", &why::service(&samples::warm(), &"gateway".parse().unwrap(), &view()).unwrap());
    golden("why_link", &why::service(&samples::warm(), &"wireguard".parse().unwrap(), &view()).unwrap());
    let mut given_up = samples::healthy();
    let gateway = &mut given_up.services[0];
    (gateway.health, gateway.restarts, gateway.given_up) = (Health::Unhealthy, 5, true);
    gateway.health_detail = "http: connection refused (127.0.0.1:8080)".to_owned();
    golden("why_service_given_up", &why::service(&given_up, &service, &view()).unwrap());
    golden("why_without_daemon", &why::node(&samples::daemon_dead(), &view()));
    let mut rejecting = samples::healthy();
    let carp = rejecting.carp.as_mut().unwrap();
    (carp.badauth, carp.badauth_ago) = (12, Some(2));
    golden("why_two_masters", &vhid(&rejecting, "1@em0"));
    let mut settling = samples::healthy();
    settling.vhids[0].state = VhidState::Backup;
    golden("why_vrrp_master", &vhid(&samples::mixed(), "30@em3"));
    let mut backup = samples::mixed();
    backup.vhids[2].state = VhidState::Backup;
    golden("why_vrrp_backup", &vhid(&backup, "30@em3"));
    golden("why_vrrp_node", &why::node(&samples::mixed(), &view()));
    golden("why_settling", &why::service(&settling, &service, &view()).unwrap());
    let unknown = why::service(&samples::healthy(), &"dhcpd".parse().unwrap(), &view());
    assert!(unknown.unwrap_err().contains("its services are defguard_gateway"));
    let unknown = why::vhid(&samples::healthy(), &id("2@em0"), &view());
    assert!(unknown.unwrap_err().contains("its vhids are 1@em0, 3@em1, 7@em3"));
}

#[test]
fn maintenance_says_what_it_means_for_the_election() {
    let mut still_master = samples::maintenance();
    for vhid in &mut still_master.vhids {
        vhid.state = VhidState::Master;
    }
    still_master.verdict.summary = "MASTER of 3/3 vhids".to_owned();
    golden("enter", &maintenance::entered(&still_master, "in maintenance", false, &view()));
    golden("enter_moved", &maintenance::entered(&samples::maintenance(), "in maintenance", true, &view()));
    golden("enter_stuck", &maintenance::entered(&still_master, "in maintenance", true, &view()));
    let said = "in maintenance; vhid 30@em3 speaks VRRP and will not move: demotion has no effect on VRRP";
    golden("enter_vrrp", &maintenance::entered(&samples::mixed(), said, true, &view()));
    golden("show", &maintenance::show(&samples::maintenance(), &view()));
    golden("show_none", &maintenance::show(&samples::healthy(), &view()));
    let mut back = samples::maintenance();
    back.demotion = samples::healthy().demotion;
    back.maintenance = samples::healthy().maintenance;
    for vhid in &mut back.vhids {
        vhid.effective_advskew = vhid.advskew;
    }
    golden("leave", &maintenance::left(&back, "maintenance left", &view()));
}

#[test]
fn a_check_is_one_line_with_figures() {
    let check = |status: &Status, expect| check(status, expect).1;
    let lines = [
        check(&samples::healthy(), Expect::Any),
        check(&samples::healthy(), Expect::Backup),
        check(&samples::maintenance(), Expect::Master),
        check(&samples::sick(), Expect::Any),
        check(&samples::daemon_dead(), Expect::Master),
        check(&samples::unknown_kernel(), Expect::Any),
        check(&samples::mixed(), Expect::Any),
    ];
    for line in &lines {
        assert_eq!((line.matches('\n').count(), line.matches('|').count()), (1, 1), "{line}");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/check.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, lines.concat()).unwrap();
    }
    assert_eq!(lines.concat(), std::fs::read_to_string(path).unwrap());
}

#[test]
fn a_history_looks_as_designed() {
    let entry = |seq, seconds, level, topic, object: &str, text: &str| Entry {
        seq,
        time: ago(seconds),
        note: Note { level, topic, object: object.to_owned(), text: text.to_owned() },
    };
    let entries = [
        entry(1, 187_860, Level::Info, Topic::Vhid, "1@vtnet0", "BACKUP -> MASTER after 3.1 s"),
        entry(2, 187_858, Level::Info, Topic::Service, "defguard_gateway", "start ok after 1.240 s"),
        entry(3, 306, Level::Info, Topic::Maintenance, "", "entered by anna, until 2026-04-24T04:18:40.000Z: update"),
        entry(
            4,
            12,
            Level::Error,
            Topic::Service,
            "defguard_gateway",
            "stop failed after 10.004 s: killed at its limit",
        ),
        entry(5, 0, Level::Warning, Topic::Daemon, "", "lost the connection to devd"),
    ];
    golden("history", &history::entries(&entries, &view(), &TimeZone::UTC));
    golden("history_empty", &history::entries(&[], &view(), &TimeZone::UTC));
    golden("event", &history::event(&entries[3], &view(), &TimeZone::UTC));
}

/// A file with a vhid on em0, one on em1 that is new, and pfsync; the kernel with three other addresses and a vhid of its own.
fn plans() -> (Wanted, Inventory) {
    let settings = VhidSettings {
        advbase: AdvBase::DEFAULT,
        advskew: AdvSkew::new(100).unwrap(),
        key: Some(CarpKey::from_password(b"secret")),
        peer: None,
        peer6: None,
    };
    let want = |id: &str, addresses: &[&str]| WantedVhid {
        id: id.parse().unwrap(),
        settings: settings.clone(),
        addresses: addresses.iter().map(|net| net.parse().unwrap()).collect(),
    };
    let pfsync = PfsyncSettings {
        syncdev: "em2".parse().ok(),
        syncpeer: "10.0.0.2".parse().ok(),
        version: 1400,
        defer: false,
        maxupdates: 128,
    };
    let wanted = Wanted {
        vhids: vec![want("1@em0", &["192.0.2.1/24", "192.0.2.9/32"]), want("3@em1", &["2001:db8:1::1/64"])],
        remove: Vec::new(),
        pfsync: Some(pfsync.clone()),
        preempt: true,
    };
    let seen = |id: &str, state, addresses: &[&str]| VhidInventory {
        seen: VhidSnapshot {
            id: id.parse().unwrap(),
            state,
            protocol: VhidProtocol::Carp(CarpParameters::default()),
            addresses: addresses.iter().map(|net| net.parse().unwrap()).collect(),
        },
        key: Some(CarpKey::from_password(b"secret")),
    };
    let interface = |name: &str| InterfaceInventory {
        name: name.parse().unwrap(),
        up: true,
        link: true,
        may_carry_carp: true,
        plain: Vec::new(),
    };
    let have = Inventory {
        vhids: vec![
            seen("1@em0", CarpState::Master, &["192.0.2.1/24", "192.0.2.5/32"]),
            seen("7@em1", CarpState::Backup, &["203.0.113.1/24"]),
        ],
        interfaces: ["em0", "em1", "em2"].map(interface).into(),
        variables: vec![(CarpVariable::Preempt, 0)],
        demotion: Demotion::ZERO,
        pfsync: Some(PfsyncSettings { syncdev: None, ..pfsync }),
    };
    (wanted, have)
}

#[test]
fn a_plan_looks_as_designed_and_never_shows_a_key() {
    let (mut wanted, mut have) = plans();
    let show = |wanted: &Wanted, have: &Inventory| {
        let document = Document::of("fw1", &core_plan::plan(wanted, have));
        let json = serde_json::to_string_pretty(&document).unwrap() + "\n";
        assert!(!json.contains("secret"));
        (plan::page(&document, &view()), json)
    };
    golden("plan", &show(&wanted, &have).0);
    let json = show(&wanted, &have).1;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/plan.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &json).unwrap();
    }
    assert_eq!(json, std::fs::read_to_string(&path).unwrap_or_default());
    have.interfaces[0].up = false;
    have.pfsync = None;
    wanted.vhids[1].addresses.push("203.0.113.1/24".parse().unwrap());
    golden("plan_refused", &show(&wanted, &have).0);
    let (mut wanted, mut have) = plans();
    wanted.vhids.clear();
    wanted.pfsync = None;
    have.variables = vec![(CarpVariable::Preempt, 1)];
    golden("plan_equal", &show(&wanted, &have).0);
    let (mut wanted, mut have) = plans();
    wanted.vhids.truncate(1);
    wanted.vhids[0].settings.advskew = AdvSkew::default();
    wanted.vhids[0].addresses = have.vhids[0].seen.addresses.clone();
    wanted.pfsync = None;
    have.variables = vec![(CarpVariable::Preempt, 1)];
    have.vhids[0].key = None;
    golden("plan_unknown", &show(&wanted, &have).0);
    let why = "vips.source is \"kernel\", so carpd.toml sets up none";
    golden("plan_not_owned", &plan::page(&Document::not_owned("fw1", why), &view()));
}
