//! Bytes to lines: opens a plain or gzip file and yields its lines with their numbers.
//!
//! - Whether a file is compressed is told by its first bytes, never by its name. All members of a gzip file are
//!   read; a cut file, a wrong check sum and rubbish after the last member are errors.
//! - A line ends with LF, CR LF or a lone CR; the last one needs no end. Blank lines and comment lines are
//!   passed over but counted, so that line numbers are those of an editor. A byte order mark is dropped.
//! - A line is at most [`MAX_LINE`] long and must be UTF-8 without NUL. Memory is one buffer of that order.

use super::problem::{problem, problem_at};
use crate::model::arrival::TraceProblem;
use crate::model::workload::TraceInput;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{BufReader, Cursor, ErrorKind, Read};
use std::ops::Range;

/// Longest line, in bytes.
pub(super) const MAX_LINE: usize = 1 << 20;

/// How much is read at once.
const CHUNK: usize = 1 << 17;

/// An unread rest that is looked through again; longer than almost every line.
const SHORT: usize = 1 << 10;

/// The bytes of a trace, decompressed.
pub(super) type Bytes = Box<dyn Read + Send>;

/// What a file begins with when it is something that we do not read.
const FOREIGN_MAGIC: [(&[u8], &str); 6] = [
    (b"PK\x03\x04", "is a zip archive; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd; unpack it, or compress it with gzip"),
    (b"\xfd7zXZ", "is compressed with xz; unpack it, or compress it with gzip"),
    (b"BZh", "is compressed with bzip2; unpack it, or compress it with gzip"),
    (b"SQLite format 3", "is an SQLite database; export the table as CSV first"),
    (b"PAR1", "is a Parquet file; export it as CSV first"),
];

const GZIP_MAGIC: &[u8] = b"\x1f\x8b";

/// The lines of one trace file.
pub(super) struct Lines {
    bytes: Bytes,
    file: String,
    comment: u8,
    buffer: Vec<u8>,
    /// Where the unread part of `buffer` begins and ends.
    unread: Range<usize>,
    /// The line that was found last.
    current: Range<usize>,
    /// The buffer holds ASCII text without NUL and quotes: most do, and then no line needs to be looked through.
    plain: bool,
    /// Number of the current line, from 1; 0 before the first.
    line: u64,
    at_end: bool,
    expanded: u64,
    max_expanded: u64,
}

/// Opens the file of `input` and decompresses it where needed.
pub(super) fn open_bytes(input: &TraceInput) -> Result<Bytes, TraceProblem> {
    let file = &input.display;
    let failed = |error: std::io::Error| io_problem(file, &error);
    let metadata = std::fs::metadata(&input.path).map_err(failed)?;
    if metadata.is_dir() {
        let help = "name the file; a trace in parts can be joined with `cat`, also when compressed";
        return Err(problem(file, "is a directory, not a trace file", Some(help)));
    }
    // Opening a pipe waits for its writer, perhaps for ever, and a run may read its traces more than once.
    if !metadata.is_file() {
        let help = "write it to a file first; `ecsim trace` also reads `-`, the standard input";
        return Err(problem(file, "is not a regular file", Some(help)));
    }
    decompressed(Box::new(File::open(&input.path).map_err(failed)?), file)
}

/// Undoes gzip where the first bytes say so.
pub(super) fn decompressed(bytes: Bytes, file: &str) -> Result<Bytes, TraceProblem> {
    let (start, whole) = peek(bytes, file)?;
    if !start.starts_with(GZIP_MAGIC) {
        return refuse_foreign(&start, file).map(|()| whole);
    }
    let unpacked = MultiGzDecoder::new(BufReader::with_capacity(CHUNK, whole));
    let (start, whole) = peek(Box::new(unpacked), file)?;
    if start.starts_with(GZIP_MAGIC) {
        return Err(problem(file, "is compressed twice", Some("unpack it once with `gunzip`")));
    }
    refuse_foreign(&start, file).map(|()| whole)
}

fn refuse_foreign(start: &[u8], file: &str) -> Result<(), TraceProblem> {
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        return Err(problem(file, "is UTF-16 text", Some("save it as UTF-8")));
    }
    if start.get(257..262) == Some(b"ustar") {
        return Err(problem(file, "is a tar archive; unpack it first", None));
    }
    match FOREIGN_MAGIC.iter().find(|(magic, _)| start.starts_with(magic)) {
        Some((_, text)) => Err(problem(file, text, None)),
        None => Ok(()),
    }
}

/// The first bytes and a reader that still yields them.
fn peek(mut bytes: Bytes, file: &str) -> Result<(Vec<u8>, Bytes), TraceProblem> {
    let start = read_start(&mut bytes, 512, file)?;
    Ok((start.clone(), Box::new(Cursor::new(start).chain(bytes))))
}

/// The first `most` bytes, or as many as there are.
pub(super) fn read_start(
    bytes: &mut Bytes,
    most: u64,
    file: &str,
) -> Result<Vec<u8>, TraceProblem> {
    let mut start = Vec::new();
    bytes.take(most).read_to_end(&mut start).map_err(|e| io_problem(file, &e))?;
    Ok(start)
}

/// A failure of the file system or of decompression, for people.
pub(super) fn io_problem(file: &str, error: &std::io::Error) -> TraceProblem {
    match error.kind() {
        ErrorKind::NotFound => problem(file, "no such file", None),
        ErrorKind::PermissionDenied => problem(file, "permission denied", None),
        ErrorKind::UnexpectedEof => problem(
            file,
            "the gzip data end too early: the file is cut",
            Some("fetch or copy the file again"),
        ),
        ErrorKind::InvalidInput | ErrorKind::InvalidData => problem(
            file,
            &format!("the gzip data are damaged ({error})"),
            Some("check it with `gzip -t`, then fetch or copy the file again"),
        ),
        _ => problem(file, &format!("cannot be read: {error}"), None),
    }
}

