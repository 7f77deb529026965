//! The encoding of rows.
//!
//! Rows are concatenations of integers and of names that were quoted once: no formatting machinery, no
//! allocation per row.

use crate::base::money::NanoUsd;
use crate::base::spreadsheet::free_text;
use crate::base::time::{MICROS_PER_SECOND, SimSpan, SimTime};
use crate::base::{calendar, decimal};
use crate::metrics::table::TableSpec;
use std::io::{self, Write};

/// A name as a CSV field, quoted where needed.
#[must_use]
pub fn field(name: &str) -> Box<[u8]> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record([name]).expect("memory takes a field");
    let mut bytes = writer.into_inner().expect("memory takes a field");
    bytes.pop(); // the line end
    if name.is_empty() {
        bytes.clear(); // a lone empty field would be quoted
    }
    bytes.into_boxed_slice()
}

/// Rows on their way to a sink, written in blocks.
pub struct RowWriter {
    sink: Option<Box<dyn Write + Send>>,
    buffer: Vec<u8>,
    epoch: Option<i64>,
}

/// Rows are handed on in blocks of this many bytes: whole pages, of which a file system begins none twice, and few enough
/// to stay in a near cache.
const BLOCK: usize = 1 << 16;

impl RowWriter {
    /// A writer that begins with the header of `table`.
    #[must_use]
    pub fn new(sink: Option<Box<dyn Write + Send>>, table: &TableSpec) -> Self {
        let mut buffer = Vec::new();
        if sink.is_some() {
            buffer.reserve(BLOCK + (BLOCK >> 3));
            buffer.extend_from_slice(table.header().as_bytes());
        }
        RowWriter { sink, buffer, epoch: None }
    }

    /// With time zero for [`Row::utc`].
    #[must_use]
    pub fn dated(self, epoch: Option<i64>) -> Self {
        RowWriter { epoch, ..self }
    }

    /// Whether rows go anywhere. Callers do no work for a table that is off.
    #[inline]
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.sink.is_some()
    }

    /// Begins a row.
    #[inline]
    pub fn row(&mut self) -> Row<'_> {
        Row { bytes: &mut self.buffer, last: None, epoch: self.epoch }
    }

    /// Hands full blocks to the sink.
    ///
    /// # Errors
    /// What the sink says.
    #[inline]
    pub fn settle(&mut self) -> io::Result<()> {
        if self.buffer.len() < BLOCK { Ok(()) } else { self.hand_on() }
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let full = self.buffer.len() / BLOCK * BLOCK;
        if let Some(sink) = &mut self.sink {
            sink.write_all(&self.buffer[..full])?;
        }
        self.buffer.drain(..full);
        Ok(())
    }

    /// Hands everything to the sink.
    ///
    /// # Errors
    /// What the sink says.
    pub fn flush(&mut self) -> io::Result<()> {
        if let Some(sink) = &mut self.sink {
            sink.write_all(&self.buffer)?;
        }
        self.buffer.clear();
        Ok(())
    }

    /// Hands everything to the sink and flushes it.
    ///
    /// # Errors
    /// What the sink says.
    pub fn finish(&mut self) -> io::Result<()> {
        self.flush()?;
        self.sink.as_mut().map_or(Ok(()), |sink| sink.flush())
    }
}

/// A row that is being written; fields follow each other, [`Row::end`] closes it.
pub struct Row<'a> {
    bytes: &'a mut Vec<u8>,
    /// The instant written last, and how: stages of no length repeat it.
    last: Option<(SimTime, decimal::Written)>,
    epoch: Option<i64>,
}

