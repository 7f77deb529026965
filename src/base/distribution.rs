//! Probability distributions: latencies, durations, sizes.
//!
//! Uniform, exponential and normal numbers come from `rand_distr`; the last step of a log-normal, Pareto or
//! Weibull draw uses `libm` by name, because the system's `exp` and `pow` differ between platforms in the last
//! bit (and `rand_distr` silently uses them when any crate in the build turns `num-traits/std` on).

use super::random::Stream;
use super::time::SimSpan;
use rand_distr::{Distribution as _, Exp1, Poisson, StandardNormal};

/// A distribution of non-negative numbers; the unit is the user's (seconds for latencies and durations).
#[derive(Clone, PartialEq, Debug)]
pub enum Distribution {
    /// Always the same number.
    Constant(f64),
    /// Evenly between `min` and `max`.
    Uniform {
        /// Lower end.
        min: f64,
        /// Upper end, not below `min`.
        max: f64,
    },
    /// Exponential with this mean.
    Exponential {
        /// Mean, above zero.
        mean: f64,
    },
    /// Normal, cut off at zero.
    Normal {
        /// Mean before the cut.
        mean: f64,
        /// Standard deviation, not negative.
        sd: f64,
    },
    /// Log-normal, given by its own mean and the standard deviation of its logarithm.
    LogNormal {
        /// Mean, above zero.
        mean: f64,
        /// Standard deviation of the logarithm, not negative.
        sigma: f64,
    },
    /// Pareto type I.
    Pareto {
        /// Smallest value, above zero.
        min: f64,
        /// Tail index, above zero; the mean is infinite at 1 and below.
        alpha: f64,
    },
    /// Weibull.
    Weibull {
        /// Scale, above zero.
        scale: f64,
        /// Shape, above zero.
        shape: f64,
    },
    /// One of the listed values, by weight.
    Empirical {
        /// The values.
        values: Vec<f64>,
        /// Running sums of the weights, as long as `values`, the last above zero.
        cumulative: Vec<f64>,
    },
}

impl Distribution {
    /// An empirical distribution over `values` with `weights` (all alike where `weights` is empty).
    ///
    /// # Errors
    /// No values, lengths that differ, a weight or value that is negative or not finite, weights that sum to 0.
    pub fn empirical(values: Vec<f64>, weights: &[f64]) -> Result<Distribution, String> {
        if values.is_empty() {
            return Err("needs at least one value".into());
        }
        if !weights.is_empty() && weights.len() != values.len() {
            return Err(format!("has {} values but {} weights", values.len(), weights.len()));
        }
        if values.iter().chain(weights).any(|v| !v.is_finite() || *v < 0.0) {
            return Err("values and weights must be finite and not negative".into());
        }
        let mut sum = 0.0;
        let cumulative: Vec<f64> = (0..values.len())
            .map(|i| {
                sum += weights.get(i).copied().unwrap_or(1.0);
                sum
            })
            .collect();
        if sum <= 0.0 {
            return Err("weights must not all be zero".into());
        }
        Ok(Distribution::Empirical { values, cumulative })
    }

