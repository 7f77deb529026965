//! What the cells of a sweep say together: means over seeds, of one settings or along an axis.

use super::plan::Plan;
use crate::experiment::statistics::{Confidence, Exact, Mean};

/// A metric that tables and charts show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chosen {
    /// Its name, as in `summary.csv`.
    pub name: String,
    /// Its unit, empty where it has none.
    pub unit: String,
}

/// The chosen metrics of every cell.
#[derive(Clone, PartialEq, Debug)]
pub struct Results {
    /// The metrics, in the order asked for.
    pub metrics: Vec<Chosen>,
    /// By metric, by cell in the order of the plan; `None` where it is not defined, or the cell failed.
    pub values: Vec<Vec<Option<Exact>>>,
    /// How sure intervals are.
    pub confidence: Confidence,
}

impl Results {
    /// The mean of a metric over the seeds of some settings.
    #[must_use]
    pub fn mean(&self, plan: &Plan, metric: usize, settings: usize) -> Option<Mean> {
        self.mean_of(plan, metric, &[settings])
    }

    /// The mean of a metric where every axis of `fixed` has this point. Under each seed the settings that have them are
    /// averaged first: what is left to chance is the seeds, not the other axes.
    #[must_use]
    pub fn along(&self, plan: &Plan, metric: usize, fixed: &[(usize, usize)]) -> Option<Mean> {
        let is_there = |number: &usize| {
            let points = &plan.settings[*number].points;
            fixed.iter().all(|(axis, point)| points.get(*axis) == Some(point))
        };
        let settings: Vec<usize> = (0..plan.settings.len()).filter(is_there).collect();
        self.mean_of(plan, metric, &settings)
    }

    fn mean_of(&self, plan: &Plan, metric: usize, settings: &[usize]) -> Option<Mean> {
        let (values, count) = (self.values.get(metric)?, plan.seeds.len());
        let of_seed = |seed: usize| -> Option<Exact> {
            let of = settings.iter().filter_map(|number| *values.get(number * count + seed)?);
            let (sum, found) =
                of.fold((0i128, 0i128), |(sum, found), one| (sum + one.0, found + 1));
            // Rounded to the billionth that values have themselves.
            (found > 0).then(|| Exact((2 * sum + found).div_euclid(2 * found)))
        };
        let by_seed: Vec<Exact> = (0..count).filter_map(of_seed).collect();
        Mean::of(&by_seed, self.confidence)
    }

    /// Whether a metric has more than one value among the cells.
    #[must_use]
    pub fn differs(&self, metric: usize) -> bool {
        let mut values = self.values[metric].iter();
        let first = values.next();
        values.any(|value| Some(value) != first)
    }
}
