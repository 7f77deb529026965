//! Service auto scaling (Application Auto Scaling) as plain data. Names and defaults are the API's
//! (`PutScalingPolicy`, `RegisterScalableTarget`, `PutScheduledAction`; documented).

use super::own_scaling::OwnScaling;
use crate::base::time::SimSpan;

/// A metric value: millionths of its unit (percent, requests per target and minute, messages per task, ...).
/// Whole numbers, so that alarms compare exactly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct MetricValue(pub u64);

/// How many metrics there are.
pub const METRICS: usize = 8;

/// What a scaling policy looks at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ScalingMetric {
    /// `ECSServiceAverageCPUUtilization`: percent of the reserved CPU.
    Cpu,
    /// `ECSServiceAverageMemoryUtilization`: percent of the reserved memory.
    Memory,
    /// `ALBRequestCountPerTarget`: requests by target and minute.
    RequestCountPerTarget,
    /// Messages visible by running task (metric math over SQS's `ApproximateNumberOfMessagesVisible`).
    BacklogPerTask,
    /// Customized: mean requests in flight by target.
    ConcurrencyPerTarget,
    /// Customized: latency of what was answered in the minute, milliseconds (`TargetResponseTime`).
    LatencyMs,
    /// `RequestCount` of the load balancer: requests a minute that found a target.
    RequestCount,
    /// `ApproximateNumberOfMessagesVisible` of the queue: messages that wait.
    MessagesVisible,
    /// `CapacityProviderReservation` of a capacity provider with managed scaling: percent, above 100 where instances
    /// are missing.
    ProviderReservation,
    /// `CPUReservation` of a cluster: percent of the registered CPU that tasks hold.
    ClusterCpuReservation,
    /// `MemoryReservation` of a cluster: percent of the registered memory that tasks hold.
    ClusterMemoryReservation,
    /// `ASGAverageCPUUtilization`: percent of the CPU of a group's instances that is used.
    GroupCpu,
}

impl ScalingMetric {
    /// The metrics of services with their names in scenarios and outputs.
    pub const ALL: [(ScalingMetric, &'static str); METRICS] = [
        (ScalingMetric::Cpu, "ECSServiceAverageCPUUtilization"),
        (ScalingMetric::Memory, "ECSServiceAverageMemoryUtilization"),
        (ScalingMetric::RequestCountPerTarget, "ALBRequestCountPerTarget"),
        (ScalingMetric::BacklogPerTask, "BacklogPerTask"),
        (ScalingMetric::ConcurrencyPerTarget, "ConcurrencyPerTarget"),
        (ScalingMetric::LatencyMs, "LatencyMs"),
        (ScalingMetric::RequestCount, "RequestCount"),
        (ScalingMetric::MessagesVisible, "ApproximateNumberOfMessagesVisible"),
    ];

    /// The metrics of fleets with their names in scenarios and outputs, after those of services.
    pub const OF_FLEETS: [(ScalingMetric, &'static str); 4] = [
        (ScalingMetric::ProviderReservation, "CapacityProviderReservation"),
        (ScalingMetric::ClusterCpuReservation, "CPUReservation"),
        (ScalingMetric::ClusterMemoryReservation, "MemoryReservation"),
        (ScalingMetric::GroupCpu, "ASGAverageCPUUtilization"),
    ];

    /// How many metrics there are, of services and of fleets.
    pub const COUNT: usize = Self::ALL.len() + Self::OF_FLEETS.len();

    /// The name in scenarios and outputs.
    #[must_use]
    pub fn name(self) -> &'static str {
        let index = self as usize;
        let of_fleet = index.checked_sub(Self::ALL.len());
        of_fleet.map_or_else(|| Self::ALL[index].1, |index| Self::OF_FLEETS[index].1)
    }

    /// The statistics that an alarm may ask for, the usual one first.
    ///
    /// Utilisation has a sample for each task and latency one for each request; the others have one sample a minute.
    /// Of `ALBRequestCountPerTarget` and `RequestCount` only the sum means anything (CloudWatch metrics of an
    /// Application Load Balancer; documented).
    #[must_use]
    pub fn statistics(self) -> &'static [Aggregation] {
        use Aggregation::{Average, Maximum, Minimum, P50, P90, P95, P99, Sum};
        match self {
            ScalingMetric::Cpu => &[Average, Minimum, Maximum, P50, P90, P95, P99],
            ScalingMetric::LatencyMs => &[Average, P50, P90, P95, P99],
            ScalingMetric::RequestCount | ScalingMetric::RequestCountPerTarget => &[Sum],
            ScalingMetric::MessagesVisible => &[Average, Minimum, Maximum, Sum],
            ScalingMetric::Memory
            | ScalingMetric::BacklogPerTask
            | ScalingMetric::ConcurrencyPerTarget
            | ScalingMetric::ProviderReservation
            | ScalingMetric::ClusterCpuReservation
            | ScalingMetric::ClusterMemoryReservation
            | ScalingMetric::GroupCpu => &[Average, Minimum, Maximum],
        }
    }
}

