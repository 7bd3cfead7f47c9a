//! What carpd owes the node while no daemon runs: maintenance and the boot hold before the network comes up, and the end of
//! that hold if no daemon is ever started.
//!
//! The decisions are the daemon's: the same core gets the same journal and the same kernel, and the journal it writes is
//! the one that the daemon takes up. Only what it would do to services is left undone.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::bail;

use super::cli::say;
use super::lock::{LockError, StateLock, Stay};
use super::state::StateFile;
use super::{clock, history};
use crate::config;
use crate::config::settings::{KernelChoice, Settings, Vips};
use crate::config::system::AnySystem;
use crate::core::policy::Policy;
use crate::core::{Core, Effect, Input, Level, Loaded, Note, Topic};
use crate::kernel::{self, Kernel};
use crate::model::{CarpVariable, Mono, Write};

/// How long it is tried to bring the share to what it should be: a failed write is tried again after 5 s.
const PATIENCE: Duration = Duration::from_secs(12);

/// Between two looks at whether the hold is over, or a daemon has come that sees to it.
const LOOK: Duration = Duration::from_secs(5);

/// How much longer than the longest hold (600 s, carpd.toml(5)) its end is waited for.
const AT_MOST: Duration = Duration::from_secs(900);

struct Node {
    settings: Settings,
    policy: Policy,
    kernel: Box<dyn Kernel>,
}

impl Node {
    /// Reads the configuration without asking for users and groups, which may be kept by a server that cannot be reached yet.
    fn read(path: &Path) -> anyhow::Result<Self> {
        let loaded = config::load_for(path, &AnySystem)?;
        let kernel = match &loaded.settings.node.kernel {
            KernelChoice::Freebsd => kernel::open("freebsd"),
            KernelChoice::Lab(path) => kernel::open(&format!("lab:{}", path.display())),
        }?;
        // A fault is for the daemon to see, which also sees its end.
        let policy = Policy { failback_hold: Duration::ZERO, ..loaded.policy() };
        Ok(Self { policy, settings: loaded.settings, kernel })
    }

