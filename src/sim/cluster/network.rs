//! Addresses of subnets: every `awsvpc` task and every instance of a group takes one and gives it back when its
//! interface is gone; those of fixed fleets have theirs from the beginning to the end. Without `[network]` there is none
//! of this.

use super::Cluster;
use crate::base::id::Column;
use crate::base::random::Family;
use crate::model::fleet::Registration;
use crate::model::ids::{MachineId, ProviderId, SubnetId, ZoneId};
use crate::model::network::{Subnet, TaskNetwork};
use crate::model::ports::PortSets;
use crate::policy::placement::{Ask, Rule, RuleId};
use crate::sim::setup::NetworkSetup;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The attribute that names an instance's subnet.
pub const SUBNET: &str = "ecs.subnet-id";

/// Sets the attribute that names the subnet of an instance.
pub fn set_subnet(registration: &mut Registration, id: &str) {
    if registration.attributes.get(SUBNET).is_none_or(|known| known != id) {
        Arc::make_mut(&mut registration.attributes).insert(SUBNET.into(), id.into());
    }
}

/// Who has an address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Taker {
    /// The interface of a task, by its number.
    Task(u64),
    /// An instance of a group.
    Machine(MachineId),
}

/// What is taken of a subnet.
#[derive(Clone, Copy, Default, Debug)]
pub struct Held {
    /// Addresses of tasks.
    pub tasks: u32,
    /// Addresses of instances.
    pub instances: u32,
    /// Those of fixed fleets among them.
    pub fixed: u32,
    /// Interfaces for which it was picked, in vain or not.
    picked: u64,
    /// The most that were ever taken, and since the last sample.
    pub peak: u32,
    /// The same since [`Network::next_sample`].
    pub recent_peak: u32,
    /// Tasks that failed to start because they got no address.
    pub refused_tasks: u64,
    /// Launches of instances that found none.
    pub refused_launches: u64,
}

impl Held {
    /// Addresses that are taken, those that others have all the time not included.
    #[must_use]
    pub fn taken(&self) -> u32 {
        self.tasks + self.instances
    }
}

/// The subnets in the middle of a run.
#[derive(Clone)]
pub struct Network {
    setup: NetworkSetup,
    held: Column<SubnetId, Held>,
    takers: BTreeMap<Taker, SubnetId>,
    given_back: u64,
    /// Of groups that draw the subnet of an instance: their numbers, and how many were drawn.
    draws: BTreeMap<ProviderId, (Family, u64)>,
    /// Rules for tasks that keep away from zones without addresses, by the rule that takes all and the zones left.
    narrowed: BTreeMap<(RuleId, Vec<ZoneId>), RuleId>,
}

impl Network {
    /// Nothing is taken yet.
    #[must_use]
    pub fn new(setup: NetworkSetup) -> Network {
        Network {
            held: setup.subnets.ids().map(|_| Held::default()).collect(),
            setup,
            takers: BTreeMap::new(),
            given_back: 0,
            draws: BTreeMap::new(),
            narrowed: BTreeMap::new(),
        }
    }

    /// The subnets, each with what is taken of it.
    pub fn subnets(&self) -> impl Iterator<Item = (SubnetId, &Subnet, &Held)> {
        self.setup.subnets.enumerate().map(|(id, subnet)| (id, subnet, &self.held[id]))
    }

    /// A subnet.
    #[must_use]
    pub fn subnet(&self, id: SubnetId) -> &Subnet {
        &self.setup.subnets[id]
    }

    /// Addresses that can be had now.
    #[must_use]
    pub fn free(&self, id: SubnetId) -> u32 {
        self.setup.subnets[id].room().saturating_sub(self.held[id].taken())
    }

    /// Who has an address, and in which subnet.
    pub fn takers(&self) -> impl Iterator<Item = (Taker, SubnetId)> {
        self.takers.iter().map(|(&taker, &subnet)| (taker, subnet))
    }

    /// The subnet of a task.
    #[must_use]
    pub fn of_task(&self, task: u64) -> Option<&Subnet> {
        self.subnet_of(Taker::Task(task)).map(|id| &self.setup.subnets[id])
    }

    /// The subnet with this id.
    #[must_use]
    pub fn subnet_called(&self, id: &str) -> Option<&Subnet> {
        self.setup.subnets.iter().find(|subnet| subnet.id == id)
    }

    /// The subnet in which this one has an address.
    #[must_use]
    pub fn subnet_of(&self, taker: Taker) -> Option<SubnetId> {
        self.takers.get(&taker).copied()
    }

    /// The most that is taken is measured anew from now on.
    pub fn next_sample(&mut self) {
        for id in self.held.ids() {
            self.held[id].recent_peak = self.held[id].taken();
        }
    }

