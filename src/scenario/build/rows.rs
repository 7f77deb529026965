//! Small CSV files that a scenario names: inventories and Spot prices. Comma, header line, no quotes.
//!
//! Blank lines and lines that begin with `#` are skipped; fields are trimmed; CR LF is read as LF. All errors of a
//! file are reported, up to a hundred, each with file, line and column.

use crate::base::suggest;
use crate::scenario::diagnostic::{Diagnostics, quoted, suggestion};
use crate::scenario::keys;
use crate::scenario::tree::Place;

/// Errors of one file before its reading stops.
const MOST_ERRORS: usize = 100;
/// Longest line and field, bytes, as in traces.
const LONGEST_LINE: usize = 1 << 20;
const LONGEST_FIELD: usize = 1 << 16;
/// Most columns: a longer first line is no header.
const MOST_COLUMNS: usize = 1_000;
/// Most mistakes of a header that are told.
const MOST_TOLD: usize = 10;

/// A table of text.
pub(super) struct Rows<'t> {
    name: String,
    columns: Vec<&'t str>,
    lines: Vec<(usize, &'t str)>,
    next: usize,
    errors: usize,
    /// The line that became a source of errors last, and that source.
    excerpt: Option<(usize, u32)>,
}

/// One row.
pub(super) struct Row<'t> {
    pub number: usize,
    pub line: &'t str,
    fields: Vec<&'t str>,
}

/// What is wrong with a line that no table has.
fn too_long(line: &str) -> Option<&'static str> {
    if line.len() > LONGEST_LINE {
        Some("the line is longer than 1 MiB")
    } else if line.len() > LONGEST_FIELD && line.split(',').any(|field| field.len() > LONGEST_FIELD)
    {
        Some("a field is longer than 64 KiB")
    } else {
        None
    }
}

impl<'t> Rows<'t> {
    /// Reads the header. `required` and `optional` are the known columns; a column that ends in `:` in `optional`
    /// stands for every name that begins so.
    pub(super) fn open(
        name: &str,
        text: &'t str,
        required: &[&str],
        optional: &[&str],
        problems: &mut Diagnostics,
    ) -> Option<Rows<'t>> {
        let mut lines: Vec<(usize, &str)> = text
            .split('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line))
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
            .collect();
        if lines.is_empty() {
            problems.add_file_error(name, "has no header line", None);
            return None;
        }
        let header = lines.remove(0);
        let names = header.1.split(',').take(MOST_COLUMNS + 1).count();
        if names > MOST_COLUMNS || too_long(header.1).is_some() {
            let message =
                "the first line is no header: it is too long, or has more than 1,000 columns";
            let help = format!("columns: {}", [required, optional].concat().join(", "));
            let source = problems.add_excerpt(name, "", header.0);
            problems.error_with_help(Place::new(source, 0..0), message, help);
            return None;
        }
        let columns: Vec<&str> = header.1.split(',').map(str::trim).collect();
        let mut rows =
            Rows { name: name.into(), columns, lines, next: 0, errors: 0, excerpt: None };
        rows.check_header(header, required, optional, problems);
        (rows.errors == 0).then_some(rows)
    }

