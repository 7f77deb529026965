//! A task's health: when its checks pass, when they fail, and so when the load balancer sends it requests.
//!
//! No check is an event: the instants at which checks change their mind follow from their interval, their threshold
//! and where they stand in their interval, so that a healthy task costs nothing.

use super::super::task::{Place, Slot};
use super::super::world::{Event, RunError, World};
use super::checks::Checks;
use super::members::{BAD, DRAWS, NEVER, PHASE, READY, happens};
use super::{Health, Member, Next};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::{Class, Queue};
use crate::load::Target;
use crate::model::ids::ServiceId;
use crate::model::lifecycle::{StopReason, TaskStatus};
use crate::model::platform::LaunchType;

/// Errors of a task that does not answer: all of them.
const ALL: u32 = 1_000_000;

impl World {
    /// The checks of a deployment's tasks.
    pub(super) fn checks(&self, service: ServiceId, generation: u32) -> Checks {
        let service = &self.services.all[service];
        Checks {
            container: service.revision_of(generation).check,
            balancer: service.setup.balancer,
            healthy_without_checks: self.services.settings.healthy_without_checks,
        }
    }

    /// A task runs: the changes of its health to come are drawn, the first one is scheduled.
    pub(super) fn begin_checks(
        &mut self,
        slot: Slot,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        let Member { service: id, generation, number, .. } = *self.services.member(slot);
        let service = &self.services.all[id];
        let behaviour = &service.revision_of(generation).behaviour;
        let draws = |purpose| service.behaviour.member(number * DRAWS + purpose);
        let never = happens(behaviour.never_healthy_ppm, &mut draws(NEVER));
        let ready = now + behaviour.ready_after.sample_span(&mut draws(READY));
        let checks = self.checks(id, generation);
        let phase = SimSpan(draws(PHASE).below(checks.interval().0.max(1)));
        let member = self.services.member_mut(slot);
        member.phase = phase;
        if self.starts_settled {
            member.grace_until = now; // it has run for long, and passed its checks
            return self.becomes_healthy(slot, queue);
        }
        let never = never && checks.are_there();
        member.never_healthy = never;
        if checks.balancer.is_none() && !never {
            if ready > now {
                let grace = member.grace_until;
                let (_, first) = checks.first(now, Some(ready), phase, grace);
                // A check may give up on it before it answers; then it gets work once it is healthy.
                if !matches!(first, Some((at, Next::Unhealthy)) if at < ready) {
                    self.change_at(slot, ready, Next::Ready, queue);
                    return Ok(());
                }
            } else {
                self.add_to_load(slot, now)?;
            }
        }
        self.await_first_verdict(slot, (!never).then_some(ready), queue);
        Ok(())
    }

    /// Arranges what a new task's checks say first. Where that is UNHEALTHY though it will answer in the end, it is
    /// healthy later, if it is still there.
    fn await_first_verdict(
        &mut self,
        slot: Slot,
        ready: Option<SimTime>,
        queue: &mut Queue<Event>,
    ) {
        let Member { service, generation, phase, grace_until, .. } = *self.services.member(slot);
        let started = self.tasks[slot].started;
        let checks = self.checks(service, generation);
        let (heals, next) = checks.first(started, ready, phase, grace_until);
        self.services.member_mut(slot).heals_at = heals;
        if let Some((at, next)) = next {
            self.change_at(slot, at, next, queue);
        }
    }

    pub(super) fn change_at(
        &mut self,
        slot: Slot,
        at: SimTime,
        next: Next,
        queue: &mut Queue<Event>,
    ) {
        let member = self.services.member_mut(slot);
        if let Some((ticket, _)) = member.change.take() {
            queue.cancel(ticket);
        }
        if at == SimTime::NEVER {
            return;
        }
        let at = at.max(queue.now() + SimSpan(1));
        let ticket = queue.schedule_cancellable(at, Class::Supply, Event::Health(slot));
        member.change = Some((ticket, next));
    }

    /// A change of health is due.
    pub(in super::super) fn health_changes(
        &mut self,
        slot: Slot,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        let change = self.services.member_mut(slot).change.take();
        let (_, next) = change.expect("a change of health was scheduled");
        match next {
            Next::Ready => {
                self.add_to_load(slot, now)?;
                self.await_first_verdict(slot, Some(now), queue);
                Ok(())
            }
            Next::Healthy => self.becomes_healthy(slot, queue),
            Next::GoesBad => self.goes_bad(slot, queue),
            Next::Unhealthy => self.becomes_unhealthy(slot, queue),
        }
    }

    fn becomes_healthy(&mut self, slot: Slot, queue: &mut Queue<Event>) -> Result<(), RunError> {
        let now = queue.now();
        self.disturb(self.services.member(slot).service)?;
        let member = self.services.member_mut(slot);
        let Member { service: id, generation, number, .. } = *member;
        member.health = Health::Healthy;
        member.heals_at = None;
        let service = &mut self.services.all[id];
        service.healthy += 1;
        if let Some(deployment) = service.deployment_mut(generation) {
            deployment.healthy += 1;
            deployment.task_is_healthy();
        }
        self.add_to_load(slot, now)?;
        let service = &self.services.all[id];
        if let Some(distribution) = &service.revision_of(generation).behaviour.time_to_unhealthy {
            let span =
                distribution.sample_span(&mut service.behaviour.member(number * DRAWS + BAD));
            let at = self.tasks[slot].started + span;
            self.change_at(slot, at.max(now), Next::GoesBad, queue);
        }
        self.look_soon(id, queue);
        Ok(())
    }

