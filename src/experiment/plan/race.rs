//! The race: which runs are wanted next, and what their results decide.

use super::{Ask, Candidate, FIRST_LOOK, Goal, Kept, Outcome, Ran, Rules, Stage, Stopped, Verdict};
use crate::experiment::statistics::{Exact, Mean};

/// How many candidates of whom nothing is known are tried at once: later ones may fall to a bound.
const WAVE: usize = 8;
/// Seeds of a candidate of whom nothing is known: the least that have an interval.
const SCOUT: u32 = 2;

/// Fresh seeds after which a winner who does not even seem to keep its goals is given up.
const FEW: usize = 5;

/// Runs what is asked for and returns what each said, in order; `None` where there is no time left.
pub type RunAll<'r, E> = dyn FnMut(Stage, &[Ask]) -> Result<Option<Vec<Ran>>, E> + 'r;

/// Races `candidates` for the cheapest that keep all `goals`.
///
/// # Errors
/// What `run` fails with.
pub fn race<E>(
    candidates: Vec<Candidate>,
    goals: &[Goal],
    rules: &Rules,
    run: &mut RunAll<'_, E>,
) -> Result<Outcome, E> {
    let mut race =
        Race { candidates, goals, rules, runs: 0, fresh_runs: 0, stopped: None, tries: 0 };
    race.settle_bounds();
    loop {
        race.settle();
        let asks = race.wanted();
        if !asks.is_empty() {
            match run(Stage::Race, &asks)? {
                Some(results) => race.take(&asks, results),
                None => race.stopped = Some(Stopped::Time),
            }
            continue;
        }
        let Some(best) = race.best() else { break };
        let asks = race.confirmation(best);
        // Who does not seem to keep its goals under the first few has lost.
        let (first, rest) = asks.split_at(asks.len().min(FEW));
        let mut is_over = false;
        for (part, is_last) in [(first, rest.is_empty()), (rest, true)] {
            let results = if part.is_empty() { None } else { run(Stage::Confirmation, part)? };
            let Some(results) = results else {
                race.stopped = race.stopped.or(Some(Stopped::Runs));
                is_over = true;
                break;
            };
            if race.confirm(best, results, is_last) {
                is_over = race.candidates[best].verdict == Verdict::Best;
                break;
            }
        }
        if is_over {
            break;
        }
    }
    let answer = race.candidates.iter().position(|of| of.verdict == Verdict::Best);
    race.settle_end();
    Ok(Outcome {
        answer,
        race_runs: race.runs,
        fresh_runs: race.fresh_runs,
        sure: rules.confidence.halved(race.tries.saturating_sub(1)),
        stopped: race.stopped,
        candidates: race.candidates,
    })
}

struct Race<'a> {
    candidates: Vec<Candidate>,
    goals: &'a [Goal],
    rules: &'a Rules,
    runs: u64,
    fresh_runs: u64,
    stopped: Option<Stopped>,
    /// Winners that confirmation was tried with.
    tries: u32,
}

