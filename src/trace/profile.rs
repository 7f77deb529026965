//! What a trace holds: numbers over all of its tasks, gathered while the rows stream by.
//!
//! Memory does not grow with the trace: distinct values and sizes are counted exactly up to a bound each, beyond
//! which quantiles come from buckets of one part in 256 and further sizes are one number.

use crate::base::time::{SimSpan, SimTime};
use crate::metrics::histogram::SpanHistogram;
use crate::model::arrival::{RowCounts, TaskRow, TaskStream, TraceProblem};
use std::collections::BTreeMap;

/// Most distinct values of a quantity, and most distinct sizes, that are counted one by one.
const MOST_DISTINCT: usize = 1 << 16;
/// Microseconds in a minute.
const MINUTE: u64 = 60_000_000;
/// CPU units in a vCPU times microseconds in an hour; also MiB in a GiB times microseconds in an hour.
const UNIT_MICROS_PER_HOUR: f64 = 1_024.0 * 3.6e9;

/// How often each value of a quantity occurs.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Every value with its count; `None` once there were too many.
    exact: Option<BTreeMap<u64, u64>>,
    buckets: SpanHistogram,
}

impl Default for Tally {
    fn default() -> Self {
        Tally { exact: Some(BTreeMap::new()), buckets: SpanHistogram::default() }
    }
}

impl Tally {
    fn add(&mut self, value: u64, times: u64) {
        self.buckets.add_many(SimSpan(value), times);
        if let Some(exact) = &mut self.exact {
            *exact.entry(value).or_insert(0) += times;
            if exact.len() > MOST_DISTINCT {
                self.exact = None;
            }
        }
    }

    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.count()
    }

    /// The largest value; `None` without values.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        self.buckets.max().map(|max| max.0)
    }

    /// The smallest value that at least `per_mille`/1000 of the values do not exceed; `None` without values. With
    /// more than 65,536 distinct values it is up to 1/256 too high.
    #[must_use]
    pub fn quantile(&self, per_mille: u64) -> Option<u64> {
        let Some(exact) = &self.exact else {
            return self.buckets.quantile(per_mille).map(|value| value.0);
        };
        let rank = (u128::from(self.count()) * u128::from(per_mille)).div_ceil(1000).max(1);
        let mut seen = 0;
        exact.iter().find_map(|(&value, &count)| {
            seen += u128::from(count);
            (seen >= rank).then_some(value)
        })
    }
}

/// A size that tasks ask for; `None` where the trace leaves it to the task definition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Size {
    /// CPU units.
    pub cpu: Option<u32>,
    /// MiB.
    pub memory: Option<u32>,
    /// Whole GPUs.
    pub gpus: u16,
}

/// The minute with the most arrivals.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PeakMinute {
    /// Where the minute begins: a multiple of 60 s.
    pub from: SimTime,
    /// Tasks that arrive in it.
    pub tasks: u64,
}

/// What a trace holds. A task is one copy of a row.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// What became of the rows.
    pub rows: RowCounts,
    /// Tasks: the sum of the rows' counts.
    pub tasks: u64,
    /// First and last arrival; `None` without rows.
    pub span: Option<(SimTime, SimTime)>,
    /// The latest instant at which a task would end if each began when it arrived.
    pub last_end: SimTime,
    /// The first of the minutes with the most arrivals.
    pub peak: PeakMinute,
    /// CPU units of the tasks that say.
    pub cpu: Tally,
    /// MiB of the tasks that say.
    pub memory: Tally,
    /// Microseconds of the tasks that say.
    pub duration: Tally,
    /// Tasks that ask for GPUs.
    pub gpu_tasks: u64,
    /// Tasks that end with an exit code other than 0.
    pub failing_tasks: u64,
    cpu_unit_micros: u128,
    mib_micros: u128,
    sizes: BTreeMap<Size, u64>,
    tasks_of_other_sizes: u64,
    this_minute: PeakMinute,
}

