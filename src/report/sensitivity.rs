//! What each lever buys, as tables for programs and for people.

use super::compare::text::{difference_with_half, shown, signed};
use super::csv::TableWriter;
use super::human;
use super::manifest::SCHEMA;
use super::summary::{Style, heading, lines, plain_table};
use crate::base::spreadsheet::free_text;
use crate::base::text::visible;
use crate::experiment::sensitivity::{Alone, Among, Effects, Lever};
use crate::experiment::statistics::{Confidence, Mean};
use crate::metrics::table::{ColumnSpec, TableSpec, column};
use comfy_table::{Cell, CellAlignment};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// A study that is done.
#[derive(Clone, Copy, Debug)]
pub struct Study<'a> {
    /// Name of the scenario.
    pub name: &'a str,
    /// What was moved.
    pub levers: &'a [Lever],
    /// What it did, by metric.
    pub effects: &'a [Effects],
    /// Unit of each metric, empty where it has none.
    pub units: &'a [String],
    /// Seeds of each change alone.
    pub seeds: u32,
    /// Elementary effects of each lever.
    pub trajectories: u32,
    /// How sure intervals are.
    pub confidence: Confidence,
}

const COLUMNS: &[ColumnSpec] = &[
    column("metric", "text", "–", "name of the metric, as in `summary.csv`"),
    column("unit", "text", "–", "its unit, empty where it has none"),
    column("lever", "text", "–", "key of the stage or setting"),
    column("stage", "text", "–", "what it is"),
    column("from", "text", "–", "what it is in the scenario; of a distribution the mean"),
    column("to", "text", "–", "what it was moved to"),
    column("base", "decimal", "see `unit`", "mean of the metric without any change"),
    column("difference", "decimal", "see `unit`", "with this change alone, paired by seed"),
    column(
        "difference_half_width",
        "decimal",
        "see `unit`",
        "half of its interval; empty where it is the same in all seeds",
    ),
    column(
        "p_holm",
        "decimal",
        "–",
        "p value of no difference after Holm's correction over all rows",
    ),
    column("is_significant", "boolean", "–", "whether the difference is more than chance"),
    column(
        "among_others",
        "decimal",
        "see `unit`",
        "mean of the elementary effects of the first change while a random half of all others is made, too; empty for the second",
    ),
    column("among_others_half_width", "decimal", "see `unit`", "half of its interval"),
    column(
        "mu_star",
        "decimal",
        "see `unit`",
        "mean of the magnitudes of the elementary effects (Morris)",
    ),
    column(
        "sigma",
        "decimal",
        "see `unit`",
        "their standard deviation: large where it matters what else is changed",
    ),
];

/// `sensitivity.csv`.
pub const SENSITIVITY: TableSpec = TableSpec {
    file: "sensitivity.csv",
    row: "metric and change of a stage or setting; of `ecsim sensitivity`",
    columns: COLUMNS,
};

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:.9}"))
}

/// The elementary effects of the side that has them.
fn among(effects: &Effects, of: &Alone) -> Option<Among> {
    if of.side == 0 { effects.among[of.lever] } else { None }
}

fn difference(of: &Alone) -> Option<Mean> {
    of.paired.map(|paired| paired.difference)
}

/// `sensitivity.csv`.
#[must_use]
pub fn to_csv(study: &Study<'_>) -> Vec<u8> {
    let mut table = TableWriter::new(SENSITIVITY);
    for (effects, unit) in study.effects.iter().zip(study.units) {
        for of in &effects.alone {
            let lever = &study.levers[of.lever];
            let (difference, among) = (difference(of), among(effects, of));
            table.row(&[
                effects.metric.clone(),
                unit.clone(),
                free_text(&lever.key).into_owned(),
                lever.stage.to_string(),
                lever.from.clone(),
                free_text(&lever.sides[of.side].to).into_owned(),
                number(effects.base.map(|mean| mean.mean)),
                number(difference.map(|mean| mean.mean)),
                number(difference.and_then(|mean| mean.half_width)),
                number(of.p_holm),
                of.is_significant.to_string(),
                number(among.map(|of| of.effect.mean)),
                number(among.and_then(|of| of.effect.half_width)),
                number(among.map(|of| of.magnitude)),
                number(among.and_then(|of| of.effect.deviation)),
            ]);
        }
    }
    table.into_bytes()
}

/// Changes of a metric that do something, the largest first; a lever's sides stay together.
#[must_use]
pub fn ranked(effects: &Effects) -> Vec<&Alone> {
    let size = |of: &Alone| difference(of).map_or(0.0, |mean| mean.mean.abs());
    let largest = |lever: usize| {
        effects.alone.iter().filter(|of| of.lever == lever).map(size).fold(0.0, f64::max)
    };
    let does = |lever: usize| {
        let of_it = effects.alone.iter().filter(|of| of.lever == lever);
        of_it.filter_map(difference).any(|mean| mean.sum.0 != 0 || !mean.is_constant)
    };
    let mut all: Vec<&Alone> = effects.alone.iter().filter(|of| does(of.lever)).collect();
    all.sort_by(|l, r| {
        largest(r.lever)
            .total_cmp(&largest(l.lever))
            .then(l.lever.cmp(&r.lever))
            .then(l.side.cmp(&r.side))
    });
    all
}

