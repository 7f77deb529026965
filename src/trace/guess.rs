//! Which format a file has, when nobody says: by its first line, then by its name.

use super::lines::{self, Bytes};
use crate::model::arrival::TraceProblem;
use crate::model::traffic::TrafficFormat;
use crate::model::workload::{TraceFormat, TraceInput};
use std::io::{Cursor, Read as _};

/// How many bytes are looked at; a header line is far shorter.
pub(super) const LOOKED_AT: u64 = 1 << 16;

/// A guess and the reason for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guess {
    /// The format.
    pub format: TraceFormat,
    /// Why, in words that complete "because ...".
    pub because: &'static str,
}

/// Guesses the format of a trace by its first bytes and the name of its file; also gives a reader that still yields
/// all bytes. `input.format` plays no part.
pub(super) fn of_bytes(
    mut bytes: Bytes,
    input: &TraceInput,
) -> Result<(Guess, Bytes), TraceProblem> {
    let start = lines::read_start(&mut bytes, LOOKED_AT, &input.display)?;
    let name = input.display.to_ascii_lowercase();
    let guess = if name.ends_with(".swf") || name.ends_with(".swf.gz") {
        Guess { format: TraceFormat::Swf, because: "its name ends in .swf" }
    } else {
        by_line(first_line(&start))
    };
    Ok((guess, Box::new(Cursor::new(start).chain(bytes))))
}

/// Guesses whether the trace that begins with `start` is one of requests, and why; `None`: it is one of tasks.
pub(super) fn traffic(start: &[u8]) -> Option<(TrafficFormat, &'static str)> {
    let has = |text: &str| memchr::memmem::find(start, text.as_bytes()).is_some();
    let line = first_line(start);
    // What else than commas separates them is told by the reader.
    let separates = |byte: &u8| matches!(byte, b',' | b';' | b'\t' | b'|');
    let fields: Vec<&[u8]> = line.split(separates).map(<[u8]>::trim_ascii).collect();
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let mut numbers = line.split(u8::is_ascii_whitespace).filter(|text| !text.is_empty());
    // A line of SWF has 18 numbers.
    let many = numbers.clone().count() > 18;
    if fields.contains(&b"requests_per_s".as_slice()) {
        Some((TrafficFormat::Native, "its header has requests_per_s"))
    } else if line.starts_with(b"{") && has("\"MetricDataResults\"") {
        Some((TrafficFormat::GetMetricData, "it has MetricDataResults"))
    } else if fields[..] == [b"timestamp".as_slice(), b"value"] {
        Some((TrafficFormat::Cloudwatch, "its header is timestamp,value"))
    } else if fields[..] == [b"period".as_slice(), b"count"] {
        Some((TrafficFormat::Counts, "its header is period,count"))
    } else if many && numbers.by_ref().take(18).all(is_number) {
        Some((TrafficFormat::CountList, "its first line has more than 18 whole numbers"))
    } else {
        None
    }
}

/// The first line that is neither blank nor a comment of our own kind; one of SWF tells the format.
fn first_line(start: &[u8]) -> &[u8] {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let mut lines = start.split(|&byte| byte == b'\n' || byte == b'\r').map(<[u8]>::trim_ascii);
    lines.find(|line| !line.is_empty() && !line.starts_with(b"#")).unwrap_or_default()
}

/// Guesses by the first line that is neither blank nor a comment.
#[must_use]
pub fn by_line(line: &[u8]) -> Guess {
    let has = |column: &str| memchr::memmem::find(line, column.as_bytes()).is_some();
    let fields: Vec<&[u8]> = line.split(|&b| b == b',').map(<[u8]>::trim_ascii).collect();
    let (format, because) = if has("arrival_s") {
        (TraceFormat::Native, "its header has arrival_s")
    } else if has("cpu_milli") {
        (TraceFormat::Openb, "its header has cpu_milli")
    } else if has("starttime") && has("core") {
        (TraceFormat::AzurePacking2020, "its header has starttime and core")
    } else if has("task_create_time") {
        (TraceFormat::AlibabaV2017, "its header has task_create_time")
    } else if line.starts_with(b";")
        || line.split(u8::is_ascii_whitespace).filter(|f| !f.is_empty()).count() == 18
    {
        (TraceFormat::Swf, "its first line is a ; comment or has 18 fields")
    } else if fields.len() == 13 && fields[5].len() == 1 {
        (TraceFormat::Google2011, "its first line has 13 fields")
    } else if fields.len() == 9 && fields[4].first().is_some_and(u8::is_ascii_alphabetic) {
        (TraceFormat::AlibabaV2018, "its first line has 9 fields, with a status")
    } else if fields.len() == 8
        && fields[0].first().is_some_and(|b| b.is_ascii_digit() || *b == b'-')
    {
        (TraceFormat::AlibabaV2017, "its first line has 8 fields and begins with a number")
    } else {
        (TraceFormat::Native, "nothing else fits")
    };
    Guess { format, because }
}
