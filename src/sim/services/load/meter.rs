//! Counters behind a service's metrics.

use super::by_task::{Starting, TaskMeter};
use super::excess::Excess;
use crate::base::hint::ask_for;
use crate::base::time::{SimSpan, SimTime};
use crate::load::{LatencySummary, Level, Load};
use crate::metrics::service::RequestTotals;
use crate::model::ids::InstanceId;
use crate::model::scaling::{Aggregation, MetricValue, ScalingMetric};
use crate::model::traffic::WorkKind;
use crate::sim::services::Service;
use crate::sim::setup::ServiceSetup;
use std::collections::VecDeque;

/// Length of a standard period.
pub const MINUTE: SimSpan = SimSpan::from_secs(60);
/// Length of a high-resolution period.
pub const TWENTY: SimSpan = SimSpan::from_secs(20);
/// More than rounding makes of what comes in a minute (millionths of a request) or of a point (millionths of a percent).
const ROUNDED: (u64, u64) = (600, 10);

/// The state of a service's counters when a period began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Since {
    pub cpu_nanos: u128,
    pub cpu_area: u128,
    pub requests: RequestTotals,
}

/// Running sums behind a service's metrics. In the order written here: what a minute looks at lies together.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub struct Meter {
    /// ∫ `reserved_cpu` dt, CPU units × microseconds.
    pub cpu_area: u128,
    /// ∫ `running` dt, tasks × microseconds.
    pub running_area: u128,
    /// CPU that tasks have burnt while they started, nanoseconds of a vCPU.
    pub startup_nanos: u128,
    /// CPU units of RUNNING tasks.
    pub reserved_cpu: u64,
    /// Until when it is integrated.
    since: SimTime,
    pub minute: Since,
    /// The last minute that was looked at; those up to the present one are made up for before anything changes.
    pub minute_done: SimTime,
    /// CPU utilisation of the last minute, millionths of a percent.
    pub cpu_of_last_minute: Option<u64>,
    /// RUNNING tasks, and the most of them at a time.
    pub running: u32,
    pub most_running: u32,
    /// Tasks whose health checks wait too long.
    pub overloaded: u32,
    /// Memory of a request in flight, KiB.
    pub memory_kib: u32,
    /// Whether it takes messages.
    pub is_queue: bool,
    /// Whether deployments watch alarms.
    pub has_alarms: bool,
    /// Whether an alarm looks at the CPU of single tasks.
    pub wants_tasks: bool,
    /// Whether an alarm looks at measured latency.
    pub wants_latency: bool,
    /// Whether unhealthy tasks get requests because no healthy one is there.
    pub is_open: bool,
    /// Whether another look at the memory of its tasks is arranged.
    pub looks_at_memory: bool,
    /// When no metrics are published: from, and until.
    pub dark: Vec<(SimTime, SimTime)>,
    /// Tasks that burn CPU while they start.
    pub starting: Vec<Starting>,
    /// What tasks use beyond what they reserved, where the bill is allocated.
    pub excess: Option<Box<Excess>>,
    /// Smallest and greatest cost of a request among the revisions, percent.
    pub cost_percents: (u32, u32),
    /// How long the quickest health check of any revision waits.
    pub quickest_check: Option<SimSpan>,
    /// MiB of RUNNING tasks.
    pub reserved_memory: u64,
    /// MiB that RUNNING tasks use without requests.
    pub idle_memory: u64,
    /// CPU that a task without a limit may use: its own and its share of what is idle on the hosts.
    pub burst_millis: u32,
    /// Requests when the last minute began, for the alarms of deployments.
    pub alarm_requests: RequestTotals,
    /// Points of deployment alarms that CloudWatch does not show yet, and when it will.
    pub alarm_values: VecDeque<(SimTime, Vec<Option<u64>>)>,
    /// The CPU of single tasks, where an alarm looks at it.
    pub tasks: Vec<TaskMeter>,
    /// What was burnt on instances with CPU credits since the bill looked last.
    pub burnt: Vec<(InstanceId, u128)>,
    /// Latency of the last minute, where an alarm looks at it.
    pub latency: LatencySummary,
    pub twenty: Since,
}

