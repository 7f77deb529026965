//! A tornado: of each lever the change of a metric to either side, the largest on top.

use super::axis::{Axis, Steps};
use super::drawing::{Align, Drawing, Type, palette};
use super::font::{fit_middle, width};
use super::frame::{self, BOTTOM, LEFT, Mark, RIGHT, TOP};
use crate::base::text::visible;
use crate::experiment::sensitivity::Alone;
use crate::report::sensitivity::{Study, ranked};

/// Most levers; the table has all.
const MOST: usize = 14;
const PLOT_TOP: f64 = TOP + 40.0;
const NAME: Type = Type::new(19.0, palette::INK);

/// Draws the chart of a metric.
pub fn draw(study: &Study<'_>, metric: usize) -> Drawing {
    let effects = &study.effects[metric];
    let unit = study.units[metric].as_str();
    let all = ranked(effects);
    let mut levers: Vec<usize> = all.iter().map(|of| of.lever).collect();
    levers.dedup();
    let mut facts =
        vec![format!("{} seeds, paired", study.seeds), format!("{} intervals", study.confidence)];
    if levers.len() > MOST {
        facts.push(format!("{} more in sensitivity.csv", levers.len() - MOST));
    }
    levers.truncate(MOST);
    let title = format!("What changes {}", effects.metric);
    let mut drawing = frame::titled(&title, study.name, &facts);
    if levers.is_empty() {
        return frame::empty(drawing, "No change of a stage or setting does anything to it.");
    }
    let names: Vec<String> = levers
        .iter()
        .map(|lever| fit_middle(&visible(&study.levers[*lever].key), NAME, 470.0))
        .collect();
    let start = LEFT + names.iter().map(|name| width(name, NAME)).fold(0.0, f64::max) + 28.0;
    let of_levers: Vec<&&Alone> = all.iter().filter(|of| levers.contains(&of.lever)).collect();
    let ends = |of: &Alone| of.paired.map_or((0.0, 0.0), |paired| paired.difference.ends());
    let low = of_levers.iter().map(|of| ends(of).0).fold(0.0, f64::min);
    let high = of_levers.iter().map(|of| ends(of).1).fold(0.0, f64::max);
    // What each bar was moved to stands at the right of the plot.
    let x = Axis::values(low, high, Steps::Decimal, 7, (start, RIGHT - 190.0));
    for (value, _) in &x.ticks {
        let at = x.at(*value);
        drawing.line(vec![(at, PLOT_TOP), (at, BOTTOM)], 1.0, palette::GRID);
    }
    let slot = ((BOTTOM - PLOT_TOP) / levers.len() as f64).min(84.0);
    for (row, lever) in levers.iter().enumerate() {
        let middle = PLOT_TOP + slot * (row as f64 + 0.5);
        drawing.text((LEFT, middle + 6.5), names[row].clone(), NAME);
        let sides: Vec<&&Alone> = all.iter().filter(|of| of.lever == *lever).collect();
        let height = (slot * 0.38).min(26.0);
        for of in &sides {
            let offset = match (sides.len(), of.side) {
                (1, _) => 0.0,
                (_, 0) => -height / 2.0,
                _ => height / 2.0,
            };
            bar(&mut drawing, of, (middle + offset, height), &x);
        }
        let to: Vec<String> =
            sides.iter().map(|of| study.levers[*lever].sides[of.side].to.clone()).collect();
        let to = fit_middle(&visible(&to.join(" | ")), frame::TICK, 180.0);
        drawing.text((RIGHT, middle + 6.5), to, frame::TICK.align(Align::End));
    }
    let zero = x.at(0.0);
    drawing.line(vec![(zero, PLOT_TOP), (zero, BOTTOM)], 1.5, palette::AXIS);
    let unit = if unit.is_empty() { String::new() } else { format!(", {unit}") };
    frame::x_axis(&mut drawing, BOTTOM, &x, &format!("change of {}{unit}", effects.metric));
    let legend = [
        (Mark::Box, palette::BLUE, "first change".to_string()),
        (Mark::Box, palette::AMBER, "second change".to_string()),
        (Mark::Box, palette::AXIS, "may be chance".to_string()),
    ];
    frame::legend_right(&mut drawing, TOP + 14.0, &legend);
    drawing
}

/// A bar from zero with the ends of its interval.
fn bar(drawing: &mut Drawing, of: &Alone, (middle, height): (f64, f64), x: &Axis) {
    let Some(difference) = of.paired.map(|paired| paired.difference) else { return };
    let color = match (of.is_significant, of.side) {
        (false, _) => palette::AXIS,
        (true, 0) => palette::BLUE,
        (true, _) => palette::AMBER,
    };
    let (zero, end) = (x.at(0.0), x.at(difference.mean));
    let (top, bottom) = (middle - height / 2.0 + 1.0, middle + height / 2.0 - 1.0);
    drawing.rect((zero.min(end), top), (zero.max(end), bottom), color);
    let (low, high) = difference.ends();
    if low < high {
        drawing.line(vec![(x.at(low), middle), (x.at(high), middle)], 2.0, palette::INK);
    }
}
