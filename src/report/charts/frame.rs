//! What all charts share: title, subtitle, legend, panels with their axes, and the note on an empty chart.

use super::ChartInput;
use super::axis::{Axis, Steps};
use super::drawing::{Align, Color, Drawing, HEIGHT, Point, Type, WIDTH, palette};
use super::font::{fit, fit_middle, width};
use crate::metrics::summary::Value;
use crate::report::human;

/// Left edge of titles.
pub const LEFT: f64 = 56.0;
/// Right edge of everything.
pub const RIGHT: f64 = WIDTH - 56.0;
/// Top of what is below the subtitle.
pub const TOP: f64 = 132.0;
/// Base line of the x axis.
pub const BOTTOM: f64 = HEIGHT - 92.0;

const TITLE: Type = Type::new(36.0, palette::INK).bold();
const SUBTITLE: Type = Type::new(21.0, palette::SOFT_INK);
const HEADING: Type = Type::new(21.0, palette::INK).bold();
const LABEL: Type = Type::new(19.0, palette::INK);
/// Numbers and names along axes.
pub const TICK: Type = Type::new(18.0, palette::SOFT_INK);

/// A page with title and subtitle: scenario name first, then facts.
pub fn page(title: &str, input: &ChartInput, facts: &[String]) -> Drawing {
    titled(title, &input.title, facts)
}

/// The same of whatever has a name.
pub fn titled(title: &str, name: &str, facts: &[String]) -> Drawing {
    let mut drawing = Drawing { title: title.into(), ..Drawing::default() };
    drawing.rect((0.0, 0.0), (WIDTH, HEIGHT), palette::PAPER);
    drawing.text((LEFT, 64.0), title, TITLE);
    let facts: String = facts.iter().map(|fact| format!("  ·  {fact}")).collect();
    // A long name gives way to the numbers.
    let room = (RIGHT - LEFT - width(&facts, SUBTITLE)).max(300.0);
    let name = fit_middle(name, SUBTITLE, room);
    let subtitle = fit(&format!("{name}{facts}"), SUBTITLE, RIGHT - LEFT);
    drawing.title = format!("{title}: {subtitle}");
    drawing.text((LEFT, 100.0), subtitle, SUBTITLE);
    drawing
}

/// A title with the name of a service, cut to the width of the page.
pub fn title_of(what: &str, service: &str) -> String {
    fit_middle(&format!("{what}: {service}"), TITLE, RIGHT - LEFT)
}

/// A chart that has nothing to show, and why.
pub fn empty(mut drawing: Drawing, why: &str) -> Drawing {
    let (top, bottom) = (TOP + 20.0, BOTTOM + 36.0);
    drawing.rect((LEFT, top), (RIGHT, bottom), palette::PALE_GREY);
    let set = Type::new(26.0, palette::SOFT_INK).align(Align::Middle);
    drawing.text((WIDTH / 2.0, (top + bottom) / 2.0 + 9.0), why, set);
    drawing
}

/// A metric of the summary as text, where it has a value.
pub fn metric(input: &ChartInput, name: &str) -> Option<String> {
    match input.summary.get(name)? {
        Value::Count(count) => Some(human::thousands(u128::from(*count))),
        Value::Millionths(amount) => Some(human::amount(*amount)),
        Value::Seconds(span) => Some(human::span(*span)),
        Value::Ratio(ratio) if ratio.is_finite() => Some(human::percent(*ratio)),
        Value::Usd(usd) => Some(human::usd(*usd)),
        Value::Ratio(_) | Value::Text(_) | Value::Missing => None,
    }
}

/// How an entry of a legend is drawn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Mark {
    Line,
    Dashes,
    Box,
    Dot,
}

/// Entries in one row that ends at [`RIGHT`], on the base line `y`.
pub fn legend_right(drawing: &mut Drawing, y: f64, entries: &[(Mark, Color, String)]) {
    let total: f64 = entries.iter().map(|(_, _, text)| entry_width(text)).sum::<f64>() - GAP;
    let slack = entries.last().map_or(0.0, |(_, _, text)| width(text, LABEL) * (SLACK - 1.0));
    let total = total - slack;
    // There is one row, so nothing is wrapped.
    legend(drawing, ((RIGHT - total).max(LEFT), y), 2.0 * WIDTH, entries);
}

const GAP: f64 = 18.0;
/// Where none of the fonts that were measured is installed, an SVG is shown with one that may be this much wider.
const SLACK: f64 = 1.14;
const SWATCH: f64 = 36.0;

fn entry_width(text: &str) -> f64 {
    SWATCH + width(text, LABEL) * SLACK + GAP
}

