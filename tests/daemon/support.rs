//! A node around the real daemon: a kernel and a devd that the test plays, and services that are files.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use carpd::control::{Answer, Ask};
use carpd::core::io::{Reply, Request};
use carpd::core::status::Status;
use carpd::kernel::DemotionLogLine;
use carpd::kernel::lab::{KernelAnswer, KernelAsk};
use carpd::model::{
    self, CarpCounters, CarpParameters, CarpState, CarpSysctls, Demotion, InterfaceSnapshot, Snapshot, VhidProtocol,
    VhidRef, VhidSnapshot,
};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{self, AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr};
use nix::unistd::Pid;
use tempfile::TempDir;

/// How long anything in a test may take before it counts as never happening.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `done` is something.
pub fn wait_for<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// What the test's kernel is.
pub struct KernelState {
    pub snapshot: Snapshot,
    /// Every amount that was added, in order.
    pub added: Vec<i32>,
    /// How often it was looked at.
    pub looks: u64,
    pub log: Vec<DemotionLogLine>,
    /// The next write is lost with the daemon that asked for it.
    pub lose_write: bool,
    /// A write has to wait before it is made.
    pub stall_before_write: bool,
    /// A write has to wait after it was made.
    pub stall_after_write: bool,
    /// Bringing this interface up or down has to wait.
    pub stall_link: Option<model::InterfaceName>,
    /// A write is waiting.
    pub stalled: bool,
    /// Nothing can be read.
    pub broken: bool,
}

/// A kernel that the test plays.
#[derive(Clone)]
pub struct FakeKernel {
    shared: Arc<(Mutex<KernelState>, Condvar)>,
}

impl FakeKernel {
    pub fn serve(path: &Path, vhids: &[(String, CarpState)]) -> Self {
        let state = KernelState {
            snapshot: snapshot(vhids),
            added: Vec::new(),
            looks: 0,
            log: Vec::new(),
            lose_write: false,
            stall_before_write: false,
            stall_after_write: false,
            stall_link: None,
            stalled: false,
            broken: false,
        };
        let kernel = Self { shared: Arc::new((Mutex::new(state), Condvar::new())) };
        let listener = UnixListener::bind(path).unwrap();
        let served = kernel.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let served = served.clone();
                std::thread::spawn(move || served.attend(stream.unwrap()));
            }
        });
        kernel
    }

    pub fn lock(&self) -> MutexGuard<'_, KernelState> {
        self.shared.0.lock().unwrap()
    }

    /// Changes it, and lets a write that waits look again whether it still has to.
    pub fn change(&self, change: impl FnOnce(&mut KernelState)) {
        change(&mut self.lock());
        self.shared.1.notify_all();
    }

    pub fn demotion(&self) -> i32 {
        self.lock().snapshot.sysctls.demotion.get()
    }

    pub fn set(&self, id: &str, state: CarpState) {
        let id: VhidRef = id.parse().unwrap();
        self.lock().snapshot.vhids.iter_mut().find(|v| v.id == id).unwrap().state = state;
    }

    pub fn set_all(&self, state: CarpState) {
        self.lock().snapshot.vhids.iter_mut().for_each(|v| v.state = state);
    }

    fn attend(&self, stream: UnixStream) {
        let mut writer = stream.try_clone().unwrap();
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            let answer = self.answer(serde_json::from_str(&line).unwrap());
            let mut line = serde_json::to_vec(&answer).unwrap();
            line.push(b'\n');
            if writer.write_all(&line).is_err() {
                return;
            }
        }
    }

    fn answer(&self, ask: KernelAsk) -> KernelAnswer {
        let mut state = self.lock();
        if state.broken {
            return KernelAnswer::Error { text: "broken by the test".into() };
        }
        match ask {
            KernelAsk::Snapshot { links } => {
                state.looks += 1;
                let mut snapshot = state.snapshot.clone();
                snapshot.links.retain(|link| links.contains(&link.name));
                KernelAnswer::Snapshot { snapshot: Box::new(snapshot) }
            }
            KernelAsk::AddDemotion { delta } => {
                state = self.stall(state, |s| s.stall_before_write);
                if std::mem::take(&mut state.lose_write) {
                    return KernelAnswer::Error { text: "lost by the test".into() };
                }
                state.added.push(delta.get());
                let to = state.snapshot.sysctls.demotion.plus(delta);
                state.snapshot.sysctls.demotion = to;
                state.log.push(DemotionLogLine { by: delta, to, reason: "sysctl".into() });
                drop(self.stall(state, |s| s.stall_after_write));
                KernelAnswer::Done
            }
            KernelAsk::DemotionLog => KernelAnswer::DemotionLog { lines: state.log.clone() },
            KernelAsk::Write { write: model::Write::Link { interface, up } } => {
                state = self.stall(state, |s| s.stall_link.as_ref() == Some(&interface));
                let found = state.snapshot.links.iter_mut().find(|link| link.name == interface);
                match found {
                    Some(link) => link.state = model::LinkState::of(up, up),
                    None => return KernelAnswer::Error { text: "no such interface".into() },
                }
                KernelAnswer::Done
            }
            KernelAsk::Inventory | KernelAsk::Write { .. } => {
                KernelAnswer::Error { text: "the daemon plans nothing".into() }
            }
        }
    }

    fn stall<'a>(
        &self,
        mut state: MutexGuard<'a, KernelState>,
        wanted: impl Fn(&KernelState) -> bool,
    ) -> MutexGuard<'a, KernelState> {
        while wanted(&state) {
            state.stalled = true;
            state = self.shared.1.wait(state).unwrap();
        }
        state
    }
}