/// How an alarm treats periods without a point.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MissingData {
    /// The alarm says INSUFFICIENT_DATA when all points are missing.
    #[default]
    Missing,
    /// The state stays.
    Ignore,
    /// Counts as breaching.
    Breaching,
    /// Counts as not breaching.
    NotBreaching,
}

/// What becomes of a period's samples: `Statistic` or `ExtendedStatistic` of an alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Aggregation {
    /// Mean of the samples.
    #[default]
    Average,
    /// Smallest.
    Minimum,
    /// Largest.
    Maximum,
    /// All together.
    Sum,
    /// Median.
    P50,
    /// 90th percentile, by the nearest rank.
    P90,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
}

impl Aggregation {
    /// All statistics with their names.
    pub const ALL: [(Aggregation, &'static str); 8] = [
        (Aggregation::Average, "Average"),
        (Aggregation::Minimum, "Minimum"),
        (Aggregation::Maximum, "Maximum"),
        (Aggregation::Sum, "Sum"),
        (Aggregation::P50, "p50"),
        (Aggregation::P90, "p90"),
        (Aggregation::P95, "p95"),
        (Aggregation::P99, "p99"),
    ];

    /// The name in scenarios.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Whether it is a percentile, which cannot be put together from those of shorter periods.
    #[must_use]
    pub fn is_percentile(self) -> bool {
        matches!(self, Aggregation::P50 | Aggregation::P90 | Aggregation::P95 | Aggregation::P99)
    }
}

/// How an alarm compares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// `GreaterThanThreshold`.
    Above,
    /// `GreaterThanOrEqualToThreshold`.
    AtLeast,
    /// `LessThanThreshold`.
    Below,
    /// `LessThanOrEqualToThreshold`.
    AtMost,
}

/// A CloudWatch alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlarmSpec {
    /// How it compares.
    pub comparison: Comparison,
    /// With what.
    pub threshold: MetricValue,
    /// Length of a period: 60 s; high resolution 20 s (10 and 30 s exist, too).
    pub period: SimSpan,
    /// Points that are looked at (N).
    pub evaluation_periods: u32,
    /// Points that must breach (M).
    pub datapoints_to_alarm: u32,
    /// Periods without a point.
    pub missing: MissingData,
}

/// A target tracking policy.
#[derive(Clone, PartialEq, Debug)]
pub struct TargetTracking {
    /// Name.
    pub name: String,
    /// Metric.
    pub metric: ScalingMetric,
    /// Its statistic; other than the usual one with customized metrics only.
    pub statistic: Aggregation,
    /// Whether the high-resolution metric is used (20-s points; CPU and memory only).
    pub high_resolution: bool,
    /// `TargetValue`.
    pub target: MetricValue,
    /// Default 300 s.
    pub scale_out_cooldown: SimSpan,
    /// Default 300 s.
    pub scale_in_cooldown: SimSpan,
    /// Default false.
    pub disable_scale_in: bool,
    /// Points of the high alarm: 3 of 3 (measured).
    pub high_periods: u32,
    /// Points of the low alarm: 15 of 15 (measured); high resolution: 45, 15 minutes of them (assumed).
    pub low_periods: u32,
    /// The low alarm's threshold in percent of the target: 90 (measured).
    pub low_percent: u32,
    /// A scale-in takes away at most this share of the desired count, percent, but one task at least: 10 (assumed).
    pub scale_in_percent: u32,
}

/// `AdjustmentType`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AdjustmentType {
    /// So many tasks more or less.
    #[default]
    ChangeInCapacity,
    /// So many tasks.
    ExactCapacity,
    /// So many percent more or less.
    PercentChangeInCapacity,
}

