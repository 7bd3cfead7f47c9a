//! `apply --guided`: changes the addresses of live vhids on both nodes of a pair, in the one order in which they never both are MASTER.
//!
//! A node only accepts the adverts of a node with the same addresses. So the node that is not MASTER is taken out of the election
//! (`net.inet.carp.allow=0`) and changed, then the other one is changed, which bounces it, and then the first one comes back.
//! Each node has its own `carpctl apply --guided`; a person carries the word from one to the other.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{carry_out, judge, prove};
use crate::core::plan::{Plan, Wanted};
use crate::ctl::exit::{self, Ended, Failure};
use crate::ctl::plan::document::Document;
use crate::ctl::plan::{failed, look};
use crate::kernel::Administer;
use crate::model::{CarpState, CarpVariable, Inventory, VhidInventory, VhidRef, Write};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(100);

/// What the walk needs of the node and of the person in front of it.
pub(super) trait Site {
    /// The node's name.
    fn node(&self) -> String;
    /// The node's kernel.
    fn kernel(&mut self) -> &mut dyn Administer;
    /// The node's counters of adverts.
    fn adverts(&mut self) -> Result<Adverts, Failure>;
    /// Shows a plan.
    fn show(&mut self, document: &Document) -> Result<(), Failure>;
    /// Says something, as a paragraph of its own.
    fn say(&mut self, text: &str) -> Result<(), Failure>;
    /// Asks, and waits for as long as it takes.
    fn ask(&mut self, question: &str) -> Answer;
    /// Lets time pass; `Abort` if somebody interrupts.
    fn wait(&mut self, time: Duration) -> Answer;
}

/// What a person says. An end of the input or an interrupt is [`Self::Abort`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    Abort,
}

/// Adverts since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Adverts {
    /// Received.
    pub(super) heard: u64,
    /// Received and refused, because the sender has other addresses or another key.
    pub(super) refused: u64,
}

/// Why the walk does not go on.
enum End {
    /// It is given up: what was done here is taken back.
    Abort(String),
    /// It waits for a repair: what was done here stays.
    Stay(Failure),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Abort(failure.text)
    }
}

/// Walks one node through its part.
pub(super) fn walk(site: &mut impl Site, wanted: &Wanted) -> Ended {
    let have = inventory(site)?;
    let plan = planned(site, wanted)?;
    let paused = have.variable(CarpVariable::Allow) == Some(0);
    let concerns_both = plan.bouncing().next().is_some() || plan.two_masters().next().is_some();
    if !paused && !concerns_both {
        return alone(site, wanted, &plan);
    }
    let masters: Vec<VhidRef> = masters(&have).cloned().collect();
    if masters.is_empty() { first(site, wanted, &have, paused) } else { second(site, wanted, &plan, &masters) }
}

fn planned(site: &mut impl Site, wanted: &Wanted) -> Result<Plan, Failure> {
    let planned = look(site.kernel(), wanted)?;
    let document = Document::of(&site.node(), &planned);
    site.show(&document)?;
    judge(&document, planned)
}

/// Nothing of the plan concerns the other node.
fn alone(site: &mut impl Site, wanted: &Wanted, plan: &Plan) -> Ended {
    if plan.is_empty() {
        return Ok(exit::DONE);
    }
    change(site, plan)?;
    prove(site.kernel(), wanted)?;
    site.say("Done, and the kernel is as carpd.toml says. The other node need not know of it.")?;
    Ok(exit::DONE)
}

/// The part of the node that is not MASTER.
fn first(site: &mut impl Site, wanted: &Wanted, before: &Inventory, found_paused: bool) -> Ended {
    if found_paused {
        site.say(
            "CARP is off here already (net.inet.carp.allow=0), most likely by a walk that was broken off. This one goes on from there.",
        )?;
    } else {
        hears_a_master(site, before)?;
        site.say(
            "This node is not MASTER, so the walk begins here. It leaves the election, is changed, and waits while you change the \
             other node, which stays MASTER. Then it comes back. Until then the other node has nobody who could take over.",
        )?;
        if site.ask("Take this node out of the election now (net.inet.carp.allow=0)?") == Answer::Abort {
            return Err(Failure::new(exit::FAILED, "given up; nothing was changed"));
        }
        allow(site, false)?;
    }
    let walked = change_both(site, wanted).and_then(|()| come_back(site, wanted));
    match walked {
        Ok(()) => Ok(exit::DONE),
        Err(End::Stay(failure)) => Err(failure),
        Err(End::Abort(why)) => Err(retreat(site, wanted, before, found_paused, &why)),
    }
}

