//! Placement: where one task goes.
//!
//! A placement filters, then ranks (developer guide, "Task placement"; documented):
//! 0. *candidates*: instances of the rule's cluster and provider that are ACTIVE with a connected agent, in an AZ of
//!    the call's subnets, with the right platform;
//! 1. *resources*: CPU, memory, GPUs, host ports, ENI slots;
//! 2. *constraints*: every `memberOf`, then `distinctInstance`;
//! 3. *strategies* in list order: each keeps the instances with its lowest key and hands them to the next;
//! 4. *tie-break* among what remains, see [`TieBreak`].
//!
//! [`mod@reference`] is this rule written down as plainly as possible; [`index`] is the fast way to the same answers,
//! and the tests hold the two together decision by decision.
//!
//! **A strategy is one file** that gives a key, and both ways use it: lower is better. To add one that looks at the
//! instance alone, write the file (see [`first_fit`](self) or `worst_fit.rs`), give it a variant of [`Strategy`] and
//! a line in `Strategy::ranking`, and test it by name. One that looks at the task, too, comes from outside: [`Own`].
//!
//! Where the documentation is silent (assumed): `spread` and `distinctInstance` count tasks that hold a promise,
//! that is placed and not yet stopping; an attribute's tasks are counted over all instances of the rule's cluster
//! with the same value; instances without the attribute are a bucket of their own.

mod best_fit;
mod binpack;
mod first_fit;
pub mod index;
mod own;
mod pipeline;
mod random;
pub mod reference;
mod share;
mod spread;
mod strategy;
mod tally;
#[cfg(test)]
mod tests;
mod worst_fit;

pub use index::Placer;
pub use own::{Candidate, Own};
pub use strategy::{PackField, SpreadField, Strategy};

use crate::model::ids::{ClusterId, GroupId, InstanceId, PortSetId, ProviderId, ZoneId};
use crate::model::platform::Platform;
use crate::model::resources::Resources;
use crate::policy::query::Expression;
use std::collections::BTreeMap;

/// Who wins among equals at the end of a chain. Unpublished; both are documented choices.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum TieBreak {
    /// Fewest tasks on the instance, then earliest registration, then lowest id.
    #[default]
    Stable,
    /// A seeded uniform draw.
    Uniform,
}

crate::define_ids! {
    /// A placement rule that was compiled for a fleet.
    RuleId;
}

/// Everything about a placement that does not change from task to task.
#[derive(Clone, PartialEq, Debug)]
pub struct Rule {
    /// Only instances of this cluster.
    pub cluster: ClusterId,
    /// Only instances of this capacity provider; `None`: of all.
    pub provider: Option<ProviderId>,
    /// Only instances in these AZs (the `awsvpc` subnets of the call); `None`: all.
    pub zones: Option<Vec<ZoneId>>,
    /// Required platform; `None`: any.
    pub platform: Option<Platform>,
    /// Strategies in order, at most five.
    pub strategies: Vec<Strategy>,
    /// Each task of the group on an instance of its own.
    pub distinct_instance: bool,
    /// All must hold.
    pub member_of: Vec<Expression>,
}

/// What one task asks of placement.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ask {
    /// The rule.
    pub rule: RuleId,
    /// Resources.
    pub demand: Resources,
    /// Static host ports.
    pub ports: PortSetId,
    /// Task group, for `spread` and `distinctInstance`.
    pub group: GroupId,
}

/// Why an instance was turned down: the first step of the pipeline that it failed, named as ECS names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// `AGENT`: the agent is not connected, or the instance is not ACTIVE.
    Agent,
    /// `LOCATION`: not in an AZ of the call's subnets.
    Location,
    /// `ATTRIBUTE`: wrong platform, or a required attribute is missing.
    Attribute,
    /// `RESOURCE:CPU`.
    Cpu,
    /// `RESOURCE:MEMORY`.
    Memory,
    /// `RESOURCE:GPU`.
    Gpu,
    /// `RESOURCE:PORTS`.
    Ports,
    /// `RESOURCE:ENI`.
    Eni,
    /// A `memberOf` constraint is not met.
    MemberOf,
    /// `distinctInstance` is not met.
    DistinctInstance,
}

/// How many instances were turned down, by reason: the answer to "why is it pending?".
/// Instances of other clusters and providers are not candidates and not counted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Refusals(pub BTreeMap<Reason, u32>);

/// The outcome of a placement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Choice {
    /// Here.
    On(InstanceId),
    /// No instance qualifies.
    Nowhere(Refusals),
}
