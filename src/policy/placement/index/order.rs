//! An ordered list of instances in chunks: a B+ tree of depth two, whose leaves are not sorted.
//!
//! A chunk holds up to [`CAPACITY`] instances whose keys lie in its range, in no order: who comes is appended, who goes
//! leaves the place to the last. The top knows the least key of each chunk, and a chunk has a [`Bound`] on what its
//! instances have free. A search skips chunks whose bound is too small and looks for the least key in the others. Bounds
//! may be too large (taking away and placing do not lower them); a search that reads a whole chunk in vain makes its
//! bound exact.
//!
//! Instances change two or three times for each search, and change to anywhere: to keep chunks in order would cost two
//! searches by bisection and four moves a change, all of which the processor guesses wrong. A change costs O(log n) for
//! the way from the top, and O(n / CAPACITY) where a chunk splits or goes, which is once in many times; a search reads
//! one chunk or two.

use crate::base::id::Column;
use crate::model::ids::InstanceId;
use crate::model::resources::Resources;
use std::ops::ControlFlow;

/// Most instances of a chunk.
const CAPACITY: usize = 32;

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

/// What an instance has free and a demand takes, as far as an order looks at it: amounts that are too large for it are
/// cut, and of interface slots it knows only whether there is one. It may promise too much, never too little.
#[inline]
pub(super) fn cut(amounts: Resources) -> Resources {
    Resources {
        cpu: amounts.cpu.min((1 << 31) - 1),
        memory: amounts.memory.min((1 << 31) - 1),
        gpus: amounts.gpus.min((1 << 15) - 1),
        enis: amounts.enis.min(1),
    }
}

/// Amounts that were [`cut`] in one word: each below a bit that stays when a demand that fits is taken off.
#[inline]
fn packed(amounts: Resources) -> u128 {
    u128::from(amounts.memory)
        | u128::from(amounts.cpu) << 32
        | u128::from(amounts.gpus) << 64
        | u128::from(amounts.enis) << 80
}

/// The bits above the amounts.
const KEPT: u128 = 1 << 31 | 1 << 63 | 1 << 79 | 1 << 95;

/// An instance in a chunk.
#[derive(Clone, Copy, Debug)]
struct Entry {
    key: Key,
    /// What it has free, [`packed`], and above that its number.
    word: u128,
}

impl Entry {
    #[inline]
    fn new(key: Key, instance: InstanceId, free: Resources) -> Entry {
        Entry { key, word: packed(free) | u128::from(instance.0) << 96 }
    }

    #[inline]
    fn instance(&self) -> InstanceId {
        InstanceId((self.word >> 96) as u32)
    }

    /// Whether a demand, [`packed`], may fit.
    #[inline]
    fn may_take(&self, wanted: u128) -> bool {
        ((self.word | KEPT) - wanted) & KEPT == KEPT
    }

    fn free(&self) -> Resources {
        Resources {
            memory: self.word as u32,
            cpu: (self.word >> 32) as u32,
            gpus: (self.word >> 64) as u16,
            enis: (self.word >> 80) as u16,
        }
    }
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

/// Where an instance stands: its chunk, and its place there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Spot {
    chunk: u32,
    at: u32,
}

impl Spot {
    /// Nowhere.
    pub(super) const NONE: Spot = Spot { chunk: u32::MAX, at: u32::MAX };
}

/// Where all instances stand.
pub(super) type Spots = Column<InstanceId, Spot>;

#[derive(Clone, Debug)]
struct Chunk {
    /// Keys are at least this,
    least: Key,
    /// and less than this.
    end: Key,
    bound: Bound,
    entries: Vec<Entry>,
}

/// The ordered list.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// Keys of a chunk are at least this; of the first chunk it is zero.
    least: Vec<Key>,
    /// The chunks in order.
    tops: Vec<u32>,
    chunks: Vec<Chunk>,
    unused: Vec<u32>,
}

impl Default for Order {
    fn default() -> Self {
        let chunk = Chunk::new(0, NONE, Vec::with_capacity(CAPACITY));
        Order { least: vec![0], tops: vec![0], chunks: vec![chunk], unused: Vec::new() }
    }
}

