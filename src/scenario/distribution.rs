//! Distributions as a scenario writes them: `"2s"`, or `{ type = "lognormal", mean = "60s", sigma = 1 }`.

use super::check::Check;
use super::diagnostic::quoted;
use super::keys::{Default, Key, Kind, Section, Unit};
use super::settings::{Item, Settings, Value};
use super::tree::{Data, Node};
use super::units;
use crate::base::distribution::Distribution;
use crate::base::time::LATEST;

const TYPES: &[&str] = &[
    "constant",
    "uniform",
    "exponential",
    "normal",
    "lognormal",
    "pareto",
    "weibull",
    "empirical",
];
const SPAN: Kind = Kind::Span(0, LATEST.0);
/// Largest plain number: far above every quantity, far below where floats lose whole numbers.
const MOST: f64 = 1e12;
const NUMBER: Kind = Kind::Number(0.0, MOST);

const fn key(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, default: Default::Words("by type"), doc, source: "ecsim" }
}

const TYPE_DOC: &str = "Which distribution; the other keys follow from it.";
const SIGMA: Key =
    key("sigma", Kind::Number(0.0, 10.0), "lognormal: standard deviation of the logarithm.");
const ALPHA: Key = key("alpha", Kind::Number(1e-3, 1e3), "pareto: tail index.");
const SHAPE: Key = key("shape", Kind::Number(1e-2, 1e2), "weibull: shape.");
const WEIGHTS: Key =
    key("weights", Kind::List(&NUMBER, 10_000), "empirical: weights; all alike where left out.");
const TYPE: Key = Key {
    name: "type",
    kind: Kind::Choice(TYPES),
    default: Default::Required,
    doc: TYPE_DOC,
    source: "ecsim",
};

static OF_SECONDS: Section = Section::new(
    "distribution of seconds",
    "A random duration. Each duration may also be written with `_s` and a number: `mean_s = 60`.",
    &[
        TYPE,
        key("value", SPAN, "constant: the duration."),
        key("min", SPAN, "uniform, pareto: smallest duration."),
        key("max", SPAN, "uniform: largest duration."),
        key("mean", SPAN, "exponential, normal, lognormal: mean."),
        key("sd", SPAN, "normal: standard deviation; the result is cut off at zero."),
        SIGMA,
        ALPHA,
        key("scale", SPAN, "weibull: scale."),
        SHAPE,
        key("values", Kind::List(&SPAN, 10_000), "empirical: the durations."),
        WEIGHTS,
    ],
);

static OF_NUMBERS: Section = Section::new(
    "distribution",
    "A random number, in the unit that the key names.",
    &[
        TYPE,
        key("value", NUMBER, "constant: the number."),
        key("min", NUMBER, "uniform, pareto: smallest number."),
        key("max", NUMBER, "uniform: largest number."),
        key("mean", NUMBER, "exponential, normal, lognormal: mean."),
        key("sd", NUMBER, "normal: standard deviation; the result is cut off at zero."),
        SIGMA,
        ALPHA,
        key("scale", NUMBER, "weibull: scale."),
        SHAPE,
        key("values", Kind::List(&NUMBER, 10_000), "empirical: the numbers."),
        WEIGHTS,
    ],
);

/// The keys of a distribution.
#[must_use]
pub fn section(unit: Unit) -> &'static Section {
    match unit {
        Unit::Seconds => &OF_SECONDS,
        Unit::Plain => &OF_NUMBERS,
    }
}

/// Reads a distribution.
pub(super) fn read(check: &mut Check<'_>, node: &Node, unit: Unit, label: &str) -> Option<Item> {
    let constant = |number: f64| {
        let value = Value::Distribution(Distribution::Constant(number));
        Some(Item { place: node.place, value })
    };
    match (&node.data, unit) {
        (Data::Text(text), Unit::Seconds) => match units::span(text, 0, LATEST.0) {
            Ok(span) => constant(span.to_secs_f64()),
            Err(why) => check.refuse(node, format!("`{label}` {why}")),
        },
        (Data::Number(text), Unit::Plain) => match units::number(text, 0.0, MOST) {
            Ok(number) => constant(number),
            Err(why) => check.refuse(node, format!("`{label}` {why}")),
        },
        (Data::Number(text), Unit::Seconds) => {
            let help = format!("write {}, or `{label}_s = {text}`", quoted(&format!("{text}s")));
            check.problems.error_with_help(node.place, format!("`{label}` needs a unit"), help);
            None
        }
        (Data::Table(_), _) => {
            let before = check.problems.len();
            let settings = check.table(node, section(unit));
            if check.problems.len() > before {
                return None;
            }
            match build(check, &settings) {
                Ok(distribution) => {
                    Some(Item { place: node.place, value: Value::Distribution(distribution) })
                }
                Err(why) => check.refuse(node, format!("`{label}`: {why}")),
            }
        }
        _ => {
            let found = node.data.kind_name();
            let wanted = Kind::Distribution(unit).describe();
            check.refuse(node, format!("`{label}` must be a {wanted}, not {found}"))
        }
    }
}

