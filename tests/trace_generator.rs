//! The generator against the numbers that it is asked for.

use ecsim::base::distribution::Distribution;
use ecsim::base::random::Seed;
use ecsim::base::time::SimTime;
use ecsim::model::arrival::TaskRow;
use ecsim::model::workload::{Bursts, GeneratorSpec, RateShape, SizeShare, Workload};

const DAY: f64 = 86_400.0;

pub fn spec() -> GeneratorSpec {
    GeneratorSpec {
        name: "test".into(),
        until: SimTime(14 * 86_400_000_000),
        limit: None,
        rate: RateShape {
            per_second: 0.05,
            daily_depth: 0.0,
            daily_peak_s: 0.0,
            weekend_factor: 1.0,
            bursts: None,
        },
        poisson: true,
        sizes: vec![],
        duration: Some(Distribution::Exponential { mean: 60.0 }),
        count: Distribution::Constant(1.0),
        failure_ppm: 0,
    }
}

fn rows(spec: &GeneratorSpec) -> Vec<TaskRow> {
    let mut stream = ecsim::trace::open(&Workload::Generated(spec.clone()), Seed(5)).unwrap();
    let mut rows: Vec<TaskRow> = Vec::new();
    while let Some(row) = stream.next_row().unwrap() {
        assert!(row.arrival <= spec.until, "no arrival after the end");
        assert!(rows.last().is_none_or(|last| last.arrival <= row.arrival), "arrivals go back");
        rows.push(row);
    }
    rows
}

/// Within four standard deviations of a Poisson count.
fn assert_near(found: usize, expected: f64) {
    let difference = (found as f64 - expected).abs();
    assert!(difference < 4.0 * expected.sqrt() + 1.0, "{found} where {expected} were expected");
}

/// Arrivals whose second of the day is in `from..to`.
fn at_hours(rows: &[TaskRow], from: f64, to: f64) -> usize {
    let hour = |row: &TaskRow| row.arrival.to_secs_f64() % DAY / 3_600.0;
    rows.iter().filter(|row| (from..to).contains(&hour(row))).count()
}

#[test]
fn the_mean_rate_is_the_one_asked_for_and_gaps_are_exponential() {
    let spec = spec();
    let rows = rows(&spec);
    let expected = 0.05 * 14.0 * DAY;
    assert_near(rows.len(), expected);
    let gaps: Vec<f64> = rows
        .windows(2)
        .map(|pair| pair[1].arrival.to_secs_f64() - pair[0].arrival.to_secs_f64())
        .collect();
    let above_mean = gaps.iter().filter(|gap| **gap > 20.0).count();
    assert_near(above_mean, gaps.len() as f64 * (-1.0f64).exp());
}

#[test]
fn evenly_spaced_arrivals_are_even_and_as_many_as_the_integral_of_the_rate() {
    let mut even = spec();
    even.poisson = false;
    let flat = rows(&even);
    assert!((flat.len() as i64 - 60_480).abs() <= 1, "{}", flat.len());
    assert!(flat.windows(2).all(|pair| pair[1].arrival.0 - pair[0].arrival.0 == 20_000_000));
    even.rate.daily_depth = 1.0;
    let wave = rows(&even);
    assert!((wave.len() as i64 - 60_480).abs() <= 2, "{}", wave.len());
}

#[test]
fn the_daily_wave_peaks_when_it_should_and_keeps_the_mean() {
    let mut daily = spec();
    daily.rate.daily_depth = 0.8;
    daily.rate.daily_peak_s = 14.0 * 3_600.0;
    let rows = rows(&daily);
    assert_near(rows.len(), 0.05 * 14.0 * DAY);
    // The mean of 1 + 0.8 cos over two hours around the peak and around the trough.
    let mean = (std::f64::consts::PI / 12.0).sin() / (std::f64::consts::PI / 12.0);
    let flat = 0.05 * 2.0 * 3_600.0 * 14.0;
    assert_near(at_hours(&rows, 13.0, 15.0), flat * (1.0 + 0.8 * mean));
    assert_near(at_hours(&rows, 1.0, 3.0), flat * (1.0 - 0.8 * mean));
}

#[test]
fn weekends_have_their_factor_and_none_where_it_is_zero() {
    let mut weekly = spec();
    for factor in [0.3, 0.0] {
        weekly.rate.weekend_factor = factor;
        let rows = rows(&weekly);
        let is_weekend = |row: &&TaskRow| (row.arrival.to_secs_f64() / DAY) as u64 % 7 >= 5;
        let at_weekends = rows.iter().filter(is_weekend).count();
        assert_near(at_weekends, 0.05 * 4.0 * DAY * factor);
        assert_near(rows.len() - at_weekends, 0.05 * 10.0 * DAY);
    }
}

