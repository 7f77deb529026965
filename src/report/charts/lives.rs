//! The lives of instances: a row each, coloured by what they were doing, their ends marked.

use super::ChartInput;
use super::axis::Axis;
use super::drawing::{Color, Drawing, palette};
use super::font::{fit_middle, width};
use super::frame::{self, BOTTOM, LEFT, Mark, RIGHT, TOP};
use crate::base::time::SimTime;
use crate::metrics::capacity_track::InstanceLife;
use crate::model::group::EndCause;
use crate::report::human;

/// Rows at most.
const MOST_ROWS: usize = 120;
/// Least height of a row that has its name beside it.
const NAMED: f64 = 15.0;
/// Widest name, in pixels.
const LONGEST_NAME: f64 = 190.0;

const STATES: [(&str, Color); 5] = [
    ("in a warm pool", palette::PARTS[2]),
    ("launching", palette::AMBER),
    ("running, not registered", palette::GREY),
    ("registered", palette::BLUE),
    ("draining", palette::ORANGE),
];

/// The end of an instance that nobody wanted.
const LOST: Color = palette::PARTS[4];

fn is_lost(life: &InstanceLife) -> bool {
    let ends = [
        EndCause::Failure,
        EndCause::SpotInterruption,
        EndCause::ReservationEnded,
        EndCause::Repair,
    ];
    life.end.is_some_and(|end| ends.contains(&end))
}

/// Draws the chart.
pub fn draw(input: &ChartInput) -> Drawing {
    let all = &input.lives;
    let number = |n: usize| human::thousands(n as u128);
    let step = all.len().div_ceil(MOST_ROWS).max(1);
    let shown: Vec<&InstanceLife> = all.iter().step_by(step).collect();
    let mut facts =
        vec![format!("{} of Auto Scaling groups", human::counted(all.len(), "instance"))];
    if shown.len() < all.len() {
        facts.push(format!("{} of them are shown, evenly chosen", number(shown.len())));
    }
    let mut drawing = frame::page("The lives of instances", input, &facts);
    let Some(end) = input.series.last().map(|last| last.to).filter(|_| !shown.is_empty()) else {
        return frame::empty(drawing, "No group had an instance: there is nothing to show.");
    };
    let has_pool = shown.iter().any(|life| life.warm != SimTime::NEVER);
    let used = STATES.iter().skip(usize::from(!has_pool));
    let mut legend: Vec<(Mark, Color, String)> =
        used.map(|(name, color)| (Mark::Box, *color, (*name).into())).collect();
    let has_losses = shown.iter().any(|life| is_lost(life));
    legend.push((Mark::Line, palette::INK, "gone".into()));
    if has_losses {
        legend.push((Mark::Line, LOST, "gone by a failure or taken back".into()));
    }
    let top = frame::legend(&mut drawing, (LEFT, TOP + 18.0), RIGHT, &legend) + 16.0;
    let slot = ((BOTTOM - top) / shown.len() as f64).min(34.0);
    let names = shown.iter().map(|life| width(&life.name, frame::TICK).min(LONGEST_NAME));
    let widest = names.fold(0.0, f64::max);
    let left = if slot >= NAMED { LEFT + widest + 14.0 } else { LEFT };
    let (x, name) = Axis::clock(input.start, end.to_secs_f64(), (left, RIGHT));
    for (row, life) in shown.iter().enumerate() {
        let y = top + slot * row as f64;
        if slot >= NAMED {
            let text = fit_middle(&life.name, frame::TICK, LONGEST_NAME);
            drawing.text((LEFT, y + slot / 2.0 + 6.0), text, frame::TICK);
        }
        draw_life(&mut drawing, life, &x, (y, slot), end);
    }
    drawing.line(vec![(left, BOTTOM), (RIGHT, BOTTOM)], 1.5, palette::AXIS);
    frame::x_axis(&mut drawing, BOTTOM, &x, &format!("{name}; in order of launch"));
    drawing
}

fn draw_life(
    drawing: &mut Drawing,
    life: &InstanceLife,
    x: &Axis,
    (y, slot): (f64, f64),
    end: SimTime,
) {
    let gap = if slot >= 4.0 { slot * 0.15 } else { 0.0 };
    let (top, bottom) = (y + gap, y + slot - gap);
    let gone = life.ended.min(end);
    let at = |instant: SimTime| x.at(instant.min(gone).to_secs_f64());
    let begins = [life.warm, life.launched, life.running, life.registered, life.draining];
    for (index, (begin, (_, color))) in begins.into_iter().zip(STATES).enumerate() {
        if begin > gone {
            continue;
        }
        let next = begins[index + 1..].iter().copied().min().unwrap_or(SimTime::NEVER);
        let (from, to) = (at(begin), at(next));
        if to > from {
            drawing.rect((from, top), (to, bottom), color);
        }
    }
    if life.ended <= end {
        let x = x.at(life.ended.to_secs_f64());
        let color = if is_lost(life) { LOST } else { palette::INK };
        drawing.line(vec![(x, top), (x, bottom)], 2.5, color);
    }
}