/// ASCII without NUL and quotes.
fn is_plain(text: &[u8]) -> bool {
    text.is_ascii() && memchr::memchr2(0, b'"', text).is_none()
}

impl Lines {
    /// The lines of `bytes` (see [`open_bytes`]); those that begin with `comment` are passed over.
    ///
    /// # Errors
    /// An empty file, or one that cannot be read.
    pub fn new(bytes: Bytes, input: &TraceInput, comment: u8) -> Result<Lines, TraceProblem> {
        let mut lines = Lines {
            bytes,
            file: input.display.clone(),
            comment,
            buffer: vec![0; CHUNK],
            unread: 0..0,
            current: 0..0,
            plain: true,
            line: 0,
            at_end: false,
            expanded: 0,
            max_expanded: input.max_expanded_bytes,
        };
        while lines.unread.len() < 3 && !lines.at_end {
            lines.fill()?;
        }
        if lines.unread.is_empty() {
            return Err(problem(
                &lines.file,
                "is empty",
                Some("a trace without rows has a header line"),
            ));
        }
        while lines.buffer[lines.unread.clone()].starts_with(b"\xef\xbb\xbf") {
            lines.unread.start += 3;
        }
        let start = lines.buffer[lines.unread.clone()].trim_ascii_start();
        if matches!(start.first(), Some(b'{' | b'[')) {
            let help = "of JSON only the output of `aws cloudwatch get-metric-data` is read: as traffic, with format = \"get_metric_data\"";
            return Err(problem(&lines.file, "is JSON and not a table", Some(help)));
        }
        Ok(lines)
    }

    /// The file as messages name it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The number of the current line.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The current line without its end.
    #[inline]
    pub fn text(&self) -> &[u8] {
        &self.buffer[self.current.clone()]
    }

    /// Whether the current line is surely ASCII without NUL and quotes.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.plain
    }

    /// Goes on to the next line that is neither blank nor a comment; `false` at the end.
    ///
    /// # Errors
    /// The file cannot be read, a line that is too long, more bytes than allowed.
    #[inline]
    pub fn advance(&mut self) -> Result<bool, TraceProblem> {
        while self.advance_any()? {
            let line = &self.buffer[self.current.clone()];
            let passed_over = match line.first() {
                None => true,
                Some(&first) if first == self.comment => true,
                Some(b' ' | b'\t') => {
                    let text = line.trim_ascii_start();
                    text.is_empty() || (self.comment == b';' && text[0] == b';')
                }
                Some(_) => false,
            };
            if !passed_over {
                return Ok(true);
            }
        }
        Ok(false)
    }

    #[inline]
    fn advance_any(&mut self) -> Result<bool, TraceProblem> {
        let mut searched = 0;
        loop {
            let from = self.unread.start + searched;
            let found = memchr::memchr2(b'\n', b'\r', &self.buffer[from..self.unread.end]);
            if let Some(offset) = found {
                let end = from + offset;
                let is_cr = self.buffer[end] == b'\r';
                if is_cr && end + 1 == self.unread.end && !self.at_end {
                    // Whether a line feed follows is not known yet.
                    searched += offset;
                    self.fill()?;
                    continue;
                }
                let two = is_cr && end + 1 < self.unread.end && self.buffer[end + 1] == b'\n';
                return self.take_line(end, end + 1 + usize::from(two));
            }
            searched = self.unread.len();
            if searched > MAX_LINE {
                self.line += 1;
                return Err(self.too_long());
            }
            if self.at_end {
                let end = self.unread.end;
                return if searched == 0 { Ok(false) } else { self.take_line(end, end) };
            }
            self.fill()?;
        }
    }

    fn take_line(&mut self, end: usize, next: usize) -> Result<bool, TraceProblem> {
        self.current = self.unread.start..end;
        self.unread.start = next;
        self.line += 1;
        if self.current.len() > MAX_LINE { Err(self.too_long()) } else { Ok(true) }
    }

    fn too_long(&self) -> TraceProblem {
        let help = "a row is far shorter; is this the right file?";
        problem_at(&self.file, self.line, 1, "the line is longer than 1 MiB", Some(help))
    }

    /// Moves the unread bytes to the front and reads more behind them.
    fn fill(&mut self) -> Result<(), TraceProblem> {
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        self.current = 0..0;
        if self.unread.end + CHUNK > self.buffer.len() && self.unread.end > CHUNK / 2 {
            self.buffer.resize(self.unread.end + CHUNK, 0);
        }
        let room = &mut self.buffer[self.unread.end..];
        let got = loop {
            match self.bytes.read(room) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result.map_err(|e| io_problem(&self.file, &e))?,
            }
        };
        let end = self.unread.end;
        // What is left of the buffer before is looked through again where it is short: one quote must not make
        // all that follows slow.
        let rest_is_plain = self.plain || (end <= SHORT && is_plain(&self.buffer[..end]));
        self.plain = rest_is_plain && is_plain(&self.buffer[end..end + got]);
        self.at_end = got == 0;
        self.unread.end += got;
        self.expanded += got as u64;
        if self.expanded > self.max_expanded {
            let text = format!("holds more than {} bytes", self.max_expanded);
            let help = "this limit guards against decompression bombs and can be raised";
            return Err(problem(&self.file, &text, Some(help)));
        }
        Ok(())
    }
}
