use super::*;
use crate::model::CarpState::{Backup, Init, Master};
use crate::model::{
    AdvBase, AdvSkew, CarpKey, CarpState, Demotion, InterfaceInventory, InterfaceName, VhidInventory, VhidProtocol,
    VhidSnapshot,
};

fn id(text: &str) -> VhidRef {
    text.parse().unwrap()
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn settings(advskew: u32) -> VhidSettings {
    VhidSettings {
        advbase: AdvBase::DEFAULT,
        advskew: AdvSkew::new(advskew).unwrap(),
        key: Some(CarpKey::from_password(b"secret")),
        peer: None,
        peer6: None,
    }
}

fn want(vhid: &str, addresses: &[&str]) -> WantedVhid {
    WantedVhid { id: id(vhid), settings: settings(0), addresses: addresses.iter().map(|a| net(a)).collect() }
}

fn wanted(vhids: &[(&str, &[&str])]) -> Wanted {
    let vhids = vhids.iter().map(|(vhid, addresses)| want(vhid, addresses)).collect();
    Wanted { vhids, remove: Vec::new(), pfsync: None, preempt: true }
}

fn interface(name: &str) -> InterfaceInventory {
    InterfaceInventory { name: name.parse().unwrap(), up: true, link: true, may_carry_carp: true, plain: Vec::new() }
}

fn have(vhids: &[(&str, CarpState, &[&str])]) -> Inventory {
    let vhid = |(vhid, state, addresses): &(&str, CarpState, &[&str])| VhidInventory {
        seen: VhidSnapshot {
            id: id(vhid),
            state: *state,
            protocol: VhidProtocol::Carp(CarpParameters::default()),
            addresses: addresses.iter().map(|a| net(a)).collect(),
        },
        key: Some(CarpKey::from_password(b"secret")),
    };
    Inventory {
        vhids: vhids.iter().map(vhid).collect(),
        interfaces: ["em0", "em1"].map(interface).into(),
        variables: vec![(CarpVariable::Allow, 1), (CarpVariable::Preempt, 1)],
        demotion: Demotion::ZERO,
        pfsync: Some(pfsync0(None)),
    }
}

fn pfsync0(syncdev: Option<&str>) -> PfsyncSettings {
    let syncdev: Option<InterfaceName> = syncdev.map(|name| name.parse().unwrap());
    PfsyncSettings { syncdev, syncpeer: None, version: 1500, defer: false, maxupdates: 128 }
}

fn writes(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| step.write.to_string()).collect()
}

fn planned(wanted: &Wanted, have: &Inventory) -> Plan {
    plan(wanted, have).unwrap()
}

const A: &str = "192.0.2.1/24";
const B: &str = "192.0.2.2/24";
const C: &str = "192.0.2.3/32";

#[test]
fn the_plan_of_an_equal_node_is_empty() {
    let have = have(&[("1@em0", Master, &[A, B])]);
    assert!(planned(&wanted(&[("1@em0", &[B, A])]), &have).is_empty(), "the order of addresses is no difference");
    let mut wanted = wanted(&[("1@em0", &[A, B])]);
    wanted.pfsync = Some(PfsyncSettings { version: 0, ..pfsync0(None) });
    assert!(planned(&wanted, &have).is_empty(), "a version that is not asked for is no difference");
}

#[test]
fn variables_come_first_and_carp_before_its_aliases() {
    let mut have = have(&[]);
    have.variables = vec![(CarpVariable::Preempt, 0)];
    let mut wanted = wanted(&[("1@em0", &[A, C])]);
    wanted.pfsync = Some(pfsync0(Some("em1")));
    let plan = planned(&wanted, &have);
    let order = [
        "set net.inet.carp.preempt to 1",
        "set pfsync0 to syncdev em1 maxupd 128 -defer version 1500",
        "set vhid 1@em0 to advbase 1 advskew 0 with a new key",
        "add 192.0.2.1/24 to vhid 1@em0",
        "add 192.0.2.3/32 to vhid 1@em0",
    ];
    assert_eq!(writes(&plan), order);
    assert_eq!(plan.steps[1].effects, [Effect::Bulk]);
    let begin = Effect::Begin { id: id("1@em0"), listens: Duration::from_secs(3) };
    assert_eq!(plan.steps[3].effects, [begin], "a vhid that is new bounces nobody");
}

#[test]
fn what_is_master_here_comes_last_and_each_vhid_bounces_once() {
    let have = have(&[("1@em0", Master, &[A]), ("2@em0", Backup, &["198.51.100.1/24", "198.51.100.2/24"])]);
    let wanted = wanted(&[
        ("1@em0", &[A, B, C]),
        ("2@em0", &["198.51.100.2/24", "198.51.100.3/24"]),
        ("3@em1", &["203.0.113.1/24"]),
    ]);
    let plan = planned(&wanted, &have);
    let order = [
        "delete 198.51.100.1/24 from vhid 2@em0",
        "add 198.51.100.3/24 to vhid 2@em0",
        "set vhid 3@em1 to advbase 1 advskew 0 with a new key",
        "add 203.0.113.1/24 to vhid 3@em1",
        "add 192.0.2.2/24 to vhid 1@em0",
        "add 192.0.2.3/32 to vhid 1@em0",
    ];
    assert_eq!(writes(&plan), order);
    assert_eq!(plan.bouncing().collect::<Vec<_>>(), [&id("2@em0"), &id("1@em0")]);
    assert_eq!(plan.without_master(), Duration::from_secs(3));
    assert!(plan.steps[0].effects[0].to_string().contains("BACKUP stays BACKUP"));
}

