//! Segments of traffic that were read ahead of time. Services look up to an hour ahead, again and again: nearly all segments
//! are as long as those before them, and take eight bytes each.

use super::arrivals::{mul_div, rate_of};
use crate::base::time::SimTime;
use crate::model::traffic::RateSegment;
use std::collections::VecDeque;

/// Segments in order and without gaps.
#[derive(Default)]
pub(super) struct Ahead {
    /// Where the first of them begins.
    start: SimTime,
    /// Millionths of a request of the first ones, which are all `length` microseconds long.
    even: VecDeque<u64>,
    length: u64,
    /// Those behind them, from one of another length on.
    uneven: VecDeque<RateSegment>,
}

impl Ahead {
    /// Where the last of them ends; `None`: there are none.
    pub fn end(&self) -> Option<SimTime> {
        let even = (!self.even.is_empty()).then(|| self.end_of_even());
        self.uneven.back().map(|last| last.end).or(even)
    }

    fn end_of_even(&self) -> SimTime {
        SimTime(self.start.0 + self.even.len() as u64 * self.length)
    }

    /// One more at the end.
    #[inline]
    pub fn push(&mut self, segment: RateSegment) {
        let length = segment.end.0 - segment.start.0;
        debug_assert_eq!(self.end().unwrap_or(segment.start), segment.start, "without gaps");
        if self.even.is_empty() && self.uneven.is_empty() {
            (self.start, self.length) = (segment.start, length);
        }
        if self.uneven.is_empty() && length == self.length {
            self.even.push_back(segment.micro);
        } else {
            self.uneven.push_back(segment);
        }
    }

    /// Takes the first one.
    #[inline]
    pub fn pop(&mut self) -> Option<RateSegment> {
        if self.even.is_empty() {
            self.even_out()?;
        }
        let (micro, start) = (self.even.pop_front()?, self.start);
        self.start = SimTime(start.0 + self.length);
        Some(RateSegment { start, end: self.start, micro })
    }

    /// Takes the count of the first one, where it is one of even ones as long as this and no more than `most`.
    #[inline]
    pub fn pop_even(&mut self, length: u64, most: u64) -> Option<u64> {
        if self.length != length || *self.even.front()? > most {
            return None;
        }
        self.start = SimTime(self.start.0 + length);
        self.even.pop_front()
    }

    /// Makes those even that begin the uneven ones with the same length.
    fn even_out(&mut self) -> Option<()> {
        let first = self.uneven.front()?;
        (self.start, self.length) = (first.start, first.end.0 - first.start.0);
        while let Some(next) = self.uneven.front()
            && next.end.0 - next.start.0 == self.length
        {
            self.even.push_back(next.micro);
            self.uneven.pop_front();
        }
        Some(())
    }

    /// The rate at an instant, millionths of a request per second; `None`: it is not known.
    pub fn rate_at(&self, at: SimTime) -> Option<u64> {
        let number = self.number_at(at);
        match self.even.get(number) {
            Some(&micro) => Some(self.rate_of_even(micro)),
            None => self.uneven.get(self.first_uneven_after(at)).map(rate_of),
        }
    }

    /// How many of the uneven ones end at or before an instant.
    fn first_uneven_after(&self, at: SimTime) -> usize {
        self.uneven.partition_point(|segment| segment.end <= at)
    }

    /// How many of the even ones end at or before an instant.
    fn number_at(&self, at: SimTime) -> usize {
        let passed = at.since(self.start.min(at)).0.checked_div(self.length).unwrap_or(0);
        usize::try_from(passed).unwrap_or(usize::MAX).min(self.even.len())
    }

    fn rate_of_even(&self, micro: u64) -> u64 {
        mul_div(micro, 1_000_000, self.length)
    }

    /// Where the first of them begins, and the counts of the even ones.
    pub fn even(&self) -> (SimTime, u64, &VecDeque<u64>) {
        (self.start, self.length, &self.even)
    }

    /// One of them, in their order.
    pub fn get(&self, number: usize) -> Option<RateSegment> {
        match self.even.get(number) {
            Some(&micro) => {
                let start = SimTime(self.start.0 + number as u64 * self.length);
                Some(RateSegment { start, end: SimTime(start.0 + self.length), micro })
            }
            None => self.uneven.get(number - self.even.len()).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::drawn;
    use proptest::prelude::*;

    /// Segments by length and count, from time zero on.
    fn segments(of: &[(u64, u64)]) -> Vec<RateSegment> {
        let mut at = SimTime::ZERO;
        let next = |&(length, micro): &(u64, u64)| {
            let start = at;
            at = SimTime(start.0 + length);
            RateSegment { start, end: at, micro }
        };
        of.iter().map(next).collect()
    }

    proptest! {
        #![proptest_config(drawn(512))]

        #[test]
        fn what_is_ahead_is_what_was_pushed_whatever_its_lengths(
            runs in prop::collection::vec((1_u64..4, prop::collection::vec(0_u64..9_000_000, 1..6)), 1..6),
            taken in 0_usize..12, from in 0_u64..40,
        ) {
            // Lengths of one to three halves of a second, which are no whole parts of each other.
            let lengths = |(length, counts): &(u64, Vec<u64>)| -> Vec<(u64, u64)> {
                counts.iter().map(|&micro| (length * 500_000, micro)).collect()
            };
            let all = segments(&runs.iter().flat_map(lengths).collect::<Vec<_>>());
            let mut ahead = Ahead::default();
            all.iter().for_each(|&segment| ahead.push(segment));
            prop_assert_eq!(ahead.end(), all.last().map(|last| last.end));
            let taken = taken.min(all.len());
            for &segment in &all[..taken] {
                prop_assert_eq!(ahead.pop(), Some(segment));
            }
            let left = &all[taken..];
            let begin = left.first().map_or(SimTime::ZERO, |first| first.start);
            let from = SimTime(begin.0 + from * 250_000);
            let got: Vec<_> = (0..left.len()).map_while(|number| ahead.get(number)).collect();
            prop_assert_eq!((got.as_slice(), ahead.get(left.len())), (left, None));
            let at = left.iter().find(|segment| segment.end > from).map(rate_of);
            prop_assert_eq!(ahead.rate_at(from), at);
            for &segment in left {
                let (length, micro) = (segment.end.0 - segment.start.0, segment.micro);
                prop_assert_eq!(ahead.pop_even(length + 1, u64::MAX), None);
                prop_assert_eq!(micro.checked_sub(1).and_then(|less| ahead.pop_even(length, less)), None);
                let taken = ahead.pop_even(length, micro).map(|micro| RateSegment { micro, ..segment });
                prop_assert_eq!(taken.or_else(|| ahead.pop()), Some(segment));
            }
            prop_assert_eq!((ahead.pop(), ahead.end()), (None, None));
        }
    }
}
