//! The cheapest of many settings that keep limits.
//!
//! Closed forms come first ([`bounds`]): what settings cost at the least, and how badly they must miss a limit, without a
//! run. Then settings race ([`race()`]): all that are left meet the same seeds, and one is dropped as soon as its seeds show
//! that it misses a limit, or that it cannot be cheaper than the best by more than the zone in which costs count as equal.
//! Whoever wins is confirmed under seeds that had no part in its choice; only these say what it costs and keeps.
//!
//! Runs come from the caller, so that the race knows no files and can be tested with made-up costs. Which runs are asked
//! for depends on nothing but the results of earlier ones: the same on one thread and many.

pub mod bounds;
pub mod goal;
mod race;
mod standing;

pub use goal::{Goal, Kept, Look};
pub use race::{RunAll, race};
pub use standing::{Binding, Standing, bindings, front, nearest, standings};

use super::statistics::{Confidence, Exact, Mean};

/// What one run said: the cost, then the metric of each goal, then whatever else the caller wants to know of it; or why
/// these settings cannot run.
pub type Ran = Result<Vec<Option<Exact>>, String>;

/// A run that is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ask {
    /// Which settings.
    pub candidate: usize,
    /// Which seed, from 0.
    pub seed: u32,
}

/// What runs are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// To find the best.
    Race,
    /// To confirm it.
    Confirmation,
}

/// How settings race.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rules {
    /// Most seeds of one candidate in the race, and those that confirm the winner; at least 3.
    pub replications: u32,
    /// How sure each verdict is.
    pub confidence: Confidence,
    /// Costs that differ by no more than this share of the best count as equal, parts per million.
    pub zone_ppm: u32,
    /// Most runs, confirmation included; `None`: as many as it takes. At least [`LEAST_BUDGET`].
    pub budget: Option<u64>,
}

/// Least seeds that a choice is made with.
pub const FIRST_LOOK: u32 = 3;
/// Least runs that can find and confirm anything: three to choose by, three to confirm.
pub const LEAST_BUDGET: u64 = 2 * FIRST_LOOK as u64;

/// What is known of settings without a run, seed by seed of the race.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Floor {
    /// The least cost of each seed; empty where nothing is known.
    pub usd: Vec<Exact>,
    /// Of each goal the least value of its metric by seed; empty where nothing is known.
    pub metrics: Vec<Vec<Exact>>,
    /// Where they come from, a clause each.
    pub why: Vec<&'static str>,
}

/// What became of settings.
#[derive(Clone, PartialEq, Debug)]
pub enum Verdict {
    /// Nothing yet: at the end, they were still in the race when the budget was spent.
    Open,
    /// They are no scenario, or cannot run.
    Impossible(String),
    /// They cost more than the best whatever happens.
    AboveByBound {
        /// The best at that time.
        than: usize,
    },
    /// They must miss this goal whatever happens.
    MissesByBound {
        /// The goal.
        goal: usize,
    },
    /// They are shown not to be cheaper than the best by more than the zone.
    NotCheaper {
        /// The best at that time.
        than: usize,
    },
    /// They are shown to miss this goal.
    Misses {
        /// The goal.
        goal: usize,
    },
    /// All seeds of the race do not show that they keep this goal.
    NotShown {
        /// The goal.
        goal: usize,
    },
    /// They won the race, and fresh seeds do not show that they keep this goal.
    NotConfirmed {
        /// The goal.
        goal: usize,
    },
    /// The answer.
    Best,
}

/// Settings in the race.
#[derive(Clone, PartialEq, Debug)]
pub struct Candidate {
    /// What became of them.
    pub verdict: Verdict,
    /// What is known without a run.
    pub floor: Floor,
    /// What the seeds of the race said, in order of the seeds.
    pub seen: Vec<Vec<Option<Exact>>>,
    /// What the seeds of the confirmation said.
    pub fresh: Vec<Vec<Option<Exact>>>,
}

impl Candidate {
    /// Before any run.
    #[must_use]
    pub fn new(floor: Result<Floor, String>) -> Candidate {
        let (verdict, floor) = match floor {
            Ok(floor) => (Verdict::Open, floor),
            Err(why) => (Verdict::Impossible(why), Floor::default()),
        };
        Candidate { verdict, floor, seen: Vec::new(), fresh: Vec::new() }
    }

    /// A column of what its runs said: those of the confirmation where there are any, else those of the race.
    #[must_use]
    pub fn values(&self, column: usize) -> Vec<Option<Exact>> {
        let runs = if self.fresh.is_empty() { &self.seen } else { &self.fresh };
        runs.iter().map(|run| run.get(column).copied().flatten()).collect()
    }

    /// The mean of a column of [`Candidate::values`]; `None` where a run does not define it.
    #[must_use]
    pub fn mean(&self, column: usize, sure: Confidence) -> Option<Mean> {
        let values: Option<Vec<Exact>> = self.values(column).into_iter().collect();
        Mean::of(&values?, sure)
    }
}

/// Why a race ended before everything was known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stopped {
    /// The budget of runs was spent.
    Runs,
    /// The time was over: another machine may have come farther.
    Time,
}

/// A race that is over.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// All settings, in the order given.
    pub candidates: Vec<Candidate>,
    /// The cheapest that keep all goals, within the zone.
    pub answer: Option<usize>,
    /// Runs of the race.
    pub race_runs: u64,
    /// Runs of the confirmation.
    pub fresh_runs: u64,
    /// How sure the answer's intervals are: surer than asked for where others had been tried for confirmation before.
    pub sure: Confidence,
    /// Whether it ended early.
    pub stopped: Option<Stopped>,
}

#[cfg(test)]
mod tests;
