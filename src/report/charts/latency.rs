//! Latency of the requests of a service over time: mean and quantiles, on a logarithmic axis.

use super::ChartInput;
use super::axis::{Axis, Steps};
use super::drawing::{Drawing, palette};
use super::font::width;
use super::frame::{self, BOTTOM, LEFT, Panel, TICK, TOP};
use super::services::{self, Line};
use super::trend::{self, Draws, Holds, Trend};
use crate::base::time::SimSpan;
use crate::metrics::service::{ServiceReport, ServiceSample};
use crate::report::human;

/// Draws the chart.
pub fn draw(input: &ChartInput, report: &ServiceReport) -> Drawing {
    let samples = &report.samples;
    let mut facts = Vec::new();
    for (name, per_mille) in [("p50", 500), ("p95", 950), ("p99", 990)] {
        let span = report.latency.quantile(per_mille);
        facts.extend(span.map(|span| format!("{name} {}", human::span(span))));
    }
    let mut drawing = frame::page(&frame::title_of("Latency", &report.name), input, &facts);
    let mut lines = vec![
        Line {
            name: "p99",
            color: palette::ORANGE,
            value: &|s, _| of(s.latency_p99),
            holds: Holds::Before,
            draws: Draws::Most,
            ground: false,
            width: 2.5,
        },
        Line {
            name: "p95",
            color: palette::AMBER,
            value: &|s, _| of(s.latency_p95),
            holds: Holds::Before,
            draws: Draws::Most,
            ground: false,
            width: 2.5,
        },
        Line {
            name: "p50",
            color: palette::GREEN,
            value: &|s, _| of(s.latency_p50),
            holds: Holds::Before,
            draws: Draws::Most,
            ground: false,
            width: 2.5,
        },
        Line {
            name: "mean",
            color: palette::BLUE,
            value: &|s, _| of(s.latency_mean),
            holds: Holds::Before,
            draws: Draws::Mean,
            ground: false,
            width: 2.5,
        },
    ];
    lines.retain(|line| samples.iter().any(|s| (line.value)(s, SimSpan::ZERO).is_some()));
    if services::is_instant(samples) || lines.is_empty() {
        return frame::empty(drawing, "No request was answered: there are no latencies.");
    }
    let (shortest, longest) = range(samples, &lines);
    let mut panel = Panel::new("Latency, logarithmic", TOP, BOTTOM, 1.0, Steps::Decimal);
    panel.y = Axis::log_time(shortest, longest, (panel.bottom, panel.top));
    let widest = panel.y.ticks.iter().map(|(_, label)| width(label, TICK)).fold(0.0, f64::max);
    panel.left = LEFT + widest + 14.0;
    let (x, name) = services::time_of(input, samples, panel.left);
    panel.draw(&mut drawing);
    // A latency of 0 is at the bottom of the axis.
    let y = |seconds: f64| panel.y.at(libm::log10(seconds.max(shortest / 10.0)));
    let trends: Vec<Vec<Trend>> = lines
        .iter()
        .map(|line| Trend::runs(samples, (line.holds, line.draws), line.value, &x, y))
        .collect();
    for (line, runs) in lines.iter().zip(trends) {
        runs.into_iter().for_each(|run| run.draw_line(&mut drawing, line.color));
    }
    panel.close(&mut drawing);
    frame::legend_right(&mut drawing, panel.top - 22.0, &services::legend(&lines));
    // The quantile of an hour is not known from those of its minutes: the worst of them is drawn, and said.
    let each = "mean: over each";
    let more = "; p50, p95, p99: the highest in it";
    let caption = trend::caption_of(samples.len(), &x, &name, each, more);
    services::close(&mut drawing, &x, &caption);
    drawing
}

fn of(span: Option<SimSpan>) -> Option<f64> {
    span.map(SimSpan::to_secs_f64)
}

/// The shortest latency above 0 and the longest, in seconds.
fn range(samples: &[ServiceSample], lines: &[Line<'_>]) -> (f64, f64) {
    let values =
        samples.iter().flat_map(|s| lines.iter().filter_map(|l| (l.value)(s, SimSpan::ZERO)));
    let (least, most) = values
        .filter(|&value| value > 0.0)
        .fold((f64::INFINITY, 0.0f64), |(least, most), value| (least.min(value), most.max(value)));
    if most > 0.0 { (least, most) } else { (1e-3, 1e-3) }
}
