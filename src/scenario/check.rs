//! Value tree to checked settings: types, ranges, unknown keys and defaults, all errors of a file at once.
//!
//! Knows no meaning: what keys there are is said by [`super::sections`], how they fit together by
//! `scenario::build`. A value that is wrong is reported here once and then treated as left out.

use super::diagnostic::{Diagnostics, quoted, suggestion};
use super::distribution;
use super::keys::{Default, Key, Kind, Section};
use super::tree::{Data, Entry, Node, Place};
use super::units;
use crate::base::distribution::Distribution;
use crate::base::money::HourlyRate;
use crate::base::time::SimSpan;

/// Longest text that a key takes, in characters.
const LONGEST_TEXT: usize = 4_096;

/// A value of the right type and range.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// Text, a path, a choice.
    Text(String),
    /// A switch.
    Flag(bool),
    /// A whole number: counts, CPU units, MiB.
    Whole(u64),
    /// A finite number.
    Number(f64),
    /// A duration.
    Span(SimSpan),
    /// Dollars an hour.
    Rate(HourlyRate),
    /// A distribution.
    Distribution(Distribution),
    /// A list.
    List(Vec<Item>),
    /// Names and text, in the order of the file.
    Attributes(Vec<Attribute>),
    /// A table.
    Table(Settings),
}

/// An entry of a table with free names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attribute {
    /// Name.
    pub name: String,
    /// Where the name was written.
    pub place: Place,
    /// Value.
    pub value: String,
}

/// A checked value and where it was written.
#[derive(Clone, PartialEq, Debug)]
pub struct Item {
    /// Where.
    pub place: Place,
    /// What.
    pub value: Value,
}

/// A checked table.
#[derive(Clone)]
pub struct Settings {
    /// What keys it takes.
    pub section: &'static Section,
    /// Where it was written.
    pub place: Place,
    /// Keys that were given: index into the section, place of the key, value where it was right.
    given: Vec<(usize, Place, Option<Item>)>,
}

impl PartialEq for Settings {
    fn eq(&self, other: &Settings) -> bool {
        std::ptr::eq(self.section, other.section) && self.given == other.given
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("section", &self.section.name).finish_non_exhaustive()
    }
}

impl Settings {
    /// A table in which nothing was given.
    #[must_use]
    pub fn empty(section: &'static Section, place: Place) -> Settings {
        Settings { section, place, given: Vec::new() }
    }

    fn index(&self, key: &str) -> usize {
        self.section.index_of(key).expect("only declared keys are asked for")
    }

    /// These settings over `below`: a key that is given here counts, else the one below.
    #[must_use]
    pub fn over(&self, below: &Settings) -> Settings {
        let mut merged = self.clone();
        for given in &below.given {
            if !merged.given.iter().any(|own| own.0 == given.0) {
                merged.given.push(given.clone());
            }
        }
        merged
    }

    /// Whether the key was written, rightly or wrongly.
    #[must_use]
    pub fn is_given(&self, key: &str) -> bool {
        let index = self.index(key);
        self.given.iter().any(|(given, ..)| *given == index)
    }

    /// The value, given or default.
    #[must_use]
    pub fn item(&self, key: &str) -> Option<&Item> {
        let index = self.index(key);
        self.given
            .iter()
            .find(|(given, ..)| *given == index)
            .and_then(|(.., item)| item.as_ref())
            .or_else(|| defaults(self.section)[index].as_ref())
    }

    /// Where the key was written, or the table where it was not.
    #[must_use]
    pub fn place_of(&self, key: &str) -> Place {
        let index = self.index(key);
        self.given.iter().find(|(given, ..)| *given == index).map_or(self.place, |given| given.1)
    }

    /// Where the value was written, or the table where it was not.
    #[must_use]
    pub fn value_place(&self, key: &str) -> Place {
        match self.item(key) {
            Some(item) if item.place != Place::DEFAULT => item.place,
            _ => self.place_of(key),
        }
    }

