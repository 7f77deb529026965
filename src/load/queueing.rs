//! Queueing formulas for the fluid: how long a request takes at a steady rate, and how that is distributed.
//!
//! A [`Station`] is one task, or the tasks of a pool that share a queue. Its requests are a birth-death process: with
//! `k` requests in the station, answers leave at the rate `X(k)`.
//!
//! - Without a limit of workers, `X(k) = min(k, c) / S` with `c` vCPUs and `S` seconds of CPU: for one vCPU M/G/1
//!   processor sharing, `S / (1 − ρ)` whatever the shape of `S`; for `c` whole vCPUs the M/M/c form with Erlang's C.
//!   Processor sharing is insensitive to the shape, and a delay (I/O) beside it changes nothing (Baskett, Chandy,
//!   Muntz, Palacios: *Open, closed, and mixed networks of queues*, 1975; Kleinrock, *Queueing Systems* II, 4.4).
//! - With `w` workers, `X(k)` for `k ≤ w` is the throughput of the closed network of `k` requests between CPU and
//!   I/O, and `X(w)` beyond: the flow-equivalent server of Chandy, Herzog and Woo (1975). Up to `c` workers it is
//!   M/M/w with first come, first served.
//! - Waiting for a worker is corrected for the shape of the work and of arrivals by Allen and Cunneen,
//!   `(ca² + cs²) / 2`, and for arrivals smoother than Poisson by Krämer and Langenbach-Belz (1976),
//!   `exp(−2(1 − ρ)(1 − ca²)² / (3ρ(ca² + cs²)))`. Round robin gives each of `n` tasks every `n`-th arrival of a
//!   Poisson process, so `ca² = 1/n`. For the extra time under processor sharing the same factor is used with
//!   `cs² = 1` (assumed: exact in the mean for exponential work, where the discipline does not matter).
//!
//! Solving a station costs a step per vCPU and worker, so results are kept on a grid of utilisation and interpolated
//! with the pole at ρ = 1 taken out; a look-up costs the same whatever the size of the station.

use super::work::Cost;
use crate::base::distribution::standard_exponential;
use crate::base::random::{Purpose, Seed};

/// Grid of utilisation.
const GRID: usize = 128;
/// The last utilisation that is looked up. Beyond it the steady state is not reached within minutes (assumed).
const HIGHEST: f64 = 126.0 / 128.0;
/// Grid of utilisation for the shape of latencies.
const SHAPES: usize = 16;
/// Levels of smoothness of arrivals for the same.
const SMOOTH: usize = 8;
/// Upper ends of the slices into which latencies are cut, per mille; quantiles are read in the middle of one.
pub(super) const SLICES: [u64; POINTS] = [
    100, 200, 300, 400, 475, 525, 600, 680, 750, 800, 840, 880, 910, 940, 960, 972, 979, 985, 995,
    998, 1_000,
];
/// Points that stand for a distribution of latencies.
pub(super) const POINTS: usize = 21;
/// Workers up to which the closed network is solved; beyond, its bounds are used.
const MOST_WORKERS: u64 = 256;

/// Weight of each point, per mille.
pub(super) fn slice_weight(point: usize) -> u64 {
    SLICES[point] - if point == 0 { 0 } else { SLICES[point - 1] }
}

/// Steady state at one utilisation, for Poisson arrivals and exponential work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Steady {
    /// Mean wait for a worker, seconds.
    pub wait: f64,
    /// Mean time with the worker beyond an empty station's, seconds.
    pub sharing: f64,
    /// Chance to wait for a worker.
    pub waits: f64,
}

/// Latency at a steady rate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Profile {
    /// Mean, seconds.
    pub mean: f64,
    /// Means of the slices, microseconds, ascending.
    pub points: [f64; POINTS],
}

impl Profile {
    /// Of these points, mean in their unit.
    pub fn of(points: [f64; POINTS]) -> Profile {
        let mean = |(point, slice): (usize, &f64)| slice * slice_weight(point) as f64 / 1e3;
        Profile { mean: points.iter().enumerate().map(mean).sum(), points }
    }
}

/// Means of the slices of these weighted values.
pub(super) fn sliced(mut values: Vec<(f64, f64)>) -> [f64; POINTS] {
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let all: f64 = values.iter().map(|value| value.1).sum();
    let (mut sums, mut slice, mut seen) = ([0.0; POINTS], 0, 0.0);
    for (value, weight) in values {
        let mut rest = weight / all.max(1e-300);
        while rest > 1e-12 {
            let room = (SLICES[slice] as f64 / 1e3 - seen).max(0.0);
            let part = if slice + 1 == POINTS { rest } else { rest.min(room) };
            sums[slice] += part * value;
            seen += part;
            rest -= part;
            slice += usize::from(rest > 1e-12 && slice + 1 < POINTS);
        }
    }
    std::array::from_fn(|at| sums[at] * 1e3 / slice_weight(at) as f64)
}

