//! Messages that come back: what failed in a stretch of time is visible again a visibility timeout later, first in line,
//! and after its last receive it is a dead letter, or as old as the queue keeps it.
//!
//! Time is cut into *cells* of equal length, of which a visibility timeout has a whole number. What failed in a cell comes
//! back evenly over the one that lies a timeout later (assumed), told apart by how often it was received. Cells begin and
//! end at the same instants however often anybody asks, so that the totals do not depend on it.

use crate::base::time::{SimSpan, SimTime};
use crate::load::arrivals::mul_div;
use crate::load::ledger::Loss;
use crate::model::traffic::{Delivery, MICRO};
use std::collections::VecDeque;

/// Visibility timeouts are at least so long, microseconds.
const SHORTEST: u64 = 1_000_000;
/// A cell is at most so long, microseconds.
const LONGEST_CELL: u64 = 30_000_000;

/// Receives that a message gets at most, and what it is then: a dead letter, or too old for the queue.
fn most_receives(visibility: u64, limit: Option<u32>, retention: u64) -> (u64, Loss) {
    // Without a limit of receives a message comes back for as long as the queue keeps it.
    let kept = retention.div_ceil(visibility).max(1); // the last one before it is deleted
    match limit.map(u64::from) {
        Some(limit) if limit <= kept => (limit, Loss::DeadLetter),
        _ => (kept, Loss::Timeout),
    }
}

/// At which receive messages that are done with are.
#[derive(Default, PartialEq)]
pub(in crate::load) struct Tries {
    /// Microseconds from one receive to the next.
    pub visibility: f64,
    /// Of those that are done with, parts per million: at the first receive, at the second, and so on; empty: all at the
    /// first.
    pub shares: Vec<u64>,
}

impl Tries {
    /// Whether all are done with at the first receive.
    pub fn are_alike(&self) -> bool {
        self.shares.is_empty()
    }
}

/// Messages by how often they have been received: once, twice, and so on.
type Classes = Vec<u64>;

/// What an instant of an epoch adds.
#[derive(Default)]
pub(super) struct Back {
    /// Receives beside the first of a message.
    pub received: u64,
    /// Messages that were received as often as they may be.
    pub over: u64,
}

/// The messages that were received and not done with.
pub(super) struct Returns {
    most: usize,
    pub loss: Loss,
    /// Microseconds: the timeout, and a cell.
    visibility: u64,
    cell: u64,
    cells: usize,
    start: SimTime,
    /// What comes back in later cells, the next one first.
    line: VecDeque<Classes>,
    /// Of the present cell: what is visible again and not received, and what becomes visible in it.
    bag: Classes,
    coming: u64,
    /// What leaves the queue in it.
    over: u64,
    /// Failures of the cell in epochs that are over, of first receives and of others, and the latter's receives.
    fresh_failed: u64,
    back_failed: u64,
    back_received: u64,
    /// Visible again and not received, at the epoch's start.
    held: u64,
    epoch: Epoch,
    /// Failed and neither visible again nor gone.
    hidden: u64,
}

/// What an epoch has come to so far.
#[derive(Default)]
struct Epoch {
    /// What had become visible and gone in the cell when it began.
    visible_before: u64,
    over_before: u64,
    visible: u64,
    over: u64,
    served: u64,
    received: u64,
    failed: u64,
}

impl Returns {
    /// By these rules, in a queue that keeps messages for `retention`.
    pub fn new(rules: Delivery, retention: SimSpan) -> Returns {
        let visibility = rules.visibility.0.max(SHORTEST);
        let (most, loss) = most_receives(visibility, rules.max_receives, retention.0);
        let cells = visibility.div_ceil(LONGEST_CELL);
        Returns {
            most: usize::try_from(most).unwrap_or(usize::MAX),
            loss,
            visibility,
            cell: visibility.div_ceil(cells),
            cells: cells as usize,
            start: SimTime::ZERO,
            line: VecDeque::new(),
            bag: Classes::new(),
            coming: 0,
            over: 0,
            fresh_failed: 0,
            back_failed: 0,
            back_received: 0,
            held: 0,
            epoch: Epoch::default(),
            hidden: 0,
        }
    }

    /// Failed and not visible, millionths.
    pub fn hidden(&self) -> u64 {
        self.hidden
    }

    /// An epoch begins at `now`, with `backlog` visible; `fails` says whether anything can fail in it. Gives the end of the
    /// cell, where it matters.
    pub fn begin(&mut self, now: SimTime, backlog: u64, fails: bool) -> Option<SimTime> {
        self.end_epoch();
        if !fails && self.hidden == 0 && self.held == 0 {
            self.rest(now);
            return None;
        }
        while self.start.0 + self.cell <= now.0 {
            self.next_cell();
        }
        self.held = self.held.min(backlog);
        let (visible, over) = self.by(now);
        self.epoch = Epoch { visible_before: visible, over_before: over, ..Epoch::default() };
        Some(SimTime(self.start.0 + self.cell))
    }

