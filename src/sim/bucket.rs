//! Token buckets of the ECS API and of Fargate launches, exact in whole microseconds.

use super::setup::Bucket;
use crate::base::time::{MICROS_PER_SECOND, SimTime};

/// The state of a token bucket: when it would be full again.
///
/// A bucket of `burst` tokens that refills at `per_second` is the same as a theoretical arrival time that each
/// token pushes on by one interval and that may run ahead of the clock by at most `burst` intervals. Times are
/// kept in microseconds times `per_second`, so that no division rounds.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    limit: Bucket,
    full_at: u128,
}

impl TokenBucket {
    /// A full bucket. `per_second` and `burst` are at least 1.
    #[must_use]
    pub fn new(limit: Bucket) -> Self {
        assert!(limit.burst > 0 && limit.per_second > 0, "a token bucket lets something through");
        TokenBucket { limit, full_at: 0 }
    }

    /// The earliest instant, not before `now`, at which `tokens` can be taken. Asking for more than the burst
    /// is answered as if for the burst.
    #[must_use]
    pub fn ready_at(&self, now: SimTime, tokens: u32) -> SimTime {
        let tokens = tokens.min(self.limit.burst);
        let rate = u128::from(self.limit.per_second);
        let room = u128::from(self.limit.burst - tokens) * u128::from(MICROS_PER_SECOND);
        let earliest = self.full_at.saturating_sub(room).div_ceil(rate);
        now.max(SimTime(u64::try_from(earliest).unwrap_or(u64::MAX)))
    }

    /// Takes `tokens` at `now`, which [`TokenBucket::ready_at`] must have allowed.
    pub fn take(&mut self, now: SimTime, tokens: u32) {
        debug_assert!(self.ready_at(now, tokens) == now, "tokens are there when they are taken");
        let rate = u128::from(self.limit.per_second);
        let scaled = u128::from(now.0) * rate;
        // `now` was rounded up to a whole microsecond: less than one is not time in which tokens came back.
        let start = if scaled < self.full_at + rate { self.full_at } else { scaled };
        self.full_at = start + u128::from(tokens) * u128::from(MICROS_PER_SECOND);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(limit: Bucket, count: u32) -> Vec<u64> {
        let mut bucket = TokenBucket::new(limit);
        let mut now = SimTime::ZERO;
        (0..count)
            .map(|_| {
                now = bucket.ready_at(now, 1);
                bucket.take(now, 1);
                now.0
            })
            .collect()
    }

    #[test]
    fn a_burst_passes_at_once_and_the_rest_at_the_sustained_rate() {
        // Burst 3, then 4 a second: one every 250 ms.
        let at = takes(Bucket { burst: 3, per_second: 4 }, 6);
        assert_eq!(at, [0, 0, 0, 250_000, 500_000, 750_000]);
    }

    #[test]
    fn rates_that_do_not_divide_a_second_do_not_drift() {
        let at = takes(Bucket { burst: 1, per_second: 3 }, 7);
        assert_eq!(at, [0, 333_334, 666_667, 1_000_000, 1_333_334, 1_666_667, 2_000_000]);
    }

    #[test]
    fn a_bucket_refills_to_its_burst_and_not_beyond() {
        let mut bucket = TokenBucket::new(Bucket { burst: 2, per_second: 1 });
        bucket.take(SimTime::ZERO, 2);
        let later = SimTime(3_600 * MICROS_PER_SECOND);
        assert_eq!(bucket.ready_at(later, 2), later);
        bucket.take(later, 2);
        assert_eq!(bucket.ready_at(later, 1), SimTime(later.0 + MICROS_PER_SECOND));
    }
}
