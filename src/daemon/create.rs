//! Creates what carpd.toml owns and the kernel has nothing of. What is there is never touched: only `carpctl apply` changes that.

use crate::config::settings::{Settings, Vips};
use crate::core::plan::{Wanted, plan};
use crate::kernel::{self, Administer, KernelError};

/// Creates it, and tells the writes that were made.
///
/// # Errors
/// What could not be created, and why. All else was.
pub(super) fn absent(settings: &Settings) -> Result<Vec<String>, String> {
    let Vips::Static(vips) = &settings.vips else { return Ok(Vec::new()) };
    let wanted = vips.wanted().map_err(|error| error.to_string())?;
    let kernel = kernel::administer(&settings.node.kernel.name());
    create(&mut *kernel.map_err(told)?, &wanted)
}

/// Each part by itself, so that an obstacle to one leaves the others.
fn create(kernel: &mut dyn Administer, wanted: &Wanted) -> Result<Vec<String>, String> {
    let (mut writes, mut failures) = (Vec::new(), Vec::new());
    for part in wanted.absent(&kernel.inventory().map_err(told)?) {
        match plan(&part, &kernel.inventory().map_err(told)?) {
            Err(refusals) => failures.extend(refusals.iter().map(ToString::to_string)),
            Ok(plan) => {
                for step in plan.steps {
                    if let Err(error) = kernel.write(&step.write) {
                        failures.push(format!("{}: {error}", step.write));
                        break;
                    }
                    writes.push(step.write.to_string());
                }
            }
        }
    }
    failures.dedup();
    if failures.is_empty() { Ok(writes) } else { Err(failures.join("; ")) }
}

fn told(error: KernelError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::plan::WantedVhid;
    use crate::lab::cluster::Cluster;
    use crate::lab::plan::{InterfacePlan, NodePlan};
    use crate::lab::world::WorldConfig;
    use crate::model::{AdvBase, AdvSkew, PfsyncSettings, VhidSettings};

    fn cluster() -> Cluster {
        let interface = |name: &str| InterfacePlan {
            name: name.parse().unwrap(),
            label: name.to_owned(),
            addresses: vec![format!("10.{}.0.0/16", name.len()).parse().unwrap()],
        };
        let node = NodePlan {
            name: "fw1".to_owned(),
            interfaces: ["em0", "em1"].map(interface).into(),
            vhids: Vec::new(),
            preempt: false,
            senderr_factor: 240,
            pfsync: None,
            opnsense_maintenance: false,
        };
        Cluster::new(vec![node], WorldConfig::default()).unwrap()
    }

    fn wanted(vhids: &[(&str, &[&str])]) -> Wanted {
        let vhid = |(id, nets): &(&str, &[&str])| WantedVhid {
            id: id.parse().unwrap(),
            settings: VhidSettings {
                advbase: AdvBase::DEFAULT,
                advskew: AdvSkew::default(),
                key: None,
                peer: None,
                peer6: None,
            },
            addresses: nets.iter().map(|net| net.parse().unwrap()).collect(),
        };
        let pfsync =
            PfsyncSettings { syncdev: "em1".parse().ok(), syncpeer: None, version: 0, defer: false, maxupdates: 128 };
        Wanted { vhids: vhids.iter().map(vhid).collect(), remove: Vec::new(), pfsync: Some(pfsync), preempt: true }
    }

    #[test]
    fn only_what_the_kernel_has_nothing_of_is_created_and_what_is_there_stays_as_it_is() {
        let mut cluster = cluster();
        let first = wanted(&[("1@em0", &["192.0.2.1/24"])]);
        assert_eq!(create(&mut cluster.kernel(0), &first).unwrap().len(), 3, "pfsync, the vhid and its address");
        let mut more = wanted(&[("1@em0", &["192.0.2.1/24", "192.0.2.9/32"]), ("2@em0", &["192.0.2.2/24"])]);
        more.pfsync.as_mut().unwrap().defer = true;
        let created = create(&mut cluster.kernel(0), &more).unwrap();
        assert_eq!(created, ["set vhid 2@em0 to advbase 1 advskew 0", "add 192.0.2.2/24 to vhid 2@em0"]);
        assert!(create(&mut cluster.kernel(0), &more).unwrap().is_empty());
    }

    #[test]
    fn an_obstacle_to_one_vhid_leaves_the_others() {
        let mut cluster = cluster();
        let failed =
            create(&mut cluster.kernel(0), &wanted(&[("1@em9", &["192.0.2.1/24"]), ("2@em0", &["192.0.2.2/24"])]));
        assert!(failed.unwrap_err().starts_with("em9: there is no such interface"));
        assert!(cluster.kernel(0).inventory().unwrap().vhid(&"2@em0".parse().unwrap()).is_some());
    }
}
