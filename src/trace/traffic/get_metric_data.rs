//! JSON of `aws cloudwatch get-metric-data`: sums of one metric, newest or oldest first.
//!
//! `MetricDataResults[]` holds series with an `Id` and two lists, `Timestamps` (text with an offset, or seconds
//! since 1970 as the first CLI wrote them) and `Values`. Pages that were joined give several entries of one `Id`,
//! which are put together. The file is held in memory; an answer of CloudWatch has at most 100,800 points.

use super::super::limits::{TOO_LATE_HELP, UNIX_TO, check_gap};
use super::super::lines::{Bytes, read_start};
use super::super::problem::{problem, problem_at, shown};
use super::super::stream::{AFTER_END, count, count_more};
use super::points::{Point, Points, SAME_INSTANT_HELP, calendar, check_rows};
use super::span::MAX_REQUESTS;
use crate::base::decimal::{self, DecimalError};
use crate::base::suggest;
use crate::base::time::{LATEST, SimSpan};
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::traffic::{MICRO, RateTrace};
use crate::model::workload::OnRowError;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Largest file, bytes.
const MAX_BYTES: u64 = 1 << 28;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, rename = "MetricDataResults")]
    results: Vec<Series<'a>>,
    #[serde(rename = "NextToken")]
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct Series<'a> {
    #[serde(rename = "Id")]
    id: String,
    #[serde(rename = "Label")]
    label: Option<String>,
    #[serde(borrow, rename = "Timestamps")]
    timestamps: Vec<&'a RawValue>,
    #[serde(borrow, rename = "Values")]
    values: Vec<&'a RawValue>,
    #[serde(rename = "StatusCode")]
    status: Option<String>,
}

/// The points of one series, oldest first.
pub(super) struct MetricData {
    points: std::vec::IntoIter<Point>,
    counts: RowCounts,
}

impl Points for MetricData {
    fn next_point(&mut self, counts: &mut RowCounts) -> Result<Option<Point>, TraceProblem> {
        // All rows were looked at before the first one is given.
        if self.counts.read > 0 {
            *counts = std::mem::take(&mut self.counts);
        }
        Ok(self.points.next())
    }

    fn leave_rest(&mut self, counts: &mut RowCounts) {
        let rest = std::mem::take(&mut self.points).len();
        count_more(&mut counts.skipped, AFTER_END, rest as u64);
    }
}

/// A place in a text that lies in memory.
struct Text<'a> {
    file: &'a str,
    all: &'a str,
}

impl Text<'_> {
    fn problem(&self, part: &RawValue, text: &str, help: Option<&str>) -> TraceProblem {
        // Raw values are slices of the text that they were read from.
        let at = part.get().as_ptr() as usize - self.all.as_ptr() as usize;
        let before = &self.all[..at];
        let line = before.bytes().filter(|&byte| byte == b'\n').count() as u64 + 1;
        let column = at - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
        problem_at(self.file, line, column, text, help)
    }
}

/// Reads the series of `trace` from `bytes`.
///
/// # Errors
/// No such JSON, no such series, a bad point.
pub(super) fn read(mut bytes: Bytes, trace: &RateTrace) -> Result<MetricData, TraceProblem> {
    let file = &*trace.display;
    let most = trace.max_expanded_bytes.min(MAX_BYTES);
    let all = read_start(&mut bytes, most + 1, file)?;
    if all.len() as u64 > most {
        return Err(problem(file, &format!("holds more than {most} bytes"), None));
    }
    if all.is_empty() {
        let help = Some("expected the output of `aws cloudwatch get-metric-data`");
        return Err(problem(file, "is empty", help));
    }
    let all = String::from_utf8(all)
        .map_err(|_| problem(file, "is not valid UTF-8", Some("save the file as UTF-8")))?;
    let text = Text { file, all: all.strip_prefix('\u{feff}').unwrap_or(&all) };
    let answer: Answer<'_> = serde_json::from_str(text.all).map_err(|error| {
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        let shown = what.escape_debug().to_string();
        let help = Some("expected the output of `aws cloudwatch get-metric-data`");
        problem_at(file, (error.line() as u64).max(1), error.column().max(1), &shown, help)
    })?;
    let chosen = choose(&answer, trace)?;
    let mut counts = RowCounts::default();
    refuse_parts(&answer, &chosen, trace, &mut counts)?;
    let points = points(&chosen, &text, trace, &mut counts)?;
    Ok(MetricData { points: points.into_iter(), counts })
}

