//! `--set KEY=VALUE`: a key by dotted path, put into the tree before it is checked, so that the same rules hold.
//!
//! An entry of a list is named by its `name` (or `family`, `metric`, `id`) or by its number from 0; `*` stands for all
//! of them. A part with dots
//! is quoted: `instance_type."my.large".vcpus=8`. The value is TOML; what is no TOML value is taken as text.

use super::diagnostic::{Diagnostics, quoted, suggestion};
use super::file;
use super::keys::Section;
use super::sections::ROOT;
use super::tree::{Data, Entry, Node, Place};

/// Puts one value into the tree.
pub fn apply(root: &mut Node, path: &str, value: &str, problems: &mut Diagnostics) {
    let text = format!("{path}={value}");
    let source = problems.add_source("--set", &text);
    let at_value = path.len() + 1;
    let Some(parts) = split(path) else {
        let place = Place::new(source, 0..path.len());
        problems.error(place, "expected a dotted path such as `simulation.seed`");
        return;
    };
    let parsed = file::parse_value(value, source, at_value, problems);
    if parsed.is_none() && value.starts_with(['[', '{']) {
        let place = Place::new(source, at_value..text.len());
        let help = "text in it needs quotes, such as [{ type = \"binpack\", field = \"cpu\" }]";
        problems.error_with_help(place, "neither a list nor a table of TOML", help);
        return;
    }
    let node = parsed.unwrap_or_else(|| Node {
        place: Place::new(source, at_value..text.len()),
        data: Data::Text(value.to_string()),
    });
    put(root, &ROOT, &parts, node, source, problems);
}

/// A key that another file sets in a scenario, with the places in that file.
#[derive(Clone, PartialEq, Debug)]
pub struct Setting {
    /// The dotted path.
    pub key: String,
    /// Where it was written.
    pub key_place: Place,
    /// What the key becomes.
    pub value: Node,
}

/// Puts one value of another file into the tree.
pub fn apply_setting(root: &mut Node, setting: &Setting, problems: &mut Diagnostics) {
    let place = setting.key_place;
    let Some(mut parts) = split(&setting.key) else {
        let message = format!("{} is no dotted path", quoted(&setting.key));
        problems.error_with_help(place, message, "such as \"simulation.seed\"");
        return;
    };
    // The text of the key may be quoted, with escapes: every part stands where the whole of it does.
    parts.iter_mut().for_each(|part| part.span = place.start as usize..place.end as usize);
    put(root, &ROOT, &parts, setting.value.clone(), place.source, problems);
}

/// A part of a path and where it is in the text.
struct Part {
    text: String,
    span: std::ops::Range<usize>,
}

fn split(path: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut at = 0;
    loop {
        let rest = &path[at..];
        let (text, length) = if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"')?;
            (quoted[..end].to_string(), end + 2)
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            (rest[..end].trim().to_string(), end)
        };
        if text.is_empty() {
            return None;
        }
        parts.push(Part { text, span: at..at + length });
        at += length;
        if at == path.len() {
            return Some(parts);
        }
        if !path[at..].starts_with('.') || parts.len() > file::MOST_LEVELS {
            return None;
        }
        at += 1;
    }
}

fn put(
    node: &mut Node,
    section: &'static Section,
    parts: &[Part],
    value: Node,
    source: u32,
    problems: &mut Diagnostics,
) {
    let Some((part, rest)) = parts.split_first() else { return };
    let place = Place::new(source, part.span.clone());
    let Data::Table(entries) = &mut node.data else {
        problems.error(place, format!("{} is below a key that is no table", quoted(&part.text)));
        return;
    };
    let position = entries.iter().position(|entry| entry.key == part.text);
    if rest.is_empty() {
        // The other spelling of the same key would now be given twice.
        let twin = match part.text.strip_suffix("_s") {
            Some(stem) if section.index_of(stem).is_some() => stem.to_string(),
            _ => format!("{}_s", part.text),
        };
        let entry = Entry { key: part.text.clone(), key_place: place, value };
        match position {
            Some(index) => entries[index] = entry,
            None => entries.push(entry),
        }
        entries.retain(|entry| entry.key != twin);
        return;
    }
    let inner = section.index_of(&part.text).and_then(|index| section.keys[index].kind.section());
    let Some(inner) = inner else {
        let tables = section.keys.iter().filter(|key| key.kind.section().is_some());
        let help = suggestion(&part.text, tables.map(|key| key.name));
        problems.error_with_help(place, format!("unknown table {}", quoted(&part.text)), help);
        return;
    };
    let index = position.unwrap_or_else(|| {
        let table = Node { place, data: Data::Table(Vec::new()) };
        entries.push(Entry { key: part.text.clone(), key_place: place, value: table });
        entries.len() - 1
    });
    let child = &mut entries[index].value;
    match &mut child.data {
        Data::List(items) => put_in_list(items, inner, rest, value, source, problems),
        _ => put(child, inner, rest, value, source, problems),
    }
}

/// `service.*.desired_count=3`: the same in every entry; what is wrong with it is said once.
fn put_in_all(
    items: &mut [Node],
    section: &'static Section,
    parts: &[Part],
    value: &Node,
    source: u32,
    problems: &mut Diagnostics,
) {
    let Some((part, rest)) = parts.split_first() else { return };
    let place = Place::new(source, part.span.clone());
    if items.is_empty() || rest.is_empty() {
        let message = match items.is_empty() {
            true => format!("`{}` has no entries", section.name),
            false => "\"*\" stands for tables; name one of their keys".to_string(),
        };
        problems.error(place, message);
        return;
    }
    let before = problems.len();
    for item in items {
        put(item, section, rest, value.clone(), source, problems);
        if problems.len() > before {
            return;
        }
    }
}

fn put_in_list(
    items: &mut [Node],
    section: &'static Section,
    parts: &[Part],
    value: Node,
    source: u32,
    problems: &mut Diagnostics,
) {
    let Some((part, rest)) = parts.split_first() else { return };
    let place = Place::new(source, part.span.clone());
    let naming = section.naming_key().or(section.keys.first().map(|key| key.name));
    let name_of = |node: &Node| naming.and_then(|key| node.get(key)?.as_text().map(str::to_string));
    let names: Vec<Option<String>> = items.iter().map(name_of).collect();
    let by_name = names.iter().position(|name| name.as_deref() == Some(part.text.as_str()));
    if part.text == "*" && by_name.is_none() {
        put_in_all(items, section, parts, &value, source, problems);
        return;
    }
    let by_number = part.text.parse::<usize>().ok().filter(|index| *index < items.len());
    let Some(index) = by_name.or(by_number) else {
        let message = format!("no entry {} in `{}`", quoted(&part.text), section.name);
        let help = suggestion(&part.text, names.iter().flatten().map(String::as_str));
        problems.error_with_help(place, message, help);
        return;
    };
    if rest.is_empty() {
        let message = format!("{} is a table; name one of its keys", quoted(&part.text));
        problems.error(place, message);
        return;
    }
    put(&mut items[index], section, rest, value, source, problems);
}
