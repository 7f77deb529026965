//! Addresses of instances: each takes one in a subnet of its zone when it is launched, stopped ones of warm pools keep
//! theirs, and it is given back when the instance is terminated. A zone whose subnets have none is passed over, as one
//! without capacity is.

use super::{Group, Groups, Supply};
use crate::base::id::Id as _;
use crate::base::time::SimTime;
use crate::model::fleet::Registration;
use crate::model::ids::{InstanceId, MachineId, ProviderId, SubnetId, ZoneId};
use crate::model::platform::Purchase;
use crate::policy::capacity::zones::Distribution;
use crate::sim::cluster::{Network, Taker, set_subnet};
use crate::sim::setup::InstanceSetup;
use std::borrow::Cow;

impl Group {
    /// Looks which of its zones have an address for one more instance.
    pub(super) fn see_addresses(&mut self, network: &Network) {
        for (zone, full) in self.setup.zones.iter().zip(&mut self.full) {
            *full = network.for_instance(self.setup.provider, *zone).is_none();
        }
    }

    /// Whether it lacks nothing but an address: no zone that it may launch in has one.
    fn lacks_address(&self) -> bool {
        let is_closed = |zone: usize| self.full[zone] || self.is_out(zone);
        let zones = 0..self.full.len();
        let lacks = |zone: usize| self.full[zone] && !self.is_out(zone);
        let any_full = zones.clone().any(lacks);
        let used = zones.filter(|&zone| self.shifted != Some(zone));
        let least = used.filter_map(|zone| self.by_zone.get(zone)).min();
        let waits = |zone: usize| lacks(zone) && self.by_zone.get(zone) == least;
        match self.setup.zoning.distribution {
            Distribution::BestEffort => (0..self.full.len()).all(is_closed) && any_full,
            Distribution::BalancedOnly => (0..self.full.len()).any(waits),
        }
    }
}

impl Groups {
    /// What groups may launch in subnets that are not the first of their zone: it has another attribute.
    pub fn kinds_elsewhere(&self, network: Option<&Network>) -> Vec<Registration> {
        let Some(network) = network else { return Vec::new() };
        let mut found = Vec::new();
        for offer in self.all.iter().flat_map(|group| &group.setup.offers) {
            let of = &offer.registration;
            for id in network.of_instances(of.provider, of.zone).skip(1) {
                let mut other = of.clone();
                set_subnet(&mut other, &network.subnet(id).id);
                found.push(other);
            }
        }
        found
    }

    /// Auto Scaling groups draw the subnets of their instances; who picks them for Managed Instances is not known.
    pub fn draw_subnets(&self, network: &mut Network) {
        for group in self.all.iter().filter(|group| group.instances.is_none()) {
            network.draws_subnets(group.setup.provider, group.subnets);
        }
    }

    /// The addresses of the instances that are there from the beginning.
    pub fn take_first_addresses(&self, network: &mut Network, subnets: &[Option<SubnetId>]) {
        for (index, subnet) in subnets.iter().enumerate() {
            let Some(subnet) = *subnet else { continue };
            match self.behind(InstanceId::from_index(index)) {
                Some(machine) => network.take(Taker::Machine(machine), subnet),
                None => network.take_for_good(subnet),
            }
        }
    }
}

/// Addresses while mixed groups choose the instances that they have at the beginning.
pub(super) struct Plan(Option<Network>);

impl Plan {
    pub(super) fn new(network: Option<&Network>, instances: &[InstanceSetup]) -> Plan {
        let mut plan = network.cloned();
        if let Some(plan) = &mut plan {
            instances.iter().filter_map(|of| of.subnet).for_each(|id| plan.take_for_good(id));
        }
        Plan(plan)
    }

    pub(super) fn show(&self, group: &mut Group) {
        if let Some(plan) = &self.0 {
            group.see_addresses(plan);
        }
    }

    pub(super) fn give_one(&mut self, instance: &mut InstanceSetup) {
        let Some(plan) = &mut self.0 else { return };
        let of = &mut instance.registration;
        if let Some(subnet) = plan.for_instance(of.provider, of.zone) {
            plan.take_for_good(subnet);
            set_subnet(of, &plan.subnet(subnet).id);
            instance.subnet = Some(subnet);
        }
    }
}

impl Supply<'_> {
    /// A group looks which of its zones have an address.
    pub(super) fn see_addresses(&mut self, index: usize) {
        let is_begun = self.drive.now() > SimTime::ZERO;
        let Some(network) = &mut self.drive.cluster.network else { return };
        let group = &mut self.groups.all[index];
        if is_begun {
            network.next_launch(group.setup.provider);
        }
        group.see_addresses(network);
    }

    /// An instance that is launched takes its address.
    pub(super) fn takes_address(&mut self, id: MachineId) {
        let Some(network) = &mut self.drive.cluster.network else { return };
        let machine = &self.groups.machines[id];
        let of = &self.groups.all[machine.group].setup.offers[machine.offer].registration;
        if let Some(subnet) = network.of_launched(of.provider, of.zone) {
            network.take(Taker::Machine(id), subnet);
        }
    }

    /// An instance is gone, and so is its interface.
    pub(super) fn gives_address_back(&mut self, id: MachineId) {
        if self.drive.cluster.gives_address_back(Taker::Machine(id)) {
            self.drive.fargate.turns();
        }
    }

    /// An instance registers with the subnet that it is in.
    pub(super) fn name_subnet(&self, id: MachineId, registration: &mut Registration) {
        let Some(network) = &self.drive.cluster.network else { return };
        if let Some(subnet) = network.subnet_of(Taker::Machine(id)) {
            set_subnet(registration, &network.subnet(subnet).id);
        }
    }

    /// Why a launch has found nothing, in EC2's words where it was an address.
    pub(super) fn why_not(&mut self, index: usize, purchase: Purchase) -> Cow<'static, str> {
        let group = &self.groups.all[index];
        if !group.lacks_address() {
            return group.why_not(purchase).into();
        }
        let zones = group.setup.zones.iter().enumerate();
        let zones: Vec<ZoneId> =
            zones.filter(|(index, _)| !group.is_out(*index)).map(|(_, zone)| *zone).collect();
        let provider = group.setup.provider;
        self.no_address(provider, &zones)
            .unwrap_or_else(|| self.groups.all[index].why_not(purchase).into())
    }

    /// What EC2 says about a launch in zones that have no address.
    pub(super) fn no_address(
        &mut self,
        provider: ProviderId,
        zones: &[ZoneId],
    ) -> Option<Cow<'static, str>> {
        let network = self.drive.cluster.network.as_mut()?;
        let subnet = network.refuses_launch(provider, zones)?;
        let id = &network.subnet(subnet).id;
        let text = format!(
            "There are not enough free addresses in subnet '{id}' to satisfy the requested number of instances."
        );
        Some(text.into())
    }
}