impl Meter {
    /// Asks memory for what a minute looks at.
    pub fn look_ahead(&self) {
        ask_for(&self.cpu_area);
        ask_for(&self.minute);
        ask_for(&self.minute_done);
        ask_for(&self.dark);
        ask_for(&self.quickest_check);
    }

    /// Whether a period that ends now has no points.
    #[must_use]
    pub fn is_dark(&self, now: SimTime) -> bool {
        self.dark.iter().any(|&(from, until)| from <= now && now < until)
    }

    /// What a minute needs to know of the settings.
    pub fn of(setup: &ServiceSetup) -> Meter {
        let work = setup.work.as_ref();
        let container = setup.revisions.iter().filter_map(|revision| revision.check);
        let timeouts = container.map(|check| check.timeout);
        let alarms = setup.deployment.alarms.as_ref();
        let costs = || setup.revisions.iter().map(|revision| revision.behaviour.cost_percent);
        Meter {
            memory_kib: work.map_or(0, |work| work.memory_kib),
            is_queue: work.is_some_and(|work| work.kind == WorkKind::Messages),
            has_alarms: setup.deployment.alarms.is_some(),
            cost_percents: (costs().min().unwrap_or(100), costs().max().unwrap_or(100)),
            quickest_check: timeouts.chain(setup.balancer.map(|b| b.timeout)).min(),
            wants_tasks: asks(setup, |metric, statistic| {
                metric == ScalingMetric::Cpu && statistic != Aggregation::Average
            }),
            wants_latency: asks(setup, |metric, _| metric == ScalingMetric::LatencyMs)
                || alarms.is_some_and(|all| all.alarms.iter().any(|a| a.metric.is_latency())),
            ..Meter::default()
        }
    }

    /// CPU utilisation of a calm minute by what comes in it, if the tasks stay as they are; `None` where that is beyond numbers.
    #[must_use]
    pub fn outlook(&self, load: &Load) -> Option<Outlook> {
        let mean = u128::from(load.cpu_ns_per_request_mean());
        let (least, most) = self.cost_percents;
        Outlook::of(
            (mean * u128::from(least) / 100, (mean * u128::from(most)).div_ceil(100)),
            u128::from(self.reserved_cpu) * u128::from(MINUTE.0),
        )
    }

    /// Memory of a RUNNING task without requests, MiB, and of a request in it, KiB.
    #[must_use]
    pub fn memory_of_one(&self) -> (u32, u32) {
        let idle = self.idle_memory.checked_div(self.running.into()).unwrap_or(0);
        (u32::try_from(idle).unwrap_or(u32::MAX), self.memory_kib)
    }

    /// Whether the CPU of its tasks together is all that is measured of its minutes, none burns CPU for its start, all points
    /// are published, and it is integrated up to `from`.
    #[inline]
    #[must_use]
    pub fn is_simple(&self, from: SimTime) -> bool {
        let is_watched = self.wants_tasks || self.wants_latency || self.excess.is_some();
        !is_watched && self.starting.is_empty() && self.dark.is_empty() && self.since == from
    }

    /// Integrates up to `now`.
    pub fn integrate(&mut self, now: SimTime) {
        let passed = u128::from(now.since(self.since).0);
        self.cpu_area += u128::from(self.reserved_cpu) * passed;
        self.running_area += u128::from(self.running) * passed;
        self.burn(self.since, now);
        self.since = now;
    }
}

