//! From a trace's own time to the traffic's: the beginning left out, the last rate held, the whole repeated.

use super::super::problem::problem;
use super::span::{RateSum, Span, Spans, Tail};
use crate::base::time::LATEST;
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::traffic::RateTrace;

/// A trace as it is played.
pub(super) struct Timeline {
    spans: Box<dyn Spans + Send>,
    file: String,
    /// Trace time that is left out, microseconds.
    skip: u64,
    repeat: bool,
    /// When the traffic has to go on until, in traffic time; `None`: as far as the trace says.
    until: Option<u64>,
    /// Traffic time at which the present lap began.
    lap_start: u64,
    /// Trace time up to which this lap has been read.
    lap_end: u64,
    /// The rate that holds at the end of a lap: begin, end, rate.
    held: Option<(u64, u64, u64)>,
    sum: RateSum,
    is_over: bool,
}

impl Timeline {
    /// Plays `spans` as `trace` says until `until`, microseconds of traffic time.
    pub fn new(spans: Box<dyn Spans + Send>, trace: &RateTrace, until: Option<u64>) -> Self {
        Timeline {
            spans,
            file: trace.display.clone(),
            skip: trace.skip.0,
            repeat: trace.repeat,
            until,
            lap_start: 0,
            lap_end: 0,
            held: None,
            sum: RateSum::default(),
            is_over: false,
        }
    }

    /// The next span in trace time.
    fn next_of_lap(&mut self) -> Result<Option<Span>, TraceProblem> {
        if self.held.is_none() {
            if let Some(span) = self.spans.next_span()? {
                return Ok(Some(span));
            }
            let Some(Tail { start, rate, usual }) = self.spans.tail() else { return Ok(None) };
            self.held = Some((start, self.end_of_tail(start, rate, usual)?, rate));
        }
        let Some((from, to, rate)) = self.held else { return Ok(None) };
        if from >= to {
            return Ok(None);
        }
        let span = self.sum.span(from, to, rate);
        self.held = Some((span.end, to, rate));
        Ok(Some(span))
    }

    /// Trace time until which the last rate of a lap holds.
    fn end_of_tail(&self, start: u64, rate: u64, usual: Option<u64>) -> Result<u64, TraceProblem> {
        match (self.repeat, usual, self.until) {
            // A last row of zero closes the trace.
            (_, _, _) if rate == 0 => Ok(start),
            (true, Some(usual), _) => Ok(start + usual),
            (true, None, _) => {
                let text = "has one row, which does not say when the trace begins again";
                let help = "close it with a row of rate 0, or give the period";
                Err(problem(&self.file, text, Some(help)))
            }
            (false, _, Some(until)) => Ok(until.saturating_add(self.skip).max(start)),
            (false, Some(usual), None) => Ok(start + usual),
            (false, None, None) => Ok(LATEST.0.saturating_add(self.skip)),
        }
    }

    /// Begins the next lap; `false` where this was the last.
    fn next_lap(&mut self) -> Result<bool, TraceProblem> {
        let length = self.lap_end.saturating_sub(self.skip);
        if length == 0 && self.lap_end > 0 {
            let text = format!("is over before the {} that are left out", human_seconds(self.skip));
            return Err(problem(&self.file, &text, Some("leave less out")));
        }
        self.lap_start += length;
        (self.held, self.lap_end) = (None, 0);
        Ok(length > 0 && self.repeat && self.spans.rewind())
    }
}

fn human_seconds(micros: u64) -> String {
    format!("{} s", crate::base::time::SimSpan(micros))
}

impl Spans for Timeline {
    fn next_span(&mut self) -> Result<Option<Span>, TraceProblem> {
        while !self.is_over {
            if self.repeat && self.lap_start >= self.until.unwrap_or(LATEST.0) {
                break;
            }
            let Some(span) = self.next_of_lap()? else {
                self.is_over = !self.next_lap()?;
                continue;
            };
            self.lap_end = span.end;
            if let (_, Some(rest)) = span.split(self.skip) {
                let moved = |at: u64| at - self.skip + self.lap_start;
                return Ok(Some(Span { start: moved(rest.start), end: moved(rest.end), ..rest }));
            }
        }
        Ok(None)
    }

    fn end(&mut self) {
        self.spans.end();
    }

    fn counts(&self) -> &RowCounts {
        self.spans.counts()
    }
}
