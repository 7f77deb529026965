//! L6, experiments: opens what a scenario names and runs it, once or for several seeds.
//!
//! A run is one thread; where it is the only one, threads beside it may read its traces and write its tables. Results
//! come back in the order of the seeds, whatever the threads did.

pub mod breakeven;
pub mod cells;
pub mod compare;
mod fingerprint;
mod markets;
pub mod plan;
pub mod quote;
pub mod regret;
pub mod sensitivity;
mod stamps;
pub mod statistics;
pub mod sweep;

use crate::base::lookup::Lookup;
use crate::base::random::Seed;
use crate::base::time::SimTime;
use crate::engine::Pulse;
use crate::model::arrival::{RowCounts, TaskStream, TraceProblem};
use crate::model::fault::{Fault, Trigger};
use crate::model::ids::ServiceId;
use crate::model::traffic::RateSource;
use crate::model::workload::{TraceFormat, Workload};
use crate::scenario::Scenario;
use crate::scenario::diagnostic::{quoted, suggestion};
use crate::sim::outputs::Sinks;
use crate::sim::setup::{Failure, FailureKind, Inputs, Outage, Outages};
use crate::sim::{RunError, RunResult, Watch};
use crate::trace::AFTER_END;
use crate::trace::ahead::ReadAhead;
use crate::trace::capacity::{Reading, outages};
use crate::trace::failures::{FailureRow, FailureTraceKind};
use rayon::prelude::*;

/// Runs `scenario` under `seed`, writing the streamed tables to `sinks`.
///
/// # Errors
/// See [`RunError`]; a trace that cannot be opened or that changes while it is read is [`RunError::Trace`].
pub fn run_one(
    scenario: &Scenario,
    seed: Seed,
    sinks: Sinks,
    watch: Watch<'_>,
) -> Result<RunResult, RunError> {
    run_with(scenario, seed, sinks, watch, |_| ())
}

/// As [`run_one`], with what arrives as `change` leaves it.
fn run_with(
    scenario: &Scenario,
    seed: Seed,
    sinks: Sinks,
    watch: Watch<'_>,
    change: impl FnOnce(&mut Inputs),
) -> Result<RunResult, RunError> {
    let mut setup = scenario.setup.clone();
    setup.seed = seed;
    let stamps = stamps::Stamps::of(scenario);
    let market_rows = markets::open(scenario, &mut setup)?;
    let (mut inputs, failure_rows) = open_all(scenario, seed)?;
    change(&mut inputs);
    let outages: Vec<u64> = inputs.faults.iter().map(outages_of).collect();
    let fingerprint = fingerprint::Fingerprint::take(&mut inputs, setup.horizon);
    let read = if sinks.beside { ReadAhead::beside } else { ReadAhead::in_turn };
    let ahead = |stream| -> Box<dyn TaskStream + Send> { Box::new(read(stream)) };
    inputs.tasks = inputs.tasks.into_iter().map(ahead).collect();
    let mut result = crate::sim::run(setup, inputs, sinks, watch).map_err(|error| match error {
        RunError::Oversized(text) if has_whole_jobs(scenario) => RunError::Oversized(format!(
            "{text}; a job of SWF is one task, unless `swf_task_per_processor = true` makes one of each processor"
        )),
        error => error,
    })?;
    result.input_digest = fingerprint.value();
    result.rows.failures = failure_rows;
    result.rows.markets = market_rows;
    for (counts, all) in result.rows.outages.iter_mut().zip(outages) {
        let late = all - counts.read;
        counts.read = all;
        if late > 0 {
            counts.skipped.insert(AFTER_END.into(), late);
        }
    }
    stamps.compare()?;
    Ok(result)
}

/// The names of the metrics that runs of `scenario` have: those of a run that ends as it begins.
///
/// # Errors
/// As [`run_one`].
pub fn metrics_of(scenario: &Scenario) -> Result<Vec<String>, RunError> {
    let mut brief = scenario.clone();
    brief.setup.horizon = Some(SimTime(1));
    let watch = Watch { pulse: &Pulse::default(), check_every_event: false };
    let ran = run_one(&brief, scenario.setup.seed, Sinks::default(), watch)?;
    Ok(ran.summary.0.into_iter().map(|metric| metric.name.into_owned()).collect())
}

/// How many outages a fault's trace has.
fn outages_of(fault: &Fault) -> u64 {
    match &fault.trigger {
        Trigger::Trace(trace) => trace.outages.len() as u64,
        _ => 0,
    }
}

/// Whether a caller replays jobs of many processors as one task each.
fn has_whole_jobs(scenario: &Scenario) -> bool {
    scenario.workloads.iter().any(|workload| match workload {
        Workload::Trace(input) => input.format == TraceFormat::Swf && !input.swf_task_per_processor,
        Workload::Generated(_) => false,
    })
}

