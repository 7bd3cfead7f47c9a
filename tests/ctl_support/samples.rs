//! Statuses that the tests of carpctl show, one for each kind of day an administrator may have.
#![allow(dead_code, clippy::unwrap_used, reason = "every test file uses some of them")]

use carpd::core::Unmanaged;
use carpd::core::attribution::{Part, PartSource};
use carpd::core::events::EventSource;
use carpd::core::ledger::LedgerState;
use carpd::core::link::Level;
use carpd::core::policy::{Mode, Require};
use carpd::core::role::Role;
use carpd::core::service::{ActionKind, ActionResult, Is, LastAction};
use carpd::core::status::{
    CarpStatus, DemotionStatus, EventsStatus, Health, LinkStatus, MaintenanceStatus, PeerStatus, PfsyncStatus, Problem,
    Protocol, SCHEMA, ServiceStatus, Severity, Source, Status, Verdict, VhidState, VhidStatus,
};
use carpd::model::{
    CarpCounters, CarpParameters, CarpState, CarpSysctls, Demotion, InterfaceSnapshot, LinkState, Snapshot, Vhid,
    VhidProtocol, VhidSnapshot, Wall,
};

/// The time at which all samples are shown.
pub(crate) const NOW: Wall = Wall::from_millis(1_777_000_000_000);

/// So many seconds before [`NOW`].
pub(crate) fn ago(seconds: i64) -> Wall {
    Wall::from_millis(NOW.as_millis() - seconds * 1000)
}

pub(crate) fn vhid(id: u32, interface: &str, state: VhidState, addresses: &[&str]) -> VhidStatus {
    VhidStatus {
        vhid: Vhid::new(id).unwrap(),
        interface: interface.parse().unwrap(),
        state,
        since: Some(ago(187_860)),
        protocol: Some(Protocol::Carp),
        advbase: Some(1),
        advskew: Some(0),
        effective_advskew: Some(0),
        peers: Vec::new(),
        priority: None,
        interval: None,
        addresses: addresses.iter().map(|&address| address.to_owned()).collect(),
        transitions: 2,
    }
}

pub(crate) fn part(name: &str, value: i32, source: PartSource, detail: &str) -> Part {
    Part { name: name.to_owned(), value, source, detail: detail.to_owned() }
}

pub(crate) fn problem(severity: Severity, what: &str, effect: &str, next: &str) -> Problem {
    Problem { severity, what: what.to_owned(), effect: effect.to_owned(), next: next.to_owned() }
}

pub(crate) fn gateway() -> ServiceStatus {
    ServiceStatus {
        name: "defguard_gateway".parse().unwrap(),
        follows: vec!["1@em0".parse().unwrap(), "3@em1".parse().unwrap()],
        require: Require::All,
        want: Some(Role::Active),
        is: Is::Running,
        health: Health::Ok,
        health_detail: String::new(),
        since: Some(ago(187_858)),
        busy: None,
        last_action: Some(LastAction {
            kind: ActionKind::Start,
            result: ActionResult::Ok,
            duration_ms: 1240,
            at: ago(187_858),
            detail: String::new(),
        }),
        deaths: 0,
        mode: Mode::Service,
        process: true,
        link: None,
        lacks: None,
        next_try: None,
        unmanaged: None,
        restarts: 0,
        given_up: false,
    }
}

/// A tunnel that is as its role wants it.
pub(crate) fn tunnel(want: Level) -> LinkStatus {
    LinkStatus {
        interface: "wg20".parse().unwrap(),
        want: Some(want),
        is: Some(if want == Level::Up { LinkState::Up } else { LinkState::Down }),
        since: Some(ago(720)),
        busy: None,
        wrong_for: None,
        error: String::new(),
        meddled: 0,
    }
}

