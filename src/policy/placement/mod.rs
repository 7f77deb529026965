//! Placement: where one task goes. See `reference` for the rule and `index` for the fast way to the same answer.

use crate::model::ids::{ClusterId, GroupId, InstanceId, PortSetId, ProviderId, ZoneId};
use crate::model::platform::Platform;
use crate::model::resources::Resources;
use crate::policy::query::Expression;
use std::collections::BTreeMap;

/// A resource that `binpack` fills.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PackField {
    /// Remaining CPU units.
    Cpu,
    /// Remaining memory.
    Memory,
}

/// What `spread` balances over.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum SpreadField {
    /// `instanceId`, or its synonym `host`.
    Instance,
    /// The value of an attribute, such as `ecs.availability-zone`; instances without it are a bucket of their own.
    Attribute(String),
}

/// One link of a strategy chain.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Strategy {
    /// Least remaining CPU or memory.
    Binpack(PackField),
    /// Fewest tasks of the group in the field's value.
    Spread(SpreadField),
    /// Uniform among the candidates.
    Random,
    /// Lowest instance id that fits (not ECS: vector-packing literature).
    FirstFit,
    /// Most remaining share of the scarcer resource, cpu and memory (not ECS).
    WorstFit,
    /// Least remaining, summed over the shares of CPU and memory (not ECS).
    BestFit,
}

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

/// SHIM
pub struct Placer {
    rules: Vec<Rule>,
}
impl Placer {
    /// x
    pub fn new(
        _f: &crate::model::fleet::Fleet,
        _t: TieBreak,
        _s: crate::base::random::Stream,
    ) -> Self {
        Placer { rules: vec![] }
    }
    /// x
    pub fn add_rule(&mut self, r: Rule, _f: &crate::model::fleet::Fleet) -> RuleId {
        self.rules.push(r);
        RuleId(self.rules.len() as u32 - 1)
    }
    /// x
    pub fn choose(
        &mut self,
        a: &Ask,
        f: &crate::model::fleet::Fleet,
        _p: &crate::model::ports::PortSets,
    ) -> Option<InstanceId> {
        let r = &self.rules[a.rule.0 as usize];
        f.ids()
            .filter(|&i| {
                f.cluster[i] == r.cluster
                    && r.provider.is_none_or(|p| p == f.provider[i])
                    && a.demand.fits_into(f.free[i])
            })
            .min_by_key(|&i| (f.free[i].cpu, i))
    }
    /// x
    pub fn refusals(
        &self,
        a: &Ask,
        f: &crate::model::fleet::Fleet,
        _p: &crate::model::ports::PortSets,
    ) -> Refusals {
        let mut r = Refusals::default();
        for i in f.ids() {
            if a.demand.cpu > f.free[i].cpu {
                *r.0.entry(Reason::Cpu).or_default() += 1
            } else {
                *r.0.entry(Reason::Memory).or_default() += 1
            }
        }
        r
    }
    /// x
    pub fn verdict(
        &self,
        a: &Ask,
        i: InstanceId,
        f: &crate::model::fleet::Fleet,
        _p: &crate::model::ports::PortSets,
    ) -> Option<Reason> {
        (!a.demand.fits_into(f.free[i])).then_some(Reason::Cpu)
    }
    /// x
    pub fn could_fit_when_empty(
        &self,
        a: &Ask,
        f: &crate::model::fleet::Fleet,
        _p: &crate::model::ports::PortSets,
    ) -> bool {
        f.ids().any(|i| a.demand.fits_into(f.registered[i]))
    }
    /// x
    pub fn placed(&mut self, _i: InstanceId, _g: GroupId, _f: &crate::model::fleet::Fleet) {}
    /// x
    pub fn released(&mut self, _i: InstanceId, _g: GroupId, _f: &crate::model::fleet::Fleet) {}
}
