//! Carries out what the core decides.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::oneshot;

use super::admins::Admins;
use super::configuration::{self, Configuration, Watch, describe_all};
use super::control::{Asked, give_to_group};
use super::history::{ENDS, History, STARTS};
use super::http::Exporter;
use super::log::{self, Log};
use super::metrics::{self, Counters};
use super::state::StateFile;
use super::{Event, clock, create, process};
use crate::config::Finding;
use crate::control::{Answer, Ask};
use crate::core::service::{ActionKind, Outcome};
use crate::core::{Core, Effect, Input, Journal, Level, Loaded, Note, Part, Reply, Topic};
use crate::kernel::{self, Kernel};
use crate::model::{InterfaceName, Mono, ServiceName};
use crate::service::{Action, Health};

/// A look so recent is as good as a new one.
const FRESH: Duration = Duration::from_millis(100);

/// A node: the core, and all that it acts on.
pub(crate) struct Node {
    core: Core,
    kernel: Box<dyn Kernel>,
    state: StateFile,
    configuration: Configuration,
    watch: Watch,
    admins: Arc<RwLock<Admins>>,
    history: History,
    exporter: Exporter,
    followers: Vec<mpsc::Sender<Arc<str>>>,
    counters: Counters,
    log: Log,
    /// Who waits for the core's reply to which request.
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
    next_request: u64,
    reload: Reload,
    last_hint: Option<Instant>,
    last_look: Option<Instant>,
    /// The core asked for the kernel's messages and has not had them yet.
    messages_due: bool,
    /// The services that an action is under way for, each with what cuts that short until it is used.
    acting: BTreeMap<ServiceName, Option<oneshot::Sender<()>>>,
    /// The interfaces that are being brought up or down.
    linking: BTreeSet<InterfaceName>,
    events: UnboundedSender<Event>,
    /// What the process is called.
    title: String,
    exit: bool,
}

