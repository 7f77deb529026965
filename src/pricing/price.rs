//! Hourly prices that are fixed or change at known instants, as Spot prices do.

use crate::base::money::HourlyRate;
use crate::base::time::{SimSpan, SimTime};
use std::sync::Arc;

/// An hourly price, fixed or changing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Price {
    /// The same all the time.
    Fixed(HourlyRate),
    /// In force from each instant until the next, the last one for ever; sorted, not empty, and the first is at or
    /// before the beginning (before it, its price holds too).
    Steps(Arc<[(SimTime, HourlyRate)]>),
}

impl Price {
    /// The price in force at `instant`.
    #[must_use]
    pub fn at(&self, instant: SimTime) -> HourlyRate {
        match self {
            Price::Fixed(rate) => *rate,
            Price::Steps(steps) => steps[step_at(steps, instant)].1,
        }
    }

    /// Cuts `[from, until)` where the price changes: each piece's price and length, in order of time.
    ///
    /// The lengths sum to `until - from` exactly. Where `until` is not after `from` there is no piece.
    pub fn pieces(&self, from: SimTime, until: SimTime) -> Pieces<'_> {
        let next_step = match self {
            Price::Fixed(_) => 0,
            Price::Steps(steps) => step_at(steps, from),
        };
        Pieces { price: self, from, until, next_step }
    }

    /// What `[from, until)` costs, before any rounding, in nano-dollars times microseconds per hour:
    /// [`crate::base::money::MICROS_PER_HOUR`] of these are a nano-dollar.
    #[must_use]
    pub fn unrounded(&self, from: SimTime, until: SimTime) -> u128 {
        self.pieces(from, until).map(|(rate, span)| u128::from(rate.0) * u128::from(span.0)).sum()
    }
}

/// The step in force at `instant`.
fn step_at(steps: &[(SimTime, HourlyRate)], instant: SimTime) -> usize {
    assert!(!steps.is_empty(), "a price has at least one step");
    steps.partition_point(|&(at, _)| at <= instant).saturating_sub(1)
}

/// The pieces of a time window between price changes; see [`Price::pieces`].
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    price: &'a Price,
    from: SimTime,
    until: SimTime,
    next_step: usize,
}

impl Iterator for Pieces<'_> {
    type Item = (HourlyRate, SimSpan);

    fn next(&mut self) -> Option<(HourlyRate, SimSpan)> {
        while self.from < self.until {
            let (rate, end) = match self.price {
                Price::Fixed(rate) => (*rate, self.until),
                Price::Steps(steps) => {
                    let rate = steps[self.next_step].1;
                    self.next_step += 1;
                    (rate, steps.get(self.next_step).map_or(self.until, |s| s.0.min(self.until)))
                }
            };
            // Several changes at one instant: only the last of them is ever in force.
            if end > self.from {
                let span = end - self.from;
                self.from = end;
                return Some((rate, span));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SimTime {
        SimTime(SimSpan::from_secs(seconds).0)
    }

    #[test]
    fn a_window_is_cut_where_the_price_changes() {
        let price = Price::Steps(Arc::new([
            (at(0), HourlyRate(1)),
            (at(10), HourlyRate(2)),
            (at(20), HourlyRate(9)),
            (at(20), HourlyRate(3)),
        ]));
        let pieces = |from, until| -> Vec<(u64, u64)> {
            price.pieces(at(from), at(until)).map(|(r, s)| (r.0, s.0 / 1_000_000)).collect()
        };
        assert_eq!(pieces(5, 25), [(1, 5), (2, 10), (3, 5)]);
        assert_eq!(pieces(10, 20), [(2, 10)]);
        assert_eq!(pieces(20, 21), [(3, 1)]);
        assert_eq!(pieces(7, 7), []);
        assert_eq!(pieces(8, 7), []);
        assert_eq!(price.at(at(9)), HourlyRate(1));
        assert_eq!(price.at(at(20)), HourlyRate(3));
        assert_eq!(price.unrounded(at(5), at(25)), (5 + 20 + 15) * 1_000_000);
    }

    #[test]
    fn before_its_first_step_a_price_is_that_of_the_step() {
        let price = Price::Steps(Arc::new([(at(10), HourlyRate(4)), (at(20), HourlyRate(5))]));
        let pieces: Vec<_> = price.pieces(at(0), at(30)).map(|(r, s)| (r.0, s.0)).collect();
        assert_eq!(pieces, [(4, 20_000_000), (5, 10_000_000)]);
    }
}
