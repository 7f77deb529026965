//! A series as a line that can be read at any length: a value holds until the next sample; where samples are many, the
//! line is the mean over each column, which is a round span of time such as an hour, in a band from the least to the most
//! of it.

use super::axis::Axis;
use super::drawing::{Color, Drawing, Point};
use super::frame::{RIGHT, steps, steps_to};
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::series::{Sample, Stretch};
use crate::metrics::service::ServiceSample;
use crate::report::human;

/// Least width of a column in pixels: twice the width of a line, so that neighbours can be told apart.
const COLUMN: f64 = 5.0;
/// Below this many samples a column there is nothing to average.
const FEW: usize = 2;

/// The line, and the outline of the band around it: empty where every sample is shown.
#[derive(Clone, Debug)]
pub struct Trend {
    pub line: Vec<Point>,
    band: Vec<Point>,
}

/// Lengths that a column may have, in seconds; beyond them whole multiples of the last. No column is of a few days:
/// some would have a weekend in them and some not, and a line would swing that does not.
const GRAINS: [f64; 20] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0,
    10_800.0, 14_400.0, 21_600.0, 43_200.0, 86_400.0, 604_800.0,
];

/// A value over some time, as it was sampled.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// When it begins, in seconds.
    from: f64,
    /// How much it counts in a mean.
    weight: f64,
    mean: f64,
    least: f64,
    most: f64,
}

impl Piece {
    fn flat(from: f64, weight: f64, value: f64) -> Piece {
        Piece { from, weight, mean: value, least: value, most: value }
    }
}

/// The samples of one column.
#[derive(Clone, Copy, Debug)]
struct Column {
    /// When it begins, in seconds.
    from: f64,
    weight: f64,
    sum: f64,
    least: f64,
    most: f64,
}