impl Order {
    /// Adds an instance that is not there.
    pub(super) fn insert(
        &mut self,
        instance: InstanceId,
        key: Key,
        free: Resources,
        spots: &mut Spots,
    ) {
        let mut t = self.top_of(key);
        if self.chunks[self.tops[t] as usize].entries.len() == CAPACITY {
            self.split(t, spots);
            t += usize::from(self.least[t + 1] <= key);
        }
        let number = self.tops[t];
        let chunk = &mut self.chunks[number as usize];
        let free = cut(free);
        chunk.bound.raise(free);
        spots[instance] = Spot { chunk: number, at: chunk.entries.len() as u32 };
        chunk.entries.push(Entry::new(key, instance, free));
    }

    /// Takes away an instance that is there.
    pub(super) fn remove(&mut self, instance: InstanceId, spots: &mut Spots) {
        let spot = std::mem::replace(&mut spots[instance], Spot::NONE);
        let chunk = &mut self.chunks[spot.chunk as usize];
        chunk.entries.swap_remove(spot.at as usize);
        if let Some(moved) = chunk.entries.get(spot.at as usize) {
            spots[moved.instance()].at = spot.at;
        }
        if chunk.entries.len() < CAPACITY / 4 {
            self.join(spot.chunk, spots);
        }
    }

    /// An instance that is there now stands under `key` and has this free.
    pub(super) fn replace(
        &mut self,
        instance: InstanceId,
        key: Key,
        free: Resources,
        spots: &mut Spots,
    ) {
        let spot = spots[instance];
        let chunk = &mut self.chunks[spot.chunk as usize];
        if key < chunk.least || key >= chunk.end {
            self.remove(instance, spots);
            return self.insert(instance, key, free, spots);
        }
        let free = cut(free);
        chunk.bound.raise(free);
        chunk.entries[spot.at as usize] = Entry::new(key, instance, free);
    }

    /// The key of an instance that is there.
    #[inline]
    pub(super) fn key_of(&self, spot: Spot) -> Key {
        self.chunks[spot.chunk as usize].entries[spot.at as usize].key
    }

    /// Visits the instances with room for `demand` in order, beginning at `from`, until told to stop. None below `from`
    /// has room.
    #[inline]
    pub(super) fn search<B>(
        &mut self,
        from: Key,
        demand: Resources,
        seats: Seats<'_>,
        mut visit: impl FnMut(Key, InstanceId) -> ControlFlow<B>,
    ) -> Option<B> {
        let least = cut(demand);
        let wanted = packed(least);
        let mut visit = |entry: Entry| {
            let instance = entry.instance();
            if !demand.fits_into(seats.free[instance]) {
                return ControlFlow::Continue(());
            }
            visit(entry.key, instance)
        };
        for &number in &self.tops[self.top_of(from)..] {
            let chunk = &mut self.chunks[number as usize];
            if !chunk.bound.may_have_room(least) {
                continue;
            }
            let Some(first) = chunk.first(wanted) else {
                chunk.bound = chunk.exact_bound();
                continue;
            };
            if let ControlFlow::Break(found) = visit(first) {
                return Some(found);
            }
            if let ControlFlow::Break(found) = chunk.visit_behind(first.key, wanted, &mut visit) {
                return Some(found);
            }
        }
        None
    }

    #[inline]
    fn top_of(&self, key: Key) -> usize {
        // Of the standard library, which has no branch in it: half of the turns would be guessed wrong.
        self.least.partition_point(|least| *least <= key) - 1
    }

    #[cold]
    fn split(&mut self, t: usize, spots: &mut Spots) {
        let number = self.tops[t];
        let lower = &mut self.chunks[number as usize];
        lower.entries.sort_unstable_by_key(|entry| entry.key);
        let mut entries = Vec::with_capacity(CAPACITY);
        entries.extend(lower.entries.drain(CAPACITY / 2..));
        let mut upper = Chunk::new(entries[0].key, lower.end, entries);
        lower.end = upper.least;
        lower.bound = lower.exact_bound();
        upper.bound = upper.exact_bound();
        let least = upper.least;
        lower.tell(number, spots);
        let new = match self.unused.pop() {
            Some(index) => {
                self.chunks[index as usize] = upper;
                index
            }
            None => {
                self.chunks.push(upper);
                u32::try_from(self.chunks.len() - 1).expect("fewer chunks than instances")
            }
        };
        self.chunks[new as usize].tell(new, spots);
        self.least.insert(t + 1, least);
        self.tops.insert(t + 1, new);
    }

