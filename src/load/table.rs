//! Latency at a steady rate as the program ships it: `table.txt`, made by `tests/latency_table.rs`.
//!
//! Times are in units of the mean work, means of the slices of [`SLICES`], times the share of time that is idle, so
//! that they are smooth in utilisation. A row is a slice in two letters of 94: a logarithm in steps of a four-hundredth
//! from e⁻¹⁴ on. Rows are in the order of the axes below; in between, times are mixed: by one over the number of
//! tasks, servers and vCPUs, by sigma of a log-normal law and by one over alpha of a Pareto law. Without end of tasks
//! behind a balancer, servers or vCPUs nobody waits, and work takes its time alone.
//!
//! At a utilisation of one the limit of heavy traffic is known: the work at a station becomes exponential with
//! Kingman's mean, `(ca² + cs²) / 2` over `1 − ρ`; whoever waits in line waits for all of it, and whoever shares the
//! CPU takes his own size times the number of requests (Grishechkin 1994; Lambert, Van Houdt, Blondia; Zhang and Zwart:
//! *Steady state approximations of limited processor sharing queues in heavy traffic*, 2008).

use super::queueing::POINTS;
#[cfg(doc)]
use super::queueing::SLICES;
use crate::base::distribution::Distribution;

/// The rows.
static ROWS: &str = include_str!("table.txt");
/// Letters of a row and the end of its line.
const WIDTH: usize = 2 * POINTS + 1;
/// Utilisations: the first and the last are not simulated.
pub(super) const NODES: [f64; 8] = [0.0, 0.2, 0.4, 0.6, 0.75, 0.88, 0.95, 1.0];
/// Of these, how many are rows of each place.
const INNER: usize = NODES.len() - 2;
/// Of how many requests a task gets one, in turn.
const TURNS: [f64; 7] = [1.0, 2.0, 3.0, 5.0, 10.0, 24.0, 80.0];
const CPUS: [f64; 4] = [1.0, 2.0, 4.0, 16.0];
/// Those of a pool.
const POOL_CPUS: usize = 2;
/// Tasks behind a balancer that looks for the fewest outstanding; servers of a line.
const POOLS: [f64; 4] = [2.0, 4.0, 10.0, 40.0];
/// I/O over CPU time.
const RATIOS: [f64; 3] = [0.0, 2.0, 12.0];
/// Laws of work: constant, exponential, then log-normal by sigma and Pareto by one over alpha.
const LAWS: usize = 10;
const CONSTANT: usize = 0;
const EXPONENTIAL: usize = 1;
const SIGMAS: [(f64, usize); 5] = [(0.0, CONSTANT), (0.5, 2), (1.0, 3), (1.5, 4), (2.0, 5)];
/// The same sigmas by `cs²`: what others wait for.
const VARIATIONS: [(f64, usize); 5] = [
    (0.0, CONSTANT),
    (0.284_025_416_687_741_5, 2),
    (1.718_281_828_459_045, 3),
    (8.487_735_836_358_526, 4),
    (53.598_150_033_144_236, 5),
];
const TAILS: [(f64, usize); 5] = [(0.0, CONSTANT), (0.2, 9), (1.0 / 3.0, 8), (0.4, 7), (0.5, 6)];

/// Slices.
pub(super) type Times = [f64; POINTS];

/// Places on an axis and their weights, which sum to one but for what lies at no end.
type Mix = Vec<(usize, f64)>;

/// A station, in the units of the table.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Place {
    /// Shares its vCPUs; one of so many requests is its own.
    Share { turns: f64, cpus: f64 },
    /// Tasks that do so, behind a balancer that looks for the fewest outstanding; I/O over CPU time, and how little it
    /// keeps constant work in step: not at all where it deviates by the CPU time or more (1).
    Pool { tasks: f64, cpus: f64, ratio: f64, loose: f64 },
    /// One server, first come, first served: waits.
    Line { turns: f64 },
    /// Several servers with one line: waits.
    Crowd { servers: f64 },
}

/// Work of mean one: a mixture of the table's laws, and `cs²`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Law {
    mix: Mix,
    variation: f64,
}

