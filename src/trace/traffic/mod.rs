//! Traffic: a trace of requests in one of five formats, or a generator, to the [`RateSegment`]s of a service.
//!
//! ```text
//!  file ─► points ─► spans ─► timeline (skip, hold, repeat) ─► shaper (scale, resample, shift) ─► segments
//!  generator ──────► spans ──────────────────────────────────► shaper
//! ```
//!
//! | Format | Columns | A row means | Without a row |
//! | --- | --- | --- | --- |
//! | `native` | `time_s, requests_per_s` | a rate that holds until the next row; the last one to the end of the run | nothing before the first row |
//! | `cloudwatch` | `timestamp, value` | requests in the period that begins there; its length is `period`, or the commonest distance of the first 1,024 rows | no requests, counted as adjusted |
//! | `counts` | `period, count` | requests in the minute (or `period`) that begins there | no requests, counted as adjusted |
//! | `count_list` | none: numbers separated by blanks | requests in the next second (or `period`) | – |
//! | `get_metric_data` | JSON: `Timestamps[]`, `Values[]` of a series | as `cloudwatch` | as `cloudwatch` |
//!
//! - Time zero is the first row where instants are dates; seconds count from the beginning. Dates without a zone are
//!   UTC, except in native traces, which must give it.
//! - Nothing is lost: the requests of all segments are those of all rows, to a millionth of a request in all,
//!   whatever is scaled, summed to a grid, shifted or repeated. A row whose period would reach over the next row is
//!   cut short there and keeps its requests.
//! - A last native row of 0 closes the trace. Any other last row holds until the end of the run; where the trace
//!   repeats, or the run has no end, for `period` or as long as the row before.
//! - A file that one service reads is streamed. One that several services read, or that repeats, is read once and
//!   kept, 16 bytes a row. Rows are counted once: repeating does not count them again, and each service that shares
//!   a copy shows the counts of the one reading.

mod count_list;
mod generate;
mod get_metric_data;
mod loaded;
mod periods;
mod points;
pub mod profile;
mod shaper;
mod span;
mod timeline;
pub mod write;

use super::lines::{self, Bytes};
use super::records::{Records, Separator};
use crate::base::random::Seed;
use crate::base::time::{SimSpan, SimTime};
use crate::model::arrival::TraceProblem;
use crate::model::traffic::{RateOrigin, RateSource, RateStream, RateTrace, TrafficFormat};
use crate::model::workload::{OnRowError, TraceFormat, TraceInput};
use loaded::{Cursor, Loaded};
use periods::{Held, Sums};
use points::Table;
pub(super) use points::{calendar, check_rows};
use shaper::Shaper;
use span::{Spans, Window};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use timeline::Timeline;

#[allow(unused_imports, reason = "named by the documentation")]
use crate::model::traffic::RateSegment;

/// Period of `counts` where nobody says.
const MINUTE: SimSpan = SimSpan::from_secs(60);

/// Opens the traffic of each service; `None` stays `None`. `until` is the end of the run, where it has one, `epoch_s`
/// the calendar instant of its beginning in seconds since 1970 (generators only).
///
/// # Errors
/// A file is missing, empty, damaged, has a header that does not fit its format, or a bad row where it is read at
/// once; or a generator has numbers that make no sense.
pub fn open_traffic(
    sources: &[Option<&RateSource>],
    until: Option<SimTime>,
    epoch_s: i64,
    seed: Seed,
) -> Result<Vec<Option<Box<dyn RateStream + Send>>>, TraceProblem> {
    let mut library = Library::default();
    for source in sources.iter().copied().flatten() {
        if let RateOrigin::Trace(trace) = &source.origin {
            library.add(trace, window_of(trace, source, until));
        }
    }
    let mut open = |source: &RateSource| -> Result<Box<dyn RateStream + Send>, TraceProblem> {
        match &source.origin {
            RateOrigin::Trace(trace) => {
                let spans = library.open(trace)?;
                Ok(play(spans, trace, source, until))
            }
            RateOrigin::Generated(spec) => {
                let generator =
                    generate::Generator::new(spec, source.shift.0, until, epoch_s, seed)?;
                let name = format!("generator \"{}\"", spec.name);
                Ok(Box::new(Shaper::new(generator, name, source)))
            }
        }
    };
    sources.iter().map(|source| source.map(&mut open).transpose()).collect()
}

/// Reads a trace from memory or any other reader, plain or gzip, as if it were the file of `trace`.
///
/// # Errors
/// As [`open_traffic`].
pub fn open_traffic_bytes(
    bytes: impl std::io::Read + Send + 'static,
    trace: &RateTrace,
    until: Option<SimTime>,
) -> Result<Box<dyn RateStream + Send>, TraceProblem> {
    open_reader(lines::decompressed(Box::new(bytes), &trace.display)?, trace, until)
}

/// As [`open_traffic_bytes`], from bytes that are already decompressed.
pub(super) fn open_reader(
    bytes: Bytes,
    trace: &RateTrace,
    until: Option<SimTime>,
) -> Result<Box<dyn RateStream + Send>, TraceProblem> {
    let source = RateSource::of(trace.clone());
    let mut spans = spans(bytes, trace, window_of(trace, &source, until))?;
    if trace.repeat {
        spans = Box::new(Cursor::new(Arc::new(Loaded::read(spans)?)));
    }
    Ok(play(spans, trace, &source, until))
}

