//! Quantiles of a few values, and the intervals that they lie in whatever the law of the values.

use super::Confidence;
use statrs::distribution::{Binomial, DiscreteCDF as _};

/// A quantile of a law, from a sample of it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quantile {
    /// The estimate: approximately unbiased in the median whatever the law.
    pub value: f64,
    /// Ends of its interval; an end is `None` where the sample is too small to have one: of a 90th percentile at 95 % the
    /// upper one below 36 values.
    pub low: Option<f64>,
    /// The other end.
    pub high: Option<f64>,
}

impl Quantile {
    /// The quantile at `share`, above 0 and below 1, of the law of `values`; `None` without values.
    ///
    /// The estimate is the eighth of R. J. Hyndman and Y. Fan, Sample quantiles in statistical packages, The American
    /// Statistician 50 (1996), which they recommend.
    #[must_use]
    pub fn of(values: &[f64], share: f64, confidence: Confidence) -> Option<Quantile> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (first, last) = (sorted.first()?, sorted.last()?);
        let at = (sorted.len() as f64 + 1.0 / 3.0) * share + 1.0 / 3.0;
        let below = at.floor() as usize;
        let value = match (below.checked_sub(1).and_then(|i| sorted.get(i)), sorted.get(below)) {
            (Some(left), Some(right)) => left + (at - at.floor()) * (right - left),
            (None, _) => *first,
            (_, None) => *last,
        };
        let beyond = (1.0 - confidence.share()) / 2.0;
        let low = bound(&sorted, share, beyond);
        Some(Quantile { value, low, high: bound(&sorted, share, 1.0 - beyond) })
    }
}

/// What is above the quantile with the chance `chance`: between two of the sorted values, as J. Nyblom, Note on interpolated
/// order statistics, Statistics & Probability Letters 14 (1992), lays it. The r-th value is above it if fewer than r are
/// below: a chance of the binomial law, which makes steps; laid between them, the interval holds closely what it says.
fn bound(sorted: &[f64], share: f64, chance: f64) -> Option<f64> {
    let count = sorted.len() as u64;
    let law = Binomial::new(share, count).ok()?;
    // Of the r-th value, counted from 1.
    let is_above = |r: u64| law.cdf(r - 1);
    if count < 2 || chance < is_above(1) || chance > is_above(count) {
        return None;
    }
    let (mut r, mut beyond) = (1, count);
    while beyond - r > 1 {
        let middle = r + (beyond - r) / 2;
        if is_above(middle) <= chance { r = middle } else { beyond = middle }
    }
    let (more, less) = (is_above(r + 1) - chance, chance - is_above(r));
    let (before, after) = (r as f64, (count - r) as f64);
    // 1 / (1 + before (1 − share) more / (after share less)), without dividing by what may be 0.
    let (of_more, of_less) = (before * (1.0 - share) * more, after * share * less);
    let part = if of_less > 0.0 { of_less / (of_less + of_more) } else { 0.0 };
    let (left, right) = (sorted[r as usize - 1], sorted[r as usize]);
    Some(left + part * (right - left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_ten_lies_between_the_second_and_the_ninth_value_at_most() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        let found = Quantile::of(&values, 0.5, Confidence::USUAL).unwrap();
        assert!((found.value - 5.5).abs() < 1e-12);
        // The second is above with the chance (1 + 10) / 1,024 = 1.07 %, the third with 56 / 1,024 = 5.47 %; 2.5 % is
        // between: more 2.969 %, less 1.426 %: part 8 · 1.426 / (8 · 1.426 + 2 · 2.969) = 0.65764.
        let (more, less) = (56.0 / 1024.0 - 0.025, 0.025 - 11.0 / 1024.0);
        let part = 8.0 * less / (8.0 * less + 2.0 * more);
        assert!((found.low.unwrap() - (2.0 + part)).abs() < 1e-9);
        assert!((found.high.unwrap() - (9.0 - part)).abs() < 1e-9, "the same from above");
    }

    #[test]
    fn an_end_is_missing_where_the_sample_is_too_small() {
        let values: Vec<f64> = (1..=36).map(f64::from).collect();
        // 0.9^35 = 2.503 %, 0.9^36 = 2.25 %: the largest of 36 values is above the 90th percentile with 97.75 %.
        let of = |count: usize| Quantile::of(&values[..count], 0.9, Confidence::USUAL).unwrap();
        assert_eq!(of(35).high, None);
        assert!(of(36).high.is_some_and(|high| high <= 36.0));
        assert!(of(35).low.is_some());
        assert_eq!(Quantile::of(&values[..1], 0.5, Confidence::USUAL).unwrap().low, None);
        assert_eq!(Quantile::of(&[], 0.5, Confidence::USUAL), None);
    }

    #[test]
    fn equal_values_are_their_quantiles_and_thousands_are_no_trouble() {
        let values = vec![7.0; 50_000];
        let found = Quantile::of(&values, 0.9, Confidence::USUAL).unwrap();
        assert_eq!((found.value, found.low, found.high), (7.0, Some(7.0), Some(7.0)));
    }
}
