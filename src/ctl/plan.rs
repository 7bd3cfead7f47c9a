//! `plan`: how the kernel differs from carpd.toml, and what it would cost to change that.

pub mod document;

use super::exit::{self, Ended, Failure};
use super::target::Target;
use super::time::now;
use super::{Context, render};
use crate::config;
use crate::config::settings::Vips;
use crate::core::plan::{Plan, Refusal, Wanted, plan};
use crate::kernel::{self, Administer, KernelError};
use crate::model::VhidRef;
use document::Document;

/// What carpd.toml owns of a node.
pub(super) enum Owned {
    /// Nothing, and why.
    Nothing(&'static str),
    /// This.
    Wanted(Box<Wanted>),
}

pub(super) fn run(context: &mut Context, remove: &[VhidRef], json: bool) -> Ended {
    let document = match wanted(&context.target, remove)? {
        Owned::Nothing(why) => Document::not_owned(&context.target.node, why),
        Owned::Wanted(wanted) => {
            let mut kernel = kernel(&context.target)?;
            Document::of(&context.target.node, &look(&mut *kernel, &wanted)?)
        }
    };
    if json {
        context.out.json(&document)?;
    } else {
        let view = context.out.view(now());
        context.out.write(&render::plan::page(&document, &view))?;
    }
    Ok(document.verdict.exit_code())
}

/// What carpd.toml wants of the kernel. `remove` is what a person wants to be gone beside it.
pub(super) fn wanted(target: &Target, remove: &[VhidRef]) -> Result<Owned, Failure> {
    let loaded = config::load(&target.config).map_err(|unusable| Failure::new(exit::FAILED, unusable.to_string()))?;
    match &loaded.settings.vips {
        Vips::Static(vips) => {
            let mut wanted = vips.wanted().map_err(|error| Failure::new(exit::FAILED, error.to_string()))?;
            wanted.remove = remove.to_vec();
            wanted.remove.sort_unstable();
            wanted.remove.dedup();
            Ok(Owned::Wanted(Box::new(wanted)))
        }
        Vips::Kernel => Ok(Owned::Nothing(
            "vips.source is \"kernel\", so carpd.toml follows the vhids that the kernel has and sets up none: rc.conf(5) does",
        )),
        Vips::Opnsense { .. } => Ok(Owned::Nothing(
            "vips.source is \"opnsense\", so VIPs, pfsync and CARP's settings belong to OPNsense: change them in its GUI",
        )),
    }
}

/// The way to change the node's kernel.
pub(super) fn kernel(target: &Target) -> Result<Box<dyn Administer>, Failure> {
    kernel::administer(&target.kernel).map_err(|error| failed(&error))
}

/// The plan as of now, or what stands in its way.
pub(super) fn look(kernel: &mut dyn Administer, wanted: &Wanted) -> Result<Result<Plan, Vec<Refusal>>, Failure> {
    Ok(plan(wanted, &kernel.inventory().map_err(|error| failed(&error))?))
}

pub(super) fn failed(error: &KernelError) -> Failure {
    Failure::new(exit::FAILED, error.to_string())
}
