//! The lab process: kernels and cables in real time, with everything around a node that carpd talks to.
//!
//! One thread does it all. Sockets are served by local tasks that share one [`Lab`]; whatever changes the world first lets it catch up
//! with the clock, so every order of events is one that real machines could have had.

mod admin;
mod daemon;
pub mod devd;
mod kernel;
pub mod protocol;
pub mod setup;
pub(super) mod state;
pub mod timeline;

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::Instant;

use super::cluster::Cluster;
use super::dir::{DirError, LabDir, LabPaths};
use super::world::{LabError, WorldConfig};
use setup::{NodeInput, SetupError};
use state::State;
use timeline::Timeline;

pub use state::ServiceProcess;

/// How long the clock may sleep if nothing is due in the world.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// How long after one node the next one boots.
const BOOT_DISTANCE: Duration = Duration::from_millis(100);

/// How long a carpd may take from its start to its first answer.
const READY_LIMIT: Duration = Duration::from_secs(10);

/// Why the lab cannot run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A node's file.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The lab's directory.
    #[error(transparent)]
    Dir(#[from] DirError),
    /// The world refuses the configuration.
    #[error("the configurations cannot be simulated: {0}")]
    World(#[from] LabError),
    /// A pair needs two.
    #[error("a lab needs at least two nodes; name another one with --node NAME=FILE")]
    TooFew,
    /// A socket cannot be made.
    #[error("{}: {source}; name a directory on a local disk with --dir", .path.display())]
    Socket {
        /// Its path.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// carpd cannot be executed.
    #[error("{} cannot be executed: {source}", .path.display())]
    Execute {
        /// The program.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// carpd does not come up.
    #[error("carpd of {node} {how}; the end of its log:\n{tail}")]
    Daemon {
        /// Whose.
        node: String,
        /// How it failed.
        how: String,
        /// Its last lines.
        tail: String,
    },
}

/// The two programs that a lab runs.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The daemon.
    pub carpd: PathBuf,
    /// This program, which also is the stand-in for services.
    pub carpctl: PathBuf,
}

impl Programs {
    /// This program, and the carpd beside it; if there is none, this program under carpd's name, which makes it the daemon.
    ///
    /// # Errors
    /// The system does not tell which program this is.
    pub fn beside_this() -> Result<Self, StartError> {
        let carpctl =
            std::env::current_exe().map_err(|source| StartError::Execute { path: PathBuf::from("carpctl"), source })?;
        let carpd = carpctl.with_file_name("carpd");
        Ok(Self { carpd: if carpd.is_file() { carpd } else { carpctl.clone() }, carpctl })
    }
}

/// A running lab. It ends, with all processes it has started, when [`Lab::down`] has returned; if it is dropped before, its processes are
/// killed.
#[derive(Debug)]
pub struct Lab {
    state: RefCell<State>,
    /// Something was done to the world, so that its next event may be earlier than was thought.
    changed: Notify,
    /// Somebody asked for the end.
    down: Notify,
    programs: Programs,
    paths: LabPaths,
    dir: RefCell<Option<LabDir>>,
    keep: Cell<bool>,
}

impl Lab {
    /// Makes the nodes of `inputs` in the directory `dir`, boots them, and starts their carpds. Must be called within a `LocalSet`.
    ///
    /// # Errors
    /// Something cannot be made, or a carpd does not come up.
    pub async fn start(dir: LabDir, inputs: &[NodeInput], programs: Programs) -> Result<Rc<Self>, StartError> {
        if inputs.len() < 2 {
            return Err(StartError::TooFew);
        }
        if let Some(twice) = inputs.iter().enumerate().find(|(at, a)| inputs[..*at].iter().any(|b| a.name == b.name)) {
            return Err(SetupError::Name(twice.1.name.clone()).into());
        }
        let setups: Result<Vec<_>, _> =
            inputs.iter().map(|input| setup::prepare(&dir, input, &programs.carpctl)).collect();
        let setups = setups?;
        let cluster = Cluster::new(setups.iter().map(|node| node.plan.clone()).collect(), WorldConfig::default())?;
        let paths = dir.paths().clone();
        let lab = Rc::new(Self {
            state: RefCell::new(State::new(cluster, setups)),
            changed: Notify::new(),
            down: Notify::new(),
            programs,
            paths,
            dir: RefCell::new(Some(dir)),
            keep: Cell::new(false),
        });
        if let Err(error) = lab.open().await {
            lab.down().await;
            return Err(error);
        }
        Ok(lab)
    }

    async fn open(self: &Rc<Self>) -> Result<(), StartError> {
        admin::listen(self)?;
        for at in 0..self.nodes() {
            kernel::listen(self, at)?;
        }
        self.state.borrow_mut().begin();
        spawn_local(clock(self.clone()));
        // The last one first: a node that finds another one gets its pf states at once. Of two that boot in the same instant, the first
        // one is demoted until its second attempt 5 s later.
        for at in (0..self.nodes()).rev() {
            self.act(|state| state.cluster.boot(at))?;
            self.start_devd(at)?;
            daemon::start(self, at)?;
            tokio::time::sleep(BOOT_DISTANCE).await;
        }
        for at in 0..self.nodes() {
            daemon::ready(self, at, READY_LIMIT).await?;
        }
        Ok(())
    }

    fn start_devd(&self, at: usize) -> Result<(), StartError> {
        let path = self.state.borrow().nodes[at].paths.devd_socket();
        self.act(|state| state.devd(at, true)).map_err(|source| StartError::Socket { path, source })
    }

    /// How many nodes there are.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.state.borrow().nodes.len()
    }

    /// Its files.
    #[must_use]
    pub fn paths(&self) -> &LabPaths {
        &self.paths
    }

    /// What a person should know of the differences between the files given and what runs.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.state.borrow().nodes.iter().flat_map(|node| node.notes.clone()).collect()
    }

    /// Lets the world catch up with the clock, changes it, and tells everybody.
    fn act<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.borrow_mut();
        state.catch_up();
        let result = change(&mut state);
        state.observe();
        state.deliver();
        self.changed.notify_one();
        result
    }

    /// Looks at the state as of now.
    pub(super) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        let mut state = self.state.borrow_mut();
        state.catch_up();
        look(&state)
    }

    /// Records whether a service answered somebody who connected.
    pub(super) fn answered(&self, at: usize, service: usize, answered: bool) {
        let mut state = self.state.borrow_mut();
        let now = state.clock();
        if let Some((_, track)) = state.timeline.nodes[at].services.get_mut(service) {
            track.push(now, answered);
        }
    }

    /// What was recorded so far.
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        self.look(|state| state.timeline.clone())
    }

    /// Returns when somebody has asked for the end of the lab.
    pub async fn asked_down(&self) {
        self.down.notified().await;
    }

    /// Lets [`Self::down`] leave the files to be looked at. The next lab in the directory removes them.
    pub fn keep_files(&self) {
        self.keep.set(true);
    }

    /// Ends every process of the lab and removes its directory.
    pub async fn down(self: &Rc<Self>) {
        self.end_processes().await;
        let dir = self.dir.borrow_mut().take();
        if let Some(dir) = dir.filter(|_| !self.keep.get()) {
            // Nothing runs any more, and the next lab cleans up what could not be removed.
            let _ = dir.remove();
        }
    }

    async fn end_processes(self: &Rc<Self>) {
        for at in 0..self.nodes() {
            daemon::stop(self, at).await;
        }
        self.state.borrow_mut().nodes.iter_mut().for_each(state::NodeState::kill_services);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.state.get_mut().nodes.iter_mut().for_each(state::NodeState::kill_services);
    }
}

async fn clock(lab: Rc<Lab>) {
    loop {
        let due = {
            let mut state = lab.state.borrow_mut();
            state.catch_up();
            state.next_event()
        };
        let sleep = Instant::now() + LONGEST_SLEEP;
        let wake = due.map_or(sleep, |due| sleep.min(Instant::from_std(due)));
        tokio::select! {
            () = tokio::time::sleep_until(wake) => {}
            () = lab.changed.notified() => {}
        }
    }
}
