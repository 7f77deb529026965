//! Incidents on one axis of time: what was out and until when, and beneath it what became of instances, tasks and requests.

use super::ChartInput;
use super::axis::{Axis, Steps};
use super::drawing::{Align, Color, Drawing, Type, palette};
use super::font::{fit_middle, width};
use super::frame::{self, BOTTOM, LEFT, Mark, Panel, RIGHT, TOP};
use super::groups;
use super::services::{self, Line};
use super::traffic::together;
use super::trend::{Draws, Holds};
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::incident::Incident;
use crate::metrics::series::Stretch;
use crate::metrics::service::ServiceSample;
use crate::report::human;
use std::cmp::Reverse;

/// Most incidents that are shown: those that dropped most requests, then the longest.
const MOST_ROWS: usize = 8;
/// Height of an incident's row, and of the heading above the first.
const ROW: f64 = 24.0;
const HEADING: f64 = 40.0;
/// Between two panels.
const GAP: f64 = 26.0;
/// The window begins and ends on a whole minute.
const MINUTE: u64 = 60_000_000;

const OUT: Color = palette::ORANGE;
const LACKING: Color = palette::AMBER;
const DROPPED: Color = palette::PARTS[4];

/// The part of the run that is drawn.
#[derive(Clone, Copy)]
struct Window {
    from: SimTime,
    to: SimTime,
}

impl Window {
    /// From a little before the first incident until a little after the last.
    fn around(shown: &[&Incident], end: SimTime) -> Window {
        let from = shown.iter().map(|of| of.start.0).min().unwrap_or(0);
        let to = shown.iter().map(|of| finish(of, end).0).max().unwrap_or(0).max(from);
        let room = ((to - from) / 8).max(2 * MINUTE);
        let from = from.saturating_sub(room) / MINUTE * MINUTE;
        let to = to.saturating_add(room).div_ceil(MINUTE).saturating_mul(MINUTE).min(end.0);
        Window { from: SimTime(from), to: SimTime(to.max(from + 1)) }
    }

    /// An instant of the run as one of the window.
    fn shift(&self, at: SimTime) -> SimTime {
        SimTime(at.min(self.to).since(self.from).0)
    }

    /// What of these stretches lies in the window; one that begins where it ends would have no width.
    fn stretches(&self, series: &[Stretch]) -> Vec<Stretch> {
        let inside = series.iter().take_while(|s| s.from < self.to);
        inside.map(|s| Stretch { from: self.shift(s.from), to: self.shift(s.to), ..*s }).collect()
    }

    /// Its axis, and what that is called.
    fn axis(&self, start: Option<i64>, left: f64) -> (Axis, String) {
        let begin = self.from.0 / 1_000_000;
        let start = start.and_then(|start| start.checked_add(i64::try_from(begin).ok()?));
        let seconds = self.shift(self.to).to_secs_f64();
        let (axis, name) = Axis::clock(start, seconds, (left, RIGHT));
        if start.is_some() || begin == 0 {
            return (axis, name);
        }
        let unit = name.rsplit(' ').next().unwrap_or("seconds");
        (axis, format!("{unit} after {}", human::span(SimSpan(self.from.0))))
    }
}

/// When an incident is shown to end.
fn finish(of: &Incident, end: SimTime) -> SimTime {
    let over = if of.over == SimTime::NEVER { end } else { of.over };
    let recovered = if of.recovered == SimTime::NEVER { end } else { of.recovered };
    over.max(recovered).min(end)
}

