//! Traces of capacity: Spot prices and availability, outages of machines.
//!
//! | File | Formats |
//! | --- | --- |
//! | [`spot_price`] | native CSV, the JSON of `aws ec2 describe-spot-price-history`, CSV with its fields |
//! | [`availability`] | SkyPilot's JSON |
//! | [`outages`] | native CSV, Los Alamos (LANL), the Failure Trace Archive's event table |
//!
//! All are held in memory: the largest public ones have some hundred thousand events. Instants of a calendar are
//! counted from a given start, or from the first event. Of every row it is counted whether it was used or why not.

pub mod availability;
mod json;
pub mod outages;
pub mod spot_price;

use super::problem::Faulty;
use super::records::{Fields, Records};
use super::stream::count;
use crate::base::time::{LATEST, SimTime};
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::workload::{OnRowError, TraceFormat, TraceInput};
use std::path::Path;

/// Most bytes and rows of a trace of capacity.
const MOST_BYTES: u64 = 1 << 30;
const MOST_ROWS: u64 = 10_000_000;
/// A row that is over before the start.
pub const BEFORE_START: &str = "before the start";

/// Where a trace of capacity begins, and what is done with bad rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reading {
    /// The instant that becomes zero, in microseconds since 1970 (of a local calendar: as if it were UTC); `None`: the
    /// first event. Native traces count from zero already, and ignore it.
    pub start: Option<i64>,
    /// Bad rows.
    pub on_error: OnRowError,
}

fn input(path: &Path, display: &str, reading: Reading) -> TraceInput {
    let mut input = TraceInput::new(path, TraceFormat::Native);
    input.display = display.to_owned();
    (input.max_expanded_bytes, input.max_rows) = (MOST_BYTES, MOST_ROWS);
    input.on_error = reading.on_error;
    input
}

/// What a row came to.
enum Verdict {
    Used,
    Skipped(&'static str),
}

/// Hands every row to `take` and counts what became of it.
fn each_row(
    records: &mut Records,
    input: &TraceInput,
    counts: &mut RowCounts,
    mut take: impl FnMut(Fields<'_>, &mut RowCounts) -> Faulty<Verdict>,
) -> Result<(), TraceProblem> {
    while records.advance()? {
        counts.read += 1;
        super::traffic::check_rows(counts.read, input.max_rows, records.file())?;
        match records.split().and_then(|fields| take(fields, counts)) {
            Ok(Verdict::Used) => counts.used += 1,
            Ok(Verdict::Skipped(reason)) => count(&mut counts.skipped, reason),
            Err(fault) if input.on_error == OnRowError::Skip => {
                count(&mut counts.skipped, fault.reason);
            }
            Err(fault) => return Err(records.problem(&fault)),
        }
    }
    Ok(())
}

/// An instant of the trace from its zero on; `None` before it. What is later than any instant is the latest.
fn since(zero: i64, at: i64) -> Option<SimTime> {
    let micros = u64::try_from(i128::from(at) - i128::from(zero)).ok()?;
    Some(SimTime(micros.min(LATEST.0)))
}
