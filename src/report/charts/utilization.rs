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
    let target = report.cpu_target_percent.filter(|target| target.is_finite());
    let mut facts = Vec::new();
    let mean = report.cpu_percent.filter(|cpu| cpu.is_finite());
    facts.extend(mean.map(|cpu| format!("{} of the reserved CPU used", human::percent(cpu))));
    facts.extend(target.map(|target| format!("target {} %", human::decimal(target, 0))));
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
    // The target is never at the edge.
    let max = max.max(target.unwrap_or(0.0) * 1.2);
    let panel = Panel::new("Used by reserved, %", TOP, BOTTOM, max, Steps::Decimal);
    let (x, caption) = services::time_axis(samples, panel.left);
    services::draw_lines(&mut drawing, &panel, &x, samples, &lines);
    let mut legend = services::legend(&lines);
    if let Some(target) = target {
        let y = panel.y.at(target);
        drawing.dashes((panel.left, y), (RIGHT, y), 2.5, palette::ORANGE);
        legend.push((Mark::Line, palette::ORANGE, "target of the CPU".into()));
    }
    frame::legend_right(&mut drawing, panel.top - 22.0, &legend);
    services::close(&mut drawing, &x, &caption);
    drawing
}