#[test]
fn the_time_without_a_master_is_three_intervals_and_the_skew() {
    let mut wanted = wanted(&[("1@em0", &[A, B])]);
    wanted.vhids[0].settings.advskew = AdvSkew::new(100).unwrap();
    wanted.vhids[0].settings.advbase = AdvBase::new(2).unwrap();
    let plan = planned(&wanted, &have(&[("1@em0", Master, &[A])]));
    assert_eq!(plan.without_master(), Duration::from_micros(6_390_625));
    assert_eq!(writes(&plan)[0], "set vhid 1@em0 to advbase 2 advskew 100");
    assert_eq!(plan.steps[0].effects, [Effect::MayMove { id: id("1@em0") }]);
}

#[test]
fn a_vhid_that_takes_no_part_in_the_election_bounces_nobody() {
    let mut wanted = wanted(&[("1@em0", &[A, B])]);
    wanted.vhids[0].settings.key = Some(CarpKey::from_password(b"other"));
    let plan = planned(&wanted, &have(&[("1@em0", Init, &[A, C])]));
    assert_eq!(plan.steps.len(), 3);
    assert!(plan.steps.iter().all(|step| step.effects.is_empty()), "{plan:?}");
}

#[test]
fn a_vhid_never_ends_on_the_way_if_another_of_its_addresses_can_come_first() {
    let plan = planned(&wanted(&[("1@em0", &[B, C])]), &have(&[("1@em0", Master, &[A])]));
    let order =
        ["add 192.0.2.2/24 to vhid 1@em0", "delete 192.0.2.1/24 from vhid 1@em0", "add 192.0.2.3/32 to vhid 1@em0"];
    assert_eq!(writes(&plan), order);
    assert_eq!(plan.bouncing().count(), 1);
}

#[test]
fn another_prefix_length_is_a_deletion_and_an_addition_and_makes_the_vhid_anew_if_there_is_nothing_else() {
    let plan = planned(&wanted(&[("1@em0", &["192.0.2.1/32"])]), &have(&[("1@em0", Backup, &[A])]));
    let order = [
        "delete 192.0.2.1/24 from vhid 1@em0",
        "set vhid 1@em0 to advbase 1 advskew 0 with a new key",
        "add 192.0.2.1/32 to vhid 1@em0",
    ];
    assert_eq!(writes(&plan), order);
}

#[test]
fn an_address_leaves_its_old_vhid_before_it_comes_to_the_new_one() {
    let plan = planned(
        &wanted(&[("1@em0", &[B]), ("2@em0", &[A])]),
        &have(&[("1@em0", Backup, &[A]), ("2@em0", Master, &[B])]),
    );
    let order = [
        "delete 192.0.2.1/24 from vhid 1@em0",
        "delete 192.0.2.2/24 from vhid 2@em0",
        "set vhid 1@em0 to advbase 1 advskew 0 with a new key",
        "add 192.0.2.2/24 to vhid 1@em0",
        "set vhid 2@em0 to advbase 1 advskew 0 with a new key",
        "add 192.0.2.1/24 to vhid 2@em0",
    ];
    assert_eq!(writes(&plan), order);
}

#[test]
fn what_the_file_does_not_name_is_left_alone_until_a_person_names_it() {
    let have = have(&[("1@em0", Master, &[A]), ("7@em1", Backup, &["203.0.113.1/24", "203.0.113.2/24"])]);
    let mut wanted = wanted(&[("1@em0", &[A])]);
    let plan = planned(&wanted, &have);
    assert!(plan.is_empty());
    assert_eq!(plan.foreign, [id("7@em1")]);
    wanted.remove = vec![id("7@em1"), id("9@em1")];
    let plan = planned(&wanted, &have);
    assert_eq!(writes(&plan), ["delete 203.0.113.1/24 from vhid 7@em1", "delete 203.0.113.2/24 from vhid 7@em1"]);
    assert_eq!(plan.steps[0].effects, [Effect::End { id: id("7@em1"), state: Backup }]);
    assert!(plan.foreign.is_empty());
}

#[test]
fn a_peer_that_the_file_does_not_name_goes_back_to_multicast() {
    let mut have = have(&[("1@em0", Master, &[A])]);
    let unicast = CarpParameters { peer: Some("192.0.2.12".parse().unwrap()), ..CarpParameters::default() };
    have.vhids[0].seen.protocol = VhidProtocol::Carp(unicast);
    let plan = planned(&wanted(&[("1@em0", &[A])]), &have);
    assert_eq!(writes(&plan), ["set vhid 1@em0 to advbase 1 advskew 0"]);
    let differ = Effect::TwoMasters { id: id("1@em0"), differs: Differs::Peer };
    assert_eq!(plan.steps[0].effects, [differ]);
}

