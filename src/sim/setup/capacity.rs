//! EC2 capacity as a run is told of it: providers, first instances, Auto Scaling groups, managed scaling.

use super::{ManagedSpot, MixedSetup, Shortage};
use crate::base::distribution::Distribution;
use crate::base::time::{SimSpan, SimTime};
use crate::model::fleet::Registration;
use crate::model::group::{
    Allocation, CapacityChange, Draining, InstanceTiming, PoolState, PoolTiming,
    ProtectedInstances, TerminationPolicy, ZonalShift,
};
use crate::model::ids::{ClusterId, ProviderId, SubnetId, ZoneId};
use crate::model::platform::{LaunchType, Purchase};
use crate::model::resources::Resources;
use crate::model::scaling::ScalableTarget;
use crate::policy::capacity::ManagedScaling;
use crate::policy::capacity::hooks::DefaultResult;
use crate::policy::capacity::zones;
use crate::pricing::Price;

/// A capacity provider.
#[derive(Clone, Debug)]
pub struct ProviderSetup {
    /// Name; `FARGATE` and `FARGATE_SPOT` are the built-in ones.
    pub name: String,
    /// What the random streams of its instances are called: its name, unless a scenario says otherwise.
    pub stream: String,
    /// EC2 or Fargate.
    pub launch: LaunchType,
    /// Whether it has managed scaling: then tasks wait in PROVISIONING for its capacity.
    pub is_managed: bool,
    /// ECS Managed Instances: for so long waiting tasks are collected before instances are launched for them.
    pub batch_window: Option<SimSpan>,
    /// On-Demand or Spot.
    pub purchase: Purchase,
    /// Cluster of an EC2 provider's instances; for Fargate the cluster that uses it.
    pub cluster: ClusterId,
    /// For each resource the most that a type of the provider has: the unit of the packing lower bound. Zero on Fargate.
    pub largest: Resources,
}

/// A container instance of a fixed fleet: it runs and is registered from the beginning to the end.
#[derive(Clone, Debug)]
pub struct InstanceSetup {
    /// What it registers.
    pub registration: Registration,
    /// What it costs.
    pub price: Price,
    /// Its subnet; `None` without `[network]`, and of what a group may launch.
    pub subnet: Option<SubnetId>,
}

/// The Auto Scaling group behind a capacity provider. Those of [`Setup::instances`](super::Setup::instances) that are
/// its provider's are its
/// first instances.
#[derive(Clone, Debug)]
pub struct GroupSetup {
    /// Its capacity provider.
    pub provider: ProviderId,
    /// `MinSize`.
    pub min: u32,
    /// `MaxSize`.
    pub max: u32,
    /// `DesiredCapacity` at the beginning: as many as it has first instances.
    pub desired: u32,
    /// Its AZs.
    pub zones: Vec<ZoneId>,
    /// How it uses them.
    pub zoning: ZoningSetup,
    /// What it may launch: by zone, then by type in the order of the list. Names are not used.
    pub offers: Vec<InstanceSetup>,
    /// How all of its instances are bought, where it has no mixed instances policy.
    pub purchase: Purchase,
    /// Which type it launches; of a mixed group: On-Demand.
    pub allocation: Allocation,
    /// On-Demand and Spot instances side by side. Such a group has no instances among the setup's: it chooses its first
    /// ones when the run begins.
    pub mixed: Option<MixedSetup>,
    /// When nothing can be had of some of its offers.
    pub shortages: Vec<Shortage>,
    /// Which instance it ends, the first policy first.
    pub termination: Vec<TerminationPolicy>,
    /// Its warm pool, if it has one.
    pub warm_pool: Option<WarmPoolSetup>,
    /// Instance refreshes, in order of time.
    pub refreshes: Vec<RefreshSetup>,
    /// `MaxInstanceLifetime`, if it has one.
    pub lifetime: Option<LifetimeSetup>,
    /// `NewInstancesProtectedFromScaleIn`: scale-in ends none of its instances.
    pub is_protected: bool,
    /// `HealthCheckGracePeriod`: from the registration of an instance until the group replaces it for its health.
    pub health_check_grace: SimSpan,
    /// What becomes of tasks on an instance that it ends.
    pub draining: Draining,
    /// How long a launch takes.
    pub timing: InstanceTiming,
    /// Changes by hand or by schedule, in order of time.
    pub changes: Vec<CapacityChange>,
    /// Its lifecycle hooks.
    pub hooks: Vec<HookSetup>,
    /// Managed scaling, if its provider has it.
    pub managed: Option<ManagedSetup>,
    /// Policies of its own, without it.
    pub scaling: Option<GroupScaling>,
    /// ECS Managed Instances: no Auto Scaling group at all; ECS launches and ends the instances itself.
    pub instances: Option<ManagedInstancesSetup>,
}