/// Whether a dynamic scaling policy asks for such a statistic of such a metric.
fn asks(setup: &ServiceSetup, is_such: impl Fn(ScalingMetric, Aggregation) -> bool) -> bool {
    setup.scaling.as_ref().is_some_and(|target| {
        target.target_tracking.iter().any(|policy| is_such(policy.metric, policy.statistic))
            || target.step_scaling.iter().any(|policy| is_such(policy.metric, policy.aggregation))
            || target.predictive.iter().any(|p| is_such(p.metric, p.metric.statistics()[0]))
            || target.own.iter().flat_map(|own| own.metrics).any(|m| is_such(*m, m.statistics()[0]))
    })
}

/// Requests that tasks hold in memory, millionths: those in flight; messages that wait in the queue take none.
pub fn in_memory_micro(load: &mut Load, is_queue: bool) -> u64 {
    let outside = if is_queue { load.backlog_micro() } else { 0 };
    load.in_flight_micro().saturating_sub(outside)
}

/// Nanoseconds of CPU that count for utilisation, of `used`: tasks with a limit never use more than they have. What
/// draining tasks do beside is no use of the RUNNING ones, whose `area` is CPU units × microseconds.
pub fn counted(used: u128, area: u128, bursts: bool) -> u128 {
    if bursts { used } else { used.min((area * 1_000).div_ceil(1_024)) }
}

/// Millionths of a percent: `used` nanoseconds of a vCPU by `area` CPU units × microseconds.
pub fn cpu_percent(used: u128, area: u128) -> Option<MetricValue> {
    // 1,024 units are 1,000 ns of CPU a microsecond. Half a dozen vCPUs for a minute fit into short numbers, which are
    // several times faster to divide.
    let short = u64::try_from(used).ok().and_then(|used| used.checked_mul(100_000));
    if let (Some(short), Ok(area)) = (short, u64::try_from(area))
        && area > 0
        && area.is_multiple_of(1_024)
    {
        return Some(MetricValue(short / (area / 1_024)));
    }
    let value = (used * 1_024 * 100_000).checked_div(area)?;
    Some(MetricValue(u64::try_from(value).unwrap_or(u64::MAX)))
}

/// Utilisation of periods that are alike: what [`counted`] and [`cpu_percent`] say, with a part worked out before.
pub struct Utilisation {
    area: u128,
    bursts: bool,
    /// The most that counts, and what a hundred-thousandfold of it is divided by; zero where numbers are long.
    most: u64,
    divisor: u64,
}

impl Utilisation {
    /// Of `area` CPU units × microseconds.
    #[must_use]
    pub fn of(area: u128, bursts: bool) -> Utilisation {
        let divisor = u64::try_from(area).ok().filter(|area| area.is_multiple_of(1_024));
        let most = u64::try_from(counted(u128::MAX, area, bursts)).unwrap_or(u64::MAX);
        Utilisation { area, bursts, most, divisor: divisor.unwrap_or(0) / 1_024 }
    }

    /// Where so many nanoseconds of CPU were used.
    #[inline]
    #[must_use]
    pub fn percent(&self, used: u128) -> Option<MetricValue> {
        let short =
            u64::try_from(used).ok().and_then(|used| used.min(self.most).checked_mul(100_000));
        match short {
            Some(short) if self.divisor > 0 => Some(MetricValue(short / self.divisor)),
            _ => cpu_percent(counted(used, self.area, self.bursts), self.area),
        }
    }
}

/// The least and the most CPU utilisation of periods that are alike, by what comes in them and by what requests cost at the
/// least and at the most. Counts and points are rounded, which is allowed for.
#[derive(Clone, Copy)]
pub struct Outlook {
    /// Millionths of a percent for a millionth of a request, in parts of 2^[`FRACTION`].
    least: u64,
    most: u64,
}

/// Bits of a fraction: a percent is known to less than a millionth at any cost that matters.
const FRACTION: u32 = 48;

