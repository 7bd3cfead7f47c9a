//! Plans, carried out on the lab's kernels: what holds for any file and any kernel.
#![allow(clippy::unwrap_used, reason = "a test may stop where it is wrong")]

use std::collections::BTreeSet;
use std::time::Duration;

use carpd::core::plan::{Effect, Wanted, WantedVhid, plan};
use carpd::kernel::Administer;
use carpd::lab::cluster::Cluster;
use carpd::lab::plan::{InterfacePlan, NodePlan};
use carpd::lab::world::WorldConfig;
use carpd::model::{
    AdvBase, AdvSkew, CarpKey, CarpState, Inventory, PfsyncSettings, VhidInventory, VhidRef, VhidSettings,
    VhidSnapshot, Write,
};
use ipnet::IpNet;
use proptest::prelude::*;

const INTERFACES: [&str; 2] = ["em0", "em1"];

/// What an administrator may write, in numbers.
#[derive(Clone, Debug)]
struct Shape {
    /// For each of six vhids: whether it is there, its skew, its key, its peer.
    vhids: Vec<(bool, u8, u8, bool)>,
    /// For each of twelve addresses: the vhid that has it, if any, and its prefix length.
    addresses: Vec<(Option<u8>, u8)>,
    pfsync: Option<(bool, u8)>,
    preempt: bool,
}

fn shape() -> impl Strategy<Value = Shape> {
    let vhid = (any::<bool>(), 0..3_u8, 1..3_u8, any::<bool>());
    let address = (prop::option::of(0..6_u8), prop::sample::select(vec![24_u8, 25, 32]));
    let pfsync = prop::option::of((any::<bool>(), 1..3_u8));
    (prop::collection::vec(vhid, 6), prop::collection::vec(address, 12), pfsync, any::<bool>())
        .prop_map(|(vhids, addresses, pfsync, preempt)| Shape { vhids, addresses, pfsync, preempt })
}

fn id(at: usize) -> VhidRef {
    format!("{}@{}", at + 1, INTERFACES[at % 2]).parse().unwrap()
}

/// Half of the addresses are IPv6.
fn net(at: usize, prefix: u8) -> IpNet {
    if at.is_multiple_of(2) {
        format!("192.0.2.{}/{prefix}", at + 1).parse().unwrap()
    } else {
        format!("2001:db8::{}/{}", at + 1, u32::from(prefix) + 40).parse().unwrap()
    }
}

fn wanted(shape: &Shape) -> Wanted {
    let mut vhids = Vec::new();
    for (at, (there, skew, key, peer)) in shape.vhids.iter().enumerate().filter(|(_, vhid)| vhid.0) {
        let of_vhid = shape.addresses.iter().enumerate().filter(|(_, address)| address.0 == Some(at as u8));
        let addresses: Vec<IpNet> = of_vhid.map(|(address, (_, prefix))| net(address, *prefix)).collect();
        if *there && !addresses.is_empty() {
            let settings = VhidSettings {
                advbase: AdvBase::DEFAULT,
                advskew: AdvSkew::new(u32::from(*skew)).unwrap(),
                key: Some(CarpKey::from_password(&[b'a' + key])),
                peer: peer.then(|| "192.0.2.77".parse().unwrap()),
                peer6: None,
            };
            vhids.push(WantedVhid { id: id(at), settings, addresses });
        }
    }
    let pfsync = shape.pfsync.map(|(defer, maxupdates)| PfsyncSettings {
        syncdev: "em1".parse().ok(),
        syncpeer: None,
        version: 0,
        defer,
        maxupdates,
    });
    Wanted { vhids, remove: Vec::new(), pfsync, preempt: shape.preempt }
}

fn cluster() -> Cluster {
    let interface = |name: &str| InterfacePlan {
        name: name.parse().unwrap(),
        label: name.to_owned(),
        addresses: vec![format!("10.0.{}.0/24", name.len()).parse().unwrap()],
    };
    let node = NodePlan {
        name: "fw1".to_owned(),
        interfaces: INTERFACES.map(interface).into(),
        vhids: Vec::new(),
        preempt: false,
        senderr_factor: 240,
        pfsync: None,
        opnsense_maintenance: false,
        tunnels: Vec::new(),
    };
    Cluster::new(vec![node], WorldConfig::default()).unwrap()
}

