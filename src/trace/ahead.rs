//! Rows that are read ahead of the run in batches, by the run itself or by a thread beside it. The run sees the same rows,
//! names, counts and errors at the same places as if it had read each when it came to it.
//!
//! A batch is worth its memory without a thread, too: code that reads and code that simulates do not fit the processor's
//! first cache together, and taking turns once in many rows fetches neither anew for each.

use super::stream::{AFTER_END, count_more};
use crate::model::arrival::{RowCounts, TaskRow, TaskStream, TraceProblem};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Rows of a batch: some kilobytes,
const BATCH: usize = 128;
/// and of one from a thread: to wake it costs as much as many rows.
const BATCH_BESIDE: usize = 2048;
/// Batches that are read ahead.
const AHEAD: usize = 4;

/// Reads a stream batch by batch.
struct Reader {
    stream: Box<dyn TaskStream + Send>,
    /// Names that have been handed over.
    known: usize,
    /// Counts of the stream, if its last rows did nothing but add themselves.
    expected: RowCounts,
}

/// Who reads.
enum By {
    /// The run itself, when a batch is used up.
    Run(Reader),
    /// A thread, which hands over batches and at the end the stream.
    Thread(Receiver<Batch>, JoinHandle<Box<dyn TaskStream + Send>>),
    /// Nobody any more.
    Nobody,
}

/// What is read at once.
#[derive(Default)]
struct Batch {
    rows: Vec<TaskRow>,
    /// Their lines in the file; none where they are of no file.
    lines: Vec<u64>,
    /// Names that these rows mention for the first time.
    names: Vec<String>,
    /// Counts after the row of this index, where more has happened than that a row was read and used.
    counts: Vec<(usize, RowCounts)>,
    /// How it goes on after these rows: `None`: it does.
    end: Option<Result<(), TraceProblem>>,
}

/// A stream that is read in batches.
pub struct ReadAhead {
    by: By,
    batch: Batch,
    next: usize,
    next_counts: usize,
    names: Vec<String>,
    /// The file, for messages; `None` for rows of no file.
    file: Option<String>,
    counts: RowCounts,
    /// Counts before the row that was given last.
    before: RowCounts,
    /// Whether that row did nothing but add itself; then `before` is not kept up.
    is_plain: bool,
}

impl ReadAhead {
    /// A stream that the run reads itself, a batch at a time.
    #[must_use]
    pub fn in_turn(stream: Box<dyn TaskStream + Send>) -> ReadAhead {
        ReadAhead::new(stream, By::Run)
    }

    /// Begins to read with a thread.
    #[must_use]
    pub fn beside(stream: Box<dyn TaskStream + Send>) -> ReadAhead {
        ReadAhead::new(stream, |reader| {
            let (sender, batches) = sync_channel(AHEAD);
            By::Thread(batches, std::thread::spawn(move || reader.send_all(&sender)))
        })
    }

    fn new(stream: Box<dyn TaskStream + Send>, by: impl FnOnce(Reader) -> By) -> ReadAhead {
        let counts = stream.counts().clone();
        ReadAhead {
            batch: Batch::default(),
            next: 0,
            next_counts: 0,
            names: Vec::new(),
            file: stream.place().map(|(file, _)| file.to_owned()),
            before: counts.clone(),
            is_plain: true,
            by: by(Reader { stream, known: 0, expected: counts.clone() }),
            counts,
        }
    }

    /// The next batch; a reader that has panicked is the run's own panic.
    fn take_batch(&mut self) {
        (self.next, self.next_counts) = (0, 0);
        match &mut self.by {
            By::Run(reader) => reader.fill(&mut self.batch, BATCH),
            By::Thread(batches, _) => match batches.recv() {
                Ok(batch) => self.batch = batch,
                Err(_) => {
                    self.leave();
                    self.batch.clear();
                    self.batch.end = Some(Ok(()));
                }
            },
            By::Nobody => self.batch.end = Some(Ok(())),
        }
        self.names.append(&mut self.batch.names);
    }

