//! More closed forms, of an oracle that was written apart from this program: single servers of any work and any arrivals,
//! batches, tasks of several sizes, servers that are tried in order.

use crate::support::{caller, instance, row, run_bare, run_watched, setup};
use ecsim::base::distribution::{Distribution, standard_exponential};
use ecsim::base::random::{Purpose, Seed};
use ecsim::model::arrival::TaskRow;
use ecsim::policy::placement::Strategy;
use ecsim::sim::setup::{OnFailure, Setup, SourceSetup};

/// Seconds of the mean work: a microsecond is far below every difference.
const UNIT: f64 = 100.0;
const EXPONENTIAL: Distribution = Distribution::Exponential { mean: 1.0 };

/// Rows whose work is drawn from `work`, `batch` of them together, so that they come at `rate` a unit of time; evenly or
/// by a Poisson process.
fn rows(seed: u64, rate: f64, batch: usize, is_even: bool, work: &Distribution) -> Vec<TaskRow> {
    let mut stream = Seed(seed).stream(Purpose::Test, "queues");
    let (mut at, mut rows) = (0.0, Vec::new());
    while rows.len() < 20_000 {
        let gap = if is_even { 1.0 } else { standard_exponential(&mut stream) };
        at += UNIT * batch as f64 * gap / rate;
        rows.extend((0..batch).map(|_| row(at, UNIT * work.sample(&mut stream))));
    }
    rows
}

/// `count` instances of exactly one task each.
fn servers(count: usize, on_failure: OnFailure) -> Setup {
    let instances = (0..count).map(|i| instance(&format!("i-{i}"), 1024, 1024)).collect();
    setup(instances, SourceSetup { on_failure, ..caller() })
}

/// The exact value lies within four standard errors of the mean, which are less than a tenth of it each.
fn assert_close(what: &str, values: &[f64], exact: f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let error = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
    assert!((mean - exact).abs() < 4.0 * error, "{what}: {mean} ± {error} against {exact}");
    assert!(error < 0.1 * exact, "{what}: the test says little with an error of {error}");
}

/// Mean waits at one server, in units of the mean work.
fn waits(rate: f64, batch: usize, is_even: bool, work: &Distribution) -> Vec<f64> {
    let wait = |seed| {
        let result = run_bare(servers(1, OnFailure::Queue), rows(seed, rate, batch, is_even, work));
        result.waits.sum_micros() as f64 / 1e6 / UNIT / result.waits.count() as f64
    };
    (0..30).map(wait).collect()
}

#[test]
fn m_g_1_waits_as_pollaczek_and_khinchine_say() {
    // Squared coefficients of variation: constant 0, log-normal e^(σ²) − 1.
    let log_normal = Distribution::LogNormal { mean: 1.0, sigma: 0.8 };
    let variation = 0.64_f64.exp() - 1.0;
    for (work, variation) in [(Distribution::Constant(1.0), 0.0), (log_normal, variation)] {
        for rate in [0.4, 0.7] {
            let exact = rate * (1.0 + variation) / (2.0 * (1.0 - rate));
            assert_close(&format!("M/G/1 {work:?} {rate}"), &waits(rate, 1, false, &work), exact);
        }
    }
}

#[test]
fn d_m_1_waits_as_the_root_of_its_equation_says() {
    for rate in [0.6, 0.8] {
        // σ = e^(−(1 − σ) / ρ): whom an arrival finds is geometric with ratio σ.
        let sigma = (0..1_000).fold(0.5_f64, |s, _| (-(1.0 - s) / rate).exp());
        let exact = sigma / (1.0 - sigma);
        assert_close(&format!("D/M/1 {rate}"), &waits(rate, 1, true, &EXPONENTIAL), exact);
    }
}

#[test]
fn batches_wait_for_each_other() {
    for batch in [3, 8] {
        // M^b/M/1: (1 + b) / 2(1 − ρ) until the end, of which 1 is work.
        let exact = (1 + batch) as f64 / (2.0 * 0.4) - 1.0;
        let waits = waits(0.6, batch, false, &EXPONENTIAL);
        assert_close(&format!("batches of {batch}"), &waits, exact);
    }
}

#[test]
fn tasks_of_two_sizes_are_lost_as_kaufman_and_roberts_say() {
    // Ten places; tasks of one and of four, offered 2 and 1 at a time.
    let (sizes, loads) = ([1, 4], [2.0, 1.0]);
    let mut q = vec![1.0];
    for places in 1..=10_usize {
        let of = |k: usize| match places.checked_sub(sizes[k]) {
            Some(before) => loads[k] * sizes[k] as f64 * q[before],
            None => 0.0,
        };
        q.push((of(0) + of(1)) / places as f64);
    }
    let whole: f64 = q.iter().sum();
    let exact = sizes.map(|size| q[11 - size..].iter().sum::<f64>() / whole);
    let mut lost = [Vec::new(), Vec::new()];
    for seed in 0..15 {
        let mut rows = rows(seed, 3.0, 1, false, &EXPONENTIAL);
        let mut stream = Seed(seed).stream(Purpose::Test, "sizes");
        for row in &mut rows {
            let size = if stream.below(3) < 2 { 1 } else { 4 };
            (row.cpu, row.memory) = (Some(1_024 * size), Some(4));
        }
        let host = vec![instance("i-0", 10_240, 4_096)];
        let caller = SourceSetup { on_failure: OnFailure::GiveUp, ..caller() };
        let finished = run_watched(setup(host, caller), rows, false);
        let (cpu, placed) = (finished.column("cpu"), finished.column("placed_s"));
        for (k, of) in ["1024", "4096"].into_iter().enumerate() {
            let own = || cpu.iter().zip(&placed).filter(|(cpu, _)| cpu.as_str() == of);
            let refused = own().filter(|(_, placed)| placed.is_empty()).count();
            lost[k].push(refused as f64 / own().count() as f64);
        }
    }
    assert_close("small", &lost[0], exact[0]);
    assert_close("large", &lost[1], exact[1]);
}

#[test]
fn servers_that_are_tried_in_order_carry_what_the_ones_before_lose() {
    // First Fit on four servers at a load of 3: server j carries A (B(j − 1) − B(j)), B by Erlang.
    let load = 3.0;
    let erlang = |servers: usize| (1..=servers).fold(1.0, |b, c| load * b / (c as f64 + load * b));
    let mut carried = vec![Vec::new(); 4];
    for seed in 0..15 {
        let rows = rows(seed, load, 1, false, &EXPONENTIAL);
        let end = rows.iter().map(|row| row.arrival.0).max().unwrap_or(0) as f64;
        let work: Vec<f64> =
            rows.iter().map(|row| row.duration.map_or(0.0, |d| d.0 as f64)).collect();
        let mut setup = servers(4, OnFailure::GiveUp);
        for source in setup.sources.ids() {
            setup.sources[source].strategies = vec![Strategy::FirstFit];
        }
        let finished = run_watched(setup, rows, false);
        let places = finished.column("instance_id");
        for (server, carried) in carried.iter_mut().enumerate() {
            let name = format!("i-{server}");
            let own = places.iter().zip(&work).filter(|(place, _)| **place == name);
            carried.push(own.map(|(_, work)| work).sum::<f64>() / end);
        }
    }
    for (server, carried) in carried.iter().enumerate() {
        let exact = load * (erlang(server) - erlang(server + 1));
        assert_close(&format!("server {server}"), carried, exact);
    }
}
