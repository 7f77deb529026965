//! Reads the rate segments of one service as time goes on, and says how much has arrived.

use crate::base::time::SimTime;
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::traffic::{RateSegment, RateStream};

/// The stream and its present segment. When the stream has ended, one empty segment lasts for ever.
pub(super) struct Arrivals {
    stream: Box<dyn RateStream + Send>,
    segment: RateSegment,
    has_ended: bool,
}

impl Arrivals {
    pub fn new(stream: Box<dyn RateStream + Send>) -> Arrivals {
        let segment = RateSegment { start: SimTime::ZERO, end: SimTime::ZERO, micro: 0 };
        Arrivals { stream, segment, has_ended: false }
    }

    pub fn segment(&self) -> &RateSegment {
        &self.segment
    }

    /// Goes on to the next segment; after an error the stream has ended.
    pub fn next(&mut self) -> Result<(), TraceProblem> {
        let start = self.segment.end;
        let next = if self.has_ended { Ok(None) } else { self.stream.next_segment() };
        let (next, problem) = match next {
            Ok(next) => (next, Ok(())),
            Err(problem) => (None, Err(problem)),
        };
        self.has_ended = next.is_none();
        self.segment = next.unwrap_or(RateSegment { start, end: SimTime::NEVER, micro: 0 });
        assert_eq!(self.segment.start, start, "segments follow each other without gaps");
        assert!(self.segment.start < self.segment.end, "a segment has a length");
        problem
    }

    /// Millionths of the present segment that have arrived by `at`, which lies in it.
    pub fn within(&self, at: SimTime) -> u64 {
        let segment = &self.segment;
        mul_div(segment.micro, at.0 - segment.start.0, segment.end.0 - segment.start.0)
    }

    /// The present rate, millionths of a request per second.
    pub fn rate(&self) -> u64 {
        let length = self.segment.end.0 - self.segment.start.0;
        if length == 0 { 0 } else { mul_div(self.segment.micro, 1_000_000, length) }
    }

    pub fn counts(&self) -> &RowCounts {
        self.stream.counts()
    }
}

/// ⌊a · b / c⌋, at most `u64::MAX`; `c` is above zero.
#[inline]
pub(super) fn mul_div(a: u64, b: u64, c: u64) -> u64 {
    match a.checked_mul(b) {
        Some(product) => product / c,
        None => u64::try_from(u128::from(a) * u128::from(b) / u128::from(c)).unwrap_or(u64::MAX),
    }
}
