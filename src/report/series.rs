//! A finished run, or what was measured, as series of values.

use crate::report::manifest::Manifest;
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

/// When a finished run begins on the calendar, seconds since 1970; `None` where it has none.
#[must_use]
pub fn start_of(folder: &Path) -> Option<f64> {
    SAMPLED.iter().find_map(|(file, _)| {
        let mut reader = csv::Reader::from_path(folder.join(file)).ok()?;
        let header = reader.headers().ok()?.clone();
        let (time, utc) = (place(&header, "time_s").ok()?, place(&header, "utc").ok()?);
        let row = reader.records().next()?.ok()?;
        let at: jiff::Timestamp = row.get(utc)?.parse().ok()?;
        Some(at.as_second() as f64 - row.get(time)?.parse::<f64>().ok()?)
    })
}
