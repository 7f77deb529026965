//! Latency at a steady rate, from rehearsals: short runs of single requests, made once for each kind of station.
//!
//! Formulas know the mean for exponential work, and little else: processor sharing is insensitive to the shape of work
//! only where arrivals are Poisson, and round robin makes them Erlang; nobody knows quantiles. So the fluid asks the
//! model that it stands for. A [`Scene`] is a station without its units: work over its mean, I/O over the time at the
//! CPU, vCPUs, workers, tasks. Services of equal shape share it, however large their requests are.
//!
//! It is rehearsed at a few utilisations below one, when somebody asks. At one the limit of heavy traffic is known, and
//! takes the place of the very long runs that would be needed there: the work at a station becomes exponential with
//! Kingman's mean, `(ca² + cs²) / 2` over `1 − ρ`; whoever waits in line waits for all of it, and whoever shares the
//! CPU takes his own size times the number of requests (Grishechkin 1994; Lambert, Van Houdt, Blondia; Zhang and Zwart:
//! *Steady state approximations of limited processor sharing queues in heavy traffic*, 2008). In between, latency times
//! `1 − ρ` is smooth, and a parabola through three neighbours is taken. A rehearsal is a function of its scene alone, so
//! it does not matter who asks first.

use super::arrivals::Arrivals;
use super::latency::LatencyMeter;
use super::queueing::{POINTS, Profile, SLICES, slice_weight};
use super::requests::Requests;
use super::{LoadSetup, Target};
use crate::base::distribution::{Distribution, standard_exponential};
use crate::base::histogram::SpanHistogram;
use crate::base::random::{Purpose, Seed};
use crate::base::time::{SimSpan, SimTime};
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::ids::ZoneId;
use crate::model::traffic::{Fidelity, MICRO, RateSegment, RateStream};

/// Utilisations that are rehearsed (the first stands for zero), and with how many requests; the last one is the limit.
const NODES: [(f64, u64); 7] = [
    (0.0, 40_000),
    (0.2, 40_000),
    (0.4, 60_000),
    (0.55, 80_000),
    (0.7, 160_000),
    (0.85, 320_000),
    (1.0, 40_000),
];
/// The rate that stands for none.
const IDLE: f64 = 0.002;
/// Beyond it the steady state is not reached within minutes (assumed).
const HIGHEST: f64 = 126.0 / 128.0;
/// CPU time of a request in a scene, milliseconds.
pub(super) const UNIT_MS: f64 = 100.0;
/// Numbers of tasks that are rehearsed; in between, latency goes with one over the number.
const TASKS: [u64; 19] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256];

/// The rehearsed numbers of tasks around `tasks`, and the weight of the second.
pub(super) fn neighbours(tasks: u64, most: u64) -> (u64, u64, f64) {
    let tasks = tasks.clamp(1, most);
    let high = TASKS.iter().copied().find(|n| *n >= tasks).unwrap_or(most);
    let low = TASKS.iter().copied().rfind(|n| *n <= tasks).unwrap_or(1);
    if low == high {
        return (low, high, 0.0);
    }
    let part = (1.0 / low as f64 - 1.0 / tasks as f64) / (1.0 / low as f64 - 1.0 / high as f64);
    (low, high, part)
}

/// What a rehearsal depends on.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Scene {
    /// Whether requests go to whoever has least to do.
    pub is_pooled: bool,
    /// Messages wait in one queue, requests at their task.
    pub is_queue: bool,
    /// Milliseconds.
    pub cpu_ms: Distribution,
    pub io_ms: Distribution,
    pub workers: Option<u32>,
    /// CPU thousandths, percent of the cost, how many.
    pub tasks: Vec<(u32, u32, u64)>,
    /// Zones that get requests in turn, each with these tasks.
    pub zones: u64,
    /// Answers per second of all tasks of a zone when there is always somebody waiting.
    pub capacity: f64,
    /// `cs²` of the work that limits the station.
    pub variation: f64,
}

/// A scene and what is known about it: slices of latency times what is idle, seconds.
pub(super) struct Rehearsal {
    pub scene: Scene,
    known: [Option<[f64; POINTS]>; NODES.len()],
}