/// Names every vhid that the file does not, so that nothing is in the way.
fn alone(mut wanted: Wanted, cluster: &mut Cluster) -> Wanted {
    let have = cluster.kernel(0).inventory().unwrap();
    let owned = |id: &VhidRef| wanted.vhids.iter().any(|vhid| vhid.id == *id);
    let foreign = have.vhids.into_iter().map(|vhid| vhid.seen.id).filter(|id| !owned(id));
    wanted.remove = foreign.collect();
    wanted
}

fn carry_out(cluster: &mut Cluster, wanted: &Wanted) -> Result<usize, TestCaseError> {
    let have = cluster.kernel(0).inventory().unwrap();
    let planned = plan(wanted, &have).map_err(|refusals| TestCaseError::reject(format!("{refusals:?}")))?;
    for step in &planned.steps {
        let done = cluster.kernel(0).write(&step.write);
        prop_assert!(done.is_ok(), "{}: {:?} of {:#?}", step.write, done, planned);
    }
    Ok(planned.steps.len())
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_plan(first in shape(), second in shape(), wait in 0..5_u64) {
        let mut cluster = cluster();
        for shape in [first, second] {
            let wanted = alone(wanted(&shape), &mut cluster);
            carry_out(&mut cluster, &wanted)?;
            let left = plan(&wanted, &cluster.kernel(0).inventory().unwrap());
            prop_assert!(left.as_ref().is_ok_and(|plan| plan.is_empty()), "{left:#?}");
            cluster.world.advance(Duration::from_secs(wait));
        }
    }

    #[test]
    fn what_was_applied_can_be_taken_back(first in shape(), second in shape(), wait in 0..5_u64) {
        let mut cluster = cluster();
        carry_out(&mut cluster, &wanted(&first))?;
        let wanted = alone(wanted(&second), &mut cluster);
        let before = cluster.kernel(0).inventory().unwrap();
        carry_out(&mut cluster, &wanted)?;
        cluster.world.advance(Duration::from_secs(wait));
        let back = wanted.as_it_was(&before, &cluster.kernel(0).inventory().unwrap());
        carry_out(&mut cluster, &back)?;
        let after = cluster.kernel(0).inventory().unwrap();
        let known = |have: Inventory| {
            let vhid = |vhid: VhidInventory| (VhidSnapshot { state: CarpState::Init, ..vhid.seen }, vhid.key);
            have.vhids.into_iter().map(vhid).collect::<Vec<_>>()
        };
        prop_assert_eq!(known(before), known(after));
    }

    #[test]
    fn a_plan_deletes_nothing_that_the_file_does_not_own(first in shape(), second in shape()) {
        let mut cluster = cluster();
        carry_out(&mut cluster, &wanted(&first))?;
        let wanted = wanted(&second);
        let have = cluster.kernel(0).inventory().unwrap();
        let Ok(planned) = plan(&wanted, &have) else { return Ok(()) };
        let owned: BTreeSet<&VhidRef> = wanted.vhids.iter().map(|vhid| &vhid.id).collect();
        for step in &planned.steps {
            if let Write::DeleteAddress { id, .. } | Write::AddAddress { id, .. } | Write::Vhid { id, .. } = &step.write {
                prop_assert!(owned.contains(id), "{}", step.write);
            }
        }
        for foreign in &have.vhids {
            prop_assert_eq!(planned.foreign.contains(&foreign.seen.id), !owned.contains(&foreign.seen.id));
        }
    }

    #[test]
    fn a_plan_foretells_every_bounce_and_no_other(first in shape(), second in shape()) {
        let mut cluster = cluster();
        carry_out(&mut cluster, &wanted(&first))?;
        cluster.world.advance(Duration::from_secs(4));
        let node = cluster.nodes[0].id;
        cluster.world.drain_events(node).for_each(drop);
        let wanted = alone(wanted(&second), &mut cluster);
        let have = cluster.kernel(0).inventory().unwrap();
        let planned = plan(&wanted, &have).unwrap();
        carry_out(&mut cluster, &wanted)?;
        let events: Vec<String> = cluster.world.drain_events(node).map(|event| event.text).collect();
        let went_through_init = |id: &VhidRef| {
            events.iter().any(|text| text.contains(&format!("subsystem={id} type=INIT")))
        };
        for vhid in have.vhids.iter().filter(|vhid| vhid.seen.state == CarpState::Master) {
            let id = &vhid.seen.id;
            let told = planned.steps.iter().flat_map(|step| &step.effects);
            let told = told.filter(|effect| matches!(effect, Effect::Bounce { id: told, .. } | Effect::End { id: told, .. } if told == id)).count();
            prop_assert_eq!(told, usize::from(went_through_init(id)), "{}: {:?} {:#?}", id, events, planned);
        }
    }
}
