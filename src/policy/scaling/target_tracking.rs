//! Target tracking: the two alarms that a policy owns, and the capacity that it wants.

use crate::base::time::SimSpan;
use crate::model::scaling::{AlarmSpec, Comparison, MetricValue, MissingData, TargetTracking};

/// Length of a period of standard metrics (documented).
pub const STANDARD_PERIOD: SimSpan = SimSpan::from_secs(60);
/// Length of a period of high-resolution metrics (documented).
pub const HIGH_RESOLUTION_PERIOD: SimSpan = SimSpan::from_secs(20);

/// The period of a policy's metric.
#[must_use]
pub fn period(policy: &TargetTracking) -> SimSpan {
    if policy.high_resolution { HIGH_RESOLUTION_PERIOD } else { STANDARD_PERIOD }
}

/// The alarm that scales out: above the target, 3 of 3 periods (measured).
#[must_use]
pub fn high_alarm(policy: &TargetTracking) -> AlarmSpec {
    alarm(policy, Comparison::Above, policy.target, policy.high_periods)
}

/// The alarm that scales in: below 90 % of the target, 15 of 15 periods (measured).
#[must_use]
pub fn low_alarm(policy: &TargetTracking) -> AlarmSpec {
    let threshold = u128::from(policy.target.0) * u128::from(policy.low_percent) / 100;
    let threshold = MetricValue(u64::try_from(threshold).unwrap_or(u64::MAX));
    alarm(policy, Comparison::Below, threshold, policy.low_periods)
}

fn alarm(
    policy: &TargetTracking,
    comparison: Comparison,
    threshold: MetricValue,
    periods: u32,
) -> AlarmSpec {
    AlarmSpec {
        comparison,
        threshold,
        period: period(policy),
        evaluation_periods: periods,
        datapoints_to_alarm: periods,
        missing: MissingData::Missing,
    }
}

/// The capacity that brings the metric to its target: `ceil(running · metric / target)`, so that scale-in removes less.
/// Without running tasks it is the smallest amount: one where the metric is above the target, else none.
#[must_use]
pub fn wanted(running: u32, metric: MetricValue, target: MetricValue) -> u32 {
    if running == 0 {
        return u32::from(metric > target);
    }
    let wanted = (u128::from(running) * u128::from(metric.0)).div_ceil(u128::from(target.0.max(1)));
    u32::try_from(wanted).unwrap_or(u32::MAX)
}

/// Whether `capacity` tasks would breach the target again, if the load stays and is spread over them.
#[must_use]
pub fn would_breach(running: u32, metric: MetricValue, target: MetricValue, capacity: u32) -> bool {
    u128::from(running) * u128::from(metric.0) > u128::from(capacity) * u128::from(target.0)
}

/// Whether a policy is one that this model takes.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check(policy: &TargetTracking) -> Result<(), String> {
    use crate::model::scaling::ScalingMetric::{Cpu, GroupCpu, Memory};
    if policy.target.0 == 0 {
        return Err("the target value must be above 0".into());
    }
    if policy.low_percent > 100 {
        return Err(format!(
            "the low alarm must be at 100 % of the target or below, not at {} %",
            policy.low_percent
        ));
    }
    if policy.high_resolution && !matches!(policy.metric, Cpu | GroupCpu | Memory) {
        return Err(format!(
            "`{}` has no high-resolution variant; only CPU and memory utilisation have",
            policy.metric.name()
        ));
    }
    super::alarm::check(&high_alarm(policy)).map_err(|e| format!("high alarm: {e}"))?;
    super::alarm::check(&low_alarm(policy)).map_err(|e| format!("low alarm: {e}"))
}