impl Profile {
    /// Reads `rows` to the end.
    ///
    /// # Errors
    /// As [`TaskStream::next_row`].
    pub fn of(rows: &mut dyn TaskStream) -> Result<Profile, TraceProblem> {
        let mut profile = Profile::default();
        while let Some(row) = rows.next_row()? {
            profile.add(&row);
        }
        profile.rows = rows.counts().clone();
        Ok(profile)
    }

    fn add(&mut self, row: &TaskRow) {
        let copies = u64::from(row.count);
        self.tasks += copies;
        let first = self.span.map_or(row.arrival, |(first, _)| first);
        self.span = Some((first, row.arrival));
        self.last_end = self.last_end.max(row.arrival + row.duration.unwrap_or_default());
        self.add_to_minute(row.arrival, copies);
        if let Some(cpu) = row.cpu {
            self.cpu.add(u64::from(cpu), copies);
        }
        if let Some(memory) = row.memory {
            self.memory.add(u64::from(memory), copies);
        }
        if let Some(duration) = row.duration {
            self.duration.add(duration.0, copies);
            let micros = u128::from(duration.0) * u128::from(copies);
            self.cpu_unit_micros =
                self.cpu_unit_micros.saturating_add(micros * u128::from(row.cpu.unwrap_or(0)));
            self.mib_micros =
                self.mib_micros.saturating_add(micros * u128::from(row.memory.unwrap_or(0)));
        }
        let gpus = row.gpus.unwrap_or(0);
        self.gpu_tasks += if gpus > 0 { copies } else { 0 };
        self.failing_tasks += if row.exit_code != 0 { copies } else { 0 };
        let size = Size { cpu: row.cpu, memory: row.memory, gpus };
        let has_room = self.sizes.len() < MOST_DISTINCT;
        match self.sizes.get_mut(&size) {
            Some(tasks) => *tasks += copies,
            None if has_room => drop(self.sizes.insert(size, copies)),
            None => self.tasks_of_other_sizes += copies,
        }
    }

    /// Arrivals never go back, so one minute at a time is enough.
    fn add_to_minute(&mut self, arrival: SimTime, copies: u64) {
        let from = SimTime(arrival.0 / MINUTE * MINUTE);
        if from != self.this_minute.from {
            self.this_minute = PeakMinute { from, tasks: 0 };
        }
        self.this_minute.tasks += copies;
        if self.this_minute.tasks > self.peak.tasks {
            self.peak = self.this_minute;
        }
    }

    /// From the first to the last arrival.
    #[must_use]
    pub fn arrival_span(&self) -> SimSpan {
        self.span.map_or(SimSpan::ZERO, |(first, last)| last.since(first))
    }

    /// Mean arrivals of tasks per second between the first and the last; `None` where these are one instant.
    #[must_use]
    pub fn tasks_per_second(&self) -> Option<f64> {
        let seconds = self.arrival_span().to_secs_f64();
        (seconds > 0.0).then(|| self.tasks as f64 / seconds)
    }

    /// CPU times duration of the tasks that say both.
    #[must_use]
    pub fn vcpu_hours(&self) -> f64 {
        self.cpu_unit_micros as f64 / UNIT_MICROS_PER_HOUR
    }

    /// Memory times duration of the tasks that say both.
    #[must_use]
    pub fn gib_hours(&self) -> f64 {
        self.mib_micros as f64 / UNIT_MICROS_PER_HOUR
    }

    /// Distinct sizes that were counted one by one: at most 65,536.
    #[must_use]
    pub fn distinct_sizes(&self) -> usize {
        self.sizes.len()
    }

    /// Tasks of sizes beyond these.
    #[must_use]
    pub fn tasks_of_other_sizes(&self) -> u64 {
        self.tasks_of_other_sizes
    }

    /// The `most` sizes with the most tasks, the smaller size first among equals.
    #[must_use]
    pub fn top_sizes(&self, most: usize) -> Vec<(Size, u64)> {
        let mut sizes: Vec<(Size, u64)> = self.sizes.iter().map(|(s, n)| (*s, *n)).collect();
        sizes.sort_by_key(|&(size, tasks)| (std::cmp::Reverse(tasks), size));
        sizes.truncate(most);
        sizes
    }
}
