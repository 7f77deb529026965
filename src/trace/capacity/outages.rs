//! Outages of machines: when each was down.
//!
//! | Format | Columns that are read | Time |
//! | --- | --- | --- |
//! | native CSV | `time_s`, `machine`, `duration_s`, `cause` (may miss) | seconds from the beginning |
//! | LANL (LA-UR-05-7318) | `System`, `nodenumz`, `Prob Started`, `Down Time` in minutes, six columns of causes | local calendar, to the minute |
//! | Failure Trace Archive, event table | `node_name`, `event_type` (0 down, 1 up), `event_start_time`, `event_stop_time` | Unix seconds |
//!
//! Outages of one machine that overlap or touch are one (counted as adjusted). Of an outage that began before the start
//! the rest counts. LANL: the end is the start plus the down time, which clock changes do not move; rows without a node
//! are left out. Failure Trace Archive: rows that say "up" are the machine's life between outages and are used as such.

use super::super::columns::{Column, Unknown, optional, required, resolve};
use super::super::limits::{UNIX_FROM, unix_instant, unix_length};
use super::super::lines;
use super::super::problem::{Fault, Faulty, shown};
use super::super::records::{Fields, Records, Separator, bad_number};
use super::super::stream::{count, count_more};
use super::{BEFORE_START, Reading, Verdict, each_row, input, since};
use crate::base::time::{LATEST, MICROS_PER_SECOND, SimSpan, SimTime};
use crate::model::arrival::{RowCounts, TraceProblem};
pub use crate::model::outage::OutageFormat;
use crate::model::outage::{Outage, OutageCause, OutageTrace};
use crate::model::workload::TraceInput;
use std::collections::BTreeMap;
use std::path::Path;

const NATIVE: [Column; 4] =
    [required("time_s"), required("machine"), required("duration_s"), optional("cause")];
const LANL: [Column; 10] = [
    required("System"),
    required("nodenumz"),
    required("Prob Started"),
    required("Down Time"),
    required("Facilities"),
    required("Hardware"),
    required("Human Error"),
    required("Network"),
    required("Software"),
    required("Undetermined"),
];
const FTA: [Column; 4] = [
    required("node_name"),
    required("event_type"),
    required("event_start_time"),
    required("event_stop_time"),
];

const CAUSES: [OutageCause; 6] = [
    OutageCause::Facilities,
    OutageCause::Hardware,
    OutageCause::HumanError,
    OutageCause::Network,
    OutageCause::Software,
    OutageCause::Undetermined,
];

const JOINED: &str = "joined with the outage before";
/// Most seconds of an instant or a duration: 100 years.
const MOST_SECONDS: u64 = LATEST.0 / MICROS_PER_SECOND;

/// Reads the trace at `path`; messages call it `display`.
///
/// # Errors
/// The file cannot be read, or a row cannot be used.
pub fn open(
    path: &Path,
    display: &str,
    format: OutageFormat,
    reading: Reading,
) -> Result<OutageTrace, TraceProblem> {
    let input = input(path, display, reading);
    read(lines::open_bytes(&input)?, &input, format, reading)
}

/// As [`open`], from memory or any other reader.
///
/// # Errors
/// As [`open`].
pub fn open_bytes(
    bytes: impl std::io::Read + Send + 'static,
    display: &str,
    format: OutageFormat,
    reading: Reading,
) -> Result<OutageTrace, TraceProblem> {
    let input = input(Path::new(display), display, reading);
    read(lines::decompressed(Box::new(bytes), display)?, &input, format, reading)
}

/// Outages as they are found: machine, start and end in microseconds, cause.
#[derive(Default)]
struct Found {
    machines: BTreeMap<String, usize>,
    outages: Vec<(usize, i64, i64, OutageCause)>,
    /// The first instant that any used row names.
    first: Option<i64>,
}

impl Found {
    fn machine(&mut self, name: &str) -> usize {
        let next = self.machines.len();
        if let Some(&known) = self.machines.get(name) {
            return known;
        }
        self.machines.insert(name.to_owned(), next);
        next
    }

