//! Charts of a run as SVG or PNG files, fit for a slide.
//!
//! A chart is first a list of shapes (`drawing`), made from numbers that were checked to be finite, and then
//! painted (`paint`) by plotters. Its axes and ticks are ours (`axis`): plotters never ends on an infinite
//! axis. The font is part of the program, so the bytes are the same on every machine.

mod axis;
mod breakeven;
mod calendar;
mod classes;
mod compare;
mod costs;
mod drawing;
mod fleet;
mod font;
mod frame;
mod groups;
mod heat;
mod incidents;
mod latency;
mod lives;
mod load;
mod paint;
mod plan;
mod reservation;
mod service_tasks;
mod services;
mod spending;
mod stack;
mod sweep;
mod tornado;
mod traffic;
mod trend;
mod utilization;
mod waits;
mod waterfall;
mod winners;

use crate::base::money::NanoUsd;
use crate::experiment::compare::Comparison;
use crate::experiment::sweep::{Plan, Results};
use crate::metrics::capacity_track::{InstanceLife, ReservationTrack};
use crate::metrics::histogram::SpanHistogram;
use crate::metrics::incident::Incident;
use crate::metrics::picture::FleetPicture;
use crate::metrics::series::Stretch;
use crate::metrics::service::ServiceReport;
use crate::metrics::summary::Summary;
use crate::report::bill_view::{BillView, Part};
use crate::report::breakeven::Study;
use drawing::Drawing;
use rayon::prelude::*;

/// What the charts show.
#[derive(Clone, Debug)]
pub struct ChartInput<'a> {
    /// Name of the scenario, as the user wrote it.
    pub title: String,
    /// Time zero, seconds since 1970, where the axes of time are to show the calendar.
    pub start: Option<i64>,
    /// The fleet and the tasks over time, in order of time.
    pub series: Vec<Stretch>,
    /// Waiting times of the tasks.
    pub waits: &'a SpanHistogram,
    /// The bill in parts, in any order; parts of one name are added up.
    pub costs: Vec<(String, NanoUsd)>,
    /// What the parts are, such as `category`.
    pub costs_by: &'static str,
    /// The bill by the hour, where it was kept so.
    pub bill: Option<BillView>,
    /// The fleet at one instant.
    pub picture: Option<FleetPicture>,
    /// The lives of instances of Auto Scaling groups, in order of launch.
    pub lives: Vec<InstanceLife>,
    /// The metric of each capacity provider with managed scaling.
    pub reservations: Vec<ReservationTrack>,
    /// What failed, in order of time.
    pub incidents: &'a [Incident],
    /// Every service; the worst and the largest get charts of their own.
    pub services: &'a [ServiceReport],
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
const CHARTS: [Chart; 6] = [
    ("load", load::draw),
    ("reservation", reservation::draw),
    ("waits", waits::draw),
    ("costs", costs::draw),
    ("spending", spending::draw),
    ("fleet", fleet::draw),
];

