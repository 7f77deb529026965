//! Where settings stand beside the answer: differences under common seeds, the front of cost against a metric, and which
//! goal it is that cheaper settings miss.

use super::{Candidate, Goal, Outcome, Verdict};
use crate::experiment::statistics::{Confidence, Exact, Mean};

/// Settings beside the answer.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Standing {
    /// Cost less that of the answer under the seeds of the race that both have; `None` without any.
    pub difference: Option<Mean>,
    /// Cost in dollars: the answer's mean over all of its seeds and the difference, so that few seeds of some are no worse
    /// guide than many of others. Without an answer, the mean.
    pub usd: Option<f64>,
}

/// A goal that keeps the answer from being cheaper.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Binding {
    /// Position of the goal.
    pub goal: usize,
    /// The cheapest settings that seem to keep all goals but this one.
    pub without: usize,
    /// How much cheaper they are, dollars.
    pub saves_usd: f64,
}

fn costs(runs: &[Vec<Option<Exact>>]) -> impl Iterator<Item = Exact> {
    runs.iter().filter_map(|run| run.first().copied().flatten())
}

fn mean_of(values: impl Iterator<Item = Exact>, sure: Confidence) -> Option<Mean> {
    Mean::of(&values.collect::<Vec<_>>(), sure)
}

/// The standing of each candidate, in order.
#[must_use]
pub fn standings(of: &Outcome, sure: Confidence) -> Vec<Standing> {
    let answer = of.answer.map(|at| &of.candidates[at]);
    let whole = answer.and_then(|answer| {
        let all = costs(&answer.seen).chain(costs(&answer.fresh));
        mean_of(all, sure).map(|mean| mean.mean)
    });
    let standing = |one: &Candidate| {
        let Some((answer, whole)) = answer.zip(whole) else {
            let usd = mean_of(costs(&one.seen), sure).map(|mean| mean.mean);
            return Standing { difference: None, usd };
        };
        let pairs = costs(&one.seen).zip(costs(&answer.seen));
        let difference = mean_of(pairs.map(|(one, answer)| Exact(one.0 - answer.0)), sure);
        Standing { difference, usd: difference.map(|difference| whole + difference.mean) }
    };
    of.candidates.iter().map(standing).collect()
}

/// The mean of a column over all seeds of a candidate; `None` where one does not define it.
fn whole_mean(one: &Candidate, column: usize) -> Option<f64> {
    let runs = one.seen.iter().chain(&one.fresh);
    let values: Option<Vec<Exact>> = runs.map(|run| run.get(column).copied().flatten()).collect();
    mean_of(values?.into_iter(), Confidence::USUAL).map(|mean| mean.mean)
}

/// The settings to which none is both as cheap and as good in a column, and better in one of them: by rising cost. `sign`
/// is 1 where less of the column is better, −1 where more is.
#[must_use]
pub fn front(of: &Outcome, standings: &[Standing], column: usize, sign: f64) -> Vec<usize> {
    let points = of.candidates.iter().zip(standings).enumerate();
    let mut points: Vec<(usize, f64, f64)> = points
        .filter_map(|(at, (one, standing))| {
            Some((at, standing.usd?, sign * whole_mean(one, column)?))
        })
        .collect();
    points.sort_by(|l, r| l.1.total_cmp(&r.1).then(l.2.total_cmp(&r.2)).then(l.0.cmp(&r.0)));
    let mut least = f64::INFINITY;
    points.retain(|(_, _, value)| {
        let is_better = *value < least;
        least = least.min(*value);
        is_better
    });
    points.into_iter().map(|(at, ..)| at).collect()
}

/// Of each goal that cheaper settings than the answer miss, and no other: which would be the answer without it. By how much
/// it would save, the most first.
#[must_use]
pub fn bindings(of: &Outcome, goals: &[Goal], standings: &[Standing]) -> Vec<Binding> {
    let Some(answer) = of.answer.and_then(|at| standings[at].usd) else { return Vec::new() };
    let keeps = |one: &Candidate, goal: usize| {
        let mean = whole_mean(one, goal + 1);
        mean.is_some_and(|mean| goals[goal].relative_excess(mean) <= 0.0)
    };
    let mut found = Vec::new();
    for goal in 0..goals.len() {
        let others = |one: &Candidate| {
            (0..goals.len()).all(|other| other == goal || keeps(one, other))
                && (!keeps(one, goal)
                    || matches!(one.verdict,
                        Verdict::NotShown { goal: of } | Verdict::NotConfirmed { goal: of } if of == goal))
        };
        let all = of.candidates.iter().zip(standings).enumerate();
        let without = all.filter(|(_, (one, _))| others(one));
        let cheaper = without.filter_map(|(at, (_, standing))| Some((at, standing.usd?)));
        let cheapest = cheaper.min_by(|l, r| l.1.total_cmp(&r.1).then(l.0.cmp(&r.0)));
        if let Some((without, usd)) = cheapest.filter(|(_, usd)| *usd < answer) {
            found.push(Binding { goal, without, saves_usd: answer - usd });
        }
    }
    found.sort_by(|l, r| r.saves_usd.total_cmp(&l.saves_usd).then(l.goal.cmp(&r.goal)));
    found
}

/// Where nothing keeps all goals: the settings that miss the worst of them by the least share of it, and which that is.
#[must_use]
pub fn nearest(of: &Outcome, goals: &[Goal]) -> Option<(usize, usize)> {
    let worst = |one: &Candidate| {
        let excess = goals.iter().enumerate().map(|(goal, of)| {
            let mean = whole_mean(one, goal + 1);
            (mean.map_or(f64::INFINITY, |mean| of.relative_excess(mean)), goal)
        });
        excess.max_by(|l, r| l.0.total_cmp(&r.0).then(r.1.cmp(&l.1)))
    };
    let ran = of.candidates.iter().enumerate().filter(|(_, one)| !one.seen.is_empty());
    let all = ran.filter_map(|(at, one)| worst(one).map(|(excess, goal)| (at, goal, excess)));
    let nearest = all.min_by(|l, r| l.2.total_cmp(&r.2).then(l.0.cmp(&r.0)));
    nearest.map(|(at, goal, _)| (at, goal))
}
