//! `carpctl history` and `carpctl events`

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::page::{Line, Page, Style, View};
use crate::control::Entry;
use crate::core::io::{Level, Topic};
use crate::model::Wall;

/// What happened, one entry after another, each with its time of day, below the day.
#[must_use]
pub fn entries(entries: &[Entry], view: &View, zone: &TimeZone) -> String {
    let mut page = Page::new(*view);
    if entries.is_empty() {
        page.line(&Line::new("nothing has happened yet"));
    }
    let mut last = String::new();
    for entry in entries {
        let day = clock(entry.time, zone, "%a %b %d %Y");
        if day != last {
            page.line(&Line::default().add(Style::Bold, &day));
            last = day;
        }
        told(&mut page, &Line::default().add(Style::Dim, &clock(entry.time, zone, "%H:%M:%S")), entry);
    }
    page.finish()
}

/// What has just happened.
#[must_use]
pub fn event(entry: &Entry, view: &View, zone: &TimeZone) -> String {
    let mut page = Page::new(*view);
    told(&mut page, &Line::default().add(Style::Dim, &clock(entry.time, zone, "%b %d %H:%M:%S")), entry);
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

fn clock(time: Wall, zone: &TimeZone, format: &str) -> String {
    Timestamp::from_millisecond(time.as_millis())
        .map_or_else(|_| "?".to_owned(), |stamp| stamp.to_zoned(zone.clone()).strftime(format).to_string())
}
