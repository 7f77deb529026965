//! The study of `ecsim breakeven` as a table.

use super::csv::TableWriter;
use crate::base::spreadsheet::free_text;
use crate::experiment::breakeven::{
    Cell, Claim, Kind, Pair, Question, Said, cheapest, level_percent, pairs,
};
use crate::metrics::table::{ColumnSpec, TableSpec, column};
use serde::Serialize;

/// A study that is done.
#[derive(Clone, Copy, Debug)]
pub struct Study<'a> {
    /// Name of the scenario.
    pub name: &'a str,
    /// What was asked.
    pub question: &'a Question,
    /// The answer.
    pub cells: &'a [Cell],
    /// Packings that people repeat, to hold beside it.
    pub claims: &'a [Claim],
    /// What a reader must know of the workload, a sentence each.
    pub remarks: &'a [String],
}

const COLUMNS: &[ColumnSpec] = &[
    column("load", "decimal", "–", "factor on the load of the scenario"),
    column("on", "text", "–", "kind of capacity"),
    column(
        "instance_type",
        "text",
        "–",
        "instance types; empty on Fargate and where they are the scenario's",
    ),
    column(
        "target_capacity_percent",
        "integer",
        "%",
        "`targetCapacity` of the group; empty elsewhere",
    ),
    column("placement", "text", "–", "own, as the scenario says, or binpack by memory"),
    column(
        "mix",
        "text",
        "–",
        "base, weight of On-Demand and weight of Spot of a mixture; of a split cluster what is on EC2",
    ),
    column("seeds", "integer", "–", "seeds that the means are of"),
    column("usd", "decimal", "USD", "the bill"),
    column("usd_least", "decimal", "USD", "… of the cheapest seed"),
    column("usd_most", "decimal", "USD", "… of the dearest seed"),
    column(
        "usd_with_plan",
        "decimal",
        "USD",
        "the bill with the Compute Savings Plan that would have been best",
    ),
    column("usd_per_task_hour", "decimal", "USD", "the bill by hour of RUNNING tasks"),
    column("start_p95_s", "decimal", "s", "95th percentile of the time from acceptance to RUNNING"),
    column("requests_dropped_percent", "decimal", "%", "requests dropped"),
    column("tasks_refused_percent", "decimal", "%", "tasks given up, of those wanted"),
    column(
        "promised_percent",
        "decimal",
        "%",
        "what of the instances was promised to tasks, CPU to memory-GB weighed 9 to 1; 100 on Fargate",
    ),
    column(
        "level_percent",
        "decimal",
        "%",
        "promised_percent at which these instances would cost what Fargate does at this load: theirs times the ratio of the \
         bills; empty on Fargate and without it",
    ),
    column("fargate_minimum_usd", "decimal", "USD", "what Fargate's least billed time added"),
    column(
        "starts_as_soon",
        "boolean",
        "–",
        "whether tasks start as soon, and no more is dropped or refused, as on Fargate or as the limit says",
    ),
    column("left_out", "text", "–", "why the workload cannot run there; empty where it can"),
];

/// `breakeven.csv`.
pub const BREAKEVEN: TableSpec = TableSpec {
    file: "breakeven.csv",
    row: "load, kind of capacity, instance type and `targetCapacity`; of `ecsim breakeven`",
    columns: COLUMNS,
};

/// A row of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    load: String,
    on: &'static str,
    instance_type: String,
    target_capacity_percent: Option<u32>,
    placement: &'static str,
    mix: String,
    seeds: usize,
    usd: Option<String>,
    usd_least: Option<String>,
    usd_most: Option<String>,
    usd_with_plan: Option<String>,
    usd_per_task_hour: Option<String>,
    start_p95_s: Option<String>,
    requests_dropped_percent: Option<String>,
    tasks_refused_percent: Option<String>,
    promised_percent: Option<String>,
    level_percent: Option<String>,
    fargate_minimum_usd: Option<String>,
    starts_as_soon: bool,
    left_out: String,
}

/// A factor as people write it.
#[must_use]
pub fn factor(load: f64) -> String {
    format!("{load}")
}

/// All rows.
#[must_use]
pub fn rows(study: &Study<'_>) -> Vec<Row> {
    study.cells.iter().map(|cell| row(study, cell)).collect()
}

/// How full the instances of `cell` would have to be to cost what Fargate does at the same load, percent; nothing on Fargate.
#[must_use]
pub fn level(study: &Study<'_>, cell: &Cell) -> Option<f64> {
    if !cell.variant.kind.is_instances() {
        return None;
    }
    let fargate = cheapest(study.cells, cell.load, Kind::Fargate, false)?;
    let usd = |cell: &Cell| cell.mean(|said| said.usd);
    let level = level_percent(cell.mean(|said| said.packed_percent)?, usd(cell)?, usd(fargate)?);
    Some(level).filter(|level| level.is_finite())
}

