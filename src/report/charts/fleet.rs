//! The fleet as a picture: one column an instance, filled by its tasks from below, CPU above memory.

use super::ChartInput;
use super::axis::Steps;
use super::classes::Classes;
use super::drawing::{Align, Color, Drawing, palette};
use super::font::{fit, fit_end, width};
use super::frame::{self, BOTTOM, Mark, Panel, RIGHT, TOP};
use crate::base::time::SimSpan;
use crate::metrics::picture::{FleetPicture, PictureColumn};
use crate::model::resources::Resources;
use crate::report::human;

/// A resource: heading, and its amount.
type Resource = (&'static str, fn(&Resources) -> u32);

const RESOURCES: [Resource; 2] =
    [("CPU of each instance, vCPU", |r| r.cpu), ("Memory of each instance, GiB", |r| r.memory)];

/// Units in the data for one on the axis, for both resources.
const UNIT: f64 = 1_024.0;

/// Up to this many tasks each is a shape of its own.
const MOST_APART: usize = 4_000;
/// Least height in pixels of a task that is told apart from its neighbour.
const LEAST_APART: f64 = 3.0;

/// Draws the chart.
pub fn draw(input: &ChartInput) -> Drawing {
    let title = "What each container instance holds";
    let Some(picture) = input.picture.as_ref().filter(|p| !p.columns.is_empty()) else {
        let drawing = frame::page(title, input, &[]);
        return frame::empty(
            drawing,
            "No container instance was registered: there is no fleet to show.",
        );
    };
    let mut drawing = frame::page(title, input, &facts(picture));
    let classes = Classes::new(picture);
    let top =
        frame::legend(&mut drawing, (frame::LEFT, TOP + 18.0), RIGHT, &legend(picture, &classes));
    let middle = (top + BOTTOM) / 2.0;
    let panels = [(top + 14.0, middle - 8.0), (middle + 20.0, BOTTOM)];
    let panels: Vec<Panel> = panels
        .into_iter()
        .zip(RESOURCES)
        .map(|((top, bottom), (heading, of))| {
            let most = picture.columns.iter().map(|column| of(&column.registered)).max();
            Panel::new(heading, top, bottom, f64::from(most.unwrap_or(0)) / UNIT, Steps::Binary)
        })
        .collect();
    let left = panels.iter().map(|panel| panel.left).fold(0.0, f64::max);
    // Tasks are told apart by a thin line above each, where there are not too many for a small file.
    let tasks: usize = picture.columns.iter().map(|column| column.tasks.len()).sum();
    let line = if tasks <= MOST_APART { 1.0 } else { 0.0 };
    for (mut panel, (_, of)) in panels.into_iter().zip(RESOURCES) {
        panel.left = left;
        panel.draw(&mut drawing);
        let slots = Slots::new(left, picture.columns.len());
        for (index, column) in picture.columns.iter().enumerate() {
            draw_column(&mut drawing, &panel, slots.edges(index), column, of, &classes, line);
        }
        panel.close(&mut drawing);
    }
    label_columns(&mut drawing, picture, &Slots::new(left, picture.columns.len()));
    drawing
}

fn facts(picture: &FleetPicture) -> Vec<String> {
    let tasks: usize = picture.columns.iter().map(|column| column.tasks.len()).sum();
    let (shown, all) = (picture.columns.len(), picture.fleet.max(picture.columns.len()));
    let number = |n: usize| human::thousands(n as u128);
    let instances = match (shown == all, all) {
        (true, 1) => "1 instance".to_string(),
        (true, _) => format!("{} instances", number(all)),
        (false, _) => format!("{} of {} instances, evenly chosen", number(shown), number(all)),
    };
    let task = if tasks == 1 { "task" } else { "tasks" };
    let at = human::span(SimSpan(picture.at.0));
    vec![format!("{at} after the start"), instances, format!("{} {task}", number(tasks))]
}

fn legend(picture: &FleetPicture, classes: &Classes) -> Vec<(Mark, Color, String)> {
    let entries = classes.legend(picture).into_iter();
    entries
        .map(|(color, name)| (Mark::Box, color, fit(&name, frame::TICK, 180.0)))
        .chain([(Mark::Box, palette::FREE, "free".into())])
        .collect()
}

/// Where the columns are.
#[derive(Clone, Copy, Debug)]
struct Slots {
    left: f64,
    slot: f64,
    gap: f64,
}

impl Slots {
    fn new(left: f64, count: usize) -> Slots {
        let slot = ((RIGHT - left) / count as f64).min(240.0);
        // Below some width a gap would take more than the columns.
        let gap = if slot >= 12.0 { (slot * 0.12).min(10.0) } else { 0.0 };
        Slots { left, slot, gap }
    }

    fn edges(&self, index: usize) -> (f64, f64) {
        let start = self.left + self.slot * index as f64;
        (start + self.gap / 2.0, start + self.slot - self.gap / 2.0)
    }
}

fn draw_column(
    drawing: &mut Drawing,
    panel: &Panel,
    (left, right): (f64, f64),
    column: &PictureColumn,
    of: fn(&Resources) -> u32,
    classes: &Classes,
    line: f64,
) {
    let y = |amount: u64| panel.y.at(amount as f64 / UNIT);
    drawing.rect((left, y(of(&column.registered).into())), (right, panel.bottom), palette::FREE);
    // Tasks that stand together and share a colour are one shape, unless they are told apart.
    let mut parts: Vec<(Color, u64, u64)> = Vec::new();
    let mut filled = 0;
    let is_tall = |from: u64, to: u64| line > 0.0 && y(from) - y(to) >= LEAST_APART;
    for (family, demand) in &column.tasks {
        let (color, from) = (classes.color(*family, demand), filled);
        filled += u64::from(of(demand));
        match parts.last_mut() {
            Some(last) if last.0 == color && !is_tall(from, filled) => last.2 = filled,
            _ => parts.push((color, from, filled)),
        }
    }
    for (color, from, to) in parts {
        let line = if is_tall(from, to) { line } else { 0.0 };
        drawing.rect((left, y(to) + line), (right, y(from)), color);
    }
}

/// Names under few columns; a count under many.
fn label_columns(drawing: &mut Drawing, picture: &FleetPicture, slots: &Slots) {
    let set = frame::TICK;
    let room = slots.slot - 8.0;
    if room >= 70.0 {
        for (index, column) in picture.columns.iter().enumerate() {
            let (left, right) = slots.edges(index);
            let name = fit_end(&column.name, set, room);
            let x = (left + right) / 2.0;
            drawing.text((x, BOTTOM + 26.0), name, set.align(Align::Middle));
        }
    }
    let note = "one column an instance, in order of launch";
    debug_assert!(width(note, set) < RIGHT - slots.left);
    drawing.text((RIGHT, BOTTOM + 58.0), note, set.align(Align::End));
}
