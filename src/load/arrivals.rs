//! Reads the rate segments of one service as time goes on, and says how much has arrived.

use super::bounds::Bounds;
use crate::base::hint::{Before, ask_for};
use crate::base::time::SimTime;
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::traffic::{RateSegment, RateStream};
use std::collections::VecDeque;

/// The stream and its present segment. When the stream has ended, one empty segment lasts for ever.
pub(super) struct Arrivals {
    stream: Box<dyn RateStream + Send>,
    segment: RateSegment,
    /// Its rate.
    rate: u64,
    /// Segments that were read ahead of time, with their rates.
    ahead: VecDeque<(RateSegment, u64)>,
    /// What went wrong while reading ahead.
    problem: Option<TraceProblem>,
    has_ended: bool,
    pub bounds: Bounds,
}

impl Arrivals {
    pub fn look_ahead(&self, before: Before) {
        match before {
            Before::Third => {}
            Before::Second => {
                ask_for(&self.stream);
                ask_for(&self.segment);
                ask_for(&self.ahead);
                ask_for(&self.bounds);
            }
            Before::First => {
                self.ahead.front().into_iter().for_each(ask_for);
                self.stream.look_ahead();
            }
        }
    }

    pub fn new(stream: Box<dyn RateStream + Send>, bounds: Bounds) -> Arrivals {
        let segment = RateSegment { start: SimTime::ZERO, end: SimTime::ZERO, micro: 0 };
        Arrivals {
            stream,
            segment,
            rate: 0,
            ahead: VecDeque::new(),
            problem: None,
            has_ended: false,
            bounds,
        }
    }

    pub fn segment(&self) -> &RateSegment {
        &self.segment
    }

    /// Goes on to the next segment; after an error the stream has ended.
    pub fn next(&mut self) -> Result<(), TraceProblem> {
        let start = self.segment.end;
        let (next, problem) = match self.ahead.pop_front() {
            Some(next) => (Some(next), Ok(())),
            None => match self.read() {
                Ok(next) => (next.map(|next| (next, rate_of(&next))), Ok(())),
                Err(problem) => (None, Err(problem)),
            },
        };
        let nothing = RateSegment { start, end: SimTime::NEVER, micro: 0 };
        (self.segment, self.rate) = next.unwrap_or((nothing, 0));
        assert_eq!(self.segment.start, start, "segments follow each other without gaps");
        assert!(self.segment.start < self.segment.end, "a segment has a length");
        problem.and_then(|()| self.bounds.offer(self.segment.micro))
    }

    /// The next segment of the stream, which ends with an error, too.
    fn read(&mut self) -> Result<Option<RateSegment>, TraceProblem> {
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        let next = if self.has_ended { Ok(None) } else { self.stream.next_segment() };
        self.has_ended = !matches!(next, Ok(Some(_)));
        next
    }

    /// The segments that end after `from` and begin before `until`, with their rates, from the present one on and as far as
    /// the stream has some; reads ahead where it must. What goes wrong on the way is told when time gets there.
    pub fn upcoming(
        &mut self,
        from: SimTime,
        until: SimTime,
    ) -> impl Iterator<Item = (&RateSegment, u64)> {
        while self.ahead.back().map_or(&self.segment, |(last, _)| last).end < until {
            match self.read() {
                Ok(Some(next)) => self.ahead.push_back((next, rate_of(&next))),
                Ok(None) => break,
                Err(problem) => {
                    self.problem = Some(problem);
                    break;
                }
            }
        }
        let present = (self.segment.end > from).then_some((&self.segment, self.rate));
        let first = self.ahead.partition_point(|(segment, _)| segment.end <= from);
        let ahead = self.ahead.range(first..).map(|(segment, rate)| (segment, *rate));
        present.into_iter().chain(ahead).take_while(move |(segment, _)| segment.start < until)
    }

    /// Millionths of the present segment that have arrived by `at`, which lies in it.
    #[inline]
    pub fn within(&self, at: SimTime) -> u64 {
        let segment = &self.segment;
        // Mostly its ends are asked for, which need no division.
        if at == segment.end {
            return segment.micro;
        }
        if at == segment.start {
            return 0;
        }
        mul_div(segment.micro, at.0 - segment.start.0, segment.end.0 - segment.start.0)
    }

    /// The present rate, millionths of a request per second.
    #[inline]
    pub fn rate(&self) -> u64 {
        self.rate
    }

    /// The rate from `at` on, millionths of a request per second; reads ahead where it must.
    pub fn rate_from(&mut self, at: SimTime) -> u64 {
        self.upcoming(at, SimTime(at.0 + 1)).next().map_or(0, |(_, rate)| rate)
    }

    /// Nothing is asked for any more.
    pub fn end(&mut self) {
        self.stream.end();
    }

    pub fn counts(&self) -> &RowCounts {
        self.stream.counts()
    }
}

/// The rate of a segment, millionths of a request per second.
pub(super) fn rate_of(segment: &RateSegment) -> u64 {
    let length = segment.end.0 - segment.start.0;
    if length == 0 { 0 } else { mul_div(segment.micro, 1_000_000, length) }
}

/// ⌊a · b / c⌋, at most `u64::MAX`; `c` is above zero.
#[inline]
pub(super) fn mul_div(a: u64, b: u64, c: u64) -> u64 {
    match a.checked_mul(b) {
        Some(product) => product / c,
        None => u64::try_from(u128::from(a) * u128::from(b) / u128::from(c)).unwrap_or(u64::MAX),
    }
}