/// The sum of two independent times.
pub(super) fn sum_of(one: &[f64; POINTS], other: &[f64; POINTS]) -> [f64; POINTS] {
    let weight = |a: usize, b: usize| (slice_weight(a) * slice_weight(b)) as f64;
    if let [first, .., last] = other
        && first == last
    {
        return one.map(|time| time + first);
    }
    let pair = |at: usize| (at / POINTS, at % POINTS);
    let all = (0..POINTS * POINTS).map(pair).map(|(a, b)| (one[a] + other[b], weight(a, b)));
    sliced(all.collect())
}

/// One task, or tasks with a common queue.
pub(super) struct Station {
    /// vCPUs.
    cpus: f64,
    /// Workers; `None`: no limit.
    workers: Option<u64>,
    /// CPU seconds of a request, and seconds without.
    work: (f64, f64),
    /// Time in an empty station, seconds.
    alone: f64,
    /// `cs²` of the time with a worker.
    variation: f64,
    /// Answers per second with `k` requests of one task, `k` from 0.
    answers: Vec<f64>,
    tasks: u64,
    capacity: f64,
    grid: Vec<Option<Steady>>,
    /// By utilisation, then by how smooth arrivals are.
    shapes: Vec<Option<[f64; POINTS]>>,
}

impl Station {
    /// `tasks` tasks of `cpu_millis` each, with `workers` each, whose requests cost `cost_percent` of `cost`.
    pub fn new(
        cost: &Cost,
        cpu_millis: u32,
        cost_percent: u32,
        workers: Option<u32>,
        tasks: u64,
    ) -> Station {
        let factor = f64::from(cost_percent) / 100.0;
        let cpus = f64::from(cpu_millis) / 1_000.0;
        let work = (cost.cpu * factor, cost.io);
        let slowdown = if cpus > 0.0 { 1.0 / cpus.min(1.0) } else { f64::INFINITY };
        let answers = workers.map(|w| throughputs(cpus, work, u64::from(w).min(MOST_WORKERS)));
        let most = work.0.max(1e-9);
        let by_cpu = cpus / most;
        let capacity = match (&answers, workers) {
            (Some(answers), Some(w)) if u64::from(w) <= MOST_WORKERS => answers[w as usize],
            (_, Some(w)) => by_cpu.min(f64::from(w) / (work.0 * slowdown + work.1).max(1e-9)),
            _ => by_cpu,
        };
        Station {
            cpus: cpus * tasks as f64,
            workers: workers.map(|w| u64::from(w) * tasks),
            work,
            alone: work.0 * slowdown.min(1e9) + work.1,
            variation: cost.variation(factor * slowdown.min(1e9)),
            answers: answers.unwrap_or_default(),
            tasks,
            capacity: capacity.min(1e9) * tasks as f64,
            grid: vec![None; GRID],
            shapes: vec![None; SHAPES * SMOOTH],
        }
    }

    /// Answers per second when there is always somebody waiting.
    pub fn capacity(&self) -> f64 {
        self.capacity
    }

    /// `cs²` of what limits the station when it is full: the work at the CPU, or with I/O where there are no more workers
    /// than vCPUs; in between by how busy the CPU is (assumed).
    pub fn limiting_variation(&self, cost: &Cost) -> f64 {
        let of_cpu = cost.cpu_variance / (cost.cpu * cost.cpu).max(1e-18);
        let (Some(workers), true) = (self.workers, self.cpus > 0.0) else { return of_cpu };
        let busy = (self.capacity * self.work.0 / self.cpus).min(1.0);
        let share = if workers as f64 <= self.cpus.max(1.0) { 0.0 } else { busy * busy };
        of_cpu * share + self.variation * (1.0 - share)
    }

    /// Bound of the mean latency at utilisation `rho` and below, seconds: that of a single server with this work.
    pub fn slowest(&self, rho: f64) -> f64 {
        let longest = ((1.0 + self.variation) / 2.0).max(1.0);
        self.alone.max(self.full()) * (1.0 + longest * rho / (1.0 - rho))
    }

    /// Seconds that a request takes in a full station once it has a worker.
    pub fn full(&self) -> f64 {
        match self.workers {
            Some(w) if self.capacity > 0.0 => (w as f64 / self.capacity).max(self.alone),
            _ => self.alone,
        }
    }