    /// Whether every draw is the same.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        matches!(self, Distribution::Constant(_))
    }

    /// No draw is below this number, which is not negative.
    #[must_use]
    pub fn least(&self) -> f64 {
        match self {
            Distribution::Constant(value) => *value,
            Distribution::Uniform { min, .. } | Distribution::Pareto { min, .. } => *min,
            Distribution::Empirical { values, cumulative } => {
                let before = std::iter::once(&0.0).chain(cumulative);
                let drawn = values.iter().zip(before.zip(cumulative));
                let drawn = drawn.filter(|(_, (before, upto))| upto > before);
                drawn.map(|(value, _)| *value).fold(f64::INFINITY, f64::min)
            }
            Distribution::Exponential { .. }
            | Distribution::Normal { .. }
            | Distribution::LogNormal { .. }
            | Distribution::Weibull { .. } => 0.0,
        }
    }

    /// The mean, infinite for a Pareto tail of 1 or less; for `Normal` the mean before the cut at zero.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match self {
            Distribution::Constant(value) => *value,
            Distribution::Uniform { min, max } => (min + max) / 2.0,
            Distribution::Exponential { mean }
            | Distribution::Normal { mean, .. }
            | Distribution::LogNormal { mean, .. } => *mean,
            Distribution::Pareto { min, alpha } if *alpha > 1.0 => alpha * min / (alpha - 1.0),
            Distribution::Pareto { .. } => f64::INFINITY,
            Distribution::Weibull { scale, shape } => scale * libm::tgamma(1.0 + 1.0 / shape),
            Distribution::Empirical { values, cumulative } => {
                let mut before = 0.0;
                let mut sum = 0.0;
                for (value, upto) in values.iter().zip(cumulative) {
                    sum += value * (upto - before);
                    before = *upto;
                }
                sum / before
            }
        }
    }

    /// Every draw times a factor above 0.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Distribution {
        let mut scaled = self.clone();
        match &mut scaled {
            Distribution::Constant(value) => *value *= factor,
            Distribution::Uniform { min, max } => (*min, *max) = (*min * factor, *max * factor),
            Distribution::Exponential { mean } | Distribution::LogNormal { mean, .. } => {
                *mean *= factor;
            }
            Distribution::Normal { mean, sd } => (*mean, *sd) = (*mean * factor, *sd * factor),
            Distribution::Pareto { min, .. } => *min *= factor,
            Distribution::Weibull { scale, .. } => *scale *= factor,
            Distribution::Empirical { values, .. } => values.iter_mut().for_each(|v| *v *= factor),
        }
        scaled
    }

    /// The variance, infinite for a Pareto tail of 2 or less; for `Normal` the variance before the cut at zero.
    #[must_use]
    pub fn variance(&self) -> f64 {
        match self {
            Distribution::Constant(_) => 0.0,
            Distribution::Uniform { min, max } => (max - min) * (max - min) / 12.0,
            Distribution::Exponential { mean } => mean * mean,
            Distribution::Normal { sd, .. } => sd * sd,
            Distribution::LogNormal { mean, sigma } => mean * mean * libm::expm1(sigma * sigma),
            Distribution::Pareto { min, alpha } if *alpha > 2.0 => {
                min * min * alpha / ((alpha - 1.0) * (alpha - 1.0) * (alpha - 2.0))
            }
            Distribution::Pareto { .. } => f64::INFINITY,
            Distribution::Weibull { scale, shape } => {
                let first = libm::tgamma(1.0 + 1.0 / shape);
                scale * scale * (libm::tgamma(1.0 + 2.0 / shape) - first * first)
            }
            Distribution::Empirical { values, cumulative } => {
                let mean = self.mean();
                let mut before = 0.0;
                let mut sum = 0.0;
                for (value, upto) in values.iter().zip(cumulative) {
                    sum += (value - mean) * (value - mean) * (upto - before);
                    before = *upto;
                }
                sum / before
            }
        }
    }

    /// Draws one number.
    #[inline]
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        match self {
            Distribution::Constant(value) => *value,
            Distribution::Uniform { min, max } => min + (max - min) * stream.unit(),
            Distribution::Exponential { mean } => mean * standard_exponential(stream),
            Distribution::Normal { mean, sd } => (mean + sd * standard_normal(stream)).max(0.0),
            Distribution::LogNormal { mean, sigma } => {
                mean * libm::exp(sigma * standard_normal(stream) - sigma * sigma / 2.0)
            }
            Distribution::Pareto { min, alpha } => {
                min * libm::exp(standard_exponential(stream) / alpha)
            }
            Distribution::Weibull { scale, shape } => {
                scale * libm::pow(standard_exponential(stream), 1.0 / shape)
            }
            Distribution::Empirical { values, cumulative } => {
                let total = cumulative[cumulative.len() - 1];
                let at = stream.unit() * total;
                values[cumulative.partition_point(|&upto| upto <= at).min(values.len() - 1)]
            }
        }
    }

    /// Draws a number of seconds as a span.
    #[inline]
    pub fn sample_span(&self, stream: &mut Stream) -> SimSpan {
        SimSpan::from_secs_f64(self.sample(stream))
    }
}

