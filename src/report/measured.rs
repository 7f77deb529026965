//! Tables of what was measured: a column that says when, and a column of numbers for each series.

use crate::base::suggest;
use crate::report::series::Series;
use crate::scenario::diagnostic::{Diagnostics, quoted};
use crate::scenario::file::read_text;
use crate::scenario::tree::Place;
use std::collections::BTreeMap;
use std::path::Path;

/// The column of seconds of the run.
const SECONDS: &str = "time_s";
/// The column of the calendar.
const CALENDAR: &str = "utc";

/// Reads a table of measurements: a column `time_s` (seconds of the run) or `utc` (RFC 3339; `start`: seconds since 1970 at
/// which the run begins), and a column of numbers for each series, called as the run calls it. Empty cells are not
/// measured. The file may be compressed with gzip.
///
/// # Errors
/// All that is wrong with it.
pub fn read(path: &Path, start: Option<f64>) -> Result<Vec<Series>, Diagnostics> {
    let mut problems = Diagnostics::new();
    let display = path.display().to_string();
    let Some(text) = read_text(path, &display, &mut problems) else { return Err(problems) };
    let source = problems.add_source(&display, &text);
    let all = Reader { source, problems: &mut problems }.table(&text, start);
    match all.filter(|_| problems.is_empty()) {
        Some(all) => Ok(all),
        None => Err(problems),
    }
}

struct Reader<'a> {
    source: u32,
    problems: &'a mut Diagnostics,
}

/// When a row was.
#[derive(Clone, Copy)]
struct When {
    column: usize,
    /// Seconds since 1970 at which the run begins, where the column is of the calendar.
    epoch: Option<f64>,
}

impl Reader<'_> {
    fn table(&mut self, text: &str, start: Option<f64>) -> Option<Vec<Series>> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => return self.broken(&error),
        };
        let when = self.when(text, &header, start)?;
        self.refuse_twins(&header)?;
        let columns: Vec<usize> = (0..header.len()).filter(|&at| at != when.column).collect();
        if columns.is_empty() {
            let help = "each other column is a series of the run, such as total.running";
            self.problems.error_with_help(self.line(&header), "there is no column of values", help);
            return None;
        }
        let named = |&at: &usize| Series { name: header[at].into(), values: vec![], times: vec![] };
        let mut all: Vec<Series> = columns.iter().map(named).collect();
        for row in reader.records() {
            let row = match row {
                Ok(row) => row,
                Err(error) => return self.broken(&error),
            };
            let Some(at) = self.instant(&row, when) else { continue };
            for (series, &column) in all.iter_mut().zip(&columns) {
                if let Some(value) = self.value(&row, column, &series.name) {
                    series.times.push(at);
                    series.values.push(value);
                }
            }
        }
        Some(all)
    }

    /// A table that is none.
    fn broken<T>(&mut self, error: &csv::Error) -> Option<T> {
        let at = error.position().map_or(0, |position| position.byte() as usize);
        self.problems.error(Place::new(self.source, at..at), error.to_string());
        None
    }

    fn when(&mut self, text: &str, header: &csv::StringRecord, start: Option<f64>) -> Option<When> {
        let find = |name: &str| header.iter().position(|column| column == name);
        match (find(SECONDS), find(CALENDAR)) {
            (Some(column), _) => return Some(When { column, epoch: None }),
            (None, Some(column)) if start.is_some() => return Some(When { column, epoch: start }),
            (None, Some(column)) => {
                let help =
                    "set `simulation.start` in the scenario, or give `time_s`, seconds of the run";
                let message = "instants are of the calendar, and the run has none";
                self.problems.error_with_help(self.place(header, column), message, help);
                return None;
            }
            (None, None) => {}
        }
        let first = text.lines().next().unwrap_or_default();
        let (message, help) = match suggest::other_separator(first, [SECONDS, CALENDAR]) {
            Some(found) => suggest::put_commas(found),
            None => (
                "there is no column `time_s` or `utc`".into(),
                "`time_s` has seconds of the run, `utc` instants such as 2026-01-05T09:00:00Z"
                    .into(),
            ),
        };
        self.problems.error_with_help(self.line(header), message, help);
        None
    }

    fn refuse_twins(&mut self, header: &csv::StringRecord) -> Option<()> {
        let mut seen = BTreeMap::new();
        for (at, name) in header.iter().enumerate() {
            if seen.insert(name, at).is_some() {
                let message = format!("there are two columns {}", quoted(name));
                self.problems.error(self.place(header, at), message);
            }
        }
        self.problems.is_empty().then_some(())
    }

    fn instant(&mut self, row: &csv::StringRecord, when: When) -> Option<f64> {
        let text = row.get(when.column).unwrap_or_default().trim();
        let seconds = match when.epoch {
            None => number(text),
            Some(epoch) => {
                let instant = text.parse::<jiff::Timestamp>().ok();
                instant.map(|instant| instant.as_microsecond() as f64 / 1e6 - epoch)
            }
        };
        if seconds.is_none() {
            let message = match when.epoch {
                None => format!("{} in `{SECONDS}` is no number", quoted(text)),
                Some(_) => format!("{} in `{CALENDAR}` is no instant", quoted(text)),
            };
            let help = match when.epoch {
                None => "seconds since the run's beginning, with a decimal point",
                Some(_) => "write it as 2026-01-05T09:00:00Z, or with an offset such as +01:00",
            };
            self.problems.error_with_help(self.place(row, when.column), message, help);
        }
        seconds
    }

    fn value(&mut self, row: &csv::StringRecord, column: usize, series: &str) -> Option<f64> {
        let text = row.get(column).unwrap_or_default().trim();
        if text.is_empty() {
            return None;
        }
        let value = number(text);
        if value.is_none() {
            let message = format!("{} in {} is no number", quoted(text), quoted(series));
            let help =
                "a number with a decimal point; leave the cell empty where nothing was measured";
            self.problems.error_with_help(self.place(row, column), message, help);
        }
        value
    }

    /// A field; its line where quotes make its place uncertain.
    fn place(&self, row: &csv::StringRecord, field: usize) -> Place {
        let from = row.position().map_or(0, |position| position.byte() as usize);
        let Some(range) = row.range(field) else { return self.line(row) };
        // Fields stand in the record without what separates them.
        Place::new(self.source, from + range.start + field..from + range.end + field)
    }

    fn line(&self, row: &csv::StringRecord) -> Place {
        let from = row.position().map_or(0, |position| position.byte() as usize);
        let length = row.as_slice().len() + row.len().saturating_sub(1);
        Place::new(self.source, from..from + length)
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}
