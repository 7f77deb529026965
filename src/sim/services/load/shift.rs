//! Zonal shifts of load balancers: for a while no new requests go to targets in a zone.

use crate::base::time::SimTime;
use crate::engine::Class;
use crate::model::ids::{ServiceId, ZoneId};
use crate::sim::event::{Event, RunError};
use crate::sim::services::{Flow, Plan, Service, Services};
use crate::sim::task::Slot;

/// Where a service is in its zonal shifts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shifted {
    /// The zone that its load balancer keeps away from.
    pub zone: Option<ZoneId>,
    /// By target group whether it sends requests there all the same: there are no other targets.
    lets_in: [bool; POOLS],
    /// Shifts that are over.
    done: usize,
}

impl Plan<'_> {
    /// The begin or the end of a service's next zonal shift is arranged.
    pub fn schedule_next_shift(&mut self, id: ServiceId) {
        let service = &self.services.all[id];
        if let Some(shift) = service.setup.shifts.get(service.shifted.done) {
            let at = if service.shifted.zone.is_some() { shift.until } else { shift.from };
            let at = at.max(self.queue.now());
            self.queue.schedule(at, Class::Control, Event::TrafficShift(id));
        }
    }

    /// A zonal shift of a service's load balancer begins or ends.
    ///
    /// # Errors
    /// Its traffic cannot be read further.
    pub fn traffic_shifts(&mut self, id: ServiceId) -> Result<(), RunError> {
        let now = self.queue.now();
        let service = &mut self.services.all[id];
        let Some(shift) = service.setup.shifts.get(service.shifted.done) else { return Ok(()) };
        if service.shifted.zone.is_some() {
            let zone = shift.zone;
            service.shifted.zone = None;
            service.shifted.done += 1;
            self.flow().let_in(id, zone, [true; POOLS], now)?;
        } else {
            service.shifted.zone = Some(shift.zone);
            self.flow().keep_away(id, now)?;
        }
        self.schedule_next_shift(id);
        Ok(())
    }
}

/// Target groups of a service at most.
const POOLS: usize = 4;

impl Flow<'_> {
    /// Whether a task gets no requests for the zone that it is in.
    pub fn is_kept_away(&self, slot: Slot) -> bool {
        let shifted = self.services.all[self.services.member(slot).service].shifted;
        let is_there = shifted.zone.is_some_and(|zone| self.is_in(slot, zone));
        is_there && !shifted.lets_in[self.services.pool_of(slot)]
    }

    fn is_in(&self, slot: Slot, zone: ZoneId) -> bool {
        self.tasks[slot].zone(self.cluster.fleet()) == zone
    }

    /// In a zonal shift the targets of the zone get no new requests, as long as there is another target in their target
    /// group (documented of those with one zone only; assumed of others).
    pub fn keep_away(&mut self, id: ServiceId, now: SimTime) -> Result<(), RunError> {
        let Some(zone) = self.services.all[id].shifted.zone else { return Ok(()) };
        let mut has_others = [false; POOLS];
        for &slot in &self.services.all[id].members {
            let is_other = self.services.member(slot).in_load && !self.is_in(slot, zone);
            has_others[self.services.pool_of(slot)] |= is_other;
        }
        let lets_in = has_others.map(|has_others| !has_others);
        self.services.all[id].shifted.lets_in = lets_in;
        self.let_in(id, zone, lets_in, now)
    }

    /// The load balancer sends requests to the targets of a zone, or does not, by target group.
    fn let_in(
        &mut self,
        id: ServiceId,
        zone: ZoneId,
        lets_in: [bool; POOLS],
        now: SimTime,
    ) -> Result<(), RunError> {
        self.disturb(id)?;
        for index in 0..self.services.all[id].members.len() {
            let slot = self.services.all[id].members[index];
            if !self.services.member(slot).in_load || !self.is_in(slot, zone) {
                continue;
            }
            let (task, lets_in) = (self.tasks[slot].id, lets_in[self.services.pool_of(slot)]);
            let Some(load) = &mut self.services.all[id].load else { return Ok(()) };
            load.advance(now)?;
            if lets_in { load.resume(task) } else { load.drain(task) }
        }
        Ok(())
    }
}

impl Services {
    /// The target group of a task.
    fn pool_of(&self, slot: Slot) -> usize {
        let member = self.member(slot);
        let deployment = self.all[member.service].deployment(member.generation);
        deployment.map_or(0, |deployment| usize::from(deployment.pool))
    }

    /// How many targets of a service get no requests in its zonal shift; `zone_of` says where a task is.
    pub fn kept_away(&self, id: ServiceId, zone_of: impl Fn(Slot) -> ZoneId) -> usize {
        let Service { members, shifted, .. } = &self.all[id];
        let Some(zone) = shifted.zone else { return 0 };
        let is_away = |slot: &&Slot| {
            let is_there = self.member(**slot).in_load && zone_of(**slot) == zone;
            is_there && !shifted.lets_in[self.pool_of(**slot)]
        };
        members.iter().filter(is_away).count()
    }
}
