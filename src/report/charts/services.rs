//! What the charts of services share: which services are drawn, under which names, and their time axis.

use super::ChartInput;
use super::axis::Axis;
use super::drawing::{Align, Color, Drawing, Type, palette};
use super::font::{fit_middle, width};
use super::frame::{self, BOTTOM, Panel, RIGHT};
use super::trend::{self, Draws, Holds, Trend};
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::service::{Mark, ServiceReport, ServiceSample};
use std::cmp::Reverse;

/// Most services with charts of their own: those that dropped most requests, up to half of them, and those with most
/// requests.
const MOST_SERVICES: usize = 12;
/// Longest part of a file name that is a service's.
const LONGEST_NAME: usize = 80;
/// Most marks that are drawn.
const MOST_MARKS: usize = 200;
/// Rows of labels of marks, and their height.
const MARK_ROWS: usize = 3;
const MARK_ROW: f64 = 22.0;

/// The services that are drawn, in the order of the scenario, each with its part of the file name.
pub fn drawn(reports: &[ServiceReport]) -> Vec<(String, &ServiceReport)> {
    let mut order: Vec<usize> = (0..reports.len()).collect();
    order.sort_by_key(|&index| (Reverse(reports[index].requests.offered), index));
    let mut worst: Vec<usize> =
        order.iter().copied().filter(|&index| reports[index].requests.dropped() > 0).collect();
    worst.sort_by_key(|&index| Reverse(reports[index].requests.dropped()));
    worst.truncate(MOST_SERVICES / 2);
    order.retain(|index| !worst.contains(index));
    order.truncate(MOST_SERVICES - worst.len());
    order.extend(worst);
    order.sort_unstable();
    let mut taken: Vec<String> = Vec::new();
    let mut named = Vec::new();
    for index in order {
        let name = file_part(&reports[index].name, &taken);
        taken.push(name.to_ascii_lowercase());
        named.push((name, &reports[index]));
    }
    named
}

/// A name as part of a file name: letters, digits, `.`, `_`, `-` only, not too long, and not one of `taken` (in lower
/// case, since some file systems do not tell cases apart).
fn file_part(name: &str, taken: &[String]) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let safe = name.chars().take(LONGEST_NAME).map(|c| if is_safe(c) { c } else { '-' });
    let safe: String = safe.collect();
    let numbered = (2..).map(|number| format!("{safe}-{number}"));
    let mut names = std::iter::once(safe.clone()).chain(numbered);
    let free = names.find(|name| !taken.contains(&name.to_ascii_lowercase()));
    free.expect("numbers do not run out")
}

/// A time axis over samples, and its name.
pub fn time_of(input: &ChartInput, samples: &[ServiceSample], left: f64) -> (Axis, String) {
    let last = samples.last().map_or(SimTime::ZERO, |sample| sample.at);
    Axis::clock(input.start, last.to_secs_f64(), (left, RIGHT))
}

/// A time axis over samples, and its caption.
pub fn time_axis(input: &ChartInput, samples: &[ServiceSample], left: f64) -> (Axis, String) {
    let (x, name) = time_of(input, samples, left);
    let more = "; bands: from the least to the most sample";
    let caption = trend::caption_of(samples.len(), &x, &name, "lines: mean of each", more);
    (x, caption)
}

/// Whether there is no time to draw over.
pub fn is_instant(samples: &[ServiceSample]) -> bool {
    samples.last().is_none_or(|sample| sample.at == SimTime::ZERO)
}

/// Millionths of requests as requests per second over `span`.
pub fn per_second(millionths: u64, span: SimSpan) -> Option<f64> {
    (span.0 > 0).then(|| millionths as f64 / span.0 as f64)
}

/// A line over samples: what it shows, and how.
pub struct Line<'a> {
    pub name: &'a str,
    pub color: Color,
    pub value: &'a dyn Fn(&ServiceSample, SimSpan) -> Option<f64>,
    /// Which time a sample speaks of.
    pub holds: Holds,
    /// What is shown where samples are many.
    pub draws: Draws,
    /// Whether the area below it is filled.
    pub ground: bool,
    /// Width in pixels.
    pub width: f64,
}

impl<'a> Line<'a> {
    /// A number of tasks, which holds from a sample on.
    pub fn of_tasks(
        name: &'a str,
        color: Color,
        width: f64,
        value: &'a dyn Fn(&ServiceSample, SimSpan) -> Option<f64>,
    ) -> Line<'a> {
        let (holds, draws) = (Holds::After, Draws::Mean);
        Line { name, color, value, holds, draws, ground: false, width }
    }

    /// The greatest value.
    pub fn max(&self, samples: &[ServiceSample]) -> f64 {
        let mut most = 0.0f64;
        for (index, sample) in samples.iter().enumerate() {
            let (from, to) = self.holds.interval(samples, index);
            let value = (self.value)(sample, to.since(from));
            most = most.max(value.filter(|value| value.is_finite()).unwrap_or(0.0));
        }
        most
    }
}

/// Most lines that all have their bands; of more, only the first has one.
const MOST_BANDS: usize = 2;

