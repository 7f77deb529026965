//! The native task trace: CSV with a header line, columns in any order.
//!
//! | Column | Unit | Empty means |
//! | --- | --- | --- |
//! | `arrival_s` (required) | seconds from the beginning, Unix time, or RFC 3339 | not allowed |
//! | `cpu` | CPU units, 1024 = 1 vCPU | as the task definition says |
//! | `memory_mib` | MiB | as the task definition says |
//! | `duration_s` (required) | seconds of work | drawn from the caller's `duration` |
//! | `count` | equal tasks, at least 1 | 1 |
//! | `gpus` | whole GPUs | as the task definition says |
//! | `task_definition` | family, or family:revision | the caller's |
//! | `group` | task group | the caller's |
//! | `ephemeral_gib` | GiB | as the task definition says |
//! | `exit_code` | 0 to 255 | 0 |
//!
//! A caller without a task definition has no size to fall back on: there a row needs its own `cpu` and `memory_mib`,
//! or a `task_definition`. Memory is at least 1 MiB everywhere, as ECS asks.
//!
//! Times are read to the nearest microsecond, exactly. RFC 3339 arrivals, and seconds from 10⁹ on, which are Unix time,
//! count from the first row's instant (the earliest where the trace is sorted); a file may not mix them. Rows must be
//! in order of arrival unless the trace is read with `order = "sort"`.

use super::columns::{Column, Unknown, optional, required, resolve};
use super::limits::{
    MAX_COUNT, MAX_CPU, MAX_EPHEMERAL_GIB, MAX_GPUS, MAX_MEMORY_MIB, TOO_LATE_HELP, UNIX_FROM,
    unix_length,
};
use super::names::Names;
use super::problem::{Fault, Faulty, Place, shown};
use super::records::{Fields, bad_number, bad_whole};
use super::stream::{Adjustment, Adjustments, Layout, Verdict};
use crate::base::decimal::{self, DecimalError};
use crate::base::time::{SimSpan, SimTime};
use crate::model::arrival::TaskRow;
use crate::model::workload::TraceInput;

/// The columns, in the order in which they are written.
pub(super) const COLUMNS: [Column; 10] = [
    required("arrival_s"),
    optional("cpu"),
    optional("memory_mib"),
    required("duration_s"),
    optional("count"),
    optional("gpus"),
    optional("task_definition"),
    optional("group"),
    optional("ephemeral_gib"),
    optional("exit_code"),
];

/// Which clock the arrivals of a file are on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Clock {
    /// Not known before the first row.
    Unknown,
    /// Seconds from the beginning of the scenario.
    Seconds,
    /// Seconds since 1970.
    Unix,
    /// Calendar instants.
    Calendar,
}

/// Reads native rows.
pub(super) struct Native {
    arrival: usize,
    cpu: Option<usize>,
    memory: Option<usize>,
    duration: usize,
    extras: Option<Extras>,
    width: usize,
    /// See [`TraceInput::rows_give_size`].
    rows_give_size: bool,
    clock: Clock,
    names: Names,
}

/// Positions of the optional columns. Most traces have none, and then no row looks for them.
struct Extras {
    count: Option<usize>,
    gpus: Option<usize>,
    definition: Option<usize>,
    group: Option<usize>,
    ephemeral_gib: Option<usize>,
    exit_code: Option<usize>,
}

impl Native {
    /// Understands the header line.
    pub fn new(header: Fields<'_>, input: &TraceInput) -> Faulty<Native> {
        let at = resolve(header, &COLUMNS, Unknown::Refuse)?;
        let position = |index: usize| at[index].expect("required columns are there");
        let extras = Extras {
            count: at[4],
            gpus: at[5],
            definition: at[6],
            group: at[7],
            ephemeral_gib: at[8],
            exit_code: at[9],
        };
        Ok(Native {
            arrival: position(0),
            cpu: at[1],
            memory: at[2],
            duration: position(3),
            extras: at[4..].iter().any(Option::is_some).then_some(extras),
            width: header.len(),
            rows_give_size: input.rows_give_size,
            clock: Clock::Unknown,
            names: Names::default(),
        })
    }

    /// An arrival in microseconds: of the scenario, or since 1970 where it is a calendar instant or Unix time.
    #[inline]
    fn arrival(&mut self, fields: Fields<'_>) -> Faulty<i64> {
        let text = fields.get(self.arrival);
        match SimTime::parse_seconds(text) {
            Ok(time) => {
                let clock = if time >= UNIX_FROM { Clock::Unix } else { Clock::Seconds };
                if self.clock != clock {
                    self.begin_clock(clock, text)?;
                }
                Ok(time.0 as i64)
            }
            Err(DecimalError::NotPlain) if text.len() > 10 && text[4] == b'-' => {
                self.calendar_arrival(text)
            }
            Err(DecimalError::TooLarge) => {
                let text = format!("arrival_s is {}: later than 100 years", shown(text));
                Err(Fault::field(self.arrival, "arrives too late", text).help(TOO_LATE_HELP))
            }
            Err(error) => {
                let fault = bad_number(self.arrival, "arrival_s", text, error);
                Err(fault.help("seconds such as 12.5, or RFC 3339 such as 2026-11-21T09:30:00Z"))
            }
        }
    }

    #[cold]
    fn calendar_arrival(&mut self, text: &[u8]) -> Faulty<i64> {
        let instant =
            std::str::from_utf8(text).ok().and_then(|t| t.parse::<jiff::Timestamp>().ok());
        let Some(instant) = instant else {
            let text = format!("arrival_s is {}: not an RFC 3339 instant", shown(text));
            let fault = Fault::field(self.arrival, "not a number", text);
            return Err(fault.help("write the offset from UTC too, such as 2026-11-21T09:30:00Z"));
        };
        if self.clock != Clock::Calendar {
            self.begin_clock(Clock::Calendar, text)?;
        }
        Ok(instant.as_microsecond())
    }