impl Row<'_> {
    /// A name that [`field`] has quoted.
    #[inline]
    pub fn name(&mut self, field: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(field);
        self.bytes.push(b',');
        self
    }

    /// A whole number.
    #[inline]
    pub fn int(&mut self, value: u64) -> &mut Self {
        decimal::write_field(self.bytes, value, 0);
        self
    }

    /// Nothing.
    #[inline]
    pub fn empty(&mut self) -> &mut Self {
        self.bytes.push(b',');
        self
    }

    /// An instant in seconds; [`SimTime::NEVER`] is empty.
    #[inline]
    pub fn time(&mut self, at: SimTime) -> &mut Self {
        if at == SimTime::NEVER {
            return self.empty();
        }
        match &self.last {
            Some((last, written)) if *last == at => written.append_to(self.bytes),
            _ => self.other_time(at),
        }
        self
    }

    /// An instant that is not the one before; apart, so that what is written again is no call.
    #[inline(never)]
    fn other_time(&mut self, at: SimTime) {
        self.last = decimal::Written::millionths(at.0).map(|written| (at, written));
        match &self.last {
            Some((_, written)) => written.append_to(self.bytes),
            None => decimal::write_field(self.bytes, at.0, 6),
        }
    }

    /// Several instants, each as [`Row::time`] writes it.
    #[inline]
    pub fn times<const N: usize>(&mut self, all: [SimTime; N]) -> &mut Self {
        for at in all {
            self.time(at);
        }
        self
    }

    /// An instant on the calendar, in [`super::outputs::UTC`]; empty without one.
    pub fn utc(&mut self, at: SimTime) -> &mut Self {
        let seconds = i64::try_from(at.0 / MICROS_PER_SECOND).unwrap_or(i64::MAX);
        if let Some(epoch) = self.epoch {
            calendar::write_utc(self.bytes, epoch.saturating_add(seconds));
        }
        self.empty()
    }

    /// A span in seconds.
    #[inline]
    pub fn span(&mut self, span: SimSpan) -> &mut Self {
        self.time(SimTime(span.0))
    }

    /// A decimal in millionths, without trailing zeros.
    #[inline]
    pub fn millionths(&mut self, value: u64) -> &mut Self {
        decimal::write_field(self.bytes, value, 6);
        self
    }

    /// Several of them in one field, separated by blanks; `missing` for what is not there.
    pub fn all_millionths(&mut self, values: impl Iterator<Item = Option<u64>>) -> &mut Self {
        for (index, value) in values.enumerate() {
            if index > 0 {
                self.bytes.push(b' ');
            }
            match value {
                Some(value) => decimal::write_scaled(self.bytes, value, 6),
                None => self.bytes.extend_from_slice(b"missing"),
            }
        }
        self.bytes.push(b',');
        self
    }

    /// A percentage with six decimals; empty where it is not defined.
    pub fn percent(&mut self, value: Option<f64>) -> &mut Self {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            write!(self.bytes, "{value:.6}").expect("memory takes a number");
        }
        self.bytes.push(b',');
        self
    }

    /// Free text, safe for spreadsheets and quoted where needed.
    pub fn text(&mut self, text: &str) -> &mut Self {
        let text = free_text(text);
        let is_plain = |byte: &u8| !matches!(byte, b',' | b'"' | b'\n' | b'\r');
        if text.as_bytes().iter().all(is_plain) {
            return self.name(text.as_bytes());
        }
        self.name(&field(&text))
    }

    /// Dollars, without trailing zeros.
    #[inline]
    pub fn usd(&mut self, usd: NanoUsd) -> &mut Self {
        if usd.0 < 0 {
            self.bytes.push(b'-');
        }
        let nanos = usd.0.unsigned_abs();
        match u64::try_from(nanos) {
            Ok(nanos) => decimal::write_field(self.bytes, nanos, 9),
            Err(_) => {
                let text = NanoUsd(nanos as i128).to_string();
                let text = text.trim_end_matches('0').trim_end_matches('.');
                self.bytes.extend_from_slice(text.as_bytes());
                self.bytes.push(b',');
            }
        }
        self
    }

    /// Ends the row.
    #[inline]
    pub fn end(&mut self) {
        let last = self.bytes.last_mut().expect("a row has fields");
        *last = b'\n';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_once_and_only_where_needed() {
        assert_eq!(&*field("plain"), b"plain");
        assert_eq!(&*field(""), b"");
        assert_eq!(&*field("a,\"b\""), b"\"a,\"\"b\"\"\"");
    }

    #[test]
    fn a_row_ends_with_a_line_end_in_place_of_the_last_comma() {
        let mut bytes = Vec::new();
        Row { bytes: &mut bytes, last: None, epoch: None }
            .int(7)
            .empty()
            .time(SimTime(1_500_000))
            .time(SimTime::NEVER)
            .usd(NanoUsd(-5))
            .end();
        assert_eq!(bytes, b"7,,1.5,,-0.000000005\n");
    }
}
