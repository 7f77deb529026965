//! What can wake the simulation, and what ends it before its time.

use super::task::Slot;
use crate::model::arrival::TraceProblem;
use crate::model::ids::{MachineId, ProviderId, ServiceId};
use crate::model::platform::Purchase;
use std::io;

/// Everything that can wake the simulation, arrivals apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A task's ENI is attached: it becomes PENDING.
    Attached(Slot),
    /// Fargate has prepared a task: the pull starts.
    Prepared(Slot),
    /// A task's containers have started.
    Running(Slot),
    /// A task's essential container exits, or StopTask is called.
    Exit(Slot),
    /// An essential container beside the first crashes.
    SidecarExit(Slot),
    /// A task's last container has exited.
    ExecutionStopped(Slot),
    /// A task's ENI is gone.
    Detached(Slot),
    /// A caller tries a parked request again.
    Retry(u32),
    /// The API lets the next call through.
    Gate,
    /// Schedulers act on the settled state of the instant.
    Control,
    /// Metrics look at the instant.
    Sample,
    /// The bill looks at what has been used beside compute.
    Meter,
    /// A service task's health changes.
    Health(Slot),
    /// A service task has burnt the CPU of its start.
    StartIsOver(Slot),
    /// A service task's deregistration delay is over.
    Deregistered(Slot),
    /// A service's load balancer learns of a target that is gone.
    Known(ServiceId),
    /// The memory of a service's tasks is looked at again, after one was killed for it.
    Memory(ServiceId),
    /// The service scheduler looks at a service.
    Reconcile(ServiceId),
    /// A user changes a service.
    Update(ServiceId),
    /// A scheduled action or forecast of a service is due.
    ScalingAction(ServiceId),
    /// A period of CloudWatch ends, or its points are visible.
    Tick(Tick),
    /// A zonal shift of a service's load balancer begins or ends.
    TrafficShift(ServiceId),
    /// A scripted failure strikes.
    Failure,
    /// What a service depends on is well again.
    OutageEnds(ServiceId),
    /// The next stage of an instance is due.
    Machine(MachineId),
    /// An Auto Scaling group is changed by hand or by schedule.
    GroupChange(ProviderId),
    /// A zonal shift of an Auto Scaling group begins or ends.
    ZonalShift(ProviderId),
    /// A task may have waited in PROVISIONING for as long as it may.
    WaitedEnough,
    /// A task that waits in PROVISIONING for EC2 may go to Fargate instead.
    Overflow,
    /// A minute of a capacity provider's managed scaling ends: its metric is published.
    Reservation(ProviderId),
    /// Managed scaling has points to evaluate, or a step of scale-in to do.
    ManagedScaling(ProviderId),
    /// A host or zone fails, or something follows from it.
    Fault(u32),
    /// The next step of the interruption of a Spot instance is due.
    Spot(MachineId),
    /// What can be had of a group's pools changes, or a pool takes instances back.
    Pools(ProviderId),
    /// An Auto Scaling group goes on with a refresh, or with replacing instances that are too old.
    Renew(ProviderId),
    /// An Auto Scaling group tries again to launch what it found no capacity for.
    LaunchAgain(ProviderId, Purchase),
    /// Fargate's capacity changes, or it takes tasks back.
    Fargate,
    /// A Spot task on Fargate is warned.
    FargateWarning(u32),
    /// Managed Instances: the tasks that have come together are given instances.
    Batch(ProviderId),
    /// Managed Instances: some may have become idle or under-used.
    Optimise(ProviderId),
}

impl Event {
    /// The task that it is about, where it is one of the stages of a task.
    #[inline]
    #[must_use]
    pub fn task(self) -> Option<Slot> {
        match self {
            Event::Attached(slot)
            | Event::Prepared(slot)
            | Event::Running(slot)
            | Event::Exit(slot)
            | Event::SidecarExit(slot)
            | Event::ExecutionStopped(slot)
            | Event::Detached(slot)
            | Event::Health(slot)
            | Event::StartIsOver(slot)
            | Event::Deregistered(slot) => Some(slot),
            _ => None,
        }
    }
}

/// What is due in the metrics of services.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tick {
    /// The end of a one-minute period.
    Minute,
    /// The end of a 20-second period, for services with high-resolution metrics.
    TwentySeconds,
    /// One-minute points are visible: alarms are evaluated.
    Alarms,
    /// 20-second points are visible.
    HighResolutionAlarms,
}

/// What ends a run before its time.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A trace cannot be read further.
    #[error("{0}")]
    Trace(String),
    /// A task can never be placed, and its caller would wait for ever.
    #[error("{0}")]
    Oversized(String),
    /// An output cannot be written.
    #[error("cannot write an output: {0}")]
    Output(#[from] io::Error),
}

impl RunError {
    /// Says which row of a trace it is about.
    #[must_use]
    pub fn at(self, place: Option<(&str, u64)>) -> RunError {
        let Some((file, line)) = place else { return self };
        match self {
            RunError::Trace(text) => RunError::Trace(format!("{file}:{line}: {text}")),
            other => other,
        }
    }
}

impl From<TraceProblem> for RunError {
    fn from(problem: TraceProblem) -> Self {
        RunError::Trace(problem.0)
    }
}
