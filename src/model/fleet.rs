//! Container instances: what each registered, what is promised to tasks, what its host really has free.
//!
//! Two ledgers (documented; ECS and agent change logs of 2023): the scheduler takes a task's resources when it
//! places the task and frees them as soon as the task *begins* to stop; the host has them back only when the
//! containers have really exited. `free` is the first ledger, `host_free` the second.
//! Invariants, checked on every change: 0 ≤ free ≤ registered, 0 ≤ host_free ≤ registered.

use super::ids::{AttributeId, ClusterId, InstanceId, ProviderId, ZoneId};
use super::platform::Platform;
use super::ports::PortSet;
use super::resources::Resources;
use crate::base::id::{Column, Id as _};
use crate::base::time::SimTime;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `status` of a container instance.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum InstanceStatus {
    /// Takes new tasks while its agent is connected.
    Active,
    /// Takes no new tasks.
    Draining,
    /// Has left its cluster for good: it is nobody's candidate, and its row remains only to be read.
    Inactive,
}

/// What an instance brings when it registers.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Its name in outputs; unique.
    pub name: String,
    /// Instance type, such as `m7g.xlarge`.
    pub instance_type: String,
    /// Cluster.
    pub cluster: ClusterId,
    /// Capacity provider.
    pub provider: ProviderId,
    /// Availability Zone.
    pub zone: ZoneId,
    /// Operating system and architecture.
    pub platform: Platform,
    /// What tasks may be promised.
    pub resources: Resources,
    /// Reserved host ports.
    pub ports: PortSet,
    /// Attributes, built-in ones included, by name. Instances with equal ones share them.
    pub attributes: Arc<BTreeMap<String, String>>,
    /// When it registered.
    pub registered_at: SimTime,
}

/// One attribute over the whole fleet.
#[derive(Clone, Debug)]
pub struct AttributeColumn {
    /// Name without `attribute:`.
    pub name: String,
    /// Distinct values, in order of first registration.
    pub values: Vec<String>,
    /// Per instance the index into `values`; `None` where the instance lacks the attribute.
    pub of: Column<InstanceId, Option<u32>>,
    /// Where each value stands in `values`.
    index: BTreeMap<String, u32>,
}

/// All container instances, one column per property.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    /// Names in outputs.
    pub name: Column<InstanceId, String>,
    /// Instance types.
    pub instance_type: Column<InstanceId, String>,
    /// Clusters.
    pub cluster: Column<InstanceId, ClusterId>,
    /// Capacity providers.
    pub provider: Column<InstanceId, ProviderId>,
    /// Availability Zones.
    pub zone: Column<InstanceId, ZoneId>,
    /// Platforms.
    pub platform: Column<InstanceId, Platform>,
    /// When the launch of each was asked for.
    pub launched_at: Column<InstanceId, SimTime>,
    /// When the bill of each began.
    pub running_at: Column<InstanceId, SimTime>,
    /// When each registered.
    pub registered_at: Column<InstanceId, SimTime>,
    /// When each left its cluster; `NEVER` for those that are there.
    pub deregistered_at: Column<InstanceId, SimTime>,
    /// Statuses.
    pub status: Column<InstanceId, InstanceStatus>,
    /// Whether the agent is connected.
    pub agent_connected: Column<InstanceId, bool>,
    /// What each registered.
    pub registered: Column<InstanceId, Resources>,
    /// The scheduler's ledger: registered less promises.
    pub free: Column<InstanceId, Resources>,
    /// The host's ledger: registered less what tasks really hold.
    pub host_free: Column<InstanceId, Resources>,
    /// Host ports that the instance keeps for itself.
    pub reserved_ports: Column<InstanceId, PortSet>,
    /// Host ports promised or reserved.
    pub ports: Column<InstanceId, PortSet>,
    /// Host ports really held or reserved.
    pub host_ports: Column<InstanceId, PortSet>,
    /// Tasks with a promise.
    pub tasks: Column<InstanceId, u32>,
    /// Tasks in RUNNING: `runningTasksCount`.
    pub running: Column<InstanceId, u32>,
    /// Attributes, built-in ones included.
    pub attributes: Column<AttributeId, AttributeColumn>,
}

impl Fleet {
    /// An empty fleet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many instances there are, counting those that have left: ids are not used again.
    #[must_use]
    pub fn len(&self) -> usize {
        self.name.len()
    }

