//! Reserved against registered CPU and memory over time, in two panels under each other.

use super::ChartInput;
use super::axis::{Axis, Steps};
use super::drawing::{Drawing, palette};
use super::frame::{self, BOTTOM, Mark, Panel, RIGHT, TOP};
use super::trend::{self, Trend};
use crate::metrics::series::{Sample, Stretch};

/// A resource: heading, units in the data for one on the axis, and (registered, reserved, on Fargate).
type Resource = (&'static str, f64, fn(&Sample) -> [u64; 3]);

const RESOURCES: [Resource; 2] = [
    ("CPU, vCPU", 1_024.0, |s| [s.registered_cpu, s.reserved_cpu, s.fargate_cpu]),
    ("Memory, GiB", 1_024.0, |s| [s.registered_memory, s.reserved_memory, s.fargate_memory]),
];

/// Draws the chart.
pub fn draw(input: &ChartInput) -> Drawing {
    let series = &input.series;
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
        let max =
            series.iter().flat_map(|s| resource.2(&s.most)).max().unwrap_or(0) as f64 / resource.1;
        panels.push((Panel::new(resource.0, top, bottom, max, Steps::Decimal), resource));
    }
    let left = panels.iter().map(|(panel, _)| panel.left).fold(0.0, f64::max);
    let (x, name) = Axis::clock(input.start, last.to.to_secs_f64(), (left, RIGHT));
    for (mut panel, resource) in panels {
        panel.left = left;
        draw_panel(&mut drawing, &panel, &x, resource, series);
    }
    frame::x_axis(&mut drawing, BOTTOM, &x, &trend::caption(series, &x, &name));
    drawing
}

fn draw_panel(
    drawing: &mut Drawing,
    panel: &Panel,
    x: &Axis,
    resource: &Resource,
    series: &[Stretch],
) {
    let (_, unit, values) = resource;
    let trend = |index: usize| Trend::new(series, |s| values(s)[index] as f64 / unit, x, &panel.y);
    let [registered, reserved, fargate] = [trend(0), trend(1), trend(2)];
    drawing.area(frame::below(&registered.line, panel.bottom), palette::FREE);
    drawing.area(frame::below(&reserved.line, panel.bottom), palette::PALE_BLUE);
    registered.draw_band(drawing, palette::GREY);
    reserved.draw_band(drawing, palette::BLUE);
    panel.draw(drawing);
    let is_ever = |index: usize| series.iter().any(|s| values(&s.most)[index] > 0);
    let mut legend = Vec::new();
    // A run on Fargate alone has no instances to speak of.
    let has_instances = is_ever(0) || !is_ever(2);
    if has_instances {
        legend.push((Mark::Line, palette::GREY, "registered by instances".to_string()));
        legend.push((Mark::Line, palette::BLUE, "reserved by tasks on them".to_string()));
        registered.draw_line(drawing, palette::GREY);
    }
    if is_ever(2) {
        fargate.draw_band(drawing, palette::AMBER);
        fargate.draw_line(drawing, palette::AMBER);
        legend.push((Mark::Line, palette::AMBER, "tasks on Fargate".into()));
    }
    if has_instances {
        reserved.draw_line(drawing, palette::BLUE);
    }
    panel.close(drawing);
    frame::legend_right(drawing, panel.top - 22.0, &legend);
}
