//! What the trace tests share: reading text as a file, and finding the public traces.

use ecsim::model::arrival::{RowCounts, TaskRow, TraceProblem};
use ecsim::model::workload::{TraceFormat, TraceInput};
use std::io::{Cursor, Read};
use std::path::PathBuf;

/// Everything that a stream yielded.
#[derive(Debug, PartialEq, Clone)]
pub struct Whole {
    pub rows: Vec<TaskRow>,
    pub names: Vec<String>,
    pub counts: RowCounts,
}

pub fn input(format: TraceFormat) -> TraceInput {
    TraceInput::new("t.csv", format)
}

/// Reads `bytes` to the end and checks that every row is accounted for.
pub fn read(bytes: &[u8], input: &TraceInput) -> Result<Whole, TraceProblem> {
    read_from(Cursor::new(bytes.to_vec()), input)
}

pub fn read_from(
    bytes: impl Read + Send + 'static,
    input: &TraceInput,
) -> Result<Whole, TraceProblem> {
    let mut stream = ecsim::trace::open_bytes(bytes, input)?;
    let mut rows: Vec<TaskRow> = Vec::new();
    while let Some(row) = stream.next_row()? {
        assert!(rows.last().is_none_or(|last| last.arrival <= row.arrival), "arrivals go back");
        rows.push(row);
    }
    let counts = stream.counts().clone();
    assert_accounted(&counts);
    assert_eq!(counts.used, rows.len() as u64);
    Ok(Whole { rows, names: stream.names().to_vec(), counts })
}

pub fn assert_accounted(counts: &RowCounts) {
    assert_eq!(counts.read, counts.used + counts.skipped.values().sum::<u64>(), "{counts:?}");
}

pub fn native(text: &str) -> Result<Whole, TraceProblem> {
    read(text.as_bytes(), &input(TraceFormat::Native))
}

/// The message that reading `text` as a native trace ends with.
pub fn native_error(text: &str) -> String {
    native(text).expect_err("the trace should be refused").0
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A public trace below `traces/`; `None`, with a note, where the shared folder is not there (an error in CI).
pub fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ECSIM_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let file = root.join("traces").join(path);
    if file.exists() {
        return Some(file);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{path} is not in the shared folder");
    eprintln!("passed over: {path} is not there (set ECSIM_SHARED)");
    None
}

/// Yields a few bytes at a time.
pub struct Chunked(pub Cursor<Vec<u8>>, pub usize);

impl Read for Chunked {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let most = out.len().min(self.1);
        self.0.read(&mut out[..most])
    }
}
