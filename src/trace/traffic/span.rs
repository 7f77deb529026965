//! Stretches of time with a number of requests each: what every format is read as, and how one is cut in two.

use super::super::stream::{AFTER_END, count};
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::traffic::RateTrace;

/// Most requests a second of a rate: a span of it lasts an hour at least.
pub(super) const MAX_RATE: u64 = 1_000_000_000;

/// Most requests of one period.
pub(super) const MAX_REQUESTS: u64 = 1_000_000_000_000;

/// Most millionths of a request in one span: a quarter of what fits, so that a carried rest never overflows.
pub(super) const MAX_MICRO: u64 = 1 << 62;

/// Requests that arrive evenly over `[start, end)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    /// Begin, microseconds.
    pub start: u64,
    /// End, after `start`.
    pub end: u64,
    /// Millionths of a request.
    pub micro: u64,
}

impl Span {
    /// What comes before `at` and what comes after, without loss; `None` where there is nothing on that side.
    pub fn split(self, at: u64) -> (Option<Span>, Option<Span>) {
        if at <= self.start {
            return (None, Some(self));
        }
        if at >= self.end {
            return (Some(self), None);
        }
        let before = u128::from(self.micro) * u128::from(at - self.start)
            / u128::from(self.end - self.start);
        let before = before as u64;
        let head = Span { start: self.start, end: at, micro: before };
        (Some(head), Some(Span { start: at, end: self.end, micro: self.micro - before }))
    }
}

/// Reason under which rows are counted whose time is over before the part of the trace that is played.
const BEFORE_BEGINNING: &str = "before the part of the trace that is played";

/// The part of a trace that is played, in trace time: rows elsewhere are counted as left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Window {
    /// Begin, microseconds.
    pub from: u64,
    /// End; the greatest number where nobody knows.
    pub to: u64,
}

impl Window {
    /// What `trace` plays until `until`, microseconds of traffic time.
    pub fn of(trace: &RateTrace, until: Option<u64>) -> Window {
        let from = trace.skip.0;
        Window { from, to: until.map_or(u64::MAX, |until| until.saturating_add(from)) }
    }

    /// What somebody plays of two who share a trace.
    pub fn around(self, other: Window) -> Window {
        Window { from: self.from.min(other.from), to: self.to.max(other.to) }
    }

    /// Counts a row that holds from `start` to `end`; whether it is before the end of the window.
    pub fn count(self, start: u64, end: u64, counts: &mut RowCounts) -> bool {
        if start >= self.to {
            count(&mut counts.skipped, AFTER_END);
        } else if end <= self.from {
            count(&mut counts.skipped, BEFORE_BEGINNING);
        } else {
            counts.used += 1;
        }
        start < self.to
    }

    /// Counts a row that was counted as used and turns out to end at `end`.
    pub fn ends_at(self, end: u64, counts: &mut RowCounts) {
        if end <= self.from {
            counts.used -= 1;
            count(&mut counts.skipped, BEFORE_BEGINNING);
        }
    }
}

/// A rate that holds from the end of the last span on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tail {
    /// Since when, microseconds.
    pub start: u64,
    /// Millionths of a request a second; zero marks the end of the trace.
    pub rate: u64,
    /// How long it holds where nobody else says: the file's `period`, or the distance of the last two rows.
    pub usual: Option<u64>,
}

/// The spans of a trace in order, without gaps from zero.
pub(super) trait Spans {
    /// The next span; `None` at the end.
    ///
    /// # Errors
    /// A row that cannot be used.
    fn next_span(&mut self) -> Result<Option<Span>, TraceProblem>;

    /// See [`crate::model::traffic::RateStream::look_ahead`].
    fn look_ahead(&self) {}

    /// The rate that holds after the last span. Asked after `next_span` gave `None`.
    fn tail(&self) -> Option<Tail> {
        None
    }

    /// Begins again; `false` where that cannot be.
    fn rewind(&mut self) -> bool {
        false
    }

    /// Nothing is asked for any more: rows that are still to come are counted as left out.
    fn end(&mut self) {}

    /// What became of the rows so far.
    fn counts(&self) -> &RowCounts;
}

/// A rate over time as whole millionths of a request, no fraction lost from one stretch to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RateSum {
    /// What is left over: millionths of a request times microseconds per second.
    rest: u128,
}

impl RateSum {
    const PER_SECOND: u128 = 1_000_000;

    /// The requests of `rate` (millionths a second) from `from` to `to`, or as far as one span can count them.
    pub fn span(&mut self, from: u64, to: u64, rate: u64) -> Span {
        let longest = u128::from(MAX_MICRO) * Self::PER_SECOND / u128::from(rate.max(1));
        let end = u128::from(to).min(u128::from(from) + longest) as u64;
        if rate == 0 {
            return Span { start: from, end, micro: 0 };
        }
        let sum = u128::from(rate) * u128::from(end - from) + self.rest;
        self.rest = sum % Self::PER_SECOND;
        Span { start: from, end, micro: (sum / Self::PER_SECOND) as u64 }
    }
}
