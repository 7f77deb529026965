//! What is said of the series of a finished run: warm-up, long-run mean, interval.

use crate::experiment::statistics::Confidence;
use crate::experiment::statistics::steady::{BatchMeans, FEWEST, warm_up};
use crate::report::manifest::SCHEMA;
use crate::report::series::Series;
use crate::report::{human, summary};
use comfy_table::{Cell, CellAlignment};

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
