//! `carpctl config check` and `carpctl explain`

use super::page::{Line, Page, Style, View};
use crate::config::{CheckReport, Entry, Severity};
use crate::ctl::text::clean;

/// A report. Its lines are left as long as they are, so that a path in them can be copied.
#[must_use]
pub fn report(report: &CheckReport) -> String {
    report.to_string().lines().map(|line| clean(line) + "\n").collect()
}

/// One kind of finding.
#[must_use]
pub fn explain(entry: &Entry, view: &View) -> String {
    let mut page = Page::new(*view);
    let label = Line::default().add(Style::Bold, &entry.code.to_string()).add(Style::Plain, "  ");
    let label = label.add(style(entry.severity), entry.severity.as_str()).add(Style::Plain, "  ");
    page.labelled(&label, label.width(), entry.title);
    for paragraph in entry.explanation.split("\n\n") {
        page.gap();
        page.paragraph(paragraph);
    }
    page.finish()
}

/// All kinds of findings, one line each.
#[must_use]
pub fn list(entries: impl Iterator<Item = &'static Entry>, view: &View) -> String {
    let mut page = Page::new(*view);
    for entry in entries {
        let label = Line::new(&entry.code.to_string()).add(Style::Plain, "  ");
        let label = label.cell(style(entry.severity), entry.severity.as_str(), 9, false);
        page.labelled(&label, label.width(), entry.title);
    }
    page.finish()
}

const fn style(severity: Severity) -> Style {
    match severity {
        Severity::Note => Style::Plain,
        Severity::Warning => Style::Warn,
        Severity::Error => Style::Bad,
    }
}