/// What the line of a service shows of each column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Draws {
    /// The mean over time, in a band from the least to the most.
    Mean,
    /// The most, without a band: of quantiles there is no mean.
    Most,
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
    /// The trend of `value`, which must be linear, over samples in order of time.
    pub fn new(series: &[Stretch], value: impl Fn(&Sample) -> f64, x: &Axis, y: &Axis) -> Trend {
        let pieces = series.iter().map(|stretch| {
            let weight = stretch.count as f64;
            Piece {
                from: stretch.from.to_secs_f64(),
                weight,
                mean: value(&stretch.sum) / weight,
                least: value(&stretch.least),
                most: value(&stretch.most),
            }
        });
        let Some(grain) = grain(series.len(), x) else {
            let points = pieces.map(|piece| (x.at(piece.from), y.at(piece.mean)));
            return Trend { line: steps(points), band: Vec::new() };
        };
        let columns = columns(pieces, grain);
        let outline = |of: fn(&Column) -> f64| {
            steps(columns.iter().map(|column| (x.at(column.from), y.at(of(column)))))
        };
        let mut band = outline(|column| column.most);
        band.extend(outline(|column| column.least).into_iter().rev());
        Trend { line: outline(Column::mean), band }
    }

    /// The trends of a value over samples of a service, one for each run of them without a gap. `y` maps values to
    /// pixels.
    pub fn runs(
        samples: &[ServiceSample],
        (holds, draws): (Holds, Draws),
        value: impl Fn(&ServiceSample, SimSpan) -> Option<f64>,
        x: &Axis,
        y: impl Fn(f64) -> f64 + Copy,
    ) -> Vec<Trend> {
        let mut runs: Vec<(Vec<Piece>, f64)> = Vec::new();
        let mut is_open = false;
        for (index, sample) in samples.iter().enumerate() {
            let (from, to) = holds.interval(samples, index);
            let value = value(sample, to.since(from)).filter(|value| value.is_finite());
            let (from, to) = (from.to_secs_f64(), to.to_secs_f64());
            // What no time went by for has no width, and is not drawn.
            let Some(value) = value.filter(|_| x.at(to) > x.at(from)) else {
                is_open &= value.is_some();
                continue;
            };
            let piece = Piece::flat(from, to - from, value);
            match runs.last_mut().filter(|_| is_open) {
                Some((pieces, end)) => {
                    pieces.push(piece);
                    *end = to;
                }
                None => runs.push((vec![piece], to)),
            }
            is_open = true;
        }
        let grain = grain(samples.len(), x);
        let trend = |(pieces, end): (Vec<Piece>, f64)| {
            let end = x.at(end);
            let columns = grain.map(|grain| columns(pieces.iter().copied(), grain));
            let Some(columns) = columns.filter(|columns| columns.len() >= FEW) else {
                let points = pieces.into_iter().map(|piece| (x.at(piece.from), y(piece.mean)));
                return Trend { line: steps_to(points, end), band: Vec::new() };
            };
            let outline = |of: fn(&Column) -> f64| {
                steps_to(columns.iter().map(|column| (x.at(column.from), y(of(column)))), end)
            };
            let mut band = outline(|column| column.most);
            band.extend(outline(|column| column.least).into_iter().rev());
            let line = outline(if draws == Draws::Mean { Column::mean } else { |c| c.most });
            Trend { line, band: if draws == Draws::Mean { band } else { Vec::new() } }
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
pub fn caption(series: &[Stretch], x: &Axis, name: &str) -> String {
    caption_of(series.len(), x, name, "lines: mean of each", "; bands: from the least to the most")
}

/// As [`caption`], of this many samples; what is drawn of `each` column, and what else there is to say.
pub fn caption_of(samples: usize, x: &Axis, name: &str, each: &str, more: &str) -> String {
    match grain(samples, x) {
        Some(grain) => format!("{name}; {each} {}{more}", told(grain)),
        None => name.into(),
    }
}

/// A length of columns as people would say it after "each".
fn told(grain: f64) -> String {
    let units = [(604_800.0, "week"), (86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute")];
    let whole = |unit: f64| grain >= unit && (grain / unit).fract() == 0.0;
    let (unit, name) = units.into_iter().find(|unit| whole(unit.0)).unwrap_or((1.0, "second"));
    match grain / unit {
        1.0 => name.into(),
        count => format!("{} {name}s", human::decimal(count, 0)),
    }
}

/// How long a column is, in seconds, where there are so many samples that each needs some of them; the shortest length
/// that is wide enough to be seen.
fn grain(samples: usize, x: &Axis) -> Option<f64> {
    let left = x.at(0.0);
    if samples as f64 <= FEW as f64 * (RIGHT - left) / COLUMN {
        return None;
    }
    let wide = |grain: &f64| x.at(*grain) - left >= COLUMN;
    let weeks = || (2..100_000).map(|weeks| f64::from(weeks) * 604_800.0);
    GRAINS.into_iter().find(wide).or_else(|| weeks().find(wide))
}

impl Column {
    fn mean(&self) -> f64 {
        self.sum / self.weight
    }
}

impl Column {
    fn add(&mut self, other: &Column) {
        self.weight += other.weight;
        self.sum += other.sum;
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
    }
}

/// The pieces by column. What is left at the end and is less than half a column belongs to the column before: a day of a
/// week would otherwise end the line with a jump that is none.
fn columns(pieces: impl Iterator<Item = Piece>, grain: f64) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    let mut end = 0.0;
    for Piece { from, weight, mean, least, most } in pieces {
        end = from;
        let from = (from / grain).floor() * grain;
        let piece = Column { from, weight, sum: mean * weight, least, most };
        match columns.last_mut() {
            Some(last) if last.from == from => last.add(&piece),
            _ => columns.push(piece),
        }
    }
    if let [.., before, last] = &mut columns[..]
        && end - last.from < grain / 2.0
    {
        before.add(last);
        columns.pop();
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_the_mean_of_its_samples_by_their_time_within_their_extremes() {
        let piece = |(from, weight, value)| Piece::flat(from, weight, value);
        let pieces = [
            (10.0, 1.0, 4.0),
            (11.0, 3.0, 0.0),
            (14.9, 1.0, 6.0),
            (15.0, 1.0, 7.0),
            (22.9, 2.0, 1.0),
        ];
        let columns = columns(pieces.into_iter().map(piece), 5.0);
        let told: Vec<_> = columns.iter().map(|c| (c.from, c.least, c.mean(), c.most)).collect();
        assert_eq!(told, [(10.0, 0.0, 2.0, 6.0), (15.0, 7.0, 7.0, 7.0), (20.0, 1.0, 1.0, 1.0)]);
        // Less than half of the last column is there: it belongs to the one before, (7 · 1 + 1 · 2) ÷ 3.
        let rest = [(15.0, 1.0, 7.0), (22.0, 2.0, 1.0)];
        let columns = super::columns(rest.into_iter().map(piece), 5.0);
        assert_eq!((columns.len(), columns[0].mean(), columns[0].least), (1, 3.0, 1.0));
    }

    #[test]
    fn columns_are_round_spans_of_time() {
        let of = |days: f64| {
            let (x, name) = Axis::clock(None, days * 86_400.0, (100.0, RIGHT));
            caption_of(5_000, &x, &name, "lines: mean of each", "")
        };
        assert_eq!(of(30.0), "time since the start, days; lines: mean of each 3 hours");
        assert_eq!(of(365.0), "time since the start, days; lines: mean of each week");
        assert_eq!(of(2.0), "time since the start, hours; lines: mean of each 10 minutes");
    }
}
