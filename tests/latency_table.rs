//! The table of latencies that the program ships, `src/load/table.txt`: made here, and held against single requests.
//!
//! The simulations below know nothing of the program: one station under processor sharing, stations behind a balancer
//! that looks for the fewest outstanding, one line before one or several servers. Times are in units of the mean work.
//! `cargo test --release latency_table -- --ignored` makes the table anew in a quarter of an hour of CPU time;
//! what its rows and letters mean: `src/load/table.rs`.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Upper ends of the slices of a distribution, per mille.
const SLICES: [u64; 21] = [
    100, 200, 300, 400, 475, 525, 600, 680, 750, 800, 840, 880, 910, 940, 960, 972, 979, 985, 995,
    998, 1_000,
];
/// Utilisations, and how many million requests they take: a shared station, a pool, a line, a line before several.
const NODES: [f64; 6] = [0.2, 0.4, 0.6, 0.75, 0.88, 0.95];
const OF_SHARE: [f64; 6] = [0.3, 0.3, 0.5, 1.0, 2.0, 4.0];
const OF_POOL: [f64; 6] = [0.12, 0.12, 0.2, 0.4, 0.8, 1.6];
const OF_LINE: [f64; 6] = [0.9, 0.9, 1.5, 3.0, 6.0, 12.0];
const OF_CROWD: [f64; 6] = [0.3, 0.3, 0.5, 1.0, 2.0, 4.0];
/// Work of mean one.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Law {
    Constant,
    Exponential,
    /// Its sigma.
    LogNormal(f64),
    /// Its alpha.
    Pareto(f64),
}
const LAWS: [Law; 10] = [
    Law::Constant,
    Law::Exponential,
    Law::LogNormal(0.5),
    Law::LogNormal(1.0),
    Law::LogNormal(1.5),
    Law::LogNormal(2.0),
    Law::Pareto(2.0),
    Law::Pareto(2.5),
    Law::Pareto(3.0),
    Law::Pareto(5.0),
];
/// Of how many requests a station gets one: its arrivals are Erlang.
const TURNS: [u32; 7] = [1, 2, 3, 5, 10, 24, 80];
const CPUS: [u32; 4] = [1, 2, 4, 16];
/// Stations behind a balancer, and servers of a line.
const POOLS: [u32; 4] = [2, 4, 10, 40];
/// Time after the work over the mean work.
const RATIOS: [f64; 3] = [0.0, 2.0, 12.0];

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Scene {
    /// The work itself.
    Alone,
    /// The work times an exponential number.
    Limit,
    /// Time at a station that is shared.
    Share { turns: u32, cpus: u32 },
    /// The same behind a balancer.
    Pool { stations: u32, cpus: u32, ratio: f64 },
    /// The same, with an exponential time after the work: constant times keep constant work in step.
    Loose { stations: u32, cpus: u32, ratio: f64 },
    /// Wait in a line.
    Line { turns: u32 },
    /// Wait in a line before several servers.
    Crowd { servers: u32 },
}

/// All rows, in order: scene, work, utilisation, requests.
fn rows() -> Vec<(Scene, Law, f64, u64)> {
    let mut rows = Vec::new();
    for law in LAWS {
        rows.extend([Scene::Alone, Scene::Limit].map(|scene| (scene, law, 0.0, 8_000_000)));
    }
    let mut add = |scene, law, millions: [f64; 6]| {
        // The usual tasks have one vCPU, and wait for it most when it is full.
        let times = |at: usize| match scene {
            Scene::Share { cpus: 1, .. } if at == 5 => 2.0,
            Scene::Pool { cpus: 1, .. } | Scene::Loose { cpus: 1, .. } if at == 5 => 2.5,
            _ => 1.0,
        };
        let row = |at: usize| (scene, law, NODES[at], (millions[at] * times(at) * 1e6) as u64);
        rows.extend((0..6).map(row));
    };
    for law in LAWS {
        for cpus in CPUS {
            TURNS.into_iter().for_each(|turns| add(Scene::Share { turns, cpus }, law, OF_SHARE));
        }
    }
    for law in LAWS {
        for cpus in &CPUS[..2] {
            for stations in POOLS {
                for ratio in RATIOS {
                    add(Scene::Pool { stations, cpus: *cpus, ratio }, law, OF_POOL);
                }
            }
        }
    }
    for law in LAWS {
        TURNS.into_iter().for_each(|turns| add(Scene::Line { turns }, law, OF_LINE));
    }
    for law in LAWS {
        POOLS.into_iter().for_each(|servers| add(Scene::Crowd { servers }, law, OF_CROWD));
    }
    for cpus in &CPUS[..2] {
        for stations in POOLS {
            for ratio in RATIOS {
                add(Scene::Loose { stations, cpus: *cpus, ratio }, Law::Constant, OF_POOL);
            }
        }
    }
    rows
}

