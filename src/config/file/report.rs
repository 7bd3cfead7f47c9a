//! Where findings are gathered while a file is read.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::catalogue::carpd_toml as codes;
use crate::config::{Entry, Finding, Place, Severity};

/// More findings than anybody reads: the rest is counted only, so that a file full of mistakes cannot fill the memory.
const MAX_FINDINGS: usize = 500;

/// The longest cause, in characters; values of any length may be quoted in one.
const MAX_CAUSE: usize = 300;

/// One thing that is wrong with a value. Its key and place are known to whoever asked for the value.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) entry: &'static Entry,
    /// What is wrong, as the rest of a sentence that begins with the key: `is 300, ...`.
    pub(crate) cause: String,
    pub(crate) remedy: String,
}

impl Fault {
    pub(crate) fn new(entry: &'static Entry, cause: impl fmt::Display, remedy: impl Into<String>) -> Self {
        Self { entry, cause: cause.to_string(), remedy: remedy.into() }
    }
}

/// The findings about one file.
#[derive(Debug)]
pub(crate) struct Report {
    file: PathBuf,
    /// The offset behind each line end.
    line_starts: Vec<usize>,
    findings: Vec<Finding>,
    dropped: usize,
}

impl Report {
    pub(crate) fn new(file: &Path, text: &str) -> Self {
        let line_starts = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1).collect();
        Self { file: file.to_owned(), line_starts, findings: Vec::new(), dropped: 0 }
    }

    /// The line, counted from 1, that holds the byte at `offset`.
    pub(crate) fn line(&self, offset: usize) -> u32 {
        let before = self.line_starts.partition_point(|start| *start <= offset);
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }

    /// Whether further findings are only counted, and need no thought.
    pub(crate) const fn is_full(&self) -> bool {
        self.findings.len() >= MAX_FINDINGS
    }

    /// Adds a finding at `line`; 0 stands for the file as a whole.
    pub(crate) fn add(&mut self, entry: &Entry, line: u32, key: &str, cause: &str, remedy: &str) {
        if self.is_full() {
            self.dropped += 1;
            return;
        }
        self.findings.push(Finding {
            code: entry.code,
            severity: entry.severity,
            place: Place { file: self.file.clone(), line },
            key: shortened(key),
            cause: shortened(cause),
            remedy: shortened(remedy),
        });
    }

    /// Adds what is wrong with the value of `key`.
    pub(crate) fn fault(&mut self, line: u32, key: &str, fault: &Fault) {
        let name = key.rsplit_once('.').map_or(key, |(_, last)| last);
        self.add(fault.entry, line, key, &format!("{name} {}", fault.cause), &fault.remedy);
    }

    /// All findings, in the order of the file.
    pub(crate) fn finish(mut self) -> Vec<Finding> {
        let dropped = self.dropped;
        if dropped > 0 {
            self.findings.truncate(MAX_FINDINGS - 1);
            let (cause, remedy) =
                (format!("{} more findings are not shown", dropped + 1), "correct the ones above first");
            self.add(&codes::TOO_MANY, u32::MAX, "", &cause, remedy);
        }
        self.findings.sort_by_key(|finding| (finding.place.line, finding.code));
        if let Some(last) = self.findings.last_mut().filter(|_| dropped > 0) {
            last.place.line = 0;
        }
        self.findings
    }
}

/// Whether a configuration with these findings can be used.
pub(crate) fn usable(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.severity < Severity::Error)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_CAUSE) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// A value from outside as it can stand in a message: quoted, escaped, and cut if it is long.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one() {
        let report = Report::new(Path::new("f"), "a\nbc\n\nd");
        let lines: Vec<u32> = (0..8).map(|at| report.line(at)).collect();
        assert_eq!(lines, [1, 1, 2, 2, 2, 3, 4, 4]);
    }

    #[test]
    fn a_flood_of_findings_is_counted_and_not_kept() {
        let mut report = Report::new(Path::new("f"), "");
        for line in 0..10_000 {
            report.add(&codes::UNKNOWN_KEY, 10_000 - line, "k", &"é".repeat(5_000), "r");
        }
        let findings = report.finish();
        assert_eq!(findings.len(), MAX_FINDINGS);
        let last = findings.last().unwrap();
        assert_eq!((last.code, last.place.line), (codes::TOO_MANY.code, 0));
        assert!(last.cause.starts_with("9501 more"), "{}", last.cause);
        assert!(findings.iter().all(|f| f.cause.chars().count() <= MAX_CAUSE + 3));
        assert!(findings.iter().rev().skip(1).rev().is_sorted_by_key(|f| f.place.line));
    }
}
