//! Assignments as sh(1) reads them, and nothing else of it: what would have to be evaluated is set aside, never executed.

use zeroize::Zeroizing;

/// Something in a file of assignments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    /// `NAME=value`, whatever the quotes.
    Assignment {
        name: String,
        /// It may hold a password.
        value: Zeroizing<String>,
        line: u32,
    },
    /// Anything else. What it says is not kept.
    Other {
        /// The variable, if it is an assignment all the same.
        name: Option<String>,
        line: u32,
        why: &'static str,
        /// The word `vhid` occurs in it.
        about_vhids: bool,
    },
}

/// Reads a whole file.
pub(super) fn read(text: &str) -> Vec<Statement> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let mut statements = Vec::new();
    while reader.skip_to_statement() {
        reader.statement(&mut statements);
    }
    statements
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// How many `if`, loops and functions are open: what is in them need not happen.
    depth: u32,
}

/// Why a value is not known without running a shell.
const EVALUATED: &str = "the shell would have to evaluate it";

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn line(&self) -> u32 {
        let before = self.text.as_bytes().get(..self.at).unwrap_or_default();
        u32::try_from(before.iter().filter(|b| **b == b'\n').count() + 1).unwrap_or(u32::MAX)
    }

    /// Passes over blanks, empty lines and comments. False at the end of the file.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            match self.peek() {
                None => return false,
                Some('#') => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                Some(' ' | '\t' | '\r' | '\n' | ';') => self.at += 1,
                Some('\\') if self.rest().starts_with("\\\n") => self.at += 2,
                Some(_) => return true,
            }
        }
    }

    /// One line, with those that continue it.
    fn statement(&mut self, statements: &mut Vec<Statement>) {
        let (start, line) = (self.at, self.line());
        let begun = statements.len();
        let why = loop {
            let name = self.name();
            let at = self.line();
            let Some(name) = name else { break "it is not an assignment" };
            match self.value() {
                Ok(value) => statements.push(Statement::Assignment { name, value, line: at }),
                Err(why) => {
                    self.at = start;
                    self.finish_line();
                    let about_vhids = self.since(start).contains("vhid");
                    statements.push(Statement::Other { name: Some(name), line: at, why, about_vhids });
                    return;
                }
            }
            self.skip_blanks();
            if matches!(self.peek(), None | Some('\n' | ';' | '#')) {
                if self.depth == 0 {
                    return;
                }
                break "it depends on a condition";
            }
        };
        // What stands before a command is set for that command alone.
        statements.truncate(begun);
        self.at = start;
        self.finish_line();
        let text = self.since(start);
        self.count_blocks(text);
        let name = text.split_once('=').map(|(name, _)| name).filter(|name| is_name(name)).map(str::to_owned);
        statements.push(Statement::Other { name, line, why, about_vhids: text.contains("vhid") });
    }

    fn since(&self, start: usize) -> &'t str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\r')) || self.rest().starts_with("\\\n") {
            self.at += if self.peek() == Some('\\') { 2 } else { 1 };
        }
    }

    /// `NAME=`, if that is what comes next.
    fn name(&mut self) -> Option<String> {
        let (name, _) = self.rest().split_once('=').filter(|(name, _)| is_name(name))?;
        self.at += name.len() + 1;
        Some(name.to_owned())
    }

    /// A word with its quotes taken away.
    fn value(&mut self) -> Result<Zeroizing<String>, &'static str> {
        // The capacity is never exceeded: a growing string would leave copies behind that are not wiped.
        let mut value = Zeroizing::new(String::with_capacity(self.rest().len()));
        let mut quoted = false;
        loop {
            match self.peek() {
                None if quoted => return Err("a quote is not closed"),
                None => return Ok(value),
                Some('$' | '`') => return Err(EVALUATED),
                Some('"') => quoted = !quoted,
                Some('\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some('\n') => {}
                        Some(c) if !quoted || matches!(c, '$' | '`' | '"' | '\\') => value.push(c),
                        Some(c) => value.extend(['\\', c]),
                        None => return Ok(value),
                    }
                }
                Some(c) if quoted => value.push(c),
                Some('\'') => {
                    let inside = self.rest().get(1..).and_then(|rest| rest.split_once('\''));
                    let Some((inside, _)) = inside else { return Err("a quote is not closed") };
                    value.push_str(inside);
                    self.at += inside.len() + 1;
                }
                Some(' ' | '\t' | '\r' | '\n' | ';') => return Ok(value),
                Some('&' | '|' | '<' | '>' | '(' | ')') => return Err(EVALUATED),
                Some(c) => value.push(c),
            }
            self.next();
        }
    }

    /// Passes over the rest of the line, and over those that an open quote or a backslash adds to it.
    fn finish_line(&mut self) {
        let (mut quote, mut before) = (None, ' ');
        while let Some(c) = self.next() {
            match (quote, c) {
                (Some('\''), '\'') | (Some('"'), '"') => quote = None,
                (Some('\''), _) => {}
                (_, '\\') => _ = self.next(),
                (None, '\'' | '"') => quote = Some(c),
                (None, '\n') => return,
                (None, '#') if matches!(before, ' ' | '\t' | ';') => {
                    self.at += self.rest().find('\n').map_or(self.rest().len(), |end| end + 1);
                    return;
                }
                _ => {}
            }
            before = c;
        }
    }

    fn count_blocks(&mut self, text: &str) {
        for word in text.split([' ', '\t', '\r', '\n', ';']) {
            match word {
                word if word.starts_with('#') => return,
                "if" | "for" | "while" | "until" | "case" | "{" => self.depth += 1,
                "fi" | "done" | "esac" | "}" => self.depth = self.depth.saturating_sub(1),
                word if word.ends_with("(){") => self.depth += 1,
                _ => {}
            }
        }
    }
}