impl Rehearsal {
    pub fn new(scene: Scene) -> Rehearsal {
        Rehearsal { scene, known: [None; NODES.len()] }
    }

    /// Latency at utilisation `rho`, in the units of the scene.
    pub fn profile(&mut self, rho: f64, setup: &LoadSetup) -> Profile {
        let rho = rho.clamp(0.0, HIGHEST);
        let above = NODES.iter().position(|node| node.0 > rho).unwrap_or(NODES.len() - 1);
        let first = above.saturating_sub(2).min(NODES.len() - 3);
        let nodes = [first, first + 1, first + 2];
        let mut points = [0.0; POINTS];
        for node in nodes {
            let x = NODES[node].0;
            let others = nodes.iter().filter(|other| **other != node).map(|other| NODES[*other].0);
            let weight: f64 = others.map(|other| (rho - other) / (x - other)).product();
            for (point, slice) in points.iter_mut().zip(self.node(node, setup)) {
                *point += weight * slice / (1.0 - rho);
            }
        }
        (1..POINTS).for_each(|point| points[point] = points[point].max(points[point - 1]));
        let mean = |(point, slice): (usize, &f64)| slice * slice_weight(point) as f64 / 1e3;
        Profile { mean: points.iter().enumerate().map(mean).sum(), points }
    }

    fn node(&mut self, node: usize, setup: &LoadSetup) -> [f64; POINTS] {
        *self.known[node].get_or_insert_with(|| {
            let (rho, requests) = NODES[node];
            if rho == 1.0 {
                return self.scene.limit(requests);
            }
            self.scene.perform(rho.max(IDLE), requests, setup).map(|slice| slice * (1.0 - rho))
        })
    }
}

impl Scene {
    /// Whether `other` differs in nothing but what follows from the rest.
    pub fn is_like(&self, other: &Scene) -> bool {
        let (capacity, variation) = (self.capacity, self.variation);
        *self == Scene { capacity, variation, ..other.clone() }
    }

    /// Slices of latency at a utilisation, seconds, from so many requests.
    fn perform(&self, rho: f64, requests: u64, setup: &LoadSetup) -> [f64; POINTS] {
        let mut setup = setup.clone();
        let work = &mut setup.work;
        (work.cpu_ms, work.io_ms) = (self.cpu_ms.clone(), self.io_ms.clone());
        (work.workers, work.queue_limit) = (self.workers, None);
        work.fidelity = Fidelity::Requests;
        work.timeout = SimSpan::from_secs(1_000_000_000);
        setup.zones = self.zones as usize;
        if let Some(balancer) = &mut setup.balancer {
            balancer.cross_zone = self.zones == 1;
            balancer.slow_start = SimSpan::ZERO;
        }
        let rate = rho * self.capacity * self.zones as f64;
        let length = SimSpan::from_secs_f64(requests as f64 / rate);
        let arrivals = Arrivals::new(Box::new(Steady::new(length, requests)));
        let mut load = Requests::new(&setup, Seed(0), "rehearsal", arrivals);
        let mut task = 0;
        for zone in 0..self.zones {
            for &(cpu_millis, cost_percent, count) in &self.tasks {
                for _ in 0..count {
                    let zone = ZoneId(zone as u32);
                    let since = SimTime::ZERO;
                    let (pool, error_ppm) = (0, 0);
                    load.add(Target {
                        task,
                        zone,
                        pool,
                        cpu_millis,
                        cost_percent,
                        error_ppm,
                        since,
                    });
                    task += 1;
                }
            }
        }
        // A tenth to fill the station, which is not counted. The stream never fails.
        let _ = load.advance(SimTime(length.0 / 10));
        load.latency = LatencyMeter::default();
        let _ = load.advance(SimTime(length.0));
        slices_of(load.latency.total())
    }

