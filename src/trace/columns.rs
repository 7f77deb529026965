//! A header line to column positions, with all its mistakes told at once.

use super::problem::{Fault, Faulty, Place, shown};
use super::records::Fields;
use crate::base::suggest;

/// Most mistakes of a header that are told.
const MOST_TOLD: usize = 10;

/// A column that a format knows.
pub(super) struct Column {
    /// Its name.
    pub name: &'static str,
    /// Whether a file without it cannot be read.
    pub required: bool,
}

/// A column that must be there.
pub(super) const fn required(name: &'static str) -> Column {
    Column { name, required: true }
}

/// A column that may be there.
pub(super) const fn optional(name: &'static str) -> Column {
    Column { name, required: false }
}

/// What is done with columns that a format does not know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unknown {
    /// They are errors: a misspelling would be silence.
    Refuse,
    /// They are passed over, because others publish the format.
    Ignore,
}

/// Where each column of `known` is in a header line; `None` where it is not there.
pub(super) fn resolve(
    header: Fields<'_>,
    known: &[Column],
    unknown: Unknown,
) -> Faulty<Vec<Option<usize>>> {
    let mut positions = vec![None; known.len()];
    let mut mistakes: Vec<(usize, String)> = Vec::new();
    let mut add = |index: usize, text: &dyn Fn() -> String| {
        // What is not told is only counted: the nearest name of each of thousands is not worth the search.
        let text = if mistakes.len() < MOST_TOLD { text() } else { String::new() };
        mistakes.push((index, text));
    };
    for index in 0..header.len() {
        let name = header.get(index);
        match known.iter().position(|column| column.name.as_bytes() == name) {
            Some(column) if positions[column].is_some() => {
                add(index, &|| format!("column {} is there twice", shown(name)));
            }
            Some(column) => positions[column] = Some(index),
            None if unknown == Unknown::Refuse => {
                add(index, &|| unknown_column(name, known));
            }
            None => {}
        }
    }
    let missing: Vec<&str> = known
        .iter()
        .zip(&positions)
        .filter(|(column, position)| column.required && position.is_none())
        .map(|(column, _)| column.name)
        .collect();
    if mistakes.is_empty() && missing.is_empty() {
        return Ok(positions);
    }
    if let Some(fault) = other_separator(header, known) {
        return Err(fault);
    }
    let more = mistakes.len().saturating_sub(MOST_TOLD);
    mistakes.truncate(MOST_TOLD);
    let place = mistakes.first().map_or(Place::Line, |(index, _)| Place::Field(*index));
    let mut texts: Vec<String> = mistakes.into_iter().map(|(_, text)| text).collect();
    if more > 0 {
        texts.push(format!("and {more} more"));
    }
    if !missing.is_empty() {
        texts.push(format!("missing {}", missing.join(", ")));
    }
    let text = format!("bad header: {}", texts.join("; "));
    Err(Box::new(Fault { place, text, help: Some(list(known)), reason: "bad header" }))
}

/// A header whose names something else separates than commas.
pub(super) fn other_separator(header: Fields<'_>, known: &[Column]) -> Option<Box<Fault>> {
    // A comma within a name would be another kind of mistake.
    let line = String::from_utf8_lossy((header.len() == 1).then(|| header.get(0))?);
    let found = suggest::other_separator(&line, known.iter().map(|column| column.name))?;
    let (text, help) = suggest::put_commas(found);
    Some(Fault::line("bad header", text).help(help))
}

fn unknown_column(name: &[u8], known: &[Column]) -> String {
    let written = String::from_utf8_lossy(name);
    match suggest::nearest(&written, known.iter().map(|column| column.name)) {
        Some(near) => format!("unknown column {} (did you mean {near}?)", shown(name)),
        None => format!("unknown column {}", shown(name)),
    }
}

fn list(known: &[Column]) -> String {
    let names = |required: bool| -> Vec<&str> {
        known.iter().filter(|column| column.required == required).map(|c| c.name).collect()
    };
    match names(false) {
        optional if optional.is_empty() => format!("required: {}", names(true).join(", ")),
        optional => {
            format!("required: {}; optional: {}", names(true).join(", "), optional.join(", "))
        }
    }
}