/// A chart of one service: the end of its file name, and how it is drawn.
type ServiceChart = (&'static str, fn(&ChartInput, &ServiceReport) -> Drawing);

/// Every chart of a service.
const SERVICE_CHARTS: [ServiceChart; 4] = [
    ("traffic", traffic::draw_one),
    ("tasks", service_tasks::draw),
    ("utilization", utilization::draw),
    ("latency", latency::draw),
];

/// How a chart is drawn.
type Draw<'a> = Box<dyn Fn(&ChartInput) -> Drawing + Send + Sync + 'a>;

/// Draws the charts of a study of kinds of capacity: (name in the output folder, content).
#[must_use]
pub fn render_breakeven(study: &Study<'_>, format: Format) -> Vec<(String, Vec<u8>)> {
    let Some((paint, ending)) = painter(format) else { return Vec::new() };
    let mut charts = vec![(format!("charts/breakeven.{ending}"), paint(&breakeven::draw(study)))];
    if !study.map.is_empty() {
        let map = paint(&winners::draw(study));
        charts.push((format!("charts/breakeven-map.{ending}"), map));
    }
    charts
}

/// Draws every chart: (name in the output folder, content). A chart without data says why it is empty; where there are
/// no services and no groups, neither are their charts.
#[must_use]
pub fn render(input: &ChartInput, format: Format) -> Vec<(String, Vec<u8>)> {
    let Some(paint) = painter(format) else { return Vec::new() };
    charts(input)
        .par_iter()
        .map(|(name, draw)| (format!("charts/{name}.{}", paint.1), paint.0(&draw(input))))
        .collect()
}

/// Draws the chart of a comparison: (name in the output folder, content).
#[must_use]
pub fn render_comparison(of: &Comparison, format: Format) -> Option<(String, Vec<u8>)> {
    let (paint, ending) = painter(format)?;
    Some((format!("charts/compare.{ending}"), paint(&compare::draw(of))))
}

/// Most charts of a sweep of either kind.
const MOST_OF_SWEEP: usize = 10;

/// Draws the charts of a sweep: one along each axis, a map of each two (name in the output folder, content).
#[must_use]
pub fn render_sweep(plan: &Plan, results: &Results, format: Format) -> Vec<(String, Vec<u8>)> {
    let Some((paint, ending)) = painter(format) else { return Vec::new() };
    let axes = 0..plan.axes.len();
    let along = axes.clone().take(MOST_OF_SWEEP).map(|axis| {
        let name = format!("charts/axis-{}.{ending}", plan.axes[axis].name);
        (name, paint(&sweep::draw(plan, results, axis)))
    });
    let pairs = axes.clone().flat_map(|down| axes.clone().map(move |across| (down, across)));
    let is_map = |(down, across): &(usize, usize)| {
        let (down, across) = (&plan.axes[*down], &plan.axes[*across]);
        // Each two once, of axes that are not walked together.
        down.dimension < across.dimension
    };
    let maps = pairs.filter(is_map).take(MOST_OF_SWEEP).map(|(down, across)| {
        let names = format!("{}-{}", plan.axes[down].name, plan.axes[across].name);
        let name = format!("charts/heat-{names}.{ending}");
        (name, paint(&heat::draw(plan, results, across, down)))
    });
    along.chain(maps).collect()
}

/// Draws the chart of a plan: (name in the output folder, content).
#[must_use]
pub fn render_plan(
    study: &crate::report::plan::Study<'_>,
    format: Format,
) -> Option<(String, Vec<u8>)> {
    let (paint, ending) = painter(format)?;
    Some((format!("charts/plan.{ending}"), paint(&plan::draw(study))))
}

/// Draws a tornado of each metric of a study of levers: (name in the output folder, content).
#[must_use]
pub fn render_sensitivity(
    study: &crate::report::sensitivity::Study<'_>,
    format: Format,
) -> Vec<(String, Vec<u8>)> {
    let Some((paint, ending)) = painter(format) else { return Vec::new() };
    let all = study.effects.iter().enumerate();
    let one = |(at, of): (usize, &crate::experiment::sensitivity::Effects)| {
        let name = format!("charts/sensitivity-{}.{ending}", of.metric);
        (name, paint(&tornado::draw(study, at)))
    };
    all.map(one).collect()
}

/// How a drawing becomes a file, and the ending of its name.
type Painter = (fn(&Drawing) -> Vec<u8>, &'static str);

fn painter(format: Format) -> Option<Painter> {
    match format {
        Format::Svg => Some((|drawing| paint::svg(drawing).into_bytes(), "svg")),
        Format::Png => Some((paint::png, "png")),
        Format::None => None,
    }
}

/// The charts of a run by name.
fn charts<'a>(input: &'a ChartInput) -> Vec<(String, Draw<'a>)> {
    let mut charts: Vec<(String, Draw<'a>)> = Vec::new();
    for (name, draw) in CHARTS {
        charts.push((name.into(), Box::new(draw)));
    }
    if let Some(bill) = &input.bill {
        charts.extend(of_bill(bill));
    }
    if !input.lives.is_empty() {
        charts.push(("groups".into(), Box::new(groups::draw)));
        charts.push(("instances".into(), Box::new(lives::draw)));
    }
    if !input.incidents.is_empty() {
        charts.push(("incidents".into(), Box::new(incidents::draw)));
    }
    if !input.services.is_empty() {
        charts.push(("traffic".into(), Box::new(traffic::draw_all)));
    }
    for (name, report) in services::drawn(input.services) {
        for (kind, draw) in SERVICE_CHARTS {
            let file = format!("service-{name}-{kind}");
            charts.push((file, Box::new(move |input| draw(input, report))));
        }
    }
    charts
}

/// The charts of a bill that say more than `costs` and `spending` do: parts over time where there are several of both, and
/// the way from list prices where something lies on it.
fn of_bill<'a>(bill: &BillView) -> Vec<(String, Draw<'a>)> {
    let mut charts: Vec<(String, Draw<'a>)> = Vec::new();
    let has_parts = |parts: &[Part]| {
        let cost = |part: &&Part| part.1.iter().copied().sum::<NanoUsd>().0 > 0;
        bill.begins.len() > 1 && parts.iter().filter(cost).count() > 1
    };
    if has_parts(&bill.by_category) {
        charts.push(("bill-by-category".into(), Box::new(stack::by_category)));
    }
    if has_parts(&bill.by_service) {
        charts.push(("bill-by-service".into(), Box::new(stack::by_service)));
    }
    if has_parts(&bill.by_use) {
        charts.push(("bill-by-use".into(), Box::new(stack::by_use)));
    }
    if bill.discounts.says_something() {
        charts.push(("bill-from-list".into(), Box::new(waterfall::draw)));
    }
    charts
}
