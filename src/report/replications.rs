//! Several seeds side by side: each metric's mean, spread, and the interval that its expectation lies in.

use super::csv::TableWriter;
use super::human;
use super::manifest::SCHEMA;
use super::summary::{self, Style};
use crate::base::money::NanoUsd;
use crate::base::time::SimSpan;
use crate::experiment::statistics::quantile::Quantile;
use crate::experiment::statistics::{Confidence, student};
use crate::metrics::summary::{Metric, Summary, Value};
use crate::metrics::table::{ColumnSpec, TableSpec, column};
use comfy_table::{Cell, CellAlignment};
use std::fmt::Write as _;

const SEED_COLUMNS: &[ColumnSpec] = &[
    column("metric", "text", "–", "name of the metric, as in `summary.csv`"),
    column("unit", "text", "–", "its unit, empty where it has none"),
    column("seeds", "integer", "seeds", "seeds in which it is defined"),
    column("mean", "decimal", "see `unit`", "mean over these seeds"),
    column("standard_deviation", "decimal", "see `unit`", "of one seed; empty below two seeds"),
    column("low_95", "decimal", "see `unit`", "the mean's 95 % interval of Student's t, lower end"),
    column("high_95", "decimal", "see `unit`", "its upper end"),
    column("p50", "decimal", "see `unit`", "median of the seeds"),
    column(
        "p50_low_95",
        "decimal",
        "see `unit`",
        "the median's 95 % interval, lower end; empty below six seeds",
    ),
    column("p50_high_95", "decimal", "see `unit`", "its upper end"),
    column("p90", "decimal", "see `unit`", "what nine of ten seeds are at most"),
    column(
        "p90_low_95",
        "decimal",
        "see `unit`",
        "its 95 % interval, lower end; empty where there are too few seeds",
    ),
    column("p90_high_95", "decimal", "see `unit`", "its upper end; empty below 36 seeds"),
    column("least", "decimal", "see `unit`", "least value of a seed"),
    column("most", "decimal", "see `unit`", "greatest value of a seed"),
];

/// `seeds.csv`.
pub const SEEDS: TableSpec = TableSpec {
    file: "seeds.csv",
    row: "metric that is a number, over the seeds of `--replications`",
    columns: SEED_COLUMNS,
};

/// A metric over seeds.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Spread {
    count: usize,
    mean: f64,
    deviation: Option<f64>,
    interval: Option<(f64, f64)>,
    median: Quantile,
    nine_of_ten: Quantile,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(values: &[f64]) -> Option<Spread> {
        let count = values.len();
        let n = count as f64;
        if count == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let deviation = (count > 1).then(|| (squares / (n - 1.0)).sqrt());
        let interval = deviation.map(|deviation| {
            let half = student(Confidence::USUAL, count - 1) * deviation / n.sqrt();
            (mean - half, mean + half)
        });
        let quantile = |share| Quantile::of(values, share, Confidence::USUAL);
        let (median, nine_of_ten) = (quantile(0.5)?, quantile(0.9)?);
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(Spread { count, mean, deviation, interval, median, nine_of_ten, least, most })
    }
}

/// Every metric that is a number: itself, and its spread; `None` where no seed defines it. The seed itself is none.
fn spreads<'a>(summaries: &[&'a Summary]) -> Vec<(&'a Metric, Option<Spread>)> {
    let Some(first) = summaries.first() else { return Vec::new() };
    let metrics = first.0.iter().filter(|metric| metric.name != "seed");
    let numbers = metrics.filter(|metric| !matches!(metric.value, Value::Text(_)));
    numbers
        .map(|metric| {
            let values = summaries.iter().filter_map(|summary| summary.get(&metric.name));
            let values: Vec<f64> =
                values.filter_map(Value::as_f64).filter(|value| value.is_finite()).collect();
            (metric, Spread::of(&values))
        })
        .collect()
}

