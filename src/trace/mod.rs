//! L5: traces of tasks here, of requests in [`traffic`], of failures in [`failures`], of Spot markets and outages in
//! [`capacity`]. Turns a [`Workload`], a trace file in one of seven formats or a generator, into a stream of
//! [`TaskRow`](crate::model::arrival::TaskRow)s in order of arrival.
//!
//! - One file per format; its module says which columns it reads, in which units, and what had to be assumed.
//! - A file is read as it is needed. Memory does not grow with the trace, except where rows must be sorted
//!   (48 bytes a row; the default for the three Alibaba tables, which are published unsorted).
//! - No row is dropped silently: `read = used + Σ skipped` holds whenever the stream has ended.
//! - A row that cannot be understood is an error that names file, line and column, or is counted by reason under
//!   `on_error = "skip"`. A row that is well-formed but cannot be replayed, such as a job that never ran, is left
//!   out and counted in either case, since the trace is as published.

pub mod ahead;
mod alibaba_v2017;
mod alibaba_v2018;
mod azure_packing_2020;
pub mod capacity;
mod columns;
pub mod failures;
mod generate;
mod google_2011;
pub mod guess;
mod limits;
mod lines;
mod names;
mod native;
mod openb;
mod problem;
pub mod profile;
mod records;
mod shape;
mod sort;
mod stream;
mod swf;
pub mod traffic;
pub mod write;

use crate::base::random::Seed;
use crate::model::arrival::{TaskStream, TraceProblem};
use crate::model::traffic::{RateStream, RateTrace, TrafficFormat};
use crate::model::workload::{Order, TraceFormat, TraceInput, Workload};
use lines::Bytes;
use problem::problem;
use records::{Records, Separator};
use stream::{FileStream, Layout, LineByLine, Source};

pub use failures::open_failures;
pub use stream::{AFTER_END, BEYOND_LIMIT, UNIX_TIME};
pub use traffic::open_traffic;

/// The trace on standard input, guessed or as told: see [`open_guessed`].
pub const STDIN: &str = "-";

/// Opens a workload. `seed` is that of the run; only generators use it.
///
/// # Errors
/// The file is missing, empty, damaged, or has a header that does not fit its format; or a generator has numbers
/// that make no sense. The text says where and what to do.
pub fn open(workload: &Workload, seed: Seed) -> Result<Box<dyn TaskStream + Send>, TraceProblem> {
    match workload {
        Workload::Trace(input) => open_reader(lines::open_bytes(input)?, input),
        Workload::Generated(spec) => Ok(Box::new(generate::Generator::new(spec, seed)?)),
    }
}

/// Reads a trace from memory or any other reader, plain or gzip, as if it were the file of `input`.
///
/// # Errors
/// As [`open`].
pub fn open_bytes(
    bytes: impl std::io::Read + Send + 'static,
    input: &TraceInput,
) -> Result<Box<dyn TaskStream + Send>, TraceProblem> {
    open_reader(lines::decompressed(Box::new(bytes), &input.display)?, input)
}

/// Opens the file of `input`, or standard input where its path is [`STDIN`], once: it may be a pipe. Where `format`
/// is `None` the format is guessed, and the guess is told.
///
/// # Errors
/// As [`open`].
pub fn open_guessed(
    input: &TraceInput,
    format: Option<TraceFormat>,
) -> Result<Guessed, TraceProblem> {
    guessed(bytes_of(input)?, input, format)
}

fn bytes_of(input: &TraceInput) -> Result<Bytes, TraceProblem> {
    if input.path.as_os_str() == STDIN {
        lines::decompressed(Box::new(std::io::stdin()), &input.display)
    } else {
        lines::open_bytes(input)
    }
}

fn guessed(
    bytes: Bytes,
    input: &TraceInput,
    format: Option<TraceFormat>,
) -> Result<Guessed, TraceProblem> {
    let (guess, bytes) = match format {
        Some(_) => (None, bytes),
        None => guess::of_bytes(bytes, input).map(|(guess, bytes)| (Some(guess), bytes))?,
    };
    let format = format.or(guess.map(|guess| guess.format)).unwrap_or_default();
    let input = TraceInput { format, ..input.clone() };
    let rows = open_reader(bytes, &input).map_err(|problem| match guess {
        Some(_) => {
            TraceProblem(problem.0 + "\n  = help: the format was guessed as " + format.name())
        }
        None => problem,
    })?;
    Ok(Guessed { rows, input, guess })
}

/// What a trace is of, with its layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Tasks.
    Tasks(TraceFormat),
    /// Requests.
    Traffic(TrafficFormat),
}

