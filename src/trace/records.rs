//! Lines to fields, and fields to numbers. Nothing here knows what a field means.
//!
//! The dialect: comma-separated, a field may be quoted with `"` (doubled inside), a quoted field ends on the line
//! it began on, blanks around a field do not count, lines that begin with `#` are comments. The `csv` crate does
//! the splitting; it is fed one line at a time, so that places in messages are exact and an unclosed quote is
//! found on its own line instead of taking the rest of the file for one field.

use super::lines::{Bytes, Lines};
use super::problem::{Fault, Faulty, Place, problem_at, shown};
use crate::base::decimal::{self, DecimalError};
use crate::model::arrival::TraceProblem;
use crate::model::workload::TraceInput;
use std::io::Read;

/// Longest field, in bytes.
const MAX_FIELD: usize = 1 << 16;

/// How the fields of a line are separated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Separator {
    /// Comma-separated values; `#` begins a comment.
    Comma,
    /// Runs of blanks; `;` begins a comment.
    Blanks,
}

/// The records of one trace file, one line each.
pub(super) struct Records {
    csv: csv::Reader<Feed>,
    record: csv::ByteRecord,
    separator: Separator,
    /// The current line was looked at and is to be read again.
    held: bool,
}

/// Hands the current line to the `csv` crate and not a byte more.
struct Feed {
    lines: Lines,
    /// How much of the current line, with one line feed behind it, was handed over.
    given: usize,
}

impl Read for Feed {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let line = self.lines.text();
        if self.given > line.len() {
            return Ok(0);
        }
        let rest = &line[self.given..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        let ends_here = count == rest.len() && count < out.len();
        if ends_here {
            out[count] = b'\n';
        }
        self.given += count + usize::from(ends_here);
        Ok(count + usize::from(ends_here))
    }
}

impl Records {
    /// The records of `bytes`.
    ///
    /// # Errors
    /// As [`Lines::new`].
    pub fn new(
        bytes: Bytes,
        input: &TraceInput,
        separator: Separator,
    ) -> Result<Self, TraceProblem> {
        let comment = if separator == Separator::Blanks { b';' } else { b'#' };
        let feed = Feed { lines: Lines::new(bytes, input, comment)?, given: 0 };
        let csv = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(1 << 13)
            .from_reader(feed);
        Ok(Records { csv, record: csv::ByteRecord::new(), separator, held: false })
    }

    /// Goes on to the next line; `false` at the end.
    ///
    /// # Errors
    /// As [`Lines::advance`].
    #[inline]
    pub fn advance(&mut self) -> Result<bool, TraceProblem> {
        if self.held {
            self.held = false;
            return Ok(true);
        }
        self.csv.get_mut().lines.advance()
    }

    /// Passes over the first line where it is a header.
    ///
    /// # Errors
    /// As [`Lines::advance`].
    pub fn pass_over_header(
        &mut self,
        is_header: impl FnOnce(Fields<'_>) -> bool,
    ) -> Result<(), TraceProblem> {
        let there = self.advance()?;
        self.held = there && !self.split().is_ok_and(is_header);
        Ok(())
    }

    /// Splits the current line. To be called once after each [`Records::advance`] whose fields are wanted.
    #[inline]
    pub fn split(&mut self) -> Faulty<Fields<'_>> {
        check_text(self.text())?;
        if self.separator == Separator::Blanks {
            self.record.clear();
            let line = self.csv.get_ref().lines.text();
            for field in line.split(u8::is_ascii_whitespace).filter(|f| !f.is_empty()) {
                self.record.push_field(field);
            }
        } else {
            let feed = self.csv.get_mut();
            feed.given = 0;
            check_quotes(feed.lines.text())?;
            self.csv.read_byte_record(&mut self.record).expect("a line in memory can be read");
        }
        Ok(Fields(&self.record))
    }

    /// The number of the current line.
    pub fn line(&self) -> u64 {
        self.csv.get_ref().lines.line()
    }

    /// The file as messages name it.
    pub fn file(&self) -> &str {
        self.csv.get_ref().lines.file()
    }

    fn text(&self) -> &[u8] {
        self.csv.get_ref().lines.text()
    }

    /// A fault of the current line as a problem of the file.
    pub fn problem(&self, fault: &Fault) -> TraceProblem {
        let column = match fault.place {
            Place::Line => 1,
            Place::Byte(byte) => byte + 1,
            Place::Field(index) => self.column_of(index),
        };
        problem_at(self.file(), self.line(), column, &fault.text, fault.help.as_deref())
    }

    /// The column, from 1, at which field `index` of the current line begins.
    fn column_of(&self, index: usize) -> usize {
        let text = self.text();
        let (mut at, mut field, mut quoted, mut in_field) = (0, 0, false, false);
        let blanks = self.separator == Separator::Blanks;
        while at < text.len() {
            let byte = text[at];
            if blanks {
                if byte.is_ascii_whitespace() {
                    field += usize::from(in_field);
                    in_field = false;
                } else if field == index {
                    return at + 1;
                } else {
                    in_field = true;
                }
            } else if field == index && !byte.is_ascii_whitespace() {
                return at + 1;
            } else if byte == b'"' {
                quoted = !quoted;
            } else if byte == b',' && !quoted {
                field += 1;
            }
            at += 1;
        }
        text.len() + 1
    }
}

