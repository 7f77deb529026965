//! A sweep along one axis: the means of metrics with their intervals, a line for each point of the other axis where there
//! is one other.

use super::axis::Steps;
use super::drawing::{Align, Color, Drawing, palette};
use super::font::{fit_middle, width};
use super::frame::{self, BOTTOM, LEFT, Mark, Panel, RIGHT, TICK, TOP};
use crate::base::text::visible;
use crate::experiment::statistics::Mean;
use crate::experiment::sweep::{Plan, Results};

/// Most metrics on one page.
const MOST_PANELS: usize = 3;
/// Most lines of one panel.
const MOST_LINES: usize = 6;
const COLORS: [Color; MOST_LINES] = [
    palette::BLUE,
    palette::ORANGE,
    palette::GREEN,
    palette::AMBER,
    palette::PARTS[0],
    palette::GREY,
];

/// A line: what it is called, and the mean at each point of the axis.
struct Line {
    name: String,
    means: Vec<Option<Mean>>,
}

/// The other axis, if there is one other dimension that has few points.
fn other(plan: &Plan, axis: usize) -> Option<usize> {
    let own = plan.axes[axis].dimension;
    let mut others: Vec<usize> = (0..plan.axes.len()).collect();
    others.retain(|other| plan.axes[*other].dimension != own);
    let dimension = plan.axes[*others.first()?].dimension;
    let is_one = others.iter().all(|other| plan.axes[*other].dimension == dimension);
    let is_short = plan.axes[others[0]].points.len() <= MOST_LINES;
    (is_one && is_short).then_some(others[0])
}

fn lines(plan: &Plan, results: &Results, metric: usize, axis: usize) -> Vec<Line> {
    let points = 0..plan.axes[axis].points.len();
    match other(plan, axis) {
        None => {
            let means = points.map(|at| results.along(plan, metric, &[(axis, at)])).collect();
            vec![Line { name: String::new(), means }]
        }
        Some(other) => {
            let names = plan.axes[other].points.iter().enumerate();
            let of = |(number, name): (usize, &String)| {
                let fixed = |at| [(axis, at), (other, number)];
                let means = points.clone().map(|at| results.along(plan, metric, &fixed(at)));
                Line { name: name.clone(), means: means.collect() }
            };
            names.map(of).collect()
        }
    }
}

/// Draws the chart of an axis.
pub fn draw(plan: &Plan, results: &Results, axis: usize) -> Drawing {
    let name = &plan.axes[axis].name;
    let seeds = plan.seeds.len();
    let mut facts =
        vec![if seeds == 1 { "one seed".into() } else { format!("means of {seeds} seeds") }];
    if seeds > 1 {
        facts.push(format!("bars are {} intervals", results.confidence));
    }
    let with = other(plan, axis);
    let own = plan.axes[axis].dimension;
    if with.is_none() && plan.axes.iter().any(|of| of.dimension != own) {
        facts.push("means over the other axes".into());
    }
    let mut drawing = frame::titled(&format!("Sweep along {name}"), &plan.name, &facts);
    let shown = results.metrics.len().min(MOST_PANELS);
    let all: Vec<Vec<Line>> = (0..shown).map(|metric| lines(plan, results, metric, axis)).collect();
    let is_empty = all.iter().flatten().all(|line| line.means.iter().all(Option::is_none));
    if is_empty {
        return frame::empty(drawing, "No cell has a value of these metrics.");
    }
    let top = if with.is_some() { TOP + 26.0 } else { TOP - 10.0 };
    let height = (BOTTOM - top) / shown as f64;
    let panels: Vec<Panel> = (0..shown)
        .map(|metric| {
            let from = top + height * metric as f64;
            let highest = all[metric].iter().flat_map(|line| line.means.iter().flatten());
            let highest = highest.map(|mean| mean.ends().1).fold(0.0, f64::max);
            let of = &results.metrics[metric];
            let unit = if of.unit.is_empty() { String::new() } else { format!(", {}", of.unit) };
            let heading = format!("{}{unit}", visible(&of.name));
            let bottom = from + height - if metric + 1 == shown { 0.0 } else { 24.0 };
            Panel::new(&heading, from, bottom, highest, Steps::Decimal)
        })
        .collect();
    let start = panels.iter().map(|panel| panel.left).fold(LEFT, f64::max) + 40.0;
    let count = plan.axes[axis].points.len();
    let step = (RIGHT - 40.0 - start) / (count.max(2) - 1) as f64;
    let x = |at: usize| if count == 1 { (start + RIGHT) / 2.0 } else { start + step * at as f64 };
    for (panel, lines) in panels.iter().zip(&all) {
        panel.draw(&mut drawing);
        for (number, line) in lines.iter().enumerate() {
            let shift = (number as f64 - (lines.len() - 1) as f64 / 2.0) * 7.0;
            paint(&mut drawing, panel, line, COLORS[number % MOST_LINES], |at| x(at) + shift);
        }
        panel.close(&mut drawing);
    }
    labels(&mut drawing, plan, axis, x, step);
    if let Some(other) = with {
        let entries = all[0].iter().enumerate().map(|(number, line)| {
            let text = format!("{}={}", plan.axes[other].name, line.name);
            let text = fit_middle(&visible(&text), TICK, 260.0);
            (Mark::Line, COLORS[number % MOST_LINES], text)
        });
        let entries: Vec<_> = entries.collect();
        frame::legend(&mut drawing, (LEFT, TOP + 4.0), RIGHT, &entries);
    }
    drawing
}

fn paint(
    drawing: &mut Drawing,
    panel: &Panel,
    line: &Line,
    color: Color,
    x: impl Fn(usize) -> f64,
) {
    let mut run = Vec::new();
    for (at, mean) in line.means.iter().enumerate() {
        let Some(mean) = mean else {
            drawing.line(std::mem::take(&mut run), 2.5, color);
            continue;
        };
        let place = (x(at), panel.y.at(mean.mean));
        run.push(place);
        drawing.dot(place, 5.0, color);
        if mean.half_width.is_some() {
            let (low, high) = mean.ends();
            let (low, high) = (panel.y.at(low), panel.y.at(high));
            drawing.line(vec![(place.0, low), (place.0, high)], 2.0, color);
            for end in [low, high] {
                drawing.line(vec![(place.0 - 5.0, end), (place.0 + 5.0, end)], 2.0, color);
            }
        }
    }
    drawing.line(run, 2.5, color);
}

/// What the points are called, below the lowest panel; those that would touch the one before are left out.
fn labels(drawing: &mut Drawing, plan: &Plan, axis: usize, x: impl Fn(usize) -> f64, step: f64) {
    let mut free_from = f64::NEG_INFINITY;
    for (at, label) in plan.axes[axis].points.iter().enumerate() {
        let text = fit_middle(&visible(label), TICK, (step - 8.0).clamp(60.0, 320.0));
        let half = width(&text, TICK) / 2.0;
        let middle = x(at).min(RIGHT - half);
        drawing.line(vec![(x(at), BOTTOM), (x(at), BOTTOM + 7.0)], 1.5, palette::AXIS);
        if middle - half >= free_from {
            drawing.text((middle, BOTTOM + 28.0), text, TICK.align(Align::Middle));
            free_from = middle + half + 6.0;
        }
    }
    let name = plan.axes[axis].name.clone();
    drawing.text((RIGHT, BOTTOM + 58.0), name, TICK.align(Align::End));
}
