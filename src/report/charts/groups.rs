//! Auto Scaling groups over time: what they want and what they have, above the metric of managed scaling.

use super::ChartInput;
use super::axis::{Axis, Steps};
use super::drawing::{Color, Drawing, palette};
use super::frame::{self, BOTTOM, Mark, Panel, RIGHT, TOP};
use super::trend::{self, Trend};
use crate::metrics::capacity_track::ReservationTrack;
use crate::metrics::series::{Sample, Stretch};

/// A line: name, colour, value.
type Line = (&'static str, Color, fn(&Sample) -> u64);

const INSTANCES: [Line; 4] = [
    ("registered", palette::BLUE, |s| s.instances),
    ("desired", palette::INK, |s| s.desired_instances),
    ("launching", palette::AMBER, |s| s.launching_instances),
    ("draining", palette::ORANGE, |s| s.draining_instances),
];

/// Colours of providers.
const PROVIDERS: [Color; 5] =
    [palette::BLUE, palette::GREEN, palette::ORANGE, palette::AMBER, palette::GREY];

/// The metric is drawn up to so many percent: from zero it is thousands.
const MOST_PERCENT: f64 = 250.0;

/// Draws the chart.
pub fn draw(input: &ChartInput) -> Drawing {
    let series = &input.series;
    let facts = ["instances_launched", "instances_ended"].into_iter().zip(["launched", "ended"]);
    let facts: Vec<String> = facts
        .filter_map(|(metric, what)| Some(format!("{} {what}", frame::metric(input, metric)?)))
        .collect();
    let mut drawing = frame::page("Auto Scaling groups over time", input, &facts);
    let Some(last) = series.last() else {
        return frame::empty(drawing, "The run ended before its first sample: nothing to show.");
    };
    let is_managed = !input.reservations.is_empty();
    let middle = if is_managed { TOP + (BOTTOM - TOP) * 0.56 } else { BOTTOM + 26.0 };
    let most = most_instances(series) as f64;
    let mut top = Panel::new("Container instances", TOP, middle - 26.0, most, Steps::Whole);
    let mut bottom = is_managed.then(|| metric_panel(middle + 12.0, &input.reservations));
    if let Some(bottom) = &mut bottom {
        // Both panels share the x axis, so they share its left end.
        top.left = top.left.max(bottom.left);
        bottom.left = top.left;
    }
    let (x, name) = Axis::clock(input.start, last.to.to_secs_f64(), (top.left, RIGHT));
    draw_instances(&mut drawing, &top, &x, series);
    if let Some(bottom) = bottom {
        draw_metric(&mut drawing, &bottom, &x, &input.reservations);
    }
    frame::x_axis(&mut drawing, BOTTOM, &x, &trend::caption(series, &x, &name));
    drawing
}

/// The panel of the metric: up to its greatest value, or as far as it is drawn.
fn metric_panel(top: f64, all: &[ReservationTrack]) -> Panel {
    let extents = all.iter().flat_map(|of| &of.track.extents);
    let most = extents.map(|extent| percent(extent.most.0)).fold(100.0, f64::max);
    let heading = if most > MOST_PERCENT {
        format!("CapacityProviderReservation, %, drawn up to {MOST_PERCENT}")
    } else {
        "CapacityProviderReservation, %".into()
    };
    Panel::new(&heading, top, BOTTOM, most.min(MOST_PERCENT), Steps::Decimal)
}

fn percent(millionths: u64) -> f64 {
    millionths as f64 / 1e6
}

/// The highest point of [`draw_instances`].
pub(super) fn most_instances(series: &[Stretch]) -> u64 {
    let all = INSTANCES.iter().flat_map(|line| series.iter().map(|s| line.2(&s.most)));
    all.max().unwrap_or(0)
}

/// Registered and desired instances, and those on their way.
pub(super) fn draw_instances(drawing: &mut Drawing, panel: &Panel, x: &Axis, series: &[Stretch]) {
    panel.draw(drawing);
    let lines: Vec<&Line> =
        INSTANCES.iter().filter(|line| series.iter().any(|s| line.2(&s.most) > 0)).collect();
    for (index, line) in lines.iter().enumerate().rev() {
        let trend = Trend::new(series, |sample| line.2(sample) as f64, x, &panel.y);
        if index == 0 {
            drawing.area(frame::below(&trend.line, panel.bottom), palette::PALE_BLUE);
        }
        trend.draw_band(drawing, line.1);
        trend.draw_line(drawing, line.1);
    }
    panel.close(drawing);
    let legend: Vec<_> =
        lines.iter().map(|line| (Mark::Line, line.1, line.0.to_string())).collect();
    frame::legend_right(drawing, panel.top - 22.0, &legend);
}

fn draw_metric(drawing: &mut Drawing, panel: &Panel, x: &Axis, all: &[ReservationTrack]) {
    panel.draw(drawing);
    let mut legend = Vec::new();
    let mut targets: Vec<u32> = all.iter().map(|of| of.target).collect();
    targets.sort_unstable();
    targets.dedup();
    for target in targets {
        let y = panel.y.at(f64::from(target));
        drawing.dashes((panel.left, y), (RIGHT, y), 1.5, palette::INK);
    }
    for (of, color) in all.iter().zip(PROVIDERS) {
        let points =
            of.track.extents.iter().map(|extent| {
                (x.at(extent.from.to_secs_f64()), panel.y.at(percent(extent.most.0)))
            });
        drawing.line(frame::steps(points), 2.5, color);
        legend.push((Mark::Line, color, of.provider.clone()));
    }
    if all.len() > PROVIDERS.len() {
        let more = all.len() - PROVIDERS.len();
        legend.push((Mark::Line, palette::PAPER, format!("{more} more not drawn")));
    }
    panel.close(drawing);
    frame::legend_right(drawing, panel.top - 22.0, &legend);
}
