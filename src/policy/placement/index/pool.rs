//! Pools: the instances that pass what never changes about a rule.

use super::super::Rule;
use super::super::pipeline::{Member, belongs, has_platform, is_in_zones};
use super::super::tally::GroupNames;
use super::counts::Counts;
use super::roster::Roster;
use crate::model::fleet::Fleet;
use crate::model::ids::{ClusterId, InstanceId, ProviderId, ZoneId};
use crate::model::platform::Platform;
use crate::model::resources::Resources;
use crate::policy::query::Expression;

/// What never changes about which instances a rule takes.
#[derive(PartialEq)]
pub(super) struct Filter {
    pub(super) cluster: ClusterId,
    pub(super) provider: Option<ProviderId>,
    pub(super) zones: Option<Vec<ZoneId>>,
    pub(super) platform: Option<Platform>,
    pub(super) member_of: Vec<Expression>,
}

/// The instances that a rule may take, whatever room they have.
pub(super) struct Pool {
    pub(super) filter: Filter,
    pub(super) members: Roster,
    /// What the members registered, and how many registered it.
    sizes: Vec<(Resources, u32)>,
}

impl Pool {
    pub(super) fn new(filter: Filter) -> Self {
        Pool { filter, members: Roster::default(), sizes: Vec::new() }
    }

    /// Whether some member is large enough when it is empty.
    pub(super) fn could_fit(&self, demand: Resources) -> bool {
        self.sizes.iter().any(|&(size, _)| demand.fits_into(size))
    }

    /// An instance has registered, perhaps for this pool; `rule` is any with the pool's filter.
    pub(super) fn register(
        &mut self,
        instance: InstanceId,
        rule: &Rule,
        fleet: &Fleet,
        counts: &Counts,
    ) {
        if !self.filter.takes(rule, fleet, instance, counts) {
            return;
        }
        self.members.push(instance);
        let size = fleet.registered[instance];
        match self.sizes.iter_mut().find(|(known, _)| *known == size) {
            Some((_, instances)) => *instances += 1,
            None => self.sizes.push((size, 1)),
        }
    }

    /// An instance has left, perhaps from this pool.
    pub(super) fn forget(&mut self, instance: InstanceId, fleet: &Fleet) {
        if !self.members.contains(instance) {
            return;
        }
        self.members.remove(instance);
        let size = fleet.registered[instance];
        let at = self.sizes.iter().position(|(known, _)| *known == size);
        let at = at.expect("a member's size is known");
        self.sizes[at].1 -= 1;
        if self.sizes[at].1 == 0 {
            self.sizes.swap_remove(at);
        }
    }

    /// Panics where the pool is not what a fresh one would be. For checks.
    pub(super) fn check(&self, fleet: &Fleet, counts: &Counts) {
        let rule = self.filter.rule();
        let takes = |&instance: &InstanceId| self.filter.takes(&rule, fleet, instance, counts);
        assert!(self.members.iter().eq(fleet.ids().filter(takes)), "a pool has all its members");
        for &(size, instances) in &self.sizes {
            let of_size = self.members.iter().filter(|&i| fleet.registered[i] == size).count();
            assert_eq!(of_size, instances as usize, "how many members registered {size}");
        }
        let counted: u32 = self.sizes.iter().map(|(_, instances)| instances).sum();
        assert_eq!(counted as usize, self.members.len(), "every member has a size");
    }
}

impl Filter {
    /// A rule with this filter and nothing else.
    pub(super) fn rule(&self) -> Rule {
        Rule {
            cluster: self.cluster,
            provider: self.provider,
            zones: self.zones.clone(),
            platform: self.platform,
            strategies: Vec::new(),
            distinct_instance: false,
            member_of: Vec::new(),
        }
    }

    fn takes(&self, rule: &Rule, fleet: &Fleet, instance: InstanceId, counts: &Counts) -> bool {
        let member = Member { fleet, instance, tally: counts, names: &GroupNames::default() };
        belongs(rule, fleet, instance)
            && is_in_zones(rule, fleet, instance)
            && has_platform(rule, fleet, instance)
            && self.member_of.iter().all(|expression| expression.holds(&member))
    }
}
