//! Text for a terminal: what it occupies there, how it is cut and wrapped, and what must not reach it.
//!
//! Reasons of maintenance, output of probes and names come from outside. A control character among them could move the
//! cursor or rewrite lines above, so every text passes through [`clean`] on its way out.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns that `text` occupies.
#[must_use]
pub fn width(text: &str) -> usize {
    if is_plain(text) { text.len() } else { text.width() }
}

/// Nothing but visible ASCII and blanks, as nearly every text is: one column a byte, and nothing to clean.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// `text` without what a terminal would act upon: control characters, marks of direction and invisible joiners.
///
/// Joiners and variation selectors go because the width of what they join differs from terminal to terminal.
#[must_use]
pub fn clean(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    text.chars()
        .filter_map(|c| match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
            '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e0fff}' => None,
            c if c.is_control() => Some('\u{fffd}'),
            c => Some(c),
        })
        .collect()
}

/// `text` in at most `columns` columns; what is left out is marked with `…`.
#[must_use]
pub fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut fitted = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used + 1 > columns {
            break;
        }
        fitted.push(c);
    }
    if columns > 0 {
        fitted.push('…');
    }
    fitted
}

/// Holds two words together on one line; it is shown as a blank.
pub const GLUE: char = '\u{a0}';

/// `text` with every number held to the unit behind it, as in `60.4 s`: apart, neither says anything.
#[must_use]
pub fn hold_units(text: &str) -> String {
    let mut held = String::with_capacity(text.len());
    for (at, word) in text.split(' ').enumerate() {
        let unit = matches!(word.trim_end_matches([',', ';', ':', '.', ')']), "s" | "ms" | "min" | "h" | "d");
        let number = held.ends_with(|c: char| c.is_ascii_digit());
        match at {
            0 => {}
            _ if unit && number => held.push(GLUE),
            _ => held.push(' '),
        }
        held.push_str(word);
    }
    held
}

/// `text` in lines of at most `columns` columns, broken between words; a word that is longer than a line is broken anywhere.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let wide = width(word);
        let gap = usize::from(used > 0);
        if used + gap + wide <= columns {
            push(&mut lines, if gap == 1 { " " } else { "" });
            push(&mut lines, word);
            used += gap + wide;
            continue;
        }
        if used > 0 {
            lines.push(String::new());
        }
        used = 0;
        for c in word.chars() {
            let wide = c.width().unwrap_or(0);
            if used + wide > columns {
                lines.push(String::new());
                used = 0;
            }
            push(&mut lines, c.encode_utf8(&mut [0; 4]));
            used += wide;
        }
    }
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(last) = lines.last_mut() {
        last.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_that_moves_the_cursor_gets_through() {
        assert_eq!(clean("a\u{1b}[2Jb\rc\u{202e}d\u{9b}1m"), "a\u{fffd}[2Jb cd\u{fffd}1m");
    }

    #[test]
    fn a_cut_is_marked_and_wide_characters_count_twice() {
        assert_eq!(fit("database", 8), "database");
        assert_eq!(fit("database", 5), "data…");
        assert_eq!(fit("更新中です", 6), "更新…");
    }

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(wrap("plug in em3, or look at its port", 14), ["plug in em3,", "or look at its", "port"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("240 a + 3\u{a0}b", 10), ["240 a +", "3\u{a0}b"]);
    }

    #[test]
    fn a_number_stays_with_its_unit() {
        assert_eq!(wrap(&hold_units("took 60.4 s, 2 days"), 10), ["took", "60.4\u{a0}s, 2", "days"]);
    }

    proptest! {
        #[test]
        fn no_text_is_wider_than_it_may_be(text: String, columns in 2..50_usize) {
            let text = clean(&text);
            prop_assert!(width(&fit(&text, columns)) <= columns);
            for line in wrap(&text, columns) {
                prop_assert!(width(&line) <= columns, "{line:?}");
            }
        }
    }
}
