//! Where the tasks of a caller come from, as plain data: a trace file or a generator. `trace` opens it.

use crate::base::distribution::Distribution;
use crate::base::time::{SimSpan, SimTime};
use std::path::PathBuf;

/// The source of a caller's task rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Workload {
    /// Rows of a file.
    Trace(TraceInput),
    /// Rows drawn from distributions.
    Generated(GeneratorSpec),
}

/// Layout of a task trace.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum TraceFormat {
    /// Our own CSV: `arrival_s, cpu, memory_mib, duration_s` and optional columns.
    #[default]
    Native,
    /// Standard Workload Format 2.2.
    Swf,
    /// Alibaba cluster-trace-v2017 `batch_task`.
    AlibabaV2017,
    /// Alibaba cluster-trace-v2018 `batch_task`.
    AlibabaV2018,
    /// Alibaba GPU trace v2023 pod list.
    Openb,
    /// Google clusterdata-2011-2 `task_events`.
    Google2011,
    /// Azure Trace for Packing 2020, table `vm` joined with `vmType`, as CSV.
    AzurePacking2020,
}

impl TraceFormat {
    /// All formats with the name that `format = "..."` takes.
    pub const ALL: [(TraceFormat, &'static str); 7] = [
        (TraceFormat::Native, "native"),
        (TraceFormat::Swf, "swf"),
        (TraceFormat::AlibabaV2017, "alibaba_v2017_batch"),
        (TraceFormat::AlibabaV2018, "alibaba_v2018_batch"),
        (TraceFormat::Openb, "openb"),
        (TraceFormat::Google2011, "google_2011"),
        (TraceFormat::AzurePacking2020, "azure_packing_2020"),
    ];

    /// The name in a scenario.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(format, _)| *format == self).map_or("native", |(_, name)| name)
    }
}

/// What to do with a row that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnRowError {
    /// Stop with file, line and column.
    #[default]
    Fail,
    /// Leave it out and count it by reason.
    Skip,
}

/// What to do with arrivals that go back in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    /// It is an error that names both lines.
    #[default]
    Strict,
    /// Read the whole trace and sort it, stably, by arrival. Memory then grows with the trace.
    Sort,
}

/// A trace file and how to read it.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceInput {
    /// The file as it is opened; `.gz` is told by its first bytes, not by its name.
    pub path: PathBuf,
    /// The file as the user wrote it, for messages and the manifest (no path of this machine in outputs).
    pub display: String,
    /// Layout.
    pub format: TraceFormat,
    /// Bad rows.
    pub on_error: OnRowError,
    /// Rows out of order; `None`: the format's own default (native is strict, foreign ones are as published).
    pub order: Option<Order>,
    /// Multiplies arrival times: 0.5 doubles the load. In parts per million.
    pub time_scale_ppm: u64,
    /// At most this many rows are used; the rest is counted as skipped.
    pub limit: Option<u64>,
    /// CPU units that the largest machine of a trace with normalised CPU stands for (1.0).
    pub cpu_of_one: u32,
    /// MiB that the largest machine of a trace with normalised memory stands for (1.0).
    pub memory_mib_of_one: u32,
    /// Memory in MiB of a row that does not say.
    pub default_memory_mib: u32,
    /// CPU units of a row that does not say.
    pub default_cpu: u32,
    /// Duration of a row that does not say, and of tasks that were still running at the end of the trace.
    pub default_duration: Option<SimSpan>,
    /// Native: nothing but the rows says how large a task is, so that one without a size is a bad row.
    pub rows_give_size: bool,
    /// SWF: one task a processor, or one task for the whole job.
    pub swf_task_per_processor: bool,
    /// Most bytes that a compressed trace may expand to.
    pub max_expanded_bytes: u64,
    /// Most rows.
    pub max_rows: u64,
}

/// Most bytes that a compressed trace may expand to, unless told otherwise: 64 GiB.
pub const DEFAULT_MAX_EXPANDED_BYTES: u64 = 64 << 30;
/// Most rows of a trace, unless told otherwise.
pub const DEFAULT_MAX_ROWS: u64 = 1_000_000_000;

impl TraceInput {
    /// The defaults of every option for `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, format: TraceFormat) -> Self {
        let path = path.into();
        TraceInput {
            display: path.display().to_string(),
            path,
            format,
            on_error: OnRowError::Fail,
            order: None,
            time_scale_ppm: 1_000_000,
            limit: None,
            cpu_of_one: 65_536,
            memory_mib_of_one: 262_144,
            default_memory_mib: 1_024,
            default_cpu: 1_024,
            default_duration: None,
            rows_give_size: false,
            swf_task_per_processor: false,
            max_expanded_bytes: DEFAULT_MAX_EXPANDED_BYTES,
            max_rows: DEFAULT_MAX_ROWS,
        }
    }
}

/// How the arrival rate of a generated trace changes over time; the factors multiply.
#[derive(Clone, Debug, PartialEq)]
pub struct RateShape {
    /// Mean arrivals per second.
    pub per_second: f64,
    /// Depth of a daily wave, 0 to 1: the rate is `1 + depth · cos(2π (t - peak) / day)` times the mean.
    pub daily_depth: f64,
    /// Instant of the daily peak, seconds after midnight.
    pub daily_peak_s: f64,
    /// Factor on days 6 and 7 of each week; 1 is no weekly shape.
    pub weekend_factor: f64,
    /// Bursts.
    pub bursts: Option<Bursts>,
}

/// Bursts on top of a rate: a two-state process that switches between quiet and burst.
#[derive(Clone, Debug, PartialEq)]
pub struct Bursts {
    /// The rate is multiplied by this during a burst.
    pub factor: f64,
    /// Mean time between the end of one burst and the start of the next, seconds.
    pub mean_gap_s: f64,
    /// Mean length of a burst, seconds.
    pub mean_length_s: f64,
}

/// A size of task and how often it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizeShare {
    /// CPU units.
    pub cpu: u32,
    /// MiB.
    pub memory: u32,
    /// Whole GPUs.
    pub gpus: u16,
    /// Weight among the sizes.
    pub weight: f64,
}

/// Task arrivals drawn from distributions.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratorSpec {
    /// Name of the random stream; equal names and seeds give equal rows.
    pub name: String,
    /// Last instant of an arrival.
    pub until: SimTime,
    /// At most this many rows.
    pub limit: Option<u64>,
    /// Arrival process.
    pub rate: RateShape,
    /// `true`: Poisson; `false`: evenly spaced at the current rate.
    pub poisson: bool,
    /// Sizes; empty: as the task definition says.
    pub sizes: Vec<SizeShare>,
    /// Durations in seconds; `None`: left to the caller.
    pub duration: Option<Distribution>,
    /// Copies per row.
    pub count: Distribution,
    /// Chance of a non-zero exit code, in parts per million.
    pub failure_ppm: u32,
}
