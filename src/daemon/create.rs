//! Creates what carpd.toml owns and the kernel has nothing of. What is there is never touched: only `carpctl apply` changes that.

use super::lock::ChangeLock;
use crate::config::settings::{Settings, Vips};
use crate::core::plan::{Refusal, Wanted, plan};
use crate::core::{Created, Part};
use crate::kernel::{self, Administer, KernelError};

/// Creates it, or of it only the parts `again`.
///
/// # Errors
/// Why nothing could be created.
pub(super) fn absent(settings: &Settings, again: Option<&[Part]>) -> Result<Created, String> {
    let Vips::Static(vips) = &settings.vips else { return Ok(Created::default()) };
    let wanted = vips.wanted().map_err(|error| error.to_string())?;
    let _lock = ChangeLock::take(&settings.node.state_dir, "carpd").map_err(|error| error.to_string())?;
    let kernel = kernel::administer(&settings.node.kernel.name());
    create(&mut *kernel.map_err(told)?, &wanted, again)
}

/// Each part by itself, so that an obstacle to one leaves the others.
fn create(kernel: &mut dyn Administer, wanted: &Wanted, again: Option<&[Part]>) -> Result<Created, String> {
    let mut created = Created::default();
    let absent = wanted.absent(&kernel.inventory().map_err(told)?);
    for (part, wanted) in absent.into_iter().filter(|(part, _)| again.is_none_or(|again| again.contains(part))) {
        if let Err(why) = create_part(kernel, &wanted, &mut created.writes) {
            created.failed.push((part, why));
        }
    }
    Ok(created)
}

fn create_part(kernel: &mut dyn Administer, part: &Wanted, writes: &mut Vec<String>) -> Result<(), String> {
    let planned = plan(part, &kernel.inventory().map_err(told)?);
    let refused = |refusals: Vec<Refusal>| refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    for step in planned.map_err(refused)?.steps {
        kernel.write(&step.write).map_err(|error| format!("{}: {error}", step.write))?;
        writes.push(step.write.to_string());
    }
    Ok(())
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
    use crate::model::{AdvBase, AdvSkew, PfsyncSettings, VhidRef, VhidSettings, Write};

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
            tunnels: Vec::new(),
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
        assert_eq!(
            create(&mut cluster.kernel(0), &first, None).unwrap().writes.len(),
            3,
            "pfsync, the vhid and its address"
        );
        let mut more = wanted(&[("1@em0", &["192.0.2.1/24", "192.0.2.9/32"]), ("2@em0", &["192.0.2.2/24"])]);
        more.pfsync.as_mut().unwrap().defer = true;
        let created = create(&mut cluster.kernel(0), &more, None).unwrap();
        assert_eq!(created.writes, ["set vhid 2@em0 to advbase 1 advskew 0", "add 192.0.2.2/24 to vhid 2@em0"]);
        assert_eq!(create(&mut cluster.kernel(0), &more, None), Ok(Created::default()));
    }

    fn id(text: &str) -> VhidRef {
        text.parse().unwrap()
    }

    #[test]
    fn an_obstacle_to_one_vhid_leaves_the_others() {
        let mut cluster = cluster();
        let wanted = wanted(&[("1@em9", &["192.0.2.1/24"]), ("2@em0", &["192.0.2.2/24"])]);
        let failed = create(&mut cluster.kernel(0), &wanted, None).unwrap().failed;
        assert!(matches!(&failed[..], [(Part::Vhid(part), why)]
            if *part == id("1@em9") && why.starts_with("em9: there is no such interface")));
        assert!(cluster.kernel(0).inventory().unwrap().vhid(&id("2@em0")).is_some());
    }

    #[test]
    fn only_what_has_failed_is_created_at_another_try() {
        let mut cluster = cluster();
        let wanted = wanted(&[("1@em0", &["192.0.2.1/24"]), ("2@em0", &["192.0.2.2/24"])]);
        let again = [Part::Vhid(id("2@em0"))];
        assert_eq!(create(&mut cluster.kernel(0), &wanted, Some(&again)).unwrap().writes.len(), 2);
        let there = cluster.kernel(0).inventory().unwrap();
        assert!(there.vhid(&id("1@em0")).is_none() && there.pfsync.is_none_or(|pfsync| pfsync.syncdev.is_none()));
    }

    #[test]
    fn a_vhid_that_was_left_without_its_addresses_gets_them() {
        let mut cluster = cluster();
        let whole = wanted(&[("1@em0", &["192.0.2.1/24"])]);
        let mut empty = whole.vhids[0].settings.clone();
        empty.key = None;
        cluster.kernel(0).write(&Write::Vhid { id: id("1@em0"), settings: empty }).unwrap();
        let again = [Part::Vhid(id("1@em0"))];
        let created = create(&mut cluster.kernel(0), &whole, Some(&again)).unwrap();
        assert_eq!(created.writes, ["add 192.0.2.1/24 to vhid 1@em0"]);
    }
}
