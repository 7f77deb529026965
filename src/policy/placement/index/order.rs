//! An ordered list of instances in chunks: a B+ tree of depth two.
//!
//! A chunk holds up to [`CAPACITY`] keys in ascending order, each beside what its instance has free. The top knows of
//! each chunk the least key that belongs into it and a [`Bound`] on what its instances have free. A search skips
//! chunks whose bound is too small and reads the others in order. Bounds may be too large (taking away and placing do
//! not lower them); a search that reads a whole chunk in vain makes its bound exact.
//!
//! Costs for n instances: `insert` and `remove` O(log n) and a move within a chunk, and O(n / CAPACITY) where a chunk
//! splits or goes, which is once in many times.
//!
//! Where a key belongs is anybody's guess, and a branch that is guessed wrong costs more than the rest of a step:
//! searches add up comparisons instead, and the keys that a chunk lacks are [`NONE`], above all others.

use crate::base::id::Column;
use crate::model::ids::InstanceId;
use crate::model::resources::Resources;
use std::ops::ControlFlow;

/// Most keys of a chunk.
const CAPACITY: usize = 64;

/// A place in the order: two ranks of the strategies, the tasks, the place in order of registration; 32 bits each.
pub(super) type Key = u128;

/// No key: above all keys that there are.
pub(super) const NONE: Key = Key::MAX;

/// Packs a key.
#[inline]
pub(super) fn key(ranks: [u32; 2], tasks: u32, seat: u32) -> Key {
    u128::from(ranks[0]) << 96
        | u128::from(ranks[1]) << 64
        | u128::from(tasks) << 32
        | u128::from(seat)
}

/// The ranks of a key.
#[inline]
pub(super) fn ranks(key: Key) -> u64 {
    (key >> 64) as u64
}

/// The place in order of registration.
#[inline]
pub(super) fn seat(key: Key) -> usize {
    key as u32 as usize
}

/// What a search may look up: who sits where, and what is free.
#[derive(Clone, Copy)]
pub(super) struct Seats<'a> {
    pub(super) by_seat: &'a [InstanceId],
    pub(super) free: &'a Column<InstanceId, Resources>,
}

/// Classes of free CPU: below 256 units, then each twice the one before, the last from 64 vCPUs on.
const CLASSES: usize = 10;

/// What the instances of a chunk have free at most. Memory is bounded apart for those that have at least so much
/// CPU free: else one instance with much CPU and another with much memory would promise room that neither has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Bound {
    /// Most free memory among instances whose free CPU is of this class or above; with no such instance none.
    memory: [OneMore; CLASSES],
    gpus: u16,
    enis: u16,
}

/// Memory plus one, or zero for none: an instance without free memory still has room for a task without memory.
type OneMore = u32;

/// The class of an amount of CPU.
#[inline]
fn class(cpu: u32) -> usize {
    ((32 - (cpu >> 8).leading_zeros()) as usize).min(CLASSES - 1)
}

impl Bound {
    #[inline]
    fn may_have_room(&self, demand: Resources) -> bool {
        (self.memory[class(demand.cpu)] > demand.memory)
            & (self.gpus >= demand.gpus)
            & (self.enis >= demand.enis)
    }

    #[inline]
    fn raise(&mut self, free: Resources) {
        let memory = free.memory.saturating_add(1);
        // Lower classes hold at least as much: the first that does not change ends it.
        for bound in self.memory[..=class(free.cpu)].iter_mut().rev() {
            if *bound >= memory {
                break;
            }
            *bound = memory;
        }
        self.gpus = self.gpus.max(free.gpus);
        self.enis = self.enis.max(free.enis);
    }

    fn join(&mut self, other: &Bound) {
        for (bound, other) in self.memory.iter_mut().zip(other.memory) {
            *bound = other.max(*bound);
        }
        self.gpus = self.gpus.max(other.gpus);
        self.enis = self.enis.max(other.enis);
    }

    /// Whether nothing of `self` is above `other`.
    fn is_within(&self, other: &Bound) -> bool {
        self.memory.iter().zip(other.memory).all(|(mine, other)| *mine <= other)
            && self.gpus <= other.gpus
            && self.enis <= other.enis
    }
}

#[derive(Clone, Debug)]
struct Top {
    bound: Bound,
    chunk: u32,
}

#[derive(Clone, Debug)]
struct Chunk {
    length: usize,
    keys: [Key; CAPACITY],
    /// What each key's instance has free: beside the keys, so that a search reads one place in memory.
    free: [Resources; CAPACITY],
}

/// The ordered list.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// Keys of a chunk are at least this; of the first chunk it is zero.
    least: Vec<Key>,
    tops: Vec<Top>,
    chunks: Vec<Chunk>,
    unused: Vec<u32>,
}

