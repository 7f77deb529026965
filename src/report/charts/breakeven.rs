//! What a task-hour costs on each kind of capacity, against the load; where kinds cost as much as Fargate is marked.

use super::axis::{Axis, Steps};
use super::drawing::{Align, Color, Drawing, Type, palette};
use super::font::fit;
use super::frame::{self, BOTTOM, LEFT, Mark, RIGHT, TOP};
use crate::experiment::breakeven::{Kind, Said, cheapest, crossings};
use crate::experiment::statistics::Mean;
use crate::report::breakeven::{Study, factor, level};

/// Left edge of the plot, with room for dollars.
const START: f64 = LEFT + 90.0;
const PLOT_TOP: f64 = TOP + 60.0;
/// Base line of the costs, where packings stand below them.
const COSTS_BOTTOM: f64 = 490.0;
/// Top of the panel of packings.
const PACKING_TOP: f64 = 560.0;
/// Packings that would be needed above this are not drawn: no instance can be so full.
const MOST_PERCENT: f64 = 150.0;
const HEADING: Type = Type::new(20.0, palette::INK).bold();

/// The colour of a kind of capacity.
pub(super) fn color(kind: Kind) -> Color {
    match kind {
        Kind::Given => palette::GREY,
        Kind::Fargate => palette::ORANGE,
        Kind::FargateSpot => palette::AMBER,
        Kind::Ec2 => palette::BLUE,
        Kind::Ec2Spot => palette::PARTS[1],
        Kind::ManagedInstances => palette::GREEN,
        Kind::FargateMixed => palette::PARTS[4],
        Kind::Ec2Mixed => palette::PARTS[5],
        Kind::Split => palette::INK,
    }
}

/// A load, and dollars a task-hour or percent.
type Point = (f64, Mean);

/// Of a kind the cheapest at each load, of all or of those that serve as well as Fargate: load and dollars a task-hour.
fn points(study: &Study<'_>, kind: Kind, as_quick: bool) -> Vec<Point> {
    let loads = study.question.loads.iter();
    let usd = |said: &Said| said.usd_per_task_hour;
    loads
        .filter_map(|&load| {
            let cell = cheapest(study.cells, load, kind, as_quick)?;
            Some((load, cell.estimate(usd)?))
        })
        .collect()
}

/// Draws the chart: costs above, and below them how full instances are, how full they would have to be, and what people say
/// of that.
pub fn draw(study: &Study<'_>) -> Drawing {
    let seeds = study.question.seeds.len();
    let facts = [
        match seeds {
            1 => "one seed".to_string(),
            _ => format!("means of {seeds} seeds, bars and shades are 95 % intervals"),
        },
        "full lines serve as well as Fargate, dashes do not".to_string(),
    ];
    let mut drawing = frame::titled("Cost of a task-hour by load", study.name, &facts);
    let kinds = study.question.kinds.iter();
    let of = |&kind: &Kind| (kind, points(study, kind, true), points(study, kind, false));
    let all: Vec<_> = kinds.map(of).filter(|(_, _, any)| !any.is_empty()).collect();
    if all.is_empty() {
        return frame::empty(drawing, "No kind of capacity could run this workload.");
    }
    let has_instances = all.iter().any(|(kind, ..)| kind.is_instances());
    let bottom = if has_instances { COSTS_BOTTOM } else { BOTTOM };
    let points = all.iter().flat_map(|(_, line, any)| line.iter().chain(any));
    let most = points.map(|point| point.1.ends().1).fold(0.0, f64::max);
    let dollars = Axis::values(0.0, most, Steps::Decimal, 6, (bottom, PLOT_TOP));
    for (value, label) in &dollars.ticks {
        let y = dollars.at(*value);
        drawing.line(vec![(START, y), (RIGHT, y)], 1.0, palette::GRID);
        drawing.text((START - 12.0, y + 6.0), format!("${label}"), frame::TICK.align(Align::End));
    }
    let x = loads(&mut drawing, &study.question.loads);
    if has_instances {
        packing(&mut drawing, study, &x);
    }
    for (kind, ..) in &all {
        turns(&mut drawing, study, *kind, &x);
    }
    for (kind, line, any) in &all {
        let place = |(load, usd): &Point| (x(*load), dollars.at(usd.mean));
        if any != line {
            let places: Vec<(f64, f64)> = any.iter().map(place).collect();
            for pair in places.windows(2) {
                drawing.dashes(pair[0], pair[1], 2.0, color(*kind));
            }
            bars(&mut drawing, any, (&x, &dollars), color(*kind));
        }
        bars(&mut drawing, line, (&x, &dollars), color(*kind));
        let places: Vec<(f64, f64)> = line.iter().map(place).collect();
        places.iter().for_each(|&at| drawing.dot(at, 6.0, color(*kind)));
        drawing.line(places, 3.0, color(*kind));
    }
    drawing.line(vec![(START, bottom), (RIGHT, bottom)], 1.5, palette::AXIS);
    let entries: Vec<(Mark, Color, String)> =
        all.iter().map(|(kind, ..)| (Mark::Line, color(*kind), kind.name().to_string())).collect();
    frame::legend_right(&mut drawing, TOP + 18.0, &entries);
    drawing
}

