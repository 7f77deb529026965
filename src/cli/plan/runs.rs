//! Runs what a race asks for, on all cores; of a run only a few metrics are kept.

use super::{Budget, Grid, PlanArgs};
use crate::base::digest::Digest;
use crate::base::random::Seed;
use crate::cli::Failure;
use crate::cli::progress::Runs;
use crate::cli::seeds::{broken, gather, replay};
use crate::engine::Pulse;
use crate::experiment::cells::{self, Cell, Outcome};
use crate::experiment::compare::metrics;
use crate::experiment::plan::{Ask, Goal, Ran, Stage};
use crate::experiment::statistics::Exact;
use crate::metrics::summary::Summary;
use crate::report::plan::{COST, Column, Trial};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// Metrics that are always kept, beside the cost and those of the goals: for the front, and to warn of work left undone.
const ALSO: [&str; 5] = [
    "wait_s_p95",
    "requests_dropped_percent",
    "tasks_waiting_at_end",
    "tasks_refused",
    "simulated_s",
];

/// What the threads share.
struct Shared {
    grid: Arc<Grid>,
    names: Vec<String>,
    path: PathBuf,
    first: u64,
    check: bool,
    pulse: Arc<Pulse>,
    ended: Arc<AtomicUsize>,
}

/// A run that has ended.
struct One {
    /// What is kept of it, or why it could not be run.
    ran: Ran,
    units: Vec<String>,
    digest: u64,
    /// A metric that there is not, with what is said of it.
    unknown: Option<(String, String)>,
}

/// Runs settings under seeds.
pub struct Runner {
    shared: Arc<Shared>,
    threads: usize,
    deadline: Option<Instant>,
    goals: Vec<Goal>,
    /// What is kept of a run, in order.
    pub columns: Vec<Column>,
    /// What all runs simulated together.
    pub trial: Trial,
    /// The first seed of the race.
    pub first_seed: u64,
    /// Of all events, in the order asked for.
    pub digest: Digest,
    _bar: Runs,
}

impl Runner {
    /// Of these settings, from this seed on.
    pub fn new(
        args: &PlanArgs,
        grid: Arc<Grid>,
        goals: &[Goal],
        first: u64,
        pulse: Arc<Pulse>,
    ) -> Runner {
        let mut names = vec![COST.to_string()];
        names.extend(goals.iter().map(|goal| goal.metric.clone()));
        let more = args.against.iter().map(String::as_str).chain(ALSO);
        for name in more {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_string());
            }
        }
        let ended = Arc::new(AtomicUsize::new(0));
        let all = grid.scenarios.len() * args.replications as usize;
        let most = match args.budget {
            Some(Budget::Runs(runs)) => all.min(runs as usize),
            _ => all,
        };
        let deadline = match args.budget {
            // The last third is for the confirmation.
            Some(Budget::Time(time)) => Some(Instant::now() + time * 2 / 3),
            _ => None,
        };
        let bar = Runs::follow(Arc::clone(&ended), most, args.study.quiet);
        let columns = names.iter().map(|name| Column { name: name.clone(), unit: String::new() });
        let columns = columns.collect();
        let path = args.scenario.clone();
        let shared = Shared { grid, names, path, first, check: args.check, pulse, ended };
        Runner {
            shared: Arc::new(shared),
            threads: args.study.threads,
            deadline,
            goals: goals.to_vec(),
            columns,
            trial: Trial::default(),
            first_seed: first,
            digest: Digest::default(),
            _bar: bar,
        }
    }

    /// Runs what is asked for; `None` where the time for a race is over.
    ///
    /// # Errors
    /// A metric that there is not; an invariant that broke; an interruption.
    pub fn run(&mut self, stage: Stage, asks: &[Ask]) -> Result<Option<Vec<Ran>>, Failure> {
        if stage == Stage::Race && self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
        {
            return Ok(None);
        }
        if stage == Stage::Confirmation && self.is_far_late() {
            return Ok(None);
        }
        self.trial.confirmations += u32::from(stage == Stage::Confirmation);
        let (shared, threads) = (Arc::clone(&self.shared), self.threads);
        let wanted: Vec<Ask> = asks.to_vec();
        let mut ended =
            gather(&self.shared.pulse, move |report| shared.all(&wanted, threads, &report))?;
        let mut results = Vec::new();
        for index in 0..asks.len() as u32 {
            let one = ended.remove(&index).unwrap_or_else(|| Err(interrupted()))?;
            results.push(self.take(one)?);
        }
        Ok(Some(results))
    }

    /// Whether others were tried before and the time is over by as much again as the race had.
    fn is_far_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline + Duration::from_secs(60))
            && self.trial.confirmations > 0
    }

    fn take(&mut self, one: One) -> Result<Ran, Failure> {
        if let Some((name, why)) = one.unknown {
            let of_goal = self.goals.iter().find(|goal| goal.metric == name);
            let place =
                of_goal.map_or_else(|| format!("--against {name}"), |goal| goal.place.clone());
            return Err(Failure::Input(format!("error: {place}: {why}")));
        }
        self.digest.add(one.digest);
        self.trial.runs += 1;
        if let Ok(values) = &one.ran {
            let value = |name: &str| {
                let at = self.columns.iter().position(|column| column.name == name);
                at.and_then(|at| values[at]).map_or(0.0, Exact::to_f64)
            };
            self.trial.hours += value("simulated_s") / 3_600.0;
            self.trial.usd += value(COST);
            for (column, unit) in self.columns.iter_mut().zip(one.units) {
                column.unit = unit;
            }
        }
        Ok(one.ran)
    }
}

