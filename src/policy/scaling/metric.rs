//! The arithmetic of the metrics that service auto scaling looks at. All values are millionths of their unit.

use crate::model::scaling::MetricValue;

/// Millionths in one.
const MILLION: u128 = 1_000_000;

fn ratio(part: u64, whole: u64, scale: u128) -> Option<MetricValue> {
    if whole == 0 {
        return None;
    }
    let value = u128::from(part) * scale / u128::from(whole);
    Some(MetricValue(u64::try_from(value).unwrap_or(u64::MAX - 1)))
}

/// CPU or memory utilisation in percent: used units by reserved units. It may exceed 100 % where tasks burst.
/// `None` without a reservation.
#[must_use]
pub fn utilisation(used: u64, reserved: u64) -> Option<MetricValue> {
    ratio(used, reserved, 100 * MILLION)
}

/// A count by running task or target: messages visible, requests in flight, requests of a minute.
/// `None` without tasks: `ALBRequestCountPerTarget` has no data then.
#[must_use]
pub fn per_task(count: u64, tasks: u32) -> Option<MetricValue> {
    ratio(count, u64::from(tasks), MILLION)
}

/// The backlog by task that keeps an acceptable latency: the target of a queue worker's policy.
/// `None` where a message takes no time.
#[must_use]
pub fn acceptable_backlog(latency_ms: u64, message_ms: u64) -> Option<MetricValue> {
    ratio(latency_ms, message_ms, MILLION)
}

/// Tasks that survive the loss of one of `zones` zones with `tasks` left: `ceil(tasks · zones / (zones − 1))`.
/// `None` for fewer than two zones, where nothing survives.
#[must_use]
pub fn tasks_with_headroom(tasks: u32, zones: u32) -> Option<u32> {
    let others = u64::from(zones.checked_sub(1).filter(|&others| others > 0)?);
    u32::try_from((u64::from(tasks) * u64::from(zones)).div_ceil(others)).ok()
}
