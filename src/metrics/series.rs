//! Time series in bounded memory, for charts: when one is full, its step doubles.
//!
//! [`Series`] holds states and keeps least, most and mean of the neighbours; [`ServiceSeries`] holds flows and merges them,
//! so that nothing that was counted is lost.

use crate::base::time::{SimSpan, SimTime};
use crate::metrics::service::ServiceSample;
use crate::model::lifecycle::STATUS_COUNT;

/// What a sample sees: the instant after all events of its instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sample {
    /// When.
    pub at: SimTime,
    /// Registered container instances.
    pub instances: u64,
    /// Of these, without any task.
    pub idle_instances: u64,
    /// Fewest instances of the largest type that could hold the promised tasks (lower bound).
    pub needed_instances: u64,
    /// Tasks by `lastStatus`, STOPPED not counted, EC2 and Fargate together.
    pub tasks: [u64; STATUS_COUNT - 1],
    /// Of these, before RUNNING.
    pub starting: u64,
    /// Tasks on Fargate, in any state but STOPPED.
    pub fargate_tasks: u64,
    /// Tasks that wait for placement.
    pub waiting: u64,
    /// Registered CPU units.
    pub registered_cpu: u64,
    /// Promised CPU units.
    pub reserved_cpu: u64,
    /// Registered MiB.
    pub registered_memory: u64,
    /// Promised MiB.
    pub reserved_memory: u64,
    /// CPU units of Fargate tasks.
    pub fargate_cpu: u64,
    /// MiB of Fargate tasks.
    pub fargate_memory: u64,
    /// Desired capacity of Auto Scaling groups; fixed fleets have what they have.
    pub desired_instances: u64,
    /// Instances that were launched and have not registered.
    pub launching_instances: u64,
    /// Registered instances that are DRAINING.
    pub draining_instances: u64,
    /// Instances in warm pools, those on their way there included.
    pub warm_instances: u64,
    /// Spending rate now, nano-dollars an hour.
    pub nano_usd_per_hour: i128,
}

/// At most this many points are kept.
const MOST_POINTS: usize = 2_048;

impl Sample {
    /// Each number of this sample with that of `other`, put through `f`, money through `usd`; the instant is this one's.
    fn zip(&self, other: &Sample, f: fn(u64, u64) -> u64, usd: fn(i128, i128) -> i128) -> Sample {
        let mut tasks = [0; STATUS_COUNT - 1];
        for (index, both) in tasks.iter_mut().enumerate() {
            *both = f(self.tasks[index], other.tasks[index]);
        }
        Sample {
            at: self.at,
            instances: f(self.instances, other.instances),
            idle_instances: f(self.idle_instances, other.idle_instances),
            needed_instances: f(self.needed_instances, other.needed_instances),
            tasks,
            starting: f(self.starting, other.starting),
            fargate_tasks: f(self.fargate_tasks, other.fargate_tasks),
            waiting: f(self.waiting, other.waiting),
            registered_cpu: f(self.registered_cpu, other.registered_cpu),
            reserved_cpu: f(self.reserved_cpu, other.reserved_cpu),
            registered_memory: f(self.registered_memory, other.registered_memory),
            reserved_memory: f(self.reserved_memory, other.reserved_memory),
            fargate_cpu: f(self.fargate_cpu, other.fargate_cpu),
            fargate_memory: f(self.fargate_memory, other.fargate_memory),
            desired_instances: f(self.desired_instances, other.desired_instances),
            launching_instances: f(self.launching_instances, other.launching_instances),
            draining_instances: f(self.draining_instances, other.draining_instances),
            warm_instances: f(self.warm_instances, other.warm_instances),
            nano_usd_per_hour: usd(self.nano_usd_per_hour, other.nano_usd_per_hour),
        }
    }
}

/// Samples that follow each other, as one: least, most and sum of each number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// How many samples.
    pub count: u64,
    /// When the first was taken.
    pub from: SimTime,
    /// When the last was taken.
    pub to: SimTime,
    /// The least of each number.
    pub least: Sample,
    /// The most of each.
    pub most: Sample,
    /// The sum of each.
    pub sum: Sample,
}

