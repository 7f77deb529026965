//! A finished run as series of values, and what is said of each: warm-up, long-run mean, interval.

use crate::experiment::statistics::Confidence;
use crate::experiment::statistics::steady::{BatchMeans, FEWEST, warm_up};
use crate::report::manifest::{Manifest, SCHEMA};
use crate::report::{human, summary};
use comfy_table::{Cell, CellAlignment};
use std::collections::BTreeMap;
use std::path::Path;

/// Values of a run in order, with the instants at which they were.
#[derive(Clone, PartialEq, Debug)]
pub struct Series {
    /// Whom it is about and the column: `total.running`, `service.web.cpu_utilization_percent`, `tasks.wait_s`.
    pub name: String,
    /// Values.
    pub values: Vec<f64>,
    /// Seconds.
    pub times: Vec<f64>,
}

/// What is said of a series.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Values.
    pub count: usize,
    /// Mean of all values, warm-up included.
    pub mean: f64,
    /// Values of the warm-up, and when it ends, seconds; `None`: it has not settled.
    pub warm_up: Option<(usize, f64)>,
    /// The mean after the warm-up; `None` where too little is left.
    pub after: Option<BatchMeans>,
}

/// Tables of samples, and the column that says whom a row is about.
const SAMPLED: [(&str, &str); 2] =
    [("timeseries.csv", "capacity_provider"), ("services.csv", "service")];

/// The series of a finished run's folder.
///
/// # Errors
/// A message that says why the folder is none of `run`'s, was changed since, or cannot be read.
pub fn read(folder: &Path) -> Result<Vec<Series>, String> {
    let shown = folder.display();
    let manifest = Manifest::read(folder)
        .map_err(|why| format!("`{shown}` is no output folder of `ecsim run`: {why}"))?;
    let changed = Manifest::verify(folder)?;
    let wanted = |file: &str| manifest.files.contains_key(file);
    let mut all = Vec::new();
    for file in ["tasks.csv", SAMPLED[0].0, SAMPLED[1].0].into_iter().filter(|file| wanted(file)) {
        let path = folder.join(file);
        if changed.iter().any(|name| name == file) {
            return Err(format!(
                "`{}` was changed or removed since `ecsim run` wrote it",
                path.display()
            ));
        }
        let read = match file {
            "tasks.csv" => read_tasks(&path),
            _ => {
                read_samples(&path, if file == SAMPLED[0].0 { SAMPLED[0].1 } else { SAMPLED[1].1 })
            }
        };
        all.extend(read.map_err(|why| format!("cannot read `{}`: {why}", path.display()))?);
    }
    if all.is_empty() {
        return Err(format!(
            "`{shown}` holds no `tasks.csv`, `timeseries.csv` or `services.csv`: the run had them off, or was of several seeds"
        ));
    }
    Ok(all)
}

fn place(header: &csv::StringRecord, column: &str) -> Result<usize, String> {
    let found = header.iter().position(|name| name == column);
    found.ok_or_else(|| format!("it has no column `{column}`"))
}

/// Waits of tasks in order of arrival: until placed, and until RUNNING.
fn read_tasks(path: &Path) -> Result<Vec<Series>, String> {
    let mut reader = csv::Reader::from_path(path).map_err(|error| error.to_string())?;
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let [id, accepted, placed, started] =
        ["task_id", "accepted_s", "placed_s", "started_s"].map(|column| place(&header, column));
    let (id, accepted, placed, started) = (id?, accepted?, placed?, started?);
    // By number: rows are in order of stopping.
    let mut rows: Vec<(u64, f64, [Option<f64>; 2])> = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| error.to_string())?;
        let number = |at: usize| row.get(at).and_then(|cell| cell.parse::<f64>().ok());
        let task = row.get(id).and_then(|cell| cell.parse().ok());
        if let (Some(task), Some(from)) = (task, number(accepted)) {
            let since = |at: usize| number(at).map(|instant| instant - from);
            rows.push((task, from, [since(placed), since(started)]));
        }
    }
    rows.sort_by_key(|row| row.0);
    let series = |name: &str, which: usize| {
        let known = rows.iter().filter_map(|(_, at, waits)| Some((*at, waits[which]?)));
        let (times, values) = known.unzip();
        Series { name: name.into(), values, times }
    };
    Ok(vec![series("tasks.wait_s", 0), series("tasks.start_s", 1)])
}

