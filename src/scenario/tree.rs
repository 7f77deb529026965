//! The value tree that every text format becomes: values with the place that they were written at.

/// Where something was written: bytes `start..end` of a source of [`super::diagnostic::Diagnostics`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// Index of the source.
    pub source: u32,
    /// First byte.
    pub start: u32,
    /// First byte after it.
    pub end: u32,
}

impl Place {
    /// The place of a default: nowhere. No error can point here, because defaults are tested.
    pub const DEFAULT: Place = Place { source: u32::MAX, start: 0, end: 0 };

    /// Bytes `start..end` of `source`; files are limited far below 4 GiB.
    #[must_use]
    pub fn new(source: u32, span: std::ops::Range<usize>) -> Place {
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Place { source, start: narrow(span.start), end: narrow(span.end) }
    }
}

/// A value and where it was written.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    /// Where.
    pub place: Place,
    /// What.
    pub data: Data,
}

/// The kinds of value that TOML and JSON have in common. Numbers stay text, so that nothing is rounded early.
#[derive(Clone, PartialEq, Debug)]
pub enum Data {
    /// Text.
    Text(String),
    /// `true` or `false`.
    Flag(bool),
    /// A number as it was written, without digit separators; decimal, or `nan` and `inf` with an optional sign.
    Number(String),
    /// A date or time of TOML, which no key takes.
    Time,
    /// `null` of JSON.
    Null,
    /// A list.
    List(Vec<Node>),
    /// A table, in the order of the file.
    Table(Vec<Entry>),
}

/// One key of a table.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key was written.
    pub key_place: Place,
    /// Its value.
    pub value: Node,
}

impl Data {
    /// What a person would call it.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self {
            Data::Text(_) => "text",
            Data::Flag(_) => "true or false",
            Data::Number(_) => "a number",
            Data::Time => "a date",
            Data::Null => "null",
            Data::List(_) => "a list",
            Data::Table(_) => "a table",
        }
    }
}

impl Node {
    /// The value of `key`, where this is a table that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.data {
            Data::Table(entries) => entries.iter().find(|e| e.key == key).map(|e| &e.value),
            _ => None,
        }
    }

    /// The text, where this is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }
}
