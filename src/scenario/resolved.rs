//! Checked settings back to TOML, every default filled in: `validate --show resolved`, and the text that is digested.
//!
//! Reads back to the same scenario. Keys without a value are comments that say what holds instead.

use super::check::check;
use super::diagnostic::Diagnostics;
use super::keys::{Default, Kind, Section, Unit};
use super::sections::{ROOT, RUN_TASK, TRACE_KEYS};
use super::settings::{Item, Settings, Value};
use super::{distribution, file, units};
use std::fmt::Write as _;
use std::path::Path;

/// The whole scenario as TOML. `name` is its name, which may come from the file.
#[must_use]
pub fn to_toml(root: &Settings, name: &str) -> String {
    let mut out = String::new();
    for key in root.section.keys {
        let Some(section) = key.kind.section() else { continue };
        let tables: Vec<Settings> = match root.item(key.name) {
            Some(Item { value: Value::Table(table), .. }) => vec![table.clone()],
            Some(Item { value: Value::List(_), .. }) => root.tables(key.name).cloned().collect(),
            _ if matches!(key.kind, Kind::Table(_) | Kind::TableOrTables(_))
                && !has_required(section)
                && !turns_on(&key.default) =>
            {
                vec![Settings::empty(section, root.place)]
            }
            _ => Vec::new(),
        };
        let list = matches!(root.item(key.name), Some(Item { value: Value::List(_), .. }));
        for table in &tables {
            let name = (key.name == "simulation").then_some(name);
            write_table(&mut out, key.name, list, table, name);
        }
    }
    out
}

/// A resolved scenario for another folder: `prefix` leads from there to the folder that its paths were relative to. `None`
/// where the text is no scenario.
#[must_use]
pub fn relocated(resolved: &str, prefix: &str) -> Option<String> {
    let mut problems = Diagnostics::new();
    let source = problems.add_source("", resolved);
    let root = file::parse("resolved.toml", resolved, source, &mut problems)?;
    let mut settings = check(&root, &ROOT, &mut problems);
    move_all(&mut settings, prefix);
    problems.is_empty().then(|| to_toml(&settings, ""))
}

fn move_all(settings: &mut Settings, prefix: &str) {
    for (index, _, item) in &mut settings.given {
        if let Some(item) = item {
            move_paths(&settings.section.keys[*index].kind, item, prefix);
        }
    }
}

/// Every relative path in a value.
fn move_paths(kind: &Kind, item: &mut Item, prefix: &str) {
    match (kind, &mut item.value) {
        // A variable is a folder of its own, and absolute paths stay.
        (Kind::Path, Value::Text(path))
            if !prefix.is_empty() && !path.starts_with("${") && !Path::new(path).is_absolute() =>
        {
            *path = format!("{prefix}/{path}");
        }
        (Kind::WordOr(words, other), Value::Text(text)) if !words.contains(&text.as_str()) => {
            move_paths(other, item, prefix);
        }
        (_, Value::Table(table)) => move_all(table, prefix),
        (Kind::List(inner, _), Value::List(items)) => {
            items.iter_mut().for_each(|item| move_paths(inner, item, prefix));
        }
        (_, Value::List(items)) => items.iter_mut().for_each(|item| move_paths(kind, item, prefix)),
        _ => {}
    }
}

fn has_required(section: &Section) -> bool {
    section.keys.iter().any(|key| key.default == Default::Required)
}

fn write_table(out: &mut String, path: &str, list: bool, table: &Settings, name: Option<&str>) {
    if !out.is_empty() {
        out.push('\n');
    }
    let header = if list { format!("[[{path}]]") } else { format!("[{path}]") };
    out.push_str(&header);
    out.push('\n');
    for key in table.section.keys {
        if matches!(key.kind, Kind::Tables(_)) || !applies(table, key.name) {
            continue;
        }
        match (table.item(key.name), key.default) {
            (Some(item), _) => {
                let _ = writeln!(out, "{} = {}", key.name, inline(item, &key.kind));
            }
            (None, _) if key.name == "name" && name.is_some() => {
                let _ = writeln!(out, "name = {}", text(name.unwrap_or_default()));
            }
            (None, Default::Words(words)) => {
                let _ = writeln!(out, "# {}: {words}", key.name);
            }
            _ => {}
        }
    }
    for key in table.section.keys {
        if matches!(key.kind, Kind::Tables(_)) {
            for inner in table.tables(key.name) {
                write_table(out, &format!("{path}.{}", key.name), true, inner, None);
            }
        }
    }
}

/// Whether a key means anything beside the others: how traces are read says nothing about generated tasks.
fn applies(table: &Settings, key: &str) -> bool {
    if !std::ptr::eq(table.section, &RUN_TASK) {
        return true;
    }
    let swf = table.text("format") == Some("swf") || key != "swf_task_per_processor";
    swf && !(table.is_given("generate") && TRACE_KEYS.contains(&key))
}

/// A value on one line.
fn inline(item: &Item, kind: &Kind) -> String {
    match &item.value {
        Value::Text(value) => text(value),
        Value::Flag(flag) => flag.to_string(),
        Value::Whole(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Span(span) => text(&units::readable(*span)),
        Value::Rate(rate) => rate.to_string(),
        Value::Distribution(value) => {
            let unit = match kind {
                Kind::Distribution(unit) => *unit,
                _ => Unit::Plain,
            };
            distribution::to_toml(value, unit)
        }
        Value::List(items) => {
            let inner = match kind {
                Kind::List(inner, _) => inner,
                other => other,
            };
            let items: Vec<String> = items.iter().map(|item| inline(item, inner)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Attributes(attributes) => {
            let one =
                |a: &super::settings::Attribute| format!("{} = {}", text(&a.name), text(&a.value));
            let list: Vec<String> = attributes.iter().map(one).collect();
            if list.is_empty() { "{}".into() } else { format!("{{ {} }}", list.join(", ")) }
        }
        Value::Table(table) => {
            let mut parts = Vec::new();
            for key in table.section.keys {
                if let Some(item) = table.item(key.name) {
                    parts.push(format!("{} = {}", key.name, inline(item, &key.kind)));
                }
            }
            if parts.is_empty() { "{}".into() } else { format!("{{ {} }}", parts.join(", ")) }
        }
    }
}

/// Whether a table is something else than its absence even if it is empty.
fn turns_on(default: &Default) -> bool {
    matches!(default, Default::Words(words) if words.starts_with("none"))
}

/// Text as a TOML basic string.
pub(super) fn text(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
