//! Tables whose columns are as wide as their widest cell.

use super::page::{Line, Page, Style};
use crate::ctl::text::{clean, width};

/// The columns between two cells, and before the first.
const GAP: usize = 2;

/// A table whose last column is laid out by the caller.
pub(super) struct Table<const N: usize> {
    heads: [&'static str; N],
    right: [bool; N],
    widest: [usize; N],
    rows: Vec<[(Style, String); N]>,
}

impl<const N: usize> Table<N> {
    /// A table with these headings; one that begins with `>` has its cells at the right side.
    pub(super) fn new(heads: [&'static str; N]) -> Self {
        let right = heads.map(|head| head.starts_with('>'));
        let heads = heads.map(|head| head.trim_start_matches('>'));
        Self { heads, right, widest: heads.map(width), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: [(Style, String); N]) {
        for ((_, text), widest) in cells.iter().zip(&mut self.widest) {
            *widest = width(&clean(text)).max(*widest);
        }
        self.rows.push(cells);
    }

    /// Limits the column number `at`; what is longer is cut.
    pub(super) fn limit(&mut self, at: usize, columns: usize) {
        if let Some(widest) = self.widest.get_mut(at) {
            *widest = columns.min(*widest);
        }
    }

    /// The columns that all cells of a row occupy, with the gap after them.
    pub(super) fn width(&self) -> usize {
        GAP + self.widest.iter().map(|columns| columns + GAP).sum::<usize>()
    }

    pub(super) fn head(&self, page: &mut Page, last: &str) {
        let cells = self.heads.map(|head| (Style::Dim, head.to_owned()));
        page.line(&self.line(&cells).add(Style::Dim, last));
    }

    /// The rows, in the order in which they were added.
    pub(super) fn lines(&self) -> impl Iterator<Item = Line> {
        self.rows.iter().map(|cells| self.line(cells))
    }

    fn line(&self, cells: &[(Style, String); N]) -> Line {
        let mut line = Line::new(&" ".repeat(GAP));
        for (((style, text), columns), right) in cells.iter().zip(self.widest).zip(self.right) {
            line = line.cell(*style, text, columns, right).add(Style::Plain, &" ".repeat(GAP));
        }
        line
    }
}
