//! JSON that is held in memory, with places in it for messages.

use super::super::lines::{Bytes, read_start};
use super::super::problem::{problem, problem_at};
use crate::model::arrival::TraceProblem;
use serde_json::value::RawValue;

/// Largest file, bytes.
const MAX_BYTES: u64 = 1 << 28;

/// A text and the name of its file.
pub(super) struct Text<'a> {
    pub(super) file: &'a str,
    pub(super) all: &'a str,
}

/// The whole text of `bytes`.
pub(super) fn text(mut bytes: Bytes, file: &str, expected: &str) -> Result<String, TraceProblem> {
    let all = read_start(&mut bytes, MAX_BYTES + 1, file)?;
    if all.len() as u64 > MAX_BYTES {
        return Err(problem(file, &format!("holds more than {MAX_BYTES} bytes"), None));
    }
    if all.is_empty() {
        return Err(problem(file, "is empty", Some(expected)));
    }
    let all = String::from_utf8(all)
        .map_err(|_| problem(file, "is not valid UTF-8", Some("save the file as UTF-8")))?;
    Ok(all.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(all))
}

impl<'a> Text<'a> {
    /// Parses the text.
    pub(super) fn parse<T: serde::Deserialize<'a>>(
        &self,
        expected: &str,
    ) -> Result<T, TraceProblem> {
        serde_json::from_str(self.all).map_err(|error| {
            let what = error.to_string();
            let what = what.split(" at line ").next().unwrap_or_default();
            let (line, column) = (error.line().max(1), error.column().max(1));
            let shown = what.escape_debug().to_string();
            problem_at(self.file, line as u64, column, &shown, Some(expected))
        })
    }

    /// A problem at a part of the text.
    pub(super) fn problem(&self, part: &RawValue, text: &str, help: Option<&str>) -> TraceProblem {
        // Raw values are slices of the text that they were read from.
        let at = part.get().as_ptr() as usize - self.all.as_ptr() as usize;
        let before = &self.all[..at];
        let line = before.bytes().filter(|&byte| byte == b'\n').count() as u64 + 1;
        let column = at - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
        problem_at(self.file, line, column, text, help)
    }
}

/// The inside of a JSON string without escapes; `None` where it is none.
pub(super) fn plain(raw: &RawValue) -> Option<&str> {
    let inside = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    (!inside.contains('\\')).then_some(inside)
}
