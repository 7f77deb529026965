//! Rows of a file to the stream that a run reads: accounting, order, rebasing, scaling and the row limit.
//!
//! A format says what one row means ([`Layout`]) or, where a task is spread over several rows, yields finished
//! rows itself ([`Source`]). Everything that all formats share is here, once.

use super::limits::check_gap;
use super::problem::{Fault, Faulty, problem, problem_at};
use super::records::{Fields, Records};
use super::sort::{PackedRow, sort_rows};
use crate::base::time::{LATEST, SimTime};
use crate::model::arrival::{RowCounts, TaskRow, TaskStream, TraceProblem};
use crate::model::workload::{OnRowError, Order, TraceInput};
use std::collections::BTreeMap;

/// Reason under which rows beyond `limit` are counted.
pub const BEYOND_LIMIT: &str = "beyond the row limit";

/// Reason under which rows are counted that arrive at the end of the run or later.
pub const AFTER_END: &str = "after the end of the run";

/// What is assumed of a time that counts from 1970.
pub const UNIX_TIME: &str = "Unix time: the first row is at the beginning";

/// Why a file was not counted to its end.
pub(super) const UNREADABLE_REST: &str = "what follows the end of the run cannot be read";

/// Counts one more under `reason`; allocates only for a reason that is new.
pub(super) fn count(map: &mut BTreeMap<String, u64>, reason: &str) {
    count_more(map, reason, 1);
}

/// Counts `number` more under `reason`, which is not named for none.
pub(super) fn count_more(map: &mut BTreeMap<String, u64>, reason: &str, number: u64) {
    match map.get_mut(reason) {
        Some(count) => *count += number,
        None if number == 0 => {}
        None => drop(map.insert(reason.to_string(), number)),
    }
}

/// Counts the lines that are left as rows after the end of the run. They are not looked at: what is wrong with them
/// is of no consequence.
pub(super) fn leave_rest(records: &mut Records, counts: &mut RowCounts) {
    loop {
        match records.advance() {
            Ok(true) => {
                counts.read += 1;
                count(&mut counts.skipped, AFTER_END);
            }
            Ok(false) => return,
            Err(_) => return count(&mut counts.adjusted, UNREADABLE_REST),
        }
    }
}

/// Assumptions that were made for a row, as a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Adjustments(u16);

/// One assumption.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Adjustment {
    DefaultCpu,
    DefaultMemory,
    UsedMemory,
    MemoryAboveWhole,
    DefaultDuration,
    NoDuration,
    GpuShare,
    GpuShareOfMany,
    UntilObserved,
    NeverScheduled,
    AlreadyThere,
    StillOpen,
    UnixTime,
    RequestedProcessors,
}

impl Adjustment {
    const ALL: [(Adjustment, &'static str); 14] = [
        (Adjustment::DefaultCpu, "no CPU given: the default is used"),
        (Adjustment::DefaultMemory, "no memory given: the default is used"),
        (Adjustment::UsedMemory, "no memory requested: the memory used is taken"),
        (
            Adjustment::MemoryAboveWhole,
            "more memory than the largest machine has: the default is used",
        ),
        (Adjustment::DefaultDuration, "no end known: the default duration is used"),
        (Adjustment::NoDuration, "no end known: the duration is left to the caller"),
        (Adjustment::GpuShare, "a share of a GPU is raised to a whole one"),
        (Adjustment::GpuShareOfMany, "a share of each of several GPUs is raised to whole ones"),
        (Adjustment::UntilObserved, "still running at the end of the trace: it ends there"),
        (Adjustment::NeverScheduled, "never scheduled: the duration is from creation to deletion"),
        (Adjustment::AlreadyThere, "there before the trace began: it arrives at the beginning"),
        (Adjustment::StillOpen, "running longer than the look-ahead: its end is not known"),
        (Adjustment::UnixTime, UNIX_TIME),
        (
            Adjustment::RequestedProcessors,
            "no allocated processors given: the requested ones are used",
        ),
    ];
}

impl Adjustments {
    /// Adds one.
    pub fn add(&mut self, adjustment: Adjustment) {
        self.0 |= 1 << adjustment as u16;
    }

