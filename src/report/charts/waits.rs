//! Waiting times: which share of the tasks was placed within a time, on a logarithmic axis.

use super::ChartInput;
use super::axis::{Axis, Steps};
use super::drawing::{Align, Color, Drawing, palette};
use super::frame::{self, BOTTOM, Mark, Panel, RIGHT, TICK, TOP};
use crate::base::time::SimSpan;
use crate::report::human;

/// The marked quantiles: per mille, name, colour.
const MARKED: [(u64, &str, Color); 3] =
    [(500, "p50", palette::GREEN), (950, "p95", palette::AMBER), (990, "p99", palette::ORANGE)];

/// Most points that the line has.
const MOST_POINTS: usize = 2_000;

/// A logarithmic axis has no zero: where tasks did not wait at all, it has a place of its own at the left, so far from the
/// edge, and the axis begins behind a gap.
const ZERO_AT: f64 = 18.0;
const GAP_AT: f64 = 46.0;
const AXIS_AT: f64 = 72.0;

/// Draws the chart.
pub fn draw(input: &ChartInput) -> Drawing {
    let count = input.waits.count();
    let title = "How long tasks waited for placement";
    let max = input.waits.max().unwrap_or_default();
    if count == 0 {
        let drawing = frame::page(title, input, &[]);
        return frame::empty(drawing, "No task was placed: there are no waiting times.");
    }
    let at_once = input.waits.buckets().find(|(span, _)| span.0 == 0).map_or(0, |(_, n)| n);
    let share = 100.0 * at_once as f64 / count as f64;
    let mut facts = vec![format!("{} placed", plural(count, "task"))];
    if at_once > 0 {
        facts.push(format!("{} without a wait", human::percent(share)));
    }
    facts.push(format!("longest wait {}", human::span(max)));
    let mut drawing = frame::page(title, input, &facts);
    if at_once == count {
        return frame::empty(drawing, "Every task was placed at once: all waiting times are 0.");
    }
    let panel = Panel::new(
        "Share of the tasks placed within the time below, %",
        TOP,
        BOTTOM,
        100.0,
        Steps::Whole,
    );
    panel.draw(&mut drawing);
    let shortest = input.waits.buckets().find(|(span, _)| span.0 > 0).map_or(max, |(span, _)| span);
    let (zero, start) = match at_once {
        0 => (panel.left, panel.left),
        _ => (panel.left + ZERO_AT, panel.left + AXIS_AT),
    };
    let x = Axis::log_time(shortest.to_secs_f64(), max.to_secs_f64(), (start, RIGHT));
    let line = frame::steps(curve(input, &panel, zero, &x).into_iter());
    drawing.area(frame::below(&line, panel.bottom), palette::PALE_BLUE);
    drawing.line(line, 3.0, palette::BLUE);
    let mut legend = Vec::new();
    for (per_mille, name, color) in MARKED {
        let span = input.waits.quantile(per_mille).unwrap_or_default();
        legend.push((Mark::Dot, color, format!("{name}  {}", human::span(span))));
        let at = (log_at(&x, zero, span), panel.y.at(per_mille as f64 / 10.0));
        drawing.dashes((at.0, panel.bottom), at, 1.5, color);
        drawing.dot(at, 8.0, palette::PAPER);
        drawing.dot(at, 6.5, color);
    }
    panel.close(&mut drawing);
    frame::legend_right(&mut drawing, panel.top - 22.0, &legend);
    frame::x_axis(&mut drawing, BOTTOM, &x, "waiting time, logarithmic");
    if at_once > 0 {
        let middle = TICK.align(Align::Middle);
        drawing.line(vec![(zero, BOTTOM), (zero, BOTTOM + 7.0)], 1.5, palette::AXIS);
        drawing.text((zero, BOTTOM + 28.0), "0", middle);
        let gap = panel.left + GAP_AT;
        drawing.rect((gap - 4.0, BOTTOM - 5.0), (gap + 4.0, BOTTOM + 5.0), palette::PAPER);
        for at in [gap - 4.0, gap + 4.0] {
            drawing.line(
                vec![(at - 3.0, BOTTOM + 6.0), (at + 3.0, BOTTOM - 6.0)],
                1.5,
                palette::AXIS,
            );
        }
    }
    drawing
}

/// Cumulative shares at the ends of the buckets, thinned by a stated rule: every k-th and the last.
fn curve(input: &ChartInput, panel: &Panel, zero: f64, x: &Axis) -> Vec<(f64, f64)> {
    let total = input.waits.count() as f64;
    let mut seen = 0;
    let mut points = vec![(zero, panel.y.at(0.0))];
    let full = input.waits.buckets().count();
    let step = full.div_ceil(MOST_POINTS - 3).max(1);
    for (index, (span, count)) in input.waits.buckets().enumerate() {
        seen += count;
        if index % step == 0 || index + 1 == full {
            let share = 100.0 * seen as f64 / total;
            points.push((log_at(x, zero, span), panel.y.at(share)));
        }
    }
    points.push((RIGHT, panel.y.at(100.0)));
    points
}

/// Where a span is on the logarithmic axis, and 0 beside it.
fn log_at(x: &Axis, zero: f64, span: SimSpan) -> f64 {
    if span.0 == 0 { zero } else { x.at(libm::log10(span.to_secs_f64())) }
}

fn plural(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", human::thousands(u128::from(count)))
}
