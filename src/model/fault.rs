//! What goes wrong with hosts and zones: whom it strikes and when, what it does, who reacts.

use crate::base::distribution::Distribution;
use crate::base::time::SimTime;
use crate::model::ids::{ProviderId, ZoneId};
use crate::model::outage::OutageTrace;

/// What becomes of an instance.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FaultKind {
    /// The host is gone: its tasks do nothing any more, its agent says nothing.
    Failure,
    /// Tasks run on, but ECS hears nothing from the agent.
    AgentDisconnect,
    /// Tasks and agent go on, but EC2's status checks fail; of Managed Instances a health check of ECS.
    Impaired,
    /// All hosts of an Availability Zone are gone.
    ZoneOutage,
    /// It runs, and never registers with its cluster.
    NeverRegisters,
}

impl FaultKind {
    /// Its name in scenarios and outputs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Failure => "instance",
            FaultKind::AgentDisconnect => "agent_disconnect",
            FaultKind::Impaired => "impaired",
            FaultKind::ZoneOutage => "az_outage",
            FaultKind::NeverRegisters => "never_registers",
        }
    }

    /// Whether the host stands still.
    #[must_use]
    pub fn is_dead(self) -> bool {
        matches!(self, FaultKind::Failure | FaultKind::ZoneOutage)
    }

    /// Whether ECS calls a Managed Instance IMPAIRED by which this happens (what's new, Aug 2026, and API reference;
    /// documented): its container runtime, an accelerated device or the connection to its agent is not well.
    #[must_use]
    pub fn makes_impaired(self) -> bool {
        matches!(self, FaultKind::Impaired | FaultKind::AgentDisconnect)
    }

    /// Whether ECS hears nothing.
    #[must_use]
    pub fn is_silent(self) -> bool {
        !matches!(self, FaultKind::Impaired | FaultKind::NeverRegisters)
    }
}

/// What is done about an instance once its fault is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reaction {
    /// It is terminated; a group launches another one.
    #[default]
    Terminate,
    /// Its group ends it as it does in a scale-in, with managed draining where that is on, and launches another one.
    Drain,
    /// Nothing.
    Nothing,
    /// What whoever owns it does by itself: a provider of Managed Instances repairs or reports it, see
    /// [`FaultKind::makes_impaired`]; a group, or a user of a fixed fleet, terminates it, a silent one excepted.
    ByOwner,
}

/// Whom a fault strikes.
#[derive(Clone, PartialEq, Debug)]
pub enum Victims {
    /// The instance of this name, where it is there.
    Named(String),
    /// So many ACTIVE instances, drawn at random; of one provider or of all.
    Random(Option<ProviderId>, u32),
    /// All instances and Fargate tasks of a zone.
    Zone(ZoneId),
}

/// When a fault strikes.
#[derive(Clone, PartialEq, Debug)]
pub enum Trigger {
    /// Once.
    At(SimTime),
    /// Each instance of its victims after a time of its own, in seconds, from its registration and from the end of each
    /// fault on.
    Each(Distribution),
    /// Launched instances with this chance, in parts per million.
    Launch(u32),
    /// When a machine of the trace is down: the first machine is the first instance, and so on.
    Trace(OutageTrace),
}

/// Something that goes wrong with instances.
#[derive(Clone, PartialEq, Debug)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// When.
    pub trigger: Trigger,
    /// Whom.
    pub victims: Victims,
    /// How long, in seconds; `None`: for good. A trace has lengths of its own.
    pub lasts: Option<Distribution>,
    /// From the fault until it is reacted to, in seconds.
    pub found_after: Distribution,
    /// How.
    pub reaction: Reaction,
    /// From the loss of the agent until ECS places nothing there any more, in seconds.
    pub silent_after: Distribution,
}