/// Draws the chart.
pub fn draw(input: &ChartInput) -> Drawing {
    let all = input.incidents;
    let end = input.series.last().map_or(SimTime::ZERO, |last| last.to);
    let mut shown: Vec<&Incident> = all.iter().collect();
    shown.sort_by_key(|of| {
        (Reverse(of.dropped), Reverse(finish(of, end).since(of.start)), of.start)
    });
    shown.truncate(MOST_ROWS);
    shown.sort_by_key(|of| of.start);
    let mut drawing = frame::page("Incidents", input, &facts(input, shown.len()));
    if shown.is_empty() || end == SimTime::ZERO {
        return frame::empty(drawing, "Nothing failed: there is nothing to show.");
    }
    let window = Window::around(&shown, end);
    let samples = cut(&together(input.services), window);
    let first = input.series.partition_point(|s| s.from <= window.from).saturating_sub(1);
    let series = window.stretches(&input.series[first..]);
    let lines = task_lines();
    let has_tasks = samples.len() > 1 && lines.iter().any(|line| line.max(&samples) > 0.0);
    let dropped = dropped_line();
    let drops = dropped[0].max(&samples);
    let instances = groups::most_instances(&series);
    let below = [instances > 0, has_tasks, drops > 0.0];
    let mut places = places(shown.len(), below.iter().filter(|is_there| **is_there).count());
    let mut panel = |is_there: bool, heading: &str, max: f64, steps| {
        is_there
            .then(|| places.next().map(|at| Panel::new(heading, at.0, at.1, max, steps)))
            .flatten()
    };
    let fleet = panel(below[0], "Container instances", instances as f64, Steps::Whole);
    let most = lines.iter().map(|line| line.max(&samples)).fold(0.0, f64::max);
    let tasks = panel(below[1], "Tasks of services", most, Steps::Whole);
    let requests = panel(below[2], "Dropped requests per minute", drops, Steps::Decimal);
    let panels = || fleet.iter().chain(&tasks).chain(&requests);
    let left = panels().map(|panel| panel.left).fold(LEFT, f64::max);
    let (x, name) = window.axis(input.start, left);
    let bottom = panels().last().map_or(BOTTOM, |panel| panel.bottom);
    veil(&mut drawing, &shown, &x, window, (TOP + HEADING, bottom));
    draw_incidents(&mut drawing, &shown, &x, window);
    let place = |panel: Panel| Panel { left, ..panel };
    if let Some(panel) = fleet.map(place) {
        groups::draw_instances(&mut drawing, &panel, &x, &series);
    }
    for (panel, lines) in [(tasks, &lines[..]), (requests, &dropped[..])] {
        if let Some(panel) = panel.map(place) {
            services::draw_lines(&mut drawing, &panel, &x, &samples, lines);
            if lines.len() > 1 {
                frame::legend_right(&mut drawing, panel.top - 22.0, &services::legend(lines));
            }
        }
    }
    drawing.line(vec![(left, bottom), (RIGHT, bottom)], 1.5, palette::AXIS);
    frame::x_axis(&mut drawing, bottom, &x, &name);
    drawing
}

/// What the subtitle says.
fn facts(input: &ChartInput, shown: usize) -> Vec<String> {
    let count = input.incidents.len();
    let number = |n: u64| human::thousands(u128::from(n));
    let mut facts = vec![match count {
        1 => "1 incident".to_string(),
        _ => format!("{} incidents", number(count as u64)),
    }];
    if shown < count {
        facts.push(format!("the {shown} worst are shown"));
    }
    let lost: u64 = input.incidents.iter().map(|of| of.tasks_lost).sum();
    facts.push(format!("{} lost", human::counted(lost, "task")));
    let dropped = frame::metric(input, "incident_requests_dropped");
    facts.extend(dropped.map(|dropped| format!("{dropped} requests dropped")));
    facts
}

/// The services as one, in the window.
fn cut(samples: &[ServiceSample], window: Window) -> Vec<ServiceSample> {
    // The last one before the window holds at its beginning.
    let first = samples.partition_point(|sample| sample.at <= window.from).saturating_sub(1);
    let shift = |sample: &ServiceSample| ServiceSample { at: window.shift(sample.at), ..*sample };
    let inside = samples[first..].iter().take_while(|sample| sample.at <= window.to);
    let mut cut: Vec<ServiceSample> = inside.map(shift).collect();
    let is_cut = samples.get(first).is_some_and(|sample| sample.at < window.from);
    if let Some(second) = cut.get_mut(1).filter(|_| is_cut) {
        second.requests = Default::default(); // some of them came before the window
    }
    cut
}

/// Top and bottom of so many panels below the rows.
fn places(rows: usize, panels: usize) -> impl Iterator<Item = (f64, f64)> {
    let top = TOP + HEADING + ROW * rows as f64 + GAP / 2.0;
    let each = (BOTTOM - top) / panels.max(1) as f64;
    (0..panels).map(move |index| {
        let from = top + each * index as f64;
        let last = index + 1 == panels;
        (from, if last { BOTTOM } else { from + each - GAP })
    })
}

fn task_lines() -> [Line<'static>; 2] {
    [
        Line::of_tasks("desired", palette::INK, 2.5, &|s, _| Some(s.desired.into())),
        Line {
            ground: true,
            ..Line::of_tasks("healthy", palette::GREEN, 3.5, &|s, _| Some(s.healthy.into()))
        },
    ]
}

