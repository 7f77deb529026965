//! The record of a placed task, and the number of its slot.

use crate::base::time::{SimSpan, SimTime};
use crate::model::fleet::Fleet;
use crate::model::ids::{DefinitionId, GroupId, InstanceId, ProviderId, SourceId, ZoneId};
use crate::model::lifecycle::{StopReason, TaskStatus};
use crate::model::resources::Resources;

/// Index of a live task in [`super::tasks::Tasks`]. Slots are reused; [`Task::id`] never is.
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
    /// Nowhere yet: it waits in PROVISIONING for capacity of its provider, at this place of the line.
    Waiting(u32),
}

/// A placed task that has not stopped. 144 bytes or less, held by a test: memory is proportional to live tasks. In the
/// order written here: [`super::tasks::Tasks::look_ahead`] reads the first, the middle and the last of it.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Task {
    /// Number in order of arrival, from 0.
    pub id: u64,
    /// Key of the draws of its stages: made of its asker's name and of its number among that asker's own tasks, so that
    /// no other asker's tasks move them.
    pub draws: u64,
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
    /// Whether `spread` and `distinctInstance` count it no longer, though it holds its promise.
    pub is_uncounted: bool,
    /// Whether it is on Fargate because its EC2 capacity provider had no room for it.
    pub has_overflowed: bool,
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

    /// Whether it was asked to stop, or its essential container has exited, and its containers are not gone.
    #[inline]
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.status == TaskStatus::Stopping
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
        self.status < TaskStatus::Stopping && !self.waits()
    }

    /// Whether it has no place yet, and gets none if it stops.
    #[inline]
    #[must_use]
    pub fn waits(&self) -> bool {
        matches!(self.place, Place::Waiting(_))
    }

    /// The AZ that it lives in; one that does not exist while it waits for a place.
    #[must_use]
    pub fn zone(&self, fleet: &Fleet) -> ZoneId {
        match self.place {
            Place::Instance(instance) => fleet.zone[instance],
            Place::Fargate(zone) => zone,
            Place::Waiting(_) => ZoneId(u32::MAX),
        }
    }

    /// The instance that it lives on, if any.
    #[inline]
    #[must_use]
    pub fn instance(&self) -> Option<InstanceId> {
        match self.place {
            Place::Instance(instance) => Some(instance),
            Place::Fargate(_) | Place::Waiting(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_task_takes_at_most_144_bytes() {
        // Eight of these keep its draws apart from other askers' tasks; its queue entry takes 24 more.
        assert!(size_of::<Task>() <= 144, "{}", size_of::<Task>());
    }
}
