//! Traffic against capacity, with what was dropped and why: of one service, and of all together.

use super::ChartInput;
use super::axis::{Axis, Steps};
use super::drawing::{Color, Drawing, palette};
use super::frame::{self, BOTTOM, Mark, Panel, TOP};
use super::services::{self, Line, per_second};
use super::trend::{Draws, Holds, Trend};
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::service::{RequestTotals, ServiceReport, ServiceSample};
use crate::report::human;

/// A reason for dropping: name, colour, millionths of requests.
type Reason = (&'static str, Color, fn(&RequestTotals) -> u64);

const UNFINISHED: &str = "unfinished at the end";

const REASONS: [Reason; 6] = [
    ("no target", palette::PARTS[4], |r| r.no_target),
    ("queue full", palette::PARTS[3], |r| r.queue_full),
    ("timeout", palette::PARTS[1], |r| r.timeout),
    ("task lost", palette::PARTS[0], |r| r.task_lost),
    ("dead letter", palette::PARTS[2], |r| r.dead_letters),
    (UNFINISHED, palette::OTHERS, |r| r.unfinished),
];

/// Draws the chart of one service.
pub fn draw_one(input: &ChartInput, report: &ServiceReport) -> Drawing {
    let title = frame::title_of("Traffic and capacity", &report.name);
    let p95 = report.latency.quantile(950);
    draw(input, &title, &report.requests, p95, &report.samples, report.is_queue)
}

/// Draws the chart of all services together.
pub fn draw_all(input: &ChartInput) -> Drawing {
    let reports = input.services;
    let totals = reports.iter().fold(RequestTotals::default(), |sum, one| sum.plus(&one.requests));
    let title = match reports.len() {
        1 => "Traffic and capacity".to_string(),
        count => format!("Traffic and capacity of {} services", human::thousands(count as u128)),
    };
    let only_queues = reports.iter().all(|report| report.is_queue);
    draw(input, &title, &totals, None, &together(reports), only_queues)
}

fn noun(is_queue: bool) -> &'static str {
    if is_queue { "messages" } else { "requests" }
}

fn draw(
    input: &ChartInput,
    title: &str,
    totals: &RequestTotals,
    p95: Option<SimSpan>,
    samples: &[ServiceSample],
    is_queue: bool,
) -> Drawing {
    let noun = noun(is_queue);
    let mut facts = vec![format!("{} {noun} offered", human::amount(totals.offered))];
    if totals.offered > 0 {
        facts.push(dropped_share(totals));
    }
    facts.extend(p95.map(|p95| format!("p95 latency {}", human::span(p95))));
    let mut drawing = frame::page(title, input, &facts);
    if services::is_instant(samples) {
        let why = "The run ended before its first sample: nothing to show.";
        return frame::empty(drawing, why);
    }
    if totals.offered == 0 && samples.iter().all(|sample| sample.capacity_micro_per_s == 0) {
        return frame::empty(drawing, &format!("No {noun} arrived."));
    }
    let reasons: Vec<&Reason> = REASONS.iter().filter(|reason| reason.2(totals) > 0).collect();
    // What waits in a queue is what its scaling looks at; requests that wait show in the latency.
    let waits = is_queue && samples.iter().any(|sample| sample.backlog_micro > 0);
    let below = usize::from(!reasons.is_empty()) + usize::from(waits);
    let rows = places(below);
    let mut lines = flows();
    // Served requests have a line of their own only where they differ.
    lines.retain(|line| match line.name {
        "served" => totals.served != totals.offered,
        "served with an error" => totals.errors > 0,
        _ => line.ground || line.max(samples) > 0.0,
    });
    let max = lines.iter().map(|line| line.max(samples)).fold(0.0, f64::max);
    let heading = format!("{} per second", capital(noun));
    let mut upper = Panel::new(&heading, rows[0].0, rows[0].1, max, Steps::Decimal);
    let (x, _) = services::time_axis(input, samples, upper.left);
    let waiting = backlog(noun);
    let mut queued = waits.then(|| {
        let heading = format!("{} that wait", capital(noun));
        Panel::new(&heading, rows[1].0, rows[1].1, waiting[0].max(samples), Steps::Whole)
    });
    let mut lower = (!reasons.is_empty()).then(|| {
        let heading = format!("Dropped {noun} per second, by reason");
        let max = highest(samples, &reasons, &x);
        Panel::new(&heading, rows[below].0, BOTTOM, max, Steps::Decimal)
    });
    let panels = queued.iter().chain(&lower);
    let left = panels.map(|panel| panel.left).fold(upper.left, f64::max);
    upper.left = left;
    let (x, caption) = services::time_axis(input, samples, left);
    services::draw_lines(&mut drawing, &upper, &x, samples, &lines);
    frame::legend_right(&mut drawing, upper.top - 22.0, &services::legend(&lines));
    if let Some(panel) = &mut queued {
        panel.left = left;
        services::draw_lines(&mut drawing, panel, &x, samples, &waiting);
    }
    if let Some(panel) = &mut lower {
        panel.left = left;
        draw_dropped(&mut drawing, panel, &x, samples, &reasons);
    }
    services::close(&mut drawing, &x, &caption);
    drawing
}

