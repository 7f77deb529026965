//! Latency of the fluid against single requests at steady load: mean within 5 %, p95 and p99 within 10 %.
//!
//! `ECSIM_SHOW=1 cargo test --release load_latency -- --include-ignored --nocapture` prints the tables of
//! `benches/LATENCY.md`; `ECSIM_ROWS=36..96` only these of the wide grid.

use crate::support::balancer::{balancer, no_traffic};
use ecsim::base::distribution::Distribution;
use ecsim::base::random::Seed;
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::load::{Asker, Library, Load, LoadSetup, Target};
use ecsim::model::arrival::{RowCounts, TraceProblem};
use ecsim::model::ids::ZoneId;
use ecsim::model::service::Routing;
use ecsim::model::traffic::{Fidelity, RateSegment, RateStream, Work, WorkKind};
use std::fmt::Write as _;

/// One rate for some time.
struct Constant(Option<RateSegment>, RowCounts);

impl RateStream for Constant {
    fn next_segment(&mut self) -> Result<Option<RateSegment>, TraceProblem> {
        Ok(self.0.take())
    }
    fn counts(&self) -> &RowCounts {
        &self.1
    }
}

/// A steady service.
#[derive(Clone)]
struct Case {
    name: &'static str,
    cpu_ms: Distribution,
    io_ms: Distribution,
    workers: Option<u32>,
    routing: Routing,
    /// CPU thousandths and percent of the cost, dealt to the tasks in turn.
    kinds: Vec<(u32, u32)>,
    tasks: u64,
    rho: f64,
}

fn case(name: &'static str, cpu_ms: Distribution, tasks: u64, rho: f64) -> Case {
    let io_ms = Distribution::Constant(0.0);
    let (workers, routing, kinds) = (None, Routing::RoundRobin, vec![(1_000, 100)]);
    Case { name, cpu_ms, io_ms, workers, routing, kinds, tasks, rho }
}

fn work(case: &Case, fidelity: Fidelity) -> Work {
    Work {
        kind: WorkKind::Requests,
        source: no_traffic(),
        fidelity,
        cpu_ms: case.cpu_ms.clone(),
        io_ms: case.io_ms.clone(),
        memory_kib: 0,
        workers: case.workers,
        queue_limit: None,
        timeout: SimSpan::from_secs(1_000_000),
        delivery: None,
        finishes_on_stop: false,
        connections: None,
    }
}

/// A load at `rate` requests a second (0: nothing arrives) for `seconds`.
fn load(case: &Case, fidelity: Fidelity, rate: f64, seconds: u64, seed: u64) -> Load {
    let end = SimTime(seconds * 1_000_000);
    let micro = (rate * seconds as f64 * 1e6) as u64;
    let stream =
        Constant(Some(RateSegment { start: SimTime::ZERO, end, micro }), RowCounts::default());
    let setup = LoadSetup {
        work: work(case, fidelity),
        balancer: Some(balancer(case.routing)),
        zones: 3,
        library: Library::default(),
    };
    let mut load = Load::new(setup, Seed(seed), "api", Box::new(stream));
    for task in 0..case.tasks {
        let (cpu_millis, cost_percent) = case.kinds[task as usize % case.kinds.len()];
        let zone = ZoneId((task % 3) as u32);
        let since = SimTime::ZERO;
        load.add(Target { task, zone, pool: 0, cpu_millis, cost_percent, error_ppm: 0, since });
    }
    load
}

/// Mean, p50, p95, p99 in milliseconds of about so many requests.
fn measure(case: &Case, fidelity: Fidelity, requests: f64, seed: u64) -> [f64; 4] {
    // The busiest task decides: round robin gives all the same share.
    let capacity = match case.routing {
        Routing::LeastOutstanding => load(case, fidelity, 0.0, 1, 1).capacity_micro_per_s() as f64,
        Routing::RoundRobin => {
            let alone = |kind: &(u32, u32)| {
                let one = Case { kinds: vec![*kind], tasks: 1, ..case.clone() };
                load(&one, fidelity, 0.0, 1, 1).capacity_micro_per_s()
            };
            case.kinds.iter().map(alone).min().unwrap_or(0) as f64 * case.tasks as f64
        }
    };
    let rate = case.rho * capacity / 1e6;
    let seconds = (requests / rate).ceil() as u64;
    let mut load = load(case, fidelity, rate, seconds, seed);
    load.advance(SimTime(seconds * 1_000_000)).expect("a steady rate");
    load.take_latency(Asker::Samples);
    let all = load.latency();
    let ms = |span: Option<SimSpan>| span.expect("answers").to_secs_f64() * 1e3;
    [ms(all.mean()), ms(all.quantile(500)), ms(all.quantile(950)), ms(all.quantile(990))]
}

/// Deviations of the fluid in percent: mean, p50, p95, p99; and a row of the table.
fn compare(case: &Case, requests: f64, seeds: u64) -> ([f64; 4], String) {
    let started = std::time::Instant::now();
    let fluid = measure(case, Fidelity::Fluid, requests, 1);
    let took = started.elapsed().as_millis();
    let mut exact = [0.0; 4];
    for seed in 1..=seeds {
        let one = measure(case, Fidelity::Requests, requests, seed);
        (0..4).for_each(|at| exact[at] += one[at] / seeds as f64);
    }
    let off = [0, 1, 2, 3].map(|at| (fluid[at] / exact[at] - 1.0) * 100.0);
    let mut row = format!("| {}, {} tasks, {} |", case.name, case.tasks, case.rho);
    for at in 0..4 {
        let _ = write!(row, " {:.1}/{:.1} {:+.0} % |", fluid[at], exact[at], off[at]);
    }
    if std::env::var_os("ECSIM_TIME").is_some() {
        let _ = write!(row, " {took} ms");
    }
    (off, row)
}

