//! The event queue: a monotone radix heap that keeps ties in order.
//!
//! Entries sit in buckets by the highest bit in which their instant differs from the clock (bucket 0: the
//! present instant). Entries of one instant always share a bucket, buckets are filled and emptied from front to
//! back, so ties leave in order of scheduling without a sequence number. An entry moves to a lower bucket at
//! most 64 times; in practice push + pop cost a few dozen nanoseconds at a million entries, with no allocation
//! once the buckets have grown.

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
const BUCKETS: usize = 65;

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
    future: Vec<Vec<Entry<E>>>,
    /// Earliest instant in each future bucket.
    earliest: [SimTime; BUCKETS],
    /// Bit `b - 1` is set when future bucket `b` holds anything.
    occupied: u64,
    spare: Vec<Entry<E>>,
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
            future: (0..BUCKETS).map(|_| Vec::new()).collect(),
            earliest: [SimTime::NEVER; BUCKETS],
            occupied: 0,
            spare: Vec::new(),
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
        if let Some(queue) = self.present.iter().find(|queue| !queue.is_empty()) {
            return queue.front().map(|entry| (self.now, entry.class));
        }
        // The class is only known once the bucket is opened; `Release` is a safe lower bound.
        (self.occupied != 0)
            .then(|| (self.earliest[self.occupied.trailing_zeros() as usize + 1], Class::Release))
    }

    /// Moves the clock to `at`, which must not be later than the next event, and opens the instant.
    #[inline]
    pub fn advance_to(&mut self, at: SimTime, class: Class) {
        assert!(at >= self.now, "the clock does not run backwards");
        if at > self.now {
            debug_assert!(self.present.iter().all(VecDeque::is_empty), "the instant is finished");
            self.reach(at);
        }
        debug_assert!(
            self.present[..class as usize].iter().all(VecDeque::is_empty),
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
            if self.occupied == 0 {
                return None;
            }
            self.reach(self.earliest[self.occupied.trailing_zeros() as usize + 1]);
            self.open_from = Class::Release;
        }
    }

    /// Takes the next event of the present instant; the clock does not move.
    #[inline]
    pub fn pop_present(&mut self) -> Option<(Class, E)> {
        while let Some(class) = (0..CLASSES).find(|&c| !self.present[c].is_empty()) {
            let entry = self.present[class].pop_front().expect("the class is not empty");
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

    #[inline]
    fn file(&mut self, entry: Entry<E>) {
        let differs = entry.at.0 ^ self.now.0;
        if differs == 0 {
            self.present[entry.class as usize].push_back(entry);
            return;
        }
        let bucket = 64 - differs.leading_zeros() as usize;
        self.occupied |= 1 << (bucket - 1);
        if entry.at < self.earliest[bucket] {
            self.earliest[bucket] = entry.at;
        }
        self.future[bucket].push(entry);
    }

    /// Sets the clock to `at` and refiles the bucket that holds this instant, front to back.
    fn reach(&mut self, at: SimTime) {
        let bucket = 64 - (at.0 ^ self.now.0).leading_zeros() as usize;
        self.now = at;
        // Lower buckets are empty (their instants lie before `at`); higher ones keep their place.
        if self.occupied >> (bucket - 1) & 1 == 0 {
            return;
        }
        let spare = std::mem::take(&mut self.spare);
        let mut entries = std::mem::replace(&mut self.future[bucket], spare);
        self.occupied &= !(1 << (bucket - 1));
        self.earliest[bucket] = SimTime::NEVER;
        for entry in entries.drain(..) {
            self.file(entry);
        }
        self.spare = entries;
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
        for queue in &mut self.present {
            queue.retain(&mut keep);
        }
        for (bucket, entries) in self.future.iter_mut().enumerate().skip(1) {
            entries.retain(&mut keep);
            self.earliest[bucket] =
                entries.iter().map(|entry| entry.at).min().unwrap_or(SimTime::NEVER);
            if entries.is_empty() {
                self.occupied &= !(1 << (bucket - 1));
            }
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
