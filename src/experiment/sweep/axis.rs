//! An axis: a key with a list or a range of values, or named variants that set several keys at once.

use crate::experiment::statistics::{BILLION, Exact};
use crate::scenario::diagnostic::{Diagnostics, quoted, suggestion};
use crate::scenario::set::Setting;
use crate::scenario::template::to_toml;
use crate::scenario::tree::{Data, Entry, Node, Place};

/// Most points of an axis.
const MOST_POINTS: usize = 10_000;
/// Longest label, in characters.
const LONGEST_LABEL: usize = 200;

/// A point of an axis.
#[derive(Clone, PartialEq, Debug)]
pub struct Point {
    /// What tables call it: the value, or the name of a variant.
    pub label: String,
    /// What it sets.
    pub settings: Vec<Setting>,
}

/// An axis of a grid.
#[derive(Clone, PartialEq, Debug)]
pub struct Axis {
    /// Its name, a column of the table.
    pub name: String,
    /// Where it was declared.
    pub place: Place,
    /// The name that it shares with axes that are walked together, and where it was written.
    pub zip: Option<(String, Place)>,
    /// Its points, in order.
    pub points: Vec<Point>,
}

const KEYS: [&str; 6] = ["name", "key", "values", "range", "variants", "zip"];
const RANGE_KEYS: [&str; 4] = ["from", "to", "step", "factor"];

/// What is wrong with a table's keys.
pub(super) fn refuse_unknown(entries: &[Entry], known: &[&str], problems: &mut Diagnostics) {
    for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
        let help = suggestion(&entry.key, known.iter().copied());
        let message = format!("unknown key {}", quoted(&entry.key));
        problems.error_with_help(entry.key_place, message, help);
    }
}

/// The text of a key that must be text and not empty.
pub(super) fn text_of<'a>(
    table: &'a Node,
    key: &str,
    problems: &mut Diagnostics,
) -> Option<(&'a str, Place)> {
    let node = table.get(key)?;
    match node.as_text() {
        Some("") => problems.error(node.place, format!("`{key}` is empty")),
        Some(text) => return Some((text, node.place)),
        None => {
            let found = node.data.kind_name();
            problems.error(node.place, format!("`{key}` is {found}, expected text"));
        }
    }
    None
}

/// Whether a name can be a column: letters, digits, `_`, `-` and `.`.
pub(super) fn is_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.len() <= 100
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(is_plain)
}

/// Reads one `[[axis]]`; nothing where something is wrong with it.
pub(super) fn read(node: &Node, problems: &mut Diagnostics) -> Option<Axis> {
    let before = problems.len();
    let Data::Table(entries) = &node.data else {
        let found = node.data.kind_name();
        problems.error(node.place, format!("an axis is a table, and this is {found}"));
        return None;
    };
    refuse_unknown(entries, &KEYS, problems);
    let key = text_of(node, "key", problems);
    let place = entries.first().map_or(node.place, |entry| entry.key_place);
    let points = points(node, key, place, problems);
    let name = match text_of(node, "name", problems) {
        Some((name, at)) if !is_name(name) => {
            let help = "letters, digits, `_`, `-` and `.`, a letter or digit first, at most 100";
            problems.error_with_help(at, format!("{} cannot be a name", quoted(name)), help);
            None
        }
        Some((name, _)) => Some(name.to_string()),
        None => key.map(|(key, _)| short_name(key)),
    };
    if name.is_none() && problems.len() == before {
        problems.error_with_help(
            place,
            "an axis of variants needs a `name`",
            "such as name = \"strategy\"",
        );
    }
    let zip = text_of(node, "zip", problems).map(|(name, at)| (name.to_string(), at));
    let (name, points) = (name?, points?);
    refuse_twins(&points, problems);
    (problems.len() == before).then_some(Axis { name, place, zip, points })
}

/// The last part of a path, as far as it can be a column.
fn short_name(key: &str) -> String {
    let end = key.rsplit('.').next().unwrap_or(key).trim_matches('"');
    if is_name(end) { end.to_string() } else { "axis".into() }
}

