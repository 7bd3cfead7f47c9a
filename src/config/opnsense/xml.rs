//! A bounded walk over the XML of config.xml that hands out the few records carpd reads and skips the rest.
//!
//! A tree of the whole file would cost several times its size, and most of a large file is certificates, aliases and rules
//! that nobody here looks at. So only one record (one VIP, one rule) is in memory at a time, and it borrows from the text.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

/// Elements may be nested this deep; OPNsense itself stays below 12.
pub(super) const MAX_DEPTH: usize = 64;

/// Elements in one record; the largest real ones (a DHCP server with its pools) have some hundred.
pub(super) const MAX_ELEMENTS: usize = 65_536;

/// Words of one list that are read: more than interfaces a rule could name.
pub(super) const MAX_WORDS: usize = 4_096;

/// Why the text is not a config.xml. The file's name is added by [`super::LoadError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Bytes that are not UTF-8, the only encoding OPNsense writes.
    #[error("line {line}: not UTF-8; restore the file from /conf/backup")]
    NotUtf8 {
        /// Where.
        line: u32,
    },
    /// Not well-formed XML.
    #[error("line {line}: not well-formed XML: {message}; restore the file from /conf/backup")]
    Syntax {
        /// Where.
        line: u32,
        /// What the parser says.
        message: String,
    },
    /// The file ends inside an element: half written, or cut off.
    #[error(
        "line {line}: the file ends inside <{open}>: it is being written, or was cut off; restore it from /conf/backup"
    )]
    Truncated {
        /// Where the file ends.
        line: u32,
        /// The innermost element that is still open.
        open: String,
    },
    /// A document type declaration.
    #[error("line {line}: a document type declaration (DTD) is refused; OPNsense writes none: remove it")]
    Dtd {
        /// Where.
        line: u32,
    },
    /// An entity other than XML's own five and numbered characters.
    #[error(
        "line {line}: the entity &{name}; is refused: only &amp; &lt; &gt; &quot; &apos; and numbered characters exist here"
    )]
    Entity {
        /// Where.
        line: u32,
        /// Its name, shortened.
        name: String,
    },
    /// Nested deeper than any config.xml.
    #[error("line {line}: elements are nested deeper than {MAX_DEPTH}; this is not a config.xml")]
    TooDeep {
        /// Where.
        line: u32,
    },
    /// More of something than any firewall has.
    #[error("line {line}: more than {limit} {what}; this is not the config.xml of a working firewall")]
    TooMany {
        /// Where the limit was passed.
        line: u32,
        /// Of what.
        what: &'static str,
        /// How many are accepted.
        limit: usize,
    },
    /// Another kind of XML file.
    #[error("line {line}: the file starts with <{found}>, not with <opnsense>: this is not OPNsense's config.xml")]
    Root {
        /// Where.
        line: u32,
        /// Its root element, shortened.
        found: String,
    },
    /// No element at all.
    #[error("the file is empty: perhaps it is being written, or the disk was full; restore it from /conf/backup")]
    Empty,
}

impl ParseError {
    /// A file that is being written may look like this for a moment.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(self, Self::NotUtf8 { .. } | Self::Syntax { .. } | Self::Truncated { .. } | Self::Empty)
    }
}

/// One element with its text and children, borrowed from the file's text.
///
/// It has no `Debug` on purpose: the text may be a password.
pub(super) struct Element<'a> {
    pub(super) name: &'a str,
    pub(super) line: u32,
    text: Cow<'a, str>,
    pub(super) children: Vec<Element<'a>>,
}

impl<'a> Element<'a> {
    /// Its own text without the space around it.
    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }

    /// The first child of that name: OPNsense, too, looks at the first only.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of that name.
    pub(super) fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child of that name; an empty element and a missing one mean the same.
    pub(super) fn value(&self, name: &str) -> &str {
        self.child(name).map_or("", Self::text)
    }

    /// The child is set to something other than 0: `1`, `on`, `yes`.
    pub(super) fn truthy(&self, name: &str) -> bool {
        !matches!(self.value(name), "" | "0")
    }

    /// The child is there and not 0. Old parts of OPNsense only test presence, and write `<enable/>`.
    pub(super) fn present(&self, name: &str) -> bool {
        self.child(name).is_some_and(|child| child.text() != "0")
    }

    /// The comma or space separated words of the child.
    pub(super) fn words(&self, name: &str) -> Vec<String> {
        let separators = |c: char| c == ',' || c.is_whitespace();
        self.value(name).split(separators).filter(|word| !word.is_empty()).take(MAX_WORDS).map(shorten).collect()
    }
}