/// What comes, what is served, and what could be.
fn flows() -> Vec<Line<'static>> {
    vec![
        Line {
            name: "offered",
            color: palette::BLUE,
            value: &|s, span| per_second(s.requests.offered, span),
            holds: Holds::Before,
            draws: Draws::Mean,
            ground: true,
            width: 2.5,
        },
        Line {
            name: "served",
            color: palette::GREEN,
            value: &|s, span| per_second(s.requests.served, span),
            holds: Holds::Before,
            draws: Draws::Mean,
            ground: false,
            width: 2.5,
        },
        Line {
            name: "served with an error",
            color: palette::AMBER,
            value: &|s, span| per_second(s.requests.errors, span),
            holds: Holds::Before,
            draws: Draws::Mean,
            ground: false,
            width: 2.5,
        },
        Line {
            name: "capacity of the tasks in service",
            color: palette::GREY,
            value: &|s, _| Some(s.capacity_micro_per_s as f64 / 1e6),
            holds: Holds::Before,
            draws: Draws::Mean,
            ground: false,
            width: 2.5,
        },
    ]
}

/// Top and bottom of the panel of the traffic and of so many below it.
fn places(below: usize) -> Vec<(f64, f64)> {
    let share = [1.0, 0.62, 0.42][below.min(2)];
    let mut places = Vec::new();
    let mut top = TOP;
    for index in 0..=below {
        let part = if index == 0 { share } else { (1.0 - share) / below as f64 };
        let end = top + (BOTTOM - TOP) * part;
        places.push((
            if index == 0 { top } else { top + 12.0 },
            if index == below { BOTTOM } else { end - 26.0 },
        ));
        top = end;
    }
    places
}

/// The line of what waits in a queue.
fn backlog(noun: &str) -> [Line<'_>; 1] {
    [Line {
        name: noun,
        color: palette::ORANGE,
        value: &|s, _| Some(s.backlog_micro as f64 / 1e6),
        holds: Holds::Before,
        draws: Draws::Mean,
        ground: true,
        width: 2.5,
    }]
}

fn dropped_share(totals: &RequestTotals) -> String {
    let share = 100.0 * totals.dropped() as f64 / totals.offered as f64;
    match share {
        0.0 => "none dropped".into(),
        0.0..0.005 => "less than 0.01 % dropped".into(),
        _ => format!("{} % dropped", human::decimal(share, 2)),
    }
}

fn capital(noun: &str) -> String {
    let mut letters = noun.chars();
    letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
}

/// What was dropped for some reasons, in requests per second, mapped to pixels by `y`.
fn dropped(
    samples: &[ServiceSample],
    reasons: &[&Reason],
    x: &Axis,
    y: impl Fn(f64) -> f64 + Copy,
) -> Vec<Trend> {
    let rate = |sample: &ServiceSample, span| {
        per_second(reasons.iter().map(|reason| reason.2(&sample.requests)).sum(), span)
    };
    Trend::runs(samples, (Holds::Before, Draws::Mean), rate, x, y)
}

/// The highest point of all layers as they are drawn. What is unfinished is dropped at one instant, the end: where there
/// is anything else, it must not make that look small.
fn highest(samples: &[ServiceSample], reasons: &[&Reason], x: &Axis) -> f64 {
    let during: Vec<&Reason> =
        reasons.iter().copied().filter(|reason| reason.0 != UNFINISHED).collect();
    let counted = if during.is_empty() { reasons } else { &during };
    let runs = dropped(samples, counted, x, |value| value);
    runs.iter().flat_map(|run| &run.line).map(|point| point.1).fold(0.0, f64::max)
}

