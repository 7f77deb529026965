//! Lines of a table to instants with a value each, in strict order of time.
//!
//! Instants are seconds, seconds since 1970 (from 10⁹ on), or a calendar date and time; a file may not mix them.
//! Foreign tables write no zone and mean UTC; our own must say it. Values are read exactly, to a millionth.

use super::super::columns::{Unknown, other_separator, required, resolve};
use super::super::limits::{TOO_LATE_HELP, UNIX_FROM, check_gap};
use super::super::problem::{Fault, Faulty, problem, shown};
use super::super::records::{Fields, Records, bad_number, bad_whole};
use super::super::stream::{UNIX_TIME, count, leave_rest, refuse};
use super::span::{MAX_RATE, MAX_REQUESTS};
use crate::base::decimal::{self, DecimalError};
use crate::base::time::{LATEST, SimSpan, SimTime};
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::traffic::{MICRO, RateTrace, TrafficFormat};
use crate::model::workload::OnRowError;

/// A value at an instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Point {
    /// Microseconds since the trace's time zero.
    pub at: u64,
    /// Millionths of a request; of a rate, a second.
    pub value: u64,
}

/// Points in strict order of time, with faults already handled.
pub(super) trait Points {
    /// The next point; `None` at the end. Whoever takes it counts it as used or left out.
    fn next_point(&mut self, counts: &mut RowCounts) -> Result<Option<Point>, TraceProblem>;

    /// Counts all that is left as rows after the end of the run.
    fn leave_rest(&mut self, counts: &mut RowCounts);
}

/// Which clock the instants of a file are on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Clock {
    /// Not known before the first row.
    Unknown,
    /// Seconds from the beginning.
    Seconds,
    /// Seconds since 1970; the first is time zero.
    Unix,
    /// Calendar instants; the first is time zero.
    Calendar,
}

/// What to do about an instant that is there twice.
pub(super) const SAME_INSTANT_HELP: &str =
    "sum the rows of an instant first, or keep the first of them with on_error = \"skip\"";

/// Instant and value of `native`, `cloudwatch` and `counts`.
const COLUMNS: [[&str; 2]; 3] =
    [["time_s", "requests_per_s"], ["timestamp", "value"], ["period", "count"]];

/// A table of two columns: instant and value.
pub(super) struct Table {
    records: Records,
    on_error: OnRowError,
    max_rows: u64,
    names: [&'static str; 2],
    columns: [usize; 2],
    width: usize,
    /// Values are whole numbers.
    whole: bool,
    /// Instants without a zone are UTC.
    assumes_utc: bool,
    clock: Clock,
    /// The trace's own instant that is zero for us.
    base: Option<i64>,
    /// Instant and line of the row before.
    before: Option<(i64, u64)>,
}

impl Table {
    /// Understands the header line of `trace`.
    ///
    /// # Errors
    /// No header, or another one.
    pub fn new(mut records: Records, trace: &RateTrace) -> Result<Self, TraceProblem> {
        let [native, cloudwatch, counts] = COLUMNS;
        let (names, unknown) = match trace.format {
            TrafficFormat::Cloudwatch => (cloudwatch, Unknown::Ignore),
            TrafficFormat::Counts => (counts, Unknown::Ignore),
            _ => (native, Unknown::Refuse),
        };
        let known = names.map(required);
        if !records.advance()? {
            let help = Some("the first line names the columns");
            return Err(problem(records.file(), "has no header line", help));
        }
        let header = records.split().and_then(|fields| {
            if let Some(fault) =
                other_separator(fields, COLUMNS.map(|names| names.map(required)).as_flattened())
            {
                return Err(fault);
            }
            let at = resolve(fields, &known, unknown).map_err(|fault| {
                match format_of(fields).filter(|&format| format != trace.format) {
                    Some(format) => fault.help(format!(
                        "the columns are those of format = \"{}\"; required: {}",
                        format.name(),
                        names.join(", ")
                    )),
                    None => fault,
                }
            })?;
            Ok((at, fields.len()))
        });
        let (at, width) = header.map_err(|fault| records.problem(&fault))?;
        let position = |index: usize| at[index].expect("required columns are there");
        Ok(Table {
            on_error: trace.on_error,
            max_rows: trace.max_rows,
            names,
            columns: [position(0), position(1)],
            width,
            whole: trace.format == TrafficFormat::Counts,
            assumes_utc: trace.format != TrafficFormat::Native,
            clock: Clock::Unknown,
            base: None,
            before: None,
            records,
        })
    }

