//! How full instances are, how full they would have to be, and what people say of that.

use crate::cli::screen::{align_right, table};
use crate::experiment::breakeven::{Kind, Pair, pairs};
use crate::report::breakeven::{Study, all_pairs, shown};
use crate::report::breakeven_marks::{Ends, ends};
use crate::report::human;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Of each kind of instances how full it is and at what packing it costs as much as Fargate; what people say of that; and
/// the same by how both are bought.
pub fn told(study: &Study<'_>) -> String {
    let mut text = String::new();
    for &kind in study.question.kinds.iter().filter(|kind| kind.is_instances()) {
        let Some(Ends { packed, level }) = ends(study, kind) else { continue };
        let _ = writeln!(
            text,
            "{} fills its instances to {}, and costs as much as Fargate at {}.",
            kind.name(),
            span(packed),
            span(level),
        );
        if kind == Kind::Ec2 && !study.claims.is_empty() {
            let _ = writeln!(text, "Figures for that point: {}.", claims(study, level));
        }
    }
    text + &matrix(study)
}

fn span((least, most): (f64, f64)) -> String {
    let (least, most) = (human::decimal(least, 1), human::decimal(most, 1));
    if least == most { format!("{least} %") } else { format!("{least} to {most} %") }
}

fn claims(study: &Study<'_>, levels: (f64, f64)) -> String {
    let each = study
        .claims
        .iter()
        .map(|claim| format!("{} ({}) {}", claim.figure(), claim.who, claim.verdict(levels)));
    each.collect::<Vec<_>>().join(", ")
}

/// The load that is closest to the scenario's own.
fn usual_load(study: &Study<'_>) -> Option<f64> {
    let far = |load: &f64| libm::log(*load).abs();
    study.question.loads.iter().copied().min_by(|a, b| far(a).total_cmp(&far(b)))
}

/// By how instances are bought (down) and how Fargate is (across): the packing at which both cost the same.
fn matrix(study: &Study<'_>) -> String {
    let Some(load) = usual_load(study).filter(|_| !study.question.purchases.is_empty()) else {
        return String::new();
    };
    let all = pairs(study.cells, study.question, load);
    let mut columns: Vec<String> = Vec::new();
    for pair in &all {
        let name = column(study, pair);
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    if columns.is_empty() {
        return String::new();
    }
    let corner = format!("level at, ×{load}");
    let mut headings = vec![corner.as_str()];
    headings.extend(columns.iter().map(String::as_str));
    headings.push("promised");
    let mut screen = table(&headings);
    align_right(&mut screen, 1..headings.len());
    for row in all.chunk_by(|a, b| (a.bought, kind(a)) == (b.bought, kind(b))) {
        let mut cells =
            vec![format!("{} {}", kind(&row[0]).name(), row[0].bought.name(study.question))];
        for name in &columns {
            let pair = row.iter().find(|pair| column(study, pair) == *name);
            cells.push(pair.map_or("–".into(), |pair| {
                let mark = if pair.is_cheaper() { "< " } else { "" };
                format!("{mark}{} %", human::decimal(pair.level_percent.mean, 1))
            }));
        }
        cells.push(shown(Some(row[0].packed_percent), 1, ("", " %")));
        screen.add_row(cells);
    }
    format!(
        "\n{screen}\n\nHow full instances must be, by how they and Fargate are bought, each with the best amount of the \
         commitment; \"<\": they are so, and cheaper.\n"
    )
}

fn kind(pair: &Pair<'_>) -> Kind {
    pair.instances.variant.kind
}

fn column(study: &Study<'_>, pair: &Pair<'_>) -> String {
    format!("{} {}", pair.fargate.variant.kind.name(), pair.fargate_bought.name(study.question))
}

/// The rows of `breakeven_pairs.csv`.
pub fn json(study: &Study<'_>) -> Vec<Value> {
    let each = all_pairs(study).into_iter().map(|pair| {
        json!({
            "load": pair.load,
            "on": kind(&pair).name(),
            "variant": pair.instances.variant.to_string(),
            "bought": pair.bought.name(study.question),
            "against": pair.fargate.variant.kind.name(),
            "against_bought": pair.fargate_bought.name(study.question),
            "usd": pair.usd.mean,
            "usd_half_width": pair.usd.half_width,
            "against_usd": pair.fargate_usd.mean,
            "against_usd_half_width": pair.fargate_usd.half_width,
            "promised_percent": pair.packed_percent.mean,
            "level_percent": pair.level_percent.mean,
            "level_percent_half_width": pair.level_percent.half_width,
        })
    });
    each.collect()
}

/// What people say of the packing at which EC2 costs as much as Fargate.
pub fn claims_json(study: &Study<'_>) -> Vec<Value> {
    let levels = ends(study, Kind::Ec2).map(|ends| ends.level);
    let each = study.claims.iter().map(|claim| {
        json!({
            "from_percent": claim.percent.0,
            "to_percent": claim.percent.1,
            "who": claim.who,
            "origin": claim.origin,
            "verdict": levels.map(|levels| claim.verdict(levels)),
        })
    });
    each.collect()
}
