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
    /// Writing has failed where nobody could be told: the next row, or the end, says why.
    Failed(Option<io::Error>),
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
        self.tell(|| Line::Task(task.clone(), stopped, usd))
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
        self.tell(|| Line::Unplaced(Box::new(request.clone()), why, refused))
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
            TaskTable::Failed(why) => Err(told_before(why)),
        }
    }

    #[inline]
    fn tell(&mut self, line: impl FnOnce() -> Line) -> io::Result<()> {
        match self {
            TaskTable::Off => Ok(()),
            TaskTable::Here(here) => here.tell(line()),
            TaskTable::Beside(beside) => beside.tell(line()),
            TaskTable::Failed(why) => Err(told_before(why)),
        }
    }

    fn tell_name(&mut self, line: impl FnOnce() -> Line) {
        if let Err(why) = self.tell(line) {
            *self = TaskTable::Failed(Some(why));
        }
    }
}

#[cold]
fn told_before(why: &mut Option<io::Error>) -> io::Error {
    why.take().unwrap_or_else(|| io::Error::other("the table has failed before"))
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
        let written = self.rows.write(&self.batch);
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
                rows.write(&batch)?;
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
            None => Err(told_before(&mut None)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Column;
    use crate::base::time::SimSpan;
    use crate::model::ids::{DefinitionId, GroupId, SourceId};
    use crate::model::resources::Resources;
    use crate::sim::request::Call;

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("no space left"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Five thousand tasks that nobody placed: more rows than a block takes.
    fn request() -> Request {
        Request {
            source: SourceId(0),
            arrival: SimTime::ZERO,
            accepted: None,
            first_id: 0,
            others: 0,
            remaining: 5_000,
            attempts: 1,
            demand: Resources::ZERO,
            work: None,
            definition: DefinitionId(0),
            group: GroupId(0),
            ephemeral_gib: 20,
            exit_code: 0,
            reported: None,
            refused: (0, 0),
            throttled_before: SimSpan::ZERO,
            call: Call::default(),
            line: 0,
        }
    }

    #[test]
    fn a_sink_that_fails_while_a_name_is_told_is_heard_of_at_the_end() {
        let name: Box<[u8]> = b"a"[..].into();
        let names = Names {
            sources: [name.clone()].into_iter().collect(),
            definitions: [name].into_iter().collect(),
            providers: Column::new(),
            zones: Column::new(),
        };
        for is_beside in [false, true] {
            let mut table = TaskTable::new(Some(Box::new(Full)), &names, is_beside);
            table.add_group("group");
            table.unplaced(&request(), "why", SimTime::NEVER).expect("it waits in the batch");
            (0..20 * BATCH_BESIDE).for_each(|_| table.add_group("another"));
            assert_eq!(table.finish().expect_err("it failed").to_string(), "no space left");
        }
    }
}