impl Law {
    /// `None` where the table does not know it.
    pub fn of(work: &Distribution) -> Option<Law> {
        let mix = match work {
            Distribution::Constant(_) => vec![(CONSTANT, 1.0)],
            Distribution::Exponential { .. } => vec![(EXPONENTIAL, 1.0)],
            Distribution::LogNormal { sigma, .. } if *sigma <= 2.0 => parabola(&SIGMAS, *sigma),
            Distribution::Pareto { alpha, .. } if *alpha >= 2.0 => parabola(&TAILS, 1.0 / alpha),
            _ => return None,
        };
        let mean = work.mean();
        let variation = if mean > 0.0 { work.variance() / (mean * mean) } else { 0.0 };
        Some(Law { mix, variation })
    }

    /// What makes others wait in line as this work does, which is by `cs²`; `None` where the table does not know it.
    pub fn in_line(work: &Distribution) -> Option<Law> {
        let law = Law::of(work)?;
        Some(match work {
            Distribution::LogNormal { .. } => Law::long_tailed(law.variation)?,
            _ => law,
        })
    }

    /// What makes others wait as long as work of this variation does: between constant and exponential work their
    /// mixture (exact for the mean with Poisson arrivals), beyond it log-normal work.
    pub fn of_variation(variation: f64) -> Option<Law> {
        if variation <= 1.0 {
            let mix = vec![(CONSTANT, 1.0 - variation), (EXPONENTIAL, variation)];
            return Some(Law { mix, variation });
        }
        Law::long_tailed(variation)
    }

    fn long_tailed(variation: f64) -> Option<Law> {
        let high = VARIATIONS.iter().position(|(at, _)| *at >= variation - 1e-9)?.max(1);
        let ((low, one), (to, other)) = (VARIATIONS[high - 1], VARIATIONS[high]);
        let part = (variation - low) / (to - low);
        Some(Law { mix: vec![(one, 1.0 - part), (other, part)], variation })
    }

    /// The law itself.
    pub fn times(&self) -> Times {
        self.sum(|law| 2 * law)
    }

    /// The sum of a row of each law by weight.
    fn sum(&self, row: impl Fn(usize) -> usize) -> Times {
        let mut sum = [0.0; POINTS];
        for &(law, weight) in &self.mix {
            add(&mut sum, &read(row(law)), weight);
        }
        sum
    }

    /// Times at all [`NODES`]; without the last where work has no variance.
    pub fn at(&self, place: Place) -> Vec<Times> {
        let waits = matches!(place, Place::Line { .. } | Place::Crowd { .. });
        let alone = if waits { [0.0; POINTS] } else { self.times() };
        let mut nodes = vec![alone];
        for (inner, rho) in NODES[1..=INNER].iter().enumerate() {
            let mut times = [0.0; POINTS];
            let mut rest = 1.0;
            for (corner, weight) in corners(place) {
                rest -= weight;
                for (loose, share) in [(false, 1.0 - looseness(place)), (true, looseness(place))] {
                    if share > 0.0 {
                        let row = |law: usize| 2 * LAWS + corner.of(law, loose) * INNER + inner;
                        add(&mut times, &self.sum(row), weight * share);
                    }
                }
            }
            add(&mut times, &alone, rest * (1.0 - rho));
            nodes.push(times);
        }
        if self.variation.is_finite() {
            nodes.push(self.limit(place));
        }
        nodes
    }

    fn limit(&self, place: Place) -> Times {
        let of_line = |turns: f64| (1.0 / turns + self.variation) / 2.0;
        let (unit, factor) = match place {
            Place::Share { turns, cpus } => {
                (self.sum(|law| 2 * law + 1), of_line(turns) / of_line(1.0) / cpus)
            }
            Place::Pool { tasks, cpus, .. } => (self.sum(|law| 2 * law + 1), 1.0 / (tasks * cpus)),
            Place::Line { turns } => (read(2 * EXPONENTIAL), of_line(turns)),
            Place::Crowd { servers } => (read(2 * EXPONENTIAL), of_line(1.0) / servers),
        };
        unit.map(|time| time * factor)
    }
}

/// Blocks of a law, and the first of each kind.
const SHARES: usize = CPUS.len() * TURNS.len();
const OF_POOL: usize = POOL_CPUS * POOLS.len() * RATIOS.len();
const FIRST_POOL: usize = LAWS * SHARES;
const FIRST_LINE: usize = FIRST_POOL + LAWS * OF_POOL;
const FIRST_CROWD: usize = FIRST_LINE + LAWS * TURNS.len();
/// Pools with exponential I/O: of constant work alone.
const FIRST_LOOSE: usize = FIRST_CROWD + LAWS * POOLS.len();

