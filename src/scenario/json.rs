//! JSON with places: `serde_json` keeps none, and errors must name line and column. RFC 8259, nothing more.
//!
//! Depth and number length are limited; a key that occurs twice in one object is an error.

use super::diagnostic::{Diagnostics, quoted};
use super::file::MOST_LEVELS;
use super::tree::{Data, Entry, Node, Place};

/// Parses a JSON document.
pub fn parse(text: &str, source: u32, problems: &mut Diagnostics) -> Option<Node> {
    let mut parser = Parser { text, bytes: text.as_bytes(), at: 0, source };
    let result = parser.value(0).and_then(|node| {
        parser.blanks();
        if parser.at < text.len() {
            Err(parser.fault("expected the end of the file"))
        } else {
            Ok(node)
        }
    });
    match result {
        Ok(node) => Some(node),
        Err(fault) => {
            problems.error(Place::new(source, fault.span), format!("JSON: {}", fault.message));
            None
        }
    }
}

struct Fault {
    span: std::ops::Range<usize>,
    message: String,
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    source: u32,
}

impl Parser<'_> {
    fn fault(&self, message: impl Into<String>) -> Fault {
        let length = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        Fault { span: self.at..self.at + length, message: message.into() }
    }

    fn blanks(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, level: usize) -> Result<Node, Fault> {
        self.blanks();
        if level > MOST_LEVELS {
            return Err(self.fault(format!("nested deeper than {MOST_LEVELS} levels")));
        }
        let start = self.at;
        let data = match self.bytes.get(self.at) {
            Some(b'{') => self.object(level)?,
            Some(b'[') => self.array(level)?,
            Some(b'"') => Data::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Data::Flag(true))?,
            Some(b'f') => self.word("false", Data::Flag(false))?,
            Some(b'n') => self.word("null", Data::Null)?,
            Some(_) => return Err(self.fault("expected a value")),
            None => return Err(self.fault("expected a value, found the end of the file")),
        };
        Ok(Node { place: Place::new(self.source, start..self.at), data })
    }

    fn word(&mut self, word: &str, data: Data) -> Result<Data, Fault> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(data)
        } else {
            Err(self.fault("expected a value"))
        }
    }

    fn object(&mut self, level: usize) -> Result<Data, Fault> {
        self.at += 1;
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        self.blanks();
        if self.take(b'}') {
            return Ok(Data::Table(entries));
        }
        loop {
            self.blanks();
            let start = self.at;
            if self.bytes.get(self.at) != Some(&b'"') {
                return Err(self.fault("expected a key in double quotes"));
            }
            let key = self.string()?;
            let span = start..self.at;
            if !seen.insert(key.clone()) {
                return Err(Fault { span, message: format!("duplicate key {}", quoted(&key)) });
            }
            self.blanks();
            if !self.take(b':') {
                return Err(self.fault("expected `:` after the key"));
            }
            let value = self.value(level + 1)?;
            entries.push(Entry { key, key_place: Place::new(self.source, span), value });
            self.blanks();
            if self.take(b'}') {
                return Ok(Data::Table(entries));
            }
            if !self.take(b',') {
                return Err(self.fault("expected `,` or `}`"));
            }
        }
    }

    fn array(&mut self, level: usize) -> Result<Data, Fault> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.take(b']') {
            return Ok(Data::List(items));
        }
        loop {
            items.push(self.value(level + 1)?);
            self.blanks();
            if self.take(b']') {
                return Ok(Data::List(items));
            }
            if !self.take(b',') {
                return Err(self.fault("expected `,` or `]`"));
            }
        }
    }

    fn number(&mut self) -> Result<Data, Fault> {
        let start = self.at;
        self.take(b'-');
        let whole = self.digits();
        if whole == 0 || (whole > 1 && self.bytes[self.at - whole] == b'0') {
            return Err(self.fault("not a JSON number"));
        }
        if self.take(b'.') && self.digits() == 0 {
            return Err(self.fault("expected digits after the point"));
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            if self.digits() == 0 {
                return Err(self.fault("expected digits after the exponent"));
            }
        }
        Ok(Data::Number(self.text[start..self.at].to_string()))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at - start
    }

    /// A string token, decoded by `serde_json`, which knows surrogates and forbidden control characters.
    fn string(&mut self) -> Result<String, Fault> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                None => {
                    return Err(Fault {
                        span: start..start + 1,
                        message: "this string is not closed".into(),
                    });
                }
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let token = &self.text[start..self.at];
        serde_json::from_str(token)
            .map_err(|_| Fault { span: start..self.at, message: "not a valid JSON string".into() })
    }
}
