//! Reserved against registered CPU and memory over time, in two panels under each other.

use super::axis::{Axis, Steps};
use super::drawing::{Drawing, palette};
use super::frame::{self, BOTTOM, Mark, Panel, RIGHT, TOP};
use super::{ChartInput, thinned};
use crate::metrics::series::Sample;

/// A resource: heading, units in the data for one on the axis, and (registered, reserved, on Fargate).
type Resource = (&'static str, f64, fn(&Sample) -> [u64; 3]);

const RESOURCES: [Resource; 2] = [
    ("CPU, vCPU", 1_024.0, |s| [s.registered_cpu, s.reserved_cpu, s.fargate_cpu]),
    ("Memory, GiB", 1_024.0, |s| [s.registered_memory, s.reserved_memory, s.fargate_memory]),
];

/// Draws the chart.
pub fn draw(input: &ChartInput) -> Drawing {
    let series = thinned(&input.series);
    let mut facts = Vec::new();
    let reserved = ["cpu_reservation_percent", "memory_reservation_percent"];
    if let [Some(cpu), Some(memory)] = reserved.map(|name| frame::metric(input, name)) {
        facts.push(format!("reserved on average: {cpu} of the CPU, {memory} of the memory"));
    }
    let mut drawing = frame::page("Reserved and registered capacity over time", input, &facts);
    let Some(last) = series.last() else {
        return frame::empty(drawing, "The run ended before its first sample: nothing to show.");
    };
    let middle = (TOP + BOTTOM) / 2.0;
    let places = [(TOP, middle - 26.0), (middle + 12.0, BOTTOM)];
    let mut panels: Vec<(Panel, &Resource)> = Vec::new();
    for ((top, bottom), resource) in places.into_iter().zip(&RESOURCES) {
        let max = series.iter().flat_map(resource.2).max().unwrap_or(0) as f64 / resource.1;
        panels.push((Panel::new(resource.0, top, bottom, max, Steps::Decimal), resource));
    }
    let left = panels.iter().map(|(panel, _)| panel.left).fold(0.0, f64::max);
    let (x, unit) = Axis::time(last.at.to_secs_f64(), (left, RIGHT));
    for (mut panel, resource) in panels {
        panel.left = left;
        draw_panel(&mut drawing, &panel, &x, resource, &series);
    }
    frame::x_axis(&mut drawing, BOTTOM, &x, &format!("time since the start, {unit}"));
    drawing
}

fn draw_panel(
    drawing: &mut Drawing,
    panel: &Panel,
    x: &Axis,
    resource: &Resource,
    series: &[Sample],
) {
    let (_, unit, values) = resource;
    let line = |index: usize| {
        let point =
            |s: &Sample| (x.at(s.at.to_secs_f64()), panel.y.at(values(s)[index] as f64 / unit));
        frame::steps(series.iter().map(point))
    };
    let [registered, reserved, fargate] = [line(0), line(1), line(2)];
    drawing.area(frame::below(&registered, panel.bottom), palette::FREE);
    drawing.area(frame::below(&reserved, panel.bottom), palette::PALE_BLUE);
    panel.draw(drawing);
    let mut legend = vec![
        (Mark::Line, palette::GREY, "registered by instances".to_string()),
        (Mark::Line, palette::BLUE, "reserved by tasks on them".to_string()),
    ];
    drawing.line(registered, 2.5, palette::GREY);
    if series.iter().any(|s| values(s)[2] > 0) {
        drawing.line(fargate, 2.5, palette::AMBER);
        legend.push((Mark::Line, palette::AMBER, "tasks on Fargate".into()));
    }
    drawing.line(reserved, 2.5, palette::BLUE);
    panel.close(drawing);
    frame::legend_right(drawing, panel.top - 22.0, &legend);
}