#[test]
fn bursts_multiply_the_rate_for_their_share_of_the_time() {
    let mut bursty = spec();
    // A thousand switches: the share of time in bursts is near its mean of one tenth.
    bursty.rate.bursts = Some(Bursts { factor: 11.0, mean_gap_s: 900.0, mean_length_s: 100.0 });
    let rows = rows(&bursty);
    let mean = 0.05 * 14.0 * DAY * (0.9 + 11.0 * 0.1);
    assert!((0.88..1.12).contains(&(rows.len() as f64 / mean)), "{} of {mean}", rows.len());
    // Counts of a minute vary far more than those of a Poisson process, whose variance is the mean.
    let minutes = 14 * 24 * 60;
    let mut counts = vec![0.0f64; minutes + 1];
    rows.iter().for_each(|row| counts[(row.arrival.0 / 60_000_000) as usize] += 1.0);
    let average = counts.iter().sum::<f64>() / minutes as f64;
    let variance = counts.iter().map(|n| (n - average).powi(2)).sum::<f64>() / minutes as f64;
    assert!(variance > 3.0 * average, "{variance} against {average}");
}

#[test]
fn sizes_counts_durations_and_failures_have_their_shares() {
    let mut mixed = spec();
    let size = |cpu, weight, gpus| SizeShare { cpu, memory: cpu * 2, gpus, weight };
    mixed.sizes = vec![size(256, 6.0, 0), size(512, 3.0, 0), size(1_024, 1.0, 2), size(1, 0.0, 0)];
    mixed.count = Distribution::Uniform { min: 0.5, max: 4.5 };
    mixed.failure_ppm = 50_000;
    let rows = rows(&mixed);
    let all = rows.len() as f64;
    for (cpu, share) in [(256, 0.6), (512, 0.3), (1_024, 0.1), (1, 0.0)] {
        let found: Vec<&TaskRow> = rows.iter().filter(|row| row.cpu == Some(cpu)).collect();
        assert_near(found.len(), all * share);
        let gpus = if cpu == 1_024 { Some(2) } else { None };
        assert!(found.iter().all(|row| row.gpus == gpus && row.memory == Some(cpu * 2)));
    }
    for count in 1..=4 {
        assert_near(rows.iter().filter(|row| row.count == count).count(), all / 4.0);
    }
    assert_near(rows.iter().filter(|row| row.exit_code != 0).count(), all * 0.05);
    let longer = rows.iter().filter(|row| row.duration.unwrap().to_secs_f64() > 60.0).count();
    assert_near(longer, all * (-1.0f64).exp());
}

#[test]
fn a_change_of_one_draw_leaves_the_others_alone() {
    let before = rows(&spec());
    let mut other = spec();
    other.duration = Some(Distribution::LogNormal { mean: 600.0, sigma: 1.0 });
    other.failure_ppm = 500_000;
    let after = rows(&other);
    let arrivals = |rows: &[TaskRow]| rows.iter().map(|row| row.arrival).collect::<Vec<_>>();
    assert_eq!(arrivals(&before), arrivals(&after));
    let mut limited = spec();
    limited.limit = Some(10);
    assert_eq!(rows(&limited), before[..10]);
}

#[test]
fn numbers_that_make_no_sense_are_refused_by_name() {
    let refused = |change: &dyn Fn(&mut GeneratorSpec)| {
        let mut wrong = spec();
        change(&mut wrong);
        ecsim::trace::open(&Workload::Generated(wrong), Seed(1)).err().unwrap().0
    };
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e8] {
        let text = refused(&|spec| spec.rate.per_second = rate);
        assert!(text.starts_with("generator \"test\": the rate is"), "{text}");
    }
    assert!(refused(&|spec| spec.rate.daily_depth = 1.1).contains("the daily depth is 1.1"));
    assert!(refused(&|spec| spec.rate.weekend_factor = -1.0).contains("the weekend factor is -1"));
    assert!(refused(&|spec| spec.failure_ppm = 2_000_000).contains("failures in a million"));
    assert!(refused(&|spec| spec.count = Distribution::Constant(f64::NAN)).contains("count"));
    let zero = SizeShare { cpu: 1, memory: 1, gpus: 0, weight: 0.0 };
    assert!(refused(&|spec| spec.sizes = vec![zero]).contains("must not all be zero"));
}