    /// Takes back what [`Adjustments::count_into`] counted.
    fn take_from(self, counts: &mut BTreeMap<String, u64>) {
        for (adjustment, text) in Adjustment::ALL {
            if self.0 & (1 << adjustment as u16) != 0
                && let Some(count) = counts.get_mut(text)
            {
                *count -= 1;
            }
        }
        counts.retain(|_, count| *count > 0);
    }

    fn count_into(self, counts: &mut BTreeMap<String, u64>) {
        for (adjustment, text) in Adjustment::ALL {
            if self.0 & (1 << adjustment as u16) != 0 {
                count(counts, text);
            }
        }
    }
}

/// A row whose arrival is on the trace's own clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawRow {
    /// Arrival in microseconds on the trace's clock.
    pub at: i64,
    /// Line of the file.
    pub line: u64,
    /// The row; its `arrival` is not set yet.
    pub row: TaskRow,
    /// Assumptions.
    pub adjusted: Adjustments,
}

/// What a line turned out to be.
pub(super) enum Verdict {
    /// A row.
    Row(i64, TaskRow, Adjustments),
    /// Nothing that can be replayed, as published: left out and counted whatever `on_error` says.
    Skip(&'static str),
}

/// The meaning of one line of a format.
pub(super) trait Layout {
    /// Reads one record.
    fn read(&mut self, fields: Fields<'_>) -> Faulty<Verdict>;

    /// Names that the records mentioned.
    fn names(&self) -> &[String] {
        &[]
    }

    /// Whether the first arrival of the trace becomes instant zero. Asked after the first row was read.
    fn rebases(&self) -> bool {
        true
    }
}

/// Rows in file order, with faults already handled.
pub(super) trait Source {
    /// The next row; `None` at the end.
    fn next_raw(&mut self, counts: &mut RowCounts) -> Result<Option<RawRow>, TraceProblem>;
    /// Counts all that is left as rows after the end of the run.
    fn leave_rest(&mut self, counts: &mut RowCounts);
    /// The file, for messages about the current line.
    fn records(&self) -> &Records;
    /// Names that the rows mentioned.
    fn names(&self) -> &[String];
    /// See [`Layout::rebases`].
    fn rebases(&self) -> bool;
}

/// A format in which every line stands for itself.
pub(super) struct LineByLine<L> {
    records: Records,
    layout: L,
    on_error: OnRowError,
}

impl<L: Layout> LineByLine<L> {
    /// Reads `records` as `layout` says.
    pub fn new(records: Records, layout: L, input: &TraceInput) -> Self {
        LineByLine { records, layout, on_error: input.on_error }
    }
}

impl<L: Layout> Source for LineByLine<L> {
    #[inline]
    fn next_raw(&mut self, counts: &mut RowCounts) -> Result<Option<RawRow>, TraceProblem> {
        while self.records.advance()? {
            counts.read += 1;
            let layout = &mut self.layout;
            match self.records.split().and_then(|fields| layout.read(fields)) {
                Ok(Verdict::Row(at, row, adjusted)) => {
                    return Ok(Some(RawRow { at, line: self.records.line(), row, adjusted }));
                }
                Ok(Verdict::Skip(reason)) => count(&mut counts.skipped, reason),
                Err(fault) => refuse(self.on_error, &self.records, &fault, counts)?,
            }
        }
        Ok(None)
    }

    fn leave_rest(&mut self, counts: &mut RowCounts) {
        leave_rest(&mut self.records, counts);
    }

    fn records(&self) -> &Records {
        &self.records
    }

    fn names(&self) -> &[String] {
        self.layout.names()
    }

