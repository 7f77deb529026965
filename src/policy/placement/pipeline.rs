//! Steps 0 to 2 of a placement: which instances qualify, and why the others do not.

use super::tally::{GroupNames, Tally};
use super::{Ask, Reason, Refusals, Rule};
use crate::base::time::SimTime;
use crate::model::fleet::{Fleet, InstanceStatus};
use crate::model::ids::InstanceId;
use crate::model::ports::{PortSet, PortSets};
use crate::model::resources::Resources;
use crate::policy::query::{Expression, InstanceView};

/// One placement, and all that it may look at.
pub(super) struct Pipeline<'a> {
    pub(super) rule: &'a Rule,
    pub(super) ask: &'a Ask,
    pub(super) fleet: &'a Fleet,
    pub(super) ports: &'a PortSets,
    pub(super) tally: &'a dyn Tally,
    pub(super) names: &'a GroupNames,
}

impl Pipeline<'_> {
    /// The refusals by reason, of those among `instances` that are considered at all.
    pub(super) fn refusals(&self, instances: impl Iterator<Item = InstanceId>) -> Refusals {
        let mut refusals = Refusals::default();
        let considered = instances.filter(|&instance| belongs(self.rule, self.fleet, instance));
        for reason in considered.filter_map(|instance| self.refusal(instance)) {
            *refusals.0.entry(reason).or_default() += 1;
        }
        refusals
    }

    /// The first step that the instance fails, if any.
    pub(super) fn refusal(&self, instance: InstanceId) -> Option<Reason> {
        let Pipeline { rule, ask, fleet, .. } = *self;
        let is_member = |expression: &Expression| {
            expression.holds(&Member { fleet, instance, tally: self.tally, names: self.names })
        };
        if !takes_tasks(fleet, instance) {
            Some(Reason::Agent)
        } else if !is_in_zones(rule, fleet, instance) {
            Some(Reason::Location)
        } else if !has_platform(rule, fleet, instance) {
            Some(Reason::Attribute)
        } else if let Some(reason) = lack(
            ask.demand,
            self.ports.get(ask.ports),
            fleet.free[instance],
            &fleet.ports[instance],
        ) {
            Some(reason)
        } else if !rule.member_of.iter().all(is_member) {
            Some(Reason::MemberOf)
        } else if rule.distinct_instance && self.tally.on_instance(instance, ask.group) > 0 {
            Some(Reason::DistinctInstance)
        } else {
            None
        }
    }
}

/// Whether the instance is of the rule's cluster and provider, and has not left.
pub(super) fn belongs(rule: &Rule, fleet: &Fleet, instance: InstanceId) -> bool {
    fleet.is_registered(instance)
        && fleet.cluster[instance] == rule.cluster
        && rule.provider.is_none_or(|provider| fleet.provider[instance] == provider)
}

/// ACTIVE, and the agent is connected.
pub(super) fn takes_tasks(fleet: &Fleet, instance: InstanceId) -> bool {
    fleet.status[instance] == InstanceStatus::Active && fleet.agent_connected[instance]
}

pub(super) fn is_in_zones(rule: &Rule, fleet: &Fleet, instance: InstanceId) -> bool {
    rule.zones.as_ref().is_none_or(|zones| zones.contains(&fleet.zone[instance]))
}

pub(super) fn has_platform(rule: &Rule, fleet: &Fleet, instance: InstanceId) -> bool {
    rule.platform.is_none_or(|platform| fleet.platform[instance] == platform)
}

/// The first resource that is short, in the order in which ECS names them.
fn lack(demand: Resources, ports: &PortSet, free: Resources, used: &PortSet) -> Option<Reason> {
    if demand.cpu > free.cpu {
        Some(Reason::Cpu)
    } else if demand.memory > free.memory {
        Some(Reason::Memory)
    } else if demand.gpus > free.gpus {
        Some(Reason::Gpu)
    } else if !used.has_room_for(ports) {
        Some(Reason::Ports)
    } else if demand.enis > free.enis {
        Some(Reason::Eni)
    } else {
        None
    }
}

/// What a `memberOf` expression sees of an instance.
pub(super) struct Member<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) instance: InstanceId,
    pub(super) tally: &'a dyn Tally,
    pub(super) names: &'a GroupNames,
}

impl InstanceView for Member<'_> {
    fn agent_connected(&self) -> bool {
        self.fleet.agent_connected[self.instance]
    }

    /// The agent's version is not modelled; whoever needs it registers an attribute of this name.
    fn agent_version(&self) -> Option<&str> {
        self.attribute("agentVersion")
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.fleet.attribute_value(self.fleet.attribute(name)?, self.instance)
    }

    fn ec2_instance_id(&self) -> &str {
        &self.fleet.name[self.instance]
    }

    fn registered_at(&self) -> SimTime {
        self.fleet.registered_at[self.instance]
    }

    fn running_tasks_count(&self) -> u32 {
        self.fleet.running[self.instance]
    }

    fn any_group(&self, test: &mut dyn FnMut(&str) -> bool) -> bool {
        self.tally.any_group(self.instance, &mut |group| {
            self.names.get(group).is_some_and(|name| test(name))
        })
    }
}