fn row(study: &Study<'_>, cell: &Cell) -> Row {
    let mean = |of: fn(&Said) -> f64| cell.mean(of).map(|mean| format!("{mean:.6}"));
    let said = cell.said.as_deref().unwrap_or_default();
    let over = |pick: fn(f64, f64) -> f64| said.iter().map(|said| said.usd).reduce(pick);
    let usd = |usd: f64| format!("{usd:.6}");
    Row {
        load: factor(cell.load),
        on: cell.variant.kind.name(),
        instance_type: cell.variant.instance_types.join(" "),
        target_capacity_percent: cell.variant.target_capacity,
        placement: cell.variant.placement.name(),
        mix: match cell.variant.mix {
            Some(mix) => mix.to_string(),
            None => cell.variant.on_ec2.join(" "),
        },
        seeds: said.len(),
        usd: mean(|said| said.usd),
        usd_least: over(f64::min).map(usd),
        usd_most: over(f64::max).map(usd),
        usd_with_plan: mean(|said| said.usd_with_plan),
        usd_per_task_hour: mean(|said| said.usd_per_task_hour),
        start_p95_s: mean(|said| said.start_p95_s),
        requests_dropped_percent: mean(|said| said.dropped_percent),
        tasks_refused_percent: mean(|said| said.refused_percent),
        promised_percent: mean(|said| said.packed_percent),
        level_percent: level(study, cell).map(|level| format!("{level:.6}")),
        fargate_minimum_usd: mean(|said| said.minimum_usd),
        starts_as_soon: cell.is_as_quick(),
        left_out: cell.said.as_ref().err().cloned().unwrap_or_default(),
    }
}

/// `breakeven.csv`.
#[must_use]
pub fn to_csv(study: &Study<'_>) -> Vec<u8> {
    let mut table = TableWriter::new(BREAKEVEN);
    for row in rows(study) {
        let text = |cell: Option<String>| cell.unwrap_or_default();
        table.row(&[
            row.load,
            row.on.to_string(),
            row.instance_type,
            row.target_capacity_percent.map_or(String::new(), |percent| percent.to_string()),
            row.placement.to_string(),
            free_text(&row.mix).into_owned(),
            row.seeds.to_string(),
            text(row.usd),
            text(row.usd_least),
            text(row.usd_most),
            text(row.usd_with_plan),
            text(row.usd_per_task_hour),
            text(row.start_p95_s),
            text(row.requests_dropped_percent),
            text(row.tasks_refused_percent),
            text(row.promised_percent),
            text(row.level_percent),
            text(row.fargate_minimum_usd),
            row.starts_as_soon.to_string(),
            free_text(&row.left_out).into_owned(),
        ]);
    }
    table.into_bytes()
}

const PAIR_COLUMNS: &[ColumnSpec] = &[
    column("load", "decimal", "–", "factor on the load of the scenario"),
    column("on", "text", "–", "kind of instances"),
    column("variant", "text", "–", "the cheapest of the kind, so bought"),
    column(
        "bought",
        "text",
        "–",
        "`list`, or the kind of commitment, of which the best amount is bought",
    ),
    column("against", "text", "–", "`fargate` or `fargate-spot`"),
    column("against_bought", "text", "–", "how that is bought"),
    column("usd", "decimal", "USD", "the bill of the instances, mean over the seeds"),
    column("against_usd", "decimal", "USD", "the bill of Fargate, likewise"),
    column("promised_percent", "decimal", "%", "how full the instances are, by money"),
    column(
        "level_percent",
        "decimal",
        "%",
        "how full they would have to be to cost as much: above 100 they cannot",
    ),
];

/// `breakeven_pairs.csv`.
pub const BREAKEVEN_PAIRS: TableSpec = TableSpec {
    file: "breakeven_pairs.csv",
    row: "load, kind of instances and how they are bought, and how Fargate is bought; of `ecsim breakeven`",
    columns: PAIR_COLUMNS,
};

/// All pairs of a study, by load.
#[must_use]
pub fn all_pairs<'a>(study: &Study<'a>) -> Vec<Pair<'a>> {
    let loads = study.question.loads.iter();
    loads.flat_map(|&load| pairs(study.cells, study.question, load)).collect()
}

/// `breakeven_pairs.csv`.
#[must_use]
pub fn pairs_to_csv(study: &Study<'_>) -> Vec<u8> {
    let mut table = TableWriter::new(BREAKEVEN_PAIRS);
    for pair in all_pairs(study) {
        let number = |value: f64| format!("{value:.6}");
        table.row(&[
            factor(pair.load),
            pair.instances.variant.kind.name().to_string(),
            pair.instances.variant.to_string(),
            pair.bought.name(study.question).to_string(),
            pair.fargate.variant.kind.name().to_string(),
            pair.fargate_bought.name(study.question).to_string(),
            number(pair.usd),
            number(pair.fargate_usd),
            number(pair.packed_percent),
            number(pair.level_percent),
        ]);
    }
    table.into_bytes()
}
