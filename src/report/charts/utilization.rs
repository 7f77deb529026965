//! CPU and memory that the tasks of a service use, by what they reserved, with the target of its scaling policy.

use super::ChartInput;
use super::axis::Steps;
use super::drawing::{Drawing, palette};
use super::frame::{self, BOTTOM, Mark, Panel, RIGHT, TOP};
use super::services::{self, Line};
use super::trend::{Draws, Holds};
use crate::metrics::service::ServiceReport;
use crate::report::human;

/// Draws the chart.
pub fn draw(input: &ChartInput, report: &ServiceReport) -> Drawing {
    let samples = &report.samples;
    let targets = [
        ("CPU", report.cpu_target_percent, palette::BLUE),
        ("memory", report.memory_target_percent, palette::GREEN),
    ];
    let targets: Vec<_> = targets
        .into_iter()
        .filter_map(|(of, target, color)| Some((of, target.filter(|t| t.is_finite())?, color)))
        .collect();
    let mut facts = Vec::new();
    let mean = report.cpu_percent.filter(|cpu| cpu.is_finite());
    facts.extend(mean.map(|cpu| format!("{} of the reserved CPU used", human::percent(cpu))));
    let named = |&(of, target, _): &(&str, f64, _)| {
        format!("target of the {of} {} %", human::decimal(target, 0))
    };
    facts.extend(targets.iter().map(named));
    let mut drawing = frame::page(&frame::title_of("Utilisation", &report.name), input, &facts);
    let known = samples.iter().any(|s| s.cpu_percent.is_some() || s.memory_percent.is_some());
    if services::is_instant(samples) || !known {
        let why = match samples.iter().any(|sample| sample.running > 0) {
            true => "The service has no traffic: what its tasks use is not modelled.",
            false => "No task was running: there is no utilisation.",
        };
        return frame::empty(drawing, why);
    }
    let mut lines = vec![
        Line {
            name: "CPU",
            color: palette::BLUE,
            value: &|s, _| s.cpu_percent,
            holds: Holds::Before,
            draws: Draws::Mean,
            ground: true,
            width: 2.5,
        },
        Line {
            name: "memory",
            color: palette::GREEN,
            value: &|s, _| s.memory_percent,
            holds: Holds::Before,
            draws: Draws::Mean,
            ground: false,
            width: 2.5,
        },
    ];
    lines.retain(|line| line.ground || line.max(samples) > 0.0);
    let max = lines.iter().map(|line| line.max(samples)).fold(0.0, f64::max);
    // A target is never at the edge.
    let max = targets.iter().map(|(_, target, _)| target * 1.2).fold(max, f64::max);
    let panel = Panel::new("Used by reserved, %", TOP, BOTTOM, max, Steps::Decimal);
    let (x, caption) = services::time_axis(input, samples, panel.left);
    services::draw_lines(&mut drawing, &panel, &x, samples, &lines);
    let mut legend = services::legend(&lines);
    // Dashed, in the colour of the line that it is for.
    for (of, target, color) in targets {
        let y = panel.y.at(target);
        drawing.dashes((panel.left, y), (RIGHT, y), 2.5, color);
        legend.push((Mark::Dashes, color, format!("target of the {of}")));
    }
    frame::legend_right(&mut drawing, panel.top - 22.0, &legend);
    services::close(&mut drawing, &x, &caption);
    drawing
}
