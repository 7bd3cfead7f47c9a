//! The two nodes of a story: who should win, and what the kernel's own timers promise.

use std::time::Duration;

use crate::config::settings::Service;
use crate::core::attribution::OPNSENSE_MAINTENANCE;
use crate::core::policy::Mode;
use crate::lab::plan::{NodePlan, VhidPlan};
use crate::lab::server::Lab;
use crate::model::{Demotion, InterfaceName, ServiceName, Vhid, VhidRef};

/// What a timer of a kernel with `kern.hz` 1000, a packet's way and a look at the clock may add.
pub(super) const TOLERANCE: Duration = Duration::from_millis(100);

/// Why a story cannot be told with two configurations.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// It is about a pair.
    #[error("the story needs exactly two nodes; `carpctl lab up` runs any number")]
    NotTwo,
    /// Nothing can move.
    #[error(
        "{0} and {1} have no VIP in common: no vhid on the same segment; `carpctl config check --peer` compares the files"
    )]
    NothingShared(String, String),
    /// The outcome of the election is left to chance, or is another one for each VIP.
    #[error(
        "the story needs one node that is preferred for every VIP, and {0}; give one node the lower advskew everywhere, or use \
         `carpctl lab up`"
    )]
    NoFavourite(String),
    /// Without preemption nothing moves while both nodes live.
    #[error(
        "net.inet.carp.preempt is off on {0}, so neither maintenance nor a lost link moves its VIPs; switch it on, or use `carpctl lab up`"
    )]
    NoPreempt(String),
    /// The nodes must have the same services.
    #[error("{0} and {1} have no service in common; give the same name to what should move between them")]
    NoService(String, String),
    /// Its process runs on both nodes, and the story measures how that of a service moves.
    #[error(
        "the process of the service {0} runs on both nodes, since its mode is \"warm\", and the story measures how processes move; use \
         `carpctl lab up`"
    )]
    Warm(ServiceName),
}

/// The nodes of the story: the preferred one first.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    /// Their numbers in the lab.
    pub(super) at: [usize; 2],
    pub(super) names: [String; 2],
    pub(super) vips: Vec<Vip>,
    pub(super) services: Vec<PairService>,
}

/// A VIP that both nodes have.
#[derive(Clone, Debug)]
pub(super) struct Vip {
    pub(super) vhid: Vhid,
    /// What people call its segment.
    pub(super) label: String,
    pub(super) ids: [VhidRef; 2],
    advert: [Duration; 2],
    master_down: [Duration; 2],
    /// The kernel's interface on the preferred node.
    pub(super) interface: InterfaceName,
}

/// A service that both nodes have.
#[derive(Clone, Debug)]
pub(super) struct PairService {
    pub(super) name: ServiceName,
    pub(super) settings: [Service; 2],
}

impl Vip {
    /// How long node number `of` of the pair waits for adverts until it takes over: 3 * advbase + advskew / 256 s (`carp_setrun()`).
    pub(super) fn master_down(&self, of: usize) -> Duration {
        self.master_down[of]
    }

    /// The time between two adverts of node number `of` of the pair: advbase + advskew / 256 s.
    pub(super) fn advert(&self, of: usize) -> Duration {
        self.advert[of]
    }

    /// `3@lan`
    pub(super) fn name(&self) -> String {
        format!("{}@{}", self.vhid, self.label)
    }
}

impl Pair {
    /// Finds out what the story can be about.
    pub(super) fn of(lab: &Lab) -> Result<Self, PairError> {
        lab.look(|state| {
            let [a, b] = state.cluster.nodes.as_slice() else { return Err(PairError::NotTwo) };
            let names = [a.plan.name.clone(), b.plan.name.clone()];
            let segment = |at: usize, vhid: &VhidPlan| state.cluster.segment_of(at, &vhid.id.interface);
            let same = |one: &VhidPlan, other: &VhidPlan| {
                let segments = segment(0, one).zip(segment(1, other));
                one.id.vhid == other.id.vhid && segments.is_some_and(|(a, b)| a.id == b.id)
            };
            let shared: Vec<(&VhidPlan, &VhidPlan)> = a
                .plan
                .vhids
                .iter()
                .filter_map(|one| Some((one, b.plan.vhids.iter().find(|other| same(one, other))?)))
                .collect();
            if shared.is_empty() {
                return Err(PairError::NothingShared(names[0].clone(), names[1].clone()));
            }
            let first = favourite(&shared, [&a.plan, &b.plan])?;
            let nodes = [&state.cluster.nodes[first], &state.cluster.nodes[1 - first]];
            if let Some(node) = nodes.iter().find(|node| !node.plan.preempt) {
                return Err(PairError::NoPreempt(node.plan.name.clone()));
            }
            let vips = shared.iter().map(|&(one, other)| {
                let plans = if first == 0 { [one, other] } else { [other, one] };
                let label = segment(0, one).map(|segment| segment.name.clone()).unwrap_or_default();
                Vip {
                    vhid: one.id.vhid,
                    label,
                    ids: plans.map(|plan| plan.id.clone()),
                    advert: plans.map(|plan| timer(plan, 1)),
                    master_down: plans.map(|plan| timer(plan, 3)),
                    interface: plans[0].id.interface.clone(),
                }
            });
            let services = |at: usize| state.nodes[at].services.iter();
            let services: Vec<PairService> = services(first)
                .filter_map(|one| {
                    let other = services(1 - first).find(|other| other.name == one.name)?;
                    Some(PairService { name: one.name.clone(), settings: [one.clone(), other.clone()] })
                })
                .collect();
            if services.is_empty() {
                return Err(PairError::NoService(names[0].clone(), names[1].clone()));
            }
            refuse_warm(&services)?;
            Ok(Self {
                at: [first, 1 - first],
                names: if first == 0 { names.clone() } else { [names[1].clone(), names[0].clone()] },
                vips: vips.collect(),
                services,
            })
        })
    }

