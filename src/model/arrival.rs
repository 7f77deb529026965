//! A row of a task trace, resolved to the model's units, and the stream that yields rows in order.

use crate::base::time::{SimSpan, SimTime};

/// A name that a trace mentions: an index into [`TaskStream::names`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NameId(pub u32);

/// A request for one or more equal tasks, as a trace row gives it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TaskRow {
    /// When the tasks are asked for.
    pub arrival: SimTime,
    /// CPU units of each task; `None`: as the task definition says.
    pub cpu: Option<u32>,
    /// Memory of each task in MiB; `None`: as the task definition says.
    pub memory: Option<u32>,
    /// Whole GPUs of each task; `None`: as the task definition says.
    pub gpus: Option<u16>,
    /// How long the task works from RUNNING to the exit of its essential container; `None`: drawn from the
    /// caller's `duration`.
    pub duration: Option<SimSpan>,
    /// Copies of the task, at least 1.
    pub count: u32,
    /// Task definition; `None`: the caller's.
    pub definition: Option<NameId>,
    /// Task group; `None`: the caller's, or `family:<family>`.
    pub group: Option<NameId>,
    /// Task storage in GiB; `None`: as the task definition says.
    pub ephemeral_gib: Option<u16>,
    /// Exit code of the essential container; anything but 0 counts as failed.
    pub exit_code: u8,
}

/// What became of the rows of a trace.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RowCounts {
    /// Rows read (headers and comments are not rows).
    pub read: u64,
    /// Rows that became a [`TaskRow`].
    pub used: u64,
    /// Rows left out, by reason, in order of reason. `read = used + Σ skipped` at the end.
    pub skipped: std::collections::BTreeMap<String, u64>,
    /// Assumptions that were applied to used rows, by what was done, such as a share of a GPU raised to a whole one.
    pub adjusted: std::collections::BTreeMap<String, u64>,
}

/// Rows of one trace in order of arrival, read as they are needed.
pub trait TaskStream {
    /// The next row; `None` at the end. Arrival times never decrease.
    ///
    /// # Errors
    /// A row that cannot be used, with file, line and column, already rendered for people.
    fn next_row(&mut self) -> Result<Option<TaskRow>, TraceProblem>;

    /// The run has ended. Of the rows that were given the last `untaken` (0 or 1) were not asked for in time; they and
    /// all that is still to come are counted as left out.
    fn end(&mut self, untaken: u64) {
        let _ = untaken;
    }

    /// Every task definition and group name seen so far; [`NameId`] indexes it.
    fn names(&self) -> &[String];

    /// File and line of the row that was given last, for messages; `None` for rows of no file.
    fn place(&self) -> Option<(&str, u64)> {
        None
    }

    /// What became of the rows so far.
    fn counts(&self) -> &RowCounts;
}

/// A trace cannot be read further: bad input, or the file system. The text says where and what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct TraceProblem(pub String);
