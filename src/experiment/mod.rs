//! L6, experiments: opens what a scenario names and runs it, once or for several seeds.
//!
//! Parallelism is between runs only; results come back in the order of the seeds, whatever the threads did.

use crate::base::random::Seed;
use crate::model::arrival::TraceProblem;
use crate::scenario::Scenario;
use crate::sim::outputs::Sinks;
use crate::sim::{RunError, RunResult, Watch};
use rayon::prelude::*;

/// Runs `scenario` under `seed`, writing the streamed tables to `sinks`.
///
/// # Errors
/// See [`RunError`]; a trace that cannot be opened is [`RunError::Trace`].
pub fn run_one(
    scenario: &Scenario,
    seed: Seed,
    sinks: Sinks,
    watch: Watch<'_>,
) -> Result<RunResult, RunError> {
    let mut setup = scenario.setup.clone();
    setup.seed = seed;
    let streams = scenario
        .workloads
        .iter()
        .map(|workload| crate::trace::open(workload, seed))
        .collect::<Result<Vec<_>, TraceProblem>>()?;
    crate::sim::run(setup, streams, sinks, watch)
}

/// Runs `work` for each of `count` seeds from the scenario's own on, on `threads` threads (0: one a core), and
/// returns what it gave in the order of the seeds.
///
/// # Errors
/// The system cannot start the threads.
pub fn replicate<T: Send>(
    first: Seed,
    count: u32,
    threads: usize,
    work: impl Fn(u32, Seed) -> T + Sync,
) -> Result<Vec<T>, rayon::ThreadPoolBuildError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    Ok(pool.install(|| {
        (0..count)
            .into_par_iter()
            .map(|index| work(index, Seed(first.0.wrapping_add(u64::from(index)))))
            .collect()
    }))
}
