//! A plan for people.

use super::{COST, Study};
use crate::base::text::visible;
use crate::experiment::plan::{Stopped, Verdict, nearest};
use crate::report::compare::text::shown;
use crate::report::human;
use crate::report::summary::{Style, heading, lines, plain_table};
use comfy_table::{Cell, CellAlignment};
use std::fmt::Write as _;

/// Losers on either side of the answer that are shown.
const LOSERS: usize = 4;
/// Settings of the front that are shown.
const FRONT: usize = 8;
/// Longest settings in a table, in characters.
const LONGEST: usize = 70;

fn right(text: &str) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn settings(study: &Study<'_>, at: usize) -> String {
    human::middle(&visible(&study.settings[at]), LONGEST)
}

/// The whole answer. Ends with a newline.
#[must_use]
pub fn to_text(study: &Study<'_>, style: Style) -> String {
    let mut out = match study.outcome.answer {
        Some(at) => answer(study, at, style),
        None => none(study),
    };
    out.push_str(&losers(study, style));
    out.push_str(&front(study, style));
    out.push('\n');
    out.push_str(&effort(study));
    out
}

fn answer(study: &Study<'_>, at: usize, style: Style) -> String {
    let all = study.settings.len();
    let mut out = format!(
        "{}: the cheapest of {} settings that keep {}\n\n",
        study.name,
        human::thousands(all as u128),
        if study.goals.len() == 1 {
            "the limit".into()
        } else {
            format!("{} limits", study.goals.len())
        }
    );
    let _ = writeln!(out, "  {}", visible(&study.settings[at]));
    let fresh = study.outcome.candidates[at].fresh.len();
    if let Some(mean) = study.mean(at, 0) {
        let sure = study.outcome.sure;
        let _ = writeln!(
            out,
            "  costs {} ({fresh} fresh seeds, {sure} intervals)\n",
            study.told(&mean, 0)
        );
    }
    let mut table = plain_table(style);
    table.add_row(
        ["limit", "value", "slack", "kept by itself in", ""].map(|title| heading(title, style)),
    );
    for (goal, of) in study.goals.iter().enumerate() {
        let values = study.outcome.candidates[at].values(goal + 1);
        let look = of.look(&values, study.outcome.sure);
        let value =
            look.mean.map_or_else(|| "not defined".into(), |mean| study.told(&mean, goal + 1));
        let slack = look.mean.map_or_else(String::new, |mean| slack(study, goal, mean.mean));
        let binds = study.bindings.iter().any(|binding| binding.goal == goal);
        table.add_row(vec![
            Cell::new(study.limit(goal)),
            right(&value),
            right(&slack),
            right(&format!("{} of {fresh} seeds", look.seeds_kept)),
            Cell::new(if binds { "binds" } else { "" }),
        ]);
    }
    out.push_str(&lines(&table));
    out.push('\n');
    out.push_str(&binding(study));
    out
}

/// What is left to the limit.
fn slack(study: &Study<'_>, goal: usize, mean: f64) -> String {
    let of = &study.goals[goal];
    let limit = of.limit.to_f64();
    let left = if of.is_at_most { limit - mean } else { mean - limit };
    let unit = study.columns[goal + 1].unit.as_str();
    let share =
        if limit == 0.0 { String::new() } else { format!(" ({})", percent(left / limit.abs())) };
    format!("{}{share}", shown(left, unit))
}

fn percent(share: f64) -> String {
    format!("{} %", human::decimal(100.0 * share, 1))
}

fn binding(study: &Study<'_>) -> String {
    let usd = study.outcome.answer.and_then(|at| study.standings[at].usd).unwrap_or(0.0);
    let mut out = String::new();
    for binding in &study.bindings {
        let share = if usd > 0.0 { binding.saves_usd / usd } else { 0.0 };
        let _ = writeln!(
            out,
            "{} binds: without it {} would do, for {} ({}) less.",
            study.goals[binding.goal].metric,
            settings(study, binding.without),
            shown(binding.saves_usd, "USD"),
            percent(share)
        );
    }
    if out.is_empty() {
        out.push_str(
            "No limit binds by itself: none that was run is cheaper and misses one limit only.\n",
        );
    }
    if let Some(bound) = study.bound_usd().filter(|bound| usd > *bound) {
        let above = usd / bound - 1.0;
        let bound = shown(bound, "USD");
        let _ = writeln!(
            out,
            "No settings of the grid that keep the limits can cost less than {bound}: the answer is {} above.",
            percent(above)
        );
    }
    out
}

