//! Starts and ends labs.

use std::fs::OpenOptions;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use super::{Story, order, table};
use crate::ctl::exit::{self, Ended, Failure};
use crate::ctl::out::Out;
use crate::lab::dir::{LabDir, LabPaths, default_root};
use crate::lab::server::protocol::LabAsk;
use crate::lab::server::setup::NodeInput;
use crate::lab::server::{Lab, Programs};
use crate::lab::story::screen::{Mode, Screen};
use crate::lab::{report, story};

/// How long a lab may take to begin or to end.
const LIMIT: Duration = Duration::from_secs(30);

/// Ctrl-C and its like.
const INTERRUPTED: u8 = 130;

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(exit::FAILED, error.to_string())
}

/// Runs a lab for as long as `body` takes. Whatever ends it, nothing of it stays.
fn with_lab<T>(
    root: &Path,
    inputs: &[NodeInput],
    body: impl AsyncFnOnce(Rc<Lab>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let programs = Programs::beside_this().map_err(failed)?;
    let dir = LabDir::create(root).map_err(failed)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let local = LocalSet::new();
    let result = local.block_on(&runtime, async {
        let mut interrupted = std::pin::pin!(interrupted()?);
        let lab = tokio::select! {
            lab = Lab::start(dir, inputs, programs) => lab.map_err(failed)?,
            () = &mut interrupted => return Err(Failure::new(INTERRUPTED, "interrupted")),
        };
        let result = tokio::select! {
            result = body(lab.clone()) => result,
            () = &mut interrupted => Err(Failure::new(INTERRUPTED, "interrupted; the lab was ended")),
        };
        lab.down().await;
        result
    });
    // An interrupted start has left its files, and its processes end with the tasks that own them.
    drop(local);
    if let Err(Failure { code: INTERRUPTED, .. }) = result
        && let Ok(left) = LabDir::create(root)
    {
        let _ = left.remove();
    }
    result
}

fn interrupted() -> Result<impl Future<Output = ()>, Failure> {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [mut int, mut term, mut hup] =
        [signal(kinds[0]).map_err(failed)?, signal(kinds[1]).map_err(failed)?, signal(kinds[2]).map_err(failed)?];
    Ok(async move {
        tokio::select! {
            _ = int.recv() => {}
            _ = term.recv() => {}
            _ = hup.recv() => {}
        }
    })
}

/// `carpctl lab`
pub(super) fn story(args: &Story, inputs: &[NodeInput], out: &mut Out) -> Ended {
    let mode = if args.json {
        Mode::Silent
    } else if out.is_terminal() {
        Mode::Live { color: out.is_colored(), rows: out.rows() }
    } else {
        Mode::Lines
    };
    let path = args.report.as_path();
    let unwritable =
        |error| Failure::new(exit::FAILED, format!("{}: {error}; name another file with --report", path.display()));
    // Asked for now rather than after a minute.
    OpenOptions::new().create(true).append(true).open(path).map_err(unwritable)?;
    let mut screen = Screen::new(mode);
    let told = with_lab(&args.place.root(), inputs, async |lab| {
        lab.notes().iter().for_each(|note| screen.say(note));
        story::tell(&lab, &mut screen).await.map_err(failed)
    });
    screen.close();
    let told = told?;
    std::fs::write(path, report::html(&told)).map_err(unwritable)?;
    let outcome = told.outcome;
    if args.json {
        out.json(&outcome)?;
    } else {
        out.write(&table::render(&outcome))?;
        out.write(&format!("Report with a timeline: {}\n", path.display()))?;
    }
    Ok(if outcome.held { exit::DONE } else { exit::FAILED })
}

/// `carpctl lab up`
pub(super) fn foreground(root: &Path, inputs: &[NodeInput], out: &mut Out) -> Ended {
    let ended = with_lab(root, inputs, async |lab| {
        out.write(&welcome(root, inputs, &lab.notes()))?;
        out.write("Ctrl-C ends it.\n")?;
        lab.asked_down().await;
        Ok(exit::DONE)
    });
    match ended {
        // That is how one ends it.
        Err(Failure { code: INTERRUPTED, .. }) => Ok(exit::DONE),
        ended => ended,
    }
}

fn welcome(root: &Path, inputs: &[NodeInput], notes: &[String]) -> String {
    let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    let first = names.first().copied().unwrap_or_default();
    let prefix = if root == default_root() { String::new() } else { format!("CARPD_LAB={} ", root.display()) };
    let mut text = format!("The lab is up in {} with {}.\n", root.display(), names.join(" and "));
    for note in notes {
        text.push_str(&format!("  note: {note}\n"));
    }
    for (what, command) in [
        ("what a node sees", format!("carpctl --node {first} status")),
        ("what is the case", "carpctl lab show".to_owned()),
        ("try", format!("carpctl lab crash {first}")),
        ("end", "carpctl lab down".to_owned()),
    ] {
        text.push_str(&format!("  {what:<18}{prefix}{command}\n"));
    }
    text
}

/// `carpctl lab up --detach`
pub(super) fn detach(root: &Path, nodes: &[String], inputs: &[NodeInput], out: &mut Out) -> Ended {
    let lab = LabPaths::new(std::path::absolute(root).map_err(failed)?);
    if lab.is_up() {
        return Err(failed(crate::lab::dir::DirError::Busy(root.to_owned())));
    }
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(&program);
    command.args(["lab", "up", "--dir"]).arg(lab.root());
    for node in nodes {
        command.args(["--node", node]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // A group of its own, so that Ctrl-C in this terminal does not reach it later.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(failed)?;
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            let mut said = String::new();
            if let Some(mut pipe) = child.stderr.take() {
                let _ = pipe.read_to_string(&mut said);
            }
            let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::FAILED);
            let said = said.lines().map(|line| line.strip_prefix("carpctl: ").unwrap_or(line)).collect::<Vec<_>>();
            return Err(Failure::new(code, said.join("\n")));
        }
        if lab.is_up() && inputs.iter().all(|input| answers(&lab, &input.name)) {
            return out.write(&welcome(root, inputs, &[])).map(|()| exit::DONE);
        }
        if Instant::now() >= deadline {
            let _ = child.kill();
            return Err(failed(format!("the lab did not come up within {} s", LIMIT.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn answers(lab: &LabPaths, node: &str) -> bool {
    crate::ctl::client::ask(&lab.node(node).control_socket(), &crate::control::Ask::Status).is_ok()
}

/// `carpctl lab down`
pub(super) fn down(lab: &LabPaths, out: &mut Out) -> Ended {
    order::ask(lab, &LabAsk::Down)?;
    let deadline = Instant::now() + LIMIT;
    while lab.is_up() {
        if Instant::now() >= deadline {
            return Err(failed(format!("the lab in {} does not end", lab.root().display())));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    out.write("the lab is down\n").map(|()| exit::DONE)
}
