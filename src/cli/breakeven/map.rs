//! Who wins by how much, by load and by the share of the day.

use crate::cli::screen::{align_right, table};
use crate::experiment::breakeven::{Field, field};
use crate::report::breakeven::{Study, factor};
use crate::report::breakeven_map::{fields, told as saved};
use serde_json::{Value, json};

/// A table for each of both questions, shares down and loads across; nothing where no share was asked for.
pub fn told(study: &Study<'_>) -> String {
    if study.map.is_empty() {
        return String::new();
    }
    let both = [(false, "tasks start as soon as on Fargate"), (true, "tasks may wait")];
    let tables = both.map(|(may_wait, how)| one(study, may_wait, how)).concat();
    format!(
        "{tables}\nWho wins where the workload runs for a share of each day and rests else, and what that saves of the bill of \
         the cheapest other kind{}.\n",
        if study.question.seeds.len() > 1 { "; \"~\": not told apart at 95 %" } else { "" }
    )
}

fn one(study: &Study<'_>, may_wait: bool, how: &str) -> String {
    let loads = study.question.loads.iter().map(|load| format!("×{}", factor(*load)));
    let headings: Vec<String> = [format!("of the day, {how}")].into_iter().chain(loads).collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let mut screen = table(&headings);
    align_right(&mut screen, 1..headings.len());
    for day in study.map {
        let of = |&load: &f64| {
            let found = field(day, &study.question.kinds, load, may_wait);
            found.map_or("–".to_string(), |found| cell(&found))
        };
        let row = [format!("{} %", day.percent)].into_iter();
        screen.add_row(row.chain(study.question.loads.iter().map(of)).collect::<Vec<_>>());
    }
    format!("\n{screen}\n")
}

fn cell(field: &Field<'_>) -> String {
    format!("{} {}", field.winner.variant.kind.name(), saved(field))
}

/// The rows of `breakeven_map.csv`.
pub fn json(study: &Study<'_>) -> Vec<Value> {
    let each = fields(study).map(|(percent, load, may_wait, found)| {
        let second = found.and_then(|found| found.second);
        json!({
            "day_percent": percent,
            "load": load,
            "tasks_may_wait": may_wait,
            "winner": found.map(|found| found.winner.variant.kind.name()),
            "variant": found.map(|found| found.winner.variant.to_string()),
            "usd": found.and_then(|found| found.winner.mean(|said| said.usd)),
            "second": second.map(|(cell, _)| cell.variant.kind.name()),
            "saves_percent": second.map(|(_, saves)| saves.mean),
            "saves_percent_half_width": second.and_then(|(_, saves)| saves.half_width),
        })
    });
    each.collect()
}
