//! The commands that show something once: `status`, `check`, `metrics`, `config show`.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};

use super::args::StatusArgs;
use super::client;
use super::exit::{self, Ended, Failure};
use super::render::{self, check::Expect};
use super::time::now;
use super::{Context, look};
use crate::control::{Answer, Ask};
use crate::core::status::Status;

/// Moves to the upper left corner and clears the screen and what has been scrolled out of it.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

pub(super) fn status(context: &mut Context, args: &StatusArgs) -> Ended {
    match args.watch {
        None => show(context, args)?,
        Some(seconds) => watch(context, args, Duration::from_secs(seconds))?,
    }
    Ok(exit::DONE)
}

/// What is wrong with carpd.toml is told beside the answer: it is no part of the node's state.
pub(super) fn mention(context: &Context, status: &Status) {
    if let Some(text) = look::config_trouble(&context.target, status) {
        super::out::complain(&text);
    }
}

fn show(context: &mut Context, args: &StatusArgs) -> Result<(), Failure> {
    let status = look::anyone(&context.target);
    if args.watch.is_none() {
        mention(context, &status);
    }
    let view = context.out.view(now());
    if args.json {
        return context.out.json(&status);
    }
    let text = if args.brief { render::status::brief(&status, &view) } else { render::status::status(&status, &view) };
    let clear = if args.watch.is_some() && context.out.is_terminal() { CLEAR } else { "" };
    // In one piece, so that the screen does not flicker.
    context.out.write(&format!("{clear}{text}"))
}

fn watch(context: &mut Context, args: &StatusArgs, every: Duration) -> Result<(), Failure> {
    let stop = interrupts()?;
    loop {
        show(context, args)?;
        if context.out.is_closed() || stop.recv_timeout(every) != Err(RecvTimeoutError::Timeout) {
            return Ok(());
        }
        if !context.out.is_terminal() && !args.json {
            context.out.write("\n")?;
        }
    }
}

/// Reports SIGINT and SIGTERM instead of dying of them, so that the exit code of a watch that a person ends is 0.
fn interrupts() -> Result<mpsc::Receiver<()>, Failure> {
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
    signals.thread_block().map_err(|error| Failure::new(exit::FAILED, format!("cannot wait for Ctrl-C: {error}")))?;
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = signals.wait();
        let _ = tell.send(());
    });
    Ok(told)
}

pub(super) fn check(context: &mut Context, expect: Expect) -> Ended {
    let (severity, line) = render::check::check(&look::anyone(&context.target), expect);
    // Whatever the state is: a monitoring system that gets no line has not been told of it.
    context.out.write(&line).map_err(|failure| Failure::new(exit::UNREACHABLE, failure.text))?;
    Ok(render::check::code(severity))
}

pub(super) fn metrics(context: &mut Context) -> Ended {
    text(context, &Ask::Metrics)
}

pub(super) fn config(context: &mut Context) -> Ended {
    text(context, &Ask::ConfigShow)
}

fn text(context: &mut Context, ask: &Ask) -> Ended {
    match client::ask(&context.target.socket, ask).map_err(|silence| look::unreachable(&context.target, &silence))? {
        Answer::Text { text } => {
            context.out.write(&text)?;
            if !text.ends_with('\n') {
                context.out.write("\n")?;
            }
            Ok(exit::DONE)
        }
        answer => Err(look::unexpected(&context.target, answer)),
    }
}
