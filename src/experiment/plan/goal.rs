//! What settings must keep: a limit on a metric, and whether a few seeds show that it is kept.
//!
//! A limit is kept or missed where the whole interval of the mean lies on one side of it; else it is not clear yet, and more
//! seeds tell. Values that are the same in every seed have no interval: then the mean decides.

use crate::experiment::compare::limit::Limit;
use crate::experiment::statistics::{BILLION, Confidence, Exact, Mean};
use crate::scenario::Expect;

/// A limit on a metric.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Goal {
    /// Name of the metric.
    pub metric: String,
    /// Whether more is worse: the limit is the largest right value. Else it is the smallest.
    pub is_at_most: bool,
    /// The limit, in the metric's unit.
    pub limit: Exact,
    /// Where it was written: `file:line:column`, or the argument.
    pub place: String,
}

/// Whether a limit is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kept {
    /// It is shown to be kept.
    Yes,
    /// The interval of the mean contains the limit.
    Unclear,
    /// It is shown to be missed.
    No,
}

/// What seeds say about a limit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Look {
    /// The mean of the metric; `None` where a seed does not define it, and without seeds.
    pub mean: Option<Mean>,
    /// Whether it is kept.
    pub kept: Kept,
    /// Seeds that keep it by themselves.
    pub seeds_kept: usize,
}

impl Goal {
    /// Those of an `[[expect]]`: one for each of its limits.
    #[must_use]
    pub fn of(expect: &Expect) -> Vec<Goal> {
        let limits = [(true, expect.at_most), (false, expect.at_least)];
        let goal = |(is_at_most, limit): (bool, Option<f64>)| {
            Some(Goal {
                metric: expect.metric.clone(),
                is_at_most,
                limit: Exact((limit? * BILLION as f64).round() as i128),
                place: expect.place.clone(),
            })
        };
        limits.into_iter().filter_map(goal).collect()
    }

    /// That of `--expect`.
    ///
    /// # Errors
    /// A clause where the limit is against a base, which a plan does not have.
    pub fn of_limit(limit: &Limit) -> Result<Goal, String> {
        let (is_at_most, value) = limit.absolute().ok_or(
            "a plan has no base to measure from: expected a limit without a sign, such as wait_s_p95<=60",
        )?;
        Ok(Goal {
            metric: limit.metric.clone(),
            is_at_most,
            limit: value,
            place: format!("--expect {}", limit.text),
        })
    }

    /// By how much a value misses it; at most zero where it is kept.
    #[must_use]
    pub fn excess(&self, value: Exact) -> Exact {
        let beyond = value.0 - self.limit.0;
        Exact(if self.is_at_most { beyond } else { -beyond })
    }

    /// By how much a mean misses it, as a share of the limit, of one unit where the limit is below one; at most zero where
    /// it is kept. To rank what misses.
    #[must_use]
    pub fn relative_excess(&self, mean: f64) -> f64 {
        let limit = self.limit.to_f64();
        let beyond = if self.is_at_most { mean - limit } else { limit - mean };
        beyond / limit.abs().max(1.0)
    }

    /// What the values of seeds say.
    #[must_use]
    pub fn look(&self, values: &[Option<Exact>], sure: Confidence) -> Look {
        let defined: Vec<Exact> = values.iter().flatten().copied().collect();
        let seeds_kept = defined.iter().filter(|value| self.excess(**value).0 <= 0).count();
        if defined.len() < values.len() {
            // A metric that is not defined keeps no limit: `run` says so, too.
            return Look { mean: None, kept: Kept::No, seeds_kept };
        }
        let excess: Vec<Exact> = defined.iter().map(|value| self.excess(*value)).collect();
        let Some(beyond) = Mean::of(&excess, sure) else {
            return Look { mean: None, kept: Kept::Unclear, seeds_kept };
        };
        let (low, high) = beyond.ends();
        let kept = match beyond.half_width {
            None if beyond.count == 1 => Kept::Unclear,
            None if beyond.sum.0 <= 0 => Kept::Yes,
            None => Kept::No,
            Some(_) if high <= 0.0 => Kept::Yes,
            Some(_) if low > 0.0 => Kept::No,
            Some(_) => Kept::Unclear,
        };
        Look { mean: Mean::of(&defined, sure), kept, seeds_kept }
    }

    /// The limit in words, such as `at most 60`.
    #[must_use]
    pub fn words(&self) -> String {
        let side = if self.is_at_most { "at most" } else { "at least" };
        format!("{side} {}", self.limit.to_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(text: &str) -> Goal {
        Goal::of_limit(&Limit::parse(text).unwrap()).unwrap()
    }

    fn look(text: &str, values: &[i128]) -> Look {
        let values: Vec<Option<Exact>> = values.iter().map(|v| Some(Exact(v * BILLION))).collect();
        goal(text).look(&values, Confidence::USUAL)
    }

    #[test]
    fn an_interval_on_one_side_decides_and_one_seed_never_does() {
        // 50, 54, 58: mean 54, deviation 4, half 4.302653 · 4 / √3 = 9.94: from 44.06 to 63.94.
        let values = [50, 54, 58];
        for (limit, kept) in [("w<=64", Kept::Yes), ("w<=60", Kept::Unclear), ("w<=44", Kept::No)] {
            assert_eq!(look(limit, &values).kept, kept, "{limit}");
        }
        assert_eq!(look("w>=44", &values).kept, Kept::Yes);
        assert_eq!(look("w>=64", &values).kept, Kept::No);
        assert_eq!(look("w<=64", &[1]).kept, Kept::Unclear);
        assert_eq!(look("w<=55", &values).seeds_kept, 2);
    }

    #[test]
    fn equal_values_are_decided_exactly_and_undefined_ones_keep_nothing() {
        assert_eq!(look("w<=5", &[5, 5]).kept, Kept::Yes);
        assert_eq!(look("w<=4.9", &[5, 5]).kept, Kept::No);
        let undefined = goal("w<=5").look(&[Some(Exact(0)), None], Confidence::USUAL);
        assert_eq!((undefined.kept, undefined.mean), (Kept::No, None));
        assert!(Goal::of_limit(&Limit::parse("w<=+5%").unwrap()).unwrap_err().contains("no base"));
    }
}