impl Outlook {
    /// Of requests that cost so many nanoseconds of a vCPU, in `area` CPU units × microseconds.
    fn of((least, most): (u128, u128), area: u128) -> Option<Outlook> {
        // As in `cpu_percent`, of a millionth of a request.
        let percent = |nanos: u128| nanos.checked_mul((1_024 * 100_000) << FRACTION);
        let area = area.checked_mul(1_000_000)?;
        let least = percent(least)?.checked_div(area)?;
        let most = percent(most)?.checked_add(area)? / area;
        Some(Outlook { least: u64::try_from(least).ok()?, most: u64::try_from(most).ok()? })
    }

    /// Bounds of a period in which so much comes.
    #[inline]
    #[must_use]
    pub fn bounds(self, level: Level) -> (MetricValue, MetricValue) {
        let percent = |micro: u64, each: u64| {
            let whole = (u128::from(micro) * u128::from(each)) >> FRACTION;
            u64::try_from(whole).unwrap_or(u64::MAX)
        };
        let least = percent(level.least.saturating_sub(ROUNDED.0), self.least);
        let most = percent(level.most.saturating_add(ROUNDED.0), self.most);
        (MetricValue(least.saturating_sub(ROUNDED.1)), MetricValue(most.saturating_add(ROUNDED.1)))
    }
}

/// Whether any metric of a service is measured every 20 seconds.
pub fn is_high_resolution(service: &Service) -> bool {
    let metrics = [ScalingMetric::Cpu, ScalingMetric::Memory];
    service.scaler.as_ref().is_some_and(|s| metrics.iter().any(|m| s.wants_high_resolution(*m)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::drawn;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(drawn(1_024))]

        #[test]
        fn utilisation_worked_out_before_is_that_of_each_period(
            units in 0_u64..200_000, micros in prop::sample::select(vec![60_000_000_u64, 20_000_000, 7]),
            used in prop::sample::select(vec![0_u32, 30, 44, 70, 95]), noise in any::<u32>(), bursts in any::<bool>(),
        ) {
            let area = u128::from(units) * u128::from(micros);
            let used = (1_u128 << used) / 3 + u128::from(noise);
            let expected = cpu_percent(counted(used, area, bursts), area);
            prop_assert_eq!(Utilisation::of(area, bursts).percent(used), expected);
        }
    }

    proptest! {
        #![proptest_config(drawn(1_024))]

        #[test]
        fn an_outlook_is_as_near_as_rounding_lets_it_be_and_holds_the_point(
            units in 1_u64..200_000, cost in 1_u64..20_000_000_000, (least, more) in (1_u64..150, 0_u64..90), part in 0_u64..=100,
            percent in 0_u64..90,
        ) {
            let area = u128::from(units) * u128::from(MINUTE.0);
            // As many requests as use so much of the CPU, where each costs something between the least and the most.
            let nanos = area * 1_000 / 1_024 * u128::from(percent) / 100;
            let costs = |percent: u64| u128::from(cost) * u128::from(percent) / 100;
            let each = costs(least) + (costs(least + more) - costs(least)) * u128::from(part) / 100;
            let Some(micro) = (nanos * 1_000_000).checked_div(each) else { return Ok(()) };
            let Ok(micro) = u64::try_from(micro) else { return Ok(()) };
            let point = cpu_percent(counted(u128::from(micro) * each / 1_000_000, area, false), area);
            let outlook = Outlook::of((costs(least), costs(least + more)), area);
            let Some(outlook) = outlook else { return Ok(()) };
            let (low, high) = outlook.bounds(Level { least: micro, most: micro });
            let point = point.expect("tasks are there");
            prop_assert!(low <= point && point <= high, "{:?} is not in {:?}", point, (low, high));
            if more == 0 {
                // What is allowed for, what a fraction cannot say, and three roundings.
                let of_counts = 2.0 * ROUNDED.0 as f64 * each as f64 * 102.4 / area as f64;
                let of_fraction = micro as f64 / (1_u64 << FRACTION) as f64;
                let width = (high.0 - low.0) as f64;
                prop_assert!(width <= 2.0 * ROUNDED.1 as f64 + of_counts + of_fraction + 3.0, "{}", width);
            }
        }
    }
}
