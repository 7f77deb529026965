//! JSON Schema (draft 2020-12) of a scenario, made from the tables of keys: for editors, by `#:schema`.

use super::keys::{Default, Key, Kind, Section, Unit, all_sections};
use super::sections::ROOT;
use serde_json::{Map, Value, json};

/// The schema of a whole scenario.
#[must_use]
pub fn schema() -> Value {
    let mut definitions = Map::new();
    for (path, section) in all_sections(&ROOT) {
        if !path.is_empty() {
            definitions.insert(definition_name(section), object(section));
        }
    }
    let mut root = object(&ROOT);
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("ecsim scenario");
    root["$defs"] = Value::Object(definitions);
    root
}

fn definition_name(section: &Section) -> String {
    section.name.replace(' ', "_")
}

fn reference(section: &Section) -> Value {
    json!({ "$ref": format!("#/$defs/{}", definition_name(section)) })
}

fn object(section: &Section) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in section.keys {
        properties.insert(key.name.into(), property(key));
        if key.default == Default::Required && !key.kind.has_seconds_form() {
            required.push(key.name);
        }
        if key.kind.has_seconds_form() && section.index_of(&format!("{}_s", key.name)).is_none() {
            properties.insert(format!("{}_s", key.name), seconds_property(key));
        }
    }
    json!({
        "type": "object",
        "description": section.doc,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(key: &Key) -> Value {
    let mut value = kind(&key.kind);
    let otherwise = match key.default {
        Default::Required => "Required.".to_string(),
        Default::Value(text) => format!("Default: {text}."),
        Default::Words(words) => format!("Default: {words}."),
    };
    value["description"] = json!(format!("{} {otherwise}", key.doc));
    if let Default::Value(text) = key.default
        && let Ok(default) = serde_json::from_str::<Value>(text)
    {
        value["default"] = default;
    }
    value
}

fn seconds_property(key: &Key) -> Value {
    let number = json!({ "type": "number", "minimum": 0 });
    let mut value = match &key.kind {
        Kind::List(_, most) => json!({ "type": "array", "items": number, "maxItems": most }),
        _ => number,
    };
    value["description"] = json!(format!("`{}` as a number of seconds.", key.name));
    value
}

fn kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text | Kind::Path => json!({ "type": "string", "minLength": 1 }),
        Kind::Name(extra) => json!({
            "type": "string",
            "maxLength": 255,
            "pattern": format!("^[A-Za-z0-9_][A-Za-z0-9_{}-]*$", extra.replace('/', r"\/")),
        }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Whole(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Number(min, max) => json!({ "type": "number", "minimum": min, "maximum": max }),
        Kind::Span(..) => json!({
            "type": "string",
            "pattern": r"^\s*([0-9.]+(us|ms|s|m|min|h|d|w)\s*)+$",
        }),
        Kind::Memory(min, max) | Kind::Cpu(min, max) => json!({ "anyOf": [
            { "type": "integer", "minimum": min, "maximum": max },
            { "type": "string", "pattern": r"^[0-9.]+\s*[A-Za-z]*$" },
        ] }),
        Kind::Usd => json!({ "type": "number", "minimum": 0, "maximum": 1_000_000 }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::WordOr(words, other) => json!({ "anyOf": [{ "enum": words }, self::kind(other)] }),
        Kind::List(item, most) if *most == usize::MAX => {
            json!({ "type": "array", "items": self::kind(item) })
        }
        Kind::List(item, most) => {
            json!({ "type": "array", "items": self::kind(item), "maxItems": most })
        }
        Kind::Attributes => json!({
            "type": "object",
            "additionalProperties": { "type": "string", "maxLength": 128 },
        }),
        Kind::Distribution(unit) => {
            let plain = match unit {
                Unit::Seconds => json!({ "type": "string" }),
                Unit::Plain => json!({ "type": "number", "minimum": 0 }),
            };
            json!({ "anyOf": [plain, reference(super::distribution::section(*unit))] })
        }
        Kind::Table(section) => reference(section),
        Kind::Tables(section) => json!({ "type": "array", "items": reference(section) }),
        Kind::TableOrTables(section) => json!({ "anyOf": [
            reference(section),
            { "type": "array", "items": reference(section) },
        ] }),
    }
}