fn refuse_twins(points: &[Point], problems: &mut Diagnostics) {
    for (index, point) in points.iter().enumerate() {
        if points[..index].iter().any(|other| other.label == point.label) {
            let at = point.settings.first().map(|setting| setting.value.place);
            if let Some(at) = at {
                let label = quoted(&point.label);
                problems.error(at, format!("{label} is on this axis twice: it would be run twice"));
            }
        }
    }
}

/// The points, from whichever of `values`, `range` and `variants` is there.
fn points(
    node: &Node,
    key: Option<(&str, Place)>,
    place: Place,
    problems: &mut Diagnostics,
) -> Option<Vec<Point>> {
    let given: Vec<&str> =
        ["values", "range", "variants"].into_iter().filter(|key| node.get(key).is_some()).collect();
    let [kind] = given[..] else {
        let help =
            "`values = [1, 2]`, `range = { from = 1, to = 4, step = 1 }` or `[axis.variants.NAME]`";
        let message = match given.len() {
            0 => "an axis without points".to_string(),
            _ => format!("`{}` and `{}` on one axis", given[0], given[1]),
        };
        problems.error_with_help(place, message, help);
        return None;
    };
    let value = node.get(kind)?;
    if kind == "variants" {
        if let Some((_, at)) = key {
            let help = "the keys of a variant stand in its table";
            problems.error_with_help(at, "`key` beside `variants`", help);
        }
        return variants(value, problems);
    }
    let Some((key, key_place)) = key else {
        let help = "such as key = \"capacity_provider.general.desired_capacity\"";
        if node.get("key").is_none() {
            problems.error_with_help(place, format!("`{kind}` without a `key`"), help);
        }
        return None;
    };
    let values = if kind == "values" { listed(value, problems)? } else { ranged(value, problems)? };
    let point = |value: Node| Point {
        label: label(&value),
        settings: vec![Setting { key: key.into(), key_place, value }],
    };
    Some(values.into_iter().map(point).collect())
}

