//! Single requests at steady load and nothing else: what a rehearsal performs. The same rules as in `requests`, without
//! what can happen to a service, and so several times as fast. Time is in seconds.
//!
//! In turn, a task gets every `n`-th request: one task stands for all, its arrivals are Erlang. The zones of a balancer
//! are alike for the same reason.

use super::Scene;
use crate::base::distribution::{standard_exponential, standard_normal};
use crate::base::histogram::SpanHistogram;
use crate::base::random::{Purpose, Seed, Stream};
use crate::base::time::SimSpan;
use crate::load::requests::Tournament;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// A request more that is outstanding; below it, when a task was chosen last.
const ONE: u64 = 1 << 40;

/// A task. Positive numbers are ordered as their bits are.
struct Task {
    cpus: f64,
    /// CPU seconds for each of the law.
    cost: f64,
    /// Runs as fast as one request gets CPU.
    clock: f64,
    at: f64,
    /// Requests at the CPU: where the clock is when they are done, when they came, what follows.
    on_cpu: BinaryHeap<Reverse<(u64, u64, u64)>>,
    working: u32,
    queue: VecDeque<f64>,
    /// Requests outstanding, and when it was chosen last.
    key: u64,
}

impl Task {
    fn speed(&self) -> f64 {
        (self.cpus / self.on_cpu.len() as f64).min(1.0)
    }

    fn wind(&mut self, at: f64) {
        let passed = at - self.at;
        self.clock = if self.on_cpu.is_empty() { 0.0 } else { self.clock + passed * self.speed() };
        self.at = at;
    }

    /// When the next request at the CPU is done.
    fn next(&self) -> Option<u64> {
        let Reverse((done, ..)) = self.on_cpu.peek()?;
        let rest = (f64::from_bits(*done) - self.clock).max(0.0);
        Some((self.at + rest / self.speed()).to_bits())
    }
}

/// The tasks of a scene with their requests.
struct Play<'a> {
    scene: &'a Scene,
    workers: u32,
    tasks: Vec<Task>,
    /// When each task's next request at the CPU is done, and whom the balancer would choose.
    next: Tournament<u64>,
    keys: Tournament<u64>,
    /// Requests that need no CPU: until when, where, when they came.
    off_cpu: BinaryHeap<Reverse<(u64, usize, u64)>>,
    central: VecDeque<f64>,
    draws: Stream,
    turn: u64,
    times: SpanHistogram,
    seen: u64,
    /// The first ones fill the station and are not counted.
    uncounted: u64,
}

/// Latencies at a utilisation, of so many requests.
pub(super) fn play(scene: &Scene, rho: f64, requests: u64) -> SpanHistogram {
    let mut draws = Seed(0).stream(Purpose::RequestArrival, "rehearsal");
    let of_kind = |&(cpu, percent, count): &(u32, u32, u64)| {
        let count = if scene.is_pooled { count } else { 1 };
        (0..count).map(move |_| Task {
            cpus: f64::from(cpu) / 1e3,
            cost: f64::from(percent) / 1e5,
            clock: 0.0,
            at: 0.0,
            on_cpu: BinaryHeap::new(),
            working: 0,
            queue: VecDeque::new(),
            key: 0,
        })
    };
    let tasks: Vec<Task> = scene.tasks.iter().flat_map(of_kind).collect();
    let mut keys = Tournament::new(tasks.len());
    (0..tasks.len()).for_each(|index| keys.set(index, Some(0)));
    let mut play = Play {
        scene,
        workers: scene.workers.unwrap_or(u32::MAX),
        next: Tournament::new(tasks.len()),
        keys,
        tasks,
        off_cpu: BinaryHeap::new(),
        central: VecDeque::new(),
        draws: Seed(0).stream(Purpose::RequestWork, "rehearsal"),
        turn: 0,
        times: SpanHistogram::default(),
        seen: 0,
        uncounted: requests / 10,
    };
    let shape = scene.streams();
    let gap = scene.tasks_in_play() / (rho * scene.capacity);
    let mut arrival = 0.0;
    while play.seen < requests {
        play.go_on_to(arrival);
        play.arrive(arrival);
        arrival += gap * erlang(shape, &mut draws);
    }
    play.times
}

