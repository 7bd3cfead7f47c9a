//! The lab does what a FreeBSD 15.1 kernel was recorded doing: the same commands at the same times give the same events and states.
//!
//! How closely, and what is left out, is said in `lab_replays_recordings/replay.rs`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod lab_replays_recordings {
    pub(crate) mod behaviour;
    pub(crate) mod recording;
    pub(crate) mod replay;
    pub(crate) mod rig;
}

use lab_replays_recordings::recording::read;
use lab_replays_recordings::replay::Replay;
use lab_replays_recordings::rig::Rig;

const N1: &str = "jexec n1 ifconfig epair0b vhid 1 advskew 0 pass k1 192.0.2.1/24 alias";
const N2: &str = "jexec n2 ifconfig epair1b vhid 1 advskew 100 pass k1 192.0.2.1/24 alias";

/// The cluster with vhid 1, n1 MASTER.
fn cluster() -> Rig {
    Rig::cluster().settled(&[N1, N2])
}

fn plain(rig: Rig) -> Replay<'static> {
    Replay { rig, prose: &[], silent: &[], devd_late_until: 0.0 }
}

#[test]
fn a_cluster_comes_up() {
    plain(Rig::cluster().settled(&[])).run(&read("devd-a-cluster-up.txt"));
}

#[test]
fn b_interface_and_cable_go_down_and_up() {
    plain(cluster()).run(&read("devd-b-link-down.txt"));
}

#[test]
fn c_demotion_with_and_without_preempt() {
    plain(cluster()).run(&read("devd-c-demotion.txt"));
}

#[test]
fn d_the_last_address_goes_and_comes_back() {
    plain(cluster()).run(&read("devd-d-vhid-removed.txt"));
}

#[test]
fn e_allow_off_and_on_with_two_vhids() {
    let silent: [&[(f64, &str)]; 2] = [
        &[
            (84.11, "jexec n1 ifconfig epair0b vhid 2 advskew 0 pass k2 192.0.2.2/24 alias"),
            (84.17, "jexec n2 ifconfig epair1b vhid 2 advskew 100 pass k2 192.0.2.2/24 alias"),
        ],
        &[
            (103.43, "jexec n1 ifconfig epair0b inet 192.0.2.2 -alias"),
            (103.49, "jexec n2 ifconfig epair1b inet 192.0.2.2 -alias"),
        ],
    ];
    Replay { silent: &silent, ..plain(cluster()) }.run(&read("devd-e-allow.txt"));
}

#[test]
fn f_address_lists_and_passwords_differ() {
    let remove = [
        (0.04, "jexec n1 ifconfig epair0b inet 192.0.2.4 -alias"),
        (0.10, "jexec n2 ifconfig epair1b inet 192.0.2.4 -alias"),
    ];
    let prose: [(&str, &[(f64, &str)]); 5] = [
        ("now in the better order", &[]),
        ("re-adding the existing 192.0.2.4", &[]),
        ("removing 192.0.2.4 on both nodes", &remove),
        ("different password on n2", &[(0.04, "jexec n2 ifconfig epair1b vhid 1 advskew 100 pass other")]),
        ("password corrected", &[(0.04, "jexec n2 ifconfig epair1b vhid 1 advskew 100 pass k1")]),
    ];
    Replay { prose: &prose, ..plain(cluster()) }.run(&read("devd-f-hash-mismatch.txt"));
}

const V6: [&str; 4] = [
    "jexec n1 ifconfig epair0b inet6 vhid 6 advskew 0 pass k6 fe80::6/64 alias",
    "jexec n1 ifconfig epair0b inet6 vhid 6 2001:db8:1::6/64 alias",
    "jexec n2 ifconfig epair1b inet6 vhid 6 advskew 100 pass k6 fe80::6/64 alias",
    "jexec n2 ifconfig epair1b inet6 vhid 6 2001:db8:1::6/64 alias",
];

#[test]
fn g_ipv6_addresses() {
    let own: [(f64, &str); 2] = [
        (148.75, "jexec n1 ifconfig epair0b inet6 2001:db8:1::11/64 alias"),
        (148.81, "jexec n2 ifconfig epair1b inet6 2001:db8:1::12/64 alias"),
    ];
    Replay { silent: &[&own], ..plain(cluster()) }.run(&read("devd-g-ipv6.txt"));
}