/// Xoshiro256+ (Blackman, Vigna 2018), and what is drawn from it.
struct Draws {
    state: [u64; 4],
    normal: Option<f64>,
}

impl Draws {
    fn new(seed: u64) -> Draws {
        let mut at = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let state = [0; 4].map(|_: u64| {
            at = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (at ^ (at >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        });
        Draws { state, normal: None }
    }

    /// In (0, 1].
    fn unit(&mut self) -> f64 {
        let state = &mut self.state;
        let drawn = state[0].wrapping_add(state[3]);
        let kept = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= kept;
        state[3] = state[3].rotate_left(45);
        ((drawn >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    fn exponential(&mut self) -> f64 {
        -self.unit().ln()
    }

    fn normal(&mut self) -> f64 {
        if let Some(kept) = self.normal.take() {
            return kept;
        }
        let (length, angle) =
            ((2.0 * self.exponential()).sqrt(), self.unit() * std::f64::consts::TAU);
        self.normal = Some(length * angle.sin());
        length * angle.cos()
    }

    fn work(&mut self, law: Law) -> f64 {
        match law {
            Law::Constant => 1.0,
            Law::Exponential => self.exponential(),
            Law::LogNormal(sigma) => (sigma * self.normal() - sigma * sigma / 2.0).exp(),
            Law::Pareto(alpha) => (alpha - 1.0) / alpha * (self.exponential() / alpha).exp(),
        }
    }

    /// Mean one: of `shape` exponential numbers, by Marsaglia and Tsang (2000) where there are many.
    fn erlang(&mut self, shape: u32) -> f64 {
        if shape <= 3 {
            return (0..shape).map(|_| self.exponential()).sum::<f64>() / f64::from(shape);
        }
        let d = f64::from(shape) - 1.0 / 3.0;
        loop {
            let x = self.normal();
            let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
            if v > 0.0 && self.unit().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v / f64::from(shape);
            }
        }
    }
}

/// Counts and sums by the first seven bits behind the point, for times from 2⁻³⁰ to 2³⁰.
struct Histogram {
    bins: Vec<(u64, f64)>,
    zeros: u64,
}

const FIRST: u64 = (1_023 - 30) << 7;

impl Histogram {
    fn new() -> Histogram {
        Histogram { bins: vec![(0, 0.0); 60 << 7], zeros: 0 }
    }

    fn add(&mut self, time: f64) {
        if time <= 0.0 {
            self.zeros += 1;
            return;
        }
        let at = (time.to_bits() >> 45).saturating_sub(FIRST) as usize;
        let at = at.min(self.bins.len() - 1);
        self.bins[at].0 += 1;
        self.bins[at].1 += time;
    }

    /// Means of the slices.
    fn slices(&self) -> [f64; 21] {
        let zeros = std::iter::once((self.zeros, 0.0));
        let all = self.zeros + self.bins.iter().map(|bin| bin.0).sum::<u64>();
        let (mut sums, mut slice, mut seen) = ([0.0; 21], 0, 0.0);
        for (count, sum) in zeros.chain(self.bins.iter().copied()) {
            let mut rest = count as f64;
            while rest > 1e-9 {
                let room = all as f64 * SLICES[slice] as f64 / 1e3 - seen;
                let part = if slice == 20 { rest } else { rest.min(room) };
                sums[slice] += part * sum / count as f64;
                seen += part;
                rest -= part;
                slice += usize::from(rest > 1e-9);
            }
        }
        let width = |at: usize| (SLICES[at] - if at == 0 { 0 } else { SLICES[at - 1] }) as f64;
        std::array::from_fn(|at| sums[at] / (all as f64 * width(at) / 1e3))
    }
}

/// A station with its requests at the CPU, by a clock that runs as fast as one of them gets CPU.
#[derive(Default)]
struct Station {
    clock: f64,
    at: f64,
    here: BinaryHeap<Reverse<(u64, u64)>>,
}

impl Station {
    fn speed(&self, cpus: f64) -> f64 {
        (cpus / self.here.len() as f64).min(1.0)
    }

    fn wind(&mut self, at: f64, cpus: f64) {
        self.clock =
            if self.here.is_empty() { 0.0 } else { self.clock + (at - self.at) * self.speed(cpus) };
        self.at = at;
    }

    fn enter(&mut self, work: f64) {
        self.here.push(Reverse(((self.clock + work).to_bits(), self.at.to_bits())));
    }

    /// When the next request is done. Positive numbers are ordered as their bits are.
    fn next(&self, cpus: f64) -> f64 {
        self.here.peek().map_or(f64::INFINITY, |Reverse((done, _))| {
            self.at + (f64::from_bits(*done) - self.clock) / self.speed(cpus)
        })
    }

    /// The next request is done now: when it came.
    fn leave(&mut self, at: f64) -> f64 {
        let Some(Reverse((done, came))) = self.here.pop() else { return at };
        (self.clock, self.at) = (f64::from_bits(done), at);
        f64::from_bits(came)
    }
}

fn share(law: Law, cpus: f64, turns: u32, rho: f64, requests: u64, draws: &mut Draws) -> Histogram {
    let (mut times, mut station, mut seen) = (Histogram::new(), Station::default(), 0);
    let gap = 1.0 / (rho * cpus);
    let mut arrival = 0.0;
    while seen < requests {
        let done = station.next(cpus);
        if done <= arrival {
            let came = station.leave(done);
            seen += 1;
            if seen > requests / 20 {
                times.add(done - came);
            }
            continue;
        }
        station.wind(arrival, cpus);
        station.enter(draws.work(law));
        arrival += gap * draws.erlang(turns);
    }
    times
}

/// Fewest outstanding first, then whoever was chosen longest ago; a request stays for `ratio` when its work is done.
fn pool(
    law: Law,
    (stations, cpus, ratio, is_loose): (u32, f64, f64, bool),
    rho: f64,
    requests: u64,
    draws: &mut Draws,
) -> Histogram {
    let (mut times, mut seen, mut turn) = (Histogram::new(), 0, 0u64);
    let mut all: Vec<Station> = (0..stations).map(|_| Station::default()).collect();
    let mut next = vec![f64::INFINITY; all.len()];
    let mut keys = vec![0u64; all.len()];
    // Constant times end in the order in which they began.
    let mut after: VecDeque<(f64, usize)> = VecDeque::new();
    let mut loose: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let gap = 1.0 / (rho * cpus * f64::from(stations));
    let mut arrival = 0.0;
    while seen < requests {
        let (mut first, mut done) = (0, next[0]);
        for (index, at) in next.iter().enumerate() {
            if *at < done {
                (first, done) = (index, *at);
            }
        }
        let of_loose = loose.peek().map(|Reverse((until, _))| f64::from_bits(*until));
        let left = after.front().map(|front| front.0).or(of_loose).unwrap_or(f64::INFINITY);
        if left <= done.min(arrival) {
            let of_loose = |loose: &mut BinaryHeap<_>| loose.pop().map(|Reverse((_, index))| index);
            let index = after.pop_front().map(|front| front.1).or_else(|| of_loose(&mut loose));
            keys[index.unwrap_or(0)] -= 1 << 40;
        } else if done <= arrival {
            let came = all[first].leave(done);
            next[first] = all[first].next(cpus);
            seen += 1;
            if seen > requests / 20 {
                times.add(done - came);
            }
            if is_loose && ratio > 0.0 {
                let until = done + ratio * draws.exponential();
                loose.push(Reverse((until.to_bits(), first)));
            } else if ratio > 0.0 {
                after.push_back((done + ratio, first));
            } else {
                keys[first] -= 1 << 40;
            }
        } else {
            let chosen = (0..all.len()).min_by_key(|index| keys[*index]).unwrap_or(0);
            turn += 1;
            keys[chosen] = (keys[chosen] >> 40 << 40) + (1 << 40) + turn;
            all[chosen].wind(arrival, cpus);
            all[chosen].enter(draws.work(law));
            next[chosen] = all[chosen].next(cpus);
            arrival += gap * draws.exponential();
        }
    }
    times
}

/// Waits, first come, first served.
fn line(
    law: Law,
    (servers, turns): (u32, u32),
    rho: f64,
    requests: u64,
    draws: &mut Draws,
) -> Histogram {
    let mut times = Histogram::new();
    let mut free = vec![0.0f64; servers as usize];
    let gap = 1.0 / (rho * f64::from(servers));
    let mut now = 0.0;
    for seen in 0..requests {
        let (mut first, mut at) = (0, free[0]);
        for (index, other) in free.iter().enumerate() {
            if *other < at {
                (first, at) = (index, *other);
            }
        }
        if seen > requests / 20 {
            times.add(at - now);
        }
        free[first] = at.max(now) + draws.work(law);
        now += gap * draws.erlang(turns);
    }
    times
}

/// Slices of a row: of time, where there is a utilisation times what is idle.
fn slices(scene: Scene, law: Law, rho: f64, requests: u64, seed: u64) -> [f64; 21] {
    let mut draws = Draws::new(seed);
    let times = match scene {
        Scene::Alone | Scene::Limit => {
            let mut times = Histogram::new();
            for _ in 0..requests {
                let work = draws.work(law);
                times.add(if scene == Scene::Alone { work } else { work * draws.exponential() });
            }
            times
        }
        Scene::Share { turns, cpus } => {
            share(law, f64::from(cpus), turns, rho, requests, &mut draws)
        }
        Scene::Pool { stations, cpus, ratio } => {
            pool(law, (stations, f64::from(cpus), ratio, false), rho, requests, &mut draws)
        }
        Scene::Loose { stations, cpus, ratio } => {
            pool(law, (stations, f64::from(cpus), ratio, true), rho, requests, &mut draws)
        }
        Scene::Line { turns } => line(law, (1, turns), rho, requests, &mut draws),
        Scene::Crowd { servers } => line(law, (servers, 1), rho, requests, &mut draws),
    };
    times.slices().map(|slice| slice * (1.0 - rho))
}

/// Two letters of 94: the logarithm in steps of a four-hundredth from e⁻¹⁴ on; the first pair is nothing.
fn letters(slices: &[f64; 21]) -> String {
    let mut text = String::new();
    for slice in slices {
        let code = if *slice > 0.0 { ((slice.ln() + 14.0) * 400.0).round().max(1.0) } else { 0.0 };
        let code = code.min(8_835.0) as u32;
        for letter in [code / 94, code % 94] {
            text.extend(char::from_u32(33 + letter));
        }
    }
    text
}

fn numbers(letters: &str) -> [f64; 21] {
    let bytes = letters.as_bytes();
    std::array::from_fn(|at| {
        let code = u32::from(bytes[2 * at] - 33) * 94 + u32::from(bytes[2 * at + 1] - 33);
        if code == 0 { 0.0 } else { (f64::from(code) / 400.0 - 14.0).exp() }
    })
}

fn mean(slices: &[f64; 21]) -> f64 {
    let width = |at: usize| (SLICES[at] - if at == 0 { 0 } else { SLICES[at - 1] }) as f64 / 1e3;
    (0..21).map(|at| slices[at] * width(at)).sum()
}

fn table() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/load/table.txt")
}

#[test]
#[ignore = "a quarter of an hour: writes src/load/table.txt"]
fn the_table_is_made_anew() {
    let rows = rows();
    let (next, made) = (AtomicUsize::new(0), Mutex::new(vec![String::new(); rows.len()]));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&(scene, law, rho, requests)) = rows.get(at) else { return };
                    let text = letters(&slices(scene, law, rho, requests, at as u64));
                    made.lock().unwrap()[at] = text;
                }
            });
        }
    });
    let mut text = String::new();
    for row in made.into_inner().unwrap() {
        let _ = writeln!(text, "{row}");
    }
    std::fs::write(table(), text).unwrap();
}