    fn point(&mut self) -> Faulty<Point> {
        let fields = self.records.split()?;
        fields.expect_len(self.width, "the header")?;
        let reader = Reader {
            fields,
            names: self.names,
            columns: self.columns,
            assumes_utc: self.assumes_utc,
        };
        let (at, clock) = reader.instant(self.clock)?;
        let value = if self.whole { reader.whole()? } else { reader.decimal()? };
        if let Some((before, line)) = self.before
            && at <= before
        {
            return Err(reader.out_of_order(at == before, line));
        }
        let first = if clock == Clock::Seconds { 0 } else { at };
        let base = *self.base.get_or_insert(first);
        match u64::try_from(at - base) {
            Ok(since) if since <= LATEST.0 => {
                let before = self.before.map_or(base, |(before, _)| before);
                check_gap(SimSpan(at.abs_diff(before)), self.before.is_none())?;
                (self.clock, self.before) = (clock, Some((at, self.records.line())));
                Ok(Point { at: since, value })
            }
            _ => {
                let text = "the row is more than 100 years after the first".into();
                Err(Fault::line("too late", text))
            }
        }
    }
}

/// The format whose columns a header has.
fn format_of(header: Fields<'_>) -> Option<TrafficFormat> {
    let has = |name: &str| (0..header.len()).any(|index| header.get(index) == name.as_bytes());
    let formats = [TrafficFormat::Native, TrafficFormat::Cloudwatch, TrafficFormat::Counts];
    formats
        .into_iter()
        .zip(COLUMNS)
        .find(|(_, names)| names.iter().all(|name| has(name)))
        .map(|(format, _)| format)
}

impl Points for Table {
    fn next_point(&mut self, counts: &mut RowCounts) -> Result<Option<Point>, TraceProblem> {
        while self.records.advance()? {
            counts.read += 1;
            check_rows(counts.read, self.max_rows, self.records.file())?;
            match self.point() {
                Ok(point) => {
                    if self.clock == Clock::Unix {
                        count(&mut counts.adjusted, UNIX_TIME);
                    }
                    return Ok(Some(point));
                }
                Err(fault) => refuse(self.on_error, &self.records, &fault, counts)?,
            }
        }
        Ok(None)
    }

