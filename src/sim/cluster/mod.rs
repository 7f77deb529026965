//! EC2 capacity. This is its one door: an instance comes, drains and goes, and a promise begins and ends, by a verb of
//! [`Cluster`] and in no other way, so that the fleet's two ledgers, the placement index and the capacity integrals
//! cannot disagree. Only this room knows that there is an index.

mod ask;
mod future;
mod host;
mod network;
mod watch;

use super::task::Slot;
use crate::base::canary;
use crate::base::id::Column;
use crate::base::lookup::Lookup;
use crate::base::random::Stream;
use crate::base::time::SimTime;
use crate::metrics::capacity::Capacity;
use crate::model::fleet::{Fleet, InstanceStatus, Registration};
use crate::model::ids::{GroupId, InstanceId, SourceId};
use crate::model::ports::PortSet;
use crate::model::resources::Resources;
use crate::policy::placement::{Ask, Placer, Refusals, Rule, RuleId, TieBreak};
use crate::policy::query::Expression;
use future::Future;
pub use host::Host;
pub use network::{Held, Network, SUBNET, Taker, set_subnet};
use watch::Watch;

/// From so many instances on, a few hundred bytes each, asking ahead saves more than it costs (measured at 4,000, 10,000
/// and 100,000).
const LARGE: usize = 20_000;

/// Container instances and everything that must change together with them.
pub struct Cluster {
    fleet: Fleet,
    hosts: Column<InstanceId, Host>,
    placer: Placer,
    capacity: Capacity,
    groups: Lookup<String, GroupId>,
    /// Counts every change that placement can see: equal versions mean an equal cluster.
    version: u64,
    last_refusal: LastRefusal,
    has_freed: bool,
    /// Whether a rule looks at the tasks of an instance, so that a placement may be what somebody waits for.
    looks_at_tasks: bool,
    /// How many instances are DRAINING.
    draining: u32,
    /// DRAINING instances that have got something back.
    eased: Vec<InstanceId>,
    /// What may come; none where the fleet is fixed.
    future: Option<Box<Future>>,
    /// When instances were last touched, where anybody asks.
    watch: Option<Box<Watch>>,
    /// Addresses of subnets, where they are counted.
    pub network: Option<Box<Network>>,
}

/// Refusals of the last ask that failed: a burst of equal tasks counts the fleet once.
#[derive(Default)]
struct LastRefusal {
    key: Option<(Ask, u64)>,
    refusals: Refusals,
}

impl Cluster {
    /// The fleet at time zero. `largest` is for each provider the most of each resource that a type of it has.
    #[must_use]
    pub fn new(
        instances: impl Iterator<Item = Registration>,
        largest: impl Iterator<Item = Resources>,
        tie_break: TieBreak,
        stream: Stream,
    ) -> Cluster {
        let mut fleet = Fleet::new();
        let mut capacity = Capacity::new(largest);
        let mut hosts = Column::new();
        for instance in instances {
            let id = fleet.register(instance);
            capacity.registered(SimTime::ZERO, id, &fleet);
            hosts.push(Host::default());
        }
        Cluster {
            placer: Placer::new(&fleet, tie_break, stream),
            fleet,
            hosts,
            capacity,
            groups: Lookup::new(),
            version: 0,
            last_refusal: LastRefusal::default(),
            has_freed: false,
            looks_at_tasks: false,
            draining: 0,
            eased: Vec::new(),
            future: None,
            watch: None,
            network: None,
        }
    }

    /// One of each kind of instance that a group may launch: to be told before the first rule.
    pub fn may_come(&mut self, kinds: impl Iterator<Item = Registration>) {
        let future = Future::of(kinds);
        self.future = (!future.fleet.is_empty()).then(|| Box::new(future));
    }

    /// Whether instances may come.
    #[must_use]
    pub fn may_grow(&self) -> bool {
        self.future.is_some()
    }

