//! CPU that a task burns for its start, before and beside requests: class loading, caches, a first compilation.

use super::Starting;
use crate::base::time::SimTime;
use crate::engine::Class;
use crate::sim::event::{Event, RunError};
use crate::sim::services::{Flow, Plan};
use crate::sim::task::{Place, Slot};

impl Plan<'_> {
    /// A task runs: it burns CPU for so long. Tasks that have run for long at time zero have done so before.
    pub fn begin_start(&mut self, slot: Slot) {
        let member = *self.services.member(slot);
        let service = &self.services.all[member.service];
        let revision = service.revision_of(member.generation);
        let Some(start) = revision.behaviour.startup_cpu.filter(|_| !self.services.starts_settled)
        else {
            return;
        };
        let task = &self.tasks[slot];
        let units = match task.place {
            Place::Instance(instance) if !revision.cpu_is_limited => {
                self.cluster.fleet().registered[instance].cpu
            }
            _ => task.demand.cpu,
        };
        let until = self.queue.now() + start.lasts;
        let millis = start.millis.min(units * 1_000 / 1_024);
        let credits = self.books.spending.side.as_ref().and_then(|side| side.credits.as_ref());
        let host = credits.and_then(|credits| credits.host(task));
        let starting = Starting { task: task.id, millis, until, host };
        self.services.all[member.service].meter.starting.push(starting);
        let ended = Event::StartIsOver(slot);
        let ticket = self.queue.schedule_cancellable(until, Class::Supply, ended);
        self.services.member_mut(slot).start = Some(ticket);
    }

    /// It has started: requests have all of its CPU.
    pub fn start_is_over(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.queue.now();
        self.services.member_mut(slot).start = None;
        self.flow().end_start(slot, now)
    }
}

impl Flow<'_> {
    fn end_start(&mut self, slot: Slot, now: SimTime) -> Result<(), RunError> {
        let member = *self.services.member(slot);
        self.disturb(member.service)?;
        let millis = self.cpu_millis(slot);
        let service = &mut self.services.all[member.service];
        service.meter.integrate(now);
        if let Some(load) = service.load.as_mut().filter(|_| member.in_load) {
            load.advance(now)?;
            load.set_cpu(self.tasks[slot].id, millis);
        }
        Ok(())
    }

    /// CPU that a task may use, thousandths of a vCPU.
    pub fn cpu_millis(&self, slot: Slot) -> u32 {
        let member = self.services.member(slot);
        let task = &self.tasks[slot];
        let service = &self.services.all[member.service];
        let revision = service.revision_of(member.generation);
        let is_limited = revision.cpu_is_limited || matches!(task.place, Place::Fargate(_));
        let own = task.demand.cpu * 1_000 / 1_024;
        if is_limited { own } else { service.meter.burst_millis.max(own) }
    }

    /// What is left of it for requests while a task still starts: what the start leaves, and at least the half (assumed:
    /// the container's threads share evenly).
    pub fn cpu_beside_start(&self, slot: Slot) -> u32 {
        let millis = self.cpu_millis(slot);
        let meter = &self.services.all[self.services.member(slot).service].meter;
        millis - meter.start_of(self.tasks[slot].id).min(millis / 2)
    }

    /// A task that still starts gets requests: its start burns what they leave, and at least the half. What they need is
    /// that of this instant (assumed: traffic does not change much while a task starts).
    pub fn yield_to_requests(&mut self, slot: Slot, now: SimTime) {
        let limit = self.cpu_millis(slot);
        let (id, task) = (self.services.member(slot).service, self.tasks[slot].id);
        let service = &mut self.services.all[id];
        if service.meter.starting.is_empty() {
            return;
        }
        service.meter.integrate(now);
        let needed = service.load.as_mut().map_or(0, |load| load.demand_cpu_millis(task));
        service.meter.cap_start(task, limit.saturating_sub(needed).max(limit / 2));
    }
}
