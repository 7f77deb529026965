//! The tables of the bill: line by line, by the hour, and what commitments came to.

use super::csv::TableWriter;
use crate::base::calendar;
use crate::base::money::NanoUsd;
use crate::base::spreadsheet::free_text;
use crate::base::time::{MICROS_PER_SECOND, SimTime};
use crate::metrics::table::{ColumnSpec, TableSpec, column};
use crate::pricing::terms::PERCENT_PARTS;
use crate::pricing::{CommitmentReport, Line};
use crate::sim::RunResult;
use crate::sim::outputs::UTC;
use std::collections::BTreeMap;

const COST_COLUMNS: &[ColumnSpec] = &[
    column(
        "capacity_provider",
        "text",
        "–",
        "capacity provider; empty for what of a commitment nobody used, and for what belongs to none",
    ),
    column(
        "service",
        "text",
        "–",
        "service; empty for tasks of RunTask and StartTask, where idle, and for what instances cost beside compute",
    ),
    column(
        "use",
        "text",
        "–",
        "tasks, or idle: instance time that no task was promised, CPU to memory-GB weighed 9 to 1, and what of commitments \
         nobody used",
    ),
    column("category", "text", "–", "what the line charges for"),
    column(
        "item",
        "text",
        "–",
        "instance type, Fargate platform, name of a Savings Plan, or what of its category",
    ),
    column(
        "quantity",
        "decimal",
        "see `unit`",
        "usage as AWS meters it; exact in sum over services",
    ),
    column("unit", "text", "–", "unit of the quantity"),
    column(
        "usd_per_hour",
        "decimal",
        "USD/h",
        "price of one unit for one hour; under a commitment what it comes to. Of volumes and alarms for a month of 730 hours, \
         of traffic for a GB (2³⁰ bytes)",
    ),
    column(
        "usd",
        "decimal",
        "USD",
        "quantity × price, in sum over services rounded once, half to even; less the private discount of `[invoice]`",
    ),
];

/// `cost.csv`.
pub const COST: TableSpec = TableSpec {
    file: "cost.csv",
    row: "line of the bill; the lines sum to `total_usd` exactly",
    columns: COST_COLUMNS,
};

const COST_HOURLY_COLUMNS: &[ColumnSpec] = &[
    column("hour_s", "decimal", "s", "when the clock hour began, or the run within it"),
    column("capacity_provider", "text", "–", "as in `cost.csv`"),
    column("service", "text", "–", "as in `cost.csv`"),
    column("use", "text", "–", "as in `cost.csv`"),
    column("category", "text", "–", "as in `cost.csv`"),
    column(
        "usd",
        "decimal",
        "USD",
        "what was used in this hour; in sum over the hours that of `cost.csv`, exactly",
    ),
    UTC,
];

/// `cost_hourly.csv`.
pub const COST_HOURLY: TableSpec = TableSpec {
    file: "cost_hourly.csv",
    row: "clock hour, provider, service, use and category that cost anything",
    columns: COST_HOURLY_COLUMNS,
};

const COMMITMENT_COLUMNS: &[ColumnSpec] = &[
    column("commitment", "text", "–", "its name"),
    column(
        "kind",
        "text",
        "–",
        "Reserved Instances or Savings Plan, and of which kind; or capacity reservation, and of which kind, at the price of its slots",
    ),
    column("item", "text", "–", "instance type or family; empty for all"),
    column("committed_usd", "decimal", "USD", "what it cost, used or not"),
    column("used_usd", "decimal", "USD", "what of that was used"),
    column("utilization_percent", "decimal", "%", "used of committed; empty where that is nothing"),
    column("list_usd", "decimal", "USD", "what the covered usage would have cost without it"),
    column("saved_usd", "decimal", "USD", "`list_usd` less `committed_usd`"),
];

/// `commitments.csv`.
pub const COMMITMENTS: TableSpec = TableSpec {
    file: "commitments.csv",
    row: "Reserved Instances, Savings Plan or capacity reservation, in the order in which they are used; only where there is one",
    columns: COMMITMENT_COLUMNS,
};

const INVOICE_COLUMNS: &[ColumnSpec] = &[
    column("category", "text", "–", "as in `cost.csv`"),
    column("undiscounted_usd", "decimal", "USD", "what it costs without a private discount"),
    column("discount_percent", "decimal", "%", "its private discount"),
    column("discount_usd", "decimal", "USD", "what that is; rounded once, half to even"),
    column("usd", "decimal", "USD", "what is left: its lines of `cost.csv`"),
    column(
        "invoiced",
        "decimal",
        "see `currency`",
        "`usd` in the currency; rounded once to nine decimals, half to even",
    ),
    column("currency", "text", "–", "what is paid in"),
];

