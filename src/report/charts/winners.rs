//! Who wins by how much, by load and by the share of the day in which the workload runs: a map where tasks start as soon as on
//! Fargate, and one where they may wait. The colour is the winner's, the stronger the more it saves.

use super::breakeven::color;
use super::drawing::{Drawing, palette};
use super::frame::{self, LEFT, Mark, RIGHT, TOP};
use super::heat::{self, Grid, mixed};
use crate::experiment::breakeven::{Field, Kind, field};
use crate::report::breakeven::{Study, factor};
use crate::report::breakeven_map::told;

/// Between the maps.
const GAP: f64 = 40.0;
/// A winner that saves nothing has so much of its colour, and from the other saving on, percent, all of it.
const FAINTEST: f64 = 0.2;
const STRONGEST_PERCENT: f64 = 60.0;
/// From here on, of 1, colours are dark enough for white letters.
const DARK_FROM: f64 = 0.8;

/// Draws both maps.
pub fn draw(study: &Study<'_>) -> Drawing {
    let seeds = study.question.seeds.len();
    let facts = [
        "saved of the bill of the cheapest other kind".to_string(),
        match seeds {
            1 => "one seed".to_string(),
            _ => format!("means of {seeds} seeds, ~ not told apart at 95 %"),
        },
    ];
    let title = "Who wins, by load and share of the day";
    let mut drawing = frame::titled(title, study.name, &facts);
    let middle = (LEFT + RIGHT) / 2.0;
    let mut winners: Vec<Kind> = Vec::new();
    for (tasks_may_wait, heading, left, right) in [
        (false, "Tasks start as soon as on Fargate", LEFT, middle - GAP / 2.0),
        (true, "Tasks may wait", middle + GAP / 2.0, RIGHT),
    ] {
        let fields = study.map.iter().map(|day| {
            let loads = study.question.loads.iter();
            let of = |&load: &f64| field(day, &study.question.kinds, load, tasks_may_wait);
            loads.map(of).collect()
        });
        let fields: Vec<Vec<Option<Field<'_>>>> = fields.collect();
        for found in fields.iter().flatten().flatten() {
            let kind = found.winner.variant.kind;
            if !winners.contains(&kind) {
                winners.push(kind);
            }
        }
        let grid = Grid {
            heading: heading.into(),
            columns: study
                .question
                .loads
                .iter()
                .map(|load| format!("×{}", factor(*load)))
                .collect(),
            rows: study.map.iter().map(|day| format!("{} %", day.percent)).collect(),
            fields: fields.iter().map(|row| row.iter().map(shade).collect()).collect(),
            axes: "share of the day down, load across".into(),
        };
        grid.draw(&mut drawing, (left, right));
    }
    winners.sort_unstable();
    let entries: Vec<(Mark, _, String)> =
        winners.into_iter().map(|kind| (Mark::Box, color(kind), kind.name().to_string())).collect();
    frame::legend_right(&mut drawing, TOP - 22.0, &entries);
    drawing
}

fn shade(field: &Option<Field<'_>>) -> heat::Field {
    let Some(field) = field else {
        let (fill, ink) = (palette::PALE_GREY, palette::INK);
        return heat::Field { text: "–".into(), fill, ink };
    };
    let saves = field.second.map_or(STRONGEST_PERCENT, |(_, saves)| saves.mean);
    let share = FAINTEST + (1.0 - FAINTEST) * (saves / STRONGEST_PERCENT).clamp(0.0, 1.0);
    let ink = if share > DARK_FROM { palette::PAPER } else { palette::INK };
    let fill = mixed(palette::PAPER, color(field.winner.variant.kind), share);
    heat::Field { text: told(field), fill, ink }
}
