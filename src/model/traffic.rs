//! Requests as they arrive, as plain data: where the rates come from, and what a request costs.

use super::arrival::{RowCounts, TraceProblem};
use super::connection::Connections;
use super::workload::OnRowError;
use crate::base::distribution::Distribution;
use crate::base::time::{SimSpan, SimTime};
use std::path::PathBuf;

/// Millionths of a request: the unit in which requests are counted, so that every sum is exact.
pub const MICRO: u64 = 1_000_000;

/// Requests that arrive evenly over `[start, end)`.
///
/// By `t`, ⌊micro · (t − start) / (end − start)⌋ millionths have arrived: over the whole segment exactly `micro`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateSegment {
    /// Begin.
    pub start: SimTime,
    /// End, after `start`.
    pub end: SimTime,
    /// Requests over the whole segment, in millionths.
    pub micro: u64,
}

/// The segments of one service's traffic, in order and without gaps from time zero; read as they are needed.
pub trait RateStream {
    /// The next segment; its start is the end of the one before. `None`: nothing arrives any more.
    ///
    /// # Errors
    /// A row that cannot be used, with file, line and column, already rendered for people.
    fn next_segment(&mut self) -> Result<Option<RateSegment>, TraceProblem>;

    /// The next segments up to one that ends at `until` or later, handed over one by one: as by [`RateStream::next_segment`],
    /// in one call. Says whether more may come.
    ///
    /// # Errors
    /// As there, when the segments before the row have been handed over.
    fn read_until(
        &mut self,
        until: SimTime,
        take: &mut dyn FnMut(RateSegment),
    ) -> Result<bool, TraceProblem> {
        while let Some(segment) = self.next_segment()? {
            take(segment);
            if segment.end >= until {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Asks memory for what the next segment is made of, where that is worth it: a hint, without effect on segments.
    fn look_ahead(&self) {}

    /// The run has ended: rows that are still to come are counted as left out.
    fn end(&mut self) {}

    /// What became of the rows so far.
    fn counts(&self) -> &RowCounts;
}

/// Layout of a traffic trace.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum TrafficFormat {
    /// Our own CSV: `time_s, requests_per_s`; a rate holds until the next row.
    #[default]
    Native,
    /// CSV `timestamp,value` of CloudWatch sums as NAB publishes them; the period is the usual distance of rows.
    Cloudwatch,
    /// CSV `period,count`: requests in the minute (or other `period_s`) that begins at the first column.
    Counts,
    /// Whole numbers separated by blanks: requests in each successive second (or other `period_s`).
    CountList,
    /// JSON of `aws cloudwatch get-metric-data`: sums.
    GetMetricData,
}

impl TrafficFormat {
    /// All formats with the name that `format = "..."` takes.
    pub const ALL: [(TrafficFormat, &'static str); 5] = [
        (TrafficFormat::Native, "native"),
        (TrafficFormat::Cloudwatch, "cloudwatch"),
        (TrafficFormat::Counts, "counts"),
        (TrafficFormat::CountList, "count_list"),
        (TrafficFormat::GetMetricData, "get_metric_data"),
    ];

    /// The name in a scenario.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(format, _)| *format == self).map_or("native", |(_, name)| name)
    }
}

/// A traffic trace and how to read it.
#[derive(Clone, Debug, PartialEq)]
pub struct RateTrace {
    /// The file as it is opened; `.gz` is told by its first bytes.
    pub path: PathBuf,
    /// The file as the user wrote it, for messages and the manifest.
    pub display: String,
    /// Layout.
    pub format: TrafficFormat,
    /// Bad rows.
    pub on_error: OnRowError,
    /// Length of a period where the format does not say; `None`: the format's own rule.
    pub period: Option<SimSpan>,
    /// `Id` or `Label` of the series in a `get_metric_data` file; `None`: the only one.
    pub series: Option<String>,
    /// This much of the trace is left out at its beginning.
    pub skip: SimSpan,
    /// Whether the trace begins again when it ends.
    pub repeat: bool,
    /// Most bytes that a compressed trace may expand to.
    pub max_expanded_bytes: u64,
    /// Most rows.
    pub max_rows: u64,
}

/// Something that happens to a generated rate at an instant; its factor multiplies what is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RateEvent {
    /// Goes linearly to `factor` over `over`, and stays.
    Ramp {
        /// Begin.
        at: SimTime,
        /// Length.
        over: SimSpan,
        /// Factor at the end.
        factor: f64,
    },
    /// Becomes `factor` times as large at once; after `lasts` (`None`: never) it goes back.
    Step {
        /// Begin.
        at: SimTime,
        /// Factor.
        factor: f64,
        /// Length.
        lasts: Option<SimSpan>,
    },
    /// A flash crowd: up to `factor` over `rise`, a plateau of `holds`, then an exponential decline with the time
    /// constant `decay`.
    FlashCrowd {
        /// Begin.
        at: SimTime,
        /// Factor on the plateau.
        factor: f64,
        /// Rise.
        rise: SimSpan,
        /// Plateau.
        holds: SimSpan,
        /// Time constant of the decline.
        decay: SimSpan,
    },
}

/// A generated rate: constant, waves, events and noise, multiplied. Piecewise constant on a grid of `step`.
#[derive(Clone, Debug, PartialEq)]
pub struct RateGenerator {
    /// Name of the random stream; equal names and seeds give equal rates.
    pub name: String,
    /// Requests per second before all factors.
    pub per_second: f64,
    /// Depth of a daily wave, 0 to 1: `1 + depth · cos(2π (t − peak) / day)`.
    pub daily_depth: f64,
    /// Instant of the daily peak, seconds after midnight of the scenario's clock.
    pub daily_peak_s: f64,
    /// Factor on Saturdays and Sundays; 1 is no weekly shape.
    pub weekend_factor: f64,
    /// Ramps, steps, flash crowds.
    pub events: Vec<RateEvent>,
    /// Each step's requests are drawn from a Poisson distribution; `false`: the rate as it is.
    pub poisson: bool,
    /// Multiplicative log-normal noise that changes every `step`: standard deviation of the logarithm; 0 is none.
    pub noise_sigma: f64,
    /// Two-state bursts on top.
    pub bursts: Option<super::workload::Bursts>,
    /// The grid: one minute by default.
    pub step: SimSpan,
}

/// Where rates come from.
#[derive(Clone, Debug, PartialEq)]
pub enum RateOrigin {
    /// A file.
    Trace(RateTrace),
    /// A generator.
    Generated(RateGenerator),
}

/// A service's source of requests.
#[derive(Clone, Debug, PartialEq)]
pub struct RateSource {
    /// Where rates come from.
    pub origin: RateOrigin,
    /// Multiplies every rate; parts per million.
    pub scale_ppm: u64,
    /// The traffic begins this much later; nothing arrives before.
    pub shift: SimSpan,
    /// Periods are summed to this grid, which makes long fine traces cheaper; `None`: as they come.
    pub resample: Option<SimSpan>,
}

/// How closely the requests of a service are simulated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Fidelity {
    /// Rates are integrated exactly between events; latency comes from queueing formulas.
    #[default]
    Fluid,
    /// Every request is an event with service times of its own.
    Requests,
}

