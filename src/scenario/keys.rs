//! What a key is: type, range, default, meaning, source. The tables of all keys are in [`super::sections`].
//!
//! One declaration serves reading (types, ranges, defaults, suggestions), `ecsim schema`, `validate --show
//! resolved` and the test that holds `scenarios/README.md` against the code, so that they cannot disagree.

use super::settings::Item;
use std::sync::OnceLock;

/// A table of the scenario and the keys that it takes.
pub struct Section {
    /// Name as documentation heads it, such as `capacity_provider`.
    pub name: &'static str,
    /// What it describes.
    pub doc: &'static str,
    /// Its keys, in the order of the documentation.
    pub keys: &'static [Key],
    /// The checked defaults, filled at first use.
    pub defaults: OnceLock<Vec<Option<Item>>>,
}

impl Section {
    /// A section.
    #[must_use]
    pub const fn new(name: &'static str, doc: &'static str, keys: &'static [Key]) -> Section {
        Section { name, doc, keys, defaults: OnceLock::new() }
    }

    /// The position of a key.
    #[must_use]
    pub fn index_of(&self, key: &str) -> Option<usize> {
        self.keys.iter().position(|k| k.name == key)
    }

    /// The key by which entries of a list of such tables are addressed by `--set`.
    #[must_use]
    pub fn naming_key(&self) -> Option<&'static str> {
        ["name", "family", "metric", "id"].into_iter().find(|key| self.index_of(key).is_some())
    }
}

/// One key of a section.
pub struct Key {
    /// Name.
    pub name: &'static str,
    /// Type and range.
    pub kind: Kind,
    /// What holds where the key is left out.
    pub default: Default,
    /// Meaning, unit included.
    pub doc: &'static str,
    /// Where the default and the rule come from: `API`, `documented`, `measured`, `assumed`, or `ecsim` for our own.
    pub source: &'static str,
}

/// What holds where a key is left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Default {
    /// The key must be there.
    Required,
    /// This value, written as TOML.
    Value(&'static str),
    /// No value, or one that depends on others: in words.
    Words(&'static str),
}

/// The unit of a distribution's numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Seconds: `"2s"`, or keys that end in `_s`.
    Seconds,
    /// Plain numbers, in the unit that the key names.
    Plain,
}

