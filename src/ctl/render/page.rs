//! A page for a terminal: lines that are never wider than it, in colours that can be left out.

use crate::ctl::text::{GLUE, clean, fit, hold_units, width, wrap};
use crate::model::Wall;

/// The narrowest terminal that is taken at its word, in columns. Below that, lines are left to the terminal to break.
const NARROWEST: u16 = 40;

/// Where a page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    width: usize,
    color: bool,
    now: Wall,
}

impl View {
    /// A terminal of `width` columns, with or without colour, at the time `now`.
    #[must_use]
    pub fn new(width: u16, color: bool, now: Wall) -> Self {
        Self { width: usize::from(width.max(NARROWEST)), color, now }
    }

    /// Columns, at least 40.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// The time that relative times are relative to.
    #[must_use]
    pub const fn now(&self) -> Wall {
        self.now
    }
}

/// How a word stands out. The word itself always says the same without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ctl) enum Style {
    Plain,
    Bold,
    Dim,
    Good,
    Warn,
    Bad,
}

impl Style {
    const fn ansi(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Warn => "\x1b[33m",
            Self::Bad => "\x1b[1;31m",
        }
    }
}

/// One line in the making.
#[derive(Clone, Debug, Default)]
pub(in crate::ctl) struct Line(Vec<(Style, String)>);

impl Line {
    pub(in crate::ctl) fn new(text: &str) -> Self {
        Self::default().add(Style::Plain, text)
    }

    #[must_use]
    pub(in crate::ctl) fn add(mut self, style: Style, text: &str) -> Self {
        let text = clean(text);
        self.0.push((style, if text.contains(GLUE) { text.replace(GLUE, " ") } else { text }));
        self
    }

    /// Adds `text` in a cell of `columns`, at its left or right side.
    #[must_use]
    pub(in crate::ctl) fn cell(self, style: Style, text: &str, columns: usize, right: bool) -> Self {
        let text = fit(&clean(text), columns);
        let gap = " ".repeat(columns.saturating_sub(width(&text)));
        if right {
            self.add(Style::Plain, &gap).add(style, &text)
        } else {
            self.add(style, &text).add(Style::Plain, &gap)
        }
    }

    pub(in crate::ctl) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| width(text)).sum()
    }
}

/// A page in the making.
#[derive(Debug)]
pub(in crate::ctl) struct Page {
    view: View,
    text: String,
}

impl Page {
    pub(in crate::ctl) const fn new(view: View) -> Self {
        Self { view, text: String::new() }
    }

    pub(in crate::ctl) const fn view(&self) -> &View {
        &self.view
    }

    pub(in crate::ctl) fn line(&mut self, line: &Line) {
        let mut left = self.view.width;
        let mut out = String::new();
        for (style, text) in &line.0 {
            let text = fit(text, left);
            left -= width(&text).min(left);
            if self.view.color && *style != Style::Plain && !text.trim().is_empty() {
                out.push_str(style.ansi());
                out.push_str(&text);
                out.push_str("\x1b[0m");
            } else {
                out.push_str(&text);
            }
        }
        self.text.push_str(out.trim_end());
        self.text.push('\n');
    }

    /// An empty line, unless there is one already or the page is empty.
    pub(in crate::ctl) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// `text` broken into lines, the first led by `label`; all lines of the text begin at column `indent`.
    pub(in crate::ctl) fn labelled(&mut self, label: &Line, indent: usize, text: &str) {
        let columns = self.view.width.saturating_sub(indent);
        for (at, part) in wrap(&hold_units(&clean(text)), columns).iter().enumerate() {
            let mut line = if at == 0 { label.clone() } else { Line::default() };
            let gap = indent.saturating_sub(line.width());
            line = line.add(Style::Plain, &" ".repeat(gap)).add(Style::Plain, part);
            self.line(&line);
        }
    }

    /// A paragraph from the first column on.
    pub(in crate::ctl) fn paragraph(&mut self, text: &str) {
        self.labelled(&Line::default(), 0, text);
    }

    pub(in crate::ctl) fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(color: bool) -> View {
        View::new(40, color, Wall::default())
    }

    #[test]
    fn colour_changes_neither_words_nor_widths() {
        let line = Line::new("fw1: ")
            .add(Style::Bad, "CRITICAL")
            .cell(Style::Warn, "更新", 6, true)
            .add(Style::Dim, " and very much more than fits");
        let show = |color| {
            let mut page = Page::new(view(color));
            page.line(&line);
            page.finish()
        };
        let mut stripped = show(true);
        for code in [Style::Bad, Style::Warn, Style::Dim].map(Style::ansi).into_iter().chain(["\x1b[0m"]) {
            assert!(stripped.contains(code));
            stripped = stripped.replace(code, "");
        }
        assert_eq!(stripped, show(false));
        assert_eq!(width(stripped.trim_end()), 40);
    }

    #[test]
    fn a_label_stands_before_the_first_line_only() {
        let mut page = Page::new(view(false));
        page.labelled(&Line::new("  why"), 10, "one two three four five six seven");
        assert_eq!(page.finish(), "  why     one two three four five six\n          seven\n");
    }
}