/// A standby whose gateway runs warm, and whose tunnel somebody keeps raising.
pub(crate) fn warm() -> Status {
    let mut status = healthy();
    status.vhids.iter_mut().for_each(|vhid| vhid.state = VhidState::Backup);
    status.verdict.severity = Severity::Critical;
    status.verdict.summary = "BACKUP of 2/2 vhids".to_owned();
    status.verdict.problems = vec![problem(
        Severity::Critical,
        "wg20 is up although gateway is standby here: SIOCSIFFLAGS wg20: not permitted",
        "both nodes may answer there; it is taken down",
        "carpctl why gateway",
    )];
    let link = LinkStatus {
        is: Some(LinkState::Up),
        wrong_for: Some(12),
        since: Some(ago(12)),
        error: "SIOCSIFFLAGS wg20: not permitted".to_owned(),
        meddled: 4,
        ..tunnel(Level::Down)
    };
    let want = Some(Role::Standby);
    status.services = vec![
        ServiceStatus { name: "gateway".parse().unwrap(), want, mode: Mode::Warm, link: Some(link), ..gateway() },
        ServiceStatus {
            name: "wireguard".parse().unwrap(),
            want,
            is: Is::Stopped,
            process: false,
            last_action: None,
            link: Some(LinkStatus { interface: "wg0".parse().unwrap(), ..tunnel(Level::Down) }),
            ..gateway()
        },
    ];
    status
}

/// A person has taken a service over.
pub(crate) fn taken() -> Unmanaged {
    let (reason, by) = ("adoption of the second gateway".to_owned(), "anna".to_owned());
    Unmanaged { reason, by, since: ago(300), until: ago(-600) }
}

/// All is well: MASTER of everything.
pub(crate) fn healthy() -> Status {
    Status {
        schema: SCHEMA,
        node: "fw1".to_owned(),
        version: "1.2.0".to_owned(),
        source: Source::Daemon,
        time: NOW,
        verdict: Verdict { severity: Severity::Ok, summary: "MASTER of 3/3 vhids".to_owned(), problems: Vec::new() },
        vhids: vec![
            vhid(1, "em0", VhidState::Master, &["203.0.113.1/24", "203.0.113.2/24", "203.0.113.3/24"]),
            vhid(3, "em1", VhidState::Master, &["192.168.1.1/24"]),
            vhid(7, "em3", VhidState::Master, &["10.7.0.1/24", "fd00:7::1/64"]),
        ],
        demotion: DemotionStatus { total: Some(0), reasons: Vec::new(), ledger: LedgerState::Settled },
        carp: Some(CarpStatus { allow: true, preempt: true, ..CarpStatus::default() }),
        maintenance: MaintenanceStatus::default(),
        draining: false,
        services: vec![gateway()],
        pfsync: Some(PfsyncStatus {
            syncdev: Some("em2".parse().unwrap()),
            syncpeer: Some("10.0.0.2".to_owned()),
            mtu: Some(1500),
            version: 1400,
            in_sync: true,
        }),
        peer: None,
        events: EventsStatus {
            connected: true,
            sources: vec![EventSource::Devd, EventSource::Nlsysevent, EventSource::Rtnetlink],
            missed: 0,
        },
    }
}

fn demoted(status: &mut Status, reasons: Vec<Part>) {
    let total = reasons.iter().map(|part| part.value).sum();
    status.demotion = DemotionStatus { total: Some(total), reasons, ledger: LedgerState::Settled };
    for vhid in &mut status.vhids {
        vhid.effective_advskew = vhid.advskew.map(|_| 240);
    }
}

/// In maintenance, the peer has taken over.
pub(crate) fn maintenance() -> Status {
    let mut status = healthy();
    for vhid in &mut status.vhids {
        vhid.state = VhidState::Backup;
        vhid.since = Some(ago(304));
        vhid.transitions = 3;
    }
    let reasons = vec![
        part("maintenance", 240, PartSource::Carpd, "update 26.7.5"),
        part("write mark", 3, PartSource::Carpd, "tells carpd after a crash whether its last write arrived"),
    ];
    demoted(&mut status, reasons);
    status.maintenance = MaintenanceStatus {
        active: true,
        reason: Some("update 26.7.5".to_owned()),
        by: Some("anna".to_owned()),
        since: Some(ago(306)),
        until: Some(Wall::from_millis(NOW.as_millis() + 4_320_000)),
        opnsense: false,
        unknown: false,
        preflight: None,
    };
    let service = &mut status.services[0];
    service.want = Some(Role::Standby);
    service.is = Is::Stopped;
    service.health = Health::Unknown;
    service.since = Some(ago(303));
    service.last_action = Some(LastAction {
        kind: ActionKind::Stop,
        result: ActionResult::Ok,
        duration_ms: 430,
        at: ago(303),
        detail: String::new(),
    });
    status.verdict = Verdict {
        severity: Severity::Warning,
        summary: "BACKUP of 3/3 vhids".to_owned(),
        problems: vec![problem(
            Severity::Warning,
            "in maintenance",
            "this node gives up its VIPs while the peer lives",
            "carpctl maintenance leave",
        )],
    };
    status
}