/// `StartInstanceRefresh` with its preferences.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefreshSetup {
    /// When.
    pub at: SimTime,
    /// Version of the launch template from then on; `None`: the next one.
    pub template: Option<u32>,
    /// `MinHealthyPercentage`.
    pub min: u32,
    /// `MaxHealthyPercentage`.
    pub max: u32,
    /// `InstanceWarmup`: a new instance counts as healthy so long after it has registered.
    pub warm_up: SimSpan,
    /// `CheckpointPercentages`, ascending; the refresh ends at the last one.
    pub checkpoints: Vec<u32>,
    /// `CheckpointDelay`.
    pub checkpoint_delay: SimSpan,
    /// `SkipMatching`: instances of that version are not replaced.
    pub skip_matching: bool,
    /// `ScaleInProtectedInstances`.
    pub protected: ProtectedInstances,
    /// `BakeTime`.
    pub bake: SimSpan,
    /// `CancelInstanceRefresh`, if that happens before its end.
    pub cancel: Option<SimTime>,
    /// When an alarm that it watches goes into ALARM, if that happens before its end.
    pub alarm: Option<SimTime>,
    /// `AutoRollback`: when it fails, the group goes back to the version before.
    pub rolls_back: bool,
}

/// For how long instances of a group may be in service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LifetimeSetup {
    /// `MaxInstanceLifetime`.
    pub longest: SimSpan,
    /// From one replacement to the next at least.
    pub pause: SimSpan,
}

/// How a group uses its AZs.
#[derive(Clone, Debug, Default)]
pub struct ZoningSetup {
    /// `CapacityDistributionStrategy`.
    pub distribution: zones::Distribution,
    /// The zonal shifts that it obeys, in order of time; one ends before the next begins.
    pub shifts: Vec<ZonalShift>,
    /// `ImpairedZoneHealthCheckBehavior` is `IgnoreUnhealthy`: instances that are found unhealthy in a zone that is
    /// shifted away from are replaced when the shift is over.
    pub ignores_unhealthy: bool,
}

/// What a lifecycle hook holds up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transition {
    /// `autoscaling:EC2_INSTANCE_LAUNCHING`.
    Launching,
    /// `autoscaling:EC2_INSTANCE_TERMINATING`.
    Terminating,
}

/// A lifecycle hook of a group.
#[derive(Clone, Debug)]
pub struct HookSetup {
    /// What it holds up.
    pub transition: Transition,
    /// From its begin to its call of CompleteLifecycleAction, in seconds.
    pub takes: Distribution,
    /// `HeartbeatTimeout`.
    pub heartbeat: SimSpan,
    /// `DefaultResult`.
    pub default: DefaultResult,
}

/// The warm pool of a group. All of its instances are On-Demand, and it is full at the beginning.
#[derive(Clone, Debug)]
pub struct WarmPoolSetup {
    /// `PoolState`.
    pub state: PoolState,
    /// `MinSize` of the pool.
    pub min: u32,
    /// `MaxGroupPreparedCapacity`; `None`: the group's `MaxSize`.
    pub prepared: Option<u32>,
    /// `ReuseOnScaleIn`: instances return to the pool when the group scales in.
    pub reuses: bool,
    /// How long it takes until one of them is in service.
    pub timing: PoolTiming,
}

