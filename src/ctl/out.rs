//! Standard output and standard error, with what is known of the terminal behind them.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;

use super::exit::{self, Failure};
use super::render::View;
use super::text::clean;
use crate::model::Wall;

/// When colour is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless the environment has `NO_COLOR`.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The width of what is not shown on a terminal, in columns.
const WIDTH: u16 = 80;

/// Standard output. A reader that has gone away, as `head` does, is no failure.
pub struct Out {
    closed: bool,
    terminal: bool,
    color: bool,
}

impl Out {
    /// Looks at what standard output is.
    #[must_use]
    pub fn new(color: Color) -> Self {
        let terminal = io::stdout().is_terminal();
        let wished = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !wished("NO_COLOR") && !dumb,
        };
        Self { closed: false, terminal, color }
    }

    /// Whether it is a terminal.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether colour is wanted.
    #[must_use]
    pub const fn is_colored(&self) -> bool {
        self.color
    }

    /// The lines of the terminal, or of an old one if that is unknown.
    #[must_use]
    pub fn rows(&self) -> usize {
        terminal_size::terminal_size_of(io::stdout()).map_or(24, |(_, rows)| rows.0.into())
    }

    /// Whether nobody reads any more.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// How to render for it at `now`.
    #[must_use]
    pub fn view(&self, now: Wall) -> View {
        let size = if self.terminal { terminal_size::terminal_size_of(io::stdout()) } else { None };
        View::new(size.map_or(WIDTH, |(width, _)| width.0), self.color, now)
    }

    /// Writes `text` as it is.
    ///
    /// # Errors
    /// It cannot be written, for example because the disk behind it is full.
    pub fn write(&mut self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(error) => Err(Failure::new(exit::FAILED, format!("standard output cannot be written: {error}"))),
        }
    }

    /// Writes a value as JSON, indented for reading.
    ///
    /// # Errors
    /// Like [`Self::write`].
    pub fn json(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(|e| Failure::new(exit::FAILED, e.to_string()))?;
        self.write(&(text + "\n"))
    }

    /// Writes a value as one line of JSON.
    ///
    /// # Errors
    /// Like [`Self::write`].
    pub fn json_line(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(|e| Failure::new(exit::FAILED, e.to_string()))?;
        self.write(&(text + "\n"))
    }
}

/// Writes a message to standard error. If that fails too, the exit code is all that is left to tell it.
pub(super) fn complain(text: &str) {
    for line in text.lines() {
        let _ = writeln!(io::stderr(), "carpctl: {}", clean(line));
    }
}