fn is_name(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assigned(text: &str) -> Vec<(String, String, u32)> {
        read(text)
            .into_iter()
            .map(|statement| match statement {
                Statement::Assignment { name, value, line } => (name, value.to_string(), line),
                Statement::Other { .. } => panic!("{statement:?}"),
            })
            .collect()
    }

    fn others(text: &str) -> Vec<(Option<String>, u32, &'static str)> {
        let other = |statement| match statement {
            Statement::Other { name, line, why, .. } => Some((name, line, why)),
            Statement::Assignment { .. } => None,
        };
        read(text).into_iter().filter_map(other).collect()
    }

    #[test]
    fn an_assignment_is_read_as_the_shell_reads_it() {
        for (text, value) in [
            ("a=b", "b"),
            ("a=\"b c\" # comment", "b c"),
            ("a='b \"c\" $d'", "b \"c\" $d"),
            ("a=\"b\\\"c\\\\d\\e\"", "b\"c\\d\\e"),
            ("a=\"b \\\n  c\"", "b   c"),
            ("a=b\\ c'd'\"e\"", "b cde"),
            ("a=b#c", "b#c"),
            ("a=", ""),
            ("  a=\"\";", ""),
            ("a=\"two\nlines\"", "two\nlines"),
            ("a=b\r\n", "b"),
        ] {
            assert_eq!(assigned(text), [("a".to_owned(), value.to_owned(), 1)], "{text:?}");
        }
    }

    #[test]
    fn lines_are_counted_over_continuations_and_comments() {
        let text = "# one\na=\"1 \\\n 2\"\n\n; b=3 c=4\n";
        let lines: Vec<(String, u32)> = assigned(text).into_iter().map(|(name, _, line)| (name, line)).collect();
        assert_eq!(lines, [("a".to_owned(), 2), ("b".to_owned(), 5), ("c".to_owned(), 5)]);
    }

    #[test]
    fn what_would_have_to_be_evaluated_is_set_aside_with_its_variable() {
        for text in ["a=$b", "a=\"x $(y)\"", "a=`y`", "a=\"`y\nz`\"", "a=b&"] {
            assert_eq!(others(text), [(Some("a".to_owned()), 1, EVALUATED)], "{text:?}");
        }
        let text = "a=\"$(\necho b\n)\"\nc=d\n";
        assert_eq!((read(text).len(), others(text).len()), (2, 1), "reading goes on behind it");
        assert_eq!(others("a=\"b"), [(Some("a".to_owned()), 1, "a quote is not closed")]);
    }

    #[test]
    fn commands_and_what_they_guard_are_set_aside() {
        for text in [". /etc/x", "export a", ": ${a:=b}", "a=b command", "f() {"] {
            assert_eq!(others(text).len(), 1, "{text:?}");
            assert_eq!(read(text).len(), 1, "{text:?}");
        }
        let text = "if [ -f /x ]; then # don't if\n  a=b\nfi\nc=d\n";
        assert_eq!(others(text)[1], (Some("a".to_owned()), 2, "it depends on a condition"));
        assert!(matches!(read(text).last(), Some(Statement::Assignment { name, .. }) if name == "c"));
        let text = "if true; then a=b; fi\nc=d\n";
        assert_eq!((others(text).len(), read(text).len()), (1, 2));
    }

    #[test]
    fn a_line_about_vhids_is_known_as_such() {
        let about = |text: &str| matches!(read(text)[..], [Statement::Other { about_vhids: true, .. }]);
        assert!(about("ifconfig em0 vhid 1 192.0.2.1/24") && about("a=\"vhid $b\"") && !about(". /etc/x"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "(?s)[a-z=\"'\\\\\n #;${}()]{0,60}|.{0,40}") {
            let lines = u32::try_from(text.lines().count().max(1)).unwrap();
            for statement in read(&text) {
                let (Statement::Assignment { line, .. } | Statement::Other { line, .. }) = statement;
                prop_assert!((1..=lines).contains(&line));
            }
        }
    }
}
