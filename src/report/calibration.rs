//! A finished run hour by hour beside what was measured, or beside another run: errors of each series, as tables.

use crate::experiment::statistics::calibration::Errors;
use crate::metrics::table::{ColumnSpec, TableSpec, column};
use crate::report::csv::TableWriter;
use crate::report::manifest::SCHEMA;
use crate::report::series::Series;
use crate::report::summary;
use comfy_table::{Cell, CellAlignment};
use std::collections::BTreeMap;

/// Seconds in an hour.
const HOUR_S: f64 = 3_600.0;

const COLUMNS: &[ColumnSpec] = &[
    column("run", "text", "–", "the run that is held against the base"),
    column(
        "series",
        "text",
        "–",
        "whom it is about, and the column of `timeseries.csv` or `services.csv`",
    ),
    column("hours", "integer", "hours", "hours that both have"),
    column("measured_mean", "decimal", "the series' own", "mean of the base over these"),
    column("simulated_mean", "decimal", "the series' own", "mean of the run"),
    column(
        "bias_percent",
        "decimal",
        "%",
        "how much more the run has in all; empty where the base has nothing",
    ),
    column(
        "mape_percent",
        "decimal",
        "%",
        "mean absolute percentage error; hours in which the base has 0 are left out",
    ),
    column("hours_left_out", "integer", "hours", "these"),
    column("wape_percent", "decimal", "%", "sum of absolute errors by the sum of the base"),
    column("rmse", "decimal", "the series' own", "root of the mean squared error"),
    column(
        "within_10_percent",
        "decimal",
        "%",
        "share of hours in which the run is off by at most a tenth",
    ),
];

/// `calibration.csv`.
pub const CALIBRATION: TableSpec = TableSpec {
    file: "calibration.csv",
    row: "run and series that was held against the base",
    columns: COLUMNS,
};

/// A series of a run against the base's.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// The run.
    pub run: String,
    /// The series.
    pub series: String,
    /// How far off; `None` where the two have no hour in common.
    pub errors: Option<Errors>,
}

/// Means by the hour: an hour's samples weigh alike.
fn hours(of: &Series) -> BTreeMap<i64, f64> {
    let mut sums: BTreeMap<i64, (f64, u32)> = BTreeMap::new();
    for (at, value) in of.times.iter().zip(&of.values) {
        let of_hour = sums.entry((at / HOUR_S).floor() as i64).or_default();
        of_hour.0 += value;
        of_hour.1 += 1;
    }
    sums.into_iter().map(|(hour, (sum, count))| (hour, sum / f64::from(count))).collect()
}

/// The line of one series.
#[must_use]
pub fn line(run: &str, measured: &Series, simulated: &Series) -> Line {
    let (base, other) = (hours(measured), hours(simulated));
    let pairs: Vec<(f64, f64)> =
        base.iter().filter_map(|(hour, value)| Some((*value, *other.get(hour)?))).collect();
    Line { run: run.into(), series: measured.name.clone(), errors: Errors::of(&pairs) }
}

fn percent(part: Option<f64>, digits: usize) -> String {
    part.map_or_else(String::new, |part| format!("{:.digits$}", part * 100.0))
}

/// A number with as many digits as people need.
fn short(value: f64) -> String {
    let digits = if value.abs() >= 100.0 { 1 } else { 3 };
    format!("{value:.digits$}")
}

const TITLES: [&str; 8] =
    ["", "hours", "measured", "simulated", "bias", "MAPE", "WAPE", "within 10 %"];