/// `invoice.csv`.
pub const INVOICE: TableSpec = TableSpec {
    file: "invoice.csv",
    row: "category of the bill, with `[invoice]`",
    columns: INVOICE_COLUMNS,
};

/// `cost.csv` of a finished run.
#[must_use]
pub fn cost(result: &RunResult) -> Vec<u8> {
    let mut table = TableWriter::new(COST);
    for line in &result.invoice.lines {
        let provider = line.provider.map_or("", |id| &result.providers[id].name);
        table.row(&cost_row(line, provider));
    }
    table.into_bytes()
}

fn cost_row(line: &Line, provider: &str) -> [String; 9] {
    [
        provider.to_string(),
        free_text(&line.service).into_owned(),
        use_of(line.is_idle).to_string(),
        line.category.name().to_string(),
        line.item.clone(),
        line.quantity(),
        line.category.unit().to_string(),
        line.rate.to_string(),
        line.usd.to_string(),
    ]
}

fn use_of(is_idle: bool) -> &'static str {
    if is_idle { "idle" } else { "tasks" }
}

/// `cost_hourly.csv` of a finished run; nothing where the bill was not kept by the hour. `epoch` is time zero on the
/// calendar, where the scenario gives it.
#[must_use]
pub fn cost_hourly(result: &RunResult, epoch: Option<i64>) -> Option<Vec<u8>> {
    let by_hour = result.by_hour.as_ref()?;
    // Several lines of one hour, such as of two instance types, are one row.
    let mut groups: BTreeMap<(&str, &str, bool, &str), Vec<NanoUsd>> = BTreeMap::new();
    for (line, hours) in result.invoice.lines.iter().zip(&by_hour.lines) {
        let provider = line.provider.map_or("", |id| result.providers[id].name.as_str());
        let key = (provider, line.service.as_str(), line.is_idle, line.category.name());
        let sums = groups.entry(key).or_insert_with(|| vec![NanoUsd::ZERO; hours.len()]);
        sums.iter_mut().zip(hours).for_each(|(sum, usd)| *sum += *usd);
    }
    let mut table = TableWriter::new(COST_HOURLY);
    for (hour, &begin) in by_hour.begins.iter().enumerate() {
        for ((provider, service, is_idle, category), hours) in &groups {
            if hours[hour] != NanoUsd::ZERO {
                table.row(&[
                    begin.to_string(),
                    (*provider).to_string(),
                    free_text(service).into_owned(),
                    use_of(*is_idle).to_string(),
                    (*category).to_string(),
                    hours[hour].to_string(),
                    utc(epoch, begin),
                ]);
            }
        }
    }
    Some(table.into_bytes())
}

fn utc(epoch: Option<i64>, at: SimTime) -> String {
    let mut text = Vec::new();
    if let Some(epoch) = epoch {
        calendar::write_utc(&mut text, epoch.saturating_add_unsigned(at.0 / MICROS_PER_SECOND));
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// `invoice.csv` of a finished run; nothing without `[invoice]`.
#[must_use]
pub fn invoice(result: &RunResult) -> Option<Vec<u8>> {
    let of = result.invoiced.as_ref()?;
    let mut table = TableWriter::new(INVOICE);
    let code = of.currency.map_or("USD", |of| of.code);
    for row in &of.rows {
        let (whole, rest) = (row.parts / PERCENT_PARTS, row.parts % PERCENT_PARTS);
        let percent = format!("{whole}.{rest:06}");
        table.row(&[
            row.category.name().to_string(),
            row.public.to_string(),
            percent.trim_end_matches('0').trim_end_matches('.').to_string(),
            row.off.to_string(),
            row.usd().to_string(),
            NanoUsd(row.nanos).to_string(),
            code.to_string(),
        ]);
    }
    Some(table.into_bytes())
}

/// `commitments.csv` of a finished run; nothing without commitments.
#[must_use]
pub fn commitments(result: &RunResult) -> Option<Vec<u8>> {
    let settlement = result.settlement.as_ref()?;
    let all: Vec<_> = settlement.reports.iter().chain(&settlement.reservations).collect();
    if all.is_empty() {
        return None;
    }
    let mut table = TableWriter::new(COMMITMENTS);
    all.into_iter().for_each(|report| table.row(&commitment_row(report)));
    Some(table.into_bytes())
}

fn commitment_row(report: &CommitmentReport) -> [String; 8] {
    let share = || format!("{:.4}", 100.0 * report.used.to_f64() / report.committed.to_f64());
    let is_something = report.committed != NanoUsd::ZERO;
    [
        report.name.clone(),
        report.kind.to_string(),
        report.item.clone(),
        report.committed.to_string(),
        report.used.to_string(),
        if is_something { share() } else { String::new() },
        report.list.to_string(),
        report.saved().to_string(),
    ]
}
