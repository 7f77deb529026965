//! A plan: the cost of all settings that were run against the metric of the limit, with the front and the choice.

use super::axis::{Axis, Steps};
use super::drawing::{Align, Color, Drawing, Type, palette};
use super::font::fit_middle;
use super::frame::{self, BOTTOM, LEFT, Mark, RIGHT, TOP};
use crate::base::text::visible;
use crate::experiment::plan::Verdict;
use crate::report::plan::Study;

const START: f64 = LEFT + 90.0;
const PLOT_TOP: f64 = TOP + 60.0;
const LABEL: Type = Type::new(21.0, palette::INK).bold();
/// What lies this many limits away is drawn at the edge: one fleet that is far too small must not hide all others.
const FARTHEST: f64 = 3.0;

fn color(verdict: &Verdict) -> Color {
    match verdict {
        Verdict::Best => palette::GREEN,
        Verdict::Misses { .. } | Verdict::MissesByBound { .. } | Verdict::NotConfirmed { .. } => {
            palette::ORANGE
        }
        Verdict::NotCheaper { .. } | Verdict::AboveByBound { .. } => palette::BLUE,
        Verdict::NotShown { .. } | Verdict::Open | Verdict::Impossible(_) => palette::GREY,
    }
}

/// Draws the chart.
pub fn draw(study: &Study<'_>) -> Drawing {
    let column = &study.columns[study.against];
    let runs = study.outcome.race_runs + study.outcome.fresh_runs;
    let facts = [format!("{} settings", study.settings.len()), format!("{runs} runs")];
    let mut drawing = frame::titled(&format!("Cost against {}", column.name), study.name, &facts);
    let value = |at: usize| study.mean(at, study.against).map(|mean| mean.mean);
    let points: Vec<(usize, f64, f64)> = (0..study.settings.len())
        .filter_map(|at| Some((at, study.standings[at].usd?, value(at)?)))
        .filter(|(_, usd, value)| usd.is_finite() && value.is_finite())
        .collect();
    if points.is_empty() {
        return frame::empty(drawing, "No settings were run.");
    }
    let goal = study.goals.iter().find(|goal| goal.metric == column.name);
    let limit = goal.map(|goal| goal.limit.to_f64());
    let most = points.iter().map(|point| point.2).fold(limit.unwrap_or(0.0), f64::max);
    let most = match limit {
        Some(limit) if limit > 0.0 => most.min(FARTHEST * limit),
        _ => most,
    };
    let dearest = points.iter().map(|point| point.1).fold(0.0, f64::max);
    let x = Axis::values(0.0, dearest, Steps::Decimal, 8, (START, RIGHT - 20.0));
    let y = Axis::values(0.0, most, Steps::Decimal, 6, (BOTTOM, PLOT_TOP));
    for (value, label) in &y.ticks {
        let at = y.at(*value);
        drawing.line(vec![(START, at), (RIGHT, at)], 1.0, palette::GRID);
        drawing.text((START - 12.0, at + 6.0), label.clone(), frame::TICK.align(Align::End));
    }
    if let Some(limit) = limit {
        let at = y.at(limit);
        drawing.dashes((START, at), (RIGHT, at), 2.0, palette::AMBER);
        drawing.text((RIGHT, at - 8.0), "limit", frame::TICK.align(Align::End));
    }
    let place = |usd: f64, value: f64| (x.at(usd), y.at(value));
    let front =
        study.front.iter().filter_map(|at| Some(place(study.standings[*at].usd?, value(*at)?)));
    drawing.line(front.collect(), 2.5, palette::AXIS);
    for (at, usd, value) in &points {
        let verdict = &study.outcome.candidates[*at].verdict;
        drawing.dot(place(*usd, *value), 6.0, color(verdict));
    }
    if let Some(at) = study.outcome.answer {
        choice(
            &mut drawing,
            study,
            at,
            value(at).map(|value| place(study.standings[at].usd.unwrap_or(0.0), value)),
        );
    }
    drawing.line(vec![(START, BOTTOM), (RIGHT, BOTTOM)], 1.5, palette::AXIS);
    frame::x_axis(&mut drawing, BOTTOM, &x, "cost of a run, USD");
    let legend = [
        (Mark::Dot, palette::GREEN, "the answer".to_string()),
        (Mark::Dot, palette::BLUE, "not cheaper".to_string()),
        (Mark::Dot, palette::ORANGE, "misses a limit".to_string()),
        (Mark::Dot, palette::GREY, "not decided".to_string()),
        (Mark::Line, palette::AXIS, "front".to_string()),
    ];
    frame::legend_right(&mut drawing, TOP + 14.0, &legend);
    drawing
}

/// The answer, over all others, with its name.
fn choice(drawing: &mut Drawing, study: &Study<'_>, at: usize, place: Option<(f64, f64)>) {
    let Some((x, y)) = place else { return };
    drawing.dot((x, y), 11.0, palette::GREEN);
    drawing.dot((x, y), 5.0, palette::PAPER);
    let name = visible(&study.settings[at]).to_string();
    let is_right = x > (START + RIGHT) / 2.0;
    let (from, align, room) = match is_right {
        true => (x - 18.0, Align::End, x - START - 30.0),
        false => (x + 18.0, Align::Start, RIGHT - x - 30.0),
    };
    let text = fit_middle(&name, LABEL, room.max(120.0));
    drawing.text((from, y - 14.0), text, LABEL.align(align));
}