fn cells(line: &Line) -> [String; 8] {
    let name = line.series.clone();
    let Some(of) = &line.errors else {
        let nothing = || String::new();
        let first = [name, "0".into()];
        let [name, zero] = first;
        return [name, zero, nothing(), nothing(), nothing(), nothing(), nothing(), nothing()];
    };
    // No minus before a zero.
    let with_sign = of.bias.map(|bias| (bias * 1_000.0).round() / 10.0 + 0.0);
    let with_sign = with_sign.map_or_else(String::new, |bias| format!("{bias:+.1} %"));
    let unit = |text: String| if text.is_empty() { text } else { text + " %" };
    [
        name,
        of.hours.to_string(),
        short(of.measured),
        short(of.simulated),
        with_sign,
        unit(percent(of.mape, 1)),
        unit(percent(of.wape, 1)),
        unit(percent(Some(of.within), 1)),
    ]
}

const MEANING: &str = "Means by the hour, over the hours that both have. MAPE leaves hours out in which nothing was measured; WAPE is all \
                       errors by all that was measured.";

/// The table for people. Ends with a newline.
#[must_use]
pub fn to_text(lines: &[Line], style: summary::Style) -> String {
    let mut table = summary::plain_table(style);
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    table.add_row(TITLES.map(|text| summary::heading(text, style)).to_vec());
    let mut run = "";
    for line in lines {
        if run != line.run && lines.iter().any(|other| other.run != lines[0].run) {
            table.add_row(vec![summary::heading(&line.run, style)]);
        }
        run = &line.run;
        let [name, rest @ ..] = cells(line);
        let name = Cell::new(crate::base::text::visible(&name));
        table.add_row(std::iter::once(name).chain(rest.map(right)).collect::<Vec<_>>());
    }
    format!("{}\n{MEANING}\n", summary::lines(&table))
}

/// The same in Markdown.
#[must_use]
pub fn to_markdown(lines: &[Line]) -> String {
    let mut text = format!("| run | series | {} |\n", TITLES[1..].join(" | "));
    text += "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for line in lines {
        let escaped =
            |cell: &str| crate::base::text::visible(cell).replace('|', "\\|").replace('_', "\\_");
        let row: Vec<String> = cells(line).iter().map(|cell| escaped(cell)).collect();
        text += &format!("| {} | {} |\n", escaped(&line.run), row.join(" | "));
    }
    format!("{text}\n{MEANING}\n")
}

/// The same as one JSON document.
#[must_use]
pub fn to_json(lines: &[Line]) -> String {
    let series: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| {
            let of = line.errors.as_ref();
            serde_json::json!({
                "run": line.run,
                "series": line.series,
                "hours": of.map_or(0, |of| of.hours),
                "measured_mean": of.map(|of| of.measured),
                "simulated_mean": of.map(|of| of.simulated),
                "bias": of.and_then(|of| of.bias),
                "mape": of.and_then(|of| of.mape),
                "hours_left_out": of.map_or(0, |of| of.without),
                "wape": of.and_then(|of| of.wape),
                "rmse": of.map(|of| of.rmse),
                "within_10_percent": of.map(|of| of.within),
            })
        })
        .collect();
    format!("{}\n", serde_json::json!({ "schema": SCHEMA, "series": series }))
}

/// `calibration.csv`.
#[must_use]
pub fn to_csv(lines: &[Line]) -> Vec<u8> {
    let mut table = TableWriter::new(CALIBRATION);
    let number = |value: f64| format!("{value:.6}");
    for line in lines {
        let of = line.errors.as_ref();
        let text = |value: Option<f64>| value.map_or_else(String::new, number);
        let count = |value: Option<usize>| value.unwrap_or(0).to_string();
        table.row(&[
            crate::base::spreadsheet::free_text(&line.run).into_owned(),
            crate::base::spreadsheet::free_text(&line.series).into_owned(),
            count(of.map(|of| of.hours)),
            text(of.map(|of| of.measured)),
            text(of.map(|of| of.simulated)),
            percent(of.and_then(|of| of.bias), 6),
            percent(of.and_then(|of| of.mape), 6),
            count(of.map(|of| of.without)),
            percent(of.and_then(|of| of.wape), 6),
            text(of.map(|of| of.rmse)),
            percent(of.map(|of| of.within), 6),
        ]);
    }
    table.into_bytes()
}