    /// The limit of latency times what is idle, seconds.
    fn limit(&self, draws: u64) -> [f64; POINTS] {
        let streams = if self.is_pooled { self.zones } else { self.tasks[0].2 };
        let capacity =
            if self.is_pooled { self.capacity } else { self.capacity / self.tasks[0].2 as f64 };
        let arrivals = 1.0 / streams as f64;
        let in_line = (arrivals + self.variation) / 2.0 / capacity;
        let shared = (arrivals + self.variation) / (1.0 + self.variation) / capacity;
        // Many workers make a line so rarely that at the loads in question the CPU is shared by all.
        let lines = self.workers.map_or(0.0, |workers| {
            let tasks: u64 = self.tasks.iter().map(|task| task.2).sum();
            let each = shared * capacity / if self.is_pooled { tasks as f64 } else { 1.0 };
            libm::exp(-0.08 * f64::from(workers - 1) / each.max(1e-3))
        });
        let mut stream = Seed(0).stream(Purpose::RequestWork, "limit of heavy traffic");
        let sizes: Vec<f64> = (0..draws).map(|_| self.cpu_ms.sample(&mut stream)).collect();
        let mean = (sizes.iter().sum::<f64>() / draws as f64).max(1e-9);
        let mut all: Vec<f64> = sizes
            .iter()
            .map(|size| {
                standard_exponential(&mut stream)
                    * (lines * in_line + (1.0 - lines) * shared * size / mean)
            })
            .collect();
        all.sort_unstable_by(f64::total_cmp);
        let mut from = 0;
        SLICES.map(|upto| {
            let end = all.len() * upto as usize / 1_000;
            let slice = &all[from..end];
            from = end;
            slice.iter().sum::<f64>() / slice.len() as f64
        })
    }
}

/// Means of the slices of a histogram, seconds.
fn slices_of(histogram: &SpanHistogram) -> [f64; POINTS] {
    let all = histogram.count() as f64;
    let (mut sums, mut slice, mut seen) = ([0.0; POINTS], 0, 0.0);
    for (span, count) in histogram.buckets() {
        let mut rest = count as f64;
        while rest > 0.0 {
            let end = all * SLICES[slice] as f64 / 1_000.0;
            let part = if slice + 1 == POINTS { rest } else { rest.min(end - seen) };
            sums[slice] += part * span.to_secs_f64();
            seen += part;
            rest -= part;
            if rest > 0.0 {
                slice += 1;
            }
        }
    }
    let mut point = 0;
    sums.map(|sum| {
        point += 1;
        sum / (all * slice_weight(point - 1) as f64 / 1_000.0).max(1e-9)
    })
}

/// So many requests in so much time.
struct Steady {
    segment: Option<RateSegment>,
    counts: RowCounts,
}

impl Steady {
    fn new(length: SimSpan, requests: u64) -> Steady {
        let (start, end) = (SimTime::ZERO, SimTime(length.0.max(1)));
        let segment = RateSegment { start, end, micro: requests * MICRO };
        Steady { segment: Some(segment), counts: RowCounts::default() }
    }
}

impl RateStream for Steady {
    fn next_segment(&mut self) -> Result<Option<RateSegment>, TraceProblem> {
        Ok(self.segment.take())
    }

    fn counts(&self) -> &RowCounts {
        &self.counts
    }
}

/// `distribution` times `factor`, with parameters of nine digits, so that equal shapes are equal.
pub(super) fn scaled(distribution: &Distribution, factor: f64) -> Distribution {
    let by = |value: f64| (value * factor * 1e7).round() / 1e7;
    match distribution {
        Distribution::Constant(value) => Distribution::Constant(by(*value)),
        Distribution::Uniform { min, max } => {
            Distribution::Uniform { min: by(*min), max: by(*max) }
        }
        Distribution::Exponential { mean } => Distribution::Exponential { mean: by(*mean) },
        Distribution::Normal { mean, sd } => Distribution::Normal { mean: by(*mean), sd: by(*sd) },
        Distribution::LogNormal { mean, sigma } => {
            Distribution::LogNormal { mean: by(*mean), sigma: *sigma }
        }
        Distribution::Pareto { min, alpha } => {
            Distribution::Pareto { min: by(*min), alpha: *alpha }
        }
        Distribution::Weibull { scale, shape } => {
            Distribution::Weibull { scale: by(*scale), shape: *shape }
        }
        Distribution::Empirical { values, cumulative } => Distribution::Empirical {
            values: values.iter().map(|value| by(*value)).collect(),
            cumulative: cumulative.clone(),
        },
    }
}
