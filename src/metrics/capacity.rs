//! EC2 capacity over time: what is registered, promised, idle, stranded, and how many instances were needed.
//!
//! Every quantity is an integer integral over time (value × microseconds), brought up to date when the value
//! changes: a change costs a few additions, time without changes costs nothing.

use crate::base::id::Column;
use crate::base::time::SimTime;
use crate::model::fleet::Fleet;
use crate::model::ids::{InstanceId, ProviderId};
use crate::model::resources::Resources;

/// Sums of resources over many instances.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// CPU units.
    pub cpu: u64,
    /// MiB.
    pub memory: u64,
    /// GPUs.
    pub gpus: u64,
    /// ENI slots.
    pub enis: u64,
}

impl Totals {
    /// Adds the resources of one task or instance.
    #[inline]
    pub fn add(&mut self, amount: Resources) {
        self.cpu += u64::from(amount.cpu);
        self.memory += u64::from(amount.memory);
        self.gpus += u64::from(amount.gpus);
        self.enis += u64::from(amount.enis);
    }

    /// Takes them off again.
    #[inline]
    pub fn sub(&mut self, amount: Resources) {
        self.cpu -= u64::from(amount.cpu);
        self.memory -= u64::from(amount.memory);
        self.gpus -= u64::from(amount.gpus);
        self.enis -= u64::from(amount.enis);
    }

    /// Whether `count` instances of size `unit` could hold all of it at best. A resource that the unit lacks is left out.
    #[inline]
    fn fits_into(self, count: u64, unit: Resources) -> bool {
        let fits = |sum: u64, one: u64| (sum <= count * one) | (one == 0);
        fits(self.cpu, u64::from(unit.cpu))
            & fits(self.memory, u64::from(unit.memory))
            & fits(self.gpus, u64::from(unit.gpus))
            & fits(self.enis, u64::from(unit.enis))
    }

    /// How few instances of size `unit` could hold all of it at best: max over resources of ⌈Σ demand / capacity⌉.
    /// A lower bound, since tasks cannot be cut. A resource that the unit lacks is left out.
    #[inline]
    #[must_use]
    pub fn needed(self, unit: Resources) -> u64 {
        let share = |sum: u64, one: u64| if one == 0 { 0 } else { sum.div_ceil(one) };
        share(self.cpu, u64::from(unit.cpu))
            .max(share(self.memory, u64::from(unit.memory)))
            .max(if self.gpus == 0 { 0 } else { share(self.gpus, u64::from(unit.gpus)) })
            .max(if self.enis == 0 { 0 } else { share(self.enis, u64::from(unit.enis)) })
    }
}

/// The state and the integrals of one capacity provider.
#[derive(Clone, Debug, Default)]
pub struct ProviderCapacity {
    /// For each resource the most that one of the provider's instance types has.
    pub largest: Resources,
    /// Registered instances.
    pub instances: u32,
    /// Registered instances without a task.
    pub idle: u32,
    /// Tasks with a promise.
    pub tasks: u32,
    /// Registered resources.
    pub registered: Totals,
    /// Promised resources.
    pub promised: Totals,
    /// Fewest instances that could hold the promises if each had the most of every resource.
    pub needed: u64,
    /// CPU units that are free where no task definition fits any more.
    pub stranded_cpu: u64,
    /// MiB likewise.
    pub stranded_memory: u64,
    /// ∫ needed dt.
    pub needed_time: u128,
    /// ∫ instances dt.
    pub instance_time: u128,
    /// ∫ idle dt.
    pub idle_time: u128,
    /// ∫ stranded CPU dt.
    pub stranded_cpu_time: u128,
    /// ∫ stranded memory dt.
    pub stranded_memory_time: u128,
    /// ∫ registered CPU dt.
    pub registered_cpu_time: u128,
    /// ∫ registered memory dt.
    pub registered_memory_time: u128,
    at: SimTime,
    registered_until: SimTime,
}

impl ProviderCapacity {
    /// Brings `needed` up to date after a promise has come or gone. What [`Totals::needed`] says, without its divisions: it
    /// has changed by one or not at all, unless a task is larger than an instance.
    #[inline]
    fn restate_needed(&mut self) {
        while !self.promised.fits_into(self.needed, self.largest) {
            self.needed += 1;
        }
        while self.needed > 0 && self.promised.fits_into(self.needed - 1, self.largest) {
            self.needed -= 1;
        }
        debug_assert_eq!(self.needed, self.promised.needed(self.largest));
    }

