//! Targets of a flow that are alike: their share of what it answers.

use crate::load::Target;
use crate::load::arrivals::mul_div;
use crate::load::fluid::failing::Failing;
use crate::model::traffic::MICRO;

/// Targets of a flow with equal CPU, cost, errors and pool.
pub(in crate::load) struct Part {
    pub pool: u8,
    /// CPU of a request, nanoseconds.
    pub cpu_ns: u64,
    pub(in crate::load::fluid) kind: Kind,
    pub(super) count: u64,
    pub(super) capacity: u64,
    /// Of the epoch: answers, those already told, and what is charged for lost tasks before anything counts as served.
    pub(super) served: u64,
    pub(super) taken: u64,
    pub(super) lost: u64,
    pub(super) errors: u64,
    pub(super) failed: u64,
    pub owed: u64,
    pub(in crate::load::fluid) failing: Failing,
    /// Requests worked on since the flow was made, millionths.
    pub(super) worked: u128,
}

/// CPU thousandths, percent of the cost, errors in parts per million: what makes targets of a pool alike.
type Kind = (u32, u32, u32);

pub(super) fn kind_of(target: &Target) -> Kind {
    (target.cpu_millis, target.cost_percent, target.error_ppm)
}

impl Part {
    /// So many targets of a kind.
    pub fn new(kind: Kind, pool: u8, count: u64) -> Part {
        Part {
            pool,
            cpu_ns: 0,
            kind,
            count,
            capacity: 0,
            served: 0,
            taken: 0,
            lost: 0,
            errors: 0,
            failed: 0,
            owed: 0,
            failing: Failing::NONE,
            worked: 0,
        }
    }

    /// Whether a target is one of these.
    pub fn is_of(&self, target: &Target) -> bool {
        self.kind == kind_of(target) && self.pool == target.pool
    }

    /// Counts work for [`super::Flow::cpu_nanos_of_one`].
    pub fn work(&mut self, micro: u64) {
        self.worked += u128::from(micro);
    }

    /// What has become of messages and requests since the last call. Functions of what is answered in the epoch, so that
    /// it does not matter how often this is called.
    pub fn take(&mut self) -> Taken {
        let lost = self.owed.min(self.served);
        let error_ppm = u64::from(self.kind.2);
        let error_ppm = if self.failing.errors_come_back { 0 } else { error_ppm };
        let failed = mul_div(self.served - lost, self.failing.ppm, MICRO);
        let errors = mul_div(self.served - lost - failed, error_ppm, MICRO);
        let (more_lost, more_failed) = (lost - self.lost, failed - self.failed);
        let more = Taken {
            served: self.served - self.taken - more_lost - more_failed,
            errors: errors - self.errors,
            lost: more_lost,
            failed: more_failed,
        };
        (self.taken, self.lost, self.errors) = (self.served, lost, errors);
        self.failed = failed;
        more
    }

    /// Whether it can pay for what lost tasks had in flight.
    pub fn can_pay(&self) -> bool {
        self.capacity > 0
    }

    /// What it owes still.
    pub fn unpaid(&self) -> u64 {
        self.owed - self.lost
    }
}

/// What has become of a part's arrivals: answered, of these with an error, lost with a task, and not done with.
pub(in crate::load) struct Taken {
    pub served: u64,
    pub errors: u64,
    pub lost: u64,
    pub failed: u64,
}