/// What is said where nothing is shown to keep the limits.
fn none(study: &Study<'_>) -> String {
    let all = study.settings.len();
    let mut out = format!(
        "{}: none of {} settings is shown to keep {}\n\n",
        study.name,
        human::thousands(all as u128),
        if study.goals.len() == 1 {
            "the limit".into()
        } else {
            format!("all {} limits", study.goals.len())
        }
    );
    let _ = writeln!(out, "{}", nearest_text(study));
    out
}

fn nearest_text(study: &Study<'_>) -> String {
    let Some((at, goal)) = nearest(study.outcome, study.goals) else {
        return "Bounds exclude all of them: nothing was run.".into();
    };
    let value = study.mean(at, goal + 1);
    let value = value.map_or_else(|| "not defined".into(), |mean| study.told(&mean, goal + 1));
    let cost = study
        .mean(at, 0)
        .map_or_else(String::new, |mean| format!(", for {}", study.told(&mean, 0)));
    format!(
        "Nearest: {} with {} {value}, expected {}{cost}.",
        settings(study, at),
        study.goals[goal].metric,
        study.goals[goal].words()
    )
}

/// The last line of stderr where there is no answer.
#[must_use]
pub fn why_none(study: &Study<'_>) -> String {
    let open = study.outcome.candidates.iter().filter(|of| of.verdict == Verdict::Open).count();
    let budget = match open {
        0 => String::new(),
        open => format!("; the budget left {open} of them open"),
    };
    format!(
        "expectation failed: none of {} settings is shown to keep the limits{budget}",
        study.settings.len()
    )
}

/// The next cheaper and the next dearer ones, and why they lost.
fn losers(study: &Study<'_>, style: Style) -> String {
    let answer = study.outcome.answer;
    let mut known: Vec<(usize, f64)> = study
        .standings
        .iter()
        .enumerate()
        .filter_map(|(at, standing)| Some((at, standing.usd?)))
        .collect();
    known.sort_by(|l, r| l.1.total_cmp(&r.1).then(l.0.cmp(&r.0)));
    let position = answer.and_then(|answer| known.iter().position(|(at, _)| *at == answer));
    let shown_ones: Vec<usize> = match position {
        Some(at) => {
            let from = at.saturating_sub(LOSERS);
            known.iter().skip(from).take(at - from + 1 + LOSERS).map(|(at, _)| *at).collect()
        }
        None => known.iter().take(2 * LOSERS).map(|(at, _)| *at).collect(),
    };
    let shown_ones: Vec<usize> = shown_ones.into_iter().filter(|at| Some(*at) != answer).collect();
    if shown_ones.is_empty() {
        return String::new();
    }
    let mut table = plain_table(style);
    table.add_row(vec![
        heading("who lost", style),
        heading(if answer.is_some() { "cost beside it" } else { "cost" }, style)
            .set_alignment(CellAlignment::Right),
        heading("seeds", style).set_alignment(CellAlignment::Right),
        heading("why", style),
    ]);
    let whole = answer.and_then(|at| study.standings[at].usd).unwrap_or(0.0);
    for at in shown_ones {
        let cost = match study.standings[at].difference {
            Some(mean) if whole > 0.0 => {
                let share = 100.0 / whole;
                let half = mean.half_width.map_or_else(String::new, |half| {
                    format!(" ± {}", human::decimal(half * share, 1))
                });
                format!("{}{half} %", signed_decimal(mean.mean * share))
            }
            _ => study.standings[at].usd.map_or_else(String::new, |usd| shown(usd, "USD")),
        };
        let of = &study.outcome.candidates[at];
        table.add_row(vec![
            Cell::new(format!("  {}", settings(study, at))),
            right(&cost),
            right(&(of.seen.len() + of.fresh.len()).to_string()),
            Cell::new(visible(&study.why(at))),
        ]);
    }
    format!("\n{}", lines(&table))
}

