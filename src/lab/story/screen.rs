//! What a story looks like while it is told: both nodes side by side on a terminal, timestamped lines elsewhere.
//!
//! A thread of its own writes. A terminal that is stopped with Ctrl-S, or a pipe that nobody reads, must not stop the kernels of the lab.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::outcome::Promise;
use crate::core::status::VhidState;
use crate::lab::server::state::State;
use crate::lab::server::timeline::{NodeTrack, Track};
use crate::model::Mono;

/// How often a terminal is redrawn.
const FRAME: Duration = Duration::from_millis(100);

/// Texts that may wait for the writer; a frame that finds no room is left out.
const QUEUE: usize = 256;

/// The columns of one node.
const COLUMN: usize = 38;

/// How a story is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Not at all.
    Silent,
    /// A line for each thing that happens.
    Lines,
    /// Both nodes, redrawn in place, with colour or without.
    Live {
        /// Colour is wanted.
        color: bool,
        /// The lines of the terminal.
        rows: usize,
    },
}

/// Where a story is shown.
#[derive(Debug)]
pub struct Screen {
    mode: Mode,
    writer: Option<(SyncSender<String>, JoinHandle<()>)>,
    /// Up to when changes were shown as lines.
    shown: Mono,
    next_frame: Option<Instant>,
    /// The lines of the last frame, to be overwritten.
    drawn: usize,
    steps: Vec<StepLine>,
}

#[derive(Debug)]
struct StepLine {
    at: Mono,
    title: String,
    promises: usize,
    broken: usize,
}

impl Screen {
    /// A screen that shows on standard output.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        let writer = (mode != Mode::Silent).then(|| {
            let (send, receive) = sync_channel(QUEUE);
            (send, thread::spawn(move || write_all(&receive)))
        });
        Self { mode, writer, shown: Mono::ZERO, next_frame: None, drawn: 0, steps: Vec::new() }
    }

    /// Says something that is not part of the story.
    pub fn say(&self, text: &str) {
        self.write(format!("{text}\n"));
    }

    /// Shows what has changed.
    pub(in crate::lab) fn show(&mut self, state: &State) {
        match self.mode {
            Mode::Silent => {}
            Mode::Lines => self.changes(state),
            Mode::Live { color, rows } => {
                let now = Instant::now();
                if self.next_frame.is_none_or(|next| now >= next) {
                    self.next_frame = Some(now + FRAME);
                    let frame = self.frame(state, color, rows);
                    self.draw(&frame);
                }
            }
        }
    }

    /// A step begins.
    pub(super) fn step(&mut self, at: Mono, title: &str) {
        if self.mode == Mode::Lines {
            self.write(format!("\n{}  == {title}\n", stamp(at)));
        }
        self.steps.push(StepLine { at, title: title.to_owned(), promises: 0, broken: 0 });
    }

    /// A promise was looked at.
    pub(super) fn promise(&mut self, promise: &Promise) {
        if let Some(step) = self.steps.last_mut() {
            step.promises += 1;
            step.broken += usize::from(!promise.held);
        }
        if self.mode == Mode::Lines {
            let held = if promise.held { "held  " } else { "BROKEN" };
            let (what, measured, promised) = (&promise.what, &promise.measured, &promise.promised);
            self.write(format!("           {held} {what}: {measured} (promised {promised})\n"));
        }
    }

    /// Lets what waits be written. What was drawn last stays.
    pub fn close(mut self) {
        if let Mode::Live { .. } = self.mode {
            self.write("\x1b[?25h\n".to_owned());
        }
        if let Some((queue, writer)) = self.writer.take() {
            drop(queue);
            let _ = writer.join();
        }
    }

    fn write(&self, text: String) {
        if let Some((queue, _)) = &self.writer {
            // A reader that is far behind loses lines rather than holding up the lab.
            let _ = queue.try_send(text);
        }
    }

    /// Everything that was recorded since the last time, as lines in the order of time.
    fn changes(&mut self, state: &State) {
        let (from, until) = (self.shown, state.clock());
        self.shown = until;
        let mut lines: Vec<(Mono, String)> = Vec::new();
        for node in &state.timeline.nodes {
            for (id, track) in &node.vhids {
                lines.extend(texts(track, from, until, |vhid| format!("{:<6} {id} {}", node.name, vhid.as_str())));
            }
            for (name, track) in &node.services {
                let text = |answers: &bool| {
                    let is = if *answers { "answers" } else { "is silent" };
                    format!("{:<6} {name} {is}", node.name)
                };
                lines.extend(texts(track, from, until, text));
            }
            lines.extend(texts(&node.demotion, from, until, |sum| match sum {
                Some(sum) => format!("{:<6} demotion {sum}", node.name),
                None => format!("{:<6} powered off", node.name),
            }));
            lines.extend(runs(&node.daemon, from, until, node, "carpd"));
            lines.extend(runs(&node.devd, from, until, node, "devd"));
        }
        lines.sort_by_key(|(at, _)| *at);
        if !lines.is_empty() {
            self.write(lines.iter().map(|(at, text)| format!("{}  {text}\n", stamp(*at))).collect());
        }
    }

    fn frame(&self, state: &State, color: bool, rows: usize) -> Vec<String> {
        let paint = Paint(color);
        let columns: Vec<Vec<String>> =
            state.timeline.nodes.iter().take(2).map(|node| node_lines(node, paint)).collect();
        let height = columns.iter().map(Vec::len).max().unwrap_or_default();
        let mut frame = vec![String::new()];
        for row in 0..height {
            let cells = columns.iter().map(|column| column.get(row).cloned().unwrap_or_else(|| " ".repeat(COLUMN)));
            frame.push(format!("  {}", cells.collect::<Vec<_>>().join("  ")));
        }
        frame.push(String::new());
        let room = rows.saturating_sub(frame.len() + 2).max(3);
        let skipped = self.steps.len().saturating_sub(room);
        let last = self.steps.len().saturating_sub(1);
        for (number, step) in self.steps.iter().enumerate().skip(skipped) {
            let mark = match (number == last, step.broken) {
                (true, 0) => paint.bold(">"),
                (false, 0) => paint.good("ok"),
                _ => paint.bad("NO"),
            };
            let pad = if number == last && step.broken == 0 { " " } else { "" };
            let held = if step.promises == 0 {
                String::new()
            } else {
                format!("{}/{}", step.promises - step.broken, step.promises)
            };
            frame.push(format!("  {mark}{pad} {}  {:<56} {held:>5}", stamp(step.at), cut(&step.title, 56)));
        }
        frame
    }

    fn draw(&mut self, frame: &[String]) {
        let mut text = String::from("\x1b[?25l");
        if self.drawn > 0 {
            text.push_str(&format!("\x1b[{}A", self.drawn));
        }
        for line in frame {
            text.push_str(&format!("\r{line}\x1b[K\n"));
        }
        text.push_str("\x1b[J");
        if let Some((queue, _)) = &self.writer
            && !matches!(queue.try_send(text), Err(TrySendError::Full(_)))
        {
            self.drawn = frame.len();
        }
    }
}

