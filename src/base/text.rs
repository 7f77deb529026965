//! Text of the user in messages: what is long is cut, what cannot be seen is escaped.

use std::borrow::Cow;

/// Longest piece that is shown, in characters.
const LONGEST: usize = 40;

/// The beginning of a text, escaped, without quotes.
#[must_use]
pub fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// The text with every character escaped that a terminal obeys or hides: control characters but the end of a line and
/// the tabulator, marks of direction, spaces of no width.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| {
        matches!(c, '\n' | '\t' | '"' | '\'' | '\\' | '\u{a0}') || c.escape_debug().len() == 1
    };
    if text.is_ascii() && text.bytes().all(|b| matches!(b, b'\n' | b'\t' | b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // An accent that joins the letter before is escaped by itself, and is no harm.
        if is_plain(c) || ('\u{300}'..='\u{36f}').contains(&c) {
            out.push(c);
        } else {
            out.extend(c.escape_debug());
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_escaped_and_the_rest_is_kept() {
        assert_eq!(visible("a\tb\n\"c\\"), "a\tb\n\"c\\");
        assert_eq!(visible("größe · 3 €…"), "größe · 3 €…");
        assert_eq!(visible("a\u{202e}b\u{200b}\u{1b}[0m"), "a\\u{202e}b\\u{200b}\\u{1b}[0m");
        assert_eq!(shortened(&"é".repeat(50)), format!("{}…", "é".repeat(40)));
        assert_eq!(shortened("a\u{7}"), "a\\u{7}");
    }
}