#[test]
fn the_rows_that_are_shipped_are_those_that_are_made() {
    let text = std::fs::read_to_string(table()).unwrap();
    let (rows, lines) = (rows(), text.lines().collect::<Vec<_>>());
    assert_eq!(lines.len(), rows.len());
    // A few of them again, from fewer requests.
    for at in (0..rows.len()).step_by(239) {
        let (scene, law, rho, _) = rows[at];
        if rho > 0.8 {
            continue;
        }
        let (shipped, made) = (numbers(lines[at]), slices(scene, law, rho, 150_000, 99));
        let close = |a: f64, b: f64| (a - b).abs() <= 0.12 * a.abs().max(b.abs()) + 1e-3;
        let same = close(mean(&shipped), mean(&made)) && close(shipped[18], made[18]);
        assert!(same, "row {at}, {scene:?} {law:?} {rho}: {shipped:?}, {made:?}");
    }
}

/// The mean that theory knows, against what is made here from fewer requests.
fn is_near(scene: Scene, law: Law, rho: f64, exact: f64, percent: f64) {
    let found = mean(&slices(scene, law, rho, 400_000, 7)) / (1.0 - rho);
    let off = (found / exact - 1.0) * 100.0;
    assert!(off.abs() < percent, "{scene:?}, {law:?}, {rho}: {found} for {exact}, {off:+.1} %");
}