    /// The first row says which clock the file is on; another one further down is a fault.
    #[cold]
    fn begin_clock(&mut self, clock: Clock, text: &[u8]) -> Faulty<()> {
        let name = |clock: Clock| match clock {
            Clock::Unix => "seconds since 1970 (Unix time)",
            Clock::Calendar => "RFC 3339 instants",
            Clock::Unknown | Clock::Seconds => "seconds",
        };
        if self.clock == Clock::Unknown {
            self.clock = clock;
            return Ok(());
        }
        let (text, this, others) = (shown(text), name(clock), name(self.clock));
        let text = format!("arrival_s is {text}: {this}, but the rows above have {others}");
        Err(Fault::field(self.arrival, "two kinds of time", text))
    }

    fn read_extras(&mut self, fields: Fields<'_>, row: &mut TaskRow) -> Faulty<()> {
        let Some(at) = &self.extras else {
            return Ok(());
        };
        if let Some(count) = optional_whole(fields, at.count, "count", MAX_COUNT)? {
            if count == 0 {
                let index = at.count.unwrap_or(0);
                let text = "count is \"0\": must be at least 1".to_string();
                return Err(Fault::field(index, "a count of zero", text));
            }
            row.count = count as u32;
        }
        row.gpus = optional_whole(fields, at.gpus, "gpus", MAX_GPUS)?.map(|n| n as u16);
        row.ephemeral_gib =
            optional_whole(fields, at.ephemeral_gib, "ephemeral_gib", MAX_EPHEMERAL_GIB)?
                .map(|n| n as u16);
        let exit_code = optional_whole(fields, at.exit_code, "exit_code", u64::from(u8::MAX))?;
        row.exit_code = exit_code.unwrap_or(0) as u8;
        if let Some(index) = at.definition {
            row.definition = self.names.id(fields.get(index), index, "task_definition")?;
        }
        if let Some(index) = at.group {
            row.group = self.names.id(fields.get(index), index, "group")?;
        }
        Ok(())
    }

    /// Refuses a row that leaves its size to a task definition where there is none.
    #[inline]
    fn check_size(&self, row: &TaskRow) -> Faulty<()> {
        let (index, name) = match (row.cpu, row.memory) {
            (Some(_), Some(_)) => return Ok(()),
            (None, _) => (self.cpu, "cpu"),
            (_, None) => (self.memory, "memory_mib"),
        };
        let text = format!("{name} is empty, and no task definition says it");
        let help = "write it into the row, or give the `run_task` a `task_definition`";
        let mut fault = Fault::line("a task without a size", text).help(help);
        fault.place = index.map_or(Place::Line, Place::Field);
        Err(fault)
    }

    #[inline]
    fn duration(&self, fields: Fields<'_>) -> Faulty<Option<SimSpan>> {
        let text = fields.get(self.duration);
        match SimSpan::parse_seconds(text) {
            Ok(span) if span.0 >= UNIX_FROM.0 => {
                Err(unix_length(self.duration, "duration_s", text))
            }
            Ok(span) => Ok(Some(span)),
            Err(DecimalError::Empty) => Ok(None),
            Err(DecimalError::TooLarge) => {
                let text = format!("duration_s is {}: longer than 100 years", shown(text));
                Err(Fault::field(self.duration, "a value is too large", text))
            }
            Err(error) => Err(bad_number(self.duration, "duration_s", text, error)),
        }
    }
}

/// A whole number, `None` where the field is empty or the column is not there.
#[inline]
fn optional_whole(
    fields: Fields<'_>,
    index: Option<usize>,
    name: &str,
    max: u64,
) -> Faulty<Option<u64>> {
    let Some(index) = index else { return Ok(None) };
    let text = fields.get(index);
    if text.is_empty() {
        return Ok(None);
    }
    match decimal::parse_whole(text, max) {
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(bad_whole(index, name, text, error, max)),
    }
}

impl Layout for Native {
    #[inline]
    fn read(&mut self, fields: Fields<'_>) -> Faulty<Verdict> {
        fields.expect_len(self.width, "the header")?;
        let at = self.arrival(fields)?;
        let cpu = optional_whole(fields, self.cpu, "cpu", MAX_CPU)?;
        let memory = optional_whole(fields, self.memory, "memory_mib", MAX_MEMORY_MIB)?;
        let mut row = TaskRow {
            arrival: SimTime::ZERO,
            cpu: cpu.map(|n| n as u32),
            memory: memory.map(|n| n as u32),
            gpus: None,
            duration: self.duration(fields)?,
            count: 1,
            definition: None,
            group: None,
            ephemeral_gib: None,
            exit_code: 0,
        };
        self.read_extras(fields, &mut row)?;
        if row.memory == Some(0) {
            let text = "memory_mib is \"0\": must be at least 1".into();
            let index = self.memory.unwrap_or_default();
            return Err(Fault::field(index, "a task without memory", text));
        }
        if self.rows_give_size && row.definition.is_none() {
            self.check_size(&row)?;
        }
        let mut adjusted = Adjustments::default();
        if self.clock == Clock::Unix {
            adjusted.add(Adjustment::UnixTime);
        }
        Ok(Verdict::Row(at, row, adjusted))
    }

    fn names(&self) -> &[String] {
        self.names.all()
    }

    fn rebases(&self) -> bool {
        matches!(self.clock, Clock::Calendar | Clock::Unix)
    }
}
