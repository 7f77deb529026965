//! Lines to fields, and fields to numbers. Nothing here knows what a field means.
//!
//! The dialect: comma-separated, a field may be quoted with `"` (doubled inside), a quoted field ends on the line
//! it began on, blanks around a field do not count, lines that begin with `#` are comments. Lines are split one by
//! one, so that places in messages are exact and an unclosed quote is found on its own line instead of taking the
//! rest of the file for one field. A line without quotes is not copied: its fields are ranges of it.

use super::lines::{Bytes, Lines};
use super::problem::{Fault, Faulty, Place, problem_at, shown};
use crate::base::decimal::{self, DecimalError};
use crate::model::arrival::TraceProblem;
use crate::model::workload::TraceInput;

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
    lines: Lines,
    separator: Separator,
    /// Where the fields of the record begin and end, in the line or in `unquoted`.
    bounds: Vec<(u32, u32)>,
    /// The fields of a line that has quotes, without them.
    unquoted: Vec<u8>,
    /// The current line was looked at and is to be read again.
    held: bool,
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
        let lines = Lines::new(bytes, input, comment)?;
        Ok(Records { lines, separator, bounds: Vec::new(), unquoted: Vec::new(), held: false })
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
        self.lines.advance()
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

    /// Splits the current line.
    #[inline]
    pub fn split(&mut self) -> Faulty<Fields<'_>> {
        let line = self.lines.text();
        if !self.lines.is_plain() {
            check_text(line)?;
        }
        check_length(line)?;
        self.bounds.clear();
        if self.separator == Separator::Blanks {
            split_at_blanks(line, &mut self.bounds);
        } else if self.lines.is_plain() || memchr::memchr(b'"', line).is_none() {
            split_at_commas(line, &mut self.bounds);
        } else {
            check_quotes(line)?;
            unquote(line, &mut self.unquoted, &mut self.bounds);
            return Ok(Fields { text: &self.unquoted, bounds: &self.bounds });
        }
        Ok(Fields { text: line, bounds: &self.bounds })
    }

    /// The number of the current line.
    pub fn line(&self) -> u64 {
        self.lines.line()
    }

    /// The file as messages name it.
    pub fn file(&self) -> &str {
        self.lines.file()
    }

    fn text(&self) -> &[u8] {
        self.lines.text()
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

#[inline]
fn split_at_commas(line: &[u8], bounds: &mut Vec<(u32, u32)>) {
    // Fields are a few bytes long: looking at each byte is quicker than a search per field.
    let mut start = 0;
    for (at, &byte) in line.iter().enumerate() {
        if byte == b',' {
            bounds.push((start, at as u32));
            start = at as u32 + 1;
        }
    }
    bounds.push((start, line.len() as u32));
}

fn split_at_blanks(line: &[u8], bounds: &mut Vec<(u32, u32)>) {
    let mut start = None;
    for (at, byte) in line.iter().enumerate() {
        match (byte.is_ascii_whitespace(), start) {
            (false, None) => start = Some(at as u32),
            (true, Some(from)) => {
                bounds.push((from, at as u32));
                start = None;
            }
            _ => {}
        }
    }
    bounds.extend(start.map(|from| (from, line.len() as u32)));
}

/// Splits a line that [`check_quotes`] accepted: a quote encloses a field, or is one of two inside.
fn unquote(line: &[u8], text: &mut Vec<u8>, bounds: &mut Vec<(u32, u32)>) {
    text.clear();
    let (mut start, mut quoted, mut at) = (0, false, 0);
    while at < line.len() {
        match line[at] {
            b',' if !quoted => {
                bounds.push((start, text.len() as u32));
                start = text.len() as u32;
            }
            b'"' if quoted && line.get(at + 1) == Some(&b'"') => {
                text.push(b'"');
                at += 1;
            }
            b'"' => quoted = !quoted,
            byte => text.push(byte),
        }
        at += 1;
    }
    bounds.push((start, text.len() as u32));
}

/// Refuses NUL and text that is not UTF-8.
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
    Ok(())
}

/// Refuses endless fields.
#[inline]
fn check_length(line: &[u8]) -> Faulty<()> {
    if line.len() > MAX_FIELD {
        let longest = line.split(|&b| b == b',' || b == b' ').map(<[u8]>::len).max().unwrap_or(0);
        if longest > MAX_FIELD {
            return Err(Fault::line("field too long", "a field is longer than 64 KiB".into()));
        }
    }
    Ok(())
}

/// Refuses quotes that do not enclose a whole field of one line.
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
                match line.get(at + 1) {
                    None | Some(b',') => {}
                    Some(b';' | b'\t' | b'|') => {
                        let text = "a quoted field ends with something else than a comma behind it";
                        let help = "put commas between fields, and a point into decimals";
                        return Err(stray_quote(at, text).help(help));
                    }
                    _ => return Err(stray_quote(at, "a field goes on after its closing quote")),
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
pub(super) struct Fields<'a> {
    text: &'a [u8],
    bounds: &'a [(u32, u32)],
}

impl<'a> Fields<'a> {
    /// How many there are.
    pub fn len(self) -> usize {
        self.bounds.len()
    }

    /// Field `index` without blanks around it; empty where there is none.
    #[inline]
    pub fn get(self, index: usize) -> &'a [u8] {
        let Some(&(start, end)) = self.bounds.get(index) else { return b"" };
        let field = &self.text[start as usize..end as usize];
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

    /// A whole number of at most `max`, also as a float writes it: `2.0`.
    #[inline]
    pub fn whole(self, index: usize, name: &str, max: u64) -> Faulty<u64> {
        let text = self.get(index);
        match decimal::parse_whole(text, max) {
            Ok(value) => Ok(value),
            Err(error) => match decimal::parse_whole_float(text, max) {
                Ok(value) => Ok(value),
                Err(_) => Err(bad_whole(index, name, text, error, max)),
            },
        }
    }

    /// A decimal number times `10^scale`, also with an exponent.
    #[inline]
    pub fn scaled(self, index: usize, name: &str, scale: u32) -> Faulty<u64> {
        let text = self.get(index);
        match scaled(text, scale) {
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
        let value = scaled(digits, scale)
            .and_then(|v| i64::try_from(v).map_err(|_| DecimalError::TooLarge));
        match value {
            Ok(value) => Ok(if negative { -value } else { value }),
            Err(error) => Err(bad_number(index, name, text, error)),
        }
    }
}

/// The fields of foreign tables may have been through a program that has only floats, and carry exponents.
#[inline]
fn scaled(text: &[u8], scale: u32) -> Result<u64, DecimalError> {
    match decimal::parse_scaled(text, scale) {
        Err(DecimalError::NotPlain) => decimal::parse_scientific(text, scale),
        result => result,
    }
}

/// A fault of a field that should hold a whole number of at most `max`.
#[cold]
pub(super) fn bad_whole(
    index: usize,
    name: &str,
    text: &[u8],
    error: DecimalError,
    max: u64,
) -> Box<Fault> {
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