/// The part of a trace that a service plays.
fn window_of(trace: &RateTrace, source: &RateSource, until: Option<SimTime>) -> Window {
    Window::of(trace, until.map(|until| until.0.saturating_sub(source.shift.0)))
}

fn play(
    spans: Box<dyn Spans + Send>,
    trace: &RateTrace,
    source: &RateSource,
    until: Option<SimTime>,
) -> Box<dyn RateStream + Send> {
    let until = until.map(|until| until.0.saturating_sub(source.shift.0));
    let timeline = Timeline::new(spans, trace, until);
    Box::new(Shaper::new(timeline, trace.display.clone(), source))
}

/// The spans of a file as its format says; `window` of it is played.
fn spans(
    bytes: Bytes,
    trace: &RateTrace,
    window: Window,
) -> Result<Box<dyn Spans + Send>, TraceProblem> {
    let table = |bytes| {
        let records = Records::new(bytes, &file_input(trace), Separator::Comma)?;
        Table::new(records, trace)
    };
    Ok(match trace.format {
        TrafficFormat::Native => Box::new(Held::new(table(bytes)?, trace.period, window)),
        TrafficFormat::Cloudwatch => {
            Box::new(Sums::new(table(bytes)?, trace.period, &trace.display, window)?)
        }
        TrafficFormat::Counts => {
            let period = trace.period.unwrap_or(MINUTE);
            Box::new(Sums::new(table(bytes)?, Some(period), &trace.display, window)?)
        }
        TrafficFormat::CountList => Box::new(count_list::CountList::new(bytes, trace, window)?),
        TrafficFormat::GetMetricData => {
            let points = get_metric_data::read(bytes, trace)?;
            Box::new(Sums::new(points, trace.period, &trace.display, window)?)
        }
    })
}

/// What the reader of lines has to know of a traffic trace.
fn file_input(trace: &RateTrace) -> TraceInput {
    let mut input = TraceInput::new(&trace.path, TraceFormat::Native);
    input.display.clone_from(&trace.display);
    (input.max_expanded_bytes, input.max_rows) = (trace.max_expanded_bytes, trace.max_rows);
    input
}

/// The traces of all services, each read once where several want it.
#[derive(Default)]
struct Library<'a> {
    /// By path, since thousands of services may name thousands of files.
    books: BTreeMap<&'a Path, Vec<Book<'a>>>,
}

struct Book<'a> {
    trace: &'a RateTrace,
    readers: u64,
    /// What any of the readers plays.
    window: Window,
    loaded: Option<Arc<Loaded>>,
}

impl<'a> Library<'a> {
    fn add(&mut self, trace: &'a RateTrace, window: Window) {
        let books = self.books.entry(&trace.path).or_default();
        match books.iter_mut().find(|book| same_rows(book.trace, trace)) {
            Some(book) => {
                book.readers += 1;
                book.window = book.window.around(window);
            }
            None => books.push(Book { trace, readers: 1, window, loaded: None }),
        }
    }

    fn open(&mut self, trace: &RateTrace) -> Result<Box<dyn Spans + Send>, TraceProblem> {
        let books = self.books.get_mut(&*trace.path).map(Vec::as_mut_slice).unwrap_or_default();
        let book = books.iter_mut().find(|book| same_rows(book.trace, trace));
        let book = book.expect("every trace was added");
        let window = book.window;
        let read = || spans(lines::open_bytes(&file_input(trace))?, trace, window);
        match book {
            book if book.readers > 1 || trace.repeat => {
                let loaded = match &book.loaded {
                    Some(loaded) => loaded.clone(),
                    None => book.loaded.insert(Arc::new(Loaded::read(read()?)?)).clone(),
                };
                Ok(Box::new(Cursor::new(loaded)))
            }
            _ => read(),
        }
    }
}

/// Whether two traces are the same rows, read in the same way; how they are played may differ.
fn same_rows(a: &RateTrace, b: &RateTrace) -> bool {
    let RateTrace {
        path,
        display,
        format,
        on_error,
        period,
        series,
        skip: _,
        repeat: _,
        max_expanded_bytes,
        max_rows,
    } = a;
    (path, display, format, on_error) == (&b.path, &b.display, &b.format, &b.on_error)
        && (period, series) == (&b.period, &b.series)
        && (max_expanded_bytes, max_rows) == (&b.max_expanded_bytes, &b.max_rows)
}

impl RateTrace {
    /// The defaults of every option for `path`.
    #[must_use]
    pub fn new(path: impl Into<std::path::PathBuf>, format: TrafficFormat) -> Self {
        let input = TraceInput::new(path, TraceFormat::Native);
        RateTrace {
            path: input.path,
            display: input.display,
            format,
            on_error: OnRowError::Fail,
            period: None,
            series: None,
            skip: SimSpan::ZERO,
            repeat: false,
            max_expanded_bytes: input.max_expanded_bytes,
            max_rows: input.max_rows,
        }
    }
}

impl RateSource {
    /// The trace as it is.
    #[must_use]
    pub fn of(trace: RateTrace) -> Self {
        let origin = RateOrigin::Trace(trace);
        RateSource { origin, scale_ppm: 1_000_000, shift: SimSpan::ZERO, resample: None }
    }
}