/// Ends when somebody asks for it, and never if nobody can any more.
async fn asked(by: oneshot::Receiver<()>) {
    if by.await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn of_the_daemon(level: Level, text: String) -> Note {
    Note { level, topic: Topic::Daemon, object: String::new(), text }
}

/// Whether the configuration is being read, and who wants to know how that went.
#[derive(Debug, Default)]
struct Reload {
    reading: bool,
    again: bool,
    waiting: Vec<oneshot::Sender<Answer>>,
    waiting_for_next: Vec<oneshot::Sender<Answer>>,
}

/// What a node is made of.
pub(crate) struct Parts {
    pub(crate) kernel: Box<dyn Kernel>,
    pub(crate) state: StateFile,
    pub(crate) loaded: Loaded,
    pub(crate) configuration: Configuration,
    pub(crate) admins: Arc<RwLock<Admins>>,
    pub(crate) history: History,
    pub(crate) exporter: Exporter,
    pub(crate) log: Log,
    pub(crate) events: UnboundedSender<Event>,
}

impl Node {
    pub(crate) fn new(parts: Parts) -> Self {
        let now = clock::now();
        Self {
            core: Core::new(parts.configuration.policy.clone(), parts.loaded, now),
            kernel: parts.kernel,
            state: parts.state,
            watch: Watch::new(&parts.configuration.others, now.mono),
            configuration: parts.configuration,
            admins: parts.admins,
            history: parts.history,
            exporter: parts.exporter,
            followers: Vec::new(),
            counters: Counters::new(now.wall),
            log: parts.log,
            waiting: HashMap::new(),
            next_request: 0,
            reload: Reload::default(),
            last_hint: None,
            last_look: None,
            messages_due: false,
            acting: BTreeMap::new(),
            linking: BTreeSet::new(),
            events: parts.events,
            title: String::new(),
            exit: false,
        }
    }

    /// Tells that the daemon starts, and whether an earlier one ended without a word.
    pub(crate) fn tell_start(&mut self) {
        if let Some(until) = self.history.broke_off() {
            let text = format!("an earlier carpd was killed or crashed; its last word is from {}", until.rfc3339());
            self.note(of_the_daemon(Level::Warning, text));
        }
        let name = &self.configuration.settings.node.name;
        let text = format!("{STARTS}{} runs as {name}", env!("CARGO_PKG_VERSION"));
        self.note(of_the_daemon(Level::Info, text));
    }

    /// Tells that the daemon ends.
    pub(crate) fn tell_end(&mut self) {
        self.note(of_the_daemon(Level::Info, ENDS.to_owned()));
    }

    /// Whether all is done that was to be done before the end.
    pub(crate) fn is_done(&self) -> bool {
        self.exit
    }

    /// When the next thing is due, at least a millisecond from now.
    pub(crate) fn next_wake(&self) -> Mono {
        let now = clock::now();
        self.core.next_wake(now).max(now.mono + Duration::from_millis(1))
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self) {
        self.feed(Input::Tick);
        if self.watch.changed(clock::now().mono) {
            self.reload(None);
        }
    }

    /// Something happened.
    pub(crate) fn take(&mut self, event: Event) {
        match event {
            Event::Input(input) => self.feed(*input),
            Event::Hint { source, changes } => {
                self.last_hint = Some(Instant::now());
                self.counters.hints += 1;
                self.feed(Input::Hint { source, changes });
            }
            Event::LinkSet { interface, began, result } => {
                self.linking.remove(&interface);
                self.counters.link_set(&interface, began.elapsed(), result.is_ok());
                self.feed(Input::LinkSet { interface, result });
            }
            Event::Acted { service, kind, took, outcome } => {
                self.acting.remove(service.name());
                self.counters.acted(service.name(), kind, took, &outcome);
                self.feed(Input::Acted { service: service.name().clone(), outcome });
            }
            Event::Probed { service, probe, health } => {
                // A result of a probe that is configured differently by now says nothing about the new one.
                let current = self.configuration.services.get(service.name());
                if current.is_some_and(|c| c.settings.policy() == service.settings.policy()) {
                    let Health { reading, text } = health;
                    self.feed(Input::Probed { service: service.name().clone(), probe, reading, text });
                }
            }
            Event::Read(result) => self.reloaded(*result),
        }
    }

    /// Gives an input to the core, carries out what it says, and gives it the results that are there at once.
    pub(crate) fn feed(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for effect in self.core.step(input, clock::now()) {
                inputs.extend(self.carry_out(effect));
            }
        }
        self.show_title();
    }

    /// After all that is urgent, and only if it has changed: it costs a system call.
    fn show_title(&mut self) {
        let title = self.core.title();
        if self.title != title {
            process::set_title(&title);
            self.title = title;
        }
    }

    fn carry_out(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Read { log } => return Some(self.look(log)),
            Effect::AddDemotion { delta } => {
                let result = self.kernel.add_demotion(delta).map_err(|error| error.to_string());
                return Some(Input::DemotionAdded { result });
            }
            Effect::Persist { seq, journal } => self.persist(seq, journal),
            Effect::SetLink { interface, up } => return self.set_link(interface, up),
            Effect::Create { boot, again } => self.create(boot, again),
            Effect::Act { service, kind, limit } => return self.act(&service, kind, limit),
            Effect::CutShort { service } => {
                if let Some(cut_short) = self.acting.get_mut(&service).and_then(Option::take) {
                    let _ = cut_short.send(());
                }
            }
            Effect::Probe { service, probe, timeout } => self.probe(&service, probe, timeout),
            Effect::Note(note) => self.note(note),
            Effect::Reply { id, reply } => {
                if let Some(answer) = self.waiting.remove(&id) {
                    let _ = answer.send(Answer::Reply { reply });
                }
            }
            Effect::Exit => self.exit = true,
        }
        None
    }

    fn look(&mut self, log: bool) -> Input {
        self.counters.reads += 1;
        let result = self.kernel.snapshot(&self.core.policy().links()).map_err(|error| error.to_string());
        self.last_look = Some(Instant::now());
        self.messages_due = log && result.is_err();
        if result.is_err() {
            self.counters.failed_reads += 1;
        }
        let log = if log && result.is_ok() {
            self.kernel.demotion_log().unwrap_or_else(|error| {
                tracing::warn!(
                    "the kernel's messages cannot be read: {error}; after a crash the ledger may stay uncertain"
                );
                Vec::new()
            })
        } else {
            Vec::new()
        };
        Input::Read { result, log }
    }

    /// Looks at the kernel for somebody who asks how things are, unless that was done a moment ago: no number of askers makes
    /// the daemon look more often than it would in the first moments after an event.
    fn look_for_asker(&mut self) {
        if self.last_look.is_some_and(|look| look.elapsed() >= FRESH) {
            let read = self.look(self.messages_due);
            self.feed(read);
        }
    }

    /// Writes the journal on a thread of its own: a disk may take seconds, and a failover must not wait for it.
    fn persist(&self, seq: u64, journal: Journal) {
        let (state, events) = (self.state.clone(), self.events.clone());
        tokio::task::spawn_blocking(move || {
            let result = state.write(&journal);
            let _ = events.send(Event::Input(Box::new(Input::Persisted { seq, result })));
        });
    }

    /// On a thread of its own as well: many vhids take many calls.
    fn create(&self, boot: String, again: Option<Vec<Part>>) {
        let (settings, events) = (self.configuration.settings.clone(), self.events.clone());
        tokio::task::spawn_blocking(move || {
            let result = create::absent(&settings, again.as_deref());
            let _ = events.send(Event::Input(Box::new(Input::Created { boot, result })));
        });
    }

    /// On a thread for it alone: a tunnel waits for each of its peers when it goes down, and another interface should not wait for it.
    fn set_link(&mut self, interface: InterfaceName, up: bool) -> Option<Input> {
        let failed = |interface, why: String| Some(Input::LinkSet { interface, result: Err(why) });
        // The core forgets a link that leaves the configuration, but a write may outlast its absence.
        if !self.linking.insert(interface.clone()) {
            return failed(interface, "a write begun under an earlier configuration has not ended yet".to_owned());
        }
        let (began, kernel) = (Instant::now(), self.configuration.settings.node.kernel.name());
        let (name, events) = (interface.clone(), self.events.clone());
        let write = move || {
            let set = kernel::open(&kernel).and_then(|mut kernel| kernel.set_link(&name, up));
            let result = set.map_err(|error| error.to_string());
            let _ = events.send(Event::LinkSet { interface: name, began, result });
        };
        match std::thread::Builder::new().name("link".to_owned()).spawn(write) {
            Ok(_) => None,
            Err(error) => {
                self.linking.remove(&interface);
                failed(interface, format!("no thread for it: {error}"))
            }
        }
    }

    fn act(&mut self, name: &ServiceName, kind: ActionKind, limit: Duration) -> Option<Input> {
        let failed = |why: &str| Input::Acted { service: name.clone(), outcome: Outcome::Failed(why.to_owned()) };
        let Some(service) = self.configuration.services.get(name).cloned() else {
            return Some(failed("it is not configured"));
        };
        // The core forgets a service that leaves the configuration, but its action may outlast its absence.
        if self.acting.contains_key(name) {
            return Some(failed("an action begun under an earlier configuration has not ended yet"));
        }
        let (cut_short, is_cut_short) = oneshot::channel();
        self.acting.insert(name.clone(), Some(cut_short));
        let began = Instant::now();
        let action = Action::begin(&service, kind);
        // A start so long after the last event has another cause.
        let hint = self.last_hint.map(|hint| hint.elapsed()).filter(|ago| *ago < Duration::from_secs(10));
        if let (ActionKind::Start, Some(ago)) = (kind, hint) {
            self.counters.event_to_action(ago);
        }
        let events = self.events.clone();
        tokio::spawn(async move {
            if kind == ActionKind::Check {
                let (outcome, lacks) = tokio::join!(action.outcome(limit, asked(is_cut_short)), service.lacks());
                let needs = Input::NeedsLooked { service: service.name().clone(), lacks };
                let _ = events.send(Event::Input(Box::new(needs)));
                let _ = events.send(Event::Acted { service, kind, took: began.elapsed(), outcome });
                return;
            }
            let outcome = action.outcome(limit, asked(is_cut_short)).await;
            let _ = events.send(Event::Acted { service, kind, took: began.elapsed(), outcome });
        });
        None
    }

    fn probe(&self, name: &ServiceName, probe: usize, limit: Duration) {
        let Some(service) = self.configuration.services.get(name).cloned() else { return };
        let events = self.events.clone();
        tokio::spawn(async move {
            if let Some(health) = Health::look(Arc::clone(&service), probe, limit).await {
                let _ = events.send(Event::Probed { service, probe, health });
            }
        });
    }

    fn note(&mut self, note: Note) {
        let note = Note { object: log::one_line(&note.object), text: log::one_line(&note.text), ..note };
        log::note(&note);
        let entry = self.history.add(note, clock::now().wall);
        if self.followers.is_empty() {
            return;
        }
        if let Ok(mut line) = serde_json::to_string(&Answer::Event { entry }) {
            line.push('\n');
            let line: Arc<str> = line.into();
            // Dropping the sender ends the follower that has not kept up.
            self.followers.retain(|follower| follower.try_send(Arc::clone(&line)).is_ok());
        }
    }

    /// Answers a question, now or when the core has.
    pub(crate) fn ask(&mut self, asked: Asked) {
        let (ask, by, answer) = match asked {
            Asked::Question { ask, by, answer } => (ask, by, answer),
            Asked::Follow(follower) => {
                self.followers.retain(|follower| !follower.is_closed());
                return self.followers.push(follower);
            }
        };
        if matches!(ask, Ask::Status | Ask::MayRun { .. } | Ask::Metrics) {
            self.look_for_asker();
        }
        let reply = match ask {
            Ask::Status => Answer::Status { status: Box::new(self.core.status(clock::now())) },
            Ask::History { limit } => Answer::History { entries: self.history.newest(limit) },
            Ask::MayRun { service } => {
                let managed = self.configuration.settings.managed(&service).map(|managed| &managed.name);
                let (allowed, text) = self.core.may_run(managed.unwrap_or(&service));
                Answer::MayRun { allowed, text }
            }
            Ask::Metrics => Answer::Text { text: self.metrics() },
            Ask::ConfigShow => Answer::Text { text: self.configuration.settings.to_toml() },
            Ask::Nudge => {
                self.feed(Input::Nudge);
                Answer::Reply { reply: Reply::Done { text: "the kernel is looked at".to_owned() } }
            }
            Ask::Reload => return self.reload(Some(answer)),
            Ask::Change { change } => {
                self.next_request += 1;
                let id = self.next_request;
                self.waiting.insert(id, answer);
                return self.feed(Input::Request { id, by, request: change });
            }
            Ask::Follow => Answer::Error { text: "following begins with the connection".to_owned() },
        };
        let _ = answer.send(reply);
    }

    /// The metrics, as Prometheus text.
    pub(crate) fn metrics(&self) -> String {
        metrics::render(&self.core.status(clock::now()), &self.counters)
    }

    /// Begins to read the configuration again; looking up users and groups may take its time. One reading at a time, and
    /// one more for all who ask meanwhile.
    pub(crate) fn reload(&mut self, answer: Option<oneshot::Sender<Answer>>) {
        if self.reload.reading {
            self.reload.again = true;
            self.reload.waiting_for_next.extend(answer);
            return;
        }
        self.reload.reading = true;
        self.reload.waiting.extend(answer);
        let (path, events) = (self.configuration.path.clone(), self.events.clone());
        tokio::task::spawn_blocking(move || {
            let _ = events.send(Event::Read(Box::new(Configuration::read(&path))));
        });
    }

    fn reloaded(&mut self, result: Result<Configuration, Vec<Finding>>) {
        let reply = match result {
            Ok(new) => self.adopt(new),
            Err(findings) => {
                self.counters.reload_failed();
                let kept = "the new configuration cannot be used; the one in force is kept".to_owned();
                self.note(of_the_daemon(Level::Error, kept));
                configuration::tell(&findings);
                let text = describe_all(&findings);
                Reply::Failed {
                    text: format!("the new configuration cannot be used; the one in force is kept\n{text}"),
                }
            }
        };
        for answer in self.reload.waiting.drain(..) {
            let _ = answer.send(Answer::Reply { reply: reply.clone() });
        }
        self.reload.reading = false;
        if std::mem::take(&mut self.reload.again) {
            self.reload.waiting = std::mem::take(&mut self.reload.waiting_for_next);
            self.reload(None);
        }
    }

    fn adopt(&mut self, mut new: Configuration) -> Reply {
        self.counters.reload_succeeded(clock::now().wall);
        new.keep_unchanged_services(&self.configuration);
        let kept = new.keep_what_needs_a_restart(&self.configuration.settings);
        if kept.is_empty() && self.configuration.same_as(&new) {
            tracing::debug!("the configuration is unchanged");
            return Reply::Done { text: "unchanged".to_owned() };
        }
        let mut open = Vec::new();
        if !kept.is_empty() {
            open.push(format!("restart carpd for the change of {}", kept.join(", ")));
        }
        open.extend(self.exporter.listen(new.settings.metrics).err());
        configuration::tell(&new.findings);
        self.log.set_level(new.settings.node.log);
        if self.configuration.settings.control.group != new.settings.control.group {
            give_to_group(&new.settings.control.socket, &new.settings.control.group);
        }
        self.admins.write().unwrap_or_else(PoisonError::into_inner).clone_from(&new.admins);
        self.watch = Watch::new(&new.others, clock::now().mono);
        let policy = new.policy.clone();
        self.configuration = new;
        // A change that does not concern the core is not told by it.
        if policy == *self.core.policy() {
            self.note(of_the_daemon(Level::Info, "the configuration was reloaded".to_owned()));
        }
        self.feed(Input::Reloaded(policy));
        if open.is_empty() {
            return Reply::Done { text: "reloaded".to_owned() };
        }
        let text = format!("reloaded; {}", open.join("; "));
        tracing::warn!("{text}");
        Reply::Done { text }
    }
}