#[test]
fn another_key_is_written_and_told_and_one_that_is_hidden_is_named() {
    let mut have = have(&[("1@em0", Master, &[A])]);
    have.vhids[0].key = Some(CarpKey::from_password(b"other"));
    let plan = planned(&wanted(&[("1@em0", &[A])]), &have);
    assert_eq!(writes(&plan), ["set vhid 1@em0 to advbase 1 advskew 0 with a new key"]);
    assert_eq!(plan.steps[0].effects, [Effect::TwoMasters { id: id("1@em0"), differs: Differs::Key }]);
    assert!(!format!("{plan:?}").contains("secret"));
    have.vhids[0].key = None;
    let plan = planned(&wanted(&[("1@em0", &[A])]), &have);
    assert!(plan.is_empty());
    assert_eq!(plan.unknown_keys, [id("1@em0")]);
}

#[test]
fn pfsync_is_set_only_if_it_differs_and_keeps_a_version_that_nobody_asked_for() {
    let mut have = have(&[]);
    have.pfsync = Some(PfsyncSettings { version: 1400, ..pfsync0(Some("em1")) });
    let mut wanted = wanted(&[]);
    wanted.pfsync = Some(PfsyncSettings { version: 0, defer: true, ..pfsync0(Some("em1")) });
    let plan = planned(&wanted, &have);
    assert_eq!(writes(&plan), ["set pfsync0 to syncdev em1 maxupd 128 defer version 1400"]);
    wanted.pfsync = None;
    assert!(planned(&wanted, &have).is_empty(), "without [pfsync] it is left alone");
}

#[test]
fn everything_that_stands_in_the_way_is_told_at_once() {
    let mut have = have(&[("1@em0", Master, &[A]), ("7@em0", Master, &[B])]);
    have.variables.clear();
    have.pfsync = None;
    have.interfaces[0].plain = vec![net(C)];
    have.interfaces[1].up = false;
    have.interfaces[1].may_carry_carp = false;
    let mut wanted = wanted(&[
        ("1@em0", &[A]),
        ("2@em0", &[B, "192.0.2.3/24"]),
        ("3@em1", &["203.0.113.1/24"]),
        ("4@em9", &["203.0.113.2/24"]),
    ]);
    wanted.vhids[0].settings.key = None;
    wanted.remove = vec![id("2@em0")];
    wanted.pfsync = Some(pfsync0(Some("em9")));
    let refusals = plan(&wanted, &have).unwrap_err();
    let em = |name: &str| name.parse::<InterfaceName>().unwrap();
    let expected = [
        Refusal::NoCarp,
        Refusal::NoInterface { interface: em("em9") },
        Refusal::Down { interface: em("em1") },
        Refusal::NotCapable { interface: em("em1") },
        Refusal::Plain { net: net(C), interface: em("em0"), wanted: id("2@em0") },
        Refusal::Foreign { net: net(B), owner: id("7@em0"), wanted: id("2@em0") },
        Refusal::KeyStays { id: id("1@em0") },
        Refusal::NoPfsync,
        Refusal::NoSyncdev { interface: em("em9") },
        Refusal::Owned { id: id("2@em0") },
    ];
    assert_eq!(refusals, expected);
}

#[test]
fn an_interface_that_is_down_is_no_obstacle_where_nothing_is_added() {
    let mut have = have(&[("1@em0", Init, &[A, B])]);
    have.interfaces[0].up = false;
    assert_eq!(planned(&wanted(&[("1@em0", &[A])]), &have).steps.len(), 1);
}

#[test]
fn an_empty_vhid_cannot_be_removed() {
    let mut wanted = wanted(&[]);
    wanted.remove = vec![id("1@em0")];
    assert_eq!(plan(&wanted, &have(&[("1@em0", Init, &[])])), Err(vec![Refusal::Empty { id: id("1@em0") }]));
}

#[test]
fn a_link_local_address_on_another_interface_is_another_address() {
    let link_local: &[&str] = &["fe80::1/64"];
    let mut have = have(&[("7@em1", Master, link_local)]);
    assert_eq!(planned(&wanted(&[("1@em0", link_local)]), &have).steps.len(), 2);
    have.interfaces[0].plain = vec![net("fe80::1/64")];
    assert!(plan(&wanted(&[("1@em0", link_local)]), &have).is_err());
}

#[test]
fn a_vhid_that_speaks_vrrp_is_not_made_a_carp_one() {
    let mut have = have(&[("1@em0", Master, &["192.0.2.1/24"])]);
    have.vhids[0].seen.protocol = VhidProtocol::Vrrp(None);
    let mut wanted = wanted(&[("1@em0", &["192.0.2.1/24"])]);
    assert_eq!(plan(&wanted, &have), Err(vec![Refusal::Vrrp { id: id("1@em0") }]));
    wanted.remove.extend(wanted.vhids.drain(..).map(|vhid| vhid.id));
    assert!(plan(&wanted, &have).is_ok(), "it can be removed");
}
