//! Whatever happens to a pair, in whatever order: every promise is kept, and all is in order when the faults are over.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail by panic")]

use std::fmt::Write;
use std::path::Path;

use carpd::lab::scenario::Scenario;
use proptest::prelude::*;
use proptest::sample::select;

/// What a service can be made to do, and not to do any more.
const FAULTS: [&str; 7] = [
    "service files missing",
    "service fence fails",
    "service start fails",
    "service start lies",
    "service dies at start",
    "service stop hangs",
    "service unhealthy",
];

const NODES: [&str; 2] = ["fw1", "fw2"];

/// What may happen to a node, as a step of a scenario without its time and node.
fn to_node() -> impl Strategy<Value = String> {
    let interface = select(vec!["wan", "lan", "opt1"]);
    let on = any::<bool>();
    let fixed = select(vec![
        "do = \"crash\"",
        "do = \"boot\"",
        "do = \"reboot\"\ndown_for = \"20s\"",
        "do = \"daemon kill\"",
        "do = \"daemon start\"",
        "do = \"daemon stop\"",
        "do = \"devd down\"",
        "do = \"devd up\"",
        "do = \"lose events\"\nfor = \"20s\"",
        "do = \"maintenance enter\"",
        "do = \"maintenance enter\"\nforce = true",
        "do = \"maintenance enter\"\nfor = \"30s\"",
        "do = \"maintenance leave\"",
        "do = \"maintenance leave\"",
        "do = \"demotion reset\"",
        "do = \"opnsense maintenance enter\"",
        "do = \"opnsense maintenance leave\"",
        "do = \"carp disable\"",
        "do = \"carp enable\"",
        "do = \"pfsync reset\"",
        "do = \"clock forward\"\nby = \"1h\"",
        "do = \"clock back\"\nby = \"1h\"",
        "do = \"service crash\"\nservice = \"gateway\"",
        "do = \"service start\"\nservice = \"gateway\"",
        "do = \"gui save\"\nservice = \"gateway\"",
        "do = \"core lost\"\nservice = \"gateway\"",
        "do = \"core back\"\nservice = \"gateway\"",
        "do = \"core push\"\nservice = \"gateway\"",
        "do = \"interface up\"\ninterface = \"wg20\"",
        "do = \"interface down\"\ninterface = \"wg20\"",
        "do = \"interface destroy\"\ninterface = \"wg20\"",
        "do = \"service unmanage\"\nservice = \"gateway\"\nfor = \"40s\"",
        "do = \"service manage\"\nservice = \"gateway\"",
        "do = \"vip add\"\nvhid = \"1@wan\"\naddress = \"172.18.0.110/24\"",
        "do = \"vip del\"\nvhid = \"1@wan\"\naddress = \"172.18.0.110/24\"",
        "do = \"password\"\nvhid = \"3@lan\"\npassword = \"one\"",
        "do = \"password\"\nvhid = \"3@lan\"\npassword = \"two\"",
    ]);
    let dies = select(vec!["before journal", "after journal", "before write", "after write"]);
    let switched = select(vec!["allow", "preempt", "disk full", "kernel unreadable"]);
    let service = select(FAULTS.to_vec());
    let cable = select(vec!["cable pull", "cable plug", "cable cut", "cable mend"]);
    prop_oneof![
        6 => fixed.prop_map(str::to_owned),
        2 => (cable, interface).prop_map(|(act, at)| format!("do = \"{act}\"\ninterface = \"{at}\"")),
        2 => (switched, on).prop_map(|(act, on)| format!("do = \"{act}\"\non = {on}")),
        1 => (service, on).prop_map(|(act, on)| format!("do = \"{act}\"\nservice = \"gateway\"\non = {on}")),
        1 => dies.prop_map(|when| format!("do = \"daemon dies\"\nwhen = \"{when}\"")),
        1 => (-20..20_i32).prop_map(|n| format!("do = \"demotion add\"\nby = {}", n * 240)),
    ]
}

fn to_network() -> impl Strategy<Value = String> {
    (select(vec!["wan", "lan"]), 0..4_u8).prop_map(|(at, what)| {
        let act = match what {
            0 => "do = \"partition\"",
            1 => "do = \"heal\"",
            2 => "do = \"one-way cut\"\nfrom = \"fw1\"\nto = \"fw2\"",
            _ => "do = \"loss\"\npercent = 30",
        };
        format!("{act}\ninterface = \"{at}\"")
    })
}

