//! The node and the terminal that a walk takes place at.

use std::collections::VecDeque;
use std::io::{BufRead, IsTerminal};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};

use super::guided::{Adverts, Answer, Site};
use crate::ctl::exit::{self, Failure};
use crate::ctl::plan::document::Document;
use crate::ctl::plan::{failed, kernel};
use crate::ctl::render::{self, page};
use crate::ctl::time::now;
use crate::ctl::{Context, text};
use crate::kernel::{self, Administer, Kernel};

/// What came from outside.
enum Event {
    Line(String),
    EndOfInput,
    Interrupt,
}

/// This process's terminal and the node that it is about.
pub(super) struct Here<'a> {
    context: &'a mut Context,
    administer: Box<dyn Administer>,
    kernel: Box<dyn Kernel>,
    events: Receiver<Event>,
    /// What was typed before it was asked for.
    lines: VecDeque<String>,
    /// Nobody is there to answer any more.
    ended: bool,
}

impl<'a> Here<'a> {
    /// `scripted`: the answers may come from elsewhere than a terminal.
    pub(super) fn open(context: &'a mut Context, scripted: bool) -> Result<Self, Failure> {
        if !scripted && !std::io::stdin().is_terminal() {
            let text = "--guided asks before each step, so it needs a terminal; with --yes it takes its answers from standard input";
            return Err(Failure::new(exit::USAGE, text));
        }
        let administer = kernel(&context.target)?;
        let kernel = kernel::open(&context.target.kernel).map_err(|error| failed(&error))?;
        Ok(Self { context, administer, kernel, events: events()?, lines: VecDeque::new(), ended: false })
    }
}

/// Reads lines and signals. A node that has left the election must not be left so because somebody has pressed Ctrl-C.
fn events() -> Result<Receiver<Event>, Failure> {
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    signals.thread_block().map_err(|error| Failure::new(exit::FAILED, format!("cannot wait for Ctrl-C: {error}")))?;
    let (tell, told) = mpsc::channel();
    let lines: Sender<Event> = tell.clone();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if lines.send(Event::Line(line)).is_err() {
                return;
            }
        }
        let _ = lines.send(Event::EndOfInput);
    });
    std::thread::spawn(move || {
        while signals.wait().is_ok() {
            if tell.send(Event::Interrupt).is_err() {
                return;
            }
        }
    });
    Ok(told)
}

impl Here<'_> {
    fn line(&mut self) -> Option<String> {
        if let Some(line) = self.lines.pop_front() {
            return Some(line);
        }
        match self.events.recv() {
            Ok(Event::Line(line)) => Some(line),
            Ok(Event::EndOfInput | Event::Interrupt) | Err(_) => {
                self.ended = true;
                None
            }
        }
    }
}

impl Site for Here<'_> {
    fn node(&self) -> String {
        self.context.target.node.clone()
    }

    fn kernel(&mut self) -> &mut dyn Administer {
        &mut *self.administer
    }

    fn adverts(&mut self) -> Result<Adverts, Failure> {
        let counters = self.kernel.snapshot().map_err(|error| failed(&error))?.counters;
        Ok(Adverts { heard: counters.ipackets + counters.ipackets6, refused: counters.badauth })
    }

    fn show(&mut self, document: &Document) -> Result<(), Failure> {
        let view = self.context.out.view(now());
        self.context.out.write(&(render::plan::applied(document, &view) + "\n"))
    }

    fn say(&mut self, text: &str) -> Result<(), Failure> {
        let mut page = page::Page::new(self.context.out.view(now()));
        page.paragraph(text);
        self.context.out.write(&page.finish())
    }

    fn ask(&mut self, question: &str) -> Answer {
        let prompt = format!("\n{} [y/abort] ", text::clean(question));
        while !self.ended {
            if self.context.out.write(&prompt).is_err() || self.context.out.is_closed() {
                break;
            }
            let Some(line) = self.line() else { break };
            match line.trim().to_ascii_lowercase().as_str() {
                "y" | "yes" => return Answer::Yes,
                "a" | "abort" | "n" | "no" | "q" | "quit" => return Answer::Abort,
                _ => {}
            }
        }
        let _ = self.context.out.write("\n");
        Answer::Abort
    }

    fn wait(&mut self, time: Duration) -> Answer {
        let until = Instant::now() + time;
        loop {
            match self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Event::Line(line)) => self.lines.push_back(line),
                // An end of the input is an answer to the next question, not an interrupt.
                Ok(Event::EndOfInput) => self.ended = self.lines.is_empty(),
                Ok(Event::Interrupt) => {
                    self.ended = true;
                    return Answer::Abort;
                }
                Err(RecvTimeoutError::Timeout) => return Answer::Yes,
                Err(RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(until.saturating_duration_since(Instant::now()));
                    return Answer::Yes;
                }
            }
        }
    }
}