fn signed_decimal(value: f64) -> String {
    let text = human::decimal(value, 1);
    if value > 0.0 { format!("+{text}") } else { text }
}

fn front(study: &Study<'_>, style: Style) -> String {
    if study.front.len() < 2 {
        return String::new();
    }
    let column = &study.columns[study.against];
    let mut table = plain_table(style);
    table.add_row(vec![
        heading("front", style),
        heading("cost", style).set_alignment(CellAlignment::Right),
        heading(&column.name, style).set_alignment(CellAlignment::Right),
        heading("", style),
    ]);
    // Around the answer, since that is what could be had for a little more or less.
    let answer = study.outcome.answer;
    let usd = answer.and_then(|at| study.standings[at].usd).unwrap_or(f64::INFINITY);
    let near =
        study.front.partition_point(|at| study.standings[*at].usd.is_some_and(|of| of < usd));
    let from = near.saturating_sub(FRONT / 2).min(study.front.len().saturating_sub(FRONT));
    for at in study.front.iter().skip(from).take(FRONT) {
        let cost = study.standings[*at].usd.map_or_else(String::new, |usd| shown(usd, "USD"));
        let value = study.mean(*at, study.against);
        let value = value.map_or_else(String::new, |mean| study.told(&mean, study.against));
        table.add_row(vec![
            Cell::new(format!("  {}", settings(study, *at))),
            right(&cost),
            right(&value),
            Cell::new(if Some(*at) == answer { "the answer" } else { "" }),
        ]);
    }
    let more = study.front.len().saturating_sub(FRONT);
    let more = if more > 0 { format!("  and {more} more in plan.csv\n") } else { String::new() };
    format!("\n{}{more}", lines(&table))
}

fn effort(study: &Study<'_>) -> String {
    let of = study.outcome;
    let all = study.settings.len();
    let count = |wanted: fn(&Verdict) -> bool| {
        of.candidates.iter().filter(|of| wanted(&of.verdict)).count()
    };
    let runs = of.race_runs + of.fresh_runs;
    let grid = all as u128 * u128::from(study.rules.replications);
    let mut out = format!(
        "It took {} runs, {} to choose and {} to confirm; the full grid of {} settings × {} seeds has {}.\n",
        human::thousands(runs.into()),
        human::thousands(of.race_runs.into()),
        human::thousands(of.fresh_runs.into()),
        human::thousands(all as u128),
        study.rules.replications,
        human::thousands(grid)
    );
    let bounded =
        count(|of| matches!(of, Verdict::AboveByBound { .. } | Verdict::MissesByBound { .. }));
    if bounded > 0 {
        let _ = writeln!(out, "Bounds decided {bounded} of the settings.");
    }
    let _ = writeln!(
        out,
        "They simulated {} cluster-hours; the same trials in AWS would have cost {}.",
        human::thousands(study.trial.hours.round() as u128),
        shown(study.trial.usd, "USD")
    );
    let zone = f64::from(study.rules.zone_ppm) / 1e6;
    let _ = writeln!(
        out,
        "Whoever lost is shown at {} to miss a limit, or not to be cheaper by more than {} of {COST}.",
        study.rules.confidence,
        percent(zone)
    );
    let open = count(|of| *of == Verdict::Open);
    let not_shown = count(|of| matches!(of, Verdict::NotShown { .. }));
    if not_shown > 0 {
        let _ = writeln!(
            out,
            "{not_shown} may or may not keep a limit with {} seeds: more --replications tell.",
            study.rules.replications
        );
    }
    match of.stopped {
        Some(Stopped::Runs) => {
            let _ =
                writeln!(out, "The budget was spent with {open} of them open: one may be cheaper.");
        }
        Some(Stopped::Time) => {
            let _ = writeln!(
                out,
                "The time was over with {open} of them open: one may be cheaper, and a repetition may come to another answer. \
                 --budget {runs} repeats a search of this length exactly."
            );
        }
        None => {}
    }
    out
}