    fn rebases(&self) -> bool {
        self.layout.rebases()
    }
}

/// A bad row: the end of the run, or counted.
#[cold]
pub(super) fn refuse(
    on_error: OnRowError,
    records: &Records,
    fault: &Fault,
    counts: &mut RowCounts,
) -> Result<(), TraceProblem> {
    match on_error {
        OnRowError::Fail => Err(records.problem(fault)),
        OnRowError::Skip => {
            count(&mut counts.skipped, fault.reason);
            Ok(())
        }
    }
}

/// The rows of a file in order of arrival.
pub(super) struct FileStream<S> {
    source: S,
    counts: RowCounts,
    rules: Rules,
    /// The trace's own instant that is zero for us; known from the first row on.
    base: Option<i64>,
    /// Arrival on the trace's clock and line of the row before, which is the one that was given last.
    before: (i64, u64),
    /// Its instant of the simulation.
    last: SimTime,
    sorted: Option<std::vec::IntoIter<PackedRow>>,
    /// What was assumed for the row that was given last.
    assumed: Adjustments,
}

/// The options that hold for all formats.
struct Rules {
    order: Order,
    on_error: OnRowError,
    time_scale_ppm: u64,
    limit: u64,
    max_rows: u64,
}

impl<S: Source> FileStream<S> {
    /// Streams `source`; rows out of order are treated as `input` says, else as `default_order`.
    pub fn new(source: S, input: &TraceInput, default_order: Order) -> Self {
        let rules = Rules {
            order: input.order.unwrap_or(default_order),
            on_error: input.on_error,
            time_scale_ppm: input.time_scale_ppm,
            limit: input.limit.unwrap_or(u64::MAX),
            max_rows: input.max_rows,
        };
        let before = (i64::MIN, 0);
        let (counts, assumed) = (RowCounts::default(), Adjustments::default());
        FileStream {
            source,
            counts,
            rules,
            base: None,
            before,
            last: SimTime::ZERO,
            sorted: None,
            assumed,
        }
    }

    #[inline]
    fn next_raw(&mut self) -> Result<Option<RawRow>, TraceProblem> {
        let raw = self.source.next_raw(&mut self.counts)?;
        if self.counts.read > self.rules.max_rows {
            let text = format!("has more than {} rows", self.rules.max_rows);
            let help = Some("this limit guards against damaged files and can be raised");
            return Err(problem(self.source.records().file(), &text, help));
        }
        Ok(raw)
    }

    /// The next row in file order, which must be the order of arrival.
    #[inline]
    fn next_strict(&mut self) -> Result<Option<TaskRow>, TraceProblem> {
        while let Some(mut raw) = self.next_raw()? {
            if self.counts.used == self.rules.limit {
                count(&mut self.counts.skipped, BEYOND_LIMIT);
                continue;
            }
            let arrival = self.in_order(&raw).and_then(|()| self.arrival(raw.at));
            match arrival {
                Ok(arrival) => {
                    self.follow(arrival, raw.line)?;
                    self.before = (raw.at, raw.line);
                    self.counts.used += 1;
                    self.assumed = raw.adjusted;
                    if raw.adjusted != Adjustments::default() {
                        raw.adjusted.count_into(&mut self.counts.adjusted);
                    }
                    raw.row.arrival = arrival;
                    return Ok(Some(raw.row));
                }
                Err(fault) => {
                    refuse(self.rules.on_error, self.source.records(), &fault, &mut self.counts)?;
                }
            }
        }
        Ok(None)
    }

    #[inline]
    fn in_order(&self, raw: &RawRow) -> Faulty<()> {
        if raw.at >= self.before.0 { Ok(()) } else { Err(self.out_of_order(raw)) }
    }

    #[cold]
    fn out_of_order(&self, raw: &RawRow) -> Box<Fault> {
        let (before, line) = self.before;
        let text = format!(
            "the row arrives at {}, before the row on line {line} at {}",
            seconds(raw.at),
            seconds(before)
        );
        Fault::line("out of order", text)
            .help("sort the file by arrival, or read it with order = \"sort\"")
    }

    /// Goes on to `arrival`. Too long a gap is an error whatever `on_error` says: which of its two ends is wrong nobody
    /// knows.
    #[inline]
    fn follow(&mut self, arrival: SimTime, line: u64) -> Result<(), TraceProblem> {
        let gap = check_gap(arrival.since(self.last), self.before.1 == 0);
        if let Err(fault) = gap {
            let (file, help) = (self.source.records().file(), fault.help.as_deref());
            return Err(problem_at(file, line, 1, &fault.text, help));
        }
        self.last = arrival;
        Ok(())
    }

