//! Reads the rate segments of one service as time goes on, and says how much has arrived.

use super::ahead::Ahead;
use super::bounds::Bounds;
use super::calm::Calm;
use crate::base::hint::{Before, ask_for};
use crate::base::time::{SimSpan, SimTime};
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::traffic::{RateSegment, RateStream};

/// The stream and its present segment. When the stream has ended, one empty segment lasts for ever.
#[repr(C)]
pub(super) struct Arrivals {
    segment: RateSegment,
    /// Its rate.
    rate: u64,
    /// Segments that were read ahead of time.
    ahead: Ahead,
    stream: Box<dyn RateStream + Send>,
    has_ended: bool,
    pub bounds: Bounds,
    /// What went wrong while reading ahead.
    problem: Option<TraceProblem>,
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
            Before::First => self.stream.look_ahead(),
        }
    }

    pub fn new(stream: Box<dyn RateStream + Send>, bounds: Bounds) -> Arrivals {
        let segment = RateSegment { start: SimTime::ZERO, end: SimTime::ZERO, micro: 0 };
        Arrivals {
            stream,
            segment,
            rate: 0,
            ahead: Ahead::default(),
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
        let (next, problem) = match self.ahead.pop() {
            Some(next) => (Some(next), Ok(())),
            None => match self.read() {
                Ok(next) => (next, Ok(())),
                Err(problem) => (None, Err(problem)),
            },
        };
        self.segment = next.unwrap_or(RateSegment { start, end: SimTime::NEVER, micro: 0 });
        self.rate = rate_of(&self.segment);
        assert_eq!(self.segment.start, start, "segments follow each other without gaps");
        assert!(self.segment.start < self.segment.end, "a segment has a length");
        problem.and_then(|()| self.bounds.offer(self.segment.micro))
    }

    /// Takes what the next segment brings, if it is known already, as long as this and brings no more than `most`: whoever takes
    /// says by [`Arrivals::took`] what came of it.
    #[inline]
    pub fn take_even(&mut self, length: u64, most: u64) -> Option<u64> {
        self.ahead.pop_even(length, most)
    }

    /// `last` is the present segment: the last of several that were taken, which brought `sum` together.
    pub fn took(&mut self, last: RateSegment, sum: u64) -> Result<(), TraceProblem> {
        (self.segment, self.rate) = (last, rate_of(&last));
        self.bounds.offer(sum)
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

    /// Reads ahead until a segment ends at `until` or later, as far as the stream has some; what goes wrong on the way is told
    /// when time gets there.
    fn read_until(&mut self, until: SimTime) {
        let known = self.ahead.end().unwrap_or(self.segment.end);
        if known >= until || self.has_ended {
            return;
        }
        let ahead = &mut self.ahead;
        match self.stream.read_until(until, &mut |segment| ahead.push(segment)) {
            Ok(goes_on) => self.has_ended = !goes_on,
            Err(problem) => (self.has_ended, self.problem) = (true, Some(problem)),
        }
    }

    /// Steps from `now` on, each of `step`, that end by `until`, as far as no rate exceeds `most` (millionths of a request per
    /// second). Reads ahead where it must.
    pub fn calm(&mut self, (now, step, until): (SimTime, SimSpan, SimTime), most: u64) -> Calm<'_> {
        self.read_until(until);
        Calm::new((self.segment, &self.ahead), (now, step, until), most)
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
        if self.segment.end > at {
            return self.rate;
        }
        self.read_until(SimTime(at.0 + 1));
        self.ahead.rate_at(at).unwrap_or(0)
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
