//! Spot availability as SkyPilot published it: JSON `{"metadata": {"gap_seconds": 300}, "data": [4, 4, 3], …}`, in some
//! files with `prices`, dollars per hour by sample.
//!
//! A sample is how many instances can be had at that tick, after the publisher's description; the simulator of the same
//! paper reads some files the other way round, so the polarity is the reader's to choose. A gap of the metadata that is
//! in doubt (the files of October 2022) can be overruled.

use super::super::lines;
use super::super::problem::{problem, shown};
use super::super::stream::count;
use super::json::{self, Text};
use super::{Reading, input};
use crate::base::decimal;
use crate::base::money::HourlyRate;
use crate::base::time::{LATEST, SimSpan, SimTime};
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::spot::{Availability, AvailabilityTrace};
use crate::model::workload::OnRowError;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::path::Path;

/// Most instances of a sample.
const MOST_INSTANCES: u64 = 1_000_000;
const EXPECTED: &str = "expected {\"metadata\": {\"gap_seconds\": N}, \"data\": [counts]}";

/// What a number of the trace means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Polarity {
    /// Instances that can be had.
    #[default]
    Available,
    /// Anything but 0: none can be had; 0: one can.
    Unavailable,
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(borrow)]
    prices: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    gap_seconds: &'a RawValue,
}

/// Reads the trace at `path`; messages call it `display`. `gap` overrules the one of the metadata.
///
/// # Errors
/// The file cannot be read, is no such JSON, or a sample cannot be used.
pub fn open(
    path: &Path,
    display: &str,
    (polarity, gap): (Polarity, Option<SimSpan>),
    on_error: OnRowError,
) -> Result<AvailabilityTrace, TraceProblem> {
    let input = input(path, display, Reading { start: None, on_error });
    read(lines::open_bytes(&input)?, display, (polarity, gap), on_error)
}

/// As [`open`], from memory or any other reader.
///
/// # Errors
/// As [`open`].
pub fn open_bytes(
    bytes: impl std::io::Read + Send + 'static,
    display: &str,
    how: (Polarity, Option<SimSpan>),
    on_error: OnRowError,
) -> Result<AvailabilityTrace, TraceProblem> {
    read(lines::decompressed(Box::new(bytes), display)?, display, how, on_error)
}

fn read(
    bytes: lines::Bytes,
    display: &str,
    (polarity, gap): (Polarity, Option<SimSpan>),
    on_error: OnRowError,
) -> Result<AvailabilityTrace, TraceProblem> {
    let all = json::text(bytes, display, EXPECTED)?;
    let text = Text { file: display, all: &all };
    let file: File<'_> = text.parse(EXPECTED)?;
    let raw = file.metadata.gap_seconds;
    let own = SimSpan::parse_seconds(raw.get().as_bytes()).ok().filter(|gap| gap.0 > 0);
    let Some(gap) = gap.or(own) else {
        let what = format!("gap_seconds is {}: not seconds above 0", shown(raw.get().as_bytes()));
        return Err(text.problem(raw, &what, None));
    };
    let samples = file.data.len() as u64;
    if samples == 0 || samples.checked_mul(gap.0).is_none_or(|end| end > LATEST.0) {
        let what = format!("has {samples} samples of {gap} s; 1 to 100 years of them at most");
        return Err(problem(display, &what, None));
    }
    if file.prices.as_ref().is_some_and(|prices| prices.len() != file.data.len()) {
        return Err(problem(display, "has not as many prices as data", None));
    }
    let mut trace = AvailabilityTrace { end: SimTime(samples * gap.0), ..Default::default() };
    for (index, &sample) in (0_u64..).zip(&file.data) {
        let at = SimTime(index * gap.0);
        let read = take(sample, at, polarity, &mut trace);
        let price = file.prices.as_ref().map(|prices| prices[index as usize]);
        note(read.map_err(|what| (sample, what)), &text, on_error, &mut trace.counts)?;
        if let Some(raw) = price {
            let Ok(price) = HourlyRate::parse(raw.get()) else {
                let what = format!("the price is {}: not a number", shown(raw.get().as_bytes()));
                return Err(text.problem(raw, &what, None));
            };
            if trace.prices.last().is_none_or(|&(_, last)| last != price) {
                trace.prices.push((at, price));
            }
        }
    }
    Ok(trace)
}

fn take(
    sample: &RawValue,
    at: SimTime,
    polarity: Polarity,
    trace: &mut AvailabilityTrace,
) -> Result<(), String> {
    let number = sample.get().as_bytes();
    let value = decimal::parse_whole(number, MOST_INSTANCES)
        .or_else(|_| decimal::parse_whole_float(number, MOST_INSTANCES))
        .map_err(|_| {
            format!("the sample is {}: not a whole number up to {MOST_INSTANCES}", shown(number))
        })?;
    let instances = match polarity {
        Polarity::Available => value as u32,
        Polarity::Unavailable => u32::from(value == 0),
    };
    if trace.changes.last().is_none_or(|last| last.instances != instances) {
        trace.changes.push(Availability { at, instances });
    }
    Ok(())
}

/// Counts a sample; one that cannot be used keeps what was before.
fn note(
    read: Result<(), (&RawValue, String)>,
    text: &Text<'_>,
    on_error: OnRowError,
    counts: &mut RowCounts,
) -> Result<(), TraceProblem> {
    counts.read += 1;
    match read {
        Ok(()) => counts.used += 1,
        Err(_) if on_error == OnRowError::Skip => count(&mut counts.skipped, "not a number"),
        Err((raw, what)) => return Err(text.problem(raw, &what, None)),
    }
    Ok(())
}
