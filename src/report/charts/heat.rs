//! A sweep over two axes as a map: the mean of a metric in each field, the darker the more.

use super::drawing::{Align, Color, Drawing, Type, palette};
use super::font::{fit_middle, width};
use super::frame::{self, BOTTOM, LEFT, RIGHT, TICK, TOP};
use crate::base::text::visible;
use crate::experiment::sweep::{Plan, Results};
use crate::report::compare::shown;

/// Metrics side by side.
const MOST_MAPS: usize = 2;
/// Most points of an axis that are drawn.
const MOST_POINTS: usize = 60;
const GAP: f64 = 70.0;
const ROW_LABELS: f64 = 150.0;
const HEADING: Type = Type::new(21.0, palette::INK).bold();
/// The least and the most of the scale.
const LIGHT: Color = Color(0xe8, 0xf1, 0xf8);
const DARK: Color = Color(0x0b, 0x3c, 0x6e);

/// Draws the map of two axes: the first to the right, the second down.
pub fn draw(plan: &Plan, results: &Results, across: usize, down: usize) -> Drawing {
    let names = format!("{} by {}", plan.axes[down].name, plan.axes[across].name);
    let seeds = plan.seeds.len();
    let mut facts =
        vec![if seeds == 1 { "one seed".into() } else { format!("means of {seeds} seeds") }];
    let shown_two = [plan.axes[across].dimension, plan.axes[down].dimension];
    if plan.axes.iter().any(|axis| !shown_two.contains(&axis.dimension)) {
        facts.push("and over the other axes".into());
    }
    let mut drawing = frame::titled(&format!("Sweep: {names}"), &plan.name, &facts);
    let maps = results.metrics.len().min(MOST_MAPS);
    if maps == 0 {
        return frame::empty(drawing, "No cell has a value of these metrics.");
    }
    let room = (RIGHT - LEFT - GAP * (maps - 1) as f64) / maps as f64;
    for metric in 0..maps {
        let left = LEFT + (room + GAP) * metric as f64;
        map(&mut drawing, plan, results, (metric, across, down), (left, left + room));
    }
    drawing
}

fn map(
    drawing: &mut Drawing,
    plan: &Plan,
    results: &Results,
    (metric, across, down): (usize, usize, usize),
    (left, right): (f64, f64),
) {
    let columns = plan.axes[across].points.len().min(MOST_POINTS);
    let rows = plan.axes[down].points.len().min(MOST_POINTS);
    let mean = |column: usize, row: usize| {
        let mean = results.along(plan, metric, &[(across, column), (down, row)]);
        mean.map(|mean| mean.mean).filter(|mean| mean.is_finite())
    };
    let means: Vec<Vec<Option<f64>>> =
        (0..rows).map(|row| (0..columns).map(|column| mean(column, row)).collect()).collect();
    let values = || means.iter().flatten().flatten().copied();
    let (low, high) =
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let of = &results.metrics[metric];
    let span = match low <= high {
        true => format!(": {} to {}", shown(low, &of.unit), shown(high, &of.unit)),
        false => ": not defined".to_string(),
    };
    let field = |value: &Option<f64>| {
        let share = value.map(|value| if high > low { (value - low) / (high - low) } else { 0.0 });
        Field {
            text: value.map_or("–".to_string(), |value| shown(value, &of.unit)),
            fill: share.map_or(palette::PALE_GREY, |share| mixed(LIGHT, DARK, share)),
            ink: if share.unwrap_or(0.0) > 0.5 { palette::PAPER } else { palette::INK },
        }
    };
    let fields = means.iter().map(|row| row.iter().map(field).collect());
    let names = |axis: usize, count: usize| {
        plan.axes[axis].points.iter().take(count).map(|point| visible(point).into_owned()).collect()
    };
    let grid = Grid {
        heading: format!("{}{span}", visible(&of.name)),
        columns: names(across, columns),
        rows: names(down, rows),
        fields: fields.collect(),
        axes: format!("{} down, {} across", plan.axes[down].name, plan.axes[across].name),
    };
    grid.draw(drawing, (left, right));
}

/// A place of a map.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// What it says, where there is room.
    pub text: String,
    /// Its colour.
    pub fill: Color,
    /// The colour of what it says.
    pub ink: Color,
}

/// A map: coloured fields in rows and columns with names.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    /// What it shows.
    pub heading: String,
    /// Names of its columns, at least one.
    pub columns: Vec<String>,
    /// Names of its rows, at least one.
    pub rows: Vec<String>,
    /// By row.
    pub fields: Vec<Vec<Field>>,
    /// What goes down and what across.
    pub axes: String,
}

impl Grid {
    /// Draws it between two edges.
    pub fn draw(&self, drawing: &mut Drawing, (left, right): (f64, f64)) {
        let heading = fit_middle(&self.heading, HEADING, right - left);
        drawing.text((left, TOP + 14.0), heading, HEADING);
        let (start, top) = (left + ROW_LABELS, TOP + 40.0);
        let wide = (right - start) / self.columns.len() as f64;
        let high = (BOTTOM - top) / self.rows.len() as f64;
        for (row, of_row) in self.fields.iter().enumerate() {
            let y = top + high * row as f64;
            let middle = y + high / 2.0 + 6.0;
            if high >= 20.0 || row == 0 || row + 1 == self.rows.len() {
                let name = fit_middle(&self.rows[row], TICK, ROW_LABELS - 16.0);
                drawing.text((start - 12.0, middle), name, TICK.align(Align::End));
            }
            for (column, field) in of_row.iter().enumerate() {
                let x = start + wide * column as f64;
                drawing.rect((x + 1.0, y + 1.0), (x + wide - 1.0, y + high - 1.0), field.fill);
                let set = Type::new(18.0, field.ink).align(Align::Middle);
                if width(&field.text, set) < wide - 8.0 && high >= 22.0 {
                    drawing.text((x + wide / 2.0, middle), field.text.clone(), set);
                }
            }
        }
        let mut free_from = f64::NEG_INFINITY;
        for (column, name) in self.columns.iter().enumerate() {
            let name = fit_middle(name, TICK, wide.max(70.0) - 8.0);
            let (x, half) = (start + wide * (column as f64 + 0.5), width(&name, TICK) / 2.0);
            if x - half >= free_from {
                drawing.text((x, BOTTOM + 28.0), name, TICK.align(Align::Middle));
                free_from = x + half + 6.0;
            }
        }
        drawing.text((right, BOTTOM + 58.0), self.axes.clone(), TICK.align(Align::End));
    }
}

/// A colour of a scale from one colour to another, from 0 to 1.
pub(super) fn mixed(light: Color, dark: Color, share: f64) -> Color {
    let mix = |light: u8, dark: u8| {
        let value = f64::from(light) + (f64::from(dark) - f64::from(light)) * share.clamp(0.0, 1.0);
        value.round() as u8
    };
    Color(mix(light.0, dark.0), mix(light.1, dark.1), mix(light.2, dark.2))
}
