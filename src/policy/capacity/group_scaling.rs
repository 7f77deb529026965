//! Groups without managed scaling: the policies of EC2 Auto Scaling, by the alarms and policies of services.
//!
//! A [`Scaler`](crate::policy::scaling::Scaler) is told the group's desired capacity as `desired`, its instances in
//! service as `running`, and points of [`ScalingMetric::OF_FLEETS`]. What differs is here: EC2 Auto Scaling has no
//! cooldown for these policies but a warm-up (documented), and its low alarm is at 70 % of the target (measured).

use crate::base::time::SimSpan;
use crate::model::scaling::{Aggregation, MetricValue, ScalingMetric, TargetTracking};
use crate::policy::scaling::metric;

/// The low alarm of a target tracking policy of a group, percent of its target (measured: 50 → 35, 40 → 28).
pub const LOW_PERCENT: u32 = 70;

/// The most that a scale-in takes away, percent of the desired capacity: what AWS published for groups (assumed to hold
/// still).
pub const SCALE_IN_PERCENT: u32 = 10;

/// The cooldown of a group, which stands in for `DefaultInstanceWarmup` where that is not set (documented).
pub const DEFAULT_COOLDOWN: SimSpan = SimSpan::from_secs(300);

/// A target tracking policy of a group with the defaults of EC2 Auto Scaling: what warms up holds further scale-out
/// but for a larger one, and scale-in.
#[must_use]
pub fn target_tracking(
    name: &str,
    metric: ScalingMetric,
    target: MetricValue,
    warm_up: SimSpan,
) -> TargetTracking {
    TargetTracking {
        name: name.to_owned(),
        metric,
        statistic: Aggregation::Average,
        high_resolution: false,
        target,
        scale_out_cooldown: warm_up,
        scale_in_cooldown: warm_up,
        disable_scale_in: false,
        high_periods: 3,
        low_periods: 15,
        low_percent: LOW_PERCENT,
        scale_in_percent: SCALE_IN_PERCENT,
    }
}

/// `CPUReservation` and `MemoryReservation` of a cluster, percent, over its ACTIVE and DRAINING instances (assumed): of
/// each instance or each part of the fleet `[CPU units, MiB]` that it registered, and of these what tasks hold. Without
/// instances there is no data, which is why policies on these metrics cannot start a group from zero.
#[must_use]
pub fn reservations(
    parts: impl IntoIterator<Item = ([u64; 2], [u64; 2])>,
) -> Option<(MetricValue, MetricValue)> {
    let (mut registered, mut held) = ([0; 2], [0; 2]);
    for (has, holds) in parts {
        for resource in 0..2 {
            registered[resource] += has[resource];
            held[resource] += holds[resource];
        }
    }
    let percent = |resource: usize| metric::utilisation(held[resource], registered[resource]);
    Some((percent(0)?, percent(1)?))
}
