//! The bare engine: one server with one queue (M/M/1), the least model that there is. Every customer is an arrival and
//! a departure, so events a second are what the loop, the clock and the queue cost with hardly anything to drive.

use criterion::{Criterion, Throughput};
use ecsim::base::distribution::standard_exponential;
use ecsim::base::random::{Purpose, Seed, Stream};
use ecsim::base::time::SimTime;
use ecsim::engine::{Class, Model, Outcome, Pulse, Queue, run};
use std::convert::Infallible;

const CUSTOMERS: u64 = 1_000_000;
/// Microseconds between two arrivals, on average.
const BETWEEN: f64 = 1_000_000.0;
/// Part of the time that the server is busy.
const LOAD: f64 = 0.8;

struct Station {
    between: Stream,
    service: Stream,
    next: SimTime,
    to_come: u64,
    inside: u64,
    since: SimTime,
    /// ∫ customers inside dt.
    inside_time: u128,
}

fn span(stream: &mut Stream, mean: f64) -> u64 {
    (standard_exponential(stream) * mean) as u64
}

impl Station {
    fn new(customers: u64) -> Self {
        let stream = |name| Seed(1).stream(Purpose::Test, name);
        let (next, since) = (SimTime::ZERO, SimTime::ZERO);
        let (between, service) = (stream("between"), stream("service"));
        Station { between, service, next, to_come: customers, inside: 0, since, inside_time: 0 }
    }

    fn count_to(&mut self, now: SimTime) {
        self.inside_time += u128::from(self.inside) * u128::from(now.since(self.since).0);
        self.since = now;
    }

    fn serve(&mut self, queue: &mut Queue<()>) {
        let span = span(&mut self.service, BETWEEN * LOAD);
        queue.schedule(SimTime(queue.now().0 + span), Class::Release, ());
    }
}

impl Model for Station {
    type Event = ();
    type Error = Infallible;

    fn next_arrival(&mut self) -> Result<Option<SimTime>, Infallible> {
        Ok((self.to_come > 0).then_some(self.next))
    }

    fn arrive(&mut self, queue: &mut Queue<()>) -> Result<(), Infallible> {
        self.count_to(queue.now());
        self.to_come -= 1;
        self.next = SimTime(self.next.0 + span(&mut self.between, BETWEEN));
        self.inside += 1;
        if self.inside == 1 {
            self.serve(queue);
        }
        Ok(())
    }

    fn handle(&mut self, _: Class, (): (), queue: &mut Queue<()>) -> Result<(), Infallible> {
        self.count_to(queue.now());
        self.inside -= 1;
        if self.inside > 0 {
            self.serve(queue);
        }
        Ok(())
    }

    fn is_idle(&self) -> bool {
        self.inside == 0
    }
}

/// `engine/mm1`, in events a second.
pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine");
    group.throughput(Throughput::Elements(2 * CUSTOMERS)).sample_size(10);
    group.bench_function("mm1", |bencher| {
        bencher.iter(|| {
            let (mut station, mut queue) = (Station::new(CUSTOMERS), Queue::new());
            let ended = run(&mut station, &mut queue, SimTime::NEVER, &Pulse::default());
            assert_eq!(ended, Ok((Outcome::Exhausted, 2 * CUSTOMERS)), "who comes leaves");
            let mean = station.inside_time as f64 / queue.now().0 as f64;
            let known = LOAD / (1.0 - LOAD);
            assert!((mean / known - 1.0).abs() < 0.03, "{mean} inside, {known} in theory");
        });
    });
    group.finish();
}