/// Type and range of a value.
pub enum Kind {
    /// Text of 1 to 4,096 characters without control characters.
    Text,
    /// A name as ECS takes it: up to 255 letters, digits, hyphens and underscores, and these; no hyphen in front. Names
    /// reach tables and file names, where anything else could mean something.
    Name(&'static str),
    /// Path of a file, relative to the scenario's folder.
    Path,
    /// `true` or `false`.
    Flag,
    /// A whole number in a range.
    Whole(u64, u64),
    /// A number in a range.
    Number(f64, f64),
    /// A duration with its unit, in microseconds from the first to the second; `<key>_s` takes a number of seconds.
    Span(u64, u64),
    /// MiB as a whole number, or text such as `"4 GiB"`.
    Memory(u64, u64),
    /// CPU units as a whole number, or text such as `"0.5 vCPU"`.
    Cpu(u64, u64),
    /// US dollars an hour, exact to nine decimals.
    Usd,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One of these words, or something else.
    WordOr(&'static [&'static str], &'static Kind),
    /// A list with at most so many items.
    List(&'static Kind, usize),
    /// Names with values that are text.
    Attributes,
    /// A number, or a distribution of numbers.
    Distribution(Unit),
    /// A table.
    Table(&'static Section),
    /// A list of tables, `[[...]]`.
    Tables(&'static Section),
    /// One table or a list of tables.
    TableOrTables(&'static Section),
}

impl Kind {
    /// The type and range in words, as documentation and errors say it.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Kind::Text => "text".into(),
            Kind::Name(extra) => {
                let and: String = extra.chars().map(|c| format!(", `{c}`")).collect();
                format!("name of letters, digits, `-`, `_`{and}")
            }
            Kind::Path => "path".into(),
            Kind::Flag => "true or false".into(),
            Kind::Whole(min, max) => {
                format!("whole number from {} to {}", grouped(*min), grouped(*max))
            }
            Kind::Number(min, max) => format!("number from {min} to {max}"),
            Kind::Span(..) => "duration such as \"90s\", \"15m\", \"1h 30m\"".into(),
            Kind::Memory(min, max) => {
                format!(
                    "MiB from {} to {}, or text such as \"4 GiB\"",
                    grouped(*min),
                    grouped(*max)
                )
            }
            Kind::Cpu(min, max) => format!(
                "CPU units from {} to {}, or text such as \"0.5 vCPU\"",
                grouped(*min),
                grouped(*max)
            ),
            Kind::Usd => "US dollars an hour".into(),
            Kind::Choice(words) => words_in_quotes(words),
            Kind::WordOr(words, other) => {
                format!("{}, or {}", words_in_quotes(words), other.describe())
            }
            Kind::List(item, most) if *most == usize::MAX => {
                format!("list of: {}", item.describe())
            }
            Kind::List(item, most) => format!("list of at most {most}: {}", item.describe()),
            Kind::Attributes => "table of names with text values".into(),
            Kind::Distribution(Unit::Seconds) => "duration, or distribution of seconds".into(),
            Kind::Distribution(Unit::Plain) => "number, or distribution".into(),
            Kind::Table(section) => format!("table `{}`", section.name),
            Kind::Tables(section) => format!("tables `[[{}]]`", section.name),
            Kind::TableOrTables(section) => {
                format!("table `[{0}]` or tables `[[{0}]]`", section.name)
            }
        }
    }

    /// The section of a table or of a list of tables, however deep.
    #[must_use]
    pub fn section(&self) -> Option<&'static Section> {
        match self {
            Kind::Table(section) | Kind::Tables(section) | Kind::TableOrTables(section) => {
                Some(section)
            }
            Kind::List(item, _) => item.section(),
            Kind::WordOr(_, other) => other.section(),
            Kind::Distribution(unit) => Some(super::distribution::section(*unit)),
            _ => None,
        }
    }

    /// Whether the key may also be written with `_s` and a number of seconds.
    #[must_use]
    pub fn has_seconds_form(&self) -> bool {
        match self {
            Kind::Span(..) | Kind::Distribution(Unit::Seconds) => true,
            Kind::List(item, _) => matches!(item, Kind::Span(..)),
            _ => false,
        }
    }
}

/// Longest name of ECS.
const LONGEST_NAME: usize = 255;

/// Whether a text is a [`Kind::Name`] with these further characters.
#[must_use]
pub fn is_name(text: &str, extra: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c) || extra.contains(c);
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    begins_well && text.len() <= LONGEST_NAME && text.chars().all(is_part)
}

/// What [`is_name`] asks for, in words.
#[must_use]
pub fn name_rule(extra: &str) -> String {
    let and: String = extra.chars().map(|c| format!(" `{c}`")).collect();
    format!("up to 255 letters, digits, `-` and `_`{and}, first a letter, digit or `_`")
}

fn words_in_quotes(words: &[&str]) -> String {
    words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" or ")
}

/// A whole number with commas: `196,608`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Every section reachable from the root, each once, with the path of keys that leads to it first.
#[must_use]
pub fn all_sections(root: &'static Section) -> Vec<(String, &'static Section)> {
    let mut found: Vec<(String, &'static Section)> = vec![(String::new(), root)];
    let mut next = 0;
    while next < found.len() {
        let (path, section) = (found[next].0.clone(), found[next].1);
        for key in section.keys {
            let Some(inner) = key.kind.section() else { continue };
            if found.iter().any(|(_, known)| std::ptr::eq(*known, inner)) {
                continue;
            }
            let inner_path =
                if path.is_empty() { key.name.to_string() } else { format!("{path}.{}", key.name) };
            found.push((inner_path, inner));
        }
        next += 1;
    }
    found
}