    /// The VIP whose cable is pulled: the last one, which in OPNsense's order is never the way to the Internet if there is another.
    pub(super) fn pulled(&self) -> &Vip {
        // A pair has at least one VIP, or it was refused.
        &self.vips[self.vips.len() - 1]
    }
}

/// `times * advbase + advskew / 256` s.
fn timer(vhid: &VhidPlan, times: u64) -> Duration {
    let skew = u64::from(vhid.advskew.get());
    Duration::from_micros(times * u64::from(vhid.advbase.get()) * 1_000_000 + skew * 1_000_000 / 256)
}

/// The number of the node that wins every VIP.
fn favourite(shared: &[(&VhidPlan, &VhidPlan)], plans: [&NodePlan; 2]) -> Result<usize, PairError> {
    let rank = |vhid: &VhidPlan, plan: &NodePlan| {
        let demotion = if plan.opnsense_maintenance { OPNSENSE_MAINTENANCE } else { 0 };
        (vhid.advbase, vhid.advskew.effective(Demotion::new(demotion)))
    };
    let mut first = None;
    for (one, other) in shared {
        let ranks = [rank(one, plans[0]), rank(other, plans[1])];
        let wins = match ranks[0].cmp(&ranks[1]) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Greater => 1,
            std::cmp::Ordering::Equal => {
                return Err(PairError::NoFavourite(format!("vhid {} has equal numbers on both", one.id.vhid)));
            }
        };
        if *first.get_or_insert(wins) != wins {
            return Err(PairError::NoFavourite("the VIPs prefer different nodes".to_owned()));
        }
    }
    first.ok_or_else(|| PairError::NothingShared(plans[0].name.clone(), plans[1].name.clone()))
}

fn refuse_warm(services: &[PairService]) -> Result<(), PairError> {
    let warm = services.iter().find(|service| service.settings.iter().any(|one| one.mode == Mode::Warm));
    warm.map_or(Ok(()), |service| Err(PairError::Warm(service.name.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AdvBase;

    fn plan(skews: &[u32], maintenance: bool) -> NodePlan {
        let vhid = |(number, skew): (usize, &u32)| VhidPlan {
            id: format!("{}@em0", number + 1).parse().unwrap(),
            advbase: AdvBase::DEFAULT,
            advskew: crate::model::AdvSkew::new(*skew).unwrap(),
            key: None,
            peers: Vec::new(),
            addresses: Vec::new(),
        };
        NodePlan {
            name: "a".to_owned(),
            interfaces: Vec::new(),
            vhids: skews.iter().enumerate().map(vhid).collect(),
            preempt: true,
            senderr_factor: 0,
            pfsync: None,
            opnsense_maintenance: maintenance,
            tunnels: Vec::new(),
        }
    }

    fn winner(a: &NodePlan, b: &NodePlan) -> Result<usize, PairError> {
        favourite(&a.vhids.iter().zip(&b.vhids).collect::<Vec<_>>(), [a, b])
    }

    #[test]
    fn the_lower_skew_wins_unless_its_node_is_in_opnsense_s_maintenance() {
        assert_eq!(winner(&plan(&[0, 0], false), &plan(&[100, 100], false)), Ok(0));
        assert_eq!(winner(&plan(&[0, 0], true), &plan(&[100, 100], false)), Ok(1));
    }

    #[test]
    fn a_pair_without_one_favourite_is_refused() {
        assert!(winner(&plan(&[0, 100], false), &plan(&[100, 0], false)).is_err());
        assert!(winner(&plan(&[7], false), &plan(&[7], false)).is_err());
    }

    #[test]
    fn the_timers_are_the_kernel_s() {
        let vhid = &plan(&[100], false).vhids[0];
        assert_eq!((timer(vhid, 1).as_micros(), timer(vhid, 3).as_micros()), (1_390_625, 3_390_625));
    }
}