/// A step: how many milliseconds after the one before, and what.
fn step() -> impl Strategy<Value = (u64, String)> {
    let wait = prop_oneof![0..50_u64, 0..3_000_u64, 0..30_000_u64];
    let what = prop_oneof![
        9 => (select(NODES.to_vec()), to_node()).prop_map(|(node, act)| format!("node = \"{node}\"\n{act}")),
        1 => to_network(),
    ];
    (wait, what)
}

/// Everything that ends a fault.
fn repairs() -> Vec<String> {
    let mut repairs = Vec::new();
    for at in ["wan", "lan"] {
        repairs.push(format!("do = \"heal\"\ninterface = \"{at}\""));
        repairs.push(format!("do = \"loss\"\npercent = 0\ninterface = \"{at}\""));
    }
    for node in NODES {
        let mut add = |act: String| repairs.push(format!("node = \"{node}\"\n{act}"));
        add("do = \"boot\"".to_owned());
        add("do = \"disk full\"\non = false".to_owned());
        add("do = \"kernel unreadable\"\non = false".to_owned());
        for at in ["wan", "lan", "opt1"] {
            add(format!("do = \"cable mend\"\ninterface = \"{at}\""));
            add(format!("do = \"cable plug\"\ninterface = \"{at}\""));
        }
        for fault in FAULTS {
            add(format!("do = \"{fault}\"\nservice = \"gateway\"\non = false"));
        }
        add("do = \"core back\"\nservice = \"gateway\"".to_owned());
        add("do = \"devd up\"".to_owned());
    }
    repairs
}

/// Follows the repairs, when nodes that were off have booted.
fn settings() -> Vec<String> {
    let mut settings = Vec::new();
    for node in NODES {
        for act in [
            "do = \"daemon start\"",
            "do = \"carp enable\"",
            "do = \"preempt\"\non = true",
            "do = \"vip add\"\nvhid = \"1@wan\"\naddress = \"172.18.0.110/24\"",
            "do = \"password\"\nvhid = \"3@lan\"\npassword = \"one\"",
        ] {
            settings.push(format!("node = \"{node}\"\n{act}"));
        }
    }
    settings
}

/// How the service behaves when nobody disturbs it.
fn manners() -> impl Strategy<Value = &'static str> {
    select(vec![
        "",
        "tunnel = \"wg20\"\n",
        "tunnel = \"wg20\"\nstart = \"background\"\nup_after = \"3s\"\nraises = true\ncore_after = \"2s\"\n",
        "tunnel = \"wg20\"\nstart = \"background\"\ncore_after = \"10s\"\ncore_grace = \"30s\"\n",
    ])
}

/// What of it follows the election.
fn link() -> impl Strategy<Value = &'static str> {
    select(vec!["", "fence = true\nmin_master = \"5s\"\n", "link = \"wg20\"\n", "link = \"wg20\"\nmode = \"warm\"\n"])
}

fn scenario(hold: bool, probe: bool, link: &str, manners: &str, steps: &[(u64, String)]) -> String {
    let mut text = String::new();
    let mut time = 10_000;
    let mut add = |time: u64, what: &str| {
        write!(text, "\n[[at]]\ntime = \"{}s{}ms\"\n{what}\n", time / 1000, time % 1000).unwrap();
    };
    for (wait, what) in steps {
        time += wait;
        add(time, what);
    }
    repairs().iter().for_each(|what| add(time + 1_000, what));
    settings().iter().for_each(|what| add(time + 2_000, what));
    let mut service =
        "[[service]]\nname = \"gateway\"\nfollows = [\"1@wan\", \"3@lan\"]\nstart_takes = \"2s\"\n".to_owned();
    service.push_str(link);
    service.push_str("\n[service.manners]\n");
    service.push_str(manners);
    if probe {
        service.push_str("\n[[service.probe]]\nname = \"http\"\nevery = \"2s\"\ndemote = 112\n");
    }
    let hold = if hold { 30 } else { 0 };
    let end = time / 1000 + 300;
    format!(
        "title = \"random\"\nduration = \"{end}s\"\nnodes = \"example\"\n\n[carpd]\nboot_hold = \"{hold}s\"\nfailback_hold = \"{hold}s\"\nlink_takes = \"20ms\"\n\n{service}{text}"
    )
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_promise_is_kept_whatever_happens(hold: bool, probe: bool, link in link(), manners in manners(), steps in prop::collection::vec(step(), 1..15), seed in 0..1000_u64) {
        let text = scenario(hold, probe, link, manners, &steps);
        let scenario = Scenario::parse(Path::new("random.toml"), &text).unwrap_or_else(|m| panic!("{}\n{text}", m[0]));
        let report = scenario.run(seed).unwrap();
        prop_assert!(report.broken.is_empty(), "{report}\n{text}");
    }
}
