//! `apply`: makes the kernel what carpd.toml says.

mod guided;
mod site;

use super::exit::{self, Ended, Failure};
use super::plan::document::Document;
use super::plan::{Owned, failed, kernel, look, wanted};
use super::target::Target;
use super::time::now;
use super::{Context, plan, render};
use crate::core::plan::{Plan, Refusal, Step, Wanted};
use crate::daemon::lock::{ChangeLock, LockError};
use crate::kernel::Administer;
use crate::model::VhidRef;

use super::args::ApplyArgs;

pub(super) fn run(context: &mut Context, args: &ApplyArgs) -> Ended {
    if args.dry_run {
        return plan::run(context, &args.remove, false);
    }
    let wanted = match wanted(&context.target, &args.remove)? {
        Owned::Wanted(wanted) => wanted,
        Owned::Nothing(why) => {
            let document = Document::not_owned(&context.target.node, why);
            return show(context, &document).map(|()| exit::DONE);
        }
    };
    let _lock = exclude_others(&context.target, args.guided)?;
    if args.guided {
        let mut site = site::Here::open(context, args.yes)?;
        return guided::walk(&mut site, &wanted);
    }
    let mut kernel = kernel(&context.target)?;
    let planned = look(&mut *kernel, &wanted)?;
    let document = Document::of(&context.target.node, &planned);
    show(context, &document)?;
    let plan = judge(&document, planned)?;
    if plan.is_empty() {
        return Ok(exit::DONE);
    }
    if !args.force {
        refuse_active(&plan)?;
    }
    context.out.write("\n")?;
    let mut say = |text: &str| context.out.write(text);
    carry_out(&mut *kernel, &plan, &mut say)?;
    prove(&mut *kernel, &wanted)?;
    context.out.write(&format!("{}: done, and the kernel is as carpd.toml says\n", context.target.node))?;
    Ok(exit::DONE)
}

/// Keeps others from changing the node meanwhile. Where no lock can be had, as in a rescue shell without a disk, nobody else has one
/// either, and it is no reason to change nothing; whoever may not write the file may not write the kernel.
fn exclude_others(target: &Target, guided: bool) -> Result<Option<ChangeLock>, Failure> {
    let who = if guided { "`carpctl apply --guided`" } else { "`carpctl apply`" };
    match ChangeLock::take(&target.state_dir, who) {
        Ok(lock) => Ok(Some(lock)),
        Err(LockError::Directory { .. }) => Ok(None),
        Err(held) => Err(Failure::new(exit::REFUSED, format!("refused, and nothing was changed: {held}"))),
    }
}

fn show(context: &mut Context, document: &Document) -> Result<(), Failure> {
    let view = context.out.view(now());
    context.out.write(&render::plan::applied(document, &view))
}

/// A plan that can be carried out. Without the right to read keys there is none to change anything either.
fn judge(document: &Document, planned: Result<Plan, Vec<Refusal>>) -> Result<Plan, Failure> {
    let plan = planned.map_err(|_| Failure::new(exit::FAILED, "nothing was changed: see the obstacles above"))?;
    if !document.unknown_keys.is_empty() {
        return Err(Failure::new(exit::FAILED, "nothing was changed: only root may apply a plan"));
    }
    Ok(plan)
}

/// Neither order of the two nodes is clean: each bounces the vhid or makes both nodes MASTER of it.
fn refuse_active(plan: &Plan) -> Result<(), Failure> {
    let active: Vec<String> = plan.bouncing().map(VhidRef::to_string).collect();
    if active.is_empty() {
        return Ok(());
    }
    let text = format!(
        "refused, and nothing was changed: {} takes part in the election, and while the other node has other addresses \
         both are MASTER of it; `carpctl apply --guided` changes one node after the other, and --force does it at once, as \
         on a node without a peer",
        active.join(", ")
    );
    Err(Failure::new(exit::REFUSED, text))
}

/// Makes every write in its order and stops at the first that fails.
fn carry_out(
    kernel: &mut dyn Administer,
    plan: &Plan,
    say: &mut dyn FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let all = plan.steps.len();
    for (at, step) in plan.steps.iter().enumerate() {
        if let Err(error) = kernel.write(&step.write) {
            let cause = failed(&error).text;
            return Err(Failure::new(exit::FAILED, stopped(&plan.steps, at, &cause)));
        }
        // Standard output that is full or closed is no reason to leave a node half changed.
        let _ = say(&format!("{}/{all}  {}\n", at + 1, step.write));
    }
    Ok(())
}

/// What became of each step.
fn stopped(steps: &[Step], failed: usize, cause: &str) -> String {
    let mut text = format!("step {} of {} failed: {}: {cause}", failed + 1, steps.len(), steps[failed].write);
    for step in &steps[..failed] {
        text.push_str(&format!("\n  done: {}", step.write));
    }
    for step in &steps[failed + 1..] {
        text.push_str(&format!("\n  not done: {}", step.write));
    }
    text.push_str("\nwhat was done stays; repair the cause, and `carpctl plan` shows what is left");
    text
}

/// Looks again: only a kernel that needs nothing more is as carpd.toml says.
fn prove(kernel: &mut dyn Administer, wanted: &Wanted) -> Result<(), Failure> {
    let left = match look(kernel, wanted)? {
        Ok(plan) => plan.steps.iter().map(|step| format!("{} ({})", step.write, step.why)).collect::<Vec<_>>(),
        Err(refusals) => refusals.iter().map(ToString::to_string).collect(),
    };
    if left.is_empty() {
        return Ok(());
    }
    let text = format!(
        "every write was made, but the kernel is still not as carpd.toml says; somebody else changes it as well:\n  {}",
        left.join("\n  ")
    );
    Err(Failure::new(exit::FAILED, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::KernelError;
    use crate::model::{CarpVariable, Inventory, Write};

    /// A kernel that takes some writes and then no more.
    struct Kernel {
        takes: usize,
        asked: usize,
    }

    impl Administer for Kernel {
        fn inventory(&mut self) -> Result<Inventory, KernelError> {
            Err(KernelError::Unsupported)
        }

        fn write(&mut self, _: &Write) -> Result<(), KernelError> {
            self.asked += 1;
            if self.asked > self.takes { Err(KernelError::NoCarp) } else { Ok(()) }
        }
    }

    #[test]
    fn the_first_error_stops_and_tells_what_was_done_and_what_was_not() {
        let step = |value| Step {
            write: Write::Sysctl { variable: CarpVariable::Log, value },
            why: String::new(),
            effects: Vec::new(),
        };
        let plan = Plan { steps: (1..=4).map(step).collect(), ..Plan::default() };
        let mut kernel = Kernel { takes: 1, asked: 0 };
        let mut said = String::new();
        let full = |text: &str| {
            said.push_str(text);
            Err(Failure::new(exit::FAILED, "standard output is full"))
        };
        let failure = carry_out(&mut kernel, &plan, &mut { full }).unwrap_err();
        assert_eq!((kernel.asked, failure.code), (2, exit::FAILED));
        assert_eq!(said, "1/4  set net.inet.carp.log to 1\n");
        for line in [
            "step 2 of 4 failed: set net.inet.carp.log to 2: the kernel has no CARP",
            "\n  done: set net.inet.carp.log to 1\n",
            "\n  not done: set net.inet.carp.log to 3\n",
            "\n  not done: set net.inet.carp.log to 4\n",
        ] {
            assert!(failure.text.contains(line), "{}", failure.text);
        }
    }
}