    /// Joins a chunk that has become small with a neighbour, where the two leave room to grow.
    #[cold]
    fn join(&mut self, small: u32, spots: &mut Spots) {
        let t = self.top_of(self.chunks[small as usize].least);
        let length = |t: usize| self.chunks[self.tops[t] as usize].entries.len();
        let has_room = |t: usize| length(t) + length(t + 1) <= CAPACITY / 2;
        let left = match t {
            _ if t + 1 < self.tops.len() && has_room(t) => t,
            _ if t > 0 && has_room(t - 1) => t - 1,
            _ => return,
        };
        self.least.remove(left + 1);
        let gone = self.tops.remove(left + 1);
        let upper = std::mem::replace(&mut self.chunks[gone as usize], Chunk::new(0, 0, vec![]));
        let number = self.tops[left];
        let lower = &mut self.chunks[number as usize];
        lower.bound.join(&upper.bound);
        lower.end = upper.end;
        lower.entries.extend(upper.entries);
        lower.tell(number, spots);
        self.unused.push(gone);
    }

    /// All keys in order. For checks.
    pub(super) fn keys(&self) -> Vec<Key> {
        let mut all = Vec::new();
        for &number in &self.tops {
            let from = all.len();
            all.extend(self.chunks[number as usize].entries.iter().map(|entry| entry.key));
            all[from..].sort_unstable();
        }
        all
    }

    /// Panics where the list is out of order, a bound is too small, or what an instance has free is not what stands
    /// beside its key, unless that is not known yet. For checks.
    pub(super) fn check(
        &self,
        seats: Seats<'_>,
        spots: &Spots,
        is_known: impl Fn(InstanceId) -> bool,
    ) {
        assert_eq!(self.least[0], 0, "every key has a chunk");
        assert_eq!(self.least.len(), self.tops.len(), "every chunk has a least key");
        assert!(self.keys().is_sorted_by(|a, b| a < b), "keys ascend");
        for (t, &number) in self.tops.iter().enumerate() {
            let chunk = &self.chunks[number as usize];
            let end = self.least.get(t + 1).copied().unwrap_or(NONE);
            assert_eq!((chunk.least, chunk.end), (self.least[t], end), "a chunk knows its range");
            for (at, entry) in chunk.entries.iter().enumerate() {
                let (key, instance) = (entry.key, entry.instance());
                assert!(chunk.least <= key && key < end, "a key is in the chunk it belongs to");
                assert_eq!(seats.by_seat[seat(key)], instance, "an instance has its own seat");
                assert_eq!(spots[instance], Spot { chunk: number, at: at as u32 });
                let is_right = entry.free() == cut(seats.free[instance]) || !is_known(instance);
                assert!(is_right, "what {instance:?} has free is known");
            }
            assert!(chunk.exact_bound().is_within(&chunk.bound), "a bound is never too small");
        }
    }
}

impl Chunk {
    fn new(least: Key, end: Key, entries: Vec<Entry>) -> Chunk {
        Chunk { least, end, bound: Bound::default(), entries }
    }

    /// The least of those that may have room.
    #[inline]
    fn first(&self, wanted: u128) -> Option<Entry> {
        let (mut least, mut found) = (NONE, usize::MAX);
        for (at, entry) in self.entries.iter().enumerate() {
            // No branch: who has room is anybody's guess.
            let is_better = entry.may_take(wanted) & (entry.key < least);
            least = if is_better { entry.key } else { least };
            found = if is_better { at } else { found };
        }
        self.entries.get(found).copied()
    }

    /// Visits those above `key` that may have room in order.
    fn visit_behind<B>(
        &self,
        key: Key,
        wanted: u128,
        mut visit: impl FnMut(Entry) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut others = [(NONE, 0); CAPACITY];
        let mut count = 0;
        for (at, entry) in self.entries.iter().enumerate() {
            if entry.may_take(wanted) && entry.key > key {
                others[count] = (entry.key, at);
                count += 1;
            }
        }
        others[..count].sort_unstable();
        others[..count].iter().try_for_each(|&(_, at)| visit(self.entries[at]))
    }

    /// Writes down where its instances stand.
    fn tell(&self, number: u32, spots: &mut Spots) {
        for (at, entry) in self.entries.iter().enumerate() {
            spots[entry.instance()] = Spot { chunk: number, at: at as u32 };
        }
    }

    #[cold]
    fn exact_bound(&self) -> Bound {
        let mut bound = Bound::default();
        for entry in &self.entries {
            let free = entry.free();
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