/// Draws lines into a panel: grounds first, then bands, then the lines, the first on top.
pub fn draw_lines(
    drawing: &mut Drawing,
    panel: &Panel,
    x: &Axis,
    samples: &[ServiceSample],
    lines: &[Line<'_>],
) {
    let trends: Vec<Vec<Trend>> = lines
        .iter()
        .map(|line| {
            Trend::runs(samples, (line.holds, line.draws), line.value, x, |v| panel.y.at(v))
        })
        .collect();
    for (line, runs) in lines.iter().zip(&trends) {
        for run in runs.iter().filter(|_| line.ground) {
            drawing.area(frame::below(&run.line, panel.bottom), palette::PALE_BLUE);
        }
    }
    panel.draw(drawing);
    let banded = if lines.len() > MOST_BANDS { 1 } else { MOST_BANDS };
    for (line, runs) in lines.iter().zip(&trends).take(banded) {
        runs.iter().for_each(|run| run.draw_band(drawing, line.color));
    }
    for (line, runs) in lines.iter().zip(trends).rev() {
        runs.into_iter().for_each(|run| drawing.line(run.line, line.width, line.color));
    }
    panel.close(drawing);
}

/// The legend of lines, in their order.
pub fn legend(lines: &[Line<'_>]) -> Vec<(frame::Mark, Color, String)> {
    lines.iter().map(|line| (frame::Mark::Line, line.color, line.name.to_string())).collect()
}

/// Ends a chart whose lowest panel ends at the bottom of the page.
pub fn close(drawing: &mut Drawing, x: &Axis, caption: &str) {
    frame::x_axis(drawing, BOTTOM, x, caption);
}

/// By how much a y axis must reach beyond its values for the labels of marks to have room above them.
pub fn room_for_marks(marks: &[Mark], height: f64) -> f64 {
    let rows = marks.len().min(MARK_ROWS) as f64;
    1.0 / (1.0 - (rows * MARK_ROW + 6.0) / height.max(4.0 * MARK_ROW * MARK_ROWS as f64))
}

/// Dashed lines at the marks, with labels in the first of a few rows where there is room; without room the line stands
/// alone.
pub fn draw_marks(drawing: &mut Drawing, panel: &Panel, x: &Axis, marks: &[Mark]) {
    let set = Type::new(17.0, palette::INK);
    let mut ends = [f64::NEG_INFINITY; MARK_ROWS];
    let marks: Vec<(f64, &Mark)> =
        marks.iter().take(MOST_MARKS).map(|mark| (x.at(mark.at.to_secs_f64()), mark)).collect();
    let mut lines: Vec<f64> = marks.iter().map(|(at, _)| *at).collect();
    lines.dedup();
    for at in lines {
        drawing.dashes((at, panel.top), (at, panel.bottom), 1.5, palette::GREY);
    }
    for (at, mark) in marks {
        let label = fit_middle(&mark.label, set, 260.0);
        let wide = width(&label, set) + 16.0;
        // At the right edge the label stands to the left of its line.
        let from = if at + wide > RIGHT { at - wide } else { at };
        let Some(row) = ends.iter().position(|&end| from >= end) else { continue };
        let top = panel.top + row as f64 * MARK_ROW;
        drawing.rect((from + 2.0, top), (from + wide - 2.0, top + MARK_ROW - 3.0), palette::PAPER);
        drawing.text((from + 8.0, top + 15.0), label, set.align(Align::Start));
        ends[row] = from + wide;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::service::RequestTotals;

    fn service(name: &str, offered: u64) -> ServiceReport {
        let requests = RequestTotals { offered, ..RequestTotals::default() };
        ServiceReport { name: name.into(), requests, ..ServiceReport::default() }
    }

    #[test]
    fn file_names_hold_nothing_but_plain_characters_and_never_meet() {
        let reports =
            ["api", "API", "a/b", "a b", "../x", "", "\u{0}"].map(|name| service(name, 1));
        let names: Vec<String> = drawn(&reports).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["api", "API-2", "a-b", "a-b-2", "..-x", "", "-"]);
        assert_eq!(file_part(&"x".repeat(300), &[]).len(), LONGEST_NAME);
    }

    #[test]
    fn a_service_that_drops_requests_is_drawn_though_it_is_small() {
        let mut reports: Vec<_> = (0..30).map(|i| service(&format!("s{i}"), 1_000 + i)).collect();
        reports[0].requests.timeout = 7;
        let names: Vec<_> = drawn(&reports).into_iter().map(|(name, _)| name).collect();
        assert_eq!((names.len(), names[0].as_str(), names[1].as_str()), (12, "s0", "s19"));
    }

    #[test]
    fn the_services_with_most_requests_are_drawn_in_the_order_of_the_scenario() {
        let reports: Vec<_> = (0..20).map(|i| service(&format!("s{i}"), i % 16)).collect();
        let names: Vec<_> = drawn(&reports).into_iter().map(|(name, _)| name).collect();
        let expected: Vec<_> = (4..16).map(|i| format!("s{i}")).collect();
        assert_eq!(names, expected);
    }
}
