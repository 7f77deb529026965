//! What a request costs, in the units of this module: means, variations and representative sizes.

use crate::base::distribution::Distribution;
use crate::base::random::{Purpose, Seed};
use crate::base::time::SimSpan;
use crate::model::traffic::Work;

/// Sizes that stand for the whole distribution.
pub(super) const SIZES: usize = 400;
/// Draws behind each of them.
const DRAWS: usize = 5;

/// A request's cost at a target of 100 percent.
#[derive(Clone, Debug)]
pub(super) struct Cost {
    /// Mean CPU time, seconds of one vCPU.
    pub cpu: f64,
    /// Mean time without CPU, seconds.
    pub io: f64,
    /// Variances, seconds².
    pub cpu_variance: f64,
    pub io_variance: f64,
    /// Pairs (CPU, I/O) in seconds, ascending by CPU, with the exact means.
    pub sizes: Vec<(f64, f64)>,
    /// The greatest CPU and the greatest I/O of these.
    longest: (f64, f64),
    /// Mean CPU time in whole nanoseconds: what is summed.
    pub cpu_ns: u64,
}

impl Cost {
    pub fn of(work: &Work) -> Cost {
        let cpu_sizes = sizes(&work.cpu_ms);
        let io_sizes = sizes(&work.io_ms);
        // 173 and 400 have no common factor, so the pairs are spread over the square.
        let sizes: Vec<(f64, f64)> =
            (0..SIZES).map(|i| (cpu_sizes[i], io_sizes[(i * 173 + 57) % SIZES])).collect();
        let mean =
            |part: fn(&(f64, f64)) -> f64| sizes.iter().map(part).sum::<f64>() / SIZES as f64;
        let cpu = finite_mean(&work.cpu_ms).unwrap_or_else(|| mean(|s| s.0));
        let io = finite_mean(&work.io_ms).unwrap_or_else(|| mean(|s| s.1));
        Cost {
            cpu,
            io,
            // A heavy tail has no variance; a hundred times the mean squared is much (assumed).
            cpu_variance: (work.cpu_ms.variance() / 1e6).min(100.0 * cpu * cpu),
            io_variance: (work.io_ms.variance() / 1e6).min(100.0 * io * io),
            longest: longest_of(&sizes),
            sizes,
            cpu_ns: (cpu * 1e9).round() as u64,
        }
    }

    /// The same where each request takes `delay` longer without CPU.
    pub fn later(mut self, delay: SimSpan) -> Cost {
        let seconds = delay.to_secs_f64();
        self.io += seconds;
        self.sizes.iter_mut().for_each(|size| size.1 += seconds);
        self.longest.1 += seconds;
        self
    }

    /// Of the [sizes](Cost::sizes), how many take longer than `patience` where one of a CPU second takes `slow` seconds: mostly
    /// none, which needs no look at each.
    pub fn longer_than(&self, patience: f64, slow: f64) -> usize {
        let is_late = |&&(cpu, io): &&(f64, f64)| cpu * slow + io > patience;
        if is_late(&&self.longest) { self.sizes.iter().filter(is_late).count() } else { 0 }
    }

    /// Squared coefficient of variation of CPU time by `slowdown` plus I/O.
    pub fn variation(&self, slowdown: f64) -> f64 {
        let mean = self.cpu * slowdown + self.io;
        let variance = self.cpu_variance * slowdown * slowdown + self.io_variance;
        if mean > 0.0 { variance / (mean * mean) } else { 0.0 }
    }
}

fn finite_mean(distribution: &Distribution) -> Option<f64> {
    let mean = distribution.mean() / 1_000.0;
    mean.is_finite().then_some(mean)
}

/// Means of `SIZES` equal slices of the distribution, ascending, in seconds; the same for every seed.
fn sizes(distribution: &Distribution) -> Vec<f64> {
    if distribution.is_constant() {
        return vec![distribution.mean() / 1_000.0; SIZES];
    }
    let mut stream = Seed(0).stream(Purpose::RequestWork, "representative sizes");
    let mut draws: Vec<f64> =
        (0..SIZES * DRAWS).map(|_| distribution.sample(&mut stream) / 1_000.0).collect();
    draws.sort_unstable_by(f64::total_cmp);
    let sum: f64 = draws.iter().sum();
    let wanted = finite_mean(distribution).map_or(sum, |mean| mean * draws.len() as f64);
    let scale = if sum > 0.0 { wanted / sum } else { 0.0 };
    draws.chunks(DRAWS).map(|c| c.iter().sum::<f64>() * scale / DRAWS as f64).collect()
}

/// The greatest CPU and the greatest I/O, of one or of two.
fn longest_of(sizes: &[(f64, f64)]) -> (f64, f64) {
    sizes.iter().fold((0.0, 0.0), |most, size| (size.0.max(most.0), size.1.max(most.1)))
}

/// A distribution of milliseconds, each so much longer.
pub(super) fn later(distribution: &Distribution, delay: SimSpan) -> Distribution {
    let more = delay.to_secs_f64() * 1e3;
    match distribution {
        of if delay == SimSpan::ZERO => of.clone(),
        Distribution::Constant(value) => Distribution::Constant(value + more),
        Distribution::Uniform { min, max } => {
            Distribution::Uniform { min: min + more, max: max + more }
        }
        of => {
            let values: Vec<f64> = sizes(of).into_iter().map(|size| size * 1e3 + more).collect();
            let last = Distribution::Constant(of.mean() + more);
            Distribution::empirical(values, &[]).unwrap_or(last)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::drawn;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(drawn(64))]

        #[test]
        fn sizes_beyond_patience_are_counted_one_by_one_wherever_there_are_any(
            sizes in prop::collection::vec((0.0_f64..0.3, 0.0_f64..0.3), 1..50), delay in 0_u64..2_000,
            patience in 0.0_f64..5.0, slow in prop::sample::select(vec![0.5, 1.0, 4.0, 50.0, f64::INFINITY]),
        ) {
            let longest = longest_of(&sizes);
            let cost = Cost { cpu: 0.1, io: 0.1, cpu_variance: 0.0, io_variance: 0.0, longest, sizes, cpu_ns: 0 };
            let cost = cost.later(SimSpan::from_millis(delay));
            let late = cost.sizes.iter().filter(|(cpu, io)| cpu * slow + io > patience).count();
            prop_assert_eq!(cost.longer_than(patience, slow), late);
        }
    }
}