/// Entries from a point on, wrapped at `right`; returns the base line of the last row.
pub fn legend(
    drawing: &mut Drawing,
    from: Point,
    right: f64,
    entries: &[(Mark, Color, String)],
) -> f64 {
    // Rows of about equal length, rather than a full one and a remainder.
    let total: f64 = entries.iter().map(|entry| entry_width(&entry.2)).sum();
    let rows = (total / (right - from.0 + GAP)).ceil().max(1.0);
    let widest = entries.iter().map(|entry| entry_width(&entry.2)).fold(0.0, f64::max);
    let right = if rows > 1.0 { right.min(from.0 + total / rows + widest / 2.0) } else { right };
    let (mut x, mut y) = from;
    for (mark, color, text) in entries {
        if x > from.0 && x + entry_width(text) - GAP > right + 1.0 {
            (x, y) = (from.0, y + 28.0);
        }
        let middle = y - 6.5;
        match mark {
            Mark::Line => drawing.line(vec![(x, middle), (x + 26.0, middle)], 4.0, *color),
            Mark::Dashes => drawing.dashes((x, middle), (x + 26.0, middle), 2.5, *color),
            Mark::Box => drawing.rect((x + 4.0, middle - 9.0), (x + 24.0, middle + 9.0), *color),
            Mark::Dot => drawing.dot((x + 15.0, middle), 7.0, *color),
        }
        drawing.text((x + SWATCH, y), text.clone(), LABEL);
        x += entry_width(text);
    }
    y
}

/// Where a panel is, and what its y axis means.
#[derive(Clone, Debug)]
pub struct Panel {
    pub heading: String,
    pub top: f64,
    pub bottom: f64,
    pub left: f64,
    pub y: Axis,
}

impl Panel {
    /// `top` is the top of the heading; the plot begins below it.
    pub fn new(heading: &str, top: f64, bottom: f64, max: f64, steps: Steps) -> Panel {
        let plot_top = top + 46.0;
        let ticks = (((bottom - plot_top) / 46.0) as u32).clamp(2, 6);
        let y = Axis::values(0.0, max, steps, ticks, (bottom, plot_top));
        let widest = y.ticks.iter().map(|(_, label)| width(label, TICK)).fold(0.0, f64::max);
        let left = LEFT + widest + 14.0;
        Panel { heading: heading.into(), top: plot_top, bottom, left, y }
    }

    /// Heading, grid and y labels.
    pub fn draw(&self, drawing: &mut Drawing) {
        drawing.text((LEFT, self.top - 22.0), self.heading.clone(), HEADING);
        for (value, label) in &self.y.ticks {
            let y = self.y.at(*value);
            drawing.line(vec![(self.left, y), (RIGHT, y)], 1.0, palette::GRID);
            let set = TICK.align(Align::End);
            drawing.text((self.left - 12.0, y + 6.5), label.clone(), set);
        }
    }

    /// The base line, over the data.
    pub fn close(&self, drawing: &mut Drawing) {
        drawing.line(vec![(self.left, self.bottom), (RIGHT, self.bottom)], 1.5, palette::AXIS);
    }
}

/// Ticks and labels of an x axis below `y`, and its name at the right.
pub fn x_axis(drawing: &mut Drawing, y: f64, axis: &Axis, name: &str) {
    let mut free_from = f64::NEG_INFINITY;
    for (value, label) in &axis.ticks {
        let x = axis.at(*value);
        drawing.line(vec![(x, y), (x, y + 7.0)], 1.5, palette::AXIS);
        let half = width(label, TICK) / 2.0;
        let x = x.min(RIGHT - half);
        // A label that would touch the one before is left out; its tick stays.
        if x - half >= free_from {
            drawing.text((x, y + 28.0), label.clone(), TICK.align(Align::Middle));
            free_from = x + half + 6.0;
        }
    }
    drawing.text((RIGHT, y + 58.0), name, TICK.align(Align::End));
}

/// The points of a line that holds each value until the next, the last one to [`RIGHT`]; runs of equal values become one step.
pub fn steps(points: impl Iterator<Item = Point>) -> Vec<Point> {
    steps_to(points, RIGHT)
}

/// As [`steps`], with the last value held to `end`.
pub fn steps_to(points: impl Iterator<Item = Point>, end: f64) -> Vec<Point> {
    let mut out: Vec<Point> = Vec::new();
    let points: Vec<Point> = points.collect();
    let end = points.last().map(|last| (end, last.1));
    for (x, y) in points.into_iter().chain(end) {
        match out.len() {
            0 => out.push((x, y)),
            n => {
                let before = out[n - 1].1;
                if n > 1 && out[n - 2].1 == before {
                    out[n - 1].0 = x;
                } else {
                    out.push((x, before));
                }
                if y != before {
                    out.push((x, y));
                }
            }
        }
    }
    out
}

/// The outline of the area between a line and a base line.
pub fn below(line: &[Point], base: f64) -> Vec<Point> {
    match (line.first(), line.last()) {
        (Some(first), Some(last)) => {
            let ends = [(last.0, base), (first.0, base)];
            line.iter().copied().chain(ends).collect()
        }
        _ => Vec::new(),
    }
}