impl Race<'_> {
    /// Seeds that confirm a winner.
    fn confirming(&self) -> u64 {
        let wanted = u64::from(self.rules.replications);
        // A third of a small budget, and three at the least.
        self.rules.budget.map_or(wanted, |all| wanted.min((all / 3).max(FIRST_LOOK.into())))
    }

    /// Runs that are left for the race.
    fn left(&self) -> u64 {
        let Some(budget) = self.rules.budget else { return u64::MAX };
        budget.saturating_sub(self.confirming() + self.runs + self.fresh_runs)
    }

    fn is_open(&self, at: usize) -> bool {
        self.candidates[at].verdict == Verdict::Open
    }

    fn open(&self) -> Vec<usize> {
        (0..self.candidates.len()).filter(|at| self.is_open(*at)).collect()
    }

    fn seeds(&self, at: usize) -> u32 {
        self.candidates[at].seen.len() as u32
    }

    /// What all goals together say of the race's seeds, and which is the worst.
    fn kept(&self, at: usize) -> (Kept, usize) {
        let looks = self.goals.iter().enumerate().map(|(goal, of)| {
            let seen = &self.candidates[at].seen;
            let values: Vec<Option<Exact>> = seen.iter().map(|run| run[goal + 1]).collect();
            (of.look(&values, self.rules.confidence).kept, goal)
        });
        // The first of the worst.
        looks.max_by_key(|(kept, goal)| (*kept, usize::MAX - goal)).unwrap_or((Kept::Yes, 0))
    }

    /// Whether the means keep all goals, shown or not.
    fn seems_kept(&self, at: usize) -> bool {
        self.goals.iter().enumerate().all(|(goal, of)| {
            let mut sum = 0;
            let values = self.candidates[at].seen.iter().map(|run| run[goal + 1]);
            for value in values {
                let Some(value) = value else { return false };
                sum += of.excess(value).0;
            }
            sum <= 0
        })
    }

    /// Cost of `one` less cost of `other` under the seeds that both have.
    fn differences(&self, one: usize, other: usize) -> Vec<Exact> {
        let costs = |at: usize| self.candidates[at].seen.iter().filter_map(|run| run[0]);
        costs(one).zip(costs(other)).map(|(one, other)| Exact(one.0 - other.0)).collect()
    }

    /// The cheapest of some, each compared under common seeds; of equals the first.
    fn cheapest(&self, of: impl Iterator<Item = usize>) -> Option<usize> {
        of.reduce(|best, next| {
            let difference: i128 = self.differences(next, best).iter().map(|d| d.0).sum();
            if difference < 0 { next } else { best }
        })
    }

    /// The cheapest that is shown to keep every goal.
    fn best(&self) -> Option<usize> {
        let shown = |at: &usize| self.seeds(*at) >= FIRST_LOOK && self.kept(*at).0 == Kept::Yes;
        self.cheapest(self.open().into_iter().filter(shown))
    }

    /// What bounds alone decide.
    fn settle_bounds(&mut self) {
        for at in self.open() {
            for (goal, of) in self.goals.iter().enumerate() {
                let least = self.candidates[at].floor.metrics.get(goal);
                let values: Vec<Option<Exact>> =
                    least.into_iter().flatten().map(|value| Some(*value)).collect();
                if of.look(&values, self.rules.confidence).kept == Kept::No {
                    self.candidates[at].verdict = Verdict::MissesByBound { goal };
                }
            }
        }
    }

    /// What the seeds so far decide.
    fn settle(&mut self) {
        for at in self.open() {
            if self.seeds(at) < SCOUT {
                continue;
            }
            match self.kept(at) {
                (Kept::No, goal) => self.candidates[at].verdict = Verdict::Misses { goal },
                (Kept::Unclear, goal) if self.seeds(at) >= self.rules.replications => {
                    self.candidates[at].verdict = Verdict::NotShown { goal };
                }
                _ => {}
            }
        }
        let Some(best) = self.best() else { return };
        for at in self.open().into_iter().filter(|at| *at != best) {
            if self.is_above_by_bound(at, best) {
                self.candidates[at].verdict = Verdict::AboveByBound { than: best };
            } else if self.is_not_cheaper(at, best) {
                self.candidates[at].verdict = Verdict::NotCheaper { than: best };
            }
        }
    }

    /// The zone in which costs count as equal to those of `best`, in dollars.
    fn zone(&self, best: usize) -> f64 {
        let costs: Vec<Exact> =
            self.candidates[best].seen.iter().filter_map(|run| run[0]).collect();
        let mean = Mean::of(&costs, self.rules.confidence).map_or(0.0, |mean| mean.mean);
        mean * f64::from(self.rules.zone_ppm) / 1e6
    }

    fn is_above_by_bound(&self, at: usize, best: usize) -> bool {
        let floors = self.candidates[at].floor.usd.iter();
        let costs = self.candidates[best].seen.iter().filter_map(|run| run[0]);
        let above: Vec<Exact> =
            floors.zip(costs).map(|(floor, cost)| Exact(floor.0 - cost.0)).collect();
        let mean = Mean::of(&above, self.rules.confidence).filter(|mean| mean.count > 1);
        mean.is_some_and(|above| above.ends().0 > -self.zone(best))
    }

    fn is_not_cheaper(&self, at: usize, best: usize) -> bool {
        let above = self.differences(at, best);
        let above = Mean::of(&above, self.rules.confidence).filter(|mean| mean.count > 1);
        let Some(above) = above else { return false };
        // Whoever is cheaper, if only by little, may still be shown to keep its goals: then it is the best.
        let may_lead = above.sum.0 < 0 && self.seeds(at) < FIRST_LOOK;
        !may_lead && above.ends().0 > -self.zone(best)
    }

    /// The runs that are wanted next: those with which whoever seems the best is shown to be it, then a wave of those of whom
    /// nothing is known, by their bounds; when all are known, more seeds for all that are left.
    fn wanted(&mut self) -> Vec<Ask> {
        if self.stopped.is_some() {
            return Vec::new();
        }
        let open = self.open();
        let mut upto: Vec<(usize, u32)> = Vec::new();
        let best = self.best();
        if best.is_none() {
            let seems = |at: &usize| self.seeds(*at) > 0 && self.seems_kept(*at);
            let leader = self.cheapest(open.iter().copied().filter(seems));
            upto.extend(leader.map(|at| (at, self.next_look(at))));
        }
        let mut unknown: Vec<usize> =
            open.iter().copied().filter(|at| self.seeds(*at) == 0).collect();
        let floor = |at: &usize| self.candidates[*at].floor.usd.iter().map(|f| f.0).sum::<i128>();
        unknown.sort_by_key(|at| (floor(at), *at));
        upto.extend(unknown.iter().take(WAVE).map(|at| (*at, SCOUT.min(self.rules.replications))));
        if unknown.is_empty() && (best.is_some() || upto.is_empty()) {
            let more = open.iter().copied().filter(|at| Some(*at) != best);
            upto.extend(more.map(|at| (at, self.next_look(at))));
            // Differences are of common seeds: the best has those that others get.
            let most = upto.iter().map(|(_, seeds)| *seeds).max();
            upto.extend(best.zip(most));
        }
        let asks = upto.into_iter().flat_map(|(candidate, upto)| {
            (self.seeds(candidate)..upto).map(move |seed| Ask { candidate, seed })
        });
        let mut asks: Vec<Ask> = asks.collect();
        let left = usize::try_from(self.left()).unwrap_or(usize::MAX);
        if asks.len() > left {
            asks.truncate(left);
            if asks.is_empty() {
                self.stopped = Some(Stopped::Runs);
            }
        }
        asks
    }

    /// How many seeds a candidate has when it is looked at next.
    fn next_look(&self, at: usize) -> u32 {
        let seeds = self.seeds(at);
        (seeds + seeds.div_ceil(2)).max(FIRST_LOOK).min(self.rules.replications)
    }

    fn take(&mut self, asks: &[Ask], results: Vec<Ran>) {
        for (ask, ran) in asks.iter().zip(results) {
            self.runs += 1;
            let of = &mut self.candidates[ask.candidate];
            match ran {
                Ok(values) if values[0].is_none() => {
                    of.verdict = Verdict::Impossible("its cost is not defined".into());
                }
                Ok(values) => of.seen.push(values),
                Err(why) => of.verdict = Verdict::Impossible(why),
            }
        }
    }

    /// The runs that confirm `best`: seeds after those of the race.
    fn confirmation(&self, best: usize) -> Vec<Ask> {
        let spent = self.runs + self.fresh_runs;
        let left = self.rules.budget.map_or(u64::MAX, |all| all.saturating_sub(spent));
        let count = self.confirming().min(left);
        if count < u64::from(FIRST_LOOK) {
            return Vec::new();
        }
        let seeds = self.rules.replications..self.rules.replications + count as u32;
        seeds.map(|seed| Ask { candidate: best, seed }).collect()
    }

    /// What fresh seeds say of the winner: whether that is its verdict. Until the last of them it can only lose.
    fn confirm(&mut self, best: usize, results: Vec<Ran>, is_last: bool) -> bool {
        let sure = self.rules.confidence.halved(self.tries);
        self.fresh_runs += results.len() as u64;
        let fresh: Result<Vec<_>, String> = results.into_iter().collect();
        let verdict = match fresh {
            Err(why) => Some(Verdict::Impossible(why)),
            Ok(fresh) => {
                self.candidates[best].fresh.extend(fresh);
                let fails = |goal: usize| {
                    let look = self.goals[goal].look(&self.candidates[best].values(goal + 1), sure);
                    let seems = |mean: Mean| self.goals[goal].relative_excess(mean.mean) <= 0.0;
                    if is_last { look.kept != Kept::Yes } else { !look.mean.is_some_and(seems) }
                };
                let missed = (0..self.goals.len()).find(|goal| fails(*goal));
                let missed = missed.map(|goal| Verdict::NotConfirmed { goal });
                missed.or(is_last.then_some(Verdict::Best))
            }
        };
        let Some(verdict) = verdict else { return false };
        self.tries += 1;
        if verdict != Verdict::Best {
            // Whoever lost to it is in the race again.
            for of in &mut self.candidates {
                if let Verdict::AboveByBound { than } | Verdict::NotCheaper { than } = of.verdict
                    && than == best
                {
                    of.verdict = Verdict::Open;
                }
            }
        }
        self.candidates[best].verdict = verdict;
        true
    }

    /// At the end, those that all their seeds left open.
    fn settle_end(&mut self) {
        for at in self.open() {
            if let (Kept::Unclear, goal) = self.kept(at)
                && self.seeds(at) >= self.rules.replications
            {
                self.candidates[at].verdict = Verdict::NotShown { goal };
            }
        }
    }
}