impl Default for Order {
    fn default() -> Self {
        let top = Top { bound: Bound::default(), chunk: 0 };
        let chunk = Chunk { length: 0, keys: [NONE; CAPACITY], free: [Resources::ZERO; CAPACITY] };
        Order { least: vec![0], tops: vec![top], chunks: vec![chunk], unused: Vec::new() }
    }
}

impl Order {
    /// Adds a key that is not there.
    pub(super) fn insert(&mut self, key: Key, free: Resources) {
        let mut t = self.top_of(key);
        if self.chunks[self.tops[t].chunk as usize].length == CAPACITY {
            self.split(t);
            t += usize::from(self.least[t + 1] <= key);
        }
        let top = &mut self.tops[t];
        top.bound.raise(free);
        let chunk = &mut self.chunks[top.chunk as usize];
        let at = chunk.position(key);
        chunk.keys.copy_within(at..chunk.length, at + 1);
        chunk.free.copy_within(at..chunk.length, at + 1);
        chunk.keys[at] = key;
        chunk.free[at] = free;
        chunk.length += 1;
    }

    /// Takes away a key that is there.
    pub(super) fn remove(&mut self, key: Key) {
        let t = self.top_of(key);
        self.remove_from(t, key);
    }

    fn remove_from(&mut self, t: usize, key: Key) {
        let chunk = &mut self.chunks[self.tops[t].chunk as usize];
        let at = chunk.place(key);
        chunk.keys.copy_within(at + 1..chunk.length, at);
        chunk.free.copy_within(at + 1..chunk.length, at);
        chunk.length -= 1;
        chunk.keys[chunk.length] = NONE;
        if chunk.length < CAPACITY / 4 {
            self.join(t);
        }
    }

    /// The instance under `old`, which is there, now stands under `new` and has this free. Where both belong into one
    /// chunk, only what lies between them moves.
    pub(super) fn replace(&mut self, old: Key, new: Key, free: Resources) {
        let t = self.top_of(old);
        let end = self.least.get(t + 1).copied().unwrap_or(NONE);
        if new < self.least[t] || new >= end {
            self.remove_from(t, old);
            self.insert(new, free);
            return;
        }
        let top = &mut self.tops[t];
        top.bound.raise(free);
        let chunk = &mut self.chunks[top.chunk as usize];
        let from = chunk.place(old);
        let mut to = from;
        if old != new {
            to = chunk.position(new);
            if to > from {
                to -= 1;
                chunk.keys.copy_within(from + 1..=to, from);
                chunk.free.copy_within(from + 1..=to, from);
            } else {
                chunk.keys.copy_within(to..from, to + 1);
                chunk.free.copy_within(to..from, to + 1);
            }
            chunk.keys[to] = new;
        }
        chunk.free[to] = free;
    }

    /// Visits the instances with room for `demand` in order, beginning at `from`, until told to stop.
    #[inline]
    pub(super) fn search<B>(
        &mut self,
        from: Key,
        demand: Resources,
        seats: Seats<'_>,
        mut visit: impl FnMut(Key, InstanceId) -> ControlFlow<B>,
    ) -> Option<B> {
        let first = self.top_of(from);
        for t in first..self.tops.len() {
            let top = &mut self.tops[t];
            if !top.bound.may_have_room(demand) {
                continue;
            }
            let chunk = &self.chunks[top.chunk as usize];
            let begin = if t == first { chunk.position(from) } else { 0 };
            let mut any = begin > 0;
            for (at, free) in chunk.free[..chunk.length].iter().enumerate().skip(begin) {
                if demand.fits_into(*free) {
                    any = true;
                    let key = chunk.keys[at];
                    if let ControlFlow::Break(found) = visit(key, seats.by_seat[seat(key)]) {
                        return Some(found);
                    }
                }
            }
            if !any {
                top.bound = chunk.exact_bound();
            }
        }
        None
    }

    #[inline]
    fn top_of(&self, key: Key) -> usize {
        let (mut t, mut rest) = (0, self.least.len());
        while rest > 1 {
            let half = rest / 2;
            t += half * usize::from(self.least[t + half] <= key);
            rest -= half;
        }
        t
    }

    #[cold]
    fn split(&mut self, t: usize) {
        let from = self.tops[t].chunk as usize;
        let half = CAPACITY / 2;
        let mut upper = self.chunks[from].clone();
        upper.keys.copy_within(half.., 0);
        upper.keys[half..].fill(NONE);
        upper.free.copy_within(half.., 0);
        upper.length = half;
        self.chunks[from].keys[half..].fill(NONE);
        self.chunks[from].length = half;
        self.tops[t].bound = self.chunks[from].exact_bound();
        let (least, bound) = (upper.keys[0], upper.exact_bound());
        let chunk = match self.unused.pop() {
            Some(index) => {
                self.chunks[index as usize] = upper;
                index
            }
            None => {
                self.chunks.push(upper);
                u32::try_from(self.chunks.len() - 1).expect("fewer chunks than instances")
            }
        };
        self.least.insert(t + 1, least);
        self.tops.insert(t + 1, Top { bound, chunk });
    }