    /// Text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match &self.item(key)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A switch; `false` where there is no value.
    #[must_use]
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.item(key), Some(Item { value: Value::Flag(true), .. }))
    }

    /// A whole number.
    #[must_use]
    pub fn whole(&self, key: &str) -> Option<u64> {
        match self.item(key)?.value {
            Value::Whole(number) => Some(number),
            _ => None,
        }
    }

    /// A whole number whose declared range fits `u32`.
    #[must_use]
    pub fn whole32(&self, key: &str) -> Option<u32> {
        self.whole(key).and_then(|number| u32::try_from(number).ok())
    }

    /// A whole number whose declared range fits `u16`.
    #[must_use]
    pub fn whole16(&self, key: &str) -> Option<u16> {
        self.whole(key).and_then(|number| u16::try_from(number).ok())
    }

    /// A number.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<f64> {
        match self.item(key)?.value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A duration.
    #[must_use]
    pub fn span(&self, key: &str) -> Option<SimSpan> {
        match self.item(key)?.value {
            Value::Span(span) => Some(span),
            _ => None,
        }
    }

    /// Dollars an hour.
    #[must_use]
    pub fn rate(&self, key: &str) -> Option<HourlyRate> {
        match self.item(key)?.value {
            Value::Rate(rate) => Some(rate),
            _ => None,
        }
    }

    /// A distribution.
    #[must_use]
    pub fn distribution(&self, key: &str) -> Option<&Distribution> {
        match &self.item(key)?.value {
            Value::Distribution(distribution) => Some(distribution),
            _ => None,
        }
    }

    /// A table.
    #[must_use]
    pub fn table(&self, key: &str) -> Option<&Settings> {
        match &self.item(key)?.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// A list; empty where there is no value.
    #[must_use]
    pub fn list(&self, key: &str) -> &[Item] {
        match self.item(key) {
            Some(Item { value: Value::List(items), .. }) => items,
            _ => &[],
        }
    }

    /// The tables of a list; empty where there is no value.
    pub fn tables(&self, key: &str) -> impl Iterator<Item = &Settings> {
        self.list(key).iter().filter_map(|item| match &item.value {
            Value::Table(table) => Some(table),
            _ => None,
        })
    }

    /// The texts of a list with their places; empty where there is no value.
    pub fn texts(&self, key: &str) -> impl Iterator<Item = (&str, Place)> {
        self.list(key).iter().filter_map(|item| match &item.value {
            Value::Text(text) => Some((text.as_str(), item.place)),
            _ => None,
        })
    }

    /// Names with text values; empty where there is no value.
    #[must_use]
    pub fn attributes(&self, key: &str) -> &[Attribute] {
        match self.item(key) {
            Some(Item { value: Value::Attributes(attributes), .. }) => attributes,
            _ => &[],
        }
    }
}

/// The checked defaults of a section, in the order of its keys.
fn defaults(section: &'static Section) -> &'static [Option<Item>] {
    section.defaults.get_or_init(|| {
        let one = |key: &Key| {
            let Default::Value(text) = key.default else { return None };
            let mut problems = Diagnostics::new();
            let mut node = super::file::parse_value(text, u32::MAX, 0, &mut problems)?;
            super::file::settle(&mut node, Place::DEFAULT);
            Check { problems: &mut problems }.value(&node, &key.kind, key.name)
        };
        section.keys.iter().map(one).collect()
    })
}

/// Checks a tree against a section.
pub fn check(root: &Node, section: &'static Section, problems: &mut Diagnostics) -> Settings {
    Check { problems }.table(root, section)
}

pub(super) struct Check<'a> {
    pub(super) problems: &'a mut Diagnostics,
}