    /// Ends the reading, and gives the stream back.
    fn leave(&mut self) -> Option<Box<dyn TaskStream + Send>> {
        match std::mem::replace(&mut self.by, By::Nobody) {
            By::Run(reader) => Some(reader.stream),
            By::Thread(batches, reader) => {
                drop(batches); // the reader sees that nobody wants more
                match reader.join() {
                    Ok(stream) => Some(stream),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            By::Nobody => None,
        }
    }

    fn count(&mut self, at: usize) {
        match self.batch.counts.get_mut(self.next_counts) {
            Some((index, counts)) if *index == at => {
                self.before = std::mem::replace(&mut self.counts, std::mem::take(counts));
                self.next_counts += 1;
                self.is_plain = false;
            }
            _ => {
                self.counts.read += 1;
                self.counts.used += 1;
                self.is_plain = true;
            }
        }
    }
}

impl Batch {
    fn clear(&mut self) {
        self.rows.clear();
        self.lines.clear();
        self.names.clear();
        self.counts.clear();
        self.end = None;
    }
}

impl Reader {
    fn fill(&mut self, batch: &mut Batch, rows: usize) {
        batch.clear();
        let Reader { stream, known, expected } = self;
        while batch.rows.len() < rows && batch.end.is_none() {
            match stream.next_row() {
                Ok(Some(row)) => {
                    expected.read += 1;
                    expected.used += 1;
                    if stream.counts() != expected {
                        expected.clone_from(stream.counts());
                        batch.counts.push((batch.rows.len(), expected.clone()));
                    }
                    batch.rows.push(row);
                    batch.lines.extend(stream.place().map(|(_, line)| line));
                }
                Ok(None) => batch.end = Some(Ok(())),
                Err(problem) => batch.end = Some(Err(problem)),
            }
        }
        batch.names.extend_from_slice(&stream.names()[*known..]);
        *known = stream.names().len();
        if batch.end.is_some() {
            batch.counts.push((batch.rows.len(), stream.counts().clone()));
        }
    }

    fn send_all(mut self, sender: &SyncSender<Batch>) -> Box<dyn TaskStream + Send> {
        loop {
            let mut batch = Batch::default();
            self.fill(&mut batch, BATCH_BESIDE);
            let is_last = batch.end.is_some();
            if sender.send(batch).is_err() || is_last {
                return self.stream; // the run has ended first, or the trace has
            }
        }
    }
}

impl TaskStream for ReadAhead {
    fn next_row(&mut self) -> Result<Option<TaskRow>, TraceProblem> {
        loop {
            if let Some(&row) = self.batch.rows.get(self.next) {
                self.count(self.next);
                self.next += 1;
                return Ok(Some(row));
            }
            match self.batch.end.clone() {
                None => self.take_batch(),
                Some(end) => {
                    if let Some((_, counts)) = self.batch.counts.get(self.next_counts) {
                        self.counts.clone_from(counts); // rows that were skipped after the last used one
                        self.next_counts += 1;
                    }
                    return end.map(|()| None);
                }
            }
        }
    }

    /// Rows that were read ahead count as what they are: left out, all of them for the same reason.
    fn end(&mut self, untaken: u64) {
        let Some(mut stream) = self.leave() else { return };
        stream.end(0);
        if untaken > 0 && self.is_plain {
            self.counts.read -= 1;
            self.counts.used -= 1;
        } else if untaken > 0 {
            std::mem::swap(&mut self.counts, &mut self.before);
        }
        self.counts.read = stream.counts().read;
        let known = self.counts.used + self.counts.skipped.values().sum::<u64>();
        let rest = self.counts.read - known;
        count_more(&mut self.counts.skipped, AFTER_END, rest);
    }

    fn names(&self) -> &[String] {
        &self.names
    }

    fn place(&self) -> Option<(&str, u64)> {
        let line = self.batch.lines.get(self.next.checked_sub(1)?)?;
        Some((self.file.as_deref()?, *line))
    }

    fn counts(&self) -> &RowCounts {
        &self.counts
    }
}

impl Drop for ReadAhead {
    /// A run that ends early leaves no thread behind that still reads.
    fn drop(&mut self) {
        if let By::Thread(batches, reader) = std::mem::replace(&mut self.by, By::Nobody) {
            drop(batches);
            let _ = reader.join();
        }
    }
}