/// How work reaches the tasks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WorkKind {
    /// Requests that somebody waits for: pushed to a task at once, dropped when they wait too long.
    #[default]
    Requests,
    /// Messages in a queue (SQS): tasks take the next when a worker is free; nothing is pushed.
    Messages,
}

/// What a service has to do, and what it costs.
///
/// A task has `workers` slots and its CPU. A request takes a slot (or waits for one, first come first served), uses
/// `cpu_ms` of CPU, of which no request gets more than one vCPU at a time and busy ones share what there is equally,
/// then waits `io_ms` without using CPU. One vCPU and no limit of workers is M/G/1 processor sharing; `c` vCPUs and
/// `c` workers is M/G/c, first come first served.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// Requests or messages.
    pub kind: WorkKind,
    /// When they come.
    pub source: RateSource,
    /// How closely they are simulated.
    pub fidelity: Fidelity,
    /// CPU time of one, milliseconds of a whole vCPU.
    pub cpu_ms: Distribution,
    /// Time without CPU of one, milliseconds.
    pub io_ms: Distribution,
    /// Memory of one in flight, KiB.
    pub memory_kib: u32,
    /// Requests that a task works on at a time; `None`: no limit.
    pub workers: Option<u32>,
    /// Requests that may wait at a task for a worker; one more is dropped (`queue_full`). `None`: no limit.
    pub queue_limit: Option<u32>,
    /// A request that has waited this long for its answer is dropped (`timeout`). Messages: the retention period
    /// (SQS default 4 days). ALB idle timeout: 60 s.
    pub timeout: SimSpan,
    /// Messages: when they come back. `None`: whoever works on one keeps it for as long as it takes; those of a lost
    /// task come back at once.
    pub delivery: Option<Delivery>,
    /// Messages: whether a task that is stopped works on those that it has until its stop timeout.
    pub finishes_on_stop: bool,
    /// Requests: the long connections by which they come. `None`: each goes where the balancer sends it.
    pub connections: Option<Box<Connections>>,
}

