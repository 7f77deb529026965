//! A comparison as JSON.

use crate::experiment::compare::Comparison;
use crate::experiment::compare::metrics::Sense;
use crate::report::manifest::SCHEMA;
use serde_json::{Value, json};

/// One JSON document, also what `--format json` prints. What is not defined is `null`. Ends with a newline.
#[must_use]
pub fn to_json(of: &Comparison) -> String {
    let metrics: Vec<Value> = of
        .rows
        .iter()
        .map(|row| {
            let variants = of.variants.iter().zip(&row.cells).map(|(variant, cell)| {
                let mean = cell.mean;
                let difference = cell.paired.map(|paired| paired.difference);
                json!({
                    "variant": variant,
                    "replications": mean.map_or(0, |mean| mean.count),
                    "mean": mean.map(|mean| mean.mean),
                    "half_width": mean.and_then(|mean| mean.half_width),
                    "is_constant": mean.is_some_and(|mean| mean.is_constant),
                    "difference": difference.map(|mean| mean.mean),
                    "difference_half_width": difference.and_then(|mean| mean.half_width),
                    "difference_is_constant": difference.is_some_and(|mean| mean.is_constant),
                    "correlation": cell.paired.and_then(|paired| paired.correlation),
                    "p_value": cell.paired.and_then(|paired| paired.p_value),
                    "p_holm": cell.p_holm,
                    "is_significant": cell.is_significant,
                    "is_best": cell.is_best,
                })
            });
            json!({
                "metric": row.metric,
                "unit": row.unit,
                "better": match row.sense {
                    Sense::Lower => Value::from("lower"),
                    Sense::Higher => Value::from("higher"),
                    Sense::Neither => Value::Null,
                },
                "variants": variants.collect::<Vec<_>>(),
            })
        })
        .collect();
    let document = json!({
        "schema": SCHEMA,
        "base": of.variants.first(),
        "confidence_percent": of.confidence.share() * 100.0,
        "metrics": metrics,
    });
    let text = serde_json::to_string_pretty(&document);
    text.expect("text keys and finite numbers only") + "\n"
}
