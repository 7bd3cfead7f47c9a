//! A table of the file, read key by key.
//!
//! Derived deserialization would stop at the first wrong value. Here every key is asked for by name, every mistake is noted with its line
//! and reading goes on; what nobody asked for is unknown.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::{Fault, Report, quoted};
use super::suggest;
use super::values::wrong_type;
use crate::config::Entry;
use crate::config::catalogue::carpd_toml as codes;

/// A table, and what was asked of it so far.
pub(crate) struct Section<'a> {
    table: &'a DeTable<'a>,
    path: String,
    line: u32,
    known: Vec<&'static str>,
    refused: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub(crate) fn root(table: &'a DeTable<'a>) -> Self {
        Self { table, path: String::new(), line: 1, known: Vec::new(), refused: Vec::new() }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The full name of one of its keys.
    pub(crate) fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Adds a finding about the key `name`, or about the whole section if the key is absent.
    pub(crate) fn find(&self, report: &mut Report, entry: &Entry, name: &str, cause: &str, remedy: &str) {
        let line = self.line_of(report, name);
        report.add(entry, line, &self.key(name), cause, remedy);
    }

    pub(crate) fn line_of(&self, report: &Report, name: &str) -> u32 {
        self.table.get_key_value(name).map_or(self.line, |(key, _)| report.line(key.span().start))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    fn raw(&mut self, name: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(name);
        self.table.get(name)
    }

    /// The value of `name`, if it is there and legal.
    pub(crate) fn get<T>(
        &mut self,
        report: &mut Report,
        name: &'static str,
        read: impl FnOnce(&'a DeValue<'a>) -> Result<T, Fault>,
    ) -> Option<T> {
        let value = self.raw(name)?;
        read(value.get_ref()).map_err(|fault| report.fault(self.line_of(report, name), &self.key(name), &fault)).ok()
    }

    /// Like [`get`](Self::get), but its absence is a mistake too.
    pub(crate) fn required<T>(
        &mut self,
        report: &mut Report,
        name: &'static str,
        remedy: &str,
        read: impl FnOnce(&'a DeValue<'a>) -> Result<T, Fault>,
    ) -> Option<T> {
        self.need(report, name, remedy);
        self.get(report, name, read)
    }

    /// Notes the absence of `name`.
    pub(crate) fn need(&self, report: &mut Report, name: &str, remedy: &str) {
        if !self.has(name) {
            self.find(report, &codes::MISSING, name, &format!("{} has no {name}", self.whose()), remedy);
        }
    }

    fn whose(&self) -> &str {
        if self.path.is_empty() { "the file" } else { &self.path }
    }

    /// The items of the list `name`, if all are legal; a single value stands for a list of one if `single` allows it.
    pub(crate) fn items<T>(
        &mut self,
        report: &mut Report,
        name: &'static str,
        single: bool,
        read: impl Fn(&'a DeValue<'a>) -> Result<T, Fault>,
    ) -> Option<Vec<T>> {
        let value = self.raw(name)?;
        let DeValue::Array(items) = value.get_ref() else {
            if single {
                return self.get(report, name, read).map(|item| vec![item]);
            }
            let fault = wrong_type(value.get_ref(), "a list", "write a list in brackets, as in [\"a\", \"b\"]");
            report.fault(self.line_of(report, name), &self.key(name), &fault);
            return None;
        };
        let mut read_items = Vec::new();
        for (at, item) in items.iter().enumerate() {
            match read(item.get_ref()) {
                Ok(item) => read_items.push(item),
                Err(fault) => {
                    let key = self.key(&format!("{name}[{}]", at + 1));
                    report.fault(report.line(item.span().start), &key, &fault);
                }
            }
        }
        // A list with holes would cause findings that are not true: the second word of a command is no program.
        (read_items.len() == items.len()).then_some(read_items)
    }

    /// The table `name`.
    pub(crate) fn section(&mut self, report: &mut Report, name: &'static str) -> Option<Section<'a>> {
        let value = self.raw(name)?;
        let line = self.line_of(report, name);
        let path = self.key(name);
        let DeValue::Table(table) = value.get_ref() else {
            let remedy = format!("write a header [{}] once, and its keys below", self.header(name));
            report.fault(line, &path, &wrong_type(value.get_ref(), "a table", &remedy));
            return None;
        };
        Some(Section { table, path, line, known: Vec::new(), refused: Vec::new() })
    }

    /// The tables under the headers `[[name]]`. Each is called after `label`, or after its number if that gives nothing or occurs again.
    pub(crate) fn sections(
        &mut self,
        report: &mut Report,
        name: &'static str,
        label: impl Fn(&DeTable<'a>) -> Option<String>,
    ) -> Vec<Section<'a>> {
        let Some(value) = self.raw(name) else { return Vec::new() };
        let line = self.line_of(report, name);
        let path = self.key(name);
        let remedy = format!("write a header [[{}]], in double brackets, above each one", self.header(name));
        let DeValue::Array(items) = value.get_ref() else {
            report.fault(line, &path, &wrong_type(value.get_ref(), "a list of tables", &remedy));
            return Vec::new();
        };
        let mut used = std::collections::BTreeSet::new();
        let mut sections = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let line = report.line(item.span().start);
            let number = format!("{path}[{}]", at + 1);
            let DeValue::Table(table) = item.get_ref() else {
                report.fault(line, &number, &wrong_type(item.get_ref(), "a table", &remedy));
                continue;
            };
            let named = label(table).map(|label| format!("{path}[{label}]"));
            let path = named.filter(|named| used.insert(named.clone())).unwrap_or(number);
            sections.push(Section { table, path, line, known: Vec::new(), refused: Vec::new() });
        }
        sections
    }

    /// The section's name as a header writes it, without the labels of the lists it is in.
    fn header(&self, name: &str) -> String {
        let mut header = String::new();
        let mut depth = 0_u32;
        for c in self.key(name).chars() {
            match c {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                c if depth == 0 => header.push(c),
                _ => {}
            }
        }
        header
    }

    /// Takes note that `names` are keys here, although nothing can be said of their values.
    pub(crate) fn accept(&mut self, names: &[&'static str]) {
        self.known.extend(names);
    }

    /// Notes the key `name`, which must not be there and is not offered as a suggestion. Its value is looked at by nobody.
    pub(crate) fn refuse(
        &mut self,
        report: &mut Report,
        entry: &Entry,
        name: &'static str,
        cause: &str,
        remedy: &str,
    ) -> bool {
        let there = self.has(name);
        if there {
            self.refused.push(name);
            self.find(report, entry, name, cause, remedy);
        }
        there
    }

    /// Notes those of `names` that are there although nothing will come of them.
    pub(crate) fn without_effect(&mut self, report: &mut Report, names: &[&'static str], why: &str, remedy: &str) {
        for &name in names {
            if self.raw(name).is_some() {
                let cause = format!("{name} has no effect: {why}");
                self.find(report, &codes::NO_EFFECT, name, &cause, remedy);
            }
        }
    }

    /// Notes the keys that were never asked for.
    pub(crate) fn finish(self, report: &mut Report) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if self.known.contains(&name) || self.refused.contains(&name) {
                continue;
            }
            let known = self.known.iter().copied().filter(|_| !report.is_full());
            let remedy = match suggest::closest(name, known) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("take it out; the keys here are {}", self.known.join(", ")),
            };
            let cause = format!("{} has no key {}", self.whose(), quoted(name));
            let line = report.line(key.span().start);
            report.add(&codes::UNKNOWN_KEY, line, &self.key(&quoted_key(name)), &cause, &remedy);
        }
    }
}

/// A key as TOML writes it: in quotes unless it is a bare one.
fn quoted_key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if bare && name.len() <= 60 { name.to_owned() } else { quoted(name) }
}
