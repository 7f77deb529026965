//! Messages that come back, and requests that nobody waits for long enough, as a fluid: how many receives one takes on
//! average, and how many are never done with.
//!
//! Each receive fails with the same chance, of an error or of work that takes longer than the visibility timeout; so of
//! `n` receives at most, a message takes `(1 − q^n) / (1 − q)` on average and fails with chance `q^n`. All of its work
//! is done in one go here, when it is first received (assumed); the time until it is done with holds the visibility
//! timeouts between its receives.

use crate::load::ledger::Loss;
use crate::load::work::{Cost, SIZES};
use crate::model::traffic::{Delivery, MICRO};

/// What becomes of the messages of one kind of task.
#[derive(Clone, Copy)]
pub(in crate::load) struct Redelivery {
    /// Receives of a message, millionths: the mean.
    pub receives: u64,
    /// Messages that are never done with, parts per million, and what they are then.
    pub failed_ppm: u64,
    pub loss: Loss,
    /// Whether an error brings a message back: of those that are done with none has ended in one.
    pub errors_come_back: bool,
}

impl Redelivery {
    /// Requests whose own work takes longer than anybody waits, where one of a CPU second takes `slow` seconds: they are
    /// worked on, and given up before the answer. The latencies of the others are cut at the time-out, and not told apart.
    pub fn given_up(cost: &Cost, slow: f64, timeout: u64) -> Self {
        let patience = timeout as f64 / 1e6;
        let is_late = |&&(cpu, io): &&(f64, f64)| cpu * slow + io > patience;
        let late = cost.sizes.iter().filter(is_late).count() as u64;
        Redelivery { failed_ppm: late * MICRO / SIZES as u64, ..Redelivery::NONE }
    }

    /// Nothing comes back.
    pub const NONE: Redelivery =
        Redelivery { receives: MICRO, failed_ppm: 0, loss: Loss::Timeout, errors_come_back: false };

    /// For `workers` in all, where a message takes `full` seconds once it has a worker, of which `error_ppm` end in an
    /// error, in a queue that keeps messages for `retention` microseconds. A lone worker is done with a message before
    /// anybody can receive it again.
    pub fn of(
        rules: Delivery,
        cost: &Cost,
        (workers, full): (u64, f64),
        error_ppm: u32,
        retention: u64,
    ) -> (Self, Tries) {
        let slow = if cost.cpu > 0.0 { (full - cost.io).max(0.0) / cost.cpu } else { 1.0 };
        let patience = rules.visibility.0 as f64 / 1e6;
        let is_late = |&&(cpu, io): &&(f64, f64)| workers > 1 && cpu * slow + io > patience;
        let late = cost.sizes.iter().filter(is_late).count() as f64 / SIZES as f64;
        let fails = 1.0 - (1.0 - late) * (1.0 - f64::from(error_ppm) / 1e6);
        // Without a limit of receives a message comes back for as long as the queue keeps it.
        let kept = match rules.visibility.0 {
            0 => u64::from(u32::MAX),
            visibility => retention.div_ceil(visibility).max(1), // the last one before it is deleted
        };
        let most = rules.max_receives.map_or(kept, |most| u64::from(most).min(kept));
        let failed = libm::pow(fails, most as f64);
        let receives = if fails < 1.0 { (1.0 - failed) / (1.0 - fails) } else { most as f64 };
        let redelivery = Redelivery {
            receives: (receives * 1e6).round() as u64,
            failed_ppm: (failed * 1e6).round() as u64,
            loss: match rules.max_receives {
                Some(limit) if u64::from(limit) <= kept => Loss::DeadLetter,
                _ => Loss::Timeout,
            },
            errors_come_back: true,
        };
        (redelivery, Tries::of(rules, fails, most))
    }
}

/// Most receives that are told apart, and the share of messages, in millionths, that is not worth another. Messages that
/// are done with later than that count as done with then: of those that fail 99 times in a hundred one in 30,000.
const MOST_TRIES: usize = 1_024;
const FEW: u64 = 100;

/// At which receive the messages that are done with are.
#[derive(Default)]
pub(in crate::load) struct Tries {
    /// Microseconds from one receive to the next.
    pub visibility: f64,
    /// Of those that are done with, parts per million: at the first receive, at the second, and so on; empty: all at the
    /// first.
    pub shares: Vec<u64>,
}

impl Tries {
    /// Where each of `most` receives fails with the chance `fails`.
    fn of(rules: Delivery, fails: f64, most: u64) -> Self {
        let visibility = rules.visibility.0 as f64;
        if fails == 0.0 {
            return Tries::default();
        }
        let (mut shares, mut left) = (Vec::new(), MICRO);
        // Where nothing succeeds there is nobody whose latency is asked for.
        let all = if fails < 1.0 { 1.0 - libm::pow(fails, most as f64) } else { 0.0 };
        let mut share = if all > 0.0 { (1.0 - fails) / all } else { 1.0 };
        while left > FEW && shares.len() < MOST_TRIES && (shares.len() as u64) < most {
            let part = ((share * 1e6).round() as u64).min(left);
            shares.push(part);
            left -= part;
            share *= fails;
        }
        match shares.last_mut() {
            Some(last) => *last += left,
            None => shares.push(left),
        }
        Tries { visibility, shares }
    }
}