    fn leave_rest(&mut self, counts: &mut RowCounts) {
        leave_rest(&mut self.records, counts);
    }
}

/// Refuses more rows than allowed.
pub(in crate::trace) fn check_rows(rows: u64, most: u64, file: &str) -> Result<(), TraceProblem> {
    if rows <= most {
        return Ok(());
    }
    let help = Some("this limit guards against damaged files and can be raised");
    Err(problem(file, &format!("has more than {most} rows"), help))
}

/// Reads one record.
struct Reader<'a> {
    fields: Fields<'a>,
    names: [&'static str; 2],
    columns: [usize; 2],
    assumes_utc: bool,
}

impl Reader<'_> {
    /// Microseconds: since the beginning, or since 1970 where it is a calendar instant.
    fn instant(&self, clock: Clock) -> Faulty<(i64, Clock)> {
        let (name, index) = (self.names[0], self.columns[0]);
        let text = self.fields.get(index);
        let is_calendar = text.len() > 9 && text[4] == b'-';
        let (at, found) = if is_calendar {
            (
                calendar(text, self.assumes_utc).map_err(|hint| {
                    let text = format!("{name} is {}: not an instant", shown(text));
                    Fault::field(index, "not a number", text).help(hint)
                })?,
                Clock::Calendar,
            )
        } else {
            match SimTime::parse_seconds(text) {
                Ok(time) if time >= UNIX_FROM => (time.0 as i64, Clock::Unix),
                Ok(time) => (time.0 as i64, Clock::Seconds),
                Err(DecimalError::TooLarge) => {
                    let text = format!("{name} is {}: later than 100 years", shown(text));
                    return Err(Fault::field(index, "too late", text).help(TOO_LATE_HELP));
                }
                Err(error) => {
                    let fault = bad_number(index, name, text, error);
                    let hint = "seconds such as 12.5, or an instant such as 2026-11-21T09:30:00Z";
                    return Err(fault.help(hint));
                }
            }
        };
        if clock != Clock::Unknown && clock != found {
            let what = |clock: Clock| match clock {
                Clock::Unix => "seconds since 1970 (Unix time)",
                Clock::Calendar => "calendar instants",
                Clock::Unknown | Clock::Seconds => "seconds",
            };
            let (this, others) = (what(found), what(clock));
            let text =
                format!("{name} is {}: {this}, but the rows above have {others}", shown(text));
            return Err(Fault::field(index, "two kinds of time", text));
        }
        Ok((at, found))
    }

    fn whole(&self) -> Faulty<u64> {
        let (name, index) = (self.names[1], self.columns[1]);
        let text = self.fields.get(index);
        match decimal::parse_whole(text, MAX_REQUESTS) {
            Ok(value) => Ok(value * MICRO),
            Err(error) => Err(bad_whole(index, name, text, error, MAX_REQUESTS)
                .help("requests in the period: a whole number such as 120")),
        }
    }

    fn decimal(&self) -> Faulty<u64> {
        let (name, index) = (self.names[1], self.columns[1]);
        let text = self.fields.get(index);
        // Only our own tables have rates, and only they insist on a zone.
        let most = if self.assumes_utc { MAX_REQUESTS } else { MAX_RATE };
        let value = match decimal::parse_scaled(text, 6) {
            Ok(value) if value > most * MICRO => Err(DecimalError::TooLarge),
            other => other,
        };
        value.map_err(|error| {
            bad_number(index, name, text, error).help(match error {
                DecimalError::TooLarge => format!("at most {most}"),
                _ => "a decimal number such as 12.5, not below zero".into(),
            })
        })
    }

    fn out_of_order(&self, equal: bool, line: u64) -> Box<Fault> {
        let (name, index) = (self.names[0], self.columns[0]);
        let text = shown(self.fields.get(index));
        if equal {
            let text = format!("{name} is {text}: the same instant as on line {line}");
            return Fault::field(index, "the same instant twice", text).help(SAME_INSTANT_HELP);
        }
        let text = format!("{name} is {text}: earlier than the row on line {line}");
        Fault::field(index, "out of order", text).help("sort the file by time")
    }
}

/// Microseconds since 1970; the error is a hint.
pub(in crate::trace) fn calendar(text: &[u8], assumes_utc: bool) -> Result<i64, &'static str> {
    const ZONE: &str = "write the offset from UTC too, such as 2026-11-21T09:30:00Z";
    let text = std::str::from_utf8(text).map_err(|_| ZONE)?;
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Ok(instant.as_microsecond());
    }
    if !assumes_utc {
        return Err(ZONE);
    }
    let civil = text.parse::<jiff::civil::DateTime>();
    civil
        .and_then(|civil| jiff::tz::TimeZone::UTC.to_timestamp(civil))
        .map(|instant| instant.as_microsecond())
        .map_err(|_| "such as 2026-11-21 09:30:00, which is taken as UTC")
}
