//! `tasks.csv` on its way out: rows are written here, or by a thread beside the simulation. The bytes are the same: lines
//! go over in order, in batches, and come back empty to be filled again.

use super::recorder::Names;
use super::task_rows::{Line, TaskRows};
use crate::base::money::NanoUsd;
use crate::base::time::SimTime;
use crate::model::provisioning::WaitSpans;
use crate::sim::request::Request;
use crate::sim::task::Task;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Lines of a batch: some tens of kilobytes,
const BATCH: usize = 256;
/// and of one for a thread: to wake it costs as much as many rows.
const BATCH_BESIDE: usize = 1024;
/// Batches on their way; with more, the simulation waits for the writer.
const AHEAD: usize = 8;

/// The table of tasks.
pub enum TaskTable {
    /// Nobody reads it.
    Off,
    /// Rows are written here, some at a time.
    Here(Box<Here>),
    /// A thread writes them.
    Beside(Beside),
}

impl TaskTable {
    /// The table that goes to this sink, if there is one.
    #[must_use]
    pub fn new(sink: Option<Box<dyn Write + Send>>, names: &Names, is_beside: bool) -> TaskTable {
        let Some(sink) = sink else { return TaskTable::Off };
        let rows = TaskRows::new(sink, names.clone());
        match is_beside {
            true => TaskTable::Beside(Beside::start(rows)),
            false => TaskTable::Here(Box::new(Here { batch: Vec::with_capacity(BATCH), rows })),
        }
    }

    /// Whether rows go anywhere. Callers do no work for a table that is off.
    #[inline]
    #[must_use]
    pub fn is_on(&self) -> bool {
        !matches!(self, TaskTable::Off)
    }

    /// The next task group has a name.
    pub fn add_group(&mut self, name: &str) {
        self.tell_name(|| Line::Group(name.into()));
    }

    /// The fields of tasks on the next container instance.
    pub fn add_place(&mut self, place: Box<[u8]>) {
        self.tell_name(|| Line::Place(place));
    }

    /// A task has failed to start: why.
    pub fn not_started(&mut self, task: u64, why: &str) {
        self.tell_name(|| Line::NotStarted(task, why.into()));
    }

    /// A task waits no longer for capacity: for what it has waited.
    pub fn waited(&mut self, task: u64, spans: WaitSpans) {
        self.tell_name(|| Line::Waited(task, spans));
    }

    /// A task is DEACTIVATING from now on, and its containers run on for a while.
    pub fn deactivates(&mut self, task: u64, now: SimTime) {
        self.tell_name(|| Line::Deactivates(task, now));
    }

    /// A task has stopped, or lives on ([`SimTime::NEVER`]).
    ///
    /// # Errors
    /// What the sink says.
    #[inline]
    pub fn task(&mut self, task: &Task, stopped: SimTime, usd: NanoUsd) -> io::Result<()> {
        match self {
            TaskTable::Off => Ok(()),
            TaskTable::Here(here) => here.tell(Line::Task(task.clone(), stopped, usd)),
            TaskTable::Beside(beside) => beside.tell(Line::Task(task.clone(), stopped, usd)),
        }
    }

    /// Tasks of a request were never placed; `refused` is when their caller gave them up, if it did.
    ///
    /// # Errors
    /// What the sink says.
    pub fn unplaced(
        &mut self,
        request: &Request,
        why: &'static str,
        refused: SimTime,
    ) -> io::Result<()> {
        let line = || Line::Unplaced(Box::new(request.clone()), why, refused);
        match self {
            TaskTable::Off => Ok(()),
            TaskTable::Here(here) => here.tell(line()),
            TaskTable::Beside(beside) => beside.tell(line()),
        }
    }

    /// Hands everything to the sink and flushes it.
    ///
    /// # Errors
    /// What the sink says.
    pub fn finish(&mut self) -> io::Result<()> {
        match self {
            TaskTable::Off => Ok(()),
            TaskTable::Here(here) => here.finish(),
            TaskTable::Beside(beside) => beside.finish(),
        }
    }

    fn tell_name(&mut self, line: impl FnOnce() -> Line) {
        let told = match self {
            TaskTable::Off => Ok(()),
            TaskTable::Here(here) => here.tell(line()),
            TaskTable::Beside(beside) => beside.tell(line()),
        };
        // A name writes nothing; a sink that has failed says so at the next row, or at the end.
        drop(told);
    }
}

/// Lines that are written when there are enough of them: code that writes and code that simulates do not fit the
/// processor's first cache together, and a task's fields are in memory when it has just stopped.
pub struct Here {
    batch: Vec<Line>,
    rows: TaskRows,
}

impl Here {
    #[inline]
    fn tell(&mut self, line: Line) -> io::Result<()> {
        self.batch.push(line);
        if self.batch.len() < BATCH { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> io::Result<()> {
        let written = self.batch.iter().try_for_each(|line| self.rows.write(line));
        self.batch.clear();
        written
    }

    fn finish(&mut self) -> io::Result<()> {
        self.write()?;
        self.rows.finish()
    }
}

/// The near end of the writer's thread.
pub struct Beside {
    batch: Vec<Line>,
    full: Option<SyncSender<Vec<Line>>>,
    empty: Receiver<Vec<Line>>,
    writer: Option<JoinHandle<io::Result<()>>>,
}

impl Beside {
    fn start(mut rows: TaskRows) -> Beside {
        let (full, batches) = sync_channel::<Vec<Line>>(AHEAD);
        let (give_back, empty) = sync_channel(AHEAD + 2);
        let writer = std::thread::spawn(move || {
            for mut batch in batches {
                for line in &batch {
                    rows.write(line)?;
                }
                batch.clear();
                // At the end nobody takes it.
                let _ = give_back.try_send(batch);
            }
            rows.finish()
        });
        let batch = Vec::with_capacity(BATCH_BESIDE);
        Beside { batch, full: Some(full), empty, writer: Some(writer) }
    }

    #[inline]
    fn tell(&mut self, line: Line) -> io::Result<()> {
        self.batch.push(line);
        if self.batch.len() < BATCH_BESIDE { Ok(()) } else { self.hand_over() }
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let next = self.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(BATCH_BESIDE));
        let batch = std::mem::replace(&mut self.batch, next);
        match self.full.as_ref().map(|full| full.send(batch)) {
            Some(Ok(())) => Ok(()),
            // The writer has ended before its time: it knows why.
            _ => self.join(),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.hand_over()?;
        self.join()
    }

    fn join(&mut self) -> io::Result<()> {
        self.full = None; // the writer sees the end
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Err(io::Error::other("the table has failed before")),
        }
    }
}

impl Drop for Beside {
    /// A run that ends early leaves no thread behind that still writes.
    fn drop(&mut self) {
        self.full = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}
