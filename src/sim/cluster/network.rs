//! Addresses of subnets: every `awsvpc` task and every instance of a group takes one and gives it back when its
//! interface is gone; those of fixed fleets have theirs from the beginning to the end. Without `[network]` there is none
//! of this.

use super::Cluster;
use crate::base::id::Column;
use crate::model::fleet::Registration;
use crate::model::ids::{MachineId, ProviderId, SubnetId, ZoneId};
use crate::model::network::{Subnet, TaskNetwork};
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
    /// Tasks that got no address, and launches that found none.
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

    /// The subnet of the next instance of a provider in a zone; `None` where none has an address.
    #[must_use]
    pub fn for_instance(&self, provider: ProviderId, zone: ZoneId) -> Option<SubnetId> {
        self.emptiest(self.in_zone(&self.setup.of_provider[provider], zone))
    }

    /// Whether tasks of this network find an address in a zone.
    fn has_room(&self, network: &TaskNetwork, zone: ZoneId) -> bool {
        self.in_zone(&network.subnets, zone).any(|id| self.free(id) > 0)
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
    pub fn give_back_for_good(&mut self, subnet: SubnetId) {
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

    /// An interface is gone; nothing happens where there was none.
    pub fn give_back(&mut self, taker: Taker) {
        let Some(subnet) = self.takers.remove(&taker) else { return };
        let held = &mut self.held[subnet];
        match taker {
            Taker::Task(_) => held.tasks -= 1,
            Taker::Machine(_) => held.instances -= 1,
        }
        self.given_back += 1;
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
            self.held[subnet].refused_tasks += 1;
            return Err(subnet);
        }
        self.take(Taker::Task(task), subnet);
        Ok(())
    }

    /// A launch has found no address: the subnet that lacks one.
    pub fn refuses_launch(&mut self, provider: ProviderId, zones: &[ZoneId]) -> Option<SubnetId> {
        let own = self.setup.of_provider[provider].iter().copied();
        let mut full = own.filter(|&id| zones.contains(&self.setup.subnets[id].zone));
        let first = full.find(|&id| self.free(id) == 0)?;
        self.held[first].refused_launches += 1;
        Some(first)
    }
}

impl Cluster {
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
}
