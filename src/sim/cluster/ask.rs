//! What placement says about the cluster as it is: it changes nothing but the draws of `random`.

use super::Cluster;
use crate::model::ids::InstanceId;
use crate::model::ports::PortSets;
use crate::policy::placement::{Ask, Reason, Refusals, RuleId};
use crate::sim::request::Failure;

impl Cluster {
    /// Where a task goes, if anywhere.
    #[inline]
    pub fn choose(&mut self, ask: &Ask, ports: &PortSets) -> Option<InstanceId> {
        self.placer.choose(ask, &self.fleet, ports)
    }

    /// Why this instance cannot take a task; `None` where it can.
    #[must_use]
    pub fn verdict(&self, ask: &Ask, instance: InstanceId, ports: &PortSets) -> Option<Reason> {
        self.placer.verdict(ask, instance, &self.fleet, ports)
    }

    /// Why no instance takes a task.
    pub fn refusals(&mut self, ask: &Ask, ports: &PortSets) -> Failure {
        let key = Some((*ask, self.version));
        if self.last_refusal.key != key {
            self.last_refusal.refusals = self.placer.refusals(ask, &self.fleet, ports);
            self.last_refusal.key = key;
        }
        if self.last_refusal.refusals.0.is_empty() {
            return Failure::NoInstances;
        }
        Failure::Refused(self.last_refusal.refusals.clone())
    }

    /// How many instances turn a task down now, by reason.
    #[must_use]
    pub fn refusals_now(&self, ask: &Ask, ports: &PortSets) -> Refusals {
        self.placer.refusals(ask, &self.fleet, ports)
    }

    /// Whether a task could be placed if nothing else ran.
    #[must_use]
    pub fn could_fit_when_empty(&self, ask: &Ask, ports: &PortSets) -> bool {
        self.placer.could_fit_when_empty(ask, &self.fleet, ports)
            || self.future.as_ref().is_some_and(|future| future.could_fit(ask, ports))
    }

    /// Whether a new instance of this kind, by its number in [`Cluster::may_come`], could take a task.
    #[must_use]
    pub fn new_one_takes(&self, ask: &Ask, kind: usize, ports: &PortSets) -> bool {
        self.future.as_ref().is_some_and(|future| future.kind_fits(ask, kind, ports))
    }

    /// Whether this instance could take a task if nothing else ran on it.
    #[must_use]
    pub fn could_take_when_empty(&self, ask: &Ask, instance: InstanceId, ports: &PortSets) -> bool {
        self.placer.could_take_when_empty(ask, instance, &self.fleet, ports)
    }

    /// Whether the rule takes every instance of its provider that has room.
    #[must_use]
    pub fn is_unconstrained(&self, rule: RuleId) -> bool {
        self.placer.is_unconstrained(rule)
    }

    /// Whether the rule is `distinctInstance`.
    #[must_use]
    pub fn is_distinct(&self, rule: RuleId) -> bool {
        self.placer.is_distinct(rule)
    }

    /// Whether the rule's fixed filters take the instance.
    #[must_use]
    pub fn takes(&self, rule: RuleId, instance: InstanceId) -> bool {
        self.placer.takes(rule, instance, &self.fleet)
    }
}