/// Columns of numbers of a table of samples, for each whom a row is about.
fn read_samples(path: &Path, who: &str) -> Result<Vec<Series>, String> {
    let mut reader = csv::Reader::from_path(path).map_err(|error| error.to_string())?;
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let (time, who_at) = (place(&header, "time_s")?, place(&header, who)?);
    let prefix = if who == "service" { "service." } else { "" };
    let mut places: BTreeMap<(String, usize), usize> = BTreeMap::new();
    let mut all: Vec<Series> = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| error.to_string())?;
        let cell = |at: usize| row.get(at).unwrap_or_default();
        let Ok(at) = cell(time).parse::<f64>() else { continue };
        for column in (0..header.len()).filter(|column| *column != time && *column != who_at) {
            let Ok(value) = cell(column).parse::<f64>() else { continue };
            let index = *places.entry((cell(who_at).to_string(), column)).or_insert_with(|| {
                let name = format!("{prefix}{}.{}", cell(who_at), &header[column]);
                all.push(Series { name, values: Vec::new(), times: Vec::new() });
                all.len() - 1
            });
            all[index].values.push(value);
            all[index].times.push(at);
        }
    }
    Ok(all)
}

/// What is said of a series; `batch`: seconds of each batch, where somebody says so. `None` without values.
#[must_use]
pub fn look(series: &Series, batch: Option<f64>, confidence: Confidence) -> Option<Line> {
    let (values, times) = (&series.values, &series.times);
    let (first, last) = (times.first()?, times.last()?);
    let count = values.len();
    let usual = (last - first) / (count.max(2) - 1) as f64;
    let length = batch.map(|batch| (batch / usual).round().max(1.0) as usize);
    let warm_up = warm_up(values);
    let after = warm_up.and_then(|cut| BatchMeans::of(&values[cut..], length, confidence));
    Some(Line {
        name: series.name.clone(),
        count,
        mean: values.iter().sum::<f64>() / count as f64,
        warm_up: warm_up.map(|cut| (cut, times.get(cut).copied().unwrap_or(*last))),
        after,
    })
}

impl Line {
    /// What a reader should make of it.
    #[must_use]
    pub fn verdict(&self) -> String {
        match (&self.warm_up, &self.after) {
            (None, _) => "has not settled: a longer run".into(),
            (Some(_), None) => format!("fewer than {FEWEST} batches: a longer run"),
            (Some(_), Some(after)) if after.half_width.is_none() => "constant".into(),
            (Some(_), Some(after)) if after.is_too_short() => {
                "batches depend on each other: longer batches, a longer run".into()
            }
            _ => "steady".into(),
        }
    }
}

/// The table for people. Ends with a newline.
#[must_use]
pub fn to_text(lines: &[Line], confidence: Confidence, style: summary::Style) -> String {
    let mut table = summary::plain_table(style);
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    let titles = ["", "mean", "warm-up until", "mean after it", "batches", "correlation", ""];
    table.add_row(titles.map(|text| summary::heading(text, style)).to_vec());
    let number =
        |value: f64| format!("{value:.6}").trim_end_matches('0').trim_end_matches('.').to_string();
    for line in lines {
        let after = line.after.as_ref();
        let mean = after.map(|after| match after.half_width {
            Some(half) => format!("{} ± {}", number(after.mean), number(half)),
            None => number(after.mean),
        });
        let until = line
            .warm_up
            .map(|(_, until)| human::span(crate::base::time::SimSpan((until * 1e6) as u64)));
        let correlation = after.and_then(|after| after.correlation);
        table.add_row(vec![
            Cell::new(&line.name),
            right(number(line.mean)),
            right(until.unwrap_or_default()),
            right(mean.unwrap_or_default()),
            right(after.map_or_else(String::new, |after| {
                format!("{} of {}", after.batches, after.length)
            })),
            right(correlation.map_or_else(String::new, |found| format!("{found:.2}"))),
            Cell::new(line.verdict()),
        ]);
    }
    let told = format!(
        "\nWarm-up by MSER-5; ± is half of a {confidence} interval of batch means. \
         Samples weigh alike, however many requests are in them. What is not steady has no interval to trust.\n"
    );
    summary::lines(&table) + &told
}

/// The same as one JSON document.
#[must_use]
pub fn to_json(lines: &[Line], confidence: Confidence) -> String {
    let series: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| {
            let after = line.after.as_ref();
            serde_json::json!({
                "name": line.name,
                "values": line.count,
                "mean": line.mean,
                "warm_up_values": line.warm_up.map(|(cut, _)| cut),
                "warm_up_until_s": line.warm_up.map(|(_, until)| until),
                "mean_after": after.map(|after| after.mean),
                "half_width": after.and_then(|after| after.half_width),
                "batches": after.map(|after| after.batches),
                "batch_values": after.map(|after| after.length),
                "batch_correlation": after.and_then(|after| after.correlation),
                "verdict": line.verdict(),
            })
        })
        .collect();
    format!(
        "{}\n",
        serde_json::json!({ "schema": SCHEMA, "confidence": confidence.share(), "series": series })
    )
}
