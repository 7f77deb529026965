//! Failure traces: CSV `time_s, kind, target, duration_s` and optionally `count`, `latency_s`, `error_percent`, in order
//! of time.
//!
//! | Column | Unit | Empty means |
//! | --- | --- | --- |
//! | `time_s` (required) | seconds from the beginning | not allowed |
//! | `kind` (required) | `task_crash`, `stop_task` or `dependency_outage` | not allowed |
//! | `target` (required) | the service | not allowed |
//! | `duration_s` (required) | seconds of an outage; a crash has none | none |
//! | `count` | tasks that crash or are stopped, at least 1 | 1 |
//! | `latency_s` | seconds that a request takes longer in an outage | 0 |
//! | `error_percent` | percent of the answers in an outage that are errors | 100; with `latency_s` 0 |
//!
//! Failure traces are small and each row is the user's own: the first bad one is an error, none is skipped.

use super::columns::{Column, Unknown, optional, required, resolve};
use super::limits::{UNIX_FROM, unix_instant, unix_length};
use super::lines;
use super::problem::{Fault, Faulty, shown};
use super::records::{Fields, Records, Separator, bad_number};
use crate::base::decimal::DecimalError;
use crate::base::suggest;
use crate::base::time::{SimSpan, SimTime};
use crate::model::arrival::TraceProblem;
use crate::model::workload::{TraceFormat, TraceInput};
use std::path::Path;

const COLUMNS: [Column; 7] = [
    required("time_s"),
    required("kind"),
    required("target"),
    required("duration_s"),
    optional("count"),
    optional("latency_s"),
    optional("error_percent"),
];

/// The names of the kinds.
const TASK_CRASH: &str = "task_crash";
const STOP_TASK: &str = "stop_task";
const DEPENDENCY_OUTAGE: &str = "dependency_outage";
const KINDS: [&str; 3] = [TASK_CRASH, STOP_TASK, DEPENDENCY_OUTAGE];

/// Kinds that are written elsewhere, or not simulated at all.
const ELSEWHERE: [&str; 7] = [
    "instance_failure",
    "availability_zone_outage",
    "agent_disconnect",
    "spot_reclaim",
    "image_registry_outage",
    "region_outage",
    "network_partition",
];

/// Most bytes and rows of a failure trace.
const MOST_BYTES: u64 = 1 << 30;
const MOST_ROWS: u64 = 10_000_000;
/// Most tasks of one row.
const MOST_TASKS: u64 = 10_000_000;

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailureTraceKind {
    /// RUNNING tasks of a service crash.
    TaskCrash,
    /// Somebody calls StopTask for RUNNING tasks of a service.
    StopTask,
    /// What the tasks of a service depend on is slow or gone.
    DependencyOutage {
        /// How long.
        lasts: SimSpan,
        /// What each request waits longer.
        latency: SimSpan,
        /// Share of the answers that are errors, parts per million.
        error_ppm: u32,
    },
}

/// A row of a failure trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailureRow {
    /// When.
    pub at: SimTime,
    /// What.
    pub kind: FailureTraceKind,
    /// Whom: the name of a service.
    pub target: String,
    /// How many tasks, at least 1.
    pub count: u32,
    /// Line of the file, for messages about the target.
    pub line: u64,
}

/// Reads the failure trace at `path`; messages call it `display`.
///
/// # Errors
/// The file cannot be read, or a row cannot be used.
pub fn open_failures(path: &Path, display: &str) -> Result<Vec<FailureRow>, TraceProblem> {
    let input = input(path, display);
    read(lines::open_bytes(&input)?, &input)
}

/// As [`open_failures`], from memory or any other reader.
///
/// # Errors
/// As [`open_failures`].
pub fn open_failures_bytes(
    bytes: impl std::io::Read + Send + 'static,
    display: &str,
) -> Result<Vec<FailureRow>, TraceProblem> {
    let input = input(Path::new(display), display);
    read(lines::decompressed(Box::new(bytes), display)?, &input)
}