/// A step adjustment: bounds are relative to the alarm's threshold, in millionths; `None` is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// `MetricIntervalLowerBound`.
    pub lower: Option<i64>,
    /// `MetricIntervalUpperBound`.
    pub upper: Option<i64>,
    /// `ScalingAdjustment`.
    pub adjustment: i32,
}

/// A step scaling policy with its alarm.
#[derive(Clone, PartialEq, Debug)]
pub struct StepScaling {
    /// Name.
    pub name: String,
    /// Metric of the alarm.
    pub metric: ScalingMetric,
    /// Statistic of the metric.
    pub aggregation: Aggregation,
    /// The alarm that calls the policy.
    pub alarm: AlarmSpec,
    /// How adjustments are meant.
    pub adjustment_type: AdjustmentType,
    /// Steps, at most 20, ordered, without gaps.
    pub steps: Vec<Step>,
    /// `MinAdjustmentMagnitude`, for percent.
    pub min_magnitude: u32,
    /// Default 300 s.
    pub cooldown: SimSpan,
}

/// A scheduled action.
#[derive(Clone, PartialEq, Debug)]
pub struct ScheduledAction {
    /// Name.
    pub name: String,
    /// `at(...)`, `rate(...)` or `cron(...)`, already found valid.
    pub schedule: String,
    /// IANA time zone; UTC by default.
    pub timezone: String,
    /// New minimum.
    pub min_capacity: Option<u32>,
    /// New maximum.
    pub max_capacity: Option<u32>,
}

/// `MaxCapacityBreachBehavior` of predictive scaling.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BreachBehaviour {
    /// The maximum holds.
    #[default]
    HonorMaxCapacity,
    /// The maximum may be raised to the forecast plus so many percent.
    IncreaseMaxCapacity {
        /// `MaxCapacityBuffer`, percent.
        buffer_percent: u32,
    },
}

/// A predictive scaling policy.
#[derive(Clone, PartialEq, Debug)]
pub struct PredictiveScaling {
    /// Name.
    pub name: String,
    /// Metric whose target the forecast capacity is to keep.
    pub metric: ScalingMetric,
    /// `TargetValue`.
    pub target: MetricValue,
    /// `ForecastAndScale`; `false`: `ForecastOnly`, the default.
    pub scales: bool,
    /// `SchedulingBufferTime`: default 300 s, below 3,600 s.
    pub scheduling_buffer: SimSpan,
    /// What happens above the maximum.
    pub breach: BreachBehaviour,
}

/// A scalable target with all its policies.
#[derive(Clone, PartialEq, Debug)]
pub struct ScalableTarget {
    /// `MinCapacity`.
    pub min_capacity: u32,
    /// `MaxCapacity`.
    pub max_capacity: u32,
    /// Target tracking policies.
    pub target_tracking: Vec<TargetTracking>,
    /// Step scaling policies.
    pub step_scaling: Vec<StepScaling>,
    /// Scheduled actions.
    pub scheduled: Vec<ScheduledAction>,
    /// Predictive scaling.
    pub predictive: Vec<PredictiveScaling>,
    /// A policy of the program that uses this library, in place of those that look at metrics.
    pub own: Option<OwnScaling>,
    /// `DynamicScalingInSuspended`.
    pub scale_in_suspended: bool,
    /// `DynamicScalingOutSuspended`.
    pub scale_out_suspended: bool,
    /// `ScheduledScalingSuspended`.
    pub scheduled_suspended: bool,
}

impl ScalableTarget {
    /// Whether any of its policies looks at metrics; scheduled actions do not.
    #[must_use]
    pub fn looks_at_metrics(&self) -> bool {
        !(self.own.is_none()
            && self.target_tracking.is_empty()
            && self.step_scaling.is_empty()
            && self.predictive.is_empty())
    }
}

/// How CloudWatch delays what it knows; unpublished, calibrated on AWS's own benchmark (363 s and 86 s).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MetricDelays {
    /// From the end of a period to the evaluation of its point: 120 s.
    pub standard: SimSpan,
    /// The same for high-resolution metrics: 20 s.
    pub high_resolution: SimSpan,
}

impl Default for MetricDelays {
    fn default() -> Self {
        MetricDelays { standard: SimSpan::from_secs(120), high_resolution: SimSpan::from_secs(20) }
    }
}
