//! Google clusterdata-2011-2, table `task_events` (`ClusterData2011_2.md`): 13 columns, no header line
//! (that of a copy is passed over). Its parts
//! are joined with `cat part-*.csv.gz > task_events.csv.gz`.
//!
//! | Ours | From | Rule |
//! | --- | --- | --- |
//! | arrival | time of SUBMIT | microseconds less the 600 s at which the trace starts; earlier ones arrive at zero |
//! | duration | from SCHEDULE to EVICT, FAIL, FINISH, KILL or LOST | of the same job id and task index |
//! | CPU | 10 CPU request | share of the largest machine, times `cpu_of_one`, at least 1; empty: `default_cpu` |
//! | memory | 11 memory request | share of the largest machine, times `memory_mib_of_one`, at least 1 MiB; empty: `default_memory_mib` |
//! | exit code | kind of end | FINISH 0, FAIL and LOST 1, EVICT and KILL 137 |
//!
//! A task that is submitted again is another row: its restarts are in the trace. The row of a SUBMIT is yielded,
//! in order, once its end is known, so memory grows with the span of the oldest task that is open and not with
//! the trace; at most [`LOOK_AHEAD`] rows are kept. Beyond that the oldest open task is taken to run as long as it
//! was seen to run, or for `default_duration` if that is longer. Tasks that are open at the end of the file have
//! `default_duration`; those that ended before they were scheduled are left out. SUBMIT lines are the rows that
//! are used; all other events are counted as belonging to one. Events must be in order of time, as published.

use super::limits::{Defaults, plain_row, share};
use super::problem::{Fault, Faulty, shown};
use super::records::{Fields, Records};
use super::stream::{self, Adjustment, Adjustments, RawRow, Source, count, leave_rest, refuse};
use crate::base::lookup::Lookup;
use crate::base::time::{LATEST, SimSpan};
use crate::model::arrival::{RowCounts, TaskRow, TraceProblem};
use crate::model::workload::{OnRowError, TraceInput};
use std::collections::VecDeque;

/// Most rows that wait for their end: about 250 MB.
pub(super) const LOOK_AHEAD: usize = 2_000_000;

/// The trace starts at 600 s of its own clock.
const TRACE_START_US: u64 = 600_000_000;
/// After the end of the trace.
const AFTER_END: u64 = i64::MAX as u64;

const TIME: usize = 0;
const JOB: usize = 2;
const INDEX: usize = 3;
const EVENT: usize = 5;
const CPU: usize = 9;
const MEMORY: usize = 10;
const FIELDS: usize = 13;
/// Digits after the point at which shares are read.
const SCALE: u32 = 9;

const PART_OF_A_TASK: &str = "an event of a task that is counted by its SUBMIT";
const NEVER_SCHEDULED: &str = "the task ended before it was scheduled";
const WITHOUT_SUBMIT: &str = "an event of a task without a SUBMIT";
const AFTER_THE_END: &str = "an event after the end of the trace";

/// A submitted task.
struct Waiting {
    raw: RawRow,
    key: (u64, u64),
    scheduled: Option<u64>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Open,
    Ended,
    /// Left out.
    Dropped,
}

/// Joins the events of each task.
pub(super) struct Google2011 {
    records: Records,
    on_error: OnRowError,
    defaults: Defaults,
    cpu_of_one: u64,
    memory_mib_of_one: u64,
    look_ahead: usize,
    /// Submitted tasks in order of arrival, the oldest with number `first`.
    waiting: VecDeque<Waiting>,
    first: u64,
    /// Numbers of the open ones.
    open: Lookup<(u64, u64), u64>,
    now: u64,
    now_line: u64,
    at_end: bool,
}

/// Whether a first line is a header: its time is a name and not a number.
pub(super) fn is_header(first: Fields<'_>) -> bool {
    first.get(TIME).first().is_some_and(u8::is_ascii_alphabetic)
}

