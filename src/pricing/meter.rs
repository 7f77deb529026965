//! From lives to billed time: AWS's own rounding and minimums, and what a single task or instance costs.
//!
//! | Rule | Source |
//! | --- | --- |
//! | Fargate: from the start of the image pull until the task has terminated, so pull and STOPPING are billed | documented, Fargate pricing page |
//! | Fargate: rounded up to a second; at least 1 min on Linux, 5 min on Windows | documented, Fargate pricing page |
//! | Fargate: the configured size is charged, not what is used; storage only above 20 GB | documented, Fargate pricing page |
//! | EC2 (Linux): from `running` until the instance leaves it, rounded up to a second, at least 60 s *per start* | documented, EC2 user guide, instance life cycle |
//!
//! Whoever calls decides *when* a life began and ended; a life that is still going on at the end of a run is
//! billed up to that end. A task whose pull never started is not billed: it must not be passed in.

use super::price::Price;
use crate::base::money::{HourlyRate, MICROS_PER_HOUR, NanoUsd};
use crate::base::time::{MICROS_PER_SECOND, SimSpan, SimTime};
use crate::model::fargate::{FargateRate, INCLUDED_EPHEMERAL_GIB};
use crate::model::platform::OperatingSystem;

/// The least that is billed of a start of an EC2 instance.
pub const EC2_MINIMUM: SimSpan = SimSpan::from_secs(60);
/// A Spot instance that EC2 takes back within its first hour costs nothing (documented; Linux and Windows).
pub const SPOT_FREE_HOUR: SimSpan = SimSpan::from_secs(3_600);
/// The least that is billed of a Linux task on Fargate.
pub const FARGATE_LINUX_MINIMUM: SimSpan = SimSpan::from_secs(60);
/// The least that is billed of a Windows task on Fargate.
pub const FARGATE_WINDOWS_MINIMUM: SimSpan = SimSpan::from_secs(300);

/// CPU units in a vCPU, and MiB in a GB as AWS bills it: the parts of a priced unit.
pub const PARTS: u128 = 1024;

/// `span` rounded up to a whole second, and at least `minimum`.
#[inline]
#[must_use]
pub fn billed(span: SimSpan, minimum: SimSpan) -> SimSpan {
    SimSpan::from_secs(span.0.div_ceil(MICROS_PER_SECOND)).max(minimum)
}

/// Billed time of one start of an instance that was `running` from `from` until `until`.
#[inline]
#[must_use]
pub fn ec2_billed(from: SimTime, until: SimTime) -> SimSpan {
    billed(until - from, EC2_MINIMUM)
}

/// A Fargate task's part of the bill: its size and its billed life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FargateTask {
    /// CPU units of its Fargate size.
    pub cpu: u32,
    /// MiB of its Fargate size.
    pub memory: u32,
    /// Task storage in GiB, the 20 included ones counted; less than 20 is billed as 20, which is nothing.
    pub ephemeral_gib: u16,
    /// Start of the image pull.
    pub pull_started: SimTime,
    /// When the task had terminated.
    pub stopped: SimTime,
}

/// Billed time of a Fargate task.
#[inline]
#[must_use]
pub fn fargate_billed(os: OperatingSystem, task: &FargateTask) -> SimSpan {
    let minimum = match os {
        OperatingSystem::Linux => FARGATE_LINUX_MINIMUM,
        OperatingSystem::Windows => FARGATE_WINDOWS_MINIMUM,
    };
    billed(task.stopped - task.pull_started, minimum)
}

/// What of a Fargate task's billed time is the least time alone: nothing where it lasted for that.
#[inline]
#[must_use]
pub fn fargate_minimum(os: OperatingSystem, task: &FargateTask) -> SimSpan {
    let lasted = billed(task.stopped - task.pull_started, SimSpan(0));
    SimSpan(fargate_billed(os, task).0 - lasted.0)
}