fn write_all(texts: &Receiver<String>) {
    for text in texts {
        let mut out = std::io::stdout().lock();
        // Nobody reads any more: the story goes on, and its exit code tells how it ended.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// `00:03.012`
fn stamp(at: Mono) -> String {
    let millis = at.as_micros() / 1_000;
    format!("{:02}:{:02}.{:03}", millis / 60_000, millis / 1_000 % 60, millis % 1_000)
}

fn texts<T: Clone + PartialEq>(
    track: &Track<T>,
    from: Mono,
    until: Mono,
    text: impl Fn(&T) -> String,
) -> Vec<(Mono, String)> {
    track.changes(from, until).map(|(at, value)| (at, text(value))).collect()
}

fn runs(track: &Track<bool>, from: Mono, until: Mono, node: &NodeTrack, what: &str) -> Vec<(Mono, String)> {
    texts(track, from, until, |runs| {
        let is = if *runs { "runs" } else { "does not run" };
        format!("{:<6} {what} {is}", node.name)
    })
}

/// Colour, where it is wanted; never the only sign of anything.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    fn warn(self, text: &str) -> String {
        self.with("33", text)
    }

    fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    fn dim(self, text: &str) -> String {
        self.with("2", text)
    }
}

fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    text.chars().take(columns.saturating_sub(1)).chain(['…']).collect()
}

/// A name and a value in the width of a column, the value painted.
fn row(name: &str, value: &str, paint: impl Fn(&str) -> String) -> String {
    let name = cut(name, 20);
    let value = cut(value, COLUMN - 22);
    let pad = COLUMN.saturating_sub(22 + value.chars().count());
    format!("{name:<20}  {}{}", paint(&value), " ".repeat(pad))
}

fn node_lines(node: &NodeTrack, paint: Paint) -> Vec<String> {
    let powered = node.powered.last() == Some(&true);
    let mut lines = vec![row(&node.name, if powered { "" } else { "powered off" }, |text| paint.bad(text))];
    for (id, track) in &node.vhids {
        let state = track.last().copied().unwrap_or(VhidState::Absent);
        lines.push(row(&id.to_string(), state.as_str(), |text| match state {
            VhidState::Master => paint.good(text),
            VhidState::Backup => paint.dim(text),
            _ => paint.bad(text),
        }));
    }
    for (name, track) in &node.services {
        let answers = track.last() == Some(&true);
        let value = if answers { "answers" } else { "-" };
        lines.push(row(name.as_str(), value, |text| if answers { paint.good(text) } else { paint.dim(text) }));
    }
    let sum = node.demotion.last().copied().flatten();
    let text = sum.map_or_else(|| "-".to_owned(), |sum| sum.to_string());
    let demoted = sum.is_some_and(|sum| sum.get() != 0);
    lines.push(row("demotion", &text, |text| if demoted { paint.warn(text) } else { paint.dim(text) }));
    for (what, track) in [("carpd", &node.daemon), ("devd", &node.devd)] {
        let runs = track.last() == Some(&true);
        let value = if runs { "runs" } else { "does not run" };
        lines.push(row(what, value, |text| if runs { paint.dim(text) } else { paint.bad(text) }));
    }
    lines
}
