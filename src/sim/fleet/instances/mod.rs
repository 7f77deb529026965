//! ECS Managed Instances: ECS itself launches instances for the tasks that wait, and ends those that are not needed.
//!
//! | File | Its part |
//! | --- | --- |
//! | `mod.rs` | the state of a provider; what becomes of an instance that registers, ages, ends |
//! | `view.rs` | the provider as the pure policy sees it |
//! | `batch.rs` | a batch of waiting tasks gets room and new instances |
//! | `slots.rs` | slots of capacity reservations |
//! | `repair.rs` | IMPAIRED instances are drained and replaced |
//! | `optimise.rs` | idle and under-used instances go, one drain at a time |
//!
//! The decisions are [`crate::policy::capacity::managed_instances`]. A provider is a group without sizes here: its
//! desired capacity is what it has. A quiet provider costs no event.

mod batch;
mod optimise;
mod repair;
mod slots;
mod view;

use super::{Stage, Supply};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::model::group::EndCause;
use crate::model::ids::{InstanceId, MachineId, ServiceId};
use crate::policy::placement::Ask;
use crate::sim::event::{Event, RunError};
use crate::sim::setup::{GroupSetup, ManagedInstancesSetup};
use crate::sim::task::Slot;
use std::collections::{BTreeMap, VecDeque};

/// A task for which an instance is on its way: its slot may be another's by then, its number is not.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Meant {
    slot: Slot,
    task: u64,
}

/// A provider of Managed Instances in the middle of a run.
pub struct ManagedInstances {
    setup: ManagedInstancesSetup,
    /// Tasks that instances on their way are meant for, in order.
    meant: BTreeMap<MachineId, Vec<Meant>>,
    /// Whether an event will look for idle and under-used instances.
    is_looked_at: bool,
    /// By offer: EC2 had no capacity, and is not asked again before.
    short_until: Vec<SimTime>,
    /// When a batch is arranged because EC2 may have capacity again.
    retry_at: Option<SimTime>,
    /// Offers that do not take an ask, of all asks so far: nothing in it ever changes.
    barred: Vec<(Ask, Vec<usize>)>,
    /// No instance is launched to rebalance zones before: the last one was of no use.
    no_rebalancing_before: SimTime,
    /// IMPAIRED instances that wait for their turn to drain, in the order in which they were found.
    impaired: VecDeque<MachineId>,
    /// Whether some of these are being looked at.
    repairs: bool,
}

impl ManagedInstances {
    /// Whether EC2 had no capacity, and is asked again now or later.
    pub(super) fn tries_again(&self, now: SimTime) -> bool {
        self.retry_at.is_some_and(|at| at >= now)
    }

    /// For how long an instance may drain that is repaired.
    pub(super) fn longest_repair(&self) -> SimSpan {
        self.setup.repair.longest
    }

    pub(super) fn of(setup: &GroupSetup) -> Option<Box<ManagedInstances>> {
        let instances = setup.instances.clone()?;
        Some(Box::new(ManagedInstances {
            setup: instances,
            meant: BTreeMap::new(),
            is_looked_at: false,
            short_until: vec![SimTime::ZERO; setup.offers.len()],
            retry_at: None,
            barred: Vec::new(),
            no_rebalancing_before: SimTime::ZERO,
            impaired: VecDeque::new(),
            repairs: false,
        }))
    }
}

impl Supply<'_> {
    /// A Managed Instance is ACTIVE: daemons first, then the tasks that it was launched for. It will grow old.
    pub(super) fn instance_takes_its_batch(
        &mut self,
        id: MachineId,
        instance: InstanceId,
    ) -> Result<(), RunError> {
        let index = self.groups.machines[id].group;
        let Some(of) = &mut self.groups.all[index].instances else { return Ok(()) };
        let meant = of.meant.remove(&id).unwrap_or_default();
        let at = self.groups.machines[id].launched + of.setup.lifetime;
        let at = at.max(self.now() + SimSpan(1));
        let ticket = self.drive.queue.schedule_cancellable(at, Class::Control, Event::Machine(id));
        self.groups.machines[id].ticket = Some(ticket);
        let daemons = self.daemons_of(index);
        self.awaits_daemons(instance, &daemons);
        for service in daemons {
            self.drive.reconcile_daemons(service)?;
        }
        self.daemons_say()?;
        let provider = self.groups.all[index].setup.provider;
        for task in meant {
            if self.is_waiting(task) && !self.takes_place(task, instance) {
                self.drive.life().call_for_batch(provider); // it needs another one
            }
        }
        self.drive.start_ready()
    }

    /// A task that waits is given a container instance, where placement agrees.
    fn takes_place(&mut self, task: Meant, instance: InstanceId) -> bool {
        let ask = self.drive.rules.ask_of(&self.drive.tasks[task.slot]);
        self.drive.life().place_waiting_on(task.slot, ask, instance)
    }

    /// An instance has reached the age at which a Managed Instance begins to drain, and one of a group is replaced.
    pub(super) fn grows_old(&mut self, id: MachineId) -> Result<(), RunError> {
        if self.groups.all[self.groups.machines[id].group].instances.is_none() {
            self.is_too_old(id);
            return Ok(());
        }
        self.end(id, EndCause::Age)
    }

    /// An instance is gone: what it was meant for goes into the next batch.
    pub(super) fn batch_is_upset(&mut self, id: MachineId) {
        let index = self.groups.machines[id].group;
        let group = &mut self.groups.all[index];
        let provider = group.setup.provider;
        let Some(of) = &mut group.instances else { return };
        if of.meant.remove(&id).is_some() {
            self.drive.life().call_for_batch(provider);
        }
    }

    /// Whether a task still waits in the line.
    fn is_waiting(&self, meant: Meant) -> bool {
        let task = self.drive.tasks.get(meant.slot);
        task.is_some_and(|task| task.id == meant.task && task.waits())
    }

    /// DAEMON services that have a task on each instance of a provider.
    fn daemons_of(&self, index: usize) -> Vec<ServiceId> {
        let provider = self.groups.all[index].setup.provider;
        let services = self.drive.services.all.enumerate();
        let own = services.filter(|(_, service)| {
            service.is_daemon() && self.drive.rules.reaches(service.source, provider)
        });
        own.map(|(id, _)| id).collect()
    }

    /// Whether an instance is ACTIVE and takes tasks, and which container instance it is: none that EC2 takes back.
    fn open(&self, id: MachineId) -> Option<InstanceId> {
        let machine = &self.groups.machines[id];
        let fleet = self.drive.cluster.fleet();
        let is_open = |&instance: &InstanceId| fleet.agent_connected[instance];
        let is_up = machine.stage == Stage::InService && !machine.is_noticed();
        machine.instance.filter(|_| is_up).filter(is_open)
    }
}