/// An exponential number of mean one.
pub fn standard_exponential(stream: &mut Stream) -> f64 {
    Exp1.sample(stream)
}

/// A normal number of mean zero and standard deviation one.
pub fn standard_normal(stream: &mut Stream) -> f64 {
    StandardNormal.sample(stream)
}

/// A Poisson count with this mean (capped at 2⁵³ by the library); 0 where the mean is not above zero.
pub fn poisson(mean: f64, stream: &mut Stream) -> u64 {
    Poisson::new(mean).map_or(0, |distribution| distribution.sample(stream) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::{Purpose, Seed};

    fn all() -> Vec<(&'static str, Distribution)> {
        vec![
            ("constant", Distribution::Constant(3.0)),
            ("uniform", Distribution::Uniform { min: 2.0, max: 6.0 }),
            ("exponential", Distribution::Exponential { mean: 5.0 }),
            ("normal", Distribution::Normal { mean: 100.0, sd: 10.0 }),
            ("log_normal", Distribution::LogNormal { mean: 60.0, sigma: 1.0 }),
            ("pareto", Distribution::Pareto { min: 1.0, alpha: 3.0 }),
            ("weibull", Distribution::Weibull { scale: 2.0, shape: 1.5 }),
            ("empirical", Distribution::empirical(vec![1.0, 10.0], &[3.0, 1.0]).unwrap()),
        ]
    }

    #[test]
    fn sample_means_approach_the_stated_means() {
        for (name, distribution) in all() {
            let mut stream = Seed(1).stream(Purpose::Test, name);
            let n = 200_000;
            let mean = (0..n).map(|_| distribution.sample(&mut stream)).sum::<f64>() / f64::from(n);
            let error = (mean / distribution.mean() - 1.0).abs();
            assert!(error < 0.015, "{name}: {mean} against {}", distribution.mean());
        }
    }

    #[test]
    fn no_draw_is_below_the_least_one() {
        let mut least = all().into_iter().map(|(_, distribution)| distribution.least());
        assert!(least.by_ref().eq([3.0, 2.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0]));
        let never_one = Distribution::empirical(vec![1.0, 10.0, 20.0], &[0.0, 1.0, 1.0]).unwrap();
        assert_eq!(never_one.least(), 10.0, "what has no weight is never drawn");
        for (name, distribution) in all() {
            let mut stream = Seed(4).stream(Purpose::Test, name);
            let least = distribution.least();
            assert!((0..10_000).all(|_| distribution.sample(&mut stream) >= least), "{name}");
        }
    }

    #[test]
    fn ten_thousand_draws_of_each_distribution_are_known() {
        let digests: Vec<String> = all()
            .into_iter()
            .map(|(name, distribution)| {
                let mut stream = Seed(2).stream(Purpose::Test, name);
                let mut digest = crate::base::digest::Digest::default();
                (0..10_000).for_each(|_| digest.add(distribution.sample_span(&mut stream).0));
                format!("{name} {:016x}", digest.value())
            })
            .collect();
        insta::assert_snapshot!(digests.join("\n"), @r"
        constant c3ea965c7a8a0225
        uniform 02d0b8922db0b202
        exponential 233cf676ca7c2b31
        normal 033cb39287555c2a
        log_normal 4d80c38e8204aad3
        pareto 445d426b53b19157
        weibull 0f1cd00d99b030bd
        empirical 4898ea0c3714c3cc
        ");
    }

    #[test]
    fn poisson_counts_have_the_stated_mean() {
        let mut stream = Seed(3).stream(Purpose::Test, "poisson");
        let mean = (0..100_000).map(|_| poisson(4.5, &mut stream)).sum::<u64>() as f64 / 1e5;
        assert!((mean - 4.5).abs() < 0.05, "{mean}");
        assert_eq!(poisson(0.0, &mut stream), 0);
    }
}
