//! The few events that come next, sorted, so that the last of them moves no more.

use super::blocks::{BLOCK, Entry};
use crate::base::time::SimTime;

/// Entries at most: one is put in its place by comparing it with those that come later.
const MOST: usize = 2 * BLOCK;

/// Every event up to an instant in the total order, but for those that were scheduled at the present instant for itself.
pub(super) struct Near<E> {
    /// Those before `taken` are gone.
    entries: Vec<Entry<E>>,
    taken: usize,
    /// An event that is scheduled for later than now and up to here belongs to these.
    pub(super) until: SimTime,
}

impl<E: Copy> Near<E> {
    /// No events, and none that belong here.
    pub(super) fn new() -> Near<E> {
        Near { entries: Vec::new(), taken: 0, until: SimTime::ZERO }
    }

    /// The next of them.
    #[inline]
    pub(super) fn first(&self) -> Option<&Entry<E>> {
        self.entries.get(self.taken)
    }

    /// Takes the next of them.
    #[inline]
    pub(super) fn take(&mut self) {
        self.taken += 1;
        if self.taken == self.entries.len() {
            self.entries.clear();
            self.taken = 0;
        }
    }

    /// Whether there is no room for another.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() - self.taken >= MOST
    }

    /// Adds an event, behind those of its instant and class.
    #[inline]
    pub(super) fn insert(&mut self, entry: Entry<E>) {
        if self.entries.len() == 2 * MOST {
            self.entries.drain(..self.taken);
            self.taken = 0;
        }
        let mut at = self.entries.len();
        self.entries.push(entry);
        while at > self.taken && self.entries[at - 1].rank() > entry.rank() {
            self.entries[at] = self.entries[at - 1];
            at -= 1;
        }
        self.entries[at] = entry;
    }

    /// Gives up those later than `now`, in order: what is scheduled from now on belongs elsewhere.
    pub(super) fn close(&mut self, now: SimTime, give_up: impl FnMut(Entry<E>)) {
        self.until = SimTime::ZERO;
        let later = self.entries[self.taken..].partition_point(|entry| entry.at <= now);
        self.entries.drain(self.taken + later..).for_each(give_up);
    }

    /// Keeps those that `keep` names.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Entry<E>) -> bool) {
        self.entries.drain(..self.taken);
        self.taken = 0;
        self.entries.retain(keep);
    }
}