    fn saw(&mut self, at: i64) {
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
    }
}

fn read(
    bytes: lines::Bytes,
    input: &TraceInput,
    format: OutageFormat,
    reading: Reading,
) -> Result<OutageTrace, TraceProblem> {
    let separator = match format {
        OutageFormat::FailureTraceArchive => Separator::Blanks,
        _ => Separator::Comma,
    };
    let mut records = Records::new(bytes, input, separator)?;
    // The header of an event table begins with `#`, which is a field of its own there.
    let mark = usize::from(format == OutageFormat::FailureTraceArchive);
    let (columns, width) = super::super::header(&mut records, |header| {
        let (known, unknown): (&[Column], _) = match format {
            OutageFormat::Native => (&NATIVE, Unknown::Refuse),
            OutageFormat::Lanl => (&LANL, Unknown::Ignore),
            OutageFormat::FailureTraceArchive => (&FTA, Unknown::Ignore),
        };
        let columns = resolve(header, known, unknown)?;
        let shift = |index: Option<usize>| index.map(|index| index.saturating_sub(mark));
        Ok((columns.into_iter().map(shift).collect::<Vec<_>>(), header.len() - mark))
    })?;
    let at = |column: usize| columns.get(column).copied().flatten().unwrap_or(usize::MAX);
    let mut found = Found::default();
    let mut counts = RowCounts::default();
    each_row(&mut records, input, &mut counts, |fields, _| {
        fields.expect_len(width, "the header")?;
        match format {
            OutageFormat::Native => native(fields, at, &mut found),
            OutageFormat::Lanl => lanl(fields, at, &mut found),
            OutageFormat::FailureTraceArchive => fta(fields, at, &mut found),
        }
    })?;
    let zero = match format {
        OutageFormat::Native => Some(0),
        _ => reading.start.or(found.first),
    };
    Ok(trace(found, zero.unwrap_or(0), counts))
}

/// Joins what belongs together and counts it from `zero` on.
fn trace(mut found: Found, zero: i64, mut counts: RowCounts) -> OutageTrace {
    let mut number = vec![0; found.machines.len()];
    for (index, &machine) in found.machines.values().enumerate() {
        number[machine] = index;
    }
    for outage in &mut found.outages {
        outage.0 = number[outage.0];
    }
    found.outages.sort_by_key(|&(machine, from, to, _)| (machine, from, to));
    let mut joined: Vec<(usize, i64, i64, OutageCause)> = Vec::new();
    let mut over = 0;
    for &(machine, from, to, cause) in &found.outages {
        if to <= zero {
            over += 1;
            continue;
        }
        match joined.last_mut() {
            Some(last) if last.0 == machine && from <= last.2 => {
                last.2 = last.2.max(to);
                count(&mut counts.adjusted, JOINED);
            }
            _ => joined.push((machine, from, to, cause)),
        }
    }
    counts.used -= over;
    count_more(&mut counts.skipped, BEFORE_START, over);
    let mut outages: Vec<Outage> = joined
        .into_iter()
        .map(|(machine, from, to, cause)| {
            let at = since(zero, from).unwrap_or(SimTime::ZERO);
            let end = since(zero, to).unwrap_or(SimTime::ZERO);
            Outage { at, duration: end.since(at), machine, cause }
        })
        .collect();
    outages.sort_by_key(|outage| (outage.at, outage.machine));
    OutageTrace { machines: found.machines.into_keys().collect(), outages, counts }
}

fn named<'a>(fields: Fields<'a>, index: usize, what: &str) -> Faulty<&'a str> {
    let name = fields.get(index);
    if name.is_empty() {
        return Err(Fault::field(index, "a value is missing", format!("{what} is empty")));
    }
    std::str::from_utf8(name)
        .map_err(|_| Fault::field(index, "not UTF-8", format!("{what} is not UTF-8")))
}

