//! The rows to come: the head of each caller's trace, and which of them is next.

use super::event::RunError;
use crate::base::id::Id as _;
use crate::base::time::SimTime;
use crate::model::arrival::{RowCounts, TaskRow, TaskStream};
use crate::model::ids::SourceId;

/// The callers' traces, merged.
pub struct Arrivals {
    streams: Vec<Box<dyn TaskStream + Send>>,
    heads: Vec<Option<TaskRow>>,
    next: Option<(SimTime, SourceId)>,
}

impl Arrivals {
    /// Traces of which nothing has been read.
    #[must_use]
    pub fn new(streams: Vec<Box<dyn TaskStream + Send>>) -> Arrivals {
        Arrivals { streams, heads: Vec::new(), next: None }
    }

    /// Reads the first row of each.
    ///
    /// # Errors
    /// A row cannot be read.
    pub fn begin(&mut self) -> Result<(), RunError> {
        for stream in &mut self.streams {
            self.heads.push(stream.next_row()?);
        }
        self.find_next();
        Ok(())
    }

    /// When the next row arrives, and whose it is.
    #[inline]
    #[must_use]
    pub fn next(&self) -> Option<(SimTime, SourceId)> {
        self.next
    }

    /// Takes the next row, which was announced; the names that it mentions are [`Arrivals::names`].
    #[must_use]
    pub fn take(&mut self) -> (SourceId, TaskRow) {
        let (_, source) = self.next.expect("an arrival was announced");
        let row = self.heads[source.index()].take();
        (source, row.expect("the head of the stream is there"))
    }

    /// Names that rows of a caller's trace mention by number.
    #[must_use]
    pub fn names(&self, source: SourceId) -> &[String] {
        self.streams[source.index()].names()
    }

    /// File and line of the row that was taken.
    #[must_use]
    pub fn place(&self, source: SourceId) -> Option<(&str, u64)> {
        self.streams[source.index()].place()
    }

    /// Reads on in the trace whose row was taken.
    ///
    /// # Errors
    /// A row cannot be read.
    pub fn read_on(&mut self, source: SourceId) -> Result<(), RunError> {
        self.heads[source.index()] = self.streams[source.index()].next_row()?;
        self.find_next();
        Ok(())
    }

    /// The run has ended: heads that were not taken and all behind them are left out.
    pub fn end(&mut self) {
        for (stream, head) in self.streams.iter_mut().zip(&mut self.heads) {
            stream.end(u64::from(head.take().is_some()));
        }
        self.next = None;
    }

    /// What became of each trace's rows.
    pub fn counts(&self) -> impl Iterator<Item = &RowCounts> {
        self.streams.iter().map(|stream| stream.counts())
    }

    /// The earliest head; the lower caller first at equal instants.
    fn find_next(&mut self) {
        let heads = self.heads.iter().enumerate();
        let arrivals = heads.filter_map(|(i, head)| head.as_ref().map(|row| (row.arrival, i)));
        self.next = arrivals.min().map(|(at, index)| (at, SourceId::from_index(index)));
    }
}
