//! The study of `ecsim breakeven` as a table.

use super::csv::TableWriter;
use super::human;
use crate::base::spreadsheet::free_text;
use crate::experiment::breakeven::{
    Cell, Claim, Crossing, Day, Interval, Kind, Pair, Question, Said, cheapest, crossings,
    level_percent, pairs,
};
use crate::experiment::statistics::Mean;
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
    /// The answer for each share of the day that was asked for, ascending.
    pub map: &'a [Day],
    /// Packings that people repeat, to hold beside it.
    pub claims: &'a [Claim],
    /// What a reader must know of the workload, a sentence each.
    pub remarks: &'a [String],
}

/// The column after a mean.
pub(super) const fn half(name: &'static str, unit: &'static str) -> ColumnSpec {
    column(
        name,
        "decimal",
        unit,
        "half of its 95 % interval (Student's t over the seeds); empty where all seeds say the same, or there is one",
    )
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
    half("usd_half_width", "USD"),
    column(
        "more_than_fargate_percent",
        "decimal",
        "%",
        "how much more it is than Fargate's at this load; empty without that",
    ),
    half("more_than_fargate_percent_half_width", "%"),
    column(
        "usd_with_plan",
        "decimal",
        "USD",
        "the bill with the Compute Savings Plan that would have been best",
    ),
    half("usd_with_plan_half_width", "USD"),
    column("usd_per_task_hour", "decimal", "USD", "the bill by hour of RUNNING tasks"),
    half("usd_per_task_hour_half_width", "USD"),
    column("start_p95_s", "decimal", "s", "95th percentile of the time from acceptance to RUNNING"),
    half("start_p95_s_half_width", "s"),
    column("requests_dropped_percent", "decimal", "%", "requests dropped"),
    column("tasks_refused_percent", "decimal", "%", "tasks given up, of those wanted"),
    column(
        "promised_percent",
        "decimal",
        "%",
        "what of the instances was promised to tasks, CPU to memory-GB weighed 9 to 1; 100 on Fargate",
    ),
    half("promised_percent_half_width", "%"),
    column(
        "level_percent",
        "decimal",
        "%",
        "promised_percent at which these instances would cost what Fargate does at this load: theirs times the ratio of the \
         bills, seed by seed; empty on Fargate and without it",
    ),
    half("level_percent_half_width", "%"),
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
    usd_half_width: Option<String>,
    more_than_fargate_percent: Option<String>,
    more_than_fargate_percent_half_width: Option<String>,
    usd_with_plan: Option<String>,
    usd_with_plan_half_width: Option<String>,
    usd_per_task_hour: Option<String>,
    usd_per_task_hour_half_width: Option<String>,
    start_p95_s: Option<String>,
    start_p95_s_half_width: Option<String>,
    requests_dropped_percent: Option<String>,
    tasks_refused_percent: Option<String>,
    promised_percent: Option<String>,
    promised_percent_half_width: Option<String>,
    level_percent: Option<String>,
    level_percent_half_width: Option<String>,
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

/// How full the instances of `cell` would have to be to cost what Fargate does at the same load, percent, seed by seed;
/// nothing on Fargate.
#[must_use]
pub fn level(study: &Study<'_>, cell: &Cell) -> Option<Mean> {
    if !cell.variant.kind.is_instances() {
        return None;
    }
    cell.estimate_with(fargate(study, cell.load)?, |one, other| {
        level_percent(one.packed_percent, one.usd, other.usd)
    })
}

/// Fargate at a load.
#[must_use]
pub fn fargate<'a>(study: &Study<'a>, load: f64) -> Option<&'a Cell> {
    cheapest(study.cells, load, Kind::Fargate, false)
}

/// How much more a cell costs than Fargate at the same load, percent; nothing for Fargate itself.
#[must_use]
pub fn more_than_fargate(study: &Study<'_>, cell: &Cell) -> Option<Mean> {
    if cell.variant.kind == Kind::Fargate {
        return None;
    }
    cell.more_than_percent(fargate(study, cell.load)?, |said| said.usd)
}

/// A mean with half of its interval for people, such as `$29.46 ± 0.31` or `-3.2 ± 0.4 %`; `–` where there is none.
#[must_use]
pub fn shown(mean: Option<Mean>, decimals: usize, (before, after): (&str, &str)) -> String {
    let Some(mean) = mean else { return "–".into() };
    let sign = if mean.mean < 0.0 { "-" } else { "" };
    let number = human::decimal(mean.mean.abs(), decimals);
    let half = mean.half_width.map(|half| format!(" ± {}", human::decimal(half, decimals)));
    format!("{sign}{before}{number}{}{after}", half.unwrap_or_default())
}

/// The interval of a crossing in brackets, with a space before; nothing where there is none.
#[must_use]
pub fn interval(one: &Crossing) -> String {
    let load = |load: f64| format!("×{}", human::decimal(load, 2));
    let text = match one.interval {
        None => return String::new(),
        Some(Interval { low: Some(low), high: Some(high) }) => {
            format!("{} to {}", load(low), load(high))
        }
        Some(Interval { low: None, high: Some(high) }) => format!("up to {}", load(high)),
        Some(Interval { low: Some(low), high: None }) => format!("from {} on", load(low)),
        Some(Interval { low: None, high: None }) => "every load here".into(),
    };
    format!(" (95 % interval: {text})")
}