    /// Brings the integrals to `now`.
    #[inline]
    pub fn advance(&mut self, now: SimTime) {
        let span = now.since(self.at).0;
        if span == 0 {
            return;
        }
        self.at = now;
        let over = |value: u64| u128::from(value) * u128::from(span);
        self.needed_time += over(self.needed);
        self.idle_time += over(u64::from(self.idle));
        self.stranded_cpu_time += over(self.stranded_cpu);
        self.stranded_memory_time += over(self.stranded_memory);
    }

    /// Brings the integrals of what only a registration changes to `now`: apart, because promises change often.
    fn advance_registered(&mut self, now: SimTime) {
        let span = now.since(self.registered_until).0;
        self.registered_until = now;
        let over = |value: u64| u128::from(value) * u128::from(span);
        self.instance_time += over(u64::from(self.instances));
        self.registered_cpu_time += over(self.registered.cpu);
        self.registered_memory_time += over(self.registered.memory);
    }
}

/// What an instance's tasks held over the whole run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InstanceUse {
    /// Tasks that were ever placed on it.
    pub hosted: u64,
    /// Σ over tasks of CPU units × microseconds of promise, of finished promises.
    pub cpu_time: u128,
    /// Σ over tasks of MiB × microseconds of promise, of finished promises.
    pub memory_time: u128,
    /// What is counted as stranded on it now.
    stranded: (u32, u32),
}

/// The capacity ledger of all EC2 providers.
#[derive(Clone, Debug, Default)]
pub struct Capacity {
    /// By provider; Fargate providers stay at zero.
    pub providers: Column<ProviderId, ProviderCapacity>,
    /// By instance.
    pub uses: Column<InstanceId, InstanceUse>,
    /// The smallest sizes of task that the scenario knows: none fits into another.
    smallest: Vec<Resources>,
}

impl Capacity {
    /// A ledger for providers whose types have at most this much of each resource.
    #[must_use]
    pub fn new(largest: impl Iterator<Item = Resources>) -> Self {
        let providers =
            largest.map(|largest| ProviderCapacity { largest, ..Default::default() }).collect();
        Capacity { providers, ..Default::default() }
    }

    /// An instance has registered; it is already in `fleet`.
    pub fn registered(&mut self, now: SimTime, instance: InstanceId, fleet: &Fleet) {
        self.uses.push(InstanceUse::default());
        let provider = &mut self.providers[fleet.provider[instance]];
        provider.advance(now);
        provider.advance_registered(now);
        provider.instances += 1;
        provider.idle += 1;
        provider.registered.add(fleet.registered[instance]);
        self.restate_stranded(instance, fleet);
    }

    /// An instance has left its cluster; `fleet` says so already. What it adds to integrals ends here.
    pub fn deregistered(&mut self, now: SimTime, instance: InstanceId, fleet: &Fleet) {
        let provider = &mut self.providers[fleet.provider[instance]];
        provider.advance(now);
        provider.advance_registered(now);
        provider.instances -= 1;
        provider.idle -= 1; // it has no task: `Fleet::deregister` saw to that
        provider.registered.sub(fleet.registered[instance]);
        self.restate_stranded(instance, fleet);
    }

    /// The scenario knows a size of task. Instances are looked at again when it is smaller than all others.
    pub fn knows_size(&mut self, now: SimTime, size: Resources, fleet: &Fleet) {
        if self.smallest.iter().any(|known| known.fits_into(size)) {
            return;
        }
        self.smallest.retain(|known| !size.fits_into(*known));
        self.smallest.push(size);
        for provider in self.providers.ids() {
            self.providers[provider].advance(now);
        }
        for instance in fleet.ids() {
            self.restate_stranded(instance, fleet);
        }
    }

    /// A promise was made; `fleet` has it already.
    #[inline]
    pub fn promised(
        &mut self,
        now: SimTime,
        instance: InstanceId,
        demand: Resources,
        fleet: &Fleet,
    ) {
        let provider = &mut self.providers[fleet.provider[instance]];
        provider.advance(now);
        provider.promised.add(demand);
        provider.tasks += 1;
        provider.restate_needed();
        if fleet.tasks[instance] == 1 {
            provider.idle -= 1;
        }
        self.uses[instance].hosted += 1;
        self.restate_stranded(instance, fleet);
    }

    /// A promise that was made at `since` ended; `fleet` has it already.
    #[inline]
    pub fn released(
        &mut self,
        now: SimTime,
        since: SimTime,
        instance: InstanceId,
        demand: Resources,
        fleet: &Fleet,
    ) {
        let provider = &mut self.providers[fleet.provider[instance]];
        provider.advance(now);
        provider.promised.sub(demand.without_enis());
        provider.tasks -= 1;
        provider.restate_needed();
        if fleet.tasks[instance] == 0 {
            provider.idle += 1;
        }
        let held = u128::from(now.since(since).0);
        let usage = &mut self.uses[instance];
        usage.cpu_time += u128::from(demand.cpu) * held;
        usage.memory_time += u128::from(demand.memory) * held;
        self.restate_stranded(instance, fleet);
    }

