//! The regular expressions of `=~` and `!~`: checked when they are parsed, anchored at both ends.

use regex::{Regex, RegexBuilder};

/// Most bytes that a compiled pattern may take. Ours; it keeps `(a{1000}){1000}` from eating the memory.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// A pattern that must match a whole value. Equal where the texts are equal.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) text: String,
    regex: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// What Java has and this dialect lacks, by how it is spelt.
const FOREIGN: [(&str, &str); 5] = [
    ("(?=", "look-ahead"),
    ("(?!", "look-ahead"),
    ("(?<=", "look-behind"),
    ("(?<!", "look-behind"),
    ("(?>", "an atomic group"),
];

impl Pattern {
    /// Compiles `text`; the error holds the offset in `text` and a sentence.
    pub(super) fn new(text: &str) -> Result<Pattern, (usize, String)> {
        if let Some((at, what)) = foreign(text) {
            return Err((at, format!("{what} is not supported in patterns")));
        }
        // First alone: wrapped, an unbalanced `)` would be accepted.
        let compiled =
            RegexBuilder::new(text).size_limit(MAX_COMPILED_BYTES).build().and_then(|_| {
                RegexBuilder::new(&format!(r"\A(?:{text})\z"))
                    .size_limit(MAX_COMPILED_BYTES)
                    .build()
            });
        match compiled {
            Ok(regex) => Ok(Pattern { text: text.into(), regex }),
            Err(error) => {
                let message = error.to_string();
                let last = message.lines().last().unwrap_or_default();
                let why = last.strip_prefix("error: ").unwrap_or(last);
                Err((0, format!("this is not a pattern: {why}")))
            }
        }
    }

    /// Whether the whole of `value` matches.
    pub(super) fn matches(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }
}

/// The first construct of Java's dialect that is not supported, with its offset.
fn foreign(text: &str) -> Option<(usize, &'static str)> {
    let (mut in_class, mut at) = (false, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => {
                match bytes.get(at + 1) {
                    Some(b'1'..=b'9' | b'k') if !in_class => return Some((at, "a back-reference")),
                    _ => at += 1,
                };
            }
            b'[' => in_class = true,
            b']' => in_class = false,
            b'*' | b'+' | b'?' if !in_class && at > 0 && bytes.get(at + 1) == Some(&b'+') => {
                return Some((at, "a possessive quantifier"));
            }
            b'(' if !in_class => {
                let found =
                    FOREIGN.iter().find(|(sign, _)| bytes[at..].starts_with(sign.as_bytes()));
                if let Some((_, what)) = found {
                    return Some((at, what));
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}
