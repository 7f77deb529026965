//! Whole numbers separated by blanks: the requests of each successive period, one second unless told otherwise.
//!
//! Such files are published as one line of many megabytes, so numbers are taken one by one and a line is nothing
//! but a place for messages. Memory is one buffer. A bad number that is skipped leaves its period empty.

use super::super::lines::{Bytes, io_problem};
use super::super::problem::{problem, problem_at, shown};
use super::super::stream::{AFTER_END, UNREADABLE_REST, count};
use super::points::check_rows;
use super::span::{MAX_REQUESTS, Span, Spans, Window};
use crate::base::decimal::{self, DecimalError};
use crate::base::time::{LATEST, MICROS_PER_SECOND};
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::traffic::{MICRO, RateTrace};
use crate::model::workload::OnRowError;
use std::io::{ErrorKind, Read as _};

/// How much is read at once.
const CHUNK: usize = 1 << 16;
/// Longest number, in bytes; messages repeat less of it.
const MAX_NUMBER: usize = 1 << 10;

/// The counts of a file.
pub(super) struct CountList {
    bytes: Bytes,
    file: String,
    window: Window,
    on_error: OnRowError,
    max_rows: u64,
    max_expanded: u64,
    expanded: u64,
    period: u64,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    /// Line and column of the next byte, from 1.
    place: (u64, usize),
    after_cr: bool,
    number: Vec<u8>,
    next_start: u64,
    counts: RowCounts,
}

impl CountList {
    /// Reads `bytes` as `trace` says, of which `window` is played.
    ///
    /// # Errors
    /// A file that is empty or cannot be read.
    pub fn new(bytes: Bytes, trace: &RateTrace, window: Window) -> Result<Self, TraceProblem> {
        let mut list = CountList {
            bytes,
            file: trace.display.clone(),
            window,
            on_error: trace.on_error,
            max_rows: trace.max_rows,
            max_expanded: trace.max_expanded_bytes,
            expanded: 0,
            period: trace.period.map_or(MICROS_PER_SECOND, |span| span.0.max(1)),
            buffer: vec![0; CHUNK],
            at: 0,
            end: 0,
            place: (1, 1),
            after_cr: false,
            number: Vec::new(),
            next_start: 0,
            counts: RowCounts::default(),
        };
        if list.peek()?.is_none() {
            let help = Some("expected whole numbers separated by blanks");
            return Err(problem(&list.file, "is empty", help));
        }
        for mark in *b"\xef\xbb\xbf" {
            if list.peek()? != Some(mark) {
                break;
            }
            list.at += 1;
        }
        Ok(list)
    }

    /// The next byte; `None` at the end.
    #[inline]
    fn peek(&mut self) -> Result<Option<u8>, TraceProblem> {
        if self.at == self.end && !self.fill()? {
            return Ok(None);
        }
        Ok(Some(self.buffer[self.at]))
    }

    fn fill(&mut self) -> Result<bool, TraceProblem> {
        self.at = 0;
        self.end = loop {
            match self.bytes.read(&mut self.buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result.map_err(|error| io_problem(&self.file, &error))?,
            }
        };
        self.expanded += self.end as u64;
        if self.expanded > self.max_expanded {
            let text = format!("holds more than {} bytes", self.max_expanded);
            let help = "this limit guards against decompression bombs and can be raised";
            return Err(problem(&self.file, &text, Some(help)));
        }
        Ok(self.end > 0)
    }

    fn step(&mut self, byte: u8) {
        self.at += 1;
        let ends_line = byte == b'\r' || (byte == b'\n' && !self.after_cr);
        self.after_cr = byte == b'\r';
        self.place = match byte {
            _ if ends_line => (self.place.0 + 1, 1),
            b'\n' => self.place,
            _ => (self.place.0, self.place.1 + 1),
        };
    }

    /// Takes the next number as text and says where it began; `None` at the end.
    fn take_number(&mut self) -> Result<Option<(u64, usize)>, TraceProblem> {
        while let Some(byte) = self.peek()? {
            if !byte.is_ascii_whitespace() {
                break;
            }
            self.step(byte);
        }
        let place = self.place;
        self.number.clear();
        while let Some(byte) = self.peek()? {
            if byte.is_ascii_whitespace() {
                break;
            }
            if self.number.len() == MAX_NUMBER {
                let text = format!("{} is longer than any number", shown(&self.number));
                let help =
                    Some("expected whole numbers separated by blanks; is this the right file?");
                return Err(problem_at(&self.file, place.0, place.1, &text, help));
            }
            self.number.push(byte);
            self.after_cr = false;
            self.at += 1;
            self.place.1 += 1;
        }
        Ok((!self.number.is_empty()).then_some(place))
    }

    /// Counts all that is left as rows after the end of the run.
    fn leave_rest(&mut self) {
        loop {
            match self.take_number() {
                Ok(Some(_)) => {
                    self.counts.read += 1;
                    count(&mut self.counts.skipped, AFTER_END);
                }
                Ok(None) => return,
                Err(_) => return count(&mut self.counts.adjusted, UNREADABLE_REST),
            }
        }
    }

    fn bad(&mut self, error: DecimalError, place: (u64, usize)) -> Result<u64, TraceProblem> {
        let (reason, what) = match error {
            DecimalError::Negative => ("a value is negative", "must not be negative".to_owned()),
            DecimalError::TooLarge => ("a value is too large", format!("more than {MAX_REQUESTS}")),
            _ => ("not a number", "not a whole number".to_owned()),
        };
        if self.on_error == OnRowError::Skip {
            count(&mut self.counts.skipped, reason);
            return Ok(0);
        }
        let text = format!("the count is {}: {what}", shown(&self.number));
        let help = Some("expected whole numbers separated by blanks");
        Err(problem_at(&self.file, place.0, place.1, &text, help))
    }
}

impl Spans for CountList {
    fn next_span(&mut self) -> Result<Option<Span>, TraceProblem> {
        if self.next_start >= self.window.to {
            self.leave_rest();
            return Ok(None);
        }
        let Some(place) = self.take_number()? else { return Ok(None) };
        self.counts.read += 1;
        check_rows(self.counts.read, self.max_rows, &self.file)?;
        let start = self.next_start;
        let end = start + self.period;
        let value = match decimal::parse_whole(&self.number, MAX_REQUESTS) {
            Ok(value) => {
                self.window.count(start, end, &mut self.counts);
                value
            }
            Err(error) => self.bad(error, place)?,
        };
        if end > LATEST.0 {
            let text = "the period ends more than 100 years after the first";
            return Err(problem_at(&self.file, place.0, place.1, text, None));
        }
        self.next_start = end;
        Ok(Some(Span { start, end, micro: value * MICRO }))
    }

    fn end(&mut self) {
        while let Ok(Some(_)) = self.next_span() {}
    }

    fn counts(&self) -> &RowCounts {
        &self.counts
    }
}