/// The entries of the series that `trace` names, or of the only one.
fn choose<'a, 'b>(
    answer: &'b Answer<'a>,
    trace: &RateTrace,
) -> Result<Vec<&'b Series<'a>>, TraceProblem> {
    let mut ids: Vec<&str> = answer.results.iter().map(|series| &*series.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let of_id = |id: &str| answer.results.iter().filter(|series| series.id == id).collect();
    let listed = || {
        format!(
            "it has {}",
            ids.iter().map(|id| shown(id.as_bytes())).collect::<Vec<_>>().join(", ")
        )
    };
    let file = &trace.display;
    match (&trace.series, &ids[..]) {
        (_, []) => Err(problem(file, "has no series", Some("MetricDataResults is empty"))),
        (None, [id]) => Ok(of_id(id)),
        (None, _) => {
            let text = format!("has {} series; say which by its Id or Label", ids.len());
            Err(problem(file, &text, Some(&listed())))
        }
        (Some(name), _) => {
            if ids.contains(&&**name) {
                return Ok(of_id(name));
            }
            let labelled = answer.results.iter().filter(|s| s.label.as_ref() == Some(name));
            let mut labelled: Vec<&str> = labelled.map(|series| &*series.id).collect();
            labelled.dedup();
            match labelled[..] {
                [id] => Ok(of_id(id)),
                [] => {
                    let near = suggest::nearest(name, ids.iter().copied());
                    let near =
                        near.map_or(String::new(), |near| format!(" (did you mean {near}?)"));
                    let text = format!("has no series {}{near}", shown(name.as_bytes()));
                    Err(problem(file, &text, Some(&listed())))
                }
                _ => {
                    let text =
                        format!("has several series with the Label {}", shown(name.as_bytes()));
                    Err(problem(file, &text, Some(&listed())))
                }
            }
        }
    }
}

/// A cut answer is refused, or noted where bad rows are skipped.
fn refuse_parts(
    answer: &Answer<'_>,
    chosen: &[&Series<'_>],
    trace: &RateTrace,
    counts: &mut RowCounts,
) -> Result<(), TraceProblem> {
    let status = chosen.last().and_then(|series| series.status.as_deref());
    let text = match status {
        _ if answer.next_token.is_some() => "is one page of several: it has a NextToken".to_owned(),
        None | Some("Complete") => return Ok(()),
        Some(status) => format!("is not complete: its StatusCode is {}", shown(status.as_bytes())),
    };
    if trace.on_error == OnRowError::Skip {
        count(&mut counts.adjusted, "the answer is not complete: what it has is used");
        return Ok(());
    }
    let help = "fetch all pages, or read it with on_error = \"skip\"";
    Err(problem(&trace.display, &text, Some(help)))
}

fn points(
    chosen: &[&Series<'_>],
    text: &Text<'_>,
    trace: &RateTrace,
    counts: &mut RowCounts,
) -> Result<Vec<Point>, TraceProblem> {
    let mut found: Vec<(i64, u64, &RawValue)> = Vec::new();
    let skips = trace.on_error == OnRowError::Skip;
    for series in chosen {
        let (times, values) = (series.timestamps.len(), series.values.len());
        if times != values {
            let what = format!("has {times} Timestamps but {values} Values");
            return Err(problem(text.file, &what, Some("the file is damaged or was edited")));
        }
        for (&time, &value) in series.timestamps.iter().zip(&series.values) {
            counts.read += 1;
            check_rows(counts.read, trace.max_rows, text.file)?;
            match (instant(time), number(value)) {
                (Ok(at), Ok(value)) => found.push((at, value, time)),
                (Err((reason, _)), _) | (_, Err((reason, _))) if skips => {
                    count(&mut counts.skipped, reason);
                }
                (Err((_, what)), _) => return Err(text.problem(time, &what, None)),
                (_, Err((_, what))) => return Err(text.problem(value, &what, None)),
            }
        }
    }
    found.sort_by_key(|(at, ..)| *at);
    let Some(&(first, ..)) = found.first() else { return Ok(Vec::new()) };
    let mut points: Vec<Point> = Vec::with_capacity(found.len());
    for (at, value, place) in found {
        let since = (at - first) as u64;
        let gap = points.last().map_or(0, |last| since - last.at);
        let (reason, what) = match points.last() {
            Some(last) if last.at == since => ("the same instant twice", "is there twice"),
            _ if check_gap(SimSpan(gap), false).is_err() => (
                "more than a year after the row before",
                "is more than a year after the one before",
            ),
            _ if since > LATEST.0 => ("too late", "is more than 100 years after the first"),
            _ => {
                points.push(Point { at: since, value });
                continue;
            }
        };
        if !skips {
            let what = format!("the instant {} {what}", shown(place.get().as_bytes()));
            let twice = reason == "the same instant twice";
            return Err(text.problem(place, &what, twice.then_some(SAME_INSTANT_HELP)));
        }
        count(&mut counts.skipped, reason);
    }
    Ok(points)
}

/// Microseconds since 1970.
fn instant(raw: &RawValue) -> Result<i64, (&'static str, String)> {
    let text = raw.get();
    let bad = || ("not a number", format!("{} is not an instant", shown(text.as_bytes())));
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(text) => calendar(text.as_bytes(), true).map_err(|_| bad()),
        None => match decimal::parse_scaled(text.as_bytes(), 6) {
            Ok(micros) if micros <= UNIX_TO.0 => Ok(micros as i64),
            Ok(_) => {
                let text = shown(text.as_bytes());
                Err(("too late", format!("{text} is too late; {TOO_LATE_HELP}")))
            }
            Err(_) => Err(bad()),
        },
    }
}

/// Millionths of a request. JSON writes large and small numbers with an exponent.
fn number(raw: &RawValue) -> Result<u64, (&'static str, String)> {
    let text = raw.get();
    let bad =
        |reason, what: &str| (reason, format!("the value is {}: {what}", shown(text.as_bytes())));
    let too_large = || bad("a value is too large", &format!("more than {MAX_REQUESTS}"));
    match decimal::parse_scaled(text.as_bytes(), 6) {
        Ok(micro) if micro <= MAX_REQUESTS * MICRO => Ok(micro),
        Ok(_) | Err(DecimalError::TooLarge) => Err(too_large()),
        Err(DecimalError::Negative) => Err(bad("a value is negative", "must not be negative")),
        Err(_) => match text.parse::<f64>() {
            Ok(value) if value > MAX_REQUESTS as f64 => Err(too_large()),
            Ok(value) if value.is_finite() => Ok((value * MICRO as f64).round() as u64),
            _ => Err(bad("not a number", "not a number")),
        },
    }
}
