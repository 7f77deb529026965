//! Auto Scaling groups: their settings, the stages of an instance's life, why instances come and go.

use crate::base::distribution::Distribution;
use crate::base::time::{SimSpan, SimTime};
use crate::model::ids::ZoneId;

/// `TerminationPolicies`: which instance of a group ends first when the group has too many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TerminationPolicy {
    /// Aligned with the allocation strategy in a mixed group, then the oldest launch template, then closest to the next
    /// billing hour.
    #[default]
    Default,
    /// The type that the allocation strategy likes least.
    AllocationStrategy,
    /// The oldest launch template; `OldestLaunchConfiguration` is the same: there is one kind here.
    OldestLaunchTemplate,
    /// The one that begins its next hour first.
    ClosestToNextInstanceHour,
    /// The newest instance.
    NewestInstance,
    /// The oldest instance.
    OldestInstance,
}

impl TerminationPolicy {
    /// All of them with their names in the API.
    pub const ALL: [(TerminationPolicy, &'static str); 6] = [
        (TerminationPolicy::Default, "Default"),
        (TerminationPolicy::AllocationStrategy, "AllocationStrategy"),
        (TerminationPolicy::OldestLaunchTemplate, "OldestLaunchTemplate"),
        (TerminationPolicy::ClosestToNextInstanceHour, "ClosestToNextInstanceHour"),
        (TerminationPolicy::NewestInstance, "NewestInstance"),
        (TerminationPolicy::OldestInstance, "OldestInstance"),
    ];
}

/// Which of its instance types a group launches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Allocation {
    /// The first one of the list: the API's default for On-Demand.
    #[default]
    Prioritized,
    /// The cheapest one in the zone at that instant; among equals the first.
    LowestPrice,
}

/// `ScaleInProtectedInstances`: what a refresh does about instances that are protected from scale-in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ProtectedInstances {
    /// It replaces them like all others.
    Refresh,
    /// It leaves them as they are: the console's default.
    Ignore,
    /// It waits an hour for the end of their protection, and fails: the API's default.
    #[default]
    Wait,
}

impl ProtectedInstances {
    /// All of them with their names in the API.
    pub const ALL: [(ProtectedInstances, &'static str); 3] = [
        (ProtectedInstances::Refresh, "Refresh"),
        (ProtectedInstances::Ignore, "Ignore"),
        (ProtectedInstances::Wait, "Wait"),
    ];
}

/// How long each stage takes before an instance is ACTIVE, in seconds.
#[derive(Clone, Debug)]
pub struct InstanceTiming {
    /// From the need of an instance to the call of RunInstances.
    pub launch: Distribution,
    /// From the call to the state `running`, at which the bill begins.
    pub pending: Distribution,
    /// From there to the start of the container agent.
    pub boot: Distribution,
    /// From there to the registration with the cluster.
    pub register: Distribution,
}

/// In which state a warm pool keeps its instances.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PoolState {
    /// Stopped: their compute is not billed.
    #[default]
    Stopped,
    /// Hibernated: not billed either.
    Hibernated,
    /// Running: billed like all others.
    Running,
}

impl PoolState {
    /// All of them with their names in the API.
    pub const ALL: [(PoolState, &'static str); 3] = [
        (PoolState::Stopped, "Stopped"),
        (PoolState::Hibernated, "Hibernated"),
        (PoolState::Running, "Running"),
    ];

    /// Whether EC2 bills an instance that waits in the pool.
    #[must_use]
    pub fn is_billed(self) -> bool {
        self == PoolState::Running
    }
}

/// How long an instance of a warm pool takes, in seconds.
#[derive(Clone, Debug)]
pub struct PoolTiming {
    /// From the need of it to the state `running`; of one that runs already, to its being InService.
    pub start: Distribution,
    /// From there to the start of the container agent.
    pub boot: Distribution,
}

/// A change of a group that is made by hand or by schedule; what is not given stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CapacityChange {
    /// When.
    pub at: SimTime,
    /// `MinSize`.
    pub min: Option<u32>,
    /// `MaxSize`.
    pub max: Option<u32>,
    /// `DesiredCapacity`.
    pub desired: Option<u32>,
    /// Version of the launch template: that of all instances that are launched from then on.
    pub template: Option<u32>,
}

