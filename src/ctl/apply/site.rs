//! The node and the terminal that a walk takes place at.

use std::io::{BufRead, IsTerminal};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

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
    /// Has the next line read, and told as an event.
    read: Sender<()>,
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
        let (events, read) = listen()?;
        Ok(Self { context, administer, kernel, events, read, ended: false })
    }
}

/// Listens to signals, and to lines when it is told to. A node that has left the election must not be left so because somebody has
/// pressed Ctrl-C.
fn listen() -> Result<(Receiver<Event>, Sender<()>), Failure> {
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    signals.thread_block().map_err(|error| Failure::new(exit::FAILED, format!("cannot wait for Ctrl-C: {error}")))?;
    let (tell, told) = mpsc::channel();
    let read = lines(std::io::BufReader::new(std::io::stdin()), tell.clone());
    std::thread::spawn(move || {
        while signals.wait().is_ok() {
            if tell.send(Event::Interrupt).is_err() {
                return;
            }
        }
    });
    Ok((told, read))
}

/// Reads one line each time it is told to, and not before: `yes | carpctl apply --guided --yes` has no end, and an end of the input
/// that comes while nobody asks would be forgotten.
fn lines(input: impl BufRead + Send + 'static, tell: Sender<Event>) -> Sender<()> {
    let (read, asked) = mpsc::channel();
    std::thread::spawn(move || {
        let mut lines = input.lines();
        while asked.recv().is_ok() {
            let event = lines.next().and_then(Result::ok).map_or(Event::EndOfInput, Event::Line);
            if tell.send(event).is_err() {
                return;
            }
        }
    });
    read
}

impl Here<'_> {
    fn line(&mut self) -> Option<String> {
        let event = self.read.send(()).ok().and_then(|()| self.events.recv().ok());
        if let Some(Event::Line(line)) = event {
            return Some(line);
        }
        self.ended = true;
        None
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
        let counters = self.kernel.snapshot(&[]).map_err(|error| failed(&error))?.counters;
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
        match self.events.recv_timeout(time) {
            // Nothing was asked, so nothing but a signal can have come.
            Ok(_) => {
                self.ended = true;
                Answer::Abort
            }
            Err(RecvTimeoutError::Timeout) => Answer::Yes,
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(time);
                Answer::Yes
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor, Read};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn next(read: &Sender<()>, events: &Receiver<Event>) -> Option<String> {
        read.send(()).unwrap();
        match events.recv().unwrap() {
            Event::Line(line) => Some(line),
            _ => None,
        }
    }

    #[test]
    fn the_end_of_the_input_is_told_whenever_a_line_is_asked_for() {
        let (tell, events) = mpsc::channel();
        let read = lines(Cursor::new("yes\n"), tell);
        // What lies between two questions must not swallow the end.
        assert!(events.recv_timeout(Duration::ZERO).is_err());
        assert_eq!(next(&read, &events).as_deref(), Some("yes"));
        assert_eq!(next(&read, &events), None);
        assert_eq!(next(&read, &events), None);
    }

    struct Endless(Arc<AtomicUsize>);

    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.0.fetch_add(1, Ordering::Relaxed);
            into.iter_mut().zip(b"yes\n".iter().cycle()).for_each(|(byte, of)| *byte = *of);
            Ok(into.len())
        }
    }

    #[test]
    fn an_input_without_an_end_is_read_no_further_than_it_is_asked_for() {
        let (tell, events) = mpsc::channel();
        let reads = Arc::new(AtomicUsize::new(0));
        let read = lines(BufReader::with_capacity(64, Endless(Arc::clone(&reads))), tell);
        assert_eq!(next(&read, &events).as_deref(), Some("yes"));
        assert_eq!(next(&read, &events).as_deref(), Some("yes"));
        assert_eq!(reads.load(Ordering::Relaxed), 1);
    }
}