    /// Joins a chunk that has become small with a neighbour, where the two leave room to grow.
    #[cold]
    fn join(&mut self, t: usize) {
        let length = |t: usize| self.chunks[self.tops[t].chunk as usize].length;
        let has_room = |t: usize| length(t) + length(t + 1) <= CAPACITY / 2;
        let left = match t {
            _ if t + 1 < self.tops.len() && has_room(t) => t,
            _ if t > 0 && has_room(t - 1) => t - 1,
            _ => return,
        };
        self.least.remove(left + 1);
        let gone = self.tops.remove(left + 1);
        let top = &mut self.tops[left];
        top.bound.join(&gone.bound);
        let upper = self.chunks[gone.chunk as usize].clone();
        let lower = &mut self.chunks[top.chunk as usize];
        let joined = lower.length..lower.length + upper.length;
        lower.keys[joined.clone()].copy_from_slice(&upper.keys[..upper.length]);
        lower.free[joined.clone()].copy_from_slice(&upper.free[..upper.length]);
        lower.length = joined.end;
        self.unused.push(gone.chunk);
    }

    /// All keys in order. For checks.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        self.tops.iter().flat_map(|top| {
            let chunk = &self.chunks[top.chunk as usize];
            chunk.keys[..chunk.length].iter().copied()
        })
    }

    /// Panics where the list is out of order, a bound is too small, or what an instance has free is not what stands
    /// beside its key, unless that is not known yet. For checks.
    pub(super) fn check(&self, seats: Seats<'_>, is_known: impl Fn(InstanceId) -> bool) {
        assert_eq!(self.least[0], 0, "every key has a chunk");
        assert_eq!(self.least.len(), self.tops.len(), "every chunk has a least key");
        assert!(self.keys().is_sorted_by(|a, b| a < b), "keys ascend");
        for (t, top) in self.tops.iter().enumerate() {
            let chunk = &self.chunks[top.chunk as usize];
            let end = self.least.get(t + 1).copied().unwrap_or(NONE);
            assert!(
                chunk.keys[chunk.length..].iter().all(|&key| key == NONE),
                "the rest is no key"
            );
            for (&key, &free) in chunk.keys[..chunk.length].iter().zip(&chunk.free) {
                assert!(
                    self.least[t] <= key && key < end,
                    "a key is in the chunk that it belongs to"
                );
                let instance = seats.by_seat[seat(key)];
                let is_right = free == seats.free[instance] || !is_known(instance);
                assert!(is_right, "what {instance:?} has free is known");
            }
            assert!(chunk.exact_bound().is_within(&top.bound), "a bound is never too small");
        }
    }
}

impl Chunk {
    /// How many keys are less than `key`.
    #[inline]
    fn position(&self, key: Key) -> usize {
        let (mut at, mut step) = (0, CAPACITY / 2);
        while step > 0 {
            at += step * usize::from(self.keys[(at + step - 1) % CAPACITY] < key);
            step /= 2;
        }
        at + usize::from(self.keys[at % CAPACITY] < key)
    }

    /// Where a key is that is there.
    #[inline]
    fn place(&self, key: Key) -> usize {
        let at = self.position(key);
        assert!(at < self.length && self.keys[at] == key, "only a key that is there is changed");
        at
    }

    #[cold]
    fn exact_bound(&self) -> Bound {
        let mut bound = Bound::default();
        for &free in &self.free[..self.length] {
            let memory = &mut bound.memory[class(free.cpu)];
            *memory = free.memory.saturating_add(1).max(*memory);
            bound.gpus = bound.gpus.max(free.gpus);
            bound.enis = bound.enis.max(free.enis);
        }
        for class in (1..CLASSES).rev() {
            bound.memory[class - 1] = bound.memory[class].max(bound.memory[class - 1]);
        }
        bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_does_not_mix_the_cpu_of_one_instance_with_the_memory_of_another() {
        let free = |cpu, memory| Resources { cpu, memory, ..Resources::ZERO };
        let mut bound = Bound::default();
        assert!(!bound.may_have_room(Resources::ZERO), "an empty chunk has room for nothing");
        bound.raise(free(4096, 100));
        bound.raise(free(200, 8000));
        assert!(bound.may_have_room(free(4096, 100)));
        assert!(bound.may_have_room(free(200, 8000)));
        assert!(!bound.may_have_room(free(256, 101)));
        assert!(bound.may_have_room(free(0, 0)));
    }
}