    fn in_zone<'a>(
        &'a self,
        subnets: &'a [SubnetId],
        zone: ZoneId,
    ) -> impl Iterator<Item = SubnetId> + 'a {
        subnets.iter().copied().filter(move |&id| self.setup.subnets[id].zone == zone)
    }

    /// The first of those with most free addresses; `None` where no one has any.
    fn emptiest(&self, subnets: impl Iterator<Item = SubnetId>) -> Option<SubnetId> {
        let open = subnets.filter(|&id| self.free(id) > 0);
        open.min_by_key(|&id| std::cmp::Reverse(self.free(id)))
    }

    /// The subnets of instances of a provider in a zone.
    pub fn of_instances(
        &self,
        provider: ProviderId,
        zone: ZoneId,
    ) -> impl Iterator<Item = SubnetId> + '_ {
        self.in_zone(&self.setup.of_provider[provider], zone)
    }

    /// The instances of a group are launched in a subnet at random, of those that it has in the zone (documented: EC2 Auto
    /// Scaling), from the first launch on.
    pub fn draws_subnets(&mut self, provider: ProviderId, draws: Family) {
        self.draws.insert(provider, (draws, 0));
    }

    /// A launch is looked for: if its group draws its subnet, it draws anew.
    pub fn next_launch(&mut self, provider: ProviderId) {
        if let Some((_, drawn)) = self.draws.get_mut(&provider) {
            *drawn += 1;
        }
    }

    /// The subnet that was drawn for the next instance of a provider in a zone, where one was.
    fn drawn(&self, provider: ProviderId, zone: ZoneId) -> Option<SubnetId> {
        let (draws, drawn) = self.draws.get(&provider).filter(|(_, drawn)| *drawn > 0)?;
        let count = self.of_instances(provider, zone).count();
        let number = match count {
            0 => return None,
            1 => 0,
            _ => draws.member(drawn << 8 | u64::from(zone.0)).below(count as u64) as usize,
        };
        self.of_instances(provider, zone).nth(number)
    }

    /// The subnet of the next instance of a provider in a zone; `None` where that has no address.
    #[must_use]
    pub fn for_instance(&self, provider: ProviderId, zone: ZoneId) -> Option<SubnetId> {
        match self.drawn(provider, zone) {
            Some(subnet) => Some(subnet).filter(|&id| self.free(id) > 0),
            None => self.emptiest(self.of_instances(provider, zone)),
        }
    }

    /// The subnet of an instance that is launched, or goes on in its zone: the one that was drawn, or any with an address.
    #[must_use]
    pub fn of_launched(&self, provider: ProviderId, zone: ZoneId) -> Option<SubnetId> {
        let other = || self.emptiest(self.of_instances(provider, zone));
        self.for_instance(provider, zone).or_else(other)
    }

    /// Whether tasks of this network find an address in a zone.
    fn has_room(&self, network: &TaskNetwork, zone: ZoneId) -> bool {
        self.in_zone(&network.subnets, zone).any(|id| self.free(id) > 0)
    }

    /// The zones where a task of this network has subnets and none of them an address.
    fn full_zones(&self, of: &TaskNetwork) -> Vec<ZoneId> {
        let full = of.subnets.iter().filter(|&&id| self.free(id) == 0);
        let zones = full.map(|&id| self.setup.subnets[id].zone);
        let mut zones: Vec<ZoneId> = zones.filter(|&zone| !self.has_room(of, zone)).collect();
        zones.sort_unstable();
        zones.dedup();
        zones
    }

    /// An address of a subnet that has one is taken.
    pub fn take(&mut self, taker: Taker, subnet: SubnetId) {
        let held = &mut self.held[subnet];
        match taker {
            Taker::Task(_) => held.tasks += 1,
            Taker::Machine(_) => held.instances += 1,
        }
        self.notes_peak(subnet);
        let before = self.takers.insert(taker, subnet);
        assert!(before.is_none(), "N1: an interface is created once");
    }

    /// An instance of a fixed fleet has an address for good.
    pub fn take_for_good(&mut self, subnet: SubnetId) {
        self.held[subnet].instances += 1;
        self.held[subnet].fixed += 1;
        self.notes_peak(subnet);
    }

    /// An instance of a fixed fleet has ended and does not come back.
    fn give_back_for_good(&mut self, subnet: SubnetId) {
        self.held[subnet].instances -= 1;
        self.held[subnet].fixed -= 1;
        self.given_back += 1;
    }

    fn notes_peak(&mut self, subnet: SubnetId) {
        let room = self.setup.subnets[subnet].room();
        let held = &mut self.held[subnet];
        assert!(held.taken() <= room, "N2: no more addresses are taken than there are");
        held.peak = held.peak.max(held.taken());
        held.recent_peak = held.recent_peak.max(held.taken());
    }

    /// An interface is gone; says whether there was one.
    fn give_back(&mut self, taker: Taker) -> bool {
        let Some(subnet) = self.takers.remove(&taker) else { return false };
        let held = &mut self.held[subnet];
        match taker {
            Taker::Task(_) => held.tasks -= 1,
            Taker::Machine(_) => held.instances -= 1,
        }
        self.given_back += 1;
        true
    }

    /// The interface of a task is to be created in a zone: it gets an address where there is one.
    ///
    /// # Errors
    /// The subnet that was picked has none.
    pub fn take_for_task(
        &mut self,
        task: u64,
        network: &TaskNetwork,
        zone: ZoneId,
    ) -> Result<(), SubnetId> {
        let own = || self.in_zone(&network.subnets, zone);
        let least_picked = || own().min_by_key(|&id| self.held[id].picked);
        let open = self.emptiest(own()).filter(|_| self.setup.avoids_full);
        let Some(subnet) = open.or_else(least_picked) else { return Ok(()) };
        self.held[subnet].picked += 1;
        if self.free(subnet) == 0 {
            return Err(subnet);
        }
        self.take(Taker::Task(task), subnet);
        Ok(())
    }

    /// A task has failed to start because this subnet had no address for its interface.
    pub fn refused_task(&mut self, subnet: SubnetId) {
        self.held[subnet].refused_tasks += 1;
    }

    /// A launch has found no address: the subnet that lacks one.
    pub fn refuses_launch(&mut self, provider: ProviderId, zones: &[ZoneId]) -> Option<SubnetId> {
        let own = self.setup.of_provider[provider].iter().copied();
        let mut full = own.filter(|&id| zones.contains(&self.setup.subnets[id].zone));
        let is_picked =
            |id| self.drawn(provider, self.setup.subnets[id].zone).is_none_or(|drawn| drawn == id);
        let first = full.find(|&id| self.free(id) == 0 && is_picked(id))?;
        self.held[first].refused_launches += 1;
        Some(first)
    }
}