/// Of mean one: the mean of `shape` exponential numbers, by Marsaglia and Tsang (2000) where there are many.
fn erlang(shape: u64, draws: &mut Stream) -> f64 {
    if shape <= 4 {
        return (0..shape).map(|_| standard_exponential(draws)).sum::<f64>() / shape as f64;
    }
    let d = shape as f64 - 1.0 / 3.0;
    loop {
        let x = standard_normal(draws);
        let root = 1.0 + x / libm::sqrt(9.0 * d);
        let v = root * root * root;
        if v > 0.0 && standard_exponential(draws) > -(0.5 * x * x + d - d * v + d * libm::log(v)) {
            return d * v / shape as f64;
        }
    }
}

impl Play<'_> {
    /// Everything before this arrival happens.
    fn go_on_to(&mut self, arrival: f64) {
        loop {
            let (done, first) = self.next.least().unwrap_or((f64::INFINITY.to_bits(), 0));
            let done = f64::from_bits(done);
            let left = self.off_cpu.peek();
            let left = left.map_or(f64::INFINITY, |Reverse((until, ..))| f64::from_bits(*until));
            if left.min(done) > arrival {
                return;
            }
            if done <= left {
                self.leave_cpu(first, done);
            } else if let Some(Reverse((_, index, came))) = self.off_cpu.pop() {
                self.release(index, left, f64::from_bits(came));
            }
        }
    }

    fn leave_cpu(&mut self, index: usize, at: f64) {
        let task = &mut self.tasks[index];
        let Some(Reverse((done, came, after))) = task.on_cpu.pop() else { return };
        (task.clock, task.at) = (f64::from_bits(done), at);
        self.next.set(index, task.next());
        let (came, after) = (f64::from_bits(came), f64::from_bits(after));
        if after > 0.0 {
            self.off_cpu.push(Reverse(((at + after).to_bits(), index, came.to_bits())));
        } else {
            self.release(index, at, came);
        }
    }

    /// A request is answered; the next one gets its worker.
    fn release(&mut self, index: usize, at: f64, came: f64) {
        self.seen += 1;
        if self.seen > self.uncounted {
            self.times.add(SimSpan::from_secs_f64(at - came));
        }
        let task = &mut self.tasks[index];
        task.working -= 1;
        task.key -= ONE;
        self.keys.set(index, Some(task.key));
        if let Some(next) = task.queue.pop_front() {
            self.start(index, at, next);
        } else if let Some(next) = self.central.pop_front() {
            let index = self.choose();
            self.start(index, at, next);
        }
    }

    fn choose(&mut self) -> usize {
        let chosen = self.keys.least().map_or(0, |(_, index)| index);
        self.turn += 1;
        let key = &mut self.tasks[chosen].key;
        *key = (*key / ONE + 1) * ONE + self.turn;
        self.keys.set(chosen, Some(*key));
        chosen
    }

    fn arrive(&mut self, at: f64) {
        // The task with the fewest is full only where all are.
        let (_, first) = self.keys.least().unwrap_or_default();
        if self.scene.is_queue && self.tasks[first].working >= self.workers {
            self.central.push_back(at);
            return;
        }
        let index = self.choose();
        let task = &mut self.tasks[index];
        if task.working < self.workers {
            self.start(index, at, at);
        } else {
            task.queue.push_back(at);
        }
    }

    /// A request that `came` then gets a worker.
    fn start(&mut self, index: usize, at: f64, came: f64) {
        let cpu = self.scene.cpu_ms.sample(&mut self.draws);
        let after = self.scene.io_ms.sample(&mut self.draws) / 1e3;
        let task = &mut self.tasks[index];
        task.working += 1;
        if cpu > 0.0 {
            task.wind(at);
            let done = task.clock + cpu * task.cost;
            task.on_cpu.push(Reverse((done.to_bits(), came.to_bits(), after.to_bits())));
            self.next.set(index, task.next());
        } else {
            self.off_cpu.push(Reverse(((at + after).to_bits(), index, came.to_bits())));
        }
    }
}
