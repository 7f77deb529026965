//! Messages that are not done with come back: visibility timeouts, receives, dead letters.

use super::slab::Place;
use super::{Ledger, Loss, Requests, Slab};
use crate::model::traffic::{Delivery, MICRO};
use std::collections::VecDeque;

/// The timeouts to come: all take equally long, so they are due in the order of receives.
#[derive(Default)]
pub(super) struct Timeouts {
    rules: Option<Delivery>,
    line: VecDeque<Timeout>,
}

/// A receive of a message, and when it is visible again.
#[derive(Clone, Copy)]
struct Timeout {
    at: u64,
    slot: u32,
    number: u64,
    receives: u32,
}

impl Timeouts {
    pub fn new(rules: Option<Delivery>) -> Timeouts {
        Timeouts { rules, line: VecDeque::new() }
    }

    /// Whether messages come back after a time.
    pub fn are_kept(&self) -> bool {
        self.rules.is_some()
    }

    /// When the next message is visible again, nanoseconds. Those that are done with are forgotten on the way.
    pub fn next(&mut self, slab: &Slab) -> Option<u64> {
        while let Some(timeout) = self.line.front() {
            if timeout.is_open(slab) {
                return Some(timeout.at);
            }
            self.line.pop_front();
        }
        None
    }

    /// A message is received at `now`.
    fn add(&mut self, slab: &Slab, slot: u32, now: u64) {
        let Some(rules) = self.rules else { return };
        let request = slab.get(slot);
        let at = now.saturating_add(rules.visibility.0.saturating_mul(1_000));
        self.line.push_back(Timeout {
            at,
            slot,
            number: request.number,
            receives: request.receives,
        });
        // Memory follows the messages that are alive, not those of a long timeout.
        if self.line.len() as u64 > 2 * slab.alive() + 1_024 {
            self.line.retain(|timeout| timeout.is_open(slab));
        }
    }
}

impl Timeout {
    fn is_open(&self, slab: &Slab) -> bool {
        let request = slab.get(self.slot);
        request.number == self.number
            && request.receives == self.receives
            && !request.is_ghost
            && matches!(request.place, Place::Cpu | Place::Io | Place::Hidden)
    }
}

impl Requests {
    /// A message is received: counted, or a dead letter, which gives `false`.
    pub(super) fn receive(&mut self, slot: u32) -> bool {
        let Some(rules) = self.timeouts.rules else { return true };
        let request = self.slab.get_mut(slot);
        if rules.max_receives.is_some_and(|most| request.receives >= most) {
            self.slab.remove(slot);
            self.ledger.dropped(0, Loss::DeadLetter, MICRO);
            return false;
        }
        request.receives += 1;
        if request.receives > 1 {
            self.ledger.received_again(MICRO);
        }
        self.timeouts.add(&self.slab, slot, self.now);
        true
    }

    /// The oldest timeout is over: its message is visible again, first in line, whether somebody works on it or not.
    pub(super) fn reappear(&mut self) {
        let Some(timeout) = self.timeouts.line.pop_front() else { return };
        let slot = match self.slab.get(timeout.slot).place {
            Place::Hidden => {
                self.slab.get_mut(timeout.slot).place = Place::Central;
                timeout.slot
            }
            _ => self.slab.split(timeout.slot),
        };
        self.central.push_front(slot);
        self.dispatch();
    }

    /// Work on a message ends: `true` where that answers it. An error leaves it hidden until its timeout; a ghost answers
    /// it as long as nobody has received it again.
    pub(super) fn answers(&mut self, slot: u32) -> bool {
        if !self.timeouts.are_kept() {
            return true;
        }
        let request = *self.slab.get(slot);
        if !request.is_ghost {
            if request.is_error {
                self.slab.get_mut(slot).place = Place::Hidden;
            }
            return !request.is_error;
        }
        self.slab.remove(slot);
        let twin = self.slab.get(request.twin);
        let waits = twin.number == request.number
            && twin.receives == request.receives
            && twin.place == Place::Central;
        if !request.is_error && waits {
            if let Some(at) = self.central.iter().position(|slot| *slot == request.twin) {
                self.central.remove(at);
            }
            self.slab.remove(request.twin);
            self.ledger.served(0, MICRO, 0);
            self.latency.add(self.since(request.arrival), MICRO);
        }
        false
    }

    /// Messages of a lost task: hidden until their timeouts, or back at once where there are none.
    pub(super) fn give_back(&mut self, slots: Vec<u32>) {
        for slot in slots.into_iter().rev() {
            if self.slab.get(slot).is_ghost {
                self.slab.remove(slot);
            } else if self.timeouts.are_kept() {
                self.slab.get_mut(slot).place = Place::Hidden;
            } else {
                self.slab.get_mut(slot).place = Place::Central;
                self.central.push_front(slot);
            }
        }
    }

    /// The run ends: what is hidden is unfinished, too.
    pub(super) fn finish_hidden(slab: &mut Slab, ledger: &mut Ledger) {
        while let Some(slot) = slab.oldest() {
            slab.remove(slot);
            ledger.dropped(0, Loss::Unfinished, MICRO);
        }
    }
}
