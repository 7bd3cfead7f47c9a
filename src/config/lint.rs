//! The linter: finds in a config.xml, or in those of both nodes, what works only until a failover.
//!
//! Every check is one function in one of the tables named `CHECKS`, beside the entry of the catalogue that it reports. To add
//! one: write the entry in `catalogue/opnsense.rs`, the function here, a line in the table, and a case in `tests/config_lint.rs`.

mod ha;
mod pair;
mod rules;
mod services;
mod vhids;
mod view;
mod vips;

use self::view::View;
use super::finding::{Entry, Finding, Place};
use super::opnsense::OpnsenseConfig;

/// A check of one file, with the entry it reports.
type Single = (Entry, fn(&View<'_>, &mut Report));

/// A check of the files of two nodes. It reports in the first; the second is what it is compared with.
type Compare = fn(&View<'_>, &View<'_>, &mut Report);

/// How often a pair is compared.
#[derive(Clone, Copy)]
enum PairCheck {
    /// Once: the two are alike or they are not.
    Once(Compare),
    /// Once from each side: each node says something of the other.
    EachWay(Compare),
}

/// A check of two files, with the entry it reports.
type Pair = (Entry, PairCheck);

const SINGLE: &[&[Single]] = &[vips::CHECKS, vhids::CHECKS, ha::CHECKS, services::CHECKS, rules::CHECKS];

const PAIR: &[&[Pair]] = &[pair::CHECKS];

/// What is wrong within one file, by line.
#[must_use]
pub fn single(config: &OpnsenseConfig) -> Vec<Finding> {
    let view = View::new(config);
    run(SINGLE, |check, report| check(&view, report))
}

/// What does not fit between this node and the other; a finding stands in the file of the node that should look first.
/// What is wrong within one of the files is left to [`single`].
#[must_use]
pub fn pair(own: &OpnsenseConfig, other: &OpnsenseConfig) -> Vec<Finding> {
    let (own, other) = View::pair(own, other);
    run(PAIR, |check, report| match check {
        PairCheck::Once(compare) => compare(&own, &other, report),
        PairCheck::EachWay(compare) => {
            compare(&own, &other, report);
            compare(&other, &own, report);
        }
    })
}

fn run<F: Copy>(tables: &[&[(Entry, F)]], call: impl Fn(F, &mut Report)) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (entry, check) in tables.iter().copied().flatten() {
        let mut report = Report { entry: *entry, findings };
        call(*check, &mut report);
        findings = report.findings;
    }
    findings.sort_by(|a, b| (&a.place, a.code).cmp(&(&b.place, b.code)));
    findings
}

/// Where one check puts what it finds.
struct Report {
    entry: Entry,
    findings: Vec<Finding>,
}

impl Report {
    /// Adds a finding in the file of `view`.
    fn add(&mut self, view: &View<'_>, line: u32, key: impl Into<String>, cause: String, remedy: impl Into<String>) {
        self.findings.push(Finding {
            code: self.entry.code,
            severity: self.entry.severity,
            place: Place { file: view.config.file.clone(), line },
            key: key.into(),
            cause,
            remedy: remedy.into(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::catalogue;

    #[test]
    fn every_entry_has_exactly_one_check() {
        let single = SINGLE.iter().copied().flatten().map(|(entry, _)| entry.code);
        let pair = PAIR.iter().copied().flatten().map(|(entry, _)| entry.code);
        let mut checked: Vec<_> = single.chain(pair).collect();
        checked.sort();
        let listed: Vec<_> = catalogue::all().map(|entry| entry.code).filter(|code| code.0 >= 200).collect();
        assert_eq!(checked, listed);
    }
}
