//! A series as a line that can be read at any length: a value holds until the next sample; where samples are many, the
//! line is the mean of each column of pixels, in a band from the least to the most of it.

use super::axis::Axis;
use super::drawing::{Color, Drawing, Point};
use super::frame::{RIGHT, steps, steps_to};
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::series::Sample;
use crate::metrics::service::ServiceSample;
use crate::report::human;

/// Width of a column in pixels: twice the width of a line, so that neighbours can be told apart.
const COLUMN: f64 = 5.0;
/// Below this many samples a column there is nothing to average.
const FEW: usize = 2;

/// The line, and the outline of the band around it: empty where every sample is shown.
#[derive(Clone, Debug)]
pub struct Trend {
    pub line: Vec<Point>,
    band: Vec<Point>,
}

/// The samples of one column.
#[derive(Clone, Copy, Debug)]
struct Column {
    x: f64,
    count: f64,
    sum: f64,
    least: f64,
    most: f64,
}

/// Which time a sample of a service speaks of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holds {
    /// Since the sample before: flows and averages.
    Before,
    /// Until the next sample: counts.
    After,
}

impl Holds {
    /// From when to when the value of a sample holds.
    pub fn interval(self, samples: &[ServiceSample], index: usize) -> (SimTime, SimTime) {
        let at = |index: usize| samples.get(index).map(|sample| sample.at);
        let own = samples[index].at;
        match self {
            Holds::Before => (index.checked_sub(1).and_then(at).unwrap_or(SimTime::ZERO), own),
            Holds::After => (own, at(index + 1).unwrap_or(own)),
        }
    }
}

impl Trend {
    /// The trend of `value` over samples in order of time.
    pub fn new(series: &[Sample], value: impl Fn(&Sample) -> f64, x: &Axis, y: &Axis) -> Trend {
        let points = series.iter().map(|s| (x.at(s.at.to_secs_f64()), value(s)));
        if !is_averaged(series.len(), x) {
            return Trend { line: steps(points.map(|(x, v)| (x, y.at(v)))), band: Vec::new() };
        }
        let columns = columns(points, x.at(0.0));
        let outline = |of: fn(&Column) -> f64| steps(columns.iter().map(|c| (c.x, y.at(of(c)))));
        let mut band = outline(|column| column.most);
        band.extend(outline(|column| column.least).into_iter().rev());
        Trend { line: outline(|column| column.sum / column.count), band }
    }

    /// The trends of a value over samples of a service, one for each run of them without a gap. `y` maps values to
    /// pixels.
    pub fn runs(
        samples: &[ServiceSample],
        holds: Holds,
        value: impl Fn(&ServiceSample, SimSpan) -> Option<f64>,
        x: &Axis,
        y: impl Fn(f64) -> f64 + Copy,
    ) -> Vec<Trend> {
        let mut runs: Vec<(Vec<Point>, f64)> = Vec::new();
        let mut is_open = false;
        for (index, sample) in samples.iter().enumerate() {
            let (from, to) = holds.interval(samples, index);
            let value = value(sample, to.since(from)).filter(|value| value.is_finite());
            let (from, to) = (x.at(from.to_secs_f64()), x.at(to.to_secs_f64()));
            // What no time went by for has no width, and is not drawn.
            let Some(value) = value.filter(|_| to > from) else {
                is_open &= value.is_some();
                continue;
            };
            match runs.last_mut().filter(|_| is_open) {
                Some((points, end)) => {
                    points.push((from, value));
                    *end = to;
                }
                None => runs.push((vec![(from, value)], to)),
            }
            is_open = true;
        }
        let averaged = is_averaged(samples.len(), x);
        let trend = |(points, end): (Vec<Point>, f64)| {
            let columns =
                if averaged { columns(points.iter().copied(), x.at(0.0)) } else { Vec::new() };
            if columns.len() < FEW {
                let points = points.into_iter().map(|(x, value)| (x, y(value)));
                return Trend { line: steps_to(points, end), band: Vec::new() };
            }
            let outline = |of: fn(&Column) -> f64| {
                steps_to(columns.iter().map(|column| (column.x, y(of(column)))), end)
            };
            let mut band = outline(|column| column.most);
            band.extend(outline(|column| column.least).into_iter().rev());
            Trend { line: outline(|column| column.sum / column.count), band }
        };
        runs.into_iter().map(trend).collect()
    }

    pub fn draw_band(&self, drawing: &mut Drawing, color: Color) {
        drawing.veil(self.band.clone(), color);
    }

    pub fn draw_line(self, drawing: &mut Drawing, color: Color) {
        drawing.line(self.line, 2.5, color);
    }
}

/// What the time axis and the lines above it mean.
pub fn caption(series: &[Sample], x: &Axis, unit: &str) -> String {
    let last = series.last().map_or(SimTime::ZERO, |sample| sample.at);
    caption_of(series.len(), last, x, unit)
}

/// As [`caption`], of this many samples up to `last`.
pub fn caption_of(samples: usize, last: SimTime, x: &Axis, unit: &str) -> String {
    let axis = format!("time since the start, {unit}");
    if !is_averaged(samples, x) {
        return axis;
    }
    let share = COLUMN / (RIGHT - x.at(0.0));
    let span = SimSpan((last.0 as f64 * share) as u64);
    format!("{axis}; lines: mean of {}, bands: from the least to the most", about(span))
}

/// A span as people would say it: columns are as wide as pixels make them.
fn about(span: SimSpan) -> String {
    const MINUTE: u64 = 60_000_000;
    match (span.0 + MINUTE / 2) / MINUTE {
        minutes @ 2..120 => format!("about {minutes} minutes"),
        _ => human::span(span),
    }
}

fn is_averaged(samples: usize, x: &Axis) -> bool {
    samples as f64 > FEW as f64 * (RIGHT - x.at(0.0)) / COLUMN
}

fn columns(points: impl Iterator<Item = (f64, f64)>, left: f64) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for (x, value) in points {
        let x = left + ((x - left) / COLUMN).floor() * COLUMN;
        match columns.last_mut() {
            Some(last) if last.x == x => {
                last.count += 1.0;
                last.sum += value;
                last.least = last.least.min(value);
                last.most = last.most.max(value);
            }
            _ => columns.push(Column { x, count: 1.0, sum: value, least: value, most: value }),
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_the_mean_of_its_samples_within_their_extremes() {
        let points = [(10.0, 4.0), (11.0, 0.0), (14.9, 2.0), (15.0, 7.0), (22.0, 1.0)];
        let columns = columns(points.into_iter(), 10.0);
        let told: Vec<_> =
            columns.iter().map(|c| (c.x, c.least, c.sum / c.count, c.most)).collect();
        assert_eq!(told, [(10.0, 0.0, 2.0, 4.0), (15.0, 7.0, 7.0, 7.0), (20.0, 1.0, 1.0, 1.0)]);
    }
}