/// `summary.csv` of several runs: one row each, under one header.
#[must_use]
pub fn joined(summaries: &[&Summary]) -> Vec<u8> {
    let mut all = Vec::new();
    for (index, one) in summaries.iter().enumerate() {
        let bytes = summary::to_csv(one);
        let header = bytes.iter().position(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        all.extend_from_slice(if index == 0 { &bytes } else { &bytes[header..] });
    }
    all
}

/// `seeds.csv`.
#[must_use]
pub fn to_csv(summaries: &[&Summary]) -> Vec<u8> {
    let mut table = TableWriter::new(SEEDS);
    for (metric, spread) in spreads(summaries) {
        let Some(spread) = spread else { continue };
        let number = |value: Option<f64>| value.map_or_else(String::new, |v| format!("{v:.9}"));
        table.row(&[
            metric.name.to_string(),
            metric.unit_or_nothing().to_string(),
            spread.count.to_string(),
            number(Some(spread.mean)),
            number(spread.deviation),
            number(spread.interval.map(|ends| ends.0)),
            number(spread.interval.map(|ends| ends.1)),
            number(Some(spread.median.value)),
            number(spread.median.low),
            number(spread.median.high),
            number(Some(spread.nine_of_ten.value)),
            number(spread.nine_of_ten.low),
            number(spread.nine_of_ten.high),
            number(Some(spread.least)),
            number(Some(spread.most)),
        ]);
    }
    table.into_bytes()
}

/// One JSON document: the metrics of each run, then of each number its mean, spread and interval.
#[must_use]
pub fn to_json(summaries: &[&Summary]) -> String {
    let mut out = format!("{{\n  \"schema\": \"{SCHEMA}\",\n  \"runs\": [");
    for (index, summary) in summaries.iter().enumerate() {
        out.push_str(if index == 0 { "\n    {" } else { ",\n    {" });
        summary::json_metrics(&mut out, summary, "      ");
        out.push_str("\n    }");
    }
    out.push_str("\n  ],\n  \"over_seeds\": {");
    let known = spreads(summaries).into_iter().filter_map(|(metric, s)| s.map(|s| (metric, s)));
    for (index, (metric, spread)) in known.enumerate() {
        let entry = serde_json::json!({
            "unit": metric.unit_or_nothing(),
            "seeds": spread.count,
            "mean": spread.mean,
            "standard_deviation": spread.deviation,
            "low_95": spread.interval.map(|ends| ends.0),
            "high_95": spread.interval.map(|ends| ends.1),
            "p50": spread.median.value,
            "p50_low_95": spread.median.low,
            "p50_high_95": spread.median.high,
            "p90": spread.nine_of_ten.value,
            "p90_low_95": spread.nine_of_ten.low,
            "p90_high_95": spread.nine_of_ten.high,
            "least": spread.least,
            "most": spread.most,
        });
        let name = serde_json::Value::from(metric.name.as_ref());
        let _ = write!(out, "{}\n    {name}: {entry}", if index == 0 { "" } else { "," });
    }
    out.push_str("\n  }\n}\n");
    out
}

/// The table for people: of each metric its mean, spread and interval. Ends with a newline.
#[must_use]
pub fn to_text(summaries: &[&Summary], style: Style) -> String {
    let mut table = summary::plain_table(style);
    let heading = |text: &str| summary::heading(text, style);
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    let titles = ["mean", "spread", "95 % interval of the mean", ""];
    let title = format!("{} seeds", summaries.len());
    let titles = titles.map(|text| heading(text).set_alignment(CellAlignment::Right));
    table.add_row(std::iter::once(heading(&title)).chain(titles).collect::<Vec<_>>());
    let has_services = summaries.iter().any(|summary| summary::has_services(summary));
    let mut section = "";
    for (metric, spread) in spreads(summaries) {
        let Some(spread) = spread else { continue };
        let is_zero = spread.least == 0.0 && spread.most == 0.0;
        if !summary::belongs_on_screen(metric, has_services) || is_zero {
            continue;
        }
        if metric.section != section {
            section = metric.section;
            table.add_row(vec![Cell::new("")]);
            table.add_row(vec![heading(section)]);
        }
        let shown = |value: f64| shown(metric, value);
        let interval = spread.interval.map(|(low, high)| {
            // What cannot be negative is not shown so, though the interval of a mean knows no such limit.
            let low = if spread.least >= 0.0 { low.max(0.0) } else { low };
            format!("{} to {}", shown(low), shown(high))
        });
        table.add_row(vec![
            Cell::new(format!("  {}", metric.name)),
            right(shown(spread.mean)),
            right(spread.deviation.map_or_else(String::new, |d| format!("± {}", shown(d)))),
            right(interval.unwrap_or_default()),
            Cell::new(summary::unit(metric)),
        ]);
    }
    summary::lines(&table)
}

/// A mean or spread of a metric as people read it; that of counts is no count.
fn shown(metric: &Metric, value: f64) -> String {
    let value = match metric.value {
        Value::Count(_) => return human::decimal(value, 1),
        Value::Seconds(_) => Value::Seconds(SimSpan((value.max(0.0) * 1e6).round() as u64)),
        Value::Usd(_) => Value::Usd(NanoUsd((value * 1e9).round() as i128)),
        Value::Millionths(_) => Value::Millionths((value.max(0.0) * 1e6).round() as u64),
        _ => Value::Ratio(value),
    };
    summary::shown(&Metric { value, ..metric.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64, usd: i128, wait: Option<u64>, tasks: u64) -> Summary {
        let metric = |section, name: &'static str, unit, value| Metric {
            name: name.into(),
            unit,
            meaning: "",
            section,
            value,
        };
        let wait = wait.map_or(Value::Missing, |s| Value::Seconds(SimSpan(s * 1_000_000)));
        Summary(vec![
            metric("Run", "scenario", "–", Value::Text("x".into())),
            metric("Run", "seed", "–", Value::Count(seed)),
            metric("Tasks", "tasks_started", "tasks", Value::Count(tasks)),
            metric("Waiting", "wait_s_mean", "s", wait),
            metric("Cost", "total_usd", "USD", Value::Usd(NanoUsd(usd * 1_000_000_000))),
        ])
    }

    #[test]
    fn several_seeds_are_one_table_with_mean_spread_and_interval() {
        let runs = [run(1, 10, Some(60), 5), run(2, 12, None, 6), run(3, 14, Some(120), 6)];
        let runs: Vec<&Summary> = runs.iter().collect();
        // Mean 12, deviation 2; t of two degrees is 4.302653: 12 ± 4.302653 · 2 / √3 = 12 ± 4.968275.
        let text = to_text(&runs, Style::default());
        let row = |name: &str| {
            let line = text.lines().find(|line| line.trim_start().starts_with(name)).expect(name);
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(row("3 seeds"), "3 seeds mean spread 95 % interval of the mean");
        assert_eq!(row("total_usd"), "total_usd $12.00 ± $2.00 $7.03 to $16.97");
        assert_eq!(row("tasks_started"), "tasks_started 5.7 ± 0.6 4.2 to 7.1 tasks");
        let csv = String::from_utf8(to_csv(&runs)).unwrap();
        let line = csv.lines().find(|line| line.starts_with("total_usd")).unwrap();
        // Of the 90th percentile: the least value is above it with 0.1 %, the second with 2.8 %: 2.5 % is between, at
        // 2 · 0.9 · 2.4 ÷ (2 · 0.9 · 2.4 + 0.1 · 0.3) = 99.31 % of the way from 10 to 12.
        assert_eq!(
            line,
            "total_usd,USD,3,12.000000000,2.000000000,7.031724576,16.968275424,\
             12.000000000,,,14.000000000,11.986206897,,10.000000000,14.000000000"
        );
        let json: serde_json::Value = serde_json::from_str(&to_json(&runs)).unwrap();
        assert_eq!(json["runs"][2]["metrics"]["tasks_started"]["value"], 6);
        assert_eq!(json["over_seeds"]["wait_s_mean"]["seeds"], 2);
        assert_eq!(json["over_seeds"]["total_usd"]["mean"], 12.0);
    }
}
