//! Charts of a run as SVG or PNG files, fit for a slide.
//!
//! A chart is first a list of shapes (`drawing`), made from numbers that were checked to be finite, and then
//! painted (`paint`) by plotters. Its axes and ticks are ours (`axis`): plotters never ends on an infinite
//! axis. The font is part of the program, so the bytes are the same on every machine.

mod axis;
mod classes;
mod costs;
mod drawing;
mod fleet;
mod font;
mod frame;
mod load;
mod paint;
mod reservation;
mod trend;
mod waits;

use crate::base::money::NanoUsd;
use crate::metrics::histogram::SpanHistogram;
use crate::metrics::picture::FleetPicture;
use crate::metrics::series::Sample;
use crate::metrics::summary::Summary;
use drawing::Drawing;
use rayon::prelude::*;

/// What the charts show.
#[derive(Clone, Debug)]
pub struct ChartInput<'a> {
    /// Name of the scenario, as the user wrote it.
    pub title: String,
    /// The fleet and the tasks over time, in order of time.
    pub series: Vec<Sample>,
    /// Waiting times of the tasks.
    pub waits: &'a SpanHistogram,
    /// The bill by category, in any order; lines of one name are added up.
    pub costs: Vec<(String, NanoUsd)>,
    /// The fleet at one instant.
    pub picture: Option<FleetPicture>,
    /// Metrics that the subtitles quote, where the summary has them.
    pub summary: &'a Summary,
}

/// Which files are drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// Vector graphics.
    #[default]
    Svg,
    /// Pixels, 1600 × 900.
    Png,
    /// No charts.
    None,
}

impl Format {
    /// The values of `--charts`, in order.
    pub const NAMES: [(&'static str, Format); 3] =
        [("svg", Format::Svg), ("png", Format::Png), ("none", Format::None)];
}

/// A chart: its file name without the ending, and how it is drawn.
type Chart = (&'static str, fn(&ChartInput) -> Drawing);

/// Every chart, in the order of the report.
const CHARTS: [Chart; 5] = [
    ("load", load::draw),
    ("reservation", reservation::draw),
    ("waits", waits::draw),
    ("costs", costs::draw),
    ("fleet", fleet::draw),
];

/// Draws every chart: (name in the output folder, content). A chart without data says why it is empty.
#[must_use]
pub fn render(input: &ChartInput, format: Format) -> Vec<(String, Vec<u8>)> {
    let paint: (fn(&Drawing) -> Vec<u8>, &str) = match format {
        Format::Svg => (|drawing| paint::svg(drawing).into_bytes(), "svg"),
        Format::Png => (paint::png, "png"),
        Format::None => return Vec::new(),
    };
    CHARTS
        .par_iter()
        .map(|(name, draw)| (format!("charts/{name}.{}", paint.1), paint.0(&draw(input))))
        .collect()
}
