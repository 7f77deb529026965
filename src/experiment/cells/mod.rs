//! Cells: a scenario with some keys set, under one seed. Studies are grids of them.
//!
//! A cell is one thread's work from its file to its summary, so that memory is what as many cells take as there are
//! threads. Which cell runs when is decided while they run (the longest first) and changes nothing: what comes back is
//! in the order of the grid, and a cell knows nothing of the others.

mod identity;
mod queue;

pub use identity::{FileDigests, cell_id};
pub use queue::{Load, foreseen};

use super::run_one;
use crate::base::random::Seed;
use crate::engine::Pulse;
use crate::metrics::summary::{Summary, Value};
use crate::scenario::Scenario;
use crate::sim::Watch;
use crate::sim::outputs::Sinks;
use queue::Queue;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

/// One run of a grid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell {
    /// Number of its settings in the grid.
    pub settings: usize,
    /// Its seed.
    pub seed: Seed,
}

/// How a cell ended.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// It was run to its end.
    Done(Measured),
    /// It could not be run; the text says why, as messages do after `error: `.
    Failed(String),
    /// An invariant of the simulator broke: a bug of this program.
    Broken,
}

/// What is kept of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Measured {
    /// Its metrics.
    pub summary: Summary,
    /// Digest of its events in order.
    pub event_digest: u64,
}

impl Measured {
    /// Events that were handled.
    #[must_use]
    pub fn events(&self) -> u64 {
        match self.summary.get("events") {
            Some(Value::Count(count)) => *count,
            _ => 0,
        }
    }
}

/// How cells are run.
#[derive(Clone, Copy, Debug)]
pub struct Runner<'a> {
    /// Threads; 0: one a core.
    pub threads: usize,
    /// Ends the runs where it is asked to.
    pub pulse: &'a Pulse,
    /// Whether all books are compared after every event.
    pub check_every_event: bool,
}

impl Runner<'_> {
    /// Runs `cells` and returns what `ended` made of each, in their order; `None` for those that were interrupted.
    ///
    /// `loads` says by number of the settings how long a run may take. `scenario` makes a cell's scenario on the thread
    /// that runs it; `ended` is told of each at once, on that thread, by its place in `cells`.
    ///
    /// # Errors
    /// The system cannot start the threads.
    pub fn run<T: Send>(
        &self,
        cells: &[Cell],
        loads: &[Load],
        scenario: impl Fn(Cell) -> Result<Scenario, String> + Sync,
        ended: impl Fn(usize, Outcome) -> T + Sync,
    ) -> Result<Vec<Option<T>>, rayon::ThreadPoolBuildError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads).build()?;
        let queue = Mutex::new(Queue::new(cells, loads));
        let mut results: Vec<Option<T>> = Vec::new();
        results.resize_with(cells.len(), || None);
        let results = Mutex::new(results);
        pool.broadcast(|_| {
            // The lock must not outlive the line: the run comes next.
            let next = || lock(&queue).next();
            while let Some(index) = next() {
                let Some(outcome) = self.one(cells[index], &scenario) else { return };
                if let Outcome::Done(measured) = &outcome {
                    lock(&queue).learn(cells[index].settings, measured.events());
                }
                let kept = ended(index, outcome);
                lock(&results)[index] = Some(kept);
            }
        });
        Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs one cell; nothing where it was interrupted.
    fn one(
        &self,
        cell: Cell,
        scenario: impl Fn(Cell) -> Result<Scenario, String>,
    ) -> Option<Outcome> {
        let is_interrupted = || self.pulse.interrupt.load(Ordering::Relaxed);
        if is_interrupted() {
            return None;
        }
        let watch = Watch { pulse: self.pulse, check_every_event: self.check_every_event };
        let run = || -> Result<Measured, String> {
            let scenario = scenario(cell)?;
            let result = run_one(&scenario, cell.seed, Sinks::default(), watch)
                .map_err(|error| error.to_string())?;
            Ok(Measured { summary: result.summary, event_digest: result.digest })
        };
        let outcome = catch_unwind(AssertUnwindSafe(run));
        if is_interrupted() {
            return None;
        }
        Some(match outcome {
            Ok(Ok(measured)) => Outcome::Done(measured),
            Ok(Err(why)) => Outcome::Failed(why),
            Err(_) => Outcome::Broken,
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // What is behind these locks is changed in one step each, so a panic elsewhere leaves it whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