fn row(study: &Study<'_>, cell: &Cell) -> Row {
    let of = |of: fn(&Said) -> f64| cell.estimate(of);
    let mean = |mean: Option<Mean>| mean.map(|mean| format!("{:.6}", mean.mean));
    let half = |mean: Option<Mean>| Some(format!("{:.6}", mean?.half_width?));
    let (more, level) = (more_than_fargate(study, cell), level(study, cell));
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
        seeds: cell.said.as_deref().unwrap_or_default().len(),
        usd: mean(of(|said| said.usd)),
        usd_half_width: half(of(|said| said.usd)),
        more_than_fargate_percent: mean(more),
        more_than_fargate_percent_half_width: half(more),
        usd_with_plan: mean(of(|said| said.usd_with_plan)),
        usd_with_plan_half_width: half(of(|said| said.usd_with_plan)),
        usd_per_task_hour: mean(of(|said| said.usd_per_task_hour)),
        usd_per_task_hour_half_width: half(of(|said| said.usd_per_task_hour)),
        start_p95_s: mean(of(|said| said.start_p95_s)),
        start_p95_s_half_width: half(of(|said| said.start_p95_s)),
        requests_dropped_percent: mean(of(|said| said.dropped_percent)),
        tasks_refused_percent: mean(of(|said| said.refused_percent)),
        promised_percent: mean(of(|said| said.packed_percent)),
        promised_percent_half_width: half(of(|said| said.packed_percent)),
        level_percent: mean(level),
        level_percent_half_width: half(level),
        fargate_minimum_usd: mean(of(|said| said.minimum_usd)),
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
            text(row.usd_half_width),
            text(row.more_than_fargate_percent),
            text(row.more_than_fargate_percent_half_width),
            text(row.usd_with_plan),
            text(row.usd_with_plan_half_width),
            text(row.usd_per_task_hour),
            text(row.usd_per_task_hour_half_width),
            text(row.start_p95_s),
            text(row.start_p95_s_half_width),
            text(row.requests_dropped_percent),
            text(row.tasks_refused_percent),
            text(row.promised_percent),
            text(row.promised_percent_half_width),
            text(row.level_percent),
            text(row.level_percent_half_width),
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
    half("usd_half_width", "USD"),
    column("against_usd", "decimal", "USD", "the bill of Fargate, likewise"),
    half("against_usd_half_width", "USD"),
    column("promised_percent", "decimal", "%", "how full the instances are, by money"),
    column(
        "level_percent",
        "decimal",
        "%",
        "how full they would have to be to cost as much: above 100 they cannot",
    ),
    half("level_percent_half_width", "%"),
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
        let number = |mean: Mean| format!("{:.6}", mean.mean);
        let half = |mean: Mean| mean.half_width.map_or(String::new(), |half| format!("{half:.6}"));
        table.row(&[
            factor(pair.load),
            pair.instances.variant.kind.name().to_string(),
            pair.instances.variant.to_string(),
            pair.bought.name(study.question).to_string(),
            pair.fargate.variant.kind.name().to_string(),
            pair.fargate_bought.name(study.question).to_string(),
            number(pair.usd),
            half(pair.usd),
            number(pair.fargate_usd),
            half(pair.fargate_usd),
            number(pair.packed_percent),
            number(pair.level_percent),
            half(pair.level_percent),
        ]);
    }
    table.into_bytes()
}

/// `breakeven_crossings.csv`.
pub const BREAKEVEN_CROSSINGS: TableSpec = TableSpec {
    file: "breakeven_crossings.csv",
    row: "kind of capacity and load at which it becomes cheaper than Fargate, or dearer; of `ecsim breakeven`",
    columns: &[
        column("on", "text", "–", "kind of capacity"),
        column(
            "tasks_may_wait",
            "boolean",
            "–",
            "whether any of its variants counts, or only those where tasks start as soon as on Fargate",
        ),
        column(
            "cheaper_above",
            "boolean",
            "–",
            "whether it is cheaper than Fargate above this load",
        ),
        column(
            "load",
            "decimal",
            "–",
            "factor on the load at which both cost the same: the logarithm of the ratio of the bills is a straight line over \
             that of the load between two loads of the study",
        ),
        column(
            "load_low",
            "decimal",
            "–",
            "least load around it at which the 95 % interval over the seeds has both; empty beyond the loads of the study, or \
             without spread",
        ),
        column("load_high", "decimal", "–", "greatest such load"),
    ],
};

/// The crossings of every kind with Fargate: at equal service, and where tasks may wait.
pub fn all_crossings(study: &Study<'_>) -> impl Iterator<Item = (bool, Crossing)> {
    let kinds = study.question.kinds.iter().filter(|kind| **kind != Kind::Fargate);
    let ways = kinds.flat_map(|&kind| [(kind, false), (kind, true)]);
    ways.flat_map(|(kind, may_wait)| {
        let found = crossings(study.cells, &study.question.loads, kind, !may_wait).into_iter();
        found.map(move |one| (may_wait, one))
    })
}

/// `breakeven_crossings.csv`.
#[must_use]
pub fn crossings_to_csv(study: &Study<'_>) -> Vec<u8> {
    let mut table = TableWriter::new(BREAKEVEN_CROSSINGS);
    for (may_wait, one) in all_crossings(study) {
        let end = |end: Option<f64>| end.map_or(String::new(), |load| format!("{load:.6}"));
        table.row(&[
            one.kind.name().to_string(),
            may_wait.to_string(),
            one.wins_above.to_string(),
            format!("{:.6}", one.load),
            end(one.interval.and_then(|interval| interval.low)),
            end(one.interval.and_then(|interval| interval.high)),
        ]);
    }
    table.into_bytes()
}