impl From<Sample> for Stretch {
    fn from(one: Sample) -> Stretch {
        Stretch { count: 1, from: one.at, to: one.at, least: one, most: one, sum: one }
    }
}

impl Stretch {
    /// This and `next`, which follows it.
    fn and(&self, next: &Stretch) -> Stretch {
        Stretch {
            count: self.count + next.count,
            from: self.from,
            to: next.to,
            least: self.least.zip(&next.least, u64::min, i128::min),
            most: self.most.zip(&next.most, u64::max, i128::max),
            sum: self.sum.zip(&next.sum, u64::saturating_add, i128::saturating_add),
        }
    }
}

/// Samples thinned to at most 2,048 stretches of `2^k` samples each, of which the last may be shorter.
#[derive(Clone, Debug, Default)]
pub struct Series {
    points: Vec<Stretch>,
    /// Samples per stretch; 0 stands for 1.
    stride: u64,
}

impl Series {
    /// Adds a sample, later than the one before.
    pub fn push(&mut self, sample: Sample) {
        let sample = Stretch::from(sample);
        if self.points.len() == MOST_POINTS && self.points[MOST_POINTS - 1].count >= self.stride {
            let pairs = self.points.chunks_exact(2).map(|pair| pair[0].and(&pair[1]));
            self.points = pairs.collect();
            self.stride = 2 * self.stride.max(1);
        }
        match self.points.last_mut().filter(|open| open.count < self.stride) {
            Some(open) => *open = open.and(&sample),
            None => self.points.push(sample),
        }
    }

    /// The stretches in order of time.
    #[must_use]
    pub fn points(&self) -> Vec<Stretch> {
        self.points.clone()
    }
}

/// At most this many points of all services of a run together, as long as each may have [`FEWEST_POINTS`]: which of them
/// are drawn is known at the end only, and a picture of one of thousands is no finer for being kept a gigabyte long.
const POINTS_OF_ALL: usize = 1 << 18;
/// Every service may have this many.
const FEWEST_POINTS: usize = 128;

/// How many points each of so many services may have: 2,048, of more than 128 services fewer; a power of two, as memory
/// is got.
#[must_use]
pub fn points_of_each(services: usize) -> usize {
    let share = (POINTS_OF_ALL / services.max(1)).clamp(FEWEST_POINTS, MOST_POINTS);
    1 << share.ilog2()
}

/// Samples of a service thinned to at most 2,048, or [as many as it may have](points_of_each): `2^k` neighbours become one.
///
/// A sample stands for the time since the one before it. Of merged ones, requests add up exactly; counts of tasks are
/// those of the last; utilisation and capacity are averages over time, the mean latency one over requests; backlog and
/// latency quantiles are the largest (an upper bound: the quantile of both together is not above it).
#[derive(Clone, Debug)]
pub struct ServiceSeries {
    points: Vec<ServiceSample>,
    /// At most this many are kept.
    most: usize,
    /// The sample that is being merged, and of how many.
    open: Option<(ServiceSample, u64)>,
    /// Samples per kept point; 0 stands for 1.
    stride: u64,
}

impl Default for ServiceSeries {
    /// The series of one of a few services.
    fn default() -> ServiceSeries {
        ServiceSeries::of(1)
    }
}

impl ServiceSeries {
    /// The series of one of so many services.
    #[must_use]
    pub fn of(services: usize) -> ServiceSeries {
        ServiceSeries { points: Vec::new(), most: points_of_each(services), open: None, stride: 0 }
    }

    /// Adds a sample, not earlier than the one before.
    pub fn push(&mut self, sample: ServiceSample) {
        let before = self.points.last().map_or(SimTime::ZERO, |point| point.at);
        let (merged, count) = match self.open.take() {
            Some((open, count)) => (merge(before, &open, &sample), count + 1),
            None => (sample, 1),
        };
        if count < self.stride {
            self.open = Some((merged, count));
            return;
        }
        self.points.push(merged);
        if self.points.len() == self.most {
            self.halve();
        }
    }

    fn halve(&mut self) {
        let mut before = SimTime::ZERO;
        let halves = self.points.chunks(2).map(|pair| {
            let merged = pair.iter().copied().reduce(|first, last| merge(before, &first, &last));
            let merged = merged.expect("a chunk is not empty");
            before = merged.at;
            merged
        });
        self.points = halves.collect();
        self.stride = 2 * self.stride.max(1);
    }

