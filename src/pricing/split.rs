//! What part of a container instance's cost belongs to a task: its share of CPU and memory, by weight.
//!
//! AWS's Split Cost Allocation Data weighs a vCPU against a GB of memory as 9 : 1, after the ratio of the Fargate
//! prices, and gives a task `weight(task) / weight(instance)` of the instance's cost (documented: Data Exports user
//! guide, "Example of split cost allocation data", read 2026-11-21). AWS takes the larger of used and reserved
//! amounts; here it is what the task was *promised*. AWS then spreads the unused rest over the tasks; here
//! the rest stays visible as idle cost.
//!
//! Shares are exact ratios, rounded *down*; the idle cost is the remainder, so Σ shares + idle = cost exactly and
//! idle is never negative while promises stay within the instance.

use crate::base::money::{MICROS_PER_HOUR, NanoUsd};

/// CPU and memory of a task or of a container instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CpuMemory {
    /// CPU units.
    pub cpu: u32,
    /// MiB.
    pub memory: u32,
}

/// How much a vCPU weighs against a GB of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SplitWeights {
    /// Weight of a vCPU.
    pub vcpu: u32,
    /// Weight of a GB.
    pub gb: u32,
}

impl Default for SplitWeights {
    /// AWS's 9 : 1.
    fn default() -> Self {
        SplitWeights { vcpu: 9, gb: 1 }
    }
}

impl SplitWeights {
    /// The weight of an amount, or of its integral over time: 1,024 CPU units weigh as much as `vcpu`, 1,024 MiB
    /// as much as `gb`, so the two parts cancel in every ratio.
    #[must_use]
    pub fn weigh(self, cpu_units: u128, mib: u128) -> u128 {
        cpu_units * u128::from(self.vcpu) + mib * u128::from(self.gb)
    }

    /// The share of `task` in an instance that offers `instance` and costs `unrounded` while the task holds its
    /// promise, as [`super::Price::unrounded`] gives it. Zero where the instance has no weight.
    ///
    /// ```
    /// use ecsim::base::{money::{HourlyRate, NanoUsd}, time::{SimSpan, SimTime}};
    /// use ecsim::pricing::{CpuMemory, Price, SplitWeights};
    ///
    /// // Half of an instance at 0.10 $/h for half an hour: 0.025 $.
    /// let price = Price::Fixed(HourlyRate::parse("0.10").expect("a decimal number"));
    /// let half_an_hour = price.unrounded(SimTime::ZERO, SimTime::ZERO + SimSpan::from_secs(1800));
    /// let instance = CpuMemory { cpu: 2048, memory: 7616 };
    /// let task = CpuMemory { cpu: 1024, memory: 3808 };
    /// let share = SplitWeights::default().task_share(half_an_hour, instance, task);
    /// assert_eq!(share, NanoUsd(25_000_000));
    /// ```
    #[must_use]
    pub fn task_share(self, unrounded: u128, instance: CpuMemory, task: CpuMemory) -> NanoUsd {
        self.share(unrounded, self.of(instance), self.of(task))
    }

    /// The share of all promises together in what an instance at a fixed price costs: from the integrals over time
    /// of promised CPU units and MiB, in part-microseconds, and the price per hour in nano-dollars.
    #[must_use]
    pub fn promised_share(
        self,
        nano_usd_per_hour: u64,
        instance: CpuMemory,
        cpu_unit_micros: u128,
        mib_micros: u128,
    ) -> NanoUsd {
        let promised = self.weigh(cpu_unit_micros, mib_micros);
        self.share(u128::from(nano_usd_per_hour), self.of(instance), promised)
    }

    fn of(self, amount: CpuMemory) -> u128 {
        self.weigh(u128::from(amount.cpu), u128::from(amount.memory))
    }

    fn share(self, unrounded: u128, whole: u128, part: u128) -> NanoUsd {
        if whole == 0 {
            return NanoUsd::ZERO;
        }
        let product = unrounded.checked_mul(part).expect("an instance's cost fits 128 bits");
        let nano = product / (whole * MICROS_PER_HOUR);
        NanoUsd(i128::try_from(nano).expect("a share is no more than what it is of"))
    }
}

/// Splits `cost` of an instance among `tasks` that were all there the whole time: the tasks' shares, in order,
/// and the idle rest. Σ shares + rest = `cost` exactly.
#[must_use]
pub fn split_cost(
    weights: SplitWeights,
    cost: NanoUsd,
    instance: CpuMemory,
    tasks: &[CpuMemory],
) -> (Vec<NanoUsd>, NanoUsd) {
    let whole = u128::try_from(cost.0).expect("an instance's cost is not negative");
    let shares: Vec<NanoUsd> = tasks
        .iter()
        .map(|&task| weights.task_share(whole * MICROS_PER_HOUR, instance, task))
        .collect();
    let idle = cost - shares.iter().copied().sum();
    (shares, idle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u32 = 1024;

    #[test]
    fn the_published_example_of_an_m5_xlarge_at_a_dollar_an_hour() {
        // 1 $ / (16 GB · 1 + 4 vCPU · 9) = 1/52 $ a unit: 9/52 $ a vCPU-hour, 1/52 $ a GB-hour.
        let instance = CpuMemory { cpu: 4096, memory: 16 * GIB };
        let vcpu = CpuMemory { cpu: 1024, memory: 0 };
        let gb = CpuMemory { cpu: 0, memory: GIB };
        let one = NanoUsd(1_000_000_000);
        let (shares, idle) = split_cost(SplitWeights::default(), one, instance, &[vcpu, gb]);
        assert_eq!(shares, [NanoUsd(173_076_923), NanoUsd(19_230_769)]);
        assert_eq!(idle, NanoUsd(1_000_000_000 - 173_076_923 - 19_230_769));
    }

    #[test]
    fn a_full_instance_has_no_idle_cost_but_for_what_rounding_down_leaves() {
        let instance = CpuMemory { cpu: 2048, memory: 7617 };
        let tasks = [CpuMemory { cpu: 1024, memory: 2539 }; 2];
        let rest = CpuMemory { cpu: 0, memory: 7617 - 2 * 2539 };
        let all = [tasks[0], tasks[1], rest];
        let (shares, idle) =
            split_cost(SplitWeights::default(), NanoUsd(96_000_001), instance, &all);
        assert_eq!(shares.iter().copied().sum::<NanoUsd>() + idle, NanoUsd(96_000_001));
        assert!((0..3).contains(&idle.0), "{idle}");
    }

    #[test]
    fn an_instance_without_weight_gives_no_share() {
        let none = CpuMemory::default();
        let (shares, idle) = split_cost(SplitWeights::default(), NanoUsd(5), none, &[none]);
        assert_eq!((shares, idle), (vec![NanoUsd::ZERO], NanoUsd(5)));
    }

    #[test]
    fn promises_over_time_take_the_share_of_their_integral() {
        // Half of an instance for two hours at 0.1 $/h.
        let instance = CpuMemory { cpu: 2048, memory: 8192 };
        let two_hours = 2 * MICROS_PER_HOUR;
        let share = SplitWeights::default().promised_share(
            100_000_000,
            instance,
            1024 * two_hours,
            4096 * two_hours,
        );
        assert_eq!(share, NanoUsd(100_000_000));
    }
}
