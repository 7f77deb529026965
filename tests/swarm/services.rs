//! Random services under all checks after every event; then their tables, their bill and their totals against each
//! other. `ECSIM_SWARM_SERVICES` raises the number of scenarios, `ECSIM_SWARM_SEED` replays one.

use super::Bounded;
use super::make::Case;
use super::make_services;
use super::tables::{Table, scaled};
use crate::support::Page;
use ecsim::base::time::SimSpan;
use ecsim::engine::Pulse;
use ecsim::model::traffic::RateSource;
use ecsim::sim::outputs::Sinks;
use ecsim::sim::setup::{Failure, Inputs};
use ecsim::sim::{RunResult, Watch};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// A run and its tables: tasks, time series, failed placements, services, deployments, scaling, events.
struct Ran {
    result: RunResult,
    texts: [String; 7],
}

fn inputs(case: &Case, failures: &[Failure]) -> Inputs {
    let setup = &case.setup;
    let sources: Vec<Option<&RateSource>> =
        setup.services.iter().map(|s| s.work.as_ref().map(|work| &work.source)).collect();
    let traffic =
        ecsim::trace::open_traffic(&sources, setup.horizon, setup.epoch_s, setup.seed).unwrap();
    let failures = failures.to_vec();
    Inputs { tasks: case.streams(), traffic, failures, ..Inputs::default() }
}

fn run(case: &Case, failures: &[Failure], check: bool, tables: bool) -> Ran {
    let pages: [Page; 7] = std::array::from_fn(|_| Page::default());
    let sink = |index: usize| -> Option<Box<dyn Write + Send>> {
        tables.then(|| Box::new(Bounded(pages[index].clone(), 20 << 20)) as _)
    };
    let sinks = Sinks {
        tasks: sink(0),
        timeseries: sink(1),
        placement_failures: sink(2),
        services: sink(3),
        deployments: sink(4),
        scaling: sink(5),
        service_events: sink(6),
        picture: tables,
        hourly: tables,
        allocation: tables,
        epoch: None,
        beside: tables && case.setup.seed.0.is_multiple_of(2),
        fleet_events: None,
        connections: None,
        capacity_reservation: None,
        capacity_scaling: None,
        subnets: None,
    };
    let watch = Watch { pulse: &Pulse::default(), check_every_event: check };
    let result = ecsim::sim::run(case.setup.clone(), inputs(case, failures), sinks, watch);
    Ran { result: result.unwrap(), texts: pages.map(|page| page.text()) }
}

/// What came of the seeds: the battery must not be tame.
#[derive(Default, Debug)]
struct Tally {
    events: u64,
    started: u64,
    failed: u64,
    scaled: u64,
    deployments: [u64; 2],
    requests: u64,
    dropped: u64,
}

fn audit(ran: &Ran, tally: &mut Tally) {
    let tasks = Table::of(&ran.texts[0]);
    let samples = Table::of(&ran.texts[3]);
    for report in &ran.result.services {
        let own: Vec<_> =
            tasks.rows.iter().filter(|row| tasks.cell(row, "source") == report.name).collect();
        let ran = own.iter().filter(|row| !tasks.cell(row, "started_s").is_empty()).count();
        assert_eq!(ran as u64, report.tasks_started, "RUNNING tasks of {}", report.name);
        let usd = |cell: &str| if cell.is_empty() { 0 } else { scaled(cell, 9) };
        let paid: i64 = own.iter().map(|row| usd(tasks.cell(row, "usd"))).sum();
        assert_eq!(
            i128::from(paid),
            report.usd.0,
            "what {} cost is what its tasks cost",
            report.name
        );
        let totals = &report.requests;
        assert_eq!(totals.offered, totals.served + totals.dropped(), "L1: {}", report.name);
        let rows = samples.rows.iter().filter(|row| samples.cell(row, "service") == report.name);
        let (mut offered, mut served) = (0, 0);
        for row in rows {
            offered += scaled(samples.cell(row, "offered"), 6);
            served += scaled(samples.cell(row, "served"), 6);
        }
        let expected = (totals.offered as i64, totals.served as i64);
        assert_eq!((offered, served), expected, "samples add up to the totals of {}", report.name);
        tally.started += report.tasks_started;
        tally.failed += report.tasks_failed;
        tally.scaled += report.scaling.iter().sum::<u64>();
        tally.deployments[0] += report.deployments[0];
        tally.deployments[1] += report.deployments[1];
        tally.requests += totals.served / 1_000_000;
        tally.dropped += totals.dropped() / 1_000_000;
    }
    tally.events += ran.result.events;
}

fn one(seed: u64, tally: &mut Tally) {
    let (case, failures) = make_services::case(seed);
    let ran = run(&case, &failures, true, true);
    audit(&ran, tally);
}

#[test]
fn invariants_hold_for_random_services() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seeds = match number("ECSIM_SWARM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ECSIM_SWARM_SERVICES").unwrap_or(500),
    };
    let (begun, cases) = (Instant::now(), seeds.end - seeds.start);
    let mut tally = Tally::default();
    let mut broken = Vec::new();
    for seed in seeds {
        if catch_unwind(AssertUnwindSafe(|| one(seed, &mut tally))).is_err() {
            broken.push(seed);
        }
    }
    println!("{cases} scenarios in {:.1} s: {tally:?}", begun.elapsed().as_secs_f64());
    assert!(
        broken.is_empty(),
        "scenarios {broken:?} failed, see above; to replay one:\n  \
         ECSIM_SWARM_SEED={} cargo test --test ecsim_tests swarm::services::invariants",
        broken[0]
    );
    if cases >= 500 {
        // The scenarios must exercise all of it.
        assert!(tally.started > 30 * cases && tally.failed > 5 * cases, "too tame: {tally:?}");
        assert!(tally.scaled > cases && tally.deployments.iter().all(|n| *n > cases / 10));
    }
}

#[test]
fn neither_checks_nor_tables_nor_samples_change_what_happens_to_services() {
    for seed in 0..40 {
        let (mut case, failures) = make_services::case(seed);
        let first = run(&case, &failures, false, true);
        let checked = run(&case, &failures, true, true);
        assert!(
            first.texts == checked.texts,
            "scenario {seed}: checks or a second run change bytes"
        );
        assert_eq!(first.result.digest, checked.result.digest, "scenario {seed}: checks");
        let silent = run(&case, &failures, false, false);
        assert_eq!(first.result.digest, silent.result.digest, "scenario {seed}: tables");
        case.setup.sample_interval = SimSpan::from_secs(47);
        let sampled = run(&case, &failures, false, true);
        assert_eq!(first.result.digest, sampled.result.digest, "scenario {seed}: samples");
        for (a, b) in first.result.services.iter().zip(&sampled.result.services) {
            assert_eq!(a.requests, b.requests, "scenario {seed}: samples move no request");
            assert_eq!(a.usd, b.usd, "scenario {seed}: samples cost nothing");
        }
    }
}
