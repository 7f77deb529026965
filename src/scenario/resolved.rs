//! Checked settings back to TOML, every default filled in: `validate --show resolved`, and the text that is digested.
//!
//! Reads back to the same scenario. Keys without a value are comments that say what holds instead.

use super::distribution;
use super::keys::{Default, Kind, Section, Unit};
use super::sections::{RUN_TASK, TRACE_KEYS};
use super::settings::{Item, Settings, Value};
use super::units;
use std::fmt::Write as _;

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
