//! What a story was told of, for the report: nothing in it is secret.

use crate::config::duration::Shown;
use crate::config::settings::Service;
use crate::lab::plan::{NodePlan, VhidPlan};
use crate::lab::server::Lab;

/// The pair.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// For each node its name and its VIPs.
    pub nodes: Vec<(String, Vec<SettingVip>)>,
    /// The services with their limits, as text.
    pub services: Vec<String>,
}

/// A VIP of a node.
#[derive(Clone, Debug)]
pub struct SettingVip {
    /// `3@vtnet1 (lan)`
    pub name: String,
    /// Its addresses.
    pub addresses: String,
    /// `advbase 1, advskew 100`
    pub numbers: String,
}

/// What `lab` runs with.
#[must_use]
pub fn setting(lab: &Lab) -> Setting {
    lab.look(|state| {
        let plans = state.cluster.nodes.iter().map(|node| &node.plan);
        let services = state.nodes.first().map(|node| node.services.as_slice()).unwrap_or_default();
        Setting {
            nodes: plans
                .map(|plan| (plan.name.clone(), plan.vhids.iter().map(|vhid| vip(plan, vhid)).collect()))
                .collect(),
            services: services.iter().map(service).collect(),
        }
    })
}

fn vip(plan: &NodePlan, vhid: &VhidPlan) -> SettingVip {
    SettingVip {
        name: match plan.interface(vhid.id.interface.as_str()) {
            Some(interface) if interface.label != interface.name.as_str() => {
                format!("{} ({})", vhid.id, interface.label)
            }
            _ => vhid.id.to_string(),
        },
        addresses: vhid.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        numbers: format!("advbase {}, advskew {}", vhid.advbase.get(), vhid.advskew.get()),
    }
}

fn service(service: &Service) -> String {
    let follows: Vec<String> = service.follows.iter().map(ToString::to_string).collect();
    format!(
        "{} follows {}; settle {}, stop limit {}, looked at every {}",
        service.name,
        follows.join(" and "),
        Shown(service.settle),
        Shown(service.stop_limit),
        Shown(service.check_every)
    )
}
