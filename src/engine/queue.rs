//! The event queue: a monotone radix heap that keeps ties in order.
//!
//! Instants are read as 8 digits of 8 bits. An entry sits in the bucket of (the highest digit in which its instant
//! differs from the clock, the value of that digit); entries of the present instant sit by themselves. The earliest
//! entry is in the first occupied bucket; when the clock reaches it, the bucket is emptied into lower ones. Entries of
//! one instant always share a bucket, and buckets are filled and emptied from front to back, so ties leave in order of
//! scheduling without a sequence number. An entry moves at most 8 times and usually three or four: digits are wide,
//! since a move costs more than looking for the next bucket. Buckets are chains of small blocks from one pool, so
//! memory follows the entries that are alive, and nothing is allocated once the pool has grown.

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
/// Words of a set of values.
const WORDS: usize = VALUES / 64;

/// A claim on a scheduled event, to cancel it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    slot: u32,
    generation: u32,
}

#[derive(Clone, Copy)]
struct Entry<E> {
    at: SimTime,
    event: E,
    class: Class,
    /// Index into `claims` plus one; zero for the many events that nobody can cancel.
    claim: u32,
}

/// Entries whose instants share all digits above their level, and the digit of it: a chain of blocks.
#[derive(Clone, Copy)]
struct Bucket {
    first: u32,
    last: u32,
    /// Entries of the last block; all others are full.
    filled: u32,
    earliest: SimTime,
}

impl Bucket {
    /// Its last block counts as full, so that the first entry takes one.
    const EMPTY: Bucket =
        Bucket { first: NO_BLOCK, last: NO_BLOCK, filled: BLOCK as u32, earliest: SimTime::NEVER };

    /// How many entries of a block of this bucket there are.
    #[inline]
    fn filled(&self, block: u32) -> usize {
        if block == self.last { self.filled as usize } else { BLOCK }
    }
}

/// Entries of a block.
const BLOCK: usize = 16;
const NO_BLOCK: u32 = u32::MAX;

/// The pool of blocks. A block that is not in a chain is on the free list.
struct Blocks<E> {
    /// Block `b` begins at `b * BLOCK`.
    entries: Vec<Entry<E>>,
    next: Vec<u32>,
    free: Vec<u32>,
}

