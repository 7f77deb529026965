//! What services make of instances that come, drain and go.

use super::{Drive, Look, Plan};
use crate::base::time::SimTime;
use crate::model::fleet::InstanceStatus;
use crate::model::ids::{ClusterId, InstanceId, ServiceId};
use crate::model::lifecycle::{StopReason, TaskStatus};
use crate::sim::event::RunError;
use crate::sim::task::Slot;

impl Look<'_> {
    /// Whether a task of the service is on an instance that drains, or on a platform that is retired.
    pub fn has_draining_task(&self, id: ServiceId) -> bool {
        if self.cluster.draining() == 0 && !self.fargate.has_retired() {
            return false;
        }
        let fleet = self.cluster.fleet();
        let drains = |i: InstanceId| fleet.status[i] == InstanceStatus::Draining;
        self.services.all[id].members.iter().any(|&slot| {
            let task = &self.tasks[slot];
            task.instance().is_some_and(drains) || self.fargate.is_retired(task)
        })
    }
}

impl Plan<'_> {
    /// An instance has registered with a cluster: services that lack a task may find room, DAEMON services and those that
    /// rebalance zones may want one there.
    pub fn instance_registers(&mut self, cluster: ClusterId) {
        let ids: Vec<ServiceId> = self.services.all.ids().collect();
        for id in ids {
            let service = &mut self.services.all[id];
            let is_there = service.setup.cluster == cluster && service.uses_ec2(self.rules);
            let lacks = !service.wishes.is_empty();
            if !is_there || !(lacks || service.is_daemon() || service.setup.rebalances_zones) {
                continue;
            }
            if lacks {
                service.throttle.instance_registered(&self.services.settings);
            }
            service.rebalancing.try_again();
            self.look_soon(id);
        }
    }

    /// An instance drains: its services replace their tasks.
    pub fn instance_drains(&mut self, instance: InstanceId) {
        if self.services.all.is_empty() || self.cluster.fleet().tasks[instance] == 0 {
            return;
        }
        let on = self.tasks.on(instance);
        let mut owners: Vec<ServiceId> = on
            .into_iter()
            .filter(|&slot| self.rules.is_service(self.tasks[slot].source))
            .map(|slot| self.services.member(slot).service)
            .collect();
        owners.sort_unstable();
        owners.dedup();
        owners.into_iter().for_each(|id| self.look_soon(id));
    }

    /// A DRAINING instance has fewer tasks: DAEMON services look whether theirs is the last.
    pub fn instance_empties(&mut self, instance: InstanceId) {
        let ids: Vec<ServiceId> = self.services.all.ids().collect();
        for id in ids {
            let service = &self.services.all[id];
            let is_on = |slot: &Slot| self.tasks[*slot].instance() == Some(instance);
            if service.is_daemon() && service.members.iter().any(is_on) {
                self.look_soon(id);
            }
        }
    }
}

impl Drive<'_> {
    /// An instance goes: whatever is on it is lost. Says how many tasks were to go on.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn lose_instance(
        &mut self,
        instance: InstanceId,
        reason: StopReason,
    ) -> Result<u32, RunError> {
        let lost = self.lose_tasks_on(instance, reason)?;
        self.tasks.let_go(instance);
        if lost > 0 {
            self.tasks.lost_with(instance, lost);
        }
        let now = self.now();
        self.cluster.deregister(now, instance);
        Ok(lost)
    }

    /// Whatever is on an instance is lost, and the instance takes no new tasks. Says how many tasks were to go on.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn lose_tasks_on(
        &mut self,
        instance: InstanceId,
        reason: StopReason,
    ) -> Result<u32, RunError> {
        let now = self.now();
        let fleet = self.cluster.fleet();
        let on = if fleet.holds_nothing(instance) { Vec::new() } else { self.tasks.on(instance) };
        if !on.is_empty() {
            // No room of what is given back here may be taken by a task that has just been lost.
            self.cluster.set_status(instance, InstanceStatus::Draining);
        }
        let mut lost = 0;
        for slot in on {
            lost += u32::from(self.tasks[slot].status < TaskStatus::Deactivating);
            self.lose_task(slot, reason, now)?;
        }
        Ok(lost)
    }

    /// A task ends with what it runs on.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn lose_task(
        &mut self,
        slot: Slot,
        reason: StopReason,
        now: SimTime,
    ) -> Result<(), RunError> {
        let task = &self.tasks[slot];
        let (status, is_member) = (task.status, self.rules.is_service(task.source));
        // On an instance it waits for its host then; on Fargate its host is being prepared.
        let mut is_quiet = status == TaskStatus::Pending && task.instance().is_some();
        if is_member && status < TaskStatus::Deactivating {
            is_quiet |= status == TaskStatus::Running; // its crash is called off
            self.plan().leave(slot)?;
        } else if is_member && status <= TaskStatus::Stopping {
            self.flow().remove_from_load(slot, now)?;
        }
        self.life().lose(slot, reason, is_quiet)
    }
}
