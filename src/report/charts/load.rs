//! Tasks and container instances over time, in two panels under each other.

use super::ChartInput;
use super::axis::{Axis, Steps};
use super::drawing::{Color, Drawing, palette};
use super::frame::{self, BOTTOM, Mark, Panel, RIGHT, TOP};
use super::trend::{self, Trend};
use crate::metrics::series::{Sample, Stretch};
use crate::model::lifecycle::TaskStatus;

/// A line of a panel: name, colour, value, and whether it is drawn where it is 0 throughout.
type Line = (&'static str, Color, fn(&Sample) -> u64, bool);

const TASKS: [Line; 4] = [
    ("running", palette::BLUE, |s| s.tasks[TaskStatus::Running as usize], true),
    ("starting", palette::GREEN, |s| s.starting, false),
    ("waiting for placement", palette::ORANGE, |s| s.waiting, true),
    ("on Fargate, in any state", palette::AMBER, |s| s.fargate_tasks, false),
];

const INSTANCES: [Line; 3] = [
    ("registered", palette::BLUE, |s| s.instances, true),
    ("needed at least", palette::GREEN, |s| s.needed_instances, true),
    ("without a task", palette::ORANGE, |s| s.idle_instances, false),
];

/// Draws the chart.
pub fn draw(input: &ChartInput) -> Drawing {
    let series = &input.series;
    let mut facts = Vec::new();
    facts.extend(frame::metric(input, "tasks_submitted").map(|n| match n.as_str() {
        "1" => "1 task submitted".to_string(),
        n => format!("{n} tasks submitted"),
    }));
    facts.extend(frame::metric(input, "wait_s_p95").map(|t| format!("p95 wait {t}")));
    facts.extend(frame::metric(input, "total_usd").map(|usd| format!("{usd} in total")));
    let has_instances = series.iter().any(|stretch| stretch.most.instances > 0);
    let title = if has_instances { "Tasks and container instances" } else { "Tasks" };
    let mut drawing = frame::page(&format!("{title} over time"), input, &facts);
    let Some(last) = series.last() else {
        return frame::empty(drawing, "The run ended before its first sample: nothing to show.");
    };
    let middle = TOP + (BOTTOM - TOP) * 0.54;
    let mut panels = vec![("Tasks", TOP, middle - 26.0, TASKS.as_slice())];
    if has_instances {
        panels.push(("Container instances", middle + 12.0, BOTTOM, INSTANCES.as_slice()));
    } else {
        panels[0].2 = BOTTOM;
    }
    let panels = panels.into_iter().map(|(heading, top, bottom, lines)| {
        let lines: Vec<&Line> =
            lines.iter().filter(|l| l.3 || series.iter().any(|s| l.2(&s.most) > 0)).collect();
        let values = lines.iter().flat_map(|line| series.iter().map(|s| line.2(&s.most)));
        let max = values.max().unwrap_or(0);
        (Panel::new(heading, top, bottom, max as f64, Steps::Whole), lines)
    });
    let panels: Vec<(Panel, Vec<&Line>)> = panels.collect();
    // Both panels share the x axis, so they share its left end.
    let left = panels.iter().map(|(panel, _)| panel.left).fold(0.0, f64::max);
    let (x, name) = Axis::clock(input.start, last.to.to_secs_f64(), (left, RIGHT));
    for (mut panel, lines) in panels {
        panel.left = left;
        draw_panel(&mut drawing, &panel, &x, &lines, series);
    }
    frame::x_axis(&mut drawing, BOTTOM, &x, &trend::caption(series, &x, &name));
    drawing
}

fn draw_panel(drawing: &mut Drawing, panel: &Panel, x: &Axis, lines: &[&Line], series: &[Stretch]) {
    panel.draw(drawing);
    let trends: Vec<Trend> = lines
        .iter()
        .map(|line| Trend::new(series, |sample| line.2(sample) as f64, x, &panel.y))
        .collect();
    // The first line is the one that the others are compared with: it gets a ground.
    drawing.area(frame::below(&trends[0].line, panel.bottom), palette::PALE_BLUE);
    for (line, trend) in lines.iter().zip(&trends) {
        trend.draw_band(drawing, line.1);
    }
    for (line, trend) in lines.iter().zip(trends).rev() {
        trend.draw_line(drawing, line.1);
    }
    panel.close(drawing);
    let legend: Vec<_> =
        lines.iter().map(|line| (Mark::Line, line.1, line.0.to_string())).collect();
    frame::legend_right(drawing, panel.top - 22.0, &legend);
}