fn input(path: &Path, display: &str) -> TraceInput {
    let mut input = TraceInput::new(path, TraceFormat::Native);
    input.display = display.to_owned();
    (input.max_expanded_bytes, input.max_rows) = (MOST_BYTES, MOST_ROWS);
    input
}

fn read(bytes: lines::Bytes, input: &TraceInput) -> Result<Vec<FailureRow>, TraceProblem> {
    let mut records = Records::new(bytes, input, Separator::Comma)?;
    let (at, width) = super::header(&mut records, |header| {
        Ok((resolve(header, &COLUMNS, Unknown::Refuse)?, header.len()))
    })?;
    let position = |index: usize| at[index].expect("required columns are there");
    let columns = Columns {
        time: position(0),
        kind: position(1),
        target: position(2),
        duration: position(3),
        count: at[4],
        latency: at[5],
        errors: at[6],
        width,
    };
    let mut rows: Vec<FailureRow> = Vec::new();
    while records.advance()? {
        super::traffic::check_rows(rows.len() as u64 + 1, input.max_rows, records.file())?;
        let line = records.line();
        let row = records.split().and_then(|fields| columns.row(fields, line, rows.last()));
        rows.push(row.map_err(|fault| records.problem(&fault))?);
    }
    Ok(rows)
}

/// Positions of the columns.
struct Columns {
    time: usize,
    kind: usize,
    target: usize,
    duration: usize,
    count: Option<usize>,
    latency: Option<usize>,
    errors: Option<usize>,
    width: usize,
}

impl Columns {
    fn row(
        &self,
        fields: Fields<'_>,
        line: u64,
        before: Option<&FailureRow>,
    ) -> Faulty<FailureRow> {
        fields.expect_len(self.width, "the header")?;
        let text = fields.get(self.time);
        let at = SimTime::parse_seconds(text).map_err(|error| {
            let fault = match error {
                DecimalError::TooLarge => {
                    let text = format!("time_s is {}: later than 100 years", shown(text));
                    Fault::field(self.time, "too late", text)
                }
                error => bad_number(self.time, "time_s", text, error),
            };
            fault.help("seconds from the beginning of the scenario, such as 5400 or 12.5")
        })?;
        if at >= UNIX_FROM {
            return Err(unix_instant(self.time, "time_s", text));
        }
        if let Some(before) = before.filter(|before| at < before.at) {
            let text =
                format!("time_s is {}: earlier than the row on line {}", shown(text), before.line);
            return Err(Fault::field(self.time, "out of order", text).help("sort the file by time"));
        }
        let kind = self.kind(fields)?;
        let target = fields.get(self.target);
        if target.is_empty() {
            let text = "target is empty".to_owned();
            let fault = Fault::field(self.target, "a value is missing", text);
            return Err(fault.help("the name of the service whose tasks fail"));
        }
        let target = String::from_utf8_lossy(target).into_owned();
        Ok(FailureRow { at, kind, target, count: self.count(fields)?, line })
    }

    fn kind(&self, fields: Fields<'_>) -> Faulty<FailureTraceKind> {
        let name = fields.get(self.kind);
        let written = String::from_utf8_lossy(name);
        match &*written {
            TASK_CRASH => self.is_over_at_once(fields, "a task crash has no duration")?,
            STOP_TASK => {
                self.is_over_at_once(fields, "StopTask has no duration")?;
                return Ok(FailureTraceKind::StopTask);
            }
            DEPENDENCY_OUTAGE => return self.outage(fields),
            _ => return Err(unknown_kind(self.kind, name, &written)),
        }
        Ok(FailureTraceKind::TaskCrash)
    }