/// Policies of a group without managed scaling.
#[derive(Clone, Debug)]
pub struct GroupScaling {
    /// The policies; the limits are the group's.
    pub target: ScalableTarget,
    /// From the end of a minute to the evaluation of its point.
    pub delay: SimSpan,
}

impl GroupSetup {
    /// Whether managed scaling or policies of its own look at metrics.
    #[must_use]
    pub fn looks_at_metrics(&self) -> bool {
        let own = self.scaling.as_ref().is_some_and(|of| of.target.looks_at_metrics());
        self.managed.is_some() || own
    }
}

/// The attribute that Managed Instances have here, so that launch types can keep away from them.
pub const MANAGED_INSTANCE: &str = "ecs.managed-instance";

/// How ECS runs the instances of a Managed Instances provider.
#[derive(Clone, Debug)]
pub struct ManagedInstancesSetup {
    /// `scaleInAfter`: how long an instance must be quiet before it may go; `None`: none ever does.
    pub scale_in_after: Option<SimSpan>,
    /// How long a type in a zone that EC2 has no capacity of is left alone.
    pub retry_after: SimSpan,
    /// The age at which an instance begins to drain.
    pub lifetime: SimSpan,
    /// How much longer than zone rebalancing takes an instance without tasks is kept.
    pub patience: SimSpan,
    /// How long no instance is launched to rebalance zones after one that nobody used.
    pub rebalancing_pause: SimSpan,
    /// How EC2 takes them back where they are Spot; `None`: it takes none.
    pub spot: Option<ManagedSpot>,
    /// `capacityOptionType` is RESERVED; `None`: the provider knows of no capacity reservations.
    pub reservations: Option<ReservationUse>,
    /// What is done about IMPAIRED instances.
    pub repair: RepairSetup,
}

/// `autoRepairConfiguration` of a provider of Managed Instances (API reference, developer guide; documented).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RepairSetup {
    /// `actionsStatus` is ENABLED: an IMPAIRED instance is drained and replaced. Else it is only reported.
    pub is_on: bool,
    /// At most such a share of the provider's instances drains for it at once, in percent.
    pub at_once_percent: u32,
    /// For how long an instance may drain for it.
    pub longest: SimSpan,
}

/// `reservationPreference` of a provider of Managed Instances (API reference; documented).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReservationPreference {
    /// RESERVATIONS_ONLY: a launch fails where no slot is free.
    Only,
    /// RESERVATIONS_FIRST: it is On-Demand then.
    First,
    /// RESERVATIONS_EXCLUDED: its instances are in no slots.
    Excluded,
}

/// What a provider of Managed Instances does with capacity reservations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReservationUse {
    /// How it uses them.
    pub preference: ReservationPreference,
    /// By offer: the slots of its type and zone, from when, until when and how many.
    pub slots: Vec<Vec<(SimTime, SimTime, u32)>>,
}

/// Managed scaling of a capacity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManagedSetup {
    /// Its parameters.
    pub scaling: ManagedScaling,
    /// `managedTerminationProtection`.
    pub protects: bool,
    /// Whether N counts instances that run and have not registered yet: those that their group calls InService.
    pub counts_unregistered: bool,
}

/// Tasks in PROVISIONING that wait for capacity of a provider with managed scaling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvisioningSetup {
    /// How many of a cluster may (documented quota: 500); `None`: any number.
    pub limit: Option<u32>,
    /// For how long (documented: 10 to 30 min).
    pub timeout: SimSpan,
}

impl Default for ProvisioningSetup {
    fn default() -> Self {
        ProvisioningSetup { limit: Some(500), timeout: SimSpan::from_secs(1_800) }
    }
}