impl<E: Copy> Blocks<E> {
    #[inline]
    fn append(&mut self, bucket: &mut Bucket, entry: Entry<E>) {
        if bucket.filled as usize >= BLOCK {
            self.extend(bucket, entry);
        }
        self.entries[bucket.last as usize * BLOCK + bucket.filled as usize] = entry;
        bucket.filled += 1;
        bucket.earliest = bucket.earliest.min(entry.at);
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
    /// Bucket `level * VALUES + value`.
    future: Vec<Bucket>,
    blocks: Blocks<E>,
    /// Bit `level` is set when any bucket of the level holds anything.
    levels: u32,
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
            future: vec![Bucket::EMPTY; LEVELS * VALUES],
            blocks: Blocks { entries: Vec::new(), next: Vec::new(), free: Vec::new() },
            levels: 0,
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

    /// When and in which class the next event happens. Cancelled entries may make it earlier than the truth,
    /// never later.
    #[inline]
    #[must_use]
    pub fn next_rank(&self) -> Option<(SimTime, Class)> {
        if self.present_classes != 0 {
            let queue = &self.present[self.present_classes.trailing_zeros() as usize];
            return queue.front().map(|entry| (self.now, entry.class));
        }
        // The class is only known once the bucket is opened; `Release` is a safe lower bound.
        self.first_bucket().map(|bucket| (self.future[bucket].earliest, Class::Release))
    }

    /// The bucket of the earliest entry after the present instant.
    #[inline]
    fn first_bucket(&self) -> Option<usize> {
        if self.levels == 0 {
            return None;
        }
        let level = self.levels.trailing_zeros() as usize;
        let values = &self.values[level];
        let word = values.iter().position(|word| *word != 0).expect("the level holds something");
        Some(level * VALUES + word * 64 + values[word].trailing_zeros() as usize)
    }

    /// Moves the clock to `at`, which must not be later than the next event, and opens the instant.
    #[inline]
    pub fn advance_to(&mut self, at: SimTime, class: Class) {
        assert!(at >= self.now, "the clock does not run backwards");
        if at > self.now {
            debug_assert!(self.present_classes == 0, "the instant is finished");
            self.reach(at);
        }
        debug_assert!(
            u32::from(self.present_classes).trailing_zeros() >= class as u32,
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
            let bucket = self.first_bucket()?;
            self.reach(self.future[bucket].earliest);
            self.open_from = Class::Release;
        }
    }

    /// Takes the next event of the present instant; the clock does not move.
    #[inline]
    pub fn pop_present(&mut self) -> Option<(Class, E)> {
        while self.present_classes != 0 {
            let class = self.present_classes.trailing_zeros() as usize;
            let queue = &mut self.present[class];
            let entry = queue.pop_front().expect("the class is not empty");
            if queue.is_empty() {
                self.present_classes &= !(1 << class);
            }
            if self.settle_claim(entry.claim) {
                self.live -= 1;
                self.open_from = entry.class;
                return Some((entry.class, entry.event));
            }
        }
        None
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
        let (level, value) = self.bucket_of(entry.at);
        let bucket = &mut self.future[level * VALUES + value];
        if bucket.first == NO_BLOCK {
            self.levels |= 1 << level;
            self.values[level][value / 64] |= 1 << (value % 64);
        }
        self.blocks.append(bucket, entry);
    }

    /// Sets the clock to `at` and refiles the bucket that holds this instant, front to back.
    fn reach(&mut self, at: SimTime) {
        let (level, value) = self.bucket_of(at);
        self.now = at;
        // Lower levels are empty (their instants lie before `at`); all other buckets keep their place.
        if self.values[level][value / 64] >> (value % 64) & 1 == 0 {
            return;
        }
        let bucket = self.future[level * VALUES + value];
        self.forget(level, value);
        let mut block = bucket.first;
        while block != NO_BLOCK {
            let begin = block as usize * BLOCK;
            for index in begin..begin + bucket.filled(block) {
                self.file(self.blocks.entries[index]);
            }
            self.blocks.free.push(block);
            block = self.blocks.next[block as usize];
        }
    }

    /// Marks a bucket as empty.
    fn forget(&mut self, level: usize, value: usize) {
        self.future[level * VALUES + value] = Bucket::EMPTY;
        self.values[level][value / 64] &= !(1 << (value % 64));
        if self.values[level] == [0; WORDS] {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ties_leave_by_class_and_then_in_order_of_scheduling() {
        let mut queue = Queue::new();
        let at = SimTime(1_000);
        for (class, event) in [
            (Class::Sample, 'f'),
            (Class::Demand, 'c'),
            (Class::Release, 'a'),
            (Class::Demand, 'd'),
            (Class::Release, 'b'),
            (Class::Control, 'e'),
        ] {
            queue.schedule(at, class, event);
        }
        let order: String = std::iter::from_fn(|| queue.pop().map(|(_, event)| event)).collect();
        assert_eq!(order, "abcdef");
    }

    #[test]
    #[should_panic(expected = "in the past")]
    fn an_earlier_class_of_the_present_instant_is_refused() {
        let mut queue = Queue::new();
        queue.schedule(SimTime(5), Class::Demand, ());
        queue.pop();
        queue.schedule(SimTime(5), Class::Release, ());
    }

    #[test]
    fn cancelled_events_never_fire_and_do_not_pile_up() {
        let mut queue = Queue::new();
        for i in 0..10_000u64 {
            let ticket = queue.schedule_cancellable(SimTime(i + 1), Class::Demand, i);
            if i % 100 != 0 {
                assert!(queue.cancel(ticket));
                assert!(!queue.cancel(ticket), "a ticket is good once");
            }
            assert!(queue.entries() <= 2 * queue.len() + 65);
        }
        let fired: Vec<u64> = std::iter::from_fn(|| queue.pop().map(|(_, event)| event)).collect();
        assert_eq!(fired, (0..10_000).step_by(100).collect::<Vec<_>>());
        assert_eq!((queue.len(), queue.entries()), (0, 0));
    }

    #[derive(Clone, Debug)]
    enum Op {
        Push { ahead: u64, class: u8 },
        PushCancellable { ahead: u64, class: u8 },
        Cancel { which: usize },
        Pop,
    }

    fn op() -> impl Strategy<Value = Op> {
        let ahead = prop_oneof![Just(0u64), 0..4u64, 0..5_000u64, 0..(1u64 << 50)];
        prop_oneof![
            4 => (ahead.clone(), 0..5u8).prop_map(|(ahead, class)| Op::Push { ahead, class }),
            2 => (ahead, 0..5u8).prop_map(|(ahead, class)| Op::PushCancellable { ahead, class }),
            1 => (0..1_000usize).prop_map(|which| Op::Cancel { which }),
            4 => Just(Op::Pop),
        ]
    }

    const ALL: [Class; 5] =
        [Class::Release, Class::Supply, Class::Demand, Class::Control, Class::Sample];

    proptest! {
        /// The queue agrees with a sorted list of (instant, class, sequence).
        #[test]
        fn the_queue_equals_a_sorted_list(ops in proptest::collection::vec(op(), 1..400)) {
            let mut queue = Queue::new();
            let mut list: Vec<(u64, u8, u64)> = Vec::new();
            let mut tickets = Vec::new();
            let mut open = 0u8;
            for (seq, op) in ops.into_iter().enumerate() {
                let seq = seq as u64;
                match op {
                    Op::Push { ahead, class } | Op::PushCancellable { ahead, class } => {
                        let cancellable = matches!(op, Op::PushCancellable { .. });
                        let class = if ahead == 0 { class.max(open) } else { class };
                        let at = queue.now().0 + ahead;
                        list.push((at, class, seq));
                        if cancellable {
                            let ticket = queue.schedule_cancellable(SimTime(at), ALL[class as usize], seq);
                            tickets.push((ticket, seq));
                        } else {
                            queue.schedule(SimTime(at), ALL[class as usize], seq);
                        }
                    }
                    Op::Cancel { which } => if !tickets.is_empty() {
                        let (ticket, seq) = tickets[which % tickets.len()];
                        let stood = list.iter().position(|&(_, _, s)| s == seq);
                        prop_assert_eq!(queue.cancel(ticket), stood.is_some());
                        stood.map(|i| list.remove(i));
                    },
                    Op::Pop => {
                        let expected = list.iter().copied().min();
                        list.retain(|entry| Some(*entry) != expected);
                        let popped = queue.pop();
                        prop_assert_eq!(popped.map(|(c, s)| (queue.now().0, c as u8, s)), expected);
                        open = expected.map_or(open, |(_, class, _)| class);
                    }
                }
                prop_assert_eq!(queue.len(), list.len());
            }
        }
    }
}