/// What Fargate tasks of one price list used, in part-microseconds. Adding a task is four additions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FargateUsage {
    /// CPU-unit-microseconds.
    pub cpu_unit_micros: u128,
    /// MiB-microseconds.
    pub mib_micros: u128,
    /// Microseconds of a GB of storage above the included ones.
    pub ephemeral_gb_micros: u128,
}

impl FargateUsage {
    /// Adds the billed life of `task` on `os`.
    #[inline]
    pub fn add(&mut self, os: OperatingSystem, task: &FargateTask) {
        self.add_span(u128::from(fargate_billed(os, task).0), task);
    }

    /// Adds `micros` of a task of this size.
    #[inline]
    pub fn add_span(&mut self, micros: u128, task: &FargateTask) {
        let storage = task.ephemeral_gib.saturating_sub(INCLUDED_EPHEMERAL_GIB);
        self.cpu_unit_micros += micros * u128::from(task.cpu);
        self.mib_micros += micros * u128::from(task.memory);
        self.ephemeral_gb_micros += micros * u128::from(storage);
    }

    /// Adds usage under the same price list.
    pub fn merge(&mut self, other: FargateUsage) {
        self.cpu_unit_micros += other.cpu_unit_micros;
        self.mib_micros += other.mib_micros;
        self.ephemeral_gb_micros += other.ephemeral_gb_micros;
    }
}

/// What one Fargate task costs, all dimensions together, rounded once.
///
/// A bill rounds its lines and not its tasks, so the tasks of a run may sum to a few nano-dollars more or less.
#[must_use]
pub fn fargate_task_cost(rate: &FargateRate, task: &FargateTask) -> NanoUsd {
    let mut usage = FargateUsage::default();
    usage.add(rate.os, task);
    fargate_usage_cost(rate, &usage)
}

/// What usage under one price list costs, all dimensions together, rounded once.
#[must_use]
pub fn fargate_usage_cost(rate: &FargateRate, usage: &FargateUsage) -> NanoUsd {
    let of = |rate: HourlyRate, parts: u128| u128::from(rate.0) * parts;
    let parts = of(rate.vcpu, usage.cpu_unit_micros)
        + of(rate.licence_vcpu, usage.cpu_unit_micros)
        + of(rate.memory_gb, usage.mib_micros)
        + of(rate.ephemeral_gb, usage.ephemeral_gb_micros) * PARTS;
    NanoUsd::from_ratio(parts, PARTS * MICROS_PER_HOUR)
}

/// What one start of an instance costs at `price`, rounded once.
///
/// The billed time begins at `running`; rounding and minimum lengthen it at its end, at the price then in force.
#[must_use]
pub fn instance_cost(price: &Price, running: SimTime, until: SimTime) -> NanoUsd {
    let end = running + ec2_billed(running, until);
    NanoUsd::from_ratio(price.unrounded(running, end), MICROS_PER_HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_rounded_up_to_a_second_and_to_the_minimum() {
        let minimum = SimSpan::from_secs(60);
        for (micros, seconds) in
            [(0, 60), (1, 60), (60_000_000, 60), (60_000_001, 61), (61_000_000, 61)]
        {
            assert_eq!(billed(SimSpan(micros), minimum), SimSpan::from_secs(seconds), "{micros}");
        }
    }

    #[test]
    fn an_instance_that_ran_for_a_moment_costs_a_minute_at_the_prices_of_that_minute() {
        // 60 s at 3.6 $/h are 0.06 $; the price doubles half way through the minute: 0.03 + 0.06 $.
        let start = SimTime(SimSpan::from_secs(100).0);
        let fixed = Price::Fixed(HourlyRate(3_600_000_000));
        assert_eq!(instance_cost(&fixed, start, start), NanoUsd(60_000_000));
        let steps = Price::Steps(std::sync::Arc::new([
            (SimTime::ZERO, HourlyRate(3_600_000_000)),
            (SimTime(SimSpan::from_secs(130).0), HourlyRate(7_200_000_000)),
        ]));
        assert_eq!(instance_cost(&steps, start, start + SimSpan(1)), NanoUsd(90_000_000));
    }
}
