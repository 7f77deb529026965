//! An ordered list of instances in chunks: a B+ tree of depth two.
//!
//! A chunk holds up to [`CAPACITY`] keys in ascending order. The top knows of each chunk the least key that belongs
//! into it and a *bound*: no instance of the chunk has more free of any resource. A search skips chunks whose bound
//! is too small and reads the others in order. Bounds may be too large (taking away and placing do not lower them);
//! a search that reads a whole chunk in vain makes its bound exact, so no chunk is read in vain twice.
//!
//! Costs for n instances: `insert` and `remove` O(log n) and a move within a chunk, and O(n / CAPACITY) where a chunk
//! splits or goes, which is once in many times.

use crate::base::id::Column;
use crate::model::ids::InstanceId;
use crate::model::resources::Resources;
use std::ops::ControlFlow;

/// Most keys of a chunk.
const CAPACITY: usize = 64;

/// A place in the order: two ranks of the strategies, the tasks, the place in order of registration; 32 bits each.
pub(super) type Key = u128;

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

#[derive(Clone, Debug)]
struct Top {
    /// Keys of the chunk are at least this; of the first chunk it is zero.
    least: Key,
    bound: Resources,
    chunk: u32,
}

#[derive(Clone, Debug)]
struct Chunk {
    length: usize,
    keys: [Key; CAPACITY],
}

/// The ordered list.
#[derive(Clone, Debug)]
pub(super) struct Order {
    tops: Vec<Top>,
    chunks: Vec<Chunk>,
    unused: Vec<u32>,
}

impl Order {
    pub(super) fn new() -> Self {
        let top = Top { least: 0, bound: Resources::ZERO, chunk: 0 };
        let chunk = Chunk { length: 0, keys: [0; CAPACITY] };
        Order { tops: vec![top], chunks: vec![chunk], unused: Vec::new() }
    }

    /// Adds a key that is not there.
    pub(super) fn insert(&mut self, key: Key, free: Resources) {
        let mut t = self.top_of(key);
        if self.chunks[self.tops[t].chunk as usize].length == CAPACITY {
            self.split(t);
            t += usize::from(self.tops[t + 1].least <= key);
        }
        let top = &mut self.tops[t];
        raise(&mut top.bound, free);
        let chunk = &mut self.chunks[top.chunk as usize];
        let at = chunk.position(key);
        chunk.keys.copy_within(at..chunk.length, at + 1);
        chunk.keys[at] = key;
        chunk.length += 1;
    }

    /// Takes away a key that is there.
    pub(super) fn remove(&mut self, key: Key) {
        let t = self.top_of(key);
        let chunk = &mut self.chunks[self.tops[t].chunk as usize];
        let at = chunk.position(key);
        assert!(at < chunk.length && chunk.keys[at] == key, "only a key that is there is removed");
        chunk.keys.copy_within(at + 1..chunk.length, at);
        chunk.length -= 1;
        if chunk.length < CAPACITY / 4 {
            self.join(t);
        }
    }

    /// The instance under `key` has more free than it had.
    pub(super) fn raise(&mut self, key: Key, free: Resources) {
        let t = self.top_of(key);
        raise(&mut self.tops[t].bound, free);
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
            if !demand.fits_into(top.bound) {
                continue;
            }
            let chunk = &self.chunks[top.chunk as usize];
            let begin = if t == first { chunk.position(from) } else { 0 };
            let mut any = begin > 0;
            for &key in &chunk.keys[begin..chunk.length] {
                let instance = seats.by_seat[seat(key)];
                if demand.fits_into(seats.free[instance]) {
                    any = true;
                    if let ControlFlow::Break(found) = visit(key, instance) {
                        return Some(found);
                    }
                }
            }
            if !any {
                top.bound = chunk.exact_bound(seats);
            }
        }
        None
    }

    #[inline]
    fn top_of(&self, key: Key) -> usize {
        self.tops.partition_point(|top| top.least <= key) - 1
    }

    #[cold]
    fn split(&mut self, t: usize) {
        let from = self.tops[t].chunk as usize;
        let half = CAPACITY / 2;
        let mut upper = Chunk { length: CAPACITY - half, keys: [0; CAPACITY] };
        upper.keys[..CAPACITY - half].copy_from_slice(&self.chunks[from].keys[half..]);
        self.chunks[from].length = half;
        let (least, bound) = (upper.keys[0], self.tops[t].bound);
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
        self.tops.insert(t + 1, Top { least, bound, chunk });
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
        let gone = self.tops.remove(left + 1);
        let top = &mut self.tops[left];
        raise(&mut top.bound, gone.bound);
        let upper = self.chunks[gone.chunk as usize].clone();
        let lower = &mut self.chunks[top.chunk as usize];
        lower.keys[lower.length..lower.length + upper.length]
            .copy_from_slice(&upper.keys[..upper.length]);
        lower.length += upper.length;
        self.unused.push(gone.chunk);
    }

    /// All keys in order. For checks.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        self.tops.iter().flat_map(|top| {
            let chunk = &self.chunks[top.chunk as usize];
            chunk.keys[..chunk.length].iter().copied()
        })
    }

    /// Panics where the list is out of order or a bound is too small. For checks.
    pub(super) fn check(&self, seats: Seats<'_>) {
        assert_eq!(self.tops[0].least, 0, "every key has a chunk");
        assert!(self.keys().is_sorted_by(|a, b| a < b), "keys ascend");
        for (t, top) in self.tops.iter().enumerate() {
            let chunk = &self.chunks[top.chunk as usize];
            let end = self.tops.get(t + 1).map_or(Key::MAX, |next| next.least);
            for &key in &chunk.keys[..chunk.length] {
                assert!(top.least <= key && key < end, "a key is in the chunk that it belongs to");
            }
            assert!(chunk.exact_bound(seats).fits_into(top.bound), "a bound is never too small");
        }
    }
}

impl Chunk {
    /// How many keys are less than `key`.
    #[inline]
    fn position(&self, key: Key) -> usize {
        self.keys[..self.length].partition_point(|&other| other < key)
    }

    #[cold]
    fn exact_bound(&self, seats: Seats<'_>) -> Resources {
        let mut bound = Resources::ZERO;
        for &key in &self.keys[..self.length] {
            raise(&mut bound, seats.free[seats.by_seat[seat(key)]]);
        }
        bound
    }
}

#[inline]
fn raise(bound: &mut Resources, free: Resources) {
    bound.cpu = bound.cpu.max(free.cpu);
    bound.memory = bound.memory.max(free.memory);
    bound.gpus = bound.gpus.max(free.gpus);
    bound.enis = bound.enis.max(free.enis);
}
