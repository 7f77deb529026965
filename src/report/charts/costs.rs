//! The bill by category or by service, as bars.

use super::ChartInput;
use super::axis::{Axis, Steps};
use super::drawing::{Align, Drawing, Type, palette};
use super::font::{fit_middle, width};
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
    let mut drawing = frame::page(&format!("Cost by {}", input.costs_by), input, &facts);
    if bars.iter().all(|bar| bar.1 == NanoUsd::ZERO) {
        return frame::empty(drawing, "The run cost nothing: there is no charge.");
    }
    let plot = Plot::new(&bars, total);
    plot.draw_grid(&mut drawing);
    for (index, bar) in bars.iter().enumerate() {
        plot.draw_bar(&mut drawing, index, bar);
    }
    let zero = plot.dollars.at(0.0);
    drawing.line(vec![(zero, PLOT_TOP), (zero, BOTTOM)], 1.5, palette::AXIS);
    drawing.text((RIGHT, BOTTOM + 58.0), "US dollars", frame::TICK.align(Align::End));
    drawing
}

const PLOT_TOP: f64 = TOP + 10.0;
const LABEL: Type = Type::new(20.0, palette::INK);

/// Where the bars are, and their texts.
#[derive(Clone, Debug)]
struct Plot {
    dollars: Axis,
    names: Vec<String>,
    names_end: f64,
    amounts: Vec<String>,
    /// Height of a bar with the space around it.
    slot: f64,
}

impl Plot {
    fn new(bars: &[Bar], total: NanoUsd) -> Plot {
        let names: Vec<String> = bars.iter().map(|bar| fit_middle(&bar.0, LABEL, 420.0)).collect();
        let amounts: Vec<String> = bars.iter().map(|bar| amount(bar.1, total)).collect();
        let widest = |texts: &[String]| texts.iter().map(|t| width(t, LABEL)).fold(0.0, f64::max);
        let most = bars.iter().map(|bar| bar.1.to_f64()).fold(0.0, f64::max);
        let least = bars.iter().map(|bar| bar.1.to_f64()).fold(0.0, f64::min);
        // Room for names on the left, and for amounts beyond the longest bar on either side.
        let names_end = LEFT + widest(&names);
        let beyond = widest(&amounts) + 16.0;
        let start = names_end + if least < 0.0 { beyond + 20.0 } else { 20.0 };
        let dollars = Axis::values(least, most, Steps::Decimal, 6, (start, RIGHT - beyond));
        let slot = (BOTTOM - PLOT_TOP - 10.0) / bars.len() as f64;
        Plot { dollars, names, names_end, amounts, slot }
    }

    fn draw_grid(&self, drawing: &mut Drawing) {
        let mut free_from = f64::NEG_INFINITY;
        for (value, label) in &self.dollars.ticks {
            let x = self.dollars.at(*value);
            drawing.line(vec![(x, PLOT_TOP), (x, BOTTOM)], 1.0, palette::GRID);
            // Dollars have no or two decimals, or more.
            let tenths = label.rfind('.').is_some_and(|point| point + 2 == label.len());
            let label = if tenths { format!("{label}0") } else { label.clone() };
            let label = match label.strip_prefix('-') {
                Some(digits) => format!("-${digits}"),
                None => format!("${label}"),
            };
            let half = width(&label, frame::TICK) / 2.0;
            // A label that would touch the one before is left out.
            if x - half >= free_from {
                let at = (x, BOTTOM + 28.0);
                drawing.text(at, label, frame::TICK.align(Align::Middle));
                free_from = x + half + 14.0;
            }
        }
    }

    fn draw_bar(&self, drawing: &mut Drawing, index: usize, bar: &Bar) {
        let middle = PLOT_TOP + 10.0 + self.slot * (index as f64 + 0.5);
        let half = (self.slot * 0.31).min(64.0);
        let (zero, end) = (self.dollars.at(0.0), self.dollars.at(bar.1.to_f64()));
        let (from, mut to) = (zero.min(end), zero.max(end));
        if bar.1 != NanoUsd::ZERO {
            // What is not nothing can be seen.
            to = to.max(from + 2.0);
        }
        let color = if bar.1 < NanoUsd::ZERO { palette::GREEN } else { palette::BLUE };
        drawing.rect((from, middle - half), (to, middle + half), color);
        let base = middle + 7.0;
        drawing.text((self.names_end, base), self.names[index].clone(), LABEL.align(Align::End));
        let amount = &self.amounts[index];
        let wide = width(amount, LABEL);
        let start = if end < zero { from - 10.0 - wide } else { to + 10.0 };
        // A ground of its own keeps the amount clear of the grid.
        let ground = ((start - 4.0, middle - 14.0), (start + wide + 4.0, middle + 14.0));
        drawing.rect(ground.0, ground.1, palette::PAPER);
        drawing.text((start, base), amount.clone(), LABEL);
    }
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
        *sum += *usd;
    }
    let mut bars: Vec<Bar> = by_name.into_iter().map(|(name, usd)| (name.into(), usd)).collect();
    bars.sort_by_key(|bar| std::cmp::Reverse(bar.1));
    if bars.len() > MOST_BARS {
        let tail = bars.split_off(MOST_BARS - 1);
        bars.push((format!("{} others", tail.len()), tail.iter().map(|bar| bar.1).sum()));
    }
    bars
}