    /// The instant of the simulation at which a row arrives.
    #[inline]
    fn arrival(&mut self, at: i64) -> Faulty<SimTime> {
        let base = match self.base {
            Some(base) => base,
            None => *self.base.insert(if self.source.rebases() { at } else { 0 }),
        };
        let micros = at.wrapping_sub(base) as u64;
        if self.rules.time_scale_ppm == 1_000_000 && micros <= LATEST.0 {
            return Ok(SimTime(micros));
        }
        let scaled = u128::from(micros) * u128::from(self.rules.time_scale_ppm) + 500_000;
        match u64::try_from(scaled / 1_000_000) {
            Ok(micros) if micros <= LATEST.0 => Ok(SimTime(micros)),
            _ => Err(too_late()),
        }
    }

    /// Reads everything and sorts it, stably, by arrival.
    fn sort_all(&mut self) -> Result<(), TraceProblem> {
        let mut rows = Vec::new();
        while let Some(raw) = self.next_raw()? {
            let Ok(line) = u32::try_from(raw.line) else {
                let text = "has too many rows to be sorted here";
                let help = Some("sort the file first and read it with order = \"strict\"");
                return Err(problem(self.source.records().file(), text, help));
            };
            rows.push(PackedRow::new(&raw, line));
        }
        sort_rows(&mut rows);
        // A row can be too late only against the earliest one, which is known now.
        if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
            let (first, last) = (first.at, last.at);
            self.arrival(first).and_then(|_| self.arrival(last)).map_err(|fault| {
                problem(self.source.records().file(), &fault.text, fault.help.as_deref())
            })?;
        }
        self.sorted = Some(rows.into_iter());
        Ok(())
    }

    fn next_sorted(&mut self) -> Result<Option<TaskRow>, TraceProblem> {
        if self.sorted.is_none() {
            self.sort_all()?;
        }
        while let Some(packed) = self.sorted.as_mut().and_then(Iterator::next) {
            if self.counts.used == self.rules.limit {
                count(&mut self.counts.skipped, BEYOND_LIMIT);
                continue;
            }
            let raw = packed.unpack();
            let arrival = self.arrival(raw.at).expect("the first and the last row were checked");
            self.follow(arrival, raw.line)?;
            self.before = (raw.at, raw.line);
            self.counts.used += 1;
            self.assumed = raw.adjusted;
            raw.adjusted.count_into(&mut self.counts.adjusted);
            return Ok(Some(TaskRow { arrival, ..raw.row }));
        }
        Ok(None)
    }
}

#[cold]
fn too_late() -> Box<Fault> {
    let text = "the row arrives more than 100 years after the beginning".into();
    Fault::line("arrives too late", text)
}

/// Microseconds as seconds, also below zero.
fn seconds(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    format!("{sign}{} s", SimTime(micros.unsigned_abs()))
}

impl<S: Source> TaskStream for FileStream<S> {
    #[inline]
    fn next_row(&mut self) -> Result<Option<TaskRow>, TraceProblem> {
        match self.rules.order {
            Order::Strict => self.next_strict(),
            Order::Sort => self.next_sorted(),
        }
    }

    fn end(&mut self, untaken: u64) {
        self.counts.used -= untaken;
        if untaken > 0 {
            self.assumed.take_from(&mut self.counts.adjusted);
        }
        let sorted = self.sorted.take().map_or(0, |rows| rows.len() as u64);
        count_more(&mut self.counts.skipped, AFTER_END, untaken + sorted);
        self.source.leave_rest(&mut self.counts);
    }

    fn names(&self) -> &[String] {
        self.source.names()
    }

    fn place(&self) -> Option<(&str, u64)> {
        Some((self.source.records().file(), self.before.1))
    }

    fn counts(&self) -> &RowCounts {
        &self.counts
    }
}