/// A vhid that speaks VRRP.
pub(crate) fn vrrp(id: u32, interface: &str, state: VhidState, addresses: &[&str]) -> VhidStatus {
    VhidStatus {
        protocol: Some(Protocol::Vrrp),
        advbase: None,
        advskew: None,
        effective_advskew: None,
        priority: Some(150),
        interval: Some(100),
        ..vhid(id, interface, state, addresses)
    }
}

/// In maintenance, where one of the vhids speaks VRRP and stays.
pub(crate) fn mixed() -> Status {
    let mut status = maintenance();
    status.vhids[2] = vrrp(30, "em3", VhidState::Master, &["10.7.0.1/24", "fd00:7::1/64"]);
    status.verdict.summary = "MASTER of 1/3, BACKUP of 2/3 vhids".to_owned();
    status.verdict.problems.push(problem(
        Severity::Warning,
        "30@em3 stays MASTER here: demotion has no effect on VRRP",
        "the node's demotion of 243 moves its CARP vhids only",
        "to move one, give it less priority than the peer's: ifconfig em3 vhid 30 carpver 3 vrrpprio N",
    ));
    status
}

/// Several things are wrong at once.
pub(crate) fn sick() -> Status {
    let mut status = maintenance();
    status.vhids[0].since = None;
    status.vhids[2].state = VhidState::Init;
    status.vhids.push(VhidStatus {
        protocol: None,
        advbase: None,
        advskew: None,
        effective_advskew: None,
        since: None,
        transitions: 0,
        ..vhid(9, "vlan0.10", VhidState::Absent, &[])
    });
    let mut reasons = status.demotion.reasons.clone();
    reasons.push(part("interface down", 240, PartSource::Kernel, "em3"));
    reasons.push(part("unattributed", -16, PartSource::Unattributed, ""));
    demoted(&mut status, reasons);
    let service = &mut status.services[0];
    service.is = Is::Running;
    service.health = Health::Unhealthy;
    service.health_detail = "http: connection refused (127.0.0.1:8080)".to_owned();
    service.last_action = Some(LastAction {
        kind: ActionKind::Stop,
        result: ActionResult::TimedOut,
        duration_ms: 10_004,
        at: ago(12),
        detail: "killed at its limit of 10s".to_owned(),
    });
    service.since = None;
    status.services.push(ServiceStatus {
        name: "dhcp6-relay.of_the_guest_network-on-the-second-floor".parse().unwrap(),
        want: None,
        is: Is::Unknown,
        health: Health::Unknown,
        health_detail: String::new(),
        last_action: None,
        deaths: 0,
        lacks: None,
        next_try: None,
        unmanaged: None,
        restarts: 0,
        given_up: false,
        busy: Some(ActionKind::Check),
        ..gateway()
    });
    status.pfsync.as_mut().unwrap().in_sync = false;
    status.events = EventsStatus { connected: false, sources: vec![EventSource::Rtnetlink], missed: 7 };
    status.peer = Some(PeerStatus { node: "fw2".to_owned() });
    let mut problems = vec![problem(
        Severity::Critical,
        "defguard_gateway runs although it should be standby: stop killed at its limit of 10s",
        "it may run on both nodes",
        "carpctl why defguard_gateway",
    )];
    problems.push(problem(
        Severity::Warning,
        "em3 has no carrier",
        "its vhids are INIT and the whole node is demoted",
        "plug in em3, or look at its switch port",
    ));
    problems.push(problem(
        Severity::Warning,
        "vhid 9@vlan0.10 is configured but the kernel does not have it",
        "what follows it is standby on this node",
        "apply the configuration, or remove the vhid from it",
    ));
    problems.extend(status.verdict.problems);
    status.verdict = Verdict {
        severity: Severity::Critical,
        summary: "BACKUP of 2/4, INIT of 1/4, absent of 1/4 vhids".to_owned(),
        problems,
    };
    status
}