/// Which elements are records, by their path below the root; `*` stands for any name.
pub(super) struct Pattern<K> {
    pub(super) path: &'static [&'static str],
    pub(super) kind: K,
    /// Children that are left out because they are many and of no use here.
    pub(super) skip: &'static [&'static str],
}

/// Walks `text` and hands every record to `visit`, in the order of the file.
pub(super) fn walk<'a, K: Copy>(
    text: &'a str,
    patterns: &'static [Pattern<K>],
    visit: &mut dyn FnMut(K, &Element<'a>) -> Result<(), ParseError>,
) -> Result<(), ParseError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::from_str(text);
    let mut walk =
        Walk { text, patterns, path: Vec::new(), unread: 0, record: None, lines: Lines::default(), roots: 0 };
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(text.len());
        match reader.read_event() {
            Ok(Event::Start(tag)) => walk.open(at, tag.name().as_ref().len())?,
            Ok(Event::Empty(tag)) => {
                walk.open(at, tag.name().as_ref().len())?;
                walk.close(visit)?;
            }
            Ok(Event::End(_)) => walk.close(visit)?,
            Ok(Event::Text(piece)) => walk.add_text(at, piece.into_inner())?,
            Ok(Event::CData(piece)) => walk.add_text(at, piece.into_inner())?,
            Ok(Event::GeneralRef(entity)) => {
                let character = walk.resolve(at, &entity)?;
                walk.add_text(at, Cow::Owned(character.into()))?;
            }
            Ok(Event::DocType(_)) => return Err(ParseError::Dtd { line: walk.line(at) }),
            Ok(Event::Decl(_) | Event::PI(_) | Event::Comment(_)) => {}
            Ok(Event::Eof) => return walk.end(at),
            Err(error) => {
                let line = walk.line(usize::try_from(reader.error_position()).unwrap_or(at));
                return Err(ParseError::Syntax { line, message: shorten(&error.to_string()) });
            }
        }
    }
}

/// Where the walk is.
struct Walk<'a, K: 'static> {
    text: &'a str,
    patterns: &'static [Pattern<K>],
    /// The open elements, the root first.
    path: Vec<&'a str>,
    /// How many of the innermost open elements lie in a part that is not read.
    unread: usize,
    /// The record being read: its kind and its open elements, the record itself first.
    record: Option<Building<'a, K>>,
    lines: Lines,
    roots: usize,
}

struct Building<'a, K: 'static> {
    pattern: &'static Pattern<K>,
    open: Vec<Element<'a>>,
    elements: usize,
}