    /// The interface of a task whose promise has ended is gone; `fleet` has its slot already.
    pub fn interface_gone(
        &mut self,
        now: SimTime,
        instance: InstanceId,
        slots: Resources,
        fleet: &Fleet,
    ) {
        let provider = &mut self.providers[fleet.provider[instance]];
        provider.advance(now);
        provider.promised.sub(slots);
        provider.restate_needed();
        self.restate_stranded(instance, fleet);
    }

    /// The run ends at `end` with a promise of `since` still standing.
    pub fn still_promised(
        &mut self,
        end: SimTime,
        since: SimTime,
        instance: InstanceId,
        demand: Resources,
    ) {
        let held = u128::from(end.since(since).0);
        let usage = &mut self.uses[instance];
        usage.cpu_time += u128::from(demand.cpu) * held;
        usage.memory_time += u128::from(demand.memory) * held;
    }

    /// Brings all integrals to the end of the run.
    pub fn finish(&mut self, end: SimTime) {
        for provider in self.providers.ids() {
            self.providers[provider].advance(end);
            self.providers[provider].advance_registered(end);
        }
    }

    #[inline]
    fn restate_stranded(&mut self, instance: InstanceId, fleet: &Fleet) {
        let free = fleet.free[instance];
        let fits = self.smallest.is_empty()
            || self.smallest.iter().any(|s| s.fits_into(free))
            || !fleet.is_registered(instance);
        let now = if fits { (0, 0) } else { (free.cpu, free.memory) };
        let before = std::mem::replace(&mut self.uses[instance].stranded, now);
        if before != now {
            let provider = &mut self.providers[fleet.provider[instance]];
            provider.stranded_cpu = provider.stranded_cpu - u64::from(before.0) + u64::from(now.0);
            provider.stranded_memory =
                provider.stranded_memory - u64::from(before.1) + u64::from(now.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Id as _;
    use crate::model::fleet::Registration;
    use crate::model::ids::{ClusterId, ZoneId};
    use crate::model::ports::PortSet;

    #[test]
    fn integrals_of_an_instance_end_when_it_leaves() {
        let size = Resources { cpu: 100, memory: 10, ..Resources::ZERO };
        let mut fleet = Fleet::new();
        let mut capacity = Capacity::new(std::iter::once(size));
        let second = |s: u64| SimTime(s * 1_000_000);
        for name in ["i-0", "i-1"] {
            let id = fleet.register(Registration {
                name: name.into(),
                instance_type: "m7g.large".into(),
                cluster: ClusterId(0),
                provider: ProviderId(0),
                zone: ZoneId(0),
                platform: Default::default(),
                resources: size,
                ports: PortSet::default(),
                attributes: Default::default(),
                registered_at: second(0),
            });
            capacity.registered(second(0), id, &fleet);
        }
        // A task that no instance can take: all that is free is stranded.
        let large = Resources { cpu: 101, ..Resources::ZERO };
        capacity.knows_size(second(0), large, &fleet);
        let gone = InstanceId::from_index(1);
        fleet.deregister(gone, second(3));
        capacity.deregistered(second(3), gone, &fleet);
        // A smaller size looks at every instance again, but not at the one that has gone.
        capacity.knows_size(second(4), Resources { cpu: 1, memory: 11, ..Resources::ZERO }, &fleet);
        capacity.finish(second(10));
        let provider = &capacity.providers[ProviderId(0)];
        assert_eq!((provider.instances, provider.idle), (1, 1));
        assert_eq!((provider.stranded_cpu, provider.stranded_memory), (100, 10));
        assert_eq!(provider.instance_time, 13_000_000);
        assert_eq!(provider.idle_time, 13_000_000);
        assert_eq!(provider.registered_cpu_time, 1_300_000_000);
        assert_eq!(provider.stranded_memory_time, 130_000_000);
        assert_eq!((fleet.is_registered(gone), fleet.deregistered_at[gone]), (false, second(3)));
    }

    #[test]
    fn the_lower_bound_is_the_scarcest_resource_rounded_up() {
        let unit = Resources { cpu: 4096, memory: 16_384, gpus: 0, enis: 3 };
        let needed = |cpu, memory, enis| Totals { cpu, memory, gpus: 0, enis }.needed(unit);
        assert_eq!(needed(0, 0, 0), 0);
        assert_eq!(needed(4096, 1, 1), 1);
        assert_eq!(needed(4097, 1, 1), 2);
        assert_eq!(needed(4096, 16_384 * 5, 1), 5);
        assert_eq!(needed(1, 1, 7), 3); // seven ENI slots at three an instance
    }
}