/// The tables for people: one a metric, the largest first. Ends with a newline.
#[must_use]
pub fn to_text(study: &Study<'_>, style: Style) -> String {
    let mut out = String::new();
    let right = |text: &str| Cell::new(text).set_alignment(CellAlignment::Right);
    for (effects, unit) in study.effects.iter().zip(study.units) {
        let base = effects.base.map_or_else(|| "not defined".into(), |mean| shown(mean.mean, unit));
        let per_cent = if unit == "%" { " %" } else { "" };
        let _ = writeln!(out, "{}: {base}{per_cent} as it is", effects.metric);
        let all = ranked(effects);
        if all.is_empty() {
            out.push_str("  nothing changes it\n\n");
            continue;
        }
        let mut table = plain_table(style);
        let titles = ["", "change", "alone", "", "among others", "verdict"];
        table.add_row(titles.map(|title| heading(title, style)));
        for of in all {
            let lever = &study.levers[of.lever];
            let change = match lever.from.as_str() {
                "" => visible(&lever.sides[of.side].to).to_string(),
                from => format!("{from} to {}", lever.sides[of.side].to),
            };
            let alone = difference(of);
            let share = effects.base.zip(alone).filter(|(base, _)| base.mean != 0.0);
            let share =
                share.map(|(base, of)| signed(100.0 * of.mean / base.mean.abs(), "%") + " %");
            let others = among(effects, of).map(|of| difference_with_half(&of.effect, unit));
            let name = if of.side == 0 { visible(&lever.key).to_string() } else { String::new() };
            table.add_row(vec![
                Cell::new(format!("  {}", human::middle(&name, 52))),
                right(&change),
                right(&alone.map_or_else(String::new, |mean| difference_with_half(&mean, unit))),
                right(&share.unwrap_or_default()),
                right(&others.unwrap_or_default()),
                Cell::new(if of.is_significant { "" } else { "may be chance" }),
            ]);
        }
        out.push_str(&lines(&table));
        out.push('\n');
    }
    out + &explanation(study)
}

/// What the tables mean, and what does nothing.
fn explanation(study: &Study<'_>) -> String {
    let mut out = String::new();
    let does_nothing = |lever: &usize| {
        study.effects.iter().all(|effects| !ranked(effects).iter().any(|of| of.lever == *lever))
    };
    let idle: Vec<&str> = (0..study.levers.len())
        .filter(does_nothing)
        .map(|lever| study.levers[lever].key.as_str())
        .collect();
    if !idle.is_empty() {
        let _ = writeln!(out, "Without any effect on these: {}.", visible(&idle.join(", ")));
    }
    let (seeds, sure) = (study.seeds, study.confidence);
    let _ = writeln!(
        out,
        "Alone: {seeds} seeds, paired; ± is half of a {sure} interval; what may be chance is told by Holm's correction over all."
    );
    if study.trajectories > 0 {
        let _ = writeln!(
            out,
            "Among others: the mean of {} elementary effects while a random half of the others is changed, too.",
            study.trajectories
        );
    }
    out
}

/// One JSON document, also what `--format json` prints. What is not defined is `null`. Ends with a newline.
#[must_use]
pub fn to_json(study: &Study<'_>) -> String {
    let metrics = study.effects.iter().zip(study.units).map(|(effects, unit)| {
        let changes = effects.alone.iter().map(|of| {
            let lever = &study.levers[of.lever];
            let (difference, among) = (difference(of), among(effects, of));
            json!({
                "lever": lever.key,
                "stage": lever.stage,
                "from": lever.from,
                "to": lever.sides[of.side].to,
                "difference": difference.map(|mean| mean.mean),
                "half_width": difference.and_then(|mean| mean.half_width),
                "p_holm": of.p_holm,
                "is_significant": of.is_significant,
                "among_others": among.map(|of| of.effect.mean),
                "among_others_half_width": among.and_then(|of| of.effect.half_width),
                "mu_star": among.map(|of| of.magnitude),
                "sigma": among.and_then(|of| of.effect.deviation),
            })
        });
        json!({
            "metric": effects.metric,
            "unit": unit,
            "base": effects.base.map(|mean| mean.mean),
            "changes": changes.collect::<Vec<Value>>(),
        })
    });
    let document = json!({
        "schema": SCHEMA,
        "scenario": study.name,
        "confidence_percent": study.confidence.share() * 100.0,
        "seeds": study.seeds,
        "trajectories": study.trajectories,
        "metrics": metrics.collect::<Vec<Value>>(),
    });
    let text = serde_json::to_string_pretty(&document);
    text.expect("text keys and finite numbers only") + "\n"
}
