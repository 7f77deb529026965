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
    has_ended: bool,
}

impl Arrivals {
    pub fn new(stream: Box<dyn RateStream + Send>) -> Arrivals {
        let segment = RateSegment { start: SimTime::ZERO, end: SimTime::ZERO, micro: 0 };
        Arrivals { stream, segment, ahead: VecDeque::new(), has_ended: false }
    }

    pub fn segment(&self) -> &RateSegment {
        &self.segment
    }

    /// Goes on to the next segment.
    pub fn next(&mut self) -> Result<(), TraceProblem> {
        let start = self.segment.end;
        let next = match self.ahead.pop_front() {
            Some(next) => Some(next),
            None => self.read()?,
        };
        self.segment = next.unwrap_or(RateSegment { start, end: SimTime::NEVER, micro: 0 });
        assert_eq!(self.segment.start, start, "segments follow each other without gaps");
        assert!(self.segment.start < self.segment.end, "a segment has a length");
        Ok(())
    }

    fn read(&mut self) -> Result<Option<RateSegment>, TraceProblem> {
        let next = if self.has_ended { None } else { self.stream.next_segment()? };
        self.has_ended = next.is_none();
        Ok(next)
    }

    /// The segments from the present one to `until`, as far as the stream has some; reads ahead where it must.
    ///
    /// # Errors
    /// The stream cannot be read.
    pub fn upcoming(
        &mut self,
        until: SimTime,
    ) -> Result<impl Iterator<Item = &RateSegment>, TraceProblem> {
        while self.ahead.back().unwrap_or(&self.segment).end < until {
            let Some(next) = self.read()? else { break };
            self.ahead.push_back(next);
        }
        let within = move |segment: &&RateSegment| segment.start < until;
        Ok(std::iter::once(&self.segment).chain(&self.ahead).take_while(within))
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