fn dropped_line() -> [Line<'static>; 1] {
    [Line {
        name: "dropped",
        color: DROPPED,
        value: &|s, span| services::per_second(s.requests.dropped(), span).map(|rate| 60.0 * rate),
        holds: Holds::Before,
        draws: Draws::Mean,
        ground: true,
        width: 2.5,
    }]
}

/// The time in which something was out, behind everything.
fn veil(
    drawing: &mut Drawing,
    shown: &[&Incident],
    x: &Axis,
    window: Window,
    (top, bottom): (f64, f64),
) {
    for of in shown {
        let from = x.at(window.shift(of.start).to_secs_f64());
        let to = x.at(window.shift(of.over).to_secs_f64());
        if to > from {
            drawing.veil(vec![(from, top), (to, top), (to, bottom), (from, bottom)], OUT);
        }
    }
}

/// A row for each incident: a bar while it was out, another until all was well, its name beside it or within.
fn draw_incidents(drawing: &mut Drawing, shown: &[&Incident], x: &Axis, window: Window) {
    let heading = Type::new(21.0, palette::INK).bold();
    drawing.text((LEFT, TOP + 24.0), "What failed", heading);
    let mut legend = Vec::new();
    if shown.iter().any(|of| of.over > of.start) {
        legend.push((Mark::Box, OUT, "out".to_string()));
    }
    if shown.iter().any(|of| of.recovered > of.over && of.over != SimTime::NEVER) {
        legend.push((Mark::Box, LACKING, "tasks still missing".into()));
    }
    if shown.iter().any(|of| of.found != SimTime::NEVER) {
        legend.push((Mark::Line, palette::INK, "first reaction".into()));
    }
    if shown.iter().any(|of| of.recovered != SimTime::NEVER) {
        legend.push((Mark::Dot, palette::GREEN, "all as it should be".into()));
    }
    frame::legend_right(drawing, TOP + 24.0, &legend);
    let at = |instant: SimTime| x.at(window.shift(instant).to_secs_f64());
    for (row, of) in shown.iter().enumerate() {
        let top = TOP + HEADING + ROW * row as f64;
        let (from, over) = (at(of.start), at(of.over));
        let mut end = from;
        if of.over > of.start {
            end = over.max(from + 2.0);
            drawing.rect((from, top + 3.0), (end, top + ROW - 3.0), OUT);
        }
        if of.recovered > of.over && of.over != SimTime::NEVER {
            let to = at(of.recovered);
            if to > end {
                drawing.rect((end, top + 3.0), (to, top + ROW - 3.0), LACKING);
                end = to;
            }
        }
        if of.found != SimTime::NEVER {
            let found = at(of.found);
            drawing.line(vec![(found, top), (found, top + ROW)], 3.0, palette::INK);
        }
        if of.recovered != SimTime::NEVER {
            drawing.dot((at(of.recovered), top + ROW / 2.0), 7.0, palette::GREEN);
            end = end.max(at(of.recovered) + 7.0);
        }
        draw_name(drawing, of, (from, end), top + ROW / 2.0 + 6.5);
    }
}

fn draw_name(drawing: &mut Drawing, of: &Incident, (from, end): (f64, f64), y: f64) {
    let set = frame::TICK;
    let text = format!("{}: {}", of.kind.replace('_', " "), of.what);
    let room = [RIGHT - end - 12.0, from - LEFT - 12.0];
    let wide = width(&text, set) * 1.14;
    if wide <= room[0] || room[0] >= 240.0 {
        drawing.text((end + 10.0, y), fit_middle(&text, set, room[0] / 1.14), set);
    } else if wide <= room[1] || room[1] >= 240.0 {
        let text = fit_middle(&text, set, room[1] / 1.14);
        drawing.text((from - 10.0, y), text, set.align(Align::End));
    } else {
        let inside = Type::new(18.0, palette::PAPER).bold();
        let text = fit_middle(&text, inside, (end - from - 24.0).max(200.0) / 1.14);
        drawing.text((from + 8.0, y), text, inside);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::series::Sample;

    #[test]
    fn a_stretch_that_begins_where_the_window_ends_is_not_drawn() {
        let second = |second: u64| SimTime(second * 1_000_000);
        let stretch = |from, to| Stretch {
            from: second(from),
            to: second(to),
            ..Stretch::from(Sample::default())
        };
        let window = Window { from: second(60), to: second(120) };
        let drawn = window.stretches(&[stretch(50, 90), stretch(90, 120), stretch(120, 150)]);
        let ends: Vec<_> = drawn.iter().map(|s| (s.from, s.to)).collect();
        assert_eq!(ends, [(second(0), second(30)), (second(30), second(60))]);
    }
}