    /// The instances, their two ledgers, their statuses.
    #[inline]
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// The capacity integrals.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> &Capacity {
        &self.capacity
    }

    /// Equal versions mean an equal cluster.
    #[inline]
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    // instances come and go

    /// An instance registers: ACTIVE, its agent connected.
    pub fn register(&mut self, now: SimTime, instance: Registration) -> InstanceId {
        let id = self.fleet.register(instance);
        self.hosts.push(Host::default());
        self.capacity.registered(now, id, &self.fleet);
        self.placer.instance_registered(id, &self.fleet);
        self.touch(now, id);
        self.version += 1;
        self.has_freed = true;
        id
    }

    /// An instance of a group registers, which was launched and has run before.
    pub fn register_launched(
        &mut self,
        instance: Registration,
        launched: SimTime,
        running: SimTime,
    ) -> InstanceId {
        let id = self.register(instance.registered_at, instance);
        self.fleet.set_life(id, launched, running);
        id
    }

    /// `UpdateContainerInstancesState`: whether the instance takes new tasks.
    pub fn set_status(&mut self, instance: InstanceId, status: InstanceStatus) {
        let is_draining = |status| u32::from(status == InstanceStatus::Draining);
        self.draining -= is_draining(self.fleet.status[instance]);
        self.draining += is_draining(status);
        self.fleet.status[instance] = status;
        self.placer.instance_changed(instance, &self.fleet);
        self.version += 1;
        self.has_freed = true; // those who wait see less room, and may wait in vain from now on
    }

    /// The agent of an instance connects or is lost.
    pub fn set_agent(&mut self, instance: InstanceId, is_connected: bool) {
        self.fleet.agent_connected[instance] = is_connected;
        self.placer.instance_changed(instance, &self.fleet);
        self.version += 1;
        self.has_freed |= is_connected;
    }

    /// `DeregisterContainerInstance`: the instance has gone. It holds no task.
    pub fn deregister(&mut self, now: SimTime, instance: InstanceId) {
        assert_eq!(self.fleet.tasks[instance], 0, "T4: an instance that goes holds no task");
        self.draining -= u32::from(self.fleet.status[instance] == InstanceStatus::Draining);
        self.fleet.deregister(instance, now);
        self.capacity.deregistered(now, instance, &self.fleet);
        self.placer.instance_left(instance, &self.fleet);
        self.touch(now, instance);
        self.version += 1;
        self.has_freed = true; // as above
    }

    /// How many instances are DRAINING.
    #[inline]
    #[must_use]
    pub fn draining(&self) -> u32 {
        self.draining
    }

    /// Whether a DRAINING instance has got something back since [`Cluster::take_eased`].
    #[inline]
    #[must_use]
    pub fn has_eased(&self) -> bool {
        !self.eased.is_empty()
    }

    /// The next DRAINING instance that has got something back.
    pub fn take_eased(&mut self) -> Option<InstanceId> {
        self.eased.pop()
    }

    #[inline]
    fn eases(&mut self, instance: InstanceId) {
        if self.draining > 0 && self.fleet.status[instance] == InstanceStatus::Draining {
            self.eased.push(instance);
        }
    }

    /// Whether the fleet is too large for the caches.
    #[inline]
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.hosts.len() >= LARGE
    }

    /// Asks memory for what an event on this instance looks at, where the fleet is too large for the caches.
    #[inline]
    pub fn look_ahead(&self, instance: InstanceId) {
        if !self.is_large() {
            return;
        }
        self.fleet.look_ahead(instance);
        self.hosts.ask_for(instance);
        self.capacity.uses.ask_for(instance);
        self.placer.look_ahead(instance);
    }

    // promises

    /// A task was given this instance: the scheduler's ledger, the index and the integrals have it.
    #[inline]
    pub fn promise(
        &mut self,
        now: SimTime,
        instance: InstanceId,
        demand: Resources,
        ports: &PortSet,
        group: GroupId,
    ) {
        self.fleet.promise(instance, demand, ports);
        self.version += 1;
        self.placer.placed(instance, group, &self.fleet);
        self.has_freed |= self.looks_at_tasks;
        self.capacity.promised(now, instance, demand, &self.fleet);
        self.touch(now, instance);
    }

    /// A promise of `since` ends. A task that was [`Cluster::uncount`]ed is not in its group's counts any more.
    #[inline]
    pub fn release(&mut self, now: SimTime, since: SimTime, promise: &Promise<'_>) {
        let Promise { instance, demand, ports, group, is_uncounted } = *promise;
        self.fleet.release(instance, demand, ports);
        self.version += 1;
        if is_uncounted {
            self.placer.instance_changed(instance, &self.fleet);
        } else {
            self.placer.released(instance, group, &self.fleet);
        }
        self.capacity.released(now, since, instance, demand, &self.fleet);
        self.touch(now, instance);
        self.has_freed = true;
        self.eases(instance);
    }

    /// The interface of a task is gone, after its promise has ended: its ENI slot can be promised again.
    pub fn interface_gone(&mut self, now: SimTime, instance: InstanceId, slots: Resources) {
        let before = self.fleet.free[instance];
        self.fleet.interface_gone(instance, slots);
        self.version += 1;
        self.placer.amount_changed(instance, before, &self.fleet);
        self.capacity.interface_gone(now, instance, slots, &self.fleet);
        self.touch(now, instance);
        self.has_freed = true;
        self.eases(instance);
    }

    /// A task that is no longer wanted stops counting for `spread` and `distinctInstance`, which look at
    /// `desiredStatus` (documented), before it gives its resources back.
    pub fn uncount(&mut self, instance: InstanceId, group: GroupId) {
        self.version += 1;
        self.placer.released(instance, group, &self.fleet);
        self.has_freed = true;
    }

    /// A promise of `since` still stands when the run ends.
    pub fn still_promised(
        &mut self,
        end: SimTime,
        since: SimTime,
        instance: InstanceId,
        demand: Resources,
    ) {
        self.capacity.still_promised(end, since, instance, demand);
    }

    /// Fewer tasks wait in PROVISIONING than may: somebody was turned away for it.
    pub fn line_has_room(&mut self) {
        self.version += 1;
        self.has_freed = true;
    }

    /// Whether [`Cluster::take_freed`] would say so.
    #[inline]
    #[must_use]
    pub fn has_freed(&self) -> bool {
        self.has_freed
    }

    /// A task on this instance has become RUNNING, or is it no longer.
    pub fn running_changes(&mut self, instance: InstanceId, is_running: bool) {
        self.fleet.running_changes(instance, is_running);
        if self.looks_at_tasks {
            self.version += 1;
            self.has_freed = true;
        }
    }

    /// Whether since this was last asked something has changed that may let a task go on which found no place.
    #[inline]
    pub fn take_freed(&mut self) -> bool {
        std::mem::take(&mut self.has_freed)
    }

    // the host's own ledger

    /// Whether the host really has room now.
    #[inline]
    #[must_use]
    pub fn has_room(&self, instance: InstanceId, demand: Resources, ports: &PortSet) -> bool {
        self.fleet.host_has_room(instance, demand, ports)
    }

    /// A task takes its resources on the host.
    #[inline]
    pub fn occupy(&mut self, instance: InstanceId, demand: Resources, ports: &PortSet) {
        self.fleet.host_take(instance, demand, ports);
    }

    /// The host has resources back.
    #[inline]
    pub fn vacate(&mut self, instance: InstanceId, mut demand: Resources, ports: &PortSet) {
        if canary::breaks("ledger") {
            demand.cpu = demand.cpu.saturating_sub(1);
        }
        self.fleet.host_give_back(instance, demand, ports);
        self.eases(instance);
    }

    /// First and last task that waits for real room on the host.
    #[inline]
    #[must_use]
    pub fn waiting(&self, instance: InstanceId) -> Option<(Slot, Slot)> {
        self.hosts[instance].waiting
    }

    /// Whether a task of this source may start on the host, as far as daemons go.
    #[inline]
    #[must_use]
    pub fn lets_start(&self, instance: InstanceId, source: SourceId) -> bool {
        self.hosts[instance].lets_start(source)
    }

    /// The queue of the host changes.
    #[inline]
    pub fn set_waiting(&mut self, instance: InstanceId, waiting: Option<(Slot, Slot)>) {
        self.hosts[instance].waiting = waiting;
    }

    /// What the host keeps beside its ledger.
    #[inline]
    pub fn host(&mut self, instance: InstanceId) -> &mut Host {
        &mut self.hosts[instance]
    }

    // placement

    /// Compiles a rule. Pools that are empty now fill when instances register.
    pub fn add_rule(&mut self, rule: Rule) -> RuleId {
        self.looks_at_tasks |= !rule.member_of.iter().all(Expression::is_static);
        if let Some(future) = &mut self.future {
            future.add_rule(rule.clone());
        }
        self.placer.add_rule(rule, &self.fleet)
    }

    /// The id of a task group, and whether it is a new one.
    pub fn group(&mut self, name: &str) -> (GroupId, bool) {
        if let Some(&group) = self.groups.get(name) {
            return (group, false);
        }
        let group = self.placer.name_group(name);
        if let Some(future) = &mut self.future {
            future.name_group(name);
        }
        self.groups.insert(name.into(), group);
        (group, true)
    }

    /// The scenario knows a size of task.
    pub fn knows_size(&mut self, now: SimTime, size: Resources) {
        if !self.fleet.is_empty() {
            self.capacity.knows_size(now, size, &self.fleet);
        }
    }

    // tests and the end

    /// From now on the slow placement decides beside the fast one, for tests.
    pub fn shadow(&mut self) {
        self.placer.shadow();
    }

    /// Panics where the index is not what a fresh one would be.
    pub fn check_index(&self) {
        self.placer.check(&self.fleet);
    }

    /// Brings all integrals to the end of the run.
    pub fn finish(&mut self, end: SimTime) {
        self.capacity.finish(end);
    }

    /// What is left for the result.
    #[must_use]
    pub fn into_parts(self) -> (Fleet, Capacity) {
        (self.fleet, self.capacity)
    }
}

/// A promise that ends: what a task was given, and where.
#[derive(Clone, Copy)]
pub struct Promise<'a> {
    /// Instance.
    pub instance: InstanceId,
    /// Resources.
    pub demand: Resources,
    /// Host ports.
    pub ports: &'a PortSet,
    /// Task group.
    pub group: GroupId,
    /// Whether the group's counts have forgotten it already.
    pub is_uncounted: bool,
}