pub fn snapshot(vhids: &[(String, CarpState)]) -> Snapshot {
    let row = |(id, state): &(String, CarpState)| VhidSnapshot {
        id: id.parse().unwrap(),
        state: *state,
        protocol: VhidProtocol::Carp(CarpParameters::default()),
        addresses: vec!["192.0.2.1/24".parse().unwrap()],
    };
    let mut vhids: Vec<VhidSnapshot> = vhids.iter().map(row).collect();
    vhids.sort_by(|a, b| a.id.cmp(&b.id));
    let mut names: Vec<_> = vhids.iter().map(|v| v.id.interface.clone()).collect();
    names.dedup();
    Snapshot {
        boot: "boot-1".into(),
        vhids,
        interfaces: names.into_iter().map(|name| InterfaceSnapshot { name, up: true, link: true }).collect(),
        sysctls: CarpSysctls {
            allow: true,
            preempt: true,
            demotion: Demotion::ZERO,
            ifdown_demotion_factor: Demotion::new(240),
            senderr_demotion_factor: Demotion::new(240),
            pfsync_demotion_factor: Demotion::new(240),
        },
        counters: CarpCounters::default(),
        pfsync: None,
        links: Vec::new(),
    }
}

/// The vhids 1 to `n` of vtnet0, all in `state`.
pub fn vhids(n: u32, state: CarpState) -> Vec<(String, CarpState)> {
    (1..=n).map(|n| (format!("{n}@vtnet0"), state)).collect()
}

/// A devd that the test plays.
pub struct FakeDevd {
    path: PathBuf,
    listener: Option<OwnedFd>,
    client: Option<OwnedFd>,
}

impl FakeDevd {
    pub fn serve(path: &Path) -> Self {
        let mut devd = Self { path: path.to_owned(), listener: None, client: None };
        devd.start();
        devd
    }

    pub fn start(&mut self) {
        let _ = fs::remove_file(&self.path);
        let listener = socket::socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).unwrap();
        socket::bind(listener.as_raw_fd(), &UnixAddr::new(&self.path).unwrap()).unwrap();
        socket::listen(&listener, Backlog::new(4).unwrap()).unwrap();
        self.listener = Some(listener);
    }

    /// Waits for the daemon.
    pub fn accept(&mut self) {
        let fd = socket::accept(self.listener.as_ref().unwrap().as_raw_fd()).unwrap();
        // SAFETY: accept(2) has just made it, and nobody else has it.
        #[allow(unsafe_code)]
        let client = unsafe { OwnedFd::from_raw_fd(fd) };
        self.client = Some(client);
    }

    pub fn send(&self, record: &str) {
        let client = self.client.as_ref().unwrap();
        socket::send(client.as_raw_fd(), record.as_bytes(), MsgFlags::MSG_EOR).unwrap();
    }

    pub fn carp(&self, id: &str, state: CarpState) {
        self.send(&format!("!system=CARP subsystem={id} type={state}\n"));
    }

    pub fn stop(&mut self) {
        self.client = None;
        self.listener = None;
    }
}

/// A node with its daemon.
pub struct Node {
    pub directory: TempDir,
    pub kernel: FakeKernel,
    pub devd: FakeDevd,
    pub daemon: Option<Child>,
    /// `node.poll`, in seconds.
    pub poll: u32,
    services: String,
}