/// Somebody has to be MASTER while this node is out. Silence means that the other node is out already, or dead.
fn hears_a_master(site: &mut impl Site, have: &Inventory) -> Result<(), Failure> {
    site.say("Listening for the adverts of the other node ...")?;
    let before = site.adverts()?.heard;
    for _ in 0..looks(patience(have) + Duration::from_secs(1)) {
        if site.wait(EVERY) == Answer::Abort {
            return Err(Failure::new(exit::FAILED, "given up; nothing was changed"));
        }
        if site.adverts()?.heard != before {
            return Ok(());
        }
    }
    let text = "nothing was changed: no adverts of another node are heard, so it may be out of the election itself, or dead. If \
                `carpctl apply --guided` has sent you here from there, wait until this node is MASTER and run it again; on a node \
                without a peer use --force";
    Err(Failure::new(exit::REFUSED, text))
}

fn change_both(site: &mut impl Site, wanted: &Wanted) -> Result<(), End> {
    // Another plan than the one shown: out of the election nothing bounces.
    let plan = look(site.kernel(), wanted)?
        .map_err(|refusals| End::Abort(refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
    change(site, &plan)?;
    prove(site.kernel(), wanted)?;
    let has = addresses(&inventory(site)?, wanted);
    site.say(&format!("This node is changed, and out of the election. It has {has}."))?;
    site.say(
        "Now on the other node: make the same change in its carpd.toml, then run `carpctl apply --guided` there. When it has ended, \
         it shows its addresses. They have to be these.",
    )?;
    match site.ask("Has it ended on the other node, with these addresses?") {
        Answer::Yes => Ok(()),
        Answer::Abort => Err(End::Abort("given up".to_owned())),
    }
}

/// Into the election again, and out of it at once if the adverts of the other node are refused.
fn come_back(site: &mut impl Site, wanted: &Wanted) -> Result<(), End> {
    match enter_election(site)? {
        Heard::Refused => {
            let text = "the other node's adverts are refused: its addresses or its key are not these. CARP is off here again \
                        (net.inet.carp.allow=0), so that only one node is MASTER. Make them equal, then run `carpctl apply --guided` \
                        here again: it goes on from this point";
            return Err(End::Stay(Failure::new(exit::FAILED, text)));
        }
        Heard::Accepted => {
            site.say(
                "Done: this node takes part in the election again, and it accepts the adverts of the other node.",
            )?;
        }
        Heard::Nothing => {
            site.say(
                "Done: this node takes part in the election again. It has heard nothing of the other node yet, so whether they agree \
                 is for `carpctl status` to tell.",
            )?;
        }
    }
    prove(site.kernel(), wanted).map_err(End::Stay)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Accepted,
    Refused,
    Nothing,
}

/// Sets `allow` to 1 and listens for longer than one interval of any MASTER, which is less than a BACKUP waits before it becomes
/// MASTER itself. If an advert is refused meanwhile, `allow` is 0 again.
fn enter_election(site: &mut impl Site) -> Result<Heard, Failure> {
    let before = site.adverts()?;
    allow(site, true)?;
    let listen = patience(&inventory(site)?);
    for _ in 0..looks(listen) {
        // An interrupt does not matter any more: this ends by itself.
        let _ = site.wait(EVERY);
        if site.adverts()?.refused != before.refused {
            allow(site, false)?;
            return Ok(Heard::Refused);
        }
    }
    Ok(if site.adverts()?.heard == before.heard { Heard::Nothing } else { Heard::Accepted })
}

/// Takes back what was done here and returns into the election. Tells what could not be taken back.
fn retreat(site: &mut impl Site, wanted: &Wanted, before: &Inventory, found_paused: bool, why: &str) -> Failure {
    const RESUME: &str = "once both nodes have the same addresses, `sysctl net.inet.carp.allow=1` resumes CARP here";
    let undone = undo(site, wanted, before);
    let mut text = match undone {
        Ok(()) => format!("{why}; this node has its old addresses and settings again"),
        Err(failure) => format!("{why}; what was changed here could not be taken back: {}", failure.text),
    };
    if found_paused {
        text.push_str(&format!(", and CARP is still off, as it was found: {RESUME}"));
        return Failure::new(exit::FAILED, text);
    }
    text.push_str(&match enter_election(site) {
        Ok(Heard::Accepted) => ", takes part in the election and accepts the other node's adverts".to_owned(),
        Ok(Heard::Nothing) => ", and takes part in the election; of the other node it has heard nothing yet".to_owned(),
        Ok(Heard::Refused) => format!(
            ", but the other node's adverts are refused, so that CARP is off here again to keep one MASTER: {RESUME}"
        ),
        Err(failure) => format!(", but CARP may still be off here ({}): {RESUME}", failure.text),
    });
    Failure::new(exit::FAILED, text)
}

fn undo(site: &mut impl Site, wanted: &Wanted, before: &Inventory) -> Result<(), Failure> {
    let old = wanted.as_it_was(before, &inventory(site)?);
    let plan = look(site.kernel(), &old)?.map_err(|refusals| {
        let text: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        Failure::new(exit::FAILED, text.join("; "))
    })?;
    change(site, &plan)
}

/// The part of the node that is MASTER.
fn second(site: &mut impl Site, wanted: &Wanted, plan: &Plan, masters: &[VhidRef]) -> Ended {
    let names: Vec<String> = masters.iter().map(ToString::to_string).collect();
    site.say(&format!(
        "This node is MASTER of {}. The walk begins on the other node, and comes here when that one is out of the election.",
        names.join(", ")
    ))?;
    if site.ask("Has `carpctl apply --guided` on the other node sent you here?") == Answer::Abort {
        let text = "nothing was changed; run `carpctl apply --guided` on the other node first. If that one is MASTER of something as \
                    well, run `carpctl maintenance enter --wait` on one of them and begin there";
        return Err(Failure::new(exit::REFUSED, text));
    }
    let gap = plan.without_master();
    site.say(&format!(
        "The changes bounce what is MASTER here: {:.2} s without MASTER, as the other node cannot take over.",
        gap.as_secs_f64()
    ))?;
    if site.ask("Change this node now?") == Answer::Abort {
        let text = "given up; nothing was changed here. Abort on the other node as well: it takes its changes back";
        return Err(Failure::new(exit::FAILED, text));
    }
    change(site, plan).map_err(|failure| {
        let text = "the other node has to stay out of the election until this is repaired and `carpctl apply --guided` has ended here";
        Failure::new(failure.code, format!("{}\n{text}", failure.text))
    })?;
    prove(site.kernel(), wanted)?;
    let back = await_master(site, masters, gap)?;
    let have = inventory(site)?;
    site.say(&format!("This node has {}.", addresses(&have, wanted)))?;
    if !back {
        let text = format!(
            "{} is not MASTER here again; `carpctl why` tells why. Do not go on before it is",
            names.join(", ")
        );
        return Err(Failure::new(exit::TIMED_OUT, text));
    }
    site.say("Done, and MASTER again. Go back to the other node, compare the addresses, and answer its question.")?;
    Ok(exit::DONE)
}

fn await_master(site: &mut impl Site, expected: &[VhidRef], gap: Duration) -> Result<bool, Failure> {
    for _ in 0..looks(gap + Duration::from_secs(5)) {
        let have = inventory(site)?;
        if expected.iter().all(|id| have.vhid(id).is_none_or(|vhid| vhid.seen.state == CarpState::Master)) {
            return Ok(true);
        }
        // What was done is done: whoever interrupts has to see what came of it.
        let _ = site.wait(EVERY);
    }
    Ok(false)
}

/// How long it takes at most until every MASTER of these vhids has sent an advert, when it is demoted, too.
fn patience(have: &Inventory) -> Duration {
    let interval = |vhid: &VhidInventory| vhid.seen.carp().map(|carp| u64::from(carp.advbase.get()));
    Duration::from_millis(have.vhids.iter().filter_map(interval).max().unwrap_or(1) * 1000 + 1200)
}

const fn looks(time: Duration) -> u128 {
    time.as_millis().div_ceil(EVERY.as_millis())
}

fn masters(have: &Inventory) -> impl Iterator<Item = &VhidRef> {
    have.vhids.iter().filter(|vhid| vhid.seen.state == CarpState::Master).map(|vhid| &vhid.seen.id)
}

fn inventory(site: &mut impl Site) -> Result<Inventory, Failure> {
    site.kernel().inventory().map_err(|error| failed(&error))
}

fn allow(site: &mut impl Site, allow: bool) -> Result<(), Failure> {
    let write = Write::Sysctl { variable: CarpVariable::Allow, value: i32::from(allow) };
    site.kernel().write(&write).map_err(|error| failed(&error))?;
    // The write is made; that it cannot be told must not stop what has to follow it.
    let _ = site.say(&format!("net.inet.carp.allow is {}", i32::from(allow)));
    Ok(())
}

fn change(site: &mut impl Site, plan: &Plan) -> Result<(), Failure> {
    let mut said = Vec::new();
    let result = carry_out(site.kernel(), plan, &mut |text| {
        said.push(text.trim_end().to_owned());
        Ok(())
    });
    for text in said {
        let _ = site.say(&text);
    }
    result
}

/// The addresses that both nodes have to have.
fn addresses(have: &Inventory, wanted: &Wanted) -> String {
    let owned = have.vhids.iter().filter(|vhid| wanted.vhids.iter().any(|want| want.id == vhid.seen.id));
    let list = |vhid: &VhidInventory| {
        let nets: Vec<String> = vhid.seen.addresses.iter().map(ToString::to_string).collect();
        format!("{} with {}", vhid.seen.id, nets.join(", "))
    };
    owned.map(list).collect::<Vec<_>>().join("; ")
}
