//! Points to spans: rates that hold until the next row, or sums over the period that begins at the row.

use super::super::problem::problem;
use super::super::stream::{AFTER_END, UNREADABLE_REST, count, count_more};
use super::points::{Point, Points};
use super::span::{RateSum, Span, Spans, Tail, Window};
use crate::base::time::SimSpan;
use crate::model::arrival::{RowCounts, TraceProblem};
use std::collections::{BTreeMap, VecDeque};

/// Rows that the usual distance is taken from.
const LOOK_AHEAD: usize = 1_024;

/// Why a span of zero was added.
const NO_ROW: &str = "a period without a row: no requests";
/// Why a period is shorter than the others.
const CUT: &str = "a period cut short by the next row: its requests are kept";

/// Rates, each of which holds until the next row.
pub(super) struct Held<P> {
    points: P,
    window: Window,
    /// A row after the window was read: it ends the rate before it, and nothing follows.
    is_past: bool,
    counts: RowCounts,
    sum: RateSum,
    period: Option<u64>,
    /// The rate that holds, and since when; until the first row none does.
    current: Point,
    began: bool,
    /// Where the current rate ends, once the next row is known.
    next: Option<Point>,
    /// Distance of the last two rows.
    distance: Option<u64>,
}

impl<P: Points> Held<P> {
    /// Reads `points`, of which `window` is played; the last one holds for `period` where nobody else says.
    pub fn new(points: P, period: Option<SimSpan>, window: Window) -> Self {
        Held {
            points,
            window,
            is_past: false,
            counts: RowCounts::default(),
            sum: RateSum::default(),
            period: period.map(|span| span.0),
            current: Point { at: 0, value: 0 },
            began: false,
            next: None,
            distance: None,
        }
    }

    fn pull(&mut self) -> Result<Option<Point>, TraceProblem> {
        if self.is_past {
            return Ok(None);
        }
        let Some(point) = self.points.next_point(&mut self.counts)? else { return Ok(None) };
        if self.began {
            self.window.ends_at(point.at, &mut self.counts);
        }
        if !self.window.count(point.at, u64::MAX, &mut self.counts) {
            self.is_past = true;
            self.points.leave_rest(&mut self.counts);
        }
        Ok(Some(point))
    }
}

impl<P: Points> Spans for Held<P> {
    fn next_span(&mut self) -> Result<Option<Span>, TraceProblem> {
        loop {
            let next = match self.next {
                Some(next) => next,
                None => match self.pull()? {
                    None => return Ok(None),
                    Some(next) => *self.next.insert(next),
                },
            };
            if self.current.at < next.at {
                let span = self.sum.span(self.current.at, next.at, self.current.value);
                if self.began && span.start == self.current.at {
                    self.distance = Some(next.at - span.start);
                }
                self.current.at = span.end;
                return Ok(Some(span));
            }
            (self.current, self.next, self.began) = (next, None, true);
        }
    }

    fn tail(&self) -> Option<Tail> {
        let Point { at: start, value: rate } = self.current;
        self.began.then_some(Tail { start, rate, usual: self.period.or(self.distance) })
    }

    fn end(&mut self) {
        while !self.is_past {
            match self.pull() {
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(_) => return count(&mut self.counts.adjusted, UNREADABLE_REST),
            }
        }
    }

    fn counts(&self) -> &RowCounts {
        &self.counts
    }
}

/// Sums over the period that begins at each row.
pub(super) struct Sums<P> {
    points: P,
    window: Window,
    /// A row after the window was read: nothing follows it.
    is_past: bool,
    counts: RowCounts,
    period: u64,
    /// Points that were looked at for the period.
    ahead: VecDeque<Point>,
    /// The end of the span before.
    end: u64,
    /// The row after the present one, which comes next.
    next: Option<Point>,
}

impl<P: Points> Sums<P> {
    /// Reads `points`, of which `window` is played. Without `period` it is the commonest distance of the first rows
    /// (the shortest of several that are equally common).
    ///
    /// # Errors
    /// A bad row, or a single one where the period is not told.
    pub fn new(
        mut points: P,
        period: Option<SimSpan>,
        file: &str,
        window: Window,
    ) -> Result<Self, TraceProblem> {
        let mut counts = RowCounts::default();
        let mut ahead = VecDeque::new();
        let period = match period {
            Some(period) => period.0.max(1),
            None => {
                while ahead.len() < LOOK_AHEAD
                    && let Some(point) = points.next_point(&mut counts)?
                {
                    ahead.push_back(point);
                }
                match usual_distance(&ahead) {
                    Some(distance) => distance,
                    None if ahead.is_empty() => 1,
                    None => {
                        let text = "has one row, which does not say how long its period is";
                        let help = Some("give the period, such as period = \"5m\"");
                        return Err(problem(file, text, help));
                    }
                }
            }
        };
        let is_past = false;
        let mut sums = Sums { points, window, is_past, counts, period, ahead, end: 0, next: None };
        sums.next = sums.pull()?;
        Ok(sums)
    }

    fn pull(&mut self) -> Result<Option<Point>, TraceProblem> {
        if self.is_past {
            return Ok(None);
        }
        let point = match self.ahead.pop_front() {
            Some(point) => Some(point),
            None => self.points.next_point(&mut self.counts)?,
        };
        let Some(Point { at, .. }) = point else { return Ok(None) };
        if !self.window.count(at, at + self.period, &mut self.counts) {
            self.is_past = true;
            let ahead = std::mem::take(&mut self.ahead).len() as u64;
            count_more(&mut self.counts.skipped, AFTER_END, ahead);
            self.points.leave_rest(&mut self.counts);
        }
        Ok(point)
    }
}

impl<P: Points> Spans for Sums<P> {
    fn next_span(&mut self) -> Result<Option<Span>, TraceProblem> {
        let Some(point) = self.next else { return Ok(None) };
        if self.end < point.at {
            let gap = Span { start: self.end, end: point.at, micro: 0 };
            // Before the first row of a table in seconds there is nothing to be lost.
            if gap.start > 0 {
                let missed = gap.end.min(self.window.to).saturating_sub(gap.start);
                count_more(&mut self.counts.adjusted, NO_ROW, missed.div_ceil(self.period));
            }
            self.end = point.at;
            return Ok(Some(gap));
        }
        self.next = self.pull()?;
        let whole = point.at + self.period;
        self.end = match self.next {
            Some(next) if next.at < whole => {
                count(&mut self.counts.adjusted, CUT);
                next.at
            }
            _ => whole,
        };
        Ok(Some(Span { start: point.at, end: self.end, micro: point.value }))
    }

    fn end(&mut self) {
        while !self.is_past {
            match self.pull() {
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(_) => return count(&mut self.counts.adjusted, UNREADABLE_REST),
            }
        }
    }

    fn counts(&self) -> &RowCounts {
        &self.counts
    }
}

fn usual_distance(points: &VecDeque<Point>) -> Option<u64> {
    let mut tally: BTreeMap<u64, u64> = BTreeMap::new();
    for (a, b) in points.iter().zip(points.iter().skip(1)) {
        *tally.entry(b.at - a.at).or_default() += 1;
    }
    // Of equal counts `max_by_key` keeps the last, so the distances come from the longest down.
    tally.into_iter().rev().max_by_key(|(_, count)| *count).map(|(distance, _)| distance)
}