#[test]
fn h_the_masters_interface_is_destroyed() {
    // The link goes first; the addresses went 0.19 s later.
    let destroy: [(&str, &[(f64, &str)]); 1] = [(
        "ifconfig epair0a destroy",
        &[(0.03, "ifconfig epair0a destroy"), (0.22, "jexec n1 ifconfig epair0b destroy")],
    )];
    let rig = Rig::cluster().settled(&[N1, N2, V6[0], V6[1], V6[2], V6[3]]);
    Replay { prose: &destroy, ..plain(rig) }.run(&read("devd-h-destroy.txt"));
}

#[test]
fn j_carp_on_a_bridge_whose_link_really_changes() {
    let prose: [(&str, &[(f64, &str)]); 10] = [
        ("creating bridge0", &[(0.01, "lab interface host bridge0"), (0.02, "lab interface host epair1a")]),
        ("addm epair0a (link comes up)", &[(0.1, "lab link host bridge0 up")]),
        ("addm epair0a", &[(0.03, "lab link host bridge0 up")]),
        ("deletem epair0a", &[(0.05, "lab link host bridge0 down")]),
        ("ifconfig epair1a name lan0_x", &[(0.02, "lab link host epair1a up"), (0.03, "ifconfig epair1a name lan0_x")]),
        (
            "vlan created on lan0_x",
            &[
                (0.05, "lab interface host vlan7"),
                (0.06, "lab link host vlan7 up"),
                (0.07, "ifconfig vlan7 up"),
                (1.23, "ifconfig vlan7 vhid 9 advskew 0 pass k9 203.0.113.1/24 alias"),
            ],
        ),
        ("ifconfig vlan7 destroy", &[(0.1, "ifconfig vlan7 destroy")]),
        ("ifconfig bridge0 destroy", &[(0.02, "lab link host bridge0 down"), (0.1, "ifconfig bridge0 destroy")]),
        ("ifconfig epair0a destroy", &[]),
        ("ifconfig lan1 destroy", &[(0.03, "lab link host lan1 down"), (0.08, "ifconfig lan1 destroy")]),
    ];
    Replay { prose: &prose, devd_late_until: 233.0, ..plain(Rig::host()) }.run(&read("devd-j-host-link.txt"));
}

#[test]
fn k_equal_skews_and_a_partition() {
    // The set-up itself has no STEP; devd was late with its records, so the time comes from the timer that ended at 277.191.
    let set_up: [(f64, &str); 2] =
        [(274.13, N1), (274.17, "jexec n2 ifconfig epair1b vhid 1 advskew 0 pass k1 192.0.2.1/24 alias")];
    let prose: [(&str, &[(f64, &str)]); 3] = [
        (
            "SIOCSVH/ifconfig state backup on both",
            &[
                (0.05, "jexec n1 ifconfig epair0b vhid 1 state backup"),
                (0.1, "jexec n2 ifconfig epair1b vhid 1 state backup"),
            ],
        ),
        ("partition: bridge deletem epair1a", &[(0.03, "lab partition")]),
        ("partition healed", &[(0.03, "lab heal")]),
    ];
    let rig = Rig::cluster().settled(&[]);
    Replay { silent: &[&set_up], prose: &prose, devd_late_until: 275.0, ..plain(rig) }
        .run(&read("devd-k-equal-skew.txt"));
}

#[test]
fn l_partition_without_preempt_and_forced_states() {
    let prose: [(&str, &[(f64, &str)]); 2] = [
        ("partition: bridge deletem epair1a", &[(0.03, "lab partition")]),
        ("partition healed", &[(0.03, "lab heal")]),
    ];
    let preempt: [(f64, &str); 2] =
        [(338.6, "jexec n1 sysctl net.inet.carp.preempt=1"), (338.65, "jexec n2 sysctl net.inet.carp.preempt=1")];
    let off = ["jexec n1 sysctl net.inet.carp.preempt=0", "jexec n2 sysctl net.inet.carp.preempt=0"];
    Replay { prose: &prose, silent: &[&preempt], ..plain(cluster().settled(&off)) }.run(&read("devd-l-partition.txt"));
}