/// A trace of tasks or of requests.
pub enum Opened {
    /// Tasks.
    Tasks(Guessed),
    /// Requests.
    Traffic {
        /// The segments.
        rates: Box<dyn RateStream + Send>,
        /// How they are read, with the format.
        trace: RateTrace,
        /// Why it was taken for this format; `None` where the format was told.
        because: Option<&'static str>,
    },
}

/// As [`open_guessed`], for traces of tasks and of requests: `input` says how the one is read, `trace` the other.
///
/// # Errors
/// As [`open`].
pub fn open_any(
    input: &TraceInput,
    trace: &RateTrace,
    format: Option<Format>,
) -> Result<Opened, TraceProblem> {
    let mut bytes = bytes_of(input)?;
    let (format, because) = match format {
        Some(Format::Tasks(format)) => {
            return guessed(bytes, input, Some(format)).map(Opened::Tasks);
        }
        Some(Format::Traffic(format)) => (format, None),
        None => {
            let start = lines::read_start(&mut bytes, guess::LOOKED_AT, &input.display)?;
            let guess = guess::traffic(&start);
            bytes = Box::new(std::io::Read::chain(std::io::Cursor::new(start), bytes));
            match guess {
                Some((format, because)) => (format, Some(because)),
                None => return guessed(bytes, input, None).map(Opened::Tasks),
            }
        }
    };
    let trace = RateTrace { format, ..trace.clone() };
    let rates = traffic::open_reader(bytes, &trace, None)?;
    Ok(Opened::Traffic { rates, trace, because })
}

/// A trace that was opened without being told its format.
pub struct Guessed {
    /// The rows.
    pub rows: Box<dyn TaskStream + Send>,
    /// How they are read, with the format.
    pub input: TraceInput,
    /// The guess; `None` where the format was told.
    pub guess: Option<guess::Guess>,
}

fn open_reader(
    bytes: Bytes,
    input: &TraceInput,
) -> Result<Box<dyn TaskStream + Send>, TraceProblem> {
    let separator = match input.format {
        TraceFormat::Swf => Separator::Blanks,
        _ => Separator::Comma,
    };
    let mut records = Records::new(bytes, input, separator)?;
    match input.format {
        TraceFormat::Native => {
            let layout = header(&mut records, |h| native::Native::new(h, input))?;
            Ok(line_by_line(records, layout, input, Order::Strict))
        }
        TraceFormat::Openb => {
            let layout = header(&mut records, |h| openb::Openb::new(h, input))?;
            Ok(line_by_line(records, layout, input, Order::Sort))
        }
        TraceFormat::AzurePacking2020 => {
            let layout = header(&mut records, |h| azure_packing_2020::AzurePacking::new(h, input))?;
            Ok(line_by_line(records, layout, input, Order::Strict))
        }
        TraceFormat::Swf => Ok(line_by_line(records, swf::Swf::new(input), input, Order::Strict)),
        TraceFormat::AlibabaV2017 => {
            records.pass_over_header(alibaba_v2017::is_header)?;
            let layout = alibaba_v2017::AlibabaV2017::new(input);
            Ok(line_by_line(records, layout, input, Order::Sort))
        }
        TraceFormat::AlibabaV2018 => {
            records.pass_over_header(alibaba_v2018::is_header)?;
            let layout = alibaba_v2018::AlibabaV2018::new(input);
            Ok(line_by_line(records, layout, input, Order::Sort))
        }
        TraceFormat::Google2011 => {
            records.pass_over_header(google_2011::is_header)?;
            Ok(stream(google_2011::Google2011::new(records, input), input, Order::Strict))
        }
    }
}

/// Reads the first line as a header.
fn header<L>(
    records: &mut Records,
    layout: impl FnOnce(records::Fields<'_>) -> problem::Faulty<L>,
) -> Result<L, TraceProblem> {
    if !records.advance()? {
        let help = Some("the first line names the columns");
        return Err(problem(records.file(), "has no header line", help));
    }
    match records.split().and_then(layout) {
        Ok(layout) => Ok(layout),
        Err(fault) => Err(records.problem(&fault)),
    }
}

fn line_by_line<L: Layout + Send + 'static>(
    records: Records,
    layout: L,
    input: &TraceInput,
    order: Order,
) -> Box<dyn TaskStream + Send> {
    stream(LineByLine::new(records, layout, input), input, order)
}

fn stream<S: Source + Send + 'static>(
    source: S,
    input: &TraceInput,
    order: Order,
) -> Box<dyn TaskStream + Send> {
    Box::new(FileStream::new(source, input, order))
}
