//! A value as the file has it: not there, legal, or wrong in a way that a finding has to show.

use std::net::IpAddr;
use std::str::FromStr;

use super::xml::{Element, shorten};

/// A value of the file that may be missing or wrong. The reader keeps wrong ones, because refusing the file for one bad
/// number would hide all other findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// No such element, or an empty one.
    #[default]
    Unset,
    /// A legal value.
    Valid {
        /// The value.
        value: T,
        /// Its line.
        line: u32,
    },
    /// A text that is no legal value.
    Wrong {
        /// The text, shortened.
        text: String,
        /// Its line.
        line: u32,
    },
}

impl<T> Field<T> {
    /// The value, if there is a legal one.
    #[must_use]
    pub const fn get(&self) -> Option<&T> {
        match self {
            Self::Valid { value, .. } => Some(value),
            Self::Unset | Self::Wrong { .. } => None,
        }
    }

    /// The element is missing or empty.
    #[must_use]
    pub const fn is_unset(&self) -> bool {
        matches!(self, Self::Unset)
    }

    /// Its line, or `other` if it is not there.
    #[must_use]
    pub const fn line_or(&self, other: u32) -> u32 {
        match self {
            Self::Valid { line, .. } | Self::Wrong { line, .. } => *line,
            Self::Unset => other,
        }
    }

    /// Reads the child `name` of `parent` with `parse`.
    pub(super) fn read(parent: &Element<'_>, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Self {
        parent.child(name).map_or(Self::Unset, |child| Self::of(child, parse))
    }

    /// Reads the text of `element` itself with `parse`.
    pub(super) fn of(element: &Element<'_>, parse: impl FnOnce(&str) -> Option<T>) -> Self {
        let (text, line) = (element.text(), element.line);
        if text.is_empty() {
            return Self::Unset;
        }
        match parse(text) {
            Some(value) => Self::Valid { value, line },
            None => Self::Wrong { text: shorten(text), line },
        }
    }
}

/// An address without a mask; a scope (`%em0`) is left out, because the interface is named elsewhere.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    text.split('%').next().and_then(|plain| plain.parse().ok())
}

/// A plain decimal number.
pub(super) fn number<T: FromStr>(text: &str) -> Option<T> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}