    /// Nothing is on its way: the cell of `now`, empty.
    fn rest(&mut self, now: SimTime) {
        self.start = SimTime(now.0 / self.cell * self.cell);
        self.line.clear();
        self.bag.clear();
        (self.coming, self.over) = (0, 0);
        (self.fresh_failed, self.back_failed, self.back_received) = (0, 0, 0);
        self.epoch = Epoch::default();
    }

    /// What has become visible, and what is over, from the cell's start to `at`.
    fn by(&self, at: SimTime) -> (u64, u64) {
        let passed = at.since(self.start).0;
        (mul_div(self.coming, passed, self.cell), mul_div(self.over, passed, self.cell))
    }

    /// What becomes visible from the epoch's start to `at`.
    pub fn visible_by(&self, at: SimTime) -> u64 {
        self.by(at).0 - self.epoch.visible_before
    }

    /// By `at`, `served` more have been received, whoever is visible again before the others.
    pub fn go_on(&mut self, at: SimTime, served: u64) -> Back {
        let (visible, over) = self.by(at);
        let epoch = &mut self.epoch;
        let visible = visible - epoch.visible_before;
        let gone = over - epoch.over_before;
        self.hidden -= (visible - epoch.visible) + (gone - epoch.over);
        epoch.served += served;
        let received = (self.held + visible).min(epoch.served);
        let back = Back { received: received - epoch.received, over: gone - epoch.over };
        (epoch.visible, epoch.over, epoch.received) = (visible, gone, received);
        back
    }

    /// So many of those that were received were not done with.
    pub fn fail(&mut self, failed: u64) {
        self.epoch.failed += failed;
        self.hidden += failed;
    }

    /// Of the visible ones those that were received before.
    pub fn waiting(&self) -> u64 {
        self.held + self.epoch.visible - self.epoch.received
    }

    /// The epoch is over: its failures are of first receives and of others as its receives are.
    fn end_epoch(&mut self) {
        let held = self.waiting();
        let Epoch { served, received, failed, .. } = std::mem::take(&mut self.epoch);
        let back = if served == 0 { 0 } else { mul_div(failed, received, served) };
        self.back_failed += back;
        self.fresh_failed += failed - back;
        self.back_received += received;
        self.held = held;
    }

    /// The cell is over: what failed in it goes into the line, and the next one of the line comes.
    fn next_cell(&mut self) {
        let all: u64 = self.bag.iter().sum();
        let (mut left, mut received, mut failed) =
            (all, self.back_received.min(all), self.back_failed);
        let mut of_cell = vec![std::mem::take(&mut self.fresh_failed)];
        for class in &mut self.bag {
            let part = if left == 0 { 0 } else { mul_div(received, *class, left) };
            let lost = if received == 0 { 0 } else { mul_div(failed, part, received) };
            left -= *class;
            received -= part;
            failed -= lost;
            *class -= part;
            of_cell.push(lost);
        }
        trim(&mut of_cell);
        (self.back_failed, self.back_received) = (0, 0);
        while self.line.len() + 1 < self.cells {
            self.line.push_back(Classes::new());
        }
        self.line.push_back(of_cell);
        let mut coming = self.line.pop_front().unwrap_or_default();
        self.over = coming.split_off(coming.len().min(self.most - 1)).iter().sum();
        self.coming = coming.iter().sum();
        self.bag.resize(self.bag.len().max(coming.len()), 0);
        self.bag.iter_mut().zip(&coming).for_each(|(class, more)| *class += more);
        trim(&mut self.bag);
        self.start = SimTime(self.start.0 + self.cell);
    }

    /// Of what is received in an epoch that ends at `end`, in which `fresh` come for the first time or wait for it and
    /// `possible` can be received: at which receive they are done with.
    pub fn tries(&self, end: SimTime, fresh: u64, possible: u64) -> Tries {
        let back = (self.held + self.visible_by(end)).min(possible);
        let all = (back + fresh).min(possible);
        let bag: u64 = self.bag.iter().sum();
        if back == 0 || all == 0 || bag == 0 {
            return Tries::default();
        }
        let of_back = mul_div(MICRO, back, all);
        let mut shares = vec![MICRO - of_back];
        shares.extend(self.bag.iter().map(|&class| mul_div(of_back, class, bag)));
        Tries { visibility: self.visibility as f64, shares }
    }
}

/// Classes without the empty ones at the end.
fn trim(classes: &mut Classes) {
    classes.truncate(classes.iter().rposition(|&class| class > 0).map_or(0, |last| last + 1));
}
