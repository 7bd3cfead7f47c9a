//! The daemon: wires the core to the kernel, to devd, to the services, to the disk and to those who ask.
//!
//! One thread does all that decides and acts, so nothing can overtake anything. What may block (the disk, a directory
//! server, whoever reads the log) is done by helpers and comes back as an event.

mod admins;
mod alarm;
mod cli;
mod clock;
mod configuration;
mod control;
mod create;
mod early;
mod events;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub(crate) mod history;
mod http;
pub(crate) mod lock;
mod log;
mod metrics;
mod node;
mod process;
pub(crate) mod state;

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::config::{Finding, Severity};
use crate::core::Input;
use crate::core::events::EventSource;
use crate::core::service::{ActionKind, Outcome};
use crate::kernel;
use crate::model::{CarpState, InterfaceName, Mono, VhidRef};
use crate::service::{Health, Prepared};

pub use cli::main;
pub use log::LogTo;

use alarm::Alarm;
use configuration::{Configuration, describe_all};
use control::Asked;
use history::History;
use http::Exporter;
use lock::{StateLock, Stay};
use log::Log;
use node::{Node, Parts};
use state::StateFile;

/// How long the daemon takes at most to stop.
const TO_STOP: Duration = Duration::from_secs(60);

/// What the daemon is told on its command line.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configuration file.
    pub config: PathBuf,
    /// Where its log goes.
    pub log_to: LogTo,
}

/// Something that happened outside the daemon's thread.
#[derive(Debug)]
pub(crate) enum Event {
    /// To be given to the core as it is.
    Input(Box<Input>),
    /// A source reported something about CARP or an interface, and with it perhaps states of vhids.
    Hint { source: EventSource, changes: Vec<(VhidRef, CarpState)> },
    /// An interface was brought up or down, or not.
    LinkSet { interface: InterfaceName, began: Instant, result: Result<(), String> },
    /// An action ended.
    Acted { service: Arc<Prepared>, kind: ActionKind, took: Duration, outcome: Outcome },
    /// A probe ended.
    Probed { service: Arc<Prepared>, probe: usize, health: Health },
    /// The configuration was read again.
    Read(Box<Result<Configuration, Vec<Finding>>>),
}

/// Checks the configuration, prints what is found, and says how to exit: 0 for nothing or notes, 2 for findings, 1 if there is nothing usable.
#[must_use]
pub fn check(config: &Path) -> u8 {
    let (findings, usable) = match Configuration::read(config) {
        Ok(configuration) => (configuration.findings, true),
        Err(findings) => (findings, false),
    };
    if !findings.is_empty() {
        cli::say(std::io::stdout(), &describe_all(&findings));
    }
    match findings.iter().map(|finding| finding.severity).max() {
        _ if !usable => 1,
        Some(Severity::Warning | Severity::Error) => 2,
        Some(Severity::Note) | None => 0,
    }
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// Why it cannot run, with the remedy.
pub fn run(options: &Options) -> anyhow::Result<()> {
    process::prepare();
    let configuration = Configuration::read(&options.config)
        .map_err(|findings| anyhow::Error::msg(describe_all(&findings)).context("the configuration cannot be used"))?;
    // Until the very end: a write that a hanging disk has not finished may still come after the event loop is over.
    let _lock = StateLock::take(&configuration.settings.node.state_dir, Stay::Daemon)?;
    let log = Log::start(&options.log_to).context("the log cannot be started")?;
    log.set_level(configuration.settings.node.log);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(8)
        .build()
        .context("the event loop cannot be started")?;
    let result = runtime.block_on(serve(configuration, &log));
    // A disk that hangs must not keep the daemon from ending.
    runtime.shutdown_timeout(Duration::from_secs(1));
    log.flush();
    result
}

async fn serve(configuration: Configuration, log: &Log) -> anyhow::Result<()> {
    let settings = &configuration.settings;
    let directory = settings.node.state_dir.clone();
    let kernel = kernel::open(&settings.node.kernel.name())?;
    let (listener, _socket) = control::open(&settings.control).await?;
    let (events, inbox) = mpsc::unbounded_channel();
    let (asks, questions) = mpsc::channel(1);
    let admins = Arc::new(RwLock::new(configuration.admins.clone()));
    tokio::spawn(control::serve(listener, asks.clone(), Arc::clone(&admins)));
    let mut exporter = Exporter::new(asks);
    if let Err(why) = exporter.listen(settings.metrics) {
        tracing::error!("{why}");
    }
    events::follow(&settings.node, &events);
    let state = StateFile::new(&directory);
    let (loaded, told) = state.load();
    if let Some(told) = told {
        tracing::error!("{told}");
    }
    configuration::tell(&configuration.findings);
    let (history, writer) = History::open(&directory);
    let parts = Parts { kernel, state, loaded, configuration, admins, history, exporter, log: log.clone(), events };
    let mut node = Node::new(parts);
    node.tell_start();
    let ended = attend(&mut node, inbox, questions).await;
    node.tell_end();
    drop(node);
    ended?;
    // The last lines of the history.
    let _ = tokio::time::timeout(Duration::from_secs(1), writer).await;
    Ok(())
}

/// The event loop.
async fn attend(
    node: &mut Node,
    mut inbox: UnboundedReceiver<Event>,
    mut questions: mpsc::Receiver<Asked>,
) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup()).context("SIGHUP")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let mut alarm = Alarm::new().context("timer")?;
    let mut stop_by: Option<Mono> = None;
    node.tick();
    while !node.is_done() {
        let wake = stop_by.map_or(node.next_wake(), |by| node.next_wake().min(by));
        // What happened comes before what is asked, so that no number of clients delays a failover.
        tokio::select! { biased;
            Some(event) = inbox.recv() => node.take(event),
            rung = alarm.until(wake) => rung.map(|()| node.tick()).context("timer")?,
            _ = terminate.recv() => stop(node, &mut stop_by),
            _ = interrupt.recv() => stop(node, &mut stop_by),
            _ = hangup.recv() => node.reload(None),
            Some(asked) = questions.recv() => node.ask(asked),
        }
        if stop_by.is_some_and(|by| clock::now().mono >= by) {
            tracing::error!("not all services could be made standby, or the state file be written, in time");
            break;
        }
    }
    Ok(())
}

/// Told once, the daemon ends what it has begun; told again, it ends at once.
fn stop(node: &mut Node, stop_by: &mut Option<Mono>) {
    match stop_by {
        None => {
            *stop_by = Some(clock::now().mono + TO_STOP);
            node.feed(Input::Shutdown);
        }
        Some(by) => *by = clock::now().mono,
    }
}