#[test]
fn the_simulations_behind_the_table_know_what_theory_knows() {
    let alone = Scene::Share { turns: 1, cpus: 1 };
    // M/G/1 under processor sharing: 1 / (1 − ρ), whatever the work.
    is_near(alone, Law::Constant, 0.6, 2.5, 2.0);
    is_near(alone, Law::Exponential, 0.75, 4.0, 5.0);
    is_near(alone, Law::LogNormal(1.0), 0.6, 2.5, 5.0);
    // M/M/2: 1 / (1 − ρ²); a line or shared, it does not matter for the mean.
    is_near(Scene::Share { turns: 1, cpus: 2 }, Law::Exponential, 0.6, 1.0 / 0.64, 2.0);
    is_near(Scene::Crowd { servers: 2 }, Law::Exponential, 0.6, 0.36 / 0.64, 4.0);
    // Pollaczek and Khinchine: ρ (1 + cs²) / 2 / (1 − ρ).
    is_near(Scene::Line { turns: 1 }, Law::Constant, 0.6, 0.75, 3.0);
    is_near(Scene::Line { turns: 1 }, Law::LogNormal(0.5), 0.6, 0.75 * 0.25f64.exp(), 4.0);
    // E2/M/1: σ solves σ = (2 / (2 + (1 − σ) / (2ρ) · 2))²; the wait is σ / (1 − σ).
    let mut sigma: f64 = 0.5;
    (0..200).for_each(|_| sigma = (1.2 / (1.2 + 1.0 - sigma)).powi(2));
    is_near(Scene::Line { turns: 2 }, Law::Exponential, 0.6, sigma / (1.0 - sigma), 4.0);
    // One station behind a balancer is a station; two are better than two fed in turn, and worse than one of two.
    is_near(Scene::Pool { stations: 1, cpus: 1, ratio: 3.0 }, Law::Exponential, 0.6, 2.5, 4.0);
    let both = mean(&slices(
        Scene::Pool { stations: 2, cpus: 1, ratio: 0.0 },
        Law::Exponential,
        0.6,
        400_000,
        7,
    )) / 0.4;
    assert!((1.5625..2.1).contains(&both), "{both}");
}
