//! Reads the rate segments of one service as time goes on, and says how much has arrived.

use crate::base::time::SimTime;
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::traffic::{RateSegment, RateStream};
use std::collections::VecDeque;

/// The stream and its present segment. When the stream has ended, one empty segment lasts for ever.
pub(super) struct Arrivals {
    stream: Box<dyn RateStream + Send>,
    segment: RateSegment,
    /// Segments that were read ahead of time.
    ahead: VecDeque<RateSegment>,
    /// What went wrong while reading ahead.
    problem: Option<TraceProblem>,
    has_ended: bool,
}

impl Arrivals {
    pub fn new(stream: Box<dyn RateStream + Send>) -> Arrivals {
        let segment = RateSegment { start: SimTime::ZERO, end: SimTime::ZERO, micro: 0 };
        Arrivals { stream, segment, ahead: VecDeque::new(), problem: None, has_ended: false }
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
                Ok(next) => (next, Ok(())),
                Err(problem) => (None, Err(problem)),
            },
        };
        self.segment = next.unwrap_or(RateSegment { start, end: SimTime::NEVER, micro: 0 });
        assert_eq!(self.segment.start, start, "segments follow each other without gaps");
        assert!(self.segment.start < self.segment.end, "a segment has a length");
        problem
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

    /// The segments from the present one to `until`, as far as the stream has some; reads ahead where it must. What goes
    /// wrong on the way is told when time gets there.
    pub fn upcoming(&mut self, until: SimTime) -> impl Iterator<Item = &RateSegment> {
        while self.ahead.back().unwrap_or(&self.segment).end < until {
            match self.read() {
                Ok(Some(next)) => self.ahead.push_back(next),
                Ok(None) => break,
                Err(problem) => {
                    self.problem = Some(problem);
                    break;
                }
            }
        }
        let within = move |segment: &&RateSegment| segment.start < until;
        std::iter::once(&self.segment).chain(&self.ahead).take_while(within)
    }

    /// Millionths of the present segment that have arrived by `at`, which lies in it.
    pub fn within(&self, at: SimTime) -> u64 {
        let segment = &self.segment;
        mul_div(segment.micro, at.0 - segment.start.0, segment.end.0 - segment.start.0)
    }

    /// The present rate, millionths of a request per second.
    pub fn rate(&self) -> u64 {
        rate_of(&self.segment)
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
