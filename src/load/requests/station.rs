//! One task: processor sharing of its CPU by virtual time, its requests without CPU, its queue.
//!
//! The virtual clock runs as fast as a single request gets CPU. A request that needs `x` of CPU is done when the clock
//! has gone on by `x`, however many come and go meanwhile: so requests leave in the order of a heap, and a change
//! costs O(log n). The clock counts 64ths of a nanosecond and is set back when the CPU is idle.

use super::slab::{Place, Slab};
use crate::load::Target;
use crate::load::arrivals::mul_div;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Bits of the virtual clock below a nanosecond.
const FINE: u32 = 6;

/// Instant (or virtual instant), number and slot of a request.
type Entry = Reverse<(u64, u64, u32)>;

pub(super) struct Station {
    pub target: Target,
    pub is_draining: bool,
    /// Nanoseconds up to which the virtual clock is right.
    at: u64,
    /// CPU used until then, thousandths of a vCPU times nanoseconds.
    used: u128,
    clock: u64,
    on_cpu: BinaryHeap<Entry>,
    pub sharing: u64,
    off_cpu: BinaryHeap<Entry>,
    pub queue: VecDeque<u32>,
    /// Requests with a worker.
    pub working: u64,
    /// Slow start: thousandths of a request that it may take.
    pub credit: u64,
    /// Ring and place in it.
    pub seat: Option<(usize, usize)>,
}

impl Station {
    pub fn new(target: Target, at: u64) -> Station {
        Station {
            target,
            is_draining: false,
            at,
            used: 0,
            clock: 0,
            on_cpu: BinaryHeap::new(),
            sharing: 0,
            off_cpu: BinaryHeap::new(),
            queue: VecDeque::new(),
            working: 0,
            credit: 0,
            seat: None,
        }
    }

    /// CPU in use, thousandths of a vCPU.
    pub fn usage(&self) -> u64 {
        u64::from(self.target.cpu_millis).min(1_000 * self.sharing)
    }

    /// CPU used until `now`, thousandths of a vCPU times nanoseconds.
    pub fn used_by(&self, now: u64) -> u128 {
        self.used + u128::from(self.usage()) * u128::from(now.saturating_sub(self.at))
    }

    /// Requests here.
    pub fn outstanding(&self) -> u64 {
        self.working + self.queue.len() as u64
    }

    /// Brings the virtual clock to `at`; before every change.
    pub fn wind(&mut self, at: u64) {
        self.used = self.used_by(at);
        if self.sharing == 0 {
            self.clock = 0;
            self.on_cpu.clear();
        } else {
            self.clock += mul_div((at - self.at) << FINE, self.usage(), 1_000 * self.sharing);
        }
        self.at = at;
    }

    /// A request begins to use `cpu` nanoseconds of CPU. The clock has been wound.
    pub fn enter_cpu(&mut self, cpu: u64, number: u64, slot: u32) {
        self.on_cpu.push(Reverse((self.clock + (cpu << FINE), number, slot)));
        self.sharing += 1;
    }

    pub fn enter_io(&mut self, until: u64, number: u64, slot: u32) {
        self.off_cpu.push(Reverse((until, number, slot)));
    }

    /// When the next request here goes on, with requests that have been dropped out of the way.
    pub fn next(&mut self, slab: &Slab) -> Option<u64> {
        drop_stale(&mut self.on_cpu, slab, Place::Cpu);
        drop_stale(&mut self.off_cpu, slab, Place::Io);
        let from_cpu = match self.on_cpu.peek() {
            Some(Reverse((finish, ..))) if self.target.cpu_millis > 0 => {
                let rest = u128::from(finish.saturating_sub(self.clock));
                let span = (rest * u128::from(1_000 * self.sharing))
                    .div_ceil(u128::from(self.usage()) << FINE);
                Some(self.at.saturating_add(u64::try_from(span).unwrap_or(u64::MAX)))
            }
            _ => None,
        };
        let from_io = self.off_cpu.peek().map(|Reverse((until, ..))| *until);
        from_cpu.into_iter().chain(from_io).min()
    }

    /// Takes a request that goes on now. The clock has been wound.
    pub fn take(&mut self, slab: &Slab) -> Option<(u32, Place)> {
        drop_stale(&mut self.on_cpu, slab, Place::Cpu);
        if let Some(&Reverse((finish, _, slot))) = self.on_cpu.peek()
            && finish <= self.clock
        {
            self.on_cpu.pop();
            self.sharing -= 1;
            return Some((slot, Place::Cpu));
        }
        drop_stale(&mut self.off_cpu, slab, Place::Io);
        if let Some(&Reverse((until, _, slot))) = self.off_cpu.peek()
            && until <= self.at
        {
            self.off_cpu.pop();
            return Some((slot, Place::Io));
        }
        None
    }

    /// Nanoseconds until all that have a worker are done, if nothing more comes. The clock has been wound.
    pub fn time_to_finish(&self, slab: &Slab) -> u64 {
        let is_here = |entry: &&Entry, place| slab.holds(entry.0.2, entry.0.1, place);
        let mut rest: Vec<(u64, u64)> = self
            .on_cpu
            .iter()
            .filter(|entry| is_here(entry, Place::Cpu))
            .map(|Reverse((finish, _, slot))| {
                (finish.saturating_sub(self.clock) >> FINE, slab.get(*slot).io)
            })
            .collect();
        rest.sort_unstable();
        let io = self.off_cpu.iter().filter(|entry| is_here(entry, Place::Io));
        let mut last = io.map(|entry| entry.0.0.saturating_sub(self.at)).max().unwrap_or(0);
        // Those with the least to do leave first, and the others go on faster.
        let (mut at, mut done) = (0u64, 0u64);
        for (index, (cpu, io)) in rest.iter().enumerate() {
            let sharing = (rest.len() - index) as u64;
            let speed = u64::from(self.target.cpu_millis).min(1_000 * sharing).max(1);
            at = at.saturating_add(mul_div(cpu - done, 1_000 * sharing, speed));
            done = *cpu;
            last = last.max(at.saturating_add(*io));
        }
        last
    }

    /// All requests here, by number.
    pub fn all(&self, slab: &Slab) -> Vec<u32> {
        let mut found: Vec<(u64, u32)> = Vec::new();
        let on = self.on_cpu.iter().map(|entry| (entry.0, Place::Cpu));
        let off = self.off_cpu.iter().map(|entry| (entry.0, Place::Io));
        for ((_, number, slot), place) in on.chain(off) {
            if slab.holds(slot, number, place) {
                found.push((number, slot));
            }
        }
        found.extend(self.queue.iter().map(|slot| (slab.get(*slot).number, *slot)));
        found.sort_unstable();
        found.into_iter().map(|(_, slot)| slot).collect()
    }
}

fn drop_stale(heap: &mut BinaryHeap<Entry>, slab: &Slab, place: Place) {
    while let Some(&Reverse((_, number, slot))) = heap.peek() {
        if slab.holds(slot, number, place) {
            return;
        }
        heap.pop();
    }
}
