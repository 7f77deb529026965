//! A trace in memory, shared by the services that use it: 16 bytes a row.

use super::span::{Span, Spans, Tail};
use crate::model::arrival::{RowCounts, TraceProblem};
use std::sync::Arc;

/// All spans of a trace.
pub(super) struct Loaded {
    /// Begin and millionths of a request of each span; a span ends where the next begins.
    rows: Vec<(u64, u64)>,
    /// The end of the last one.
    end: u64,
    tail: Option<Tail>,
    counts: RowCounts,
}

impl Loaded {
    /// Reads `spans` to their end.
    ///
    /// # Errors
    /// A row that cannot be used.
    pub fn read(mut spans: Box<dyn Spans + Send>) -> Result<Loaded, TraceProblem> {
        let (mut rows, mut end) = (Vec::new(), 0);
        while let Some(span) = spans.next_span()? {
            debug_assert_eq!(span.start, end, "spans have no gaps");
            rows.push((span.start, span.micro));
            end = span.end;
        }
        rows.shrink_to_fit();
        Ok(Loaded { rows, end, tail: spans.tail(), counts: spans.counts().clone() })
    }
}

/// Goes through a shared copy.
pub(super) struct Cursor {
    trace: Arc<Loaded>,
    next: usize,
}

impl Cursor {
    /// At the beginning of `trace`.
    pub fn new(trace: Arc<Loaded>) -> Cursor {
        Cursor { trace, next: 0 }
    }
}

impl Spans for Cursor {
    fn next_span(&mut self) -> Result<Option<Span>, TraceProblem> {
        let Some(&(start, micro)) = self.trace.rows.get(self.next) else { return Ok(None) };
        self.next += 1;
        let end = self.trace.rows.get(self.next).map_or(self.trace.end, |(start, _)| *start);
        Ok(Some(Span { start, end, micro }))
    }

    fn tail(&self) -> Option<Tail> {
        self.trace.tail
    }

    fn rewind(&mut self) -> bool {
        self.next = 0;
        true
    }

    fn counts(&self) -> &RowCounts {
        &self.trace.counts
    }
}
