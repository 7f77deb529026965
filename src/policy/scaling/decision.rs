//! What the scaler says: a decision with everything that `scaling.csv` tells about it.

use crate::base::time::SimTime;
use crate::model::scaling::{Comparison, MetricValue, ScalingMetric};
use std::sync::Arc;

/// Kind of a policy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PolicyKind {
    /// `TargetTrackingScaling`.
    TargetTracking,
    /// `StepScaling`.
    Step,
    /// A scheduled action.
    Scheduled,
    /// `PredictiveScaling`.
    Predictive,
    /// Managed scaling of a capacity provider.
    Managed,
    /// A policy from outside the crate.
    Own,
}

impl PolicyKind {
    /// The API's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PolicyKind::TargetTracking => "TargetTrackingScaling",
            PolicyKind::Step => "StepScaling",
            PolicyKind::Scheduled => "ScheduledAction",
            PolicyKind::Predictive => "PredictiveScaling",
            PolicyKind::Managed => "ManagedScaling",
            PolicyKind::Own => "OwnScaling",
        }
    }
}

/// Why a policy that wanted something did not get it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NotScaled {
    /// The lower count would breach a target again. The API's name, as the next three.
    AnticipatedFlapping,
    /// The maximum is reached.
    AlreadyAtMaxCapacity,
    /// The minimum, or the forecast of predictive scaling, is reached.
    AlreadyAtMinCapacity,
    /// The desired count is the wanted one already, for example because new tasks have yet to start.
    AlreadyAtDesiredCapacity,
    /// The cooldown of a scale-out goes on and its capacity covers what is wanted. The API records nothing here; this and
    /// the following names are the model's.
    ScaleOutCooldown,
    /// The cooldown of a scale-in goes on.
    ScaleInCooldown,
    /// No scale-in during a deployment.
    DeploymentInProgress,
    /// `DynamicScalingInSuspended` or `DynamicScalingOutSuspended` is set.
    Suspended,
    /// The low alarm fires, and another policy does not want to scale in.
    OtherPolicyStays,
    /// The low alarm fires, and `disableScaleIn` is set.
    ScaleInDisabled,
    /// An instance of the group is younger than `instanceWarmupPeriod`: no scale-out by managed scaling meanwhile.
    WarmingUp,
    /// A scheduled action would set a minimum above the maximum; the API refuses it with this exception.
    ValidationException,
}

impl NotScaled {
    /// The API's `NotScaledReasons` code, or the model's own where the API records nothing.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            NotScaled::AnticipatedFlapping => "AutoScalingAnticipatedFlapping",
            NotScaled::AlreadyAtMaxCapacity => "AlreadyAtMaxCapacity",
            NotScaled::AlreadyAtMinCapacity => "AlreadyAtMinCapacity",
            NotScaled::AlreadyAtDesiredCapacity => "AlreadyAtDesiredCapacity",
            NotScaled::ScaleOutCooldown => "ScaleOutCooldown",
            NotScaled::ScaleInCooldown => "ScaleInCooldown",
            NotScaled::DeploymentInProgress => "DeploymentInProgress",
            NotScaled::Suspended => "DynamicScalingSuspended",
            NotScaled::OtherPolicyStays => "OtherPolicyStays",
            NotScaled::ScaleInDisabled => "ScaleInDisabled",
            NotScaled::WarmingUp => "InstanceWarmup",
            NotScaled::ValidationException => "ValidationException",
        }
    }
}

/// Why a decision is as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// An alarm fired and the desired count changes.
    Scaled,
    /// It stays.
    NotScaled(NotScaled),
    /// A scheduled action set the bounds; the desired count follows them where it must.
    Scheduled,
    /// Predictive scaling raised the desired count or the maximum.
    Predictive,
}

impl Reason {
    /// The name in `scaling.csv`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reason::Scaled => "Scaled",
            Reason::NotScaled(why) => why.name(),
            Reason::Scheduled => "Scheduled",
            Reason::Predictive => "Predictive",
        }
    }
}

/// The alarm behind a decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlarmFiring {
    /// `TargetTracking-<policy>-AlarmHigh`, `TargetTracking-<policy>-AlarmLow`, `StepScaling-<policy>-Alarm`.
    pub name: Arc<str>,
    /// Its threshold.
    pub threshold: MetricValue,
    /// How it compares.
    pub comparison: Comparison,
    /// The real points that it looked at, oldest first, each with the end of its period.
    pub datapoints: Vec<(SimTime, MetricValue)>,
}

/// A decision: what the desired count of a service, or the desired capacity of a group, becomes, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// When.
    pub at: SimTime,
    /// The desired count before; of a group its desired capacity, here and below.
    pub from: u32,
    /// The desired count after; `None`: not scaled.
    pub to: Option<u32>,
    /// The capacity that the policy computed, before bounds and cooldowns; `None` for scheduled actions.
    pub wanted: Option<u32>,
    /// Running tasks, from which it was computed; of a group its instances in service.
    pub running: u32,
    /// Kind of the policy whose wish was the largest.
    pub kind: PolicyKind,
    /// Its index in its list of the scalable target.
    pub policy: usize,
    /// Its name.
    pub policy_name: Arc<str>,
    /// The alarm that fired; target tracking from zero tasks may act before its alarm does.
    pub alarm: Option<AlarmFiring>,
    /// The metric and its newest value; of predictive scaling the target value.
    pub metric: Option<(ScalingMetric, MetricValue)>,
    /// Why.
    pub reason: Reason,
    /// The minimum after the decision.
    pub min_capacity: u32,
    /// The maximum after the decision, raised by predictive scaling where it may be.
    pub max_capacity: u32,
}
