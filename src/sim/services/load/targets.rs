//! Who gets requests: tasks become targets, are drained, are taken away.

use crate::base::time::SimTime;
use crate::load::Target;
use crate::model::ids::ServiceId;
use crate::model::lifecycle::TaskStatus;
use crate::sim::event::RunError;
use crate::sim::services::{Flow, Health, Late};
use crate::sim::task::Slot;

impl Flow<'_> {
    /// A load balancer without a healthy target sends requests to all of them (documented: fail-open).
    pub fn fail_open(&mut self, id: ServiceId, now: SimTime) -> Result<(), RunError> {
        let service = &self.services.all[id];
        let Some(load) = service.load.as_ref().filter(|_| service.setup.balancer.is_some()) else {
            return Ok(());
        };
        if load.targets() > service.late.len() && !service.meter.is_open {
            return Ok(());
        }
        for index in 0..self.services.all[id].members.len() {
            let slot = self.services.all[id].members[index];
            let is_running = self.tasks[slot].status == TaskStatus::Running;
            let member = self.services.member(slot);
            if is_running && member.health == Health::Unhealthy && !member.in_load {
                self.put_into_load(slot, now)?;
            }
        }
        Ok(())
    }

    /// Brings the load of a service to this instant.
    pub fn come_to(&mut self, id: ServiceId, now: SimTime) -> Result<(), RunError> {
        self.catch_up(id)?;
        if let Some(load) = &mut self.services.all[id].load {
            load.advance(now)?;
        }
        Ok(())
    }

    /// A task that answers gets requests; those that got some only for want of a healthy one do so no longer.
    pub fn add_to_load(&mut self, slot: Slot, now: SimTime) -> Result<(), RunError> {
        let member = self.services.member_mut(slot);
        let answered = std::mem::replace(&mut member.answers, true);
        let (id, in_load) = (member.service, member.in_load);
        if self.services.all[id].meter.is_open {
            self.close_again(id, now)?;
        }
        if in_load && !answered {
            self.remove_from_load(slot, now)?; // it was there for want of a better one, and failed
        }
        if !in_load || !answered {
            self.put_into_load(slot, now)?;
        }
        self.services.all[id].meter.is_open = false;
        Ok(())
    }

    pub fn close_again(&mut self, id: ServiceId, now: SimTime) -> Result<(), RunError> {
        for index in 0..self.services.all[id].members.len() {
            let slot = self.services.all[id].members[index];
            let member = self.services.member(slot);
            if member.in_load && member.health == Health::Unhealthy {
                self.remove_from_load(slot, now)?;
            }
        }
        Ok(())
    }

    /// A task as its load sees it.
    fn target_of(&self, slot: Slot, now: SimTime) -> Target {
        let member = *self.services.member(slot);
        let task = &self.tasks[slot];
        let service = &self.services.all[member.service];
        let revision = service.revision_of(member.generation);
        Target {
            task: task.id,
            zone: task.zone(self.cluster.fleet()),
            pool: service.deployment(member.generation).map_or(0, |d| d.pool),
            cpu_millis: self.cpu_beside_start(slot).max(1),
            cost_percent: revision.behaviour.cost_percent,
            error_ppm: self.error_ppm(slot),
            since: now,
        }
    }

    pub fn put_into_load(&mut self, slot: Slot, now: SimTime) -> Result<(), RunError> {
        let member = *self.services.member(slot);
        let target = self.target_of(slot, now);
        let service = &mut self.services.all[member.service];
        if member.health == Health::Unhealthy && service.setup.balancer.is_some() {
            service.meter.is_open = true;
        }
        if service.load.is_none() {
            return Ok(());
        }
        self.disturb(member.service)?;
        let Some(load) = &mut self.services.all[member.service].load else { return Ok(()) };
        load.advance(now)?;
        load.add(target);
        self.services.member_mut(slot).in_load = true;
        self.yield_to_requests(slot, now);
        self.keep_away(member.service, now)
    }

    /// It gets no new requests; those in flight go on.
    pub fn drain_from_load(&mut self, slot: Slot, now: SimTime) -> Result<(), RunError> {
        let member = *self.services.member(slot);
        self.disturb(member.service)?;
        let service = &mut self.services.all[member.service];
        if let Some(load) = service.load.as_mut().filter(|_| member.in_load) {
            load.advance(now)?;
            load.drain(self.tasks[slot].id);
        }
        Ok(())
    }

    /// It works on nothing any more.
    pub fn remove_from_load(&mut self, slot: Slot, now: SimTime) -> Result<(), RunError> {
        let member = *self.services.member(slot);
        if member.place == u32::MAX && self.services.all[member.service].late.is_empty() {
            self.catch_up(member.service)?; // it got nothing new since it left: those who stay go on as they did
        } else {
            self.disturb(member.service)?;
        }
        let service = &mut self.services.all[member.service];
        if let Some(load) = service.load.as_mut().filter(|_| member.in_load) {
            load.advance(now)?;
            self.meter_leaving(slot);
            let service = &mut self.services.all[member.service];
            service.load.iter_mut().for_each(|load| load.remove(self.tasks[slot].id));
            self.services.member_mut(slot).in_load = false;
        }
        self.keep_away(member.service, now)
    }

    /// A target is gone, or is about to go, and its load balancer does not know: it gets its share of the requests on.
    pub fn send_on(
        &mut self,
        slot: Slot,
        is_dead: bool,
        until: SimTime,
        now: SimTime,
    ) -> Result<(), RunError> {
        let id = self.services.member(slot).service;
        let task = self.tasks[slot].id;
        if self.is_kept_away(slot) {
            return Ok(()); // it gets nothing as it is
        }
        let target = Target { cpu_millis: 0, since: SimTime::ZERO, ..self.target_of(slot, now) };
        self.disturb(id)?;
        let service = &mut self.services.all[id];
        let Some(load) = &mut service.load else { return Ok(()) };
        load.advance(now)?;
        if is_dead {
            load.add(target);
        }
        service.late.push(Late { at: until, task, is_dead });
        Ok(())
    }

    /// A load balancer learns of targets that are gone.
    pub fn stop_sending(&mut self, id: ServiceId, now: SimTime) -> Result<(), RunError> {
        self.disturb(id)?;
        let service = &mut self.services.all[id];
        let Some(load) = &mut service.load else { return Ok(()) };
        load.advance(now)?;
        for late in service.late.iter().filter(|late| late.at <= now) {
            match late.is_dead {
                true => load.remove(late.task),
                false => load.drain(late.task),
            }
        }
        service.late.retain(|late| late.at > now);
        self.fail_open(id, now)
    }
}