    /// Answers per second with `k` requests in the station.
    fn answers(&self, k: u64) -> f64 {
        let cpu = self.work.0.max(1e-12);
        let Some(workers) = self.workers else {
            return (k as f64).min(self.cpus) / cpu;
        };
        let most = k.min(workers) as f64;
        // Tasks of a pool are equally busy: interpolate one task's throughput.
        let each = most / self.tasks as f64;
        if each > (self.answers.len() - 1) as f64 {
            return (self.cpus / cpu).min(most / self.alone.max(1e-12));
        }
        let low = each as usize;
        let high = (low + 1).min(self.answers.len() - 1);
        let part = each - low as f64;
        let one = self.answers[low] + (self.answers[high] - self.answers[low]) * part;
        one * self.tasks as f64
    }

    /// Requests from which the rate of answers no longer grows.
    fn knee(&self) -> u64 {
        self.workers.unwrap_or((self.cpus.ceil() as u64).max(1))
    }

    /// Solves the birth-death process at utilisation `rho`, by the ratios of successive probabilities, which neither
    /// overflow nor cancel.
    pub fn solve(&self, rho: f64) -> Steady {
        let rate = rho * self.capacity;
        let knee = self.knee();
        if rate <= 0.0 || !rate.is_finite() {
            return Steady { wait: 0.0, sharing: 0.0, waits: 0.0 };
        }
        // Over the probability of k: the sum of probabilities up to k, and of requests times probability.
        let (mut sum, mut requests) = (1.0, 0.0);
        for k in 1..=knee {
            let back = self.answers(k) / rate;
            sum = sum * back + 1.0;
            requests = requests * back + k as f64;
            if sum > 1e250 {
                return Steady { wait: 0.0, sharing: 0.0, waits: 0.0 };
            }
        }
        let ratio = (rate / self.answers(knee)).min(HIGHEST);
        let beyond = ratio / (1.0 - ratio);
        let all = sum + beyond;
        let waiting = ratio / ((1.0 - ratio) * (1.0 - ratio)) / all;
        let inside = (requests + knee as f64 * beyond) / all;
        let waits = 1.0 / (1.0 - ratio) / all;
        match self.workers {
            Some(_) => Steady {
                wait: waiting / rate,
                sharing: (inside / rate - self.alone).max(0.0),
                waits,
            },
            None => Steady {
                wait: 0.0,
                sharing: ((inside + waiting) / rate - (self.alone - self.work.1)).max(0.0),
                waits: 0.0,
            },
        }
    }

    fn grid_point(&mut self, index: usize) -> Steady {
        if let Some(known) = self.grid[index] {
            return known;
        }
        let rho = index as f64 / GRID as f64;
        let exact = self.solve(rho);
        let known = Steady {
            wait: exact.wait * (1.0 - rho),
            sharing: exact.sharing * (1.0 - rho),
            waits: exact.waits,
        };
        self.grid[index] = Some(known);
        known
    }

    /// As [`Station::solve`], from the grid.
    pub fn steady(&mut self, rho: f64) -> Steady {
        let rho = rho.clamp(0.0, HIGHEST);
        let at = rho * GRID as f64;
        let low = (at as usize).min(GRID - 3);
        let part = at - low as f64;
        let (a, b) = (self.grid_point(low), self.grid_point(low + 1));
        let between = |x: f64, y: f64| x + (y - x) * part;
        Steady {
            wait: between(a.wait, b.wait) / (1.0 - rho),
            sharing: between(a.sharing, b.sharing) / (1.0 - rho),
            waits: between(a.waits, b.waits),
        }
    }

    /// Latency at utilisation `rho` with arrivals of variation `smooth` (`ca²`).
    pub fn profile(&mut self, cost: &Cost, rho: f64, smooth: f64) -> Profile {
        let rho = rho.clamp(0.0, HIGHEST);
        let steady = self.steady(rho);
        let (wait, sharing) = self.corrected(steady, rho, smooth);
        let mean = self.alone + wait + sharing;
        let at = rho * SHAPES as f64;
        let low = (at as usize).min(SHAPES - 2);
        let part = (at - low as f64).min(1.0);
        let (a, b) = (self.shape(cost, low, smooth), self.shape(cost, low + 1, smooth));
        let mut points = [0.0; POINTS];
        for (point, (x, y)) in points.iter_mut().zip(a.iter().zip(&b)) {
            *point = (x + (y - x) * part) * mean * 1e6;
        }
        Profile { mean, points }
    }

    /// Mean wait and sharing with the corrections for shape and smoothness.
    fn corrected(&self, steady: Steady, rho: f64, smooth: f64) -> (f64, f64) {
        let wait = steady.wait * correction(rho, smooth, self.variation);
        (wait, steady.sharing * correction(rho, smooth, 1.0))
    }