    /// What only an outage has must be left empty.
    fn is_over_at_once(&self, fields: Fields<'_>, why: &str) -> Faulty<()> {
        let text = fields.get(self.duration);
        match SimSpan::parse_seconds(text) {
            Err(DecimalError::Empty) | Ok(SimSpan::ZERO) => {}
            Ok(_) => {
                let text = format!("duration_s is {}: {why}", shown(text));
                return Err(Fault::field(self.duration, "a duration", text).help("leave it empty"));
            }
            Err(error) => return Err(bad_number(self.duration, "duration_s", text, error)),
        }
        for (index, name) in [(self.latency, "latency_s"), (self.errors, "error_percent")] {
            if let Some(index) = index.filter(|&index| !fields.get(index).is_empty()) {
                let text = format!("{name} is about the kind {DEPENDENCY_OUTAGE}");
                return Err(Fault::field(index, "not of this kind", text).help("leave it empty"));
            }
        }
        Ok(())
    }

    fn outage(&self, fields: Fields<'_>) -> Faulty<FailureTraceKind> {
        let span = |index: usize, name: &str| {
            let text = fields.get(index);
            match SimSpan::parse_seconds(text) {
                Ok(span) if span.0 >= UNIX_FROM.0 => Err(unix_length(index, name, text)),
                Ok(span) => Ok(span),
                Err(DecimalError::Empty) => Ok(SimSpan::ZERO),
                Err(error) => Err(bad_number(index, name, text, error)),
            }
        };
        let lasts = span(self.duration, "duration_s")?;
        if lasts == SimSpan::ZERO {
            let text = format!("duration_s is empty or 0: a {DEPENDENCY_OUTAGE} has one");
            return Err(Fault::field(self.duration, "no duration", text));
        }
        if let Some(index) = self.count.filter(|&index| !fields.get(index).is_empty()) {
            let text = "count is given: an outage is felt by all tasks".to_owned();
            return Err(Fault::field(index, "not of this kind", text).help("leave it empty"));
        }
        let latency = self.latency.map_or(Ok(SimSpan::ZERO), |index| span(index, "latency_s"))?;
        let usual = if latency == SimSpan::ZERO { 1_000_000 } else { 0 };
        let error_ppm = match self.errors.filter(|&index| !fields.get(index).is_empty()) {
            None => usual,
            Some(index) => match fields.scaled(index, "error_percent", 4)? {
                ppm @ 0..=1_000_000 => ppm as u32,
                _ => {
                    let text = shown(fields.get(index));
                    let text = format!("error_percent is {text}: more than 100");
                    return Err(Fault::field(index, "more than all", text));
                }
            },
        };
        Ok(FailureTraceKind::DependencyOutage { lasts, latency, error_ppm })
    }

    fn count(&self, fields: Fields<'_>) -> Faulty<u32> {
        let Some(index) = self.count.filter(|&index| !fields.get(index).is_empty()) else {
            return Ok(1);
        };
        match fields.whole(index, "count", MOST_TASKS)? {
            0 => {
                let text = "count is \"0\": must be at least 1".to_owned();
                Err(Fault::field(index, "a count of zero", text))
            }
            count => Ok(count as u32),
        }
    }
}

#[cold]
fn unknown_kind(index: usize, name: &[u8], written: &str) -> Box<Fault> {
    if ELSEWHERE.contains(&written) {
        let kinds = KINDS.join(", ");
        let text = format!("kind is {}: only {kinds} stand in such a file", shown(name));
        return Fault::field(index, "a kind for other places", text).help(
            "outages of machines have traces of their own (`format`), other failures `[[failure]]` entries",
        );
    }
    let near = suggest::nearest(written, ELSEWHERE.into_iter().chain(KINDS));
    let near = near.map_or(String::new(), |near| format!(" (did you mean {near}?)"));
    let text = format!("kind is {}: unknown{near}", shown(name));
    let fault = Fault::field(index, "an unknown kind", text);
    fault.help(format!("the kinds are {}", KINDS.join(", ")))
}
