//! The event queue: a monotone radix heap that keeps ties in order, and sorts the few events that come next.
//!
//! Instants are read as 8 digits of 8 bits. An entry sits in the bucket of (the highest digit in which its instant
//! differs from the clock, the value of that digit); what is scheduled for the present instant sits by itself. When the
//! clock reaches the first occupied bucket, it is emptied into lower ones. Entries of one instant always share a bucket,
//! and buckets are filled and emptied from front to back, so ties leave in order of scheduling without a sequence number.
//!
//! A bucket of one block is not emptied into lower ones: its few entries are sorted, they are before all buckets, and
//! what is scheduled among them is put between them. When they become too many for that, those to come go back into
//! buckets, lower than the one that they came from. So an entry moves at most twice a digit, and usually two or three
//! times in all: digits are wide, since a move costs more than looking for the next bucket. Buckets are chains of small
//! blocks from one pool, so memory follows the entries that are alive, and nothing is allocated once the pool has grown.

use super::blocks::{BLOCK, Blocks, Bucket, Entry, NO_BLOCK};
use super::near::Near;
use crate::base::time::SimTime;
use std::collections::VecDeque;

/// Who goes first when instants are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Class {
    /// Stopping tasks and terminating instances give capacity back,
    Release,
    /// then instances that become ACTIVE add some,
    Supply,
    /// then arrivals and retries ask for it,
    Demand,
    /// then schedulers and scalers act, once, on the settled state,
    Control,
    /// and metrics see the instant after all have acted.
    Sample,
}

const CLASSES: usize = 5;
/// Bits of a digit.
const DIGIT: u32 = 8;
/// Values of a digit.
const VALUES: usize = 1 << DIGIT;
/// Digits of an instant.
const LEVELS: usize = 64usize.div_ceil(DIGIT as usize);
/// Buckets of this level and below are of events that are among the next: 65 milliseconds long at most.
const NEXT_LEVEL: usize = 2;
/// Words of a set of values.
const WORDS: usize = VALUES / 64;

/// A claim on a scheduled event, to cancel it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    slot: u32,
    generation: u32,
}

/// State of one ticket: the generation, and whether its event still stands.
#[derive(Clone, Copy)]
struct Claim {
    generation: u32,
    standing: bool,
}

/// Events to come, in the total order of the module documentation.
pub struct Queue<E> {
    now: SimTime,
    /// The class of the event that is being handled; earlier classes of this instant are closed.
    open_from: Class,
    present: [VecDeque<Entry<E>>; CLASSES],
    /// Bit `c` is set when class `c` of the present instant holds anything.
    present_classes: u8,
    /// The next events, before all buckets. Those of the present instant were scheduled before all in `present`.
    near: Near<E>,
    /// Bucket `level * VALUES + value`.
    future: Vec<Bucket>,
    blocks: Blocks<E>,
    /// Bit `level` is set when any bucket of the level holds anything.
    levels: u32,
    /// Bit `word` of a level is set when that word of `values` is not zero: no loop, whose end could not be guessed.
    words: [u8; LEVELS],
    /// Bit `value` of a level is set when that bucket holds anything.
    values: [[u64; WORDS]; LEVELS],
    claims: Vec<Claim>,
    free_claims: Vec<u32>,
    live: usize,
    cancelled: usize,
}

impl<E: Copy> Default for Queue<E> {
    fn default() -> Self {
        Queue::new()
    }
}

impl<E: Copy> Queue<E> {
    /// An empty queue at the beginning of time.
    #[must_use]
    pub fn new() -> Self {
        Queue {
            now: SimTime::ZERO,
            open_from: Class::Release,
            present: std::array::from_fn(|_| VecDeque::new()),
            present_classes: 0,
            near: Near::new(),
            future: vec![Bucket::EMPTY; LEVELS * VALUES],
            blocks: Blocks { entries: Vec::new(), next: Vec::new(), free: Vec::new() },
            levels: 0,
            words: [0; LEVELS],
            values: [[0; WORDS]; LEVELS],
            claims: Vec::new(),
            free_claims: Vec::new(),
            live: 0,
            cancelled: 0,
        }
    }

