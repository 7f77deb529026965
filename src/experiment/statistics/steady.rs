//! One long run: where its warm-up ends, and how sure its long-run mean is.
//!
//! Values that follow each other in one run are not independent, so that Student's interval of them is far too narrow. Means
//! of long enough stretches (*batches*) nearly are. Sources: K. P. White, M. J. Cobb and S. C. Spratt, A comparison of five steady-state
//! truncation heuristics for simulation, Winter Simulation Conference 2000 (MSER-5); A. M. Law, Simulation Modeling and
//! Analysis, 5th ed. (2015), 9.5.3 (batch means: 20 to 30 batches, whatever the length of the run).

use super::{Confidence, student};

/// Values whose mean is one observation of MSER-5.
const FIVE: usize = 5;
/// The fewest batches.
pub const FEWEST: usize = 20;
/// The most batches where nobody says how long they are: more are shorter, and depend on each other.
const MOST: usize = 30;

/// How many of `values` belong to the warm-up, by MSER-5: the cut after which the mean would be the surest. `None` where that
/// lies beyond the half: then the run has not settled, or is too short to tell.
#[must_use]
pub fn warm_up(values: &[f64]) -> Option<usize> {
    let means: Vec<f64> =
        values.chunks_exact(FIVE).map(|five| five.iter().sum::<f64>() / FIVE as f64).collect();
    if means.len() < 2 {
        return None;
    }
    // From the end: mean and sum of squares of what is left, by Welford's update.
    let (mut mean, mut squares) = (0.0, 0.0);
    let mut best: Option<(f64, usize)> = None;
    for (cut, value) in means.iter().enumerate().rev() {
        let count = (means.len() - cut) as f64;
        let step = value - mean;
        mean += step / count;
        squares += step * (value - mean);
        let error = squares / (count * count);
        // The last few always agree by chance; the early cut is taken of equals.
        if means.len() - cut >= FIVE && best.is_none_or(|(least, _)| error <= least) {
            best = Some((error, cut));
        }
    }
    best.filter(|(_, cut)| *cut * 2 <= means.len()).map(|(_, cut)| cut * FIVE)
}

/// The mean of a long run by batches.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BatchMeans {
    /// Batches.
    pub batches: usize,
    /// Values in each.
    pub length: usize,
    /// Mean of all of them.
    pub mean: f64,
    /// Half of its interval; `None` where all batches agree.
    pub half_width: Option<f64>,
    /// Correlation of each batch with the next; `None` where all agree.
    pub correlation: Option<f64>,
}

impl BatchMeans {
    /// Of `values` in order, in batches of `length`, or of the length that makes 20 to 30 of them; what does not fill a batch
    /// at the beginning is left out. `None` where there are not 20.
    #[must_use]
    pub fn of(values: &[f64], length: Option<usize>, confidence: Confidence) -> Option<BatchMeans> {
        let length = length.unwrap_or_else(|| values.len().div_ceil(MOST)).max(1);
        let batches = values.len() / length;
        if batches < FEWEST {
            return None;
        }
        let kept = &values[values.len() - batches * length..];
        let means: Vec<f64> = kept
            .chunks_exact(length)
            .map(|batch| batch.iter().sum::<f64>() / length as f64)
            .collect();
        let n = batches as f64;
        let mean = means.iter().sum::<f64>() / n;
        let deviations: Vec<f64> = means.iter().map(|one| one - mean).collect();
        let squares: f64 = deviations.iter().map(|one| one * one).sum();
        let next: f64 = deviations.windows(2).map(|pair| pair[0] * pair[1]).sum();
        let is_constant = means.iter().all(|one| *one == means[0]);
        let half = student(confidence, batches - 1) * (squares / (n - 1.0) / n).sqrt();
        Some(BatchMeans {
            batches,
            length,
            mean,
            half_width: (!is_constant).then_some(half),
            correlation: (!is_constant).then(|| next / squares),
        })
    }

    /// Whether batches still depend on each other, so that the interval is too narrow: a correlation that chance gives to one
    /// of twenty runs without any.
    #[must_use]
    pub fn is_too_short(&self) -> bool {
        self.correlation.is_some_and(|found| found > 1.645 / (self.batches as f64).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warm_up_is_cut_where_the_rest_is_level() {
        // A hundred values that fall from 100 to 0, then 400 that go up and down by one.
        let ramp = (0..100).map(|at| 100.0 - f64::from(at));
        let level = (0..400).map(|at| if at % 2 == 0 { 1.0 } else { -1.0 });
        let values: Vec<f64> = ramp.chain(level).collect();
        assert_eq!(warm_up(&values), Some(100));
        assert_eq!(warm_up(&values[100..]), Some(0));
        // A run that only rises has not settled.
        let rising: Vec<f64> = (0..500).map(f64::from).collect();
        assert_eq!(warm_up(&rising), None);
        assert_eq!(warm_up(&values[..9]), None);
    }

    #[test]
    fn batches_are_averaged_and_their_interval_is_students() {
        // 20 batches of two values: means 1, 3, 1, 3, …: mean 2, deviation √(20 / 19).
        let values: Vec<f64> =
            (0..20).flat_map(|at| if at % 2 == 0 { [0.0, 2.0] } else { [2.0, 4.0] }).collect();
        let found = BatchMeans::of(&values, Some(2), Confidence::USUAL).unwrap();
        assert_eq!((found.batches, found.length, found.mean), (20, 2, 2.0));
        // t of 19 degrees: 2.093024; · √(20 / 19 / 20).
        assert!((found.half_width.unwrap() - 2.093_024_054 / 19.0_f64.sqrt()).abs() < 1e-8);
        assert!(
            (found.correlation.unwrap() + 0.95).abs() < 1e-12,
            "each is followed by the other kind"
        );
        assert!(!found.is_too_short());
        assert_eq!(BatchMeans::of(&values, Some(3), Confidence::USUAL), None, "13 batches");
        let halves: Vec<f64> = (0..40).map(|at| f64::from(at / 20)).collect();
        assert!(BatchMeans::of(&halves, Some(2), Confidence::USUAL).unwrap().is_too_short());
    }
}