/// One event.
struct Event {
    time: u64,
    key: (u64, u64),
    kind: u64,
    /// The row of a SUBMIT.
    row: Option<(TaskRow, Adjustments)>,
}

impl Google2011 {
    /// Reads events as `input` asks.
    pub fn new(records: Records, input: &TraceInput) -> Self {
        Google2011 {
            records,
            on_error: input.on_error,
            defaults: Defaults::of(input),
            cpu_of_one: u64::from(input.cpu_of_one),
            memory_mib_of_one: u64::from(input.memory_mib_of_one),
            look_ahead: LOOK_AHEAD,
            waiting: VecDeque::new(),
            first: 0,
            open: Lookup::new(),
            now: 0,
            now_line: 0,
            at_end: false,
        }
    }

    /// Reads one event; `false` at the end of the file.
    fn step(&mut self, counts: &mut RowCounts) -> Result<bool, TraceProblem> {
        if !self.records.advance()? {
            return Ok(false);
        }
        counts.read += 1;
        let sizes = (self.defaults, self.cpu_of_one, self.memory_mib_of_one);
        let (now, now_line) = (self.now, self.now_line);
        let event = self.records.split().and_then(|fields| {
            let event = read_event(fields, sizes)?;
            if event.time < now { Err(out_of_order(event.time, now, now_line)) } else { Ok(event) }
        });
        match event {
            Ok(event) if event.time == AFTER_END => count(&mut counts.skipped, AFTER_THE_END),
            Ok(event) => {
                (self.now, self.now_line) = (event.time, self.records.line());
                self.apply(event, counts);
            }
            Err(fault) => refuse(self.on_error, &self.records, &fault, counts)?,
        }
        Ok(true)
    }

    fn apply(&mut self, event: Event, counts: &mut RowCounts) {
        if let Some((row, adjusted)) = event.row {
            // A task that is submitted twice without an end between: the first one's end is not known.
            let number = self.first + self.waiting.len() as u64;
            if let Some(before) = self.open.insert(event.key, number) {
                self.close_without_end(before, None);
            }
            let at = event.time.saturating_sub(TRACE_START_US) as i64;
            let raw = RawRow { at, line: self.records.line(), row, adjusted };
            let state = State::Open;
            self.waiting.push_back(Waiting { raw, key: event.key, scheduled: None, state });
            return;
        }
        let Some(&number) = self.open.get(&event.key) else {
            return count(&mut counts.skipped, WITHOUT_SUBMIT);
        };
        count(&mut counts.skipped, PART_OF_A_TASK);
        let task = &mut self.waiting[(number - self.first) as usize];
        match event.kind {
            1 => task.scheduled = Some(event.time),
            2..=6 => {
                match task.scheduled {
                    Some(scheduled) => {
                        let begun = scheduled.max(TRACE_START_US);
                        let micros = event.time.saturating_sub(begun);
                        task.raw.row.duration = Some(SimSpan(micros.min(LATEST.0)));
                        task.raw.row.exit_code = exit_code(event.kind);
                        task.state = State::Ended;
                    }
                    None => task.state = State::Dropped,
                }
                self.open.remove(&event.key);
            }
            _ => {}
        }
    }

    /// Gives an open task, by its number, the duration of one whose end is not known. `ran_for`: at least that.
    fn close_without_end(&mut self, number: u64, ran_for: Option<SimSpan>) {
        let defaults = self.defaults;
        let task = &mut self.waiting[(number - self.first) as usize];
        task.state = State::Ended;
        task.raw.row.duration = match ran_for {
            Some(ran_for) => {
                task.raw.adjusted.add(Adjustment::StillOpen);
                Some(defaults.duration.unwrap_or(ran_for).max(ran_for))
            }
            None => defaults.duration(&mut task.raw.adjusted),
        };
    }

