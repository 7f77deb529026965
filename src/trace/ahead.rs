//! Rows that a thread reads ahead of the run. The run sees the same rows, names, counts and errors at the same places as
//! if it had read them itself.

use super::stream::{AFTER_END, count_more};
use crate::model::arrival::{RowCounts, TaskRow, TaskStream, TraceProblem};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Rows of a batch: some tens of kilobytes.
const BATCH: usize = 512;
/// Batches that are read ahead.
const AHEAD: usize = 4;

/// What the reader hands over at once.
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

/// A stream that is read by a thread of its own.
pub struct ReadAhead {
    batches: Option<Receiver<Batch>>,
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
    reader: Option<JoinHandle<Box<dyn TaskStream + Send>>>,
}

impl ReadAhead {
    /// Begins to read.
    #[must_use]
    pub fn start(stream: Box<dyn TaskStream + Send>) -> ReadAhead {
        let (sender, batches) = sync_channel(AHEAD);
        let counts = stream.counts().clone();
        let file = stream.place().map(|(file, _)| file.to_owned());
        let reader = std::thread::spawn(move || read(stream, &sender));
        let before = counts.clone();
        ReadAhead {
            batches: Some(batches),
            batch: Batch::default(),
            next: 0,
            next_counts: 0,
            names: Vec::new(),
            file,
            counts,
            before,
            is_plain: true,
            reader: Some(reader),
        }
    }

    /// The next batch; a reader that has panicked is the run's own panic.
    fn take_batch(&mut self) {
        let received = self.batches.as_ref().and_then(|batches| batches.recv().ok());
        let Some(mut batch) = received else {
            if let Some(Err(panic)) = self.reader.take().map(JoinHandle::join) {
                std::panic::resume_unwind(panic);
            }
            self.batch = Batch { end: Some(Ok(())), ..Batch::default() };
            return;
        };
        self.names.append(&mut batch.names);
        (self.batch, self.next, self.next_counts) = (batch, 0, 0);
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

fn read(
    mut stream: Box<dyn TaskStream + Send>,
    sender: &SyncSender<Batch>,
) -> Box<dyn TaskStream + Send> {
    let mut known = 0;
    let mut before = stream.counts().clone();
    loop {
        let mut batch = Batch { rows: Vec::with_capacity(BATCH), ..Batch::default() };
        while batch.rows.len() < BATCH && batch.end.is_none() {
            match stream.next_row() {
                Ok(Some(row)) => {
                    before.read += 1;
                    before.used += 1;
                    if *stream.counts() != before {
                        before.clone_from(stream.counts());
                        batch.counts.push((batch.rows.len(), before.clone()));
                    }
                    batch.rows.push(row);
                    batch.lines.extend(stream.place().map(|(_, line)| line));
                }
                Ok(None) => batch.end = Some(Ok(())),
                Err(problem) => batch.end = Some(Err(problem)),
            }
        }
        batch.names.extend_from_slice(&stream.names()[known..]);
        known = stream.names().len();
        let is_last = batch.end.is_some();
        if is_last {
            batch.counts.push((batch.rows.len(), stream.counts().clone()));
        }
        if sender.send(batch).is_err() || is_last {
            return stream; // the run has ended first, or the trace has
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
        self.batches = None; // the reader sees that nobody wants more
        match self.reader.take().map(JoinHandle::join) {
            Some(Ok(mut stream)) => {
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
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => {}
        }
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
        self.batches = None;
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}
