//! The lifecycle of a task: its states, the legal steps between them, and why it stopped.
//!
//! Source: ECS developer guide, "task lifecycle"; API reference `Task` (documented).

use std::fmt;

/// `lastStatus` of a task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum TaskStatus {
    /// Steps before launch: ENI creation for `awsvpc`.
    Provisioning,
    /// The agent must act; on EC2 also waiting for resources to be really free on the host.
    Pending,
    /// Image pull, container creation.
    Activating,
    /// All containers started.
    Running,
    /// Steps before the stop: deregistration from target groups.
    Deactivating,
    /// Stop signal sent; SIGKILL after `stopTimeout`.
    Stopping,
    /// ENI detachment.
    Deprovisioning,
    /// The end.
    Stopped,
}

/// How many states there are.
pub const STATUS_COUNT: usize = 8;

impl TaskStatus {
    /// All states in the order of the lifecycle.
    pub const ALL: [TaskStatus; STATUS_COUNT] = [
        TaskStatus::Provisioning,
        TaskStatus::Pending,
        TaskStatus::Activating,
        TaskStatus::Running,
        TaskStatus::Deactivating,
        TaskStatus::Stopping,
        TaskStatus::Deprovisioning,
        TaskStatus::Stopped,
    ];

    /// Whether a task may go from `self` to `next`: one step on, or from any state before the stop to the stop.
    #[must_use]
    pub fn may_become(self, next: TaskStatus) -> bool {
        use TaskStatus::{Activating, Deactivating, Pending, Provisioning, Running, Stopped};
        match (self, next) {
            (Provisioning | Pending | Activating, Deactivating) => true,
            (Running, Stopped) | (Stopped, _) => false,
            (from, to) => from as u8 + 1 == to as u8,
        }
    }

    /// The name in the API, `RUNNING` and so on.
    #[must_use]
    pub fn api_name(self) -> &'static str {
        match self {
            TaskStatus::Provisioning => "PROVISIONING",
            TaskStatus::Pending => "PENDING",
            TaskStatus::Activating => "ACTIVATING",
            TaskStatus::Running => "RUNNING",
            TaskStatus::Deactivating => "DEACTIVATING",
            TaskStatus::Stopping => "STOPPING",
            TaskStatus::Deprovisioning => "DEPROVISIONING",
            TaskStatus::Stopped => "STOPPED",
        }
    }
}

/// `stopCode` of a stopped task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StopCode {
    /// It never reached RUNNING.
    TaskFailedToStart,
    /// An essential container exited.
    EssentialContainerExited,
    /// Somebody called StopTask.
    UserInitiated,
    /// The service scheduler stopped it.
    ServiceSchedulerInitiated,
    /// Its host went away, or is to.
    TerminationNotice,
    /// Fargate took a Spot task back.
    SpotInterruption,
}

impl fmt::Display for StopCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Why a task stops: its stop code, and the reason that `stoppedReason` gives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum StopReason {
    /// Its work was done, or it crashed.
    EssentialContainerExited,
    /// The kernel killed it for its memory.
    OutOfMemory,
    /// Somebody called StopTask.
    UserInitiated,
    /// It never reached RUNNING: no image, wrong configuration.
    FailedToStart,
    /// The desired count went down, or there was one task too many.
    ScaledIn,
    /// A deployment replaced it.
    Deployed,
    /// Its container health check failed.
    FailedContainerHealthChecks,
    /// The load balancer's health check failed.
    FailedElbHealthChecks,
    /// Availability Zone rebalancing put another one elsewhere.
    Rebalanced,
    /// Its instance is DRAINING.
    Draining,
    /// Its instance was terminated under it.
    HostTerminated,
    /// It has waited in PROVISIONING for as long as it may.
    ProvisioningTimeout,
    /// Fargate took the Spot task back.
    SpotInterruption,
    /// Fargate retires the revision of the platform that it runs on.
    Retired,
}

impl StopReason {
    /// All of them.
    pub const ALL: [StopReason; 14] = [
        StopReason::EssentialContainerExited,
        StopReason::OutOfMemory,
        StopReason::UserInitiated,
        StopReason::FailedToStart,
        StopReason::ScaledIn,
        StopReason::Deployed,
        StopReason::FailedContainerHealthChecks,
        StopReason::FailedElbHealthChecks,
        StopReason::Rebalanced,
        StopReason::Draining,
        StopReason::HostTerminated,
        StopReason::ProvisioningTimeout,
        StopReason::SpotInterruption,
        StopReason::Retired,
    ];

    /// `stopCode`.
    #[must_use]
    pub fn code(self) -> StopCode {
        match self {
            StopReason::EssentialContainerExited | StopReason::OutOfMemory => {
                StopCode::EssentialContainerExited
            }
            StopReason::UserInitiated => StopCode::UserInitiated,
            StopReason::FailedToStart | StopReason::ProvisioningTimeout => {
                StopCode::TaskFailedToStart
            }
            StopReason::HostTerminated | StopReason::Retired => StopCode::TerminationNotice,
            StopReason::SpotInterruption => StopCode::SpotInterruption,
            _ => StopCode::ServiceSchedulerInitiated,
        }
    }

    /// Whether its essential container gets SIGTERM, and does not end by itself.
    #[must_use]
    pub fn is_signalled(self) -> bool {
        !matches!(self.code(), StopCode::EssentialContainerExited | StopCode::TaskFailedToStart)
    }

    /// `stoppedReason`, in ECS's words as far as they are known.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            StopReason::EssentialContainerExited => "Essential container in task exited",
            StopReason::OutOfMemory => "OutOfMemoryError: Container killed due to memory usage",
            StopReason::UserInitiated => "Task stopped by user",
            StopReason::FailedToStart => "Task failed to start",
            StopReason::ScaledIn => "Scaling activity: more tasks than desired",
            StopReason::Deployed => "Task replaced by a deployment",
            StopReason::FailedContainerHealthChecks => "Task failed container health checks",
            StopReason::FailedElbHealthChecks => "Task failed ELB health checks",
            StopReason::Rebalanced => "Task stopped by Availability Zone rebalancing",
            StopReason::Draining => "Container instance is draining",
            StopReason::HostTerminated => "Host EC2 instance terminated",
            StopReason::ProvisioningTimeout => "Timed out in PROVISIONING: no capacity",
            StopReason::SpotInterruption => "Your Spot Task was interrupted.",
            StopReason::Retired => {
                "ECS is performing maintenance on the underlying infrastructure hosting the task"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_moves_one_state_at_a_time_and_may_be_stopped_before_it_runs() {
        use TaskStatus::*;
        for pair in TaskStatus::ALL.windows(2) {
            assert!(pair[0].may_become(pair[1]), "{pair:?}");
            assert!(!pair[1].may_become(pair[0]), "{pair:?} backwards");
        }
        assert!(Pending.may_become(Deactivating));
        assert!(!Provisioning.may_become(Running));
        assert!(!Stopped.may_become(Stopped));
    }
}
