//! Profiles: what is known of a program, written down once, so that a service has to say little more than what it follows.
//!
//! A profile is data, a `[service]` as carpd.toml has it. It fills in what the service itself does not say, before anything is
//! checked; from then on nobody can tell who said it. So a profile can do nothing that a file could not, and `carpctl config
//! show` shows all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::catalogue::carpd_toml as codes;
use super::file::report::Report;

/// The profiles by name.
const PROFILES: [(&str, &str); 6] = [
    ("defguard", include_str!("profile/defguard.toml")),
    ("frr", include_str!("profile/frr.toml")),
    ("generic", include_str!("profile/generic.toml")),
    ("nginx", include_str!("profile/nginx.toml")),
    ("postgresql", include_str!("profile/postgresql.toml")),
    ("wireguard", include_str!("profile/wireguard.toml")),
];

/// The parts of a service of which it has at most one: where it names one itself, the profile's is not for it.
const DRIVERS: [&str; 3] = ["rc", "exec", "configd"];

/// The names of all profiles, each with itself: a choice to be made by name.
pub(super) const NAMES: [(&str, ()); PROFILES.len()] = {
    let mut names = [("", ()); PROFILES.len()];
    let mut at = 0;
    while at < PROFILES.len() {
        names[at] = (PROFILES[at].0, ());
        at += 1;
    }
    names
};

/// Reads a program's own configuration: its text, or why it cannot be read; `None` where it is out of reach.
type Read<'r> = &'r dyn Fn(&Path) -> Option<Result<String, String>>;

/// Values that a profile takes from the program's own configuration, a TOML file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    file: PathBuf,
    /// By key. What is left without a value takes the table that uses it along.
    value: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Value {
    default: Option<String>,
    /// What some values stand for: an address to listen on is not always one to connect to.
    #[serde(default)]
    instead: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Sources {
    from: Option<Source>,
}

/// Fills in what the services of the file `root` leave to their profiles. Returns the files whose change would change the result.
pub(super) fn expand(root: &mut DeTable<'_>, report: &mut Report, read: Read<'_>) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let Some(DeValue::Array(services)) = root.get_mut("service").map(Spanned::get_mut) else { return files };
    for service in services.iter_mut() {
        let DeValue::Table(service) = service.get_mut() else { continue };
        let Some((name, span)) = named(service) else { continue };
        let Some((_, text)) = PROFILES.iter().find(|(known, _)| *known == name) else { continue };
        let Some((source, profile)) = parse(text) else { continue };
        let values = source.map(|source| {
            let values = source.values(&name, report.line(span.start), report, read);
            files.insert(source.file);
            values
        });
        let mut profile = filled(profile, &values.unwrap_or_default(), &span);
        if DRIVERS.iter().any(|driver| service.contains_key(*driver)) {
            for driver in DRIVERS {
                profile.remove(driver);
            }
        }
        merge(service, profile);
    }
    files
}

fn named(service: &DeTable<'_>) -> Option<(String, std::ops::Range<usize>)> {
    let name = service.get("profile")?;
    Some((name.get_ref().as_str()?.to_owned(), name.span()))
}

/// A profile's source of values, and its `[service]`. Every profile has one: a test reads them all.
fn parse(text: &'static str) -> Option<(Option<Source>, DeTable<'static>)> {
    let sources: Sources = toml::from_str(text).ok()?;
    let (table, _) = DeTable::parse_recoverable(text);
    let DeValue::Table(service) = table.into_inner().remove("service")?.into_inner() else { return None };
    Some((sources.from, service))
}

impl Source {
    /// What the program's configuration says now. Where it cannot be read, the defaults are as good as anything.
    fn values(&self, profile: &str, line: u32, report: &mut Report, read: Read<'_>) -> BTreeMap<String, String> {
        let program = read(&self.file).and_then(|text| {
            let parsed = text.and_then(|text| text.parse::<toml::Table>().map_err(|error| not_toml(&error)));
            parsed.map_err(|why| self.unread(profile, line, report, &why)).ok()
        });
        let said = |key: &str| match program.as_ref()?.get(key)? {
            toml::Value::String(text) => Some(text.clone()),
            toml::Value::Integer(number) => Some(number.to_string()),
            _ => None,
        };
        let value = |key: &str, value: &Value| {
            let said = said(key).or_else(|| value.default.clone())?;
            let meant = value.instead.get(&said).cloned().unwrap_or(said);
            // In a URL, which is what addresses are taken for, colons would end it.
            Some(if meant.parse::<Ipv6Addr>().is_ok() { format!("[{meant}]") } else { meant })
        };
        self.value.iter().filter_map(|(key, v)| Some((key.clone(), value(key, v)?))).collect()
    }

