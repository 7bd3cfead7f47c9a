//! Scenarios: what happens to a cluster and what has to be the case, written down in a file and run in virtual time.
//!
//! The nodes are set up from configuration files as the real-time lab sets them up, their kernels are the [`super::world`], and on each of
//! them runs the production core ([`super::daemon`]). Between them lies what lies there in life: a devd that delays and loses events, a
//! disk that may be full, clocks that are wrong. A run follows from the file and the seed alone.
//!
//! ```toml
//! title = "A cable is pulled"
//! duration = "40s"
//! nodes = "example"
//!
//! [[service]]
//! name = "gateway"
//! follows = ["1@wan", "3@lan"]
//!
//! [[at]]
//! time = "15s"
//! do = "cable pull"
//! node = "fw1"
//! interface = "wan"
//!
//! [[expect]]
//! at = "30s"
//! state = { fw2 = "MASTER" }
//! runs_on = ["fw2"]
//! outage = "4s"
//! ```
//!
//! A service does what it is told in `start_takes` and `stop_takes`. `[service.manners]` has other behaviour (see [`super::manners`]): a start
//! that returns before anything runs, a tunnel that outlives the process, a core that comes and goes. What comes and goes during a run are
//! steps: `service crash`, `service start` (by hand), `service start fails`, `service start lies`, `service dies at start`,
//! `service stop hangs`, `service unhealthy`, `gui save`, `core lost`, `core back`, `core push`, and for its tunnel `interface up`,
//! `interface down` and `interface destroy`. Every probe asks for `/health`.

mod act;
mod action;
mod condition;
mod file;
mod guard;
mod judge;
mod node;
mod observe;
mod record;
mod report;
mod run;
mod setup;
mod steps;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use file::Mistake;
pub use report::{Broken, Expected, KernelWrites, Line, OverlapReport, Report, VhidReport};

use condition::{Expectation, conditions};
use file::Source;
use run::Runner;
use setup::Setup;
use steps::Step;

/// A scenario that was read and checked.
#[derive(Debug)]
pub struct Scenario {
    path: PathBuf,
    title: String,
    text: String,
    /// What the file says everything random follows from.
    pub seed: u64,
    duration: Duration,
    event_delay: Duration,
    starts_after: Duration,
    link_takes: Duration,
    delay: Option<Duration>,
    jitter: Duration,
    setup: Setup,
    steps: Vec<Step>,
    expects: Vec<Expectation>,
}

impl Scenario {
    /// Reads the scenario at `path` and the configuration files that it names.
    ///
    /// # Errors
    /// All mistakes in steps and expectations, or the first one elsewhere.
    pub fn load(path: &Path) -> Result<Self, Vec<Mistake>> {
        Self::read(&Source::read(path).map_err(|mistake| vec![mistake])?)
    }

    /// Reads `text` as if it were the file at `path`.
    ///
    /// # Errors
    /// Those of [`Scenario::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, Vec<Mistake>> {
        Self::read(&Source { path: path.to_owned(), text: text.to_owned() })
    }

    fn read(source: &Source) -> Result<Self, Vec<Mistake>> {
        let file = source.parse().map_err(|mistake| vec![mistake])?;
        let setup = Setup::read(source, &file).map_err(|mistake| vec![mistake])?;
        let (mut steps, mut expects, mut mistakes) = (Vec::new(), Vec::new(), Vec::new());
        for table in &file.steps {
            let start = table.span().start;
            match steps::steps(&setup, table.get_ref(), source.line(start), file.duration.0) {
                Ok(found) => steps.extend(found),
                Err(what) => mistakes.push(source.mistake(start, what)),
            }
        }
        for expect in &file.expects {
            let start = expect.span().start;
            match conditions(&setup, expect.get_ref(), source.line(start), file.duration.0) {
                Ok(found) => expects.extend(found),
                Err(what) => mistakes.push(source.mistake(start, what)),
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        // Steps of one instant happen in the order of the file.
        steps.sort_by_key(|step| step.at);
        Ok(Self {
            path: source.path.clone(),
            title: file.title,
            text: file.text,
            seed: file.seed,
            duration: file.duration.0,
            event_delay: file.carpd.event_delay.0,
            starts_after: file.carpd.starts_after.0,
            link_takes: file.carpd.link_takes.0,
            delay: file.network.delay.map(|span| span.0),
            jitter: file.network.jitter.0,
            setup,
            steps,
            expects,
        })
    }

    /// Runs it.
    ///
    /// # Errors
    /// The nodes' configuration contradicts itself.
    pub fn run(&self, seed: u64) -> Result<Report, Mistake> {
        let wrong =
            |error: super::world::LabError| Mistake { file: self.path.clone(), line: None, what: error.to_string() };
        let start = Instant::now();
        let mut runner = Runner::new(self, seed).map_err(wrong)?;
        runner.run();
        Ok(Report::new(self, seed, &runner, start.elapsed()))
    }
}