    /// The samples in order of time, the newest as the last: no more than it may have.
    #[must_use]
    pub fn points(&self) -> Vec<ServiceSample> {
        self.clone().into_points()
    }

    /// The same, without a copy.
    #[must_use]
    pub fn into_points(mut self) -> Vec<ServiceSample> {
        self.points.extend(self.open.map(|(open, _)| open));
        self.points.shrink_to_fit();
        self.points
    }
}

/// `first`, which began at `before`, and `last`, which follows it, as one sample.
fn merge(before: SimTime, first: &ServiceSample, last: &ServiceSample) -> ServiceSample {
    let spans = [first.at.since(before).0, last.at.since(first.at).0];
    let served = [first.requests.served, last.requests.served];
    let mean = |of: fn(&ServiceSample) -> Option<f64>| average([of(first), of(last)], spans);
    let most = |of: fn(&ServiceSample) -> Option<SimSpan>| of(first).max(of(last));
    let whole = |of: fn(&ServiceSample) -> u64| weighted([of(first), of(last)], spans);
    let latency_mean = match (first.latency_mean, last.latency_mean) {
        (Some(a), Some(b)) => Some(SimSpan(weighted([a.0, b.0], served))),
        (a, b) => a.or(b),
    };
    ServiceSample {
        requests: first.requests.plus(&last.requests),
        capacity_micro_per_s: whole(|sample| sample.capacity_micro_per_s),
        backlog_micro: first.backlog_micro.max(last.backlog_micro),
        cpu_percent: mean(|sample| sample.cpu_percent),
        memory_percent: mean(|sample| sample.memory_percent),
        latency_mean,
        latency_p50: most(|sample| sample.latency_p50),
        latency_p95: most(|sample| sample.latency_p95),
        latency_p99: most(|sample| sample.latency_p99),
        ..*last
    }
}

/// The weighted mean, to the nearest, half up; without weights the last value.
fn weighted(values: [u64; 2], weights: [u64; 2]) -> u64 {
    let [sum, weight] = [0, 1].into_iter().fold([0, 0], |[sum, weight], i| {
        let share = u128::from(weights[i]);
        [sum + u128::from(values[i]) * share, weight + share]
    });
    (sum + weight / 2).checked_div(weight).map_or(values[1], |mean| mean as u64)
}

