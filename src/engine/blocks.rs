//! Where the queue keeps its entries: chains of small blocks from one pool.

use super::queue::Class;
use crate::base::hint::ask_for_row;
use crate::base::time::SimTime;

/// A scheduled event.
#[derive(Clone, Copy)]
pub(super) struct Entry<E> {
    pub(super) at: SimTime,
    pub(super) event: E,
    pub(super) class: Class,
    /// Index into `claims` plus one; zero for the many events that nobody can cancel.
    pub(super) claim: u32,
}

impl<E> Entry<E> {
    /// What it is sorted by.
    #[inline]
    pub(super) fn rank(&self) -> (SimTime, Class) {
        (self.at, self.class)
    }
}

/// Entries whose instants share all digits above their level, and the digit of it: a chain of blocks.
#[derive(Clone, Copy)]
pub(super) struct Bucket {
    pub(super) first: u32,
    pub(super) last: u32,
    /// Entries of the last block; all others are full.
    pub(super) filled: u32,
    pub(super) earliest: SimTime,
}

impl Bucket {
    /// Its last block counts as full, so that the first entry takes one.
    pub(super) const EMPTY: Bucket =
        Bucket { first: NO_BLOCK, last: NO_BLOCK, filled: BLOCK as u32, earliest: SimTime::NEVER };

    /// How many entries of a block of this bucket there are.
    #[inline]
    pub(super) fn filled(&self, block: u32) -> usize {
        if block == self.last { self.filled as usize } else { BLOCK }
    }
}

/// Entries of a block.
pub(super) const BLOCK: usize = 16;
pub(super) const NO_BLOCK: u32 = u32::MAX;

/// The pool of blocks. A block that is not in a chain is on the free list.
pub(super) struct Blocks<E> {
    /// Block `b` begins at `b * BLOCK`.
    pub(super) entries: Vec<Entry<E>>,
    pub(super) next: Vec<u32>,
    pub(super) free: Vec<u32>,
}

impl<E: Copy> Blocks<E> {
    #[inline]
    pub(super) fn append(&mut self, bucket: &mut Bucket, entry: Entry<E>) {
        if bucket.filled as usize >= BLOCK {
            self.extend(bucket, entry);
        }
        self.entries[bucket.last as usize * BLOCK + bucket.filled as usize] = entry;
        bucket.filled += 1;
        bucket.earliest = bucket.earliest.min(entry.at);
    }

    /// Asks memory for a block that is read next, if there is one: chains of far buckets lie scattered.
    #[inline]
    pub(super) fn ask_for(&self, block: u32) {
        if block != NO_BLOCK {
            for entry in (0..BLOCK).step_by(2) {
                ask_for_row(&self.entries, block as usize * BLOCK + entry);
            }
        }
    }

    /// Adds an empty block to the chain; `any` is what a new block is filled with until it is used.
    #[inline(never)]
    fn extend(&mut self, bucket: &mut Bucket, any: Entry<E>) {
        let block = self.free.pop().unwrap_or_else(|| {
            self.entries.resize(self.entries.len() + BLOCK, any);
            self.next.push(NO_BLOCK);
            u32::try_from(self.next.len() - 1).expect("fewer than 2^32 blocks of events")
        });
        self.next[block as usize] = NO_BLOCK;
        match bucket.last {
            NO_BLOCK => bucket.first = block,
            last => self.next[last as usize] = block,
        }
        bucket.last = block;
        bucket.filled = 0;
    }
}
