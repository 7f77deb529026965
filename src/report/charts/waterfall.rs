//! From list prices to the bill: what Spot, Reserved Instances, Savings Plans and private discounts take off, and what of
//! commitments was for nothing.

use super::ChartInput;
use super::axis::Steps;
use super::drawing::{Align, Color, Drawing, Type, palette};
use super::frame::{self, BOTTOM, Panel, RIGHT, TOP};
use crate::base::money::NanoUsd;
use crate::report::bill_view::Discounts;
use crate::report::human;

const LABEL: Type = Type::new(20.0, palette::INK);

/// A bar: name, from, to, colour.
type Bar = (&'static str, NanoUsd, NanoUsd, Color);

/// Draws the chart.
pub fn draw(input: &ChartInput) -> Drawing {
    let of = input.bill.as_ref().map(|bill| bill.discounts).unwrap_or_default();
    let saved = of.list - of.bill;
    let what = if saved.0 < 0 { "more than at list prices" } else { "less than at list prices" };
    let share = 100.0 * saved.to_f64().abs() / of.list.to_f64().max(1e-9);
    let amount = human::usd(NanoUsd(saved.0.abs()));
    let mut facts = vec![format!("{amount} ({}) {what}", human::percent(share))];
    if let Some((code, nanos)) = input.bill.as_ref().and_then(|bill| bill.paid_in) {
        facts.push(format!("paid: {code} {}", human::decimal(NanoUsd(nanos).to_f64(), 2)));
    }
    let mut drawing = frame::page("From list prices to the bill", input, &facts);
    let bars = bars(&of);
    let most = bars.iter().map(|bar| bar.1.max(bar.2).to_f64()).fold(0.0, f64::max);
    let panel = Panel::new("US dollars", TOP, BOTTOM, most * 1.05, Steps::Decimal);
    panel.draw(&mut drawing);
    let slot = (RIGHT - panel.left) / bars.len() as f64;
    let half = (slot * 0.34).min(110.0);
    for (number, &(name, from, to, color)) in bars.iter().enumerate() {
        let middle = panel.left + slot * (number as f64 + 0.5);
        let (low, high) = (panel.y.at(from.min(to).to_f64()), panel.y.at(from.max(to).to_f64()));
        // What is not nothing can be seen.
        drawing.rect((middle - half, high.min(low - 2.0)), (middle + half, low), color);
        if number + 1 < bars.len() {
            let level = panel.y.at(to.to_f64());
            drawing.dashes(
                (middle + half, level),
                (middle + slot - half, level),
                1.5,
                palette::AXIS,
            );
        }
        let sign = if color == palette::ORANGE { "+" } else { "" };
        let text = format!("{sign}{}", human::usd(to - from));
        drawing.text((middle, high.min(low - 2.0) - 10.0), text, LABEL.align(Align::Middle));
        drawing.text((middle, BOTTOM + 30.0), name, LABEL.align(Align::Middle));
    }
    panel.close(&mut drawing);
    drawing
}

fn bars(of: &Discounts) -> Vec<Bar> {
    let mut bars: Vec<Bar> = vec![("at list prices", NanoUsd::ZERO, of.list, palette::BLUE)];
    let mut level = of.list;
    let changes = [
        ("Reserved Instances", NanoUsd::ZERO - of.reserved),
        ("Savings Plans", NanoUsd::ZERO - of.plans),
        ("commitments, unused", of.unused),
        ("Spot", NanoUsd::ZERO - of.spot),
        ("private discounts", NanoUsd::ZERO - of.private),
    ];
    for (name, change) in changes.into_iter().filter(|(_, change)| *change != NanoUsd::ZERO) {
        let color = if change.0 < 0 { palette::GREEN } else { palette::ORANGE };
        bars.push((name, level, level + change, color));
        level += change;
    }
    bars.push(("the bill", NanoUsd::ZERO, of.bill, palette::BLUE));
    bars
}
