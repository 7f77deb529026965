//! What became of requests, by pool and in all, in whole millionths.

use crate::base::canary;
use crate::model::traffic::RequestTotals;

/// Why a request was dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Loss {
    NoTarget,
    QueueFull,
    Timeout,
    TaskLost,
    DeadLetter,
    Unfinished,
}

/// The totals. A request is offered at the moment when its fate is known.
#[derive(Default)]
pub(super) struct Ledger {
    pub all: RequestTotals,
    pub pools: [RequestTotals; 4],
}

impl Ledger {
    #[inline]
    pub fn served(&mut self, pool: u8, micro: u64, errors: u64) {
        for totals in [&mut self.all, &mut self.pools[usize::from(pool)]] {
            totals.offered += micro;
            totals.served += if canary::breaks("requests") { micro / 2 } else { micro };
            totals.errors += errors;
        }
    }

    /// Messages are received again.
    pub fn received_again(&mut self, micro: u64) {
        for totals in [&mut self.all, &mut self.pools[0]] {
            totals.received_again = totals.received_again.saturating_add(micro);
        }
    }

    #[inline]
    pub fn dropped(&mut self, pool: u8, loss: Loss, micro: u64) {
        for totals in [&mut self.all, &mut self.pools[usize::from(pool)]] {
            totals.offered += micro;
            let kind = match loss {
                Loss::NoTarget => &mut totals.no_target,
                Loss::QueueFull => &mut totals.queue_full,
                Loss::Timeout => &mut totals.timeout,
                Loss::TaskLost => &mut totals.task_lost,
                Loss::DeadLetter => &mut totals.dead_letters,
                Loss::Unfinished => &mut totals.unfinished,
            };
            *kind += micro;
        }
    }
}
