//! The means of a sweep for people and for programs.

use super::tables::Trouble;
use crate::base::text::visible;
use crate::experiment::compare::metrics::{Sense, sense};
use crate::experiment::statistics::Mean;
use crate::experiment::sweep::{Plan, Results};
use crate::report::compare::{number, shown, with_half};
use crate::report::human;
use crate::report::manifest::SCHEMA;
use crate::report::summary::{Style, heading, lines, plain_table};
use comfy_table::{Cell, CellAlignment};
use std::fmt::Write as _;

/// Most rows of the table; `sweep_means.csv` has all.
const MOST_ROWS: usize = 60;
/// Longest label, in characters.
const LONGEST: usize = 40;
/// Most failed cells that are named.
const MOST_TROUBLES: usize = 20;

/// The table for a terminal: a row a settings, a column a metric. Ends with a newline.
#[must_use]
pub fn to_text(plan: &Plan, results: &Results, troubles: &[Trouble], style: Style) -> String {
    let mut table = plain_table(style);
    let right = |cell: Cell| cell.set_alignment(CellAlignment::Right);
    let axes = plan.axes.iter().map(|axis| heading(&axis.name, style));
    let metrics = results.metrics.iter().map(|metric| {
        let unit = match metric.unit.as_str() {
            "" | "USD" | "s" => String::new(),
            unit => format!(", {unit}"),
        };
        right(heading(&format!("{}{unit}", metric.name), style))
    });
    table.add_row(axes.chain(metrics).collect::<Vec<_>>());
    let means = means(plan, results);
    let best = best(results, &means);
    for (settings, of) in means.iter().enumerate().take(MOST_ROWS) {
        let label = |label: &str| Cell::new(human::middle(&visible(label), LONGEST));
        let mut row: Vec<Cell> = plan.labels(settings).into_iter().map(label).collect();
        for (metric, mean) in of.iter().enumerate() {
            let mark = if best[metric].contains(&settings) { " *" } else { "" };
            let text = cell(mean.as_ref(), &results.metrics[metric].unit);
            row.push(right(Cell::new(format!("{text}{mark}"))));
        }
        table.add_row(row);
    }
    let mut out = lines(&table);
    let more = means.len().saturating_sub(MOST_ROWS);
    if more > 0 {
        let _ = writeln!(out, "and {more} more in {}", super::MEANS_FILE);
    }
    out.push('\n');
    explain(&mut out, plan, results, best.iter().any(|of| !of.is_empty()));
    tell(&mut out, plan, troubles);
    out
}

/// The means by settings, by metric.
fn means(plan: &Plan, results: &Results) -> Vec<Vec<Option<Mean>>> {
    let of = |settings| {
        (0..results.metrics.len()).map(|metric| results.mean(plan, metric, settings)).collect()
    };
    (0..plan.settings.len()).map(of).collect()
}

/// The settings with the best mean of each metric; none where nothing is better about more or less, or all are as good.
fn best(results: &Results, means: &[Vec<Option<Mean>>]) -> Vec<Vec<usize>> {
    let of = |(metric, chosen): (usize, &crate::experiment::sweep::Chosen)| {
        let sense = sense(&chosen.name);
        let value = |of: &Vec<Option<Mean>>| of[metric].map(|mean| mean.mean);
        let values = means.iter().filter_map(value);
        let top = match sense {
            Sense::Lower => values.reduce(f64::min),
            Sense::Higher => values.reduce(f64::max),
            Sense::Neither => None,
        };
        let found = |(number, of): (usize, &Vec<Option<Mean>>)| {
            (top.is_some() && value(of) == top).then_some(number)
        };
        let found: Vec<usize> = means.iter().enumerate().filter_map(found).collect();
        if found.len() < means.len() { found } else { Vec::new() }
    };
    results.metrics.iter().enumerate().map(of).collect()
}

fn cell(mean: Option<&Mean>, unit: &str) -> String {
    match mean {
        None => "not defined".into(),
        Some(mean) if mean.is_constant => shown(mean.mean, unit),
        Some(mean) => with_half(mean, unit),
    }
}

fn explain(out: &mut String, plan: &Plan, results: &Results, has_best: bool) {
    let seeds = plan.seeds.len();
    let of = match seeds {
        1 => "One seed: there are no intervals.".to_string(),
        _ => format!("{seeds} seeds; ± is half of a {} interval.", results.confidence),
    };
    let star = if has_best { " * is the best mean of its column." } else { "" };
    let _ = writeln!(out, "{of}{star}");
}

/// The cells that could not be run.
fn tell(out: &mut String, plan: &Plan, troubles: &[Trouble]) {
    let cells = plan.cells();
    for trouble in troubles.iter().take(MOST_TROUBLES) {
        let cell = cells[trouble.cell];
        let line = trouble.error.lines().next().unwrap_or_default();
        let named = plan.named(cell.settings);
        let _ = writeln!(out, "failed: {named}, seed {}: {}", cell.seed.0, visible(line));
    }
    let more = troubles.len().saturating_sub(MOST_TROUBLES);
    if more > 0 {
        let _ = writeln!(out, "and {more} more that failed: see {}", super::SWEEP_FILE);
    }
}

/// The same as JSON with `"schema": "ecsim/1"`.
#[must_use]
pub fn to_json(plan: &Plan, results: &Results, troubles: &[Trouble]) -> String {
    let exact = |value: Option<f64>| match number(value).as_str() {
        "" => serde_json::Value::Null,
        text => serde_json::from_str(text).unwrap_or_default(),
    };
    let settings = (0..plan.settings.len()).map(|settings| {
        let axes = plan.axes.iter().zip(plan.labels(settings));
        let axes: serde_json::Map<_, _> =
            axes.map(|(axis, label)| (axis.name.clone(), label.into())).collect();
        let metrics = results.metrics.iter().enumerate().map(|(metric, chosen)| {
            let mean = results.mean(plan, metric, settings);
            let value = serde_json::json!({
                "unit": chosen.unit,
                "replications": mean.map_or(0, |mean| mean.count),
                "mean": exact(mean.map(|mean| mean.mean)),
                "half_width": exact(mean.and_then(|mean| mean.half_width)),
            });
            (chosen.name.clone(), value)
        });
        let metrics: serde_json::Map<_, _> = metrics.collect();
        serde_json::json!({ "axes": axes, "metrics": metrics })
    });
    let settings: Vec<_> = settings.collect();
    let cells = plan.cells();
    let failed = troubles.iter().map(|trouble| {
        let cell = cells[trouble.cell];
        let (named, seed) = (plan.named(cell.settings), cell.seed.0);
        serde_json::json!({ "settings": named, "seed": seed, "error": trouble.error })
    });
    let failed: Vec<_> = failed.collect();
    let value = serde_json::json!({
        "schema": SCHEMA, "sweep": plan.name, "cells": cells.len(), "failed": failed,
        "settings": settings,
    });
    format!("{value:#}\n")
}
