//! A comparison as tables for programs and for people.

pub mod folders;
mod json;
pub(in crate::report) mod text;

pub use json::to_json;
pub(in crate::report) use text::{shown, with_half};
pub use text::{to_markdown, to_text};

use super::csv::TableWriter;
use crate::base::spreadsheet::free_text;
use crate::experiment::compare::{Cell, Comparison, Variant};
use crate::metrics::table::{ColumnSpec, TableSpec, column};

const COMPARE_COLUMNS: &[ColumnSpec] = &[
    column("variant", "text", "–", "name of the variant; the base comes first"),
    column("metric", "text", "–", "name of the metric, as in `summary.csv`"),
    column("unit", "text", "–", "its unit, empty where it has none"),
    column("replications", "integer", "seeds", "seeds in which the variant defines it"),
    column("mean", "decimal", "see `unit`", "mean over these seeds"),
    column(
        "half_width",
        "decimal",
        "see `unit`",
        "half of the interval of the mean; empty below two seeds and where all are equal",
    ),
    column(
        "difference",
        "decimal",
        "see `unit`",
        "mean of variant less base over the seeds that both have; empty for the base",
    ),
    column(
        "difference_half_width",
        "decimal",
        "see `unit`",
        "half of its interval; empty below two seeds and where it is the same in all",
    ),
    column(
        "correlation",
        "decimal",
        "–",
        "of the pairs, −1 to 1: the nearer to 1, the more pairing was worth; empty where a side does not vary",
    ),
    column("p_value", "decimal", "–", "two-sided p value of the paired t test of no difference"),
    column("p_holm", "decimal", "–", "the same after Holm's correction over all rows"),
    column(
        "is_significant",
        "text",
        "–",
        "true where `p_holm` is small enough, or the difference is the same in all of several seeds and not 0; else false; \
         empty where one seed alone cannot tell, and for the base",
    ),
    column(
        "is_best",
        "text",
        "–",
        "true where no variant's mean is better; false for all where all are equal, or nothing is better about more or less",
    ),
];

/// `compare.csv`.
pub const COMPARE: TableSpec = TableSpec {
    file: "compare.csv",
    row: "metric that was compared and variant",
    columns: COMPARE_COLUMNS,
};

const RUNS_COLUMNS: &[ColumnSpec] = &[
    column("variant", "text", "–", "name of the variant"),
    column("seed", "integer", "–", "seed of the run"),
    column("metric", "text", "–", "name of the metric, as in `summary.csv`"),
    column("value", "decimal", "see `compare.csv`", "its value"),
];

/// `compare_runs.csv`.
pub const COMPARE_RUNS: TableSpec = TableSpec {
    file: "compare_runs.csv",
    row: "variant, seed and metric that is a number and defined, those that were not compared included",
    columns: RUNS_COLUMNS,
};

/// `compare.csv`.
#[must_use]
pub fn to_csv(of: &Comparison) -> Vec<u8> {
    let mut table = TableWriter::new(COMPARE);
    for row in &of.rows {
        for (variant, cell) in of.variants.iter().zip(&row.cells) {
            let mean = cell.mean;
            let difference = cell.paired.map(|paired| paired.difference);
            table.row(&[
                free_text(variant).into_owned(),
                row.metric.clone(),
                row.unit.clone(),
                mean.map_or(0, |mean| mean.count).to_string(),
                number(mean.map(|mean| mean.mean)),
                number(mean.and_then(|mean| mean.half_width)),
                number(difference.map(|mean| mean.mean)),
                number(difference.and_then(|mean| mean.half_width)),
                number(cell.paired.and_then(|paired| paired.correlation)),
                number(cell.paired.and_then(|paired| paired.p_value)),
                number(cell.p_holm),
                cell.is_significant.map_or_else(String::new, |is| is.to_string()),
                cell.is_best.to_string(),
            ]);
        }
    }
    table.into_bytes()
}

/// `compare_runs.csv`.
#[must_use]
pub fn runs_to_csv(variants: &[Variant]) -> Vec<u8> {
    let mut table = TableWriter::new(COMPARE_RUNS);
    for variant in variants {
        let name = free_text(&variant.name);
        for seed in &variant.seeds {
            for metric in &variant.metrics {
                if let Some(value) = metric.by_seed.get(seed) {
                    let value = exact(value.0);
                    table.row(&[name.as_ref(), &seed.to_string(), &metric.name, &value]);
                }
            }
        }
    }
    table.into_bytes()
}

/// Billionths as a decimal number without zeros at its end.
fn exact(billionths: i128) -> String {
    let magnitude = billionths.unsigned_abs();
    let sign = if billionths < 0 { "-" } else { "" };
    let text = format!("{sign}{}.{:09}", magnitude / 1_000_000_000, magnitude % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// A number with nine decimals; nothing where there is none.
pub(in crate::report) fn number(value: Option<f64>) -> String {
    let Some(value) = value else { return String::new() };
    let text = format!("{value:.9}");
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|byte| matches!(byte, b'0' | b'.')) => rest.to_string(),
        _ => text,
    }
}

/// The difference in per cent of the base's mean; `None` where there is no difference to tell, or the base is 0.
fn relative(base: &Cell, cell: &Cell) -> Option<f64> {
    let (base, difference) = (base.mean?, cell.paired?.difference);
    (base.mean != 0.0).then(|| 100.0 * difference.mean / base.mean.abs())
}

#[cfg(test)]
mod tests;