/// A value as a table shows it: text without quotes.
fn label(value: &Node) -> String {
    let text = match value.as_text() {
        Some(text) => text.to_string(),
        None => to_toml(value),
    };
    match text.char_indices().nth(LONGEST_LABEL) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn listed(value: &Node, problems: &mut Diagnostics) -> Option<Vec<Node>> {
    match &value.data {
        Data::List(items) if items.is_empty() => {
            problems.error_with_help(value.place, "an axis without values", "name one or more");
            None
        }
        Data::List(items) if items.len() > MOST_POINTS => {
            problems.error(value.place, format!("more than {MOST_POINTS} values on one axis"));
            None
        }
        Data::List(items) => Some(items.clone()),
        other => {
            let message = format!("`values` is {}, expected a list", other.kind_name());
            problems.error_with_help(value.place, message, "such as values = [1, 2, 3]");
            None
        }
    }
}

/// `{ from, to, step }` or `{ from, to, factor }`, both ends included, in exact decimals.
fn ranged(value: &Node, problems: &mut Diagnostics) -> Option<Vec<Node>> {
    let example =
        "such as { from = 50, to = 100, step = 10 } or { from = 256, to = 4096, factor = 2 }";
    let Data::Table(entries) = &value.data else {
        let message = format!("`range` is {}, expected a table", value.data.kind_name());
        problems.error_with_help(value.place, message, example);
        return None;
    };
    let before = problems.len();
    refuse_unknown(entries, &RANGE_KEYS, problems);
    let number = |key: &str, problems: &mut Diagnostics| {
        let node = value.get(key)?;
        let exact = match &node.data {
            Data::Number(text) => Exact::parse(text),
            _ => None,
        };
        if exact.is_none() {
            let message = format!("`{key}` is no plain decimal number of at most nine decimals");
            problems.error_with_help(node.place, message, example);
        }
        exact.map(|exact| (exact.0, node.place))
    };
    let (from, to) = (number("from", problems), number("to", problems));
    let (step, factor) = (number("step", problems), number("factor", problems));
    if problems.len() > before {
        return None;
    }
    let (Some((from, _)), Some((to, to_place))) = (from, to) else {
        problems.error_with_help(value.place, "a range has `from` and `to`", example);
        return None;
    };
    let next: Box<dyn Fn(i128) -> Option<i128>> = match (step, factor) {
        (Some((0, at)), None) => {
            problems.error_with_help(at, "a step of 0 goes nowhere", example);
            return None;
        }
        (Some((step, _)), None) => Box::new(move |at| at.checked_add(step)),
        (None, Some((factor, at))) => {
            if factor <= BILLION || from <= 0 {
                let message =
                    "a `factor` above 1 and a `from` above 0 are needed to go up by a factor";
                problems.error_with_help(at, message, example);
                return None;
            }
            Box::new(move |at| Some(at.checked_mul(factor)? / BILLION))
        }
        _ => {
            problems.error_with_help(value.place, "a range has either `step` or `factor`", example);
            return None;
        }
    };
    let goes_down = step.is_some_and(|(step, _)| step < 0);
    let mut numbers = Vec::new();
    let mut at = Some(from);
    while let Some(number) = at.filter(|&at| if goes_down { at >= to } else { at <= to }) {
        if numbers.len() == MOST_POINTS {
            problems.error(value.place, format!("more than {MOST_POINTS} values on one axis"));
            return None;
        }
        numbers.push(number);
        at = next(number);
    }
    if numbers.is_empty() {
        let message = "this range holds nothing: `to` is on the other side of `from`";
        problems.error_with_help(to_place, message, example);
        return None;
    }
    let node = |number: i128| Node { place: value.place, data: Data::Number(decimal(number)) };
    Some(numbers.into_iter().map(node).collect())
}

/// Billionths as plain decimal text.
fn decimal(billionths: i128) -> String {
    let (sign, size) = (if billionths < 0 { "-" } else { "" }, billionths.unsigned_abs());
    let unit = BILLION.unsigned_abs();
    let text = format!("{sign}{}.{:09}", size / unit, size % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// `[axis.variants.NAME]`, each a table of keys by dotted path.
fn variants(value: &Node, problems: &mut Diagnostics) -> Option<Vec<Point>> {
    let example =
        "such as [axis.variants.large] with \"capacity_provider.general.desired_capacity\" = 8";
    let Data::Table(entries) = &value.data else {
        let message = format!("`variants` is {}, expected tables", value.data.kind_name());
        problems.error_with_help(value.place, message, example);
        return None;
    };
    if entries.is_empty() {
        problems.error_with_help(value.place, "an axis without variants", example);
        return None;
    }
    let mut points = Vec::new();
    for entry in entries {
        // A variant that sets nothing is the scenario as it is.
        if let Some(settings) = settings_of(&entry.value, problems) {
            points.push(Point { label: entry.key.clone(), settings });
        }
    }
    Some(points)
}

/// A table of keys by dotted path.
pub(super) fn settings_of(value: &Node, problems: &mut Diagnostics) -> Option<Vec<Setting>> {
    let Data::Table(entries) = &value.data else {
        let message = format!("{} where a table of keys is expected", value.data.kind_name());
        problems.error_with_help(
            value.place,
            message,
            "such as { \"simulation.duration\" = \"1d\" }",
        );
        return None;
    };
    let before = problems.len();
    for entry in entries {
        let is_nested = matches!(entry.value.data, Data::Table(_)) && !entry.key.contains('.');
        if is_nested {
            let message = format!("`{}` is a table here", entry.key);
            let help = "quote the whole path: \"capacity_provider.general.desired_capacity\" = 8";
            problems.error_with_help(entry.key_place, message, help);
        }
    }
    let setting = |entry: &Entry| Setting {
        key: entry.key.clone(),
        key_place: entry.key_place,
        value: entry.value.clone(),
    };
    (problems.len() == before).then(|| entries.iter().map(setting).collect())
}