/// Half of a bar's width at its ends.
const CAP: f64 = 7.0;

/// The 95 % interval of each point that has one.
fn bars(
    drawing: &mut Drawing,
    points: &[Point],
    (x, y): (&impl Fn(f64) -> f64, &Axis),
    color: Color,
) {
    for (load, mean) in points.iter().filter(|(_, mean)| mean.half_width.is_some()) {
        let (low, high) = mean.ends();
        let (x, low, high) = (x(*load), y.at(low.max(0.0)), y.at(high));
        drawing.line(vec![(x, low), (x, high)], 2.0, color);
        for end in [low, high] {
            drawing.line(vec![(x - CAP, end), (x + CAP, end)], 2.0, color);
        }
    }
}

/// Where a kind costs as much as Fargate: a dashed line in the shade of its interval.
fn turns(drawing: &mut Drawing, study: &Study<'_>, kind: Kind, x: &impl Fn(f64) -> f64) {
    let loads = &study.question.loads;
    let (Some(first), Some(last)) = (loads.first(), loads.last()) else { return };
    for one in crossings(study.cells, loads, kind, true) {
        let decimal = |load: f64| crate::report::human::decimal(load, 2);
        let mut label = format!("×{}", decimal(one.load));
        if let Some(interval) = one.interval {
            let (low, high) = (interval.low.unwrap_or(*first), interval.high.unwrap_or(*last));
            let corners = [(low, PLOT_TOP), (high, PLOT_TOP), (high, BOTTOM), (low, BOTTOM)];
            drawing.veil(corners.map(|(load, y)| (x(load), y)).to_vec(), color(kind));
            let end = |end: Option<f64>| end.map_or("…".into(), decimal);
            label += &format!(" ({} to {})", end(interval.low), end(interval.high));
        }
        let at = x(one.load);
        drawing.dashes((at, PLOT_TOP), (at, BOTTOM), 1.5, color(kind));
        // To the side that has room.
        let (at, align) = if at > (START + RIGHT) / 2.0 {
            (at - 8.0, Align::End)
        } else {
            (at + 8.0, Align::Start)
        };
        drawing.text((at, PLOT_TOP + 16.0), label, frame::TICK.align(align));
    }
}

/// A load, how full instances are there, and how full they would have to be, percent.
type Packing = (f64, Mean, Option<f64>);

