//! Tasks that are wanted and not placed yet: what is asked for, where one may go, why it cannot.

use crate::base::time::{SimSpan, SimTime};
use crate::model::ids::{DefinitionId, GroupId, InstanceId, ProviderId, SourceId};
use crate::model::resources::Resources;
use crate::policy::placement::{Reason, Refusals};

/// Equal tasks that one caller still wants.
#[derive(Clone, Debug)]
pub struct Request {
    /// Caller.
    pub source: SourceId,
    /// When they were wanted.
    pub arrival: SimTime,
    /// When the API first accepted a call for them. For a caller's own queue: when they were wanted, and later by the time
    /// for which the API has held the queue back since.
    pub accepted: Option<SimTime>,
    /// Number of the first of them.
    pub first_id: u64,
    /// Tasks of other callers with lower numbers, see [`Request::own_number`].
    pub others: u64,
    /// How many.
    pub remaining: u32,
    /// Calls so far.
    pub attempts: u32,
    /// What each asks for, before Fargate rounds it up.
    pub demand: Resources,
    /// How long each works; `None`: drawn for each.
    pub work: Option<SimSpan>,
    /// Task definition.
    pub definition: DefinitionId,
    /// Task group.
    pub group: GroupId,
    /// Task storage in GiB.
    pub ephemeral_gib: u16,
    /// Exit code.
    pub exit_code: u8,
    /// When a failure of theirs was last written to `placement_failures.csv`.
    pub reported: Option<SimTime>,
    /// How often they were refused in the cluster's present state: its version, and the number of times.
    pub refused: (u64, usize),
    /// For how long the API had held back its caller's queue when it joined it.
    pub throttled_before: SimSpan,
    /// The call that its caller's queue is making for it.
    pub call: Call,
    /// Line of its trace, for messages; 0 where there is none.
    pub line: u64,
}

/// A call that a queue makes for its head: over as many looks as it takes, so that its tasks are shared out once.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Tasks in all.
    pub total: u32,
    /// Tasks that are not placed yet.
    pub left: u32,
    /// Tasks that have gone to each item of the capacity provider strategy.
    pub placed: Vec<u32>,
}

impl Request {
    /// Number of the first of them among its caller's own tasks: the key of the caller's draws, which another
    /// caller's tasks must not move.
    pub fn own_number(&self) -> u64 {
        self.first_id - self.others
    }
}

/// Where one task of a call goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// Container instances, under this item of the caller's capacity provider strategy; 0 for a launch type.
    Instances(usize),
    /// One container instance that the caller named.
    Named(InstanceId),
    /// Fargate.
    Fargate(ProviderId),
}

/// Why a task could not be placed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// Every candidate was turned down.
    Refused(Refusals),
    /// There are no candidates at all.
    NoInstances,
    /// No Fargate size is large enough, or the task wants what Fargate has not.
    FargateConfiguration,
    /// The account's quota of Fargate vCPUs is used up.
    FargateVcpuLimit,
    /// All zones that the task may use are out.
    FargateCapacity,
    /// As many tasks of the cluster wait in PROVISIONING as may.
    ProvisioningLimit,
}

impl Failure {
    /// As ECS names it. Of several reasons that of the instance that came closest (assumed: ECS's events speak of the
    /// "closest matching" instance; which one that is, is unpublished): see [`closeness`].
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Failure::Refused(refusals) => {
                let closest = refusals.0.keys().max_by_key(|&&reason| closeness(reason));
                closest.map_or("NO_CONTAINER_INSTANCES", |reason| reason_name(*reason))
            }
            Failure::NoInstances => "NO_CONTAINER_INSTANCES",
            Failure::FargateConfiguration => "FARGATE_CONFIGURATION",
            Failure::FargateVcpuLimit => "FARGATE_VCPU_LIMIT",
            Failure::FargateCapacity => "FARGATE_CAPACITY",
            Failure::ProvisioningLimit => "PROVISIONING_LIMIT",
        }
    }

    /// This failure, and that at another place where the same task was tried.
    #[must_use]
    pub fn and(self, other: Failure) -> Failure {
        match (self, other) {
            (Failure::Refused(mut all), Failure::Refused(more)) => {
                for (reason, instances) in more.0 {
                    *all.0.entry(reason).or_default() += instances;
                }
                Failure::Refused(all)
            }
            (one, other) if one.may_pass() || !other.may_pass() => one,
            (_, other) => other,
        }
    }

    /// Whether waiting can help.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        !matches!(self, Failure::NoInstances | Failure::FargateConfiguration)
    }
}

/// How close an instance came that was turned down for this reason. One that a `memberOf` excludes was never meant, whatever
/// room it has: where one that is meant lacks CPU, CPU is the answer to "why is it pending?".
fn closeness(reason: Reason) -> (u8, Reason) {
    let rank = match reason {
        Reason::Agent | Reason::Location | Reason::Attribute => 0,
        Reason::MemberOf => 1,
        _ => 2,
    };
    (rank, reason)
}

/// The name of a reason in outputs: ECS's own where it has one.
#[must_use]
pub fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Agent => "AGENT",
        Reason::Location => "LOCATION",
        Reason::Attribute => "ATTRIBUTE",
        Reason::Cpu => "RESOURCE:CPU",
        Reason::Memory => "RESOURCE:MEMORY",
        Reason::Gpu => "RESOURCE:GPU",
        Reason::Ports => "RESOURCE:PORTS",
        Reason::Eni => "RESOURCE:ENI",
        Reason::MemberOf => "MEMBER_OF",
        Reason::DistinctInstance => "DISTINCT_INSTANCE",
    }
}
