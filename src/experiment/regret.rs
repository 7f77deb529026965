//! What to commit to where nobody knows which run it will be: what the Savings Plan that is best for one seed comes to under
//! the others.
//!
//! The regret of a commitment in a run is what the run costs with it less what it would have cost with the best one.

use crate::base::money::{HourlyRate, NanoUsd};
use crate::base::random::Seed;
use crate::base::time::SimSpan;
use crate::pricing::Settlement;
use crate::pricing::commitments::{BestPlan, SavingsPlan, Usage, plan_cost};
use rayon::prelude::*;

/// Most runs that are held against each other: the first ones. The work grows with their square.
pub const MOST: usize = 100;

/// The best commitment of one run, and what it comes to in the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Regret {
    /// The run that it is best for.
    pub seed: Seed,
    /// Dollars an hour.
    pub commitment: HourlyRate,
    /// What it saves in this run.
    pub saved: NanoUsd,
    /// What it saves in the mean of the others, rounded down; below zero where it costs more than it replaces.
    pub saved_elsewhere: NanoUsd,
    /// Its regret in the mean of the others, rounded down.
    pub regret: NanoUsd,
    /// Its largest regret in one of them.
    pub worst: NanoUsd,
}

/// A run, and what could be bought for it.
struct Run<'a> {
    seed: Seed,
    plan: &'a SavingsPlan,
    usage: &'a [Usage],
    lengths: &'a [SimSpan],
    best: BestPlan,
}

impl<'a> Run<'a> {
    /// `None` without a commitment, and where none could cover anything.
    fn of((seed, settlement): &(Seed, &'a Settlement)) -> Option<Run<'a>> {
        let (plan, usage) = settlement.offer.as_ref().filter(|_| !settlement.reports.is_empty())?;
        let lengths = &settlement.rest.lengths;
        Some(Run { seed: *seed, plan, usage, lengths, best: settlement.best? })
    }

    /// What it costs with so much of its plan.
    fn with(&self, commitment: HourlyRate) -> NanoUsd {
        let plan = SavingsPlan { commitment, ..self.plan.clone() };
        plan_cost(&plan, self.usage, self.lengths)
    }
}

/// Of each run its best commitment, in the order of the runs; none of runs without a commitment, and of fewer than two.
#[must_use]
pub fn regrets(runs: &[(Seed, &Settlement)]) -> Vec<Regret> {
    let runs: Vec<Run<'_>> = runs.iter().filter_map(Run::of).take(MOST).collect();
    let others = runs.len().saturating_sub(1) as i128;
    if others == 0 {
        return Vec::new();
    }
    let of = |(index, run): (usize, &Run<'_>)| {
        let (mut saved, mut regret, mut worst) = (0, 0, 0);
        for (_, other) in runs.iter().enumerate().filter(|(at, _)| *at != index) {
            let usd = other.with(run.best.commitment);
            // Roundings of a nano-dollar are nobody's regret.
            let own = (usd - other.best.usd).0.max(0);
            saved += (other.best.without - usd).0;
            regret += own;
            worst = worst.max(own);
        }
        Regret {
            seed: run.seed,
            commitment: run.best.commitment,
            saved: run.best.without - run.best.usd,
            saved_elsewhere: NanoUsd(saved.div_euclid(others)),
            regret: NanoUsd(regret.div_euclid(others)),
            worst: NanoUsd(worst),
        }
    };
    runs.par_iter().enumerate().map(of).collect()
}

/// The one to choose: of least regret in the mean, and of the smaller commitment among equals.
#[must_use]
pub fn choice(regrets: &[Regret]) -> Option<&Regret> {
    regrets.iter().min_by_key(|of| (of.regret, of.commitment))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::commitments::{PlanKind, PlanRates, Subject, best_plan};
    use crate::pricing::{CommitmentReport, Uncovered};

    const HOUR: u128 = 3_600_000_000;

    /// Four hours with so many instances at a dollar, 30 % off under the plan.
    fn run(instances: [u128; 4]) -> Settlement {
        let lengths = vec![SimSpan(HOUR as u64); 4];
        let usage = vec![Usage {
            subject: Subject::Instances("m5.large".into(), None),
            list: HourlyRate(1_000_000_000),
            parts: 1,
            amount: instances.map(|count| count * HOUR).to_vec(),
        }];
        let plan = SavingsPlan {
            name: "p".into(),
            kind: PlanKind::Compute,
            commitment: HourlyRate(0),
            rates: PlanRates { instances: 300_000, ..PlanRates::default() },
        };
        let report = CommitmentReport {
            name: "p".into(),
            kind: "compute_savings_plan",
            item: String::new(),
            committed: NanoUsd::ZERO,
            used: NanoUsd::ZERO,
            list: NanoUsd::ZERO,
        };
        Settlement {
            reports: vec![report],
            best: Some(best_plan(&plan, &usage, &lengths)),
            offer: Some((plan, usage)),
            rest: Uncovered { usage: Vec::new(), lengths },
            ..Settlement::default()
        }
    }

    /// The first is best with two instances (8.60 $ of 10), the second with four (11.20 $ of 16). Two in the second: 5.60 $
    /// and eight hours at a dollar are 13.60 $. Four in the first: 11.20 $.
    #[test]
    fn the_best_of_one_run_is_regretted_in_the_other_by_what_it_costs_more() {
        let (wave, steady) = (run([1, 2, 3, 4]), run([4; 4]));
        let found = regrets(&[(Seed(1), &wave), (Seed(2), &steady)]);
        let told =
            |of: &Regret| [of.saved, of.saved_elsewhere, of.regret, of.worst].map(NanoUsd::to_f64);
        assert_eq!(found[0].commitment, HourlyRate(1_400_000_000));
        assert_eq!(told(&found[0]), [1.4, 2.4, 2.4, 2.4]);
        assert_eq!(found[1].commitment, HourlyRate(2_800_000_000));
        assert_eq!(told(&found[1]), [4.8, -1.2, 2.6, 2.6]);
        assert_eq!(choice(&found), Some(&found[0]));
        assert!(regrets(&[(Seed(1), &wave)]).is_empty());
    }
}