    fn unread(&self, profile: &str, line: u32, report: &mut Report, why: &str) {
        let cause = format!("the profile {profile} takes values from {}, which {why}", self.file.display());
        let remedy = "install and configure the program, or set here what differs from its defaults";
        report.add(&codes::PROFILE_FILE, line, "service.profile", &cause, remedy);
    }
}

/// Without the text that it is about, which may be a secret.
fn not_toml(error: &toml::de::Error) -> String {
    format!("is not valid TOML: {}", error.message())
}

/// The table with `{name}` replaced by the value of that name, and every position that of the profile's name in carpd.toml: what
/// is wrong with a value is wrong there.
fn filled(
    table: DeTable<'static>,
    values: &BTreeMap<String, String>,
    span: &std::ops::Range<usize>,
) -> DeTable<'static> {
    let filled = table.into_iter().filter_map(|(key, value)| {
        let value = filled_value(value.into_inner(), values, span)?;
        Some((Spanned::new(span.clone(), key.into_inner()), Spanned::new(span.clone(), value)))
    });
    filled.collect()
}

/// `None` if a value is not known that this, or an item of this list, cannot do without.
fn filled_value(
    value: DeValue<'static>,
    values: &BTreeMap<String, String>,
    span: &std::ops::Range<usize>,
) -> Option<DeValue<'static>> {
    Some(match value {
        DeValue::String(text) => DeValue::String(filled_text(&text, values)?.into()),
        DeValue::Table(table) => {
            let keys = table.len();
            let table = filled(table, values, span);
            (table.len() == keys).then_some(DeValue::Table(table))?
        }
        DeValue::Array(items) => {
            let items = items.into_iter().filter_map(|item| filled_value(item.into_inner(), values, span));
            DeValue::Array(items.map(|item| Spanned::new(span.clone(), item)).collect())
        }
        other => other,
    })
}

fn filled_text(text: &str, values: &BTreeMap<String, String>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        filled.push_str(before);
        filled.push_str(values.get(name)?);
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

/// Adds to `own` what it lacks. Tables are merged key by key, and probes by their names.
fn merge<'a>(own: &mut DeTable<'a>, profile: DeTable<'a>) {
    for (key, value) in profile {
        match (own.get_mut(&key).map(Spanned::get_mut), value.into_inner()) {
            (None, value) => drop(own.insert(key.clone(), Spanned::new(key.span(), value))),
            (Some(DeValue::Table(own)), DeValue::Table(profile)) => merge(own, profile),
            (Some(DeValue::Array(own)), DeValue::Array(probes)) if key.get_ref() == "probe" => {
                for probe in probes {
                    match own.iter_mut().find(|own| name_of(own) == name_of(&probe)).map(Spanned::get_mut) {
                        None => own.push(probe),
                        Some(DeValue::Table(own)) => merge_probe(own, probe.into_inner()),
                        Some(_) => {}
                    }
                }
            }
            (Some(_), _) => {}
        }
    }
}

/// A probe of another kind has nothing in common with the profile's but its name.
fn merge_probe<'a>(own: &mut DeTable<'a>, profile: DeValue<'a>) {
    let DeValue::Table(profile) = profile else { return };
    let kind = |table: &DeTable<'a>| table.get("kind").and_then(|kind| kind.get_ref().as_str().map(str::to_owned));
    if kind(own).is_none_or(|own| Some(own) == kind(&profile)) {
        merge(own, profile);
    }
}

fn name_of(probe: &Spanned<DeValue<'_>>) -> Option<String> {
    let DeValue::Table(probe) = probe.get_ref() else { return None };
    probe.get("name")?.get_ref().as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests;
