//! What the cluster costs an hour, over time.

use super::ChartInput;
use super::axis::{Axis, Steps};
use super::drawing::{Drawing, palette};
use super::frame::{self, BOTTOM, Panel, RIGHT, TOP};
use super::trend::{self, Trend};

/// Nano-dollars in a dollar.
const NANOS: f64 = 1e9;

/// Draws the chart.
pub fn draw(input: &ChartInput) -> Drawing {
    let series = &input.series;
    let total = frame::metric(input, "total_usd").map(|usd| format!("{usd} in total"));
    let mut drawing = frame::page("Cost over time", input, &total.into_iter().collect::<Vec<_>>());
    let Some(last) = series.last() else {
        return frame::empty(drawing, "The run ended before its first sample: nothing to show.");
    };
    let most = series.iter().map(|stretch| stretch.most.nano_usd_per_hour).max().unwrap_or(0);
    if most <= 0 {
        return frame::empty(drawing, "At no sample did anything cost money.");
    }
    let heading = "US dollars an hour";
    let panel = Panel::new(heading, TOP, BOTTOM, most as f64 / NANOS, Steps::Decimal);
    let (x, name) = Axis::clock(input.start, last.to.to_secs_f64(), (panel.left, RIGHT));
    let rate = Trend::new(series, |s| s.nano_usd_per_hour as f64 / NANOS, &x, &panel.y);
    drawing.area(frame::below(&rate.line, panel.bottom), palette::PALE_BLUE);
    panel.draw(&mut drawing);
    rate.draw_band(&mut drawing, palette::BLUE);
    rate.draw_line(&mut drawing, palette::BLUE);
    panel.close(&mut drawing);
    frame::x_axis(&mut drawing, BOTTOM, &x, &trend::caption(series, &x, &name));
    drawing
}