/// How a queue (SQS) delivers messages that are not done with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// `VisibilityTimeout`: a message that is not deleted so long after it was received is visible again. One that is
    /// answered with an error, or whose task is lost, is not deleted.
    pub visibility: SimSpan,
    /// `maxReceiveCount`: received so often, it is a dead letter the next time.
    pub max_receives: Option<u32>,
}

/// Requests by what became of them, in millionths: offered = served + dropped, exactly.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RequestTotals {
    /// Requests (or messages) that arrived and whose fate is known.
    pub offered: u64,
    /// Answered, errors included.
    pub served: u64,
    /// Of the served ones, answered with an error.
    pub errors: u64,
    /// Dropped: no target was there.
    pub no_target: u64,
    /// Dropped: the queue at the task was full.
    pub queue_full: u64,
    /// Dropped: waited too long (messages: retention).
    pub timeout: u64,
    /// Dropped: the task that worked on it stopped or crashed.
    pub task_lost: u64,
    /// Dropped: a message that was received too often (SQS's redrive policy).
    pub dead_letters: u64,
    /// Dropped: unfinished when the run ended.
    pub unfinished: u64,
    /// Messages that were received again, after a visibility timeout: of all work, that beside the first time.
    pub received_again: u64,
}

impl RequestTotals {
    /// All that was dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let lost = self.no_target + self.queue_full + self.timeout + self.task_lost;
        lost + self.dead_letters + self.unfinished
    }

    /// `self` plus `other`.
    #[must_use]
    pub fn plus(&self, other: &RequestTotals) -> RequestTotals {
        RequestTotals {
            offered: self.offered + other.offered,
            served: self.served + other.served,
            errors: self.errors + other.errors,
            no_target: self.no_target + other.no_target,
            queue_full: self.queue_full + other.queue_full,
            timeout: self.timeout + other.timeout,
            task_lost: self.task_lost + other.task_lost,
            dead_letters: self.dead_letters + other.dead_letters,
            unfinished: self.unfinished + other.unfinished,
            received_again: self.received_again + other.received_again,
        }
    }

    /// `self` less `earlier`, a state of the same totals at an earlier instant.
    #[must_use]
    pub fn since(&self, earlier: &RequestTotals) -> RequestTotals {
        RequestTotals {
            offered: self.offered - earlier.offered,
            served: self.served - earlier.served,
            errors: self.errors - earlier.errors,
            no_target: self.no_target - earlier.no_target,
            queue_full: self.queue_full - earlier.queue_full,
            timeout: self.timeout - earlier.timeout,
            task_lost: self.task_lost - earlier.task_lost,
            dead_letters: self.dead_letters - earlier.dead_letters,
            unfinished: self.unfinished - earlier.unfinished,
            received_again: self.received_again - earlier.received_again,
        }
    }
}
