//! Value tree to checked settings: types, ranges, unknown keys and defaults, all errors of a file at once.
//!
//! Knows no meaning: what keys there are is said by [`super::sections`], how they fit together by
//! `scenario::build`. A value that is wrong is reported here once and then treated as left out.

use super::diagnostic::{Diagnostics, quoted, suggestion};
use super::distribution;
use super::keys::{self, Default, Key, Kind, Section};
use super::settings::{Attribute, Item, Settings, Value};
use super::tree::{Data, Entry, Node};
use super::units;
use crate::base::distribution::Distribution;
use crate::base::text::shortened;

/// Longest text that a key takes, in characters.
const LONGEST_TEXT: usize = 4_096;

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
                let help = format!("`{}`: {}. {}", key.name, key.kind.describe(), key.doc);
                self.problems.error_with_help(node.place, message, help);
            }
        }
        settings
    }

    fn unknown_key(&mut self, entry: &Entry, section: &'static Section) {
        // Nobody will read it, and looking for the nearest name takes its time.
        if self.problems.is_full() {
            self.problems.error(entry.key_place, "unknown key");
            return;
        }
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
            (Kind::Name(extra), Data::Text(text)) => {
                let text = self.plain_text(node, text, label)?;
                if !keys::is_name(&text, extra) {
                    let message =
                        format!("`{label}` {} is not a name that ECS takes", quoted(&text));
                    self.problems.error_with_help(node.place, message, keys::name_rule(extra));
                    return None;
                }
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
                let text = shortened(text);
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
            (Kind::List(Kind::Text | Kind::Choice(_) | Kind::Name(_), _), Data::Text(text)) => {
                let message = format!("`{label}` must be a list, not text");
                let help = format!("write [{}]", quoted(text));
                self.problems.error_with_help(node.place, message, help);
                None
            }
            (Kind::List(Kind::Table(_), _) | Kind::Tables(_), Data::Table(_)) => {
                let message = format!("`{label}` must be a list of tables, not a table");
                self.problems.error_with_help(node.place, message, "write [{ … }]");
                None
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
        if items.is_empty() && !nodes.is_empty() {
            return None; // nobody is to hear that it is empty, too
        }
        Some(Item { place: node.place, value: Value::List(items) })
    }

    fn attributes(&mut self, node: &Node, entries: &[Entry], label: &str) -> Option<Item> {
        let mut attributes = Vec::new();
        for entry in entries {
            let Data::Text(value) = &entry.value.data else {
                let message = format!("{} of `{label}` must be text", quoted(&entry.key));
                self.problems.error(entry.value.place, message);
                continue;
            };
            if label == "tags" {
                if let Err((message, help)) = check_tag(&entry.key, value) {
                    self.problems.error_with_help(entry.value.place, message, help);
                    continue;
                }
                let place = entry.key_place;
                attributes.push(Attribute { name: entry.key.clone(), place, value: value.clone() });
                continue;
            }
            if value.chars().count() > 128 || entry.key.chars().count() > 128 {
                let message = "names and values of attributes have at most 128 characters";
                self.problems.error(entry.value.place, message);
                continue;
            }
            if !is_attribute(&entry.key, "-_./\\") || !is_attribute(value, "-_.@/\\: ") {
                let message = format!(
                    "{} = {} in `{label}` is no attribute that ECS takes",
                    quoted(&entry.key),
                    quoted(value)
                );
                let help =
                    "names have letters, digits and - _ . / \\; values also @ : and blanks inside";
                self.problems.error_with_help(entry.value.place, message, help);
                continue;
            }
            let place = entry.key_place;
            attributes.push(Attribute { name: entry.key.clone(), place, value: value.clone() });
        }
        attributes.sort_by(|a, b| a.name.cmp(&b.name));
        Some(Item { place: node.place, value: Value::Attributes(attributes) })
    }
}

/// Whether AWS takes a tag: names of at most 128 characters and values of at most 256, of letters and digits of any script,
/// blanks and `+ - = . _ : / @`; names that begin with `aws:` are AWS's own (documented, ECS developer guide). An empty value
/// is refused, since `cost_by_tag.csv` could not tell it from no tag.
fn check_tag(name: &str, value: &str) -> Result<(), (String, &'static str)> {
    let fits = |c: char| c.is_alphanumeric() || "+-=._:/@ ".contains(c);
    let is_good = |text: &str, most: usize| {
        (1..=most).contains(&text.chars().count()) && text.chars().all(fits) && text.trim() == text
    };
    let is_of_aws = name.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("aws:"));
    if is_good(name, 128) && is_good(value, 256) && !is_of_aws {
        return Ok(());
    }
    let message =
        format!("{} = {} in `tags` is no tag that AWS takes", quoted(name), quoted(value));
    let help = "names of 1 to 128 characters, values of 1 to 256: letters, digits, blanks inside and + - = . _ : / @; no \
                name begins with \"aws:\"";
    Err((message, help))
}

/// Whether the name or the value of an attribute is one that PutAttributes takes.
fn is_attribute(text: &str, marks: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || marks.contains(c);
    !text.is_empty() && text.chars().all(fits) && text.trim() == text
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
