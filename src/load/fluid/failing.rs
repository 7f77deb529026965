//! Which share of receives, and of requests, is worked on in vain.

use crate::load::work::{Cost, SIZES};
use crate::model::traffic::{Delivery, MICRO};

/// What becomes of the work of one kind of task.
#[derive(Clone, Copy)]
pub(in crate::load) struct Failing {
    /// Of what is worked on, parts per million that are not done with.
    pub ppm: u64,
    /// Whether an error brings a message back: of those that are done with none has ended in one.
    pub errors_come_back: bool,
}

impl Failing {
    /// Nothing is worked on in vain.
    pub const NONE: Failing = Failing { ppm: 0, errors_come_back: false };

    /// Requests whose own work takes longer than anybody waits, where one of a CPU second takes `slow` seconds: they are
    /// worked on, and given up before the answer. The latencies of the others are cut at the time-out, and not told apart.
    pub fn given_up(cost: &Cost, slow: f64, timeout: u64) -> Self {
        let late = cost.longer_than(timeout as f64 / 1e6, slow) as u64;
        Failing { ppm: late * MICRO / SIZES as u64, ..Failing::NONE }
    }

    /// Receives of messages, for `workers` in all, where one takes `full` seconds once it has a worker, of which `error_ppm`
    /// end in an error. Each fails with the same chance, of an error or of work that takes longer than the visibility
    /// timeout, which a lone worker need not fear: it is done with a message before anybody can receive it again.
    pub fn of(rules: Delivery, cost: &Cost, (workers, full): (u64, f64), error_ppm: u32) -> Self {
        let slow = if cost.cpu > 0.0 { (full - cost.io).max(0.0) / cost.cpu } else { 1.0 };
        let patience = rules.visibility.0 as f64 / 1e6;
        let late = if workers > 1 { cost.longer_than(patience, slow) } else { 0 };
        let late = late as f64 / SIZES as f64;
        let fails = 1.0 - (1.0 - late) * (1.0 - f64::from(error_ppm) / 1e6);
        Failing { ppm: (fails * 1e6).round() as u64, errors_come_back: true }
    }
}
