//! Latency at a steady rate: from the table that the program ships, or from rehearsals, short runs of single requests.
//!
//! Formulas know the mean for exponential work, and little else: processor sharing is insensitive to the shape of work
//! only where arrivals are Poisson, and round robin makes them Erlang; nobody knows quantiles. So the fluid asks
//! simulations of what it stands for. Those of the usual stations were made once ([`table`]); whatever else a service
//! may be is made when somebody asks for its latency. A [`Scene`] is a station without its units: work over its mean,
//! I/O over the time at the CPU, vCPUs, workers, tasks. Services of equal shape share it, however large their requests
//! are.
//!
//! A scene is rehearsed at a few utilisations below one. At one the limit of heavy traffic is known (see [`table`]), and
//! takes the place of the very long runs that would be needed there. In between, latency times `1 − ρ` is smooth, and a
//! parabola through three neighbours is taken. A rehearsal is a function of its scene alone, so it does not matter who
//! asks first.

use super::queueing::{POINTS, Profile, sliced};
use super::table::{self, Law, Place, Times};
use crate::base::distribution::{Distribution, standard_exponential};
use crate::base::histogram::SpanHistogram;
use crate::base::random::{Purpose, Seed};
use crate::base::time::SimSpan;
use play::play;

mod play;

/// Utilisations that are rehearsed (the first stands for zero), and with how many requests; the last one is the limit.
const NODES: [(f64, u64); 8] = [
    (0.0, 20_000),
    (0.25, 30_000),
    (0.45, 40_000),
    (0.65, 80_000),
    (0.8, 150_000),
    (0.92, 400_000),
    (0.97, 800_000),
    (1.0, 30_000),
];
const UTILISATIONS: [f64; NODES.len()] = {
    let mut all = [0.0; NODES.len()];
    let mut node = 0;
    while node < all.len() {
        all[node] = NODES[node].0;
        node += 1;
    }
    all
};
/// The rate that stands for none.
const IDLE: f64 = 0.002;
/// Beyond it the steady state is not reached within minutes (assumed).
const HIGHEST: f64 = 126.0 / 128.0;
/// CPU time of a request in a scene, milliseconds.
pub(super) const UNIT_MS: f64 = 100.0;
/// Numbers of tasks that are rehearsed; in between, latency goes with one over the number.
const TASKS: [u64; 11] = [1, 2, 3, 4, 6, 8, 12, 20, 40, 100, 256];

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

/// What is known about a station: slices of latency times what is idle, seconds, at some utilisations.
pub(super) struct Rehearsal {
    pub of: Subject,
    nodes: &'static [f64],
    known: Vec<Option<Times>>,
}

/// What latencies are those of.
pub(super) enum Subject {
    /// A scene that is performed when somebody asks.
    Scene(Box<Scene>),
    /// A row of the table.
    Row(Law, Place),
}

impl Rehearsal {
    pub fn new(scene: Scene) -> Rehearsal {
        let of = Subject::Scene(Box::new(scene));
        Rehearsal { of, nodes: &UTILISATIONS, known: vec![None; NODES.len()] }
    }

    /// One that the table knows, with so many seconds for the mean work.
    pub fn known(law: Law, place: Place, unit: f64) -> Rehearsal {
        let scaled = |times: Times| Some(times.map(|time| time * unit));
        let known: Vec<Option<Times>> = law.at(place).into_iter().map(scaled).collect();
        Rehearsal { of: Subject::Row(law, place), nodes: &table::NODES[..known.len()], known }
    }

    /// Latency at utilisation `rho`, in the units of the scene.
    pub fn profile(&mut self, rho: f64) -> Profile {
        let rho = rho.clamp(0.0, HIGHEST);
        let nodes = self.nodes;
        let above = nodes.iter().position(|node| *node > rho).unwrap_or(nodes.len() - 1);
        let first = above.saturating_sub(2).min(nodes.len() - 3);
        let three = [first, first + 1, first + 2];
        let mut points = [0.0; POINTS];
        for node in three {
            let x = nodes[node];
            let others = three.iter().filter(|other| **other != node).map(|other| nodes[*other]);
            let weight: f64 = others.map(|other| (rho - other) / (x - other)).product();
            for (point, slice) in points.iter_mut().zip(self.node(node)) {
                *point += weight * slice / (1.0 - rho);
            }
        }
        let mut least: f64 = 0.0;
        for point in &mut points {
            least = least.max(*point);
            *point = least;
        }
        Profile::of(points)
    }

    fn node(&mut self, node: usize) -> Times {
        let Subject::Scene(scene) = &self.of else {
            return self.known[node].unwrap_or([0.0; POINTS]); // a row is known from the start
        };
        *self.known[node].get_or_insert_with(|| {
            let (rho, requests) = NODES[node];
            if rho == 1.0 {
                return scene.limit(requests);
            }
            slices_of(&play(scene, rho.max(IDLE), requests)).map(|slice| slice * (1.0 - rho))
        })
    }
}

impl Scene {
    /// Whether `other` differs in nothing but what follows from the rest.
    pub fn is_like(&self, other: &Scene) -> bool {
        let (capacity, variation) = (self.capacity, self.variation);
        *self == Scene { capacity, variation, ..other.clone() }
    }

    /// Of how many requests what is performed gets one, in turn: a task, or the tasks of a zone.
    fn streams(&self) -> u64 {
        if self.is_pooled { self.zones } else { self.tasks[0].2 }
    }

    /// Tasks of a zone for each that is performed.
    fn tasks_in_play(&self) -> f64 {
        if self.is_pooled { 1.0 } else { self.tasks[0].2 as f64 }
    }

    /// The limit of latency times what is idle, seconds.
    fn limit(&self, draws: u64) -> Times {
        let capacity = self.capacity / self.tasks_in_play();
        let arrivals = 1.0 / self.streams() as f64;
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
        let all: Vec<(f64, f64)> = sizes
            .iter()
            .map(|size| {
                let time = lines * in_line + (1.0 - lines) * shared * size / mean;
                (standard_exponential(&mut stream) * time, 1.0)
            })
            .collect();
        sliced(all)
    }
}

/// Means of the slices of a histogram, seconds.
fn slices_of(histogram: &SpanHistogram) -> Times {
    let bucket = |(span, count): (SimSpan, u64)| (span.to_secs_f64(), count as f64);
    sliced(histogram.buckets().map(bucket).collect())
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