    /// The distribution of latency over its mean at a point of the coarse grid.
    fn shape(&mut self, cost: &Cost, index: usize, smooth: f64) -> [f64; POINTS] {
        // A share of eighths: who asked first must not matter to others.
        let level = ((smooth * SMOOTH as f64).ceil() as usize).clamp(1, SMOOTH);
        let smooth = level as f64 / SMOOTH as f64;
        let place = index * SMOOTH + level - 1;
        if let Some(known) = self.shapes[place] {
            return known;
        }
        let rho = (index as f64 / SHAPES as f64).min(HIGHEST);
        let steady = self.solve(rho);
        let (wait, sharing) = self.corrected(steady, rho, smooth);
        let known = self.draw_shape(cost, rho, (wait, sharing, steady.waits));
        self.shapes[place] = Some(known);
        known
    }

    /// Mixes sizes, stretches and waits. A wait is exponential where there is one (exact for M/M/c). Under sharing, a
    /// request of size `x` is stretched to `x · σ` on average; the variance is that of M/M/1 processor sharing
    /// given the size (Ott, 1984), and its shape is taken as log-normal (assumed).
    fn draw_shape(
        &self,
        cost: &Cost,
        rho: f64,
        (wait, sharing, waits): (f64, f64, f64),
    ) -> [f64; POINTS] {
        let mut stream = Seed(0).stream(Purpose::RequestWork, "representative latencies");
        let slow = (self.alone - self.work.1) / cost.cpu.max(1e-12);
        let stretch = sharing / (self.alone - self.work.1).max(1e-12);
        let mut all: Vec<f64> = cost
            .sizes
            .iter()
            .map(|&(cpu, io)| {
                let size = cpu / cost.cpu.max(1e-12);
                let spread = sharing_variation(rho, size);
                let normal = crate::base::distribution::standard_normal(&mut stream);
                let width = libm::log1p(spread);
                let extra = stretch * libm::exp(normal * libm::sqrt(width) - width / 2.0);
                let must_wait = stream.unit() < waits;
                let waited = standard_exponential(&mut stream) * wait / waits.max(1e-12);
                cpu * slow * (1.0 + extra) + io + if must_wait { waited } else { 0.0 }
            })
            .collect();
        all.sort_unstable_by(f64::total_cmp);
        let mean = (all.iter().sum::<f64>() / all.len() as f64).max(1e-12);
        let mut from = 0;
        SLICES.map(|upto| {
            let end = (all.len() * upto as usize / 1_000).max(from + 1);
            let slice = &all[from..end];
            from = end;
            slice.iter().sum::<f64>() / slice.len() as f64 / mean
        })
    }
}

/// Allen-Cunneen with the factor of Krämer and Langenbach-Belz for smooth arrivals.
pub(super) fn correction(rho: f64, smooth: f64, variation: f64) -> f64 {
    let sum = smooth + variation;
    if rho <= 0.0 || sum <= 0.0 {
        return 0.0;
    }
    let rough = 1.0 - smooth;
    let factor = if rough > 0.0 {
        libm::exp(-2.0 * (1.0 - rho) * rough * rough / (3.0 * rho * sum))
    } else {
        1.0
    };
    sum / 2.0 * factor
}

/// Variance of the stretch beyond 1 over its mean squared, for a request `size` times the mean, in M/M/1 processor
/// sharing.
fn sharing_variation(rho: f64, size: f64) -> f64 {
    if rho <= 0.0 {
        return 0.0;
    }
    let free = 1.0 - rho;
    let u = free * size;
    if u < 1e-3 {
        return 1.0 / rho;
    }
    // 2ρ/(1−ρ)³/y − 2ρ(1 − e^{−(1−ρ)y})/((1−ρ)⁴y²), over (ρ/(1−ρ))².
    (2.0 / u + 2.0 * libm::expm1(-u) / (u * u)) / rho
}

/// Throughput of `k` requests going round between `cpus` vCPUs (`work.0` seconds each) and a delay (`work.1`), for
/// `k` from 0 to `most`. Product form: insensitive to both shapes.
fn throughputs(cpus: f64, work: (f64, f64), most: u64) -> Vec<f64> {
    let (cpu, io) = (work.0.max(1e-12), work.1);
    let alone = cpu / cpus.clamp(1e-12, 1.0) + io;
    (0..=most)
        .map(|customers| {
            if customers as f64 <= cpus || customers <= 1 {
                return customers as f64 / alone;
            }
            if io == 0.0 {
                return (customers as f64).min(cpus) / cpu;
            }
            // Over the probability of j at the CPU: the sum of probabilities, and of answers times probability.
            let (mut sum, mut answers) = (1.0, 0.0);
            for j in 1..=customers {
                let rate = (j as f64).min(cpus) / cpu;
                let back = rate * io / (customers - j + 1) as f64;
                sum = sum * back + 1.0;
                answers = answers * back + rate;
            }
            answers / sum
        })
        .collect()
}