fn native(fields: Fields<'_>, at: impl Fn(usize) -> usize, found: &mut Found) -> Faulty<Verdict> {
    let seconds = |column: usize, name: &str| {
        let text = fields.get(at(column));
        SimTime::parse_seconds(text)
            .map_err(|error| bad_number(at(column), name, text, error))
            .map(|time| time.0 as i64) // at most 100 years
    };
    let (from, length) = (seconds(0, "time_s")?, seconds(2, "duration_s")?);
    if from >= UNIX_FROM.0 as i64 {
        return Err(unix_instant(at(0), "time_s", fields.get(at(0))));
    }
    if length >= UNIX_FROM.0 as i64 {
        return Err(unix_length(at(2), "duration_s", fields.get(at(2))));
    }
    let machine = named(fields, at(1), "machine")?;
    let cause = match fields.get(at(3)) {
        b"" => OutageCause::Undetermined,
        text => CAUSES.into_iter().find(|c| c.name().as_bytes() == text).ok_or_else(|| {
            let names = CAUSES.map(OutageCause::name).join(", ");
            Fault::field(at(3), "an unknown cause", format!("cause is {}: unknown", shown(text)))
                .help(format!("one of {names}"))
        })?,
    };
    if length == 0 {
        return Ok(Verdict::Skipped("of no length"));
    }
    let machine = found.machine(machine);
    found.outages.push((machine, from, from + length, cause));
    Ok(Verdict::Used)
}

fn lanl(fields: Fields<'_>, at: impl Fn(usize) -> usize, found: &mut Found) -> Faulty<Verdict> {
    let node = fields.get(at(1));
    if node.is_empty() {
        return Ok(Verdict::Skipped("a row without a node"));
    }
    let (system, node) = (named(fields, at(0), "System")?, named(fields, at(1), "nodenumz")?);
    let from = local(fields.get(at(2))).ok_or_else(|| {
        let text = format!("Prob Started is {}: not an instant", shown(fields.get(at(2))));
        Fault::field(at(2), "not an instant", text).help("such as 6/21/2005 10:54")
    })?;
    let minutes = fields.whole(at(3), "Down Time", MOST_SECONDS / 60)?;
    if minutes == 0 {
        return Ok(Verdict::Skipped("of no length"));
    }
    let given = (4..10).position(|column| !fields.get(at(column)).is_empty());
    let cause = given.map_or(OutageCause::Undetermined, |index| CAUSES[index]);
    let machine = found.machine(&format!("{system}/{node}"));
    found.saw(from);
    let length = SimSpan::from_secs(minutes * 60).0 as i64; // at most 100 years
    found.outages.push((machine, from, from + length, cause));
    Ok(Verdict::Used)
}

/// `month/day/year hour:minute` in microseconds since 1970, as if it were UTC.
fn local(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (date, time) = text.split_once(' ')?;
    let (month, rest) = date.split_once('/')?;
    let (day, year) = rest.split_once('/')?;
    let (hour, minute) = time.trim().split_once(':')?;
    let small = |text: &str| text.parse::<i8>().ok();
    let civil = jiff::civil::DateTime::new(
        year.parse().ok()?,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        0,
        0,
    );
    let instant = jiff::tz::TimeZone::UTC.to_timestamp(civil.ok()?).ok()?;
    Some(instant.as_microsecond())
}

fn fta(fields: Fields<'_>, at: impl Fn(usize) -> usize, found: &mut Found) -> Faulty<Verdict> {
    let name = named(fields, at(0), "node_name")?;
    let is_up = fields.whole(at(1), "event_type", 1)? == 1;
    let seconds = |column, name| fields.whole(at(column), name, MOST_SECONDS);
    let (from, to) = (seconds(2, "event_start_time")?, seconds(3, "event_stop_time")?);
    if to < from {
        let text = format!("event_stop_time is {to}: before event_start_time {from}");
        return Err(Fault::field(at(3), "ends before it begins", text));
    }
    if from == to {
        return Ok(Verdict::Skipped("of no length"));
    }
    let micros = |seconds: u64| (seconds * MICROS_PER_SECOND) as i64; // at most 100 years
    let machine = found.machine(name);
    found.saw(micros(from));
    if !is_up {
        found.outages.push((machine, micros(from), micros(to), OutageCause::Undetermined));
    }
    Ok(Verdict::Used)
}
