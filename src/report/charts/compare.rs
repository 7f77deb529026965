//! A comparison: of each metric and variant the difference to the base in per cent, with its interval.

use super::axis::{Axis, Steps};
use super::drawing::{Align, Color, Drawing, Type, palette};
use super::font::{fit_middle, width};
use super::frame::{self, BOTTOM, LEFT, Mark, RIGHT, TOP};
use crate::base::text::visible;
use crate::experiment::compare::metrics::Sense;
use crate::experiment::compare::{Cell, Comparison, Row};
use crate::report::human;

/// Most lines; the table has all.
const MOST: usize = 22;
/// What lies farther from 0 is drawn at the edge: one small base must not make a point of all others.
const FARTHEST: f64 = 200.0;
const PLOT_TOP: f64 = TOP + 36.0;
const NAME: Type = Type::new(19.0, palette::INK);
const METRIC: Type = Type::new(19.0, palette::INK).bold();

/// A difference in per cent of the base's mean.
struct Line {
    metric: String,
    variant: String,
    mean: f64,
    half: Option<f64>,
    color: Color,
}

/// Draws the chart.
pub fn draw(of: &Comparison) -> Drawing {
    let base = of.variants.first().map(|name| visible(name).to_string()).unwrap_or_default();
    let mut all = lines(of);
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    let most = of.seeds.iter().max().copied().unwrap_or(0);
    let seeds = if most == 1 { "one seed".into() } else { format!("{most} seeds") };
    let mut facts = vec![seeds, format!("{} intervals", of.confidence)];
    if more > 0 {
        facts.push(format!("{more} more in compare.csv"));
    }
    let mut drawing = frame::titled("Difference to the base", &format!("base: {base}"), &facts);
    if all.is_empty() {
        return frame::empty(drawing, "Nothing differs from the base in per cent of it.");
    }
    let legend = [
        (Mark::Dot, palette::GREEN, "better".to_string()),
        (Mark::Dot, palette::ORANGE, "worse".to_string()),
        (Mark::Dot, palette::BLUE, "differs".to_string()),
        (Mark::Dot, palette::GREY, "may be chance".to_string()),
    ];
    frame::legend_right(&mut drawing, TOP + 14.0, &legend);
    plot(&mut drawing, &all);
    drawing
}

fn lines(of: &Comparison) -> Vec<Line> {
    let mut all = Vec::new();
    for row in &of.rows {
        let Some(base) = row.cells.first().and_then(|cell| cell.mean) else { continue };
        if base.mean == 0.0 {
            continue;
        }
        for (name, cell) in of.variants.iter().zip(&row.cells).skip(1) {
            let Some(paired) = cell.paired else { continue };
            let scale = 100.0 / base.mean.abs();
            all.push(Line {
                metric: row.metric.clone(),
                variant: visible(name).to_string(),
                mean: paired.difference.mean * scale,
                half: paired.difference.half_width.map(|half| half * scale),
                color: color(row, cell),
            });
        }
    }
    all
}

fn color(row: &Row, cell: &Cell) -> Color {
    let is_more = cell.paired.is_some_and(|paired| paired.difference.sum.0 > 0);
    match (cell.is_significant, row.sense) {
        (Some(true), Sense::Neither) => palette::BLUE,
        (Some(true), sense) if (sense == Sense::Lower) == is_more => palette::ORANGE,
        (Some(true), _) => palette::GREEN,
        (Some(false) | None, _) => palette::GREY,
    }
}

fn plot(drawing: &mut Drawing, all: &[Line]) {
    let names: Vec<String> =
        all.iter().map(|line| fit_middle(&line.variant, NAME, 480.0)).collect();
    let metrics: Vec<String> =
        all.iter().map(|line| fit_middle(&line.metric, METRIC, 330.0)).collect();
    let widest =
        |texts: &[String], set: Type| texts.iter().map(|t| width(t, set)).fold(0.0, f64::max);
    let names_at = LEFT + widest(&metrics, METRIC) + 24.0;
    let start = names_at + widest(&names, NAME) + 28.0;
    let ends = all.iter().flat_map(|line| {
        let half = line.half.unwrap_or(0.0);
        [line.mean - half, line.mean + half]
    });
    let (mut low, mut high) = (-0.1f64, 0.1f64);
    for end in ends {
        (low, high) = (low.min(end.max(-FARTHEST)), high.max(end.min(FARTHEST)));
    }
    // The amount stands at the right of the plot.
    let x = Axis::values(low, high, Steps::Decimal, 7, (start, RIGHT - 130.0));
    for (value, _) in &x.ticks {
        let at = x.at(*value);
        drawing.line(vec![(at, PLOT_TOP), (at, BOTTOM)], 1.0, palette::GRID);
    }
    let slot = ((BOTTOM - PLOT_TOP) / all.len() as f64).min(64.0);
    for (index, line) in all.iter().enumerate() {
        let y = PLOT_TOP + slot * (index as f64 + 0.5);
        if index == 0 || all[index - 1].metric != line.metric {
            drawing.text((LEFT, y + 6.5), metrics[index].clone(), METRIC);
        }
        drawing.text((names_at, y + 6.5), names[index].clone(), NAME);
        if let Some(half) = line.half {
            let (from, to) = (x.at(line.mean - half), x.at(line.mean + half));
            drawing.line(vec![(from, y), (to, y)], 3.0, line.color);
            for end in [from, to] {
                drawing.line(vec![(end, y - 6.0), (end, y + 6.0)], 2.0, line.color);
            }
        }
        drawing.dot((x.at(line.mean), y), 6.0, line.color);
        let sign = if line.mean > 0.0 { "+" } else { "" };
        let text = format!("{sign}{}", human::percent(line.mean));
        drawing.text((RIGHT, y + 6.5), text, NAME.align(Align::End));
    }
    let zero = x.at(0.0);
    drawing.line(vec![(zero, PLOT_TOP), (zero, BOTTOM)], 1.5, palette::AXIS);
    frame::x_axis(drawing, BOTTOM, &x, "per cent of the base's mean");
}
