//! The event queue under the hold model: a steady population, each step pops the earliest event and schedules
//! one later. Ties must leave in order, so the digest of what was popped is asserted.

use criterion::{Criterion, Throughput};
use ecsim::base::digest::Digest;
use ecsim::base::distribution::standard_exponential;
use ecsim::base::random::{Purpose, Seed};
use ecsim::base::time::SimTime;
use ecsim::engine::{Class, Queue};
use std::time::{Duration, Instant};

const STEPS: u64 = 1_000_000;

/// Delays of mean `population` milliseconds, so that events are about a millisecond apart.
fn delays(population: u64) -> Vec<u64> {
    let mut stream = Seed(1).stream(Purpose::Test, "hold");
    let mean = population as f64 * 1_000.0;
    (0..1 << 16).map(|_| (standard_exponential(&mut stream) * mean) as u64).collect()
}

/// `steps` of pop + push; the time taken and the digest of the order.
fn hold(population: u64, delays: &[u64], steps: u64) -> (Duration, u64) {
    let mut queue = Queue::new();
    for event in 0..population {
        let delay = delays[(event * 7_919) as usize & (delays.len() - 1)];
        queue.schedule(SimTime(delay), Class::Release, event as u32);
    }
    let mut digest = Digest::default();
    let from = Instant::now();
    for step in 0..steps {
        let (class, event) = queue.pop().expect("the population is steady");
        digest.add(u64::from(event));
        let delay = delays[(step * 40_503) as usize & (delays.len() - 1)];
        queue.schedule(SimTime(queue.now().0 + delay), class, event);
    }
    (from.elapsed(), digest.value())
}

/// `queue/pop_push/<population>`.
pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue/pop_push");
    group.throughput(Throughput::Elements(STEPS)).sample_size(10);
    for population in [1_000u64, 100_000, 1_000_000] {
        let delays = delays(population);
        let (_, expected) = hold(population, &delays, STEPS);
        group.bench_function(population.to_string(), |bencher| {
            bencher.iter_custom(|iterations| {
                (0..iterations)
                    .map(|_| {
                        let (taken, digest) = hold(population, &delays, STEPS);
                        assert_eq!(digest, expected, "the order of events is fixed");
                        taken
                    })
                    .sum()
            });
        });
    }
    group.finish();
}
