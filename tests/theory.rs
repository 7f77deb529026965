//! Closed forms: what queueing theory says must come out of the simulator.

use crate::support::{caller, instance, row, run, run_bare, setup};
use ecsim::base::distribution::{Distribution, standard_exponential};
use ecsim::base::random::{Purpose, Seed, Stream};
use ecsim::base::time::SimSpan;
use ecsim::model::arrival::TaskRow;
use ecsim::model::platform::LaunchType;
use ecsim::sim::setup::{Launch, OnFailure, Setup, SourceSetup};

/// Poisson arrivals at `rate` per second with exponential work of mean 1 s... in units of 100 s, so that the
/// microsecond is far below every difference.
fn poisson_rows(seed: u64, rate: f64, count: usize, work: &Distribution) -> Vec<TaskRow> {
    let mut stream = Seed(seed).stream(Purpose::Test, "theory");
    let mut at = 0.0;
    (0..count)
        .map(|_| {
            at += UNIT * standard_exponential(&mut stream) / rate;
            row(at, UNIT * work.sample(&mut stream))
        })
        .collect()
}

const UNIT: f64 = 100.0;

/// `servers` instances of exactly one task each.
fn servers(count: usize, on_failure: OnFailure) -> Setup {
    let instances = (0..count).map(|i| instance(&format!("i-{i}"), 1024, 1024)).collect();
    setup(instances, SourceSetup { on_failure, ..caller() })
}

/// Mean and standard error over replications.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

fn assert_close(what: &str, values: &[f64], exact: f64) {
    let (mean, error) = mean_and_error(values);
    assert!(
        (mean - exact).abs() < 4.0 * error,
        "{what}: {mean} ± {error} against {exact} in {} replications",
        values.len()
    );
    assert!(error < 0.1 * exact, "{what}: the test says little with an error of {error}");
}

/// Erlang B by its recursion.
fn erlang_b(servers: usize, load: f64) -> f64 {
    (1..=servers).fold(1.0, |b, c| load * b / (c as f64 + load * b))
}

fn erlang_c(servers: usize, load: f64) -> f64 {
    let b = erlang_b(servers, load);
    let rho = load / servers as f64;
    b / (1.0 - rho + rho * b)
}

#[test]
fn erlang_b_callers_that_give_up_are_lost_at_the_known_rate() {
    for (c, load) in [(5, 4.0), (20, 16.0)] {
        let lost: Vec<f64> = (0..20)
            .map(|seed| {
                let work = Distribution::Exponential { mean: 1.0 };
                let rows = poisson_rows(seed, load, 20_000, &work);
                let result = run_bare(servers(c, OnFailure::GiveUp), rows);
                let number = |name| result.summary.get(name).unwrap().as_f64().unwrap();
                number("tasks_refused") / number("tasks_submitted")
            })
            .collect();
        assert_close(&format!("M/M/{c}/{c}"), &lost, erlang_b(c, load));
    }
}

#[test]
fn erlang_b_does_not_depend_on_the_shape_of_the_work() {
    let lost: Vec<f64> = (0..20)
        .map(|seed| {
            let rows = poisson_rows(seed, 4.0, 20_000, &Distribution::Constant(1.0));
            let result = run_bare(servers(5, OnFailure::GiveUp), rows);
            let number = |name| result.summary.get(name).unwrap().as_f64().unwrap();
            number("tasks_refused") / number("tasks_submitted")
        })
        .collect();
    assert_close("M/D/5/5", &lost, erlang_b(5, 4.0));
}

#[test]
fn m_m_c_callers_that_queue_wait_as_long_as_erlang_c_says() {
    for (c, load) in [(1, 0.5), (5, 3.0), (20, 16.0)] {
        let waits: Vec<f64> = (100..130)
            .map(|seed| {
                let work = Distribution::Exponential { mean: 1.0 };
                let rows = poisson_rows(seed, load, 20_000, &work);
                let result = run_bare(servers(c, OnFailure::Queue), rows);
                result.waits.sum_micros() as f64 / 1e6 / UNIT / result.waits.count() as f64
            })
            .collect();
        let exact = erlang_c(c, load) / (c as f64 - load);
        assert_close(&format!("M/M/{c}"), &waits, exact);
    }
}

#[test]
fn m_g_infinity_tasks_on_fargate_are_poisson_about_load() {
    let load = 12.0;
    for work in [
        Distribution::Exponential { mean: 1.0 },
        Distribution::LogNormal { mean: 1.0, sigma: 1.0 },
        Distribution::Constant(1.0),
    ] {
        let busy: Vec<f64> = (0..20)
            .map(|seed| {
                let rows = poisson_rows(seed, load, 10_000, &work);
                let launch = Launch::Type(LaunchType::Fargate);
                let mut setup = setup(Vec::new(), SourceSetup { launch, ..caller() });
                setup.sample_interval = SimSpan::from_secs_f64(UNIT);
                let result = run_bare(setup, rows);
                // Leave out the warm-up and the end, where arrivals have ceased.
                let samples = &result.series;
                let steady = &samples[samples.len() / 10..samples.len() * 9 / 10];
                let sum: f64 = steady.iter().map(|s| s.sum.fargate_tasks as f64).sum();
                sum / steady.iter().map(|s| s.count).sum::<u64>() as f64
            })
            .collect();
        assert_close(&format!("M/G/∞ {work:?}"), &busy, load);
    }
}

#[test]
fn little_s_law_holds_exactly_as_an_identity_of_integrals() {
    // ∫ waiting dt = Σ waiting times, with waiting counted from the rows of tasks.csv.
    let mut stream: Stream = Seed(9).stream(Purpose::Test, "little");
    let work = Distribution::Exponential { mean: 1.0 };
    let rows = poisson_rows(5, 4.5, 2_000, &work);
    let finished = run(servers(5, OnFailure::Queue), rows);
    let micros = |cell: &str| SimSpan::parse_seconds(cell.as_bytes()).unwrap().0;
    let mut changes: Vec<(u64, i64)> = Vec::new();
    for (from, to) in finished.column("accepted_s").iter().zip(finished.column("placed_s")) {
        changes.push((micros(from), 1));
        changes.push((micros(&to), -1));
    }
    changes.sort_unstable();
    let (mut area, mut waiting, mut last) = (0i128, 0i64, 0u64);
    for (at, change) in changes {
        area += i128::from(waiting) * i128::from(at - last);
        waiting += change;
        last = at;
    }
    assert_eq!(area, finished.result.waits.sum_micros() as i128);
    assert!(area > 0 && stream.next_u64() > 0);
}
