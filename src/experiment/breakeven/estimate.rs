//! Means over the seeds, each with its 95 % interval: those of `ecsim compare`.

use super::{Cell, Said};
use crate::experiment::statistics::{Confidence, Exact, Mean};

/// The mean of values, one a seed, with half of its 95 % interval where they show a spread; nothing without values, or where
/// one is no number.
#[must_use]
pub fn estimate(values: impl IntoIterator<Item = f64>) -> Option<Mean> {
    let exact = |value: f64| Exact::parse(&format!("{value:.9}"));
    let values: Vec<Exact> = values.into_iter().map(exact).collect::<Option<_>>()?;
    Mean::of(&values, Confidence::USUAL)
}

impl Cell {
    /// The mean over the seeds with its interval; nothing where it could not run.
    #[must_use]
    pub fn estimate(&self, of: impl Fn(&Said) -> f64) -> Option<Mean> {
        estimate(self.said.iter().flatten().map(of))
    }

    /// The mean of what a seed says here and on `other`, paired, with its interval.
    #[must_use]
    pub fn estimate_with(&self, other: &Cell, of: impl Fn(&Said, &Said) -> f64) -> Option<Mean> {
        let both = self.said.iter().flatten().zip(other.said.iter().flatten());
        estimate(both.map(|(one, other)| of(one, other)))
    }

    /// By how much its bill is above that of `other`, percent of the latter; the interval is that of the difference, paired by
    /// seed.
    #[must_use]
    pub fn more_than_percent(
        &self,
        other: &Cell,
        bill: impl Fn(&Said) -> f64 + Copy,
    ) -> Option<Mean> {
        let base = other.mean(bill)?;
        self.estimate_with(other, |one, other| 100.0 * (bill(one) - bill(other)) / base)
    }
}
