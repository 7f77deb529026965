//! What `ecsim breakeven` prints.

use super::{map, packing};
use crate::cli::screen::{align_right, table};
use crate::experiment::breakeven::{Cell, Crossing, Kind, Quick, Said, cheapest, crossings};
use crate::report::breakeven::{Study, all_crossings, factor, interval, level, rows, shown};
use crate::report::human;
use std::fmt::Write as _;

const HEADINGS: [&str; 9] =
    ["load", "on", "USD", "with plan", "a task-hour", "start p95", "promised", "level at", ""];

/// A table by load, then what it means.
pub fn human(study: &Study<'_>) -> String {
    let on_fargate = study.cells.iter().filter(|cell| cell.variant.kind.is_fargate());
    let mut bills = on_fargate.filter_map(|cell| cell.mean(|said| said.usd)).peekable();
    if bills.peek().is_some() && bills.all(|usd| usd == 0.0) {
        return format!(
            "{}: no task is asked for: there is nothing to compare.\n",
            crate::base::text::visible(study.name),
        );
    }
    let seeds = study.question.seeds.len();
    let mut text = format!(
        "{}: means of {seeds} seed{}; \"with plan\": with the best Compute Savings Plan of {}. To serve as well as Fargate is to \
         start 95 % of tasks as soon, and to drop and refuse no more. \"level at\": how full instances must be to cost what \
         Fargate does.\n\n",
        crate::base::text::visible(study.name),
        if seeds == 1 { "" } else { "s, ± half of a 95 % interval" },
        study.question.term,
    );
    let mut screen = table(&HEADINGS);
    align_right(&mut screen, 2..8);
    for (index, &load) in study.question.loads.iter().enumerate() {
        if index > 0 {
            screen.add_row([""; 9]);
        }
        let (best_as_quick, best) = (best(study, load, true), best(study, load, false));
        for &kind in &study.question.kinds {
            let as_quick = cheapest(study.cells, load, kind, true);
            let any = cheapest(study.cells, load, kind, false);
            let Some(cell) = as_quick.or(any) else { continue };
            let marks = self::marks(cell, best, best_as_quick);
            screen.add_row(row(study, cell, marks));
            // The cheapest of all may be one that makes tasks wait.
            if let Some(slower) = any.filter(|any| !std::ptr::eq(*any, cell)) {
                let marks = self::marks(slower, best, best_as_quick);
                screen.add_row(row(study, slower, marks));
            }
        }
    }
    text += &format!("{screen}\n\n");
    text += &verdict(study);
    text += &packing::told(study);
    text += &map::told(study);
    text
}

fn best<'a>(study: &Study<'a>, load: f64, as_quick: bool) -> Option<&'a Cell> {
    let kinds = study.question.kinds.iter();
    let cells = kinds.filter_map(|&kind| cheapest(study.cells, load, kind, as_quick));
    let usd = |cell: &Cell| cell.mean(|said| said.usd).unwrap_or(f64::INFINITY);
    cells.min_by(|a, b| usd(a).total_cmp(&usd(b)))
}

fn marks(cell: &Cell, best: Option<&Cell>, as_quick: Option<&Cell>) -> String {
    let is = |other: Option<&Cell>| other.is_some_and(|other| std::ptr::eq(other, cell));
    let fails = match cell.quick {
        Quick::AsQuick => "",
        Quick::Later => "starts later",
        Quick::DropsMore => "drops more",
        Quick::RefusesMore => "refuses more",
    };
    match (is(as_quick), is(best)) {
        (true, true) => "cheapest".into(),
        (true, false) => "cheapest that serves as well".into(),
        (false, true) => format!("cheapest, {fails}"),
        (false, false) => fails.into(),
    }
}

fn row(study: &Study<'_>, cell: &Cell, marks: String) -> [String; 9] {
    let of = |of: fn(&Said) -> f64| cell.estimate(of);
    let packed = of(|said| said.packed_percent).filter(|_| cell.variant.kind.is_instances());
    [
        format!("×{}", factor(cell.load)),
        cell.variant.to_string(),
        shown(of(|said| said.usd), 2, ("$", "")),
        shown(of(|said| said.usd_with_plan), 2, ("$", "")),
        format!("${}", human::decimal(cell.mean(|said| said.usd_per_task_hour).unwrap_or(0.0), 4)),
        shown(of(|said| said.start_p95_s), 0, ("", " s")),
        shown(packed, 1, ("", " %")),
        shown(level(study, cell), 1, ("", " %")),
        marks,
    ]
}