/// The reasons as layers, the first at the bottom.
fn draw_dropped(
    drawing: &mut Drawing,
    panel: &Panel,
    x: &Axis,
    samples: &[ServiceSample],
    reasons: &[&Reason],
) {
    panel.draw(drawing);
    // Each layer is painted from the base line on, so the highest comes first.
    for count in (1..=reasons.len()).rev() {
        for run in dropped(samples, &reasons[..count], x, |value| panel.y.at(value)) {
            drawing.area(frame::below(&run.line, panel.bottom), reasons[count - 1].1);
        }
    }
    panel.close(drawing);
    let legend: Vec<_> =
        reasons.iter().map(|reason| (Mark::Box, reason.1, reason.0.to_string())).collect();
    frame::legend_right(drawing, panel.top - 22.0, &legend);
}

/// The services as one, at the samples of the one that has most. Samples of services are taken at the same instants;
/// where thinning left other steps, a longer one is spread evenly over the shorter ones. Only requests, capacity
/// and the counts of desired and healthy tasks are filled in.
pub fn together(reports: &[ServiceReport]) -> Vec<ServiceSample> {
    let Some(longest) = reports.iter().max_by_key(|report| report.samples.len()) else {
        return Vec::new();
    };
    let mut all: Vec<ServiceSample> = longest
        .samples
        .iter()
        .map(|s| ServiceSample { at: s.at, ..ServiceSample::default() })
        .collect();
    for report in reports {
        let mut own = report.samples.iter().copied();
        let (mut begin, mut current) = (SimTime::ZERO, own.next());
        let mut before = SimTime::ZERO;
        for sum in &mut all {
            while let Some(sample) = current.filter(|sample| sample.at < sum.at) {
                (begin, current) = (sample.at, own.next());
            }
            if let Some(sample) = &current {
                let part = sum.at.since(before).0;
                let whole = sample.at.since(begin).0.max(part);
                sum.requests = sum.requests.plus(&share(&sample.requests, part, whole));
                sum.capacity_micro_per_s += sample.capacity_micro_per_s;
                sum.desired = sum.desired.saturating_add(sample.desired);
                sum.healthy = sum.healthy.saturating_add(sample.healthy);
            }
            before = sum.at;
        }
    }
    all
}

/// `part` of `whole` of the requests.
fn share(requests: &RequestTotals, part: u64, whole: u64) -> RequestTotals {
    if part == whole {
        return *requests;
    }
    let of =
        |amount: u64| (u128::from(amount) * u128::from(part) / u128::from(whole.max(1))) as u64;
    RequestTotals {
        offered: of(requests.offered),
        served: of(requests.served),
        errors: of(requests.errors),
        no_target: of(requests.no_target),
        queue_full: of(requests.queue_full),
        timeout: of(requests.timeout),
        task_lost: of(requests.task_lost),
        dead_letters: of(requests.dead_letters),
        unfinished: of(requests.unfinished),
        received_again: of(requests.received_again),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_services_together_have_the_traffic_of_each() {
        let sample = |at, offered| ServiceSample {
            at: SimTime(at),
            requests: RequestTotals { offered, served: offered, ..RequestTotals::default() },
            capacity_micro_per_s: 100,
            ..ServiceSample::default()
        };
        let report = |samples: &[(u64, u64)]| ServiceReport {
            samples: samples.iter().map(|&(at, offered)| sample(at, offered)).collect(),
            ..ServiceReport::default()
        };
        // The second has steps twice as long, and ends earlier.
        let reports =
            [report(&[(10, 1), (20, 2), (30, 3), (40, 4), (50, 5)]), report(&[(20, 60), (40, 80)])];
        let all: Vec<_> = together(&reports)
            .iter()
            .map(|s| (s.at.0, s.requests.offered, s.capacity_micro_per_s))
            .collect();
        let expected = [(10, 31, 200), (20, 32, 200), (30, 43, 200), (40, 44, 200), (50, 5, 100)];
        assert_eq!(all, expected);
    }
}
