//! The whole lab as it is, not as a node sees it.

use super::super::protocol::{
    CableView, InterfaceView, LabView, NodeView, SegmentView, ServiceView, TunnelView, VhidView,
};
use super::super::state::{State, wall};
use crate::core::status::VhidState;
use crate::model::{Demotion, VhidSnapshot};

pub(super) fn view(state: &State) -> LabView {
    let segments = state.cluster.segments.iter();
    LabView {
        time: wall(),
        nodes: (0..state.nodes.len()).map(|at| node(state, at)).collect(),
        segments: segments
            .map(|s| SegmentView { name: s.name.clone(), partitioned: state.partitions.contains(&s.name) })
            .collect(),
    }
}

fn node(state: &State, at: usize) -> NodeView {
    let (cluster, node) = (&state.cluster.nodes[at], &state.nodes[at]);
    let snapshot = state.snapshot(at);
    let sysctls = snapshot.as_ref().map(|s| s.sysctls);
    NodeView {
        name: cluster.plan.name.clone(),
        powered: snapshot.is_some(),
        demotion: sysctls.map_or(Demotion::ZERO, |s| s.demotion),
        allow: sysctls.is_some_and(|s| s.allow),
        preempt: sysctls.is_some_and(|s| s.preempt),
        badauth: snapshot.as_ref().map_or(0, |s| s.counters.badauth),
        vhids: vhids(state, at),
        interfaces: interfaces(state, at),
        tunnels: tunnels(state, at),
        services: node
            .services
            .iter()
            .map(|service| ServiceView {
                name: service.name.clone(),
                pid: node
                    .processes
                    .iter()
                    .find(|process| process.service == service.name)
                    .and_then(|process| u32::try_from(process.pid).ok()),
                core: !node.lost_cores.contains(&service.name),
            })
            .collect(),
        daemon: node.daemon.as_ref().and_then(|daemon| u32::try_from(daemon.pid).ok()),
        devd: node.devd.is_running(),
        devd_clients: node.devd.clients(),
        writes: state.timeline.nodes[at].writes.len(),
        administered: node.administered,
    }
}

fn tunnels(state: &State, at: usize) -> Vec<TunnelView> {
    let cluster = &state.cluster;
    let tunnels = cluster.world.tunnels(cluster.nodes[at].id).into_iter();
    tunnels.map(|(name, up)| TunnelView { name, up }).collect()
}

fn vhids(state: &State, at: usize) -> Vec<VhidView> {
    let plan = &state.cluster.nodes[at].plan;
    let snapshot = state.snapshot(at);
    let label = |name: &str| plan.interface(name).map_or_else(|| name.to_owned(), |interface| interface.label.clone());
    let view = |vhid: &crate::lab::plan::VhidPlan| {
        let seen = snapshot.as_ref().and_then(|s| s.vhid(&vhid.id));
        let advskew = seen.and_then(VhidSnapshot::carp).map_or(vhid.advskew, |carp| carp.advskew);
        let demotion = snapshot.as_ref().map_or(Demotion::ZERO, |s| s.sysctls.demotion);
        VhidView {
            id: vhid.id.clone(),
            label: label(vhid.id.interface.as_str()),
            state: seen.map_or(VhidState::Absent, |v| v.state.into()),
            advskew: advskew.get(),
            effective: seen.map_or(advskew.get(), |_| advskew.effective(demotion)),
            addresses: seen.map_or_else(|| vhid.addresses.clone(), |v| v.addresses.clone()),
        }
    };
    plan.vhids.iter().map(view).collect()
}

fn interfaces(state: &State, at: usize) -> Vec<InterfaceView> {
    let node = &state.cluster.nodes[at];
    let view = |interface: &crate::lab::plan::InterfacePlan| {
        let segment = state.cluster.segment_of(at, &interface.name)?;
        let plugged = state.cluster.world.is_plugged(node.id, &interface.name);
        let cut = state.cuts.contains(&(at, interface.name.clone()));
        Some(InterfaceView {
            name: interface.name.clone(),
            label: interface.label.clone(),
            segment: segment.name.clone(),
            cable: match (plugged, cut) {
                (false, _) => CableView::Pulled,
                (true, true) => CableView::Cut,
                (true, false) => CableView::Whole,
            },
        })
    };
    node.plan.interfaces.iter().filter_map(view).collect()
}
