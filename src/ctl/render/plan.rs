//! `carpctl plan`: every write with its cause and its effect, and what to do next.

use super::page::{Line, Page, Style, View};
use crate::ctl::plan::document::{Document, Obstacle, PlannedStep, Verdict};
use crate::model::VhidRef;

const INDENT: usize = 14;

/// The whole plan, and how to apply it.
#[must_use]
pub fn page(document: &Document, view: &View) -> String {
    let mut page = body(document, view);
    next(&mut page, document);
    page.finish()
}

/// The plan for somebody who is about to apply it.
#[must_use]
pub fn applied(document: &Document, view: &View) -> String {
    body(document, view).finish()
}

fn body(document: &Document, view: &View) -> Page {
    let mut page = Page::new(*view);
    head(&mut page, document);
    for obstacle in &document.refusals {
        obstructed(&mut page, obstacle);
    }
    if !document.steps.is_empty() {
        page.gap();
    }
    for (at, step) in document.steps.iter().enumerate() {
        planned(&mut page, at + 1, step);
    }
    rest(&mut page, document);
    page
}

/// The judgement in one sentence.
#[must_use]
pub fn summary(document: &Document) -> String {
    match document.verdict {
        Verdict::Equal => "nothing to do: the kernel is as carpd.toml says".to_owned(),
        Verdict::Unknown => "nothing is known to differ, but the keys cannot be compared".to_owned(),
        Verdict::NotOwned => "nothing to do: carpd.toml owns no vhid here".to_owned(),
        Verdict::Refused => {
            let count = document.refusals.len();
            format!("nothing can be done: {count} obstacle{}", plural(count))
        }
        Verdict::Changes => {
            let count = document.steps.len();
            let bounces = match document.guided.len() {
                0 => "no vhid bounces".to_owned(),
                1 => "1 vhid bounces".to_owned(),
                many => format!("{many} vhids bounce"),
            };
            let gap = match document.without_master_ms {
                0 => String::new(),
                millis => format!(", without MASTER for up to {}.{:02} s", millis / 1000, millis % 1000 / 10),
            };
            format!("{count} write{}, {bounces}{gap}", plural(count))
        }
    }
}

const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn head(page: &mut Page, document: &Document) {
    let style = match document.verdict {
        Verdict::Equal | Verdict::NotOwned => Style::Good,
        Verdict::Changes | Verdict::Unknown => Style::Warn,
        Verdict::Refused => Style::Bad,
    };
    let summary = summary(document);
    let line = Line::default().add(Style::Bold, &document.node).add(Style::Plain, ": ").add(style, &summary);
    if line.width() > page.view().width() {
        page.paragraph(&format!("{}: {summary}", document.node));
    } else {
        page.line(&line);
    }
    if let Some(why) = &document.not_owned {
        row(page, Style::Dim, "why", why);
    }
}

fn obstructed(page: &mut Page, obstacle: &Obstacle) {
    row(page, Style::Bad, "obstacle", &format!("{}: {}", obstacle.object, obstacle.cause));
    row(page, Style::Dim, "next", &obstacle.remedy);
}

fn planned(page: &mut Page, number: usize, step: &PlannedStep) {
    page.labelled(&Line::default().add(Style::Bold, &format!("{number:>3}")), 5, &step.text);
    row(page, Style::Dim, "   why", &step.why);
    for effect in &step.effects {
        row(page, Style::Dim, "   effect", &effect.text);
    }
}

fn rest(page: &mut Page, document: &Document) {
    let remarks = document.left_alone.len() + document.unknown_keys.len();
    if !document.steps.is_empty() && remarks > 0 {
        page.gap();
    }
    if !document.left_alone.is_empty() {
        let text = format!("{}: not in carpd.toml", names(&document.left_alone));
        row(page, Style::Dim, "left alone", &text);
    }
    if !document.unknown_keys.is_empty() {
        let text = format!("the keys of {}: only root may read them, so ask as root", names(&document.unknown_keys));
        row(page, Style::Warn, "unknown", &text);
    }
}

fn next(page: &mut Page, document: &Document) {
    if document.steps.is_empty() {
        return;
    }
    page.gap();
    if document.guided.is_empty() {
        row(page, Style::Dim, "next", "carpctl apply");
        return;
    }
    let text = format!(
        "carpctl apply --guided changes both nodes without two MASTERs of {}, and asks before each step",
        names(&document.guided)
    );
    row(page, Style::Dim, "next", &text);
}

fn names(ids: &[VhidRef]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn row(page: &mut Page, style: Style, label: &str, text: &str) {
    page.labelled(&Line::default().add(style, &format!("  {label}")), INDENT, text);
}