/// The panel of packings: what people say as bands, how full instances are as lines, how full they would have to be as dashes.
fn packing(drawing: &mut Drawing, study: &Study<'_>, x: &impl Fn(f64) -> f64) {
    let kinds = study.question.kinds.iter().filter(|kind| kind.is_instances());
    let lines: Vec<(Kind, Vec<Packing>)> =
        kinds.map(|&kind| (kind, packings(study, kind))).collect();
    let levels = lines.iter().flat_map(|(_, line)| line).filter_map(|point| point.2);
    let most = levels.fold(100.0, f64::max).min(MOST_PERCENT);
    let percents = Axis::values(0.0, most, Steps::Decimal, 5, (BOTTOM, PACKING_TOP));
    let heading = "How full instances are, and (dashes) where they cost as much as Fargate; bands: what people say";
    drawing.text((LEFT, PACKING_TOP - 18.0), heading, HEADING);
    for (value, label) in &percents.ticks {
        let y = percents.at(*value);
        drawing.line(vec![(START, y), (RIGHT, y)], 1.0, palette::GRID);
        drawing.text((START - 12.0, y + 6.0), format!("{label} %"), frame::TICK.align(Align::End));
    }
    bands(drawing, study, &percents);
    for (kind, line) in &lines {
        let at = |(load, packed, _): &Packing| (x(*load), percents.at(packed.mean));
        let level = |point: &Packing| {
            Some((x(point.0), percents.at(point.2.filter(|level| *level <= most)?)))
        };
        let places: Vec<(f64, f64)> = line.iter().map(at).collect();
        places.iter().for_each(|&at| drawing.dot(at, 5.0, color(*kind)));
        drawing.line(places, 3.0, color(*kind));
        let packed: Vec<Point> = line.iter().map(|(load, packed, _)| (*load, *packed)).collect();
        bars(drawing, &packed, (x, &percents), color(*kind));
        for pair in line.windows(2) {
            if let (Some(from), Some(to)) = (level(&pair[0]), level(&pair[1])) {
                drawing.dashes(from, to, 2.5, color(*kind));
            }
        }
        // A single load has no line that could be dashed.
        if let [only] = &line[..]
            && let Some((x, y)) = level(only)
        {
            drawing.dashes((x - 30.0, y), (x + 30.0, y), 2.5, color(*kind));
        }
    }
    drawing.line(vec![(START, BOTTOM), (RIGHT, BOTTOM)], 1.5, palette::AXIS);
}

/// What people say, each a band, side by side from the left on, with who says it at the foot.
fn bands(drawing: &mut Drawing, study: &Study<'_>, percents: &Axis) {
    let count = study.claims.len().max(1) as f64;
    let wide = (RIGHT - START) / count;
    for (index, claim) in study.claims.iter().enumerate() {
        let (from, to) = claim.percent;
        let (left, right) = (START + wide * index as f64, START + wide * (index + 1) as f64);
        let (top, bottom) = (percents.at(to), percents.at(from));
        let middle = (top + bottom) / 2.0;
        let half = ((bottom - top) / 2.0).max(1.5);
        drawing.rect((left + 4.0, middle - half), (right - 4.0, middle + half), palette::CLAIM);
        let figure = claim.figure().replace(" to ", "–");
        let text = fit(&format!("{figure}: {}", claim.who), frame::TICK, wide - 16.0);
        drawing.text((left + 8.0, BOTTOM - 10.0), text, frame::TICK);
    }
}

/// Of a kind, by load: how full its cheapest variant is, and how full it would have to be.
fn packings(study: &Study<'_>, kind: Kind) -> Vec<Packing> {
    let point = |&load: &f64| {
        let of = |as_quick| cheapest(study.cells, load, kind, as_quick);
        let cell = of(true).or_else(|| of(false))?;
        let level = level(study, cell).map(|level| level.mean);
        Some((load, cell.estimate(|said| said.packed_percent)?, level))
    };
    study.question.loads.iter().filter_map(point).collect()
}

/// The axis of loads, by their logarithm; where a load is.
fn loads(drawing: &mut Drawing, loads: &[f64]) -> impl Fn(f64) -> f64 + use<> {
    let low = libm::log(loads.first().copied().unwrap_or(1.0));
    let high = libm::log(loads.last().copied().unwrap_or(1.0));
    let range = high - low;
    let at = move |load: f64| {
        let share = if range > 0.0 { (libm::log(load) - low) / range } else { 0.5 };
        START + 40.0 + share * (RIGHT - START - 80.0)
    };
    for &load in loads {
        let label = format!("×{}", factor(load));
        drawing.text((at(load), BOTTOM + 28.0), label, frame::TICK.align(Align::Middle));
    }
    drawing.text((RIGHT, BOTTOM + 58.0), "load", frame::TICK.align(Align::End));
    at
}
