//! What a task-hour costs on each kind of capacity, against the load; where kinds cost as much as Fargate is marked.

use super::axis::{Axis, Steps};
use super::drawing::{Align, Color, Drawing, palette};
use super::frame::{self, BOTTOM, LEFT, Mark, RIGHT, TOP};
use crate::experiment::breakeven::{Kind, Said, cheapest, crossings};
use crate::report::breakeven::{Study, factor};

/// Left edge of the plot, with room for dollars.
const START: f64 = LEFT + 90.0;
const PLOT_TOP: f64 = TOP + 60.0;

fn color(kind: Kind) -> Color {
    match kind {
        Kind::Given => palette::GREY,
        Kind::Fargate => palette::ORANGE,
        Kind::FargateSpot => palette::AMBER,
        Kind::Ec2 => palette::BLUE,
        Kind::Ec2Spot => palette::PARTS[1],
        Kind::ManagedInstances => palette::GREEN,
    }
}

/// Of a kind the cheapest at each load, of all or of those that serve as well as Fargate: load and dollars a task-hour.
fn points(study: &Study<'_>, kind: Kind, as_quick: bool) -> Vec<(f64, f64)> {
    let loads = study.question.loads.iter();
    let usd = |said: &Said| said.usd_per_task_hour;
    loads
        .filter_map(|&load| {
            let cell = cheapest(study.cells, load, kind, as_quick)?;
            Some((load, cell.mean(usd)?))
        })
        .collect()
}

/// Draws the chart.
pub fn draw(study: &Study<'_>) -> Drawing {
    let seeds = study.question.seeds.len();
    let facts = [
        format!("means of {seeds} seed{}", if seeds == 1 { "" } else { "s" }),
        "full lines serve as well as Fargate, dashes do not".to_string(),
    ];
    let mut drawing = frame::titled("Cost of a task-hour by load", study.name, &facts);
    let kinds = study.question.kinds.iter();
    let of = |&kind: &Kind| (kind, points(study, kind, true), points(study, kind, false));
    let all: Vec<_> = kinds.map(of).filter(|(_, _, any)| !any.is_empty()).collect();
    if all.is_empty() {
        return frame::empty(drawing, "No kind of capacity could run this workload.");
    }
    let points = all.iter().flat_map(|(_, line, any)| line.iter().chain(any));
    let most = points.map(|point| point.1).fold(0.0, f64::max);
    let dollars = Axis::values(0.0, most, Steps::Decimal, 6, (BOTTOM, PLOT_TOP));
    for (value, label) in &dollars.ticks {
        let y = dollars.at(*value);
        drawing.line(vec![(START, y), (RIGHT, y)], 1.0, palette::GRID);
        drawing.text((START - 12.0, y + 6.0), format!("${label}"), frame::TICK.align(Align::End));
    }
    let x = loads(&mut drawing, &study.question.loads);
    for (kind, line, any) in &all {
        let place = |&(load, usd): &(f64, f64)| (x(load), dollars.at(usd));
        if any != line {
            let places: Vec<(f64, f64)> = any.iter().map(place).collect();
            for pair in places.windows(2) {
                drawing.dashes(pair[0], pair[1], 2.0, color(*kind));
            }
        }
        let places: Vec<(f64, f64)> = line.iter().map(place).collect();
        places.iter().for_each(|&at| drawing.dot(at, 6.0, color(*kind)));
        drawing.line(places, 3.0, color(*kind));
        for one in crossings(study.cells, &study.question.loads, *kind) {
            let at = x(one.load);
            drawing.dashes((at, PLOT_TOP), (at, BOTTOM), 1.5, color(*kind));
            let label = format!("×{}", crate::report::human::decimal(one.load, 2));
            drawing.text((at + 8.0, PLOT_TOP + 16.0), label, frame::TICK);
        }
    }
    drawing.line(vec![(START, BOTTOM), (RIGHT, BOTTOM)], 1.5, palette::AXIS);
    let entries: Vec<(Mark, Color, String)> =
        all.iter().map(|(kind, ..)| (Mark::Line, color(*kind), kind.name().to_string())).collect();
    frame::legend_right(&mut drawing, TOP + 18.0, &entries);
    drawing
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