/// The daemon does not run; the kernel was asked.
pub(crate) fn daemon_dead() -> Status {
    let mut status = healthy();
    status.source = Source::Kernel;
    status.services.clear();
    status.events = EventsStatus::default();
    demoted(&mut status, vec![part("unattributed", 241, PartSource::Unattributed, "")]);
    status.demotion.ledger = LedgerState::Unread;
    status.maintenance.unknown = true;
    for vhid in &mut status.vhids {
        vhid.since = None;
        vhid.transitions = 0;
    }
    status.verdict = Verdict {
        severity: Severity::Warning,
        summary: "MASTER of 3/3 vhids".to_owned(),
        problems: vec![problem(
            Severity::Warning,
            "carpd does not run (socket /var/run/carpd/carpd.sock)",
            "services do not follow the election; this is the kernel's view alone",
            "start it: service carpd start",
        )],
    };
    status
}

/// The daemon runs, the kernel cannot be read.
pub(crate) fn unknown_kernel() -> Status {
    let mut status = healthy();
    for vhid in &mut status.vhids {
        *vhid = VhidStatus {
            state: VhidState::Unknown,
            since: None,
            protocol: None,
            advbase: None,
            advskew: None,
            effective_advskew: None,
            addresses: Vec::new(),
            ..vhid.clone()
        };
    }
    status.demotion.total = None;
    status.carp = None;
    status.pfsync = None;
    status.services[0].want = None;
    status.verdict = Verdict {
        severity: Severity::Critical,
        summary: "unknown of 3/3 vhids".to_owned(),
        problems: vec![problem(
            Severity::Critical,
            "the kernel cannot be read for 9 s: SIOCGVH em0: Device not configured",
            "running services are left alone for a while, nothing is started",
            "",
        )],
    };
    status
}

/// As many vhids as an interface can have.
pub(crate) fn crowded() -> Status {
    let mut status = healthy();
    status.vhids = (1..=255)
        .map(|number| vhid(number, "vlan0.4000", VhidState::Master, &[&format!("10.0.{number}.1/24")]))
        .collect();
    status.verdict.summary = "MASTER of 255/255 vhids".to_owned();
    status
}

/// Long addresses on interfaces with long names.
pub(crate) fn ipv6() -> Status {
    let mut status = healthy();
    let long = "2001:db8:1234:5678:9abc:def0:1234:5678/64";
    status.vhids = vec![
        vhid(
            1,
            "longname0.4094",
            VhidState::Master,
            &[long, "2001:db8:1234:5678:9abc:def0:1234:5679/64", "fe80::1/64"],
        ),
        vhid(2, "longname0.4094", VhidState::Master, &["fd00::1/64", "fd00::2/64", "fd00::3/64", "fd00::4/64"]),
        vhid(3, "longname0.4094", VhidState::Init, &[]),
    ];
    status.pfsync.as_mut().unwrap().syncpeer = Some("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff".to_owned());
    status
}

/// Words that are not ASCII, and some that try to take over the terminal.
pub(crate) fn unicode() -> Status {
    let mut status = maintenance();
    status.node = "büro-Москва".to_owned();
    status.maintenance.by = Some("Zoë".to_owned());
    status.maintenance.reason =
        Some("更新中です。ルータを交換しています。🚒\u{1b}[2J\u{202e}\nzweite Zeile".to_owned());
    status
}

/// What a kernel with these vhids shows.
pub(crate) fn snapshot(vhids: &[(&str, CarpState)]) -> Snapshot {
    let row = |(id, state): &(&str, CarpState)| VhidSnapshot {
        id: id.parse().unwrap(),
        state: *state,
        protocol: VhidProtocol::Carp(CarpParameters::default()),
        addresses: vec!["192.0.2.1/24".parse().unwrap()],
    };
    let vhids: Vec<VhidSnapshot> = vhids.iter().map(row).collect();
    Snapshot {
        boot: "boot".to_owned(),
        interfaces: vhids
            .iter()
            .map(|v| InterfaceSnapshot { name: v.id.interface.clone(), up: true, link: true })
            .collect(),
        vhids,
        sysctls: CarpSysctls {
            allow: true,
            preempt: true,
            demotion: Demotion::ZERO,
            ifdown_demotion_factor: Demotion::new(240),
            senderr_demotion_factor: Demotion::new(240),
            pfsync_demotion_factor: Demotion::new(240),
        },
        counters: CarpCounters::default(),
        pfsync: None,
        links: Vec::new(),
    }
}
