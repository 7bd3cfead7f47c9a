//! devd(8)'s records: `!system=CARP subsystem=1@vtnet0 type=MASTER`, one line each.
//!
//! The text is the kernel's own (`devctl_notify()`); devd passes it on as it stands.

use std::borrow::Cow;

use crate::model::{CarpState, VhidRef};

/// The longest record devd passes on, in bytes (`DEVCTL_MAXBUF`, `sys/sys/devctl.h`).
pub const LONGEST_RECORD: usize = 8192;

/// An event that is a reason to look at the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A vhid entered a state.
    Carp(VhidRef, CarpState),
    /// Something else about CARP, or about an interface.
    Other,
}

/// The event in a record, if it is one that matters here.
///
/// A record that does not end in a newline was cut when devd threw out a slow client, so nothing in it can be relied on.
#[must_use]
pub fn parse(record: &[u8]) -> Option<Event> {
    let text = std::str::from_utf8(record.strip_suffix(b"\n")?).ok()?;
    let fields = || Fields(text.strip_prefix('!').unwrap_or_default());
    let value = |key: &str| fields().find(|(k, _)| *k == key).map(|(_, value)| value);
    event(&value("system")?, value("subsystem").as_deref(), value("type").as_deref())
}

/// The event that the kernel describes with these three words, if it is one that matters here.
///
/// About CARP every event matters, also one whose words are not understood.
#[must_use]
pub fn event(system: &str, subsystem: Option<&str>, kind: Option<&str>) -> Option<Event> {
    let carp = || Some(Event::Carp(subsystem?.parse().ok()?, kind?.parse().ok()?));
    match system {
        "CARP" => Some(carp().unwrap_or(Event::Other)),
        "IFNET" => Some(Event::Other),
        _ => None,
    }
}

/// The `key=value` pairs of a record. A value in double quotes may hold blanks, and `\"` and `\\` for themselves.
struct Fields<'a>(&'a str);

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, rest) = self.0.trim_start_matches(' ').split_once('=')?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = rest.find(' ').unwrap_or(rest.len());
                (Cow::Borrowed(&rest[..end]), &rest[end..])
            }
        };
        self.0 = rest;
        Some((key, value))
    }
}

/// The text up to the closing quote, and what follows it.
fn unquote(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Cow::Owned(value), &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            _ => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn carp(id: &str, state: CarpState) -> Option<Event> {
        Some(Event::Carp(id.parse().unwrap(), state))
    }

    #[test]
    fn the_kernels_own_text_is_understood() {
        let seen = parse(b"!system=CARP subsystem=1@epair0b type=MASTER\n");
        assert_eq!(seen, carp("1@epair0b", CarpState::Master));
        let seen = parse(b"!system=CARP subsystem=255@vlan0.10 type=INIT\n");
        assert_eq!(seen, carp("255@vlan0.10", CarpState::Init));
        assert_eq!(parse(b"!system=IFNET subsystem=em0 type=LINK_DOWN\n"), Some(Event::Other));
    }

    #[test]
    fn a_record_cut_short_is_dropped() {
        assert_eq!(parse(b"!system=CARP subsystem=1@epair0b type=MASTER"), None);
        assert_eq!(parse(b"!system=CARP subs"), None);
    }

    #[test]
    fn what_is_not_about_carp_or_interfaces_is_ignored() {
        for record in ["!system=ACPI subsystem=ACAD type=x\n", "+em0 at bus\n", "?\n", "\n", "", "!\n", "!=\n"] {
            assert_eq!(parse(record.as_bytes()), None, "{record:?}");
        }
        assert_eq!(parse(b"!system=CARP \xff\n"), None);
    }

    #[test]
    fn a_carp_record_without_a_legal_vhid_is_still_a_reason_to_look() {
        for record in ["!system=CARP\n", "!system=CARP subsystem=0@em0 type=MASTER\n", "!system=CARP type=MASTER\n"] {
            assert_eq!(parse(record.as_bytes()), Some(Event::Other), "{record:?}");
        }
    }

    #[test]
    fn quoted_values_do_not_hide_what_follows_them() {
        let record = br#"!note="a \"b\" system=IFNET \\" system="CARP" pool_name=x subsystem=3@em1 type=BACKUP"#;
        let record = [record.as_slice(), b"\n"].concat();
        assert_eq!(parse(&record), carp("3@em1", CarpState::Backup));
        assert_eq!(parse(b"!note=\"open system=CARP\n"), None);
        assert_eq!(parse(b"!note=\"open\\\n"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn no_text_makes_it_panic(text in "!?[a-z=\" \\\\é]{0,40}\n") {
            let _ = parse(text.as_bytes());
        }
    }
}