impl<'a, K: Copy> Walk<'a, K> {
    fn open(&mut self, at: usize, name_len: usize) -> Result<(), ParseError> {
        // The name is taken from the text, not from the event, because the event's borrow ends with the event.
        let name = self.text.get(at + 1..at + 1 + name_len).unwrap_or("");
        if self.path.len() >= MAX_DEPTH {
            return Err(ParseError::TooDeep { line: self.line(at) });
        }
        if self.path.is_empty() {
            self.roots += 1;
            if self.roots > 1 {
                let message = "a second root element".to_owned();
                return Err(ParseError::Syntax { line: self.line(at), message });
            }
            if name != "opnsense" {
                return Err(ParseError::Root { line: self.line(at), found: shorten(name) });
            }
        }
        self.path.push(name);
        if self.unread > 0 {
            self.unread += 1;
            return Ok(());
        }
        if self.record.is_some() {
            return self.open_in_record(at, name);
        }
        let below_root = &self.path[1..];
        match self.patterns.iter().find(|pattern| starts_with(pattern.path, below_root)) {
            None => self.unread = 1,
            Some(pattern) if pattern.path.len() == below_root.len() => {
                let line = self.line(at);
                self.record = Some(Building { pattern, open: vec![new_element(name, line)], elements: 1 });
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn open_in_record(&mut self, at: usize, name: &'a str) -> Result<(), ParseError> {
        let line = self.lines.count(self.text, at);
        let Some(record) = &mut self.record else { return Ok(()) };
        if record.pattern.skip.contains(&name) {
            self.unread = 1;
            return Ok(());
        }
        record.elements += 1;
        if record.elements > MAX_ELEMENTS {
            return Err(ParseError::TooMany { line, what: "elements in one entry", limit: MAX_ELEMENTS });
        }
        record.open.push(new_element(name, line));
        Ok(())
    }

    fn close(&mut self, visit: &mut dyn FnMut(K, &Element<'a>) -> Result<(), ParseError>) -> Result<(), ParseError> {
        self.path.pop();
        if self.unread > 0 {
            self.unread -= 1;
            return Ok(());
        }
        let Some(record) = &mut self.record else { return Ok(()) };
        let Some(element) = record.open.pop() else { return Ok(()) };
        if let Some(parent) = record.open.last_mut() {
            parent.children.push(element);
            return Ok(());
        }
        let kind = record.pattern.kind;
        self.record = None;
        visit(kind, &element)
    }

    fn add_text(&mut self, at: usize, piece: Cow<'a, str>) -> Result<(), ParseError> {
        if self.path.is_empty() && !piece.trim().is_empty() {
            let message = "text outside of the root element".to_owned();
            return Err(ParseError::Syntax { line: self.line(at), message });
        }
        if self.unread > 0 {
            return Ok(());
        }
        let Some(element) = self.record.as_mut().and_then(|record| record.open.last_mut()) else { return Ok(()) };
        if !element.text.is_empty() {
            element.text.to_mut().push_str(&piece);
        } else if !piece.trim().is_empty() {
            element.text = piece;
        }
        Ok(())
    }

    /// The character that a reference stands for. No other entity is ever expanded, so none can blow up.
    fn resolve(&mut self, at: usize, entity: &BytesRef<'_>) -> Result<char, ParseError> {
        let character = match entity.resolve_char_ref() {
            Ok(Some(character)) => Some(character),
            Ok(None) => match &**entity {
                "amp" => Some('&'),
                "lt" => Some('<'),
                "gt" => Some('>'),
                "quot" => Some('"'),
                "apos" => Some('\''),
                _ => None,
            },
            Err(_) => None,
        };
        character.ok_or_else(|| ParseError::Entity { line: self.line(at), name: shorten(entity) })
    }

    fn end(&mut self, at: usize) -> Result<(), ParseError> {
        match self.path.last() {
            Some(open) => Err(ParseError::Truncated { open: shorten(open), line: self.line(at) }),
            None if self.roots == 0 => Err(ParseError::Empty),
            None => Ok(()),
        }
    }

    fn line(&mut self, at: usize) -> u32 {
        self.lines.count(self.text, at)
    }
}

fn new_element(name: &str, line: u32) -> Element<'_> {
    Element { name, line, text: Cow::Borrowed(""), children: Vec::new() }
}

/// `path` is the pattern itself or lies on the way to it.
fn starts_with(pattern: &[&str], path: &[&str]) -> bool {
    path.len() <= pattern.len() && path.iter().zip(pattern).all(|(name, want)| *want == "*" || want == name)
}

/// At most 80 characters of `text`, so that no message grows with a hostile file.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Counts lines on the way, so that the text is scanned once.
#[derive(Default)]
struct Lines {
    at: usize,
    before: u32,
}

impl Lines {
    /// The line of the byte `at`, counted from 1. An `at` before the last one asked for counts as that one.
    fn count(&mut self, text: &str, at: usize) -> u32 {
        let at = at.min(text.len());
        if let Some(new) = text.as_bytes().get(self.at..at) {
            let breaks = new.iter().filter(|byte| **byte == b'\n').count();
            self.before = self.before.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
            self.at = at;
        }
        self.before.saturating_add(1)
    }
}

/// The text of the file, if it is UTF-8.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, ParseError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or(bytes);
        let breaks = valid.iter().filter(|byte| **byte == b'\n').count();
        ParseError::NotUtf8 { line: u32::try_from(breaks).unwrap_or(u32::MAX).saturating_add(1) }
    })
}
