//! Spans to what a service sees: scaled, summed to a grid, and later by the shift. Nothing is lost on the way.

use super::super::problem::problem;
use super::span::{MAX_MICRO, Span, Spans};
use crate::base::hint::ask_for;
use crate::base::time::SimTime;
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::traffic::{RateSegment, RateSource, RateStream};

/// One whole, in parts per million.
const WHOLE: u64 = 1_000_000;

/// The segments of a source.
pub(super) struct Shaper<S> {
    spans: S,
    /// What messages call the source.
    name: String,
    scale_ppm: u64,
    /// What scaling left over, in parts of [`WHOLE`].
    scale_rest: u128,
    shift: u64,
    /// Width of the grid; it is laid from the beginning of the traffic on.
    grid: Option<u64>,
    /// What is gathered of the present cell.
    cell: Option<Span>,
    /// A span that goes on after the cell.
    rest: Option<Span>,
    is_shifted: bool,
}

impl<S: Spans> Shaper<S> {
    /// Shapes `spans` as `source` says.
    pub fn new(spans: S, name: String, source: &RateSource) -> Self {
        Shaper {
            spans,
            name,
            scale_ppm: source.scale_ppm,
            scale_rest: 0,
            shift: source.shift.0,
            grid: source.resample.map(|span| span.0).filter(|&width| width > 0),
            cell: None,
            rest: None,
            is_shifted: source.shift.0 == 0,
        }
    }

    #[inline]
    fn next_scaled(&mut self) -> Result<Option<Span>, TraceProblem> {
        let Some(span) = self.spans.next_span()? else { return Ok(None) };
        if self.scale_ppm == WHOLE || span.micro == 0 {
            return Ok(Some(span));
        }
        let product = u128::from(span.micro) * u128::from(self.scale_ppm) + self.scale_rest;
        self.scale_rest = product % u128::from(WHOLE);
        match u64::try_from(product / u128::from(WHOLE)) {
            Ok(micro) if micro <= MAX_MICRO => Ok(Some(Span { micro, ..span })),
            _ => Err(self.too_many()),
        }
    }

    fn too_many(&self) -> TraceProblem {
        let text = "has more requests in one period than can be counted";
        problem(&self.name, text, Some("scale it by less, or sum it to a finer grid"))
    }

    /// The next span of the grid. Cells that one span covers whole stay one span.
    fn next_on_grid(&mut self, width: u64) -> Result<Option<Span>, TraceProblem> {
        loop {
            let span = match self.rest.take() {
                Some(rest) => rest,
                None => match self.next_scaled()? {
                    Some(span) => span,
                    None => return Ok(self.cell.take()),
                },
            };
            if self.cell.is_none() && span.start % width == 0 && span.end - span.start >= width {
                let (whole, rest) = span.split(span.end - span.end % width);
                self.rest = rest;
                return Ok(whole);
            }
            let cell_end = (span.start / width + 1) * width;
            let (head, rest) = span.split(cell_end);
            self.rest = rest;
            let Some(head) = head else { continue };
            let cell = match self.cell.take() {
                None => head,
                Some(cell) => {
                    let micro = cell.micro.checked_add(head.micro).filter(|&sum| sum <= MAX_MICRO);
                    let micro = micro.ok_or_else(|| self.too_many())?;
                    Span { start: cell.start, end: head.end, micro }
                }
            };
            if cell.end == cell_end {
                return Ok(Some(cell));
            }
            self.cell = Some(cell);
        }
    }
}

impl<S: Spans> RateStream for Shaper<S> {
    // Part of the loop of `read_until`, where most segments are made.
    #[inline(always)]
    fn next_segment(&mut self) -> Result<Option<RateSegment>, TraceProblem> {
        if !self.is_shifted {
            self.is_shifted = true;
            let (start, end) = (SimTime::ZERO, SimTime(self.shift));
            return Ok(Some(RateSegment { start, end, micro: 0 }));
        }
        let span = match self.grid {
            None => self.next_scaled()?,
            Some(width) => self.next_on_grid(width)?,
        };
        let moved = |at: u64| SimTime(at + self.shift);
        Ok(span.map(|span| RateSegment {
            start: moved(span.start),
            end: moved(span.end),
            micro: span.micro,
        }))
    }

    fn look_ahead(&self) {
        self.spans.look_ahead();
        ask_for(&self.shift);
        ask_for(&self.is_shifted);
    }

    fn end(&mut self) {
        self.spans.end();
    }

    fn counts(&self) -> &RowCounts {
        self.spans.counts()
    }
}
