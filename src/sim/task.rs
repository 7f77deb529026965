//! Live tasks: one fixed-size record each, in a slab whose slots are reused when a task has stopped.

use crate::base::time::{SimSpan, SimTime};
use crate::model::ids::{DefinitionId, GroupId, InstanceId, ProviderId, SourceId, ZoneId};
use crate::model::lifecycle::{StopReason, TaskStatus};
use crate::model::resources::Resources;

/// Index of a live task in [`Tasks`]. Slots are reused; [`Task::id`] never is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Slot(pub u32);

impl Slot {
    /// No task.
    pub const NONE: Slot = Slot(u32::MAX);
}

/// Where a placed task lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// On a container instance.
    Instance(InstanceId),
    /// On Fargate, in this AZ.
    Fargate(ZoneId),
}

/// A placed task that has not stopped. 128 bytes or less, held by a test: memory is proportional to live tasks.
#[derive(Clone, Debug)]
pub struct Task {
    /// Number in order of arrival, from 0.
    pub id: u64,
    /// When the caller wanted it.
    pub arrival: SimTime,
    /// When RunTask first accepted the call.
    pub accepted: SimTime,
    /// When it was placed.
    pub placed: SimTime,
    /// When it became PENDING: its ENI was attached.
    pub pending: SimTime,
    /// Start of the image pull: ACTIVATING.
    pub pull_started: SimTime,
    /// End of the image pull.
    pub pull_stopped: SimTime,
    /// RUNNING.
    pub started: SimTime,
    /// When it was asked to stop, or its essential container exited.
    pub stopping: SimTime,
    /// When its last container had exited.
    pub execution_stopped: SimTime,
    /// How long its essential container works.
    pub work: SimSpan,
    /// What it was promised; on Fargate its size.
    pub demand: Resources,
    /// Task definition.
    pub definition: DefinitionId,
    /// Task group.
    pub group: GroupId,
    /// Where it lives.
    pub place: Place,
    /// The task behind it in its host's queue.
    pub next_in_queue: Slot,
    /// Capacity provider; the instance's own, or the Fargate one.
    pub provider: ProviderId,
    /// Caller.
    pub source: SourceId,
    /// Task storage in GiB.
    pub ephemeral_gib: u16,
    /// Exit code of the essential container.
    pub exit_code: u8,
    /// `lastStatus`.
    pub status: TaskStatus,
    /// Why it stops.
    pub stop_reason: StopReason,
}

impl Task {
    /// Moves to the next state. Panics on a step that the lifecycle does not know.
    #[inline]
    pub fn become_status(&mut self, next: TaskStatus) {
        assert!(self.status.may_become(next), "no step from {:?} to {next:?}", self.status);
        self.status = next;
    }

    /// Whether it has taken its resources on its host: it was ACTIVATING at least.
    #[inline]
    #[must_use]
    pub fn is_on_host(&self) -> bool {
        self.pull_started != SimTime::NEVER
    }

    /// Whether its ENI has been attached.
    #[inline]
    #[must_use]
    pub fn has_eni(&self) -> bool {
        self.demand.enis > 0 && self.pending != SimTime::NEVER
    }

    /// Whether the scheduler has promised it resources that it has not given back.
    #[inline]
    #[must_use]
    pub fn holds_promise(&self) -> bool {
        self.status < TaskStatus::Stopping
    }

    /// The instance that it lives on, if any.
    #[inline]
    #[must_use]
    pub fn instance(&self) -> Option<InstanceId> {
        match self.place {
            Place::Instance(instance) => Some(instance),
            Place::Fargate(_) => None,
        }
    }
}

/// The slab of live tasks.
#[derive(Default)]
pub struct Tasks {
    rows: Vec<Option<Task>>,
    free: Vec<Slot>,
}

impl Tasks {
    /// Adds a task.
    #[inline]
    pub fn insert(&mut self, task: Task) -> Slot {
        if let Some(slot) = self.free.pop() {
            self.rows[slot.0 as usize] = Some(task);
            return slot;
        }
        self.rows.push(Some(task));
        Slot(u32::try_from(self.rows.len() - 1).expect("fewer than 2^32 live tasks"))
    }

    /// Removes a stopped task.
    #[inline]
    pub fn remove(&mut self, slot: Slot) {
        let row = &mut self.rows[slot.0 as usize];
        assert!(row.is_some(), "a task is removed once");
        *row = None;
        self.free.push(slot);
    }

    /// How many tasks are live.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len() - self.free.len()
    }

    /// Whether no task is live.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All live tasks in order of id. Allocates: for the end of a run, pictures and checks.
    #[must_use]
    pub fn by_id(&self) -> Vec<&Task> {
        let mut live: Vec<&Task> = self.rows.iter().flatten().collect();
        live.sort_unstable_by_key(|task| task.id);
        live
    }
}

impl std::ops::Index<Slot> for Tasks {
    type Output = Task;
    #[inline]
    fn index(&self, slot: Slot) -> &Task {
        self.rows[slot.0 as usize].as_ref().expect("the slot holds a live task")
    }
}

impl std::ops::IndexMut<Slot> for Tasks {
    #[inline]
    fn index_mut(&mut self, slot: Slot) -> &mut Task {
        self.rows[slot.0 as usize].as_mut().expect("the slot holds a live task")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_task_takes_at_most_136_bytes() {
        // With its queue entry of 24 bytes this stays within the promised 160.
        assert!(size_of::<Option<Task>>() <= 136, "{}", size_of::<Option<Task>>());
    }
}