/// A time in which a zone is shifted away from: nothing is launched there, or no requests are sent there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ZonalShift {
    /// The zone.
    pub zone: ZoneId,
    /// From when on.
    pub from: SimTime,
    /// Until when.
    pub until: SimTime,
}

/// What becomes of an instance that its group ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Draining {
    /// Managed draining: the instance is DRAINING until it holds no task.
    pub is_on: bool,
    /// For at most so long.
    pub longest: SimSpan,
}

/// Why an instance was launched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LaunchCause {
    /// It was there at the beginning.
    Initial,
    /// The desired capacity went up.
    ScaleOut,
    /// Another one was lost.
    Replacement,
    /// Another one is at risk to be lost.
    CapacityRebalancing,
    /// ECS Managed Instances: tasks waited for it.
    Tasks,
    /// ECS Managed Instances: tasks waited for it that an instance had to give up which is repaired.
    Repair,
    /// The same of an instance that is replaced because a managed daemon is updated.
    DaemonDeployment,
    /// ECS Managed Instances: a zone had too few of a service's tasks.
    Rebalancing,
    /// Zones are balanced.
    Rebalance,
    /// A refresh replaces another one.
    Refresh,
    /// Another one was as old as it may be.
    Lifetime,
    /// Its group's warm pool was too small; it has not left the pool.
    WarmPool,
}

impl LaunchCause {
    /// Its name in outputs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LaunchCause::Initial => "initial",
            LaunchCause::ScaleOut => "scale_out",
            LaunchCause::Replacement => "replacement",
            LaunchCause::CapacityRebalancing => "capacity_rebalancing",
            LaunchCause::Tasks => "tasks_waited",
            LaunchCause::Repair => "auto_repair",
            LaunchCause::DaemonDeployment => "daemon_deployment",
            LaunchCause::Rebalancing => "zone_rebalancing",
            LaunchCause::Rebalance => "rebalance",
            LaunchCause::Refresh => "instance_refresh",
            LaunchCause::Lifetime => "max_lifetime",
            LaunchCause::WarmPool => "warm_pool",
        }
    }
}

/// Why an instance ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EndCause {
    /// The desired capacity went down.
    ScaleIn,
    /// It had failed.
    Failure,
    /// EC2 took a Spot instance back.
    SpotInterruption,
    /// The capacity reservation that it was launched into ended.
    ReservationEnded,
    /// It was at risk to be taken back, and another one stands in for it.
    CapacityRebalancing,
    /// ECS Managed Instances: it had no task.
    Idle,
    /// ECS Managed Instances: its tasks fit elsewhere, or on a cheaper one.
    UnderUsed,
    /// ECS Managed Instances: it was as old as it may be.
    Age,
    /// ECS Managed Instances: it was IMPAIRED.
    Repair,
    /// ECS Managed Instances: it had an old revision of a managed daemon.
    DaemonDeployment,
    /// Zones are balanced.
    Rebalance,
    /// A refresh has replaced it.
    Refresh,
    /// It had been in service for as long as it may: `MaxInstanceLifetime`.
    Lifetime,
    /// Its group's warm pool was too large.
    WarmPool,
}

impl EndCause {
    /// Its name in outputs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EndCause::ScaleIn => "scale_in",
            EndCause::Failure => "failure",
            EndCause::SpotInterruption => "spot_interruption",
            EndCause::ReservationEnded => "capacity_reservation_ended",
            EndCause::CapacityRebalancing => "capacity_rebalancing",
            EndCause::Idle => "idle",
            EndCause::UnderUsed => "under_used",
            EndCause::Age => "age",
            EndCause::Repair => "auto_repair",
            EndCause::DaemonDeployment => "daemon_deployment",
            EndCause::Rebalance => "rebalance",
            EndCause::Refresh => "instance_refresh",
            EndCause::Lifetime => "max_lifetime",
            EndCause::WarmPool => "warm_pool",
        }
    }
}
