//! Dollars over time in parts that are stacked: by category, by service, idle beside used.

use super::ChartInput;
use super::axis::{Axis, Steps};
use super::drawing::{Color, Drawing, Type, palette};
use super::font::fit_middle;
use super::frame::{self, BOTTOM, LEFT, Mark, Panel, RIGHT, TOP};
use crate::base::money::NanoUsd;
use crate::base::time::SimTime;
use crate::report::bill_view::{BillView, Part};
use crate::report::human;

/// Most parts with a colour of their own; what is beyond is one part.
const MOST_PARTS: usize = palette::PARTS.len();
/// Most columns: each can still be seen.
const MOST_COLUMNS: i64 = 400;
const HOUR: i64 = 3_600;
/// What a column may stand for, in seconds, and what it is called; longer ones are whole numbers of the last.
const LENGTHS: [(i64, &str); 3] = [(HOUR, "hour"), (24 * HOUR, "day"), (168 * HOUR, "week")];

/// The bill by category.
pub fn by_category(input: &ChartInput) -> Drawing {
    let parts = input.bill.as_ref().map(|bill| largest(&bill.by_category));
    draw(input, "Bill by category over time", parts.unwrap_or_default())
}

/// The bill by service.
pub fn by_service(input: &ChartInput) -> Drawing {
    let parts = input.bill.as_ref().map(|bill| largest(&bill.by_service));
    draw(input, "Bill by service over time", parts.unwrap_or_default())
}

/// What tasks had beside what nobody used.
pub fn by_use(input: &ChartInput) -> Drawing {
    let mut parts = input.bill.as_ref().map(|bill| largest(&bill.by_use)).unwrap_or_default();
    // What tasks had is at the bottom, whatever it cost.
    parts.sort_by_key(|part| part.0 != "tasks");
    draw(input, "Used and idle over time", parts)
}

fn draw(input: &ChartInput, title: &str, parts: Vec<Part>) -> Drawing {
    let nothing = BillView::default();
    let bill = input.bill.as_ref().unwrap_or(&nothing);
    let total: NanoUsd = parts.iter().map(|part| sum(&part.1)).sum();
    let mut drawing = frame::page(title, input, &[format!("{} in total", human::usd(total))]);
    if parts.iter().all(|part| sum(&part.1).0 <= 0) {
        return frame::empty(drawing, "The run cost nothing: there is no charge.");
    }
    let columns = Columns::new(bill, input.start);
    let stacks: Vec<Vec<f64>> = parts.iter().map(|part| columns.sums(&part.1)).collect();
    let height = |column: usize| stacks.iter().map(|stack| stack[column]).sum::<f64>();
    let most = (0..columns.spans.len()).map(height).fold(0.0, f64::max);
    let colors: Vec<Color> = (0..parts.len()).map(color).collect();
    let entries: Vec<_> = parts
        .iter()
        .zip(&colors)
        .map(|(part, color)| (Mark::Box, *color, entry(part, total)))
        .collect();
    let last_row = frame::legend(&mut drawing, (LEFT, TOP + 12.0), RIGHT, &entries);
    let heading = format!("US dollars in each {}", columns.name);
    let panel = Panel::new(&heading, last_row + 30.0, BOTTOM, most, Steps::Decimal);
    let (x, name) = Axis::clock(input.start, bill.end.to_secs_f64(), (panel.left, RIGHT));
    panel.draw(&mut drawing);
    for (column, &(from, until)) in columns.spans.iter().enumerate() {
        let (left, right) = (x.at(from), x.at(until));
        // A gap keeps columns apart where there is room for one.
        let gap = if right - left > 6.0 { 1.0 } else { 0.0 };
        let mut upto = 0.0;
        for (stack, color) in stacks.iter().zip(&colors) {
            let (low, high) = (panel.y.at(upto), panel.y.at(upto + stack[column]));
            upto += stack[column];
            if low - high > 0.0 {
                drawing.rect((left + gap, high), (right - gap, low), *color);
            }
        }
    }
    panel.close(&mut drawing);
    frame::x_axis(&mut drawing, BOTTOM, &x, &name);
    drawing
}

fn sum(hours: &[NanoUsd]) -> NanoUsd {
    hours.iter().copied().sum()
}

fn color(number: usize) -> Color {
    palette::PARTS.get(number).copied().unwrap_or(palette::OTHERS)
}

/// `name $12.30 (4.5 %)`.
fn entry(part: &Part, total: NanoUsd) -> String {
    const NAME: Type = Type::new(19.0, palette::INK);
    let usd = sum(&part.1);
    let share = 100.0 * usd.to_f64() / total.to_f64();
    format!("{}  {} ({})", fit_middle(&part.0, NAME, 320.0), human::usd(usd), human::percent(share))
}

/// The dearest parts first, equal ones by name; the tail is one part. What cost nothing is left out.
fn largest(parts: &[Part]) -> Vec<Part> {
    let mut parts: Vec<Part> = parts.iter().filter(|part| sum(&part.1).0 > 0).cloned().collect();
    parts.sort_by(|a, b| sum(&b.1).cmp(&sum(&a.1)).then_with(|| a.0.cmp(&b.0)));
    if parts.len() > MOST_PARTS + 1 {
        let tail = parts.split_off(MOST_PARTS);
        let hours = tail.iter().map(|part| part.1.len()).max().unwrap_or(0);
        let of_hour = |hour: usize| tail.iter().filter_map(|part| part.1.get(hour)).copied().sum();
        parts.push((format!("{} others", tail.len()), (0..hours).map(of_hour).collect()));
    }
    parts
}

/// Hours, days or weeks of a run.
struct Columns {
    name: String,
    /// From when until when, in seconds.
    spans: Vec<(f64, f64)>,
    /// The column of each hour.
    of_hours: Vec<usize>,
}

impl Columns {
    /// Of a bill; days and weeks begin at midnight where the run has a date.
    fn new(bill: &BillView, start: Option<i64>) -> Columns {
        let seconds = |at: SimTime| (at.0 / 1_000_000) as i64;
        let length = seconds(bill.end).max(1);
        let fits = |(long, _): &&(i64, &str)| length / long < MOST_COLUMNS;
        let (long, name) = LENGTHS.iter().find(fits).copied().unwrap_or_else(|| {
            let (week, _) = LENGTHS[2];
            (week * (length / week / MOST_COLUMNS + 1), "column")
        });
        // 1970 began on a Thursday: Mondays are four days later.
        let phase = if long > 24 * HOUR { 4 * 24 * HOUR } else { 0 };
        let number = |at: SimTime| (seconds(at) + start.unwrap_or(phase) - phase).div_euclid(long);
        let mut columns =
            Columns { name: name.to_string(), spans: Vec::new(), of_hours: Vec::new() };
        let mut last = None;
        for &begin in &bill.begins {
            let at = begin.to_secs_f64();
            if last != Some(number(begin)) {
                if let Some(before) = columns.spans.last_mut() {
                    before.1 = at;
                }
                columns.spans.push((at, bill.end.to_secs_f64()));
                last = Some(number(begin));
            }
            columns.of_hours.push(columns.spans.len() - 1);
        }
        columns
    }

    /// Dollars of each column.
    fn sums(&self, hours: &[NanoUsd]) -> Vec<f64> {
        let mut sums = vec![NanoUsd::ZERO; self.spans.len()];
        for (column, usd) in self.of_hours.iter().zip(hours) {
            sums[*column] += *usd;
        }
        sums.into_iter().map(|usd| usd.to_f64().max(0.0)).collect()
    }
}
