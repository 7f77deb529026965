//! The study of `ecsim breakeven` as tables of Markdown, with intervals over the seeds: `breakeven.md`.

use super::breakeven::{Study, factor, fargate, interval, level, more_than_fargate, shown};
use super::human;
use crate::experiment::breakeven::{Cell, Crossing, Kind, Pair, cheapest, crossings, pairs};
use std::fmt::Write as _;

/// Name of the file.
pub const FILE: &str = "breakeven.md";

/// The page: what each kind costs at each load, where that turns, and what it is by purchase at the load closest to 1.
#[must_use]
pub fn to_markdown(study: &Study<'_>) -> String {
    let mut text = "| load | on | bill | against Fargate | promised | level at | start p95 | serves as well |\n\
         | ---: | --- | ---: | ---: | ---: | ---: | ---: | --- |\n"
        .to_string();
    for &load in &study.question.loads {
        for &kind in &study.question.kinds {
            let as_quick = cheapest(study.cells, load, kind, true);
            let any = cheapest(study.cells, load, kind, false);
            let Some(first) = as_quick.or(any) else { continue };
            text += &row(study, first);
            if let Some(slower) = any.filter(|any| !std::ptr::eq(*any, first)) {
                text += &row(study, slower);
            }
        }
    }
    let seeds = study.question.seeds.len();
    let _ = write!(
        text,
        "\n{seeds} seed{}; ± is half of a 95 % interval; differences are paired by seed.",
        if seeds == 1 { "" } else { "s" }
    );
    text.push('\n');
    for &kind in study.question.kinds.iter().filter(|kind| **kind != Kind::Fargate) {
        text += &turns(study, kind);
    }
    text + &matrix(study)
}

fn row(study: &Study<'_>, cell: &Cell) -> String {
    let percent = ("", " %");
    let is_base = cell.variant.kind == Kind::Fargate && fargate(study, cell.load).is_some();
    let packed = cell.estimate(|one| one.packed_percent);
    format!(
        "| ×{} | {} | {} | {} | {} | {} | {} | {} |\n",
        factor(cell.load),
        cell.variant,
        shown(cell.estimate(|said| said.usd), 2, ("$", "")),
        if is_base { "base".into() } else { shown(more_than_fargate(study, cell), 1, percent) },
        shown(packed.filter(|_| cell.variant.kind.is_instances()), 1, percent),
        shown(level(study, cell), 1, percent),
        shown(cell.estimate(|said| said.start_p95_s), 0, ("", " s")),
        if cell.is_as_quick() { "yes" } else { "no" },
    )
}

/// Where a kind becomes cheaper than Fargate, or dearer: where both serve as well, and where tasks may wait.
fn turns(study: &Study<'_>, kind: Kind) -> String {
    let loads = &study.question.loads;
    let mut text = String::new();
    for (as_quick, how) in [(true, "where it serves as well"), (false, "where tasks may wait")] {
        let found = crossings(study.cells, loads, kind, as_quick);
        for one in &found {
            let _ = writeln!(text, "- {} is cheaper than Fargate {}, {how}.", kind.name(), at(one));
        }
        if found.is_empty() && loads.len() > 1 {
            let _ = writeln!(text, "- {}: nothing turns between these loads, {how}.", kind.name());
        }
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn at(one: &Crossing) -> String {
    let side = if one.wins_above { "above" } else { "below" };
    format!("{side} ×{}{}", human::decimal(one.load, 2), interval(one))
}

/// At the load closest to 1: how full instances must be, by how they and Fargate are bought.
fn matrix(study: &Study<'_>) -> String {
    let far = |load: &f64| libm::log(*load).abs();
    let closest = study.question.loads.iter().copied().min_by(|a, b| far(a).total_cmp(&far(b)));
    let all = closest.map(|load| pairs(study.cells, study.question, load)).unwrap_or_default();
    let name = |pair: &Pair<'_>| {
        let kind = pair.fargate.variant.kind.name();
        format!("{kind} {}", pair.fargate_bought.name(study.question))
    };
    let mut text = String::new();
    let same = |a: &Pair<'_>, b: &Pair<'_>| {
        (a.bought, a.instances.variant.kind) == (b.bought, b.instances.variant.kind)
    };
    for row in all.chunk_by(same) {
        if text.is_empty() {
            let columns: Vec<String> = row.iter().map(name).collect();
            let load = factor(row[0].load);
            let _ = write!(
                text,
                "\n| level at, ×{load} | {} | promised |\n| --- |{} ---: |\n",
                columns.join(" | "),
                " ---: |".repeat(columns.len())
            );
        }
        let cell = |pair: &Pair<'_>| {
            let level = shown(Some(pair.level_percent), 1, ("", " %"));
            if pair.is_cheaper() { format!("**{level}**") } else { level }
        };
        let cells: Vec<String> = row.iter().map(cell).collect();
        let kind = row[0].instances.variant.kind.name();
        let _ = writeln!(
            text,
            "| {kind} {} | {} | {} |",
            row[0].bought.name(study.question),
            cells.join(" | "),
            shown(Some(row[0].packed_percent), 1, ("", " %"))
        );
    }
    text
}