impl Node {
    /// A node with these vhids, whose daemon does not run yet.
    pub fn new(vhids: &[(String, CarpState)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let kernel = FakeKernel::serve(&directory.path().join("kernel"), vhids);
        let devd = FakeDevd::serve(&directory.path().join("devd"));
        Self { directory, kernel, devd, daemon: None, poll: 5, services: String::new() }
    }

    /// A file of the node's directory.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A service that is driven by the program `run` of the node's directory, with the service's path and what to do.
    pub fn add_service(&mut self, name: &str, follows: &str, more: &str) {
        let d = self.directory.path().display();
        self.services += &format!(
            "[[service]]\nname = \"{name}\"\nfollows = [\"{follows}\"]\n{more}\n[service.exec]\n\
             start = [\"{d}/run\", \"{d}/{name}\", \"start\"]\n\
             stop = [\"{d}/run\", \"{d}/{name}\", \"stop\"]\n\
             status = [\"{d}/run\", \"{d}/{name}\", \"status\"]\n"
        );
    }

    /// More of the configuration of services.
    pub fn add(&mut self, text: &str) {
        self.services += text;
    }

    pub fn write_configuration(&self, more: &str) {
        let d = self.directory.path().display();
        let group = nix::unistd::Group::from_gid(nix::unistd::getegid()).unwrap().unwrap().name;
        let text = format!(
            "[node]\nname = \"fw1\"\nstate_dir = \"{d}/state\"\ndevd_socket = \"{d}/devd\"\nkernel = \"lab:{d}/kernel\"\npoll = \"{}s\"\n\
             [control]\nsocket = \"{d}/control\"\ngroup = \"{group}\"\n{more}\n{}",
            self.poll, self.services
        );
        fs::write(self.path("carpd.toml"), text).unwrap();
    }

    /// A program of the node's directory.
    pub fn write_program(&self, name: &str, text: &str) {
        let new = self.path(format!("{name}.new"));
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        // What a killed daemon has started may still be at work with the old one, which nobody may write to then (ETXTBSY).
        fs::rename(new, self.path(name)).unwrap();
    }

    /// Services are a file that is there while they run; what was done to them is in a log.
    pub fn write_usual_program(&self) {
        self.write_program(
            "run",
            "#!/bin/sh\ncase $2 in\n\
             start) echo start >>$1.log; : >$1.up;;\n\
             stop) echo stop >>$1.log; rm -f $1.up;;\n\
             status) test -e $1.up;;\nesac\n",
        );
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carpd"));
        command.arg("--config").arg(self.path("carpd.toml"));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap());
        command
    }

    pub fn spawn(&mut self) {
        self.daemon = Some(self.command().spawn().unwrap());
    }

    /// Starts the daemon and waits until it has read the kernel.
    pub fn start(&mut self) {
        self.spawn();
        self.wait_until_ready();
    }

    pub fn wait_until_ready(&mut self) {
        wait_for("the daemon has read the kernel", || match self.ask(&Ask::Status) {
            Some(Answer::Status { status }) => status.demotion.total,
            _ => {
                if let Some(status) = self.daemon.as_mut().unwrap().try_wait().unwrap() {
                    panic!("the daemon ended: {status}");
                }
                None
            }
        });
        self.devd.accept();
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub fn connect(&self) -> std::io::Result<UnixStream> {
        let stream = UnixStream::connect(self.path("control"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// The answer, `None` if there is nobody to ask.
    pub fn ask(&self, ask: &Ask) -> Option<Answer> {
        let mut stream = self.connect().ok()?;
        send_line(&mut stream, ask).ok()?;
        read_answer(&mut BufReader::new(stream))
    }

    /// The connection that the answer will come by.
    pub fn ask_without_waiting(&self, ask: &Ask) -> UnixStream {
        let mut stream = self.connect().unwrap();
        send_line(&mut stream, ask).unwrap();
        stream
    }

    pub fn status(&self) -> Status {
        match self.ask(&Ask::Status) {
            Some(Answer::Status { status }) => *status,
            other => panic!("{other:?}"),
        }
    }

    pub fn reply(&self, ask: &Ask) -> Reply {
        match self.ask(ask) {
            Some(Answer::Reply { reply }) => reply,
            other => panic!("{other:?}"),
        }
    }

    pub fn enter_maintenance(&self) -> Reply {
        let change = Request::MaintenanceEnter { reason: "test".into(), until: None, force: false };
        self.reply(&Ask::Change { change })
    }

    pub fn leave_maintenance(&self) -> Reply {
        self.reply(&Ask::Change { change: Request::MaintenanceLeave })
    }

    /// What was done to a service of [`Self::write_usual_program`].
    pub fn actions(&self, service: &str) -> Vec<String> {
        let log = fs::read_to_string(self.path(format!("{service}.log"))).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = self.daemon.as_ref().unwrap().id();
        kill(Pid::from_raw(pid.try_into().unwrap()), signal).unwrap();
    }

    /// Waits for the daemon's end.
    pub fn ended(&mut self) -> ExitStatus {
        let mut daemon = self.daemon.take().unwrap();
        wait_for("the daemon ends", || daemon.try_wait().unwrap())
    }

    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.ended();
    }

    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.ended()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- the daemon's log\n{}---", self.log());
        }
    }
}

fn send_line(stream: &mut UnixStream, ask: &Ask) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(ask)?;
    line.push(b'\n');
    stream.write_all(&line)
}

pub fn read_answer(reader: &mut impl BufRead) -> Option<Answer> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    serde_json::from_str(&line).ok()
}