/// Opens everything that a scenario names: traces of tasks, of traffic and of failures.
///
/// # Errors
/// A trace that cannot be opened, or a failure trace that names a service that there is not.
pub fn open(scenario: &Scenario, seed: Seed) -> Result<Inputs, TraceProblem> {
    open_all(scenario, seed).map(|(inputs, _)| inputs)
}

/// As [`open`], with what becomes of the rows of each trace of failures.
fn open_all(scenario: &Scenario, seed: Seed) -> Result<(Inputs, Vec<RowCounts>), TraceProblem> {
    let setup = &scenario.setup;
    let tasks = scenario
        .workloads
        .iter()
        .map(|workload| crate::trace::open(workload, seed))
        .collect::<Result<Vec<_>, TraceProblem>>()?;
    let sources: Vec<Option<&RateSource>> =
        setup.services.iter().map(|service| service.work.as_ref().map(|w| &w.source)).collect();
    let traffic = crate::trace::open_traffic(&sources, setup.horizon, setup.epoch_s, seed)?;
    let Failures { failures, faults, rows } = failures(scenario)?;
    Ok((Inputs { tasks, traffic, failures, faults }, rows))
}

/// What goes wrong, and what became of the rows of each trace.
#[derive(Default)]
struct Failures {
    failures: Vec<Failure>,
    faults: Vec<Fault>,
    rows: Vec<RowCounts>,
}

/// The failures of the scenario and of its traces, in order of time; at one instant the scenario's own first.
fn failures(scenario: &Scenario) -> Result<Failures, TraceProblem> {
    let mut names: Lookup<&str, ServiceId> = Lookup::new();
    for (id, service) in scenario.setup.services.enumerate() {
        names.insert(&service.name, id);
    }
    let mut outages = Outages::default();
    for failure in &scenario.failures {
        outages.overlap(failure.at, &failure.kind); // was looked at when it was read
    }
    let mut all = Failures { failures: scenario.failures.clone(), ..Failures::default() };
    for trace in &scenario.failure_traces {
        if let Some(of) = &trace.machines {
            let reading = Reading { start: of.start, ..Reading::default() };
            let mut found = outages::open(&trace.path, &trace.display, of.format, reading)?;
            all.rows.push(std::mem::take(&mut found.counts));
            all.faults.push(Fault { trigger: Trigger::Trace(found), ..of.fault.clone() });
            continue;
        }
        let mut counts = RowCounts::default();
        for row in crate::trace::open_failures(&trace.path, &trace.display)? {
            let Some(service) = names.get(row.target.as_str()).copied() else {
                let known = scenario.setup.services.iter().map(|service| service.name.as_str());
                let (file, line) = (&trace.display, row.line);
                let message = format!("{file}:{line}: unknown service {}", quoted(&row.target));
                let help = suggestion(&row.target, known);
                return Err(TraceProblem(format!("{message}\n  = help: {help}")));
            };
            let kind = failure_of(&row, service);
            if outages.overlap(row.at, &kind) {
                let (file, line) = (&trace.display, row.line);
                return Err(TraceProblem(format!(
                    "{file}:{line}: two outages of what this service depends on overlap"
                )));
            }
            all.failures.push(Failure { at: row.at, kind });
            counts.read += 1;
            if scenario.setup.horizon.is_some_and(|horizon| row.at >= horizon) {
                *counts.skipped.entry(AFTER_END.into()).or_default() += 1;
            } else {
                counts.used += 1;
            }
        }
        all.rows.push(counts);
    }
    all.failures.sort_by_key(|failure| failure.at);
    Ok(all)
}

/// What a row of a failure trace means for the service that it names.
fn failure_of(row: &FailureRow, service: ServiceId) -> FailureKind {
    let tasks = row.count;
    match row.kind {
        FailureTraceKind::TaskCrash => FailureKind::TaskCrash { service, tasks },
        FailureTraceKind::StopTask => FailureKind::StopTask { service, tasks },
        FailureTraceKind::DependencyOutage { lasts, latency, error_ppm } => {
            let outage = Outage { lasts, latency, error_ppm, fails_checks: true };
            FailureKind::DependencyOutage { service, outage }
        }
    }
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
    each(count, threads, |index| work(index, Seed(first.0.wrapping_add(u64::from(index)))))
}

/// Does `work` for each number below `count` on `threads` threads (0: one a core), and returns what it gave in order.
///
/// # Errors
/// The system cannot start the threads.
pub fn each<T: Send>(
    count: u32,
    threads: usize,
    work: impl Fn(u32) -> T + Sync,
) -> Result<Vec<T>, rayon::ThreadPoolBuildError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    Ok(pool.install(|| (0..count).into_par_iter().map(&work).collect()))
}
