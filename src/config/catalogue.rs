//! Every kind of finding with its number and its explanation: what `carpctl explain CARP-C212` tells.

pub mod carpd_toml;
pub mod opnsense;

use super::finding::{Code, Entry};

/// The catalogues, each with a range of numbers of its own.
const SECTIONS: &[&[Entry]] = &[
    // C100 to C199: carpd.toml.
    carpd_toml::ENTRIES,
    // C200 to C499: OPNsense's config.xml.
    opnsense::ENTRIES,
    opnsense::pair::ENTRIES,
];

/// All entries, in the order of their numbers.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    SECTIONS.iter().copied().flatten()
}

/// The entry that `text` names: `CARP-C212`, `C212` or `c212`.
#[must_use]
pub fn find(text: &str) -> Option<&'static Entry> {
    let upper = text.trim().to_ascii_uppercase();
    let digits = upper.strip_prefix("CARP-").unwrap_or(&upper).strip_prefix('C')?;
    if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let code = Code(digits.parse().ok()?);
    all().find(|entry| entry.code == code)
}

/// Defines entries and the list of them in one go, so that none can be missing from the list.
macro_rules! entries {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $severity:ident, $title:literal, $explanation:literal;)+) => {
        $($(#[$doc])* pub const $name: $crate::config::finding::Entry = $crate::config::finding::Entry {
            code: $crate::config::finding::Code($code),
            severity: $crate::config::finding::Severity::$severity,
            title: $title,
            explanation: $explanation,
        };)+

        /// All entries of this file, in the order of their numbers.
        pub const ENTRIES: &[$crate::config::finding::Entry] = &[$($name),+];
    };
}
pub(crate) use entries;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_by_any_way_to_write_its_code() {
        for text in ["CARP-C200", "carp-c200", "C200", "c200", " c200 "] {
            assert_eq!(find(text).unwrap().code, Code(200), "{text}");
        }
        for text in ["200", "C", "C2", "C0200", "C+20", "CARP-C999", ""] {
            assert!(find(text).is_none(), "{text}");
        }
    }

    #[test]
    fn numbers_are_unique_and_ascending() {
        let codes: Vec<_> = all().map(|entry| entry.code).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
    }

    #[test]
    fn every_entry_explains_itself() {
        for entry in all() {
            assert!(entry.explanation.split_whitespace().count() >= 25, "{} is thin", entry.code);
            assert!(!entry.title.ends_with('.') && entry.title.len() <= 80, "{}: {}", entry.code, entry.title);
        }
    }
}