fn is_within(off: &[f64; 4]) -> bool {
    off[0].abs() <= 5.0 && off[2].abs() <= 10.0 && off[3].abs() <= 10.0
}

fn check(cases: &[Case], requests: f64, seeds: u64) {
    let mut bad = Vec::new();
    for case in cases {
        // Many tasks that are nearly full take long until they are as full as they get.
        let requests = if case.tasks >= 50 && case.rho > 0.9 { 4.0 * requests } else { requests };
        let (off, row) = compare(case, requests, seeds);
        if std::env::var_os("ECSIM_SHOW").is_some() {
            println!("{row}{}", if is_within(&off) { "" } else { " <<<" });
        }
        if !is_within(&off) {
            bad.push(row);
        }
    }
    assert!(bad.is_empty(), "{} of {}:\n{}", bad.len(), cases.len(), bad.join("\n"));
}

const LEAST: Routing = Routing::LeastOutstanding;

fn constant(ms: f64) -> Distribution {
    Distribution::Constant(ms)
}

fn exponential(mean: f64) -> Distribution {
    Distribution::Exponential { mean }
}

fn log_normal() -> Distribution {
    Distribution::LogNormal { mean: 20.0, sigma: 1.2 }
}

fn pareto() -> Distribution {
    Distribution::Pareto { min: 12.0, alpha: 2.5 }
}

/// What the table of the documentation shows.
fn table() -> Vec<Case> {
    vec![
        case("exponential", exponential(20.0), 4, 0.5),
        case("exponential", exponential(20.0), 4, 0.9),
        case("exponential", exponential(20.0), 4, 0.95),
        case("constant", constant(20.0), 4, 0.9),
        Case { kinds: vec![(500, 100)], ..case("constant, half a vCPU", constant(20.0), 4, 0.7) },
        case("log-normal", log_normal(), 4, 0.8),
        case("Pareto", pareto(), 4, 0.8),
        Case {
            io_ms: constant(100.0),
            ..case("exponential, 100 ms I/O", exponential(20.0), 4, 0.8)
        },
        case("exponential", exponential(20.0), 50, 0.8),
        Case { workers: Some(1), ..case("exponential, one worker", exponential(20.0), 4, 0.8) },
        Case {
            workers: Some(8),
            io_ms: exponential(60.0),
            ..case("exponential, 60 ms I/O, 8 workers", exponential(20.0), 4, 0.8)
        },
        Case { routing: LEAST, ..case("exponential, least", exponential(20.0), 8, 0.85) },
        Case { routing: LEAST, ..case("constant, least", constant(20.0), 3, 0.6) },
        Case {
            routing: LEAST,
            kinds: vec![(1_000, 100), (500, 100)],
            ..case("exponential, unequal, least", exponential(20.0), 4, 0.7)
        },
        Case {
            kinds: vec![(1_000, 100), (500, 100)],
            ..case("exponential, unequal", exponential(20.0), 4, 0.7)
        },
    ]
}

#[test]
fn latency_of_the_fluid_is_that_of_single_requests() {
    if cfg!(debug_assertions) && std::env::var_os("ECSIM_SHOW").is_none() {
        // Millions of requests: for the optimised build.
        return;
    }
    check(&table(), 1_000_000.0, 2);
}

#[test]
#[ignore = "minutes: the wide grid"]
fn latency_of_the_fluid_over_the_wide_grid() {
    let mut cases = Vec::new();
    for routing in [Routing::RoundRobin, LEAST] {
        for (name, cpu_ms) in [
            ("constant", constant(20.0)),
            ("exponential", exponential(20.0)),
            ("log-normal", log_normal()),
            ("Pareto", pareto()),
        ] {
            for (tasks, rho, workers, io, kinds) in [
                (1, 0.3, None, 0.0, (1_000, 100)),
                (1, 0.9, None, 30.0, (250, 100)),
                (2, 0.8, Some(1), 0.0, (1_000, 100)),
                (3, 0.95, None, 0.0, (1_000, 100)),
                (5, 0.75, Some(4), 60.0, (1_000, 100)),
                (7, 0.6, None, 200.0, (500, 130)),
                (9, 0.9, Some(2), 0.0, (2_000, 100)),
                (20, 0.85, None, 50.0, (1_000, 100)),
                (20, 0.9, None, 0.0, (4_000, 100)),
                (50, 0.95, Some(16), 100.0, (1_000, 100)),
                (200, 0.7, None, 0.0, (1_000, 100)),
                (200, 0.95, Some(1), 0.0, (1_000, 100)),
            ] {
                let case = case(name, cpu_ms.clone(), tasks, rho);
                let (io_ms, kinds) = (exponential(f64::max(io, 1e-6)), vec![kinds]);
                cases.push(Case { routing, workers, io_ms, kinds, ..case });
            }
        }
    }
    let rows = std::env::var("ECSIM_ROWS").unwrap_or_default();
    let ends: Vec<usize> = rows.split("..").filter_map(|end| end.parse().ok()).collect();
    let cases = if let [from, to] = ends[..] { &cases[from..to] } else { &cases[..] };
    check(cases, 1_500_000.0, 2);
}
