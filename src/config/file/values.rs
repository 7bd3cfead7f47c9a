//! Single values: what a key holds, as the type it stands for, or what is wrong with it.
//!
//! Each reader is a function from the TOML value to a legal value, so that a section names its keys, ranges and defaults in one place.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use toml::de::DeValue;

use super::report::{Fault, quoted};
use super::suggest;
use crate::config::catalogue::carpd_toml as codes;
use crate::config::duration::{self, Shown};
use crate::model::InterfaceName;

/// `sun_path` holds 104 bytes with the final NUL (`sys/sys/un.h`).
const MAX_SOCKET_PATH: usize = 103;

/// `PATH_MAX` without the final NUL (`sys/sys/syslimits.h`).
const MAX_PATH: usize = 1023;

pub(crate) fn text<'a>(value: &'a DeValue<'_>) -> Result<&'a str, Fault> {
    value.as_str().ok_or_else(|| wrong_type(value, "a string", "write it in quotes"))
}

pub(crate) fn boolean(value: &DeValue<'_>) -> Result<bool, Fault> {
    value.as_bool().ok_or_else(|| wrong_type(value, "true or false", "write true or false, without quotes"))
}

pub(crate) fn integer(range: RangeInclusive<i64>) -> impl Fn(&DeValue<'_>) -> Result<i64, Fault> {
    move |value| {
        let (low, high) = (range.start(), range.end());
        let remedy = format!("write a whole number from {low} to {high}");
        let number = value.as_integer().ok_or_else(|| wrong_type(value, "a whole number", &remedy))?;
        i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .filter(|number| range.contains(number))
            .ok_or_else(|| Fault::new(&codes::OUT_OF_RANGE, format!("is {number}, outside {low} to {high}"), remedy))
    }
}

pub(crate) fn span(range: RangeInclusive<Duration>) -> impl Fn(&DeValue<'_>) -> Result<Duration, Fault> {
    move |value| {
        let (low, high) = (Shown(*range.start()), Shown(*range.end()));
        let remedy = format!("write a duration from \"{low}\" to \"{high}\"");
        let text = value.as_str().ok_or_else(|| wrong_type(value, "a duration", &remedy))?;
        let length = duration::parse(text)
            .map_err(|error| Fault::new(&codes::MALFORMED, format!("= {} {error}", quoted(text)), &remedy))?;
        if range.contains(&length) {
            Ok(length)
        } else {
            Err(Fault::new(&codes::OUT_OF_RANGE, format!("is {}, outside {low} to {high}", quoted(text)), remedy))
        }
    }
}

/// An interface as the kernel knows it.
pub(crate) fn interface(value: &DeValue<'_>) -> Result<InterfaceName, Fault> {
    parsed("the name of an interface: 1 to 15 letters, digits, '.', '_' or '-'", "\"vtnet0\"")(value)
}

/// One of a few words.
pub(crate) fn word<T: Copy>(words: &[(&'static str, T)]) -> impl Fn(&DeValue<'_>) -> Result<T, Fault> {
    move |value| {
        let all = list(words.iter().map(|(word, _)| format!("\"{word}\"")));
        let typed = value.as_str().ok_or_else(|| wrong_type(value, "one of a few words", &format!("write {all}")))?;
        words.iter().find(|(word, _)| *word == typed).map(|(_, meaning)| *meaning).ok_or_else(|| {
            let remedy = match suggest::closest(typed, words.iter().map(|(word, _)| *word)) {
                Some(meant) => format!("did you mean \"{meant}\"? Possible are {all}"),
                None => format!("write {all}"),
            };
            Fault::new(&codes::NOT_A_CHOICE, format!("is {}, none of its choices", quoted(typed)), remedy)
        })
    }
}

/// Whatever a type reads from text; `what` says what that is, and `example` shows it.
///
/// The type's own error is not used: some repeat the value, others say no more than "invalid syntax".
pub(crate) fn parsed<T: FromStr>(
    what: &'static str,
    example: &'static str,
) -> impl Fn(&DeValue<'_>) -> Result<T, Fault> {
    move |value| {
        let remedy = format!("write it as in {example}");
        let text = value.as_str().ok_or_else(|| wrong_type(value, "a string", &remedy))?;
        text.parse().map_err(|_| Fault::new(&codes::MALFORMED, format!("= {} is not {what}", quoted(text)), remedy))
    }
}

pub(crate) fn path(value: &DeValue<'_>) -> Result<PathBuf, Fault> {
    bounded_path(value, MAX_PATH)
}

pub(crate) fn socket_path(value: &DeValue<'_>) -> Result<PathBuf, Fault> {
    bounded_path(value, MAX_SOCKET_PATH)
}

fn bounded_path(value: &DeValue<'_>, longest: usize) -> Result<PathBuf, Fault> {
    absolute_path(text(value)?, longest)
}

/// Checks a path that is a part of a value.
pub(crate) fn absolute_socket_path(text: &str) -> Result<PathBuf, Fault> {
    absolute_path(text, MAX_SOCKET_PATH)
}

fn absolute_path(text: &str, longest: usize) -> Result<PathBuf, Fault> {
    if !Path::new(text).is_absolute() {
        let cause = format!("= {} is not an absolute path", quoted(text));
        return Err(Fault::new(&codes::RELATIVE_PATH, cause, "write the whole path, from the leading slash on"));
    }
    if text.contains('\0') {
        return Err(Fault::new(&codes::MALFORMED, "has a NUL character", "take it out"));
    }
    if text.len() > longest {
        let cause = format!("is a path of {} bytes, of which the system takes {longest}", text.len());
        return Err(Fault::new(&codes::OUT_OF_RANGE, cause, "use a shorter path"));
    }
    Ok(text.into())
}

/// A name that carpd only passes on: a node, a group, a user, a probe.
pub(crate) fn name(value: &DeValue<'_>) -> Result<String, Fault> {
    let text = text(value)?;
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if plain && (1..=63).contains(&text.len()) && !text.starts_with('-') {
        Ok(text.to_owned())
    } else {
        let cause = format!("= {} is not a name", quoted(text));
        Err(Fault::new(&codes::MALFORMED, cause, "write 1 to 63 letters, digits, '.', '_' or '-'"))
    }
}

/// A value is of the wrong kind. The value itself is not quoted: it may be anything, a password too.
pub(crate) fn wrong_type(value: &DeValue<'_>, wanted: &str, remedy: &str) -> Fault {
    let found = match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    Fault::new(&codes::WRONG_TYPE, format!("is {found}, but has to be {wanted}"), remedy)
}

/// `a, b or c`
pub(crate) fn list(words: impl IntoIterator<Item = String>) -> String {
    let mut words: Vec<String> = words.into_iter().collect();
    match (words.pop(), words.is_empty()) {
        (None, _) => String::new(),
        (Some(only), true) => only,
        (Some(last), false) => format!("{} or {last}", words.join(", ")),
    }
}