fn interrupted() -> Failure {
    Failure::Interrupted("interrupted; nothing was written".into())
}

impl Shared {
    /// Runs all that is asked for; what was interrupted is not reported.
    fn all(
        &self,
        asks: &[Ask],
        threads: usize,
        report: &Sender<(u32, Result<One, Failure>)>,
    ) -> Result<(), rayon::ThreadPoolBuildError> {
        let seed = |ask: &Ask| Seed(self.first.wrapping_add(u64::from(ask.seed)));
        let cell = |ask: &Ask| Cell { settings: ask.candidate, seed: seed(ask) };
        let cells: Vec<Cell> = asks.iter().map(cell).collect();
        let (pulse, check_every_event) = (self.pulse.as_ref(), self.check);
        let runner = cells::Runner { threads, pulse, check_every_event };
        let scenario = |cell: Cell| self.grid.scenarios[cell.settings].clone();
        let ended = |index: usize, outcome: Outcome| {
            let one = match outcome {
                Outcome::Done(of) => Ok(self.kept(&of.summary, of.event_digest)),
                Outcome::Failed(why) => {
                    Ok(One { ran: Err(why), units: Vec::new(), digest: 0, unknown: None })
                }
                Outcome::Broken => {
                    let Cell { settings, seed } = cells[index];
                    Err(broken(&replay(&self.path, seed, &self.grid.overrides[settings])))
                }
            };
            self.ended.fetch_add(1, Ordering::Relaxed);
            // After an interruption nobody listens any more.
            let _ = report.send((index as u32, one));
        };
        runner.run(&cells, &[], scenario, ended).map(drop)
    }

    /// What is kept of a run.
    fn kept(&self, summary: &Summary, digest: u64) -> One {
        let missing = self.names.iter().find(|name| summary.get(name).is_none());
        let unknown = missing.filter(|name| !ALSO.contains(&name.as_str())).map(|name| {
            let known: Vec<&str> = summary.0.iter().map(|metric| metric.name.as_ref()).collect();
            (name.clone(), metrics::unknown(name, &known))
        });
        let values = self.names.iter().map(|name| summary.get(name).and_then(Exact::of));
        let unit = |name: &String| {
            let metric = summary.0.iter().find(|metric| metric.name == *name);
            metric.map_or_else(String::new, |metric| metric.unit_or_nothing().to_string())
        };
        let units = self.names.iter().map(unit).collect();
        One { ran: Ok(values.collect()), units, digest, unknown }
    }
}