    /// Reports what is wrong with the header, all of it with one excerpt.
    fn check_header(
        &mut self,
        (number, line): (usize, &'t str),
        required: &[&str],
        optional: &[&str],
        problems: &mut Diagnostics,
    ) {
        let row = Row { number, line, fields: self.columns.clone() };
        let known: Vec<&str> = required.iter().chain(optional).copied().collect();
        let is_known = |column: &str| {
            known.iter().any(|k| *k == column || (k.ends_with(':') && column.starts_with(k)))
        };
        let names = known.iter().map(|name| name.trim_end_matches(':'));
        if let ([_], Some(found)) = (&row.fields[..], suggest::other_separator(line, names)) {
            let (message, help) = suggest::put_commas(found);
            self.fail_at(&row, 0, message, Some(help), problems);
            return;
        }
        let mut wrong = 0;
        for index in 0..row.fields.len() {
            let column = row.fields[index];
            let message = if !is_known(column) {
                format!("unknown column {}", quoted(column))
            } else if row.fields[..index].contains(&column) {
                format!("column {} is there twice", quoted(column))
            } else {
                continue;
            };
            wrong += 1;
            if wrong <= MOST_TOLD {
                let help = Some(suggestion(column, known.iter().copied()));
                self.fail_at(&row, index, message, help, problems);
            }
        }
        if wrong > MOST_TOLD {
            let message = format!("and {} more columns are wrong", wrong - MOST_TOLD);
            self.fail_at(&row, row.fields.len() - 1, message, None, problems);
        }
        for column in required.iter().filter(|column| !row.fields.contains(*column)) {
            let message = format!("column {} is missing", quoted(column));
            self.fail_at(&row, 0, message, None, problems);
        }
    }

    /// The next row with as many fields as the header.
    pub(super) fn next(&mut self, problems: &mut Diagnostics) -> Option<Row<'t>> {
        while self.errors < MOST_ERRORS {
            let (number, line) = *self.lines.get(self.next)?;
            self.next += 1;
            if let Some(message) = too_long(line) {
                let row = Row { number, line: &line[..0], fields: vec![""] };
                self.fail_at(&row, 0, message.into(), None, problems);
                continue;
            }
            // One field more than the header has says enough about a line of thousands.
            let most = self.columns.len() + 1;
            let row =
                Row { number, line, fields: line.split(',').take(most).map(str::trim).collect() };
            if let Some(at) = line.find('"') {
                let index = line[..at].matches(',').count();
                self.fail_at(&row, index, "quoted fields are not read".into(), None, problems);
            } else if row.fields.len() != self.columns.len() {
                let (found, expected) = (line.split(',').count(), self.columns.len());
                let message = format!("the row has {found} fields, the header has {expected}");
                self.fail_at(&row, row.fields.len() - 1, message, None, problems);
            } else if let Some(index) =
                row.fields.iter().position(|field| field.chars().any(char::is_control))
            {
                let column = self.columns[index];
                let message = format!("`{column}` must not hold control characters");
                self.fail_at(&row, index, message, None, problems);
            } else {
                return Some(row);
            }
        }
        None
    }

    /// How many rows have been looked at.
    pub(super) fn read(&self) -> u64 {
        self.next as u64
    }

    /// The index of a column.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| *column == name)
    }

    /// The columns whose names begin with `prefix`, with the rest of the name.
    pub(super) fn columns_with(&self, prefix: &str) -> Vec<(usize, &'t str)> {
        let columns = self.columns.iter().enumerate();
        columns.filter_map(|(index, name)| Some((index, name.strip_prefix(prefix)?))).collect()
    }

    /// Reports an error at a field.
    pub(super) fn fail_at(
        &mut self,
        row: &Row<'t>,
        field: usize,
        message: String,
        help: Option<String>,
        problems: &mut Diagnostics,
    ) -> Place {
        self.errors += 1;
        let place = self.place(row, field, problems);
        match help {
            Some(help) => problems.error_with_help(place, message, help),
            None => problems.error(place, message),
        }
        place
    }

    /// The place of a field; its line becomes a source that errors can point into.
    pub(super) fn place(
        &mut self,
        row: &Row<'t>,
        field: usize,
        problems: &mut Diagnostics,
    ) -> Place {
        let start: usize = row.line.split(',').take(field).map(|f| f.len() + 1).sum();
        let start = start.min(row.line.len());
        let text = row.line[start..].split(',').next().unwrap_or("");
        let blanks = text.len() - text.trim_start().len();
        // Each error of a line points into the same copy of it.
        let source = match self.excerpt {
            Some((number, source)) if number == row.number => source,
            _ => problems.add_excerpt(&self.name, row.line, row.number),
        };
        self.excerpt = Some((row.number, source));
        Place::new(source, start + blanks..start + blanks + text.trim().len())
    }

    /// The text of a field; `None` where the column is missing or the field is empty.
    pub(super) fn field(row: &Row<'t>, column: Option<usize>) -> Option<&'t str> {
        row.fields.get(column?).copied().filter(|text| !text.is_empty())
    }

    /// A field that names something in the outputs.
    pub(super) fn name(
        &mut self,
        row: &Row<'t>,
        name: &str,
        extra: &str,
        problems: &mut Diagnostics,
    ) -> Option<Option<&'t str>> {
        let column = self.column(name);
        let Some(text) = Rows::field(row, column) else { return Some(None) };
        if keys::is_name(text, extra) {
            return Some(Some(text));
        }
        let message = format!("`{name}` {} is not a name", quoted(text));
        let help = Some(keys::name_rule(extra));
        self.fail_at(row, column.unwrap_or(0), message, help, problems);
        None
    }

    /// A checked value of a field; errors are reported as `column` with the reason.
    pub(super) fn value<T>(
        &mut self,
        row: &Row<'t>,
        name: &str,
        problems: &mut Diagnostics,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        let column = self.column(name);
        let Some(text) = Rows::field(row, column) else { return Some(None) };
        match read(text) {
            Ok(value) => Some(Some(value)),
            Err(why) => {
                self.fail_at(row, column.unwrap_or(0), format!("`{name}` {why}"), None, problems);
                None
            }
        }
    }
}