impl Cluster {
    /// An interface is gone; nothing happens where it had no address. Says whether one is free now: where tasks may go
    /// has changed then, on Fargate too.
    pub fn gives_address_back(&mut self, taker: Taker) -> bool {
        let is_freed = self.network.as_mut().is_some_and(|network| network.give_back(taker));
        self.address_is_back(is_freed)
    }

    /// An instance of a fixed fleet has ended and does not come back; says the same.
    pub fn gives_back_for_good(&mut self, subnet: SubnetId) -> bool {
        let Some(network) = &mut self.network else { return false };
        network.give_back_for_good(subnet);
        self.address_is_back(true)
    }

    /// Placement looks at free addresses: those who found no place there look again.
    fn address_is_back(&mut self, is_freed: bool) -> bool {
        let is_seen = self.network.as_ref().is_some_and(|network| network.setup.avoids_full);
        if is_freed && is_seen {
            self.version += 1;
            self.has_freed = true;
        }
        is_freed && is_seen
    }

    /// How many addresses of subnets were given back so far.
    #[must_use]
    pub fn given_back(&self) -> u64 {
        self.network.as_ref().map_or(0, |network| network.given_back)
    }

    /// The zones in which an interface of such a task finds an address, of those that it may use; `None` where that
    /// decides nothing.
    #[must_use]
    pub fn zones_with_addresses(&self, of: &TaskNetwork, zones: &[ZoneId]) -> Option<Vec<ZoneId>> {
        let network = self.network.as_deref().filter(|network| network.setup.avoids_full)?;
        let open = zones.iter().copied().filter(|&zone| network.has_room(of, zone));
        Some(open.collect::<Vec<_>>()).filter(|open| !open.is_empty())
    }

    /// Whether ECS sees that the interface of a task of this network would find no address in a zone.
    #[must_use]
    pub fn sees_no_address(&self, of: &TaskNetwork, zone: ZoneId) -> bool {
        let network = self.network.as_deref().filter(|network| network.setup.avoids_full);
        network.is_some_and(|network| network.full_zones(of).contains(&zone))
    }

    /// What a task asks of instances, but of those in zones with an address for its interface alone; the very same ask
    /// where that decides nothing, and where no instance of the other zones could ever take it. `all` are the zones that
    /// there are.
    #[must_use]
    pub fn ask_with_address(
        &mut self,
        ask: Ask,
        of: &TaskNetwork,
        all: impl Iterator<Item = ZoneId>,
        ports: &PortSets,
    ) -> Ask {
        let Some(network) = self.network.as_deref() else { return ask };
        if ask.demand.enis == 0 || !network.setup.avoids_full {
            return ask;
        }
        let full = network.full_zones(of);
        if full.is_empty() {
            return ask;
        }
        let rule = self.placer.rule(ask.rule);
        let zones = rule.zones.clone().unwrap_or_else(|| all.collect());
        let open: Vec<ZoneId> = zones.into_iter().filter(|zone| !full.contains(zone)).collect();
        if !open.iter().any(|&zone| network.has_room(of, zone)) {
            return ask;
        }
        let key = (ask.rule, open);
        let known = network.narrowed.get(&key).copied();
        let narrow = Rule { zones: Some(key.1.clone()), ..rule.clone() };
        let rule = known.unwrap_or_else(|| self.add_rule(narrow));
        if let Some(network) = self.network.as_mut().filter(|_| known.is_none()) {
            network.narrowed.insert(key, rule);
        }
        let near = Ask { rule, ..ask };
        if self.could_fit_when_empty(&near, ports) { near } else { ask }
    }
}