/// Refuses NUL, text that is not UTF-8 and endless fields.
#[inline]
fn check_text(line: &[u8]) -> Faulty<()> {
    if let Some(at) = memchr::memchr(0, line) {
        let text = "a NUL byte; this is not a text file, or it is damaged".into();
        return Err(Box::new(Fault {
            place: Place::Byte(at),
            text,
            help: None,
            reason: "NUL byte",
        }));
    }
    if !line.is_ascii()
        && let Err(error) = std::str::from_utf8(line)
    {
        let at = error.valid_up_to();
        let text = format!("the byte 0x{:02x} is not valid UTF-8", line[at]);
        let fault = Fault { place: Place::Byte(at), text, help: None, reason: "not UTF-8" };
        return Err(Box::new(fault).help("save the file as UTF-8"));
    }
    if line.len() > MAX_FIELD {
        let longest = line.split(|&b| b == b',' || b == b' ').map(<[u8]>::len).max().unwrap_or(0);
        if longest > MAX_FIELD {
            return Err(Fault::line("field too long", "a field is longer than 64 KiB".into()));
        }
    }
    Ok(())
}

/// Refuses quotes that do not enclose a whole field of one line.
#[inline]
fn check_quotes(line: &[u8]) -> Faulty<()> {
    let Some(first) = memchr::memchr(b'"', line) else {
        return Ok(());
    };
    let mut opened = None;
    let mut at = first;
    let mut field_start = line[..first].iter().rposition(|&b| b == b',').map_or(0, |i| i + 1);
    while at < line.len() {
        match (line[at], opened) {
            (b'"', None) if at == field_start => opened = Some(at),
            (b'"', Some(_)) if line.get(at + 1) == Some(&b'"') => at += 1,
            (b'"', Some(_)) => {
                opened = None;
                if !matches!(line.get(at + 1), None | Some(b',')) {
                    return Err(stray_quote(at, "a field goes on after its closing quote"));
                }
            }
            (b'"', None) => return Err(stray_quote(at, "a quote inside a field without quotes")),
            (b',', None) => field_start = at + 1,
            _ => {}
        }
        at += 1;
    }
    match opened {
        None => Ok(()),
        Some(at) => {
            let fault = stray_quote(at, "the quote opened here is not closed on this line");
            Err(fault.help("fields do not go over the end of a line"))
        }
    }
}

fn stray_quote(at: usize, text: &str) -> Box<Fault> {
    let (place, text) = (Place::Byte(at), text.to_string());
    Box::new(Fault { place, text, help: None, reason: "misplaced quote" })
}

/// The fields of one record.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(&'a csv::ByteRecord);

impl<'a> Fields<'a> {
    /// How many there are.
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Field `index` without blanks around it; empty where there is none.
    #[inline]
    pub fn get(self, index: usize) -> &'a [u8] {
        let field = self.0.get(index).unwrap_or(b"");
        match field {
            [b' ' | b'\t', ..] | [.., b' ' | b'\t'] => field.trim_ascii(),
            _ => field,
        }
    }

    /// A fault unless there are `expected` fields.
    #[inline]
    pub fn expect_len(self, expected: usize, of: &str) -> Faulty<()> {
        let found = self.len();
        if found == expected {
            return Ok(());
        }
        let fields = if found == 1 { "field" } else { "fields" };
        let text = format!("the row has {found} {fields}, {of} has {expected}");
        let reason = if found < expected { "too few fields" } else { "too many fields" };
        Err(Fault::line(reason, text))
    }

    /// A whole number of at most `max`.
    #[inline]
    pub fn whole(self, index: usize, name: &str, max: u64) -> Faulty<u64> {
        let text = self.get(index);
        match decimal::parse_whole(text, max) {
            Ok(value) => Ok(value),
            Err(error) => Err(bad_whole(index, name, text, error, max)),
        }
    }

    /// A decimal number times `10^scale`.
    #[inline]
    pub fn scaled(self, index: usize, name: &str, scale: u32) -> Faulty<u64> {
        let text = self.get(index);
        match decimal::parse_scaled(text, scale) {
            Ok(value) => Ok(value),
            Err(error) => Err(bad_number(index, name, text, error)),
        }
    }

    /// A decimal number times `10^scale` that may be negative.
    #[inline]
    pub fn signed(self, index: usize, name: &str, scale: u32) -> Faulty<i64> {
        let text = self.get(index);
        let (digits, negative) = match text {
            [b'-', digits @ ..] => (digits, true),
            digits => (digits, false),
        };
        let value = decimal::parse_scaled(digits, scale)
            .and_then(|v| i64::try_from(v).map_err(|_| DecimalError::TooLarge));
        match value {
            Ok(value) => Ok(if negative { -value } else { value }),
            Err(error) => Err(bad_number(index, name, text, error)),
        }
    }
}

#[cold]
fn bad_whole(index: usize, name: &str, text: &[u8], error: DecimalError, max: u64) -> Box<Fault> {
    match error {
        DecimalError::NotPlain => {
            let text = format!("{name} is {}: not a whole number", shown(text));
            Fault::field(index, reason_of(error), text)
        }
        DecimalError::TooLarge => {
            let text = format!("{name} is {}: more than {max}", shown(text));
            Fault::field(index, reason_of(error), text)
        }
        _ => bad_number(index, name, text, error),
    }
}

/// A fault of a field that should hold a number.
#[cold]
pub(super) fn bad_number(index: usize, name: &str, text: &[u8], error: DecimalError) -> Box<Fault> {
    let text = match error {
        DecimalError::Empty => format!("{name} is empty"),
        _ => format!("{name} is {}: {error}", shown(text)),
    };
    Fault::field(index, reason_of(error), text)
}

fn reason_of(error: DecimalError) -> &'static str {
    match error {
        DecimalError::Empty => "a value is missing",
        DecimalError::Negative => "a value is negative",
        DecimalError::NotPlain => "not a number",
        DecimalError::TooLarge => "a value is too large",
    }
}
