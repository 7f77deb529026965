//! An instance-hour shared among those who had it, as AWS's split cost allocation data does.

use std::collections::BTreeMap;

/// CPU units, MiB and GPUs, or how long they were held: part-microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Amounts {
    /// CPU units.
    pub cpu: u128,
    /// MiB.
    pub memory: u128,
    /// GPUs.
    pub gpus: u128,
}

/// How many kinds of resources are weighed.
const KINDS: usize = 3;
/// What a CPU unit, a MiB and a GPU weigh: a vCPU 9, a GB 1, a GPU 90, in 1,024ths. AWS writes it with accelerators as 0.9,
/// 0.1 and 9, which is the same (documented, Data Exports user guide).
const WEIGHTS: [u128; KINDS] = [9, 1, 90 * 1_024];

impl Amounts {
    /// Held for so many microseconds.
    #[must_use]
    pub fn over(self, micros: u64) -> Amounts {
        let micros = u128::from(micros);
        Amounts { cpu: self.cpu * micros, memory: self.memory * micros, gpus: self.gpus * micros }
    }

    /// Adds others.
    pub fn add(&mut self, other: Amounts) {
        self.cpu += other.cpu;
        self.memory += other.memory;
        self.gpus += other.gpus;
    }

    fn all(self) -> [u128; KINDS] {
        [self.cpu, self.memory, self.gpus]
    }
}

/// What of an instance-hour each owner has used, and what of the rest it is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HourSplit<K: Ord> {
    /// By owner: used (or reserved, where that is more), and its share of what nobody used.
    pub owned: BTreeMap<K, (u128, u128)>,
    /// What nobody had of resources that nobody had at all, and what rounding down leaves.
    pub rest: u128,
}

/// Shares `whole` by what was allocated of what was `available`: each resource has the part of `whole` that it weighs in the
/// instance; an owner has used `allocated ÷ max(available, Σ allocated)` of it; the rest is given to the owners in
/// proportion to what they have of that resource. Shares are rounded down.
#[must_use]
pub fn split_hour<K: Ord + Copy>(
    whole: u128,
    available: Amounts,
    allocated: &BTreeMap<K, Amounts>,
) -> HourSplit<K> {
    let available = available.all();
    let weighed: Vec<u128> =
        available.iter().zip(WEIGHTS).map(|(has, weight)| has * weight).collect();
    let all: u128 = weighed.iter().sum();
    let mut owned: BTreeMap<K, (u128, u128)> = allocated.keys().map(|&key| (key, (0, 0))).collect();
    let mut rest = whole;
    for kind in 0..KINDS {
        let sum: u128 = allocated.values().map(|of| of.all()[kind]).sum();
        if sum == 0 || available[kind] == 0 {
            continue;
        }
        let cost = share(whole, weighed[kind], all);
        let most = sum.max(available[kind]);
        let unused = cost - share(cost, sum, most);
        for (key, of) in allocated {
            let (used, given) =
                (share(cost, of.all()[kind], most), share(unused, of.all()[kind], sum));
            let own = owned.entry(*key).or_default();
            own.0 += used;
            own.1 += given;
            rest -= used + given;
        }
    }
    HourSplit { owned, rest }
}

/// `whole · part ÷ of`, rounded down, without leaving 128 bits: `part` is at most `of`.
fn share(whole: u128, part: u128, of: u128) -> u128 {
    let free = whole.leading_zeros();
    let shift = (128 - of.leading_zeros()).saturating_sub(free);
    let of = of >> shift;
    if of == 0 { 0 } else { (whole * (part >> shift)).checked_div(of).unwrap_or(0).min(whole) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tenths of a vCPU, GB and GPUs for an hour. A tenth of a vCPU is no whole CPU unit: all is counted ten times as fine.
    fn of(tenths: u128, gb: u128, gpus: u128) -> Amounts {
        let amounts = Amounts { cpu: tenths * 1_024, memory: gb * 10_240, gpus: gpus * 10 };
        amounts.over(3_600_000_000)
    }

    /// What tasks cost by `max(reserved, used)`, in billionths of a dollar: used, and of the unused.
    fn totals(usd: u128, available: Amounts, tasks: &[(Amounts, Amounts)]) -> Vec<(u128, u128)> {
        let most = |(reserved, used): &(Amounts, Amounts)| Amounts {
            cpu: reserved.cpu.max(used.cpu),
            memory: reserved.memory.max(used.memory),
            gpus: reserved.gpus.max(used.gpus),
        };
        let allocated = tasks.iter().map(most).enumerate().collect();
        split_hour(usd * 1_000_000_000, available, &allocated).owned.into_values().collect()
    }

    #[test]
    fn pr_80_an_m5_xlarge_at_a_dollar_an_hour_with_four_tasks_one_of_which_bursts() {
        let tasks = [
            (of(10, 4, 0), of(1, 3, 0)),
            (of(10, 4, 0), of(19, 6, 0)),
            (of(10, 2, 0), of(5, 2, 0)),
            (of(10, 2, 0), of(5, 2, 0)),
        ];
        let costs = totals(1, of(40, 16, 0), &tasks);
        let millionths: Vec<u128> =
            costs.iter().map(|(used, unused)| (used + unused + 500) / 1_000).collect();
        assert_eq!(millionths, [229_199, 400_314, 185_243, 185_243]);
        // CPU is all taken; 2 of 16 GB are left: 2/52 $ by 4, 6, 2, 2 of 14 GB.
        let unused: Vec<u128> = costs.iter().map(|(_, unused)| unused / 1_000).collect();
        assert_eq!(unused, [10_989, 16_483, 5_494, 5_494]);
        // AWS prints cents.
        let cents: Vec<u128> = millionths.iter().map(|m| (m + 5_000) / 10_000).collect();
        assert_eq!(cents, [23, 40, 19, 19]);
    }

    #[test]
    fn pr_81_a_p3_16xlarge_at_ten_dollars_an_hour() {
        let one = |cpu, gb, gpus| (of(cpu, gb, gpus), Amounts::default());
        let tasks = [one(0, 0, 1), one(10, 0, 0), one(0, 1, 0)];
        let costs = totals(10, of(640, 488, 8), &tasks);
        // A unit is 10 $ ÷ (8 · 9 + 64 · 0.9 + 488 · 0.1) = 0.05605: nine, 0.9 and 0.1 of it.
        let used: Vec<u128> = costs.iter().map(|(used, _)| *used).collect();
        assert_eq!(used, [504_484_304, 50_448_430, 5_605_381]);
        // Each has the whole of its resource alone, so it is given the rest of it.
        let whole: u128 = costs.iter().map(|(used, unused)| used + unused).sum();
        assert!((9_999_999_990..=10_000_000_000).contains(&whole), "{whole}");
    }

    #[test]
    fn what_nobody_has_of_a_resource_stays_with_nobody_and_an_empty_hour_too() {
        let idle = split_hour::<u8>(1_000, of(10, 1, 0), &BTreeMap::new());
        assert_eq!((idle.owned.len(), idle.rest), (0, 1_000));
        // CPU alone is taken: 9/10 of the cost, used in half.
        let half = split_hour(1_000, of(10, 1, 0), &BTreeMap::from([(1, of(5, 0, 0))]));
        assert_eq!((half.owned[&1], half.rest), ((450, 450), 100));
    }
}
