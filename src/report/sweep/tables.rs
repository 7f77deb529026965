//! `sweep.csv` and `sweep_means.csv`, from the files of the cells.
//!
//! Their first columns are the axes of the sweep, so that they are declared here and not as a
//! [`TableSpec`](crate::metrics::table::TableSpec).

use super::folder::read_cell;
use super::record::{Record, Status};
use crate::base::digest::Digest;
use crate::base::spreadsheet::free_text;
use crate::experiment::compare::metrics::select_of;
use crate::experiment::statistics::{Confidence, Exact};
use crate::experiment::sweep::{Chosen, Plan, Results};
use crate::report::compare::number;
use std::collections::BTreeSet;
use std::path::Path;

/// Columns of `sweep.csv` between the axes and the metrics.
const FIXED: [&str; 6] = ["seed", "cell", "status", "error", "expectations_hold", "event_digest"];
/// Columns of `sweep_means.csv` after the axes.
const MEANS: [&str; 5] = ["metric", "unit", "replications", "mean", "half_width"];
/// What is shown where nobody says what, as far as it differs.
const USUAL: [&str; 4] =
    ["total_usd", "wait_s_p95", "requests_dropped_percent", "packing_efficiency_percent"];

/// A cell that could not be run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// Its number in the plan.
    pub cell: usize,
    /// How it ended.
    pub status: Status,
    /// Why.
    pub error: String,
}

/// All cells, read again from their files.
pub struct Gathered {
    /// The chosen metrics.
    pub results: Results,
    /// `sweep.csv`.
    pub table: Vec<u8>,
    /// Cells that could not be run.
    pub troubles: Vec<Trouble>,
    /// Cells in which an `[[expect]]` of the scenario failed.
    pub not_kept: usize,
    /// Digest of the events of every cell in order.
    pub event_digest: u64,
}

/// A metric of any cell, and whether some cell defines it.
struct Known {
    name: String,
    unit: String,
    is_defined: bool,
}

/// Reads every cell of `plan` from `folder`. `patterns` name the metrics to show, those of the plan where there are none.
///
/// # Errors
/// A message for a metric that there is not, or for a cell that is not there any more.
pub fn gather(
    folder: &Path,
    plan: &Plan,
    patterns: &[String],
    confidence: Confidence,
) -> Result<Gathered, String> {
    let ids = plan.ids();
    let read = |id: &String| -> Result<Record, String> {
        let found = read_cell(folder, id).map_err(|why| format!("the cell {id}: {why}"))?;
        found.ok_or_else(|| format!("the cell {id} is not there any more"))
    };
    let mut known: Vec<Known> = Vec::new();
    for id in &ids {
        learn(&mut known, &read(id)?);
    }
    let chosen = chosen(&known, if patterns.is_empty() { &plan.metrics } else { patterns })?;
    let values = vec![Vec::with_capacity(ids.len()); chosen.len()];
    let mut gathered = Gathered {
        results: Results { metrics: chosen, values, confidence },
        table: Vec::new(),
        troubles: Vec::new(),
        not_kept: 0,
        event_digest: 0,
    };
    let mut events = Digest::default();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let taken: BTreeSet<&str> = known.iter().map(|of| of.name.as_str()).chain(FIXED).collect();
    let mut header = axis_columns(plan, &taken);
    header.extend(FIXED.map(String::from));
    header.extend(known.iter().map(|of| of.name.clone()));
    write(&mut writer, &header);
    let cells = plan.cells();
    for (number, id) in ids.iter().enumerate() {
        let record = read(id)?;
        write(&mut writer, &row(plan, cells[number].settings, &record, &known));
        for (of, values) in gathered.results.metrics.iter().zip(&mut gathered.results.values) {
            values.push(record.value(&of.name).and_then(Exact::parse));
        }
        record.event_digest.bytes().for_each(|byte| events.add(u64::from(byte)));
        gathered.not_kept += usize::from(record.expectations_hold == Some(false));
        if record.status != Status::Done {
            let (status, error) = (record.status, record.error);
            gathered.troubles.push(Trouble { cell: number, status, error });
        }
    }
    gathered.table = writer.into_inner().expect("flushing to memory cannot fail");
    gathered.event_digest = events.value();
    if patterns.is_empty() && plan.metrics.is_empty() {
        keep_what_differs(&mut gathered.results);
    }
    Ok(gathered)
}