fn verdict(study: &Study<'_>) -> String {
    let mut text = String::new();
    let loads = &study.question.loads;
    let has_fargate = study.cells.iter().any(|c| c.variant.kind == Kind::Fargate && c.said.is_ok());
    let others = study.question.kinds.iter().filter(|kind| **kind != Kind::Fargate && has_fargate);
    for &kind in others {
        let found = crossings(study.cells, loads, kind, true);
        for one in &found {
            let _ = writeln!(text, "{}", crossing(one, "where both serve as well"));
        }
        if found.is_empty() {
            let _ = writeln!(text, "{}", never(study, kind));
            for one in crossings(study.cells, loads, kind, false) {
                let _ = writeln!(text, "{}", crossing(&one, "if tasks may wait"));
            }
        }
    }
    let fargate =
        loads.iter().rev().find_map(|&load| cheapest(study.cells, load, Kind::Fargate, false));
    if let Some(cell) = fargate {
        let mean = |of: fn(&Said) -> f64| cell.mean(of).unwrap_or(0.0);
        let _ = writeln!(
            text,
            "Fargate's least billed time: ${} at a load of ×{}.",
            human::decimal(mean(|said| said.minimum_usd), 2),
            factor(cell.load),
        );
    }
    if let Some(cell) = fargate.filter(|cell| cell.mean(|s| s.ladder_memory_percent) > Some(0.0)) {
        let percent = |of: fn(&Said) -> f64| human::decimal(cell.mean(of).unwrap_or(0.0), 1);
        let _ = writeln!(
            text,
            "Of the tasks that a trace or generator sizes, {} % of the CPU and {} % of the memory that Fargate gives was not asked for.",
            percent(|said| said.ladder_cpu_percent),
            percent(|said| said.ladder_memory_percent),
        );
    }
    for remark in study.remarks {
        let _ = writeln!(text, "{}", crate::base::text::visible(remark));
    }
    text += &refusals(study);
    for (variant, why) in impossible(study) {
        let _ = writeln!(text, "{variant} was left out: {}", crate::base::text::visible(&why));
    }
    text
}

fn crossing(one: &Crossing, how: &str) -> String {
    let side = if one.wins_above { "above" } else { "below" };
    let load = human::decimal(one.load, 2);
    let (name, interval) = (one.kind.name(), interval(one));
    format!("{name} is cheaper than Fargate {side} a load of ×{load}{interval}, {how}.")
}

/// Kinds that place too few of the tasks at a load, which leaves them out of its rows.
fn refusals(study: &Study<'_>) -> String {
    let mut text = String::new();
    for &load in &study.question.loads {
        for &kind in &study.question.kinds {
            let of_it = || {
                study
                    .cells
                    .iter()
                    .filter(|c| c.load == load && c.variant.kind == kind && c.said.is_ok())
            };
            if of_it().count() > 0 && of_it().all(|cell| cell.quick == Quick::RefusesMore) {
                let least = of_it()
                    .filter_map(|cell| cell.mean(|said| said.refused_percent))
                    .fold(100.0, f64::min);
                let percent = human::decimal(least, 1);
                let _ = writeln!(
                    text,
                    "{} at ×{}: {percent} % of the tasks are not placed.",
                    kind.name(),
                    factor(load)
                );
            }
        }
    }
    text
}

/// Why a kind has no crossing: always cheaper, never, or never as quick.
fn never(study: &Study<'_>, kind: Kind) -> String {
    let ratio = |load: f64| -> Option<f64> {
        let usd = |cell: &Cell| cell.mean(|said| said.usd);
        let fargate = usd(cheapest(study.cells, load, Kind::Fargate, true)?)?;
        Some(usd(cheapest(study.cells, load, kind, true)?)? / fargate)
    };
    let ratios: Vec<f64> = study.question.loads.iter().filter_map(|&load| ratio(load)).collect();
    let name = kind.name();
    let Some(least) = ratios.iter().copied().min_by(f64::total_cmp) else {
        return format!("{name} never serves as well as Fargate does.");
    };
    let most = ratios.iter().copied().fold(least, f64::max);
    let (side, bounds) = (
        match (least < 1.0, most < 1.0) {
            (true, true) => "cheaper",
            (true, false) => "cheaper or dearer, by the load,",
            (false, _) => "no cheaper",
        },
        format!("{} of its cost", percents(least, most)),
    );
    format!("{name} is {side} than Fargate at every load where it serves as well: {bounds}.")
}

/// A range of shares in whole percents: one figure where both ends round alike.
fn percents(least: f64, most: f64) -> String {
    let percent = |share: f64| human::decimal(100.0 * share, 0);
    let (least, most) = (percent(least), percent(most));
    if least == most { format!("{least} %") } else { format!("{least} to {most} %") }
}

/// Variants that could not run, with the reason; each once.
fn impossible(study: &Study<'_>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for cell in study.cells {
        if let Err(why) = &cell.said {
            let one = (cell.variant.to_string(), why.clone());
            if !found.contains(&one) {
                found.push(one);
            }
        }
    }
    found
}

/// The rows of `breakeven.csv` and the crossings.
pub fn json(study: &Study<'_>) -> String {
    let crossings = all_crossings(study).map(|(may_wait, one)| {
        serde_json::json!({
            "on": one.kind.name(),
            "tasks_may_wait": may_wait,
            "cheaper_above": one.wins_above,
            "load": one.load,
            "has_interval": one.interval.is_some(),
            "low": one.interval.and_then(|interval| interval.low),
            "high": one.interval.and_then(|interval| interval.high),
        })
    });
    let value = serde_json::json!({
        "schema": crate::report::manifest::SCHEMA,
        "scenario": study.name,
        "cells": rows(study),
        "crossings": crossings.collect::<Vec<_>>(),
        "map": map::json(study),
        "pairs": packing::json(study),
        "claims": packing::claims_json(study),
    });
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_whose_ends_round_alike_is_one_figure() {
        assert_eq!(percents(0.305_1, 0.314_9), "31 %");
        assert_eq!(percents(0.314_9, 0.315_1), "31 to 32 %");
        assert_eq!(percents(0.07, 1.2), "7 to 120 %");
    }
}
