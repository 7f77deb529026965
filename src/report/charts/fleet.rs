//! The fleet as a picture: one column an instance, filled by its tasks from below, CPU above memory.

use super::ChartInput;
use super::axis::Steps;
use super::classes::Classes;
use super::drawing::{Align, Color, Drawing, palette};
use super::font::{fit_end, fit_middle, width};
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
    let (order, slots) = Slots::new(picture, left);
    for (mut panel, (_, of)) in panels.into_iter().zip(RESOURCES) {
        panel.left = left;
        panel.draw(&mut drawing);
        for (index, column) in order.iter().enumerate() {
            draw_column(&mut drawing, &panel, slots.edges(index), column, of, &classes, line);
        }
        panel.close(&mut drawing);
    }
    label_columns(&mut drawing, &order, &slots);
    drawing
}

fn facts(picture: &FleetPicture) -> Vec<String> {
    let tasks: usize = picture.columns.iter().map(|column| column.tasks.len()).sum();
    let (shown, all) = (picture.columns.len(), picture.fleet.max(picture.columns.len()));
    let number = |n: usize| human::thousands(n as u128);
    let instances = match shown == all {
        true => human::counted(all, "instance"),
        false => format!("{} of {} instances, evenly chosen", number(shown), number(all)),
    };
    let at = human::span(SimSpan(picture.at.0));
    vec![format!("{at} after the start"), instances, human::counted(tasks, "task")]
}

fn legend(picture: &FleetPicture, classes: &Classes) -> Vec<(Mark, Color, String)> {
    let (colors, names): (Vec<Color>, Vec<String>) = classes.legend(picture).into_iter().unzip();
    let names = told_apart(names, |name| width(name, frame::TICK) <= LONGEST_NAME);
    let entries = colors.into_iter().zip(names);
    entries
        .map(|(color, name)| (Mark::Box, color, fit_middle(&name, frame::TICK, LONGEST_NAME)))
        .chain([(Mark::Box, palette::FREE, "free".into())])
        .collect()
}

/// Widest name in the legend, in pixels.
const LONGEST_NAME: f64 = 210.0;

/// Names of which some do not fit, without the beginning and the end that most of them share: `…-27-…`. The last may be
/// that of all others, and is left as it is.
fn told_apart(mut names: Vec<String>, fits: impl Fn(&str) -> bool) -> Vec<String> {
    let long: Vec<usize> = (0..names.len()).filter(|&index| !fits(&names[index])).collect();
    let [first, .., _] = long[..] else { return names };
    let shared = |of: fn(&str) -> Box<dyn Iterator<Item = char> + '_>| {
        let model: Vec<char> = of(&names[first]).collect();
        let alike = |name: &str| of(name).zip(&model).take_while(|(a, b)| a == *b).count();
        long.iter().map(|&index| alike(&names[index])).min().unwrap_or(0)
    };
    let head = shared(|name| Box::new(name.chars()));
    let tail = shared(|name| Box::new(name.chars().rev()));
    for index in long {
        let count = names[index].chars().count();
        let (from, to) = (if head > 3 { head } else { 0 }, if tail > 3 { tail } else { 0 });
        // Names of which one is the beginning of another stay whole.
        if from + to < count {
            let own: String = names[index].chars().skip(from).take(count - from - to).collect();
            let (before, after) = (if from > 0 { "…" } else { "" }, if to > 0 { "…" } else { "" });
            names[index] = format!("{before}{own}{after}");
        }
    }
    names
}

/// Where the columns are: in groups by instance type, types in order of their first instance.
struct Slots<'a> {
    /// Instance type, first column, columns.
    groups: Vec<(&'a str, usize, usize)>,
    left: f64,
    slot: f64,
    /// Room between two columns, and more between two groups.
    gap: f64,
    between: f64,
}

impl<'a> Slots<'a> {
    /// The columns in the order in which they are drawn, and their places.
    fn new(picture: &'a FleetPicture, left: f64) -> (Vec<&'a PictureColumn>, Slots<'a>) {
        let mut groups: Vec<(&str, Vec<&PictureColumn>)> = Vec::new();
        for column in &picture.columns {
            match groups.iter_mut().find(|group| group.0 == column.instance_type) {
                Some(group) => group.1.push(column),
                None => groups.push((&column.instance_type, vec![column])),
            }
        }
        let (mut order, mut places) = (Vec::new(), Vec::new());
        for (name, columns) in groups {
            places.push((name, order.len(), columns.len()));
            order.extend(columns);
        }
        let between = (120.0 / places.len() as f64).min(14.0);
        let room = RIGHT - left - between * (places.len() - 1) as f64;
        let slot = (room / order.len() as f64).min(240.0);
        // Below some width a gap would take more than the columns.
        let gap = if slot >= 12.0 { (slot * 0.12).min(10.0) } else { 0.0 };
        (order, Slots { groups: places, left, slot, gap, between })
    }

    fn edges(&self, index: usize) -> (f64, f64) {
        let before = self.groups.iter().skip(1).filter(|group| group.1 <= index).count();
        let start = self.left + self.slot * index as f64 + self.between * before as f64;
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

/// Names under few columns; below each group its type and how many there are of it.
fn label_columns(drawing: &mut Drawing, order: &[&PictureColumn], slots: &Slots<'_>) {
    let set = frame::TICK;
    let room = slots.slot - 8.0;
    let has_names = room >= 70.0;
    if has_names {
        for (index, column) in order.iter().enumerate() {
            let (left, right) = slots.edges(index);
            let name = fit_end(&column.name, set, room);
            let x = (left + right) / 2.0;
            drawing.text((x, BOTTOM + 26.0), name, set.align(Align::Middle));
        }
    }
    let note = "one column an instance, by type in order of launch; grey is free";
    // Below names there is one row; without them a label that has no room in the first row is in the second.
    let rows: &[f64] = if has_names { &[52.0] } else { &[26.0, 50.0] };
    let mut free_from = vec![f64::NEG_INFINITY; rows.len()];
    for &(name, first, count) in &slots.groups {
        let (from, to) = (slots.edges(first).0, slots.edges(first + count - 1).1);
        let label = if count == 1 { name.to_string() } else { format!("{count} × {name}") };
        // A group that is narrower than its label may use the room up to the label before; without room, it has none.
        let wide = width(&label, set);
        let middle = ((from + to) / 2.0).clamp(slots.left + wide / 2.0, RIGHT - wide / 2.0);
        if let Some(row) = free_from.iter().position(|&free| middle - wide / 2.0 >= free) {
            drawing.text((middle, BOTTOM + rows[row]), label, set.align(Align::Middle));
            free_from[row] = middle + wide / 2.0 + 16.0;
        }
    }
    drawing.text((RIGHT, BOTTOM + 78.0), note, set.align(Align::End));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(names: &[&str]) -> Vec<String> {
        let names = names.iter().map(|name| (*name).to_string()).collect();
        told_apart(names, |name| name.chars().count() <= 12)
    }

    #[test]
    fn names_that_share_both_ends_show_what_tells_them_apart() {
        let long = ["payments-gateway-07-definition", "payments-gateway-18-definition", "6 others"];
        assert_eq!(shown(&long), ["…07…", "…18…", "6 others"]);
        assert_eq!(shown(&["a", "b"]), ["a", "b"]);
        // One that is long has nothing to be told apart from; one that is the beginning of another stays whole.
        assert_eq!(shown(&["payments-gateway"]), ["payments-gateway"]);
        let nested = shown(&["payments-gateway", "payments-gateway-two"]);
        assert_eq!(nested, ["payments-gateway", "…-two"]);
    }
}
