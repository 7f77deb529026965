//! A host goes away under its tasks: whatever they were doing, they are STOPPED at once.

use super::stop::SIGKILL_EXIT_CODE;
use super::{Life, Tasks};
use crate::base::time::SimTime;
use crate::model::ids::{InstanceId, ZoneId};
use crate::model::lifecycle::{StopReason, TaskStatus};
use crate::sim::books::Change;
use crate::sim::event::RunError;
use crate::sim::task::{Place, Slot};

impl Tasks {
    /// Live tasks with a place on this instance, in order of id; those that wait for the host come first, so that none
    /// starts while the others go. A walk over all live tasks.
    #[must_use]
    pub fn on(&self, instance: InstanceId) -> Vec<Slot> {
        let mut found: Vec<(bool, u64, Slot)> = Vec::new();
        for (slot, task) in self.by_slot() {
            if task.instance() == Some(instance) {
                found.push((task.status != TaskStatus::Pending, task.id, slot));
            }
        }
        found.sort_unstable_by_key(|&(waits, id, _)| (waits, id));
        found.into_iter().map(|(.., slot)| slot).collect()
    }

    /// Live tasks on Fargate in a zone, in order of id. A walk over all live tasks.
    #[must_use]
    pub fn on_fargate(&self, zone: ZoneId) -> Vec<Slot> {
        let mut found: Vec<(u64, Slot)> = Vec::new();
        for (slot, task) in self.by_slot() {
            if task.place == Place::Fargate(zone) {
                found.push((task.id, slot));
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, slot)| slot).collect()
    }

    /// Whether the slot held a task that was lost while an event of its was on its way. That event has come now, and the
    /// slot can be used again.
    #[inline]
    pub fn lay_ghost(&mut self, slot: Slot) -> bool {
        if self.ghosts == 0 || self.get(slot).is_some() {
            return false;
        }
        self.ghosts -= 1;
        self.free.push(slot);
        true
    }

    /// Whether an event of a lost task is still on its way.
    #[inline]
    #[must_use]
    pub fn has_ghosts(&self) -> bool {
        self.ghosts > 0
    }

    fn leave_ghost(&mut self, slot: Slot) {
        self.vacate(slot);
        self.ghosts += 1;
    }
}

impl Life<'_> {
    /// The instance of a task has gone. `is_quiet`: no event of the task is on its way.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn lose(
        &mut self,
        slot: Slot,
        reason: StopReason,
        mut is_quiet: bool,
    ) -> Result<(), RunError> {
        is_quiet |= self.tasks.forget_held(slot);
        let status = self.tasks[slot].status;
        is_quiet |= status == TaskStatus::Running && self.call_off_exit(slot);
        if status < TaskStatus::Deactivating {
            self.tasks[slot].stop_reason = reason;
            self.tasks[slot].exit_code = SIGKILL_EXIT_CODE;
            self.books.saw(Change::Lost);
        }
        match (status, self.tasks[slot].instance()) {
            (TaskStatus::Pending, Some(instance)) => {
                self.leave_host_queue(slot, instance);
                self.stop_unstarted(slot);
            }
            (TaskStatus::Provisioning | TaskStatus::Pending | TaskStatus::Activating, _) => {
                self.stop_unstarted(slot);
            }
            (TaskStatus::Running, _) => {
                self.become_deactivating(slot);
                self.end_lost_run(slot);
            }
            (TaskStatus::Deactivating, _) => self.end_lost_run(slot),
            _ => {}
        }
        let now = self.now();
        let host = self.tasks[slot].instance().map(|instance| self.cluster.host(instance));
        let task = &mut self.tasks[slot];
        if task.pull_stopped > host.map_or(now, |host| host.pulled_until(now)) {
            task.pull_stopped = SimTime::NEVER; // it was only planned
        }
        if status < TaskStatus::Deprovisioning {
            self.leave_lost_host(slot);
        }
        self.write_stopped(slot)?;
        if is_quiet {
            self.tasks.remove(slot);
        } else {
            self.tasks.leave_ghost(slot);
        }
        Ok(())
    }

    fn end_lost_run(&mut self, slot: Slot) {
        let now = self.now();
        self.become_status(slot, TaskStatus::Stopping);
        let task = &mut self.tasks[slot];
        if task.stopping == SimTime::NEVER {
            task.stopping = now;
        }
        let (ran, has_overflowed) = (now.since(task.started), task.has_overflowed);
        self.books.saw(Change::StopsRunning { ran, has_overflowed });
        self.promise_ends(slot);
    }

    fn leave_lost_host(&mut self, slot: Slot) {
        let now = self.now();
        self.become_status(slot, TaskStatus::Deprovisioning);
        let task = &mut self.tasks[slot];
        task.execution_stopped = now;
        let task = &self.tasks[slot];
        let is_on_host = task.is_on_host();
        if is_on_host {
            self.books.saw(Change::Vacated { task });
        }
        match task.place {
            Place::Instance(instance) if is_on_host => {
                let ports = self.rules.ports(task.definition);
                self.cluster.vacate(instance, task.demand.without_enis(), ports);
            }
            Place::Instance(_) | Place::Waiting(_) => {}
            Place::Fargate(zone) => {
                let purchase = self.rules.providers[task.provider].purchase;
                self.fargate.give_back(task.demand, purchase, zone);
                if is_on_host {
                    let definition = &self.rules.definitions[task.definition];
                    self.books.saw(Change::FargateStops { task, definition });
                }
            }
        }
    }
}