    /// It stops answering. It still gets requests, and fails them, until its checks have noticed.
    fn goes_bad(&mut self, slot: Slot, queue: &mut Queue<Event>) -> Result<(), RunError> {
        let now = queue.now();
        let Member { service, generation, phase, grace_until, in_load, .. } =
            *self.services.member(slot);
        self.services.member_mut(slot).answers = false;
        if in_load {
            self.remove_from_load(slot, now)?;
            self.put_into_load(slot, now)?;
        }
        let started = self.tasks[slot].started;
        let at = self.checks(service, generation).unhealthy_at(started, now, phase, grace_until);
        self.change_at(slot, at, Next::Unhealthy, queue);
        Ok(())
    }

    /// Its checks have failed often enough: no requests any more, and the scheduler will replace it.
    pub(super) fn becomes_unhealthy(
        &mut self,
        slot: Slot,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        self.disturb(self.services.member(slot).service)?;
        let member = self.services.member_mut(slot);
        let Member { service: id, generation, health: before, heals_at, .. } = *member;
        member.health = Health::Unhealthy;
        if let Some(at) = heals_at {
            self.change_at(slot, at, Next::Healthy, queue);
        }
        if before == Health::Healthy {
            let service = &mut self.services.all[id];
            service.healthy -= 1;
            if let Some(deployment) = service.deployment_mut(generation) {
                deployment.healthy -= 1;
            }
        }
        if self.services.all[id].setup.balancer.is_some() {
            self.remove_from_load(slot, now)?;
            self.fail_open(id, now)?;
        }
        self.look_soon(id, queue);
        Ok(())
    }

    /// Why the scheduler replaces an unhealthy task.
    pub(super) fn unhealthy_reason(&self, slot: Slot) -> StopReason {
        let member = self.services.member(slot);
        let checks = self.checks(member.service, member.generation);
        if checks.balancer.is_some() {
            StopReason::FailedElbHealthChecks
        } else {
            StopReason::FailedContainerHealthChecks
        }
    }

    /// A load balancer without a healthy target sends requests to all of them (documented: fail-open).
    pub(super) fn fail_open(&mut self, id: ServiceId, now: SimTime) -> Result<(), RunError> {
        let service = &self.services.all[id];
        let Some(load) = service.load.as_ref().filter(|_| service.setup.balancer.is_some()) else {
            return Ok(());
        };
        if load.targets() > 0 && !service.meter.is_open {
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

    /// A task that answers gets requests; those that got some only for want of a healthy one do so no longer.
    fn add_to_load(&mut self, slot: Slot, now: SimTime) -> Result<(), RunError> {
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

    fn close_again(&mut self, id: ServiceId, now: SimTime) -> Result<(), RunError> {
        for index in 0..self.services.all[id].members.len() {
            let slot = self.services.all[id].members[index];
            let member = self.services.member(slot);
            if member.in_load && member.health == Health::Unhealthy {
                self.remove_from_load(slot, now)?;
            }
        }
        Ok(())
    }

    fn put_into_load(&mut self, slot: Slot, now: SimTime) -> Result<(), RunError> {
        let member = *self.services.member(slot);
        let task = &self.tasks[slot];
        let service = &self.services.all[member.service];
        let revision = service.revision_of(member.generation);
        let is_limited = revision.cpu_is_limited || matches!(task.place, Place::Fargate(_));
        let own = task.demand.cpu * 1_000 / 1_024;
        let target = Target {
            task: task.id,
            zone: match task.place {
                Place::Instance(instance) => self.fleet.zone[instance],
                Place::Fargate(zone) => zone,
            },
            pool: service.deployment(member.generation).map_or(0, |d| d.pool),
            cpu_millis: if is_limited { own } else { service.meter.burst_millis.max(own) },
            cost_percent: revision.behaviour.cost_percent,
            error_ppm: if member.answers { revision.behaviour.error_ppm } else { ALL },
            since: now,
        };
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
        Ok(())
    }

    /// It gets no new requests; those in flight go on.
    pub(super) fn drain_from_load(&mut self, slot: Slot, now: SimTime) -> Result<(), RunError> {
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
    pub(super) fn remove_from_load(&mut self, slot: Slot, now: SimTime) -> Result<(), RunError> {
        let member = *self.services.member(slot);
        if member.place == u32::MAX {
            self.catch_up(member.service)?; // it got nothing new since it left: those who stay go on as they did
        } else {
            self.disturb(member.service)?;
        }
        let service = &mut self.services.all[member.service];
        if let Some(load) = service.load.as_mut().filter(|_| member.in_load) {
            load.advance(now)?;
            load.remove(self.tasks[slot].id);
            self.services.member_mut(slot).in_load = false;
        }
        Ok(())
    }

    /// Whether a service's tasks may use idle CPU of their hosts.
    pub(super) fn bursts(&self, id: ServiceId) -> bool {
        let service = &self.services.all[id];
        let is_limited = service.setup.revisions.iter().all(|revision| revision.cpu_is_limited);
        !is_limited && self.callers[service.source].launch == LaunchType::Ec2
    }
}
