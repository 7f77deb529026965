//! What is wrong with a row, and how it is told: `file:line:column: what` and a line of help.

use crate::model::arrival::TraceProblem;

/// Most bytes of a bad value that a message repeats.
const SHOWN_BYTES: usize = 40;

/// Why one row cannot be used. Made only for bad rows, so it may allocate.
#[derive(Debug)]
pub(super) struct Fault {
    /// Where on the line.
    pub place: Place,
    /// What is wrong, for people.
    pub text: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Short and stable: the key of `RowCounts::skipped` where bad rows are skipped.
    pub reason: &'static str,
}

/// Where on a line a fault is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// The whole line.
    Line,
    /// A field, by its index.
    Field(usize),
    /// A byte of the line, from 0.
    Byte(usize),
}

/// Faults are rare and rows are not: a pointer keeps the good path's result small.
pub(super) type Faulty<T> = Result<T, Box<Fault>>;

impl Fault {
    /// A fault of field `index`.
    pub fn field(index: usize, reason: &'static str, text: String) -> Box<Fault> {
        Box::new(Fault { place: Place::Field(index), text, help: None, reason })
    }

    /// A fault of the line as a whole.
    pub fn line(reason: &'static str, text: String) -> Box<Fault> {
        Box::new(Fault { place: Place::Line, text, help: None, reason })
    }

    /// Adds a line of help.
    pub fn help(mut self: Box<Self>, help: impl Into<String>) -> Box<Fault> {
        self.help = Some(help.into());
        self
    }
}

/// A value as a message shows it: quoted, control characters escaped, cut when long.
pub(super) fn shown(value: &[u8]) -> String {
    let cut = &value[..value.len().min(SHOWN_BYTES)];
    let dots = if cut.len() < value.len() { "..." } else { "" };
    let text = match std::str::from_utf8(cut) {
        Ok(text) => text.escape_debug().to_string(),
        Err(_) => cut.escape_ascii().to_string(),
    };
    format!("\"{text}{dots}\"")
}

/// A problem at a place in a file.
pub(super) fn problem_at(
    file: &str,
    line: u64,
    column: usize,
    text: &str,
    help: Option<&str>,
) -> TraceProblem {
    TraceProblem(with_help(format!("{file}:{line}:{column}: {text}"), help))
}

/// A problem of a file as a whole.
pub(super) fn problem(file: &str, text: &str, help: Option<&str>) -> TraceProblem {
    TraceProblem(with_help(format!("{file}: {text}"), help))
}

fn with_help(mut text: String, help: Option<&str>) -> String {
    if let Some(help) = help {
        text.push_str("\n  = help: ");
        text.push_str(help);
    }
    text
}
