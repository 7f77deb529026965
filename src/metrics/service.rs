//! What is known about a service when a run has ended: its samples for charts, its totals for the summary.

use crate::base::money::NanoUsd;
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::histogram::SpanHistogram;

use crate::model::connection::ConnectionState;
pub use crate::model::traffic::RequestTotals;

/// A service at a sample: counts at the instant, flows since the sample before.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct ServiceSample {
    /// When.
    pub at: SimTime,
    /// `desiredCount`.
    pub desired: u32,
    /// Tasks in RUNNING.
    pub running: u32,
    /// Tasks before RUNNING.
    pub pending: u32,
    /// RUNNING tasks that count as healthy.
    pub healthy: u32,
    /// Tasks that are no longer wanted and not STOPPED yet.
    pub draining: u32,
    /// Tasks of the newest revision, in RUNNING or before.
    pub newest: u32,
    /// Share of the traffic that goes to the newest revision, percent: less than all of it while a canary, linear or
    /// blue/green deployment shifts it.
    pub newest_traffic_percent: Option<f64>,
    /// Requests since the sample before.
    pub requests: RequestTotals,
    /// Requests that the tasks in service could answer, millionths per second; 0 where nothing is known of it.
    pub capacity_micro_per_s: u64,
    /// Requests in flight or waiting (messages: visible in the queue), millionths.
    pub backlog_micro: u64,
    /// CPU used by CPU reserved since the sample before, percent.
    pub cpu_percent: Option<f64>,
    /// Memory used by memory reserved, percent.
    pub memory_percent: Option<f64>,
    /// Mean latency of the requests served since the sample before.
    pub latency_mean: Option<SimSpan>,
    /// Median.
    pub latency_p50: Option<SimSpan>,
    /// 95th percentile.
    pub latency_p95: Option<SimSpan>,
    /// 99th percentile.
    pub latency_p99: Option<SimSpan>,
}

/// Something that charts mark on the axis of time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// When.
    pub at: SimTime,
    /// A few words: `deploy api:2`, `rolled back`.
    pub label: String,
}

/// The autoscaler metrics of the field (SPEC elasticity; tasks that ran against tasks that the load needed).
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Elasticity {
    /// ∫ max(0, needed − healthy) dt ÷ time: accuracy, tasks.
    pub under_tasks: f64,
    /// ∫ max(0, healthy − needed) dt ÷ time: accuracy, tasks.
    pub over_tasks: f64,
    /// Share of time with too few tasks, percent.
    pub under_time_percent: f64,
    /// Share of time with too many tasks, percent.
    pub over_time_percent: f64,
}

/// A service at the end of a run.
#[derive(Clone, Debug, Default)]
pub struct ServiceReport {
    /// Name.
    pub name: String,
    /// Whether it takes messages from a queue.
    pub is_queue: bool,
    /// Samples in order of time, thinned; none where nobody draws.
    pub samples: Vec<ServiceSample>,
    /// Requests over the whole run.
    pub requests: RequestTotals,
    /// Its long connections at the end, where it has some.
    pub connections: Option<ConnectionState>,
    /// The end of the last minute in which requests were dropped, those unfinished at the end of the run apart.
    pub last_drop: Option<SimTime>,
    /// Latency of the served requests, weighted by requests.
    pub latency: SpanHistogram,
    /// CPU used by CPU reserved over the whole run, percent.
    pub cpu_percent: Option<f64>,
    /// ∫ CPU reserved by its RUNNING tasks dt, CPU-unit-microseconds: what `cpu_percent` weighs in totals.
    pub reserved_cpu_time: u128,
    /// RUNNING tasks, mean over time; `None` where no time went by.
    pub running_mean: Option<f64>,
    /// Most RUNNING tasks at a time.
    pub running_max: u32,
    /// Target of the first target tracking policy over CPU, percent.
    pub cpu_target_percent: Option<f64>,
    /// Target of the first target tracking policy over memory, percent.
    pub memory_target_percent: Option<f64>,
    /// Tasks that reached RUNNING.
    pub tasks_started: u64,
    /// Tasks that failed: crashes, failed starts, failed health checks.
    pub tasks_failed: u64,
    /// Containers that were started again in place.
    pub restarts: u64,
    /// Changes of the desired count by scaling: out, in.
    pub scaling: [u64; 2],
    /// Deployments: completed, failed.
    pub deployments: [u64; 2],
    /// Elasticity, where the service has work.
    pub elasticity: Option<Elasticity>,
    /// Σ of its tasks' costs: Fargate bills and EC2 shares.
    pub usd: NanoUsd,
    /// Marks.
    pub marks: Vec<Mark>,
}