    /// The lock, `None` if a daemon has it.
    fn lock(&self) -> Result<Option<StateLock>, LockError> {
        match StateLock::take(&self.settings.node.state_dir, Stay::Moment) {
            Ok(lock) => Ok(Some(lock)),
            Err(LockError::Held { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Brings carpd's share to what the journal and the boot ask for. Until when the boot hold lasts, if there is one.
    fn settle(&mut self, why: &str) -> anyhow::Result<Option<Mono>> {
        let state = StateFile::new(&self.settings.node.state_dir);
        let (loaded, told) = state.load();
        if let Loaded::Frozen(why) = loaded {
            bail!(why);
        }
        if let Some(told) = told {
            say(io::stderr(), &format!("carpd: {told}"));
        }
        let mut core = Core::new(self.policy.clone(), loaded, clock::now());
        let (mut notes, began) = (Vec::new(), clock::now().mono);
        let settled = loop {
            let trouble = self.step(&mut core, &state, &mut notes);
            if core.is_settled() {
                break Ok(core.hold_until());
            }
            let now = clock::now();
            if now.mono.since(began) >= PATIENCE {
                break Err(anyhow::Error::msg(trouble.unwrap_or_else(|| told_last(&notes))));
            }
            let wait = core.next_wake(now).since(now.mono);
            std::thread::sleep(wait.clamp(Duration::from_millis(1), Duration::from_secs(1)));
        };
        self.tell(why, notes);
        settled
    }

    /// Lets the core do what is due. What went wrong, if anything did.
    fn step(&mut self, core: &mut Core, state: &StateFile, notes: &mut Vec<Note>) -> Option<String> {
        let mut inputs = VecDeque::from([Input::Tick]);
        let mut trouble = None;
        while let Some(input) = inputs.pop_front() {
            for effect in core.step(input, clock::now()) {
                match effect {
                    Effect::Read { log } => {
                        let result = self.kernel.snapshot(&[]).map_err(|error| error.to_string());
                        trouble = result.as_ref().err().cloned().or(trouble);
                        let log = if log { self.kernel.demotion_log().unwrap_or_default() } else { Vec::new() };
                        inputs.push_back(Input::Read { result, log });
                    }
                    Effect::AddDemotion { delta } => {
                        let result = self.kernel.add_demotion(delta).map_err(|error| error.to_string());
                        trouble = result.as_ref().err().cloned().or(trouble);
                        inputs.push_back(Input::DemotionAdded { result });
                    }
                    Effect::Persist { seq, journal } => {
                        let result = state.write(&journal);
                        trouble = result.as_ref().err().cloned().or(trouble);
                        inputs.push_back(Input::Persisted { seq, result });
                    }
                    Effect::Note(note) => notes.push(note),
                    // An action that never ends is one that is never repeated.
                    Effect::Act { .. }
                    | Effect::SetLink { .. }
                    | Effect::CutShort { .. }
                    | Effect::Probe { .. }
                    | Effect::Reply { .. }
                    | Effect::Exit => {}
                    // The interfaces are not there yet; the daemon creates the vhids.
                    Effect::Create { .. } => {}
                }
            }
        }
        trouble
    }

    /// Tells what changed, and keeps it in the history, where somebody may look for the reason of a demotion.
    fn tell(&self, why: &str, notes: Vec<Note>) {
        let notes: Vec<Note> =
            notes.into_iter().filter(|n| matches!(n.topic, Topic::Demotion | Topic::Maintenance)).collect();
        if notes.is_empty() {
            return;
        }
        // In one line: daemon(8) makes one record of lines that come together.
        let texts: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
        say(io::stdout(), &format!("carpd: {}", texts.join("; ")));
        if let Err(error) = history::record(&self.settings.node.state_dir, why, notes, clock::now().wall) {
            say(io::stderr(), &format!("carpd: the history cannot be written: {error}"));
        }
    }

    /// `net.inet.carp.preempt` is carpd's to set only where carpd.toml owns CARP's settings; otherwise it is sysctl.conf's.
    fn preempt(&mut self) -> anyhow::Result<()> {
        let owned = matches!(&self.settings.vips, Vips::Static(vips) if vips.preempt);
        if !owned || self.settings.node.kernel != KernelChoice::Freebsd || self.kernel.snapshot(&[])?.sysctls.preempt {
            return Ok(());
        }
        let write = Write::Sysctl { variable: CarpVariable::Preempt, value: 1 };
        Ok(kernel::administer("freebsd")?.write(&write)?)
    }
}

fn told_last(notes: &[Note]) -> String {
    let errors = notes.iter().rev().find(|note| note.level == Level::Error);
    errors.map_or_else(|| "carpd's share of the demotion cannot be settled".to_owned(), |note| note.text.clone())
}

/// Puts into effect what outlasts a boot. To be called before the network comes up; later it does no harm.
pub(super) fn apply(config: &Path) -> anyhow::Result<()> {
    let mut node = Node::read(config)?;
    let Some(_lock) = node.lock()? else {
        say(io::stdout(), "carpd: a carpd runs already and sees to the demotion itself");
        return Ok(());
    };
    // Without it the demotion still keeps this node from becoming MASTER where another one is.
    let preempt = node.preempt();
    node.settle("what outlasts a boot is put into effect before the network is up")?;
    preempt
}

/// Waits for the end of the boot hold, and ends it unless a daemon has come that does so.
pub(super) fn end_hold(config: &Path) -> anyhow::Result<()> {
    let mut node = Node::read(config)?;
    let began = clock::now().mono;
    loop {
        // Not kept while waiting: a daemon that starts meanwhile must find it free.
        let Some(lock) = node.lock()? else { return Ok(()) };
        let settled = node.settle("the boot hold is over");
        drop(lock);
        let now = clock::now().mono;
        let wait = match settled {
            Ok(None) => return Ok(()),
            Ok(Some(until)) => until.since(now).min(LOOK),
            Err(error) if now.since(began) >= AT_MOST => return Err(error),
            Err(_) => LOOK,
        };
        std::thread::sleep(wait.max(Duration::from_millis(10)));
    }
}
