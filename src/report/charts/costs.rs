//! The bill by category, as bars.

use super::ChartInput;
use super::axis::Axis;
use super::drawing::{Align, Drawing, Type, palette};
use super::font::{fit, width};
use super::frame::{self, BOTTOM, LEFT, RIGHT, TOP};
use crate::base::money::NanoUsd;
use crate::report::human;
use std::collections::BTreeMap;

/// Most bars; what is beyond is one bar.
const MOST_BARS: usize = 12;

/// A name and an amount.
type Bar = (String, NanoUsd);

/// Draws the chart.
pub fn draw(input: &ChartInput) -> Drawing {
    let bars = bars(&input.costs);
    let total: NanoUsd = bars.iter().map(|bar| bar.1).sum();
    let facts = [format!("{} in total", human::usd(total))];
    let mut drawing = frame::page("Cost by category", input, &facts);
    if bars.iter().all(|bar| bar.1 == NanoUsd::ZERO) {
        return frame::empty(drawing, "The run cost nothing: no category has a charge.");
    }
    let set = Type::new(20.0, palette::INK);
    let names: Vec<String> = bars.iter().map(|bar| fit(&bar.0, set, 420.0)).collect();
    let amounts: Vec<String> = bars.iter().map(|bar| amount(bar.1, total)).collect();
    let widest = |texts: &[String]| texts.iter().map(|t| width(t, set)).fold(0.0, f64::max);
    // Room for names on the left and for the amounts beyond the longest bar.
    let span = (LEFT + widest(&names) + 20.0, RIGHT - widest(&amounts) - 16.0);
    let dollars = |bar: &Bar| bar.1.to_f64();
    let most = bars.iter().map(dollars).fold(0.0, f64::max);
    let least = bars.iter().map(dollars).fold(0.0, f64::min);
    let room = if least < 0.0 { (span.0 + widest(&amounts) + 16.0, span.1) } else { span };
    let axis = Axis::values(least, most, false, 6, room);
    for (value, label) in &axis.ticks {
        let x = axis.at(*value);
        drawing.line(vec![(x, TOP + 10.0), (x, BOTTOM)], 1.0, palette::GRID);
        let label = if *value < 0.0 { format!("-${}", &label[1..]) } else { format!("${label}") };
        drawing.text((x, BOTTOM + 30.0), label, frame::TICK.align(Align::Middle));
    }
    let slot = ((BOTTOM - TOP - 20.0) / bars.len() as f64).min(110.0);
    let thick = (slot * 0.62).min(56.0);
    let zero = axis.at(0.0);
    for (index, bar) in bars.iter().enumerate() {
        let middle = TOP + 20.0 + slot * (index as f64 + 0.5);
        let end = axis.at(dollars(bar));
        let color = if bar.1.0 < 0 { palette::GREEN } else { palette::BLUE };
        let (from, to) = (zero.min(end), zero.max(end));
        // What is not nothing can be seen.
        let to = if bar.1.0 != 0 { to.max(from + 2.0) } else { to };
        drawing.rect((from, middle - thick / 2.0), (to, middle + thick / 2.0), color);
        drawing.text((span.0 - 20.0, middle + 7.0), names[index].clone(), set.align(Align::End));
        let (x, align) =
            if end < zero { (end - 10.0, Align::End) } else { (to + 10.0, Align::Start) };
        // A ground of its own keeps the amount clear of the grid.
        let wide = width(&amounts[index], set) + 8.0;
        let ground =
            if align == Align::End { (x - wide + 4.0, x + 4.0) } else { (x - 4.0, x + wide - 4.0) };
        drawing.rect((ground.0, middle - 14.0), (ground.1, middle + 14.0), palette::PAPER);
        drawing.text((x, middle + 7.0), amounts[index].clone(), set.align(align));
    }
    drawing.line(vec![(zero, TOP + 10.0), (zero, BOTTOM)], 1.5, palette::AXIS);
    drawing.text((RIGHT, BOTTOM + 58.0), "US dollars", frame::TICK.align(Align::End));
    drawing
}

/// `$1,234.56  (12.3 %)`; the share only where all of the bill is above zero.
fn amount(usd: NanoUsd, total: NanoUsd) -> String {
    if total.0 <= 0 || usd.0 < 0 {
        return human::usd(usd);
    }
    let share = 100.0 * usd.to_f64() / total.to_f64();
    format!("{}  ({})", human::usd(usd), human::percent(share))
}

/// One bar a name, dearest first, equal ones by name; the tail is one bar.
fn bars(costs: &[Bar]) -> Vec<Bar> {
    let mut by_name: BTreeMap<&str, NanoUsd> = BTreeMap::new();
    for (name, usd) in costs {
        let sum = by_name.entry(name).or_default();
        *sum = *sum + *usd;
    }
    let mut bars: Vec<Bar> = by_name.into_iter().map(|(name, usd)| (name.into(), usd)).collect();
    bars.sort_by(|a, b| b.1.cmp(&a.1));
    if bars.len() > MOST_BARS {
        let tail = bars.split_off(MOST_BARS - 1);
        bars.push((format!("{} others", tail.len()), tail.iter().map(|bar| bar.1).sum()));
    }
    bars
}
