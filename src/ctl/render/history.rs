//! `carpctl history` and `carpctl events`

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::page::{Line, Page, Style, View};
use crate::control::Entry;
use crate::core::io::{Level, Topic};
use crate::ctl::time;
use crate::model::Wall;

/// What happened, one entry after another, each with its time of day and how long ago it was.
#[must_use]
pub fn entries(entries: &[Entry], view: &View, zone: &TimeZone) -> String {
    let mut page = Page::new(*view);
    if entries.is_empty() {
        page.line(&Line::new("nothing has happened yet"));
    }
    for entry in entries {
        let ago = format!("{} ago", time::span(view.now().since(entry.time)));
        let when = Line::default().add(Style::Dim, &clock(entry.time, zone)).cell(Style::Dim, &ago, 17, true);
        told(&mut page, &when, entry);
    }
    page.finish()
}

/// What has just happened.
#[must_use]
pub fn event(entry: &Entry, view: &View, zone: &TimeZone) -> String {
    let mut page = Page::new(*view);
    told(&mut page, &Line::default().add(Style::Dim, &clock(entry.time, zone)), entry);
    page.finish()
}

fn told(page: &mut Page, when: &Line, entry: &Entry) {
    let (style, level) = match entry.note.level {
        Level::Info => (Style::Plain, ""),
        Level::Warning => (Style::Warn, "warning: "),
        Level::Error => (Style::Bad, "error: "),
    };
    let object = if entry.note.object.is_empty() { topic(entry.note.topic) } else { &entry.note.object };
    let label = when.clone().add(Style::Plain, "  ").cell(style, object, 16, false).add(Style::Plain, "  ");
    let indent = label.width();
    page.labelled(&label, indent, &format!("{level}{}", entry.note.text));
}

const fn topic(topic: Topic) -> &'static str {
    match topic {
        Topic::Vhid => "vhid",
        Topic::Service => "service",
        Topic::Demotion => "demotion",
        Topic::Maintenance => "maintenance",
        Topic::Daemon => "carpd",
    }
}

fn clock(time: Wall, zone: &TimeZone) -> String {
    Timestamp::from_millisecond(time.as_millis())
        .map_or_else(|_| "?".to_owned(), |stamp| stamp.to_zoned(zone.clone()).strftime("%b %d %H:%M:%S").to_string())
}
