//! The log: one line for each thing that happened, on standard error or to syslogd.
//!
//! Lines have no time of their own, because daemon(8), syslogd(8) and journald add one; `--log-time` is for those who read
//! standard error directly. A thread of its own writes them: whoever reads the other end may be slow or stuck, and a failover must not
//! wait for that.

mod syslog;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::{Context, Filter, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::clock;
use crate::core::{self, Note, Topic};
use syslog::Syslog;

/// How many lines may wait for whoever reads them; further ones are counted and dropped.
const QUEUE: usize = 1024;

/// Where the log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTo {
    /// Standard error.
    Stderr {
        /// Each line begins with the time.
        time: bool,
    },
    /// The syslogd that listens at this path.
    Syslog(PathBuf),
}

/// The way to the thread that writes the log.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    queue: SyncSender<Message>,
    lost: Arc<AtomicU64>,
    most: Threshold,
}

#[derive(Debug)]
enum Message {
    Line(Level, String),
    Flush(Sender<()>),
}

/// The least important level that is logged; changes with the configuration.
#[derive(Clone, Debug, Default)]
struct Threshold(Arc<AtomicU8>);

impl Log {
    /// Begins to log.
    pub(crate) fn start(to: &LogTo) -> io::Result<Self> {
        let (queue, messages) = sync_channel(QUEUE);
        let log = Self { queue, lost: Arc::default(), most: Threshold::default() };
        log.set_level(Level::INFO);
        let (lost, out) = (log.lost.clone(), Out::new(to));
        std::thread::Builder::new()
            .name("log".into())
            .stack_size(64 << 10)
            .spawn(move || write_all(&messages, &lost, out))?;
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_target(false).with_writer(log.clone());
        let layer = match to {
            LogTo::Stderr { time: true } => layer.with_timer(Stamp).boxed(),
            LogTo::Stderr { time: false } => layer.without_time().boxed(),
            // The record has both.
            LogTo::Syslog(_) => layer.without_time().with_level(false).boxed(),
        };
        let filter = log.most.clone();
        tracing_subscriber::registry().with(layer.with_filter(filter)).try_init().map_err(io::Error::other)?;
        Ok(log)
    }

    /// From now on, logs what is at least as important as `level`.
    pub(crate) fn set_level(&self, level: Level) {
        self.most.0.store(rank(level), Ordering::Relaxed);
    }

    /// Waits until all lines are written, but not for long.
    pub(crate) fn flush(&self) {
        let (done, wait) = channel();
        if self.queue.try_send(Message::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(Duration::from_secs(1));
        }
    }
}

/// Higher is less important.
fn rank(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

impl<S> Filter<S> for Threshold {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: &Context<'_, S>) -> bool {
        // The crates below have their own idea of what is worth telling.
        rank(*metadata.level()) <= self.0.load(Ordering::Relaxed) && metadata.target().starts_with("carpd")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }
}

struct Stamp;

impl FormatTime for Stamp {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        w.write_str(&clock::now().wall.rfc3339())
    }
}

/// Takes the line that is being logged.
pub(crate) struct LineOf<'a> {
    log: &'a Log,
    level: Level,
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = LineOf<'a>;

    fn make_writer(&'a self) -> LineOf<'a> {
        LineOf { log: self, level: Level::INFO }
    }

    fn make_writer_for(&'a self, metadata: &tracing::Metadata<'_>) -> LineOf<'a> {
        LineOf { log: self, level: *metadata.level() }
    }
}

impl Write for LineOf<'_> {
    /// Each call is one whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = one_line(&String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line)));
        if self.log.queue.try_send(Message::Line(self.level, text)).is_err() {
            self.log.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The end that whoever reads the log has the other end of.
enum Out {
    Stderr(io::Stderr),
    Syslog(Syslog),
}

impl Out {
    fn new(to: &LogTo) -> Self {
        match to {
            LogTo::Stderr { .. } => Self::Stderr(io::stderr()),
            LogTo::Syslog(path) => Self::Syslog(Syslog::new(path)),
        }
    }

    /// Whether the line is gone from here.
    fn line(&mut self, level: Level, text: &str) -> bool {
        match self {
            Self::Stderr(stderr) => {
                // Standard error may be closed; there is nobody left to tell.
                let _ = stderr.write_all(format!("{text}\n").as_bytes());
                true
            }
            Self::Syslog(syslog) => syslog.send(level, text),
        }
    }

    fn lost(&mut self, lines: u64) -> bool {
        let text = format!("{lines} lines of the log were dropped: whoever reads it is too slow");
        match self {
            Self::Stderr(_) => self.line(Level::WARN, &format!(" WARN {text}")),
            Self::Syslog(_) => self.line(Level::WARN, &text),
        }
    }
}

fn write_all(messages: &Receiver<Message>, lost: &AtomicU64, mut out: Out) {
    while let Ok(message) = messages.recv() {
        match message {
            Message::Line(level, text) => {
                if !out.line(level, &text) {
                    lost.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
            }
            Message::Flush(done) => {
                let _ = done.send(());
            }
        }
        let lines = lost.swap(0, Ordering::Relaxed);
        if lines > 0 && !out.lost(lines) {
            lost.fetch_add(lines, Ordering::Relaxed);
        }
    }
}

/// `text` with its control characters, and what else ends a line, as escapes: what somebody else has written, such as a reason
/// or the output of a program, must not pass for a line of carpd's own, or speak to a terminal.
pub(crate) fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let mut line = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if breaks(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// Logs what the core has to say.
pub(crate) fn note(note: &Note) {
    let Note { level, topic, object, text } = note;
    let what = match topic {
        Topic::Vhid => format!("vhid {object}: {text}"),
        Topic::Service => format!("service {object}: {text}"),
        Topic::Demotion => format!("demotion: {text}"),
        Topic::Maintenance => format!("maintenance: {text}"),
        Topic::Daemon => text.clone(),
    };
    match level {
        core::Level::Info => tracing::info!("{what}"),
        core::Level::Warning => tracing::warn!("{what}"),
        core::Level::Error => tracing::error!("{what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_logged_can_begin_a_line_of_its_own() {
        let (queue, messages) = sync_channel(1);
        let log = Log { queue, lost: Arc::default(), most: Threshold::default() };
        let line = "entered by anna: ok\n INFO forged\r\u{1b}[2J\u{85}\u{2028}caf\u{e9}\n";
        log.make_writer().write_all(line.as_bytes()).unwrap();
        let Ok(Message::Line(_, line)) = messages.recv() else { panic!("no line") };
        assert_eq!(line, "entered by anna: ok\\n INFO forged\\r\\u{1b}[2J\\u{85}\\u{2028}caf\u{e9}");
    }
}