    /// The clock.
    #[inline]
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// How many events stand, cancelled ones not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether no event stands.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// How many entries memory is held for, cancelled ones included: at most twice [`Queue::len`] plus 64.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.live + self.cancelled
    }

    /// Schedules `event`. Panics on an instant in the past, or on an earlier class of the present instant:
    /// both are bugs of the model.
    #[inline]
    pub fn schedule(&mut self, at: SimTime, class: Class, event: E) {
        self.push(Entry { at, event, class, claim: 0 });
    }

    /// As [`Queue::schedule`], for an event that may be cancelled.
    pub fn schedule_cancellable(&mut self, at: SimTime, class: Class, event: E) -> Ticket {
        let slot = self.free_claims.pop().unwrap_or_else(|| {
            self.claims.push(Claim { generation: 0, standing: false });
            u32::try_from(self.claims.len() - 1).expect("fewer than 2^32 tickets at a time")
        });
        let claim = &mut self.claims[slot as usize];
        claim.standing = true;
        let generation = claim.generation;
        self.push(Entry { at, event, class, claim: slot + 1 });
        Ticket { slot, generation }
    }

    /// Cancels an event: it will not fire. Returns whether it still stood.
    pub fn cancel(&mut self, ticket: Ticket) -> bool {
        let claim = &mut self.claims[ticket.slot as usize];
        if claim.generation != ticket.generation || !claim.standing {
            return false;
        }
        claim.standing = false;
        self.live -= 1;
        self.cancelled += 1;
        if self.cancelled > self.live + 64 {
            self.sweep();
        }
        true
    }

    /// When the next event happens. Cancelled entries may make it earlier than the truth, never later.
    #[inline]
    #[must_use]
    pub fn next_instant(&self) -> Option<SimTime> {
        if self.present_classes != 0 {
            return Some(self.now);
        }
        if let Some(next) = self.near.first() {
            return Some(next.at);
        }
        self.first_bucket().map(|bucket| self.future[bucket].earliest)
    }

    /// The bucket of the earliest entry after the present instant.
    #[inline]
    fn first_bucket(&self) -> Option<usize> {
        if self.levels == 0 {
            return None;
        }
        let level = self.levels.trailing_zeros() as usize;
        let word = self.words[level].trailing_zeros() as usize;
        Some(level * VALUES + word * 64 + self.values[level][word].trailing_zeros() as usize)
    }

    /// Moves the clock to `at`, which must be later than now and not later than the next event. `soon` hears of events
    /// that are among the next: of most that wait for a while, and of some that were cancelled.
    #[inline]
    pub fn advance_to(&mut self, at: SimTime, soon: impl FnMut(E)) {
        assert!(at > self.now, "the clock does not run backwards");
        debug_assert!(self.next_instant().is_none_or(|next| next >= at), "no event is passed over");
        self.reach(at, soon);
        self.open_from = Class::Release;
    }

    /// Closes the classes of the present instant that come before `class`; nothing of them is left.
    #[inline]
    pub fn open(&mut self, class: Class) {
        debug_assert!(
            self.next_of_present().is_none_or(|next| next >= class as usize),
            "earlier classes of the instant are finished"
        );
        self.open_from = class;
    }

    /// Takes the next event and moves the clock to it.
    #[inline]
    pub fn pop(&mut self) -> Option<(Class, E)> {
        loop {
            if let Some(found) = self.pop_present() {
                return Some(found);
            }
            let at = self.next_instant()?;
            self.reach(at, |_| ());
            self.open_from = Class::Release;
        }
    }

    /// Takes the next event of the present instant; the clock does not move.
    #[inline]
    pub fn pop_present(&mut self) -> Option<(Class, E)> {
        self.pop_below(CLASSES)
    }

    /// The same of classes before this one alone.
    #[inline]
    pub fn pop_before(&mut self, class: Class) -> Option<(Class, E)> {
        self.pop_below(class as usize)
    }

    #[inline]
    fn pop_below(&mut self, end: usize) -> Option<(Class, E)> {
        while let Some(class) = self.next_of_present().filter(|&class| class < end) {
            let entry = self.take_present(class);
            if self.settle_claim(entry.claim) {
                self.live -= 1;
                self.open_from = entry.class;
                return Some((entry.class, entry.event));
            }
        }
        None
    }

    /// The class of the next entry of the present instant, whether it was cancelled or not.
    #[inline]
    fn next_of_present(&self) -> Option<usize> {
        let near = self.near.first().filter(|entry| entry.at == self.now);
        let near = near.map_or(CLASSES, |entry| entry.class as usize);
        let class = near.min(self.present_classes.trailing_zeros() as usize);
        (class < CLASSES).then_some(class)
    }

    /// Takes the next entry of the present instant, which is of this class.
    #[inline]
    fn take_present(&mut self, class: usize) -> Entry<E> {
        if let Some(&entry) = self.near.first()
            && entry.at == self.now
            && entry.class as usize == class
        {
            self.near.take();
            return entry;
        }
        let queue = &mut self.present[class];
        let entry = queue.pop_front().expect("the class is not empty");
        if queue.is_empty() {
            self.present_classes &= !(1 << class);
        }
        entry
    }

    /// Frees the claim of a taken entry; false where the entry had been cancelled.
    #[inline]
    fn settle_claim(&mut self, claim: u32) -> bool {
        if claim == 0 {
            return true;
        }
        let state = &mut self.claims[claim as usize - 1];
        let stood = state.standing;
        state.standing = false;
        state.generation = state.generation.wrapping_add(1);
        self.free_claims.push(claim - 1);
        if !stood {
            self.cancelled -= 1;
        }
        stood
    }

    #[inline]
    fn push(&mut self, entry: Entry<E>) {
        assert!(
            entry.at > self.now || (entry.at == self.now && entry.class >= self.open_from),
            "an event is scheduled in the past or for a class that has passed"
        );
        self.live += 1;
        self.file(entry);
    }

    /// The bucket of an instant after the present one: (level, value).
    #[inline]
    fn bucket_of(&self, at: SimTime) -> (usize, usize) {
        let differs = at.0 ^ self.now.0;
        debug_assert!(differs != 0, "the present instant has no bucket");
        let level = (63 - differs.leading_zeros()) / DIGIT;
        (level as usize, (at.0 >> (level * DIGIT)) as usize & (VALUES - 1))
    }

    #[inline(always)]
    fn file(&mut self, entry: Entry<E>) {
        if entry.at == self.now {
            self.present[entry.class as usize].push_back(entry);
            self.present_classes |= 1 << entry.class as u8;
            return;
        }
        if entry.at <= self.near.until {
            if !self.near.is_full() {
                self.near.insert(entry);
                return;
            }
            self.close_near();
        }
        self.file_away(entry);
    }

    /// The next events have become too many to be sorted.
    #[cold]
    fn close_near(&mut self) {
        let mut near = std::mem::replace(&mut self.near, Near::new());
        near.close(self.now, |entry| self.file_away(entry));
        self.near = near;
    }

    /// Files an entry of a later instant that is not one of the next.
    #[inline(always)]
    fn file_away(&mut self, entry: Entry<E>) {
        let (level, value) = self.bucket_of(entry.at);
        let bucket = &mut self.future[level * VALUES + value];
        if bucket.first == NO_BLOCK {
            self.levels |= 1 << level;
            self.words[level] |= 1 << (value / 64);
            self.values[level][value / 64] |= 1 << (value % 64);
        }
        self.blocks.append(bucket, entry);
    }

    /// Sets the clock to `at` and opens the bucket that holds this instant, if there is one.
    #[inline]
    fn reach(&mut self, at: SimTime, mut soon: impl FnMut(E)) {
        if at <= self.near.until {
            self.now = at; // all buckets are of later instants
            return;
        }
        let (level, value) = self.bucket_of(at);
        self.now = at;
        // Lower levels are empty (their instants lie before `at`); all other buckets keep their place.
        if self.values[level][value / 64] >> (value % 64) & 1 == 0 {
            return;
        }
        let bucket = self.future[level * VALUES + value];
        self.forget(level, value);
        if bucket.first == bucket.last {
            return self.sort(&bucket, level, soon);
        }
        let mut block = bucket.first;
        while block != NO_BLOCK {
            self.blocks.ask_for(self.blocks.next[block as usize]);
            let begin = block as usize * BLOCK;
            for index in begin..begin + bucket.filled(block) {
                let entry = self.blocks.entries[index];
                if level > 0 && level <= NEXT_LEVEL {
                    soon(entry.event);
                }
                self.file(entry);
            }
            self.blocks.free.push(block);
            block = self.blocks.next[block as usize];
        }
    }

    /// Sorts the only block of a bucket: its entries are the next, and whatever comes between them.
    fn sort(&mut self, bucket: &Bucket, level: usize, mut soon: impl FnMut(E)) {
        debug_assert!(self.near.first().is_none(), "the next events come before all buckets");
        self.near.until = SimTime(self.now.0 | ((1 << (level as u32 * DIGIT)) - 1));
        let begin = bucket.first as usize * BLOCK;
        for entry in &self.blocks.entries[begin..begin + bucket.filled(bucket.first)] {
            if level > 0 {
                soon(entry.event);
            }
            self.near.insert(*entry);
        }
        self.blocks.free.push(bucket.first);
    }

    /// Marks a bucket as empty.
    fn forget(&mut self, level: usize, value: usize) {
        self.future[level * VALUES + value] = Bucket::EMPTY;
        self.values[level][value / 64] &= !(1 << (value % 64));
        if self.values[level][value / 64] == 0 {
            self.words[level] &= !(1 << (value / 64));
        }
        if self.words[level] == 0 {
            self.levels &= !(1 << level);
        }
    }

    /// Drops cancelled entries, so that they never outnumber the standing ones.
    fn sweep(&mut self) {
        let claims = &self.claims;
        let stands = |claim: u32| claim == 0 || claims[claim as usize - 1].standing;
        let mut dropped = Vec::new();
        let mut keep = |entry: &Entry<E>| {
            let standing = stands(entry.claim);
            if !standing {
                dropped.push(entry.claim);
            }
            standing
        };
        for (class, queue) in self.present.iter_mut().enumerate() {
            queue.retain(&mut keep);
            if queue.is_empty() {
                self.present_classes &= !(1 << class);
            }
        }
        self.near.retain(&mut keep);
        let (mut emptied, mut standing) = (Vec::new(), Vec::new());
        for index in 0..self.future.len() {
            let bucket = self.future[index];
            if bucket.first == NO_BLOCK {
                continue;
            }
            let mut block = bucket.first;
            while block != NO_BLOCK {
                let begin = block as usize * BLOCK;
                let entries = &self.blocks.entries[begin..begin + bucket.filled(block)];
                standing.extend(entries.iter().copied().filter(&mut keep));
                self.blocks.free.push(block);
                block = self.blocks.next[block as usize];
            }
            self.future[index] = Bucket::EMPTY;
            for entry in standing.drain(..) {
                self.blocks.append(&mut self.future[index], entry);
            }
            if self.future[index].first == NO_BLOCK {
                emptied.push(index);
            }
        }
        for index in emptied {
            self.forget(index / VALUES, index % VALUES);
        }
        for claim in dropped {
            self.settle_claim(claim);
        }
    }
}