impl Check<'_> {
    /// Checks a table; the tree must be one.
    pub(super) fn table(&mut self, node: &Node, section: &'static Section) -> Settings {
        let mut settings = Settings::empty(section, node.place);
        let Data::Table(entries) = &node.data else { return settings };
        for entry in entries {
            let Some((index, seconds)) = find_key(section, &entry.key) else {
                self.unknown_key(entry, section);
                continue;
            };
            if let Some(earlier) = settings.given.iter().find(|given| given.0 == index) {
                let first = self.problems.describe(earlier.1);
                let name = section.keys[index].name;
                self.problems.error(
                    entry.key_place,
                    format!(
                        "`{name}` is given twice, with and without `_s`; the first is at {first}"
                    ),
                );
                continue;
            }
            let key = &section.keys[index];
            let item = if seconds {
                self.seconds_form(&entry.value, key)
            } else {
                self.value(&entry.value, &key.kind, key.name)
            };
            settings.given.push((index, entry.key_place, item));
        }
        for (index, key) in section.keys.iter().enumerate() {
            if key.default == Default::Required && !settings.given.iter().any(|g| g.0 == index) {
                let message = format!("`{}` is missing", key.name);
                let help = format!("`{}` is {}: {}", key.name, key.kind.describe(), key.doc);
                self.problems.error_with_help(node.place, message, help);
            }
        }
        settings
    }

    fn unknown_key(&mut self, entry: &Entry, section: &'static Section) {
        let message = match section.name {
            "" => format!("unknown key {}", quoted(&entry.key)),
            name => format!("unknown key {} in `{name}`", quoted(&entry.key)),
        };
        let later = super::sections::NOT_SIMULATED.iter().find(|(name, _)| *name == entry.key);
        let help = match later {
            Some((_, why)) => (*why).to_string(),
            None => suggestion(&entry.key, section.keys.iter().map(|key| key.name)),
        };
        self.problems.error_with_help(entry.key_place, message, help);
    }

    /// `<key>_s = 90`: a number of seconds (or a list of such numbers).
    fn seconds_form(&mut self, node: &Node, key: &Key) -> Option<Item> {
        let label = format!("{}_s", key.name);
        let (min, max) = match &key.kind {
            Kind::Span(min, max) => (*min, *max),
            Kind::List(Kind::Span(min, max), _) => (*min, *max),
            _ => (0, crate::base::time::LATEST.0),
        };
        if let (Kind::List(..), Data::List(nodes)) = (&key.kind, &node.data) {
            let items = nodes
                .iter()
                .map(|node| self.seconds(node, &label, min, max))
                .collect::<Option<Vec<Item>>>()?;
            return Some(Item { place: node.place, value: Value::List(items) });
        }
        let item = self.seconds(node, &label, min, max)?;
        match (&key.kind, &item.value) {
            (Kind::Distribution(_), Value::Span(span)) => {
                let constant = Distribution::Constant(span.to_secs_f64());
                Some(Item { place: item.place, value: Value::Distribution(constant) })
            }
            _ => Some(item),
        }
    }

    fn seconds(&mut self, node: &Node, label: &str, min: u64, max: u64) -> Option<Item> {
        let Data::Number(text) = &node.data else {
            return self.wrong_type(node, label, "a number of seconds");
        };
        match units::seconds(text, min, max) {
            Ok(span) => Some(Item { place: node.place, value: Value::Span(span) }),
            Err(why) => self.refuse(node, format!("`{label}` {why}")),
        }
    }

    pub(super) fn refuse(&mut self, node: &Node, message: String) -> Option<Item> {
        self.problems.error(node.place, message);
        None
    }

    fn wrong_type(&mut self, node: &Node, label: &str, wanted: &str) -> Option<Item> {
        let found = node.data.kind_name();
        self.refuse(node, format!("`{label}` must be {wanted}, not {found}"))
    }

    /// Checks one value.
    pub(super) fn value(&mut self, node: &Node, kind: &Kind, label: &str) -> Option<Item> {
        let done = |value: Value| Some(Item { place: node.place, value });
        match (kind, &node.data) {
            (Kind::Text | Kind::Path, Data::Text(text)) => {
                let text = self.plain_text(node, text, label)?;
                done(Value::Text(text))
            }
            (Kind::Flag, Data::Flag(flag)) => done(Value::Flag(*flag)),
            (Kind::Whole(min, max), Data::Number(text)) => {
                let number = self.unit(node, label, units::whole(text, *min, *max))?;
                done(Value::Whole(number))
            }
            (Kind::Number(min, max), Data::Number(text)) => {
                let number = self.unit(node, label, units::number(text, *min, *max))?;
                done(Value::Number(number))
            }
            (Kind::Usd, Data::Number(text)) => {
                let rate = self.unit(node, label, units::usd(text))?;
                done(Value::Rate(rate))
            }
            (Kind::Span(min, max), Data::Text(text)) => {
                let span = self.unit(node, label, units::span(text, *min, *max))?;
                done(Value::Span(span))
            }
            (Kind::Span(..), Data::Number(text)) => {
                let help =
                    format!("write {}, or `{label}_s = {text}`", quoted(&format!("{text}s")));
                let message = format!("`{label}` needs a unit");
                self.problems.error_with_help(node.place, message, help);
                None
            }
            (Kind::Memory(min, max), Data::Number(text)) => {
                let number = self.unit(node, label, units::whole_of(text, *min, *max, " MiB"))?;
                done(Value::Whole(number))
            }
            (Kind::Memory(min, max), Data::Text(text)) => {
                let number = self.unit(node, label, units::memory(text, *min, *max))?;
                done(Value::Whole(number))
            }
            (Kind::Cpu(min, max), Data::Number(text)) => {
                let range = units::whole_of(text, *min, *max, " CPU units");
                done(Value::Whole(self.unit(node, label, range)?))
            }
            (Kind::Cpu(min, max), Data::Text(text)) => {
                let number = self.unit(node, label, units::cpu(text, *min, *max))?;
                done(Value::Whole(number))
            }
            (Kind::Choice(words), Data::Text(text)) => self.choice(node, text, words, label),
            (Kind::WordOr(words, other), Data::Text(text)) => match other {
                Kind::Span(..) if !words.contains(&text.as_str()) => self.value(node, other, label),
                _ => self.choice(node, text, words, label),
            },
            (Kind::WordOr(_, other), _) => self.value(node, other, label),
            (Kind::List(item, most), Data::List(nodes)) => {
                self.list(node, nodes, item, *most, label)
            }
            (Kind::Attributes, Data::Table(entries)) => self.attributes(node, entries, label),
            (Kind::Distribution(unit), _) => distribution::read(self, node, *unit, label),
            (Kind::Table(section) | Kind::TableOrTables(section), Data::Table(_)) => {
                done(Value::Table(self.table(node, section)))
            }
            (Kind::Tables(section) | Kind::TableOrTables(section), Data::List(nodes)) => {
                self.list(node, nodes, &Kind::Table(section), usize::MAX, label)
            }
            _ => self.wrong_type(node, label, &article(kind)),
        }
    }

    fn unit<T>(&mut self, node: &Node, label: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|why| self.problems.error(node.place, format!("`{label}` {why}"))).ok()
    }

    fn plain_text(&mut self, node: &Node, text: &str, label: &str) -> Option<String> {
        let wrong = if text.is_empty() {
            "must not be empty"
        } else if text.chars().count() > LONGEST_TEXT {
            "is longer than 4,096 characters"
        } else if text.chars().any(char::is_control) {
            "must not hold control characters"
        } else {
            return Some(text.to_string());
        };
        self.problems.error(node.place, format!("`{label}` {wrong}"));
        None
    }

    fn choice(&mut self, node: &Node, text: &str, words: &[&str], label: &str) -> Option<Item> {
        if words.contains(&text) {
            return Some(Item { place: node.place, value: Value::Text(text.to_string()) });
        }
        let message = format!("unknown `{label}` {}", quoted(text));
        self.problems.error_with_help(node.place, message, suggestion(text, words.iter().copied()));
        None
    }

    fn list(
        &mut self,
        node: &Node,
        nodes: &[Node],
        kind: &Kind,
        most: usize,
        label: &str,
    ) -> Option<Item> {
        if nodes.len() > most {
            let message = format!("`{label}` takes at most {most} items, has {}", nodes.len());
            return self.refuse(node, message);
        }
        let mut items = Vec::with_capacity(nodes.len());
        for inner in nodes {
            // One wrong item is one error; the others are still checked and used.
            items.extend(self.value(inner, kind, label));
        }
        Some(Item { place: node.place, value: Value::List(items) })
    }

    fn attributes(&mut self, node: &Node, entries: &[Entry], label: &str) -> Option<Item> {
        let mut attributes = Vec::new();
        for entry in entries {
            let Data::Text(value) = &entry.value.data else {
                let message = format!("`{label}.{}` must be text", entry.key);
                self.problems.error(entry.value.place, message);
                continue;
            };
            if value.chars().count() > 128 || entry.key.chars().count() > 128 {
                let message = "names and values of attributes have at most 128 characters";
                self.problems.error(entry.value.place, message);
                continue;
            }
            let place = entry.key_place;
            attributes.push(Attribute { name: entry.key.clone(), place, value: value.clone() });
        }
        attributes.sort_by(|a, b| a.name.cmp(&b.name));
        Some(Item { place: node.place, value: Value::Attributes(attributes) })
    }
}

/// The key called `name`, and whether it is the form with `_s`.
fn find_key(section: &Section, name: &str) -> Option<(usize, bool)> {
    if let Some(index) = section.index_of(name) {
        return Some((index, false));
    }
    let index = section.index_of(name.strip_suffix("_s")?)?;
    section.keys[index].kind.has_seconds_form().then_some((index, true))
}

fn article(kind: &Kind) -> String {
    let text = kind.describe();
    match kind {
        Kind::Flag | Kind::Choice(_) | Kind::WordOr(..) => text,
        Kind::Text | Kind::Memory(..) | Kind::Cpu(..) | Kind::Usd | Kind::Tables(_) => text,
        _ => format!("a {text}"),
    }
}