/// Adds the metrics of a cell; those that only some cells have stand behind the one that they follow.
fn learn(known: &mut Vec<Known>, record: &Record) {
    let mut at = 0;
    for (name, unit, value) in &record.metrics {
        let found = match known.get(at) {
            Some(next) if next.name == *name => Some(at),
            _ => known.iter().position(|of| of.name == *name),
        };
        let index = found.unwrap_or_else(|| {
            let new = Known { name: name.clone(), unit: unit.clone(), is_defined: false };
            known.insert(at, new);
            at
        });
        known[index].is_defined |= value.is_some();
        at = index + 1;
    }
}

fn chosen(known: &[Known], patterns: &[String]) -> Result<Vec<Chosen>, String> {
    let names: Vec<&str> = known.iter().map(|of| of.name.as_str()).collect();
    let is_defined = |name: &str| known.iter().any(|of| of.name == name && of.is_defined);
    let found = match patterns {
        // Where every cell failed there are no metrics.
        [] => USUAL.iter().filter(|name| is_defined(name)).map(|name| (*name).into()).collect(),
        _ if names.is_empty() => Vec::new(),
        patterns => select_of(&names, is_defined, patterns)?,
    };
    let unit = |name: &str| known.iter().find(|of| of.name == name).map(|of| of.unit.clone());
    let of = |name: String| Chosen { unit: unit(&name).unwrap_or_default(), name };
    Ok(found.into_iter().map(of).collect())
}

/// Leaves out what is the same in every cell, but not all.
fn keep_what_differs(results: &mut Results) {
    let differs: Vec<bool> =
        (0..results.metrics.len()).map(|metric| results.differs(metric)).collect();
    let is_kept = |index: usize| differs[index] || (index == 0 && !differs.contains(&true));
    let mut index = 0;
    results.metrics.retain(|_| {
        index += 1;
        is_kept(index - 1)
    });
    index = 0;
    results.values.retain(|_| {
        index += 1;
        is_kept(index - 1)
    });
}

/// The columns of the axes; one that is called as another column gets a prefix.
fn axis_columns(plan: &Plan, taken: &BTreeSet<&str>) -> Vec<String> {
    let column = |name: &String| match taken.contains(name.as_str()) {
        true => format!("axis.{name}"),
        false => name.clone(),
    };
    plan.axes.iter().map(|axis| column(&axis.name)).collect()
}

/// A label as a cell of a table: numbers as they are.
fn cell(label: &str) -> String {
    match Exact::parse(label) {
        Some(_) => label.to_string(),
        None => free_text(label).into_owned(),
    }
}

fn row(plan: &Plan, settings: usize, record: &Record, known: &[Known]) -> Vec<String> {
    let mut row: Vec<String> = plan.labels(settings).into_iter().map(cell).collect();
    row.push(record.seed.to_string());
    row.push(record.id.clone());
    row.push(record.status.name().to_string());
    row.push(free_text(&record.error).into_owned());
    row.push(record.expectations_hold.map_or_else(String::new, |holds| holds.to_string()));
    row.push(record.event_digest.clone());
    // Nearly always both are in one order; where they are not, the name is looked for.
    for (index, of) in known.iter().enumerate() {
        let here = record.metrics.get(index).filter(|metric| metric.0 == of.name);
        let value = match here {
            Some(metric) => metric.2.as_deref(),
            None => record.value(&of.name),
        };
        row.push(value.unwrap_or_default().to_string());
    }
    row
}

fn write(writer: &mut csv::Writer<Vec<u8>>, row: &[String]) {
    writer.write_record(row).expect("memory takes every row of the right length");
}

/// `sweep_means.csv`.
#[must_use]
pub fn means_to_csv(plan: &Plan, results: &Results) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header = axis_columns(plan, &MEANS.into_iter().collect());
    header.extend(MEANS.map(String::from));
    write(&mut writer, &header);
    for settings in 0..plan.settings.len() {
        for (index, metric) in results.metrics.iter().enumerate() {
            let mean = results.mean(plan, index, settings);
            let mut row: Vec<String> = plan.labels(settings).into_iter().map(cell).collect();
            row.extend([metric.name.clone(), metric.unit.clone()]);
            row.push(mean.map_or(0, |mean| mean.count).to_string());
            row.push(number(mean.map(|mean| mean.mean)));
            row.push(number(mean.and_then(|mean| mean.half_width)));
            write(&mut writer, &row);
        }
    }
    writer.into_inner().expect("flushing to memory cannot fail")
}
