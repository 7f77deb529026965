//! Which format a file has, when nobody says: by its first line, then by its name.

use super::lines;
use crate::model::arrival::TraceProblem;
use crate::model::workload::{TraceFormat, TraceInput};

/// A guess and the reason for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guess {
    /// The format.
    pub format: TraceFormat,
    /// Why, in words that complete "because ...".
    pub because: &'static str,
}

/// Guesses the format of the file of `input`; `input.format` plays no part.
///
/// # Errors
/// As opening the file.
pub fn format(input: &TraceInput) -> Result<Guess, TraceProblem> {
    let name = input.display.to_ascii_lowercase();
    if name.ends_with(".swf") || name.ends_with(".swf.gz") {
        return Ok(Guess { format: TraceFormat::Swf, because: "its name ends in .swf" });
    }
    let first = lines::first_line_of(lines::open_bytes(input)?, input)?;
    Ok(by_line(&first.unwrap_or_default()))
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
    } else if fields.len() == 9 {
        (TraceFormat::AlibabaV2018, "its first line has 9 fields")
    } else if fields.len() == 8
        && fields[0].first().is_some_and(|b| b.is_ascii_digit() || *b == b'-')
    {
        (TraceFormat::AlibabaV2017, "its first line has 8 fields and begins with a number")
    } else {
        (TraceFormat::Native, "nothing else fits")
    };
    Guess { format, because }
}