/// A parameter: seconds of a duration, or a number.
fn parameter(settings: &Settings, key: &str) -> Option<f64> {
    settings.span(key).map(|span| span.to_secs_f64()).or_else(|| settings.number(key))
}

fn build(check: &mut Check<'_>, settings: &Settings) -> Result<Distribution, String> {
    let kind = settings.text("type").ok_or("has no type")?;
    let wanted: &[&str] = match kind {
        "constant" => &["value"],
        "uniform" => &["min", "max"],
        "exponential" => &["mean"],
        "normal" => &["mean", "sd"],
        "lognormal" => &["mean", "sigma"],
        "pareto" => &["min", "alpha"],
        "weibull" => &["scale", "shape"],
        _ => &["values", "weights"],
    };
    for key in settings.section.keys.iter().map(|key| key.name).filter(|&key| key != "type") {
        if settings.is_given(key) && !wanted.contains(&key) {
            let names = wanted.iter().map(|key| quoted(key)).collect::<Vec<_>>().join(", ");
            let message = format!("{} does not belong to {}", quoted(key), quoted(kind));
            let help = format!("{} takes {names}", quoted(kind));
            check.problems.error_with_help(settings.place_of(key), message, help);
        }
    }
    let need = |key: &str| {
        parameter(settings, key).ok_or_else(|| format!("{} needs {}", quoted(kind), quoted(key)))
    };
    let above_zero = |key: &str| match need(key)? {
        value if value > 0.0 => Ok(value),
        _ => Err(format!("{} must be above zero", quoted(key))),
    };
    Ok(match kind {
        "constant" => Distribution::Constant(need("value")?),
        "uniform" => {
            let (min, max) = (need("min")?, need("max")?);
            if min > max {
                return Err(format!("min {min} is above max {max}"));
            }
            Distribution::Uniform { min, max }
        }
        "exponential" => Distribution::Exponential { mean: above_zero("mean")? },
        "normal" => Distribution::Normal { mean: need("mean")?, sd: need("sd")? },
        "lognormal" => Distribution::LogNormal { mean: above_zero("mean")?, sigma: need("sigma")? },
        "pareto" => Distribution::Pareto { min: above_zero("min")?, alpha: need("alpha")? },
        "weibull" => Distribution::Weibull { scale: above_zero("scale")?, shape: need("shape")? },
        _ => Distribution::empirical(numbers(settings, "values"), &numbers(settings, "weights"))?,
    })
}

fn numbers(settings: &Settings, key: &str) -> Vec<f64> {
    let number = |item: &Item| match item.value {
        Value::Number(number) => Some(number),
        Value::Span(span) => Some(span.to_secs_f64()),
        _ => None,
    };
    settings.list(key).iter().filter_map(number).collect()
}

/// A distribution as TOML that reads back to the same one. Numbers are written so that they read back exactly.
#[must_use]
pub fn to_toml(distribution: &Distribution, unit: Unit) -> String {
    let s = if unit == Unit::Seconds { "_s" } else { "" };
    let list = |numbers: &[f64]| numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
    match distribution {
        Distribution::Constant(value) if unit == Unit::Plain => value.to_string(),
        Distribution::Constant(value) => {
            format!("\"{}\"", units::readable(crate::base::time::SimSpan::from_secs_f64(*value)))
        }
        Distribution::Uniform { min, max } => {
            format!("{{ type = \"uniform\", min{s} = {min}, max{s} = {max} }}")
        }
        Distribution::Exponential { mean } => {
            format!("{{ type = \"exponential\", mean{s} = {mean} }}")
        }
        Distribution::Normal { mean, sd } => {
            format!("{{ type = \"normal\", mean{s} = {mean}, sd{s} = {sd} }}")
        }
        Distribution::LogNormal { mean, sigma } => {
            format!("{{ type = \"lognormal\", mean{s} = {mean}, sigma = {sigma} }}")
        }
        Distribution::Pareto { min, alpha } => {
            format!("{{ type = \"pareto\", min{s} = {min}, alpha = {alpha} }}")
        }
        Distribution::Weibull { scale, shape } => {
            format!("{{ type = \"weibull\", scale{s} = {scale}, shape = {shape} }}")
        }
        Distribution::Empirical { values, cumulative } => {
            let mut before = 0.0;
            let weights: Vec<f64> = cumulative
                .iter()
                .map(|upto| upto - std::mem::replace(&mut before, *upto))
                .collect();
            format!(
                "{{ type = \"empirical\", values{s} = [{}], weights = [{}] }}",
                list(values),
                list(&weights)
            )
        }
    }
}