    /// Takes the oldest task, whose end is known.
    fn take_first(&mut self, counts: &mut RowCounts) -> Option<RawRow> {
        let task = self.waiting.pop_front()?;
        self.first += 1;
        if task.state == State::Dropped {
            count(&mut counts.skipped, NEVER_SCHEDULED);
            return None;
        }
        Some(task.raw)
    }
}

impl Source for Google2011 {
    fn next_raw(&mut self, counts: &mut RowCounts) -> Result<Option<RawRow>, TraceProblem> {
        loop {
            match self.waiting.front() {
                Some(task) if task.state != State::Open => {
                    if let Some(raw) = self.take_first(counts) {
                        return Ok(Some(raw));
                    }
                }
                Some(task) if self.at_end || self.waiting.len() >= self.look_ahead => {
                    let since = task.scheduled.filter(|_| !self.at_end);
                    let ran_for = since.map(|t| SimSpan((self.now - t).min(LATEST.0)));
                    let key = task.key;
                    self.open.remove(&key);
                    self.close_without_end(self.first, ran_for);
                }
                None if self.at_end => return Ok(None),
                _ => self.at_end = !self.step(counts)?,
            }
        }
    }

    fn leave_rest(&mut self, counts: &mut RowCounts) {
        for task in self.waiting.drain(..) {
            let dropped = task.state == State::Dropped;
            count(&mut counts.skipped, if dropped { NEVER_SCHEDULED } else { stream::AFTER_END });
        }
        leave_rest(&mut self.records, counts);
    }

    fn records(&self) -> &Records {
        &self.records
    }

    fn names(&self) -> &[String] {
        &[]
    }

    fn rebases(&self) -> bool {
        false
    }
}

fn exit_code(kind: u64) -> u8 {
    match kind {
        4 => 0,
        3 | 6 => 1,
        _ => 137,
    }
}

fn out_of_order(time: u64, before: u64, line: u64) -> Box<Fault> {
    let text = format!("time {time} is before {before} on line {line}");
    Fault::line("out of order", text).help("events must be in order of time, as they are published")
}

fn read_event(fields: Fields<'_>, sizes: (Defaults, u64, u64)) -> Faulty<Event> {
    fields.expect_len(FIELDS, "a line of this format")?;
    let time = fields.whole(TIME, "time", AFTER_END)?;
    if time > LATEST.0 && time != AFTER_END {
        let text = format!("time is {}: later than 100 years", shown(fields.get(TIME)));
        return Err(Fault::field(TIME, "too late", text));
    }
    let job = fields.whole(JOB, "job ID", u64::MAX)?;
    let index = fields.whole(INDEX, "task index", u64::MAX)?;
    let kind = fields.whole(EVENT, "event type", u64::MAX)?;
    if kind > 8 {
        let text = format!("event type is {}", shown(fields.get(EVENT)));
        return Err(Fault::field(EVENT, "an unknown event type", text).help("known: 0 to 8"));
    }
    let row = if kind == 0 { Some(read_size(fields, sizes)?) } else { None };
    Ok(Event { time, key: (job, index), kind, row })
}

fn read_size(
    fields: Fields<'_>,
    (defaults, cpu_of_one, memory_mib_of_one): (Defaults, u64, u64),
) -> Faulty<(TaskRow, Adjustments)> {
    let one = 10u64.pow(SCALE);
    let mut adjusted = Adjustments::default();
    let cpu = match fields.get(CPU) {
        b"" => defaults.cpu(&mut adjusted),
        _ => share(fields.scaled(CPU, "CPU request", SCALE)?, cpu_of_one, one).max(1),
    };
    let memory = match fields.get(MEMORY) {
        b"" => defaults.memory(&mut adjusted),
        _ => {
            let of_one = fields.scaled(MEMORY, "memory request", SCALE)?;
            share(of_one, memory_mib_of_one, one).max(1)
        }
    };
    Ok((plain_row(cpu, memory, None)?, adjusted))
}
