//! The timeline: for each node the states of its vhids, its services and its demotion, under one time axis.

use std::fmt::Arguments;
use std::time::Duration;

use super::{add, escape};
use crate::core::status::VhidState;
use crate::lab::server::timeline::{NodeTrack, Track};
use crate::lab::story::Told;
use crate::lab::story::client::{Kind, Row};
use crate::lab::story::outcome::time;
use crate::model::{Demotion, Mono};

/// The width that a usual story fills, in CSS pixels. Texts are not scaled, so a narrow screen scrolls.
const WIDTH: f64 = 1120.0;
const LEAST_PER_SECOND: f64 = 16.0;
/// Above the first row: the numbers of the steps.
const TOP: f64 = 62.0;
const BOTTOM: f64 = 26.0;
const ROW: f64 = 24.0;
const GROUP: f64 = 28.0;
const CURVE: f64 = 44.0;
/// What a letter of a bar's text needs.
const LETTER: f64 = 8.2;

/// A row as it is laid out.
enum Line<'a> {
    Group(&'a str),
    Client(&'a Row),
    Vhid(String, &'a Track<VhidState>),
    Service(String, &'a Track<bool>),
    Process(&'static str, &'a Track<bool>),
    Demotion(&'a Track<Option<Demotion>>),
}

impl Line<'_> {
    const fn height(&self) -> f64 {
        match self {
            Self::Group(_) => GROUP,
            Self::Demotion(_) => CURVE,
            _ => ROW,
        }
    }

    fn label(&self) -> String {
        match self {
            Self::Group(name) => (*name).to_owned(),
            Self::Client(row) => row.name.clone(),
            Self::Vhid(name, _) | Self::Service(name, _) => name.clone(),
            Self::Process(name, _) => (*name).to_owned(),
            Self::Demotion(_) => "demotion".to_owned(),
        }
    }
}

struct Plot<'a> {
    page: &'a mut String,
    per_second: f64,
    end: Mono,
}

/// Draws labels, which stay, beside the plot, which scrolls.
pub(super) fn draw(page: &mut String, told: &Told) {
    let end = told.end;
    let seconds = end.as_micros() as f64 / 1e6;
    let per_second = (WIDTH / seconds.max(1.0)).max(LEAST_PER_SECOND);
    let lines = lines(told);
    let height = TOP + lines.iter().map(Line::height).sum::<f64>() + BOTTOM;
    legend(page);
    page.push_str("<div class=\"plot\">\n<div class=\"labels\" aria-hidden=\"true\">\n");
    add(page, format_args!("<div style=\"height:{TOP}px\"></div>\n"));
    for line in &lines {
        let class = if matches!(line, Line::Group(_)) { "group" } else { "label" };
        add(
            page,
            format_args!(
                "<div class=\"{class}\" style=\"height:{}px\">{}</div>\n",
                line.height(),
                escape(&line.label())
            ),
        );
    }
    page.push_str("</div>\n<div class=\"scroll\" tabindex=\"0\" aria-label=\"timeline\">\n");
    let width = (seconds * per_second).ceil() + 12.0;
    add(
        page,
        format_args!("<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n"),
    );
    page.push_str("<title>What happened on both nodes</title>\n<defs>\n");
    page.push_str("<pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">");
    page.push_str("<rect width=\"6\" height=\"6\" class=\"hatch-ground\"/><line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\" class=\"hatch-line\"/></pattern>\n");
    page.push_str("</defs>\n");
    let mut plot = Plot { page, per_second, end };
    plot.axis(height, seconds);
    let mut y = TOP;
    for line in &lines {
        plot.line(line, y);
        y += line.height();
    }
    plot.steps(told, height);
    page.push_str("</svg>\n</div>\n</div>\n");
}

fn lines(told: &Told) -> Vec<Line<'_>> {
    let mut lines = vec![Line::Group("the clients")];
    lines.extend(told.client.iter().map(Line::Client));
    for node in &told.timeline.nodes {
        lines.extend(node_lines(node));
    }
    lines
}

fn node_lines(node: &NodeTrack) -> Vec<Line<'_>> {
    let mut lines = vec![Line::Group(&node.name)];
    lines.extend(node.vhids.iter().map(|(id, track)| Line::Vhid(id.to_string(), track)));
    lines.extend(node.services.iter().map(|(name, track)| Line::Service(name.to_string(), track)));
    lines.push(Line::Demotion(&node.demotion));
    lines.push(Line::Process("carpd", &node.daemon));
    lines.push(Line::Process("devd", &node.devd));
    lines
}

fn legend(page: &mut String) {
    page.push_str("<p class=\"legend\">");
    for (class, text) in [
        ("master", "MASTER"),
        ("backup", "BACKUP"),
        ("init", "INIT"),
        ("serves", "service answers, process runs"),
        ("outage", "nobody answers"),
        ("overlap", "two services alive"),
        ("split", "two MASTERs"),
    ] {
        add(page, format_args!("<span><i class=\"key {class}\"></i>{text}</span>"));
    }
    page.push_str("<span><i class=\"key number\">1</i>a step; its number is in the table below</span></p>\n");
}

impl Plot<'_> {
    fn add(&mut self, text: Arguments<'_>) {
        add(self.page, text);
    }

    fn x(&self, at: Mono) -> f64 {
        at.min(self.end).as_micros() as f64 / 1e6 * self.per_second
    }

    fn axis(&mut self, height: f64, seconds: f64) {
        let every = if self.per_second >= LEAST_PER_SECOND { 5 } else { 10 };
        let mut at = 0_u32;
        while f64::from(at) <= seconds {
            let x = f64::from(at) * self.per_second;
            let bottom = height - BOTTOM;
            self.add(format_args!("<line class=\"grid\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\"/>\n"));
            let anchor = if at == 0 { "start" } else { "middle" };
            let y = height - 8.0;
            self.add(format_args!(
                "<text class=\"axis\" x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{at} s</text>\n"
            ));
            at += every;
        }
    }

    fn line(&mut self, line: &Line<'_>, y: f64) {
        match line {
            Line::Group(_) => {}
            Line::Client(row) => {
                for (kind, window) in &row.windows {
                    let (class, text) = match kind {
                        Kind::Outage => ("outage", "nobody answers"),
                        Kind::Overlap => ("overlap", "two services alive"),
                        Kind::Split => ("split", "two MASTERs"),
                    };
                    self.bar((window.from, window.until), y, class, "", &format!("{}: {text}", row.name));
                }
            }
            Line::Vhid(name, track) => {
                for (from, until, state) in track.spans(self.end) {
                    let class = match state {
                        VhidState::Master => "master",
                        VhidState::Backup => "backup",
                        VhidState::Init => "init",
                        VhidState::Absent | VhidState::Unknown => continue,
                    };
                    self.bar((from, until), y, class, state.as_str(), &format!("{name} {}", state.as_str()));
                }
            }
            Line::Service(name, track) => self.runs(track, y, "serves", "answers", name),
            Line::Process(name, track) => self.runs(track, y, "runs", "runs", name),
            Line::Demotion(track) => self.curve(track, y),
        }
    }

    fn runs(&mut self, track: &Track<bool>, y: f64, class: &str, word: &str, name: &str) {
        for (from, until, _) in track.spans(self.end).filter(|(_, _, runs)| **runs) {
            self.bar((from, until), y, class, word, &format!("{name} {word}"));
        }
    }

    fn bar(&mut self, (from, until): (Mono, Mono), y: f64, class: &str, text: &str, what: &str) {
        let (left, right) = (self.x(from), self.x(until));
        // What took a millisecond must still be seen.
        let width = (right - left).max(1.5);
        let title = format!("{what}: {} to {}, {}", seconds(from), seconds(until), time(until.since(from)));
        let (top, height) = (y + 3.0, ROW - 6.0);
        self.add(format_args!(
            "<g><title>{}</title><rect class=\"{class}\" x=\"{left:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{height}\" rx=\"2\"/>",
            escape(&title)
        ));
        if !text.is_empty() && width > text.len() as f64 * LETTER + 8.0 {
            let (x, base) = (left + 5.0, y + ROW / 2.0 + 4.0);
            self.add(format_args!("<text class=\"on-{class}\" x=\"{x:.1}\" y=\"{base}\">{text}</text>"));
        }
        self.page.push_str("</g>\n");
    }

    fn curve(&mut self, track: &Track<Option<Demotion>>, y: f64) {
        let values = || track.spans(self.end).filter_map(|(_, _, sum)| sum.map(|sum| sum.get()));
        let (low, high) = (values().min().unwrap_or(0).min(0), values().max().unwrap_or(0).max(1));
        let (top, bottom) = (y + 14.0, y + CURVE - 5.0);
        let scale = (bottom - top) / f64::from(high.saturating_sub(low).max(1));
        let level = |sum: i32| bottom - f64::from(sum.saturating_sub(low)) * scale;
        let mut path = String::new();
        let mut texts = String::new();
        let mut free = f64::MIN;
        for (from, until, sum) in track.spans(self.end) {
            let Some(sum) = sum.map(|sum| sum.get()) else {
                path.push(' ');
                continue;
            };
            let (left, right, height) = (self.x(from), self.x(until), level(sum));
            let verb = if path.is_empty() || path.ends_with(' ') { 'M' } else { 'L' };
            path.push_str(&format!("{verb}{left:.1} {height:.1}L{right:.1} {height:.1}"));
            if sum != 0 && left >= free {
                let text = sum.to_string();
                free = left + text.len() as f64 * LETTER + 6.0;
                let base = height - 3.0;
                texts.push_str(&format!("<text class=\"sum\" x=\"{:.1}\" y=\"{base:.1}\">{text}</text>\n", left + 2.0));
            }
            let title = format!("demotion {sum}: {} to {}", seconds(from), seconds(until));
            let width = (right - left).max(1.5);
            texts.push_str(&format!(
                "<rect class=\"hover\" x=\"{left:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{CURVE}\"><title>{title}</title></rect>\n"
            ));
        }
        self.add(format_args!("<path class=\"curve\" d=\"{}\"/>\n{texts}", path.trim()));
    }

    fn steps(&mut self, told: &Told, height: f64) {
        // Numbers that would cover each other go to another level.
        let mut levels = [f64::MIN; 3];
        for (number, step) in told.outcome.steps.iter().enumerate() {
            let number = number + 1;
            let x = self.x(Mono::ZERO + Duration::from_millis(step.at_ms));
            let free = levels.iter().position(|last| x - last >= 20.0).unwrap_or(levels.len() - 1);
            levels[free] = x;
            let (y, bottom) = (12.0 + 19.0 * free as f64, height - BOTTOM);
            let title = escape(&format!("{number}: {}, at {}", step.title, time(Duration::from_millis(step.at_ms))));
            let cx = x.max(9.0);
            let base = y + 4.0;
            self.add(format_args!(
                "<a href=\"#step{number}\"><title>{title}</title><line class=\"step-line\" x1=\"{x:.1}\" y1=\"{y}\" x2=\"{x:.1}\" \
                 y2=\"{bottom}\"/><circle class=\"step-dot\" cx=\"{cx:.1}\" cy=\"{y}\" r=\"9\"/><text class=\"step-number\" \
                 x=\"{cx:.1}\" y=\"{base}\" text-anchor=\"middle\">{number}</text></a>\n"
            ));
        }
    }
}

fn seconds(at: Mono) -> String {
    format!("{:.3} s", at.as_micros() as f64 / 1e6)
}
