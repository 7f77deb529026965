//! What the books are told.

use super::GroupCounts;
use crate::base::time::{SimSpan, SimTime};
use crate::model::definition::TaskDefinition;
use crate::model::fleet::Fleet;
use crate::model::ids::{InstanceId, ProviderId};
use crate::model::lifecycle::TaskStatus;
use crate::model::platform::Purchase;
use crate::model::resources::Resources;
use crate::pricing::Price;
use crate::sim::request::{Failure, Request};
use crate::sim::task::Task;

/// Something that has happened to a task or an instance.
pub enum Change<'a> {
    /// An instance has registered.
    Registered {
        /// It; `fleet` has it already.
        instance: InstanceId,
        /// How it is bought.
        purchase: Purchase,
        /// What it costs.
        price: Price,
        /// The capacity reservation that it was launched into, if it was.
        reservation: Option<usize>,
        /// The fleet.
        fleet: &'a Fleet,
    },
    /// EC2 begins to bill an instance.
    InstanceRuns {
        /// Its capacity provider.
        provider: ProviderId,
        /// What it costs.
        price: &'a Price,
    },
    /// EC2 has taken a Spot instance back within its first hour: it costs nothing.
    Forgiven {
        /// It.
        instance: InstanceId,
    },
    /// The fee of ECS for an instance begins, or ends.
    Fee {
        /// Its capacity provider.
        provider: ProviderId,
        /// Its type.
        instance_type: &'a str,
        /// Which of both.
        begins: bool,
    },
    /// EC2 bills it no longer.
    InstanceEnds {
        /// Its capacity provider.
        provider: ProviderId,
        /// What it cost.
        price: &'a Price,
    },
    /// Instances of a group come or go, or its desired capacity changes.
    Group {
        /// Its capacity provider.
        provider: ProviderId,
        /// What there is now.
        counts: GroupCounts,
    },
    /// A task ends with its instance.
    Lost,
    /// So many tasks more are wanted.
    Wanted(u32),
    /// So many are wanted no longer, though nobody has refused them.
    Unwanted(u32),
    /// A task waits in PROVISIONING for capacity of a provider.
    Waits {
        /// The provider.
        provider: ProviderId,
    },
    /// Such a task is placed next.
    WaitsNoMore {
        /// The provider.
        provider: ProviderId,
    },
    /// A task goes to Fargate, since its EC2 capacity provider had no room for it; it is placed next.
    Overflows {
        /// Since it was accepted.
        waited: SimSpan,
    },
    /// Such a task was stopped before there was capacity.
    GivenUp {
        /// It.
        task: &'a Task,
        /// Why.
        reason: &'static str,
    },
    /// Tasks were refused for good.
    Refused(&'a Request, &'a Failure),
    /// A task was placed.
    Placed {
        /// It.
        task: &'a Task,
        /// What was asked for, before Fargate rounded it up.
        asked: Resources,
    },
    /// A task went from one state to the next.
    Status {
        /// Its provider.
        provider: ProviderId,
        /// Its state before.
        from: TaskStatus,
        /// Its state now.
        to: TaskStatus,
    },
    /// A task has taken its resources on its host, or on Fargate.
    Occupied {
        /// It.
        task: &'a Task,
    },
    /// A Fargate task's bill begins.
    FargateStarts {
        /// It.
        task: &'a Task,
        /// Its definition.
        definition: &'a TaskDefinition,
    },
    /// A task is RUNNING.
    Started {
        /// It.
        task: &'a Task,
    },
    /// A task is asked to stop, or its essential container has exited.
    StopsRunning {
        /// For how long it was RUNNING.
        ran: SimSpan,
        /// Whether it is on Fargate because EC2 had no room for it.
        has_overflowed: bool,
    },
    /// SIGKILL had to end a task.
    Killed,
    /// The scheduler has a task's part of an instance back.
    PromiseEnded {
        /// It.
        task: &'a Task,
        /// Where.
        instance: InstanceId,
        /// When.
        now: SimTime,
        /// The fleet.
        fleet: &'a Fleet,
    },
    /// A task's containers have exited.
    Vacated {
        /// It.
        task: &'a Task,
    },
    /// A Fargate task's last container has exited.
    FargateStops {
        /// It.
        task: &'a Task,
        /// Its definition.
        definition: &'a TaskDefinition,
    },
}