    /// Whether there never was an instance.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.name.is_empty()
    }

    /// All instances, ascending, and those that have left among them.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = InstanceId> + use<> {
        self.name.ids()
    }

    /// Adds an ACTIVE instance with a connected agent.
    pub fn register(&mut self, instance: Registration) -> InstanceId {
        let id = self.name.push(instance.name);
        self.instance_type.push(instance.instance_type);
        self.cluster.push(instance.cluster);
        self.provider.push(instance.provider);
        self.zone.push(instance.zone);
        self.platform.push(instance.platform);
        self.launched_at.push(instance.registered_at);
        self.running_at.push(instance.registered_at);
        self.registered_at.push(instance.registered_at);
        self.deregistered_at.push(SimTime::NEVER);
        self.status.push(InstanceStatus::Active);
        self.agent_connected.push(true);
        self.registered.push(instance.resources);
        self.free.push(instance.resources);
        self.host_free.push(instance.resources);
        self.host_ports.push(instance.ports.clone());
        self.reserved_ports.push(instance.ports.clone());
        self.ports.push(instance.ports);
        self.tasks.push(0);
        self.running.push(0);
        for (name, value) in instance.attributes.iter() {
            let attribute = self.attribute_or_new(name, id);
            let column = &mut self.attributes[attribute];
            let index = column.index_or_new(value);
            column.of.push(Some(index));
        }
        for attribute in self.attributes.ids() {
            let column = &mut self.attributes[attribute];
            if column.of.len() == id.index() {
                column.of.push(None);
            }
        }
        id
    }

    /// When the instance was launched and when it ran, where that was before it registered.
    pub fn set_life(&mut self, instance: InstanceId, launched: SimTime, running: SimTime) {
        self.launched_at[instance] = launched;
        self.running_at[instance] = running;
    }

    /// The instance leaves its cluster for good, ACTIVE or not. Panics where a task still has a promise: tasks stop
    /// before their instance goes.
    pub fn deregister(&mut self, instance: InstanceId, now: SimTime) {
        assert!(self.is_registered(instance), "an instance leaves once");
        assert_eq!(self.tasks[instance], 0, "no promise outlives its instance");
        self.status[instance] = InstanceStatus::Inactive;
        self.agent_connected[instance] = false;
        self.deregistered_at[instance] = now;
    }

    /// Whether nobody holds anything of the instance, not even a task that is about to stop.
    #[must_use]
    pub fn holds_nothing(&self, instance: InstanceId) -> bool {
        let registered = self.registered[instance];
        self.tasks[instance] == 0
            && self.free[instance] == registered
            && self.host_free[instance] == registered
    }

    /// Whether the instance belongs to its cluster, ACTIVE or DRAINING.
    #[inline]
    #[must_use]
    pub fn is_registered(&self, instance: InstanceId) -> bool {
        self.status[instance] != InstanceStatus::Inactive
    }

    /// The attribute called `name`, where any instance has it.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<AttributeId> {
        self.attributes.enumerate().find(|(_, column)| column.name == name).map(|(id, _)| id)
    }

    /// The value of an attribute on an instance.
    #[must_use]
    pub fn attribute_value(&self, attribute: AttributeId, instance: InstanceId) -> Option<&str> {
        let column = &self.attributes[attribute];
        column.of[instance].map(|value| column.values[value as usize].as_str())
    }

    /// Promises resources and ports of `instance` to a task. Panics where they are not free: a bug of placement.
    #[inline]
    pub fn promise(&mut self, instance: InstanceId, demand: Resources, ports: &PortSet) {
        let free = &mut self.free[instance];
        *free = free.checked_sub(demand).expect("a promise fits into what is free");
        self.tasks[instance] += 1;
        if !ports.is_empty() {
            self.ports[instance].take(ports);
        }
    }

    /// Takes a promise back, when its task begins to stop; all but its ENI slot, which is in use until the interface is
    /// gone.
    #[inline]
    pub fn release(&mut self, instance: InstanceId, demand: Resources, ports: &PortSet) {
        self.give_back(instance, demand.without_enis());
        self.tasks[instance] -= 1;
        if !ports.is_empty() {
            self.ports[instance].give_back(ports);
        }
    }

    /// A task's interface is gone: its slot can be promised again.
    pub fn interface_gone(&mut self, instance: InstanceId, slots: Resources) {
        self.give_back(instance, slots);
    }

    fn give_back(&mut self, instance: InstanceId, amount: Resources) {
        let free = self.free[instance].checked_add(amount).expect("capacity is far below 2^32");
        assert!(free.fits_into(self.registered[instance]), "more was released than promised");
        self.free[instance] = free;
    }

    /// Asks memory for what a task's next event on this instance looks at.
    #[inline]
    pub fn look_ahead(&self, instance: InstanceId) {
        self.free.ask_for(instance);
        self.host_free.ask_for(instance);
        self.registered.ask_for(instance);
        self.tasks.ask_for(instance);
        self.running.ask_for(instance);
    }

    /// A task has become RUNNING, or is it no longer.
    #[inline]
    pub fn running_changes(&mut self, instance: InstanceId, is_running: bool) {
        let running = &mut self.running[instance];
        *running = if is_running { *running + 1 } else { *running - 1 };
    }

    /// Whether the host really has room now.
    #[inline]
    #[must_use]
    pub fn host_has_room(&self, instance: InstanceId, demand: Resources, ports: &PortSet) -> bool {
        demand.fits_into(self.host_free[instance])
            && (ports.is_empty() || self.host_ports[instance].is_disjoint(ports))
    }

    /// A task takes its resources on the host. Panics where they are not there.
    #[inline]
    pub fn host_take(&mut self, instance: InstanceId, demand: Resources, ports: &PortSet) {
        let free = &mut self.host_free[instance];
        *free = free.checked_sub(demand).expect("the host has room");
        if !ports.is_empty() {
            self.host_ports[instance].take(ports);
        }
    }

    /// A task's containers have exited: the host has its resources back.
    #[inline]
    pub fn host_give_back(&mut self, instance: InstanceId, demand: Resources, ports: &PortSet) {
        let free = self.host_free[instance].checked_add(demand).expect("capacity is below 2^32");
        assert!(free.fits_into(self.registered[instance]), "more was given back than taken");
        self.host_free[instance] = free;
        if !ports.is_empty() {
            self.host_ports[instance].give_back(ports);
        }
    }

    fn attribute_or_new(&mut self, name: &str, first: InstanceId) -> AttributeId {
        self.attribute(name).unwrap_or_else(|| {
            let of = (0..first.index()).map(|_| None).collect();
            let (values, index) = (Vec::new(), BTreeMap::new());
            self.attributes.push(AttributeColumn { name: name.into(), values, of, index })
        })
    }
}

impl AttributeColumn {
    /// The index of a value, new or known.
    fn index_or_new(&mut self, value: &str) -> u32 {
        if let Some(&known) = self.index.get(value) {
            return known;
        }
        let new = u32::try_from(self.values.len()).expect("fewer than 2^32 attribute values");
        self.values.push(value.into());
        self.index.insert(value.into(), new);
        new
    }
}
