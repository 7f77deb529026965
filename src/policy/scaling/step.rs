//! Step scaling: which step a breach falls into, and what its adjustment makes of the capacity.

use crate::model::scaling::{AdjustmentType, Comparison, MetricValue, Step, StepScaling};

/// The most steps of a policy (quota, documented).
pub const MOST_STEPS: usize = 20;

/// Whether steps are a partition as the API asks for: 1 to 20, ordered, without gaps and overlaps.
///
/// # Errors
/// A sentence that names the step (counted from 1) and what is wrong with it.
pub fn check(steps: &[Step]) -> Result<(), String> {
    if steps.is_empty() || steps.len() > MOST_STEPS {
        return Err(format!("a policy has 1 to {MOST_STEPS} steps, not {}", steps.len()));
    }
    let shown = |bound: Option<i64>| {
        bound.map_or("open".to_string(), |b| format!("{}", b as f64 / 1_000_000.0))
    };
    for (number, step) in (1..).zip(steps) {
        if let (Some(lower), Some(upper)) = (step.lower, step.upper)
            && lower >= upper
        {
            return Err(format!(
                "step {number}: the lower bound {} must be below the upper bound {}",
                shown(step.lower),
                shown(step.upper)
            ));
        }
    }
    for (number, pair) in (1..).zip(steps.windows(2)) {
        let (upper, lower) = (pair[0].upper, pair[1].lower);
        let bounds = format!("{} and {}", shown(upper), shown(lower));
        match (upper, lower) {
            (Some(upper), Some(lower)) if upper == lower => {}
            (Some(upper), Some(lower)) if upper < lower => {
                return Err(format!("a gap between steps {number} and {}: {bounds}", number + 1));
            }
            _ => {
                return Err(format!(
                    "steps {number} and {} overlap, or are not in ascending order: {bounds}; only the first step may be \
                     open below and only the last open above",
                    number + 1
                ));
            }
        }
    }
    Ok(())
}

/// The step that a metric falls into. Above the threshold the lower bound belongs to a step, below it the upper one.
#[must_use]
pub fn matching(
    steps: &[Step],
    comparison: Comparison,
    threshold: MetricValue,
    metric: MetricValue,
) -> Option<&Step> {
    let breach = i128::from(metric.0) - i128::from(threshold.0);
    steps.iter().find(|step| {
        let lower = step.lower.map(i128::from);
        let upper = step.upper.map(i128::from);
        match comparison {
            Comparison::Above | Comparison::AtLeast => {
                lower.is_none_or(|l| l <= breach) && upper.is_none_or(|u| breach < u)
            }
            Comparison::Below | Comparison::AtMost => {
                lower.is_none_or(|l| l < breach) && upper.is_none_or(|u| breach <= u)
            }
        }
    })
}

/// A percentage of `running` as whole tasks: toward zero, but at least one where it is not zero at all.
#[must_use]
pub fn percent_of(running: u32, percent: i32) -> i64 {
    let hundredths = i64::from(running) * i64::from(percent);
    match hundredths / 100 {
        0 => hundredths.signum(),
        whole => whole,
    }
}

/// The capacity that an adjustment makes of `running`; not below zero.
#[must_use]
pub fn adjusted(kind: AdjustmentType, min_magnitude: u32, running: u32, adjustment: i32) -> u32 {
    let change = match kind {
        AdjustmentType::ChangeInCapacity => i64::from(adjustment),
        AdjustmentType::ExactCapacity => i64::from(adjustment) - i64::from(running),
        AdjustmentType::PercentChangeInCapacity => {
            let change = percent_of(running, adjustment);
            change.signum() * change.abs().max(i64::from(min_magnitude))
        }
    };
    u32::try_from((i64::from(running) + change).max(0)).unwrap_or(u32::MAX)
}

/// Whether the step that matches takes capacity away, or sets one that is not above `running`.
#[must_use]
pub fn lowers(policy: &StepScaling, running: u32, metric: MetricValue) -> bool {
    let alarm = &policy.alarm;
    let step = matching(&policy.steps, alarm.comparison, alarm.threshold, metric);
    step.is_some_and(|step| match policy.adjustment_type {
        AdjustmentType::ExactCapacity => i64::from(step.adjustment) <= i64::from(running),
        _ => step.adjustment < 0,
    })
}

/// What a policy wants while its alarm is on and the newest point is `metric`; `None` where no step matches.
#[must_use]
pub fn wanted(policy: &StepScaling, running: u32, metric: MetricValue) -> Option<u32> {
    let alarm = &policy.alarm;
    let step = matching(&policy.steps, alarm.comparison, alarm.threshold, metric)?;
    Some(adjusted(policy.adjustment_type, policy.min_magnitude, running, step.adjustment))
}
