//! The map of `ecsim breakeven`: who wins by how much, by load and by the share of the day in which the workload runs.

use super::breakeven::{Study, factor, half};
use super::csv::TableWriter;
use super::human;
use crate::base::spreadsheet::free_text;
use crate::experiment::breakeven::{Field, field};
use crate::metrics::table::{ColumnSpec, TableSpec, column};

const COLUMNS: &[ColumnSpec] = &[
    column(
        "day_percent",
        "integer",
        "%",
        "share of each day, from the beginning of the run on, in which the workload runs; else nothing arrives, and services \
         have no tasks",
    ),
    column("load", "decimal", "–", "factor on the load of the scenario"),
    column(
        "tasks_may_wait",
        "boolean",
        "–",
        "whether any variant counts, or only those where tasks start as soon and as surely as on Fargate",
    ),
    column(
        "winner",
        "text",
        "–",
        "the cheapest kind of capacity; empty where none can run, or serve as well",
    ),
    column("variant", "text", "–", "its cheapest variant"),
    column("usd", "decimal", "USD", "its bill, mean over the seeds"),
    half("usd_half_width", "USD"),
    column("second", "text", "–", "the cheapest other kind; empty without one"),
    column("second_variant", "text", "–", "its cheapest variant"),
    column("second_usd", "decimal", "USD", "its bill"),
    column("saves_percent", "decimal", "%", "what the winner saves of the second's bill"),
    half("saves_percent_half_width", "%"),
];

/// `breakeven_map.csv`.
pub const BREAKEVEN_MAP: TableSpec = TableSpec {
    file: "breakeven_map.csv",
    row: "share of the day, load, and whether tasks may wait; of `ecsim breakeven --day-share`",
    columns: COLUMNS,
};

/// All places of the map, by share and load; first where tasks start as soon as on Fargate.
pub fn fields<'a>(study: &Study<'a>) -> impl Iterator<Item = (u32, f64, bool, Option<Field<'a>>)> {
    let (question, map) = (study.question, study.map);
    map.iter().flat_map(move |day| {
        question.loads.iter().flat_map(move |&load| {
            [false, true].map(|may_wait| {
                let found = field(day, &question.kinds, load, may_wait);
                (day.percent, load, may_wait, found)
            })
        })
    })
}

/// By how much the winner wins, such as `23 %`; with `~` before it where the seeds do not tell.
#[must_use]
pub fn told(field: &Field<'_>) -> String {
    let Some((_, saves)) = field.second else { return "alone".into() };
    let mark = if field.is_told() { "" } else { "~" };
    let decimals = usize::from(saves.mean < 9.95);
    format!("{mark}{} %", human::decimal(saves.mean, decimals))
}

/// `breakeven_map.csv`.
#[must_use]
pub fn to_csv(study: &Study<'_>) -> Vec<u8> {
    let mut table = TableWriter::new(BREAKEVEN_MAP);
    let number = |value: f64| format!("{value:.6}");
    let maybe = |value: Option<f64>| value.map_or(String::new(), number);
    for (percent, load, may_wait, found) in fields(study) {
        let winner = found.map(|found| found.winner);
        let usd = winner.and_then(|cell| cell.estimate(|said| said.usd));
        let second = found.and_then(|found| found.second);
        let kind = |cell: Option<&crate::experiment::breakeven::Cell>| {
            cell.map_or(String::new(), |cell| cell.variant.kind.name().to_string())
        };
        let variant = |cell: Option<&crate::experiment::breakeven::Cell>| {
            let name = cell.map_or(String::new(), |cell| cell.variant.to_string());
            free_text(&name).into_owned()
        };
        let other = second.map(|(cell, _)| cell);
        table.row(&[
            percent.to_string(),
            factor(load),
            may_wait.to_string(),
            kind(winner),
            variant(winner),
            maybe(usd.map(|usd| usd.mean)),
            maybe(usd.and_then(|usd| usd.half_width)),
            kind(other),
            variant(other),
            maybe(other.and_then(|cell| cell.mean(|said| said.usd))),
            maybe(second.map(|(_, saves)| saves.mean)),
            maybe(second.and_then(|(_, saves)| saves.half_width)),
        ]);
    }
    table.into_bytes()
}
