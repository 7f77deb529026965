//! Requests answered without a backlog, by the utilisation at which they were: their latencies follow from the
//! formulas whenever somebody wants to know them, so that a steady minute costs one addition.

use crate::load::latency::LatencyMeter;
use crate::load::queueing::Profile;

/// Steps of utilisation: 1/32 wide below a half, finer and finer towards 1, where latency changes fastest. Within a
/// step the middle stands for all (error of the mean: at most 0.1 % below 0.9 and 2 % at 0.98, if a whole step is
/// used evenly).
pub(super) const STEPS: usize = 96;

/// Where each range of steps begins, how many steps a whole has there, and the number of its first step.
const RANGES: [(f64, f64, usize); 5] =
    [(0.0, 32.0, 0), (0.5, 64.0, 16), (0.75, 128.0, 32), (0.875, 256.0, 48), (0.9375, 512.0, 64)];

/// The step of a utilisation.
#[inline]
fn step_of(rho: f64) -> usize {
    let range = RANGES.iter().rev().find(|range| rho >= range.0).unwrap_or(&RANGES[0]);
    (range.2 + ((rho - range.0).max(0.0) * range.1) as usize).min(STEPS - 1)
}

/// The middle of a step.
fn middle(step: usize) -> f64 {
    let range = RANGES.iter().rev().find(|range| step >= range.2).unwrap_or(&RANGES[0]);
    range.0 + ((step - range.2) as f64 + 0.5) / range.1
}

/// Weights of requests by step of utilisation.
#[derive(Default)]
pub(in crate::load) struct Quiet {
    /// Empty until something was answered.
    weights: Vec<u64>,
}

impl Quiet {
    /// `weight` requests were answered at this utilisation.
    #[inline]
    pub fn add(&mut self, rho: f64, weight: u64) {
        if self.weights.is_empty() {
            self.weights = vec![0; STEPS];
        }
        self.weights[step_of(rho)] += weight;
    }

    /// Nothing was answered since it was handed on.
    pub fn is_empty(&self) -> bool {
        self.weights.iter().all(|weight| *weight == 0)
    }

    /// Hands everything on, with the latencies at each step, of which the number and the utilisation are told.
    pub fn flush(
        &mut self,
        mut profile: impl FnMut(usize, f64) -> Profile,
        mut record: impl FnMut(&Profile, u64),
    ) {
        for (step, weight) in self.weights.iter_mut().enumerate() {
            if *weight > 0 {
                record(&profile(step, middle(step)), std::mem::take(weight));
            }
        }
    }
}

/// Which of the two books of latencies is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::load) enum Book {
    /// Since the start.
    Total,
    /// Since somebody last asked.
    Recent,
    /// Both.
    Both,
}

impl Book {
    /// Adds `weight` requests of this latency (microseconds).
    #[inline]
    pub fn add(self, latency: &mut LatencyMeter, micros: f64, weight: u64) {
        let span = crate::base::time::SimSpan(micros.round() as u64);
        match self {
            Book::Total => latency.add_to_total(span, weight),
            Book::Recent => latency.add_to_recent(span, weight),
            Book::Both => latency.add(span, weight),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_each_step_lies_in_it_and_steps_ascend() {
        for step in 0..STEPS {
            assert_eq!(step_of(middle(step)), step, "{step}");
        }
        assert!((1..STEPS).all(|step| middle(step) > middle(step - 1)));
        assert_eq!(step_of(0.0), 0);
        assert_eq!(step_of(5.0), STEPS - 1);
    }
}