/// How much of a place is mixed of pools with exponential I/O.
fn looseness(place: Place) -> f64 {
    match place {
        Place::Pool { loose, .. } => loose.clamp(0.0, 1.0),
        _ => 0.0,
    }
}

/// A block of rows, before the law is known: the first of its kind, blocks a law, and which it is.
struct Corner {
    first: usize,
    each: usize,
    at: usize,
}

impl Corner {
    fn of(&self, law: usize, loose: bool) -> usize {
        if loose && law == CONSTANT {
            return FIRST_LOOSE + self.at;
        }
        self.first + law * self.each + self.at
    }
}

/// What a place is mixed of.
fn corners(place: Place) -> Vec<(Corner, f64)> {
    let product = |one: &Mix, other: &Mix, length: usize| -> Mix {
        let pairs = one.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
        pairs.map(|(a, b)| (a.0 * length + b.0, a.1 * b.1)).collect()
    };
    let (first, each, mix) = match place {
        Place::Share { turns, cpus } => {
            (0, SHARES, product(&few(&CPUS, cpus), &between(&TURNS, turns), TURNS.len()))
        }
        Place::Pool { tasks, cpus, ratio, .. } => {
            let of_pool = product(&few(&CPUS[..POOL_CPUS], cpus), &few(&POOLS, tasks), POOLS.len());
            (FIRST_POOL, OF_POOL, product(&of_pool, &by_ratio(ratio), RATIOS.len()))
        }
        Place::Line { turns } => (FIRST_LINE, TURNS.len(), between(&TURNS, turns)),
        Place::Crowd { servers } => (FIRST_CROWD, POOLS.len(), few(&POOLS, servers)),
    };
    let is_there = |(_, weight): &(usize, f64)| *weight != 0.0;
    let corner = |(at, weight)| (Corner { first, each, at }, weight);
    mix.into_iter().filter(is_there).map(corner).collect()
}

/// By one over the number; beyond the last, the rest of the weight is at no end.
fn few(axis: &[f64], number: f64) -> Mix {
    let last = axis.len() - 1;
    if number >= axis[last] {
        return vec![(last, axis[last] / number)];
    }
    between(axis, number)
}

/// By one over the number; beyond the last two they go on.
fn between(axis: &[f64], number: f64) -> Mix {
    let number = number.max(axis[0]);
    let high = axis.iter().position(|at| *at >= number).unwrap_or(axis.len() - 1).max(1);
    let (a, b) = (1.0 / axis[high - 1], 1.0 / axis[high]);
    let part = (a - 1.0 / number) / (a - b);
    vec![(high - 1, 1.0 - part), (high, part)]
}

fn by_ratio(ratio: f64) -> Mix {
    let last = RATIOS.len() - 1;
    let ratio = ratio.clamp(0.0, RATIOS[last]);
    let high = RATIOS.iter().position(|at| *at >= ratio).unwrap_or(last).max(1);
    let (low, to) = (libm::log1p(RATIOS[high - 1]), libm::log1p(RATIOS[high]));
    let part = (libm::log1p(ratio) - low) / (to - low);
    vec![(high - 1, 1.0 - part), (high, part)]
}

/// Weights of a parabola through the three points around `x`.
fn parabola(axis: &[(f64, usize)], x: f64) -> Mix {
    if let Some(&(_, exactly)) = axis.iter().find(|(at, _)| (at - x).abs() < 1e-9) {
        return vec![(exactly, 1.0)];
    }
    let above = axis.iter().position(|(at, _)| *at > x).unwrap_or(axis.len() - 1);
    let first = above.saturating_sub(2).min(axis.len() - 3);
    let three = &axis[first..first + 3];
    let weight = |at: f64| -> f64 {
        let others = three.iter().filter(|other| other.0 != at);
        others.map(|other| (x - other.0) / (at - other.0)).product()
    };
    three.iter().map(|&(at, law)| (law, weight(at))).collect()
}

fn add(sum: &mut Times, times: &Times, weight: f64) {
    for (sum, time) in sum.iter_mut().zip(times) {
        *sum += weight * time;
    }
}

/// A row in numbers.
fn read(row: usize) -> Times {
    let letters = &ROWS.as_bytes()[row * WIDTH..];
    std::array::from_fn(|at| {
        let code = |place: usize| u32::from(letters[place].wrapping_sub(b'!'));
        match code(2 * at) * 94 + code(2 * at + 1) {
            0 => 0.0,
            code => libm::exp(f64::from(code) / 400.0 - 14.0),
        }
    })
}