/// The weighted mean of what is there.
fn average(values: [Option<f64>; 2], weights: [u64; 2]) -> Option<f64> {
    let [Some(first), Some(last)] = values else { return values[0].or(values[1]) };
    let [before, after] = weights.map(|weight| weight as f64);
    let whole = before + after;
    Some(if whole > 0.0 { (first * before + last * after) / whole } else { last })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::service::RequestTotals;

    #[test]
    fn a_long_series_keeps_its_first_and_last_sample_and_stays_small() {
        let mut series = Series::default();
        for i in 0..1_000_001u64 {
            series.push(Sample { at: SimTime(i), ..Sample::default() });
        }
        let points = series.points();
        assert!(points.len() <= MOST_POINTS);
        assert_eq!((points[0].from.0, points[points.len() - 1].to.0), (0, 1_000_000));
        assert!(points.windows(2).all(|pair| pair[0].to < pair[1].from));
        assert_eq!(points.iter().map(|stretch| stretch.count).sum::<u64>(), 1_000_001);
    }

    #[test]
    fn a_spike_of_five_minutes_is_seen_in_thirty_days() {
        let mut series = Series::default();
        let tasks = |minute| if (20_003..20_008).contains(&minute) { 450 + minute % 7 } else { 6 };
        for minute in 0..=43_200u64 {
            let at = SimTime(60_000_000 * minute);
            let waiting = tasks(minute);
            series.push(Sample { at, waiting, starting: 1, ..Sample::default() });
        }
        let points = series.points();
        let most = points.iter().map(|stretch| stretch.most.waiting).max();
        assert_eq!(most, (0..=43_200).map(tasks).max());
        assert_eq!(points.iter().map(|stretch| stretch.least.waiting).min(), Some(6));
        let sum: u64 = points.iter().map(|stretch| stretch.sum.waiting).sum();
        assert_eq!(sum, (0..=43_200).map(tasks).sum::<u64>(), "so every mean is right");
    }

    fn service_sample(i: u64) -> ServiceSample {
        let offered = 1_000_003 * (i % 977) + i;
        let dropped = offered / 7;
        ServiceSample {
            at: SimTime(60_000_000 * i),
            desired: i as u32,
            requests: RequestTotals {
                offered,
                served: offered - dropped,
                errors: offered / 100,
                no_target: dropped - dropped / 2,
                timeout: dropped / 2,
                ..RequestTotals::default()
            },
            backlog_micro: i,
            latency_p99: (i != 5).then_some(SimSpan(i)),
            ..ServiceSample::default()
        }
    }

    #[test]
    fn the_series_of_thousands_of_services_share_what_there_is() {
        assert_eq!([1, 128, 129, 1_000].map(points_of_each), [2_048, 2_048, 1_024, 256]);
        assert_eq!([5_000, 1_000_000].map(points_of_each), [128, 128]);
        let mut series = ServiceSeries::of(1_000);
        let mut totals = RequestTotals::default();
        for count in 1..=1_440u64 {
            series.push(service_sample(count));
            totals = totals.plus(&service_sample(count).requests);
            assert!(series.points.capacity() <= 256, "{count}");
        }
        let points = series.into_points();
        assert!(points.len() >= 128, "{}", points.len());
        let kept = points.iter().fold(RequestTotals::default(), |a, p| a.plus(&p.requests));
        assert_eq!(kept, totals);
    }

    #[test]
    fn totals_of_a_service_survive_thinning_exactly() {
        let mut series = ServiceSeries::default();
        let mut totals = RequestTotals::default();
        for count in 1..=20_000u64 {
            series.push(service_sample(count));
            totals = totals.plus(&service_sample(count).requests);
            if ![1, 2, 2_047, 2_048, 2_049, 4_095, 4_096, 4_097, 20_000].contains(&count) {
                continue;
            }
            let points = series.points();
            let kept = points.iter().fold(RequestTotals::default(), |a, p| a.plus(&p.requests));
            assert_eq!(kept, totals, "{count}");
            assert_eq!(totals.offered, totals.served + totals.dropped());
            assert!(points.len() <= MOST_POINTS, "{count}: {}", points.len());
            assert!(points.windows(2).all(|pair| pair[0].at < pair[1].at), "{count}");
            let last = points[points.len() - 1];
            assert_eq!((last.at, last.desired), (SimTime(60_000_000 * count), count as u32));
            assert_eq!(last.latency_p99.unwrap_or_default().0, if count == 5 { 0 } else { count });
        }
    }

    #[test]
    fn merged_samples_are_weighted_by_time_and_latency_by_requests() {
        let sample = |at, served, cpu, mean, p95| ServiceSample {
            at: SimTime(at),
            requests: RequestTotals { offered: served, served, ..RequestTotals::default() },
            capacity_micro_per_s: at,
            cpu_percent: Some(cpu),
            latency_mean: Some(SimSpan(mean)),
            latency_p95: Some(SimSpan(p95)),
            ..ServiceSample::default()
        };
        // Began at 100: the first stands for 100 µs, the second for 300 µs.
        let merged =
            merge(SimTime(100), &sample(200, 30, 80.0, 10, 50), &sample(500, 10, 40.0, 50, 20));
        assert_eq!(merged.cpu_percent, Some(50.0)); // (80 · 100 + 40 · 300) ÷ 400
        assert_eq!(merged.capacity_micro_per_s, 425); // (200 · 100 + 500 · 300) ÷ 400
        assert_eq!(merged.latency_mean, Some(SimSpan(20))); // (10 · 30 + 50 · 10) ÷ 40
        assert_eq!(merged.latency_p95, Some(SimSpan(50)));
        let quiet = ServiceSample { at: SimTime(600), ..ServiceSample::default() };
        assert_eq!(merge(SimTime(0), &merged, &quiet).cpu_percent, Some(50.0));
    }
}
