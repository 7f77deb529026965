//! Checked settings: typed values by key, with their places and their defaults.

use super::diagnostic::Diagnostics;
use super::keys::{Default, Key, Section};
use super::tree::Place;
use crate::base::distribution::Distribution;
use crate::base::money::HourlyRate;
use crate::base::time::SimSpan;

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
    pub(super) given: Vec<(usize, Place, Option<Item>)>,
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

    /// Whether the key of a single value (no list) was written with another one than its default, rightly or wrongly.
    #[must_use]
    pub fn is_not_default(&self, key: &str) -> bool {
        let default = defaults(self.section)[self.index(key)].as_ref().map(|item| &item.value);
        self.is_given(key) && self.item(key).map(|item| &item.value) != default
    }

    /// Whether the value is a list without items. One that could not be read is none: that was told already.
    #[must_use]
    pub fn is_empty_list(&self, key: &str) -> bool {
        matches!(self.item(key), Some(Item { value: Value::List(items), .. }) if items.is_empty())
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
            super::check::Check { problems: &mut problems }.value(&node, &key.kind, key.name)
        };
        section.keys.iter().map(one).collect()
    })
}
